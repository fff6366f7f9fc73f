"""Chromium's processes that this test process started, to end them the hard way."""

import os
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Process:
    """A running process."""

    pid: int
    parent: int
    command: tuple[str, ...]

    @property
    def kind(self) -> str:
        """What part of Chromium it is."""
        types = [word.removeprefix("--type=") for word in self.command if word.startswith("--type=")]
        return types[0] if types else "browser"

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)


def ours(kind: str) -> list[Process]:
    """Descendants of this process that are Chromium's browser processes or renderers."""
    every = {each.pid: each for each in _every()}

    def is_ours(process: Process) -> bool:
        parent = every.get(process.parent)
        return process.parent == os.getpid() or (parent is not None and is_ours(parent))

    return [
        each
        for each in every.values()
        if each.command and "chrom" in each.command[0] and each.kind == kind and is_ours(each)
    ]


def _every() -> Iterator[Process]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            stat = (folder / "stat").read_text(errors="replace").rpartition(")")[2].split()
            words = (folder / "cmdline").read_text(errors="replace").replace("\0", " ").split()
        except OSError:
            continue
        yield Process(pid=int(folder.name), parent=int(stat[1]), command=tuple(words))
