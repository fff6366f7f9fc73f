"""Addresses without end, acts, missing pages that say 200, parameters that mean nothing: told apart, and said so."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from crawler import missing, walls
from crawler.document import read
from crawler.exploration import Shown
from crawler.seeds import read_seeds
from crawler.unsafe import acts, says_act
from db.database import Database
from db.errors import UsageError
from db.words import FoundBy, VisitState
from tests.audits.sites import NOT_FOUND, Answer, asked, html, moved, small_site
from tests.crawler.exploring import explored
from tests.crawler.servers import Request, Server, http, serving

NAV = "このサイトは見本です。庁舎の窓口は平日の午前8時30分から午後5時まで開いています。電話でもお答えします。"


@pytest.fixture
def backend() -> str:
    return "sqlite"


def page(title: str, *links: str, text: str = "", answer: str = "200 OK") -> bytes:
    listed = "".join(f'<li><a href="{each}">{each}</a></li>' for each in links)
    return html(f"<p>{NAV}{text}</p><ul>{listed}</ul>", title=title)


def every(answer: Any) -> Any:
    """A site that answers whatever is asked for, by path and query."""

    async def script(request: Request, writer: Any) -> None:
        unheard = request.path.startswith(("/robots.txt", "/sitemap.xml"))
        writer.write(NOT_FOUND if unheard else answer(request.path))
        await writer.drain()

    return serving(script)


async def ends(database: Database, site: Server, **limits: Any) -> Counter[str]:
    return Counter((await (await explored(database, site, **limits)).ends()).values())


def calendar(path: str) -> bytes:
    if path == "/":
        return page("見本市", "/cal/2026/1/")
    if not path.startswith("/cal/"):
        return page("ない", text="お探しのものはありません。")
    year, month = map(int, path.split("/")[2:4])
    return page("行事の予定", *(f"/cal/{year + (month + n) // 12}/{(month + n) % 12 + 1}/" for n in range(3)),
                text=f"{year}年{month}月の行事はありません。")  # fmt: skip


async def test_a_calendar_that_never_ends_is_left_when_it_brings_nothing_new(database: Database) -> None:
    async with every(calendar) as site:
        sweep = await explored(database, site, depth=200)
    said = await sweep.ends()
    counted = Counter(said.values())
    assert counted["trap"] > 0
    assert 40 <= counted["explored"] < 60
    trapped = next(row for path, row in (await sweep.rows()).items() if said[path] == "trap")
    assert trapped["detail"].startswith("/cal/0/0/: ")


async def test_the_operator_can_widen_a_trap(database: Database) -> None:
    async with every(calendar) as site:
        counted = await ends(database, site, depth=60, widen=("/cal/*",))
    assert counted["trap"] == 0
    assert counted["explored"] > 60


async def test_pages_whose_pictures_differ_are_no_trap(database: Database) -> None:
    def gallery(path: str) -> bytes:
        number = int(path.strip("/").partition(".")[0] or 0)
        picture = f'<img src="/img/photo{number}.jpg" alt="写真">'
        further = f'<a href="/{number + 1}.html">次</a>' if number < 60 else ""
        return html(f"<p>{NAV}</p>{picture}{further}", title="写真館")

    async with every(gallery) as site:
        assert await ends(database, site, depth=100) == {"explored": 61}


async def test_many_pages_of_one_pattern_are_all_explored_when_each_brings_something(database: Database) -> None:
    words = [
        "防災",
        "福祉",
        "教育",
        "水道",
        "税金",
        "国保",
        "年金",
        "図書",
        "公園",
        "道路",
        "住宅",
        "環境",
        "観光",
        "農業",
        "漁業",
        "林業",
        "商工",
        "消防",
        "選挙",
        "議会",
    ]
    paths = [f"/news/2026/{n}.html" for n in range(300)]
    pages: dict[str, Answer] = {
        path: page("お知らせ", "/", text=f"{words[n % 20]}と{words[n // 20]}のお知らせです。")
        for n, path in enumerate(paths)
    }
    async with small_site({"/": page("新着", *paths), **pages}) as site:
        assert await ends(database, site) == {"explored": 301}


async def test_items_under_one_parameter_are_all_found_and_combinations_of_several_are_not(
    database: Database,
) -> None:
    items = "".join(f'<a href="/view?id={n}">{n}</a>' for n in range(700))
    facets = "".join(f'<a href="/find?a={n}&amp;b={m}">{n}</a>' for n in range(26) for m in range(26))

    def shiryo(path: str) -> bytes:
        number = "".join(each for each in path if each.isdigit())
        words = "".join(chr(0x4E00 + (97 * int(number or 0) + step) % 20000) for step in range(9))
        return page("資料", text=words) if "?" in path else html(f"<p>{NAV}</p>{items}{facets}", title="入口")

    async with every(shiryo) as site:
        said = await (await explored(database, site)).ends()
    kinds = Counter((path.partition("?")[0], end) for path, end in said.items())
    assert {kind: count for kind, count in kinds.items() if kind[0] == "/view"} == {("/view", "explored"): 700}
    assert kinds["/find", "pattern_limit"] == 176


@pytest.mark.parametrize("more", ["", "&amp;lang=ja", "&amp;lang={}"])
async def test_items_are_all_found_however_many_they_are_and_whatever_stands_beside_their_number(
    database: Database, more: str
) -> None:
    """A budget of 20, and more items than four times those that a level may ask for."""

    def shiryo(path: str) -> bytes:
        if "?" not in path:
            return page("入口", *(f"/view?id={n}{more.format('je'[n % 2])}" for n in range(400)))
        number = int("".join(each for each in path if each.isdigit()))
        return page("資料", text="".join(chr(0x4E00 + (97 * number + step) % 20000) for step in range(9)))

    async with every(shiryo) as site:
        assert await ends(database, site, pattern=20) == {"explored": 401}


def search(path: str) -> bytes:
    """A search that finds nothing, with a filter on each of four fields; items of one kind say something new."""
    given = dict(each.split("=") for each in path.partition("?")[2].split("&") if each)
    if "id" in given:
        return page("品", text="".join(chr(0x4E00 + 97 * int(given["id"]) + step) for step in range(9)))
    filters = [{**given, name: str(value)} for name in "abcd" for value in range(7)]
    chosen = [
        f"{path.partition('?')[0]}?" + "&".join(f"{k}={v}" for k, v in sorted(each.items())) for each in filters
    ]
    where = {"/find": "/item", "/shop": "/shop"}.get(path)
    items = [f"{where}?id={n}&amp;lang=ja" for n in range(60)] if where else []
    return page("検索", *(each.replace("&", "&amp;") for each in chosen), *items)


async def test_filters_that_find_nothing_are_left_when_three_of_their_combinations_are_traps(
    database: Database,
) -> None:
    async with every(search) as site:
        sweep = await explored(database, site, "/find")
        requests = [path for path in asked(site) if path.startswith("/find?")]
    said = await sweep.ends()
    assert {said[path] for path in said if path.startswith("/item")} == {"explored"}
    assert len(requests) == 28 + 6 * 40, "each pair of filters was tried"
    why = next(row["detail"] for path, row in (await sweep.rows()).items() if path.count("=") == 3)
    assert why.startswith("/find?…: 6 combinations of parameters")


async def test_a_path_where_any_combination_of_parameters_says_something_new_is_no_trap(database: Database) -> None:
    async with every(search) as site:
        rows = await (await explored(database, site, "/shop")).rows()
    assert {row["state"] for path, row in rows.items() if "id=" in path} == {VisitState.EXPLORED}
    assert not any("combinations" in (row["detail"] or "") for row in rows.values())


async def test_a_path_that_repeats_itself_is_a_trap(database: Database) -> None:
    async with every(lambda path: page("同じ", "ka/", "kakari/", text=path.replace("/", " の "))) as site:
        sweep = await explored(database, site)
    said = await sweep.ends()
    assert set(said.values()) == {"explored", "trap"}
    assert said["/ka/ka/kakari/ka/"] == "explored"
    assert max(path.count("/") for path, end in said.items() if end == "explored") == 6
    assert len(said) < 130
    assert "its path names 4 parts again" in {row["detail"] for row in (await sweep.rows()).values()}


async def test_behind_pages_that_only_repeat_others_nothing_is_looked_for(database: Database) -> None:
    async with every(lambda _: page("同じ", *(f"{name}/" for name in "abc"))) as site:
        sweep = await explored(database, site)
    said = await sweep.ends()
    assert set(said.values()) == {"explored", "duplicate", "trap"}
    assert said["/a/a/"] == "duplicate"
    assert len(asked(site)) < 40
    assert "only pages that repeat others lead to it" in {row["detail"] for row in (await sweep.rows()).values()}


def shop(path: str) -> bytes:
    plain, _, query = path.partition("?")
    if plain == "/":
        return page(
            "入口", *(f"/p{n}.html?kid={k}" for n in range(9) for k in ("a", "b")), "/p0.html?id=1", "/p0.html?id=2"
        )
    if query in ("id=1", "id=2"):
        return page("品", text=f"{query} の品の説明です。")
    deeper = [f"{plain[:-5]}-{n}.html?kid={n}{k}" for n in range(3) for k in ("c", "d")] if "-" not in plain else []
    return page(f"ページ {plain}", *deeper, text=f"{plain} の説明です。")


async def test_a_parameter_that_means_nothing_is_learned_and_no_page_asked_for_twice(database: Database) -> None:
    async with every(shop) as site:
        sweep = await explored(database, site)
        requests = [path for path in asked(site) if path.startswith("/p") and "-" in path]
    said = await sweep.ends()
    pages = {path.partition("?")[0] for path, end in said.items() if end == "explored" and "-" in path}
    assert len(pages) == 27
    assert len(requests) == 27, "the other addresses of each page were known to be the same"
    assert said["/p0.html?id=1"] == said["/p0.html?id=2"] == "explored"
    row = next(row for path, row in (await sweep.rows()).items() if "-" in path and said[path] == "duplicate")
    assert "its parameters make no difference on this site" in row["detail"]


def offices(path: str) -> bytes:
    plain, _, query = path.partition("?")
    if plain == "/":
        return page("入口", *(f"/koho/p{n}.html?id={k}" for n in range(9) for k in (1, 2)), "/kasen/")
    if plain == "/kasen/":
        return page("河川", "/kasen/list.html")
    if plain == "/kasen/list.html":
        return page("河川の一覧", *(f"/kasen/river.cgi?id={n}" for n in range(9)))
    return page(f"ページ {plain}", text=f"{plain} {query if 'kasen' in plain else ''} の説明です。")


async def test_a_parameter_that_one_folder_ignores_may_choose_a_page_in_another(database: Database) -> None:
    async with every(offices) as site:
        said = await (await explored(database, site)).ends()
    assert {end for path, end in said.items() if path.startswith("/kasen/river")} == {"explored"}
    assert [end for path, end in said.items() if path.startswith("/koho/")].count("explored") == 9


async def test_a_parameter_of_which_one_and_the_same_answer_came_many_times_may_choose_a_page(
    database: Database,
) -> None:
    """That there is nothing to show, a server says for whatever is asked for: it is one evidence, not three."""

    def statistics(path: str) -> bytes:
        if path == "/":
            empty = (f"/f{place}/list?dept={dept}&year={year}" for place in "ab" for dept in "123" for year in "34")
            return page("統計", "/further", *empty)
        if path == "/further":
            return page("教育", *(f"/f{place}/list?dept=7&year={year}" for place in "abc" for year in "34"))
        return page(
            "統計の表", text=f"{path} の表です。" if "dept=7" in path else "この条件に合う表はまだありません。"
        )

    async with every(statistics) as site:
        said = await (await explored(database, site)).ends()
    assert {end for path, end in said.items() if "dept=7" in path} == {"explored"}
    assert [end for path, end in said.items() if "list" in path].count("explored") == 6 + 1


async def test_a_parameter_that_three_folders_ignore_means_nothing_on_the_site(database: Database) -> None:
    def site_with_sessions(path: str) -> bytes:
        plain = path.partition("?")[0]
        if plain == "/":
            return page("入口", *(f"/f{n}/p.html?kid={k}" for n in range(4) for k in "ab"))
        if plain.endswith("/p.html"):
            return page(
                f"ページ {plain}", *(f"/new/{plain[2]}.html?kid={k}" for k in "abc"), text=f"{plain} です。"
            )
        return page(f"ページ {plain}", text=f"{plain} の説明です。")

    async with every(site_with_sessions) as site:
        sweep = await explored(database, site)
        requests = [path for path in asked(site) if path.startswith("/new/") and "?" in path]
    assert len(requests) == 4, "one for each page"
    assert [end for path, end in (await sweep.ends()).items() if path.startswith("/new/")].count("explored") == 4


TEXT_OF = {str(n): each * 3 for n, each in enumerate("あいうえおかきくけ")}


def hexadecimal(number: int) -> str:
    """A reference number as some walls give it, another one each time."""
    return f"18.{number * 0x5D3E1A:x}.{number * 0x9E3779B97F4A7C15 % 2**32:08x}"


def guarded(begins: int, written: Callable[[int], str] = str) -> Callable[[str], bytes]:
    """A site that, after so many requests, answers everything with one page that no product's name is on."""
    seen = Counter[str]()

    def answer(path: str) -> bytes:
        seen["all"] += 1
        if seen["all"] > begins:
            return html(
                f"<h1>エラー</h1><p>ただいまご利用になれません。受付番号 {written(seen['all'])}</p>", title="エラー"
            )
        if path == "/":
            return page("入口", *(f"/a/{n}.html" for n in range(9)), text="入口です。")
        return page(
            f"ページ {path}", path.replace("/a/", "/b/"), text=f"{'あいうえおかきくけ'[int(path[3])]} の説明です。"
        )

    return answer


@pytest.mark.parametrize("written", [str, hexadecimal, "見本市-{:x}-k7w".format], ids=["digits", "hex", "letters"])
@pytest.mark.parametrize("begins", [4, 12], ids=["in a level", "in a later level"])
async def test_a_wall_that_comes_up_while_exploring_is_neither_a_duplicate_nor_a_missing_page(
    database: Database, begins: int, written: Callable[[int], str]
) -> None:
    async with every(guarded(begins, written)) as site:
        sweep = await explored(database, site)
    counted = Counter((await sweep.ends()).values())
    assert set(counted) == {"explored", "blocked"}
    assert counted["explored"] == begins
    said = {row["detail"] for row in (await sweep.rows()).values()} - {None}
    assert all(each.endswith("gave when it was asked again") for each in said)


async def test_where_a_question_gets_no_answer_pages_stay_and_that_is_noted(database: Database) -> None:
    """Of pages that read alike, whether they are a wall; of those that say there is none, whether they are missing."""
    seen = Counter[str]()

    def site(path: str) -> bytes:
        seen[path] += 1
        if path.startswith("/jisweep-") or seen["/"] > 1:
            return http(status="500 Internal Server Error")
        listed = [f"/{n}.html" for n in range(3)] if path == "/" else []
        return page("入口" if listed else "ページが見つかりません", *listed)

    async with every(site) as server:
        sweep = await explored(database, server)
        notes = await sweep.notes()
    assert (await sweep.ends())["/0.html"] in ("explored", "duplicate")
    said = {each["said"]: each["address"] for each in notes if each["about"] == "unanswered"}
    assert set(said) == {walls.UNTOLD, missing.UNTOLD}
    assert said[walls.UNTOLD] == server.address("/")
    assert said[missing.UNTOLD].startswith(server.address("/jisweep-"))


async def test_asking_for_what_does_not_exist_ends_with_the_time_and_that_is_noted(database: Database) -> None:
    """Each folder has a page that may say only that there is none, and a server that thinks long about it."""
    probed: list[str] = []

    async def site(request: Request, writer: Any) -> None:
        if "/jisweep-" in request.path:
            probed.append(request.path)
            await asyncio.sleep(0.4)
        listed = [f"/{n}/a.html" for n in range(12)] if request.path == "/" else []
        unheard = request.path.startswith(("/robots.txt", "/sitemap.xml"))
        writer.write(NOT_FOUND if unheard else page("入口" if listed else f"404 {request.path}", *listed))
        await writer.drain()

    async with serving(site) as server:
        sweep = await explored(database, server, seconds=1.5)
        notes = [each for each in await sweep.notes() if each["about"] == "unsure"]
    assert len(probed) < 8
    assert {each["said"] for each in notes} == {missing.UNASKED}
    assert notes[-1]["address"] == server.address(f"/{sorted(map(str, range(12)))[len(probed)]}/"), (
        "the first not asked about"
    )


async def test_a_page_that_looks_like_a_wall_and_says_something_else_is_a_page(database: Database) -> None:
    """One title and one markup for all: what a page itself says tells it from the wall, asked for again or not."""
    seen = Counter[str]()

    def answer(path: str) -> bytes:
        seen["all"] += 1
        if seen["all"] > 6:
            text = f"ただいまご利用になれません。受付番号 {hexadecimal(seen['all'])}"
        else:
            text = TEXT_OF.get(path[3:4], "入口です。")
        links = [f"/a/{n}.html" for n in range(9)] if path == "/" and seen["all"] == 1 else []
        return html(f"<p>{text}</p>" + "".join(f'<a href="{each}">次</a>' for each in links), title="見本市")

    async with every(answer) as site:
        sweep = await explored(database, site)
    assert Counter((await sweep.ends()).values()) == {"explored": 6, "blocked": 4}


@pytest.mark.parametrize("silent", [2, 3])
@pytest.mark.parametrize("wall", [hexadecimal, "https://sorry.example.jp/?{}".format], ids=["notice", "elsewhere"])
async def test_a_page_that_gives_no_answer_when_it_is_asked_again_proves_nothing(
    database: Database, wall: Callable[[int], str], silent: int
) -> None:
    seen = Counter[str]()

    def answer(path: str) -> bytes:
        seen.update(["all", path])
        if path == "/" and seen[path] == silent:
            return http(b"", status="500 Internal Server Error")
        if seen["all"] > 5:
            said = wall(seen["all"])
            return moved(said) if said.startswith("http") else html(f"<p>受付番号 {said}</p>", title="エラー")
        if path == "/":
            return page("入口", *(f"/a/{n}.html" for n in range(9)), text="入口です。")
        return page(f"ページ {path}", text=f"{'あいうえおかきくけ'[int(path[3])]} の説明です。")

    async with every(answer) as site:
        sweep = await explored(database, site)
    assert Counter((await sweep.ends()).values()) == {"explored": 5, "blocked": 5}


@pytest.mark.parametrize(
    "to", ["https://sorry.example.jp/?from=", "/sorry.html?from="], ids=["elsewhere", "within the site"]
)
async def test_a_wall_that_sends_everything_to_one_place_is_said_to_block(database: Database, to: str) -> None:
    seen = Counter[str]()

    def answer(path: str) -> bytes:
        seen["all"] += 1
        if path.startswith("/sorry"):
            return page("混み合っています")
        if seen["all"] > 5:
            return moved(f"{to}{path}")
        if path == "/":
            return page("入口", *(f"/a/{n}.html" for n in range(9)), text="入口です。")
        return page(f"ページ {path}", text=f"{'あいうえおかきくけ'[int(path[3])]} の説明です。")

    async with every(answer) as site:
        said = await (await explored(database, site)).ends()
    walled = [path for path, end in said.items() if end == "blocked"]
    assert len(walled) >= 3
    assert not {"redirect", "redirect_out"} & set(said.values())


async def test_old_addresses_that_lead_to_one_page_are_no_wall(database: Database) -> None:
    def answer(path: str) -> bytes:
        if path == "/":
            return page("入口", *(f"/old/{n}.html" for n in range(5)), text="入口です。")
        return moved("/new.html") if path.startswith("/old") else page("新しいページ")

    async with every(answer) as site:
        said = await (await explored(database, site)).ends()
    assert Counter(said.values()) == {"explored": 2, "redirect": 5}


async def test_pages_of_one_template_and_title_are_no_wall_though_the_page_before_them_has_changed(
    database: Database,
) -> None:
    """A top page that says something else each time, and once looks as all the others do."""
    seen = Counter[str]()

    def answer(path: str) -> bytes:
        seen[path] += 1
        if path == "/" and seen["/"] == 1:
            return page("見本市", *(f"/a/{n}.html" for n in range(9)), text="入口です。")
        return page(
            "見本市", text=f"{path[3:4]}番の{'あいうえおかきくけ'[seen['/']]}" if path == "/" else TEXT_OF[path[3]]
        )

    async with every(answer) as site:
        said = Counter((await (await explored(database, site)).ends()).values())
    assert said == {"explored": 10}


async def test_pages_that_read_alike_are_no_wall_while_the_start_answers_as_before(database: Database) -> None:
    days = [f"/kalender/{day}.html" for day in range(1, 9)]
    entry = page("入口", *days, text="入口です。")
    async with every(lambda path: entry if path == "/" else page("行事", text=f"{path[10]} 日: なし")) as site:
        said = Counter((await (await explored(database, site)).ends()).values())
    assert said == {"explored": 9}


async def test_what_acts_is_never_asked_for(database: Database) -> None:
    top = html(
        f'<p>{NAV}</p><a href="/logout">出る</a><a href="/item?action=delete&amp;id=3">3</a><a href="/x/9">削除</a>'
        '<a href="/y" data-method="delete">消</a><a href="/cart/add?item=1">1</a><a href="/z?print=1">紙</a>'
        '<a href="/news/delete.html">削除の手続きのお知らせ</a>'
    )
    async with every(lambda path: top if path == "/" else page(path)) as site:
        sweep = await explored(database, site)
        requests = [path for path in asked(site) if not path.startswith(("/robots", "/sitemap", "/jisweep-"))]
    said = await sweep.ends()
    assert sorted(requests) == ["/", "/news/delete.html"]
    assert Counter(said.values()) == {"unsafe": 6, "explored": 2}
    assert (await sweep.rows())["/x/9"]["detail"] == f"as a link on {site.address('/')} says"


@pytest.mark.parametrize(
    ("address", "act"),
    [
        ("http://h.jp/logout/", True), ("http://h.jp/Log-Out.php", True), ("http://h.jp/user/sign_out", True),
        ("http://h.jp/5/delete", True), ("http://h.jp/a?do=remove", True), ("http://h.jp/koho/print/", False),
        ("http://h.jp/delete.html", False), ("http://h.jp/a?q=delete", False), ("http://h.jp/printer", False),
        ("http://h.jp/bbs.cgi?mode=del&no=3", True), ("http://h.jp/user_logout", True),
        ("http://h.jp/app?action=user_logout", True), ("http://h.jp/doLogout.do", True),
        ("http://h.jp/entry_delete.php?id=4", True), ("http://h.jp/cart.php?add=4", True), ("http://h.jp/delete/5", True),
        ("http://h.jp/items/5/delete/", True), ("http://h.jp/java/util/List", False), ("http://h.jp/cart.php?page=4", False),
        ("http://h.jp/a?action=delete_entry&id=3", True), ("http://h.jp/a?cmd=remove_item", True),
        ("http://h.jp/a?mode=deleteConfirm&id=1", True), ("http://h.jp/a?del=5", True), ("http://h.jp/cart/add/5", True),
        ("http://h.jp/logout/now", True), ("http://h.jp/a?page=delta", False), ("http://h.jp/a?mode=vote_result", False), ("http://h.jp/cart/guide", False),
        ("http://h.jp/sql-delete.html", False), ("http://h.jp/blogout", False), ("http://h.jp/2026/votes/", False),
    ],
)  # fmt: skip
def test_acts_are_known_by_their_address(address: str, act: bool) -> None:
    assert bool(acts(address)) is act


@pytest.mark.parametrize(
    ("words", "act"),
    [
        ("ログアウト", True), ("【削除】", True), ("このページを印刷する", True), ("カートに入れる", True), ("Print", True),
        ("ログアウトする", True), ("ログアウト (山田)", True), ("カートに追加する", True), ("カートへ入れる", True), ("投票する", True),
        ("削除します", True), ("配信停止", True), ("登録を解除する", True), ("Log out now", True), ("Delete this entry", True),
        ("投票所のご案内", False), ("配信停止の手続き", False), ("Delete your cookies", False),
        ("削除の手続き", False), ("印刷物の一覧", False), ("", False),
    ],
)  # fmt: skip
def test_acts_are_known_by_the_words_of_their_link(words: str, act: bool) -> None:
    assert says_act(words) is act


@pytest.mark.parametrize(
    ("written", "words", "act"),
    [
        ("/ast.html#ast.Delete", "Delete", False), ("/javax/print/list.HTM#remove(int)", "remove", False),
        ("/sql-delete.html", "DELETE", False), ("/suido/kaiyaku.html", "解約", False), ("#", "印刷", False),
        ("/x/9#list", "削除", True), ("/a.cgi?p=b.html#list", "削除", True), ("/a.html?id=1", "削除", True),
        ("/5/delete.html", "削除", True), ("/delete/5.html#list", "削除", True), ("/sess.html", "ログアウト", True),
        ("/kiji/5.html", "印刷用ページ", True), ("/5.html", "カートに入れる", True), ("/kiji/5.html", "この記事を削除する", True),
    ],
)  # fmt: skip
def test_words_of_an_act_may_be_those_of_a_document_or_of_a_place_in_it(
    written: str, words: str, act: bool
) -> None:
    text = f'<p>{NAV}</p><a href="{written}">{words}</a>'
    assert bool(read(text.encode(), "text/html; charset=utf-8", "http://h.jp/").unsafe) is act


async def test_a_page_that_offers_to_print_itself_is_no_act(database: Database) -> None:
    def printing(path: str) -> bytes:
        if path == "/":
            return html(f'<p>{NAV}</p><a href="#" onclick="print()">印刷</a><a href="/a/1">1</a>')
        return html(
            f'<base href="/b/"><p>{NAV}</p><a href="#">印刷する</a><a href="{path}">このページを印刷</a>',
            title=path,
        )

    async with every(printing) as site:
        said = await (await explored(database, site)).ends()
    assert said == {"/": "explored", "/a/1": "explored", "/b/": "explored"}


@pytest.mark.parametrize(
    ("link", "act"),
    [
        ('<a href="/d/5" aria-label="削除">✕</a>', True),
        ('<a href="/d/5" title="ログアウト"></a>', True),
        ("""<a href="/d/5" onclick="return confirm('削除しますか')">✕</a>""", True),
        ("""<a href="/d/5" onclick="return confirm('外部のサイトを開きますか')">地図</a>""", False),
        ('<a href="/d/5" title="ログアウトの方法">使い方</a>', False),
    ],
)
def test_an_act_is_known_by_what_the_link_is_called_and_asks(link: str, act: bool) -> None:
    assert bool(read(link.encode(), "text/html; charset=utf-8", "http://h.jp/").unsafe) is act


async def test_a_missing_page_that_says_200_is_found_out(database: Database) -> None:
    def soft(path: str) -> bytes:
        if path == "/":
            return page("入口", "/a.html", "/gone1.html", "/gone2.html", "/real-404.html")
        if path == "/a.html":
            return page("ある")
        if path == "/real-404.html":
            return page(
                "404 という作品の展示",
                text="数字を題にした作品の展示会のお知らせを、この冬も開きます。どうぞおいでください。" * 3,
            )
        return page("ページが見つかりません", text=f"お探しの {path} はありません。")

    async with every(soft) as site:
        said = await (await explored(database, site)).ends()
        probes = [path for path in asked(site) if path.startswith("/jisweep-")]
    assert said == {
        "/": "explored", "/a.html": "explored", "/real-404.html": "explored",
        "/gone1.html": "soft_not_found", "/gone2.html": "soft_not_found",
    }  # fmt: skip
    assert len(probes) == 1


MENU = "".join(
    f"<li>{first}{second}{third}の窓口</li>"
    for first in "福祉教育防災水道"
    for second in "春夏秋冬朝昼夕夜"
    for third in "東西南北"
)
SHORT = {
    "/boshu/1.html": ("職員の募集", "ただいま募集はありません。"),
    "/boshu/2.html": ("募集はありません", "次の募集は春です。"),
    "/boshu/3.html": ("エラーの多い申請書の例", "朱書きをご覧ください。"),
    **{f"/boshu/suii{n}.html": ("川の水位", f"{n + 2} メートルです。") for n in range(4)},
}


def menu_page(title: str, text: str, *links: str) -> bytes:
    """A page of which the menu is nearly all."""
    return page(title, *links, text=f"<ul>{MENU}</ul><p>{text}</p>")


@pytest.mark.parametrize(
    "echo", ["", "{}は", "{name}は", "https://www.example.lg.jp{}は"], ids=["none", "path", "name", "more"]
)
async def test_a_short_page_is_not_taken_for_a_missing_one_because_of_the_menu_around_it(
    database: Database, echo: str
) -> None:
    gone = [f"/boshu/gone-{name}.html" for name in ("a", "bc", "def")]

    def site(path: str) -> bytes:
        if path == "/":
            return menu_page("入口", "入口です。", *SHORT, *gone)
        if path in SHORT:
            return menu_page(*SHORT[path])
        named = echo.format(path, name=path.rpartition("/")[2])
        return menu_page("エラー", f"<h1>ページが見つかりません</h1>{named}ありません。")

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert {path: said[path] for path in SHORT} == dict.fromkeys(SHORT, "explored")
    assert {said[path] for path in gone} == {"soft_not_found"}


@pytest.mark.parametrize("to", ["/nf.html", "/error/404.html?from={}"])
async def test_what_leads_to_where_a_missing_page_leads_is_missing_and_so_is_what_is_there(
    database: Database, to: str
) -> None:
    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", "/a.html", "/old.html", "/gone.html", "/b/gone.html")
        if path.startswith(to.partition("?")[0]):
            return page("お探しのページは見つかりません")
        if path == "/old.html":
            return moved("/a.html")
        return page("ある", text="ここにあります。") if path == "/a.html" else moved(to.format(path))

    async with every(site) as server:
        sweep = await explored(database, server)
        probes = [path for path in asked(server) if "jisweep-" in path and "from=" not in path]
    said = await sweep.ends()
    there = {path: end for path, end in said.items() if path.startswith(to.partition("?")[0])}
    assert {path: end for path, end in said.items() if path not in there} == {
        "/": "explored", "/a.html": "explored", "/old.html": "redirect",
        "/gone.html": "soft_not_found", "/b/gone.html": "soft_not_found",
    }  # fmt: skip
    assert set(there.values()) == {"soft_not_found"}
    assert len(probes) == len({path.rpartition("/")[0] for path in probes}), "one for each folder"


@pytest.mark.parametrize("title", ["お探しのページは見つかりません", "○○市"])
async def test_a_page_on_the_path_of_the_page_for_missing_addresses_is_a_page(
    database: Database, title: str
) -> None:
    real = {"gaiyo": "市の概要です。", "kosodate": "子育ての案内です。", "zei": "税の案内です。"}
    own = title if title == "○○市" else "ご案内"

    def site(path: str) -> bytes:
        name = path.strip("/")
        if path == "/":
            return page(own, "/gone", *(f"/{each}" for each in real))
        if not path.startswith("/index.php"):
            return moved(f"/index.php?p={name if name in real else '404'}")
        name = path.partition("p=")[2]
        if name in real:
            return page(own, text=real[name])
        return html("<h1>見つかりません</h1><p>お探しのページはありません。</p>", title=title)

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert {each: said[f"/index.php?p={each}"] for each in real} == dict.fromkeys(real, "explored")
    assert {each: said[f"/{each}"] for each in real} == dict.fromkeys(real, "redirect")
    assert said["/gone"] == said["/index.php?p=404"] == "soft_not_found"


async def test_a_missing_page_that_is_linked_itself_is_a_page_and_a_sign_in_is_none_that_is_missing(
    database: Database,
) -> None:
    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", "/nf.html", "/gone.html", *(f"/kaiin/{n}.html" for n in range(3)))
        if path.startswith("/kaiin/"):
            return moved("/login.html")
        return (
            page({"/nf.html": "見つかりません"}.get(path, "サインイン"))
            if path in ("/nf.html", "/login.html")
            else moved("/nf.html")
        )

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert said == {
        "/": "explored", "/nf.html": "explored", "/gone.html": "soft_not_found", "/login.html": "explored",
        **{f"/kaiin/{n}.html": "redirect" for n in range(3)},
    }  # fmt: skip


async def test_what_links_where_is_kept_and_orphans_show(database: Database) -> None:
    listed = b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">%s</urlset>'

    def answer(request: Request) -> bytes:
        entries = "".join(f"<url><loc>{site.address(each)}</loc></url>" for each in ("/a", "/orphan"))
        return http(listed % entries.encode(), content_type="application/xml")

    pages: dict[str, Answer] = {
        "/": page("入口", "/a", "/a.pdf"), "/a": page("甲", "/a.pdf"), "/orphan": page("孤児"), "/sitemap.xml": answer,
    }  # fmt: skip
    async with small_site(pages) as site:
        rows = await (await explored(database, site)).rows()
    assert {path: row["linked"] for path, row in rows.items()} == {
        "/": False, "/a": True, "/a.pdf": True, "/orphan": False,
    }  # fmt: skip
    assert rows["/orphan"]["in_sitemap"]
    assert rows["/orphan"]["found_by"] is FoundBy.SITEMAP


def test_seeds_come_from_lists_tables_and_sitemaps(tmp_path: Path) -> None:
    plain = tmp_path / "list.txt"
    plain.write_text("# 部署\nhttps://h.jp/a\n\nhttps://h.jp/b#x\n", encoding="utf-8")
    table = tmp_path / "table.csv"
    table.write_bytes("番号,アドレス\r\n1,https://h.jp/表\r\n".encode("cp932"))
    xml = tmp_path / "sitemap.xml"
    xml.write_text("<urlset><url><loc>https://h.jp/c</loc></url></urlset>", encoding="utf-8")
    assert read_seeds(plain) == ("https://h.jp/a", "https://h.jp/b")
    assert read_seeds(table) == ("https://h.jp/%E8%A1%A8",)
    assert read_seeds(xml) == ("https://h.jp/c",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("https://h.jp/\nここ\n", "line 2"),
        ("", "no address"),
        ("<html>", "cannot be read as a sitemap"),
        (f"https://h.jp/{'x' * 2500}", "more than 2500 characters"),
    ],
)
def test_seeds_that_cannot_be_read_say_where(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "seeds").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as refused:
        read_seeds(tmp_path / "seeds")
    assert said in refused.value.en
    with pytest.raises(UsageError, match="cannot be read"):
        read_seeds(tmp_path / "none")


async def test_links_that_come_up_when_equal_sources_are_compared_are_explored(database: Database) -> None:
    menu = ("/", "/t1", "/t2", "/x", "/y")

    def shell(title: str) -> bytes:
        listed = "".join(f'<a href="{each}">{each}</a>' for each in menu)
        return html(f"<p>{NAV}</p>{listed}", title=title, head="<script>draw()</script>")

    async def render(address: str) -> Shown:
        links = (site.address("/only"),) if address.endswith("/x") else ()
        return Shown(links=links, html=f"<body>{NAV} {address}")

    pages: dict[str, Answer] = {
        "/": page("入口", *menu, "/d1"), "/d1": page("甲", "/d2"), "/d2": page("乙", "/d3"), "/d3": page("丙"),
        "/t1": shell("一"), "/t2": shell("二"), "/x": shell("同"), "/y": shell("同"),
        "/only": page("奥"),
    }  # fmt: skip
    async with small_site(pages) as site:
        sweep = await explored(database, site, render=render)
        rows = await sweep.rows()
    assert {path: row["rendered"] for path, row in rows.items() if path in "/x/y"} == {
        "/": False,
        "/x": True,
        "/y": True,
    }
    assert (rows["/only"]["state"], rows["/only"]["reason"]) == (VisitState.EXPLORED, None)
    assert rows["/only"]["found_by"] is FoundBy.RENDERED


async def test_pages_that_differ_in_the_text_of_a_picture_alone_are_pages_of_their_own(database: Database) -> None:
    def photo(path: str) -> bytes:
        number = path[-1]
        if path == "/":
            return page("写真", *(f"/photo/{number}" for number in range(1, 5)))
        alt = "" if number == "3" else f' alt="写真{number}の説明"'
        return html(f'<p>{NAV}</p><img src="/img.cgi?no={number}"{alt}>', title="写真")

    async with every(photo) as site:
        assert await ends(database, site) == {"explored": 5}
