"""Between text and token ids, for one tokenizer that several threads use.

A text is always tokenised whole: ids depend on the text alone and never on how it came about, or a cache would change
answers. Not here: what is done with the ids.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from reasonkit.errors import NoChatTemplate
from reasonkit.types import Message

_CONTEXT = 6
"""Tokens before a piece that are decoded with it: tokenizers drop or keep a space by what stands before."""


class Texts:
    """A tokenizer behind a lock, because its library's is not safe to share."""

    def __init__(self, tokenizer: Any, *, ends: frozenset[int], name: str, thinking: bool) -> None:
        self._tokenizer = tokenizer
        self._lock = threading.Lock()
        self._ends = ends
        self._name = name
        self._thinking = thinking

    @property
    def has_chat_template(self) -> bool:
        return getattr(self._tokenizer, "chat_template", None) is not None

    def prompt_ids(self, prompt: str | tuple[Message, ...]) -> list[int]:
        """Return a prompt's ids, with the tokens that the model wants at its beginning and none at its end."""
        if isinstance(prompt, str):
            return self._ids(prompt, special=True)
        return self._ids(self.render(prompt), special=False)

    def input_ids(self, prompt: str | tuple[Message, ...]) -> list[int]:
        """Return an encoder's input, as its tokenizer makes it, the end token included."""
        text = prompt if isinstance(prompt, str) else self.render(prompt)
        with self._lock:
            return list(self._tokenizer(text).input_ids)

    def render(self, messages: tuple[Message, ...]) -> str:
        """Return a chat as the model's own template makes it; a last turn of the assistant is left open."""
        if not self.has_chat_template:
            raise NoChatTemplate(f'{self._name} has no chat template: use endpoint="completions"')
        continued = messages[-1].role == "assistant"
        with self._lock:
            return str(
                self._tokenizer.apply_chat_template(
                    [{"role": message.role, "content": message.content} for message in messages],
                    tokenize=False,
                    add_generation_prompt=not continued,
                    continue_final_message=continued,
                    enable_thinking=self._thinking,
                )
            )

    def count(self, text: str) -> int:
        """Return the number of tokens of a piece of text."""
        return len(self._ids(text, special=False))

    def decode(self, ids: Sequence[int]) -> str:
        with self._lock:
            return str(self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False))

    def _ids(self, text: str, *, special: bool) -> list[int]:
        with self._lock:
            ids = list(self._tokenizer(text, add_special_tokens=special).input_ids)
            bare = list(self._tokenizer(text, add_special_tokens=False).input_ids) if special else ids
        if special and len(ids) > len(bare) and ids[-1] in self._ends and (not bare or bare[-1] != ids[-1]):
            ids.pop()  # an end token that the tokenizer adds would end the text before it is continued
        return ids


NO_TEXTS = Texts(None, ends=frozenset(), name="", thinking=False)
"""For rows whose text nobody asks for."""


class Unfolding:
    """The text of a growing row of tokens, given out in pieces that hold whole characters only."""

    __slots__ = ("_ids", "_shown", "_start", "_texts")

    def __init__(self, texts: Texts, prompt: Sequence[int]) -> None:
        self._texts = texts
        self._ids = list(prompt[-_CONTEXT:])
        self._start = 0
        self._shown = len(self._ids)

    def push(self, token: int) -> str:
        """Take a token; return the text that is complete with it, or nothing yet."""
        self._ids.append(token)
        before, whole = self._both()
        if whole.endswith("\ufffd"):
            return ""
        self._start, self._shown = self._shown, len(self._ids)
        return whole[len(before) :]

    def flush(self) -> str:
        """Return what is left, an incomplete character included."""
        before, whole = self._both()
        self._shown = len(self._ids)
        return whole[len(before) :]

    def _both(self) -> tuple[str, str]:
        return (
            self._texts.decode(self._ids[self._start : self._shown]),
            self._texts.decode(self._ids[self._start :]),
        )
