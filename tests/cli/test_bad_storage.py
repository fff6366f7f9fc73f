"""Databases and folders that cannot be used: exit 6, what to do about it, and nothing changed."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.cli.disks import disk, fill, make_read_only
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.cli.servers import CLEAN, Site, answers, plain, serving

COMMANDS = [("sweeps",), ("report", "1"), ("resume", "1"), ("db", "upgrade"), ("backup", "a.sqlite")]


@pytest.fixture
def program(bare: Program) -> Program:
    """In an empty folder: what becomes of the database is what is tested."""
    return bare


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answers(CLEAN)) as running:
        yield running


@pytest.fixture
def newer(program: Program) -> Path:
    """The database of a jisweep to come."""
    program.run("db", "upgrade")
    with closing(sqlite3.connect(program.database)) as database, database:
        database.execute("UPDATE alembic_version SET version_num = '9999'")
    return program.database


@pytest.fixture
def foreign(program: Program) -> Path:
    """Somebody else's SQLite database."""
    with closing(sqlite3.connect(program.database)) as database, database:
        database.execute("CREATE TABLE invoice (id INTEGER)")
    return program.database


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_of_a_newer_version(program: Program, newer: Path, command: tuple[str, ...]) -> None:
    _, english = refused(program, 6, *command)
    assert "upgrade jisweep" in english
    with closing(sqlite3.connect(newer)) as database:
        assert database.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


def test_a_sweep_into_a_database_of_a_newer_version(program: Program, newer: Path, site: Site) -> None:
    assert "upgrade jisweep" in one_refusal(program, 6, "sweep", site.url, "--allow-private")
    assert site.asked == []
    with closing(sqlite3.connect(newer)) as database:
        assert database.execute("SELECT count(*) FROM sweep").fetchone() == (0,)


def test_the_check_tells_a_newer_database_without_an_error(program: Program, newer: Path) -> None:
    ended = program.run("db", "check")
    assert (ended.code, ended.out) == (6, "newer\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_database_of_another_program(program: Program, foreign: Path, command: tuple[str, ...]) -> None:
    _, english = refused(program, 6, *command)
    assert "not jisweep's" in english
    with closing(sqlite3.connect(foreign)) as database:
        assert database.execute("SELECT name FROM sqlite_master").fetchall() == [("invoice",)]


@pytest.mark.parametrize("command", [*COMMANDS, ("db", "check")])
def test_a_file_that_is_no_database(program: Program, command: tuple[str, ...]) -> None:
    program.database.write_text("覚え書き\n" * 200)
    _, english = refused(program, 6, *command)
    assert "not a SQLite database" in english
    assert program.database.read_text() == "覚え書き\n" * 200


def test_a_database_in_a_folder_that_does_not_exist(program: Program, site: Site) -> None:
    _, english = refused(program, 6, "sweep", site.url, "--allow-private", "--db", "nai/jisweep.sqlite")
    assert "its folder exists" in english
    assert list(program.folder.iterdir()) == []


def test_a_folder_in_place_of_a_database(program: Program) -> None:
    program.database.mkdir()
    refused(program, 6, "sweeps")


def test_what_would_be_the_reports_folder_cannot_be_written(program: Program, site: Site) -> None:
    """Found out before the work, not after it."""
    (program.folder / "out").write_text("x")
    assert "--out" in one_refusal(program, 6, "sweep", site.url, "--allow-private")
    assert site.asked == ["/robots.txt", "/"]  # the start alone


def test_a_server_that_is_not_there(program: Program) -> None:
    _, english = refused(program, 6, "sweeps", "--db", "postgresql://user:geheim@127.0.0.1:9/name")
    assert "geheim" not in english


@contextmanager
def held_by_another(path: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that keeps everybody else from the database, until its input ends."""
    code = (
        "import sqlite3, sys; held = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "held.execute('PRAGMA locking_mode = EXCLUSIVE'); held.execute('BEGIN EXCLUSIVE');"
        "print('held', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", code, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield process
        assert process.stdin is not None
        process.stdin.close()


def test_a_database_that_another_program_holds(program: Program) -> None:
    program.run("db", "upgrade")
    with held_by_another(program.database):
        english = one_refusal(program, 6, "sweeps")  # after the patience of 30 seconds
    assert "in use by another program" in english


def test_a_database_that_another_program_holds_for_a_while_is_waited_for(program: Program) -> None:
    program.run("db", "upgrade")
    with held_by_another(program.database):
        waiting = program.start("sweeps")
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.process.wait(4)
    assert waiting.ended().code == 0


def test_many_may_make_the_same_database_at_once(program: Program) -> None:
    ended = [each.ended() for each in [program.start("db", "upgrade") for _ in range(4)]]
    assert [(each.code, each.err) for each in ended] == [(0, "")] * 4


def test_a_report_folder_below_a_file(program: Program, site: Site) -> None:
    Path(program.folder, "file").write_text("x")
    _, english = refused(program, 6, "sweep", site.url, "--allow-private", "--out", "file/out")
    assert "--out" in english
    assert site.asked == []  # found out before the work
    assert not program.database.exists()


def test_a_report_folder_that_holds_something_else(program: Program, site: Site) -> None:
    Path(program.folder, "out").mkdir()
    Path(program.folder, "out", "letter.txt").write_text("x")
    _, english = refused(program, 6, "sweep", site.url, "--allow-private", "--out", "out")
    assert "letter.txt" in english
    assert site.asked == []
    assert [each.name for each in program.folder.rglob("*")] == ["out", "letter.txt"]


def test_a_report_folder_on_a_disk_that_cannot_be_written(program: Program, site: Site) -> None:
    with disk(program.folder / "disk", 1000) as small:
        make_read_only(small)
        _, english = refused(program, 6, "sweep", site.url, "--allow-private", "--out", small / "out")
    assert "Read-only file system" in english
    assert site.asked == []


def test_a_database_on_a_disk_that_cannot_be_written(program: Program, site: Site) -> None:
    with disk(program.folder / "disk", 1000) as small:
        make_read_only(small)
        refused(program, 6, "sweep", site.url, "--allow-private", "--db", small / "jisweep.sqlite")


def test_a_full_disk_for_the_report_loses_nothing(program: Program, site: Site) -> None:
    with disk(program.folder / "disk", 24) as small:
        ended = program.run("sweep", site.url, "--allow-private", "--out", small / "out", "--lang", "en")
        assert ended.code == 6
        assert ended.said == [
            f"jisweep: Cannot write the report to {small / 'out'} (No space left on device): "
            "check free space and permissions, or name another place with --out."
        ]
        assert list(small.iterdir()) == []
    assert program.run("report", "1", "--json").object["pages"]["audited"] == 3


def test_a_full_disk_for_the_database_can_be_resumed_when_there_is_room(program: Program) -> None:
    many = {f"/{number}.html": plain(f"{number} 番の案内", "<p><img src='a.png'></p>" * 30) for number in range(12)}
    top = plain("入口", "".join(f'<p><a href="{path}">{path}</a></p>' for path in many))
    with serving(answers({**many, "/": top})) as site, disk(program.folder / "disk", 3000) as small:
        database = ("--db", small / "jisweep.sqlite")
        program.run("db", "upgrade", *database)
        filler = fill(small, leave=150_000)
        ended = program.run("sweep", site.url, "--allow-private", "--lang", "en", *database)
        assert ended.code == 6, ended
        assert [line[:9] for line in ended.said] == ["jisweep: "], ended.err
        assert "the disk is full" in ended.said[0]
        assert "jisweep resume" in ended.said[0]
        filler.unlink()
        resumed = program.run("resume", "1", "--json", *database)
        assert resumed.code == 0, resumed.err
        assert resumed.object["pages"]["audited"] == 13
        assert resumed.object["places"] == 12 * 30
