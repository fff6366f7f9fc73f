"""The program's code, read once and forked for each command: a process of its own every time, without seconds of importing.

Run as a program itself, with one end of a pair of sockets as its standard input. Each request is a message in JSON with three
files: the command's standard input, output and error. It answers with the number of the process, and, once that has ended, with
its exit code. It ends with whoever holds the other end.
"""

import gc
import json
import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import IO, Any

ROOT = Path(__file__).parent.parent.parent
PACKAGES = ("reports", "audits", "crawler", "db")
LONGEST = 1 << 20  # bytes of a request


class Warm:
    """The process that forks."""

    def __init__(self) -> None:
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.cli.warm"], stdin=theirs.fileno(), cwd=ROOT,
                env={**os.environ, "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}, start_new_session=True,
            )  # fmt: skip

    def run(
        self, words: Sequence[str], folder: Path, environment: Mapping[str, str], seconds: float
    ) -> tuple[int, str, str]:
        """Run one command; its exit code (negative: the signal that ended it), output and error.

        Raises TimeoutExpired, and ends the command, when it takes longer.
        """
        request = json.dumps(
            {"words": list(words), "folder": str(folder), "environment": dict(environment)}
        ).encode()
        with open(os.devnull, "rb") as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            socket.send_fds(self._socket, [request], [each.fileno() for each in (nothing, out, err)])
            pid = self._answer(None)
            try:
                code = self._answer(seconds)
            except TimeoutError:
                os.killpg(pid, 9)
                self._answer(None)
                raise subprocess.TimeoutExpired(list(words), seconds, _read(out), _read(err)) from None
            return code, _read(out), _read(err)

    def _answer(self, seconds: float | None) -> int:
        self._socket.settimeout(seconds)
        said = self._socket.recv(64)
        assert said, "the process that forks is gone"
        return int(said)


@cache
def warm() -> Warm:
    """The one of this process of tests, which it ends with."""
    return Warm()


def _read(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8").replace("\r\n", "\n")


def _load() -> None:
    """Import all code of the program."""
    import_module("jisweep")
    for name in PACKAGES:
        package = import_module(name)
        for module in walk_packages(package.__path__, f"{name}."):
            if ".migrations" not in module.name:  # which Alembic runs
                import_module(module.name)


def _serve(requests: socket.socket) -> dict[str, Any]:
    """Fork for each request; returns in the child, with its files in place, what it is to do."""
    gc.freeze()
    while True:
        said, files, _, _ = socket.recv_fds(requests, LONGEST, 3)
        if not said:
            os._exit(0)
        pid = os.fork()
        if not pid:
            os.setsid()
            requests.close()
            for number, file in enumerate(files):
                os.dup2(file, number)
            os.closerange(3, max(files) + 1)
            asked: dict[str, Any] = json.loads(said)
            return asked
        for file in files:
            os.close(file)
        requests.send(str(pid).encode())
        _, status = os.waitpid(pid, 0)
        requests.send(str(os.waitstatus_to_exitcode(status)).encode())


def _become(asked: dict[str, Any]) -> None:
    """Take on the command's folder, environment and words, and forget what only a new process would not know."""
    os.chdir(asked["folder"])
    os.environ.clear()
    os.environ.update(asked["environment"])
    sys.argv = ["jisweep", *asked["words"]]
    tempfile.tempdir = None
    random.seed()
    for name, number in (("stdout", 1), ("stderr", 2)):
        setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115


if __name__ == "__main__":
    _load()
    _become(_serve(socket.socket(fileno=os.dup(0))))
    sys.modules["jisweep"].main()
