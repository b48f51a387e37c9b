"""Charts as SVG, written by hand: curves with bands, points with intervals, bars, and parts of a whole.

Each is one `<svg>` with a title and a description for those who cannot see it; colours are classes, which the page's
style sets for light and dark. Runs are told apart by colour and by the shape of their points.
Not here: the numbers behind a chart, which the page sets under it as a table.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from reasonkit.evaluation.intervals import Interval
from reasonkit.evaluation.page.markup import Markup, rounded, tag

COLOURS = 8
"""Runs that are told apart; the next ones begin again."""
WIDTH, HEIGHT = 400, 260
LEFT, RIGHT, TOP, BOTTOM = 46, 12, 10, 42
REASONS = ("finish", "forced", "step_limit", "stalled", "budget", "timeout", "cancelled", "error")
"""How an episode can end, in the order of the parts of a bar."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """From values to places."""

    low: float
    high: float
    start: float
    end: float
    logarithmic: bool = False

    def at(self, value: float) -> float:
        """Return where a value stands, in the units of the drawing."""
        low, high, value = (map(math.log, (self.low, self.high, value)) if self.logarithmic else
                            (self.low, self.high, value))  # fmt: skip
        return self.start + (value - low) / (high - low) * (self.end - self.start)

    def ticks(self) -> list[float]:
        """Return round values along the axis."""
        if self.logarithmic:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            many = [digit * 10.0**power for power in powers for digit in (1, 2, 5)]
            inside = [value for value in many if self.low <= value <= self.high]
            return inside if len(inside) <= 6 else inside[:: math.ceil(len(inside) / 6)]
        step = _step(self.high - self.low)
        first = math.ceil(self.low / step - 1e-9)
        return [number * step for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A run in the plane of cost and accuracy."""

    name: str
    colour: int
    x: Interval
    y: Interval


def curves(name: str, runs: Sequence[tuple[str, int, Sequence[Interval]]]) -> Markup:
    """Draw shares against k from 1, each with its band.

    Args:
        name: of the chart, unique in the page.
        runs: a name, a colour and the shares of each.
    """
    longest = max(len(shares) for _, _, shares in runs)
    x = Axis(low=1, high=max(longest, 2), start=LEFT, end=WIDTH - RIGHT)
    y = _share_axis(share for _, _, shares in runs for share in shares)
    drawn = _grid(x, y, "samples k", _whole, only_whole=True)
    for title, colour, shares in runs:
        upper = [(x.at(k), y.at(share.high)) for k, share in enumerate(shares, 1)]
        lower = [(x.at(k), y.at(share.low)) for k, share in enumerate(shares, 1)]
        drawn.append(tag("polygon", class_=f"band c{colour}", points=_points([*upper, *reversed(lower)])))
        middle = [(x.at(k), y.at(share.value)) for k, share in enumerate(shares, 1)]
        drawn.append(tag("polyline", class_=f"line c{colour}", points=_points(middle)))
        every = max(1, len(middle) // 8)
        drawn += [marker(colour, *place, title=title) for place in [*middle[:-1:every], middle[-1]]]
    said = "; ".join(f"{title}: {shares[0].value:.1%} at k = 1, {shares[-1].value:.1%} at k = {len(shares)}"
                     for title, _, shares in runs)  # fmt: skip
    return _svg(name, "Right by the majority of the first k samples", said, drawn)


def scatter(name: str, points: Sequence[Point]) -> Markup:
    """Draw accuracy against tokens; the axis of tokens is logarithmic where they differ by more than ten times."""
    y = _share_axis(point.y for point in points)
    x = _cost_axis([point.x for point in points])
    drawn = _grid(x, y, "tokens an item" + (", logarithmic" if x.logarithmic else ""), _short)
    for point in points:
        across, up = x.at(max(point.x.value, x.low)), y.at(point.y.value)
        reach = x.at(max(point.x.low, x.low)), x.at(min(point.x.high, x.high))
        drawn.append(_line(f"whisker c{point.colour}", (reach[0], up), (reach[1], up)))
        drawn.append(_line(f"whisker c{point.colour}", (across, y.at(point.y.low)), (across, y.at(point.y.high))))
        title = f"{point.name}: {point.y.value:.1%}, {point.x.value:,.0f} tokens an item"
        drawn.append(marker(point.colour, across, up, title=title))
    said = "; ".join(f"{point.name}: {point.y.value:.1%} at {point.x.value:,.0f} tokens" for point in points)
    return _svg(name, "Right against tokens an item", said, drawn)


def histograms(name: str, runs: Sequence[tuple[str, int, Sequence[tuple[int, Interval]]]]) -> Markup:
    """Draw how many items took how many steps, a row a run.

    Args:
        name: of the chart, unique in the page.
        runs: a name, a colour, and the share of items of each number of steps.
    """
    row = 104
    highest = max(steps for _, _, counts in runs for steps, _ in counts)
    width = (WIDTH - LEFT - RIGHT) / (highest + 1)
    x = Axis(low=-0.5, high=highest + 0.5, start=LEFT, end=WIDTH - RIGHT)
    drawn: list[Markup] = []
    for number, (title, colour, counts) in enumerate(runs):
        top = number * row
        y = Axis(low=0, high=1, start=top + row - 22, end=top + 22)
        drawn.append(_text(shortened(title), LEFT, top + 14, "name"))
        for level in (0.0, 0.5, 1.0):
            drawn.append(_line("grid", (LEFT, y.at(level)), (WIDTH - RIGHT, y.at(level))))
            drawn.append(_text(f"{level:.0%}", LEFT - 6, y.at(level) + 4, "tick end"))
        for steps, share in counts:
            left, high = x.at(steps) - width * 0.38, y.at(share.value)
            drawn.append(tag("rect", class_=f"bar c{colour}", x=left, y=high, width=width * 0.76,
                             height=y.at(0) - high))  # fmt: skip
            drawn.append(_line("over", (x.at(steps), y.at(share.low)), (x.at(steps), y.at(share.high))))
        every = max(1, math.ceil((highest + 1) / 16))
        drawn += [_text(str(step), x.at(step), top + row - 7, "tick middle") for step in range(0, highest + 1, every)]
    said = "; ".join(f"{title}: " + ", ".join(f"{share.value:.0%} took {steps}" for steps, share in counts)
                     for title, _, counts in runs)  # fmt: skip
    return _svg(name, "Steps an item", said, drawn, height=row * len(runs) + 4)


def parts(name: str, runs: Sequence[tuple[str, Sequence[tuple[str, int]]]]) -> Markup:
    """Draw how episodes ended, a bar a run.

    Args:
        name: of the chart, unique in the page.
        runs: a name, and how often each reason occurs.
    """
    row = 46
    drawn: list[Markup] = []
    for number, (title, counts) in enumerate(runs):
        top, total = number * row, sum(count for _, count in counts)
        name_shown = shortened(title, 30)
        drawn.append(_text(name_shown, 2, top + 15, "name"))
        drawn.append(_text(shortened(_listed(counts), 58 - len(name_shown)), WIDTH - 2, top + 15, "tick end"))
        left = 2.0
        for reason, count in sorted(counts, key=lambda pair: REASONS.index(pair[0])):
            width = (WIDTH - 4) * count / total
            whole = tag("title", f"{title}: {reason} {count} of {total}")
            drawn.append(tag("rect", whole, class_=f"part r-{reason}", x=left, y=top + 22, width=width,
                             height=16))  # fmt: skip
            left += width
    said = "; ".join(f"{title}: {_listed(counts)}" for title, counts in runs)
    return _svg(name, "How the episodes ended", said, drawn, height=row * len(runs))


def marker(colour: int, x: float, y: float, *, title: str | None = None) -> Markup:
    """Draw the point of a run: its shape says which it is, as its colour does."""
    corners: tuple[tuple[float, float], ...] = _SHAPES[colour % len(_SHAPES)]
    inside = [] if title is None else [tag("title", title)]
    classes = f"point c{colour}"
    if not corners:
        return tag("circle", inside, class_=classes, cx=x, cy=y, r=4.5)
    return tag("polygon", inside, class_=classes, points=_points([(x + a, y + b) for a, b in corners]))


def shortened(text: str, most: int = 48) -> str:
    """Return a text in at most so many characters; what is left out is said by an ellipsis."""
    flat = " ".join(text.split())
    return flat if len(flat) <= most else flat[: most - 1] + "\u2026"


_SHAPES: tuple[tuple[tuple[float, float], ...], ...] = (
    (),
    ((-4, -4), (4, -4), (4, 4), (-4, 4)),
    ((0, -5.5), (5, 4), (-5, 4)),
    ((0, -5.5), (5.5, 0), (0, 5.5), (-5.5, 0)),
    ((0, 5.5), (5, -4), (-5, -4)),
    ((-5.5, 0), (4, -5), (4, 5)),
    ((5.5, 0), (-4, -5), (-4, 5)),
    ((-2, -5), (2, -5), (2, -2), (5, -2), (5, 2), (2, 2), (2, 5), (-2, 5), (-2, 2), (-5, 2), (-5, -2), (-2, -2)),
)
"""A circle, a square, triangles, a diamond, a cross; one for each colour."""


def _grid(x: Axis, y: Axis, label: str, write: Callable[[float], str], *, only_whole: bool = False) -> list[Markup]:
    drawn: list[Markup] = []
    for value in y.ticks():
        drawn.append(_line("grid", (LEFT, y.at(value)), (WIDTH - RIGHT, y.at(value))))
        drawn.append(_text(f"{value:.0%}", LEFT - 6, y.at(value) + 4, "tick end"))
    for value in x.ticks():
        if not only_whole or value == int(value):
            drawn.append(_line("grid", (x.at(value), TOP), (x.at(value), HEIGHT - BOTTOM)))
            drawn.append(_text(write(value), x.at(value), HEIGHT - BOTTOM + 16, "tick middle"))
    drawn.append(_text(label, (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, "label middle"))
    return drawn


def _share_axis(shares: Iterable[Interval]) -> Axis:
    """Return an axis of shares that holds the intervals, from a round value to a round value within 0 and 1."""
    known = [share for share in shares if share.n]
    low, high = min((share.low for share in known), default=0.0), max((share.high for share in known), default=1.0)
    step = _step(max(high - low, 0.1))
    low, high = max(0.0, math.floor(low / step) * step), min(1.0, math.ceil(high / step) * step)
    return Axis(low=low, high=max(high, low + step), start=HEIGHT - BOTTOM, end=TOP)


def _cost_axis(costs: Sequence[Interval]) -> Axis:
    low, high = min(cost.low for cost in costs), max(cost.high for cost in costs)
    if low >= 1 and high > 10 * low:
        return Axis(low=low / 1.2, high=high * 1.2, start=LEFT, end=WIDTH - RIGHT, logarithmic=True)
    step = _step(max(high, 1.0))
    return Axis(low=0, high=math.ceil(max(high, 1.0) / step) * step, start=LEFT, end=WIDTH - RIGHT)


def _step(span: float) -> float:
    """Return a round step that divides a span into about five."""
    power = 10.0 ** math.floor(math.log10(span / 5))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= span / 5 * 0.999)


def _svg(name: str, title: str, said: str, drawn: Iterable[str], *, height: float = HEIGHT) -> Markup:
    head = tag("title", title, id=f"{name}-title"), tag("desc", said, id=f"{name}-said")
    return tag(
        "svg", [*head, *drawn], role="img", viewBox=f"0 0 {WIDTH} {rounded(height)}",
        aria_labelledby=f"{name}-title {name}-said",
    )  # fmt: skip


def _line(classes: str, start: tuple[float, float], end: tuple[float, float]) -> Markup:
    return tag("line", class_=classes, x1=start[0], y1=start[1], x2=end[0], y2=end[1])


def _text(text: str, x: float, y: float, classes: str) -> Markup:
    return tag("text", text, class_=classes, x=x, y=y)


def _points(places: Iterable[tuple[float, float]]) -> str:
    return " ".join(f"{rounded(x)},{rounded(y)}" for x, y in places)


def _whole(value: float) -> str:
    return str(int(value))


def _short(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 1000 else f"{value:g}"


def _listed(counts: Iterable[tuple[str, int]]) -> str:
    return ", ".join(f"{reason} {count}" for reason, count in counts)
