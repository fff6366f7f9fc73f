"""Whatever addresses a site has: those with different content stay apart, and neither order nor repetition matters."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import document as html
from crawler.address import spelling_key
from crawler.frontier import add_addresses
from crawler.identity import mark_duplicates
from crawler.minhash import pack
from db.tables import Site, Sweep, Visit
from db.types import now
from db.words import Edition, FoundBy, Level, Reason, SweepState, VisitState
from tests.db.rows import opened_copy

HOST = "http://h.jp"
PATHS = (
    "/", "/index.html", "/a", "/A", "/a/", "/a/index.html", "/a/INDEX.HTM", "/b?x=1&y=2", "/b?y=2&x=1", "/b/?x=1&y=2",
    "/b?x=2&y=1", "/c", "/c?print=1", "/c?ref=top", "/d/1.html", "/d/2.html", "//d/1.html", "/e?id=1", "/e?id=2",
)  # fmt: skip
TITLES = ("見本市", "広報")
PICTURES, BODIES = 2, 5
KANA = "".join(map(chr, range(0x3042, 0x3094)))


def body(number: int) -> str:
    """What a page says: a text that has nothing in common with those of other numbers, or a picture and few words."""
    if number > BODIES - PICTURES:
        return f'<img src="/{number}.png" alt="">準備中です。'
    return "".join(random.Random(number).choices(KANA, k=120))


# ── judged from rows ───────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, kw_only=True)
class Given:
    """An address that answered, and what a reader gets there."""

    path: str
    content: int  # which body a reader sees
    title: str
    names: str | None = None  # the path that it names as canonical
    in_sitemap: bool = False
    scripts: str | None = (
        None  # "still" ones change nothing; "acting" ones put the body into a frame that all share
    )
    rendered: bool = False

    def facts(self) -> dict[str, Any]:
        """What exploring leaves in the row."""
        source = read(f"<nav>{body(0)}</nav>" if self.scripts == "acting" else body(self.content), self.title)
        shown = read(body(self.content), self.title)
        return {
            "state": VisitState.EXPLORED, "title": self.title, "body_digest": source.content.wording + self.title,
            "content_digest": source.content.digest, "text_shape": pack(source.content.shape),
            "wording": source.content.wording,
            "script_key": self.scripts, "rendered": self.rendered, "in_sitemap": self.in_sitemap,
            "rendered_digest": shown.content.digest if self.rendered else None,
        }  # fmt: skip


@cache
def read(shown: str, title: str) -> html.Document:
    return html.read(f"<title>{title}</title><body><p>{shown}".encode(), "text/html; charset=utf-8", f"{HOST}/")


@st.composite
def sites(draw: st.DrawFn, bodies: int = BODIES) -> list[Given]:
    """Sites whose applications show one page under all spellings of an address: there the address is the question."""
    paths = draw(st.lists(st.sampled_from(PATHS), min_size=3, max_size=9, unique=True))
    by_key: dict[str, int] = {}
    pages = []
    for path in paths:
        scripts = draw(st.sampled_from((None, "still", "acting")))
        content = draw(st.integers(1, bodies))
        if scripts == "acting":
            content = by_key.setdefault(spelling_key(HOST + path), content)
        pages.append(
            Given(
                path=path, content=content, scripts=scripts, title=draw(st.sampled_from(TITLES)),
                names=draw(st.none() | st.sampled_from(paths)), in_sitemap=draw(st.booleans()),
                rendered=scripts is not None and draw(st.booleans()),
            )
        )  # fmt: skip
    return pages


Merged = dict[str, str]  # path of a duplicate → path that counts


async def merged(template: Path, pages: Sequence[Given], looks: int = 1) -> list[Merged]:
    """What is a duplicate of what after each look, when the pages were found in this order."""
    async with opened_copy(template) as database, database.writing() as connection:
        sweep = await new_sweep(connection)
        known: dict[str, int] = {}
        for each in pages:
            known |= await add_addresses(connection, sweep, [HOST + each.path], found_by=FoundBy.LINK, depth=1)
        for each in pages:
            named = known[HOST + each.names] if each.names else None
            mine = sa.update(Visit).where(Visit.page_id == known[HOST + each.path])
            await connection.execute(mine.values(canonical_id=named, **each.facts()))
        path_of = {page: address.removeprefix(HOST) for address, page in known.items()}
        return [await look(connection, sweep, path_of) for _ in range(looks)]


async def look(connection: AsyncConnection, sweep: Sweep, path_of: Mapping[int, str]) -> Merged:
    await mark_duplicates(connection, sweep.id, f"{HOST}/")
    rows = await connection.execute(
        sa.select(Visit.page_id, Visit.leads_to_id).where(Visit.reason == Reason.DUPLICATE)
    )
    return {path_of[page]: path_of[leads] for page, leads in rows}


async def new_sweep(connection: AsyncConnection) -> Sweep:
    site = await connection.scalar(sa.insert(Site).values(address=f"{HOST}/", created_at=now()).returning(Site.id))
    row = await connection.execute(
        sa.insert(Sweep)
        .values(
            site_id=site, state=SweepState.EXPLORING, edition=Edition.JIS2016, level=Level.AA, seed=1, settings={},
            depth=0, viewport_width=1, viewport_height=1, locale="ja-JP", timezone="Asia/Tokyo",
            created_at=now(),
        )
        .returning(Sweep)
    )  # fmt: skip
    return Sweep(**row.mappings().one())


@settings(max_examples=70, deadline=None)
@given(pages=sites())
async def test_addresses_with_different_content_are_never_one_page(
    sqlite_template: Path, pages: list[Given]
) -> None:
    content = {each.path: each.content for each in pages}
    [found] = await merged(sqlite_template, pages)
    assert {path: content[path] for path in found} == {path: content[kept] for path, kept in found.items()}
    assert not found.keys() & set(found.values()), "what counts for others counts for itself"


ONE_TEXT = [  # what the third page shares with the others, it shares when it has been merged into the first, too
    Given(path="/", content=1, title=TITLES[0]),
    Given(path="/index.html", content=1, title=TITLES[1], names="/"),
    Given(path="/a", content=1, title=TITLES[0]),
]


@settings(max_examples=30, deadline=None)
@given(pages=sites(bodies=2), order=st.randoms(use_true_random=False))
@example(pages=ONE_TEXT, order=random.Random(1))
async def test_neither_the_order_of_finding_nor_a_second_look_changes_anything(
    sqlite_template: Path, pages: list[Given], order: random.Random
) -> None:
    [first] = await merged(sqlite_template, pages)
    assert await merged(sqlite_template, order.sample(pages, len(pages)), looks=2) == [first, first]
