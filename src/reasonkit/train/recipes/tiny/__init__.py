"""The recipe of the bundled model: invented data, tokenizer, training, export and measurement.

For: making ``reasonkit-tiny`` again (``python -m reasonkit.train.recipes.tiny train|export|evaluate``).
Not for: training on traces or on other people's data.
"""
