"""Arithmetic word problems with their programs and rationales.

For: PAL (a program whose lines follow the text), CoT (one operation a sentence) and direct answers. A problem comes
from a family in ``problems.txt`` or is a chain of events on one count. Families and pairs of events that the hash
keeps for measurement are never trained on. Not for: rendering prompts (documents.py).
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass
from functools import cache
from importlib import resources
from itertools import pairwise

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.names import Names, Retry, held

EVENTS: dict[str, tuple[tuple[str, ...], str, str]] = {
    "buy": (("{N} buys {k} more {o}.", "Then {N} buys {k} {o}.", "{N} gets {k} more {o} at the shop."), "bought", "+"),
    "find": (("{N} finds {k} {o}.", "Later {N} finds {k} more {o}.", "{N} finds {k} {o} in the garden."), "found", "+"),
    "receive": (("{M} gives {N} {k} {o}.", "{N} receives {k} {o} from {M}.", "{N} gets {k} {o} from {M}."),
                "received", "+"),
    "make": (("{N} makes {k} more {o}.", "Then {N} makes {k} {o}."), "made", "+"),
    "win": (("{N} wins {k} {o} in a game.", "Then {N} wins {k} more {o}."), "won", "+"),
    "collect": (("{N} collects {k} more {o}.", "On the way {N} collects {k} {o}."), "collected", "+"),
    "borrow": (("{N} borrows {k} {o} from {M}.", "Then {N} borrows {k} more {o}."), "borrowed", "+"),
    "add": (("{N} adds {k} {o}.", "{M} puts {k} more {o} into the box."), "added", "+"),
    "give": (("{N} gives {k} {o} to {M}.", "Then {N} hands {k} {o} to {M}.", "{M} gets {k} {o} from {N}."),
             "given", "-"),
    "lose": (("{N} loses {k} {o}.", "Then {k} of the {o} get lost.", "{k} {o} are lost on the way."), "lost", "-"),
    "sell": (("{N} sells {k} {o}.", "Then {N} sells {k} of the {o}.", "{k} of the {o} are sold."), "sold", "-"),
    "break": (("{k} of the {o} break.", "Then {k} {o} break."), "broken", "-"),
    "lend": (("{N} lends {k} {o} to {M}.", "{M} borrows {k} of the {o}."), "lent", "-"),
    "throw": (("{N} throws away {k} {o}.", "Then {k} {o} are thrown away."), "thrown", "-"),
    "use": (("{N} uses {k} of the {o}.", "Then {N} uses up {k} {o}."), "used", "-"),
    "take": (("{M} takes {k} of the {o}.", "Then {M} takes away {k} {o}."), "taken", "-"),
    "double": (("Then the number of {o} doubles.", "{N} doubles the number of {o}."), "2", "*"),
    "triple": (("Then the number of {o} triples.", "{N} triples the number of {o}."), "3", "*"),
    "halve": (("Then half of the {o} are given away.", "{N} loses half of the {o}."), "2", "//"),
    "third": (("Then {N} keeps only a third of the {o}.", "Only a third of the {o} are left after that."), "3", "//"),
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """A word problem; the program's lines and the rationale tell the same steps."""

    family: str
    question: str
    lines: tuple[str, ...]
    steps: tuple[str, ...]
    answer: int

    @property
    def program(self) -> str:
        """The body of ``def solution():``, each line after a newline and four spaces."""
        return "".join(f"\n    {line}" for line in self.lines)

    @property
    def rationale(self) -> str:
        """One operation a sentence."""
        return " ".join(self.steps)


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """Texts and steps of one kind of problem."""

    name: str
    texts: tuple[tuple[str, ...], ...]
    given: tuple[str, ...]
    computed: tuple[str, ...]
    questions: tuple[str, ...]


@cache
def families() -> tuple[Family, ...]:
    """Read the families from ``problems.txt``."""
    text = (resources.files("reasonkit.train.recipes.tiny") / "problems.txt").read_text(encoding="utf-8")
    found = []
    for block in ("\n" + text).split("\n# ")[1:]:
        name, _, body = block.partition("\n")
        rows: dict[str, list[tuple[str, ...]]] = {}
        for line in body.strip().splitlines():
            tag, _, rest = line.partition(": ")
            rows.setdefault(tag, []).append(tuple(part.strip() for part in rest.split(" | ")))
        found.append(
            Family(name=name, texts=tuple(rows["t"]), given=rows["g"][0], computed=rows["c"][0], questions=rows["q"][0])
        )
    return tuple(found)


def held_family(name: str) -> bool:
    """Say whether a family is kept for measurement."""
    return held(name, 9)


def held_events(first: str, second: str) -> bool:
    """Say whether one event after another is kept for measurement."""
    return first != second and held(f"{first} then {second}", 6)


class Sheet:
    """Writes down a problem's assignments and works them out."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.steps: list[str] = []
        self.values: dict[str, int] = {}
        self.last = ""

    def give(self, name: str, value: int) -> None:
        """Assign a number that the text tells."""
        self.lines.append(f"{name} = {value}")
        self.values[name] = value

    def compute(self, name: str, expression: str, limit: int) -> None:
        """Assign the value of one operation; it must be a whole number from 0 to ``limit``."""
        left, operator, right = expression.split()
        a = self.values.get(left, int(left) if left.isdigit() else -1)
        b = self.values.get(right, int(right) if right.isdigit() else -1)
        if operator == "//" and (b == 0 or a % b):
            raise Retry
        value = {"+": a + b, "-": a - b, "*": a * b, "//": a // b if b else -1}[operator]
        if not 0 <= value <= limit or (value == 0 and operator == "//"):
            raise Retry
        self.lines.append(f"{name} = {expression}")
        self.steps.append(f"{a} {operator.replace('//', '/')} {b} = {value}.")
        self.values[name], self.last = value, name

    def problem(self, family: str, question: str) -> Problem:
        """Return the finished problem."""
        return Problem(
            family=family,
            question=question,
            lines=(*self.lines, f"return {self.last}"),
            steps=tuple(self.steps),
            answer=self.values[self.last],
        )


class Author:
    """Writes problems for one document."""

    def __init__(self, dice: random.Random, *, measured: bool, small: bool) -> None:
        self.dice, self.small, self.measured = dice, small, measured
        self.names = Names(dice, measured=measured)

    def name(self) -> str:
        """Return a first name."""
        return self.names.split(self.names.first)

    def thing(self) -> str:
        """Return a plural noun, at times an invented one."""
        invented = self.dice.random() < 0.4
        return self.names.split(
            lambda: self.names.invented().rstrip("s") + "s" if invented else self.dice.choice(words.OBJECTS)
        )

    def number(self, role: str = "a") -> int:
        """Return a number: small ones for CoT; else mostly two digits, at times three."""
        dice = self.dice
        if self.small:
            return dice.randint(2, 12 if role == "a" else 6)
        return dice.randint(2, 30) if dice.random() < 0.4 else dice.randint(2, 400 if role in "ac" else 99)

    @property
    def limit(self) -> int:
        """The largest value that may come up."""
        return 60 if self.small else 40000

    def from_family(self, family: Family) -> Problem:
        """Write a problem of a family."""
        dice, sheet = self.dice, Sheet()
        female = dice.random() < 0.5
        numbers = {role: self.number(role) for role in "abcd"}
        if any("//" in line for line in family.computed):
            self._divisible(family, numbers)
        if family.name == "change":
            numbers["c"] += numbers["a"] * numbers["b"]
        words_: dict[str, str] = {"N": self.name(), "M": self.name(), "o": self.thing(), "p": self.thing()}
        words_ |= {"He": "She", "he": "she", "his": "her", "His": "Her"} if female else {}
        words_ = {"He": "He", "he": "he", "his": "his", "His": "His"} | words_
        fill = words_ | {role: str(value) for role, value in numbers.items()}
        for line in family.given:
            name, _, role = line.format_map(fill | {"a": "a"}).partition(" = ")
            sheet.give(name, numbers[role])
        for line in family.computed:
            name, _, expression = line.format_map(fill).partition(" = ")
            sheet.compute(name, expression, self.limit)
        texts = [dice.choice(options).format_map(fill) for options in family.texts]
        if dice.random() < 0.15:
            texts.insert(1, self._idle(words_["N"]))
        texts.append(dice.choice(family.questions).format_map(fill))
        return sheet.problem(family.name, " ".join(texts))

    def _divisible(self, family: Family, numbers: dict[str, int]) -> None:
        """Choose the total so that the division comes out even."""
        dice = self.dice
        quotient = dice.randint(2, 9 if self.small else 60)
        if family.name == "reading":
            numbers["b"] = numbers["a"] * quotient
        elif family.name == "share":
            numbers["a"] = numbers["b"] * quotient
        else:
            numbers["a"] = numbers["b"] + numbers["c"] * quotient

    def _idle(self, name: str) -> str:
        """Return a sentence whose number plays no part."""
        dice, number = self.dice, self.number()
        return dice.choice(
            (f"{name} is {number} years old.", f"It is {number} minutes past noon.",
             f"{self.name()} lives at number {number}.", f"The bus ride takes {number} minutes.")
        )  # fmt: skip

    def chain(self, *, unseen: bool) -> Problem:
        """Write a chain of one to four events on one count; ``unseen`` has a pair kept for measurement."""
        dice, sheet = self.dice, Sheet()
        count = dice.choice((1, 2, 2, 3)) if self.small else dice.choice((1, 2, 2, 3, 3, 4))
        names = dice.sample(list(EVENTS), max(count, 2) if unseen else count)
        if any(held_events(a, b) for a, b in pairwise(names)) != unseen:
            raise Retry
        name, thing = self.name(), self.thing()
        start = self.number()
        sheet.give(thing, start)
        texts = [dice.choice((f"{name} has {start} {thing}.", f"{name} starts with {start} {thing}.",
                              f"There are {start} {thing} in {name}'s box."))]  # fmt: skip
        for event in names:
            forms, word, operator = EVENTS[event]
            amount = self.number("b")
            if word.isdigit():
                sheet.compute(thing, f"{thing} {operator} {word}", self.limit)
            else:
                sheet.give(f"{thing}_{word}", amount)
                sheet.compute(thing, f"{thing} {operator} {thing}_{word}", self.limit)
            other = self.name()
            texts.append(dice.choice(forms).format(N=name, M=other, k=amount, o=thing))
        texts.append(dice.choice((f"How many {thing} does {name} have now?", f"How many {thing} are there in the end?",
                                  f"How many {thing} does {name} have left?")))  # fmt: skip
        return sheet.problem("chain", " ".join(texts))


def problem(
    dice: random.Random, *, measured: bool = False, small: bool = False, task: str = "", steps: int = 9
) -> Problem:
    """Make a problem: of a trained family or chain, or with task ``family`` or ``chain`` of a kept one."""
    kind = task or dice.choice(("known_chain", "known_family"))
    while True:
        author = Author(dice, measured=measured, small=small)
        try:
            if kind.endswith("chain"):
                made = author.chain(unseen=kind == "chain")
            else:
                options = [item for item in families() if held_family(item.name) == (kind == "family")]
                made = author.from_family(dice.choice(options))
        except Retry:
            continue
        if len(made.steps) <= steps and not re.search(r"\b1 \w+s\b", made.question):
            return made
