"""A report is whole or not there, and nothing of anybody else is touched."""

import errno
import os
import time
from pathlib import Path

import pytest

from db.errors import StorageError
from reports.folder import Folder
from reports.report import check_folder


def write(out: Path, *names: str) -> None:
    with Folder(out) as folder:
        for name in names:
            folder.text(name, name)


def write_and_stop(out: Path) -> None:
    with Folder(out) as folder:
        folder.text("index.html", "new")
        raise KeyboardInterrupt


def names(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_files_appear_together_at_the_end(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "er" / "report"
    with Folder(out) as folder:
        folder.text("pages/1.html", "日本")
        assert not out.exists()
    assert names(out) == {"pages/1.html", "jisweep-report.json"}
    assert os.listdir(out.parent) == ["report"]
    assert out.stat().st_mode & 0o777 == 0o777 & ~_umask()


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def test_an_older_report_is_replaced_whole(tmp_path: Path) -> None:
    write(tmp_path / "report", "index.html", "pages/1.html", "pages/2.html")
    write(tmp_path / "report", "index.html", "pages/1.html")
    assert names(tmp_path / "report") == {"index.html", "pages/1.html", "jisweep-report.json"}
    assert os.listdir(tmp_path) == ["report"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "report").mkdir()
    write(tmp_path / "report", "index.html")
    assert (tmp_path / "report" / "index.html").exists()


def test_a_stop_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    write(tmp_path / "report", "old.html")
    with pytest.raises(KeyboardInterrupt):
        write_and_stop(tmp_path / "report")
    assert names(tmp_path / "report") == {"old.html", "jisweep-report.json"}
    assert os.listdir(tmp_path) == ["report"]


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"letters\.txt"):
        write(tmp_path, "index.html")
    assert names(tmp_path) == {"letters.txt"}


def test_a_report_to_which_something_was_added_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "report", "index.html")
    (tmp_path / "report" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"notes\.txt"):
        check_folder(tmp_path / "report")


@pytest.mark.parametrize("mark", ["", "{}", "[]", '{"names": 1}', "\x00"])
def test_a_folder_with_a_broken_mark_is_refused(tmp_path: Path, mark: str) -> None:
    (tmp_path / "jisweep-report.json").write_text(mark)
    with pytest.raises(StorageError):
        write(tmp_path, "index.html")


@pytest.mark.parametrize("place", ["file", "file/below", "x" * 300, "/proc/jisweep/report"])
def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("mine")
    with pytest.raises(StorageError) as caught:
        check_folder(tmp_path / place)
    assert "\n" not in caught.value.ja + caught.value.en
    assert caught.value.exit_code == 6


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    check_folder(tmp_path / "deep" / "er" / "report")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_said_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(StorageError, match="No space left"), Folder(tmp_path / "report") as folder:
        folder.text("index.html", "x")
    assert os.listdir(tmp_path) == []


def test_drafts_of_killed_writers_are_cleared_after_a_day(tmp_path: Path) -> None:
    fresh, stale = tmp_path / ".report.jisweep-1", tmp_path / ".report.jisweep-2"
    for draft in (fresh, stale):
        (draft / "pages").mkdir(parents=True)
    os.utime(stale, (time.time() - 100_000,) * 2)
    write(tmp_path / "report", "index.html")
    assert fresh.exists()
    assert not stale.exists()
