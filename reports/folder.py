"""The folder of a report: written beside its place under another name, and put there when it is whole."""

import json
import os
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Self, TextIO

from db.errors import StorageError, UsageError

MARK = "jisweep-report.json"  # says that a folder is ours, what it is about, and what we put into it


def check_new(path: Path) -> None:
    """Raises UsageError when there is a file already: people may have filled it in."""
    if path.exists():
        raise UsageError(
            ja=f"{path} はもうあります。書き込んだ内容を失わないように、別の名前にするか、消してから書き出してください。",
            en=f"{path} is there already, and may be filled in: choose another name, or delete it first.",
        )


class Folder:
    """`with Folder(out, about) as folder:` takes files; only a block that ends without an error changes `out`.

    `about` names what the report is about, `state` how that stood. A report of ours in the same place is replaced. Raises StorageError for a place that holds anything else
    or cannot be written, and when the disk is full.
    """

    def __init__(self, out: Path, about: str = "", state: str = "") -> None:
        self.about, self.state = about, state
        self.out = out.expanduser().resolve()
        self._draft = self.out.with_name(f".{self.out.name}.jisweep-{os.getpid()}")
        self._names: set[str] = {MARK}

    def __enter__(self) -> Self:
        refuse_foreign(self.out)
        self._try(self._begin)
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        try:
            if kind is None:
                self._try(self._put_in_place)
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)

    def check(self) -> None:
        """Raise what writing would raise, as far as it can be known beforehand; nothing is left behind."""
        refuse_foreign(self.out)
        missing = self._try(lambda: [parent for parent in self.out.parents if not parent.exists()])
        try:
            self._try(self._begin)
        finally:
            shutil.rmtree(self._draft, ignore_errors=True)
            with suppress(OSError):
                for parent in missing:
                    parent.rmdir()

    def text(self, name: str, text: str) -> None:
        """Write a file of text."""
        self._try(lambda: self._path(name).write_text(text, encoding="utf-8", newline="\n"))

    def image(self, name: str, image: bytes) -> None:
        """Write a file of bytes."""
        self._try(lambda: self._path(name).write_bytes(image))

    def open(self, name: str) -> TextIO:
        """A file of text to be written piece by piece, through `piece`."""
        opened: TextIO = self._try(lambda: self._path(name).open("w", encoding="utf-8", newline=""))
        return opened

    def piece(self, work: Callable[[], Any]) -> None:
        """Do a piece of writing whose errors are those of the folder."""
        self._try(work)

    def _path(self, name: str) -> Path:
        self._names.add(name.partition("/")[0])
        path = self._draft / name
        path.parent.mkdir(exist_ok=True)
        return path

    def _begin(self) -> None:
        self.out.parent.mkdir(parents=True, exist_ok=True)
        for left in self.out.parent.glob(f".{self.out.name}.jisweep-*"):
            if _abandoned(left):
                shutil.rmtree(left, ignore_errors=True)
        self._draft.mkdir()

    def _put_in_place(self) -> None:
        told = {"made by": "jisweep", "about": self.about, "state": self.state, "names": sorted(self._names)}
        self.text(MARK, json.dumps(told, ensure_ascii=False, indent=1))
        refuse_foreign(self.out)
        if not self.out.exists():
            self._draft.rename(self.out)
            return
        old = self._draft.with_name(f".{self.out.name}.jisweep-old-{os.getpid()}")
        self.out.rename(old)
        try:
            self._draft.rename(self.out)
        except OSError:
            old.rename(self.out)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def _try(self, work: Callable[[], Any]) -> Any:
        try:
            return work()
        except OSError as error:
            raise StorageError(
                ja=f"報告書をフォルダー {self.out} に書き込めません（{error.strerror}）。"
                "空き容量と権限を確かめるか、--out で別の場所を指定してください。",
                en=f"Cannot write the report to {self.out} ({error.strerror}): "
                "check free space and permissions, or name another place with --out.",
            ) from error


def refuse_foreign(out: Path) -> str | None:
    """What the report in a place is about, None when nothing is there.

    Raises StorageError when the place holds something that we did not write.
    """
    try:
        found = {entry.name for entry in out.iterdir()} if out.exists() else set()
        mark = json.loads((out / MARK).read_text(encoding="utf-8")) if MARK in found else {"names": ()}
        others = found - set(mark["names"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _refused(out, str(getattr(error, "strerror", None) or error)) from error
    if others:
        raise _refused(out, ", ".join(sorted(others)[:3]))
    return str(mark.get("about", "")) if found else None


def is_free(out: Path, about: str) -> bool:
    """Whether a report may go to a place that nobody has named: it replaces none but an older one of its own."""
    try:
        return refuse_foreign(out) in (None, about)
    except StorageError:
        return False


def state_in(out: Path) -> str:
    """How that stood which a report of ours is about, when it was written; nothing where it does not say so."""
    try:
        return str(json.loads((out / MARK).read_text(encoding="utf-8")).get("state", ""))
    except (OSError, ValueError, AttributeError):
        return ""


def is_about(out: Path, about: str) -> bool:
    """Whether a place holds a report of ours about this."""
    try:
        return refuse_foreign(out) == about
    except StorageError:
        return False


def _refused(out: Path, why: str) -> StorageError:
    return StorageError(
        ja=f"{out} には jisweep の報告書以外のものがあるため、書き込みません（{why}）。"
        "--out で別のフォルダーを指定してください。",
        en=f"{out} holds something that is not a jisweep report, so nothing was written ({why}): "
        "name another folder with --out.",
    )


def _abandoned(draft: Path) -> bool:
    """Whether a draft was left by a writer that was killed: nobody writes one for a day."""
    return time.time() - draft.stat().st_mtime > 24 * 3600
