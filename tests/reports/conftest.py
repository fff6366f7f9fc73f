"""Sweeps in rows and their reports, for the tests of this package."""

from pathlib import Path

import pytest

from db.database import Database
from reports.report import write_report
from tests.reports import rows


@pytest.fixture
async def sweep(database: Database) -> int:
    """The number of a sweep with one of everything."""
    return await rows.mixed(database)


@pytest.fixture
async def report(database: Database, sweep: int, tmp_path: Path) -> Path:
    """The folder of its report in Japanese."""
    return (await write_report(database, sweep, tmp_path / "report", "ja")).parent
