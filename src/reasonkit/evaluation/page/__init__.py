"""Finished runs as one page of HTML that needs nothing else: tables, charts, and links into the traces.

There is no script in it. Its content security policy allows its own style, by its hash, and nothing from anywhere;
questions and answers, which are hostile, are escaped. The links lead to the page of each trace, which is written beside
the trace, so they work wherever the folder is opened.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from reasonkit.errors import InputError
from reasonkit.evaluation.groups import Finished, Group
from reasonkit.evaluation.intervals import Interval, wilson
from reasonkit.evaluation.page import charts, tables
from reasonkit.evaluation.page.markup import Markup, tag
from reasonkit.evaluation.report import markdown_of
from reasonkit.evaluation.run import TRACE
from reasonkit.evaluation.table import percent, plain
from reasonkit.trace import Trace
from reasonkit.trace.page import page as trace_page

TRACE_PAGE = "trace.html"


def write_page(groups: Sequence[Group], out: Path, *, traces: bool = True) -> list[Path]:
    """Write the report's page, and the page of each trace beside the trace.

    Args:
        groups: the runs.
        out: the page's file.
        traces: whether the traces' pages are written and linked.

    Returns:
        The pages of the traces.

    Raises:
        InputError: a file cannot be written.
        TraceError: a trace cannot be read.
    """
    pages = {run.folder: run.folder / TRACE_PAGE for group in groups for run in group.runs} if traces else {}

    def link(run: Finished, episode: int | None) -> str | None:
        if run.folder not in pages:
            return None
        there = Path(os.path.relpath(pages[run.folder].resolve(), out.resolve().parent)).as_posix()
        return f"./{quote(there)}" + ("" if episode is None else f"#{episode}")

    _write(out, page(groups, link), "give a file that can be written")
    for folder, file in pages.items():
        with Trace(folder / TRACE, append=False) as trace:
            _write(file, trace_page(trace), "make its folder writable, or leave the pages of the traces out")
    return list(pages.values())


def page(groups: Sequence[Group], link: tables.Link = lambda *_: None) -> str:
    """Return the page of a report.

    Args:
        groups: the runs.
        link: where an episode of a run is shown.
    """
    style = Markup(files("reasonkit.evaluation.page").joinpath("page.css").read_text(encoding="utf-8"))
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    names = dict.fromkeys(group.runs[0].settings.dataset for group in groups)
    head = [
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=policy),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"Evaluation: {', '.join(names)}"),
        tag("style", style),
    ]
    sections = [_section(f"g{number}", group, link) for number, group in enumerate(groups)]
    body = tag("body", [tag("header", _opening(groups)), tag("main", sections)])
    return f"<!doctype html>\n{tag('html', [tag('head', head), body], lang='en')}\n"


def _opening(groups: Sequence[Group]) -> list[Markup]:
    count = sum(len(group.runs) for group in groups)
    runs, sets = ("run" if count == 1 else "runs"), ("set" if len(groups) == 1 else "sets")
    said = (
        f"{count} {runs} over {len(groups)} {sets} of items. In brackets, and as bars, whiskers and bands: 95 % "
        "intervals, of Wilson for shares, of the bootstrap for means (beyond 1,000 items of the normal distribution)."
    )
    opening = [tag("h1", "Evaluation"), tag("p", said)]
    if len(groups) > 1:
        links = [tag("li", tag("a", group.heading, href=f"#g{number}")) for number, group in enumerate(groups)]
        opening.append(tag("nav", tag("ul", links), aria_label="Sets of items"))
    return opening


def _section(name: str, group: Group, link: tables.Link) -> Markup:
    copied = tag("pre", markdown_of(group), tabindex="0", aria_label="Markdown")
    inside = [
        tag("h2", group.heading),
        tables.methods(group, link),
        *tables.sources(group),
        tag("div", _charts(name, group), class_="charts"),
        *tables.pairs(group),
        tables.items(name, group, link),
        tag("details", [tag("summary", "The tables as Markdown"), copied]),
    ]
    return tag("section", inside, id=name)


def _charts(name: str, group: Group) -> list[Markup]:
    """Return the charts of a group, each with its numbers."""
    runs = [(run.figures, number % charts.COLOURS) for number, run in enumerate(group.runs)]
    found: list[Markup] = []
    if votes := [(one.method, colour, one.maj_at_k) for one, colour in runs if one.maj_at_k]:
        found.append(_majorities(name, votes))
    points = [charts.Point(name=one.method, colour=colour, x=one.tokens, y=one.right) for one, colour in runs]
    rows = [[one.method, str(one.n), percent(one.right), plain(one.tokens, 0)] for one, _ in runs]
    drawn = charts.scatter(f"{name}-cost", points)
    found.append(
        _chart(
            "Accuracy against cost",
            [drawn, _legend((one.method, colour) for one, colour in runs)],
            ["method", "n", "right", "tokens an item"],
            rows,
        )
    )
    steps = [
        (one.method, colour, [(count, wilson(items, one.n)) for count, items in one.step_counts])
        for one, colour in runs
        if any(count for count, _ in one.step_counts)
    ]
    if steps:
        drawn = charts.histograms(f"{name}-steps", steps)
        rows = [row for method, _, counts in steps for row in _shares(method, counts)]
        found.append(_chart("Steps an item", [drawn], ["method", "steps", "items", "share"], rows))
    drawn = charts.parts(f"{name}-ends", [(one.method, one.stop_reasons) for one, _ in runs])
    rows = [
        row
        for one, _ in runs
        for row in _shares(one.method, [(reason, wilson(items, one.n)) for reason, items in one.stop_reasons])
    ]
    head = ["method", "ended", "items", "share"]
    found.append(_chart("How the episodes ended", [drawn, _reasons(group)], head, rows))
    return found


def _majorities(name: str, votes: Sequence[tuple[str, int, Sequence[Interval]]]) -> Markup:
    longest = max(len(shares) for _, _, shares in votes)
    rows = [
        [str(k), *("" if k > len(shares) else percent(shares[k - 1]) for _, _, shares in votes)]
        for k in range(1, longest + 1)
    ]
    head = ["k", *(f"{method}, n = {shares[0].n}" for method, _, shares in votes)]
    drawn = charts.curves(f"{name}-maj", votes), _legend((method, colour) for method, colour, _ in votes)
    return _chart("Majority of the first k samples (maj@k)", drawn, head, rows)


def _legend(runs: Iterable[tuple[str, int]]) -> Markup:
    return tag("ul", [tag("li", [tables.swatch(colour), method]) for method, colour in runs], class_="legend")


def _shares(method: str, counts: Sequence[tuple[object, Interval]]) -> list[list[str]]:
    return [
        [method, str(value), f"{round(share.value * share.n)} of {share.n}", percent(share)] for value, share in counts
    ]


def _reasons(group: Group) -> Markup:
    """Return the legend of the ways in which episodes ended, those that occur."""
    there = {reason for run in group.runs for reason, _ in run.figures.stop_reasons}
    known = [reason for reason in charts.REASONS if reason in there]
    return tag(
        "ul", [tag("li", [tag("span", "", class_=f"swatch r-{reason}"), reason]) for reason in known], class_="legend"
    )


def _chart(caption: str, drawn: Sequence[Markup], head: Sequence[str], rows: Sequence[Sequence[str]]) -> Markup:
    numbers = tag("details", [tag("summary", "The numbers"), tables.texts(caption, head, rows)])
    return tag("figure", [tag("figcaption", caption), *drawn, numbers])


def _write(file: Path, text: str, otherwise: str) -> None:
    try:
        file.write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}; {otherwise}") from None
