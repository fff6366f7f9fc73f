"""A picture that is not to be had is said where it would stand: in the report, its tables and the example book."""

from pathlib import Path

import pytest
import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as Html

from audits.examples import book
from db.database import Database
from db.pictures.moving import move_into_store
from db.store import name_of, store_at
from db.tables import Picture
from reports.knowhow import write_book
from reports.report import write_report
from tests.reports import rows
from tests.reports.test_knowhow import examples

MISSING, DAMAGED = "この画像は保管場所にありません。", "この画像は保管場所で壊れています"


async def without(database: Database, folder: Path) -> None:
    """Take the pictures out; the first, of the whole page, is damaged then, and the second, of a place, missing."""
    database.store = store_at(str(folder))
    await move_into_store(database, lambda *_: None)
    async with database.reading() as connection:
        first, second = (await connection.scalars(sa.select(Picture.digest).order_by(Picture.id).limit(2))).all()
    (folder / name_of(first)).write_bytes(b"damaged")
    (folder / name_of(second)).unlink()


async def test_a_report_says_which_pictures_are_not_to_be_had(database: Database, tmp_path: Path) -> None:
    sweep = await rows.mixed(database)
    whole = await write_report(database, sweep, tmp_path / "whole", "ja")
    database.store = store_at(str(tmp_path / "store"))
    await move_into_store(database, lambda *_: None)
    same = await write_report(database, sweep, tmp_path / "same", "ja")
    for path in sorted((whole.parent / "pictures").iterdir()):
        assert (same.parent / "pictures" / path.name).read_bytes() == path.read_bytes()
    await without(database, tmp_path / "store")
    lacking = (await write_report(database, sweep, tmp_path / "lacking", "ja")).parent
    assert not (lacking / "pictures").exists()
    text = (lacking / "pages" / "1.html").read_text(encoding="utf-8")
    said = [each.text() for each in Html(text).css("p.note.warn")]
    assert (said.count(MISSING), sum(each.startswith(DAMAGED) for each in said)) == (1, 1)
    for path in (lacking / "pages").iterdir():
        tree = Html(path.read_text(encoding="utf-8"))
        assert [each for each in tree.css("img") if "pictures/" in (each.attributes["src"] or "")] == []
        targets = {each.attributes["id"] for each in tree.css("[id]")}
        links = {(each.attributes["href"] or "")[1:] for each in tree.css('a[href^="#"]')}
        assert links <= targets, "no marker is linked to that is not there"
    assert "pictures/" in (whole.parent / "findings.csv").read_text(encoding="utf-8-sig")
    assert "pictures/" not in (lacking / "findings.csv").read_text(encoding="utf-8-sig")


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_example_book_says_it_too(database: Database, tmp_path: Path) -> None:
    await examples(database)
    await without(database, tmp_path / "store")
    async with database.reading() as connection:
        found = await book.entries(connection)
        path, _ = await write_book(
            connection, found, tmp_path / "book", "ja", hidden=False, drafts=True, store=database.store
        )
    text = path.read_text(encoding="utf-8")
    assert MISSING in text
    assert DAMAGED in text
    assert "<img" not in text
