"""A picture of number formats: their bits with one number in them, their range, and the step at each magnitude.

Hand-written SVG that needs nothing else. Upper part: a row for each format with the bits of 3.1415927. Lower part: the
step between neighbouring numbers over their magnitude, both in powers of ten, with a model's own weights behind it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape

from reasonkit.train.quantize.numbers import BF16, FP8, FP16, FP32, INT8, NF4, Floating, Levels

SHOWN = math.pi
_ROW, _LEFT, _WIDTH, _CELL = 62, 24, 980, 13
_SIGN, _EXPONENT, _FRACTION = "#d1495b", "#edae49", "#30638e"
_LINES = {
    "FP32": "#1b4965",
    "FP16": "#2a9d8f",
    "BF16": "#e76f51",
    "FP8 (E4M3)": "#8d6a9f",
    "INT8": "#444444",
    "NF4": "#b5179e",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A format as it is drawn; scaled ones with the scale of a block whose greatest number is given."""

    form: Floating | Levels
    scale: float = 1.0
    note: str = ""

    @property
    def stored(self) -> float:
        """What the shown number becomes."""
        if isinstance(self.form, Floating):
            return self.form.stored(SHOWN)
        return self.form.stored(SHOWN, self.scale)

    @property
    def pattern(self) -> str:
        """The shown number's bits."""
        if isinstance(self.form, Floating):
            return self.form.pattern(SHOWN)
        return self.form.pattern(SHOWN, self.scale)

    def facts(self) -> str:
        """Return range and steps in words."""
        form = self.form
        if isinstance(form, Floating):
            return (
                f"range {form.smallest_normal:.3g} to {form.largest:.3g}; step {form.step(1):.3g} at 1, "
                f"{form.step(0.001):.3g} at 0.001"
            )
        if form.levels[-1] > 1:
            return f"{form.levels[0]:.0f} to {form.largest:.0f} times a scale; step: the scale, {self.note}"
        gaps = [high - low for low, high, _ in form.steps(self.scale)]
        return f"16 levels times a block's greatest; steps {min(gaps):.2g} to {max(gaps):.2g}, {self.note}"


ALL = (
    Shown(form=FP32),
    Shown(form=FP16),
    Shown(form=BF16),
    Shown(form=FP8),
    Shown(form=INT8, note="here 1"),
    Shown(form=NF4, scale=4.0, note="here of 4"),
)


def picture(weights: Sequence[float] = (), *, title: str = "Number formats") -> str:
    """Return the picture.

    Args:
        weights: some of a model's weights; where their magnitudes lie is drawn behind the steps.
        title: what stands above it.
    """
    top = 46 + _ROW * len(ALL)
    body = [
        f'<text x="{_LEFT}" y="28" class="t">{escape(title)}: what 3.1415927 becomes</text>',
        *_legend(),
        *(line for number, shown in enumerate(ALL) for line in _row(shown, 52 + _ROW * number)),
        *_chart(top + 30, weights),
    ]
    style = (
        "text{font:13px sans-serif;fill:#222}.t{font-size:17px;font-weight:bold}.b{font:11px monospace;fill:#fff}"
        ".s{font-size:11px;fill:#555}.n{font-weight:bold}"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{top + 430}" '
        f'viewBox="0 0 {_WIDTH} {top + 430}" role="img" aria-label="{escape(title)}">\n<style>{style}</style>\n'
        f'<rect width="100%" height="100%" fill="#fff"/>\n' + "\n".join(body) + "\n</svg>\n"
    )


def _legend() -> Iterator[str]:
    for number, (colour, part) in enumerate(((_SIGN, "sign"), (_EXPONENT, "exponent"), (_FRACTION, "digits"))):
        yield f'<rect x="{700 + 85 * number}" y="17" width="12" height="12" fill="{colour}"/>'
        yield f'<text x="{718 + 85 * number}" y="28">{part}</text>'


def _row(shown: Shown, y: int) -> Iterator[str]:
    form = shown.form
    yield f'<text x="{_LEFT}" y="{y + 13}" class="n">{escape(form.name)}</text>'
    yield f'<text x="{_LEFT}" y="{y + 30}" class="s">{form.bits} bits</text>'
    for place, bit in enumerate(shown.pattern):
        if isinstance(form, Floating):
            colour = _SIGN if place == 0 else _EXPONENT if place <= form.exponent else _FRACTION
        else:
            colour = _SIGN if place == 0 and form.levels[-1] > 1 else _FRACTION
        x = 120 + place * (_CELL + 1)
        yield f'<rect x="{x}" y="{y}" width="{_CELL}" height="18" fill="{colour}"/>'
        yield f'<text x="{x + _CELL / 2}" y="{y + 13}" class="b" text-anchor="middle">{bit}</text>'
    error = shown.stored - SHOWN
    yield f'<text x="590" y="{y + 13}">becomes {shown.stored:.8g}, off by {error:.2g}</text>'
    yield f'<text x="120" y="{y + 36}" class="s">{escape(shown.facts())}</text>'


def _chart(top: int, weights: Sequence[float]) -> Iterator[str]:
    """Draw steps over magnitudes from 1e-12 to 1e6, and shares of weights behind them."""
    low, high, bottom, height, left, width = -12, 6, -20, 300, 90, 720

    def x(magnitude: float) -> float:
        return left + (min(max(math.log10(magnitude), low), high) - low) / (high - low) * width

    def y(step: float) -> float:
        return top + 30 + (1 - (min(max(math.log10(step), bottom), 4) - bottom) / (4 - bottom)) * height

    yield f'<text x="{_LEFT}" y="{top}" class="t">Step between neighbours, over the magnitude</text>'
    for power in range(low, high + 1, 3):
        at = x(10.0**power)
        yield f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{top + 30}" y2="{top + 30 + height}" stroke="#ddd"/>'
        yield f'<text x="{at:.1f}" y="{top + height + 48}" class="s" text-anchor="middle">1e{power}</text>'
    for power in range(bottom, 5, 4):
        at = y(10.0**power)
        yield f'<line x1="{left}" x2="{left + width}" y1="{at:.1f}" y2="{at:.1f}" stroke="#ddd"/>'
        yield f'<text x="{left - 8}" y="{at + 4:.1f}" class="s" text-anchor="end">1e{power}</text>'
    yield from _weights(weights, x, top + 30 + height)
    for number, shown in enumerate(ALL):
        colour = _LINES[shown.form.name]
        steps = shown.form.steps() if isinstance(shown.form, Floating) else shown.form.steps(_scale(shown.form))
        points = [
            (x(max(one, 10.0**low)), y(step))
            for begin, end, step in steps
            if end > 10.0**low and begin < 10.0**high
            for one in (begin, min(end, 10.0**high))
        ]
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in points)
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>'
        yield f'<rect x="{left + width + 12}" y="{top + 34 + 22 * number}" width="14" height="4" fill="{colour}"/>'
        told = shown.form.name + ("" if isinstance(shown.form, Floating) else ", greatest 1")
        yield f'<text x="{left + width + 32}" y="{top + 40 + 22 * number}">{escape(told)}</text>'
    if weights:
        yield f'<rect x="{left + width + 12}" y="{top + 34 + 22 * len(ALL)}" width="14" height="8" fill="#cfd8dc"/>'
        yield f'<text x="{left + width + 32}" y="{top + 42 + 22 * len(ALL)}">the model\'s weights</text>'


def _scale(form: Levels) -> float:
    """Return the scale at which the greatest number is 1."""
    return 1 / form.largest


def _weights(weights: Sequence[float], x: object, bottom: int) -> Iterator[str]:
    """Draw how often each magnitude occurs: four bars a power of ten."""
    assert callable(x)
    counts: dict[int, int] = {}
    for weight in weights:
        if weight:
            counts[math.floor(math.log10(abs(weight)) * 4)] = counts.get(math.floor(math.log10(abs(weight)) * 4), 0) + 1
    most = max(counts.values(), default=1)
    for place, count in sorted(counts.items()):
        begin, end, tall = x(10 ** (place / 4)), x(10 ** ((place + 1) / 4)), 120 * count / most
        yield (
            f'<rect x="{begin:.1f}" y="{bottom - tall:.1f}" width="{max(0.0, end - begin - 1):.1f}" '
            f'height="{tall:.1f}" fill="#cfd8dc"/>'
        )
