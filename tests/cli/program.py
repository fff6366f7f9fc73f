"""The real program as a subprocess: run to its end, or started and met with signals; nothing of it may be left."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from tests.cli.warm import Command, Warm

ROOT = Path(__file__).parent.parent.parent
PROGRESS = ("スイープ ", "Sweep ", "探索: ", "検査: ", "exploring: ", "auditing: ")  # how progress lines begin
SETTINGS = ("JISWEEP_", "LC_", "LANG", "PYTHON", "PLAYWRIGHT_", "DEBUG")  # of the tester, kept from the program
GONE = 20.0  # seconds for a browser to see that its driver is gone


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A command that has come to its end."""

    code: int  # negative: the signal that ended it
    out: str
    err: str
    seconds: float

    @property
    def said(self) -> list[str]:
        """The lines on standard error that are not progress."""
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith(PROGRESS)]

    @property
    def object(self) -> dict[str, Any]:
        """The one JSON object on standard output."""
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass(kw_only=True)
class Started:
    """A command that is running, in a process group of its own."""

    process: Command
    began: float

    def running(self) -> bool:
        return self.process.poll() is None

    def interrupt(self, number: int = signal.SIGINT) -> None:
        """What Ctrl-C in a terminal does: the signal goes to every process of the group."""
        os.killpg(self.process.pid, number)

    def ended(self, seconds: float = 120) -> Ended:
        out, err = (_text(each) for each in self.process.said(seconds))
        return Ended(code=self.process.wait(), out=out, err=err, seconds=time.monotonic() - self.began)


@dataclass(kw_only=True)
class Program:
    """jisweep in a folder with a TMPDIR of its own, by which its processes are known."""

    folder: Path
    temporary: Path  # short: Chromium keeps a socket in it, whose path may have 107 bytes
    environment: dict[str, str]
    warm: Warm  # which its commands are forked from
    begun: list[Started] = field(default_factory=list)

    @classmethod
    def within(cls, folder: Path, temporary: Path, warm: Warm | None = None) -> "Program":
        own = {
            "TMPDIR": str(temporary),
            "JISWEEP_CONTACT": "a@example.jp",
            "JISWEEP_DELAY": "0",  # the servers are ours
        }
        warm = warm or usual_warm()
        return cls(folder=folder, temporary=temporary, environment={**warm.environment, **own}, warm=warm)

    def fork_from(self, warm: Warm) -> None:
        """Have commands forked from another interpreter, in its environment."""
        self.warm = warm
        self.environment |= warm.environment

    def start(self, *words: str | Path, **environment: str) -> Started:
        """Start a command in a process of its own, which need not import everything anew."""
        whole = {**self.environment, **environment}
        began = time.monotonic()
        self.begun.append(Started(process=self.warm.start([*map(str, words)], self.folder, whole), began=began))
        return self.begun[-1]

    def run(self, *words: str | Path, seconds: float = 120, **environment: str) -> Ended:
        """Run a command to its end."""
        return self.start(*words, **environment).ended(seconds)

    def cold(self, *words: str | Path, **environment: str) -> "subprocess.Popen[bytes]":
        """Start a command as an operator's shell does, its output and error in pipes."""
        return subprocess.Popen(
            [sys.executable, "-m", "jisweep", *map(str, words)], cwd=self.folder, start_new_session=True,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @property
    def database(self) -> Path:
        return self.folder / "jisweep.sqlite"

    def left_over(self) -> list[str]:
        """Processes of ours that still run, once they have had time to end: pid and command."""
        return wait_until_empty(lambda: [f"{pid} {command}" for pid, command in self._processes()])

    def left_behind(self) -> list[str]:
        """Files and folders that the program left in its TMPDIR."""
        return sorted(each.name for each in self.temporary.iterdir())

    def end(self) -> list[str]:
        """End what a failed test has left running; returns what was left over by commands that had ended."""
        for each in self.begun:
            if each.running():
                each.process.kill()
            each.process.wait()
        left = self.left_over()
        for each in left:
            with suppress(ProcessLookupError):
                os.kill(int(each.split()[0]), signal.SIGKILL)
        return left

    def whole_processes(self) -> list[tuple[int, str]]:
        """Every process of ours that runs now: pid and whole command, as anybody on the machine can read it."""
        return list(self._processes(length=None))

    def _processes(self, length: int | None = 100) -> Iterator[tuple[int, str]]:
        """Every process with our TMPDIR in its environment or its arguments."""
        mark = str(self.temporary).encode()
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command = (entry / "cmdline").read_bytes()
                ours = mark in command or mark in (entry / "environ").read_bytes()
            except OSError:
                continue
            if ours and command:  # a zombie has no arguments
                yield int(entry.name), command.replace(b"\0", b" ").decode(errors="replace")[:length]


def warm_in(**environment: str) -> Warm:
    """A process that forks commands, with these variables in the environment of its interpreter."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SETTINGS)}
    return Warm({**kept, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", **environment})


@cache
def usual_warm() -> Warm:
    """The one of this process of tests, which it ends with."""
    return warm_in()


def _text(said: bytes) -> str:
    return said.decode("utf-8").replace("\r\n", "\n")


def wait_until_empty(look: Callable[[], list[str]]) -> list[str]:
    ends = time.monotonic() + GONE
    while (found := look()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found
