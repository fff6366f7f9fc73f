"""Small disks for a test: full ones and read-only ones."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import leave_out


@contextmanager
def disk(folder: Path, kilobytes: int) -> Iterator[Path]:
    """A file system of that size at the folder, as long as the block runs."""
    if os.geteuid() != 0:
        leave_out("a small disk can be mounted by root only")
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", folder], capture_output=True
    )
    if done.returncode != 0:
        leave_out(f"no disk can be mounted here: {done.stderr.decode().strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def make_read_only(folder: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", folder], check=True)


def fill(folder: Path, *, leave: int) -> Path:
    """Take all room on the folder's disk but `leave` bytes; returns the file that takes it."""
    path = folder / "filler"
    free = os.statvfs(folder)
    path.write_bytes(bytes(max(0, free.f_bavail * free.f_frsize - leave)))
    return path
