"""What of an encyclopedia page is prose, and what is furniture: rules on plain text that every source shares.

Not for HTML as such (`html.py`) or for the plain-text extracts of MediaWiki (`extracts.py`); both use this.
"""

import re
from typing import Final

LEFT_OUT: Final = frozenset(
    {
        "references", "external links", "see also", "notes", "further reading", "bibliography", "sources", "citations",
        "footnotes", "notes and references", "references and notes", "works cited", "explanatory notes",
        "general references", "gallery", "contents", "navigation menu", "external sources", "literature cited",
    }
)  # fmt: skip
"""Headings, in lower case, of sections that have no prose."""

_FURNITURE = re.compile(
    r"(?:from wikipedia, the free encyclopedia|jump to[: ]|coordinates: ?[\d(]|coordinates$|for other uses,|for the .{1,80}, see "
    r"|not to be confused with |main articles?: |see also: |further information: |further reading: |retrieved from ["
    r"\"“h]|redirected from |\(redirected from |this article (?:needs|does not|is about|relies|includes|contains|may|has"
    r" multiple issues|is missing|possibly|lacks|uses|cites|appears|is an orphan|is written)|this section (?:needs|does not|is"
    r" empty|may|relies|possibly)|this page was last |this is a good article|this biography of a living person|please"
    r" (?:help|improve)|you can help|learn how and when to remove|text is available under|privacy policy|\[?edit\]?$)",
    re.IGNORECASE,
)
_STUB = re.compile(r"\bis a stub\. you can help wikipedia\b", re.IGNORECASE)
_MARKER = re.compile(
    r"\s?\[(?:\d{1,4}|[a-z]|note \d+|nb \d+|n \d+|citation needed|clarification needed|better source needed|who\?|when\?"
    r"|dubious – discuss|verification needed|edit)\]",
    re.IGNORECASE,
)
_BEFORE_MARK = re.compile(r"\s+([,;:!?)\]]|\.(?!\d|\.))")
_AFTER_BRACKET = re.compile(r"([(\[])\s+")
_HOLLOW = re.compile(r"\s?\((?:[\s,;:/–-]|listen|help|info|audio speaker icon)*\)", re.IGNORECASE)
_LEADING_MARK = re.compile(r"\((?:\s*[;,:]\s*)+")
_INVISIBLE = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]")
_SENTENCE_END = re.compile(r"[.!?…][\"'”’)\]]*$")


def tidy(text: str) -> str:
    """Put a paragraph on one line: no footnote marks, hollow brackets, invisible characters or stray spaces."""
    text = " ".join(_INVISIBLE.sub("", text).split())
    text = _MARKER.sub("", text)
    text = _LEADING_MARK.sub("(", _AFTER_BRACKET.sub(r"\1", text))
    text = _HOLLOW.sub("", text)
    return _BEFORE_MARK.sub(r"\1", text).strip()


def is_furniture(paragraph: str) -> bool:
    """Whether a paragraph is about the page and not about its subject."""
    return _FURNITURE.match(paragraph) is not None or _STUB.search(paragraph) is not None


def is_left_out(heading: str) -> bool:
    """Whether a section with this heading has no prose."""
    return " ".join(heading.casefold().split()) in LEFT_OUT


def ends_sentence(text: str) -> bool:
    """Whether a text ends in a full stop or the like, closing quotes and brackets aside."""
    return _SENTENCE_END.search(text) is not None


def is_sentence(text: str) -> bool:
    """Whether a text ends like a sentence and has at least four words."""
    return ends_sentence(text) and text.count(" ") >= 3


def is_paragraph(text: str) -> bool:
    """Whether a text that is marked up as a paragraph is one: a sentence, however short, or three words.

    wikienv.py drops paragraphs of up to two words too.
    """
    return text.count(" ") >= (1 if ends_sentence(text) else 2)
