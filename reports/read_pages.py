"""What the rows say of audited pages, read a few pages at a time so that memory stays flat."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.defects.naming import KNOWN_AS, parted
from db.tables import Assertion, Defect, Draw, Finding, Page, PartPage, Picture, Result, Visit
from db.words import Assertor, Edition, FoundBy, Impact, Outcome, Part


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A picture: the name of its file and its size in image px."""

    id: int
    name: str
    width: int
    height: int


@dataclass(frozen=True, kw_only=True)
class Spot:
    """One place where a rule failed or could not tell."""

    position: int
    defect: int  # known by the name that it goes by
    rule: str
    outcome: Outcome
    impact: Impact | None
    frame: list[Any]
    target: list[Any]
    snippet: str
    checks: list[Any]
    box: list[float] | None
    picture: Shown | None


@dataclass(frozen=True, kw_only=True)
class Membership:
    """A part of the sample that a page belongs to."""

    part: Part
    rank: int
    why: str | None
    added_by: str | None = None  # who put it in, or gave it another reason


@dataclass(frozen=True, kw_only=True)
class Count:
    """The machine's word on one criterion of one page."""

    failed: int
    cant_tell: int


@dataclass(frozen=True, kw_only=True)
class Audited:
    """One page with its result."""

    visit: int
    page: int
    address: str
    title: str | None
    http_status: int | None
    content_type: str | None
    found_by: FoundBy
    found_on: str | None
    in_sitemap: bool
    linked: bool
    shown: bool
    depth: int
    audited_at: datetime  # in this sweep, unless carried; a result that is shared may be older
    carried: bool  # from an earlier sweep: nothing has changed since
    engine: str
    engine_version: str
    rule_set: str
    edition: Edition
    viewport_width: int
    viewport_height: int
    settled: bool
    untested: list[dict[str, Any]]
    page_width: int
    page_height: int
    pictured_height: int | None
    pictures_disposed_at: datetime | None  # this and the next two: see audits.keeping
    texts_disposed_at: datetime | None
    places_disposed_at: datetime | None
    picture: Shown | None
    parts: tuple[Membership, ...]
    spots: tuple[Spot, ...]
    criteria: dict[str, Count]


async def audited(connection: AsyncConnection, visits: Sequence[int]) -> list[Audited]:
    """The pages of these visits, in this order."""
    rows = {row.visit: row for row in await connection.execute(_pages(visits))}
    results = [row.result for row in rows.values()]
    parts = await _by_key(connection, _parts(visits), Membership)
    spots = await spots_of(connection, results)
    counts = await _counts(connection, results)
    return [
        Audited(
            **{name: row._mapping[name] for name in Audited.__dataclass_fields__ if name in row._mapping},
            picture=_shown(row),
            parts=tuple(parts[visit]),
            spots=tuple(spots[row.result]),
            criteria=counts[row.result],
        )
        for visit in visits
        if (row := rows.get(visit)) is not None
    ]


PICTURE = (
    Picture.id.label("picture_id"), Picture.digest, Picture.media_type,
    Picture.width.label("image_width"), Picture.height.label("image_height"),
)  # fmt: skip


def _pages(visits: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    own = [
        getattr(Result, name)
        for name in Audited.__dataclass_fields__
        if hasattr(Result, name) and name not in ("visit", "picture")
    ]
    found_on = aliased(Page)
    return (
        sa.select(
            Visit.id.label("visit"), Visit.page_id.label("page"), Visit.title, Visit.http_status, Visit.content_type, Visit.found_by,
            Visit.in_sitemap, Visit.linked, Visit.shown, Visit.depth, Visit.audited_at, Visit.carried,
            Page.address, found_on.address.label("found_on"),
            Result.id.label("result"), *own, *PICTURE,
        )
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(found_on, found_on.id == Visit.found_on_id)
        .join(Result, Result.id == Visit.result_id)
        .outerjoin(Picture, Picture.id == Result.picture_id)
        .where(Visit.id.in_(visits))
    )  # fmt: skip


def _parts(visits: Sequence[int]) -> sa.Select[*tuple[Any, ...]]:
    # "representative" sorts behind "random" and "census": shown first, so descending
    return (
        sa.select(Draw.visit_id, Draw.part, Draw.rank, Draw.why, Draw.added_by)
        .where(Draw.visit_id.in_(visits))
        .order_by(Draw.part.desc())
    )


async def _by_key(
    connection: AsyncConnection, query: sa.Select[*tuple[Any, ...]], kind: type[Any]
) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = defaultdict(list)
    for key, *values in await connection.execute(query):
        found[key].append(kind(**dict(zip(kind.__dataclass_fields__, values, strict=True))))
    return found


async def spots_of(connection: AsyncConnection, results: Sequence[int]) -> dict[int, list[Spot]]:
    """The places of some results, in their order."""
    own = [getattr(Finding, name) for name in Spot.__dataclass_fields__ if name not in ("picture", "defect")]
    query = (
        sa.select(Finding.result_id, KNOWN_AS.label("defect"), *own, *PICTURE)
        .select_from(Finding)
        .join(Defect, Defect.id == Finding.defect_id)
        .join(Result, Result.id == Finding.result_id)
        .outerjoin(PartPage, parted(Result.page_id))
        .outerjoin(Picture, Picture.id == Finding.picture_id)
        .where(Finding.result_id.in_(results))
        .order_by(Finding.result_id, Finding.position)
    )
    found: dict[int, list[Spot]] = defaultdict(list)
    for row in await connection.execute(query):
        values = {name: row._mapping[name] for name in Spot.__dataclass_fields__ if name != "picture"}
        found[row.result_id].append(Spot(**values, picture=_shown(row)))
    return found


async def _counts(connection: AsyncConnection, results: Sequence[int]) -> dict[int, dict[str, Count]]:
    query = sa.select(
        Assertion.result_id, Assertion.criterion, Assertion.failed_places, Assertion.cant_tell_places
    ).where(Assertion.result_id.in_(results), Assertion.assertor == Assertor.AXE)
    found: dict[int, dict[str, Count]] = defaultdict(dict)
    for result, criterion, failed, cant_tell in await connection.execute(query):
        found[result][criterion] = Count(failed=failed, cant_tell=cant_tell)
    return found


def _shown(row: sa.Row[Any]) -> Shown | None:
    if row.picture_id is None:
        return None
    ending = EXTENSIONS.get(row.media_type, "bin")
    return Shown(id=row.picture_id, name=f"{row.digest}.{ending}", width=row.image_width, height=row.image_height)


EXTENSIONS = {"image/webp": "webp", "image/png": "png", "image/jpeg": "jpg"}
