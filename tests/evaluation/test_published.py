"""The papers' figures: where each is printed, and that a report never takes other items for the paper's."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from reasonkit import CoT, Direct, ReAct, ScriptedClient, SelfConsistency, Toolbox
from reasonkit.evaluation import Dataset, evaluate, load_dataset, markdown
from reasonkit.evaluation.datasets import KINDS
from reasonkit.evaluation.published import published
from tests.evaluation.items import added, sums
from tests.trace.recorded import Find


def test_every_figure_says_its_paper_table_model_and_dataset() -> None:
    assert len(published()) >= 7
    for table in published():
        assert table.kind in KINDS
        assert table.where.startswith("Table ")
        assert table.arxiv in ("2210.03629", "2211.10435", "2203.11171")
        assert table.model
        assert all(0 < figure <= 100 for figure in table.figures.values())


def test_the_figures_of_the_react_paper_are_all_seven_methods() -> None:
    tables = {table.kind: table.figures for table in published() if table.arxiv == "2210.03629"}
    assert list(tables["hotpotqa"].values()) == [28.7, 29.4, 33.4, 25.7, 27.4, 34.2, 35.1]
    assert list(tables["fever"].values()) == [57.1, 56.3, 60.4, 58.9, 60.9, 64.6, 62.0]
    assert tables["fever"].keys() == tables["hotpotqa"].keys()


def test_an_interval_is_computed_only_where_the_paper_s_n_is_known() -> None:
    pal = next(table for table in published() if table.kind == "gsm8k" and "pal" in table.figures)
    share = pal.share("pal")
    assert share is not None
    assert (round(share.value, 3), share.n) == (0.72, 1319)
    assert share.low < 0.72 < share.high
    react = next(table for table in published() if table.kind == "hotpotqa")
    unknown = react.share("react")
    assert unknown is not None
    assert unknown.value == pytest.approx(0.274)
    assert unknown.n == 0
    assert react.share("pal") is None


def test_bundled_items_are_never_taken_for_the_paper_s(tmp_path: Path) -> None:
    dataset = load_dataset("bundled:arithmetic")
    assert (dataset.name, dataset.kind) == ("bundled:arithmetic", "gsm8k")
    evaluate(CoT(ScriptedClient(lambda _: " The answer is 7."), answer_type="number"), dataset, tmp_path, method="cot")
    text = markdown([tmp_path])
    assert "| cot | " in text
    assert "65.6% [63.0%, 68.1%] n=1319 | Codex (code-davinci-002), arXiv 2211.10435, Table 1 |" in text
    assert "56.5% [53.8%, 59.1%] n=1319 | PaLM-540B, arXiv 2203.11171, Table 2 |" in text
    assert "Other items: bundled:arithmetic was written for this library in the same form" in text


def test_a_sample_and_a_set_of_unknown_size_are_said(tmp_path: Path) -> None:
    file = tmp_path / "test.jsonl"
    file.write_text("".join(json.dumps({"question": f"{n}?", "answer": f"#### {n}"}) + "\n" for n in range(5)))
    gsm = load_dataset(file, kind="gsm8k")
    evaluate(CoT(ScriptedClient(lambda _: " The answer is 3."), answer_type="number"), gsm, tmp_path / "gsm")
    assert "Other items: 5 here, 1319 there." in markdown([tmp_path / "gsm"])
    hotpot = tmp_path / "hotpot.json"
    hotpot.write_text(json.dumps([{"_id": "a", "question": "Who?", "answer": "Ann"}]))
    evaluate(
        ReAct(ScriptedClient(lambda _: " So.\nAction 1: Finish[Ann]"), tools=Toolbox([Find])),
        load_dataset(hotpot, kind="hotpotqa"),
        tmp_path / "hotpot",
    )
    text = markdown([tmp_path / "hotpot"])
    assert "| react | 100.0% [20.7%, 100.0%] n=1 (scripted) | 27.4%, n not said | PaLM-540B" in text
    assert "1 item here; the paper does not say how many it took" in text


def test_own_datasets_and_votes_of_other_methods_have_no_paper_beside_them(tmp_path: Path) -> None:
    evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(3), tmp_path / "own")
    assert "arXiv" not in markdown([tmp_path / "own"])
    questions = sums(3).questions
    gsm = Dataset(name="test", metric="number", questions=questions, kind="gsm8k")
    vote = SelfConsistency(Direct(ScriptedClient(added), temperature=0.7), n=3)
    evaluate(vote, gsm, tmp_path / "vote", method="cot-sc")
    assert "arXiv" not in markdown([tmp_path / "vote"])
