"""What a model's folder says of itself: the file `reasonkit.json` beside the weights.

A model that was trained on one prompt should be asked with that prompt; the card carries its name, and the endpoint
and context that go with it. Not here: anything about the weights, which the clients read from the weights themselves.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from reasonkit.errors import InputError

CARD_FILE = "reasonkit.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelCard:
    """What `reasonkit.json` holds; every key may be absent."""

    prompt: str | None = None
    """The prompt that the model was trained on, for example `short`."""
    endpoint: Literal["chat", "completions"] | None = None
    """How the model wants to be asked."""
    max_context: int | None = None
    """Tokens of prompt and completion together."""
    name: str | None = None
    """What the model is called in traces."""


def read_card(folder: Path | str) -> ModelCard:
    """Read the card of a model's folder; a folder without one gives an empty card.

    Args:
        folder: the folder of the weights, or a file in it (a GGUF file's card lies beside it).

    Raises:
        InputError: the file is not JSON, or holds a key or value that no card has.
    """
    path = Path(folder)
    path = (path if path.is_dir() else path.parent) / CARD_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ModelCard()
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not UTF-8 text: {error}") from error
    try:
        card = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(card, dict):
        raise InputError(
            f"{path} must hold an object with the keys prompt, endpoint, max_context, name; it holds {card!r}"
        )
    unknown = sorted(set(card) - {"prompt", "endpoint", "max_context", "name"})
    if unknown:
        raise InputError(
            f"{path} has the unknown keys {unknown}; a card may hold prompt, endpoint, max_context and name"
        )
    return ModelCard(
        prompt=_text(card, "prompt", path),
        endpoint=_endpoint(card, path),
        max_context=_tokens(card, path),
        name=_text(card, "name", path),
    )


def _text(card: dict[str, object], key: str, path: Path) -> str | None:
    value = card.get(key)
    if value is None or (isinstance(value, str) and value):
        return value
    raise InputError(f"{path}: {key} must be a text that is not empty, it is {value!r}")


def _endpoint(card: dict[str, object], path: Path) -> Literal["chat", "completions"] | None:
    match card.get("endpoint"):
        case None | "chat" | "completions" as value:
            return value
        case other:
            raise InputError(f'{path}: endpoint must be "chat" or "completions", it is {other!r}')


def _tokens(card: dict[str, object], path: Path) -> int | None:
    value = card.get("max_context")
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    raise InputError(f"{path}: max_context must be a whole number of tokens above 0, it is {value!r}")
