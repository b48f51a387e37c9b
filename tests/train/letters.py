"""A tokenizer of single letters, which behaves as a fast one of transformers does where training asks it something."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

SPECIAL = ("<pad>", "<bos>", "<eos>", "<mask>")
SENTINELS = tuple(f"<extra_id_{number}>" for number in range(40))
_NAMES = (*SPECIAL, *SENTINELS)
_FIRST = 100


@dataclass(frozen=True)
class Encoded:
    input_ids: list[int]


class Letters:
    """Each letter below U+0100 is a token.

    Args:
        begins: whether a text gets `<bos>` before it.
        ends: whether it gets `<eos>` after it.
    """

    pad_token_id, bos_token_id, eos_token_id, mask_token_id = range(4)
    all_special_ids: ClassVar[list[int]] = [0, 1, 2, 3]
    chat_template: str | None = None

    def __init__(self, *, begins: bool = True, ends: bool = False) -> None:
        self.begins, self.ends = begins, ends

    def __call__(self, text: str, add_special_tokens: bool = True) -> Encoded:
        ids = [_FIRST + ord(letter) for letter in text]
        if add_special_tokens:
            ids = [self.bos_token_id] * self.begins + ids + [self.eos_token_id] * self.ends
        return Encoded(ids)

    def __len__(self) -> int:
        return _FIRST + 256

    def get_vocab(self) -> dict[str, int]:
        return {self.name(number): number for number in range(len(self))}

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        return [self.name(number) for number in ids]

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(self.name(number) for number in ids)

    def name(self, number: int) -> str:
        if number >= _FIRST:
            return chr(number - _FIRST)
        return _NAMES[number] if number < len(_NAMES) else f"<unused_{number}>"


def ids_of(text: str) -> tuple[int, ...]:
    return tuple(_FIRST + ord(letter) for letter in text)
