"""Terminals of every kind: no locale, encoding or early end of the reader makes the program crash."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.program import Program, warm_in
from tests.cli.servers import CLEAN, Site, answers, plain, serving
from tests.cli.warm import Warm

POOR = [
    {"LC_ALL": "C", "LANG": "C"},
    # not with PYTHONUTF8=0 and PYTHONCOERCECLOCALE=0 beside it: axe-playwright-python then fails to import
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"PYTHONIOENCODING": "euc_jp"},
    {"PYTHONIOENCODING": "cp932"},
]
LISTED = {**CLEAN, "/": plain("入口 ✓ é 𠮷", '<p><a href="/mizu.html">水</a></p>')}


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answers(LISTED)) as running:
        yield running


@pytest.fixture(scope="module", params=POOR, ids=lambda each: " ".join(map("=".join, each.items())))
def poor(request: pytest.FixtureRequest) -> Iterator[Warm]:
    """An interpreter in a poor environment: how it writes is settled when it starts."""
    warm = warm_in(**request.param)
    yield warm
    warm.close()


def bytes_of(program: Program, *words: str) -> tuple[int, bytes, bytes]:
    command = program.start(*words).process
    out, err = command.said(60)
    return command.wait(), out, err


def test_no_encoding_makes_a_command_crash(program: Program, site: Site, poor: Warm) -> None:
    program.fork_from(poor)
    for words, expected in (
        (("explore", site.url, "--allow-private"), 0),
        (("sweeps",), 0),
        (("doctor", "http://nai.invalid/"), 4),
        (("sweep", "環境局"), 2),
        (("--help",), 0),
    ):
        code, out, err = bytes_of(program, *words)
        assert code == expected, err
        assert b"Traceback" not in err
        assert out or err


def test_json_stays_json_in_every_encoding(program: Program, site: Site, poor: Warm) -> None:
    program.fork_from(poor)
    code, out, err = bytes_of(program, "explore", site.url, "--allow-private", "--json")
    assert code == 0, err
    encoding = poor.environment.get("PYTHONIOENCODING", "utf-8")
    titles = [each["title"] for each in json.loads(out.decode(encoding))["addresses"]]
    assert titles[0] == "入口 ✓ é 𠮷"


@pytest.mark.parametrize("kept", [0, 1])
def test_a_reader_that_goes_away_early_is_no_error(program: Program, kept: int) -> None:
    many = {f"/{number}.html": plain(f"{number}", "") for number in range(700)}
    top = plain("入口", "".join(f'<a href="{path}">{path}</a> ' for path in many))
    with (
        serving(answers({**many, "/": top})) as site,
        program.cold("explore", site.url, "--allow-private") as started,
    ):
        assert started.stdout is not None
        for _ in range(kept):
            started.stdout.readline()
        started.stdout.close()
        assert started.wait(60) == 0
        assert started.stderr is not None
        said = started.stderr.read()
    assert b"Traceback" not in said
    assert b"Broken pipe" not in said
    assert b"Exception ignored" not in said


def test_a_reader_that_goes_away_while_rows_are_read_is_no_error(program: Program, site: Site) -> None:
    assert bytes_of(program, "explore", site.url, "--allow-private")[0] == 0
    with program.cold("retention", "record", "--json") as started:
        assert started.stdout is not None
        started.stdout.close()
        assert started.wait(60) == 0
        assert started.stderr is not None
        assert started.stderr.read() == b""


@pytest.mark.parametrize("closing", [">&-", "2>&-", ">&- 2>&-"])
def test_closed_outputs_are_no_error(program: Program, closing: str) -> None:
    done = subprocess.run(
        f'"{sys.executable}" -m jisweep --help {closing}', shell=True, cwd=program.folder, env=program.environment,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""


def test_an_output_that_is_full_is_said(program: Program) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "jisweep", "doctor"], cwd=program.folder, env=program.environment,
            stdout=full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    assert done.returncode not in (0, 3, 4, 5)
    assert "Traceback" not in done.stderr
