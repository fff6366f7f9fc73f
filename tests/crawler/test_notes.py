"""Notes of a sweep: each once, in the order in which they were met, and at the same price however many there are."""

from collections.abc import Iterable
from typing import Any

from sqlalchemy import event

from crawler.notes import add_note, notes_of, unread_parts
from db.database import Database
from db.words import About
from tests.db.rows import sweep_with_visits


async def test_each_note_is_kept_once_in_its_order(database: Database) -> None:
    sweep, _ = await sweep_with_visits(database, 1)
    other = {"about": "pace", "address": "https://a.example/robots.txt", "said": "slow"}
    long = {"about": "sitemap", "address": f"https://a.example/{'長' * 5000}", "said": "broken XML: it breaks off"}
    async with database.writing() as connection:
        for each in (long, other, long):
            await add_note(connection, sweep, About(each["about"]), each["address"], each["said"])
    async with database.reading() as connection:
        assert await notes_of(connection, sweep) == [long, other]
        assert await unread_parts(connection, [sweep]) == {sweep: 1}, "a crawl-delay leaves nothing unread"
        assert await notes_of(connection, sweep + 1) == []


async def test_a_note_costs_no_more_for_the_notes_before_it(database: Database) -> None:
    sweep, _ = await sweep_with_visits(database, 1)
    sent: list[str] = []

    def listen(_: Any, __: Any, statement: str, parameters: Any, *___: Any) -> None:
        sent.append(f"{statement} {parameters!r}")

    async def bytes_of(numbers: Iterable[int]) -> int:
        sent.clear()
        async with database.writing() as connection:
            assert connection.sync_connection is not None
            event.listen(connection.sync_connection, "before_cursor_execute", listen)
            for number in numbers:
                await add_note(connection, sweep, About.DOCUMENT, f"https://a.example/{number}", "cut")
        return sum(map(len, sent))

    few = await bytes_of(range(1000, 1050))
    await bytes_of(range(2000, 2450))
    assert await bytes_of(range(3000, 3050)) == few
    async with database.reading() as connection:
        assert len(await notes_of(connection, sweep)) == 550
