"""A page that leads to another has moved there, was taken down, or tells nothing: no defect is confirmed where nobody repaired it."""

from typing import Any

import pytest
import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.defects.leaving import left_behind
from audits.defects.reconcile import reconcile
from db.database import Database
from db.tables import Visit
from db.words import DefectState as State
from db.words import Reason, VisitState
from tests.audits.test_reconcile import History, history_in
from tests.db.rows import filled, table_of


async def add(history: History, sweep: int, path: str, **given: Any) -> None:
    """A visit that gave no result."""
    row = {"sweep_id": sweep, "page_id": await history.page(path), "state": VisitState.UNAUDITED, **given}
    await history.connection.execute(sa.insert(Visit).values(filled(table_of(Visit), row)))


async def swept(history: History, pages: dict[str, dict[str, int]], **given: Any) -> None:
    await reconcile(history.connection, await history.sweep(pages, **given))


async def confirmed(history: History) -> set[str]:
    return {fault for fault, state in (await history.states()).items() if state is State.CONFIRMED}


async def entitle(history: History, path: str, title: str) -> None:
    """Give a page this title in all sweeps."""
    of = Visit.page_id == await history.page(path)
    await history.connection.execute(sa.update(Visit).where(of).values(title=title))


@pytest.mark.parametrize("status", [301, 302, 307])
async def test_pages_that_lead_to_one_notice_are_not_confirmed_there(database: Database, status: int) -> None:
    async with history_in(database) as history:
        await swept(history, {"/": {}, "/1": {"a": 1}, "/2": {"c": 1}})
        await swept(history, {"/": {}, "/closed": {}}, moved={"/1": "/closed", "/2": "/closed"}, status=status)
        assert await history.states() == {"a": State.UNVERIFIED, "c": State.UNVERIFIED}


@pytest.mark.parametrize(
    ("title", "repaired"), [("災害への備え", {"a"}), ("ただいま工事中です", set()), ("", set())]
)
async def test_a_page_that_leads_elsewhere_for_now_has_moved_with_its_title_only(
    database: Database, title: str, repaired: set[str]
) -> None:
    async with history_in(database) as history:
        await swept(history, {"/": {}, "/1": {"a": 1}})
        await entitle(history, "/1", "災害への備え" if title else "")
        two = await history.sweep({"/": {}, "/new": {}}, moved={"/1": "/new"}, status=302)
        await entitle(history, "/new", title)
        await reconcile(history.connection, two)
        assert await confirmed(history) == repaired


@pytest.mark.parametrize("reason", ["timed_out", "page_limit", "server_error", "robots", "excluded"])
async def test_a_page_that_nobody_could_see_may_have_stood_beside(database: Database, reason: str) -> None:
    async with history_in(database) as history:
        one = await history.sweep({"/": {}, "/news/1": {"a": 1}})
        await add(history, one, "/news/", reason=Reason(reason))
        await reconcile(history.connection, one)
        await swept(history, {"/": {}, "/news/": {}}, moved={"/news/1": "/news/"})
        assert await confirmed(history) == set()


async def test_what_nothing_linked_to_stood_beside(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history, {"/": {}, "/1": {"a": 1}})
        two = await history.sweep({"/": {}, "/3": {}})
        await add(history, two, "/1", reason=Reason.UNLINKED, http_status=200)
        await reconcile(history.connection, two)
        await swept(history, {"/": {}, "/3": {}}, moved={"/1": "/3"})
        assert await confirmed(history) == set()


async def test_a_page_is_not_gone_where_what_it_leads_to_was_not_looked_at(database: Database) -> None:
    async with history_in(database) as history:
        await swept(history, {"/c": {"a": 1}, "/old": {"a": 1}})
        two = await history.sweep({"/c": {"a": 1}})
        for path in ("/old", "/copy"):
            await add(history, two, path, state=VisitState.NOT_CHOSEN, body_digest="x")
        await reconcile(history.connection, two)
        three = await history.sweep({"/c": {}}, moved={"/old": "/copy"})
        await add(history, three, "/copy", state=VisitState.NOT_CHOSEN, body_digest="x")
        await reconcile(history.connection, three)
        assert await confirmed(history) == set()


@pytest.mark.parametrize("reason", ["soft_not_found", "redirect_out", "not_html", "redirect_loop"])
async def test_what_did_not_say_that_it_is_gone_is_asked_again(database: Database, reason: str) -> None:
    async with history_in(database) as history:
        await swept(history, {"/": {"a": 1}, "/old": {"a": 1}})
        two = await history.sweep({"/": {}})
        await add(history, two, "/old", reason=Reason(reason))
        await reconcile(history.connection, two)
        three = await history.sweep({"/": {}})
        assert await left_behind(history.connection, await sweep_row(history.connection, three))
