"""How far a sweep has come, read from its rows, and the line that says so."""

from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.windows import Windows
from db.tables import Draw, Sweep, Visit
from db.words import SweepState, VisitState

WAITING = (VisitState.FOUND, VisitState.SELECTED)
LATELY = timedelta(minutes=10)  # that the pace of a sweep is measured over


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What the rows of a sweep say of its step."""

    state: SweepState
    done: int  # addresses explored, or chosen pages that are through
    waiting: int
    window: str


async def read_progress(connection: AsyncConnection, sweep_id: int) -> Reading:
    """Count a sweep's addresses."""
    read = sa.select(Sweep.state, Sweep.settings, Sweep.recheck).where(Sweep.id == sweep_id)
    state, settings, recheck = (await connection.execute(read)).one()
    rows = await connection.execute(
        sa.select(Visit.state, sa.func.count()).where(Visit.sweep_id == sweep_id).group_by(Visit.state)
    )
    counts: dict[VisitState, int] = dict(rows.all())
    drawn = sa.select(sa.func.count(sa.distinct(Draw.visit_id))).where(Draw.sweep_id == sweep_id)
    all_count = state is SweepState.EXPLORING or recheck  # a recheck draws nothing: all of its pages are chosen
    chosen = sum(counts.values()) if all_count else await connection.scalar(drawn) or 0
    waiting = sum(counts.get(each, 0) for each in WAITING)
    return Reading(state=state, done=max(0, chosen - waiting), waiting=waiting, window=settings.get("window", ""))


async def pace_lately(connection: AsyncConnection, sweep_id: int, moment: datetime) -> float:
    """Pages a minute that a sweep has audited of late; 0 when that cannot be told."""
    seen = sa.select(sa.func.count(), sa.func.min(Visit.audited_at), sa.func.max(Visit.audited_at)).where(
        Visit.sweep_id == sweep_id, ~Visit.carried, Visit.audited_at > moment - LATELY
    )
    pages, first, last = (await connection.execute(seen)).one()
    if first is None or last is None:
        return 0.0
    minutes = (last - first).total_seconds() / 60
    return (pages - 1) / minutes if minutes > 0.05 else 0.0


def progress_line(reading: Reading, rate: float, lang: str) -> str:
    """Counts, the rate a minute, and the expected end; of an unknown rate, 0, neither is said."""
    exploring = reading.state is SweepState.EXPLORING  # its end is unknown: what is found leads on
    end = "" if exploring or not rate else expected_end(reading.waiting / rate, datetime.now(), lang)
    if lang == "ja":
        step = "探索" if exploring else "検査"
        unit = "件" if exploring else "ページ"
        pace = f"（毎分 {rate:.0f} {unit}{end and f'、{end}'}）" if rate else ""
        return f"{step}: 済み {reading.done:,}、待ち {reading.waiting:,}{pace}"
    step = "exploring" if exploring else "auditing"
    unit = "addresses" if exploring else "pages"
    pace = f" ({rate:.0f} {unit}/min{end and f', {end}'})" if rate else ""
    return f"{step}: {reading.done:,} done, {reading.waiting:,} waiting{pace}"


def window_closed(window: str, moment: datetime, lang: str) -> str:
    """That no page is begun now, and from when on they are again; nothing while the window is open."""
    windows = Windows.parse(window)
    if windows.are_open(moment):
        return ""
    opens = f"{windows.next_opening(moment):%m-%d %H:%M %Z}"
    return (
        f"時間帯（{window}）の外: {opens} まで待ちます"
        if lang == "ja"
        else f"outside the window ({window}): waiting until {opens}"
    )


def expected_end(minutes: float, now: datetime, lang: str) -> str:
    """What is left of a step if it goes on as it did, and until when by this machine's clock."""
    if minutes < 1:
        return "残り 1 分未満" if lang == "ja" else "less than a minute left"
    at = now + timedelta(minutes=minutes)
    clock = f"{at:%H:%M}" if at.date() == now.date() else f"{at:%Y-%m-%d %H:%M}"
    hours = minutes >= 120
    left = minutes / 60 if hours else minutes
    if lang == "ja":
        return f"残り約 {left:.0f} {'時間' if hours else '分'}、{clock} ごろまで"
    return f"about {left:.0f} {'h' if hours else 'min'} left, until {clock}"
