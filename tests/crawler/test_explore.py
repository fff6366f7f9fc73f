"""Exploring: every address of a site ends with a reason or in the frame, within limits, politely, and resumably."""

import asyncio
import hashlib
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest

import crawler.explore
from crawler.browser import PageLost
from crawler.exploration import Shown
from crawler.scope import Exclusion
from db.database import Database
from db.words import About, FoundBy, Reason, SweepState, VisitState
from tests.audits.sites import NOT_FOUND, Answer, asked, html, moved, small_site
from tests.crawler.exploring import begun, explored
from tests.crawler.servers import Request, http


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


both_databases = pytest.mark.parametrize("backend", ["sqlite", "postgresql"])


def links(*paths: str, **given: Any) -> bytes:
    """A page that links to these."""
    return html("".join(f'<p><a href="{path}">{path}</a></p>' for path in paths), **given)


def robots(text: str) -> bytes:
    return http(text.encode(), content_type="text/plain")


def sitemap(*addresses: str, root: str = "urlset", entry: str = "url") -> bytes:
    listed = "".join(f"<{entry}><loc>{each}</loc></{entry}>" for each in addresses)
    return http(
        f'<{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{root}>'.encode(),
        content_type="application/xml",
    )


# ── what is found, and how ─────────────────────────────────────────────────────────────────────────


async def test_links_are_followed_level_by_level_and_each_address_is_asked_for_once(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/": links("/b", "/a", "/a#part", "/?utm_source=x"),
        "/a": links("/", "/b", "/deep"),
        "/b": links("/a", "http://other.example/", "mailto:a@b.example"),
        "/deep": links("/"),
    }
    async with small_site(pages) as site:
        sweep = await explored(database, site)
    rows = await sweep.rows()
    assert {path: (row["state"], row["depth"]) for path, row in rows.items()} == {
        "/": (VisitState.EXPLORED, 0),
        "/a": (VisitState.EXPLORED, 1),
        "/b": (VisitState.EXPLORED, 1),
        "/deep": (VisitState.EXPLORED, 2),
    }
    assert Counter(asked(site)) == Counter(["/robots.txt", "/sitemap.xml", "/", "/a", "/b", "/deep"])
    assert rows["/deep"]["found_on"] == "/a"
    assert rows["/deep"]["found_by"] is FoundBy.LINK
    assert (rows["/"]["found_by"], rows["/"]["found_on"]) == (FoundBy.START, None)
    assert rows["/a"]["http_status"] == 200
    assert rows["/a"]["content_type"] == "text/html; charset=utf-8"
    assert rows["/a"]["title"] == "見本"
    assert (await sweep.sweep_row())["state"] is SweepState.CHOOSING


async def test_pages_of_the_sitemap_are_known_and_the_start_is_one_of_them(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/": links("/linked", "/both"),
        "/linked": html(""),
        "/both": html(""),
        "/only": html(""),
    }
    async with small_site(pages) as site:
        pages["/sitemap.xml"] = sitemap(
            *(site.address(path) for path in ("/", "/both", "/only")), "http://x.example/"
        )
        rows = await (await explored(database, site)).rows()
    assert {path: row["in_sitemap"] for path, row in rows.items()} == {
        "/": True, "/both": True, "/only": True, "/linked": False,
    }  # fmt: skip
    assert rows["/only"]["found_by"] is FoundBy.SITEMAP
    assert rows["/"]["found_by"] is FoundBy.START


async def test_a_sitemap_that_cannot_be_read_is_noted(database: Database) -> None:
    pages: dict[str, Answer] = {"/": html(""), "/broken.xml": http(b"<urlset><url><loc>", content_type="text/xml")}
    async with small_site(pages) as site:
        declared = "".join(f"Sitemap: {site.address(path)}\n" for path in ("/gone.xml", "/broken.xml"))
        pages["/robots.txt"] = robots(declared)
        notes = await (await explored(database, site)).notes()
        assert {note["address"] for note in notes} == {site.address("/gone.xml"), site.address("/broken.xml")}
        assert all(note["about"] == "sitemap" and note["said"] for note in notes)


async def test_sitemaps_within_each_other_are_read_three_deep_and_each_once(database: Database) -> None:
    pages: dict[str, Answer] = {path: html("") for path in ("/", "/a", "/b")}
    async with small_site(pages) as site:

        def index(*paths: str) -> bytes:
            return sitemap(*map(site.address, paths), root="sitemapindex", entry="sitemap")

        pages["/sitemap.xml"] = index("/sitemap.xml", "/1.xml", "/a.xml")
        pages["/a.xml"] = sitemap(site.address("/a"))
        pages["/1.xml"] = index("/2.xml", "/a.xml", "/sitemap.xml")
        pages["/2.xml"] = index("/b.xml")
        pages["/b.xml"] = sitemap(site.address("/b"))
        sweep = await explored(database, site)
    assert set(await sweep.rows()) == {"/", "/a"}
    [note] = await sweep.notes()
    assert (note["address"], note["said"].partition(":")[0]) == (
        site.address("/2.xml"),
        "more than 3 sitemap files within each other",
    )
    assert Counter(path for path in asked(site) if path.endswith(".xml")) == Counter(
        ["/sitemap.xml", "/1.xml", "/a.xml", "/2.xml"]
    )


@pytest.mark.parametrize("include", ["http://localhost:{port}/", "http*"], ids=["named", "met"])
async def test_a_further_host_in_scope_is_asked_for_its_sitemap_too(database: Database, include: str) -> None:
    pages: dict[str, Answer] = {"/": html(""), "/only": html("<p>だけ"), "/linked": html("<p>から")}
    async with small_site(pages) as site:
        other = site.address("", host="localhost")
        pages["/"] = html(f'<a href="{other}/linked">別のホスト</a>') if "*" in include else html("")

        def listed(request: Request) -> bytes:
            there = request.headers["host"].startswith("localhost")
            return sitemap(f"{other}/only") if there else NOT_FOUND

        pages["/sitemap.xml"] = listed
        rows = await (await explored(database, site, includes=(include.format(port=site.port),))).rows()
    assert rows[f"{other}/only"]["found_by"] is FoundBy.SITEMAP
    assert rows[f"{other}/only"]["state"] is VisitState.EXPLORED


async def test_a_sitemap_that_nobody_promised_is_not_missed(database: Database) -> None:
    async with small_site({"/": html("")}) as site:
        assert await (await explored(database, site)).notes() == []
        assert "/sitemap.xml" in asked(site)


# ── how addresses end ──────────────────────────────────────────────────────────────────────────────


async def test_every_answer_ends_with_its_reason(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/404": http(status="404 Not Found"),
        "/410": http(status="410 Gone"),
        "/403": http(status="403 Forbidden"),
        "/429": http(status="429 Too Many Requests", Retry_After="0"),
        "/400": http(status="400 Bad Request"),
        "/500": http(status="500 Internal Server Error"),
        "/pdf": http(b"%PDF", content_type="application/pdf"),
        "/text": http(b"x", content_type="text/plain"),
        "/empty": http(b" \n"),
        "/broken": b"nonsense\r\n\r\n",
        "/large": http(b"<p>" * 70_000),
        "/out": moved("http://other.example/"),
        "/moved": moved("/new"),
        "/new": html(""),
        "/self": moved("/self"),
        "/one": moved("/two"),
        "/two": moved("/three"),
        "/three": moved("/two"),
        "/noway": http(b"", status="302 Found", content_type=None),
        "/untyped": http(b"<!doctype html><title>x</title><p>x", content_type=None),
    }
    pages["/"] = links(*pages)
    async with small_site(pages) as site:
        sweep = await explored(database, site, bytes=200_000)
    assert await sweep.ends() == {
        "/": "explored", "/404": "not_found", "/410": "not_found", "/403": "blocked", "/429": "blocked",
        "/400": "client_error", "/500": "server_error", "/pdf": "not_html", "/text": "not_html", "/empty": "empty",
        "/broken": "connection", "/large": "too_large", "/out": "redirect_out", "/moved": "redirect",
        "/new": "explored", "/self": "redirect_loop", "/one": "redirect_loop", "/two": "redirect_loop",
        "/three": "redirect_loop", "/noway": "client_error", "/untyped": "explored",
    }  # fmt: skip
    rows = await sweep.rows()
    assert rows["/moved"]["leads_to"] == "/new"
    assert rows["/new"]["found_by"] is FoundBy.LINK
    assert rows["/out"]["detail"] == "http://other.example/"
    assert rows["/large"]["state"] is VisitState.UNAUDITED


async def test_a_page_behind_redirects_only_is_found_by_them(database: Database) -> None:
    async with small_site({"/": links("/a"), "/a": moved("/b"), "/b": moved("/c"), "/c": html("")}) as site:
        rows = await (await explored(database, site)).rows()
    assert (rows["/c"]["found_by"], rows["/c"]["found_on"], rows["/c"]["depth"]) == (FoundBy.REDIRECT, "/b", 3)


async def test_an_index_page_with_the_same_bytes_is_the_same_page(database: Database) -> None:
    same, other = html("同じ"), html("違う")
    pages: dict[str, Answer] = {
        "/": links("/a/", "/a/index.html", "/b/", "/b/index.html", "/c/", "/d/", "/a/x.html"),
        "/a/": same, "/a/index.html": same, "/b/": same, "/b/index.html": other, "/c/": same, "/d/": same,
        "/a/x.html": same,
    }  # fmt: skip
    async with small_site(pages) as site:
        sweep = await explored(database, site)
    ends = await sweep.ends()
    assert ends.pop("/a/index.html") == "duplicate"
    assert set(ends.values()) == {"explored"}, "equal bytes alone make no twin"
    assert (await sweep.rows())["/a/index.html"]["leads_to"] == "/a/"


async def test_what_is_excluded_is_kept_with_the_exclusions_own_reason_and_not_asked_for(
    database: Database,
) -> None:
    exclusion = Exclusion(pattern="/kako/", reason="移行前の資料")
    async with small_site({"/": links("/kako/a", "/a"), "/a": html(""), "/kako/a": html("")}) as site:
        sweep = await explored(database, site, exclusions=(exclusion,))
    row = (await sweep.rows())["/kako/a"]
    assert (row["state"], row["reason"], row["detail"]) == (VisitState.UNAUDITED, Reason.EXCLUDED, "移行前の資料")
    assert "/kako/a" not in asked(site)


async def test_a_site_in_a_directory_ends_at_its_edge_but_for_what_is_included(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/office/top.html": links("a.html", "/other/", "/shared/x.html", "/officeb/"),
        "/office/a.html": links("/"),
        "/shared/x.html": html(""),
    }
    async with small_site(pages) as site:
        sweep = await explored(database, site, "/office/top.html", includes=("/shared/",))
    assert await sweep.ends() == {
        "/office/top.html": "explored", "/office/a.html": "explored", "/shared/x.html": "explored",
    }  # fmt: skip
    assert not {"/", "/other/", "/officeb/"} & set(asked(site))


# ── robots.txt ─────────────────────────────────────────────────────────────────────────────────────


async def test_what_robots_txt_disallows_is_known_and_not_asked_for(database: Database) -> None:
    rules = "User-agent: *\nDisallow: /secret\n"
    async with small_site({"/": links("/secret/a", "/b"), "/b": html(""), "/robots.txt": robots(rules)}) as site:
        assert await (await explored(database, site)).ends() == {
            "/": "explored", "/secret/a": "robots", "/b": "explored",
        }  # fmt: skip
    assert "/secret/a" not in asked(site)


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (http(status="500 Internal Server Error"), Reason.ROBOTS_UNREACHABLE),
        (b"nonsense\r\n\r\n", Reason.ROBOTS_UNREACHABLE),
        (robots("User-agent: *\nDisallow: /"), Reason.ROBOTS),
    ],
)
async def test_where_robots_txt_disallows_all_nothing_is_asked_for(
    database: Database, answer: bytes, reason: Reason
) -> None:
    async with small_site({"/": links("/a"), "/a": html(""), "/robots.txt": answer}) as site:
        assert await (await explored(database, site)).ends() == {"/": reason.value}
    assert set(asked(site)) == {"/robots.txt"}


async def test_a_robots_txt_that_is_not_there_allows_all(database: Database) -> None:
    async with small_site({"/": html(""), "/robots.txt": http(status="403 Forbidden")}) as site:
        assert await (await explored(database, site)).ends() == {"/": "explored"}


async def test_another_host_that_is_included_is_asked_for_its_own_robots_txt(database: Database) -> None:
    async with small_site({"/robots.txt": robots("User-agent: *\nDisallow: /b"), "/a": html("")}) as other:
        linked = [other.address(path, host="localhost") for path in ("/a", "/b")]
        async with small_site({"/": links(*linked)}) as site:
            ends = await (await explored(database, site, includes=(other.address("/", host="localhost"),))).ends()
    assert ends == {"/": "explored", linked[0]: "explored", linked[1]: "robots"}
    assert asked(other) == ["/robots.txt", "/sitemap.xml", "/a"]


async def test_a_host_that_cannot_be_reached_at_all_is_not_said_to_lack_its_robots_txt_only(
    database: Database,
) -> None:
    nowhere = "http://nowhere.invalid/a"
    async with small_site({"/": links(nowhere)}) as site:
        assert await (await explored(database, site, includes=("http://nowhere.invalid/",))).ends() == {
            "/": "explored", nowhere: "dns",
        }  # fmt: skip


async def test_crawl_delay_keeps_requests_apart(database: Database) -> None:
    pages: dict[str, Answer] = {"/": links("/a", "/b"), "/a": html(""), "/b": html("")}
    async with small_site({**pages, "/robots.txt": robots("User-agent: *\nCrawl-delay: 0.3")}) as site:
        await explored(database, site)
    times = [each.at for each in site.requests[1:]]
    assert len(times) == 4
    assert all(
        after - before > 0.15 for before, after in pairwise(times)
    )  # a busy machine notes one late, and the next not
    assert times[-1] - times[0] > 3 * 0.3 - 0.15


async def test_no_more_requests_at_once_than_the_limit(database: Database) -> None:
    open_now, highest = 0, 0

    async def slow(_: Request) -> bytes:
        nonlocal open_now, highest
        open_now += 1
        highest = max(highest, open_now)
        await asyncio.sleep(0.03)
        open_now -= 1
        return html("")

    paths = [f"/{n}" for n in range(12)]
    for limit in (1, 2, 4):
        highest = 0
        async with small_site({"/": links(*paths), **dict.fromkeys(paths, slow)}) as site:
            await explored(database, site, per_host=limit)
        assert highest == limit


# ── limits ─────────────────────────────────────────────────────────────────────────────────────────


@both_databases
async def test_the_limit_of_addresses_falls_on_the_last_of_a_level(database: Database) -> None:
    paths = ["/a-b", "/b", "/Z", "/a", "/_"]
    pages: dict[str, Answer] = {"/": links(*paths, "/deep"), "/deep": links("/deeper"), "/deeper": html("")}
    async with small_site({**dict.fromkeys(paths, html("")), **pages}) as site:
        ends = await (await explored(database, site, addresses=4)).ends()
    assert {path for path, end in ends.items() if end == "explored"} == {"/", "/Z", "/_", "/a"}
    assert {path for path, end in ends.items() if end == "page_limit"} == {"/a-b", "/b", "/deep"}
    assert len({path for path in asked(site) if not path.startswith("/jisweep-")}) == 2 + 4


async def test_the_limit_of_depth_ends_what_lies_deeper(database: Database) -> None:
    chain: dict[str, Answer] = {f"/{n}": links(f"/{n + 1}") for n in range(1, 9)}
    async with small_site({"/": links("/1"), **chain}) as site:
        ends = await (await explored(database, site, depth=3)).ends()
    assert ends == {"/": "explored", "/1": "explored", "/2": "explored", "/3": "explored", "/4": "depth_limit"}


async def test_the_limit_of_a_pattern_ends_a_calendar_that_never_ends(database: Database) -> None:
    def month(request: Request) -> bytes:
        number = int(request.path.partition("=")[2])
        return links(f"/cal?m={number + 1}", f"/cal?m={number + 2}")

    pages: dict[str, Answer] = {
        "/": links("/cal?m=1", "/list?p=1", "/plain"),
        "/list?p=1": html(""),
        "/plain": html(""),
    }
    async with small_site({**pages, **{f"/cal?m={n}": month for n in range(40)}}) as site:
        ends = await (await explored(database, site, pattern=5)).ends()
    calendar = {path: end for path, end in ends.items() if path.startswith("/cal")}
    assert Counter(calendar.values()) == {"explored": 5, "pattern_limit": 2}
    assert ends["/list?p=1"] == ends["/plain"] == "explored"


async def test_addresses_that_were_not_asked_for_do_not_use_up_a_pattern(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/": links("/c?m=1", "/c?m=2", "/c?m=3", "/next"),
        "/next": links("/c?m=7", "/c?m=8"),
        **{f"/c?m={n}": html("") for n in (7, 8)},
    }
    excluded = tuple(Exclusion(pattern=f"/c?m={n}", reason="x") for n in (1, 2, 3))
    async with small_site(pages) as site:
        ends = await (await explored(database, site, pattern=2, exclusions=excluded)).ends()
    assert ends["/c?m=7"] == ends["/c?m=8"] == "explored"


async def test_the_limit_of_time_ends_all_that_waits(database: Database) -> None:
    async def slow(_: Request) -> bytes:
        await asyncio.sleep(0.25)
        return html("")

    paths = [f"/{n}" for n in range(20)]
    async with small_site({"/": links(*paths), **dict.fromkeys(paths, slow)}) as site:
        sweep = await explored(database, site, seconds=0.6)
    ends = Counter((await sweep.ends()).values())
    assert ends["time_limit"] >= 10
    assert ends["explored"] >= 3
    assert ends["time_limit"] + ends["explored"] == 21
    assert (await sweep.sweep_row())["state"] is SweepState.CHOOSING


# ── links that only the browser shows ──────────────────────────────────────────────────────────────


def scripted(*paths: str, script: str = "draw()") -> bytes:
    return links(*paths, head=f"<script>{script}</script>")


async def test_pages_with_the_same_scripts_are_rendered_twice_and_then_by_evidence(database: Database) -> None:
    pages: dict[str, Answer] = {
        "/": links(*(f"/{kind}{n}" for kind in "ab" for n in range(5))),
        **{f"/a{n}": scripted(*("/b0", "/b1", "/b2"), script=f"idle({n})") for n in range(5)},
        **{f"/b{n}": scripted(*("/a0", "/a1", "/a2", "/a3"), script=f"show('{n}')") for n in range(5)},
        **{f"/from{n}": html("") for n in range(5)},
    }
    rendered: list[str] = []

    async def render(address: str) -> Shown:
        path = address.removeprefix(site.address(""))
        rendered.append(path)
        return Shown(links=(site.address("/" if path[1] == "a" else f"/from{path[2]}"),))

    async with small_site(pages) as site:
        rows = await (await explored(database, site, render=render)).rows()
    assert rendered == ["/a0", "/a1", "/b0", "/b1", "/b2", "/b3", "/b4"]
    assert {path for path, row in rows.items() if row["found_by"] is FoundBy.RENDERED} == {
        f"/from{n}" for n in range(5)
    }
    assert rows["/from3"]["found_on"] == "/b3"
    assert {path for path, row in rows.items() if row["rendered"]} == set(rendered)


async def test_links_that_a_script_builds_are_judged_by_their_words_too(database: Database) -> None:
    built = (
        '<a href="/member/exit">ログアウト</a> <a href="/e/78" data-method="delete">✕</a> <a href="/guide">案内</a>'
    )

    async def render(address: str) -> Shown:
        found = tuple(site.address(path) for path in ("/member/exit", "/e/78", "/guide"))
        return Shown(links=found, html=f"<body>{built}</body>")

    async with small_site({"/": scripted(), "/guide": html("案内")}) as site:
        said = await (await explored(database, site, render=render)).ends()
        requests = asked(site)
    assert {path: said[path] for path in ("/member/exit", "/e/78", "/guide")} == {
        "/member/exit": "unsafe", "/e/78": "unsafe", "/guide": "explored",
    }  # fmt: skip
    assert {"/member/exit", "/e/78"}.isdisjoint(requests)


async def test_a_page_with_scripts_and_few_links_is_rendered_whatever_its_siblings_show(database: Database) -> None:
    menu = ("/a0", "/a1", "/a2", "/a3", "/list")
    pages: dict[str, Answer] = {
        "/": links(*menu),
        **{path: scripted(*menu, script="common()") for path in menu},
        "/list": scripted(script="common()"),
        "/only": html(""),
    }

    async def render(address: str) -> Shown:
        return Shown(links=(site.address("/only"),) if address.endswith("/list") else ())

    async with small_site(pages) as site:
        rows = await (await explored(database, site, render=render)).rows()
    assert {path for path, row in rows.items() if row["rendered"]} == {"/a0", "/a1", "/list"}
    assert rows["/only"]["found_on"] == "/list"


async def test_a_document_that_is_not_read_to_its_end_is_noted(database: Database) -> None:
    deep = html("<div>" * 5001 + "</div>" * 5001 + '<a href="/after">次</a>')
    async with small_site({"/": deep, "/after": html("")}) as site:
        sweep = await explored(database, site)
        (note,) = await sweep.notes()
    assert (note["about"], note["address"]) == ("document", site.address("/"))
    assert "5000 elements within each other" in note["said"]


async def test_documents_that_are_alike_as_far_as_they_are_read_are_not_said_to_be_one(database: Database) -> None:
    """What comes after the cut is unknown, and may be what tells them apart."""
    said = "<p>市役所の窓口は一階で、平日の午前九時から午後五時まで開いています。お電話でも承ります。どうぞお越しください。</p>"
    overloaded = f"<b {' '.join(f'a{n}=1' for n in range(1001))}></b>"
    pages: dict[str, Answer] = {
        path: html(f"{said}{overloaded}<p>{path[1]}の手続き</p>", title="窓口") for path in ("/a", "/b", "/b2")
    }
    async with small_site({"/": links(*pages), **pages}) as site:
        ends = await (await explored(database, site)).ends()
    assert ends == {"/": "explored", "/a": "explored", "/b": "explored", "/b2": "duplicate"}


async def test_what_the_browser_shows_and_nobody_can_read_is_said_too(database: Database) -> None:
    """Links that a script made for scripts, also behind menus; menus that were not opened; a document without end."""
    made, behind = ("".join(f'<a href="javascript:go({n})">次</a>' for n in range(many)) for many in (3, 2))
    deep = "<div>" * 5001

    async def render(_: str) -> Shown:
        return Shown(
            links=(),
            html=f"<body>{made}{deep}",
            opened=behind,
            cut="more than 200 menus: the others were not opened",
        )

    async with small_site({"/": html('<a href="javascript:go(1)">次</a><script>draw()</script>')}) as site:
        sweep = await explored(database, site, render=render)
        notes = await sweep.notes()
    assert (await sweep.rows())["/"]["unread_links"] == 5
    assert [(each["about"], each["said"].partition(":")[0]) for each in notes] == [
        ("document", "more than 200 menus"),
        ("document", "more than 5000 elements within each other"),
        ("written", "links whose addresses a script puts together, or are too long, were not followed"),
    ]


@both_databases
async def test_a_file_of_many_gigabytes_is_a_document_with_its_size(database: Database) -> None:
    large = b"HTTP/1.1 200 OK\r\nContent-Type: video/mp4\r\nContent-Length: 5000000000\r\nConnection: close\r\n\r\n"
    async with small_site({"/": links("/film.mp4"), "/film.mp4": large}) as site:
        row = (await (await explored(database, site)).rows())["/film.mp4"]
    assert (row["reason"], row["size"]) == (Reason.NOT_HTML, 5_000_000_000)


@both_databases
async def test_an_address_too_long_to_be_kept_ends_nothing_and_is_counted(database: Database) -> None:
    drawn = "".join(hashlib.sha256(str(n).encode()).hexdigest() for n in range(150))
    pages: dict[str, Answer] = {
        "/": links("/a", "/b", f"/x?{drawn}"),
        "/a": links(f"/b?{drawn[:2400]}"),
        "/b": moved(f"/x?{drawn}"),
    }
    async with small_site(pages) as site:
        pages["/sitemap.xml"] = sitemap(site.address(f"/x?{drawn}"))
        sweep = await explored(database, site)
        notes = await sweep.notes()
    rows = await sweep.rows()
    assert {path: rows[path]["reason"] for path in ("/", "/a", "/b")} == {"/": None, "/a": None, "/b": Reason.TRAP}
    assert f"/b?{drawn[:2400]}" in rows
    assert rows["/"]["unread_links"] == 1
    assert {each["said"] for each in notes} == {
        "addresses of more than 2500 characters were not read",
        "links whose addresses a script puts together, or are too long, were not followed: 1 on 1 pages",
    }


async def test_links_left_unread_when_the_time_is_over_are_noted(database: Database) -> None:
    async def render(_: str) -> Shown:
        await asyncio.sleep(0.8)
        return Shown(links=())

    pages: dict[str, Answer] = {"/": links("/a", "/b"), "/a": scripted(script="a()"), "/b": scripted(script="b()")}
    async with small_site(pages) as site:
        sweep = await explored(database, site, render=render, seconds=0.7)
        assert await sweep.notes() == [
            {"about": "rendering", "address": site.address("/b"), "said": "the time for exploring was over"}
        ]


async def test_a_page_that_the_browser_loses_in_passing_is_tried_twice(database: Database) -> None:
    tries: Counter[str] = Counter()

    async def render(address: str) -> Shown:
        tries[address] += 1
        path = address.removeprefix(site.address(""))
        if path == "/gone":
            raise PageLost(Reason.NOT_HTML, "a download")
        if path == "/always" or tries[address] == 1:
            raise PageLost(Reason.TIMED_OUT, "no result")
        return Shown(links=())

    pages: dict[str, Answer] = {path: scripted(script=path[1:]) for path in ("/once", "/always", "/gone")}
    async with small_site({"/": links(*pages), **pages}) as site:
        sweep = await explored(database, site, render=render)
    assert await sweep.ends() == {"/": "explored", "/once": "explored", "/always": "timed_out", "/gone": "not_html"}
    assert {sweep.path(address): n for address, n in tries.items()} == {"/once": 2, "/always": 2, "/gone": 1}


# ── breaks ─────────────────────────────────────────────────────────────────────────────────────────

PAGES_WITH_ALL_SORTS: dict[str, Answer] = {
    "/": links("/a", "/b", "/c/", "/c/index.html", "/gone", "/moved", "/scripted", "/robots/x"),
    "/a": links("/b", "/d?x=1", "/d?x=2", "/d?x=3"),
    "/b": links("/a", "/e", "/loop"),
    "/c/": links("/e"),
    "/c/index.html": links("/e"),
    "/moved": moved("/target"),
    "/target": links("/f"),
    "/scripted": scripted("/a"),
    "/d?x=1": links("/d?x=4"),
    "/d?x=2": html("2"),
    "/e": links("/g", "/h", "/i"),
    "/f": html("f"),
    "/g": links("/x", "/y", "/z"),
    "/h": html("h"),
    "/loop": moved("/loop2"),
    "/loop2": moved("/loop"),
    "/shown": html("s"),
    "/robots.txt": robots("User-agent: *\nDisallow: /robots/"),
}
NOT_COMPARED = ("id", "sweep_id", "page_id", "found_on_id", "leads_to_id")


@both_databases
@pytest.mark.parametrize("per_host", [1, 3])
async def test_a_run_that_is_stopped_anywhere_ends_like_one_that_is_not(database: Database, per_host: int) -> None:
    stopping, left, each_render = asyncio.Event(), 10_000, 0

    def counting(answer: Answer) -> Callable[[Request], bytes]:
        def count(_: Request) -> bytes:
            nonlocal left
            left -= 1
            if left <= 0:
                stopping.set()
            assert isinstance(answer, bytes)
            return answer

        return count

    async def render(address: str) -> Shown:
        nonlocal each_render
        each_render += 1
        return Shown(links=(address.replace("/scripted", "/shown"),))

    def compared(rows: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        # of two requests at once either may be first to name the page that links to an address
        left_out = {*NOT_COMPARED, *(("found_on", "found_by") if per_host > 1 else ())}
        return {path: {key: row[key] for key in row.keys() - left_out} for path, row in rows.items()}

    limits = {"pattern": 2, "addresses": 19, "depth": 4, "per_host": per_host, "render": render}
    pages: dict[str, Answer] = {path: counting(answer) for path, answer in PAGES_WITH_ALL_SORTS.items()}
    pages["/robots.txt"] = PAGES_WITH_ALL_SORTS["/robots.txt"]  # asked for by each run anew
    async with small_site(pages) as site:
        undisturbed = compared(await (await explored(database, site, **limits)).rows())
        assert {"page_limit", "pattern_limit", "redirect_loop", "duplicate", "robots", "not_found"} <= {
            str(row["reason"]) for row in undisturbed.values()
        }
        for every in (1, 2, 3, 5, 7, 11):
            sweep = await begun(database, site, **limits)
            breaks = 0
            while True:
                left = every
                stopping.clear()
                if await sweep.go(stopping):
                    break
                breaks += 1
                assert breaks < 100
            left = 10_000
            assert breaks >= 1, every
            assert compared(await sweep.rows()) == undisturbed, every


async def test_a_level_that_is_broken_off_while_it_is_let_through_is_let_through_as_if_it_were_not(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("crawler.frontier.ROWS", 3)
    monkeypatch.setattr("crawler.census.AT_ONCE", 4)
    monkeypatch.setattr("crawler.census.TRIES", 2)
    decide, left = crawler.explore._decide, 10_000

    async def breaking(*given: Any) -> None:
        nonlocal left
        await decide(*given)
        left -= 1
        if left <= 0:
            raise InterruptedError

    many = [
        *(f"/a{n}" for n in range(9)), *(f"/p.html?n={n}" for n in range(9)), "/p.html", "/a1?kid=1", "/a2?kid=2",
        "/a3?kid=3", "/robots/x", "/logout",
    ]  # fmt: skip
    pages: dict[str, Answer] = {path: html(path * 20, title=path) for path in many}
    pages |= {
        path: html(path.partition("?")[0] * 20) for path in many if "kid" in path or path[1:3] in ("a1", "a2")
    }
    pages |= {"/": links(*many), "/robots.txt": robots("User-agent: *\nDisallow: /robots/")}
    limits: dict[str, Any] = {"pattern": 4, "addresses": 17}
    monkeypatch.setattr("crawler.explore._decide", breaking)
    async with small_site(pages) as site:
        undisturbed = await (await explored(database, site, **limits)).ends()
        assert {"page_limit", "pattern_limit", "robots", "unsafe", "explored"} <= set(undisturbed.values())
        for every in range(1, 12):
            sweep = await begun(database, site, **limits)
            left = every
            with pytest.raises(InterruptedError):
                await sweep.go()
            left = 10_000
            assert await sweep.go()
            assert await sweep.ends() == undisturbed, every


@both_databases
async def test_pages_that_all_link_to_one_another_are_explored_side_by_side(database: Database) -> None:
    paths = [f"/{n:02}" for n in range(40)]
    pages: dict[str, Answer] = {
        path: links(*(paths[at:] + paths[:at])[:: 1 if at % 2 else -1], f"/new{at:02}", title=path)
        for at, path in enumerate(paths)
    }
    new: dict[str, Answer] = {f"/new{n:02}": links(*paths, title=f"新着 {n}") for n in range(40)}
    async with small_site({"/": links(*paths), **pages, **new}) as site:
        ends = await (await explored(database, site, per_host=8)).ends()
    assert len(ends) == 81
    assert set(ends.values()) == {"explored"}


async def test_exploring_again_in_a_new_sweep_knows_the_same_pages(database: Database) -> None:
    async with small_site({"/": links("/a"), "/a": html("")}) as site:
        first, second = await explored(database, site), await explored(database, site)
    rows = [await sweep.rows() for sweep in (first, second)]
    assert [row["page_id"] for row in rows[0].values()] == [row["page_id"] for row in rows[1].values()]


@both_databases
async def test_links_written_in_code_are_followed_and_what_nobody_can_read_is_said(database: Database) -> None:
    """As a note that leaves the sweep complete: whether there is a page behind such a link is not known."""
    first = """<a href="javascript:location.href='/a'">a</a><a href="javascript:go(1)">1</a><a href="javascript:go(2)">2</a>
        <select onchange="location=this.value"><option value="/b/">b</option><option value="/c">削除する</select>"""
    pages: dict[str, Answer] = {
        "/": html(first), "/a": html('<a href="javascript:go(3)">3</a>'), "/b/": html("b"), "/c": html("c"),
    }  # fmt: skip
    async with small_site(pages) as site:
        sweep = await explored(database, site)
        rows, notes = await sweep.rows(), await sweep.notes()
    assert {path: (row["found_by"], row["reason"]) for path, row in rows.items() if path != "/"} == {
        "/a": (FoundBy.LINK, None), "/b/": (FoundBy.LINK, None), "/c": (FoundBy.LINK, Reason.UNSAFE),
    }  # fmt: skip
    said = "links whose addresses a script puts together, or are too long, were not followed: 3 on 2 pages"
    assert notes == [{"about": "written", "address": site.address("/"), "said": said}]
    assert About.WRITTEN.informs


async def test_links_behind_menus_and_in_code_that_a_script_made_are_judged_by_their_words(
    database: Database,
) -> None:
    built = """<button onclick="location.href='/r1'">次</button><button onclick="location.href='/r2'">ログアウト</button>"""

    async def render(address: str) -> Shown:
        menus = (site.address("/m1"), site.address("/m2"))
        opened = f'<a href="{menus[0]}">案内</a><a href="{menus[1]}">ログアウト</a>'
        return Shown(links=(), behind_menus=menus, opened=opened, html=built)

    pages: dict[str, Answer] = {"/": scripted(), **{path: html(path) for path in ("/m1", "/m2", "/r1", "/r2")}}
    async with small_site(pages) as site:
        rows = await (await explored(database, site, render=render)).rows()
        requests = asked(site)
    assert {path: (row["found_by"], row["reason"]) for path, row in rows.items() if path != "/"} == {
        "/m1": (FoundBy.CLICKED, None), "/m2": (FoundBy.CLICKED, Reason.UNSAFE),
        "/r1": (FoundBy.RENDERED, None), "/r2": (FoundBy.RENDERED, Reason.UNSAFE),
    }  # fmt: skip
    assert not {"/m2", "/r2"} & set(requests)
