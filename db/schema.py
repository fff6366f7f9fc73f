"""The schema's revision: bring a database up to date, or say why it cannot be used."""

from enum import StrEnum
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.errors import StorageError
from db.tables import Sweep, Table

QUEUE = "procrastinate_"  # what the names of its tables begin with
UPGRADING = 8341_3  # names our lock among the advisory locks of a PostgreSQL database


class Schema(StrEnum):
    """How a database's schema stands to this program's."""

    EMPTY = "empty"
    OLDER = "older"
    CURRENT = "current"
    NEWER = "newer"
    FOREIGN = "foreign"  # tables that are not ours


async def standing(database: Database) -> Schema:
    """Compare the database's revision with the migrations that this program knows."""
    async with database.reading() as connection:
        return await connection.run_sync(_standing)


async def upgrade(database: Database) -> None:
    """Run the missing migrations. Raises StorageError for a newer or foreign schema."""
    refuse_unusable(await standing(database), database)
    async with database.writing(remaking=True) as connection:
        await _alone(connection)
        await connection.run_sync(_upgrade)
        await _make_queue(connection)
        await refers_to_what_is_there(connection)


async def ready(database: Database) -> None:
    """Make an empty database usable; raises StorageError for one that is older, newer or not ours."""
    found = await standing(database)
    refuse_unusable(found, database)
    if found is Schema.EMPTY:
        await upgrade(database)
    elif found is Schema.OLDER:
        raise StorageError(
            ja="データベースの形が古いままです。バックアップを取り、jisweep db upgrade を実行してください。",
            en="The database has an older schema: back it up, then run jisweep db upgrade.",
        )


async def present(database: Database) -> None:
    """For commands that only read: the schema must be there and current."""
    if await standing(database) is Schema.EMPTY:
        raise StorageError(
            ja=f"データベース {database.url.database} にはまだ何もありません。先に jisweep sweep を実行してください。",
            en=f"The database {database.url.database} is empty: run jisweep sweep first.",
        )
    await ready(database)


def revision_of(connection: Connection) -> str | None:
    """The revision of a database's schema; None where there is none."""
    return MigrationContext.configure(connection).get_current_revision()


async def make_empty(connection: AsyncConnection, revision: str) -> None:
    """Make the tables of a revision where there are none yet. Raises StorageError where there are some."""
    await _alone(connection)
    if await connection.run_sync(_standing) is not Schema.EMPTY:
        raise StorageError(
            ja="写し先のデータベースは空ではありません。空のデータベースを指定してください（何も変えていません）。",
            en="The database to copy into is not empty: name an empty one (nothing was changed).",
        )
    await connection.run_sync(_upgrade, revision)


def refuse_unusable(found: Schema, database: Database) -> None:
    """Raises StorageError for a schema that this program must not touch."""
    if found is Schema.NEWER:
        raise StorageError(
            ja="データベースは、より新しい jisweep で作られています。jisweep を新しくしてください（何も変更していません）。",
            en="The database was made by a newer jisweep: upgrade jisweep (nothing was changed).",
        )
    if found is Schema.FOREIGN:
        raise StorageError(
            ja=f"データベース {database.url.database} には jisweep 以外の表があります。別のデータベースを指定してください。",
            en=f"The database {database.url.database} holds tables that are not jisweep's: name another one.",
        )


async def differences(database: Database) -> list[str]:
    """What the tables of the database lack or have beyond the models; empty when they are equal."""
    async with database.reading() as connection:
        return await connection.run_sync(_differences)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    return config


def _standing(connection: Connection) -> Schema:
    revision = revision_of(connection)
    if revision is None:
        tables = [each for each in sa.inspect(connection).get_table_names() if not each.startswith(QUEUE)]
        return Schema.FOREIGN if tables else Schema.EMPTY
    scripts = ScriptDirectory.from_config(_config())
    if revision == scripts.get_current_head():
        return Schema.CURRENT
    known = {script.revision for script in scripts.walk_revisions()}
    if revision in known:
        return Schema.OLDER
    return Schema.NEWER if sa.inspect(connection).has_table(Sweep.__tablename__) else Schema.FOREIGN


def _upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the missing migrations; where there is nothing, make what they would lead to in one go."""
    config = _config()
    config.attributes["connection"] = connection
    newest = revision in ("head", ScriptDirectory.from_config(config).get_current_head())
    if newest and _standing(connection) is Schema.EMPTY:
        Table.metadata.create_all(connection)
        command.stamp(config, "head")
    else:
        command.upgrade(config, revision)


def _differences(connection: Connection) -> list[str]:
    def is_here(item: Any, name: str | None, *_: Any) -> bool:
        # an index may be for one kind of database alone; the queue's tables are Procrastinate's own
        return not (name or "").startswith(QUEUE) and item.info.get("only") in (None, connection.dialect.name)

    context = MigrationContext.configure(connection, opts={"compare_type": True, "include_object": is_here})
    return [str(difference) for difference in compare_metadata(context, Table.metadata)]


async def _make_queue(connection: AsyncConnection) -> None:
    """Procrastinate's tables, beside ours on PostgreSQL: what stands in them are hints, which may be lost."""
    if connection.dialect.name == "sqlite":
        return
    if await connection.scalar(sa.select(sa.func.to_regclass(f"{QUEUE}jobs"))) is None:
        from procrastinate.schema import SchemaManager  # a sixth of a second, for PostgreSQL only

        plain = (await connection.get_raw_connection()).driver_connection
        assert plain is not None
        await plain.execute(SchemaManager.get_schema())


async def _alone(connection: AsyncConnection) -> None:
    """One upgrade at a time; on SQLite the transaction sees to that."""
    if connection.dialect.name != "sqlite":
        await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(UPGRADING)))


async def refers_to_what_is_there(connection: AsyncConnection) -> None:
    """Raises StorageError, and so undoes what was done, when rows of SQLite refer to nothing, which it did not watch."""
    if connection.dialect.name != "sqlite":
        return
    broken = (await connection.exec_driver_sql("PRAGMA foreign_key_check")).all()
    if broken:
        raise StorageError(
            ja=f"データベースの中のつながりが壊れています（表 {broken[0][0]} など {len(broken)} 件）。何も変えていません。",
            en=f"References within the database are broken ({len(broken)}, such as in {broken[0][0]}): nothing was changed.",
        )
