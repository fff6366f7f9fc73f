"""Backups: a SQLite file that holds a whole database of either kind, and beside it a manifest that proves what is in it."""

import asyncio
import json
import os
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from pathlib import Path
from typing import Any

from db.database import Database, hide_password
from db.errors import StorageError
from db.moving import Fingerprint, Moved, Tell, running_sweeps, transfer
from db.pictures.belonging import set_apart
from db.schema import Schema, refuse_unusable, revision_of, standing
from db.types import now

FORMAT = 1  # of the manifest


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup is said to hold when it was made."""

    file: str  # its name
    size: int  # bytes
    sha256: str
    made_at: datetime
    source: str  # sqlite or postgresql
    schema: str  # revision
    running: list[int]  # sweeps that somebody held then: the backup has what was committed until it was made
    tables: Mapping[str, Fingerprint]
    pictures: Mapping[str, Any] | None = None  # how many lie where, of which store; None: made before there was one

    def as_json(self) -> dict[str, Any]:
        """For the file beside the backup, and for programs."""
        tables = {n: {"rows": each.rows, "digest": f"{each.digest:064x}"} for n, each in self.tables.items()}
        return {
            "format": FORMAT, "file": self.file, "bytes": self.size, "sha256": self.sha256,
            "made_at": self.made_at.isoformat(), "source": self.source, "schema": self.schema,
            "running": self.running, "pictures": self.pictures, "tables": tables,
        }  # fmt: skip

    @classmethod
    def read(cls, path: Path) -> "Manifest | None":
        """The one beside a backup; None where there is none. Raises StorageError for one that cannot be read."""
        beside = manifest_of(path)
        if not beside.exists():
            return None
        try:
            told = json.loads(beside.read_text(encoding="utf-8"))
            lying = told.get("pictures")
            if told["format"] != FORMAT:
                raise ValueError("another format")
            return cls(
                file=told["file"], size=told["bytes"], sha256=told["sha256"], source=told["source"],
                made_at=datetime.fromisoformat(told["made_at"]), schema=told["schema"], running=told["running"],
                pictures=lying and {"in_database": lying["in_database"], "in_store": lying["in_store"], "store": lying["store"]},
                tables={n: Fingerprint(rows=e["rows"], digest=int(e["digest"], 16)) for n, e in told["tables"].items()},
            )  # fmt: skip
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise StorageError(
                ja=f"バックアップの目録 {beside} が読めません。",
                en=f"The backup's manifest {beside} cannot be read.",
            ) from error


def manifest_of(path: Path) -> Path:
    """Where the manifest of a backup lies."""
    return path.with_name(f"{path.name}.json")


def file_for(place: str) -> Path:
    """The file of a new backup: `place` itself, or one with the time in its name where that is a folder, or is to be one."""
    path = Path(place)
    return path / f"jisweep-{now():%Y%m%dT%H%M%SZ}.sqlite" if place.endswith(os.sep) or path.is_dir() else path


async def back_up(source: Database, path: Path, tell: Tell, *, along: bool = False) -> tuple[Manifest, Moved]:
    """Write the whole database into a file as it is at this moment, whoever works on it; pictures in the store too if `along`.

    Of a schema as old as it is. The manifest says how many pictures are not in the file.
    Raises StorageError, having left nothing, when the database cannot be read or has nothing in it, when it is damaged, and when the file is there already or cannot be written.
    """
    found = await standing(source)
    refuse_unusable(found, source)
    if found is Schema.EMPTY:
        raise StorageError(
            ja="データベースにはまだ何もありません。バックアップは作っていません。",
            en="There is nothing in the database yet: no backup was made.",
        )
    running, made_at = await running_sweeps(source), now()
    async with source.reading() as connection:
        revision = await connection.run_sync(revision_of)

    def seal(draft: Path, moved: Moved) -> None:
        manifest = Manifest(
            file=path.name, size=draft.stat().st_size, sha256=_sha256(draft), made_at=made_at, schema=str(revision),
            source=source.url.get_backend_name(), running=running, tables=moved.tables, pictures=_lying(draft, source),
        )  # fmt: skip
        _write(manifest_of(path), manifest.as_json())
        sealed.append(manifest)

    sealed: list[Manifest] = []
    moved = await transfer(source, str(path), tell, seal=seal, along=along)
    return sealed[0], moved


async def restore(path: Path, target: str, tell: Tell, *, upgrading: bool) -> tuple[Manifest | None, Moved]:
    """Put what a backup holds into an empty database, and prove it by the manifest, if there is one.

    Raises StorageError, having left nothing, for a backup that is damaged, newer, or older and not to be brought up to date
    (`upgrading`); for a target that is not empty or cannot be written.
    """
    manifest = Manifest.read(path)
    async with Database(str(path), read_only=True) as source:
        if manifest is not None and manifest.sha256 != await asyncio.to_thread(_sha256, path):
            raise StorageError(
                ja=f"バックアップ {path} は、作ったときのものと違います（目録の SHA-256 と合いません）。別のバックアップを使ってください。",
                en=f"The backup {path} is not what was written (its SHA-256 is not the manifest's): use another one.",
            )
        found = await standing(source)
        refuse_unusable(found, source)
        if found is Schema.EMPTY:
            raise StorageError(ja=f"{path} には何もありません。", en=f"There is nothing in {path}.")
        if found is Schema.OLDER and not upgrading:
            command = f"jisweep restore {path} --db {hide_password(target)} --upgrade"
            raise StorageError(
                ja=f"バックアップの表の形が古いままです。この版のものにして戻すには {command}",
                en=f"The backup has an older schema: to restore it and bring it up to date, {command}",
            )
        expected = manifest.tables if manifest is not None else None
        moved = await transfer(source, target, tell, expected=expected, upgrading=upgrading)
    async with Database(target, must_exist=True) as restored:
        await set_apart(restored)
    return manifest, moved


def _lying(draft: Path, source: Database) -> dict[str, Any]:
    """How many pictures are in the file, and how many lie in which store."""
    with closing(sqlite3.connect(draft)) as file:
        inside, whole = file.execute("SELECT count(image), count(*) FROM picture").fetchone()
    outside = whole - inside
    return {
        "in_database": inside, "in_store": outside, "store": source.store.place if source.store and outside else None,
    }  # fmt: skip


def _write(path: Path, told: dict[str, Any]) -> None:
    """For our eyes only, and whole or not at all."""
    draft = path.with_name(f".{path.name}.draft")
    try:
        with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
            json.dump(told, file, ensure_ascii=False, indent=1)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()
