"""Counters: numbers that a page changes with each answer, so that two addresses of one page never give the same.

One address is asked for between two answers of the other. Where all three are the same but for numbers, and each
number lies between those of the two answers, it is one page: a number that stands still belongs to the page, and has
to be the same on both.
"""

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import spelling_key
from crawler.answers import page_of
from crawler.canonicals import Pair
from crawler.census import PROVEN, Alike
from crawler.content import Content
from crawler.exploration import Exploration, note
from crawler.frontier import end_visit
from crawler.identity import Answered, answered, groups, is_read_alike, rank_from
from crawler.notes import add_note
from db.tables import Visit
from db.words import About, Reason

TRIES = 2  # a clock may strike between two answers, or one not come
SAID = "not compared with a page that differs in numbers only"


async def mark_counted(exploration: Exploration, depth: int, ends: float) -> bool:
    """End the pages of a level that are another, without a parameter, but for its counters; False when stopped.

    Pairs are asked for again until the parameter is known to mean nothing, or to choose a page. A page of which no
    answer came tells nothing of it; the first of them is noted.
    """
    async with exploration.database.reading() as connection:
        await exploration.census.read(connection, depth - 1)
        candidates = await exploration.census.alike(connection, depth)
    shown: dict[str, int] = {}  # parameter → pairs that were the same page; -1: it chooses a page
    for each in candidates:
        if exploration.stopping.is_set():
            return False
        if exploration.is_over(ends):
            await note(exploration, About.RENDERING, each.address, SAID)
            return True
        known = shown.get(each.parameter, 0)
        if known < 0:
            continue
        same = known >= PROVEN or await _is_one_page(exploration, each.plain, each.address)
        if same is None:
            async with exploration.database.writing() as connection:
                await _keep_unsure(connection, exploration.sweep.id, each)
            continue
        if not same:
            shown[each.parameter] = -1
            continue
        shown[each.parameter] = known + 1
        why = "the same but for numbers that change with each answer"
        async with exploration.database.writing() as connection:
            await end_visit(
                connection, each.visit, Reason.DUPLICATE, f"{each.plain} ({why})", leads_to_id=each.plain_page
            )
    return True


async def _keep_unsure(connection: AsyncConnection, sweep_id: int, page: Alike) -> None:
    """Keep that a page tells nothing of a parameter, so that it does not after a break either."""
    known = sa.exists().where(Visit.sweep_id == sweep_id, Visit.unsure)
    if not await connection.scalar(sa.select(known)):
        await add_note(connection, sweep_id, About.UNANSWERED, page.address, SAID)
    await connection.execute(sa.update(Visit).where(Visit.id == page.visit).values(unsure=True))


async def counted_twins(exploration: Exploration, ends: float) -> frozenset[Pair] | None:
    """Spellings of one address that are one page but for its counters, as pairs of visits; None when stopped.

    Those that are not asked for before the time is over, or give no answer, stay pages of their own, and the first of
    them is noted.
    """
    async with exploration.database.reading() as connection:
        pages, _ = await answered(connection, exploration.sweep.id)
    found: set[Pair] = set()
    noted = False
    for group in groups(pages, lambda each: spelling_key(each.address)):
        counted: list[Answered] = []  # of the group, those that count for themselves as far as is known
        for each in sorted(group, key=rank_from(exploration.scope.start)):
            if any(is_read_alike(other, each) for other in counted):
                continue
            doubtful = [other for other in counted if other.wording == each.wording is not None]
            if exploration.stopping.is_set():
                return None
            if doubtful and exploration.is_over(ends):
                await note(exploration, About.RENDERING, each.address, SAID)
                return frozenset(found)
            same, unsure = await _first_same(exploration, doubtful, each)
            if same is not None:
                found.add((same.visit, each.visit))
                continue
            counted.append(each)
            if unsure and not noted:
                noted = True
                await note(exploration, About.UNANSWERED, each.address, SAID)
    return frozenset(found)


async def _first_same(
    exploration: Exploration, others: Collection[Answered], page: Answered
) -> tuple[Answered | None, bool]:
    """The first that a page is one with; where there is none, whether that is because an answer did not come."""
    unsure = False
    for other in others:
        same = await _is_one_page(exploration, other.address, page.address)
        if same:
            return other, False
        unsure = unsure or same is None
    return None, unsure


async def _is_one_page(exploration: Exploration, plain: str, address: str) -> bool | None:
    """Whether an address gives what another gives, but for counters; None where an answer does not come.

    Links are read as if all stood at that one.
    """
    told: bool | None = None
    for _ in range(TRIES):
        answers = [await _read(exploration, each, plain) for each in (plain, address, plain)]
        before, other, after = answers
        if before is None or other is None or after is None:
            continue
        if lies_between(before, other, after):
            return True
        told = False
        if before.numbers == after.numbers:
            break
    return told


def lies_between(before: Content, other: Content, after: Content) -> bool:
    """Whether a content is that of two answers but for numbers, each of which lies between theirs."""
    contents = (before, other, after)
    if any(each.digest is None for each in contents) or len({each.steady for each in contents}) > 1:
        return False
    if len({len(each.numbers) for each in contents}) > 1:  # one of them is empty where the others have a number
        return False
    counts = zip(*(map(_value, each.numbers) for each in contents), strict=True)
    return all(min(first, last) <= here <= max(first, last) for first, here, last in counts)


def _value(number: str) -> tuple[int, str]:
    """Numbers in the order of what they count, however many digits they have."""
    plain = number.lstrip("0")
    return len(plain), plain


async def _read(exploration: Exploration, address: str, at: str) -> Content | None:
    """What an address gives now, read as if it were another one; None when that is no page."""
    page = page_of(await exploration.fetcher.get(address), at)
    return page.content if page else None
