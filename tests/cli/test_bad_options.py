"""Options that cannot be understood: exit 2, one line that names the option, nothing fetched, nothing written."""

import pytest

from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused

HERE = "http://127.0.0.1:9/"


@pytest.fixture
def program(bare: Program) -> Program:
    """In an empty folder, which stays empty."""
    return bare


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--seed", "x"), "--seed"),
        (("--seed", "-1"), "--seed"),
        (("--method", "z"), "--method"),
        (("--pages", "0"), "--pages"),
        (("--random", "50", "--pages", "40"), "--random"),
        (("--random", "5"), "--random"),
        (("--random", "5", "--method", "random"), "--random"),
        (("--stratify", "size"), "--stratify"),
        (("--stratify", "template", "--method", "all"), "--stratify"),
        (("--keep-half", "1", "--method", "representative"), "--keep-half"),
        (("--redraw", "1", "--method", "mixed", "--random", "0"), "--redraw"),
        (("--keep-half", "1", "--redraw", "1"), "--redraw"),
        (("--keep-half", "1", "--seed", "2"), "--seed"),
        (("--traffic", "none.csv"), "none.csv"),
        (("--traffic", "none.csv", "--method", "random"), "--traffic"),
        (("--widen", "cal"), "--widen"),
        (("--seeds", "none.txt"), "none.txt"),
        (("--exclude", "/a/*"), "--exclude"),
        (("--exclude", "/a/*="), "--exclude"),
        (("--exclude", "a=b"), "--exclude"),
        (("--include", "kankyo"), "--include"),
        (("--contact", "環境局"), "環境局"),
        (("--level", "AAAA"), "--level"),
        (("--edition", "jis2010"), "--edition"),
        (("--page", "1"), "--page"),
        (("--timeout", "0"), "--timeout"),
        (("--timeout", "nan"), "--timeout"),
        (("--db", "mysql://host/name"), "mysql"),
        (("and", "more"), "more"),
    ],
)
def test_a_bad_option_is_named(program: Program, options: tuple[str, ...], named: str) -> None:
    japanese, english = refused(program, 2, "sweep", HERE, *options)
    assert named in japanese
    assert named in english
    assert list(program.folder.iterdir()) == []


def test_an_option_without_its_value(program: Program) -> None:
    refused(program, 2, "sweep", HERE, "--seed")


@pytest.mark.parametrize("words", [("sweep",), ("resume",), ("resume", "x"), ("nonsense",), ("report", "1", "2")])
def test_a_command_that_cannot_be_understood(program: Program, words: tuple[str, ...]) -> None:
    japanese, english = refused(program, 2, *words)
    assert "--help" in japanese
    assert "--help" in english


def test_a_language_that_we_do_not_speak(program: Program) -> None:
    ended = program.run("sweeps", "--lang", "fr")
    assert ended.code == 2
    assert len(ended.said) == 1
    assert "--lang" in ended.said[0]


def test_a_language_in_the_environment_that_we_do_not_speak(program: Program) -> None:
    ended = program.run("sweeps", JISWEEP_LANG="fr")
    assert ended.code == 2
    assert len(ended.said) == 1


@pytest.mark.parametrize("command", ["resume", "report"])
def test_a_sweep_that_does_not_exist(program: Program, command: str) -> None:
    program.run("db", "upgrade")
    _, english = refused(program, 2, command, "99")
    assert "no sweep 99" in english
    assert [each.name for each in program.folder.iterdir()] == ["jisweep.sqlite"]


@pytest.mark.parametrize("command", [("resume", "1"), ("report", "1"), ("sweeps",)])
def test_a_database_without_anything(program: Program, command: tuple[str, ...]) -> None:
    _, english = refused(program, 6, *command)
    assert "jisweep sweep" in english


def test_a_password_is_not_shown(program: Program) -> None:
    said = one_refusal(program, 2, "sweeps", "--db", "mysql://user:geheim@host/name")
    assert "geheim" not in said


def test_a_day_that_there_is_not_is_told_how_to_write_one(program: Program) -> None:
    japanese, _ = refused(program, 2, "defects", "plan", "1", "--owner", "a", "--by", "b", "--due", "2026-13-01")
    assert "2026-03-31 のような" in japanese
