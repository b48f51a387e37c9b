"""Datasets: the public files as their repositories ship them, and files of one's own with named columns.

Each becomes questions with gold answers and the metric that its papers use. A row that is not what its dataset
promises is an error that names the file, the line and the field. Nothing is downloaded.
Sources of the forms: openai/grade-school-math (GSM8K), reasoning-machines/pal (GSM-hard, and its own copies of other
sets), arkilpatel/SVAMP, chaochun/nlu-asdiv-dataset, hotpotqa.github.io, ysymyth/ReAct (HotpotQA simplified), fever.ai,
google-deepmind/AQuA, google/BIG-bench.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from reasonkit.errors import DatasetError
from reasonkit.evaluation.files import Fields, rows_of
from reasonkit.types import Question

Metric = Literal["number", "exact", "choice", "label"]
"""How an answer is scored: see `scoring.py`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dataset:
    """Questions with gold answers."""

    name: str
    """Of the file, without its ending; `bundled:NAME` for one that ships."""
    metric: Metric
    questions: tuple[Question, ...]
    kind: str = "own"
    """The form that its file has: a key of `KINDS`."""
    seed: int | None = None
    """Of the draw that made it; None if the items stand as in the file."""

    def sample(self, n: int | None, seed: int) -> Dataset:
        """Return the first n after a shuffle with `random.Random(seed)`, as the ReAct code draws its 500 with 233.

        Args:
            n: how many; None takes all, as they stand.
            seed: of the shuffle.

        Raises:
            DatasetError: there are not that many.
        """
        if n is None:
            return self
        if not 0 < n <= len(self.questions):
            raise DatasetError(f"{self.name}: n is {n}, but it has {len(self.questions)} items; give 1 to that many")
        shuffled = list(self.questions)
        random.Random(seed).shuffle(shuffled)
        return replace(self, questions=tuple(shuffled[:n]), seed=seed)


Read = Callable[[Fields, int], Question]


def load_dataset(
    path: str | Path, *, kind: str = "own", metric: Metric | None = None, columns: Mapping[str, str] | None = None
) -> Dataset:
    """Read a dataset.

    Args:
        path: a JSON Lines, JSON, CSV, Parquet or (ASDiv) XML file; or `bundled:NAME` for one that ships, whose kind is
            known: one_hop, two_hop, lookup, arithmetic, claims, choices, dates.
        kind: `own` for named columns (question, answer, and if there: id, also, choices), or the dataset whose form it
            has: gsm8k, gsm-hard, svamp, asdiv, hotpotqa, fever, aqua, bigbench.
        metric: number, exact, choice or label; None takes the dataset's own.
        columns: for `own`: what the file calls question, answer, id, also or choices, for example
            `{"question": "prompt"}`.

    Raises:
        DatasetError: the file cannot be read, or a row lacks a field; the message names the line and the field.
    """
    bundled = isinstance(path, str) and path.startswith("bundled:")
    if isinstance(path, str) and bundled:
        file, kind = _bundled(path.removeprefix("bundled:"))
    else:
        file = Path(path)
    if kind not in KINDS:
        raise DatasetError(f"no kind of dataset {kind!r}; there are: {', '.join(KINDS)}")
    usual, read = KINDS[kind]
    if columns and (kind != "own" or not columns.keys() <= _COLUMNS):
        raise DatasetError(
            f"columns= renames {', '.join(sorted(_COLUMNS))} of kind 'own', not {dict(columns)} of {kind!r}"
        )
    questions: list[Question] = []
    begins: dict[str | None, str] = {}
    for where, row in rows_of(file):
        fields = Fields(row, where)
        if columns:
            fields.fields = {**fields.fields, **{ours: fields.fields.get(there) for ours, there in columns.items()}}
        question = read(fields, len(questions))
        if question.id in begins:
            raise DatasetError(
                f"{where}: field 'id' is {question.id!r} again, as in {begins[question.id]}; items are told apart by it"
            )
        begins[question.id] = where
        questions.append(question)
    if not questions:
        raise DatasetError(f"{file}: holds no rows")
    name = str(path) if bundled else file.stem
    return Dataset(name=name, metric=metric or usual, questions=tuple(questions), kind=kind)


def _bundled(name: str) -> tuple[Path, str]:
    from reasonkit.bundled import datasets_path, questions_path

    if name not in _BUNDLED:
        raise DatasetError(f"no dataset {name!r} ships; there are: {', '.join(_BUNDLED)}")
    kind, file = _BUNDLED[name]
    return (questions_path(name) if kind == "own" else datasets_path() / file), kind


def _own(row: Fields, number: int) -> Question:
    return Question(
        id=row.text("id", default=str(number)),
        text=row.text("question"),
        gold=(row.text("answer"), *row.texts("also")),
        choices=row.texts("choices"),
    )


def _gsm8k(row: Fields, number: int) -> Question:
    answer = row.text("answer")
    _, mark, gold = answer.rpartition("####")
    if not mark or not gold.strip():
        raise DatasetError(f"{row.where}: field 'answer' has no '#### ' with the result at its end: {answer[-40:]!r}")
    return Question(id=str(number), text=row.text("question"), gold=(gold.strip(),))


def _pal(row: Fields, number: int) -> Question:
    return Question(id=str(number), text=row.text("input"), gold=(row.text("target"),))


def _svamp(row: Fields, number: int) -> Question:
    body = row.text("Body")
    joined = f"{body}{'' if body.endswith(('.', '?', '!', ',')) else '.'} {row.text('Question')}"
    return Question(id=row.text("ID", default=str(number)), text=joined, gold=(row.text("Answer"),))


def _asdiv(row: Fields, number: int) -> Question:
    gold = re.sub(r"\s*\([^()]*\)", "", row.text("Answer"))
    text = f"{row.text('Body')} {row.text('Question')}"
    return Question(id=row.text("ID", default=str(number)), text=text, gold=(gold,))


def _hotpotqa(row: Fields, number: int) -> Question:
    return Question(id=row.text("_id", default=str(number)), text=row.text("question"), gold=(row.text("answer"),))


def _fever(row: Fields, number: int) -> Question:
    return Question(id=row.text("id", default=str(number)), text=row.text("claim"), gold=(row.text("label"),))


def _aqua(row: Fields, number: int) -> Question:
    options = row.texts("options")
    if not options:
        raise DatasetError(f"{row.where}: field 'options' is empty or missing")
    choices = tuple(re.sub(r"^\(?[A-Z]\)\s*", "", option) for option in options)
    gold = row.text("correct")
    if len(gold) != 1 or not "A" <= gold <= chr(ord("A") + len(choices) - 1):
        raise DatasetError(f"{row.where}: field 'correct' is {gold!r}, which is none of the {len(choices)} options")
    shown = "".join(f"\n({chr(ord('A') + place)}) {choice}" for place, choice in enumerate(choices))
    return Question(id=str(number), text=row.text("question") + shown, gold=(gold,), choices=choices)


def _bigbench(row: Fields, number: int) -> Question:
    """Read an item as an open question, as PAL asks them: the options are not shown."""
    scores, target = row.fields.get("target_scores"), row.fields.get("target")
    if isinstance(scores, Mapping):
        best = max(scores.values(), default=0)
        golds = tuple(str(name) for name, score in scores.items() if score == best)
    elif isinstance(target, list):
        golds = row.texts("target")
    else:
        golds = (row.text("target"),)
    if not golds:
        raise DatasetError(f"{row.where}: field 'target' or 'target_scores' holds no answer")
    return Question(id=str(number), text=row.text("input"), gold=golds)


KINDS: Mapping[str, tuple[Metric, Read]] = {
    "own": ("exact", _own),
    "gsm8k": ("number", _gsm8k),
    "gsm-hard": ("number", _pal),
    "svamp": ("number", _svamp),
    "asdiv": ("number", _asdiv),
    "hotpotqa": ("exact", _hotpotqa),
    "fever": ("label", _fever),
    "aqua": ("choice", _aqua),
    "bigbench": ("exact", _bigbench),
}
"""The forms of files: their usual metric, and how a row is read."""
_BUNDLED: Mapping[str, tuple[str, str]] = {
    "one_hop": ("own", ""),
    "two_hop": ("own", ""),
    "lookup": ("own", ""),
    "arithmetic": ("gsm8k", "arithmetic.jsonl"),
    "claims": ("fever", "claims.jsonl"),
    "choices": ("aqua", "choices.jsonl"),
    "dates": ("bigbench", "dates.json"),
}
_COLUMNS = frozenset({"question", "answer", "id", "also", "choices"})
