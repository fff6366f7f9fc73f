"""What tests share: the browser, both databases, the sample site, and a last word on what was not run.

JISWEEP_TEST_REQUIRE=all       nothing may be left out: what is missing fails
JISWEEP_TEST_POSTGRES=URL      a server to use, by a user who may create databases; else one is started here
"""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Generator, Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from playwright.sync_api import sync_playwright

from crawler.browser import installed_browser
from db.database import Database
from db.errors import BrowserMissing
from db.schema import ready
from tests.db.server import PostgresMissing, Server, started
from tests.site import SampleSite

DEAREST = (  # files that take a minute and more, the longest first
    "tests/cli/test_resume.py", "tests/audits/test_sweep.py", "tests/fleet/test_workers.py", "tests/web/test_rights.py",
    "tests/cli/test_commands.py", "tests/cli/test_check.py", "tests/audits/test_again.py", "tests/audits/test_recheck.py",
    "tests/audits/test_survey.py", "tests/audits/test_sample_site.py", "tests/fleet/test_side_by_side.py",
    "tests/reports/test_own_audit.py",
)  # fmt: skip
REQUIRED = os.environ.get("JISWEEP_TEST_REQUIRE") == "all"


def leave_out(reason: str) -> NoReturn:
    """Skip the test that cannot run here; fail it where everything is required."""
    if REQUIRED:
        pytest.fail(f"required here: {reason}", pytrace=False)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def chromium() -> str:
    """The browser that a sweep would use."""
    with sync_playwright() as driver:
        own = driver.chromium.executable_path
    try:
        return installed_browser(os.environ.get("JISWEEP_BROWSER"), own)
    except BrowserMissing as error:
        leave_out(error.en)


@pytest.fixture(scope="session")
def postgres() -> Iterator[Server]:
    """A PostgreSQL server for the session."""
    given = os.environ.get("JISWEEP_TEST_POSTGRES")
    if given:
        yield Server(url=given)
        return
    try:
        with started() as server:
            yield server
    except PostgresMissing as error:
        leave_out(str(error))


@pytest.fixture(scope="session")
def postgres_url(postgres: Server) -> str:
    """Where the server's own database is."""
    return postgres.url


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with our empty tables."""
    path = tmp_path_factory.mktemp("template") / "tables.sqlite"
    asyncio.run(_make_ready(str(path)))
    return path


@pytest.fixture(scope="session")
def postgres_template(postgres: Server) -> Iterator[str]:
    """A PostgreSQL database with our empty tables; its name."""
    with postgres.database() as (name, url):
        asyncio.run(_make_ready(url))
        yield name


async def _make_ready(url: str) -> None:
    async with Database(url) as database:
        await ready(database)


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Each of the two databases in turn."""
    return str(request.param)


@pytest.fixture
def empty_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a new database with nothing in it."""
    if backend == "sqlite":
        yield str(tmp_path / "empty.sqlite")
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database() as (_, url):
        yield url


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a new database with our tables, empty."""
    if backend == "sqlite":
        path = tmp_path / "database.sqlite"
        shutil.copyfile(request.getfixturevalue("sqlite_template"), path)
        yield str(path)
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database(template=request.getfixturevalue("postgres_template")) as (_, url):
        yield url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A new database with our tables, open."""
    async with Database(database_url) as opened:
        yield opened


@pytest.fixture
def sample_site() -> Iterator[SampleSite]:
    """The sample site, served for one test, with no requests recorded yet."""
    with SampleSite() as site:
        yield site


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The dearest files first: behind a long one that comes last, all processes but one would have nothing to do."""
    rank = {path: place for place, path in enumerate(DEAREST)}
    items.sort(key=lambda item: rank.get(item.nodeid.partition("::")[0], len(rank)))


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Where everything is required, a test left out is a failure, whoever left it out."""
    is_worker = hasattr(session.config, "workerinput")  # one of several processes, whose reports are put together
    if REQUIRED and not is_worker and _left_out(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, exitstatus: pytest.ExitCode
) -> Generator[None, None, None]:
    """Say last of all what was not run and why, one line for each reason."""
    yield
    left_out = _left_out(terminalreporter.config)
    terminalreporter.section("not run")
    for reason, count in left_out.most_common():
        terminalreporter.line(f"{count} not run: {reason}" + (" — but all are required here" if REQUIRED else ""))
    if exitstatus not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        terminalreporter.line("the run ended early: tests that had not begun were not run")
    elif not left_out:
        terminalreporter.line("nothing was left out")


def _left_out(config: pytest.Config) -> Counter[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    assert isinstance(reporter, pytest.TerminalReporter)
    skipped = [_reason(report) for report in reporter.stats.get("skipped", [])]
    deselected = len(reporter.stats.get("deselected", []))
    return Counter(skipped) + Counter({"deselected on the command line": deselected})


def _reason(report: pytest.TestReport) -> str:
    said = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    return said.removeprefix("Skipped: ")
