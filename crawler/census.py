"""What the pages explored so far say about addresses not yet asked for: traps, and parameters that mean nothing.

Read from the rows of finished levels only, so that a sweep that was broken off comes to the same conclusions. Of a
page is kept a hash or two, of a known address a byte: texts, patterns and addresses stay in the database.
"""

import re
from array import array
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crawler.address import pattern_of
from crawler.frontier import REFUSED_UNASKED, ROWS, in_order, slices
from crawler.identity import Trust
from crawler.links import unpack
from crawler.marks import Marks
from db.tables import Page, Sweep, Visit
from db.words import FoundBy, Reason, VisitState

JUDGED = 40  # pages of one pattern from which it is judged by what they bring
NOVEL = 0.1  # share of pages with new words below which a pattern is a trap
AT_ONCE = 200  # addresses of one pattern that are let through before their pages are known
COMBINED = 40  # the same where several parameters are combined
BARREN = 3  # combinations of parameters that are traps from which all on the same path are
GROWTH = 4  # and for each page with new words that the pattern has brought
PROVEN = (
    3  # contents in one folder, or in as many, that do not depend on a parameter, by which it means nothing there
)
TRIES = 10  # addresses with a parameter that may mean nothing that are asked for to find out
CHAIN = 2  # pages that repeat others, each linked from such only, behind which nothing is looked for
EVERYWHERE = "*"  # in place of a folder
LONGEST = 2000  # characters of a path
AGAIN = 4  # parts of a path that were there before, from which it leads round and round

_TOKEN = re.compile(r"(?=.*\d)[0-9A-Za-z_.~-]{16,}")  # a value that looks drawn at random
_REACHED = 255  # mark of a page to which one with something new links


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What an address with one value of a parameter gave, as hashes."""

    value: int  # of "" where the address does not have the parameter
    drawn: bool  # the value looks drawn at random, or there is none
    proof: int
    wording: int
    page: int
    as_sent: bool  # a reader gets what the source says


@dataclass(frozen=True, kw_only=True)
class Alike:
    """A page that says the same as the one without one of its parameters, or with another drawn value, but for numbers."""

    visit: int
    address: str
    parameter: str
    plain: str  # the address of the other
    plain_page: int


class Census:
    """Grows level by level."""

    def __init__(self, sweep_id: int) -> None:
        self._sweep_id = sweep_id
        self._next = 0  # the first level that has not been read
        self._pages: Counter[int] = Counter()  # by pattern, as all below by hash
        self._wordings: Counter[int] = Counter()  # different ones that a pattern has brought
        self._brought: set[int] = set()  # each pattern with each of its wordings
        self._values: set[int] = set()  # of parameters that are combined, each once for a combination
        self._valued: Counter[int] = Counter()  # how many of them a parameter of a combination has had
        self._items: Counter[int] = Counter()  # by combination: the same of the parameter that has had the most
        self._combined: dict[int, set[int]] = defaultdict(set)  # path → combinations of parameters that gave pages
        self._asked: Counter[int] = Counter()  # addresses that were let through, by what budgets count by
        self._texts: set[int] = set()  # of all levels read
        self._behind = Marks()  # how many pages that repeat others lie before a page at least, or _REACHED
        self._trust = Trust()
        self._named: Counter[str] = Counter()  # addresses that were let through, by parameter
        self._first: dict[int, _Seen] = {}  # by parameter and address without it
        self._same: dict[str, dict[str, set[int]]] = defaultdict(lambda: defaultdict(set))
        # parameter → folder → contents that it made no difference to, where many addresses say that there is nothing
        self._differ: set[str] = set()  # parameters that were seen to choose a page
        self._nothing: dict[str, frozenset[str]] = {}  # parameter → folders where it means nothing; EVERYWHERE
        self._standing: dict[str, tuple[str, int]] = {}  # address less these → one that gave its page
        self._chosen: dict[str, tuple[str, int]] = {}  # the same of addresses that are let through in this level

    async def read(self, connection: AsyncConnection, depth: int) -> None:
        """Take in the levels up to and with a depth."""
        for level in range(self._next, depth + 1):
            await self._read_level(connection, level)
        self._next = max(self._next, depth + 1)
        self._chosen = {}
        nothing = {name: folders for name in self._same if (folders := self._meaningless(name))}
        if nothing != self._nothing:
            self._nothing = nothing
            self._standing = {}
            await self._read_standing(connection, Visit.depth < self._next)

    def trap(self, address: str, page: int, found_by: FoundBy) -> str | None:
        """Why an address is taken for one of endlessly many that bring nothing new; None when it is not."""
        path = urlsplit(address).path
        if len(path) > LONGEST:
            return f"a path of more than {LONGEST} characters"
        named = [part for part in path.split("/") if part and not part.isdigit()]
        if len(named) - len(set(named)) >= AGAIN:
            return f"its path names {AGAIN} parts again"
        pattern = pattern_of(address)
        if self._is_barren(hash(pattern)):
            return f"{pattern}: {self._pages[hash(pattern)]} pages, {self.proven(pattern)} different texts"
        for path in query_patterns(address)[1:]:
            if barren := self._barren(path):
                return f"{path}: {barren} combinations of parameters, each many pages and hardly any different text"
        given = found_by in (FoundBy.START, FoundBy.SEED, FoundBy.SITEMAP, FoundBy.EARLIER)
        if not given and CHAIN <= self._behind[page] < _REACHED:
            return "only pages that repeat others lead to it"
        return None

    def allowance(self, pattern: str) -> int:
        """How many addresses of a pattern may be asked for in the next level."""
        return max(COMBINED if "&" in pattern else AT_ONCE, GROWTH * self.proven(pattern))

    def proven(self, pattern: str) -> int:
        """How many texts the pages of a pattern have brought."""
        return self._wordings[hash(pattern)]

    def items(self, pattern: str) -> int:
        """How many pages of a form of query have a text of their own, at most one for each value of one parameter.

        An item is named by one parameter, whatever stands beside it; filters have few values, and combine without end.
        """
        if "&" in pattern:
            return self._items_of(hash(pattern))
        combined = self._combined.get(hash(pattern))
        return self.proven(pattern) if combined is None else sum(map(self._items_of, combined))

    def _items_of(self, combination: int) -> int:
        return min(self._wordings[combination], self._items[combination])

    def asked(self, pattern: str) -> int:
        """How many addresses of a form of query were let through in the levels read, see `query_patterns`."""
        return self._asked[hash(pattern)]

    def reduced(self, address: str) -> str:
        """The address without the parameters that are known to mean nothing there."""
        front, _, query = address.partition("?")
        if not query or not self._nothing:
            return address
        kept = [part for part in query.split("&") if part and not self._is_nothing(part.partition("=")[0], front)]
        return f"{front}?{'&'.join(kept)}" if kept else front

    async def explored(self, connection: AsyncConnection, addresses: Collection[str]) -> dict[str, int]:
        """The pages that levels read have brought among those that addresses are less what means, or may mean, nothing."""
        less = {self.reduced(each) for each in addresses}
        less |= {rest for each in addresses for name, _, rest in _parameters(each) if self._is_open(name, each)}
        rows = await self._explored(connection, less.difference(addresses), Page.address, Visit.page_id)
        return {row.address: row.page_id for row in rows}

    def untried(self, address: str, explored: Mapping[str, int]) -> str | None:
        """A parameter of which nobody knows yet whether it makes another page of one that was explored without it."""
        found = (
            name for name, _, rest in _parameters(address) if self._is_open(name, address) and rest in explored
        )
        return next(found, None)

    def tries(self, name: str) -> int:
        """How many addresses with such a parameter may be asked for in the next level to find out."""
        return max(TRIES, GROWTH * self._named[name])

    async def alike(self, connection: AsyncConnection, depth: int) -> list[Alike]:
        """The pages of the level after those read that differ only in numbers from what they are without a parameter.

        Or, where that is not known, from what they are with another of the values that a session has. Not those that
        were not to be had again.
        """
        queried = (
            Visit.depth == depth,
            Visit.state == VisitState.EXPLORED,
            Page.address.contains("?"),
            ~Visit.unsure,
        )
        found: list[Alike] = []
        here: dict[int, _Seen] = {}  # as self._first, of this level
        for some in slices(await in_order(connection, self._sweep_id, *queried)):
            facts = (
                Visit.id, Visit.page_id, Visit.wording, Visit.content_digest, Visit.rendered_digest, Visit.script_key,
            )  # fmt: skip
            rows = (
                await connection.execute(
                    sa.select(Page.address, *facts)
                    .join(Visit, Visit.page_id == Page.id)
                    .where(Visit.id.in_(some))
                    .order_by(Page.address)
                )
            ).all()
            plain = await self._plain(connection, [row.address for row in rows], depth)
            for row in rows:
                proof = self._trust.proof(row.script_key, row.content_digest, row.rendered_digest)
                if proof is None or proof != row.content_digest:
                    continue
                for name, value, rest in _parameters(row.address):
                    if not self._is_open(name, row.address):
                        continue
                    seen = _seen(value, proof, row.wording, page=row.page_id, as_sent=True)
                    first = self._first.get(hash((name, rest))) or here.setdefault(hash((name, rest)), seen)
                    other = plain.get(rest) or (first if first.drawn and seen.drawn else seen)
                    if other.as_sent and other.wording == seen.wording and other.proof != seen.proof:
                        found.append(
                            Alike(
                                visit=row.id, address=row.address, parameter=name, plain=rest, plain_page=other.page
                            )
                        )
                        break
        return await _addressed(connection, found)

    def same_page(self, address: str, page: int, explored: Mapping[str, int]) -> tuple[str, int] | None:
        """The address and page that is known to be the same; where there is none, this one stands for the others."""
        reduced = self.reduced(address)
        if reduced == address:
            return None
        if reduced in explored:
            return reduced, explored[reduced]
        known = self._standing.get(reduced) or self._chosen.setdefault(reduced, (address, page))
        return known if known[1] != page else None

    def _is_barren(self, pattern: int) -> bool:
        pages = self._pages[pattern]
        return pages >= JUDGED and self._wordings[pattern] < NOVEL * pages

    def _barren(self, path: str) -> int:
        """How many combinations of parameters on a path are traps; 0 where they are few, or any other brings new texts."""
        combined = self._combined.get(hash(path), set())
        fertile = any(self._wordings[each] >= max(2, NOVEL * self._pages[each]) for each in combined)
        barren = sum(map(self._is_barren, combined))
        return barren if barren >= BARREN and not fertile else 0

    def _is_open(self, name: str, address: str) -> bool:
        return name not in self._differ and not self._is_nothing(name, address)

    def _is_nothing(self, name: str, address: str) -> bool:
        folders = self._nothing.get(name, frozenset())
        return EVERYWHERE in folders or _folder(address) in folders

    def _meaningless(self, name: str) -> frozenset[str]:
        """The folders in which a parameter means nothing: what one application ignores, another may go by."""
        if name in self._differ:
            return frozenset()
        folders = self._same[name]
        if len(folders) >= PROVEN and len(set().union(*folders.values())) >= PROVEN:
            return frozenset({EVERYWHERE})
        return frozenset(folder for folder, contents in folders.items() if len(contents) >= PROVEN)

    async def _read_level(self, connection: AsyncConnection, depth: int) -> None:
        here = Visit.depth == depth
        explored = Visit.state == VisitState.EXPLORED
        rendered = sa.select(Visit.script_key, Visit.content_digest, Visit.rendered_digest).where(
            Visit.sweep_id == self._sweep_id, here, explored, Visit.rendered_digest.is_not(None)
        )
        for row in await connection.execute(rendered):
            self._trust.see(row.script_key, row.content_digest, row.rendered_digest)
        texts: list[int] = []
        for some in slices(await in_order(connection, self._sweep_id, here, explored)):
            texts += await self._read_pages(connection, some, depth)
        self._texts.update(texts)
        for some in slices(await in_order(connection, self._sweep_id, here, _WAS_ASKED)):
            await self._read_asked(connection, some)
        await self._read_standing(connection, here)

    async def _read_asked(self, connection: AsyncConnection, visits: Sequence[int]) -> None:
        """Count addresses with a query that were asked for, and take in which of them were found to be another page."""
        twin = aliased(Page)
        rows = await connection.execute(
            sa.select(Page.address, twin.address, Visit.content_digest)
            .join(Visit, Visit.page_id == Page.id)
            .outerjoin(twin, sa.and_(twin.id == Visit.leads_to_id, Visit.reason == Reason.DUPLICATE))
            .where(Visit.id.in_(visits))
        )
        for address, other, content in rows:
            self._asked.update(map(hash, query_patterns(address)))
            for name, _, rest in _parameters(address):
                self._named[name] += 1
                if other is not None and (rest == other or (name, rest) in _less(other)):
                    self._take_for_same(name, rest, hash(content))

    async def _read_standing(self, connection: AsyncConnection, *where: sa.ColumnElement[bool]) -> None:
        """Keep which explored addresses stand for others that differ only in what means nothing."""
        if not self._nothing:
            return
        queried = (Visit.state == VisitState.EXPLORED, Page.address.contains("?"))
        for some in slices(await in_order(connection, self._sweep_id, *queried, *where)):
            pages = sa.select(Page.address, Page.id).join(Visit, Visit.page_id == Page.id)
            for address, page in await connection.execute(pages.where(Visit.id.in_(some)).order_by(Page.address)):
                reduced = self.reduced(address)
                if reduced != address:
                    self._standing.setdefault(reduced, (address, page))

    async def _read_pages(self, connection: AsyncConnection, visits: Sequence[int], depth: int) -> list[int]:
        """Take in some pages of a level; returns what names their texts."""
        rows = (
            await connection.execute(
                sa.select(
                    Visit.id, Visit.page_id, Page.address, Visit.wording, Visit.content_digest, Visit.rendered_digest,
                    Visit.script_key, Visit.text_shape, Visit.links, Visit.unsure,
                )
                .join(Page, Page.id == Visit.page_id)
                .where(Visit.id.in_(visits))
                .order_by(Page.address)
            )
        ).all()  # fmt: skip
        plain = await self._plain(connection, [row.address for row in rows], depth)
        texts: list[int] = []
        for row in rows:
            if row.content_digest is None:  # too little to tell pages apart by
                self._reach(unpack(row.links))
                continue
            self._count(row.address, row.wording)
            texts.append(hash((row.wording, row.text_shape)))
            self._pass_on(row.page_id, text=texts[-1], links=unpack(row.links))
            proof = self._trust.proof(row.script_key, row.content_digest, row.rendered_digest)
            if proof is not None and not row.unsure:
                self._compare(row.address, row.page_id, proof, row.wording, proof == row.content_digest, plain)
        return texts

    def _count(self, address: str, wording: str) -> None:
        pattern = pattern_of(address)
        self._pages[hash(pattern)] += 1
        for path in query_patterns(address)[1:]:
            self._combined[hash(path)].add(hash(pattern))
            self._count_values(address, hash(pattern))
        if hash((pattern, wording)) not in self._brought:
            self._brought.add(hash((pattern, wording)))
            self._wordings[hash(pattern)] += 1

    def _count_values(self, address: str, combination: int) -> None:
        for name, value, _ in _parameters(address):
            parameter = hash((combination, name))
            if hash((parameter, value)) not in self._values:
                self._values.add(hash((parameter, value)))
                self._valued[parameter] += 1
                self._items[combination] = max(self._items[combination], self._valued[parameter])

    def _pass_on(self, page: int, text: int, links: list[int]) -> None:
        """Keep of the pages that a page links to how many before them repeat others, on the best way to them."""
        if text not in self._texts:
            self._reach(links)
            return
        behind = 1 if self._behind[page] == _REACHED else min(1 + self._behind[page], CHAIN)
        for each in links:
            if self._behind[each] != _REACHED:
                self._behind[each] = min(behind, self._behind[each] or behind)

    def _reach(self, links: list[int]) -> None:
        for each in links:
            self._behind[each] = _REACHED

    async def _plain(self, connection: AsyncConnection, addresses: list[str], depth: int) -> dict[str, _Seen]:
        """What is known of addresses that have one parameter less, up to and with a level."""
        rests = {
            rest for each in addresses for name, _, rest in _parameters(each) if name not in self._differ
        }  # fmt: skip
        facts = (
            Page.address, Visit.page_id, Visit.wording, Visit.content_digest, Visit.rendered_digest, Visit.script_key,
        )  # fmt: skip
        found: dict[str, _Seen] = {}
        for row in await self._explored(connection, rests, *facts, depth=depth):
            proof = self._trust.proof(row.script_key, row.content_digest, row.rendered_digest)
            if proof is not None:
                as_sent = proof == row.content_digest
                found[row.address] = _seen("", proof, row.wording, page=row.page_id, as_sent=as_sent)
        return found

    async def _explored(
        self, connection: AsyncConnection, addresses: Collection[str], *facts: Any, depth: int | None = None
    ) -> list[sa.Row[Any]]:
        """Facts of the pages with these addresses that levels up to a depth, or all that were read, have brought."""
        last = self._next - 1 if depth is None else depth
        rows: list[sa.Row[Any]] = []
        wanted = sorted(addresses)
        site = sa.select(Sweep.site_id).where(Sweep.id == self._sweep_id).scalar_subquery()
        for begin in range(0, len(wanted), ROWS):
            rows += await connection.execute(
                sa.select(*facts)
                .join(Visit, Visit.page_id == Page.id)
                .where(
                    Page.site_id == site, Page.address.in_(wanted[begin : begin + ROWS]),
                    Visit.sweep_id == self._sweep_id, Visit.state == VisitState.EXPLORED, Visit.depth <= last,
                )
            )  # fmt: skip
        return rows

    def _compare(
        self, address: str, page: int, proof: str, wording: str, as_sent: bool, plain: Mapping[str, _Seen]
    ) -> None:
        """Hold a page against what the same address gave with another value of a parameter, or without it."""
        for name, value, rest in _parameters(address):
            if name in self._differ:
                continue
            seen = _seen(value, proof, wording, page=page, as_sent=as_sent)
            first = plain.get(rest) or self._first.setdefault(hash((name, rest)), seen)
            if first.value == seen.value:
                continue
            if first.proof == seen.proof:
                self._take_for_same(name, rest, seen.proof)
            else:
                self._differ.add(name)

    def _take_for_same(self, name: str, rest: str, content: int) -> None:
        contents = self._same[name][_folder(rest)]
        if len(contents) < PROVEN:
            contents.add(content)


_WAS_ASKED = sa.and_(  # also where it failed or was a duplicate; not where it was known to be one
    Page.address.contains("?"),
    Visit.state != VisitState.FOUND,
    sa.or_(Visit.reason.is_(None), Visit.reason.not_in(REFUSED_UNASKED)),
    sa.or_(Visit.reason.is_(None), Visit.reason != Reason.DUPLICATE, Visit.http_status.is_not(None)),
)


def query_patterns(address: str) -> tuple[str, ...]:
    """What budgets of a query space count by: path and names of parameters, and the path with any of them."""
    if "?" not in address:
        return ()
    pattern = pattern_of(address)
    return (pattern, f"{pattern.partition('?')[0]}?…") if "&" in pattern else (pattern,)


def _folder(address: str) -> str:
    return address.partition("?")[0].rpartition("/")[0]


def _seen(value: str, proof: str, wording: str, *, page: int, as_sent: bool) -> _Seen:
    drawn = not value or bool(_TOKEN.fullmatch(value))
    return _Seen(
        value=hash(value), drawn=drawn, proof=hash(proof), wording=hash(wording), page=page, as_sent=as_sent
    )


async def _addressed(connection: AsyncConnection, alike: list[Alike]) -> list[Alike]:
    """These with the addresses that their other pages have."""
    addresses: dict[int, str] = {}
    for some in slices(array("q", {each.plain_page for each in alike})):
        addresses |= dict(
            (await connection.execute(sa.select(Page.id, Page.address).where(Page.id.in_(some)))).all()
        )
    return [replace(each, plain=addresses[each.plain_page]) for each in alike]


def _less(address: str) -> set[tuple[str, str]]:
    """The names of an address's parameters, each with the address without it."""
    return {(name, rest) for name, _, rest in _parameters(address)}


def _parameters(address: str) -> Iterator[tuple[str, str, str]]:
    """Each parameter of an address: name, value, and the address without it."""
    front, mark, query = address.partition("?")
    parts = query.split("&") if mark else []
    for place, part in enumerate(parts):
        name, _, value = part.partition("=")
        rest = "&".join(parts[:place] + parts[place + 1 :])
        yield name, value, f"{front}?{rest}" if rest else front
