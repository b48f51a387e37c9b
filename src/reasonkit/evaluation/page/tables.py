"""The tables of a report's page: methods, pairs of them, and the items with links into the traces.

Not here: the Markdown tables (`evaluation/table.py`, `evaluation/report.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

from reasonkit.errors import InputError
from reasonkit.evaluation.compare import compare
from reasonkit.evaluation.groups import Finished, Group, rows_of
from reasonkit.evaluation.intervals import Interval
from reasonkit.evaluation.page.charts import COLOURS, marker, shortened
from reasonkit.evaluation.page.markup import Markup, tag
from reasonkit.evaluation.report import published_share, sentence
from reasonkit.evaluation.rows import Row
from reasonkit.evaluation.table import percent, plain

Link = Callable[[Finished, int | None], str | None]
"""Where an episode of a run is shown, or the whole trace for None; None if nowhere."""
ITEMS = 1000
"""Items that a page lists; more would make it slow to open, and all stand in the results."""


def methods(group: Group, link: Link) -> Markup:
    """Return the table of a group's runs."""
    priced = any(run.figures.usd is not None for run in group.runs)
    numbers = {source.source: number for number, (source, _) in enumerate(group.sources(), 1)}
    head = ["method", "n", "right", *(["published"] if numbers else []), "read forgivingly", "F1", "steps"]
    head += ["tokens an item", *(["US dollars"] if priced else []), "seconds an item", "recovered steps", "model"]
    rows = []
    for number, run in enumerate(group.runs):
        one, target = run.figures, link(run, None)
        name = tag("a", one.method, href=target) if target else one.method
        cells = [tag("th", [swatch(number), name], scope="row"), tag("td", str(one.n)), _figure(one.right, percent)]
        if numbers:
            beside = [
                tag("div", f"{published_share(share)}, {source.model} [{numbers[source.source]}]")
                for source, share in run.published()
            ]
            cells.append(tag("td", beside or "\u2013", class_="published"))
        cells += [_figure(one.lenient, percent), _figure(one.f1, percent), _figure(one.steps, partial(plain, digits=2))]
        cells.append(_figure(one.tokens, partial(plain, digits=0)))
        cells += [tag("td", "unknown" if one.usd is None else f"{one.usd:.4f}")] if priced else []
        cells.append(_figure(one.seconds, partial(plain, digits=2)))
        rows.append(tag("tr", [*cells, tag("td", str(one.recovered)), tag("td", run.model)]))
    return _table("Methods", head, rows)


def sources(group: Group) -> list[Markup]:
    """Return where the papers' figures are from, and what keeps them apart from these runs."""
    if not group.sources():
        return []
    said = (
        "Published figures are of the papers' own models and prompts; they are no test of a run. Their intervals are "
        "Wilson's, computed here where n is known."
    )
    notes = [tag("li", f"{source.source}. {sentence(why)}") for source, why in group.sources()]
    return [tag("p", said, class_="note"), tag("ol", notes, class_="note")]


def pairs(group: Group) -> list[Markup]:
    """Return each run against the first one, item by item."""
    first, *others = group.runs
    if not others:
        return []
    rows = [tag("tr", _pair(first, other)) for other in others]
    head = ["method", "n", "right, less the first's", "only the first right", "only this right", "McNemar's p"]
    said = (
        f"Each method against {first.figures.method}, item by item: a paired bootstrap and McNemar's exact test. "
        "The p-values are not corrected for how many there are."
    )
    return [tag("h3", "Item by item"), tag("p", said, class_="note"), _table("Item by item", head, rows)]


def items(name: str, group: Group, link: Link) -> Markup:
    """Return the items with every run's answer; each answer leads to its episode.

    Args:
        name: of the group, unique in the page.
        group: the runs.
        link: where an episode is shown.
    """
    rows = [_item(group, answers, link) for answers in _answers_by_item(group)]
    n = group.runs[0].settings.n
    inside = [tag("summary", f"{n} {'item' if n == 1 else 'items'}, with each method's answer")]
    if len(rows) < n:
        said = f"Only the first {len(rows)} of {n} items are listed; each run's results.jsonl has all."
        inside.append(tag("p", said, class_="note"))
    choices = {"all": "all", "wrong": "that some method has wrong", "differ": "on which methods differ"}
    if len(group.runs) == 1:
        choices = {"all": "all", "wrong": "that are wrong"}
    filters = [
        tag("label", [_choice(f"{name}-items", value, checked=value == "all"), said]) for value, said in choices.items()
    ]
    inside.append(tag("fieldset", [tag("legend", "Items:"), *filters]))
    inside.append(_table("Items", ["item", "gold", *(run.figures.method for run in group.runs)], rows))
    return tag("details", inside, class_="items")


def texts(caption: str, head: Sequence[str], rows: Iterable[Sequence[str]]) -> Markup:
    """Return a table of texts."""
    lines = [
        tag("tr", [tag("th", first, scope="row"), *(tag("td", cell) for cell in others)]) for first, *others in rows
    ]
    return _table(caption, head, lines)


def _table(caption: str, head: Sequence[str], rows: Sequence[Markup]) -> Markup:
    """Return a table that scrolls by itself where it is too wide, by key too, so that the page does not."""
    titles = tag("thead", tag("tr", [tag("th", title, scope="col") for title in head]))
    table = tag("table", [tag("caption", caption, class_="unseen"), titles, tag("tbody", rows)])
    return tag("div", table, class_="scroll", tabindex="0", role="region", aria_label=caption)


def _figure(value: Interval, write: Callable[[Interval], str]) -> Markup:
    """Return a cell with a figure, its interval below it."""
    figure, _, interval = write(value).partition(" ")
    return tag("td", [tag("b", figure), " ", tag("span", interval, class_="interval")])


def swatch(number: int) -> Markup:
    """Return the point that stands for a run in the charts."""
    return tag("svg", marker(number % COLOURS, 7, 7), class_="swatch", viewBox="0 0 14 14", aria_hidden="true")


def _choice(name: str, value: str, *, checked: bool) -> Markup:
    if checked:
        return tag("input", type="radio", name=name, value=value, checked="")
    return tag("input", type="radio", name=name, value=value)


def _pair(first: Finished, other: Finished) -> Iterator[Markup]:
    yield tag("th", other.figures.method, scope="row")
    try:
        found = compare(first.folder, other.folder)
    except InputError as error:
        yield tag("td", str(error), colspan="5")
        return
    yield tag("td", str(found.n))
    yield _figure(found.right, percent)
    yield from (tag("td", text) for text in (str(found.only_first), str(found.only_second), f"{found.p:.3g}"))


def _answers_by_item(group: Group) -> Iterator[tuple[Row, ...]]:
    """Yield every run's row of an item, in the order of the items."""
    runs = [{row.id: row for row in rows_of(run, ITEMS)} for run in group.runs]
    return (tuple(rows[name] for rows in runs) for name in runs[0])


def _item(group: Group, answers: Sequence[Row], link: Link) -> Markup:
    first = answers[0]
    question = [
        tag("span", shortened(first.id, 40), class_="interval"),
        " ",
        tag("bdi", shortened(first.question, 240)),
    ]
    cells = [tag("th", question, scope="row"), tag("td", tag("bdi", shortened(" | ".join(first.gold), 80)))]
    cells += [_answer(row, link(run, row.episode)) for run, row in zip(group.runs, answers, strict=True)]
    differ, wrong = len({row.right for row in answers}) > 1, not all(row.right for row in answers)
    return tag("tr", cells, class_=" ".join(name for name, holds in (("differ", differ), ("wrong", wrong)) if holds))


def _answer(row: Row, target: str | None) -> Markup:
    said = f"no answer ({row.stop_reason})" if row.answer is None else shortened(row.answer, 80) or "(empty)"
    mark, verdict = ("\u2713", "right") if row.right else ("\u2717", "wrong")
    shown = tag("bdi", said)
    inside = [
        tag("span", mark, class_="mark", aria_hidden="true"),
        tag("span", f" {verdict}: ", class_="unseen"),
        " ",
        tag("a", shown, href=target) if target else shown,
    ]
    if row.lenient and not row.right:
        inside.append(tag("span", "right if read forgivingly", class_="interval"))
    return tag("td", inside, class_=verdict)
