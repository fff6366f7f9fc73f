"""The frontier's rows: known addresses stay as they are, the order is that of addresses, large levels are fine."""

import asyncio

import sqlalchemy as sa

from crawler.frontier import add_addresses, count_asked, end_all_waiting, end_visit, slices, waiting, waiting_order
from db.database import Database
from db.tables import Page, Sweep, Visit
from db.words import FoundBy, Reason
from tests.audits.sites import small_site
from tests.crawler.exploring import Begun, begun


async def new_sweep(database: Database) -> tuple[Begun, Sweep]:
    async with small_site({}) as site:
        sweep = await begun(database, site)
    async with database.reading() as connection:
        row = (await connection.execute(sa.select(Sweep).where(Sweep.id == sweep.sweep))).mappings().one()
    return sweep, Sweep(**row)


async def test_an_address_is_added_once_and_keeps_how_it_was_found_first(database: Database) -> None:
    sweep, row = await new_sweep(database)
    address = sweep.server.address("/a")
    async with database.writing() as connection:
        await add_addresses(connection, row, [address, address], found_by=FoundBy.START, depth=0)
        await add_addresses(connection, row, [address], found_by=FoundBy.LINK, depth=3)
        await add_addresses(connection, row, [address], found_by=FoundBy.SITEMAP, depth=1, in_sitemap=True)
        await add_addresses(connection, row, [], found_by=FoundBy.LINK, depth=1)
    rows = await sweep.rows()
    assert list(rows) == ["/a"]
    assert (rows["/a"]["found_by"], rows["/a"]["depth"], rows["/a"]["in_sitemap"]) == (FoundBy.START, 0, True)


async def test_waiting_addresses_come_in_the_order_of_their_addresses(database: Database) -> None:
    sweep, row = await new_sweep(database)
    paths = ["/b", "/Z", "/a-1", "/a", "/a/1", "/_", "/%E3%81%82"]
    async with database.writing() as connection:
        await add_addresses(connection, row, map(sweep.server.address, paths), found_by=FoundBy.LINK, depth=1)
        again = [sweep.server.address(each) for each in ("/deep", "/a")]
        found = await add_addresses(connection, row, again, found_by=FoundBy.LINK, depth=2)
        order = await waiting_order(connection, row.id, 1)
        level = await waiting(connection, order)
        first = await waiting(connection, order[:2])
    assert [sweep.path(each.address) for each in level] == sorted(paths)
    assert first == level[:2]
    assert [each.visit for each in level] == list(order)
    assert {each.depth for each in level} == {1}
    assert found[sweep.server.address("/a")] == next(each.page for each in level if each.address.endswith("/a"))
    assert len(found) == 2


async def test_thousands_of_addresses_are_added_at_one_time(database: Database) -> None:
    sweep, row = await new_sweep(database)
    addresses = [sweep.server.address(f"/{n}") for n in range(2500)]
    async with database.writing() as connection:
        await add_addresses(connection, row, addresses, found_by=FoundBy.SITEMAP, depth=1, in_sitemap=True)
        assert await connection.scalar(sa.select(sa.func.count()).where(Visit.in_sitemap)) == 2500
        assert await connection.scalar(sa.select(sa.func.count(Page.id))) == 2500
        order = await waiting_order(connection, row.id, 1)
        level = [each.address for some in slices(order) for each in await waiting(connection, some)]
    assert level == sorted(addresses)


async def test_what_was_refused_unasked_does_not_count_as_asked(database: Database) -> None:
    sweep, row = await new_sweep(database)
    async with database.writing() as connection:
        paths = [f"/{n}" for n in range(6)]
        await add_addresses(connection, row, map(sweep.server.address, paths), found_by=FoundBy.LINK, depth=1)
        some = await waiting(connection, await waiting_order(connection, row.id, 1))
        await end_visit(connection, some[0].visit, Reason.NOT_FOUND, "")
        await end_visit(connection, some[1].visit, Reason.ROBOTS, "")
        await end_visit(connection, some[2].visit, Reason.PAGE_LIMIT, "x" * 2000)
        assert await count_asked(connection, row.id, 2) == 4
        assert await count_asked(connection, row.id, 1) == 0
        await end_all_waiting(connection, row.id, Reason.TIME_LIMIT)
        assert not await waiting_order(connection, row.id, 1)
        assert await waiting(connection, [each.visit for each in some]) == []
    rows = await sweep.rows()
    assert [row["reason"] for row in rows.values()] == [
        Reason.NOT_FOUND, Reason.ROBOTS, Reason.PAGE_LIMIT, *[Reason.TIME_LIMIT] * 3,
    ]  # fmt: skip
    assert len(rows["/2"]["detail"]) == 500
    assert rows["/0"]["detail"] is None


async def test_transactions_that_add_the_same_addresses_wait_for_one_another_in_one_direction(
    database: Database,
) -> None:
    sweep, row = await new_sweep(database)
    addresses = [sweep.server.address(f"/{n}") for n in range(700)]

    async def add(some: list[str]) -> None:
        async with database.writing() as connection:
            await add_addresses(connection, row, some, found_by=FoundBy.LINK, depth=1)

    await asyncio.gather(
        add(addresses), add(addresses[::-1]), add(addresses[350:] + addresses[:350]), add(addresses[::3])
    )
    assert len(await sweep.rows()) == 700
