"""The markup of encyclopedia pages: which elements hold no prose, and where a link leads.

The classes are those of MediaWiki, of English Wikipedia's templates and of Kiwix. Reading a page is `html.py`'s matter.
"""
# ruff: noqa: SIM905 - a list of words is easier to read and to keep as a line of words

import re
from collections.abc import Mapping
from typing import Final, TypeAlias
from urllib.parse import unquote

Attributes: TypeAlias = Mapping[str, str | None]

VOID: Final = frozenset("area base br col embed hr img input link meta param source track wbr".split())
"""Elements without an end."""
_LEFT_OUT_TAGS: Final = frozenset(
    "table style script noscript template nav header footer aside form button select figure figcaption audio video object"
    " iframe svg canvas map title pre textarea".split()
)
_LEFT_OUT_CLASSES: Final = frozenset(
    "infobox navbox navbox-styles vertical-navbox sidebar hatnote dablink rellink ambox tmbox ombox cmbox fmbox mbox-small"
    " metadata noprint toc thumb gallery reflist references mw-references-wrap reference mw-editsection mw-jump-link"
    " sistersitebox side-box catlinks printfooter mw-indicators mw-empty-elt shortdescription geo-inline geo-inline-hidden"
    " geo-nondefault geo-multi-punct Inline-Template Template-Fact haudio ext-phonos noexcerpt rt-commentedText"
    " portalbox portal-bar mw-authority-control authority-control succession-box mw-redirectedfrom"
    " navigation-not-searchable tright tleft thumbinner gallerybox mw-cite-backlink z3988 listen mw-kartographer-maplink"
    " audio-player quotebox disambigbox dmbox mw-headline-anchor".split()
)
_LEFT_OUT_IDS: Final = frozenset("coordinates toc siteSub contentSub jump-to-nav catlinks footer mw-navigation".split())
_LEFT_OUT_ROLES: Final = frozenset({"navigation", "note", "banner", "search", "contentinfo"})
_ELSEWHERE = re.compile(r"^(?:#|//|[a-z]+:)|redlink=1|index\.php")
_PREFIX = re.compile(r"^(?:\.{0,2}/)*(?:wiki/|A/|C/)?")
_NO_ARTICLE = re.compile(r"(?:File|Image|Category|Help|Wikipedia|Template|Portal|Special|Talk|Wiktionary|wikt):")
_HIDDEN = re.compile(r"display\s*:\s*none", re.IGNORECASE)
BLOCKS: Final = frozenset(
    "p div section article main body blockquote ul ol li dl dt dd h1 h2 h3 h4 h5 h6 details summary center address hr".split()
)
"""Elements that end the paragraph before them."""
_DISAMBIGUATION: Final = frozenset({"disambigbox", "dmbox-disambig"})


def is_left_out_element(tag: str, attributes: Attributes) -> bool:
    """Whether an element and all in it is no prose: a table, a box, a note, a menu, something hidden."""
    if tag in _LEFT_OUT_TAGS or not attributes:
        return tag in _LEFT_OUT_TAGS
    classes = (attributes.get("class") or "").split()
    if any(each.startswith("mwe-math") for each in classes):
        return False
    return (
        not _LEFT_OUT_CLASSES.isdisjoint(classes)
        or attributes.get("id") in _LEFT_OUT_IDS
        or attributes.get("role") in _LEFT_OUT_ROLES
        or "hidden" in attributes
        or attributes.get("aria-hidden") == "true"
        or _HIDDEN.search(attributes.get("style") or "") is not None
    )


def linked_title(attributes: Attributes) -> str:
    """Return the title of the page that a link leads to, or "" for a link that leads elsewhere."""
    target = attributes.get("href") or ""
    if not target or _ELSEWHERE.search(target):
        return ""
    name = _PREFIX.sub("", target).split("#")[0].split("?")[0].removesuffix(".html")
    title = (attributes.get("title") or unquote(name)).replace("_", " ").strip()
    return "" if _NO_ARTICLE.match(title) else title


def marks_disambiguation(attributes: Attributes) -> bool:
    """Whether an element says that its page is one of several meanings."""
    return (
        not _DISAMBIGUATION.isdisjoint((attributes.get("class") or "").split())
        or attributes.get("id") == "disambigbox"
        or attributes.get("property") == "mw:PageProp/disambiguation"
    )
