"""Plain text into sentences, with pysbd (https://github.com/nipunsadvilkar/pySBD) where it takes judgement.

pysbd knows abbreviations, initials, decimal numbers and quotations, and is slow: about 2 ms a thousand characters. Most
full stops of English prose need no judgement: a whole word before it, a capital after it, and no quotation or bracket
open; an initial, or "Dr." before a name. Those are settled here as pysbd settles them (a test compares the two on the
bundled encyclopedia), and pysbd sees what lies between. It also drops characters that it uses as its own marks; here
its answer is taken only for where to cut, so that no text is ever lost.
"""

import re
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

_LATIN: Final = frozenset({"en", "de", "fr", "es", "it", "nl", "da", "pl", "sk"})
"""Languages of pysbd that end a sentence with ".", "!" or "?"."""
_MAY_END = re.compile(r"([.!?…‽][^\w\s]*)\s(?=([^\W_])?)")
_CLOSING: Final = "\"'”’»)]}"
_OPENING: Final = "([{\"'“‘«"
_NO_WORD = re.compile(r"[\W_]*")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:c|ca|fl|r|b|d|approx|lit|née|cf|vs|no|vol|pp|p|ch|ed|eds|trans|est)\.$", re.IGNORECASE
)
_GOES_ON = re.compile(r"[0-9(]")
_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?%?")


def split_sentences(text: str, language: str = "en") -> tuple[str, ...]:
    """Split a text; a line feed ends a paragraph and so a sentence.

    Args:
        text: plain text; runs of white space count as one space.
        language: a code of two letters; one that pysbd does not know is treated as English.

    Returns:
        The sentences, none empty; joined with spaces they are the text.
    """
    paragraphs = (" ".join(line.split()) for line in text.split("\n"))
    return tuple(sentence for paragraph in paragraphs if paragraph for sentence in _split(paragraph, language))


def _split(paragraph: str, language: str) -> Iterator[str]:
    if language == "en":
        yield from _english(paragraph)
    elif language in _LATIN and not _MAY_END.search(paragraph):
        yield paragraph
    else:
        yield from _judged(paragraph, language)


def _english(paragraph: str) -> Iterator[str]:
    """Cut where no judgement is needed, and have the rest judged, piece by piece."""
    begin, unsure = 0, False
    for end in _MAY_END.finditer(paragraph):
        verdict = _verdict(paragraph, begin, end)
        if verdict is True:
            fragment = paragraph[begin : end.end() - 1]
            yield from _judged(fragment, "en") if unsure else (fragment,)
            begin, unsure = end.end(), False
        elif verdict is None:
            unsure = True
    yield from _judged(paragraph[begin:], "en") if unsure else (paragraph[begin:],)


def _verdict(paragraph: str, begin: int, end: re.Match[str]) -> bool | None:
    """Whether a sentence that began at `begin` ends here; None where it takes judgement. Agrees with pysbd."""
    following = end[2] or ""
    if following.islower():
        return False
    token = paragraph[max(begin, paragraph.rfind(" ", begin, end.start()) + 1) : end.start()]
    word = token.lstrip(_OPENING)
    first = end.start() - len(token) == begin
    if end[1] == ".":
        known = _abbreviations()
        lower = word.lower()
        if lower in known.before_names or (len(word) == 1 and word.isupper() and word != "I" and not first):
            return False
        if lower in known.before_numbers and following.isdigit():
            return False
        if lower in known.all or first:
            return None
        inner = word.rstrip(")]")
        plain = (inner.isalpha() and len(inner) >= 3) or (_NUMBER.fullmatch(inner) and paragraph[begin:][:1].isalpha())
    else:
        plain = end[1] in "?!" and word.isalpha() and word.islower() and len(word) >= 3
    return True if plain and following.isupper() and _balanced(paragraph[begin : end.end() - 1]) else None


def _balanced(fragment: str) -> bool:
    """Whether no bracket or quotation is open at the end."""
    if '"' in fragment and fragment.count('"') % 2:
        return False
    pairs = ("()", "[]", "“”", "«»")
    if any(fragment.count(pair[0]) != fragment.count(pair[1]) for pair in pairs):
        return False
    return not (" '" in fragment or " ‘" in fragment or fragment[0] in "'‘")


def _judged(fragment: str, language: str) -> Iterator[str]:
    """Cut where pysbd does, but not before a closing quote or a small letter, after "c." with a number, or round bare punctuation."""
    pieces = [piece.strip() for piece in _segmenter(language).segment(fragment)]
    begin = at = 0
    for piece in pieces[1:]:
        found = fragment.find(piece, at)
        if found < 0:
            continue
        while found < len(fragment) and fragment[found] in _CLOSING:
            found += 1
        before, after = fragment[begin:found].strip(), fragment[found:].lstrip()
        at = found
        if not after or _NO_WORD.fullmatch(before) or _NO_WORD.fullmatch(piece):
            continue
        if after[0].islower() or (_ABBREVIATED.search(before) and _GOES_ON.match(after)):
            continue
        yield before
        begin = found
    yield fragment[begin:].strip()


def _segmenter(language: str) -> Any:
    """Return a segmenter for one text: it keeps the text it works on, so threads cannot share one."""
    pysbd = _pysbd()
    known = language if language in pysbd.languages.LANGUAGE_CODES else "en"
    return pysbd.Segmenter(language=known, clean=False)


@lru_cache(maxsize=1)
def _pysbd() -> Any:
    """Import pysbd; from Python 3.12 on its regular expressions warn of their escapes while they are compiled."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pysbd

        return pysbd


@dataclass(frozen=True, slots=True, kw_only=True)
class _Abbreviations:
    all: frozenset[str]
    before_names: frozenset[str]
    before_numbers: frozenset[str]


@lru_cache(maxsize=1)
def _abbreviations() -> _Abbreviations:
    known = _pysbd().languages.Language.get_language_code("en").Abbreviation
    return _Abbreviations(
        all=frozenset(known.ABBREVIATIONS),
        before_names=frozenset(known.PREPOSITIVE_ABBREVIATIONS),
        before_numbers=frozenset(known.NUMBER_ABBREVIATIONS) | {"c", "ca", "fl", "p", "vol"},
    )
