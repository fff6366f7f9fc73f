"""Choosing the pages of a sweep (JIS X 8341-3:2016 Annex JB.1.2 a to d), with the draw kept as rows."""

import random
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import minhash, shape
from crawler.address import directory_of, path_of, spelling_key
from crawler.kinds import Kind
from crawler.scope import Scope
from db.tables import Draw, Page, Sweep, Visit
from db.types import now
from db.words import Method, Part, SweepState, VisitState

CENSUS_UP_TO = 100  # known pages; above it WAIC's test guide recommends method d)
SAMPLE = 40  # pages in all: WAIC's guide, not a rule
RANDOM_OF_MIXED = 30
CATEGORIES = 200  # category tops that are considered, the largest first


@dataclass(frozen=True, kw_only=True)
class FramePage:
    """A page of the frame, with what choosing needs to know of it."""

    visit: int
    address: str
    kinds: tuple[str, ...]
    template: int


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A page in the sample as one part of it."""

    visit: int
    part: Part
    rank: int
    why: str | None = None


async def choose(connection: AsyncConnection, sweep: Sweep, scope: Scope) -> None:
    """Choose the pages of an explored sweep, keep the draw as rows, and move the sweep on to auditing."""
    frame = await _frame(connection, sweep.id)
    method = method_for(len(frame), sweep.method_asked, sweep.pages_asked)
    choices = drawn(frame, scope.start, method, sweep.seed, pages=sweep.pages_asked, at_random=sweep.random_asked)
    if choices:
        await connection.execute(
            sa.insert(Draw),
            [
                {"sweep_id": sweep.id, "visit_id": each.visit, "part": each.part, "rank": each.rank,
                 "why": each.why}
                for each in choices
            ],
        )  # fmt: skip
    in_sample = sa.exists().where(Draw.visit_id == Visit.id)
    for state, chosen in ((VisitState.SELECTED, in_sample), (VisitState.NOT_CHOSEN, ~in_sample)):
        await connection.execute(
            sa.update(Visit)
            .where(Visit.sweep_id == sweep.id, Visit.state == VisitState.EXPLORED, chosen)
            .values(state=state)
        )
    await connection.execute(
        sa.update(Sweep)
        .where(Sweep.id == sweep.id)
        .values(state=SweepState.AUDITING, method=method, chosen_at=now())
    )


def method_for(known: int, asked: Method | None, pages: int | None) -> Method:
    """The method in force: a) when nothing would be left out, else as asked, else by number of known pages."""
    if asked is Method.ALL or (asked is not Method.REPRESENTATIVE and known <= (pages or SAMPLE)):
        return Method.ALL
    if asked is not None:
        return asked
    return Method.ALL if pages is None and known <= CENSUS_UP_TO else Method.MIXED


def drawn(
    frame: Sequence[FramePage], start: str, method: Method, seed: int, *,
    pages: int | None = None, at_random: int | None = None,
) -> list[Choice]:  # fmt: skip
    """The pages that a method chooses from a frame in the order of addresses; same seed and frame, same pages.

    The random part is drawn from the whole frame, so that it speaks for all of it; the representative part
    fills the sample up to its size. A page may belong to both.
    """
    if method is Method.ALL:
        return [Choice(visit=page.visit, part=Part.CENSUS, rank=rank) for rank, page in _ranked(frame)]
    size = pages or SAMPLE
    share = {Method.RANDOM: size, Method.REPRESENTATIVE: 0}.get(method, at_random)
    if share is None:
        share = RANDOM_OF_MIXED if pages is None else size * RANDOM_OF_MIXED // SAMPLE
    by_chance = random.Random(seed).sample(list(frame), min(share, len(frame)))
    choices = [Choice(visit=page.visit, part=Part.RANDOM, rank=rank) for rank, page in _ranked(by_chance)]
    taken = {choice.visit for choice in choices}
    rank = 0
    for page, why in representatives(frame, start) if method is not Method.RANDOM else ():
        if len(taken) >= size and page.visit not in taken:
            continue
        rank += 1
        taken.add(page.visit)
        choices.append(Choice(visit=page.visit, part=Part.REPRESENTATIVE, rank=rank, why=why))
    return choices


def representatives(frame: Sequence[FramePage], start: str) -> list[tuple[FramePage, str]]:
    """Pages that stand for the set, most telling first, each with what it stands for.

    Top page, one of each recognised kind, category tops and templates by turns (WAIC test guide, 3.2); then, for a
    sample that is not full with these, further pages of each template by turns.
    """
    tops = sorted((page for page in frame if spelling_key(page.address) == spelling_key(start)), key=_nearness)
    top = [(page, "top") for page in sorted(tops, key=lambda page: page.address != start)][:1]
    kinds = [
        (page, f"kind:{kind.value}")
        for kind in Kind
        for page in _shortest(page for page in frame if kind.value in page.kinds)
    ]
    categories = [(page, "category") for page in category_tops(frame, start)]
    templates = [(page, f"template:{page.template}") for page in _one_of_each_template(frame)]
    chosen: dict[int, tuple[FramePage, str]] = {}
    for page, why in (*top, *kinds, *_by_turns(templates, categories)):
        if page.visit in chosen:
            why = f"{chosen[page.visit][1]} {why}"
        chosen[page.visit] = (page, why)
    for page in _by_turns_of_template(frame):
        chosen.setdefault(page.visit, (page, f"further:{page.template}"))
    return list(chosen.values())


def _by_turns_of_template(frame: Sequence[FramePage]) -> list[FramePage]:
    """All pages: the first of each template, the second of each, and so on."""
    seen: Counter[int] = Counter()
    turns: list[tuple[int, int, FramePage]] = []
    for place, page in enumerate(frame):
        turns.append((seen[page.template], place, page))
        seen[page.template] += 1
    return [page for _, _, page in sorted(turns, key=lambda turn: turn[:2])]


def category_tops(frame: Sequence[FramePage], start: str) -> list[FramePage]:
    """The first page of each directory right below the start, the directory with most pages first."""
    base = directory_of(start)
    sizes: dict[str, int] = {}
    tops: dict[str, FramePage] = {}
    for page in frame:
        path = path_of(page.address).split("?")[0]
        if not path.startswith(base) or "/" not in path[len(base) :]:
            continue
        category = path[len(base) :].split("/")[0]
        sizes[category] = sizes.get(category, 0) + 1
        best = tops.get(category)
        if best is None or _nearness(page) < _nearness(best):
            tops[category] = page
    order = sorted(tops, key=lambda category: (-sizes[category], category))
    return [tops[category] for category in order[:CATEGORIES] if sizes[category] > 1]


async def _frame(connection: AsyncConnection, sweep_id: int) -> list[FramePage]:
    """The explored pages in the order of their addresses, with their templates numbered and kept."""
    rows = (
        await connection.execute(
            sa.select(Visit.id, Page.address, Visit.kinds, Visit.shape)
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.sweep_id == sweep_id, Visit.state == VisitState.EXPLORED)
        )
    ).all()
    rows = sorted(rows, key=lambda row: row.address)  # databases sort text by different rules
    templates = shape.cluster([minhash.unpack(row.shape) for row in rows])
    if rows:
        await connection.execute(
            sa.update(Visit).where(Visit.id == sa.bindparam("visit")).values(template=sa.bindparam("number")),
            [{"visit": row.id, "number": number} for row, number in zip(rows, templates, strict=True)],
        )
    return [
        FramePage(visit=row.id, address=row.address, kinds=tuple(row.kinds), template=number)
        for row, number in zip(rows, templates, strict=True)
    ]


def _one_of_each_template(frame: Sequence[FramePage]) -> list[FramePage]:
    sizes: dict[int, int] = {}
    for page in frame:
        sizes[page.template] = sizes.get(page.template, 0) + 1
    first = {page.template: page for page in reversed(frame)}
    return [first[template] for template in sorted(first, key=lambda each: (-sizes[each], each))]


def _shortest(pages: Iterable[FramePage]) -> list[FramePage]:
    return sorted(pages, key=_nearness)[:1]


def _nearness(page: FramePage) -> tuple[int, int, str]:
    return (path_of(page.address).count("/"), len(page.address), page.address)


def _by_turns(
    some: Sequence[tuple[FramePage, str]], others: Sequence[tuple[FramePage, str]]
) -> list[tuple[FramePage, str]]:
    turns: list[tuple[FramePage, str]] = []
    for index in range(max(len(some), len(others))):
        turns += [*some[index : index + 1], *others[index : index + 1]]
    return turns


def _ranked(pages: Iterable[FramePage]) -> Iterable[tuple[int, FramePage]]:
    return enumerate(pages, start=1)
