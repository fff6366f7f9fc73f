"""What a page names as its own address is believed where the content agrees, and what all pages share is no content."""

from collections import Counter

import pytest

from db.database import Database
from tests.audits.sites import html
from tests.crawler.exploring import explored
from tests.crawler.test_traps import MENU, every


@pytest.fixture
def backend() -> str:
    return "sqlite"


TEXTS = {
    "/gomi.html": ("ごみの出し方", "燃えるごみは火曜日と金曜日の朝八時までに集積所へ出してください。"),
    "/suido.html": ("水道の開栓", "引っ越しの三日前までに水道局の受付へお申し込みください。"),
    "/hoiku.html": ("保育所の申し込み", "来年度の入所の受け付けは十一月の初めに始まります。"),
    "/zei.html": ("市県民税の納期", "第三期の納付の期限は月の末日で、口座からの引き落としもできます。"),
    "/kouen.html": ("公園の使い方", "花火や火の使用は許可のある場合を除いてご遠慮ください。"),
}
LONGER = "詳しくは担当の課へお尋ねください。電話でも窓口でもお答えします。休みの日は宿直がお受けします。" * 3


def framed(title: str, body: str, named: str, *links: str, menu: str = MENU) -> bytes:
    listed = "".join(f'<a href="{each}">次</a>' for each in links)
    return html(f"<ul>{menu}</ul><p>{body}</p>{listed}", title=title, head=f'<link rel="canonical" href="{named}">')


@pytest.mark.parametrize("titled", [True, False], ids=["each its title", "one title for all"])
async def test_pages_of_which_the_menu_is_nearly_all_are_not_the_start_that_they_name(
    database: Database, titled: bool
) -> None:
    """A template that names the start as the canonical of all pages."""

    def site(path: str) -> bytes:
        if path == "/":
            return framed("見本市", "見本市の公式サイトです。", "/", *TEXTS)
        title, body = TEXTS[path]
        return framed(title if titled else "見本市", body, "/")

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert said == dict.fromkeys(["/", *TEXTS], "explored")


@pytest.mark.parametrize("titled", [True, False], ids=["each its title", "one title for all"])
@pytest.mark.parametrize("pages", [2, 3, 4])
async def test_pages_of_a_small_site_are_not_the_start_that_they_name(
    database: Database, pages: int, titled: bool
) -> None:
    """Where hardly any other page shows what is menu, and what is a page's own."""
    texts = dict(list(TEXTS.items())[: pages - 1])

    def site(path: str) -> bytes:
        title, body = texts.get(path, ("見本市", "見本市の公式サイトです。"))
        return framed(title if titled else "見本市", body, "/", *(texts if path == "/" else []))

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert said == dict.fromkeys(["/", *texts], "explored")


async def test_a_variant_on_a_small_site_is_the_page_that_it_names(database: Database) -> None:
    def site(path: str) -> bytes:
        if path == "/kouen.html":
            return framed(*TEXTS[path], path)
        more = "" if path == "/" else "ふつうの表示に戻る"
        return framed("見本市", "見本市の公式サイトです。" + LONGER + more, "/", "/kouen.html", "/sp/")

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert said == {"/": "explored", "/kouen.html": "explored", "/sp/": "duplicate"}


@pytest.mark.parametrize("menu", [MENU, ""], ids=["with the menu", "without it"])
@pytest.mark.parametrize("form", ["{}?view=text", "/sp{}"])
async def test_a_variant_of_a_page_is_that_page_whatever_menu_is_around_it(
    database: Database, menu: str, form: str
) -> None:
    variants = {form.format(path): path for path in TEXTS}

    def site(path: str) -> bytes:
        if path == "/":
            return framed("見本市", "見本市の公式サイトです。", "/", *TEXTS)
        plain = variants.get(path, path)
        title, body = TEXTS[plain]
        more = "" if path == plain else "ふつうの表示に戻る"
        links = [form.format(path)] if path == plain else []
        return framed(title, body * 6 + LONGER + more, plain, *links, menu=menu)

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert Counter(said.values()) == {"explored": 6, "duplicate": 5}
    assert {path for path, end in said.items() if end == "duplicate"} == set(variants)


async def test_an_order_of_a_list_is_the_list_that_it_names(database: Database) -> None:
    """Another order changes no title and few words, and a query is no path of its own."""
    items = [f"<p>{title}、{body}{LONGER[n:40]}</p>" for n, (title, body) in enumerate(TEXTS.values())] * 2
    orders = {f"/list?sort={n}": [*items[n:], *items[:n]] for n in range(1, 5)}

    def site(path: str) -> bytes:
        if path in TEXTS:
            return framed(*TEXTS[path], path)
        if path == "/":
            return framed("見本市", "見本市の公式サイトです。", "/", "/list", *TEXTS)
        return framed(
            "お知らせの一覧", "".join(orders.get(path, items)) + path.rpartition("=")[2], "/list", *orders
        )

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert Counter(said.values()) == {"explored": 7, "duplicate": 4}
