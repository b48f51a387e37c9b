"""The page of a trace: what stands in it, that nothing in it can act, and how it works in a browser."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from reasonkit import Question
from reasonkit.trace import Event, Trace
from reasonkit.trace.page import _readable, page
from tests.trace.browser import BROWSER, browse, picture
from tests.trace.recorded import HOSTILE, record_program, record_react, record_votes

EMOJI = "\U0001f30a\U0001f30a"
HOSTILE_QUESTIONS = (Question(text=f"Is hostile {HOSTILE} {EMOJI} safe?"), Question(text=f"{EMOJI} hostile & <b>?"))


def made(file: Path) -> str:
    with Trace(file, append=False) as trace:
        return page(trace)


class Parts(HTMLParser):
    """Collects what a browser would see: tags, and the contents of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.inside: dict[str, list[str]] = {"script": [], "style": [], "title": [], "h1": []}
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += attrs
        self._open = tag
        if tag in self.inside:
            self.inside[tag].append("")

    def handle_data(self, data: str) -> None:
        if self._open in self.inside:
            self.inside[self._open][-1] += data

    def handle_endtag(self, tag: str) -> None:
        self._open = ""


def data_of(text: str) -> dict[str, Any]:
    data, _script = Parts(text).inside["script"]
    return json.loads(data)  # type: ignore[no-any-return]


def test_nothing_from_a_trace_becomes_markup(tmp_path: Path) -> None:
    parts = Parts(made(record_react(tmp_path / "<img src=x onerror=alert(1)>.jsonl", HOSTILE_QUESTIONS)))
    assert "img" not in parts.tags
    assert parts.tags.count("script") == 2
    assert not [name for name, _ in parts.attributes if name.startswith("on")]
    assert not [value for name, value in parts.attributes if name in ("src", "href")]
    assert "<" not in parts.inside["script"][0]
    assert HOSTILE in data_of(made(record_react(tmp_path / "t.jsonl", HOSTILE_QUESTIONS)))["episodes"][0]["question"]


def test_the_policy_allows_this_script_and_this_style_and_nothing_else(tmp_path: Path) -> None:
    text = made(record_react(tmp_path / "t.jsonl"))
    parts = Parts(text)
    found = re.search(r'Content-Security-Policy" content="([^"]*)"', text)
    assert found is not None
    policy = dict(part.strip().split(" ", 1) for part in html.unescape(found[1]).split(";"))
    assert policy["default-src"] == policy["base-uri"] == policy["form-action"] == "'none'"
    for directive, content in (("script-src", parts.inside["script"][1]), ("style-src", parts.inside["style"][0])):
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert policy[directive] == f"'sha256-{digest}'"
    assert set(policy) == {"default-src", "script-src", "style-src", "base-uri", "form-action"}
    assert "http:" not in text.replace(json.dumps(data_of(text)), "")
    assert "https:" not in text


def rebuilt(data: dict[str, Any], number: int) -> str:
    base, shared, rest = data["requests"][number]
    assert isinstance(rest, str)
    return rest if base < 0 else rebuilt(data, base)[:shared] + rest


@pytest.mark.parametrize("record", [record_react, record_votes, record_program])
def test_every_request_can_be_rebuilt_to_the_byte(record: Any, tmp_path: Path) -> None:
    file = record(tmp_path / "t.jsonl")
    data = data_of(made(file))
    shown = {
        raw["place"]: rebuilt(data, raw["request"])
        for item in data["episodes"][0]["items"]
        for raw in (item, *item.get("raw", ()))
        if "request" in raw
    }
    from reasonkit.trace import written

    with Trace(file, append=False) as trace:
        events = [event for event in trace.recording(0).lines() if isinstance(event, Event)]
    sent = {written(event.place): _readable(event.request) for event in events if event.request is not None}
    assert sent
    assert sent.items() <= shown.items()
    completions = [event for event in events if type(event.effect).__name__ == "Completing"]
    assert len(shown) == len(completions)


def test_a_chat_shows_its_turns(tmp_path: Path) -> None:
    data = data_of(made(record_react(tmp_path / "t.jsonl", chat=True)))
    assert rebuilt(data, 0).startswith("<system>\nAnswer the question by taking turns")


def test_a_prompt_stands_in_the_page_once(tmp_path: Path) -> None:
    questions = [Question(text=f"Where does the river end? {i}") for i in range(40)]
    text = made(record_react(tmp_path / "t.jsonl", questions))
    assert text.count("taking turns at Thought, Action and Observation") == 1
    assert len(text) < (tmp_path / "t.jsonl").stat().st_size / 4


needs_browser = pytest.mark.skipif(BROWSER is None, reason="no Chromium here: apt-get install chromium")


@pytest.mark.slow
@needs_browser
def test_hostile_text_does_nothing_in_a_browser(tmp_path: Path) -> None:
    file = tmp_path / "t.html"
    file.write_text(made(record_react(tmp_path / "t.jsonl", HOSTILE_QUESTIONS)), encoding="utf-8")
    dom, log = browse(file)
    assert "<title>t.jsonl</title>" in dom
    assert "Content Security Policy" not in log
    assert "Uncaught" not in log
    shown = dom.partition('<main id="episodes">')[2].partition("</main>")[0]
    assert html.escape(HOSTILE, quote=False).replace("\u2028", "") in shown.replace("\u2028", "")
    assert "<img" not in shown
    assert "<script" not in shown


@pytest.mark.slow
@needs_browser
def test_episodes_open_with_their_exact_prompts_and_highlighted_programs(tmp_path: Path) -> None:
    file = record_react(tmp_path / "t.jsonl", HOSTILE_QUESTIONS)
    dom = shown(tmp_path, file, "#everything")
    with Trace(file, append=False) as trace:
        requests = [
            event.request for number in trace.episodes for event in trace.recording(number).lines()
            if isinstance(event, Event) and isinstance(event.request, str)
        ]  # fmt: skip
    prompts = [html.unescape(found) for found in re.findall(r'<pre class="request">(.*?)</pre>', dom, re.DOTALL)]
    assert sorted(prompts) == sorted(requests)
    assert '<span class="mark">asked again</span>' in dom
    program = shown(tmp_path, record_program(tmp_path / "p.jsonl"), "")
    assert '<span class="word">def</span>' in program
    assert '<span class="comment"># five bunches</span>' in program
    assert '<span class="number">12</span>' in program


@pytest.mark.slow
@needs_browser
def test_votes_are_a_chart(tmp_path: Path) -> None:
    dom = shown(tmp_path, record_votes(tmp_path / "v.jsonl"), "")
    bars = re.findall(r'<progress max="7" value="(\d)">', dom)
    assert sum(map(int, bars)) == 7


@pytest.mark.slow
@needs_browser
def test_hundreds_of_episodes_are_searched_and_only_opened_ones_are_built(tmp_path: Path) -> None:
    questions = [Question(text=f"Where does the {'road' if i % 7 == 0 else 'river'} end? {i}") for i in range(600)]
    file = record_react(tmp_path / "t.jsonl", questions)
    dom = shown(tmp_path, file, "")
    assert dom.count('<details class="episode"') == 600
    assert 'class="inside"' not in dom
    found = shown(tmp_path, file, "#q=find%5Broad%5D")
    assert f"{len(range(0, 600, 7))} of 600 episodes" in found
    one = shown(tmp_path, file, "#599")
    assert one.count('class="inside"') == 1


@pytest.mark.slow
@needs_browser
def test_the_page_is_drawn_light_dark_and_on_a_phone(tmp_path: Path) -> None:
    page_file = tmp_path / "t.html"
    page_file.write_text(made(record_votes(tmp_path / "t.jsonl")), encoding="utf-8")
    for name, width, dark in (("light", 1000, False), ("dark", 1000, True), ("phone", 400, False)):
        picture(page_file, tmp_path / f"{name}.png", width=width, height=800, dark=dark)
    pictures = [(tmp_path / f"{name}.png").read_bytes() for name in ("light", "dark", "phone")]
    assert all(one.startswith(b"\x89PNG") for one in pictures)
    assert len(set(pictures)) == 3


def shown(folder: Path, trace: Path, fragment: str) -> str:
    file = folder / f"{trace.stem}.html"
    file.write_text(made(trace), encoding="utf-8")
    dom, log = browse(file, fragment=fragment)
    assert "Uncaught" not in log
    return dom
