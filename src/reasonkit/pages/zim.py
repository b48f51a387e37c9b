"""Pages from a ZIM file: Wikipedia as an offline dump (https://wiki.openzim.org/wiki/ZIM_file_format), as Kiwix has them.

Through libzim, the extra `reasonkit[zim]`. libzim is under the GPL: a program that is distributed with it is bound by
that licence, which is why it is no part of the core. Opening a file reads its header and no page.
"""

import re
import threading
from pathlib import Path
from typing import Any, Final

from reasonkit.errors import MissingExtra, PagesError, PageSourceError
from reasonkit.pages.html import Article, read_html
from reasonkit.pages.sentences import split_sentences
from reasonkit.types import Missing, Page

_LANGUAGES: Final = {
    "eng": "en", "deu": "de", "fra": "fr", "spa": "es", "ita": "it", "nld": "nl", "dan": "da", "pol": "pl", "slk": "sk",
    "rus": "ru", "bul": "bg", "ell": "el", "hye": "hy", "ara": "ar", "fas": "fa", "urd": "ur", "hin": "hi", "mar": "mr",
    "jpn": "ja", "zho": "zh", "mya": "my", "amh": "am", "kaz": "kk",
}  # fmt: skip
"""Languages by the code in a ZIM file (ISO 639-3) that the sentence splitter knows."""
_REFRESH = re.compile(r"<meta[^>]+http-equiv=[\"']?refresh[\"']?[^>]+url=([^\"'>]+)", re.IGNORECASE)


class ZimPages:
    """The articles of a ZIM file.

    Args:
        path: the file; of one in several parts, the name without the parts' letters.
        language: of the texts, for splitting them into sentences; two letters. Left out, what the file says.

    Raises:
        MissingExtra: libzim is not installed.
        PagesError: there is no such file, or it is no ZIM file.
    """

    def __init__(self, path: Path | str, *, language: str | None = None) -> None:
        try:
            from libzim.reader import Archive
        except ImportError as error:
            raise MissingExtra("a ZIM file (through libzim, GPL)", "zim") from error
        from reasonkit.pages.zim_titles import ZimTitles

        self._path = Path(path).expanduser()
        if not self._path.is_file() and not self._path.with_name(self._path.name + "aa").is_file():
            raise PagesError(f"there is no ZIM file at {str(path)!r}: give the path of a .zim file")
        try:
            archive = Archive(self._path)
        except RuntimeError as error:
            raise PagesError(f"{str(path)!r} cannot be read as a ZIM file: {error}") from error
        self._lock = threading.Lock()
        self._titles: ZimTitles | None = ZimTitles(archive)
        self._language = language or _language(archive)

    def search(self, title: str) -> Page | Missing:
        """Find the page of a title, whatever its case, accents and punctuation; redirects are followed.

        Raises:
            PageSourceError: the source is closed, or the file went bad while in use.
        """
        with self._lock:
            if self._titles is None:
                raise PageSourceError(f"the pages of {self._path.name} are closed: open a new ZimPages")
            try:
                read = self._read(self._titles, title)
                if read is None:
                    return Missing(title=title, similar=self._titles.similar(title))
            except (RuntimeError, KeyError) as error:
                raise PageSourceError(f"{self._path.name} could not be read at {title!r}: {error}") from error
        asked, found, html = read
        article = read_html(html)
        if article.disambiguation:
            return Missing(title=title, similar=tuple(article.meanings), disambiguation=True)
        return self._page(asked, found, article)

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            self._titles = None

    def _read(self, titles: Any, title: str) -> tuple[str, str, str] | None:
        """Return the title of the entry, the title of the article that it leads to, and the article's HTML."""
        entry = titles.entry(title)
        target = None if entry is None else titles.end(entry)
        if entry is None or target is None:
            return None
        html = _html(target)
        refresh = _REFRESH.search(html[:2_000])
        if refresh:
            return self._refreshed(titles, entry.title, refresh[1])
        return entry.title, target.title, html

    def _refreshed(self, titles: Any, asked: str, url: str) -> tuple[str, str, str] | None:
        """Follow a page that sends the browser on, as older dumps have them for redirects."""
        from urllib.parse import unquote

        entry = titles.entry(unquote(url).removeprefix("./").removesuffix(".html").replace("_", " "))
        target = None if entry is None else titles.end(entry)
        if target is None:
            return None
        html = _html(target)
        return None if _REFRESH.search(html[:2_000]) else (asked, target.title, html)

    def _page(self, asked: str, found: str, article: Article) -> Page:
        text = article.text
        return Page(
            title=found,
            text=text,
            sentences=split_sentences(text, self._language),
            links=tuple(article.links),
            redirected_from=None if asked == found else asked,
        )


def _html(entry: Any) -> str:
    return bytes(entry.get_item().content).decode("utf-8", "replace")


def _language(archive: Any) -> str:
    if "Language" not in archive.metadata_keys:
        return "en"
    code = archive.get_metadata("Language").decode("utf-8", "replace").split(",")[0].strip().lower()
    return _LANGUAGES.get(code, code[:2] or "en")
