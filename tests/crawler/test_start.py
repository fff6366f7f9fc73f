"""From what a person typed to the page where a sweep begins, or to one line on why there is none."""

from collections.abc import AsyncIterator

import pytest

from crawler.fetch import Fetcher, Manners
from crawler.gate import Gate
from crawler.start import WHY, find_start, unreachable
from db.errors import SiteUnreachable
from db.words import Reason
from tests.audits.sites import Answer, asked, html, moved, small_site
from tests.crawler.servers import http


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(Manners(contact="tests", timeout=2.0, backoff=0.01, max_bytes=1000)) as opened:
        yield opened


async def test_a_page_is_where_it_is(fetcher: Fetcher) -> None:
    async with small_site({"/": html("")}) as site:
        assert await find_start(fetcher, site.address("/")) == site.address("/")
    assert asked(site) == ["/robots.txt", "/"]


async def test_redirects_within_the_host_are_followed(fetcher: Fetcher) -> None:
    pages: dict[str, Answer] = {"/": moved("/ja/"), "/ja/": moved("/ja/index.html"), "/ja/index.html": html("")}
    async with small_site(pages) as site:
        assert await find_start(fetcher, site.address("/")) == site.address("/ja/index.html")


async def test_a_redirect_to_another_host_names_it(fetcher: Fetcher) -> None:
    async with small_site({"/": moved("http://www.other.example/x")}) as site:
        with pytest.raises(SiteUnreachable) as refused:
            await find_start(fetcher, site.address("/"))
    for line in (refused.value.ja, refused.value.en):
        assert "http://www.other.example/x" in line
        assert "\n" not in line


@pytest.mark.parametrize(
    ("pages", "sign"),
    [
        ({"/": moved("/")}, "never end"),
        ({"/": moved("/a"), "/a": moved("/")}, "never end"),
        ({"/": moved("/" + "a" * 2500)}, "more than 2500 characters"),
        ({}, "does not exist"),
        ({"/": http(status="403 Forbidden")}, ["refuses access", "HTTP 403)"][0]),
        ({"/": http(status="500 Internal Server Error")}, "server fails"),
        ({"/": http(status="418 Teapot")}, "does not accept"),
        ({"/": http(b"%PDF", content_type="application/pdf")}, "no HTML page"),
        ({"/": http(b"")}, "is empty"),
        ({"/": http(b"x" * 2000)}, "too large"),
        (
            {"/": html(""), "/robots.txt": http(b"User-agent: *\nDisallow: /", content_type="text/plain")},
            "disallows",
        ),
        ({"/": html(""), "/robots.txt": http(status="500 Internal Server Error")}, "cannot be read"),
        ({"/": b"nonsense\r\n\r\n", "/robots.txt": http(status="404 Not Found")}, "cannot be connected to"),
    ],
)
async def test_where_there_is_no_page_one_line_says_why(
    fetcher: Fetcher, pages: dict[str, Answer], sign: str
) -> None:
    async with small_site(pages) as site:
        with pytest.raises(SiteUnreachable) as refused:
            await find_start(fetcher, site.address("/"))
    assert sign in refused.value.en
    assert site.address("/") in refused.value.en
    assert site.address("/") in refused.value.ja
    assert "\n" not in refused.value.en + refused.value.ja


async def test_a_page_that_robots_txt_disallows_is_not_asked_for(fetcher: Fetcher) -> None:
    rules = http(b"User-agent: *\nDisallow: /", content_type="text/plain")
    async with small_site({"/": html(""), "/robots.txt": rules}) as site:
        with pytest.raises(SiteUnreachable):
            await find_start(fetcher, site.address("/"))
    assert asked(site) == ["/robots.txt"]


async def test_a_redirect_to_a_page_that_robots_txt_disallows_is_not_followed(fetcher: Fetcher) -> None:
    rules = http(b"User-agent: *\nDisallow: /secret", content_type="text/plain")
    async with small_site({"/": moved("/secret"), "/secret": html(""), "/robots.txt": rules}) as site:
        with pytest.raises(SiteUnreachable, match="secret"):
            await find_start(fetcher, site.address("/"))
    assert "/secret" not in asked(site)


async def test_a_private_address_is_refused_through_the_gate() -> None:
    manners = Manners(contact="tests", backoff=0.01)
    async with small_site({"/": html("")}) as site, Gate() as gate, Fetcher(manners, gate.url) as fetcher:
        with pytest.raises(SiteUnreachable, match="--allow-private"):
            await find_start(fetcher, site.address("/"))
    assert site.requests == []


async def test_nobody_there(fetcher: Fetcher) -> None:
    async with small_site({}) as gone:
        pass
    with pytest.raises(SiteUnreachable, match="cannot be connected to"):
        await find_start(fetcher, gone.address("/"))


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_line_in_both_languages(reason: Reason) -> None:
    error = unreachable("http://x.example/", reason, "HTTP 1")
    assert "http://x.example/" in error.ja
    assert "HTTP 1" in error.en
    assert error.exit_code == 4
    assert reason not in WHY or WHY[reason][1] in error.en
