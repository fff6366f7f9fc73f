"""The program, in a folder of its own for each test; a test that leaves a process behind fails."""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    folder = tmp_path / "program"
    folder.mkdir()
    with tempfile.TemporaryDirectory(prefix="ji-") as temporary:
        made = Program.within(folder, Path(temporary))
        yield made
        assert made.end() == [], "processes left over"
