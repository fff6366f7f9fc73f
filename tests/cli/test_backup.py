"""`jisweep backup`, `restore` and `db move` as an operator has them: what they say, their exit codes, and what is left when they are killed."""

import asyncio
import json
import os
import signal
import stat
import time
from contextlib import suppress
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.database import Database
from db.tables import Picture, Table
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.db.everything import fill_everything, rows_as_kept
from tests.db.server import Server

TABLES = len(Table.metadata.tables)
ROWS = 3 * TABLES


@pytest.fixture
def program(program: Program) -> Program:
    """With something in every table."""
    asyncio.run(_fill(program.database))
    return program


async def _fill(path: Path) -> None:
    async with Database(str(path)) as database:
        await fill_everything(database)
        async with database.writing() as connection:  # nothing outside: what is said of that, test_store.py asks
            await connection.execute(sa.update(Picture).where(Picture.image.is_(None)).values(image=b""))


def kept(url: str | Path) -> object:
    """All rows of a database."""

    async def read() -> object:
        async with Database(str(url)) as database:
            return await rows_as_kept(database)

    return asyncio.run(read())


def test_around_all_databases_and_back_again(program: Program, postgres: Server) -> None:
    done = program.run("backup", "kept/", "--lang", "en")
    assert (done.code, [line.partition(":")[0] for line in done.said if not line.endswith("%)")]) == (
        0,
        ["Sweeps are running, or have just been broken off (3)"],
    )
    path = program.folder / done.out.strip()
    assert path.parent.name == "kept"
    with postgres.database() as (_, one), postgres.database() as (_, other):
        for words in (("restore", path, "--db", one), ("db", "move", "--from", one, "--to", other)):
            done = program.run(*words, "--lang", "en")
            assert (done.code, [line for line in done.said if not line.endswith("%)")]) == (0, []), done
            assert (
                done.out
                == f"Copied {TABLES} tables with {ROWS} rows; counts and digests are those of the source.\n"
            )
        done = program.run("db", "move", "--from", other, "--to", "moved.sqlite", "--json")
        assert done.code == 0
        assert (done.object["rows"], done.object["tables"]["finding"], done.object["to"]) == (
            ROWS,
            3,
            "moved.sqlite",
        )
        assert "himitsu" not in done.out
        done = program.run("backup", "last.sqlite", "--db", other, "--json")
    assert done.object == json.loads((program.folder / "last.sqlite.json").read_text(encoding="utf-8")) | {
        "backup": "last.sqlite",
        "manifest": "last.sqlite.json",
    }
    for name in ("moved.sqlite", "last.sqlite"):
        assert kept(program.folder / name) == kept(program.database)
        assert stat.S_IMODE((program.folder / name).stat().st_mode) == 0o600
    assert program.run("db", "check", "--db", "moved.sqlite").out == "current\n"


def test_what_is_there_is_never_written_over(program: Program) -> None:
    assert program.run("backup", "a.sqlite").code == 0
    before = program.database.read_bytes(), (program.folder / "a.sqlite").read_bytes()
    for words in (
        ("backup", "a.sqlite"),
        ("restore", "a.sqlite"),
        ("db", "move", "--from", "a.sqlite", "--to", "a.sqlite"),
    ):
        _, english = refused(program, 6, *words)
        assert "is there already" in english
    assert (program.database.read_bytes(), (program.folder / "a.sqlite").read_bytes()) == before


def test_places_that_cannot_be_written_to_and_databases_that_are_not_there(program: Program) -> None:
    for words, said in (
        (("backup", "jisweep.sqlite/a.sqlite"), "Not a directory"),
        (("backup", "a.sqlite", "--db", "none.sqlite"), "does not exist"),
        (("restore", "none.sqlite", "--db", "b.sqlite"), "does not exist"),
        (("db", "move", "--from", "none.sqlite", "--to", "b.sqlite"), "does not exist"),
        (("db", "move", "--from", "jisweep.sqlite", "--to", "postgresql://a@127.0.0.1:9/b"), "Cannot connect"),
    ):
        assert said in one_refusal(program, 6, *words)
    assert "names no file" in one_refusal(program, 2, "db", "move", "--from", "jisweep.sqlite", "--to", "sqlite://")
    assert {each.name for each in program.folder.iterdir()} <= {
        "jisweep.sqlite",
        "jisweep.sqlite-wal",
        "jisweep.sqlite-shm",
    }


def test_a_backup_without_its_manifest_is_restored_and_said(program: Program) -> None:
    program.run("backup", "a.sqlite")
    (program.folder / "a.sqlite.json").unlink()
    done = program.run("restore", "a.sqlite", "--db", "b.sqlite", "--lang", "en")
    assert done.code == 0
    assert done.said == ["There is no manifest a.sqlite.json: nothing was compared with what was backed up."]


def test_a_backup_that_is_killed_leaves_no_half_of_one_under_its_name(program: Program) -> None:
    asyncio.run(_enlarge(program.database))
    begun = time.monotonic()
    assert program.run("backup", "whole.sqlite").code == 0
    seconds = time.monotonic() - begun
    for part in range(1, 8):
        started = program.start("backup", f"{part}.sqlite")
        time.sleep(seconds * part / 8)
        with suppress(ProcessLookupError):  # it was faster this time
            started.interrupt(signal.SIGKILL)
        started.process.wait()
        if (program.folder / f"{part}.sqlite").exists():  # killed after the last act: whole, with its manifest
            assert program.run("restore", f"{part}.sqlite", "--db", f"{part}.copy").code == 0
    drafts = [each.name for each in program.folder.iterdir() if each.name.endswith(".draft")]
    assert drafts, "none was killed while it wrote"
    assert program.run("backup", "a.sqlite").code == 0
    assert kept(program.folder / "a.sqlite") == kept(program.database)


async def _enlarge(path: Path) -> None:
    async with Database(str(path)) as database, database.writing() as connection:
        picture = {"media_type": "image/png", "width": 1, "height": 1}
        for number in range(40):
            await connection.execute(
                sa.insert(Picture).values(**picture, digest=f"{number}", image=os.urandom(1_000_000))
            )
