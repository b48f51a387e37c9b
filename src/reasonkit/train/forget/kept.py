"""What `reasonkit forget` is asked for and what it has found so far: kept in a file, so that a stopped run goes on.

The file's first line says what the answers are of; a folder with answers of another plan is refused. Not here: what is
done (`run.py`), and the figures (`report.py`).
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from reasonkit.clients.local.manifest import weights_sha256
from reasonkit.errors import InputError

FILE = "answers.jsonl"
BEFORE = "before"
"""How the base is called among the variants."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """A way to train."""

    name: str
    rank: int | None = None
    """Of LoRA; None moves all weights."""
    mixed: bool = False
    """Whether as many rows of what the model knows are among those of the new task."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is trained and measured."""

    base: Path
    out: Path
    variants: tuple[Variant, ...]
    tasks: tuple[str, ...]
    """The new one first."""
    n: int
    """Items of each task."""
    rows: int
    """Of the new task."""
    epochs: float
    lr_full: float
    lr_lora: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a variant has right, by task and item."""

    variant: str
    right: tuple[tuple[str, tuple[bool, ...]], ...]
    loss: float | None = None
    """At the end of training."""
    steps: int = 0
    seconds: float = 0.0
    """Of training."""

    def of(self, task: str) -> tuple[bool, ...]:
        """Return what is right of a task's items."""
        return dict(self.right)[task]


class Kept:
    """The answers in a plan's folder.

    Args:
        plan: whose answers they are.

    Raises:
        InputError: the folder holds answers of another plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._file = plan.out / FILE
        self.answers: dict[str, Answered] = {}
        head = {
            "base_sha256": weights_sha256(plan.base), "tasks": list(plan.tasks), "n": plan.n, "rows": plan.rows,
            "epochs": plan.epochs, "lr_full": plan.lr_full, "lr_lora": plan.lr_lora, "seed": plan.seed,
        }  # fmt: skip
        if not self._file.exists():
            self._append(head)
            return
        try:
            before, *lines = [json.loads(line) for line in self._file.read_text(encoding="utf-8").splitlines()]
            found = [_read(line) for line in lines]
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise InputError(f"{self._file}: not the answers of an earlier run: {error}; give another folder") from None
        differs = [
            f"{key} was {before.get(key)!r} and is {value!r}" for key, value in head.items() if before.get(key) != value
        ]
        if differs:
            raise InputError(f"{self._file}: answers of another plan: {'; '.join(differs)}; give another folder")
        self.answers = {one.variant: one for one in found}

    def add(self, answered: Answered) -> Answered:
        """Keep a variant's answers, and return them."""
        self._append(asdict(answered))
        self.answers[answered.variant] = answered
        return answered

    def _append(self, fields: dict[str, object]) -> None:
        with self._file.open("a", encoding="utf-8", newline="\n") as file:
            file.write(json.dumps(fields) + "\n")


def _read(fields: dict[str, object]) -> Answered:
    right = fields["right"]
    assert isinstance(right, list)
    return Answered(**{**fields, "right": tuple((task, tuple(items)) for task, items in right)})  # type: ignore[arg-type]  # as it was written
