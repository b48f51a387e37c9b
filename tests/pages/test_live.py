"""Live pages against a loopback server that speaks MediaWiki, in good order and in bad."""

import asyncio
import threading
import warnings
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler

import pytest
import wikipedia

from reasonkit.errors import PagesError, PageSourceError
from reasonkit.pages.live import CONTACT_VARIABLE, LivePages
from reasonkit.pages.names import from_name
from reasonkit.tools.wikipedia import Wikipedia
from reasonkit.types import Action, Missing, Page
from tests.pages import fake_mediawiki as fake

CONTACT = "someone@example.org"
MERCURY = (
    '<p><b>Mercury</b> may refer to:</p><ul class="x"><li class="toclevel-1 tocsection-1"><a href="#a">1 Contents</a></li>'
    '<li><a href="/wiki/Mercury_(planet)" title="Mercury (planet)">the planet</a></li>'
    '<li><a href="/wiki/Mercury_(element)" title="Mercury (element)">Mercury (element)</a>, a metal</li></ul>'
    '<h2>See also</h2><ul><li><a href="/wiki/Special:PrefixIndex/Mercury">All pages with titles beginning with Mercury</a></li></ul>'
)
TEX = (
    "In mathematics,\n\n  \n    \n      \n        E\n        =\n        m\n      \n    \n    {\\displaystyle E=mc^{2}}\n  \n\n"
    "holds for {\\displaystyle \\xi ={\\underset {x}{\\min }}f} too.\n\n\n== See also ==\nOther things like it."
)


class Waits(list[float]):
    """A sleeper that does not sleep."""

    def __call__(self, seconds: float) -> None:
        self.append(seconds)


@pytest.fixture
def wiki() -> fake.Wiki:
    return fake.Wiki(
        articles={
            "Nile": "The Nile is a river. It is in the U.S. not.\n\n\n== Course ==\nIt flows north.",
            "New York City": "New York City is a city.",
            "São Paulo": "São Paulo is a city.",
            "東京": "東京 is Tokyo.",
            "Formula": TEX,
            "Mercury (planet)": "A planet.",
            "Empty": "",
        },
        redirects={"River Nile": "Nile", "Nil": "The Nile", "The Nile": "Nile", "A": "B", "B": "A", "Merc": "Mercury"},
        disambiguations={"Mercury": MERCURY},
    )


@pytest.fixture
def url(wiki: fake.Wiki) -> Iterator[str]:
    with fake.served(wiki) as address:
        yield address


@pytest.fixture
def waits() -> Waits:
    return Waits()


@pytest.fixture
def pages(url: str, waits: Waits) -> Iterator[LivePages]:
    source = LivePages(contact=CONTACT, api_url=url, sleep=waits)
    yield source
    source.close()


def test_a_page_is_clean_prose(pages: LivePages) -> None:
    assert pages.search("Nile") == Page(
        title="Nile",
        text="The Nile is a river. It is in the U.S. not.\nIt flows north.",
        sentences=("The Nile is a river.", "It is in the U.S. not.", "It flows north."),
        url="https://en.wikipedia.org/wiki/Nile",
    )


def test_every_request_says_who_asks_and_that_it_may_be_put_off(pages: LivePages, wiki: fake.Wiki) -> None:
    pages.search("Nile")
    assert {headers["User-Agent"].split("/")[0] for headers in wiki.headers} == {"reasonkit"}
    assert all(f"({CONTACT})" in headers["User-Agent"] for headers in wiki.headers)
    assert all(asked["maxlag"] == "5" for asked in wiki.asked)


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ("nile", "Nile"),
        ("new york city", "New York City"),
        ("são Paulo", "São Paulo"),
        ("東京", "東京"),
        ("New_York_City", "New York City"),
    ],
)
def test_a_title_is_found_in_whatever_case_and_script(pages: LivePages, written: str, title: str) -> None:
    found = pages.search(written)
    assert isinstance(found, Page)
    assert (found.title, found.redirected_from) == (title, None)


@pytest.mark.parametrize("name", ["River Nile", "Nil", "nil"])
def test_redirects_and_chains_of_them_are_followed(pages: LivePages, name: str) -> None:
    found = pages.search(name)
    assert isinstance(found, Page)
    assert (found.title, found.redirected_from) == ("Nile", name)


def test_redirects_in_a_circle_end(pages: LivePages, wiki: fake.Wiki) -> None:
    assert pages.search("A") == Missing(title="A")
    assert len(wiki.asked) < 10


@pytest.mark.parametrize("name", ["Mercury", "mercury", "Merc"])
def test_an_ambiguous_title_names_the_pages_it_can_mean(pages: LivePages, name: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = pages.search(name)
    assert found == Missing(title=name, similar=("Mercury (planet)", "Mercury (element)"), disambiguation=True)


def test_a_missing_page_names_what_the_search_found(pages: LivePages) -> None:
    assert pages.search("planet") == Missing(title="planet", similar=("Mercury (planet)",))


def test_a_misspelt_title_goes_by_the_suggestion(pages: LivePages) -> None:
    assert pages.search("New Yrok City") == Missing(title="New Yrok City", similar=("New York City",))


@pytest.mark.parametrize("title", ["[[x]]", "{x}", "de:Nil", "", "  ", "|", "Nile|Mercury", "Nile#Course"])
def test_a_title_that_cannot_be_one_is_missing(pages: LivePages, title: str) -> None:
    found = pages.search(title)
    assert isinstance(found, Missing)
    assert found.title == title


def test_formulas_are_readable(pages: LivePages) -> None:
    found = pages.search("Formula")
    assert isinstance(found, Page)
    assert found.text == "In mathematics, E = mc^2 holds for ξ = min_x f too."


def test_an_empty_page_is_a_page(pages: LivePages) -> None:
    assert pages.search("Empty") == Page(
        title="Empty", text="", sentences=(), url="https://en.wikipedia.org/wiki/Empty"
    )


@pytest.mark.parametrize(
    "trouble", [fake.status(503), fake.status(429), fake.status(502), fake.html, fake.broken_off, fake.error("maxlag")]
)
def test_trouble_that_passes_is_waited_out(
    pages: LivePages, wiki: fake.Wiki, waits: Waits, trouble: fake.Misbehaviour
) -> None:
    wiki.next = [trouble, trouble]
    assert isinstance(pages.search("Nile"), Page)
    assert waits == [1.0, 2.0]


@pytest.mark.parametrize("said", ["7", " 7 ", "Thu, 01 Jan 2026 00:00:07 GMT"])
def test_retry_after_is_obeyed(pages: LivePages, wiki: fake.Wiki, waits: Waits, said: str) -> None:
    def trouble(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response_only(429)
        for name, value in [("Date", "Thu, 01 Jan 2026 00:00:00 GMT"), ("Retry-After", said), ("Content-Length", "0")]:
            handler.send_header(name, value)
        handler.end_headers()

    wiki.next = [trouble]
    assert isinstance(pages.search("Nile"), Page)
    assert waits == [7.0]


def test_a_wait_past_the_limit_ends_the_search(pages: LivePages, wiki: fake.Wiki, waits: Waits) -> None:
    wiki.next = [fake.status(429, Retry_After="3600")]
    with pytest.raises(PageSourceError, match="wait 3600 s"):
        pages.search("Nile")
    assert waits == []


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (fake.status(503), "answered 503, 4 times"),
        (fake.html, "sent text/html; charset=utf-8 and not JSON, 4 times"),
        (fake.error("maxlag"), "maxlag"),
    ],
)
def test_trouble_that_does_not_pass_is_told(
    pages: LivePages, wiki: fake.Wiki, waits: Waits, trouble: fake.Misbehaviour, said: str
) -> None:
    wiki.always = trouble
    with pytest.raises(PageSourceError, match=said):
        pages.search("Nile")
    assert waits == [1.0, 2.0, 4.0]


@pytest.mark.parametrize(
    ("trouble", "said"),
    [
        (fake.status(403), "403.*contact"),
        (fake.status(404), "404"),
        (fake.status(301, Location="http://example.org/"), "301"),
        (fake.error("badvalue"), "badvalue: as said"),
        (lambda handler: fake.send(handler, 200, b"[]"), "no object"),
        (
            lambda handler: fake.send(handler, 200, b'{"query": {"pages": {"7": {"fullurl": "u", "title": "Nile"}}}}'),
            "not understood",
        ),
    ],
)
def test_what_waiting_does_not_mend_is_told_at_once(
    pages: LivePages, wiki: fake.Wiki, waits: Waits, trouble: fake.Misbehaviour, said: str
) -> None:
    wiki.always = trouble
    with pytest.raises(PageSourceError, match=said):
        pages.search("Nile")
    assert waits == []


@pytest.mark.parametrize("slow", [fake.silent, fake.trickling])
def test_a_slow_server_is_given_up(
    url: str, wiki: fake.Wiki, waits: Waits, slow: Callable[[fake.Wiki], fake.Misbehaviour]
) -> None:
    wiki.next = [slow(wiki)]
    pages = LivePages(contact=CONTACT, api_url=url, sleep=waits, timeout_seconds=0.1, retries=0)
    with pytest.raises(PageSourceError, match="no whole answer within"):
        pages.search("Nile")
    pages.close()


def test_a_server_that_is_not_there_is_told(waits: Waits) -> None:
    with fake.served(fake.Wiki()) as address:
        pass
    pages = LivePages(contact=CONTACT, api_url=address, sleep=waits)
    with pytest.raises(PageSourceError, match="could not be reached"):
        pages.search("Nile")
    pages.close()


def test_one_request_at_a_time_from_many_threads(pages: LivePages, wiki: fake.Wiki) -> None:
    found: list[Page | Missing] = []
    threads = [threading.Thread(target=lambda: found.append(pages.search("Nil"))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [page.title for page in found] == ["Nile"] * 8
    assert wiki.most_at_once == 1


def test_two_sources_ask_their_own_servers_at_once(url: str, wiki: fake.Wiki) -> None:
    other = fake.Wiki(articles={"Nile": "Der Nil ist ein Fluss. Am 3. Mai war er z. B. lang."})
    with fake.served(other) as elsewhere:
        sources = [
            LivePages(contact=CONTACT, api_url=url),
            LivePages(contact=CONTACT, api_url=elsewhere, language="de"),
        ]
        found: dict[int, Page | Missing] = {}
        threads = [
            threading.Thread(target=lambda at=at: found.update({at: sources[at % 2].search("Nile")})) for at in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for source in sources:
            source.close()
    assert [getattr(found[at], "text", "")[:8] for at in range(4)] == ["The Nile", "Der Nil "] * 2
    german = found[1]
    assert isinstance(german, Page)
    assert len(german.sentences) == 2


def test_the_package_is_left_as_it_was(pages: LivePages) -> None:
    module = wikipedia.wikipedia
    before = {
        name: getattr(module, name)
        for name in ("API_URL", "USER_AGENT", "_wiki_request", "BeautifulSoup", "RATE_LIMIT")
    }
    pages.search("Mercury")
    pages.search("nothing of the kind")
    assert {name: getattr(module, name) for name in before} == before
    assert module.search._cache == {}


async def test_an_event_loop_goes_on_while_wikipedia_is_asked(url: str, wiki: fake.Wiki) -> None:
    asked, go_on = threading.Event(), threading.Event()

    def held(handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        go_on.wait(30)
        fake.send(handler, 503, b"{}", Retry_After="0")

    wiki.next = [held]
    toolset = Wikipedia(LivePages(contact=CONTACT, api_url=url))
    searching = asyncio.create_task(toolset.open().ause(Action(tool="Search", argument='"nile"')))
    await asyncio.to_thread(asked.wait, 30)
    assert not searching.done()
    go_on.set()
    assert (await searching).text == "The Nile is a river. It is in the U.S. not. It flows north."
    toolset.close()


def test_closing_ends_a_wait_and_what_comes_after_is_refused(url: str, wiki: fake.Wiki) -> None:
    pages, told, answered = LivePages(contact=CONTACT, api_url=url), threading.Event(), threading.Event()

    def busy(handler: BaseHTTPRequestHandler) -> None:
        fake.send(handler, 429, b"{}", Retry_After="50")
        answered.set()

    wiki.next = [busy]

    def work() -> None:
        with pytest.raises(PageSourceError, match="closed"):
            pages.search("Nile")
        told.set()

    thread = threading.Thread(target=work)
    thread.start()
    assert answered.wait(30)
    pages.close()
    thread.join(10)
    assert told.is_set()
    with pytest.raises(PageSourceError, match="closed"):
        pages.search("Nile")


def test_without_a_contact_the_error_says_how_to_give_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(CONTACT_VARIABLE, raising=False)
    for make in (LivePages, lambda: from_name("live"), lambda: Wikipedia("live")):
        with pytest.raises(PagesError, match=r"contact= .*REASONKIT_CONTACT"):
            make()
    with pytest.raises(PagesError, match="no e-mail address"):
        LivePages(contact="me")
    with pytest.raises(PagesError, match="no e-mail address"):
        LivePages(contact="me@example.org\r\nX-Header: y")


def test_the_contact_may_come_from_the_environment_or_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    Wikipedia("live", contact=CONTACT).close()
    monkeypatch.setenv(CONTACT_VARIABLE, "https://example.org/bot")
    from_name("live:de").close()


def test_addresses_and_options_that_will_not_do_are_refused() -> None:
    with pytest.raises(PagesError, match="https"):
        LivePages(contact=CONTACT, api_url="http://en.wikipedia.org/w/api.php")
    with pytest.raises(PagesError, match="https"):
        LivePages(contact=CONTACT, api_url="http://localhost.example.org/w/api.php")
    with pytest.raises(PagesError, match="language"):
        LivePages(contact=CONTACT, language="english/")
    with pytest.raises(PagesError, match="retries"):
        LivePages(contact=CONTACT, retries=-1)
