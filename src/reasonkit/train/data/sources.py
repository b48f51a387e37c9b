"""The tasks of a run: each a source of sequences, held in memory or made when they are drawn.

What a file or a finite generator holds is tokenised once, at the start; so a fault in any row shows before the first
step. A generator without end is asked for its first rows then. Not here: in which order tasks take turns (`mixing.py`).
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

from reasonkit.errors import DatasetError, InputError
from reasonkit.evaluation.files import rows_of
from reasonkit.prompts import Prompt
from reasonkit.train.config import TaskConfig, TrainConfig
from reasonkit.train.config.groups import BUNDLED
from reasonkit.train.data.encoding import Counts, Encoder
from reasonkit.train.data.generators import HELD_OUT, Generator
from reasonkit.train.data.prompted import prompted
from reasonkit.train.data.rows import Row, row_of
from reasonkit.train.examples import Example

_FIRST = 32
"""So many rows of an endless generator are looked at before the first step."""
_AGAIN = 2**40
"""Added to the index where a generator's row leaves nothing to learn, and another is made in its place."""
_TRIES = 64
_SHIPPED = {"dialogues": ("train", "recipes", "dialogues", "dialogues.jsonl")}


@dataclass(slots=True, kw_only=True)
class Source:
    """One task's sequences.

    Args:
        title: the task's name.
        weight: of the task in the mix.
        counts: what became of its rows.
        held_counts: what became of those that are held out.
        prompt_sha256: of the prompt round its rows, if there is one.
    """

    title: str
    weight: float
    encoder: Encoder
    seed: int
    counts: Counts = field(default_factory=Counts)
    held_counts: Counts = field(default_factory=Counts)
    prompt_sha256: str | None = None
    examples: Sequence[Example] = ()
    held_out: Sequence[Example] = ()
    generator: Generator | None = None
    """Where sequences are made when they are drawn; then `examples` is empty."""
    _pieces: Callable[[int], tuple[Example, ...]] = field(init=False)
    _counted: int = -1
    """The last draw of an endless generator that was counted."""
    _order: Callable[[int], Sequence[int]] = field(init=False)

    def __post_init__(self) -> None:
        self._pieces = lru_cache(2048)(self._made)
        self._order = lru_cache(2)(self._shuffled)

    def example(self, number: int) -> Example:
        """Return the sequence of a draw, the first being 0; each pass over what is there has an order of its own."""
        dice = random.Random(f"{self.seed} {self.title} {number}")
        if self.generator is not None:
            pieces = self._pieces(number)
            return self.encoder.drawn(pieces[dice.randrange(len(pieces))], dice)
        turn, place = divmod(number, len(self.examples))
        return self.encoder.drawn(self.examples[self._order(turn)[place]], dice)

    def measured(self) -> list[Example]:
        """Return the sequences that are held out, the same at every call."""
        return [
            self.encoder.drawn(one, random.Random(f"{self.seed} {self.title} held out {number}"))
            for number, one in enumerate(self.held_out)
        ]

    def _shuffled(self, turn: int) -> Sequence[int]:
        return random.Random(f"{self.seed} {self.title} pass {turn}").sample(
            range(len(self.examples)), len(self.examples)
        )

    def _made(self, number: int) -> tuple[Example, ...]:
        assert self.generator is not None
        counts = self.counts if number > self._counted else Counts()
        self._counted = max(self._counted, number)
        for again in range(_TRIES):
            row = self.generator.row(number + again * _AGAIN)
            if found := self.encoder.encode(row, counts, self.title):
                return tuple(found)
        raise InputError(f"{counts.said(self.title)}: {_TRIES} rows one after another left nothing to learn")


def read_source(task: TaskConfig, config: TrainConfig, encoder: Encoder) -> Source:
    """Read a task.

    Args:
        task: what is read.
        config: of the whole run.
        encoder: turns rows into sequences.

    Raises:
        InputError: it cannot be read, a row is not usable, or nothing in it would be learned.
    """
    prompt = Prompt.load(task.prompt) if task.prompt else None
    source = Source(
        title=task.title, weight=task.weight, encoder=encoder, seed=config.seed,
        prompt_sha256=prompt.sha256 if prompt else None,
    )  # fmt: skip
    held = config.evaluation.rows if task.split != "train" else 0
    if task.generator is not None:
        _read_generator(task, source, held)
    else:
        _read_file(task, source, held, prompt)
    if task.split != "held_out" and source.generator is None:
        _learns(source.counts, source, bool(source.examples))
    if held:
        _learns(source.held_counts, source, bool(source.held_out))
    return source


def _read_generator(task: TaskConfig, source: Source, held: int) -> None:
    assert task.generator is not None
    generator = Generator(task.generator, source.seed)
    aside = Generator(task.generator, source.seed + HELD_OUT)
    source.held_out = _encoded([aside.row(index) for index in range(held)], source, source.held_counts)
    if task.split == "held_out":
        return
    rows = [generator.row(index) for index in range(task.rows or _FIRST)]
    if task.rows:
        source.examples = _encoded(rows, source, source.counts)
        return
    seen = Counts()
    _learns(seen, source, bool(_encoded(rows, source, seen)))
    source.generator = generator


def _read_file(task: TaskConfig, source: Source, held: int, prompt: Prompt | None) -> None:
    assert task.file is not None
    found = list(rows_of(located(task.file)))
    if task.split == "held_out":
        aside, used = found[:held], []
    else:
        aside, used = found[len(found) - held :] if held else [], found[: max(len(found) - held, 0)][: task.rows]
        if not used:
            raise DatasetError(f"{task.file}: of {len(found)} rows {held} are held out, so none is left to train on")
    if prompt is None:
        source.prompt_sha256 = _recorded([fields for _, fields in found])
    source.held_out = _encoded(rows_with(aside, task, prompt), source, source.held_counts)
    source.examples = _encoded(rows_with(used, task, prompt), source, source.counts)


def located(file: Path) -> Path:
    """Return where a file lies; `bundled:NAME` is one that ships.

    Raises:
        DatasetError: no such file ships.
    """
    if not str(file).startswith(BUNDLED):
        return file
    name = str(file).removeprefix(BUNDLED)
    if name not in _SHIPPED:
        raise DatasetError(f"no dataset {name!r} ships to train on; there are: {', '.join(_SHIPPED)}")
    return Path(str(files("reasonkit").joinpath(*_SHIPPED[name])))


def _recorded(rows: Sequence[object]) -> str | None:
    """Return the hash of the one prompt that all rows of an export were asked with; None where there is no such."""
    told = {row.get("prompt_sha256") if isinstance(row, Mapping) else None for row in rows}
    one = told.pop() if len(told) == 1 else None
    return one if isinstance(one, str) else None


def rows_with(found: Sequence[tuple[str, object]], task: TaskConfig, prompt: Prompt | None) -> Sequence[Row]:
    """Return what rows of a file say, with the task's prompt round them.

    Args:
        found: where each row stands, and the row.
        task: says how its columns are called.
        prompt: what is put round a row, if anything is.

    Raises:
        DatasetError: a row is not usable.
    """
    if prompt is None:
        return [row_of(fields, where) for where, fields in found]
    located = []
    for where, fields in found:
        if not isinstance(fields, Mapping):
            raise DatasetError(f"{where}: not an object with named fields, but {str(fields)[:60]!r}")
        located.append((where, {str(name): value for name, value in fields.items()}))
    return prompted(prompt, located, task.columns, task.endpoint)


def _encoded(rows: Sequence[Row | Example], source: Source, counts: Counts) -> list[Example]:
    return [example for row in rows for example in source.encoder.encode(row, counts, source.title)]


def _learns(counts: Counts, source: Source, some: bool) -> None:
    if some:
        return
    if counts.lost:
        raise InputError(
            f"{source.title}: every row was cut away: {counts.lost} of {counts.rows} rows have nothing that is learned "
            f"in their first {source.encoder.max_length} tokens: raise batch.max_length, or shorten the prompt"
        )
    raise InputError(
        f"{source.title}: every label of its {counts.rows} rows is masked, so nothing would be learned: look at the "
        "rows' targets, their learn and weight marks, and the template of the answer"
    )
