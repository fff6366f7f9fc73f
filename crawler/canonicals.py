"""Whether a page is the one that it names as its own address: believed when the content agrees.

What all pages of a site share, its menus, is no content of one of them: a template that names the start on every page
would make short pages one with it. So shapes are compared where what is shared does not hide what is a page's own.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import spelling_key
from crawler.frontier import READ, ROWS, in_order
from crawler.minhash import Minhash, likeness, unpack
from db.tables import Page, Visit

ALIKE = 0.9  # share of common wording from which a page is the one that it names as canonical
VARIANT = 0.6  # the same where it bears the title of that page, which is no title of others
TELLING = 4  # values, of 32, that have to tell of what is a page's own
SHARED = 2  # further pages that have something from which it is no page's own; where there is one only, that one
OTHERS = 64  # pages of the site, and as many that name one page, that are asked what they share

# One of several pages of a list: all have one title, and often, by mistake, the first one's address as canonical
_PAGED = re.compile(
    r"[?&](?:page|paged|p|pg|pn|start|offset|from|no)=\d|/page/?\d|[-_/]p\d+(?:[./]|$)", re.IGNORECASE
)

Pair = tuple[int, int]  # two visits


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a page has to be compared by."""

    address: str
    place: str  # its address without the query, however it is spelled: variants of one page often share it
    title: str
    shape: Minhash


class _Others:
    """What pages have in common, one of each place."""

    def __init__(self) -> None:
        self._at: dict[str, _Told] = {}
        self._values: Counter[tuple[int, int]] = Counter()  # place in the shape, and value there
        self._titles: Counter[str] = Counter()

    def add(self, pages: Iterable[_Told]) -> None:
        """Take in those that stand where none known does."""
        for each in pages:
            if each.place not in self._at:
                self._at[each.place] = each
                self._values.update(enumerate(each.shape))
                self._titles[each.title] += 1

    def count(self, places: Collection[str]) -> int:
        """How many there are, those at some places left out."""
        return len(self._at) - sum(each in self._at for each in places)

    def knows(self, place: str) -> bool:
        return place in self._at

    def values(self, value: tuple[int, int], places: Collection[str]) -> int:
        """How many have this value of the shape, those at some places left out."""
        own = sum(self._at[each].shape[value[0]] == value[1] for each in places if each in self._at)
        return self._values[value] - own

    def titles(self, title: str, places: Collection[str]) -> int:
        """The same of a title."""
        return self._titles[title] - sum(self._at[each].title == title for each in places if each in self._at)


async def agreeing(connection: AsyncConnection, sweep_id: int, pairs: Collection[Pair]) -> frozenset[Pair]:
    """Those of pairs of visits, a page and the one that it names, whose content agrees; of few words that says nothing."""
    if not pairs:
        return frozenset()
    told = await _told(connection, sorted({visit for pair in pairs for visit in pair}))
    site = _Others()
    site.add((await _told(connection, await _some(connection, sweep_id))).values())
    naming: dict[int, list[int]] = defaultdict(list)
    for page, named in pairs:
        if page in told and named in told:
            naming[named].append(page)
    found: set[Pair] = set()
    for named, pages in naming.items():
        family = _Others()
        family.add(each for page in pages[:OTHERS] if not site.knows((each := told[page]).place))
        found |= {(page, named) for page in pages if _agree(told[page], told[named], (site, family))}
    return frozenset(found)


def _agree(page: _Told, named: _Told, others: Collection[_Others]) -> bool:
    """Whether two pages have so much in common, on the whole and in what is not common to others."""
    places = {page.place, named.place}
    known = sum(each.count(places) for each in others)
    if not known and page.place != named.place:
        return False  # no page is left that tells their menu from their content
    shared = min(SHARED, max(known, 1))
    titled = page.title == named.title and not _PAGED.search(page.address)
    variant = titled and sum(each.titles(page.title, places) for each in others) < shared
    if likeness(page.shape, named.shape) < (VARIANT if titled else ALIKE):
        return False
    pairs = [
        (one, other)
        for place, (one, other) in enumerate(zip(page.shape, named.shape, strict=True))
        if sum(each.values((place, min(one, other)), places) for each in others) < shared
    ]
    if len(pairs) < TELLING:
        return variant
    return sum(one == other for one, other in pairs) >= (VARIANT if variant else ALIKE) * len(pairs)


async def _told(connection: AsyncConnection, visits: Collection[int]) -> dict[int, _Told]:
    """What pages with enough words to tell them from others have to be compared by, in the order of the visits."""
    told: dict[int, _Told] = {}
    ids = list(visits)
    for some in (ids[begin : begin + ROWS] for begin in range(0, len(ids), ROWS)):
        rows = await connection.execute(
            sa.select(Visit.id, Page.address, Visit.title, Visit.text_shape)
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.id.in_(some), Visit.content_digest.is_not(None), Visit.text_shape.is_not(None))
            .order_by(Visit.id)
        )
        for visit, address, title, shape in rows:
            assert shape is not None
            place = spelling_key(address.partition("?")[0])
            told[visit] = _Told(address=address, place=place, title=title or "", shape=unpack(shape))
    return told


async def _some(connection: AsyncConnection, sweep_id: int) -> list[int]:
    """Pages of a site from one end of its addresses to the other."""
    order = await in_order(connection, sweep_id, READ)
    return list(order[:: max(1, len(order) // OTHERS)])
