r"""The plain-text extracts of MediaWiki into clean paragraphs.

The TextExtracts extension (https://www.mediawiki.org/wiki/Extension:TextExtracts) leaves section headings between equals
signs, and of each formula its MathML, one sign a line and deeply indented, followed by its TeX in
`{\displaystyle ...}`. Here headings go, sections without prose go, and a formula becomes readable text in its sentence.
"""

import re

from reasonkit.pages.prose import is_furniture, is_left_out, is_paragraph, tidy
from reasonkit.pages.tex import math_spans, readable_tex

_HEADING = re.compile(r"^(={2,6})\s*(.+?)\s*\1\s*$")
_LAYOUT = re.compile(r"^(?:\s{2,}|\t)\S|^\s*$")
"""A line of a formula's layout, or an empty one within it."""


def read_extract(extract: str) -> str:
    """Return the paragraphs of an extract, separated by line feeds."""
    kept: list[str] = []
    left_out = 0
    for line in _joined(extract).split("\n"):
        heading = _HEADING.match(" ".join(line.split()))
        if heading:
            level = len(heading[1])
            if not left_out or level <= left_out:
                left_out = level if is_left_out(heading[2]) else 0
            continue
        paragraph = tidy(line)
        if not left_out and is_paragraph(paragraph) and not is_furniture(paragraph):
            kept.append(paragraph)
    return "\n".join(kept)


def _joined(extract: str) -> str:
    """Put each formula, which stands on lines of its own, back into the line before it."""
    lines: list[str] = []
    layout: list[str] = []
    resumed = False
    for line in extract.replace("\r", "").split("\n"):
        if _LAYOUT.match(line):
            layout.append(line)
            continue
        formula = _formula("\n".join(layout)) if layout else ""
        layout = []
        if formula:
            lines.append(f"{lines.pop() if lines else ''} {formula}")
            resumed = True
        if resumed and not _HEADING.match(" ".join(line.split())):
            lines.append(f"{lines.pop()} {_inline(line)}")
        else:
            lines.append(_inline(line))
        resumed = False
    formula = _formula("\n".join(layout))
    if formula:
        lines.append(f"{lines.pop() if lines else ''} {formula}")
    return "\n".join(lines)


def _formula(layout: str) -> str:
    """Return the formulas in lines of layout, readable; the lines themselves where they hold no TeX."""
    spans = list(math_spans(layout))
    if not spans:
        return " ".join(layout.split())
    return " ".join(readable_tex(layout[begin:end]) for begin, end in spans)


def _inline(line: str) -> str:
    parts, at = [], 0
    for begin, end in math_spans(line):
        parts += [line[at:begin], " ", readable_tex(line[begin:end]), " "]
        at = end
    return "".join((*parts, line[at:]))
