"""Pages that somebody names are audited now: several at a time, in their order, each tried again where that can help."""

from audits.engine import Engine
from audits.pages import Checked, audit_pages
from audits.work import Tools
from crawler.limits import Limits
from db.words import Edition, Level, Reason
from tests.audits.sites import Answer, asked, html, moved, small_site
from tests.crawler.servers import Request, http

LIMITS = Limits(contact="tests", allow_private=True, delay=0.0, page_seconds=20.0)
PHOTO = '<p><img src="/photo.jpg" width="40" height="40">'


async def checked(addresses: list[str], engine: Engine, chromium: str) -> tuple[list[Checked], list[Checked]]:
    """The pages in the order of their addresses, and as they were done."""
    done: list[Checked] = []
    tools = Tools(engine=engine, browser=chromium, workers=2)
    rules, pages = await audit_pages(addresses, LIMITS, tools, Edition.JIS2016, Level.AA, done.append)
    assert "image-alt" in rules.criteria
    return pages, done


async def test_pages_of_two_sites_come_in_their_order(engine: Engine, chromium: str) -> None:
    clean: dict[str, Answer] = {f"/{each}": html("<p>水") for each in range(4)}
    faulty: dict[str, Answer] = {f"/{each}": html(f"<p>緑</p>{PHOTO}") for each in range(4)}
    async with small_site(clean) as one, small_site(faulty) as other:
        addresses = [site.address(f"/{each}") for each in range(4) for site in (one, other)]
        pages, done = await checked(addresses, engine, chromium)
        assert asked(other, browser=False) == ["/robots.txt"]
    assert [each.address for each in pages] == addresses
    assert sorted(each.address for each in done) == sorted(addresses)
    assert [[place.rule for place in each.places] for each in pages] == 4 * [[], ["image-alt"]]


async def test_what_is_lost_for_a_passing_reason_is_tried_once_more(engine: Engine, chromium: str) -> None:
    tries: list[str] = []

    def busy(request: Request) -> bytes:
        tries.append(request.path)
        failing = request.path == "/always" or len(tries) == 1
        return http(b"<p>x", status="500 Internal Server Error") if failing else html("<p>水")

    pages: dict[str, Answer] = {"/once": busy, "/always": busy, "/moved": moved("/once"), "/end": html("<p>終")}
    async with small_site(pages) as server:
        addresses = [server.address(path) for path in ("/once", "/always", "/moved", "/gone", "/end")]
        found, _ = await checked(addresses, engine, chromium)
    assert [each.reason for each in found] == [None, Reason.SERVER_ERROR, Reason.REDIRECT, Reason.NOT_FOUND, None]
    assert server.address("/once") in found[2].detail
    assert tries.count("/always") == 2
