"""The project's own files hold together: version, licence, import directions, documentation, nothing of this machine."""

import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import click
import pytest

from jisweep import cli
from tests.conftest import leave_out

ROOT = Path(__file__).parent.parent
HOSTS = ("pypi.org", "pythonhosted.org", "npmjs.org", "npmjs.com", "deb.debian.org", "security.debian.org")
PLACES = ("/work/", "/root/", "/usr/local/", "/home/", "/opt/")


@cache
def committed() -> list[Path]:
    """The files that git keeps or would keep, but for this one, which names what must not be named."""
    listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    found = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=False)
    if found.returncode != 0:
        leave_out("not a git work tree, so the committed files are not known")
    paths = (ROOT / name for name in found.stdout.split("\0") if name)
    return [path for path in paths if path.is_file() and path != Path(__file__)]


def _naming(words: tuple[str, ...]) -> Iterator[str]:
    for path in committed():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        yield from (f"{path.relative_to(ROOT)}: {word}" for word in words if word in text)


def test_no_committed_file_names_the_host_of_a_registry() -> None:
    assert list(_naming(HOSTS)) == []


def test_no_committed_file_names_a_place_of_one_machine() -> None:
    assert list(_naming(PLACES)) == []


def test_the_version_is_the_changelogs_newest() -> None:
    newest = re.search(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert newest is not None
    assert newest[1] == _project()["version"]


def test_the_licence_is_there_and_is_the_one_declared() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert _project()["license"] == "Apache-2.0"
    assert "Apache License" in text
    assert "Version 2.0, January 2004" in text
    assert "END OF TERMS AND CONDITIONS" in text


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-npm.lock"])
def test_every_locked_package_is_pinned_by_its_hashes(lock: str) -> None:
    text = (ROOT / lock).read_text(encoding="utf-8")
    packages = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert packages
    for package in packages:
        assert re.match(r"[\w.-]+==\S+ ", package), package
        assert "--hash=sha256:" in package, package


def test_every_declared_dependency_is_locked() -> None:
    project = _project()
    extras = project["optional-dependencies"]
    for lock, declared in (
        ("requirements.lock", [*project["dependencies"], *extras["dev"]]),
        ("requirements-npm.lock", extras["npm"]),
    ):
        text = (ROOT / lock).read_text(encoding="utf-8")
        locked = {name.lower() for name in re.findall(r"^([\w.-]+)==", text, re.MULTILINE)}
        assert {re.split(r"[\[<>=~!]", each)[0].lower() for each in declared} <= locked


def test_imports_go_in_one_direction() -> None:
    program = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([program, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_ci_runs_the_command_that_the_readme_gives() -> None:
    assert "make test" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make test" in (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_the_readmes_two_commands_are_in_the_makefile() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    rules = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    for command in ("sweep", "test"):
        assert f"make {command}" in readme
        assert command in rules


def _commands(group: click.Group, path: str = "jisweep") -> Iterator[tuple[str, click.Command]]:
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if isinstance(command, click.Group):
            yield from _commands(command, f"{path} {name}")
        else:
            yield f"{path} {name}", command


COMMANDS = dict(_commands(cli))


@pytest.mark.parametrize(("path", "command"), COMMANDS.items(), ids=COMMANDS)
def test_the_manual_names_every_command_with_every_option(path: str, command: click.Command) -> None:
    manual = (ROOT / "docs" / "cli.md").read_text(encoding="utf-8")
    assert path in manual
    options = [name for each in command.params if isinstance(each, click.Option) for name in each.opts]
    missing = [name for name in options if not re.search(rf"(?<![\w-]){name}(?![\w-])", manual)]
    assert missing == []


def _project() -> dict[str, Any]:
    with (ROOT / "pyproject.toml").open("rb") as file:
        found: dict[str, Any] = tomllib.load(file)["project"]
    return found
