"""A tokenizer as training sees it: the same ids for a prompt as at inference, and what is learned continued from there.

A prompt is tokenised by the local client's own code. What the model writes after it is tokenised as a continuation,
without the space that some tokenizers put before a text. Not here: making a tokenizer (`tokenizers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from typing import Any

from reasonkit.clients.local.text import Texts
from reasonkit.errors import InputError
from reasonkit.train.data.rows import Turn

_ANCHORS = ("\n", "0", ".")
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")


class Vocabulary:
    """A transformers tokenizer, with the questions that training asks of it.

    Args:
        tokenizer: a fast tokenizer of transformers, or what behaves like one.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.eos: int | None = tokenizer.eos_token_id
        self.mask: int | None = tokenizer.mask_token_id
        self.special = frozenset(tokenizer.all_special_ids)
        self.size = len(tokenizer)
        self.pad: int = next((one for one in (tokenizer.pad_token_id, self.eos) if one is not None), 0)
        ends = frozenset(() if self.eos is None else (self.eos,))
        self._texts = Texts(tokenizer, ends=ends, name="the model", thinking=False)

    @cached_property
    def affixes(self) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The special tokens that the tokenizer puts before and after a text."""
        bare, whole = self.bare("a"), list(self._tokenizer("a").input_ids)
        begin = next((i for i in range(len(whole)) if whole[i : i + len(bare)] == bare), 0)
        return tuple(whole[:begin]), tuple(whole[begin + len(bare) :])

    @cached_property
    def sentinels(self) -> tuple[int, ...]:
        """The tokens `<extra_id_0>`, `<extra_id_1>` and so on."""
        named = {
            int(found[1]): number
            for token, number in self._tokenizer.get_vocab().items()
            if (found := re.fullmatch(r"<extra_id_(\d+)>", token))
        }
        return tuple(named[number] for number in sorted(named))

    @cached_property
    def words(self) -> tuple[int, ...]:
        """All tokens but the special ones and the sentinels."""
        return tuple(sorted(set(range(self.size)) - self.special - set(self.sentinels)))

    @cached_property
    def sentence_ends(self) -> frozenset[int]:
        """Tokens whose text ends a sentence."""
        return frozenset(token for token in self.words if self.text((token,)).rstrip().endswith((".", "!", "?")))

    def bare(self, text: str) -> list[int]:
        """Return a text's tokens and no special ones."""
        return list(self._tokenizer(text, add_special_tokens=False).input_ids)

    def opening(self, text: str) -> list[int]:
        """Return the tokens of a prompt, as the local client asks it."""
        return self._texts.prompt_ids(text)

    def whole(self, text: str) -> list[int]:
        """Return a text's tokens with the special ones round it, as an encoder reads it and a decoder writes it."""
        return self._texts.input_ids(text)

    def continuation(self, text: str) -> list[int]:
        """Return the tokens of a text that goes on from another.

        Raises:
            InputError: the tokenizer changes every beginning that was tried.
        """
        if not self._spaces_beginnings:
            return self.bare(text)
        for anchor in _ANCHORS:
            before, both = self.bare(anchor), self.bare(anchor + text)
            if both[: len(before)] == before:
                return both[len(before) :]
        raise InputError(f"this tokenizer cannot go on from another text with {text[:40]!r}")

    def chat(self, turns: Sequence[Turn], where: str) -> tuple[list[int], list[bool]]:
        """Return a chat's tokens and which of them are learned, by the generation marks of the model's template.

        Args:
            turns: the chat.
            where: the row, for messages.

        Raises:
            InputError: the model has no template, or one without marks, or the marks are not one for each turn.
        """
        template = getattr(self._tokenizer, "chat_template", None)
        if not template:
            raise InputError(f'{where}: a chat, but the model has no chat template: use endpoint = "completions"')
        if not _GENERATION.search(str(template)):
            raise InputError(
                f"{where}: the model's chat template has no {{% generation %}} marks, so it does not say which tokens "
                "are the model's own: put {% generation %} and {% endgeneration %} round the assistant's content in "
                "the template, or train on segments or a prompt as one continued text"
            )
        made = self._tokenizer.apply_chat_template(
            [{"role": turn.role, "content": turn.content} for turn in turns],
            tokenize=True,
            return_dict=True,
            return_assistant_tokens_mask=True,
            enable_thinking=False,
        )
        ids, marks = list(made["input_ids"]), list(made["assistant_masks"])
        runs = [place for place, mark in enumerate(marks) if mark and (place == 0 or not marks[place - 1])]
        said = [turn for turn in turns if turn.role == "assistant"]
        if len(runs) != len(said):
            raise InputError(
                f"{where}: the chat template marks {len(runs)} generations, but the chat has {len(said)} turns of the "
                "assistant: its {% generation %} marks do not stand round each of them"
            )
        learned, run = [], -1
        for place, mark in enumerate(marks):
            run += place in runs
            learned.append(bool(mark) and said[run].learn)
        return ids, learned

    def text(self, ids: Sequence[int]) -> str:
        """Return the text of tokens, special ones by their names."""
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))

    @cached_property
    def _spaces_beginnings(self) -> bool:
        first = self._tokenizer.convert_ids_to_tokens(self.bare("a")[:1])
        return bool(first) and str(first[0]).startswith("\u2581")
