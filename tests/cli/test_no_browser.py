"""No browser: exit 5, what to install, and nothing begun."""

from pathlib import Path

import pytest

from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.cli.servers import CLEAN, answers, serving

NONE = {"PATH": "/nonexistent", "PLAYWRIGHT_BROWSERS_PATH": "/nonexistent"}


@pytest.mark.parametrize("command", ["sweep", "page"])
def test_a_configured_browser_that_is_not_there(program: Program, command: str) -> None:
    with serving(answers(CLEAN)) as site:
        _, english = refused(program, 5, command, site.url, "--allow-private", JISWEEP_BROWSER="/nowhere/chromium")
    assert "/nowhere/chromium" in english


@pytest.mark.parametrize("command", ["sweep", "page"])
def test_a_machine_without_a_browser(program: Program, command: str) -> None:
    with serving(answers(CLEAN)) as site:
        japanese, english = refused(program, 5, command, site.url, "--allow-private", **NONE)
    assert "jisweep setup" in japanese
    assert "Chromium" in english


def test_no_sweep_is_begun_without_a_browser(bare: Program) -> None:
    with serving(answers(CLEAN)) as site:
        bare.run("sweep", site.url, "--allow-private", **NONE)
    assert not bare.database.exists() or "127.0.0.1" not in bare.run("sweeps").out


def test_a_sweep_can_be_resumed_only_with_a_browser(program: Program) -> None:
    with serving(answers(CLEAN)) as site:
        assert program.run("explore", site.url, "--allow-private", **NONE).code == 0  # it needs none here
        one_refusal(program, 5, "resume", "1", **NONE)
        assert program.run("resume", "1").code == 0


def test_a_browser_that_does_not_start(program: Program, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    broken.write_text("#!/bin/sh\necho broken >&2\nexit 1\n")
    broken.chmod(0o755)
    with serving(answers(CLEAN)) as site:
        _, english = refused(program, 5, "sweep", site.url, "--allow-private", "--browser", broken)
    assert "does not start" in english
    assert "jisweep doctor" in english


def test_the_doctor_says_what_is_missing(program: Program) -> None:
    ended = program.run("doctor", "--lang", "en", **NONE)
    assert ended.code == 5
    assert any(line.startswith("✗ browser: No browser found") for line in ended.out.splitlines())


def test_a_driver_that_does_not_start(program: Program, tmp_path: Path) -> None:
    broken = tmp_path / "node"
    broken.write_text("#!/bin/sh\nexit 127\n")  # as where a library of it is missing
    broken.chmod(0o755)
    with serving(answers(CLEAN)) as site:
        driver = {"PLAYWRIGHT_NODEJS_PATH": str(broken)}
        japanese, english = refused(program, 5, "sweep", site.url, "--allow-private", **driver)
    assert "libatomic1" in japanese
    assert "does not start" in english
    ended = program.run("doctor", "--lang", "en", **driver)
    assert (ended.code, ended.err) == (5, "")
    assert any(line.startswith("✗ browser: The program that steers") for line in ended.out.splitlines())
