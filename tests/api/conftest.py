"""What the tests of the API share: the application over HTTP, and programs with tokens."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import httpx
import pytest

from audits.defects.reconcile import reconcile
from db.database import Database
from db.types import now
from reports.access.accounts import Grant
from reports.access.rights import May, rights_of
from reports.access.tokens import make_token
from tests.reports import rows
from tests.web.serving import Served, person

Program = Callable[..., Awaitable[str]]
Client = Callable[..., AbstractAsyncContextManager[httpx.AsyncClient]]


@pytest.fixture
async def sweep(database: Database) -> int:
    """The number of a sweep with one of everything, whose defects are known."""
    sweep = await rows.mixed(database)
    async with database.writing() as connection:
        await reconcile(connection, sweep)
    return sweep


@pytest.fixture
def origin(database_url: str) -> Iterator[str]:
    """Where the application is served, over the test's database."""
    with Served(database_url) as origin:
        yield origin


@pytest.fixture
def token(database: Database) -> Program:
    """A token of a new account with these roles, with all that it may do or only some scopes."""

    async def made(name: str, *grants: Grant, scopes: tuple[May, ...] = ()) -> str:
        who = await person(database, name, *grants)
        async with database.writing() as connection:
            rights = await rights_of(connection, who.account, name, name)
            wanted = [each.value for each in scopes or May if rights.may(each)]
            return (await make_token(connection, rights, "a test", wanted, 1, now()))[1]

    return made


@pytest.fixture
def client(origin: str) -> Client:
    """A program that shows a token."""

    @asynccontextmanager
    async def opened(token: str | None) -> AsyncIterator[httpx.AsyncClient]:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        async with httpx.AsyncClient(base_url=f"{origin}/api/v1", headers=headers, timeout=30) as opened:
            yield opened

    return opened
