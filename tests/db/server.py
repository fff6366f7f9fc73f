"""A PostgreSQL server for the tests: a cluster of its own in a temporary folder, on a free loopback port."""

import asyncio
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
from sqlalchemy.engine import make_url

USER, PASSWORD = "jisweep", "himitsu-no-kotoba"
QUICK = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off", "autovacuum": "off"}
ROOM = 2 << 30  # bytes that a folder in memory must have free to hold a cluster
STOP = 'cat >/dev/null; "$1" stop -s -w -m immediate -D "$2/data" 2>/dev/null; rm -rf "$2"'


class PostgresMissing(Exception):
    """No server can be started here, and why."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """A running server, by the address of a database that its user may connect to."""

    url: str
    restart: Callable[[str, float], None] | None = (
        None  # in a mode of pg_ctl, and seconds away; None: it is not ours
    )

    @contextmanager
    def database(self, *, template: str = "template1") -> Iterator[tuple[str, str]]:
        """A new database, gone at the end: its name and its address."""
        name = f"jisweep_{uuid4().hex[:12]}"
        self.run(f'CREATE DATABASE "{name}" TEMPLATE "{template}" {self._how}')
        try:
            yield name, make_url(self.url).set(database=name).render_as_string(hide_password=False)
        finally:
            self.run(f'DROP DATABASE "{name}" WITH (FORCE)')

    @cached_property
    def _how(self) -> str:
        """Files are copied in half the time that it takes to log them; a server before 15 knows no other way."""
        return "STRATEGY FILE_COPY" if int(self.run("SHOW server_version_num")) >= 150_000 else ""

    def run(self, statement: str) -> str:
        """Execute one statement in the server's own database; returns the first value that it says."""
        return asyncio.run(self._run(statement))

    async def _run(self, statement: str) -> str:
        plain = make_url(self.url).set(drivername="postgresql").render_as_string(hide_password=False)
        connection = await asyncpg.connect(plain)
        try:
            return str(await connection.fetchval(statement))
        finally:
            await connection.close()


@contextmanager
def started(**given: object) -> Iterator[Server]:
    """Start a server, with settings of its own, and stop it at the end, whatever that end is. Raises PostgresMissing."""
    programs = _programs()
    folder = Path(tempfile.mkdtemp(prefix="jisweep-pg-", dir=_in_memory()))
    try:
        account = _account(folder)
        port = _free_port()
        _make_cluster(programs, folder, account)
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": port,
            "unix_socket_directories": folder,
            **QUICK,
            **given,
        }
        words = " ".join(f"-c {name}={value}" for name, value in settings.items())
        start: list[str | Path] = [
            programs / "pg_ctl",
            "start",
            "-w",
            "-D",
            folder / "data",
            "-l",
            folder / "log",
            "-o",
            words,
        ]

        def restart(mode: str, away: float) -> None:
            _run([programs / "pg_ctl", "stop", "-w", "-m", mode, "-D", folder / "data"], account)
            time.sleep(away)
            _run(start, account)

        with _stopped_at_the_end(programs, folder, account):
            _run(start, account)
            url = f"postgresql://{USER}:{PASSWORD}@127.0.0.1:{port}/postgres"
            yield Server(url=url, restart=restart)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _stopped_at_the_end(programs: Path, folder: Path, account: str | None) -> Iterator[None]:
    """A process that sees us end, even by SIGKILL, since its input ends then: it stops the server."""
    words = ["sh", "-c", STOP, "sh", str(programs / "pg_ctl"), str(folder)]
    watcher = subprocess.Popen(words, stdin=subprocess.PIPE, start_new_session=True, **_as(account))
    try:
        yield
    finally:
        watcher.communicate(timeout=60)


def _in_memory() -> Path | None:
    """A folder in memory with room enough: making and dropping a database is mostly files."""
    memory = Path("/dev/shm")
    return memory if memory.is_dir() and shutil.disk_usage(memory).free > ROOM else None


def _programs() -> Path:
    """The folder of initdb and pg_ctl, which Debian keeps off the PATH."""
    on_path = shutil.which("initdb")
    debians = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda each: each.parts[4].zfill(4))
    for initdb in [*([Path(on_path).resolve()] if on_path else []), *reversed(debians)]:
        if (initdb.parent / "pg_ctl").exists():
            return initdb.parent
    raise PostgresMissing("no PostgreSQL (neither initdb nor JISWEEP_TEST_POSTGRES)")


def _account(folder: Path) -> str | None:
    """Who runs the server: postgres or nobody in root's place, since it refuses root; else ourselves."""
    if os.geteuid() != 0:
        return None
    names = {each.pw_name for each in pwd.getpwall()}
    account = next((name for name in ("postgres", "nobody") if name in names), None)
    if account is None:
        raise PostgresMissing("PostgreSQL does not run as root, and there is no user postgres or nobody")
    shutil.chown(folder, account)
    return account


def _make_cluster(programs: Path, folder: Path, account: str | None) -> None:
    secret = folder / "password"
    secret.write_text(PASSWORD, encoding="ascii")
    _run(
        [programs / "initdb", "-D", folder / "data", "-U", USER, "--pwfile", secret, "--auth-local=trust",
         "--auth-host=scram-sha-256", "-E", "UTF8", "--locale=C", "--no-sync"],
        account,
    )  # fmt: skip


def _run(command: list[str | Path], account: str | None) -> None:
    words = [str(word) for word in command]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=120, **_as(account))
    if done.returncode != 0:
        raise PostgresMissing(f"{command[0]} failed: {(done.stderr or done.stdout).strip()[-300:]}")


def _as(account: str | None) -> dict[str, Any]:
    """Options that run a process by this account, in a folder that every account may enter."""
    if account is None:
        return {"cwd": "/"}
    return {"cwd": "/", "user": account, "group": pwd.getpwnam(account).pw_gid, "extra_groups": []}


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
