"""Settings: one order of precedence, unknown keys refused, and the manual equal to the options, both ways."""

import re
import tomllib
from collections import defaultdict
from pathlib import Path

import click
import pytest

from reports.ops.settings import CONFIG, KEYS
from tests.cli.program import Program
from tests.test_project import COMMANDS, ROOT

MANUAL = (ROOT / "docs" / "operators" / "settings.md").read_text(encoding="utf-8")
ROW = re.compile(
    r"^\| (?:`(?P<key>\w+)`|–) \| `(?P<name>JISWEEP_\w+)` \| (?:`(?P<option>--[\w-]+)`|–) \|", re.MULTILINE
)
CODE = re.compile(r"JISWEEP_(?!TEST)[A-Z_]*[A-Z]\b")
SELVES = {"JISWEEP_CONFIG"}  # it cannot stand in the file that it names


def options() -> dict[str, set[str]]:
    """Environment variable → the options that it stands for, of all commands."""
    found: dict[str, set[str]] = defaultdict(set)
    for command in COMMANDS.values():
        for each in command.params:
            if isinstance(each, click.Option) and each.envvar:
                found[str(each.envvar)].add(each.opts[0])
    return found


def variables() -> set[str]:
    """Every variable that the code names, options or not."""
    sources = [
        each for package in ("audits", "crawler", "db", "reports") for each in (ROOT / package).rglob("*.py")
    ]
    sources.append(ROOT / "jisweep.py")
    return {name for each in sources for name in CODE.findall(each.read_text(encoding="utf-8"))}


def test_the_manual_has_a_row_for_every_setting_and_no_other() -> None:
    rows = {row["name"]: row for row in ROW.finditer(MANUAL)}
    assert sorted(rows) == sorted(variables())
    assert {name: {rows[name]["option"]} for name in options()} == options()
    for name, row in rows.items():
        if name not in SELVES:
            assert row["key"] == name.removeprefix("JISWEEP_").lower()


def test_the_file_takes_every_setting_that_there_is_and_no_other() -> None:
    assert sorted(KEYS) == sorted(each.removeprefix("JISWEEP_").lower() for each in variables() - SELVES)
    assert CONFIG in SELVES


def test_every_example_of_the_manual_has_keys_that_there_are() -> None:
    examples = re.findall(r"```toml\n# jisweep.toml\n(.*?)```", MANUAL, re.DOTALL)
    assert examples
    for example in examples:
        for name, value in tomllib.loads(example).items():
            keys = {f"{name}_{each}" for each in value} if isinstance(value, dict) else {name}
            assert keys <= KEYS


def written(program: Program, text: str) -> Path:
    path = program.folder / "jisweep.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_an_option_goes_before_the_environment_before_the_file_before_the_default(program: Program) -> None:
    path = written(program, 'db = "elsewhere.sqlite"\nlang = "en"\n')
    said = program.run("--config", path, "sweeps")
    assert (said.code, said.said[0].startswith("jisweep: The database elsewhere.sqlite does not exist")) == (
        6,
        True,
    )
    said = program.run("sweeps", JISWEEP_CONFIG=str(path), JISWEEP_DB="jisweep.sqlite")
    assert (said.code, said.out) == (0, "There is no sweep yet.\n")
    said = program.run(
        "--config", path, "sweeps", "--db", "jisweep.sqlite", "--lang", "ja", JISWEEP_DB="third.sqlite"
    )
    assert (said.code, said.out) == (0, "まだスイープはありません。\n")


def test_tables_are_the_beginnings_of_names_and_what_needs_no_text_needs_no_quotes(program: Program) -> None:
    path = written(program, '[web]\nport = 70000\nsweeps = false\n[metrics]\ntoken = "none"\n')
    said = program.run("--config", path, "web")
    assert (said.code, "--port" in said.said[0]) == (2, True)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("databse = 'x'", "databse, which is no setting"),
        ("[web]\nprot = 1", "web_prot, which is no setting (did you mean web_port?)"),
        ("db = ['x']", "must be a single value"),
        ("db = 1979-05-27", "must be a single value"),
        ("db =", "is no TOML"),
    ],
)
def test_what_cannot_be_meant_stops_every_command_with_one_line(program: Program, text: str, says: str) -> None:
    said = program.run("--config", written(program, text), "sweeps", JISWEEP_LANG="en")
    assert (said.code, len(said.said)) == (2, 1)
    assert says in said.said[0]


def test_a_file_that_is_not_there_is_said(program: Program) -> None:
    said = program.run("--config", "nowhere.toml", "sweeps")
    assert (said.code, said.said) == (
        2,
        ["jisweep: 設定ファイル nowhere.toml を読めません（No such file or directory）。"],
    )
