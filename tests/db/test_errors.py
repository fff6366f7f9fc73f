"""Whatever keeps a database from being used is one line in Japanese and one in English, without the password."""

import contextlib
import os
import resource
import socket
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError

from db import schema
from db.database import Database
from db.errors import JisweepError, StorageError, UsageError
from db.schema import ready, standing
from db.tables import Picture, Site
from db.types import now
from tests.conftest import leave_out
from tests.db.rows import sweep_with_visits
from tests.db.server import PASSWORD, Server


async def refusal(url: str, kind: type[JisweepError] = StorageError, patience: float = 0.2) -> JisweepError:
    """What opening and writing to a database that cannot be used is refused with."""
    with pytest.raises(kind) as refused:
        async with Database(url, patience=patience) as database:
            await ready(database)
            async with database.writing() as connection:
                await connection.execute(sa.insert(Site).values(address="https://a.example/", created_at=now()))
    return refused.value


def is_one_line(error: JisweepError) -> bool:
    return all("\n" not in text and 10 < len(text) < 200 for text in (error.ja, error.en))


@pytest.fixture
def file(tmp_path: Path, sqlite_template: Path) -> Path:
    """A SQLite database with our tables."""
    path = tmp_path / "database.sqlite"
    path.write_bytes(sqlite_template.read_bytes())
    return path


@contextlib.contextmanager
def locked_elsewhere(file: Path) -> Iterator[None]:
    """Another process holds the file."""
    hold = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], isolation_level=None);"
        "c.execute('PRAGMA locking_mode = EXCLUSIVE'); c.execute('BEGIN EXCLUSIVE');"
        "c.execute('CREATE TABLE IF NOT EXISTS held (id)'); print('held', flush=True); input()"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", hold, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    try:
        yield
    finally:
        process.communicate("\n")


async def test_a_locked_file(file: Path) -> None:
    with locked_elsewhere(file):
        error = await refusal(str(file))
    assert is_one_line(error)
    assert error.exit_code == 6
    assert "in use by another program" in error.en
    assert "使用中" in error.ja


async def test_a_file_that_another_only_writes_to_is_still_read(file: Path) -> None:
    writer = sqlite3.connect(file, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    writer.execute("BEGIN IMMEDIATE")
    try:
        async with Database(str(file), patience=0.2) as database:
            assert await standing(database) is schema.Schema.CURRENT
            with pytest.raises(StorageError, match="in use by another program"):
                async with database.writing():
                    pass
    finally:
        writer.close()


async def test_a_writer_waits_for_its_turn(file: Path) -> None:
    async with Database(str(file)) as database:
        other = sqlite3.connect(file, isolation_level=None, check_same_thread=False)
        other.execute("BEGIN IMMEDIATE")
        timer = threading.Timer(0.5, lambda: (other.execute("COMMIT"), other.close()))
        timer.start()
        async with database.writing() as connection:
            await connection.execute(sa.insert(Site).values(address="https://a.example/", created_at=now()))
        timer.join()


async def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    file = tmp_path / "report.xlsx"
    file.write_bytes(b"PK\x03\x04" + b"no database " * 100)
    before = file.read_bytes()
    error = await refusal(str(file))
    assert is_one_line(error)
    assert "not a SQLite database" in error.en
    assert file.read_bytes() == before


async def test_a_damaged_database(file: Path) -> None:
    whole = file.read_bytes()
    file.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    error = await refusal(str(file))
    assert is_one_line(error)
    assert "damaged" in error.en


async def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    error = await refusal(str(tmp_path / "missing" / "a.sqlite"))
    assert is_one_line(error)
    assert "folder exists" in error.en


async def test_a_folder_in_place_of_a_file(tmp_path: Path) -> None:
    error = await refusal(str(tmp_path))
    assert is_one_line(error)


async def test_a_file_that_may_not_be_written_to(file: Path) -> None:
    with read_only(file):
        error = await refusal(str(file))
    assert is_one_line(error)
    assert "written to" in error.en


@contextlib.contextmanager
def read_only(file: Path) -> Iterator[None]:
    """The file is closed to writing, also to root."""
    if os.geteuid() != 0:
        file.chmod(0o444)
        file.parent.chmod(0o555)
        yield
        file.parent.chmod(0o755)
        return
    mounted(["-t", "tmpfs", "-o", "size=8m", "tmpfs"], file.parent.parent / "mount")
    folder = file.parent.parent / "mount"
    try:
        (folder / file.name).write_bytes(file.read_bytes())
        subprocess.run(["mount", "-o", "remount,ro", folder], check=True)
        file.unlink()
        file.symlink_to(folder / file.name)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)


def mounted(arguments: list[str], folder: Path) -> None:
    folder.mkdir()
    done = subprocess.run(["mount", *arguments, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        leave_out("root here may not mount a small disk")


@pytest.mark.parametrize(
    "url",
    [
        "mysql://user@host/name",
        "mongodb://user:himitsu@host/name",
        "://",
        "postgresql://user:himitsu@host:port/name",
        "postgresql://user:himitsu@[::1/name",
        "postgres:name",
        "sqlite:/one-slash.sqlite",
        "http://user:himitsu@www.example.lg.jp/",
    ],
)
async def test_an_address_that_names_no_database(url: str) -> None:
    error = await refusal(url, UsageError)
    assert is_one_line(error)
    assert error.exit_code == 2
    assert "himitsu" not in error.ja + error.en


async def test_a_server_that_is_not_there() -> None:
    error = await refusal(f"postgresql://user:himitsu@127.0.0.1:{_closed_port()}/name", patience=5)
    assert is_one_line(error)
    assert "himitsu" not in error.ja + error.en
    assert "connect" in error.en


async def test_a_host_that_does_not_resolve() -> None:
    error = await refusal("postgresql://user:himitsu@nowhere.invalid/name", patience=5)
    assert is_one_line(error)
    assert "himitsu" not in error.ja + error.en


async def test_a_server_that_never_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        error = await refusal(f"postgresql://user:himitsu@127.0.0.1:{silent.getsockname()[1]}/name", patience=0.5)
    assert is_one_line(error)
    assert "himitsu" not in error.ja + error.en


async def test_a_wrong_password(postgres: Server) -> None:
    url = make_url(postgres.url).set(password="machigai-no-kotoba")
    error = await refusal(url.render_as_string(hide_password=False), patience=5)
    assert is_one_line(error)
    assert "password is wrong" in error.en
    assert "machigai" not in error.ja + error.en
    assert PASSWORD not in error.ja + error.en


async def test_a_database_that_the_server_does_not_have(postgres: Server) -> None:
    url = make_url(postgres.url).set(database="nowhere")
    error = await refusal(url.render_as_string(hide_password=False), patience=5)
    assert is_one_line(error)
    assert "does not exist" in error.en
    assert PASSWORD not in error.ja + error.en


async def test_a_user_who_may_not_make_tables(postgres: Server, limited_user: str) -> None:
    url = make_url(postgres.url).set(username=limited_user, password="himitsu")
    error = await refusal(url.render_as_string(hide_password=False), patience=5)
    assert is_one_line(error)
    assert "lacks the rights" in error.en


@pytest.fixture
def limited_user(postgres: Server) -> Iterator[str]:
    """A user with no more rights than the server gives to all."""
    postgres.run("REVOKE CREATE ON SCHEMA public FROM PUBLIC")  # servers before 15 allow it
    postgres.run("CREATE USER jisweep_limited PASSWORD 'himitsu'")
    yield "jisweep_limited"
    postgres.run("DROP USER jisweep_limited")


async def test_a_connection_that_is_lost(postgres: Server) -> None:
    async with Database(postgres.url) as database, Database(postgres.url) as other:
        with pytest.raises(StorageError) as refused:
            async with database.reading() as connection, other.reading() as killing:
                pid = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
                await killing.execute(sa.text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
                await connection.execute(sa.text("SELECT 1"))
        async with database.reading() as connection:
            assert await connection.scalar(sa.text("SELECT 1")) == 1
    assert is_one_line(refused.value)
    assert "lost" in refused.value.en


async def test_a_connection_lost_while_nobody_used_it_is_made_anew(postgres: Server) -> None:
    async with Database(postgres.url) as database, Database(postgres.url) as other:
        async with database.reading() as connection:
            pid = await connection.scalar(sa.text("SELECT pg_backend_pid()"))
        async with other.reading() as killing:
            await killing.execute(sa.text("SELECT pg_terminate_backend(:pid, 5000)"), {"pid": pid})
        async with database.reading() as connection:
            assert await connection.scalar(sa.text("SELECT pg_backend_pid()")) != pid


async def test_what_the_database_says_about_our_rows_is_not_the_operators_business(database: Database) -> None:
    """A mistake of ours stays an error of its own kind."""
    await sweep_with_visits(database, 1)
    with pytest.raises(IntegrityError):
        async with database.writing() as connection:
            await connection.execute(sa.text("DELETE FROM page"))
    with pytest.raises(sa.exc.DBAPIError, match="nonsense"):
        async with database.reading() as connection:
            await connection.execute(sa.text("SELECT nonsense FROM page"))


async def test_what_goes_wrong_with_other_files_is_not_blamed_on_the_database(database: Database) -> None:
    with pytest.raises(FileNotFoundError):
        async with database.reading():
            Path("/nonexistent/picture.png").read_bytes()


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder on a disk of 4 MiB."""
    folder = tmp_path / "disk"
    if os.geteuid() != 0:
        leave_out("only root can mount a small disk")
    mounted(["-t", "tmpfs", "-o", "size=4m", "tmpfs"], folder)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


async def test_a_full_disk_loses_nothing_that_was_written(small_disk: Path) -> None:
    path = str(small_disk / "a.sqlite")
    kept = 0
    async with Database(path) as database:
        await ready(database)
        with pytest.raises(StorageError) as refused:
            while kept < 100:
                await _keep_picture(database, kept)
                kept += 1
    assert is_one_line(refused.value)
    assert "disk is full" in refused.value.en
    assert "空き" in refused.value.ja
    assert 0 < kept < 100
    subprocess.run(["mount", "-o", "remount,size=16m", small_disk], check=True)
    async with Database(path) as database:
        async with database.reading() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Picture)) == kept
            assert await connection.scalar(sa.text("PRAGMA integrity_check")) == "ok"
        await _keep_picture(database, kept)


async def test_a_full_disk_before_there_is_a_table(small_disk: Path) -> None:
    (small_disk / "filler").write_bytes(b"x" * (4 * 2**20 - 64 * 1024))
    error = await refusal(str(small_disk / "a.sqlite"))
    assert is_one_line(error)
    assert "disk" in error.en


async def test_a_limit_on_the_size_of_a_file(file: Path) -> None:
    """Quotas and limits stop a write as a full disk does, without a disk of its own."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    async with Database(str(file)) as database:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2**20, before[1]))
        try:
            with pytest.raises(StorageError) as refused:
                for number in range(100):
                    await _keep_picture(database, number)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert is_one_line(refused.value)


async def _keep_picture(database: Database, number: int) -> None:
    async with database.writing() as connection:
        await connection.execute(
            sa.insert(Picture).values(
                digest=f"{number:064}", media_type="image/png", width=1, height=1, image=os.urandom(200_000)
            )
        )


def _closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
