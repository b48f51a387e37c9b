"""The report's page: what stands in it, that nothing in it can act, that its links lead to the episodes, its looks."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reasonkit import CoT, Question, ReAct, ScriptedClient, SelfConsistency, Toolbox
from reasonkit.errors import InputError
from reasonkit.evaluation import Dataset, evaluate
from reasonkit.evaluation.groups import groups
from reasonkit.evaluation.page import page, tables, write_page
from reasonkit.evaluation.page.charts import COLOURS, Axis, Point, curves, scatter
from reasonkit.evaluation.page.markup import escaped, tag
from reasonkit.types import Request
from tests.evaluation.items import added, asked, sums
from tests.trace.browser import BROWSER, _run, browse, picture
from tests.trace.recorded import HOSTILE, Find, record_react

needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")
MARKUP = HOSTILE.partition("\u2028")[0]
VOID = {"meta", "input", "br"}


class Parts(HTMLParser):
    """Reads a page as a browser would, and refuses elements that are not closed where they should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str]] = []
        self.ids: list[str] = []
        self.said = ""
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value or "" for name, value in attrs if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said += data

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]


def thirds(request: Request) -> str:
    """Answer a sum; every third is wrong, and a sample now and then."""
    number = asked(request)
    return f" The answer is {2 * number + (number % 3 == 0) + (request.seeds[0] % 4 == 0)}."


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    """A chain of thought and a vote over the same 12 sums."""
    evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(12), tmp_path / "a b" / "cot", method="cot")
    one = CoT(ScriptedClient(thirds), answer_type="number", temperature=0.7)
    evaluate(SelfConsistency(one, n=5, early_stop=False), sums(12), tmp_path / "a b" / "cot-sc", method="cot-sc")
    return [tmp_path / "a b" / "cot", tmp_path / "a b" / "cot-sc"]


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """ReAct over questions, observations and a dataset's name that try to be markup."""
    questions = (
        Question(text=f"Is hostile {HOSTILE} safe?", id='"><b>', gold=("<i>the sea</i>",)),
        Question(text="Where does the river end? \u202ereversed\ud800\x00", id="r2", gold=("the sea",)),
    )
    record_react(tmp_path / "first.jsonl", questions)
    recorded = (tmp_path / "first.jsonl").read_text()
    assert "hostile" in recorded

    def says(request: Request) -> str:
        assert isinstance(request.prompt, str)
        number = int(request.prompt.rstrip().rpartition(" ")[2].rstrip(":"))
        return {1: " Look.\nAction 1: Find[hostile]"}.get(number, f" So.\nAction {number}: Finish[{HOSTILE}]")

    agent = ReAct(ScriptedClient(says), tools=Toolbox([Find]))
    dataset = Dataset(name='<script>alert("name")</script>', metric="exact", questions=questions)
    evaluate(agent, dataset, tmp_path / "hostile", method='react" onload="alert(1)')
    return tmp_path / "hostile"


def test_the_page_needs_nothing_else_and_runs_nothing(runs: list[Path], hostile: Path) -> None:
    parts = Parts(page(groups([*runs, hostile])))
    assert not parts.tags & {"script", "img", "iframe", "link", "object", "base", "form", "embed"}
    assert not [name for name, _ in parts.attributes if name.startswith("on") or name in ("src", "style", "srcdoc")]
    assert all(address.startswith(("#", "./")) for address in parts.all("href"))
    policy = next(value for value in parts.all("content") if "default-src" in value)
    assert policy.startswith("default-src 'none'; style-src 'sha256-")
    assert "script" not in policy
    assert len(set(parts.ids)) == len(parts.ids)
    assert set(" ".join(parts.all("aria-labelledby")).split()) <= set(parts.ids)


def test_hostile_questions_answers_and_names_are_shown_as_they_are(hostile: Path) -> None:
    text = page(groups([hostile]))
    said = Parts(text).said
    assert MARKUP in said
    assert "<i>the sea</i>" in said
    assert '<script>alert("name")</script>' in said
    assert "reversed\ufffd\ufffd" in said
    text.encode()


@given(st.text())
def test_no_text_leaves_its_element_or_attribute(text: str) -> None:
    read = Parts(tag("p", [tag("b", text), text], title=text))
    assert read.tags == {"p", "b"}
    assert [name for name, _ in read.attributes] == ["title"]
    shown = html.unescape(escaped(text))
    assert read.all("title") == [shown]
    assert read.said.replace("\r\n", "\n").replace("\r", "\n") == 2 * shown.replace("\r\n", "\n").replace("\r", "\n")


def test_every_chart_has_its_numbers_as_a_table_with_n_and_interval(runs: list[Path]) -> None:
    text = page(groups(runs))
    charts = re.findall(r"<figure><figcaption>(.*?)</figcaption>(.*?)</figure>", text, re.DOTALL)
    captions = [caption for caption, _ in charts]
    assert captions == ["Majority of the first k samples (maj@k)", "Accuracy against cost", "How the episodes ended"]
    for _, inside in charts:
        assert '<svg role="img"' in inside
        assert "<desc" in inside
        rows = re.findall(r"<tr>(.*?)</tr>", inside.partition("<tbody>")[2])
        assert rows
        assert all(re.search(r"\d\.\d% \[\d+\.\d%, \d+\.\d%\]", row) for row in rows)
        assert "12" in inside.partition("<table>")[2]


def test_the_curve_of_majorities_is_that_of_the_votes(runs: list[Path]) -> None:
    (group,) = groups(runs)
    shares = group.runs[1].figures.maj_at_k
    assert len(shares) == 5
    text = page([group])
    for k, share in enumerate(shares, 1):
        assert f"<td>{share.value:.1%} [{share.low:.1%}, {share.high:.1%}]</td>" in text, k
    assert f"cot-sc: {shares[0].value:.1%} at k = 1, {shares[4].value:.1%} at k = 5" in text


def test_runs_are_paired_item_by_item_with_the_first(runs: list[Path]) -> None:
    text = page(groups(runs)).partition("Item by item")[2]
    assert "Each method against cot" in text
    assert "McNemar" in text
    differing = re.findall(r'<tr class="(differ[^"]*)">', text)
    wrong = re.findall(r'<tr class="[^"]*wrong">', text)
    assert len(re.findall(r'<td class="(?:right|wrong)">', text)) == 24
    assert 0 < len(differing) <= len(wrong) <= 12


def test_links_lead_to_the_pages_of_the_traces_from_wherever_the_report_lies(runs: list[Path], tmp_path: Path) -> None:
    for out in (tmp_path / "report.html", tmp_path / "a b" / "r.html", tmp_path / "reports" / "x" / "r.html"):
        out.parent.mkdir(parents=True, exist_ok=True)
        written = write_page(groups(runs), out)
        assert written == [run / "trace.html" for run in runs]
        links = [address for address in Parts(out.read_text()).all("href") if address.startswith("./")]
        assert len(links) == 2 + 24
        files = {(out.parent / unquote(urlsplit(link).path)).resolve() for link in links}
        assert files == {file.resolve() for file in written}
        assert {urlsplit(link).fragment for link in links} == {"", *map(str, range(12))}


def test_without_pages_of_the_traces_there_are_no_links(runs: list[Path], tmp_path: Path) -> None:
    assert write_page(groups(runs), tmp_path / "report.html", traces=False) == []
    assert not (runs[0] / "trace.html").exists()
    assert not Parts((tmp_path / "report.html").read_text()).all("href")


def test_a_file_that_cannot_be_written_is_said(runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file or directory; give a file that can be written"):
        write_page(groups(runs), tmp_path / "missing" / "report.html")
    assert not (runs[0] / "trace.html").exists()
    (runs[1] / "trace.html").mkdir()
    with pytest.raises(InputError, match=r"trace.html: Is a directory; .* or leave the pages of the traces out"):
        write_page(groups(runs), tmp_path / "report.html")


def test_of_many_items_the_page_lists_the_first_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(30), tmp_path / "cot")
    monkeypatch.setattr(tables, "ITEMS", 10)
    text = page(groups([tmp_path / "cot"]))
    assert "Only the first 10 of 30 items are listed" in text
    assert len(re.findall(r'<td class="(?:right|wrong)">', text)) == 10


def test_runs_of_one_method_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    for name in ("a", "b"):
        evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(4), tmp_path / name / "cot")
    (group,) = groups([tmp_path / "a" / "cot", tmp_path / "b" / "cot"])
    assert [run.figures.method for run in group.runs] == ["cot (a/cot)", "cot (b/cot)"]
    with pytest.raises(InputError, match="named twice"):
        groups([tmp_path / "a" / "cot", tmp_path / "a" / ".." / "a" / "cot"])


def test_runs_over_other_items_stand_in_sections_of_their_own(runs: list[Path], tmp_path: Path) -> None:
    evaluate(CoT(ScriptedClient(added), answer_type="number"), sums(5), tmp_path / "fewer")
    found = groups([*runs, tmp_path / "fewer"])
    assert [[run.settings.n for run in group.runs] for group in found] == [[12, 12], [5]]
    assert page(found).count("<section ") == 2


@given(st.floats(0, 1e7), st.floats(1e-3, 1e7), st.booleans())
def test_ticks_stand_within_their_axis(low: float, span: float, logarithmic: bool) -> None:
    low = max(low, 1.0) if logarithmic else low
    axis = Axis(
        low=low, high=low + span if not logarithmic else 11 * low + span, start=0, end=100, logarithmic=logarithmic
    )
    ticks = axis.ticks()
    assert 1 <= len(ticks) <= 12 or span < 1e-9 * low
    assert all(-0.5 <= axis.at(tick) <= 100.5 for tick in ticks)


def test_more_runs_than_colours_are_still_drawn() -> None:
    from reasonkit.evaluation.intervals import wilson

    shares = [wilson(k, 20) for k in (5, 9, 11)]
    drawn = curves("x", [(f"run {i}", i % COLOURS, shares) for i in range(COLOURS + 3)])
    assert drawn.count("<polyline") == COLOURS + 3
    free = wilson(3, 20)
    zero = Point(name="local", colour=0, x=wilson(0, 20), y=free)
    assert "nan" not in scatter("y", [zero]).lower()


@pytest.mark.slow
@needs_browser
def test_a_browser_shows_the_page_without_a_complaint_and_no_hostile_text_acts(hostile: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_page(groups([hostile]), out)
    dom, log = browse(out)
    assert "Content Security Policy" not in log
    assert "Uncaught" not in log
    assert "owned" not in dom.partition("</title>")[0]
    assert "<img" not in dom
    assert html.escape(MARKUP, quote=False) in dom


@pytest.mark.slow
@needs_browser
def test_an_answer_s_link_opens_its_episode(runs: list[Path], tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    write_page(groups(runs), out)
    link = next(link for link in Parts(out.read_text()).all("href") if link.endswith("cot/trace.html#7"))
    dom, _ = browse(out.parent / unquote(urlsplit(link).path), fragment="#7")
    opened = re.findall(r'<details class="episode" open="">.*?</details>', dom, re.DOTALL)
    assert len(opened) == 1
    assert "What is 7 plus 7?" in opened[0]


@pytest.mark.slow
@needs_browser
def test_nothing_but_tables_is_wider_than_a_phone_and_the_looks_differ_by_light(
    runs: list[Path], tmp_path: Path
) -> None:
    out, measured = tmp_path / "report.html", tmp_path / "measured.html"
    write_page(groups(runs), out)
    text = re.sub(r"<meta http-equiv[^>]*>", "", out.read_text()).replace("<details", "<details open")
    script = "<script>document.title = `${document.documentElement.scrollWidth} of ${innerWidth}`</script>"
    for width in (390, 1280):
        measured.write_text(text.replace("</body>", f"{script}</body>"))
        dom, _ = _run(measured.as_uri(), "--dump-dom", f"--window-size={width},900")
        found = re.search(r"<title>(\d+) of (\d+)</title>", dom)
        assert found is not None
        assert int(found[1]) <= int(found[2])
    for name, width, dark in (("light", 1280, False), ("dark", 1280, True), ("phone", 390, False)):
        picture(out, tmp_path / f"{name}.png", width=width, height=900, dark=dark)
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("light", "dark", "phone")]
    assert len(set(pictures)) == 3
