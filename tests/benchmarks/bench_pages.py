"""What a Search costs: from the cache, from a ZIM file of 100,000 pages, from memory and from the bundled encyclopedia.

Each beside its floor: the bare SELECT, the bare read of the entry's bytes. Through the tool, observation included. Run it
as `python -m tests.benchmarks.bench_pages [PAGES]`; it prints and asserts nothing.
"""

# ruff: noqa: SIM905 - a list of words is easier to read as a line of words

from __future__ import annotations

import os
import random
import resource
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from reasonkit.pages.bundled import BundledPages
from reasonkit.pages.cache import CachedPages
from reasonkit.pages.memory import MemoryPages
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action

PAGES = 100_000
"""Articles of the ZIM file."""
SEARCHES = 1_000
PLACES = "Amber Birch Cedar Dover Ember Fjord Grove Haven Ivory Jasper Kestrel Linden Maple North Ocean Pine".split()
KINDS = "Castle River Abbey Railway Museum Battle Treaty Bridge Orchestra Mountain Novel Island Festival".split()


def title(number: int) -> str:
    return f"{PLACES[number % 16]} {KINDS[number // 16 % 13]} {PLACES[number // 208 % 16]} {number}"


def html(number: int) -> str:
    """A page of about 3 KB, marked up as MediaWiki does, of which about 1 KB is prose."""
    name, dice = title(number), random.Random(number)
    links = [title(dice.randrange(PAGES)) for _ in range(12)]
    anchors = [f'<a href="./{each.replace(" ", "_")}" title="{each}">{each}</a>' for each in links]
    prose = "".join(
        f"<p>It lies near {anchors[at]} and was founded in {1200 + at * 31} by the abbot of {anchors[at + 1]}.<sup "
        f'class="reference"><a href="#cite_note-{at}">[{at}]</a></sup> The U.S. envoy Dr. J. Smith saw it c. {1700 + at}.'
        f" It has about {dice.randrange(1000):,} visitors a year, most of them from {anchors[at + 2]}.</p>"
        for at in range(4)
    )
    return (
        f'<html><head><title>{name}</title></head><body><div class="mw-parser-output"><div class="hatnote">For other uses,'
        f' see {name} (disambiguation).</div><table class="infobox"><tr><th>Founded</th><td>{number}</td></tr></table>'
        f"<p><b>{name}</b> is a place.</p>{prose}<h2>References</h2><ul><li>A book.</li></ul></div></body></html>"
    )


def write_zim(path: Path, pages: int) -> None:
    """Write the file with libzim's own creator, indexed."""
    from libzim.writer import Creator, Hint, Item, StringProvider

    class Article(Item):  # type: ignore[misc]
        def __init__(self, number: int) -> None:
            super().__init__()
            self.number = number

        def get_path(self) -> str:
            return title(self.number).replace(" ", "_")

        def get_title(self) -> str:
            return title(self.number)

        def get_mimetype(self) -> str:
            return "text/html"

        def get_contentprovider(self) -> Any:
            return StringProvider(html(self.number))

        def get_hints(self) -> dict[Any, bool]:
            return {Hint.FRONT_ARTICLE: True}

    with _quiet(), Creator(path).config_indexing(False, "eng") as creator:
        for number in range(pages):
            creator.add_item(Article(number))
        creator.set_mainpath(title(0).replace(" ", "_"))
        creator.add_metadata("Language", "eng")


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep what libzim's creator prints, from C++, out of the table."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def timed(work: Callable[[str], object], titles: list[str]) -> tuple[float, float]:
    """Return the median and the 95th percentile, in milliseconds."""
    taken = []
    for each in titles:
        begin = time.perf_counter()
        work(each)
        taken.append((time.perf_counter() - begin) * 1e3)
    return statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def line(name: str, figures: tuple[float, float], floor: tuple[float, float] | None = None, goal: str = "") -> None:
    ratio = f"{figures[0] / floor[0]:8.1f}x" if floor else " " * 9
    print(f"{name:46} {figures[0]:9.3f} {figures[1]:9.3f} {ratio}  {goal}")


def searching(source: Any) -> Callable[[str], object]:
    toolset = Wikipedia(source)
    return lambda each: toolset.open().use(Action(tool="Search", argument=each))


def main(pages: int = PAGES) -> None:
    """Print the table."""
    dice = random.Random(0)
    print(f"{'pages: a Search through the tool, ms':46} {'median':>9} {'95 %':>9} {'to floor':>9}  goal")
    with tempfile.TemporaryDirectory() as temporary:
        _zim(Path(temporary) / "bench.zim", pages, dice)
        _cache(Path(temporary) / "bench.sqlite", dice)
    bundled = BundledPages()
    with sqlite3.connect(bundled._path) as connection:
        known = [each for (each,) in connection.execute("SELECT title FROM pages")]
    line("bundled", timed(searching(bundled), dice.choices(known, k=SEARCHES)))
    line(
        "bundled, a title that is slightly wrong", timed(searching(bundled), [each[:-1] + "q" for each in known[:100]])
    )
    bundled.close()


def _zim(path: Path, pages: int, dice: random.Random) -> None:
    try:
        import libzim.reader
    except ImportError:
        print("zim: libzim is not installed (pip install 'reasonkit[zim]')")
        return
    from reasonkit.pages.zim import ZimPages

    begin = time.perf_counter()
    write_zim(path, pages)
    print(f"zim: {pages:,} pages, {path.stat().st_size / 1e6:.0f} MB, written in {time.perf_counter() - begin:.0f} s")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.perf_counter()
    source = ZimPages(path)
    opened = (time.perf_counter() - begin) * 1e3
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    print(f"zim, open: {opened:.1f} ms, {grown / 1024:.1f} MB more at the peak")
    titles = [title(dice.randrange(pages)) for _ in range(SEARCHES)]
    archive = libzim.reader.Archive(path)
    floor = timed(lambda each: bytes(archive.get_entry_by_title(each).get_item().content), titles)
    line("zim, floor: the entry's bytes", floor)
    line("zim", timed(searching(source), [title(dice.randrange(pages)) for _ in range(SEARCHES)]), floor, "3 ms")
    lower = [title(dice.randrange(pages)).lower() for _ in range(SEARCHES)]
    line("zim, in lower case", timed(searching(source), lower), floor, "3 ms")
    wrong = [each[:3] + each[4:] for each in titles[:100]]
    line("zim, a title that is slightly wrong", timed(searching(source), wrong), floor)
    source.close()


def _cache(path: Path, dice: random.Random) -> None:
    from reasonkit.pages.html import read_html

    texts = {title(number): read_html(html(number)).text for number in range(2_000)}
    memory, titles = MemoryPages(texts), list(texts)
    source = CachedPages(memory, path)
    line("cache, first time (asks and writes)", timed(searching(source), titles))
    connection = sqlite3.connect(path)
    query = "SELECT missing, written, text, sentences, facts FROM answers WHERE asked = ?"
    asked = dice.choices(titles, k=SEARCHES)
    floor = timed(lambda each: connection.execute(query, (each,)).fetchone(), asked)
    line("cache, floor: the bare SELECT", floor)
    line("cache", timed(searching(source), asked), floor, "0.2 ms")
    line("memory", timed(searching(memory), asked))
    connection.close()
    source.close()


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else PAGES)
