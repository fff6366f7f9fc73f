"""The program, in a folder of its own for each test; a test that leaves a process behind fails."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program


@pytest.fixture
def bare(tmp_path: Path) -> Iterator[Program]:
    """The program in an empty folder."""
    folder = tmp_path / "program"
    folder.mkdir()
    with tempfile.TemporaryDirectory(prefix="ji-") as temporary:
        made = Program.within(folder, Path(temporary))
        yield made
        assert made.end() == [], "processes left over"


@pytest.fixture
def program(bare: Program, sqlite_template: Path) -> Program:
    """The program with a database that nothing is in yet: making its tables takes a second."""
    shutil.copyfile(sqlite_template, bare.database)
    return bare
