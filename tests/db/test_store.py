"""Pictures outside of the database: a folder and an S3 server, both databases, and whatever goes wrong with any of them."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from db.backup import back_up, restore
from db.database import Database
from db.errors import JisweepError, StorageError, UsageError
from db.pictures.belonging import settle
from db.pictures.checking import Checked, check
from db.pictures.leaving import discard, note, still_there
from db.pictures.moving import move_into_database, move_into_store
from db.pictures.rows import add, adding, image_of, lacking, read_image
from db.store import MARK, Lack, Lacking, Store, name_of, store_at
from db.tables import Depot, Picture
from tests.db.depots import BUCKET, s3_place, s3_server

FACTS: dict[str, Any] = {"media_type": "image/png", "width": 1, "height": 1}
LONG_AGO = timedelta(days=2).total_seconds()


def quiet(*_: object) -> None:
    """Nobody is told."""


def digest_of(image: bytes) -> str:
    return hashlib.sha256(image).hexdigest()


@pytest.fixture(scope="module")
def s3() -> Iterator[str]:
    """An S3 server on loopback."""
    with s3_server() as url:
        yield url


@pytest.fixture(params=["folder", "s3"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A store of either kind, with nothing in it."""
    if request.param == "folder":
        return str(tmp_path / "store")
    return s3_place(request.getfixturevalue("s3"), tmp_path, tmp_path.name)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "store"


async def keep(database: Database, *images: bytes) -> list[int]:
    """What keeping an audit does."""
    async with adding(database, images) as (connection, placed):
        return [await add(connection, placed, each, **FACTS) for each in images]


async def rows(database: Database) -> list[tuple[str, bytes | None]]:
    async with database.reading() as connection:
        found = await connection.execute(sa.select(Picture.digest, Picture.image).order_by(Picture.id))
        return [(each.digest, each.image) for each in found]


async def objects(store: Store | None) -> set[str]:
    assert store is not None
    return {each.digest async for part in store.listed() for each in part.objects}


async def read(database: Database, number: int) -> bytes | Lack:
    async with database.reading() as connection:
        try:
            return await image_of(connection, database.store, number)
        except Lacking as error:
            return error.lack


async def test_pictures_go_into_the_store_and_move_in_and_out_of_it_mixed(database_url: str, place: str) -> None:
    images = [b"%d" % number * 1000 for number in range(45)]
    async with Database(database_url) as plain:
        await keep(plain, *images[:30])
        assert [image for _, image in await rows(plain)] == images[:30]
    async with Database(database_url, store=place) as database:
        numbers = await keep(database, *images[20:])  # ten are known and stay where they are
        assert [image for _, image in await rows(database)] == images[:30] + [None] * 15
        assert await objects(database.store) == {digest_of(each) for each in images[30:]}
        assert [await read(database, each) for each in numbers] == images[20:]
        moved = await move_into_store(database, quiet)
        assert (moved.moved, moved.bytes, moved.left) == (30, sum(map(len, images[:30])), [])
        assert {image for _, image in await rows(database)} == {None}
        assert await check(database, quiet, removing=True) == Checked(
            pictures=45, objects=45, bytes=sum(map(len, images))
        )
        assert (await move_into_store(database, quiet)).moved == 0
        moved = await move_into_database(database, quiet)
        assert (moved.moved, moved.left) == (45, [])
        assert dict(await rows(database)) == {digest_of(i): i for i in images}
        assert (await check(database, quiet)).young == 45
    async with Database(database_url) as plain:
        assert (await check(plain, quiet)).is_whole


async def test_what_is_missing_or_damaged_is_said_and_never_given(database_url: str, place: str) -> None:
    images = [b"gone", b"broken", b"whole", b"a row's own"]
    async with Database(database_url) as plain:
        [inside] = await keep(plain, images[3])
    async with Database(database_url, store=place) as database:
        assert database.store is not None
        gone, broken, whole = await keep(database, *images[:3])
        await database.store.remove(digest_of(b"gone"))
        await database.store._put(name_of(digest_of(b"broken")), b"brokem")
        async with database.writing() as connection:
            await connection.execute(sa.update(Picture).where(Picture.id == inside).values(image=b"otherwise"))
        assert [await read(database, each) for each in (gone, broken, whole)] == [
            Lack.MISSING,
            Lack.DAMAGED,
            b"whole",
        ]
        assert await lacking(database, [gone, broken, whole, inside]) == {gone: Lack.MISSING, broken: Lack.DAMAGED}
        checked = await check(database, quiet)
        assert (checked.missing, checked.damaged) == (
            [digest_of(b"gone")],
            [digest_of(b"a row's own"), digest_of(b"broken")],
        )
        moved = await move_into_store(database, quiet)  # what is damaged keeps its row's bytes
        assert (moved.moved, moved.left) == (0, [digest_of(b"a row's own")])
        moved = await move_into_database(database, quiet)
        assert (moved.moved, moved.left) == (1, [digest_of(b"gone"), digest_of(b"broken")])
        await keep(database, b"gone", b"broken")  # a later sweep sees them again
        assert [await read(database, each) for each in (gone, broken)] == [b"gone", Lack.DAMAGED]
    async with Database(database_url) as plain:
        assert await lacking(plain, [gone, whole]) == {gone: Lack.MISSING}
        assert await read(plain, gone) is Lack.MISSING


async def test_only_what_nobody_needs_and_nobody_has_written_for_a_day_is_removed(
    database_url: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Database(database_url, store=place) as database:
        assert database.store is not None
        await keep(database, b"needed")
        await database.store.put(digest_of(b"garbage"), b"garbage")
        checked = await check(database, quiet, removing=True)
        assert (checked.young, checked.garbage, checked.removed) == (1, 0, 0)
        monkeypatch.setattr("db.pictures.checking.YOUNG", timedelta(seconds=-5))  # as a day later
        checked = await check(database, quiet)
        assert (checked.garbage, checked.garbage_bytes, checked.removed) == (1, 7, 0)
        async with adding(database, [b"garbage"]) as (
            connection,
            placed,
        ):  # lies there already, and is needed again
            removing = asyncio.create_task(check(database, quiet, removing=True))
            await asyncio.sleep(0.3)
            await add(connection, placed, b"garbage", **FACTS)
        assert (await removing).removed == 0
        await database.store.put(digest_of(b"more"), b"more")
        async with database.writing() as connection:  # disposed of, by its row
            await connection.execute(sa.delete(Picture).where(Picture.digest == digest_of(b"needed")))
        assert (await check(database, quiet, removing=True)).removed == 2
        assert await objects(database.store) == {digest_of(b"garbage")}
        assert (await check(database, quiet)).is_whole


async def test_an_object_goes_with_its_row_unless_somebody_needs_it_or_writes_it_anew(
    database_url: str, folder: Path
) -> None:
    images = [b"goes", b"needed", b"anew"]
    async with Database(database_url, store=str(folder)) as database:
        await keep(database, *images)
        goes, needed, anew = map(digest_of, images)
        assert database.store is not None
        dropped = [await database.store.find(each) for each in (goes, needed, anew)]
        async with database.writing() as connection:
            await connection.execute(sa.delete(Picture))
            await note(connection, [each for each in dropped if each])
        await keep(database, b"needed")
        assert dropped[1] is not None
        its = dropped[1].at.timestamp()
        os.utime(folder / name_of(needed), (its, its))  # so that its row alone spares it
        os.utime(folder / name_of(anew), (LONG_AGO, LONG_AGO))  # somebody has written it, and has no row yet
        away = folder.rename(folder.with_name("away"))
        folder.mkdir()
        with pytest.raises(StorageError, match="lacks the mark"):  # what is not mounted is not gone
            await discard(database)
        folder.rmdir()
        away.rename(folder)
        await discard(database)
        assert await objects(database.store) == {needed, anew}
        async with database.reading() as connection:
            assert await still_there(connection) == 0


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_restored_copy_deletes_nothing_from_the_store_until_it_is_taken_over(
    database_url: str, tmp_path: Path, folder: Path
) -> None:
    backup, copy = tmp_path / "backup.sqlite", str(tmp_path / "copy.sqlite")
    async with Database(database_url, store=str(folder)) as database:
        await keep(database, b"before")
        await back_up(database, backup, quiet)
        later = await keep(database, b"since")
        os.utime(folder / name_of(digest_of(b"since")), (LONG_AGO, LONG_AGO))
        await restore(backup, copy, quiet, upgrading=False)
        async with Database(copy, store=str(folder)) as restored:
            with pytest.raises(StorageError, match="store begin"):
                await check(restored, quiet, removing=True)
            assert (await check(restored, quiet)).garbage == 1
        assert await read(database, later[0]) == b"since"
        assert (await check(database, quiet, removing=True)).removed == 0  # the original is none
        async with Database(copy, store=str(folder)) as restored:
            await settle(restored, anew=True)
            assert (await check(restored, quiet, removing=True)).removed == 1


async def test_many_at_one_time_keep_the_same_pictures_once(database_url: str, place: str) -> None:
    images = [b"shared %d" % number for number in range(6)]
    async with Database(database_url, store=place) as one, Database(database_url, store=place) as other:
        both = [keep(each, *order) for each in (one, other) for order in (images, images[::-1]) for _ in range(4)]
        numbers = await asyncio.gather(*both)
        assert len({frozenset(each) for each in numbers}) == 1
        assert [image for _, image in await rows(one)] == [None] * 6
        assert await check(one, quiet) == Checked(pictures=6, objects=6, bytes=sum(map(len, images)))
        async with one.reading() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Depot)) == 1


async def test_a_store_that_is_not_there_or_not_ours_takes_nothing(
    database_url: str, place: str, tmp_path: Path, s3: str
) -> None:
    async with Database(database_url, store=place) as database:
        await keep(database, b"1")
    other = str(tmp_path / "other")
    async with Database(database_url, store=other) as database:  # as where it is not mounted
        for act in (keep(database, b"2"), check(database, quiet), move_into_store(database, quiet)):
            with pytest.raises(StorageError, match="lacks the mark"):
                await act
        assert not Path(other).exists()
        await settle(database, anew=True)
        await keep(database, b"3")
    async with Database(database_url, store=place) as database:
        for act in (keep(database, b"2"), check(database, quiet, removing=True), settle(database, anew=True)):
            with pytest.raises(StorageError, match="another database's"):
                await act
    nobody = s3_place(s3, tmp_path, "p").replace(BUCKET, "nobodys")
    async with Database(str(tmp_path / "new.sqlite"), store=nobody) as database:
        assert database.store is not None
        with pytest.raises(StorageError, match=r"The store of pictures s3://nobodys/p .* cannot be used") as raised:
            await database.store.set_mark("x")
        assert "\n" not in raised.value.en


async def test_a_folder_that_is_unmounted_at_work_takes_nothing(database_url: str, folder: Path) -> None:
    async with Database(database_url, store=str(folder)) as database:
        await keep(database, b"1")
        folder.rename(folder.with_name("away"))
        folder.mkdir()
        with pytest.raises(StorageError, match="cannot be used"):
            await keep(database, b"2")
        assert list(folder.iterdir()) == []
        assert [digest for digest, _ in await rows(database)] == [digest_of(b"1")]


async def test_a_store_that_cannot_be_reached_is_one_line_and_leaves_no_row(
    database_url: str, s3: str, tmp_path: Path
) -> None:
    lost = s3_place("http://127.0.0.1:9", tmp_path, "p")
    async with Database(database_url, store=s3_place(s3, tmp_path, tmp_path.name)) as database:
        [number] = await keep(database, b"1")
    async with Database(database_url, store=lost) as database:
        database.store_mark = "ours"  # it went away at work
        with pytest.raises(StorageError, match="cannot be used"):
            await keep(database, b"2")
        assert await lacking(database, [number]) == {number: Lack.UNREACHABLE}
        assert [digest for digest, _ in await rows(database)] == [digest_of(b"1")]
        with pytest.raises(Lacking, match="unreachable"):
            await read_image(database, number)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_hostile_digests_and_things_in_the_folder_never_lead_out_of_it(
    database_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = folder.parent / "secret"
    outside.write_bytes(b"secret")
    async with Database(database_url, store=str(folder)) as database:
        assert database.store is not None
        [number] = await keep(database, b"1")
        for digest in (
            "../secret",
            "../../secret",
            f"{folder.parent}/secret",
            "",
            "..",
            MARK,
            "A" * 64,
            "a" * 63 + "/",
        ):
            for act in (database.store.put(digest, b"x"), database.store.remove(digest)):
                with pytest.raises(ValueError, match="no digest"):
                    await act
            async with database.writing() as connection:
                await connection.execute(sa.update(Picture).values(digest=digest))
            assert await read(database, number) is Lack.MISSING
            assert (await check(database, quiet)).missing == [digest]
        link = folder / name_of(digest_of(b"link"))
        link.parent.mkdir(parents=True)
        link.symlink_to(outside)
        with pytest.raises(Lacking, match="damaged"):
            await database.store.get(digest_of(b"link"))
        link.with_name(f"{link.name}#1").write_bytes(b"half")  # as a kill while writing leaves it
        (folder / "notes.txt").write_text("mine", encoding="utf-8")
        monkeypatch.setattr("db.pictures.checking.YOUNG", timedelta(seconds=-5))
        checked = await check(database, quiet, removing=True)
        assert (checked.foreign, checked.garbage, checked.removed) == (1, 3, 3)
        assert list(folder.glob("??/??/*")) == []
        assert {each.name for each in folder.iterdir() if each.is_file()} == {MARK, "notes.txt"}
        assert outside.read_bytes() == b"secret"
        huge = folder / name_of(digest_of(b"huge"))
        huge.parent.mkdir(parents=True, exist_ok=True)
        with huge.open("wb") as file:
            file.truncate(2**40)
        with pytest.raises(Lacking, match="damaged"):
            await database.store.get(digest_of(b"huge"))


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_folder_is_for_us_alone(database_url: str, folder: Path) -> None:
    async with Database(database_url, store=str(folder)) as database:
        await keep(database, b"1")
    assert folder.stat().st_mode & 0o777 == 0o700


MOVING = """
import asyncio, sys
from db.database import Database
from db.pictures.moving import move_into_database, move_into_store

async def main(url, place, out):
    async with Database(url, store=place) as database:
        act = move_into_database if out else move_into_store
        await act(database, lambda what, done, whole: print(done, flush=True))

asyncio.run(main(sys.argv[1], sys.argv[2], len(sys.argv) > 3))
"""


@pytest.mark.parametrize("direction", [[], ["out"]], ids=["in", "out"])
async def test_a_move_that_is_killed_goes_on_and_loses_nothing(
    database_url: str, folder: Path, direction: Sequence[str]
) -> None:
    images = [os.urandom(20_000) for _ in range(160)]
    async with Database(database_url, store=str(folder) if direction else None) as database:
        await keep(database, *images)
    for wait in (1, 3):
        mover = await asyncio.create_subprocess_exec(
            sys.executable, "-c", MOVING, database_url, str(folder), *direction, stdout=asyncio.subprocess.PIPE
        )
        assert mover.stdout is not None
        for _ in range(wait):
            await mover.stdout.readline()
        with suppress(ProcessLookupError):
            mover.send_signal(signal.SIGKILL)
        assert await mover.wait() == -signal.SIGKILL
        async with Database(database_url, store=str(folder)) as database:
            checked = await check(database, quiet)
            assert (checked.pictures, checked.is_whole) == (160, True)
    async with Database(database_url, store=str(folder)) as database:
        [new] = await keep(database, b"while it moves")
        act = move_into_database if direction else move_into_store
        assert 0 < (await act(database, quiet)).moved < 160
        found = await rows(database)
        assert [digest for digest, _ in found[:160]] == [
            digest_of(each) for each in sorted(images, key=images.index)
        ]
        assert {image is None for _, image in found} == {not direction}
        assert await read(database, new) == b"while it moves"
        assert (await check(database, quiet)).is_whole


def test_addresses_of_stores(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    for text in (
        "s3://", "s3:///p", "s3://us:himitsu@bucket/p", "s3://bucket/p?secret=himitsu", "s3://bucket/p?endpoint=ftp://himitsu",
        "ftp://himitsu/p", "s3:himitsu", "s3://bucket/p?endpoint=https://us:himitsu@s3.example.lg.jp", "s3://bucket/p?region", "s3://bucket:80/p", "gs://himitsu/p",
    ):  # fmt: skip
        with pytest.raises(UsageError) as raised:
            store_at(text)
        assert "himitsu" not in raised.value.en + raised.value.ja
    for content, mode, said in (
        (None, 0, "cannot be read"),
        ("[default]\naws_access_key_id = us\n", 0o600, "aws_secret_access_key"),
        ("himitsu", 0o600, "aws_access_key_id"),
        ("[default]\naws_access_key_id = us\naws_secret_access_key = himitsu%\n", 0o640, "chmod 600"),
    ):
        if content is not None:
            keys.write_text(content, encoding="ascii")
            keys.chmod(mode)
        with pytest.raises(JisweepError, match=said) as error:
            store_at(f"s3://bucket/p?keys={keys}")
        assert "himitsu" not in error.value.en
    keys.chmod(0o600)
    store = store_at(f"s3://bucket/a/b/?keys={keys}&endpoint=https://s3.example.lg.jp&region=jp")
    assert (store.bucket, store.prefix, store.region) == ("bucket", "a/b", "jp")
    assert (store.place, "himitsu" in repr(store)) == ("s3://bucket/a/b/ (https://s3.example.lg.jp)", False)
    assert store.keys is not None
    assert store.keys.secret == "himitsu%"
