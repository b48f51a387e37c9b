"""The first part of a GGUF file: what the model is, read without llama.cpp.

It answers what must be known before a model is loaded (context, memory, chat template) and turns a file that is no
model into an error that says so. Not here: tensors and vocabularies, which are skipped.

Source: the GGUF specification, https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path

from reasonkit.errors import InputError, ModelNotFound

_MAGIC = b"GGUF"
_STRING, _ARRAY = 8, 9
_SCALARS = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_MAX_KEYS = 1 << 16

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Header:
    """What a GGUF file says of its model."""

    architecture: str
    name: str | None
    context_length: int
    """Tokens that the model was trained for."""
    kv_values_per_token: int
    """Numbers that the key-value cache keeps for each token; 0 where the file does not tell."""
    has_chat_template: bool
    file_bytes: int


def find_gguf(path: Path | str) -> Path:
    """Return the GGUF file that is meant: the file itself, or the only one (or first part) in a folder.

    Raises:
        ModelNotFound: there is no such file, or a folder holds none or several.
    """
    path = Path(path).expanduser()
    if path.is_file():
        return path
    if not path.is_dir():
        raise ModelNotFound(f"there is no GGUF file at {str(path)!r}; give the path of a .gguf file")
    found = sorted(one for one in path.glob("*.gguf") if "-of-" not in one.stem or "-00001-of-" in one.stem)
    if len(found) != 1:
        names = ", ".join(one.name for one in found) or "none"
        raise ModelNotFound(
            f"the folder {str(path)!r} must hold one GGUF file, it holds: {names}; give the file's path"
        )
    return found[0]


def read_header(path: Path) -> Header:
    """Read the header of a GGUF file.

    Raises:
        InputError: the file is no GGUF file, is cut off, or does not say what its architecture is.
    """
    file_bytes = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(24)
        if start[:4] != _MAGIC:
            raise InputError(f"{str(path)!r} is not a GGUF file: it begins with {start[:4]!r} and not with {_MAGIC!r}")
        try:
            values = _read_values(file.fileno(), start)
        except (struct.error, IndexError, UnicodeDecodeError, OverflowError) as error:
            raise InputError(
                f"the GGUF file {str(path)!r} is broken or cut off: its header ends in the middle"
            ) from error
        except ValueError as error:
            raise InputError(f"the GGUF file {str(path)!r} cannot be read: {error}") from error
    architecture = values.get("general.architecture")
    if not isinstance(architecture, str):
        raise InputError(f"the GGUF file {str(path)!r} does not name its model's architecture")

    def number(key: str, default: int) -> int:
        value = values.get(f"{architecture}.{key}", default)
        return int(value) if isinstance(value, (int, float)) else default

    heads = number("attention.head_count", 1)
    width = number("embedding_length", 0) // max(heads, 1)
    per_head = number("attention.key_length", width) + number("attention.value_length", width)
    name = values.get("general.name")
    return Header(
        architecture=architecture,
        name=name if isinstance(name, str) else None,
        context_length=number("context_length", 0),
        kv_values_per_token=number("block_count", 0) * number("attention.head_count_kv", heads) * per_head,
        has_chat_template="tokenizer.chat_template" in values,
        file_bytes=file_bytes,
    )


def _read_values(file: int, start: bytes) -> dict[str, Scalar]:
    """Read all keys with a single value; of an array keep the largest number, skip texts."""
    version, _, count = struct.unpack_from("<IQQ", start, 4)
    if version not in (2, 3):
        raise ValueError(f"version {version} of the format is not known (2 and 3 are)")
    if count > _MAX_KEYS:
        raise ValueError(f"it claims {count} keys")
    values: dict[str, Scalar] = {}
    with mmap.mmap(file, 0, access=mmap.ACCESS_READ) as data:
        at = 24
        for _ in range(count):
            key, at = _text(data, at)
            (kind,) = struct.unpack_from("<I", data, at)
            value, at = _value(data, at + 4, kind)
            if value is not None:
                values[key] = value
    return values


def _value(data: mmap.mmap, at: int, kind: int) -> tuple[Scalar | None, int]:
    if kind == _STRING:
        return _text(data, at)
    if kind == _ARRAY:
        return _array(data, at)
    if kind not in _SCALARS:
        raise ValueError(f"a value has the unknown type {kind}")
    (value,) = struct.unpack_from("<" + _SCALARS[kind], data, at)
    return value, at + struct.calcsize("<" + _SCALARS[kind])


def _array(data: mmap.mmap, at: int) -> tuple[Scalar | None, int]:
    """Skip an array; some models keep one number for each layer, of which the largest is returned."""
    kind, count = struct.unpack_from("<IQ", data, at)
    at += 12
    if kind == _STRING:
        unpack = struct.Struct("<Q").unpack_from
        for _ in range(count):
            at += 8 + unpack(data, at)[0]
        return None, at
    if kind not in _SCALARS:
        raise ValueError(f"an array has the unknown type {kind}")
    end = at + count * struct.calcsize("<" + _SCALARS[kind])
    if end > len(data):
        raise IndexError(end)
    largest = max(struct.unpack_from(f"<{count}{_SCALARS[kind]}", data, at), default=None) if count < 1024 else None
    return largest, end


def _text(data: mmap.mmap, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<Q", data, at)
    end = at + 8 + length
    if end > len(data):
        raise IndexError(end)
    return data[at + 8 : end].decode("utf-8"), end
