"""The program, in a folder of its own for each test; a test that leaves a process behind fails."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program


@pytest.fixture
def program(tmp_path: Path) -> Iterator[Program]:
    made = Program.within(tmp_path / "program")
    yield made
    assert made.end() == [], "processes left over"
