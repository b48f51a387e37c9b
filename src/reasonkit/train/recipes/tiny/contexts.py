"""Tasks that only the prompt's own examples explain: labels, recall, k-th item, formats, case of questions.

For: in-context learning with made-up labels and formats that change from prompt to prompt, so that nothing but the
examples can tell the answer. Not for: ReAct or arithmetic.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from reasonkit.train.recipes.tiny import words
from reasonkit.train.recipes.tiny.names import Names

TASKS = {"sentiment": 20, "topic": 20, "recall": 25, "pick": 15, "format": 20}
"""Kinds of task and their weights."""

TOPICS = ("sports", "food", "weather", "money", "music")
FRAMES = (("Input: ", "Label:"), ("Text: ", "Answer:"), ("Review: ", "Class:"), ("Input: ", "Output:"), ("Q: ", "A:"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One shown pair; ``learned`` says whether the pairs before it determine its answer."""

    prompt: str
    answer: str
    learned: bool


class Setter:
    """Sets one task."""

    def __init__(self, dice: random.Random, *, measured: bool) -> None:
        self.dice = dice
        self.names = Names(dice, measured=measured)

    def label(self) -> str:
        """Return a made-up label."""
        return self.names.split(self.names.invented)

    def frame(self, items: list[tuple[str, str]], *, labels: bool) -> list[Example]:
        """Put items into one prompt's frame; with ``labels`` an answer can be known once it was seen."""
        before, after = self.dice.choice(FRAMES)
        examples: list[Example] = []
        seen: set[str] = set()
        for number, (text, answer) in enumerate(items):
            learned = answer in seen if labels else number > 0
            examples.append(Example(prompt=f"{before}{text}\n{after}", answer=f" {answer}", learned=learned))
            seen.add(answer)
        return examples

    def sentiment(self) -> list[Example]:
        """Judge texts by two made-up labels."""
        dice = self.dice
        good, bad = self.label(), self.label()
        items = []
        for number in range(dice.randint(5, 8)):
            positive = number % 2 == 0 if number < 2 else dice.random() < 0.5
            text = dice.choice(words.LISTS["reviews"]).format(
                t=dice.choice(words.LISTS["things"]),
                j=dice.choice(words.LISTS["good"] if positive else words.LISTS["bad"]),
                a=dice.choice(words.LISTS["plain"]),
            )
            items.append((text, good if positive else bad))
        return self.frame(self._last_known(items), labels=True)

    def topic(self) -> list[Example]:
        """Sort texts by two or three topics under made-up labels."""
        dice = self.dice
        topics = dice.sample(TOPICS, dice.choice((2, 2, 3)))
        label = {topic: self.label() if dice.random() < 0.8 else topic for topic in topics}
        items = []
        for topic in topics:
            for form in dice.sample(words.LISTS[f"about_{topic}"], dice.randint(2, 3)):
                text = form.format(a=dice.choice(words.LISTS["plain"]), n=dice.randint(2, 40))
                items.append((text, label[topic]))
        dice.shuffle(items)
        return self.frame(self._last_known(items), labels=True)

    def _last_known(self, items: list[tuple[str, str]]) -> list[tuple[str, str]]:
        """Order the items so that the last one's label was seen before."""
        answers = [answer for _, answer in items]
        last = next(number for number in reversed(range(len(items))) if answers.count(answers[number]) > 1)
        return items[:last] + items[last + 1 :] + [items[last]]

    def recall(self) -> list[Example]:
        """Give back the word that a name was paired with."""
        dice = self.dice
        pairs = {self.names.split(self.names.first): self.label() for _ in range(dice.randint(3, 6))}
        items = list(pairs.items())
        items += [dice.choice(items) for _ in range(dice.randint(2, 3))]
        return self.frame(items, labels=True)

    def pick(self) -> list[Example]:
        """Give the first, second or third of three things, as the examples do."""
        dice, place = self.dice, self.dice.randint(0, 2)
        items = []
        for _ in range(dice.randint(3, 6)):
            things = dice.sample(words.OBJECTS, 3) if dice.random() < 0.5 else [self.label() for _ in range(3)]
            items.append((", ".join(things), things[place]))
        return self.frame(items, labels=False)

    def format(self) -> list[Example]:
        """Write name, age and town in the form that the examples show."""
        dice, form = self.dice, self.dice.choice(words.LISTS["formats"])
        items = []
        for _ in range(dice.randint(2, 5)):
            name, town = self.names.split(self.names.first), self.names.entity("city").name
            age = str(dice.randint(5, 99))
            items.append((f"name {name}, age {age}, town {town}", form.format(a=name, b=age, c=town)))
        return self.frame(items, labels=False)


def task(dice: random.Random, *, measured: bool = False, kind: str = "") -> list[Example]:
    """Set one task of examples; the last one is the query."""
    kind = kind or dice.choices(list(TASKS), list(TASKS.values()))[0]
    made: list[Example] = getattr(Setter(dice, measured=measured), kind)()
    return made
