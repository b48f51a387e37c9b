"""A shape from a model's config.json, from the name of a known model, or from sizes.

Not for: models on a hub; nothing is fetched. `known.json` holds the configurations of well-known models, sizes alone.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from reasonkit.errors import InputError
from reasonkit.train.plan.families import FAMILIES
from reasonkit.train.plan.shapes import Shape

_NAMES: dict[str, dict[str, str]] = {
    "hidden": {"gpt2": "n_embd", "bloom": "hidden_size", "t5": "d_model", "bart": "d_model"},
    "layers": {"gpt2": "n_layer", "bloom": "n_layer", "t5": "num_layers", "bart": "encoder_layers"},
    "heads": {"gpt2": "n_head", "bloom": "n_head", "t5": "num_heads", "bart": "encoder_attention_heads"},
    "feed_forward": {"gpt2": "n_inner", "t5": "d_ff", "bart": "encoder_ffn_dim"},
    "positions": {"gpt2": "n_positions"},
    "decoder_layers": {"t5": "num_decoder_layers"},
}
"""What a family calls a size, where it is not the usual name."""
_USUAL = {
    "hidden": "hidden_size",
    "layers": "num_hidden_layers",
    "heads": "num_attention_heads",
    "feed_forward": "intermediate_size",
    "positions": "max_position_embeddings",
    "decoder_layers": "decoder_layers",
}
_TIED = frozenset({"gpt2", "bloom", "bert", "roberta", "t5", "bart"})
"""Families whose embeddings are tied if the file does not say."""


def shape_of(model: str) -> Shape:
    """Return the shape of a model: the name of a known one, a config.json, or the folder that it is in.

    Raises:
        InputError: there is no such name or file, or the file is not of a family that is known here.
    """
    path = Path(model)
    if path.is_dir():
        path /= "config.json"
    if path.suffix == ".json" or path.is_file():
        return shape_of_config(_read(path), name=str(model))
    configs = known_configs()
    found = configs.get(model.lower().rpartition("/")[2])
    if found is None:
        raise InputError(f"no model {model!r}: {_near(model, list(configs))}, or give a config.json or --parameters")
    return shape_of_config(found, name=model)


@cache
def known_configs() -> Mapping[str, Mapping[str, object]]:
    """Return the configurations of the models that are known by name."""
    read: Mapping[str, Mapping[str, object]] = json.loads(
        files("reasonkit.train.plan").joinpath("known.json").read_text(encoding="utf-8")
    )
    return read


def shape_of_config(config: Mapping[str, object], *, name: str) -> Shape:
    """Return the shape that a configuration of transformers describes.

    Raises:
        InputError: its `model_type` is not known here, or a size is missing or no positive whole number.
    """
    family = str(config.get("model_type", ""))
    if family not in FAMILIES:
        raise InputError(
            f"{name}: its model_type is {family!r}; known are {', '.join(sorted(FAMILIES))}. "
            "For another model give its sizes: --parameters"
        )

    def size(part: str, *, default: int | None = None) -> int:
        key = _NAMES.get(part, {}).get(family, _USUAL.get(part, part))
        found = config.get(key, config.get(_USUAL.get(part, part)))
        if found is None and default is not None:
            return default
        if not isinstance(found, int) or isinstance(found, bool) or found < 1:
            raise InputError(f"{name}: {key} is {found!r}; it must be a whole number of 1 or more")
        return found

    hidden, heads = size("hidden"), size("heads")
    head_size = size("d_kv", default=64) if family == "t5" else size("head_dim", default=max(1, hidden // heads))
    layers = size("layers")
    activation = str(config.get("feed_forward_proj", ""))
    return Shape(
        name=name,
        family=family,
        vocabulary=size("vocab_size"),
        hidden=hidden,
        layers=layers,
        heads=heads,
        key_heads=size("num_key_value_heads", default=heads) if family in _GROUPED else heads,
        head_size=head_size,
        feed_forward=size("feed_forward", default=4 * hidden if family in ("gpt2", "bloom") else None),
        positions=size("positions") if family in ("gpt2", "bert", "roberta", "bart") else 0,
        token_types=size("type_vocab_size", default=2) if family in ("bert", "roberta") else 0,
        decoder_layers=size("decoder_layers", default=layers) if family in ("t5", "bart") else 0,
        gated=family in _GROUPED or activation.startswith("gated"),
        tied=bool(config.get("tie_word_embeddings", family in _TIED)),
        buckets=size("relative_attention_num_buckets", default=32) if family == "t5" else 0,
    )


_GROUPED = frozenset({"llama", "mistral", "qwen2", "qwen3"})


def _read(path: Path) -> Mapping[str, object]:
    try:
        read = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path}: {error.strerror or error}; give a config.json or the folder that it is in") from None
    except ValueError as error:
        raise InputError(f"{path}: not JSON: {error}") from None
    if not isinstance(read, dict):
        raise InputError(f"{path}: holds no configuration; give a config.json as transformers writes it")
    text = read.get("text_config")
    return text if isinstance(text, dict) and "hidden_size" not in read else read


def _near(name: str, known: list[str]) -> str:
    from difflib import get_close_matches

    near = get_close_matches(name.lower(), known, n=1)
    return f"did you mean {near[0]!r}?" if near else f"known are {', '.join(known)}"
