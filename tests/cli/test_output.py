"""Terminals of every kind: no locale, encoding or early end of the reader makes the program crash."""

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.cli.program import Program
from tests.cli.servers import CLEAN, Site, answers, plain, serving

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


def bytes_of(program: Program, *words: str, **environment: str) -> tuple[int, bytes, bytes]:
    done = subprocess.run(
        [sys.executable, "-m", "jisweep", *words], cwd=program.folder, env={**program.environment, **environment},
        capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("environment", POOR, ids=lambda each: " ".join(map("=".join, each.items())))
def test_no_encoding_makes_a_command_crash(program: Program, site: Site, environment: dict[str, str]) -> None:
    for words, expected in (
        (("explore", site.url, "--allow-private"), 0),
        (("sweeps",), 0),
        (("doctor", "http://nai.invalid/"), 4),
        (("sweep", "環境局"), 2),
        (("--help",), 0),
    ):
        code, out, err = bytes_of(program, *words, **environment)
        assert code == expected, err
        assert b"Traceback" not in err
        assert out or err


@pytest.mark.parametrize("environment", POOR, ids=lambda each: " ".join(map("=".join, each.items())))
def test_json_stays_json_in_every_encoding(program: Program, site: Site, environment: dict[str, str]) -> None:
    code, out, err = bytes_of(program, "explore", site.url, "--allow-private", "--json", **environment)
    assert code == 0, err
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    titles = [each["title"] for each in json.loads(out.decode(encoding))["addresses"]]
    assert titles[0] == "入口 ✓ é 𠮷"


@pytest.mark.parametrize("kept", [0, 1])
def test_a_reader_that_goes_away_early_is_no_error(program: Program, kept: int) -> None:
    many = {f"/{number}.html": plain(f"{number}", "") for number in range(700)}
    top = plain("入口", "".join(f'<a href="{path}">{path}</a> ' for path in many))
    with serving(answers({**many, "/": top})) as site:
        started = program.start("explore", site.url, "--allow-private")
        assert started.process.stdout is not None
        for _ in range(kept):
            started.process.stdout.readline()
        started.process.stdout.close()
        assert started.process.wait(60) == 0
        assert started.process.stderr is not None
        said = started.process.stderr.read()
    assert "Traceback" not in said
    assert "Broken pipe" not in said
    assert "Exception ignored" not in said


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
