"""Reading the answer out of a rationale: strictly, after "The answer is", and leniently, the last that would do.

The strict form is that of the few-shot chain-of-thought prompts (arXiv 2201.11903, appendix G) and of the triggers of
zero-shot chain of thought (arXiv 2205.11916, table 10); the two are kept side by side because they can differ widely.
Not here: whether the answer is right (`metrics`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from reasonkit.answers.numbers import NUMBER, number_text, number_value, number_words

AnswerType = Literal["number", "choice", "yes_no", "text"]

_TRIGGER = re.compile(
    r"\bthe\s++(?:(?:final|correct|right|best)\s++)?+answer\b[ \t*_]*+(?:\([^()\n]{0,60}+\)[ \t]*+)?+"
    r"(?:is\b|[:\uff1a=])[ \t]*+[:\uff1a]?+[ \t]*+",
    re.IGNORECASE,
)
_AMONG = re.compile(
    r"\bamong [A-Z] (?:through|to) [A-Z],?+[ \t]*+the answer is[ \t]*+[:\uff1a]?+[ \t]*+", re.IGNORECASE
)
_FORMS = re.compile(
    r"(?:^|[\s*])(?:final answer|answer)[ \t*_]*+[:\uff1a][ \t*_]*+|^(?-i:A)[ \t*_]*+:[ \t*_]*+|^####[ \t]*+",
    re.IGNORECASE | re.MULTILINE,
)
_BOXED = re.compile(r"\\boxed\{((?:[^{}\n]|\{[^{}\n]*+\})*+)\}")
_STOP = re.compile(r"[.!?][\"'”’)\]*]*+(?=\s|\Z)")
_ABBREVIATION = re.compile(
    r"(?:\b[A-Za-z]|\b(?:st|mt|ft|dr|mr|mrs|ms|jr|sr|vs|no|vol|inc|ltd|co|corp|gen|col|sgt|capt|lt|rev|hon|prof|etc|approx)"
    r"|\.[A-Za-z])\Z",
    re.IGNORECASE,
)
_STARTER = re.compile(
    r"(?:It|Its|The|This|That|These|He|She|They|We|You|I|So|But|And|Because|Since|Therefore|Thus|However|In|A|An)\b"
)
_MARKS = " \t\r\n*_`"
_QUOTES = {'"': '"', "“": "”", "'": "'", "‘": "’", "«": "»", "$": "$"}
_YES_NO = re.compile(r"\b(yes|no)\b(?!\s+(?:one|longer|more|matter|doubt|less|fewer|other)\b|\.\s?\d)", re.IGNORECASE)
_TRUE_FALSE = re.compile(r"\b(true|false)\b", re.IGNORECASE)
_IN_BRACKETS = re.compile(r"[(\[]([A-Za-z])[)\]]")
_LETTER = re.compile(r"(?<![\w'’.&-])([A-Z])(?![\w'’&+#-])")
_SPEAKER = re.compile(r"(?:\A|\n)[AQ]:")
_ARTICLE_FOLLOWS = re.compile(r"A\s+(?!because\b|since\b|is\b|as\b|and\b|or\b|which\b)[a-z]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Extraction:
    """An answer read in two ways; None where there is none."""

    strict: str | None
    """What follows the last "The answer is"."""
    lenient: str | None
    """The last thing in the text that would be an answer of the type."""


def extract(text: str, kind: AnswerType, *, choices: Sequence[str] = ()) -> Extraction:
    """Read the answer out of `text`, strictly and leniently.

    Args:
        text: what the model wrote; for a two-stage prompt the trigger and what followed it.
        kind: `number` gives digits without currency and commas (`1000.50`, `1/2`, `3.5e3`, `50%`), `choice` a capital
            letter, `yes_no` yes or no, `text` the words.
        choices: the options' texts in order, so that an answer in an option's words is read as its letter.
    """
    phrase = _strict_phrase(text)
    strict = None if phrase is None else _first(phrase, kind, choices)
    return Extraction(strict=_visible(strict), lenient=_visible(_last(text, kind, choices, phrase)))


def _visible(read: str | None) -> str | None:
    """Return an answer, unless nothing in it can be seen."""
    return read if read is not None and read.strip() else None


def _strict_phrase(text: str) -> str | None:
    """Return what follows the last "The answer is", to the end of its sentence or line."""
    triggers = list(_TRIGGER.finditer(text))
    if not triggers:
        return None
    following = text[triggers[-1].end() :].lstrip(_MARKS)
    line = following.partition("\n")[0]
    return _sentence(line).strip(_MARKS) or None


def _sentence(line: str) -> str:
    """Return the first sentence of a line; a point in a number, after an initial or an abbreviation ends none."""
    for stop in _STOP.finditer(line):
        following = line[stop.end() :].lstrip()
        if line[stop.start()] != "." or not following:
            return line[: stop.end()]
        if following[0].islower():
            continue
        if not _STARTER.match(following) and _ABBREVIATION.search(line, max(0, stop.start() - 12), stop.start()):
            continue
        return line[: stop.end()]
    return line


def _first(phrase: str, kind: AnswerType, choices: Sequence[str]) -> str | None:
    match kind:
        case "number":
            return _first_number(phrase)
        case "choice":
            return next(_letters(phrase, choices, whole=True), None) or _chosen_text(phrase, choices)
        case "yes_no":
            return _lowered(_YES_NO.search(phrase)) or _as_yes_no(_TRUE_FALSE.search(phrase))
        case "text":
            return _bare(phrase)
        case _:
            assert_never(kind)


def _last(text: str, kind: AnswerType, choices: Sequence[str], phrase: str | None) -> str | None:
    match kind:
        case "number":
            return _last_number(text)
        case "choice":
            letters = list(_letters(text, choices, whole=False))
            return letters[-1] if letters else _chosen_text(_last_line(text), choices)
        case "yes_no":
            said = list(_YES_NO.finditer(text))
            judged = list(_TRUE_FALSE.finditer(text))
            return _lowered(said[-1]) if said else _as_yes_no(judged[-1] if judged else None)
        case "text":
            return _last_text(text, phrase)
        case _:
            assert_never(kind)


def _first_number(phrase: str) -> str | None:
    """Return the first number of a phrase; of a sum that is worked out, the number after the last equals sign."""
    after = phrase.rpartition("=")[2]
    for part in (after, phrase):
        for match in NUMBER.finditer(part):
            if number_value(match) is not None:
                return number_text(match)
    return next(iter(number_words(phrase)), None)


def _last_number(text: str) -> str | None:
    last = None
    for match in NUMBER.finditer(text):
        if number_value(match) is not None:
            last = match
    if last is not None:
        return number_text(last)
    words = number_words(text)
    return words[-1] if words else None


def _letters(text: str, choices: Sequence[str], *, whole: bool) -> Iterator[str]:
    """Find the letters of choices in order: in brackets, or standing alone as a capital that is no article.

    Args:
        text: where to look.
        choices: how many there are bounds the letters; without them A to Z.
        whole: whether a small letter that is all of the text counts.
    """
    limit = chr(ord("A") + len(choices) - 1) if choices else "Z"
    bare = text.strip(_MARKS + ".,;:!()[]\"'“”")
    if whole and len(bare) == 1 and "A" <= bare.upper() <= limit:
        yield bare.upper()
        return
    found = [(match.start(1), match[1].upper()) for match in _IN_BRACKETS.finditer(text)]
    places = {place for place, _ in found}
    for match in _LETTER.finditer(text):
        letter = match[1]
        if match.start() in places or (letter == "A" and _ARTICLE_FOLLOWS.match(text, match.start())):
            continue
        if (letter == "I" and not choices) or _SPEAKER.match(text, match.start() - 1 if match.start() else 0):
            continue
        found.append((match.start(), letter))
    yield from (letter for _, letter in sorted(found) if letter <= limit)


def _chosen_text(phrase: str, choices: Sequence[str]) -> str | None:
    """Return the letter of the one choice whose words stand in the phrase; the longest, where one holds another."""
    said = f" {_words(phrase)} "
    held = [(len(_words(choice)), place) for place, choice in enumerate(choices) if f" {_words(choice)} " in said]
    held = [(size, place) for size, place in held if size]
    if not held:
        return None
    longest = max(size for size, _ in held)
    best = [place for size, place in held if size == longest]
    inside = all(f" {_words(choices[place])} " in f" {_words(choices[best[0]])} " for _, place in held)
    return chr(ord("A") + best[0]) if len(best) == 1 and inside else None


def _last_text(text: str, phrase: str | None) -> str | None:
    boxed = _BOXED.findall(text)
    if boxed:
        return _bare(boxed[-1])
    forms = list(_FORMS.finditer(text))
    if forms:
        return _bare(text[forms[-1].end() :].lstrip(_MARKS).partition("\n")[0])
    if phrase is not None:
        return _bare(phrase)
    return _bare(_last_line(text))


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip(_MARKS)), "")


def _bare(phrase: str) -> str | None:
    """Strip marks, the full stop and one pair of quotes."""
    text = phrase.strip(_MARKS)
    while text.endswith((".", "!", "?", ";", ",", ":")) and not _ends_in_abbreviation(text):
        text = text[:-1].rstrip(_MARKS)
    if len(text) > 1 and _QUOTES.get(text[0]) == text[-1]:
        text = text[1:-1].strip(_MARKS)
    if text.endswith(".") and not _ends_in_abbreviation(text):
        text = text[:-1]
    return text or None


def _ends_in_abbreviation(text: str) -> bool:
    """Tell the point of `U.S.`, `Jr.` and `John F.` from a full stop."""
    return (
        text.endswith(".")
        and re.search(r"(?:\b[A-Za-z]\.[A-Za-z]|\b(?:Jr|Sr|Inc|Ltd|Co|Corp|etc))\.\Z", text[-12:]) is not None
    )


def _words(text: str) -> str:
    return " ".join(re.findall(r"\w+", text.casefold()))


def _lowered(match: re.Match[str] | None) -> str | None:
    return None if match is None else match[1].lower()


def _as_yes_no(match: re.Match[str] | None) -> str | None:
    return None if match is None else ("yes" if match[1].lower() == "true" else "no")
