"""One database: SQLite in a file, or PostgreSQL, behind the same few calls."""

import asyncio
import errno
import os
import re
import sqlite3
import time
import unicodedata
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

from sqlalchemy import Connection, Select, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from db.errors import StorageError, UsageError
from db.store import Store, configured
from db.tables import Table

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
AT_A_TIME = 1_000  # rows
ADDRESS = re.compile(r"(sqlite|postgres)[a-z+]*:|.*://", re.IGNORECASE)  # not a plain path


class Database:
    """An open database: `async with Database(url) as database`.

    `url` is a SQLAlchemy URL (`sqlite:///file`, `postgresql://user@host/name`) or the path of a SQLite file, which is
    made when it is not there, unless it `must_exist`. A SQLite file that is opened `read_only` is not changed by a byte; a
    `draft` is one that is thrown away when anything fails, and is written without a journal. `store` names where pictures lie
    outside of it; without it the settings say so (JISWEEP_STORE), and without those they are in the database.
    Raises UsageError for an address that names no known database or store, StorageError when it cannot be opened.
    """

    def __init__(
        self,
        url: str,
        *,
        must_exist: bool = False,
        patience: float = 30.0,
        read_only: bool = False,
        draft: bool = False,
        store: str | None = None,
    ) -> None:
        self.url = database_url(url)
        self.store: Store | None = configured(store)
        self.store_mark: str | None = None  # once db.pictures has found the store to be ours
        self.must_exist = must_exist or read_only
        self.read_only = read_only
        self.draft = draft
        self.patience = patience  # seconds to wait for another writer
        self._engine: AsyncEngine | None = None
        self._writer = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    async def __aenter__(self) -> Self:
        if self.is_sqlite:
            self._can_be_opened()
            url = _reading(self.url) if self.read_only else self.url
            journal = None if self.read_only else "OFF" if self.draft else "WAL"
            self._engine = create_async_engine(url, connect_args={"timeout": self.patience})
            event.listen(self._engine.sync_engine, "connect", partial(_prepare_sqlite, journal=journal))
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
            event.listen(self._engine.sync_engine, "invalidate", _give_up_sqlite)
        else:
            self._engine = create_async_engine(
                self.url,
                connect_args={"timeout": self.patience},
                pool_pre_ping=True,  # a restarted server costs no sweep
            )
            event.listen(self._engine.sync_engine, "connect", _prepare_postgresql)
        try:
            async with self.reading():
                pass
        except BaseException:
            await self._engine.dispose()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._engine is not None
        await self._engine.dispose()

    def _can_be_opened(self) -> None:
        """Raises StorageError before there is a thread of the driver, which would outlive the error."""
        if self.url.query:
            return
        if self.must_exist and self.url.database and not Path(self.url.database).exists():
            raise StorageError(
                ja=f"データベース {self.url.database} がありません。場所を確かめるか、先に jisweep sweep を実行してください。",
                en=f"The database {self.url.database} does not exist: check its place, or run jisweep sweep first.",
            )
        if self.read_only:
            return
        try:
            sqlite3.connect(self.url.database or ":memory:").close()
        except sqlite3.Error as error:
            raise _explain(str(error), _where(self.url)) or error from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        with storage_errors(self.url):
            async with self._connected() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads, and sees all as it was at its first look, however long it takes and whoever writes."""
        with storage_errors(self.url):
            async with self._connected() as plain:
                lasting = (
                    {} if self.is_sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
                )
                connection = await plain.execution_options(**lasting)
                async with connection.begin():
                    yield connection

    async def vacuum_into(self, path: Path) -> None:
        """Write a SQLite database into an empty file as it is at this moment, without what was deleted; nobody has to wait."""
        with storage_errors(self.url):
            async with self._connected() as connection:
                driver = (await connection.get_raw_connection()).driver_connection
                assert driver is not None
                try:
                    await driver.execute("VACUUM INTO ?", (str(path),))
                except asyncio.CancelledError:
                    await driver.interrupt()
                    raise
                except sqlite3.Error as error:
                    if "full" in str(error):  # not our disk: the one that is written to
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
                    raise _explain(str(error), _where(self.url)) or error from error

    @asynccontextmanager
    async def writing(self, *, remaking: bool = False) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: committed at the end, rolled back on an error.

        SQLite has one writer: its lock is taken at the beginning, so that no transaction fails half-way. With
        `remaking` it does not watch references, which it would count as broken when a table is dropped to be made anew.
        """
        with storage_errors(self.url):
            async with self._writer if self.is_sqlite else _free(), self._connected() as plain:
                connection = await plain.execution_options(jisweep_writes=True, jisweep_remakes=remaking)
                async with connection.begin():
                    yield connection

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        assert self._engine is not None
        async with AsyncExitStack() as stack:
            try:
                connection = await stack.enter_async_context(self._engine.connect())
            except OSError as error:
                raise _unreachable(self.url, error) from error
            yield connection


def database_url(text: str) -> URL:
    """The URL with the driver that we use; a plain path is a SQLite file."""
    if not ADDRESS.match(text):
        return URL.create(DRIVERS["sqlite"], database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):  # a port that is no number
        url = None
    if url is None or url.get_backend_name() not in DRIVERS:
        raise UsageError(
            ja=f"データベースの指定「{hide_password(text)}」が読めません。"
            "sqlite:///ファイル または postgresql://利用者@ホスト/名前 と書いてください。",
            en=f"The database address {hide_password(text)!r} cannot be read: "
            "write sqlite:///file or postgresql://user@host/name.",
        )
    return url.set(drivername=DRIVERS[url.get_backend_name()])


def hide_password(text: str) -> str:
    """The address without what stands between `:` and `@`."""
    scheme, separator, rest = text.partition("://")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{separator}{user.partition(':')[0]}{at}{host}"


class storage_errors:  # reads as a statement: `with storage_errors(url)`
    """Turns what a driver raises about the disk, the file or the server into a StorageError."""

    def __init__(self, url: URL) -> None:
        self.url = url

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, DBAPIError) and not isinstance(error.orig, sqlite3.IntegrityError):
            said = f"{error.orig} SQLSTATE {getattr(error.orig, 'sqlstate', None)}"
            explained = _explain(said, _where(self.url))
            if explained is not None:
                raise explained from error
        # A broken pipe is that of whoever reads our output
        elif isinstance(error, ConnectionError) and not isinstance(error, BrokenPipeError):
            raise _unreachable(self.url, error) from error


def _where(url: URL) -> str:
    """The file, or the address without driver and password."""
    if url.get_backend_name() == "sqlite":
        return str(url.database)
    return url.set(drivername=url.get_backend_name()).render_as_string()


def _unreachable(url: URL, error: OSError) -> StorageError:
    said = str(error) or type(error).__name__
    return StorageError(
        ja=f"データベース {_where(url)} に接続できません（{said}）。",
        en=f"Cannot connect to the database {_where(url)} ({said}).",
    )


def _explain(said: str, where: str) -> StorageError | None:
    for sign, ja, en in (
        ("locked", "ほかのプログラムが使用中です。終わってからもう一度実行してください",
         "it is in use by another program; try again when that has ended"),
        ("SQLSTATE 53100", "サーバーのディスクの空きがありません。空けてから、もう一度実行するか、調査は jisweep resume で続けてください",
         "the server's disk is full; make room, then run it again, or go on with jisweep resume"),
        ("disk is full", "ディスクの空きがありません。空けてから、もう一度実行するか、調査は jisweep resume で続けてください",
         "the disk is full; make room, then run it again, or go on with jisweep resume"),
        ("disk I/O error", "ディスクの読み書きに失敗しました", "the disk failed to read or write"),
        ("unable to open", "開けません。フォルダーがあるか、書き込めるかを確かめてください",
         "it cannot be opened; check that its folder exists and can be written to"),
        ("readonly", "書き込めません。権限を確かめてください", "it cannot be written to; check its permissions"),
        ("not a database", "SQLite のデータベースではありません", "it is not a SQLite database"),
        ("malformed", "壊れています。バックアップから戻してください", "it is damaged; restore it from a backup"),
        ("SQLSTATE 42501", "この利用者には権限がありません。データベースの所有者にするか、GRANT してください",
         "its user lacks the rights; make it the owner of the database, or GRANT them"),
        ("SQLSTATE 57P03", "サーバーが起動中か停止中です", "the server is starting or stopping"),
        ("SQLSTATE 53300", "サーバーの接続数が上限です", "the server has no connection left"),
        ("SQLSTATE 57P01", "サーバーとの接続が切れました", "the connection to the server was lost"),
        ("SQLSTATE 08", "サーバーとの接続が切れました", "the connection to the server was lost"),
        ("cannot switch to state", "サーバーとの接続が切れました", "the connection to the server was lost"),
        ("connection is closed", "サーバーとの接続が切れました", "the connection to the server was lost"),
        ("SQLSTATE 28", "利用者名かパスワードが違います", "user name or password is wrong"),
        ("SQLSTATE 3D000", "ありません。名前を確かめてください", "it does not exist; check the name"),
    ):  # fmt: skip
        if sign in said:
            return StorageError(ja=f"データベース {where}: {ja}。", en=f"Database {where}: {en}.")
    return None


@asynccontextmanager
async def _free() -> AsyncIterator[None]:
    yield


def _reading(url: URL) -> URL:
    """The same SQLite file, which cannot be written to."""
    path = quote(str(Path(url.database or "").absolute()))
    return url.set(database=f"file:{path}", query={"mode": "ro", "uri": "true"})


def _prepare_sqlite(connection: Any, _: object, *, journal: str | None) -> None:
    connection.isolation_level = None  # transactions begin where _begin_sqlite says, not where the driver does
    cursor = connection.cursor()
    if journal == "WAL":
        _use_wal(cursor)
    elif journal is not None:
        cursor.execute(f"PRAGMA journal_mode = {journal}")
    cursor.execute(f"PRAGMA synchronous = {'OFF' if journal == 'OFF' else 'NORMAL'}")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()
    connection.create_function("plain", 1, plain, deterministic=True)


def _prepare_postgresql(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute("SET jit = off")  # compiling a statement takes longer than ours run
    cursor.close()
    connection.commit()


def plain(text: str | None) -> str | None:
    """Text as it is compared: full-width letters half-width, and small (Unicode NFKC)."""
    return None if text is None else unicodedata.normalize("NFKC", text).lower()


def _use_wal(cursor: Any) -> None:
    """Ask for WAL, again while another process does the same with a new file: SQLite does not wait for that."""
    cursor.execute("PRAGMA busy_timeout")
    ends = time.monotonic() + cursor.fetchone()[0] / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > ends:
                raise
        time.sleep(0.05)


def _begin_sqlite(connection: Connection) -> None:
    options = connection.get_execution_options()
    remakes = options.get("jisweep_remakes", False)
    if remakes != connection.info.get("jisweep_unwatched", False):  # to be said before a transaction begins
        connection.exec_driver_sql(f"PRAGMA foreign_keys = {'OFF' if remakes else 'ON'}")
        connection.info["jisweep_unwatched"] = remakes
    connection.exec_driver_sql("BEGIN IMMEDIATE" if options.get("jisweep_writes", False) else "BEGIN")


def _give_up_sqlite(connection: Any, *_: object) -> None:
    """Roll back before a connection is closed whose statement was called off.

    SQLite keeps a closed connection, and its lock, for as long as a statement of it is known to anybody: here to the error that
    is on its way up. What calls it off must not wait, so this is queued; closing it is queued after.
    """
    with suppress(RuntimeError):  # of a loop that has ended: nobody waits for the lock any more
        asyncio.get_running_loop().create_task(_roll_back(connection.driver_connection))


async def _roll_back(connection: Any) -> None:
    with suppress(ValueError, sqlite3.Error):  # it was closed, or there is nothing to roll back
        await connection.rollback()


async def streamed(connection: AsyncConnection, query: Select[*tuple[Any, ...]]) -> AsyncIterator[Any]:
    """The rows of a query, of which there may be very many, without having all at once.

    Asked for one by one each would cost a change between threads of work, ten times what reading it does.
    """
    async for some in (await connection.stream(query)).partitions(AT_A_TIME):
        for row in some:
            yield row


def insert_new(connection: AsyncConnection, table: type[Table]) -> sqlite.Insert | postgresql.Insert:
    """An insert that leaves alone what another process has put there meanwhile."""
    insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    return insert(table).on_conflict_do_nothing()
