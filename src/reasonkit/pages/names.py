"""Page sources by name, as `pages=` and `--pages` take them.

- `bundled`: the encyclopedia that ships
- `live`, `live:de`: Wikipedia itself, in English or another language; needs a contact
- `zim:PATH`: an offline dump (Kiwix), with the extra `zim`
- `cache:FILE:NAME`: any of these, its pages kept in a SQLite file, for example `cache:pages.sqlite:live`
"""

from typing import Final

from reasonkit.errors import PagesError
from reasonkit.pages import PageSource

_KINDS: Final = ("bundled", "live", "live:LANGUAGE", "zim:PATH", "cache:FILE:NAME")


def from_name(spec: str, *, contact: str | None = None) -> PageSource:
    """Build a page source from its name.

    Args:
        spec: "bundled", "live", "live:LANGUAGE", "zim:PATH" or "cache:FILE:NAME".
        contact: for "live": how Wikimedia reaches whoever runs this, an address or a URL; left out, the environment
            variable REASONKIT_CONTACT.

    Raises:
        PagesError: there is no such source, or it cannot be opened; the message says which there are.
        MissingExtra: a ZIM file was named, and libzim is not installed.
    """
    kind, _, rest = spec.partition(":")
    if spec == "bundled":
        from reasonkit.pages.bundled import BundledPages

        return BundledPages()
    if kind == "live" and (rest or spec == "live"):
        from reasonkit.pages.live import LivePages

        return LivePages(contact=contact, language=rest or "en")
    if kind == "zim" and rest:
        from reasonkit.pages.zim import ZimPages

        return ZimPages(rest)
    if kind == "cache" and rest:
        from reasonkit.pages.cache import CachedPages

        path, inner = _cache_parts(spec, rest)
        return CachedPages(from_name(inner, contact=contact), path)
    raise PagesError(f"there are no pages called {spec!r}: give one of {', '.join(_KINDS)}")


def _cache_parts(spec: str, rest: str) -> tuple[str, str]:
    """Split `FILE:NAME` before the last part that begins a source's name, as a file's path may hold colons."""
    for kind in ("bundled", "live", "zim"):
        path, colon, tail = rest.rpartition(f":{kind}")
        if path and colon and (not tail or tail.startswith(":")):
            return path, kind + tail
    raise PagesError(f"{spec!r} does not say whose pages are kept: give cache:FILE:live or cache:FILE:zim:PATH")
