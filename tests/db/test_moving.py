"""Backup, restore and move: whatever a database holds, another one of either kind holds after, or nothing is left of it."""

import asyncio
import hashlib
import json
import os
import shutil
import sqlite3
import stat
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.backup import Manifest, back_up, file_for, manifest_of, restore
from db.database import Database
from db.drafts import drafted
from db.errors import StorageError
from db.moving import running_sweeps, transfer
from db.schema import Schema, differences, standing
from db.tables import Note, Page, Picture, Site, Sweep, Visit
from db.types import now
from tests.cli.disks import disk, fill
from tests.db.everything import fill_everything, rows_as_kept
from tests.db.rows import sweep_with_visits
from tests.db.server import Server
from tests.db.test_schema import _described, _filled, _upgrade_to

ON_SQLITE = pytest.mark.parametrize("backend", ["sqlite"])  # where the kind of the source makes no difference


def quiet(*_: object) -> None:
    """Nobody is told."""


@contextmanager
def new_target(request: pytest.FixtureRequest, kind: str, folder: Path) -> Iterator[str]:
    """The address of a database that is not there yet (SQLite), or is empty (PostgreSQL)."""
    if kind == "sqlite":
        yield str(folder / "copy" / "target.sqlite")
        return
    with request.getfixturevalue("postgres").database() as (_, url):
        yield url


@pytest.fixture(params=["sqlite", "postgresql"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    with new_target(request, request.param, tmp_path) as url:
        yield url


@pytest.fixture
def empty_postgres(postgres: Server) -> Iterator[str]:
    """The address of an empty PostgreSQL database."""
    with postgres.database() as (_, url):
        yield url


@pytest.fixture
async def kept(sqlite_template: Path, tmp_path: Path) -> AsyncIterator[Database]:
    """A SQLite database with a sweep of two pages."""
    shutil.copyfile(sqlite_template, tmp_path / "kept.sqlite")
    async with Database(str(tmp_path / "kept.sqlite")) as opened:
        await sweep_with_visits(opened, 2)
        yield opened


async def test_every_value_of_every_table_arrives_on_either_database(database: Database, target: str) -> None:
    await fill_everything(database)
    before = await rows_as_kept(database)
    moved = await transfer(database, target, quiet)
    assert {name: each.rows for name, each in moved.tables.items()} == dict.fromkeys(before, 3)
    assert (moved.replaced, moved.left) == (0, ())
    async with Database(target) as copy:
        assert await rows_as_kept(copy) == before
        assert await differences(copy) == []
        assert await standing(copy) is Schema.CURRENT
        async with copy.writing() as connection:  # numbers go on, references are watched
            assert await connection.scalar(sa.insert(Picture).values(**PICTURE).returning(Picture.id)) == 4
        with pytest.raises(sa.exc.IntegrityError):
            async with copy.writing() as connection:
                await connection.execute(sa.update(Page).where(Page.id == 1).values(site_id=4711))
    assert await rows_as_kept(database) == before


PICTURE = {"digest": "d", "media_type": "image/png", "width": 1, "height": 1, "image": b"x"}


@ON_SQLITE
async def test_a_copy_has_all_that_a_new_database_has(
    database: Database, target: str, postgres_template: str
) -> None:
    """Indexes, constraints and their names, on PostgreSQL too, where they are set aside while rows come in."""
    await transfer(database, target, quiet)
    url = (
        target.rpartition("/")[0] + "/" + postgres_template
        if "postgresql" in target
        else str(database.url.database)
    )
    async with Database(target) as copy, Database(url) as made, copy.reading() as one, made.reading() as other:
        assert await one.run_sync(_described) == await other.run_sync(_described)


async def test_round_trips_end_with_the_same_digests(database: Database, target: str, tmp_path: Path) -> None:
    await fill_everything(database)
    first = await transfer(database, target, quiet)
    async with Database(target) as copy:
        back = await transfer(copy, str(tmp_path / "back.sqlite"), quiet)
    async with Database(str(tmp_path / "back.sqlite")) as copy:
        assert await rows_as_kept(copy) == await rows_as_kept(database)
    assert back.tables == first.tables


async def test_nobody_holds_anything_in_the_copy(database: Database, target: str, tmp_path: Path) -> None:
    sweep, visits = await sweep_with_visits(database, 3)
    held = {"lease_owner": "elsewhere/1/1", "lease_until": now() + timedelta(minutes=5)}
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).values(**held))
        await connection.execute(sa.update(Visit).where(Visit.id == visits[0]).values(**held))
    assert await running_sweeps(database) == [sweep]
    async with database.writing() as connection:  # who audits pages beside others holds only these
        await connection.execute(sa.update(Sweep).values(lease_owner=None, lease_until=None))
    assert await running_sweeps(database) == [sweep]
    await transfer(database, target, quiet)
    await back_up(database, tmp_path / "backup.sqlite", quiet)
    for url in (target, str(tmp_path / "backup.sqlite")):
        async with Database(url) as copy, copy.reading() as connection:
            for table in (Sweep, Visit):
                held_by = await connection.scalars(
                    sa.select(table.lease_owner).where(table.lease_owner.is_not(None))
                )
                assert held_by.all() == []
    assert await running_sweeps(database) == [sweep]  # the source is as it was


async def test_what_is_written_meanwhile_is_whole_in_the_copy_or_not_at_all(
    database: Database, target: str
) -> None:
    sweep, _ = await sweep_with_visits(database, 1)
    async with database.reading() as connection:
        site = await connection.scalar(sa.select(Site.id))
    begun, stop, written = asyncio.Event(), asyncio.Event(), 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            async with database.writing() as connection:  # two tables, always by the same number
                page = {"site_id": site, "address": f"https://www.example.lg.jp/new/{written}"}
                await connection.execute(sa.insert(Page).values(**page))
                note = {"sweep_id": sweep, "about": "host", "address": page["address"], "said": "x" * 2000}
                await connection.execute(sa.insert(Note).values(**note, digest=f"{written}"))
            written += 1
            if written == 200:
                begun.set()

    writing = asyncio.create_task(write())
    await begun.wait()
    before = written
    moved = await transfer(database, target, quiet, seal=lambda *_: None)
    after = written
    stop.set()
    await writing
    assert before <= moved.tables["note"].rows <= after
    assert moved.tables["page"].rows == moved.tables["note"].rows + 1
    assert after > before, "nobody had to wait"


async def test_a_target_that_is_not_empty_is_refused_and_left_as_it_is(database: Database, target: str) -> None:
    await sweep_with_visits(database, 1)
    await transfer(database, target, quiet)
    async with Database(target) as copy:
        before = await rows_as_kept(copy)
    with pytest.raises(StorageError, match=r"not empty|is there already"):
        await transfer(database, target, quiet)
    async with Database(target) as copy:
        assert await rows_as_kept(copy) == before


async def test_a_server_that_goes_away_is_said_and_nothing_is_left(
    kept: Database, empty_postgres: str, postgres: Server
) -> None:
    name = empty_postgres.rpartition("/")[2]
    end = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'"

    def cut(what: str, *_: object) -> None:
        if what == "visit":
            ending = threading.Thread(target=postgres.run, args=(end,))
            ending.start()
            ending.join()

    with pytest.raises(StorageError, match="connection"):
        await transfer(kept, empty_postgres, cut)
    async with Database(empty_postgres) as left:
        assert await standing(left) is Schema.EMPTY
        await transfer(kept, empty_postgres, quiet)
        assert await standing(left) is Schema.CURRENT


async def test_a_journal_left_over_is_not_played_into_a_new_file(database: Database, tmp_path: Path) -> None:
    (tmp_path / "target.sqlite-wal").write_bytes(b"of a database that is gone")
    with pytest.raises(StorageError, match=r"target.sqlite-wal is there already"):
        await transfer(database, str(tmp_path / "target.sqlite"), quiet)
    assert not (tmp_path / "target.sqlite").exists()


@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("UPDATE visit SET depth = 2147483648", r"visit\.depth \(id = 1\) \(2147483648\)"),
        ("UPDATE visit SET body_digest = printf('%065d', 1)", r"visit\.body_digest \(id = 1\)"),
        ("UPDATE visit SET audited_at = 'yesterday'", r"visit holds a value that cannot be read"),
        ("UPDATE visit SET title = CAST(X'ff' AS TEXT)", r"visit holds a value that cannot be read"),
        ("UPDATE visit SET page_id = 4711 WHERE id = 1", r"References within the database are broken .*page_id"),
        ("ALTER TABLE visit ADD COLUMN memo TEXT", r"columns of the table visit are not jisweep's \(memo\)"),
    ],
)
async def test_what_another_database_cannot_hold_is_named_and_nothing_is_left(
    statement: str, said: str, kept: Database, empty_postgres: str
) -> None:
    async with kept.writing(remaking=True) as connection:
        await connection.exec_driver_sql(statement)
    with pytest.raises(StorageError, match=said):
        await transfer(kept, empty_postgres, quiet)
    async with Database(empty_postgres) as target:
        assert await standing(target) is Schema.EMPTY


async def test_a_text_with_a_null_is_said_and_replaced_where_postgresql_keeps_none(
    kept: Database, empty_postgres: str, tmp_path: Path
) -> None:
    async with kept.writing() as connection:
        await connection.execute(sa.update(Visit).where(Visit.id == 1).values(title="a\0b"))
    assert (await transfer(kept, empty_postgres, quiet)).replaced == 1
    assert (await transfer(kept, str(tmp_path / "copy.sqlite"), quiet)).replaced == 0
    for url, title in ((empty_postgres, "a\ufffdb"), (str(tmp_path / "copy.sqlite"), "a\0b")):
        async with Database(url) as copy, copy.reading() as connection:
            assert await connection.scalar(sa.select(Visit.title).where(Visit.id == 1)) == title


@pytest.mark.parametrize("backend", ["postgresql"])
async def test_tables_of_others_stay_where_they_are(database: Database, target: str) -> None:
    async with database.writing() as connection:
        await connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS procrastinate_jobs (id integer)")
        await connection.exec_driver_sql("CREATE TABLE kaikei (id integer)")
    assert (await transfer(database, target, quiet)).left == ("kaikei",)


async def test_a_backup_is_for_our_eyes_and_proves_what_it_holds(
    database: Database, target: str, tmp_path: Path
) -> None:
    await fill_everything(database)
    path = file_for(str(tmp_path))
    manifest, _ = await back_up(database, path, quiet)
    assert [stat.S_IMODE(each.stat().st_mode) for each in (path, manifest_of(path))] == [0o600, 0o600]
    assert Manifest.read(path) == manifest
    assert sorted(each.name for each in tmp_path.glob("*jisweep-*")) == [path.name, manifest_of(path).name]
    before = path.read_bytes()
    told, moved = await restore(path, target, quiet, upgrading=False)
    assert told == manifest
    assert moved.tables == manifest.tables
    assert path.read_bytes() == before
    async with Database(target) as copy:
        assert await rows_as_kept(copy) == await rows_as_kept(database)


@pytest.fixture
async def backup(database: Database, tmp_path: Path) -> Path:
    """A backup with something in it."""
    await sweep_with_visits(database, 50)
    await back_up(database, tmp_path / "backup.sqlite", quiet)
    return tmp_path / "backup.sqlite"


@ON_SQLITE
async def test_a_backup_that_has_changed_is_refused(backup: Path, target: str) -> None:
    kept = bytearray(backup.read_bytes())
    kept[len(kept) // 2] ^= 1
    backup.write_bytes(kept)
    await _is_refused(backup, target, "SHA-256|damaged")


@ON_SQLITE
async def test_a_backup_that_lacks_a_row_of_its_manifest_is_refused(backup: Path, target: str) -> None:
    told = json.loads(manifest_of(backup).read_text(encoding="utf-8"))
    with closing(sqlite3.connect(backup)) as inside, inside:
        inside.execute("DELETE FROM visit WHERE id = 7")
    told["sha256"] = hashlib.sha256(backup.read_bytes()).hexdigest()
    manifest_of(backup).write_text(json.dumps(told), encoding="utf-8")
    await _is_refused(backup, target, r"differs .*visit 49/50")


@ON_SQLITE
async def test_a_damaged_backup_without_a_manifest_is_refused(backup: Path, target: str) -> None:
    manifest_of(backup).unlink()
    os.truncate(backup, backup.stat().st_size // 2)
    await _is_refused(backup, target, "damaged")


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ("DELETE FROM page WHERE id = 7", "refers|references|broken"),
        (
            "UPDATE visit SET tries = NULL WHERE id = 7",
            "damaged .*NULL value in visit.tries|NOT NULL constraint failed: visit.tries",
        ),
    ],
)
async def test_a_database_that_is_broken_within_is_not_copied(
    database: Database, tmp_path: Path, harm: str, said: str
) -> None:
    """Its own pages are read without a fault: that what they hold cannot be is seen in the copy alone."""
    await sweep_with_visits(database, 50)
    with closing(sqlite3.connect(str(database.url.database))) as inside, inside:
        inside.execute("PRAGMA writable_schema = ON")
        [made] = inside.execute("SELECT sql FROM sqlite_master WHERE name = 'visit'").fetchone()
        change = "UPDATE sqlite_master SET sql = ? WHERE name = 'visit' AND type = 'table'"
        inside.execute(change, (made.replace("NOT NULL", ""),))
        inside.commit()
        with closing(sqlite3.connect(str(database.url.database))) as other, other:
            other.execute(harm)
        inside.execute(change, (made,))
    for act in (
        back_up(database, tmp_path / "copies" / "backup.sqlite", quiet),
        transfer(database, str(tmp_path / "copies" / "moved.sqlite"), quiet),
    ):
        with pytest.raises(StorageError, match=said):
            await act
    assert not (tmp_path / "copies").exists() or list((tmp_path / "copies").iterdir()) == []


async def test_what_is_no_backup_is_refused(tmp_path: Path, target: str) -> None:
    other = tmp_path / "other.sqlite"
    await _is_refused(other, target, "does not exist")
    other.write_bytes(b"")
    await _is_refused(other, target, "nothing in")
    other.write_text("no database at all, but long enough to be looked at", encoding="utf-8")
    await _is_refused(other, target, "not a SQLite database")
    manifest_of(other).write_text('{"tables": 1}', encoding="utf-8")
    await _is_refused(other, target, "cannot be read")


async def _is_refused(backup: Path, target: str, said: str) -> None:
    with pytest.raises(StorageError, match=said):
        await restore(backup, target, quiet, upgrading=True)
    if "postgresql" not in target:
        assert not Path(target).exists()
        assert not Path(target).parent.exists() or list(Path(target).parent.iterdir()) == []
        return
    async with Database(target) as left:
        assert await standing(left) is Schema.EMPTY


async def test_an_older_database_is_backed_up_as_it_is_and_restored_up_to_date_when_asked(
    empty_url: str, target: str, tmp_path: Path
) -> None:
    async with Database(empty_url) as older:
        async with older.writing(remaking=True) as connection:
            await connection.run_sync(_upgrade_to("0017"))
            filled = await connection.run_sync(_filled)
        manifest, _ = await back_up(older, tmp_path / "backup.sqlite", quiet)
    assert manifest.schema == "0017"
    assert {name: each.rows for name, each in manifest.tables.items()} == {
        name: rows for name, rows in filled.items() if name != "alembic_version"
    }
    with pytest.raises(StorageError, match=r"jisweep restore .*backup.sqlite --db .* --upgrade") as refused:
        await restore(tmp_path / "backup.sqlite", target, quiet, upgrading=False)
    assert "himitsu" not in refused.value.en
    await restore(tmp_path / "backup.sqlite", target, quiet, upgrading=True)
    async with Database(target) as copy:
        assert await standing(copy) is Schema.CURRENT
        assert await differences(copy) == []
        async with copy.reading() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Visit)) == 1


@ON_SQLITE
async def test_a_backup_of_a_newer_jisweep_is_refused(backup: Path, target: str) -> None:
    manifest_of(backup).unlink()
    with closing(sqlite3.connect(backup)) as inside, inside:
        inside.execute("UPDATE alembic_version SET version_num = '9999'")
    await _is_refused(backup, target, "newer jisweep")


async def test_a_full_disk_is_said_and_nothing_is_left(database: Database, tmp_path: Path) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(Picture).values({**PICTURE, "image": os.urandom(4_000_000)}))
    with disk(tmp_path / "small", 3000) as folder:
        with pytest.raises(StorageError, match=r"Cannot write .*backup\.sqlite \(.*(full|space).*\)"):
            await back_up(database, folder / "backup.sqlite", quiet)
        assert list(folder.iterdir()) == []


@ON_SQLITE
async def test_a_disk_that_fills_up_with_the_manifest_leaves_nothing(database: Database, tmp_path: Path) -> None:
    await back_up(database, tmp_path / "backup.sqlite", quiet)
    size = (tmp_path / "backup.sqlite").stat().st_size
    with disk(tmp_path / "small", size // 1024 + 200) as folder:
        filler = fill(folder, leave=size)
        with pytest.raises(StorageError, match=r"Cannot write .*backup\.sqlite"):
            await back_up(database, folder / "backup.sqlite", quiet)
        assert list(folder.iterdir()) == [filler]


@ON_SQLITE
async def test_a_folder_that_cannot_be_written_is_said(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(StorageError, match=r"Cannot write .*backup\.sqlite \(Not a directory\)"):
        await transfer(database, str(tmp_path / "file" / "backup.sqlite"), quiet)


async def test_a_draft_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="power cut"):
        async with drafted(tmp_path / "a.sqlite") as draft:
            draft.write_bytes(b"half")
            raise RuntimeError("power cut")
    assert list(tmp_path.iterdir()) == []


async def test_somebody_who_takes_the_name_meanwhile_keeps_it(tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="is there already"):
        async with drafted(tmp_path / "a.sqlite") as draft:
            draft.write_bytes(b"ours")
            (tmp_path / "a.sqlite").write_bytes(b"theirs")
    assert (tmp_path / "a.sqlite").read_bytes() == b"theirs"
    assert len(list(tmp_path.iterdir())) == 1
