"""What an adapter says it was trained on, and what a model is: hashes that are compared before one meets the other.

The manifest lies beside an adapter's weights. A base's hash is of its tensors (names, types, shapes, values), so that
a model that was only cut into other files is still the same; a tokenizer's is of what turns text into ids. Needs no
torch. Not here: loading an adapter, or folders of several (`reasonkit.train.adapters`).

Source of the file's form: https://github.com/huggingface/safetensors (eight bytes of length, a JSON header, the data)
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from reasonkit.errors import InputError, ModelNotFound
from reasonkit.types import AdapterManifest

MANIFEST_FILE = "reasonkit-adapter.json"
"""Beside an adapter's weights: what it was trained on (see `AdapterManifest`)."""
_CHUNK = 1 << 22
_SLOW = ("vocab.json", "merges.txt", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model")
"""What a tokenizer is made of where there is no tokenizer.json."""
TOKENIZER_FILES = (
    "tokenizer.json", *_SLOW, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json",
    "chat_template.jinja",
)  # fmt: skip
"""All that a tokenizer may be read from."""
_STATE = ("truncation", "padding")
"""Keys of a tokenizer.json that a run leaves behind; they change no id of a text."""

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _File(BaseModel):
    """The manifest as it is written."""

    model_config = ConfigDict(extra="forbid", strict=True)

    name: str
    base: str
    base_sha256: Sha256
    tokenizer_sha256: Sha256
    prompt_sha256: Sha256 | None = None
    rank: Annotated[int, Field(ge=1)]
    alpha: Annotated[float, Field(gt=0)]
    targets: list[str]
    metrics: dict[str, float] = {}


def read_manifest(folder: Path) -> AdapterManifest | None:
    """Return the manifest of an adapter's folder; None if it has none.

    Raises:
        InputError: the file is not a manifest; the message names the key.
    """
    path = folder / MANIFEST_FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    try:
        found = _File.model_validate_json(text)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(map(str, one['loc'])) or 'the file'}: {one['msg']}" for one in error.errors())
        raise InputError(f"{path}: not an adapter's manifest: {faults}") from None
    fields = found.model_dump()
    return AdapterManifest(
        **{**fields, "targets": tuple(found.targets), "metrics": tuple(sorted(found.metrics.items()))}
    )


def write_manifest(folder: Path, manifest: AdapterManifest) -> None:
    """Write a manifest into an adapter's folder, whole or not at all."""
    fields = {**asdict(manifest), "metrics": dict(manifest.metrics)}
    partial = folder / f"{MANIFEST_FILE}.partial"
    partial.write_text(json.dumps(fields, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    partial.replace(folder / MANIFEST_FILE)


@dataclass(frozen=True)
class Base:
    """A model and a tokenizer as adapters know them.

    Args:
        weights: the model's folder; None for a model that is only in memory, which cannot be told from another.
        tokenizer: the tokenizer's folder; None for one that is only in memory.
    """

    weights: Path | None
    tokenizer: Path | None

    @cached_property
    def weights_sha256(self) -> str | None:
        """Of the model's tensors."""
        return None if self.weights is None else weights_sha256(self.weights)

    @cached_property
    def tokenizer_sha256(self) -> str | None:
        """Of what turns text into ids."""
        return None if self.tokenizer is None else tokenizer_sha256(self.tokenizer)

    def check(self, name: str, manifest: AdapterManifest) -> None:
        """Refuse an adapter that was trained on another model or tokenizer.

        Args:
            name: how the adapter is called here.
            manifest: what it says of itself.

        Raises:
            InputError: the message holds both hashes.
        """
        if self.weights_sha256 not in (None, manifest.base_sha256):
            raise InputError(
                f"the adapter {name!r} was trained on {manifest.base!r} with the weights' sha256 "
                f"{_short(manifest.base_sha256)}, the model in {str(self.weights)!r} has {_short(self.weights_sha256)}: "
                "load the model that it was trained on, or train the adapter again on this one"
            )
        if self.tokenizer_sha256 not in (None, manifest.tokenizer_sha256):
            raise InputError(
                f"the adapter {name!r} was trained with a tokenizer of sha256 {_short(manifest.tokenizer_sha256)}, the "
                f"one in {str(self.tokenizer)!r} has {_short(self.tokenizer_sha256)}: use the tokenizer that it was "
                "trained with, or train the adapter again with this one"
            )


def check_prompt(name: str, manifest: AdapterManifest, prompt_sha256: str | None) -> None:
    """Refuse a request whose prompt is another than the one that an adapter was trained with.

    Args:
        name: how the adapter is called here.
        manifest: what it says of itself.
        prompt_sha256: of the request's prompt; None where the text was written by hand.

    Raises:
        InputError: the message holds both hashes.
    """
    if manifest.prompt_sha256 is not None and prompt_sha256 not in (None, manifest.prompt_sha256):
        raise InputError(
            f"the adapter {name!r} was trained with the prompt of sha256 {_short(manifest.prompt_sha256)}, it is asked "
            f"with {_short(prompt_sha256)}: use the prompt that it was trained with, or train it again with this one"
        )


def weights_sha256(folder: Path) -> str:
    """Return the hash of a model's tensors; the cut into files does not matter.

    Args:
        folder: of the model, with `*.safetensors` (else `*.bin`, of which the files are hashed as they are).

    Raises:
        ModelNotFound: there are no weights.
        InputError: a file of weights is broken.
    """
    files = sorted(folder.glob("*.safetensors"))
    lines = sorted(line for file in files for line in _tensors(file))
    if not files:
        lines = [f"{file.name} {_digest(file, 0, file.stat().st_size)}" for file in sorted(folder.glob("*.bin"))]
    if not lines:
        raise ModelNotFound(f"{str(folder)!r} holds no weights: no *.safetensors and no *.bin")
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def tokenizer_sha256(folder: Path) -> str:
    """Return the hash of what turns text into ids: the vocabulary and its rules, and a chat template if there is one.

    Raises:
        ModelNotFound: there is no tokenizer.
        InputError: its file is not JSON.
    """
    digest = hashlib.sha256()
    main = folder / "tokenizer.json"
    if main.is_file():
        rules = _json(main)
        kept = {key: value for key, value in rules.items() if key not in _STATE}
        digest.update(json.dumps(kept, sort_keys=True).encode())
    else:
        parts = [folder / name for name in _SLOW if (folder / name).is_file()]
        if not parts:
            raise ModelNotFound(f"{str(folder)!r} holds no tokenizer: no tokenizer.json and no vocabulary")
        for part in parts:
            digest.update(part.name.encode() + b"\0" + part.read_bytes())
    template = folder / "chat_template.jinja"
    if template.is_file():
        digest.update(b"\0chat\0" + template.read_bytes())
    elif (folder / "tokenizer_config.json").is_file():
        chat = _json(folder / "tokenizer_config.json").get("chat_template")
        if chat is not None:
            text = chat if isinstance(chat, str) else json.dumps(chat, sort_keys=True)
            digest.update(b"\0chat\0" + text.encode())
    return digest.hexdigest()


def tensor_shapes(file: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file by their names; reads the header alone."""
    return {name: tuple(fields["shape"]) for name, fields in _header(file)[0].items()}


def _header(file: Path) -> tuple[dict[str, dict[str, list[int]]], int]:
    """Return the entries of a safetensors header, and where the data begin."""
    try:
        with file.open("rb") as stream:
            (length,) = struct.unpack("<Q", stream.read(8))
            if length > file.stat().st_size:
                raise ValueError(f"a header of {length} bytes")
            header = json.loads(stream.read(length))
        header.pop("__metadata__", None)
        if any(len(one["data_offsets"]) != 2 for one in header.values()):
            raise ValueError("offsets that are no pair")
        return header, 8 + length
    except (OSError, ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise InputError(f"{file}: not a safetensors file: {error}") from None


def _tensors(file: Path) -> Iterator[str]:
    header, start = _header(file)
    for name, entry in header.items():
        first, end = entry["data_offsets"]
        shape = "x".join(map(str, entry["shape"]))
        yield f"{name} {entry['dtype']} {shape} {_digest(file, start + first, end - first)}"


def _digest(file: Path, start: int, size: int) -> str:
    digest, left = hashlib.sha256(), size
    with file.open("rb") as stream:
        stream.seek(start)
        while left:
            piece = stream.read(min(left, _CHUNK))
            if not piece:
                raise InputError(f"{file}: the file ends {left} bytes too early; copy it again")
            digest.update(piece)
            left -= len(piece)
    return digest.hexdigest()


def _json(file: Path) -> dict[str, object]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{file}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise InputError(f"{file}: holds no JSON object")
    return found


def _short(sha256: str | None) -> str:
    return f"{(sha256 or '')[:12]}..."
