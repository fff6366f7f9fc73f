"""A file that is there only when it is whole."""

import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from db.errors import StorageError

JOURNALS = ("-wal", "-shm", "-journal")  # of a SQLite file that was here: they would be played into the new one


@asynccontextmanager
async def drafted(path: Path) -> AsyncIterator[Path]:
    """An empty file beside `path`, for our eyes only, that takes that name when the block ends well and is gone otherwise.

    Raises StorageError when something has the name already, or the file cannot be written.
    """
    _free_name(path)
    with _writing_to(path):
        if not path.parent.exists():
            path.parent.mkdir(parents=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}-", suffix=".draft", dir=path.parent)
        os.close(handle)
        draft = Path(name)
        try:
            yield draft
            put_on_disk(draft)
            _free_name(path)  # another may have come meanwhile
            draft.rename(path)
            put_on_disk(path.parent)
        finally:
            draft.unlink(missing_ok=True)


def _free_name(path: Path) -> None:
    """Raises StorageError when something has the name, or a journal of what had it is left."""
    for there in (path, *(path.with_name(path.name + ending) for ending in JOURNALS)):
        if os.path.lexists(there):
            raise StorageError(
                ja=f"{there} がすでにあります。よそへ移すか、別の名前を指定してください（何も変えていません）。",
                en=f"{there} is there already: move it away, or give another name (nothing was changed).",
            )


@contextmanager
def _writing_to(path: Path) -> Iterator[None]:
    """Whatever keeps the file from being written is said of it by its own name, in one line."""
    try:
        yield
    except OSError as error:
        raise _cannot_write(path, error.strerror or str(error)) from error
    except StorageError as error:
        if isinstance(error.__cause__, DBAPIError) and f".{path.name}-" in error.en:  # of the draft
            raise _cannot_write(path, str(error.__cause__.orig)) from error
        raise


def _cannot_write(path: Path, why: str) -> StorageError:
    return StorageError(
        ja=f"{path} に書き込めません（{why}）。空き容量と権限を確かめてください。途中のものは残していません。",
        en=f"Cannot write {path} ({why}): check free space and permissions; nothing was left half-way.",
    )


def put_on_disk(path: Path) -> None:
    """What was written to a file, or the names in a folder, outlive a power cut from now on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
