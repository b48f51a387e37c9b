"""Is a text a grammar that llama.cpp takes? Asked before llama.cpp is, which would say no on stderr, and not where.

Not here: what a grammar allows.

Source: https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from reasonkit.errors import InputError

_NAME = re.compile(r"[A-Za-z0-9-]+")
_SPACE = re.compile(r"(?:[ \t]|#[^\r\n]*)*")
_SPACE_AND_LINES = re.compile(r"(?:[ \t\r\n]|#[^\r\n]*)*")
_CHAR = re.compile(r'\\(?:x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|[tnr\\"\[\]-])|[^\\]', re.DOTALL)
_TOKEN = re.compile(r"!?<(?:\[\d+\]|[^<>\[\]\s][^<>]*)>")
_REPEAT = re.compile(r"\{[ \t]*(\d+)[ \t]*(?:(,)[ \t]*(\d+)?[ \t]*)?\}")
_REPEAT_NESTED = re.compile(r"\{\s*(\d+)\s*(?:(,)\s*(\d+)?\s*)?\}")
_MOST_REPEATS = 2000
"""llama.cpp's own limit."""


@dataclass(slots=True)
class _Item:
    """A part of a sequence."""

    name: str | None = None
    group: list[list[_Item]] = field(default_factory=list)
    optional: bool = False
    endless: bool = False
    """Whether the group may be repeated without end."""


def check_gbnf(text: str) -> None:
    """Refuse a text that llama.cpp would not take for a grammar.

    Raises:
        InputError: where the text goes wrong, and what is expected there.
    """
    reader = _Reader(text)
    rules = reader.rules()
    for name, at in reader.named:
        if name not in rules:
            raise reader.wrong(at, f"the rule {name!r} is not defined")
    if "root" not in rules:
        raise reader.wrong(len(text), "there is no rule `root`")
    empty = _that_may_be_empty(rules)
    for name, body in rules.items():
        if _repeats_nothing(body, empty):
            raise InputError(f"the grammar's rule {name!r} repeats without end what may be empty: {text!r}")
        if name in _first_names(name, rules, empty):
            raise InputError(f"the grammar's rule {name!r} begins with itself, which llama.cpp cannot follow: {text!r}")


class _Reader:
    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.named: list[tuple[str, int]] = []

    def wrong(self, at: int, what: str) -> InputError:
        line = self.text.count("\n", 0, at) + 1
        return InputError(f"the grammar is not GBNF: line {line}, at {self.text[at : at + 20]!r}: {what}")

    def rules(self) -> dict[str, list[list[_Item]]]:
        rules: dict[str, list[list[_Item]]] = {}
        self._skip(_SPACE_AND_LINES)
        while self.at < len(self.text):
            name = self._name()
            self._skip(_SPACE)
            self._expect("::=")
            self._skip(_SPACE_AND_LINES)
            rules[name] = self._alternatives(nested=False)
            if self.at < len(self.text) and self.text[self.at] not in "\r\n":
                raise self.wrong(self.at, "a new line is expected")
            self._skip(_SPACE_AND_LINES)
        return rules

    def _alternatives(self, *, nested: bool) -> list[list[_Item]]:
        out = [self._sequence(nested=nested)]
        while self._looking_at("|"):
            self.at += 1
            self._skip(_SPACE_AND_LINES)
            out.append(self._sequence(nested=nested))
        return out

    def _sequence(self, *, nested: bool) -> list[_Item]:
        items: list[_Item] = []
        while self.at < len(self.text):
            start, char = self.at, self.text[self.at]
            if char == '"':
                self._quoted('"', "the end of the literal")
                items.append(_Item(optional=self.at == start + 2))
            elif char == "[":
                self.at += self.text.startswith("^", self.at + 1)
                self._quoted("]", "the end of the character class")
                items.append(_Item())
            elif char == ".":
                self.at += 1
                items.append(_Item())
            elif char == "(":
                self.at += 1
                self._skip(_SPACE_AND_LINES)
                items.append(_Item(group=self._alternatives(nested=True)))
                self._expect(")")
            elif (match := _TOKEN.match(self.text, self.at)) is not None:
                self.at = match.end()
                items.append(_Item())
            elif char in "*+?{":
                self._repeat(items, nested=nested)
            elif _NAME.match(char):
                name = self._name()
                self.named.append((name, start))
                items.append(_Item(name=name))
            else:
                break
            self._skip(_SPACE_AND_LINES if nested else _SPACE)
        return items

    def _repeat(self, items: list[_Item], *, nested: bool) -> None:
        if not items or (items[-1].optional and not items[-1].group):  # an empty literal is nothing
            raise self.wrong(self.at, "something to repeat is expected before this")
        endless = True
        if self._looking_at("{"):
            match = (_REPEAT_NESTED if nested else _REPEAT).match(self.text, self.at)
            if match is None:
                raise self.wrong(self.at, "{m}, {m,} or {m,n} is expected")
            least, most = int(match[1]), int(match[3] or match[1])
            if max(least, most) > _MOST_REPEATS or most < least:
                raise self.wrong(self.at, f"the numbers of repetitions must rise and be at most {_MOST_REPEATS}")
            endless = match[2] is not None and match[3] is None
            self.at = match.end()
        else:
            least = int(self._looking_at("+"))
            endless = not self._looking_at("?")
            self.at += 1
        items[-1] = _Item(group=[[items[-1]]], optional=least == 0, endless=endless)

    def _quoted(self, end: str, what: str) -> None:
        self.at += 1
        while not self._looking_at(end):
            match = _CHAR.match(self.text, self.at)
            if match is None:
                raise self.wrong(self.at, f"{what} or a known escape is expected")
            self.at = match.end()
        self.at += 1

    def _name(self) -> str:
        match = _NAME.match(self.text, self.at)
        if match is None:
            raise self.wrong(self.at, "a rule's name (letters, digits, -) is expected")
        self.at = match.end()
        return match[0]

    def _looking_at(self, text: str) -> bool:
        return self.text.startswith(text, self.at)

    def _expect(self, text: str) -> None:
        if not self._looking_at(text):
            raise self.wrong(self.at, f"{text!r} is expected")
        self.at += len(text)

    def _skip(self, space: re.Pattern[str]) -> None:
        match = space.match(self.text, self.at)
        assert match is not None
        self.at = match.end()


def _that_may_be_empty(rules: dict[str, list[list[_Item]]]) -> set[str]:
    """Return the rules that an empty text follows."""
    empty: set[str] = set()
    while True:
        more = {name for name, body in rules.items() if _may_be_empty(body, empty)} - empty
        if not more:
            return empty
        empty |= more


def _may_be_empty(body: list[list[_Item]], empty: set[str]) -> bool:
    return any(all(_item_may_be_empty(item, empty) for item in sequence) for sequence in body)


def _item_may_be_empty(item: _Item, empty: set[str]) -> bool:
    return item.optional or item.name in empty or (bool(item.group) and _may_be_empty(item.group, empty))


def _repeats_nothing(body: list[list[_Item]], empty: set[str]) -> bool:
    return any(
        (item.endless and _may_be_empty(item.group, empty)) or _repeats_nothing(item.group, empty)
        for sequence in body
        for item in sequence
    )


def _first_names(name: str, rules: dict[str, list[list[_Item]]], empty: set[str]) -> set[str]:
    """Return the rules with which a text of a rule may begin."""
    found: set[str] = set()
    waiting = [rules[name]]
    while waiting:
        for sequence in waiting.pop():
            for item in sequence:
                if item.group:
                    waiting.append(item.group)
                elif item.name is not None and item.name not in found:
                    found.add(item.name)
                    waiting.append(rules[item.name])
                if not _item_may_be_empty(item, empty):
                    break
    return found
