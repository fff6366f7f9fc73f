"""One identity for each page: which addresses that answered are the same page under another name.

Nothing is merged on the strength of addresses alone. Two addresses are one page when a reader gets the same from
both; where scripts may show something else for the same source, what the browser shows is compared. Addresses that
differ only in spelling may differ in counters, where `crawler.counters` has shown that they are such. Where one names the
other as canonical, most of the words have to be the same.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import shallow_key, spelling_key
from crawler.canonicals import Pair, agreeing
from crawler.frontier import READ, end_visit, in_order, slices
from db.tables import Page, Visit
from db.words import Reason, VisitState

TRIED = 2  # pages with the same scripts in which the browser showed what the source says


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """An address that answered with a page."""

    visit: int
    page: int
    address: str
    title: str
    body: str | None
    source: str | None  # digest of its content as the server sent it
    shown: str | None  # as the browser showed it; None: not rendered, or it sent the browser on
    wording: str | None  # names its words without the numbers
    rendered: bool
    scripts: str | None  # names its scripts; None: it has none
    canonical: int | None
    in_sitemap: bool


class Trust:
    """The sets of scripts that change nothing of what a reader gets, as far as pages with them were rendered."""

    def __init__(self) -> None:
        self._tried: dict[str, int] = defaultdict(int)
        self._changing: set[str] = set()

    def see(self, scripts: str | None, source: str | None, shown: str | None) -> None:
        """Take in what the source of a page gave and what the browser showed, if it was rendered."""
        if scripts and shown:
            self._tried[_set_of(scripts)] += 1
            if shown != source:
                self._changing.add(_set_of(scripts))

    def proof(self, scripts: str | None, source: str | None, shown: str | None) -> str | None:
        """The digest of what a reader surely gets of a page; None when only the browser could tell."""
        if scripts is None:
            return source
        trusted = self._tried.get(_set_of(scripts), 0) >= TRIED and _set_of(scripts) not in self._changing
        return source if trusted else shown

    def proof_of(self, page: Answered) -> str | None:
        """The same of a page of the frame."""
        return self.proof(page.scripts, page.source, page.shown)


def _set_of(script_key: str) -> str:
    """The set of scripts that a key names; the key of a page with few links names the page too."""
    return script_key.partition(" ")[0]


async def answered(connection: AsyncConnection, sweep_id: int) -> tuple[list[Answered], Trust]:
    """The pages of the frame that may be the same as another, in the order of addresses; and what scripts are trusted.

    Of the others, which share neither a spelling nor a content with any page, only hashes are held.
    """
    trust = Trust()
    told = sa.select(Visit.script_key, Visit.content_digest, Visit.rendered_digest)
    for row in await connection.execute(
        told.where(Visit.sweep_id == sweep_id, READ, Visit.rendered_digest.is_not(None))
    ):
        trust.see(*row)
    order = await in_order(connection, sweep_id, Visit.state == VisitState.EXPLORED)
    spelled, shallow, given = _Repeated(), _Repeated(), _Repeated()
    named: set[int] = set()  # pages that others name as their own address
    for some in slices(order):
        rows = await connection.execute(
            sa.select(
                Visit.page_id, Page.address, Visit.content_digest, Visit.rendered_digest, Visit.canonical_id,
            )
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.id.in_(some))
        )  # fmt: skip
        for page, address, source, shown, canonical in rows:
            spelled.see(spelling_key(address))
            shallow.see(shallow_key(address))
            given.see(source, shown)
            if canonical not in (None, page):
                named.add(canonical)
    is_spelled_again, is_shallow_again, is_given_again = spelled.known(), shallow.known(), given.known()
    pages = [
        each
        for some in slices(order)
        for each in await _answers(connection, some)
        if is_spelled_again(spelling_key(each.address))
        or is_shallow_again(shallow_key(each.address))
        or is_given_again(each.source)
        or is_given_again(each.shown)
        or each.page in named
        or each.canonical not in (None, each.page)
    ]
    return pages, trust


class _Repeated:
    """Which texts came more than once, by their hashes: eight bytes each."""

    def __init__(self) -> None:
        self._seen = array("q")

    def see(self, *texts: str | None) -> None:
        self._seen.extend(hash(each) for each in {*texts} - {None})

    def known(self) -> Callable[[str | None], bool]:
        """Tells of a text whether it came more than once."""
        hashes, times = np.unique(self._seen, return_counts=True)
        again = set(hashes[times > 1].tolist())
        return lambda text: text is not None and hash(text) in again


async def _answers(connection: AsyncConnection, visits: Collection[int]) -> list[Answered]:
    rows = await connection.execute(
        sa.select(
            Visit.id, Visit.page_id, Page.address, Visit.title, Visit.body_digest, Visit.content_digest,
            Visit.rendered_digest, Visit.wording, Visit.rendered, Visit.script_key, Visit.canonical_id, Visit.in_sitemap,
        )
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.id.in_(visits))
        .order_by(Page.address)
    )  # fmt: skip
    return [
        Answered(
            visit=visit, page=page, address=address, title=title or "", body=body, source=source, shown=shown, wording=wording, rendered=rendered,
            scripts=scripts, canonical=canonical, in_sitemap=in_sitemap,
        )
        for visit, page, address, title, body, source, shown, wording, rendered, scripts, canonical, in_sitemap in rows
    ]  # fmt: skip


def undecided(pages: list[Answered], trust: Trust) -> list[Answered]:
    """The pages that have the same source as another, where only the browser can tell whether they are the same."""
    spelled = {spelling_key(each.address): each for each in reversed(pages)}
    alike = groups(spelled.values(), lambda each: each.source)
    found = [each for group in alike for each in group if trust.proof_of(each) is None]
    return sorted(found, key=lambda each: each.address)


async def mark_duplicates(
    connection: AsyncConnection, sweep_id: int, start: str, counted: Collection[Pair] = ()
) -> None:
    """End every address whose page is counted under another one as its duplicate, with where and why.

    `counted` are pairs of spellings that were shown to differ in counters only.
    """
    pages, trust = await answered(connection, sweep_id)
    merged = _Merged(pages, start)
    for group in groups(pages, lambda each: spelling_key(each.address)):
        merged.among(
            group,
            "the same page, spelled otherwise",
            lambda a, b: is_read_alike(a, b) or (a.visit, b.visit) in counted,
        )
    for group in groups(merged.kept(), lambda each: shallow_key(each.address)):
        merged.among(
            group, "the same page, deeper within itself", lambda a, b: a.body is not None and a.body == b.body
        )
    for group in groups(pages, trust.proof_of):
        merged.among(merged.counting_for(group), "the same content", lambda *_: True)
    await _merge_into_canonical(connection, sweep_id, merged, trust)
    for duplicate, kept, why in merged.pairs():
        await end_visit(
            connection, duplicate.visit, Reason.DUPLICATE, f"{kept.address} ({why})", leads_to_id=kept.page
        )


async def _merge_into_canonical(
    connection: AsyncConnection, sweep_id: int, merged: "_Merged", trust: Trust
) -> None:
    """Pages that name another page as their own address, believed when the content agrees.

    The frame of an application names its first page on all of them: where scripts may act, sources agree on nothing.
    """
    by_page = {each.page: each for each in merged.pages}
    naming = [
        (each, named)
        for each in merged.kept()
        if each.canonical is not None and (named := by_page.get(each.canonical)) is not None and named is not each
        if trust.proof_of(each) == each.source and trust.proof_of(named) == named.source
    ]
    agreed = await agreeing(connection, sweep_id, [(each.visit, named.visit) for each, named in naming])
    for each, named in naming:
        if (each.visit, named.visit) in agreed:
            merged.into(each, named, "named as canonical")


def is_read_alike(a: Answered, b: Answered) -> bool:
    """Whether two addresses gave the same bytes, or bytes that say the same."""
    return any(mine is not None and mine == other for mine, other in ((a.body, b.body), (a.source, b.source)))


def groups(pages: Iterable[Answered], key: Callable[[Answered], str | None]) -> Iterator[list[Answered]]:
    """The pages that share a key with another, key by key."""
    found: dict[str, list[Answered]] = defaultdict(list)
    for each in pages:
        named = key(each)
        if named is not None:
            found[named].append(each)
    return (group for group in found.values() if len(group) > 1)


def rank_from(start: str) -> Callable[[Answered], tuple[bool, bool, bool, bool, int, str]]:
    """The best first: the start, its scheme, what names itself canonical, what the sitemap lists, the shortest."""
    scheme = start.partition("://")[0]
    return lambda page: (
        page.address != start,
        page.address.partition("://")[0] != scheme,
        page.canonical != page.page,
        not page.in_sitemap,
        len(page.address),
        page.address,
    )


class _Merged:
    """Which page counts for which, while evidence comes in."""

    def __init__(self, pages: list[Answered], start: str) -> None:
        self.pages = pages
        self._rank = rank_from(start)
        self._into: dict[int, tuple[Answered, str]] = {}  # visit → the page that it counts as, and why

    def kept(self) -> list[Answered]:
        """The pages that still count for themselves."""
        return [each for each in self.pages if each.visit not in self._into]

    def counting_for(self, group: Iterable[Answered]) -> list[Answered]:
        """The pages as which those of a group count, each once."""
        return list({(last := self._last(each)).visit: last for each in group}.values())

    def among(self, group: Iterable[Answered], why: str, agree: Callable[[Answered, Answered], bool]) -> None:
        """Merge each page of a group into the best one with which it agrees."""
        best: list[Answered] = []
        for each in sorted(group, key=self._rank):
            other = next((other for other in best if agree(other, each)), None)
            if other is None:
                best.append(each)
            else:
                self._into[each.visit] = (other, why)

    def into(self, page: Answered, other: Answered, why: str) -> None:
        """Merge a page into another, unless that one counts as this."""
        if self._last(other) is not page:
            self._into[page.visit] = (other, why)

    def pairs(self) -> Iterator[tuple[Answered, Answered, str]]:
        """Each duplicate, the page that counts, and why."""
        for each in self.pages:
            if each.visit in self._into:
                yield each, self._last(each), self._into[each.visit][1]

    def _last(self, page: Answered) -> Answered:
        while page.visit in self._into:
            page = self._into[page.visit][0]
        return page
