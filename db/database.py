"""One database: SQLite in a file, or PostgreSQL, behind the same few calls."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from db.errors import StorageError, UsageError

DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}


class Database:
    """An open database: `async with Database(url) as database`.

    `url` is a SQLAlchemy URL (`sqlite:///file`, `postgresql://user@host/name`) or the path of a SQLite file.
    Raises UsageError for an address that names no known database, StorageError when it cannot be opened.
    """

    def __init__(self, url: str, *, patience: float = 30.0) -> None:
        self.url = database_url(url)
        self.patience = patience  # seconds to wait for another writer
        self._engine: AsyncEngine | None = None
        self._writer = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.url.get_backend_name() == "sqlite"

    async def __aenter__(self) -> Self:
        if self.is_sqlite:
            self._engine = create_async_engine(self.url, connect_args={"timeout": self.patience})
            event.listen(self._engine.sync_engine, "connect", _prepare_sqlite)
            event.listen(self._engine.sync_engine, "begin", _begin_sqlite)
        else:
            self._engine = create_async_engine(self.url, connect_args={"timeout": self.patience})
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

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        assert self._engine is not None
        with storage_errors(self.url):
            async with self._engine.connect() as connection, connection.begin():
                yield connection

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that writes: committed at the end, rolled back on an error.

        SQLite has one writer: its lock is taken at the beginning, so that no transaction fails half-way.
        """
        assert self._engine is not None
        with storage_errors(self.url):
            async with self._writer if self.is_sqlite else _free():
                async with self._engine.connect() as plain:
                    connection = await plain.execution_options(jisweep_writes=True)
                    async with connection.begin():
                        yield connection


def database_url(text: str) -> URL:
    """The URL with the driver that we use; a plain path is a SQLite file."""
    if "://" not in text:
        return URL.create(DRIVERS["sqlite"], database=str(Path(text).expanduser()))
    try:
        url = make_url(text)
    except ArgumentError:
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


class storage_errors:  # noqa: N801 - reads as a statement: `with storage_errors(url)`
    """Turns what a driver raises about the disk, the file or the server into a StorageError."""

    def __init__(self, url: URL) -> None:
        self.where = url.database if url.get_backend_name() == "sqlite" else url.render_as_string()

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: Any, error: BaseException | None, trace: Any) -> None:
        if isinstance(error, DBAPIError) and not isinstance(error.orig, sqlite3.IntegrityError):
            explained = _explain(str(error.orig), str(self.where))
            if explained is not None:
                raise explained from error
        elif isinstance(error, OSError) and not isinstance(error, TimeoutError):
            raise StorageError(
                ja=f"データベース {self.where} に接続できません（{error}）。",
                en=f"Cannot connect to the database {self.where} ({error}).",
            ) from error


def _explain(said: str, where: str) -> StorageError | None:
    for sign, ja, en in (
        ("locked", "ほかのプログラムが使用中です。終わってからもう一度実行してください",
         "it is in use by another program; try again when that has ended"),
        ("disk is full", "ディスクの空きがありません。空けてから jisweep resume で続けられます",
         "the disk is full; make room, then go on with jisweep resume"),
        ("disk I/O error", "ディスクの読み書きに失敗しました", "the disk failed to read or write"),
        ("unable to open", "開けません。フォルダーがあるか、書き込めるかを確かめてください",
         "it cannot be opened; check that its folder exists and can be written to"),
        ("readonly", "書き込めません。権限を確かめてください", "it cannot be written to; check its permissions"),
        ("not a database", "SQLite のデータベースではありません", "it is not a SQLite database"),
        ("malformed", "壊れています。バックアップから戻してください", "it is damaged; restore it from a backup"),
        ("Connection", "サーバーに接続できません", "the server cannot be reached"),
        ("connection is closed", "サーバーとの接続が切れました", "the connection to the server was lost"),
        ("password authentication", "利用者名かパスワードが違います", "user name or password is wrong"),
        ("does not exist", "ありません。名前を確かめてください", "it does not exist; check the name"),
    ):  # fmt: skip
        if sign in said:
            return StorageError(ja=f"データベース {where}: {ja}。", en=f"Database {where}: {en}.")
    return None


@asynccontextmanager
async def _free() -> AsyncIterator[None]:
    yield


def _prepare_sqlite(connection: Any, _: object) -> None:
    connection.isolation_level = (
        None  # transactions begin where _begin_sqlite says, not where the driver does
    )
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode = WAL")
    cursor.execute("PRAGMA synchronous = NORMAL")
    cursor.execute("PRAGMA foreign_keys = ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("jisweep_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
