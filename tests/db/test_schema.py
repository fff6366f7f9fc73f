"""Migrations make exactly the tables of the models; a schema that is not ours is refused and left as it was."""

import asyncio
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection, Inspector
from sqlalchemy.engine.interfaces import ReflectedColumn
from sqlalchemy.exc import IntegrityError

from crawler.notes import add_note, notes_of
from db import schema
from db.database import Database
from db.errors import StorageError
from db.schema import Schema, differences, present, ready, standing, upgrade
from db.tables import Site, Table
from db.types import now
from db.words import About


async def test_migrations_equal_models(empty_url: str) -> None:
    async with Database(empty_url) as migrated:
        async with migrated.writing() as connection:
            await connection.run_sync(_upgrade_to("head"))
        assert await differences(migrated) == []


async def test_migrated_tables_are_those_that_the_models_make(database: Database, empty_url: str) -> None:
    """Beyond what Alembic compares: CHECK constraints, names of constraints, collations. A new database has the models'."""
    async with Database(empty_url) as other:
        async with other.writing() as connection:
            await connection.run_sync(_upgrade_to("head"))
        async with other.reading() as connection:
            migrated = await connection.run_sync(_described)
    async with database.reading() as connection:
        modelled = await connection.run_sync(_described)
    assert migrated == modelled


def _described(connection: Connection) -> dict[str, Any]:
    inspector = sa.inspect(connection)
    ours = [name for name in inspector.get_table_names() if not name.startswith(schema.QUEUE)]
    return {name: _table(inspector, name) for name in sorted(ours)}


def _table(inspector: Inspector, name: str) -> dict[str, Any]:
    return {
        "columns": {column["name"]: _column(column) for column in inspector.get_columns(name)},
        "primary key": inspector.get_pk_constraint(name),
        "references": _by_name(inspector.get_foreign_keys(name)),
        "unique": _by_name(inspector.get_unique_constraints(name)),
        "indexes": [_index(each) for each in _by_name(inspector.get_indexes(name))],
        "checks": _by_name(inspector.get_check_constraints(name)),
    }


def _index(index: Any) -> dict[str, Any]:
    """An index with the condition of its rows in words: as SQL it equals only itself."""
    told = {name: str(value) for name, value in index.get("dialect_options", {}).items()}
    return {**index, "dialect_options": told}


def _column(column: ReflectedColumn) -> tuple[str, bool, str]:
    return str(column["type"]), column["nullable"], str(column.get("default")).partition("(")[0]


def _by_name(constraints: Any) -> list[Any]:
    return sorted(constraints, key=lambda each: str(each["name"]))


async def test_an_empty_database_is_upgraded(empty_url: str) -> None:
    async with Database(empty_url) as database:
        assert await standing(database) is Schema.EMPTY
        await upgrade(database)
        assert await standing(database) is Schema.CURRENT
        await upgrade(database)
        assert await standing(database) is Schema.CURRENT


async def test_upgrading_keeps_what_is_there(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.insert(Site).values(address="https://a.example/", created_at=now()))
    await upgrade(database)
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Site.address)) == "https://a.example/"


async def test_commands_may_find_an_empty_database_at_the_same_time(empty_url: str) -> None:
    async with Database(empty_url) as one, Database(empty_url) as other:
        await asyncio.gather(ready(one), ready(other))
        assert await standing(one) is Schema.CURRENT


async def test_an_upgrade_that_fails_leaves_the_database_as_it_was(
    empty_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole: Callable[[Connection], None] = schema._upgrade

    def breaks(connection: Connection) -> None:
        whole(connection)
        raise RuntimeError("power cut")

    monkeypatch.setattr(schema, "_upgrade", breaks)
    async with Database(empty_url) as database:
        with pytest.raises(RuntimeError, match="power cut"):
            await upgrade(database)
        assert await standing(database) is Schema.EMPTY


async def _set_revision(database: Database, revision: str) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE alembic_version SET version_num = :it"), {"it": revision})


async def _everything(database: Database) -> tuple[dict[str, Any], list[str]]:
    async with database.reading() as connection:
        tables = await connection.run_sync(_described)
        revisions = await connection.scalars(sa.text("SELECT version_num FROM alembic_version"))
        return tables, list(revisions)


async def test_a_newer_schema_is_refused_and_untouched(database: Database) -> None:
    await _set_revision(database, "9999")
    before = await _everything(database)
    assert await standing(database) is Schema.NEWER
    for refusing in (ready, upgrade, present):
        with pytest.raises(StorageError, match="newer") as refused:
            await refusing(database)
        assert "新しい" in refused.value.ja
    assert await _everything(database) == before


async def test_an_older_schema_is_named_not_upgraded_unasked(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    _with_a_later_migration(monkeypatch, tmp_path)
    before = await _everything(database)
    assert await standing(database) is Schema.OLDER
    for refusing in (ready, present):
        with pytest.raises(StorageError, match="jisweep db upgrade"):
            await refusing(database)
    assert await _everything(database) == before
    await upgrade(database)
    assert await standing(database) is Schema.CURRENT


def _with_a_later_migration(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """As if this program had one migration more."""
    later = (
        "def upgrade() -> None:\n    op.create_table('later', sa.Column('id', sa.Integer(), primary_key=True))\n"
    )
    head = "import sqlalchemy as sa\nfrom alembic import op\nrevision = 'later'\ndown_revision = {!r}\n"
    ours = schema._config()
    latest = schema.ScriptDirectory.from_config(ours).get_current_head()
    (folder / "later.py").write_text(head.format(latest) + later, encoding="utf-8")
    scripts = ours.get_main_option("script_location")
    ours.set_main_option("version_locations", f"{scripts}/versions:{folder}")
    monkeypatch.setattr(schema, "_config", lambda: ours)


@pytest.mark.parametrize("with_alembic", [False, True])
async def test_tables_of_another_program_are_refused_and_untouched(empty_url: str, with_alembic: bool) -> None:
    async with Database(empty_url) as database:
        async with database.writing() as connection:
            await connection.execute(sa.text("CREATE TABLE kaikei (id INTEGER PRIMARY KEY, gaku INTEGER)"))
            await connection.execute(sa.text("INSERT INTO kaikei VALUES (1, 1000)"))
            if with_alembic:
                await connection.execute(sa.text("CREATE TABLE alembic_version (version_num VARCHAR(32))"))
                await connection.execute(sa.text("INSERT INTO alembic_version VALUES ('ab12')"))
        assert await standing(database) is Schema.FOREIGN
        for refusing in (ready, upgrade, present):
            with pytest.raises(StorageError, match="not jisweep's"):
                await refusing(database)
        async with database.reading() as connection:
            tables = set((await connection.run_sync(_described)).keys())
        assert tables == ({"kaikei", "alembic_version"} if with_alembic else {"kaikei"})


async def test_a_reading_command_wants_a_database_that_is_there(empty_url: str) -> None:
    async with Database(empty_url) as database:
        with pytest.raises(StorageError, match="run jisweep sweep first"):
            await present(database)
        assert await standing(database) is Schema.EMPTY


async def test_a_table_changed_by_hand_is_seen(database: Database) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.text("ALTER TABLE site ADD COLUMN memo TEXT"))
    assert any("memo" in each for each in await differences(database))


WORDS = {  # of columns that hold words of a vocabulary, as the first schema had them
    "sweep.state": "finished", "sweep.method": "all", "sweep.edition": "jis2016", "sweep.level": "AA",
    "sweep.method_asked": None, "result.edition": "jis2016", "visit.state": "audited", "visit.reason": None,
    "visit.found_by": "start", "draw.part": "census", "finding.outcome": "failed", "finding.impact": None,
    "defect.state": "found", "defect_event.old": None, "defect_event.new": "found", "assertion.level": "A",
    "judgement.outcome": "met", "scope_rule.kind": "include", "organisation.parent_id": None,
}  # fmt: skip


def _filled(connection: Connection) -> dict[str, int]:
    """Put one row into each table that has none, as every table's columns want it; returns how many rows each has."""
    tables = sa.MetaData()
    tables.reflect(connection)
    for table in tables.sorted_tables:
        if not connection.scalar(sa.select(sa.func.count()).select_from(table)):
            connection.execute(
                table.insert().values({each.name: _value(table.name, each) for each in table.columns})
            )
    return {
        name: connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0
        for name, table in tables.tables.items()
    }


def _value(table: str, column: sa.Column[Any]) -> Any:
    if f"{table}.{column.name}" in WORDS:
        return WORDS[f"{table}.{column.name}"]
    modelled = Table.metadata.tables[table].columns.get(column.name)  # None: there is no such column any more
    if modelled is not None and isinstance(modelled.type, sa.Enum) and modelled.type.enum_class is not None:
        return next(iter(modelled.type.enum_class)).value
    kind = column.type.python_type
    if kind is datetime:
        return now()
    if kind is date:
        return now().date()
    if isinstance(column.type, sa.JSON):
        return []
    return {int: 1, float: 0.5, bool: False, bytes: b"1", str: "1"}[kind]


def _upgrade_to(revision: str) -> Callable[[Connection], None]:
    def go(connection: Connection) -> None:
        config = schema._config()
        config.attributes["connection"] = connection
        schema.command.upgrade(config, revision)

    return go


async def test_a_database_with_rows_is_upgraded_from_the_first_schema_with_all_of_them(empty_url: str) -> None:
    async with Database(empty_url) as database:
        async with database.writing() as connection:
            await connection.run_sync(_upgrade_to("0001"))
            filled = await connection.run_sync(_filled)
        assert set(filled.values()) == {1}
        await upgrade(database)
        assert await differences(database) == []
        async with database.writing() as connection:
            for name in filled.keys() - {"alembic_version"}:
                assert await connection.scalar(sa.text(f"SELECT count(*) FROM {name}")) == 1
            with pytest.raises(IntegrityError):  # references are watched again
                await connection.execute(sa.text("UPDATE visit SET page_id = 4711"))


async def test_rows_of_each_table_outlive_all_upgrades_since_the_one_that_made_it(empty_url: str) -> None:
    scripts = schema.ScriptDirectory.from_config(schema._config())
    revisions = [each.revision for each in scripts.walk_revisions()][::-1]
    filled: dict[str, int] = {}
    async with Database(empty_url) as database:
        for revision in revisions:
            async with database.writing(remaking=True) as connection:
                await connection.run_sync(_upgrade_to(revision))
                await schema.refers_to_what_is_there(connection)
                before, filled = filled, await connection.run_sync(_filled)
            assert set(filled.values()) == {1}, revision
            assert filled.keys() >= before.keys(), revision
        assert filled.keys() == {*Table.metadata.tables, "alembic_version"}
        assert await differences(database) == []


async def test_the_notes_of_a_sweep_become_rows_in_their_order(empty_url: str) -> None:
    one = {"about": "sitemap", "address": "https://a.example/sitemap.xml", "said": "broken XML: 途中"}
    other = {"about": "host", "address": "a.example", "said": "since 2026-11-01 02:00 UTC: refused"}
    async with Database(empty_url) as database:
        async with database.writing(remaking=True) as connection:
            await connection.run_sync(_upgrade_to("0001"))
            await connection.run_sync(_filled)
            await connection.run_sync(_upgrade_to("0017"))
            kept = sa.table("sweep", sa.column("notes", sa.JSON))
            await connection.execute(sa.update(kept).values(notes=[one, other, one]))
        await upgrade(database)
        assert await differences(database) == []
        async with database.writing() as connection:
            assert await notes_of(connection, 1) == [one, other]
            await add_note(connection, 1, About.HOST, other["address"], other["said"])  # known as the same
            assert await notes_of(connection, 1) == [one, other]
