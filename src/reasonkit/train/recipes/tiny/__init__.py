"""The recipe of the bundled model: invented data, tokenizer, training, export and measurement.

For: making ``reasonkit-tiny`` again (``make model``): `reasonkit train` with ``config.toml`` (or ``further.toml``, from
the weights that ship), then ``python -m reasonkit.train.recipes.tiny export|evaluate``.
Not for: training on traces or on other people's data.
"""
