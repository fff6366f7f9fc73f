"""A single file for other programs: written beside its place under another name, and put there when it is whole."""

import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from db.errors import StorageError

T = TypeVar("T")


def check_writable(path: Path) -> None:
    """Raise what writing would raise, as far as it can be known beforehand (StorageError); nothing is left behind."""
    draft = _draft(path)
    try:
        _try(path, lambda: draft.touch(exist_ok=False))
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def write_whole(path: Path, text: str) -> None:
    """Put a text in a place, in place of what was there. Raises StorageError; then what was there still is."""
    draft = _draft(path)
    try:
        _try(path, lambda: draft.write_text(text, encoding="utf-8", newline="\n"))
        _try(path, lambda: draft.replace(path.expanduser().resolve()))
    finally:
        with suppress(OSError):
            draft.unlink(missing_ok=True)


def _draft(path: Path) -> Path:
    """Where a file is written first. Raises StorageError for a place that no file can take, such as a device."""
    target = path.expanduser().resolve()
    if target.exists() and not target.is_file():
        raise StorageError(
            ja=f"{path} はファイルではないため、書き込めません。", en=f"{path} is no file that could be written."
        )
    return target.with_name(f".{target.name}.jisweep-{os.getpid()}")


def _try(path: Path, work: Callable[[], T]) -> T:
    try:
        return work()
    except OSError as error:
        raise StorageError(
            ja=f"{path} に書き込めません（{error.strerror}）。フォルダー、空き容量、権限を確かめてください。",
            en=f"Cannot write {path} ({error.strerror}): check the folder, free space and permissions.",
        ) from error
