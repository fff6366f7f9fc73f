"""The processes that this one has started, and the memory that they hold; nothing is known where there is no /proc."""

import os
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from crawler.weight import PROCESSES, resident


def browsers_resident() -> int:
    """Bytes that browsers of this process, and what drives them, hold: what they share is counted in each of them."""
    return sum(resident(each) for each in below(os.getpid()) if not _is_python(each))


def below(process: int) -> Iterator[int]:
    """Every process that descends from one."""
    children = defaultdict(list)
    for entry in PROCESSES.glob("[0-9]*"):
        if parent := _parent(entry):
            children[parent].append(int(entry.name))
    waiting = children[process]
    while waiting:
        child = waiting.pop()
        yield child
        waiting += children[child]


def _parent(entry: Path) -> int | None:
    try:
        return int((entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return None


def _is_python(process: int) -> bool:
    """Whether it is a further process of ours."""
    try:
        return os.path.samefile(PROCESSES / str(process) / "exe", sys.executable)
    except OSError:
        return False
