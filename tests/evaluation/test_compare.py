"""Two runs side by side: aligned by id, flips with their traces, and what is not comparable."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from reasonkit import CoT, Direct, ScriptedClient
from reasonkit.errors import DatasetError, InputError
from reasonkit.evaluation import Dataset, compare, evaluate, mcnemar
from reasonkit.trace import Trace
from reasonkit.types import Request
from tests.evaluation.items import added, asked, sums


def evens(request: Request) -> str:
    """Add rightly, but for every fourth sum."""
    number = asked(request)
    return f" The answer is {2 * number + (number % 4 == 0)}."


@pytest.fixture
def runs(tmp_path: Path) -> tuple[Path, Path]:
    """Runs over the same 40 sums, the second in another order."""
    one, other = tmp_path / "one", tmp_path / "other"
    evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(40), one, method="first")
    evaluate(CoT(ScriptedClient(evens), answer_type="number"), sums(40).sample(40, 1), other, method="second")
    return one, other


def test_items_are_aligned_by_their_ids(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    # wrong in the first: 9, 19, 29, 39; in the second: 0, 4, ..., 36; none in both
    assert (found.n, found.both, found.only_first, found.only_second, found.neither) == (40, 26, 10, 4, 0)
    assert found.p == mcnemar(10, 4)
    assert found.right.value == pytest.approx(-6 / 40)
    assert found.right.low < -0.15 < found.right.high
    assert found.right.n == 40


def test_every_flip_is_one_step_from_its_traces(runs: tuple[Path, Path]) -> None:
    found = compare(*runs)
    assert {flip.id for flip in found.flips if flip.gained} == {"s9", "s19", "s29", "s39"}
    for flip in found.flips:
        for path, episode, answer in zip(found.traces, flip.episodes, flip.answers, strict=True):
            with Trace(path, append=False) as trace:
                result = trace.result(episode)
            assert (result.question.id, result.answer) == (flip.id, answer)
    said = "\n".join(found.lines(flips=3))
    assert "40 items: both right 26, only first 10, only second 4, neither 0" in said
    assert f"reasonkit trace show {runs[1]}/trace.jsonl --episode" in said
    assert said.endswith("... and 11 more items that flip")


def test_a_run_is_no_better_than_itself(runs: tuple[Path, Path]) -> None:
    found = compare(runs[0], runs[0])
    assert (found.p, found.flips, found.right.low, found.right.high) == (1.0, (), 0.0, 0.0)
    assert "(no item flips)" in "\n".join(found.lines())


def test_both_are_read_forgivingly_if_asked(tmp_path: Path) -> None:
    words = ScriptedClient(lambda request: f" It makes {2 * asked(request)} in all.")
    evaluate(Direct(words), sums(10), tmp_path / "words")
    evaluate(Direct(ScriptedClient(lambda request: f" {2 * asked(request)}")), sums(10), tmp_path / "bare")
    assert compare(tmp_path / "words", tmp_path / "bare").only_second == 10
    assert compare(tmp_path / "words", tmp_path / "bare", lenient=True).both == 10


def test_what_is_not_comparable_is_refused_with_the_reason(runs: tuple[Path, Path], tmp_path: Path) -> None:
    def other(name: str, dataset: Dataset, answer_type: str = "number") -> Path:
        agent = CoT(ScriptedClient(added), answer_type=answer_type)  # type: ignore[arg-type]
        evaluate(agent, dataset, tmp_path / name)
        return tmp_path / name

    with pytest.raises(InputError, match=r"other items. 10 of 40 in .* are not in .*, the first is 's30'"):
        compare(runs[0], other("fewer", sums(30)))
    with pytest.raises(InputError, match=r"other items. 5 of 45 in .*more are not in .*, the first is 's40'"):
        compare(runs[0], other("more", sums(45)))
    with pytest.raises(InputError, match=r"not comparable: metric is 'number' in .*, 'exact' in "):
        compare(runs[0], other("metric", replace(sums(40), metric="exact")))
    with pytest.raises(InputError, match=r"not comparable: extraction is 'number' in .*, 'text' in "):
        compare(runs[0], other("extraction", sums(40), "text"))
    golds = replace(sums(40), questions=(replace(sums(1).questions[0], gold=("7",)), *sums(40).questions[1:]))
    with pytest.raises(InputError, match="item 's0' is 'What is 0 plus 0\\?' with gold"):
        compare(runs[0], other("gold", golds))


def test_a_run_that_has_not_ended_or_was_tampered_with_is_refused(runs: tuple[Path, Path]) -> None:
    results = runs[1] / "results.jsonl"
    lines = results.read_text().splitlines(keepends=True)
    results.write_text("".join(lines[1:]))
    with pytest.raises(InputError, match="39 results of 40 items"):
        compare(*runs)
    results.write_text("".join([*lines[:2], '{"id": "s1"}\n']))
    with pytest.raises(DatasetError, match=r"results.jsonl, line 3: not a row of results"):
        compare(*runs)
    results.unlink()
    with pytest.raises(InputError, match="the run has not ended; give the same eval again"):
        compare(*runs)


def test_the_paired_figures_agree_with_scipy_and_statsmodels(runs: tuple[Path, Path]) -> None:
    tables = pytest.importorskip("statsmodels.stats.contingency_tables")
    stats = pytest.importorskip("scipy.stats")
    found = compare(*runs)
    square = [[found.both, found.only_first], [found.only_second, found.neither]]
    assert found.p == pytest.approx(tables.mcnemar(square, exact=True).pvalue)
    differences = [-1] * found.only_first + [1] * found.only_second + [0] * (found.both + found.neither)
    theirs = stats.bootstrap((differences,), lambda d, axis: d.mean(axis=axis), method="percentile", random_state=1)
    # the figures are of 40 items, so neighbouring quantiles are 1/40 apart
    assert (found.right.low, found.right.high) == pytest.approx(tuple(theirs.confidence_interval), abs=1.01 / 40)
