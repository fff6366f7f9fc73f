"""`jisweep store`, and what backup, restore and move say of pictures that lie outside of the database."""

import asyncio
import json
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.database import Database
from db.pictures.rows import add, adding
from db.store import name_of
from db.tables import Picture
from tests.cli.program import Program
from tests.cli.refusals import one_refusal
from tests.db.server import Server

IMAGES = [b"%d" % number * 1000 for number in range(30)]


@pytest.fixture
def program(program: Program) -> Program:
    """With pictures in the database."""
    asyncio.run(_keep(program.database))
    return program


async def _keep(path: Path) -> None:
    async with Database(str(path)) as database, adding(database, IMAGES) as (connection, placed):
        for each in IMAGES:
            await add(connection, placed, each, media_type="image/png", width=1, height=1)


def digests(path: Path) -> list[str]:
    async def read() -> list[str]:
        async with Database(str(path)) as database, database.reading() as connection:
            return list(await connection.scalars(sa.select(Picture.digest).order_by(Picture.id)))

    return asyncio.run(read())


def test_pictures_go_out_and_come_back_and_what_lacks_is_said(program: Program) -> None:
    (program.folder / "jisweep.toml").write_text('store = "kept"\nlang = "en"\n', encoding="utf-8")
    own = ("--config", "jisweep.toml", "store")
    assert program.run("store", "show").out.splitlines() == [
        "保管場所: なし（新しい画像はデータベースに入ります）",
        "データベースの中の画像: 30 枚（0.1 MB）",
        "保管場所の画像: 0 枚（ファイル 0、0.0 MB）",
    ]
    assert "No store of pictures is set" in one_refusal(program, 6, "store", "move", "--to", "store")
    done = program.run(*own, "move", "--to", "store")
    assert (done.code, done.out, done.said) == (0, "Moved 30 pictures (0.1 MB).\n", [])
    told = program.run("store", "show", "--json", "--store", "kept").object
    assert (told["in_database"], told["in_store"], told["objects"]) == (0, 30, 30)
    assert program.run(*own, "check").out == "Read 30 pictures. All are there.\n"
    one, two = digests(program.database)[:2]
    (program.folder / "kept" / name_of(one)).unlink()
    (program.folder / "kept" / name_of(two)).write_bytes(b"x")
    done = program.run(*own, "check")
    assert (done.code, done.out.splitlines()) == (
        3,
        ["Read 30 pictures.", "Missing: 1", f"  {one}", "Damaged: 1", f"  {two}"],
    )
    told = program.run(*own, "check", "--json").object
    assert (told["missing"], told["damaged"]) == ([one], [two])
    done = program.run(*own, "move", "--to", "database")
    assert (done.code, done.out.splitlines()[:2]) == (
        3,
        ["Moved 28 pictures (0.0 MB).", "Left where they are: damaged or missing: 2"],
    )
    assert "lacks the mark" in one_refusal(program, 6, "store", "check", "--store", "elsewhere")
    assert program.run("store", "begin", "--store", "elsewhere", "--lang", "en").out == "elsewhere is in use.\n"
    assert "another database's" in one_refusal(program, 6, "store", "check", "--store", "kept")
    assert "cannot be read" in one_refusal(program, 2, "store", "show", "--store", "s3://himitsu@bucket")


def test_a_backup_says_what_is_not_in_it_or_takes_it_along(program: Program, postgres: Server) -> None:
    def run(*words: object, store: str = "kept", code: int = 0) -> list[str]:
        done = program.run(*words, JISWEEP_STORE=store, JISWEEP_LANG="en")
        assert done.code == code, done
        return [line for line in done.said if not line.endswith("%)")]

    run("store", "move", "--to", "store")
    assert run("backup", "bare.sqlite") == [
        "Pictures that lie in the store and are not in the copy: 30. Back up the store, too "
        "(jisweep backup --with-pictures takes them along)."
    ]
    told = json.loads((program.folder / "bare.sqlite.json").read_text(encoding="utf-8"))["pictures"]
    assert told == {"in_database": 0, "in_store": 30, "store": "kept"}
    assert run("backup", "whole.sqlite", "--with-pictures") == []
    told = json.loads((program.folder / "whole.sqlite.json").read_text(encoding="utf-8"))["pictures"]
    assert told == {"in_database": 30, "in_store": 0, "store": None}
    with postgres.database() as (_, one), postgres.database() as (_, other):
        assert run("restore", "whole.sqlite", "--db", one, store="") == []
        assert run("store", "check", "--db", one, store="") == []
        assert run("restore", "bare.sqlite", "--db", other) == []
        [said] = run("db", "move", "--from", other, "--to", "moved.sqlite")
        assert said.startswith("Pictures that stay in the store: 30.")
        assert run("backup", "again.sqlite", "--with-pictures", "--db", other) == []
        assert run("store", "check", "--db", "again.sqlite", store="") == []
    assert run("store", "check", "--db", "moved.sqlite") == []
    lacking = ["Pictures that are missing from the store, or damaged: 30. jisweep store check tells which."]
    assert run("restore", "bare.sqlite", "--db", "a.sqlite", store="", code=3) == lacking
    gone = digests(program.database)[0]
    (program.folder / "kept" / name_of(gone)).unlink()
    assert run("restore", "bare.sqlite", "--db", "b.sqlite", code=3) == [lacking[0].replace("30", "1")]
    assert run("backup", "lacking.sqlite", "--with-pictures", code=3) == [lacking[0].replace("30", "1")]
    assert "No store of pictures is set" in one_refusal(program, 6, "backup", "c.sqlite", "--with-pictures")
