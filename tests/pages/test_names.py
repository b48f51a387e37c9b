"""Page sources by name."""

import sys
from pathlib import Path

import pytest

from reasonkit.errors import MissingExtra, PagesError
from reasonkit.pages.bundled import BundledPages
from reasonkit.pages.cache import CachedPages
from reasonkit.pages.live import LivePages
from reasonkit.pages.names import from_name


def test_each_name_builds_its_source() -> None:
    bundled, live = from_name("bundled"), from_name("live:de", contact="me@example.org")
    assert isinstance(bundled, BundledPages)
    assert isinstance(live, LivePages)
    bundled.close()
    live.close()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("wikipidia", "bundled, live"),
        ("bundled:x", "bundled, live"),
        ("zim", "zim:PATH"),
        ("zim:", "zim:PATH"),
        ("live:", "live:LANGUAGE"),
        ("", "bundled"),
        ("cache:x.sqlite", "cache:FILE:live"),
        ("cache:x.sqlite:nowhere", "cache:FILE:live"),
    ],
)
def test_a_wrong_name_says_which_there_are(name: str, said: str) -> None:
    with pytest.raises(PagesError, match=said):
        from_name(name)


def test_a_zim_file_without_libzim_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "libzim.reader", None)
    with pytest.raises(MissingExtra, match=r"pip install 'reasonkit\[zim\]'"):
        from_name(f"zim:{tmp_path}/wiki.zim")


def test_a_cache_is_named_with_its_file_and_whose_answers_it_keeps(tmp_path: Path) -> None:
    pages = from_name(f"cache:{tmp_path}/a:b.sqlite:live:de", contact="me@example.org")
    assert isinstance(pages, CachedPages)
    assert [file.name for file in tmp_path.iterdir()] == ["a:b.sqlite"]
    pages.close()
