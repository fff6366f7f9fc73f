"""Pictures outside of the database, as readers of the application see them: there, missing, damaged, out of reach."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as HTMLParser

from db.database import Database
from db.pictures.moving import move_into_store
from db.store import SETTING, name_of, store_at
from db.tables import Picture
from db.words import Role
from reports.access.accounts import Grant
from tests.db.depots import s3_place
from tests.web.serving import Served, browsing, person
from tests.web.test_pages_and_defects import swept_mixed

Serving = Callable[[str], AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
async def serving(database: Database, database_url: str, monkeypatch: pytest.MonkeyPatch) -> Serving:
    """The application with a store of pictures, as a reader has it."""
    await swept_mixed(database)
    who = await person(database, "tanaka", Grant(role=Role.READER))

    @asynccontextmanager
    async def served(place: str) -> AsyncIterator[httpx.AsyncClient]:
        monkeypatch.setenv(SETTING, place)
        with Served(database_url) as origin:
            async with browsing(origin, who) as client:
                yield client

    return served


def lacks(tree: HTMLParser) -> list[str]:
    return [each.text() for each in tree.css("p.note.warn") if "保管場所" in each.text()]


async def test_a_page_says_what_the_store_does_not_give(
    database: Database, serving: Serving, tmp_path: Path
) -> None:
    folder = tmp_path / "store"
    async with serving("") as client:
        before = (await client.get("/pages/1")).text
    database.store = store_at(str(folder))
    await move_into_store(database, lambda *_: None)
    async with database.reading() as connection:
        pictures = (await connection.execute(sa.select(Picture.id, Picture.digest).order_by(Picture.id))).all()
    (whole, first), (clip, second) = pictures[:2]
    async with serving(str(folder)) as client:
        assert (await client.get("/pages/1")).text == before
        answer = await client.get(f"/pictures/{whole}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, "image/png")
        (folder / name_of(first)).write_bytes(b"damaged")
        (folder / name_of(second)).unlink()
        for number, said in ((whole, "保管場所で壊れています"), (clip, "保管場所にありません")):
            answer = await client.get(f"/pictures/{number}")
            assert (answer.status_code, answer.headers["content-type"]) == (404, "image/svg+xml")
            assert answer.headers["cache-control"] == "no-store"
            assert said in answer.text
        tree = HTMLParser((await client.get("/pages/1")).text)
        assert [each[:15] for each in lacks(tree)] == [
            "この画像は保管場所で壊れています"[:15],
            "この画像は保管場所にありません",
        ]
        assert tree.css_first(f'[src="/pictures/{clip}"]') is None
        assert tree.css_first("svg.shot") is None
        targets = {each.attributes["id"] for each in tree.css("[id]")}
        assert {(each.attributes["href"] or "")[1:] for each in tree.css('a[href^="#"]')} <= targets
    async with serving(s3_place("http://127.0.0.1:9", tmp_path, "p")) as client:
        assert (await client.get("/pages/1")).text.count("今は届きません") == 2
        assert (await client.get(f"/pictures/{whole}")).status_code == 503
    async with serving("") as client:
        assert (await client.get("/pages/1")).text.count("この画像は保管場所にありません。") == 2
