"""The losses of a run as a picture: SVG, written by hand, so that nothing need be installed to draw it.

Each step is a faint line, its running mean a strong one, and each held-out measurement a dot. Not here: any number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from reasonkit.train.journal import Line

CURVE = "curve.svg"
_WIDTH, _HEIGHT = 760, 420
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 20, 44, 48
_POINTS = 1500
"""Lines are thinned to so many points."""


def curve(lines: Sequence[Line], title: str) -> str:
    """Return the picture of a run's losses.

    Args:
        lines: of the run, in order; at least one.
        title: what stands above.
    """
    steps, values = [line.step for line in lines], [line.loss for line in lines]
    held = [(line.step, line.held_out) for line in lines if line.held_out is not None]
    smooth = _smoothed(values)
    seen = [*values, *(value for _, value in held)]
    bottom, top = min(seen), max(seen)
    if top - bottom < 1e-9:
        bottom, top = bottom - 0.5, top + 0.5
    marks = _ticks(bottom, top, 6)
    bottom, top = min(bottom, marks[0]), max(top, marks[-1])
    first, last = steps[0], max(steps[-1], steps[0] + 1)

    def x(step: float) -> float:
        return _LEFT + (step - first) / (last - first) * (_WIDTH - _LEFT - _RIGHT)

    def y(value: float) -> float:
        return _TOP + (top - value) / (top - bottom) * (_HEIGHT - _TOP - _BOTTOM)

    size = f'viewBox="0 0 {_WIDTH} {_HEIGHT}" font-family="sans-serif" font-size="12"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        f'<text x="{_LEFT}" y="22" font-size="14">{escape(title)}</text>',
    ]
    for mark in marks:
        line = f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y(mark):.1f}" y2="{y(mark):.1f}" stroke="#ddd"/>'
        parts += [line, f'<text x="{_LEFT - 8}" y="{y(mark) + 4:.1f}" text-anchor="end">{mark:.6g}</text>']
    parts += [
        f'<text x="{x(mark):.1f}" y="{_HEIGHT - 26}" text-anchor="middle">{int(mark)}</text>'
        for mark in _ticks(first, last, 8)
        if first <= mark <= last and mark == int(mark)
    ]
    turned = f'x="16" y="{_HEIGHT / 2:.0f}" text-anchor="middle" transform="rotate(-90 16 {_HEIGHT / 2:.0f})"'
    parts += [
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2:.0f}" y="{_HEIGHT - 8}" text-anchor="middle">step</text>',
        f"<text {turned}>cross-entropy, nats a token</text>",
        _path([(x(step), y(value)) for step, value in zip(steps, values, strict=True)], "#9ecae1", 1),
        _path([(x(step), y(value)) for step, value in zip(steps, smooth, strict=True)], "#08519c", 2),
    ]
    parts += [f'<circle cx="{x(step):.1f}" cy="{y(value):.1f}" r="3.5" fill="#d94801"/>' for step, value in held]
    parts.append(f'<text x="{_WIDTH - _RIGHT}" y="22" text-anchor="end" fill="#08519c">trained on, running mean</text>')
    if held:
        parts.append(f'<text x="{_WIDTH - _RIGHT}" y="38" text-anchor="end" fill="#d94801">held out</text>')
    return "\n".join([*parts, "</svg>", ""])


def _smoothed(values: Sequence[float]) -> list[float]:
    """Return the exponential running mean over about a fiftieth of the run, without the pull of its beginning."""
    keep = 1 - 1 / max(1.0, len(values) / 50)
    found, mean, weight = [], 0.0, 0.0
    for value in values:
        mean, weight = keep * mean + (1 - keep) * value, keep * weight + (1 - keep)
        found.append(mean / weight)
    return found


def _ticks(low: float, high: float, count: int) -> list[float]:
    """Return round numbers that lie about a range: 1, 2 or 5 times a power of ten apart."""
    rough = (high - low) / max(1, count)
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * times for times in (1, 2, 5, 10) if power * times >= rough)
    start = math.floor(low / step)
    return [round(number * step, 12) for number in range(start, math.ceil(high / step) + 1)]


def _path(points: Sequence[tuple[float, float]], colour: str, width: int) -> str:
    every = max(1, math.ceil(len(points) / _POINTS))
    kept = [*points[::every], points[-1]]
    dots = " ".join(f"{x:.1f},{y:.1f}" for x, y in kept)
    return f'<polyline fill="none" stroke="{colour}" stroke-width="{width}" points="{dots}"/>'
