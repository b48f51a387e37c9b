"""Short dialogues with their summaries, made here, to fine-tune an encoder-decoder on one task.

For: seeing what 100, 500 and 1,000 examples of one instruction do (`dialogues.jsonl`, the prompt `summary/default` and
`config.toml`): 1,200 rows to train on and then 200 that are held out, decided by a hash (crc32) of a row's scene and the
word that it is about (`make.py`). Two to four people talk in four to ten turns. The form is that of SAMSum (Gliwa et al.
2019, arXiv:1911.12237); not a word of it is used. Not for: judging what a model knows of language; the dialogues are
made of few scenes and words.
"""
