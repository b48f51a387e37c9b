"""A plan as a bar chart: an SVG of its own, at rest and at the peak, with the memory of a GPU as a line.

Not for: other pictures; nothing here needs more than text.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from reasonkit.train.plan.planning import Option
from reasonkit.train.plan.report import Plan

COLOURS = {
    "weights": "#4477aa", "gradients": "#66ccee", "optimizer": "#228833", "activations": "#ccbb44",
    "logits": "#ee6677", "buffers": "#aa3377",
}  # fmt: skip
"""Paul Tol's bright colours, which the colour-blind can tell apart."""
_WIDTH, _LEFT, _RIGHT, _BAR, _GAP, _TOP = 860, 130, 90, 18, 26, 64


def chart(plan: Plan) -> str:
    """Return an SVG: two bars an option, cut into items."""
    bars = [bar for one in plan.options for bar in _bars(one)]
    memory = plan.run.memory_bytes
    largest = max([1.0, *(sum(items.values()) for _, items in bars), *([memory] if memory else [])])
    scale = (_WIDTH - _LEFT - _RIGHT) / largest
    height = _TOP + len(bars) * _GAP + 40
    body = [*_legend(plan)]
    for index, (label, items) in enumerate(bars):
        body += _bar(label, items, _TOP + index * _GAP, scale)
    if memory:
        x = _LEFT + memory * scale
        body.append(
            f'<line x1="{x:.1f}" y1="{_TOP - 8}" x2="{x:.1f}" y2="{height - 30}" stroke="#bb0000" stroke-dasharray="4 3"/>'
            f'<text x="{x:.1f}" y="{height - 14}" text-anchor="middle" fill="#bb0000">{gigabytes(memory)} a GPU</text>'
        )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}" '
        f'font-family="sans-serif" font-size="12">\n<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>\n'
        + "\n".join(body)
        + "\n</svg>\n"
    )


def gigabytes(count: float) -> str:
    """Write bytes in the unit that suits them, of powers of a thousand."""
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if abs(count) >= size:
            return f"{count / size:.1f} {unit}" if count < 1000 * size else f"{count / size:,.0f} {unit}"
    return f"{count:.0f} B"


def _bars(one: Option) -> Iterator[tuple[str, dict[str, int]]]:
    rest, peak = one.rest, one.peak
    yield f"{one.sharding}, at rest", {name: getattr(rest, name) for name in ("weights", "gradients", "optimizer")}
    yield f"{one.sharding}, peak", {name: getattr(peak, name) for name in COLOURS}


def _legend(plan: Plan) -> Iterator[str]:
    shape, run = plan.run.shape, plan.run
    title = (
        f"{shape.name}: {run.method}, {run.precision}, {run.batch} x {run.sequence} tokens, {run.gpus} GPU(s), a rank"
    )
    yield f'<text x="12" y="20" font-size="14">{escape(title)}</text>'
    for index, (name, colour) in enumerate(COLOURS.items()):
        x = _LEFT + index * 112
        yield f'<rect x="{x}" y="32" width="12" height="12" fill="{colour}"/><text x="{x + 17}" y="42">{name}</text>'


def _bar(label: str, items: dict[str, int], y: int, scale: float) -> Iterator[str]:
    yield f'<text x="{_LEFT - 8}" y="{y + 13}" text-anchor="end">{escape(label)}</text>'
    x = float(_LEFT)
    for name, count in items.items():
        width = count * scale
        if width > 0:
            yield (
                f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{_BAR}" fill="{COLOURS[name]}">'
                f"<title>{name} {gigabytes(count)}</title></rect>"
            )
        x += width
    yield f'<text x="{x + 6:.1f}" y="{y + 13}">{gigabytes(sum(items.values()))}</text>'
