"""The tokenizer of a run: the model's own, one that is named, or one learned on the spot from the run's own rows.

A learned one is byte-level BPE (Sennrich et al. 2016, arXiv:1508.07909, over bytes as in GPT-2): any text can be
written with it and comes back as it was. Its special tokens are those that the objective needs. Not here: the questions
that training asks of a tokenizer (`vocabulary.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from reasonkit.errors import InputError, MissingExtra
from reasonkit.evaluation.files import rows_of
from reasonkit.prompts import Prompt
from reasonkit.train.config import Objective, TaskConfig, TrainConfig
from reasonkit.train.data.generators import Generator, named
from reasonkit.train.data.rows import Marked, Row, Text
from reasonkit.train.data.sources import located, rows_with
from reasonkit.train.examples import Example
from reasonkit.train.objectives import hidden_and_spans, longest

_MADE = 4000
"""Rows of an endless generator that a tokenizer is learned from."""
_ROLES = {
    "pad_token": ("<pad>", "[PAD]"),
    "bos_token": ("<bos>", "<s>", "[CLS]", "<|begin_of_text|>"),
    "eos_token": ("<eos>", "</s>", "[SEP]", "<|endoftext|>", "<|end_of_text|>"),
    "mask_token": ("<mask>", "[MASK]"),
    "unk_token": ("<unk>", "[UNK]"),
}
"""What special tokens are called in a tokenizer that comes without its settings."""


def load_tokenizer(config: TrainConfig) -> Any:
    """Return the run's tokenizer, of transformers' fast kind.

    Raises:
        InputError: it cannot be read or learned.
        MissingExtra: transformers is not installed.
    """
    given = config.model.tokenizer
    if given is None and config.model.path is None:
        return learned(texts_of(config), config.objective, config.model.vocabulary, config.batch.max_length)
    if given is not None and ":" in str(given) and not given.exists():
        return _dressed(named(str(given))(config.model.vocabulary))
    path = given or config.model.path
    assert path is not None
    if path.is_file():
        try:
            return _dressed(_tokenizers().Tokenizer.from_file(str(path)))
        except Exception as error:  # noqa: BLE001 - the library raises the bare class for a broken file
            raise InputError(f"{path}: holds no tokenizer: {error}") from None
    if not path.is_dir():
        raise InputError(f"{path}: there is no tokenizer; give a folder, a tokenizer.json, or module:function")
    _tokenizers()
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: holds no tokenizer that transformers can read: {error}") from None


def learned(texts: Iterable[str], objective: Objective, size: int, max_length: int) -> Any:
    """Learn a tokenizer.

    Args:
        texts: what it is learned from.
        objective: says which special tokens it has, and which stand round a text.
        size: tokens, special ones counted in; fewer where the texts do not give as many.
        max_length: tokens of a sequence; span corruption needs a sentinel for each span in it.

    Raises:
        InputError: the size does not hold the 256 bytes and the special tokens.
    """
    library = _tokenizers()
    special = ["<pad>", "<bos>", "<eos>"]
    if objective in ("masked", "denoising"):
        special.append("<mask>")
    if objective == "span_corruption":
        special += [f"<extra_id_{number}>" for number in range(hidden_and_spans(longest(max_length))[1] + 1)]
    if size < 256 + len(special):
        raise InputError(
            f"model.vocabulary is {size}, but 256 bytes and {len(special)} special tokens need {256 + len(special)}"
        )
    tokenizer = library.Tokenizer(library.models.BPE())
    tokenizer.pre_tokenizer = library.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = library.decoders.ByteLevel()
    trainer = library.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=library.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    round_it = {"causal": "<bos> $A", "masked": "<bos> $A <eos>"}.get(objective, "$A <eos>")
    ids = [(token, tokenizer.token_to_id(token)) for token in special]
    tokenizer.post_processor = library.processors.TemplateProcessing(single=round_it, special_tokens=ids)
    return _dressed(tokenizer)


def texts_of(config: TrainConfig) -> Iterator[str]:
    """Yield the texts that a run trains on, its prompts included and what is held out left out."""
    for task in config.data:
        if task.split == "held_out":
            continue
        for row in _rows(task, config):
            if isinstance(row, Text):
                yield row.text
            elif isinstance(row, Marked):
                yield "".join(text for text, _ in row.parts)
            else:
                where = task.title if isinstance(row, Example) else row.where
                form = "token ids" if isinstance(row, Example) else "a chat"
                raise InputError(f"{where}: no tokenizer is learned from {form}: name one with model.tokenizer")


def _rows(task: TaskConfig, config: TrainConfig) -> Iterable[Row | Example]:
    if task.generator is not None:
        generator = Generator(task.generator, config.seed)
        return (generator.row(index) for index in range(task.rows or _MADE))
    assert task.file is not None
    found = list(rows_of(located(task.file)))
    if task.split == "both":
        found = found[: max(len(found) - config.evaluation.rows, 0)]
    return rows_with(list(islice(found, task.rows)), task, Prompt.load(task.prompt) if task.prompt else None)


def _dressed(tokenizer: Any) -> Any:
    """Return a bare tokenizer as transformers knows it, with its special tokens by their usual names."""
    from transformers import PreTrainedTokenizerFast

    names = tokenizer.get_vocab()
    roles = {role: next((one for one in usual if one in names), None) for role, usual in _ROLES.items()}
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        clean_up_tokenization_spaces=False,
        **{role: token for role, token in roles.items() if token is not None},
    )


def _tokenizers() -> Any:
    try:
        import tokenizers
        import tokenizers.decoders
        import tokenizers.models
        import tokenizers.pre_tokenizers
        import tokenizers.processors
        import tokenizers.trainers
        import transformers  # noqa: F401  (what comes out is of its kind)
    except ImportError:
        raise MissingExtra("training a model", "train") from None
    return tokenizers
