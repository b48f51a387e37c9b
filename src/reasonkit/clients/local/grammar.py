"""Keep a completion to a grammar, token by token.

Grammars are GBNF, as llama.cpp takes them, so that one grammar serves both backends; llguidance computes which tokens
may follow. Not here: the grammars themselves.

Source: https://github.com/guidance-ai/llguidance
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from reasonkit.errors import InputError, MissingExtra, Unsupported

if TYPE_CHECKING:
    import torch


def available() -> bool:
    """Return whether grammars can be used here."""
    return importlib.util.find_spec("llguidance") is not None


class Grammars:
    """Compiles grammars for one tokenizer; safe to use from several threads."""

    def __init__(self, tokenizer: Any, vocabulary: int) -> None:
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._lock = threading.Lock()
        self._shared: Any = None

    def compile(self, gbnf: str) -> Callable[[], Following]:
        """Return what makes a follower of the grammar for each row.

        Raises:
            MissingExtra: llguidance is not installed.
            InputError: the text is no GBNF grammar.
            Unsupported: the tokenizer is none that llguidance can read.
        """
        try:
            import llguidance
            import llguidance.hf
            from llguidance.gbnf_to_lark import gbnf_to_lark
        except ImportError as error:
            raise MissingExtra("a grammar on a local model (llguidance)", "grammar") from error
        with self._lock:
            if self._shared is None:
                try:
                    self._shared = llguidance.hf.from_tokenizer(self._tokenizer, n_vocab=self._vocabulary)
                except (TypeError, ValueError, AttributeError) as error:
                    raise Unsupported(f"llguidance cannot read this model's tokenizer: {error}") from error
        try:
            lark = gbnf_to_lark(gbnf)
        except Exception as error:  # the library raises its own and bare ones
            raise InputError(f"the grammar is not GBNF ({error}): {gbnf!r}") from error
        matcher = llguidance.LLMatcher(self._shared, llguidance.LLMatcher.grammar_from_lark(lark))
        if matcher.is_error():
            raise InputError(f"the grammar cannot be used ({matcher.get_error()}): {gbnf!r}")
        return lambda: Following(matcher.deep_copy(), self._vocabulary)


class Following:
    """Where one row stands in a grammar."""

    __slots__ = ("_bits", "_matcher", "_vocabulary")

    def __init__(self, matcher: Any, vocabulary: int) -> None:
        import llguidance.numpy

        self._matcher = matcher
        self._vocabulary = vocabulary
        self._bits = llguidance.numpy.allocate_token_bitmask(1, vocabulary)

    def mask(self, logits: torch.Tensor) -> torch.Tensor:
        """Return logits, (vocabulary,), in which what may not follow is impossible."""
        import llguidance.numpy
        import numpy as np
        import torch

        llguidance.numpy.fill_next_token_bitmask(self._matcher, self._bits)
        allowed = np.unpackbits(self._bits.view(np.uint8), bitorder="little")[: self._vocabulary].astype(bool)
        mask = torch.from_numpy(allowed).to(logits.device)
        if len(mask) < len(logits):  # models pad their vocabulary
            mask = torch.nn.functional.pad(mask, (0, len(logits) - len(mask)))
        return logits.masked_fill(~mask, float("-inf"))

    def take(self, token: int) -> bool:
        """Go on by a token; return whether the grammar is at its end, so that nothing can follow."""
        if not self._matcher.consume_token(token):
            raise InputError(f"the grammar came to no end: {self._matcher.get_error()}")
        return bool(self._matcher.is_stopped())
