"""Programs that run by turns on one machine, each frozen while the others run, so that its speed is the same for all of them (Linux)."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

TURN = 4.0  # seconds: no patience of a sweep ends while it is frozen
READY = "ready"  # the line of a program that has made its preparations, and waits for a line to begin


@dataclass(kw_only=True)
class Program:
    """A program, with the seconds that it was running, from the line that it may have waited for."""

    command: Sequence[str | Path]
    prepares: bool = False  # it says READY and waits
    good: Collection[int] = (0,)  # exit codes
    seconds: float = 0.0
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    said: IO[bytes] = field(default_factory=tempfile.TemporaryFile, init=False)

    def begin(self) -> None:
        """Start it; one that prepares is frozen once it has."""
        self.process = subprocess.Popen(
            list(map(str, self.command)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.said, text=True, bufsize=1,
        )  # fmt: skip
        if self.prepares:
            assert self.process.stdin is not None
            assert self.process.stdout is not None
            if self.process.stdout.readline().strip() != READY:
                raise SystemExit(f"it does not begin: {self.command}")
            self.signal(signal.SIGSTOP)
            self.process.stdin.write("\n")

    def run(self, seconds: float) -> bool:
        """Let it run for so long; returns whether it has ended. Raises SystemExit when it failed."""
        began = time.monotonic()
        if self.process is None:
            self.begin()
        assert self.process is not None
        self.signal(signal.SIGCONT)
        try:
            code = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.signal(signal.SIGSTOP)
            return False
        finally:
            self.seconds += time.monotonic() - began
        if code not in self.good:
            self.said.seek(0)
            raise SystemExit(f"it ended with {code}: {self.command}\n{self.said.read().decode(errors='replace')}")
        return True

    def signal(self, what: signal.Signals) -> None:
        """Send a signal to it and to all that it has started, parents first: a frozen one starts nothing more."""
        assert self.process is not None
        for number in _family(self.process.pid):
            with suppress(ProcessLookupError):
                os.kill(number, what)

    def end(self) -> None:
        """Stop it, if it runs."""
        self.said.close()
        if self.process is None:
            return
        if self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.terminate()
        with self.process:  # waits for it, and closes the pipes
            pass


def by_turns(programs: Sequence[Program]) -> None:
    """Run them to their ends. Raises SystemExit when one fails."""
    try:
        for each in programs:
            if each.prepares:
                each.begin()
        left = list(programs)
        while left:
            left = [each for each in left if not each.run(TURN)]
    finally:
        for each in programs:
            each.end()


def _family(number: int) -> Iterator[int]:
    """A process, its children and theirs, as they are when it is their turn."""
    yield number
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in Path(f"/proc/{number}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield from _family(int(child))
