"""SIGKILL at any moment: `jisweep resume` ends with the same rows and numbers as an undisturbed run."""

import random
import re
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.program import Program, Started
from tests.cli.servers import Site, serving
from tests.cli.small import small_site, with_sitemap
from tests.cli.stored import rows_of, state_of
from tests.db.server import Server

KILLS = 32
SEED = "8341"
OPTIONS = ("--allow-private", "--method", "all", "--seed", SEED, "--page-seconds", "30")


@pytest.fixture
def program(bare: Program) -> Program:
    """In an empty folder: a command may be killed while it makes the database, too."""
    return bare


@pytest.fixture(scope="module")
def site() -> Iterator[Site]:
    address = ""
    with serving(with_sitemap(small_site(), lambda: address)) as running:
        address = running.url
        yield running


def kill(program: Program, started: Started) -> None:
    """End every process of the command's group at once; its browsers, in groups of their own, end by themselves."""
    started.interrupt(signal.SIGKILL)
    started.process.wait()
    assert program.left_over() == []


def only_sockets(program: Program) -> bool:
    """A process that was killed leaves the folder of its browsers, empty but for the sockets of those that it could not end."""
    left = [each for each in program.temporary.rglob("*") if not each.is_dir()]
    return all(each.parent.name.startswith("org.chromium.Chromium.") for each in left)


@pytest.fixture(scope="module")
def undisturbed(site: Site, tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], float]:
    """What a run that nobody disturbs leaves, and the seconds that it takes."""
    with tempfile.TemporaryDirectory(prefix="ji-") as temporary:
        program = Program.within(tmp_path_factory.mktemp("whole"), Path(temporary))
        ended = program.run("sweep", site.url, *OPTIONS)
        assert ended.code == 0, ended.err
        assert program.end() == []
    return rows_of(program.database), ended.seconds


def killed_until_complete(
    program: Program, start: tuple[str, ...], resume: tuple[str, ...], moments: Iterator[float], seconds: float
) -> tuple[int, int]:
    """Run, kill and resume; returns how often it was killed, and how often while it was at work."""
    words, kills, at_work = start, 0, 0
    while True:
        started = program.start(*words)
        moment = next(moments, None)
        if moment is None:
            ended = started.ended()
            assert ended.code == 0, ended.err
            return kills, at_work
        try:
            started.process.wait(moment * seconds)
        except subprocess.TimeoutExpired:
            kill(program, started)
            kills += 1
        if state_of(program.database)[0]:
            words = resume
            at_work += state_of(program.database)[0] != "finished"


def test_a_sweep_killed_again_and_again_ends_as_an_undisturbed_one(
    program: Program, site: Site, undisturbed: tuple[dict[str, Any], float], tmp_path: Path
) -> None:
    whole, seconds = undisturbed
    chance = random.Random(20261123)
    kills = at_work = rounds = 0
    while kills < KILLS:
        for path in program.folder.glob("jisweep.sqlite*"):
            path.unlink()
        out = str(tmp_path / f"out-{rounds}")
        moments = iter([chance.uniform(0.03, 0.35) for _ in range(11)])
        done = killed_until_complete(
            program,
            ("sweep", site.url, *OPTIONS, "--out", out),
            ("resume", "1", "--out", out),
            moments,
            seconds,
        )
        kills, at_work, rounds = kills + done[0], at_work + done[1], rounds + 1
        assert rows_of(program.database) == whole
        assert re.search(r"<h1[^>]*>", (Path(out) / "index.html").read_text(encoding="utf-8"))
    assert at_work >= KILLS // 4  # not all before the first row or after the last
    assert only_sockets(program)


def stands_at(program: Program, step: str) -> bool:
    state, asked, audited = state_of(program.database)
    return {
        "exploring": state == "exploring" and asked > 5,
        "choosing": state in ("choosing", "auditing"),
        "auditing": state == "auditing" and audited > 2,
        "reporting": state == "finished",
    }[step]


@pytest.mark.parametrize("step", ["exploring", "choosing", "auditing", "reporting"])
def test_a_kill_in_each_step_loses_nothing(
    program: Program, site: Site, undisturbed: tuple[dict[str, Any], float], step: str
) -> None:
    started = program.start("sweep", site.url, *OPTIONS)
    ends = time.monotonic() + 60
    while not stands_at(program, step):
        assert time.monotonic() < ends
        time.sleep(0.002)
    kill(program, started)
    assert not (program.folder / "out" / "sweep-1").exists()  # no report, rather than half of one
    assert program.run("resume", "1").code == 0
    assert rows_of(program.database) == undisturbed[0]
    assert (program.folder / "out" / "sweep-1" / "index.html").is_file()
    assert only_sockets(program)


def test_a_sweep_in_postgresql_killed_again_and_again_ends_as_an_undisturbed_one(
    program: Program, site: Site, undisturbed: tuple[dict[str, Any], float], postgres: Server
) -> None:
    whole, seconds = undisturbed
    chance = random.Random(8341)
    with postgres.database() as (_, url):
        words: tuple[str, ...] = ("sweep", site.url, *OPTIONS, "--db", url)
        for _ in range(6):
            started = program.start(*words)
            try:
                started.process.wait(seconds * chance.uniform(0.15, 0.6))
            except subprocess.TimeoutExpired:
                kill(program, started)
            if "127.0.0.1" in program.run("sweeps", "--db", url).out:
                words = ("resume", "1", "--db", url)
        assert words[0] == "resume"
        assert program.run(*words).code == 0
        assert rows_of(url) == whole
