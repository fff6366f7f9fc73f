"""What the pages explored so far say about addresses not yet asked for: traps, and parameters that mean nothing.

Read from the rows of finished levels only, so that a sweep that was broken off comes to the same conclusions.
"""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import pattern_of
from crawler.identity import Trust
from crawler.links import unpack
from db.tables import Page, Visit
from db.words import FoundBy, VisitState

JUDGED = 40  # pages of one pattern from which it is judged by what they bring
NOVEL = 0.1  # share of pages with new words below which a pattern is a trap
AT_ONCE = 200  # addresses of one pattern that are let through before their pages are known
GROWTH = 4  # and for each page with new words that the pattern has brought
PROVEN = 3  # pairs of addresses by which a parameter is known to mean nothing
CHAIN = 2  # pages that repeat others, each linked from such only, behind which nothing is looked for
LONGEST = 2000  # characters of a path
AGAIN = 4  # parts of a path that were there before, from which it leads round and round

_TOKEN = re.compile(r"(?=.*\d)[0-9A-Za-z_.~-]{16,}")  # a value that looks drawn at random


@dataclass
class _Brought:
    """What the pages of one pattern have brought."""

    pages: int = 0
    wordings: set[str] = field(default_factory=set)


@dataclass(frozen=True, kw_only=True)
class _Seen:
    """What an address with one value of a parameter gave."""

    value: str  # "": the address does not have the parameter
    proof: str
    wording: str


class Census:
    """Grows level by level."""

    def __init__(self, sweep_id: int) -> None:
        self._sweep_id = sweep_id
        self._next = 0  # the first level that has not been read
        self._brought: dict[str, _Brought] = defaultdict(_Brought)  # by pattern
        self._texts: set[int] = set()  # of all levels read
        self._reached: set[int] = set()  # pages to which one with something new links
        self._behind: dict[int, int] = {}  # other pages → how many that repeat others lie before them at least
        self._trust = Trust()
        self._explored: dict[str, int] = {}  # address → page
        self._standing: dict[str, tuple[str, int]] = {}  # address less what means nothing → one that gave its page
        self._plain: dict[str, _Seen] = {}  # by address
        self._first: dict[tuple[str, str], _Seen] = {}  # by parameter and address without it
        self._same: dict[str, set[str]] = defaultdict(set)  # parameter → addresses that it made no difference to
        self._differ: set[str] = set()  # parameters that were seen to choose a page

    async def read(self, connection: AsyncConnection, depth: int) -> None:
        """Take in the levels up to and with a depth."""
        for level in range(self._next, depth + 1):
            await self._read_level(connection, level)
        self._next = max(self._next, depth + 1)
        queried = ((each, page) for each, page in self._explored.items() if "?" in each)
        self._standing = {self.reduced(each): (each, page) for each, page in queried}

    def trap(self, address: str, page: int, found_by: FoundBy) -> str | None:
        """Why an address is taken for one of endlessly many that bring nothing new; None when it is not."""
        path = urlsplit(address).path
        if len(path) > LONGEST:
            return f"a path of more than {LONGEST} characters"
        named = [part for part in path.split("/") if part and not part.isdigit()]
        if len(named) - len(set(named)) >= AGAIN:
            return f"its path names {AGAIN} parts again"
        brought = self._brought.get(pattern_of(address))
        if brought and brought.pages >= JUDGED and len(brought.wordings) < NOVEL * brought.pages:
            return f"{pattern_of(address)}: {brought.pages} pages, {len(brought.wordings)} different texts"
        given = found_by in (FoundBy.START, FoundBy.SEED, FoundBy.SITEMAP)
        if not given and page not in self._reached and self._behind.get(page, 0) >= CHAIN:
            return "only pages that repeat others lead to it"
        return None

    def allowance(self, pattern: str) -> int:
        """How many addresses of a pattern may be asked for in the next level."""
        return max(AT_ONCE, GROWTH * self.proven(pattern))

    def proven(self, pattern: str) -> int:
        """How many texts the pages of a pattern have brought."""
        brought = self._brought.get(pattern)
        return len(brought.wordings) if brought else 0

    def reduced(self, address: str) -> str:
        """The address without the parameters that are known to mean nothing on this site."""
        front, _, query = address.partition("?")
        kept = [part for part in query.split("&") if part and not self._means_nothing(part.partition("=")[0])]
        return f"{front}?{'&'.join(kept)}" if kept else front

    def same_page(self, address: str, page: int) -> tuple[str, int] | None:
        """The address and page that is known to be the same; where there is none, this one stands for the others."""
        reduced = self.reduced(address)
        if reduced == address:
            return None
        if reduced in self._explored:
            return reduced, self._explored[reduced]
        known = self._standing.setdefault(reduced, (address, page))
        return known if known[1] != page else None

    def _means_nothing(self, name: str) -> bool:
        return name not in self._differ and len(self._same.get(name, ())) >= PROVEN

    async def _read_level(self, connection: AsyncConnection, depth: int) -> None:
        rows = (
            await connection.execute(
                sa.select(
                    Visit.page_id, Page.address, Visit.wording, Visit.content_digest, Visit.rendered_digest,
                    Visit.script_key, Visit.text_shape, Visit.links,
                )
                .join(Page, Page.id == Visit.page_id)
                .where(
                    Visit.sweep_id == self._sweep_id, Visit.depth == depth, Visit.state == VisitState.EXPLORED,
                )
                .order_by(Page.address)
            )
        ).all()  # fmt: skip
        for row in rows:
            self._trust.see(row.script_key, row.content_digest, row.rendered_digest)
        for row in rows:
            self._explored[row.address] = row.page_id
            if row.content_digest is None:  # too little to tell pages apart by
                self._reached.update(unpack(row.links))
                continue
            brought = self._brought[pattern_of(row.address)]
            brought.pages += 1
            brought.wordings.add(row.wording)
            self._pass_on(row.page_id, text=hash((row.wording, row.text_shape)), links=unpack(row.links))
            proof = self._trust.proof(row.script_key, row.content_digest, row.rendered_digest)
            if proof is not None:
                self._compare(row.address, proof, row.wording)
        self._texts.update(hash((row.wording, row.text_shape)) for row in rows if row.content_digest is not None)

    def _pass_on(self, page: int, text: int, links: list[int]) -> None:
        """Keep of the pages that a page links to how many before them repeat others, on the best way to them."""
        behind = 0
        if text in self._texts:
            behind = 1 + (0 if page in self._reached else self._behind.get(page, 0))
        if not behind:
            self._reached.update(links)
            return
        for each in links:
            if each not in self._reached:
                self._behind[each] = min(behind, self._behind.get(each, behind))

    def _compare(self, address: str, proof: str, wording: str) -> None:
        """Hold a page against what the same address gave with another value of a parameter, or without it."""
        self._plain[address] = _Seen(value="", proof=proof, wording=wording)
        for name, value, rest in _parameters(address):
            seen = _Seen(value=value, proof=proof, wording=wording)
            first = self._plain.get(rest) or self._first.setdefault((name, rest), seen)
            if first.value == value:
                continue
            drawn = all(_TOKEN.fullmatch(each) for each in (first.value, value) if each)
            if first.proof == proof or (drawn and first.wording == wording):
                self._same[name].add(rest)
            else:
                self._differ.add(name)


def _parameters(address: str) -> Iterator[tuple[str, str, str]]:
    """Each parameter of an address: name, value, and the address without it."""
    front, mark, query = address.partition("?")
    parts = query.split("&") if mark else []
    for place, part in enumerate(parts):
        name, _, value = part.partition("=")
        rest = "&".join(parts[:place] + parts[place + 1 :])
        yield name, value, f"{front}?{rest}" if rest else front
