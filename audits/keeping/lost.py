"""What results have lost: when their pictures, texts and places were disposed of, and what can be shown no more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.cover import day_of
from db.errors import UsageError
from db.tables import Result, Visit
from db.types import Moment
from db.words import Kept

DATED = {
    Kept.PICTURES: Result.pictures_disposed_at,
    Kept.TEXTS: Result.texts_disposed_at,
    Kept.PLACES: Result.places_disposed_at,
}  # kind → when a result lost what it had of it
WHOLE = sa.and_(*(each.is_(None) for each in DATED.values()))  # a result that has lost nothing


@dataclass(frozen=True, kw_only=True)
class Lost:
    """How many pages of a sweep have lost what they had of a kind, and on which day the last did."""

    pages: int
    on: date


async def lost_of(connection: AsyncConnection, sweep_id: int) -> Mapping[Kept, Lost]:
    """What the pages of a sweep have lost, by kind."""
    counts = [sa.func.count(each) for each in DATED.values()]
    last = [sa.type_coerce(sa.func.max(each), Moment()) for each in DATED.values()]
    query = sa.select(*counts, *last).join(Visit, Visit.result_id == Result.id).where(Visit.sweep_id == sweep_id)
    row = tuple((await connection.execute(query)).one())
    told = zip(DATED, row[: len(DATED)], row[len(DATED) :], strict=True)
    return {kind: Lost(pages=pages, on=day_of(at)) for kind, pages, at in told if pages}


async def check_whole(connection: AsyncConnection, sweep_id: int) -> None:
    """Raises UsageError for a sweep whose places can be shown no more: its report would be one without its grounds."""
    lost = await lost_of(connection, sweep_id)
    days = [each.on for kind, each in lost.items() if kind is not Kept.PICTURES]
    if days:
        raise UsageError(
            ja=f"スイープ {sweep_id} の証跡は {max(days)} に廃棄しました。報告書はもう書き出せません（数字は jisweep trend とウェブ画面で見られます）。",
            en=f"The evidence of sweep {sweep_id} was disposed of on {max(days)}: no report of it can be written any more "
            "(its numbers stand in jisweep trend and the web application).",
        )
