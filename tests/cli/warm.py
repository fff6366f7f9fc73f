"""The program's code, read once and forked for each command: a process of its own every time, without seconds of importing.

Run as a program itself, with one end of a pair of sockets as its standard input. Each request is a message in JSON with four
files: the command's standard input, output and error, and a socket on which it says the number of its process, which leads a
session of its own, and, once that has ended, its exit code. It ends with whoever holds the other end.
"""

import gc
import json
import os
import random
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, Any

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("reports", "audits", "crawler", "db")
LONGEST = 1 << 20  # bytes of a request


class Command:
    """A command that was forked: what subprocess.Popen tells of a process."""

    def __init__(self, words: Sequence[str], answers: socket.socket, out: IO[bytes], err: IO[bytes]) -> None:
        self.args = list(words)
        self.returncode: int | None = None  # negative: the signal that ended it
        self._answers, self._files = answers, (out, err)
        self._said = (b"", b"")
        self.pid = self._answer(None)

    def poll(self) -> int | None:
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code. Raises TimeoutExpired with what it has said so far."""
        if self.returncode is None:
            try:
                self.returncode = self._answer(timeout)
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired(self.args, timeout or 0, *map(_read, self._files)) from None
            self._said = (_read(self._files[0]), _read(self._files[1]))
            for each in (self._answers, *self._files):
                each.close()
        return self.returncode

    def said(self, timeout: float | None = None) -> tuple[bytes, bytes]:
        """Its output and error, once it has ended. Raises TimeoutExpired."""
        self.wait(timeout)
        return self._said

    def kill(self) -> None:
        if self.poll() is None:
            os.killpg(self.pid, signal.SIGKILL)

    def _answer(self, seconds: float | None) -> int:
        self._answers.settimeout(seconds)
        answer = self._answers.recv(64)
        assert answer, "the process that forks is gone"
        return int(answer)


class Warm:
    """The process that forks, an interpreter of this environment. Variables that only commands read come with each command."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self.environment = dict(environment)
        self._socket, theirs = _pair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.warm"], stdin=theirs.fileno(), stdout=subprocess.DEVNULL, cwd=ROOT,
                env=environment, start_new_session=True,
            )  # fmt: skip

    def close(self) -> None:
        """End it; its commands go on."""
        self._socket.close()
        self._process.wait()

    def start(self, words: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Command:
        """Start a command; its output and error go to files of its own."""
        request = json.dumps(
            {"words": list(words), "folder": str(folder), "environment": dict(environment)}
        ).encode()
        answers, theirs = _pair()
        out, err = (tempfile.TemporaryFile() for _ in range(2))  # noqa: SIM115
        with theirs, open(os.devnull, "rb") as nothing:
            socket.send_fds(self._socket, [request], [each.fileno() for each in (nothing, out, err, theirs)])
        return Command(words, answers, out, err)


def _pair() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


def _read(file: IO[bytes]) -> bytes:
    """All of it; where the command writes next is left as it is."""
    return os.pread(file.fileno(), os.fstat(file.fileno()).st_size, 0)


def _load() -> None:
    """Import all code of the program."""
    import_module("jisweep")
    for name in PACKAGES:
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            if ".migrations" not in module.name:  # which Alembic runs
                import_module(module.name)


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in the command's process, with its files in place, what it is to do."""
    gc.freeze()
    while True:
        said, files, _, _ = socket.recv_fds(requests, LONGEST, 4)
        if not said:
            os._exit(0)
        _forget_who_ended()
        if not os.fork():
            requests.close()
            _wait_for_command(socket.socket(fileno=files.pop()))
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, max(files) + 1)
            asked: dict[str, Any] = json.loads(said)
            return asked
        for file in files:
            os.close(file)


def _wait_for_command(answers: socket.socket) -> None:
    """Fork once more, and return in the process of the command, which leads a session; the other says how it ended."""
    pid = os.fork()
    with answers:
        if not pid:
            os.setsid()
            answers.send(str(os.getpid()).encode())
            return
        _, status = os.waitpid(pid, 0)
        with suppress(OSError):  # nobody waits for it any more
            answers.send(str(os.waitstatus_to_exitcode(status)).encode())
    os._exit(0)


def _forget_who_ended() -> None:
    with suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass


def _become(asked: dict[str, Any]) -> None:
    """Take on the command's folder, environment and words, and forget what only a new process would not know."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["jisweep", *asked["words"]]
    tempfile.tempdir = None
    random.seed()


if __name__ == "__main__":
    _load()
    _become(_serve(socket.socket(fileno=os.dup(0))))
    sys.modules["jisweep"].main()
