"""Plain text into sentences, with pysbd (https://github.com/nipunsadvilkar/pySBD) where it takes judgement.

pysbd knows abbreviations, initials, decimal numbers and quotations, and is slow: about 2 ms a thousand characters. Most
full stops need no judgement (a whole word before it, a capital after it, no quotation or bracket open), so those are cut here, and pysbd sees what lies between. It also drops characters that it uses as its own marks; here its
answer is taken only for where to cut, so that no text is ever lost.
"""

import re
import warnings
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

_LATIN: Final = frozenset({"en", "de", "fr", "es", "it", "nl", "da", "pl", "sk"})
"""Languages of pysbd that end a sentence with ".", "!" or "?"."""
_MAY_END = re.compile(r"[.!?…‽][^\w\s]*\s")
_PLAIN_END = re.compile(r"(?<=\s)([^\W\d_]{3,}|1[0-9]{3}|20[0-9]{2})\. (?=[A-Z])")
_CLOSING: Final = "\"'”’»)]}"
_NO_WORD = re.compile(r"[\W_]*")
_ABBREVIATED = re.compile(
    r"(?:^|[\s(])(?:c|ca|fl|r|b|d|approx|lit|née|cf|vs|no|vol|pp|p|ch|ed|eds|trans|est)\.$", re.IGNORECASE
)
_GOES_ON = re.compile(r"[0-9(]")


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
    if language in _LATIN and not _MAY_END.search(paragraph):
        yield paragraph
        return
    for fragment in _fragments(paragraph) if language == "en" else (paragraph,):
        if language in _LATIN and not _MAY_END.search(fragment):
            yield fragment
        else:
            yield from _judged(fragment, language)


def _fragments(paragraph: str) -> Iterator[str]:
    """Cut where no judgement is needed."""
    begin = 0
    for end in _PLAIN_END.finditer(paragraph):
        fragment = paragraph[begin : end.end() - 1]
        if end[1].lower() not in _abbreviations() and _balanced(fragment):
            yield fragment
            begin = end.end()
    yield paragraph[begin:]


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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
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


@lru_cache(maxsize=1)
def _abbreviations() -> frozenset[str]:
    english = _pysbd().languages.Language.get_language_code("en")
    return frozenset(english.Abbreviation.ABBREVIATIONS)
