"""Metrics for Prometheus: what the rows say, and what this process and its browsers take.

What is read from rows is the same from every process: scrape one for it, or take the maximum; never the sum.
"""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from db.database import Database
from db.errors import JisweepError
from db.tables import Sweep, Visit
from db.types import now
from db.words import Came, SweepState, VisitState
from reports.ops.processes import browsers_resident
from reports.ops.standing import Ended, Overall, Standing, read_standing

REMEMBERED = 10.0  # seconds between two readings of the rows, however often somebody asks
PATIENCE = 8.0  # seconds for the database to answer; Prometheus waits ten
PERIOD = timedelta(hours=24)  # of jisweep_finished_sweeps

log = logging.getLogger(__name__)


class Outcomes:
    """How pages have ended since somebody first asked this process: they only grow, as a counter must.

    What had ended by then counts for nothing, in a sweep that is gone on with neither; a page that was lost, and is audited
    when it is tried again, counts for both.
    """

    def __init__(self) -> None:
        self._since: datetime | None = None
        self._last: dict[
            int, tuple[datetime | None, Counter[str]]
        ] = {}  # sweep → when it finished, and what it came to
        self._total: Counter[str] = Counter()

    async def read(self, connection: AsyncConnection) -> Counter[str]:
        """Pages by outcome: audited, carried, or the reason for having no result."""
        since = self._since or now()
        lives = sa.or_(Sweep.state != SweepState.FINISHED, Sweep.finished_at >= since)
        for sweep, created_at, finished_at in await connection.execute(
            sa.select(Sweep.id, Sweep.created_at, Sweep.finished_at).where(lives)
        ):
            known = self._last.get(sweep)
            if known is not None and finished_at is not None and known[0] == finished_at:
                continue
            found = await _outcomes_of(connection, sweep)
            if known is not None or created_at >= since:
                self._total += found - (known[1] if known is not None else Counter())
            self._last[sweep] = finished_at, found
        self._since = since
        return self._total


async def _outcomes_of(connection: AsyncConnection, sweep: int) -> Counter[str]:
    ended = Visit.sweep_id == sweep, Visit.state.in_((VisitState.AUDITED, VisitState.UNAUDITED))
    columns = Visit.state, Visit.carried, Visit.reason
    rows = await connection.execute(sa.select(*columns, sa.func.count()).where(*ended).group_by(*columns))
    found: Counter[str] = Counter()
    for state, carried, reason, number in rows:
        audited = "carried" if carried else "audited"
        found[audited if state is VisitState.AUDITED else str(reason)] += number
    return found


class Metrics:
    """What is told to whoever asks, read anew when it is older than REMEMBERED."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._outcomes = Outcomes()
        self._told, self._at = b"", float("-inf")
        self._reading = asyncio.Lock()

    async def text(self) -> bytes:
        """The text format of Prometheus. That the database cannot be asked is a metric, too: jisweep_database_up 0."""
        async with self._reading:
            if time.monotonic() - self._at > REMEMBERED:
                self._told, self._at = await self._rows(), time.monotonic()
            process = await asyncio.to_thread(lambda: _text(_of_browsers()) + generate_latest(REGISTRY))
            return self._told + process

    async def _rows(self) -> bytes:
        try:
            async with asyncio.timeout(PATIENCE), self._database.reading() as connection:
                overall = await read_standing(connection, now(), PERIOD)
                outcomes = await self._outcomes.read(connection)
        except (JisweepError, OSError, DBAPIError, TimeoutError) as error:
            log.error("metrics cannot be read from the database: %s", str(error) or "no answer")
            return _text([_gauge("database_up", "Whether the database could be read.", 0)])
        return _text(_of_rows(overall, outcomes))


def _text(metrics: Iterable[Metric]) -> bytes:
    registry = CollectorRegistry()
    registry.register(_Collected(metrics))
    return generate_latest(registry)


class _Collected:
    """Metrics that have been worked out, for a registry to write."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self._metrics = list(metrics)

    def collect(self) -> Iterable[Metric]:
        return self._metrics


def _gauge(name: str, says: str, value: float) -> Metric:
    return GaugeMetricFamily(f"jisweep_{name}", says, value)


def _labelled(
    name: str, says: str, labels: list[str], values: Iterable[tuple[Iterable[str], float | None]]
) -> Metric:
    gauge = GaugeMetricFamily(f"jisweep_{name}", says, labels=labels)
    for label, value in values:
        if value is not None:  # what is not known has no number
            gauge.add_metric(list(label), value)
    return gauge


def _of_browsers() -> Iterator[Metric]:
    says = "Memory of this process's browsers and their driver; what they share is counted in each."
    yield _gauge("browsers_resident_bytes", says, browsers_resident())


def _of_rows(overall: Overall, outcomes: Counter[str]) -> Iterator[Metric]:
    yield _gauge("database_up", "Whether the database could be read.", 1)
    yield _gauge("database_bytes", "Size of the database.", overall.size)
    standing = Counter(each.standing for each in overall.under_way)
    yield _labelled(
        "sweeps", "Sweeps that are not finished, by what they are doing.", ["standing"],
        (((each.value,), standing[each]) for each in Standing),
    )  # fmt: skip
    finished = Counter("complete" if each.complete else "incomplete" for each in overall.finished)
    yield _labelled(
        "finished_sweeps", "Sweeps that finished within 24 hours.", ["outcome"],
        (((each,), finished[each]) for each in ("complete", "incomplete")),
    )  # fmt: skip
    pages = CounterMetricFamily(
        "jisweep_pages", "Pages that ended since this process was first asked, by outcome; all sweeps of the database.", labels=["outcome"]
    )  # fmt: skip
    for outcome, number in sorted(outcomes.items()):
        pages.add_metric([outcome], number)
    yield pages
    yield from _of_sweeps_under_way(overall)
    waiting = [each.asked_at for each in overall.queue if each.asked_at]
    yield _gauge("queue_sweeps", "Wanted sweeps that nobody has taken on.", len(overall.queue))
    oldest = (overall.at - min(waiting)).total_seconds() if waiting else 0
    yield _gauge("queue_oldest_seconds", "For how long the first of them has waited.", oldest)
    held = sum(each.pages for each in overall.holders if not each.ended)
    yield _labelled(
        "leases", "Pages in somebody's hand, and those let go without a result.", ["state"],
        [(("held",), held), (("ended",), overall.ended_leases)],
    )  # fmt: skip
    workers = Counter(
        "silent" if each.silent else "draining" if each.drains else "working" for each in overall.workers
    )
    yield _labelled("workers", "Workers that have not ended, by what they do.", ["state"],
                    (((each,), workers[each]) for each in ("working", "draining", "silent")))  # fmt: skip
    yield _gauge("suspect_sweeps", "Finished sweeps that wait for a person's word.", len(overall.suspect))
    watched = overall.schedules
    schedules = (("active", watched.active), ("paused", watched.paused), ("unkept", len(watched.unkept)))
    yield _labelled("schedules", "Schedules; unkept: of the active ones, those whose times nobody keeps.", ["state"],
                    (((name,), number) for name, number in schedules))  # fmt: skip
    runs = {**{each.value: watched.came.get(each.value, 0) for each in Came}, "missed": watched.missed}
    yield _labelled("scheduled_runs", "Due times of sites within 24 hours, by what came of them.", ["came"],
                    (((name,), number) for name, number in runs.items()))  # fmt: skip
    posted = overall.notices
    yield _labelled("notices", "Notices that wait, are late, or were given up within 24 hours.", ["state"],
                    [(("waiting",), posted.waiting), (("late",), posted.late), (("given_up",), posted.given_up)])  # fmt: skip
    alive = sum(not each.ended for each in overall.holders)
    yield _gauge("holders", "Processes that hold a sweep or a page.", alive)
    yield from _of_sites(overall.sites)


def _of_sweeps_under_way(overall: Overall) -> Iterator[Metric]:
    mine = [((str(each.sweep), each.site), each) for each in overall.under_way]
    labels = ["sweep", "site"]
    yield _labelled("sweep_pages_done", "Addresses explored, or chosen pages that are through.", labels,
                    ((label, each.done) for label, each in mine))  # fmt: skip
    yield _labelled(
        "sweep_pages_left", "What is left of the step.", labels, ((label, each.left) for label, each in mine)
    )
    yield _labelled("sweep_pages_per_minute", "Pages audited of late.", labels,
                    ((label, each.per_minute) for label, each in mine))  # fmt: skip


def _of_sites(sites: Iterable[Ended]) -> Iterator[Metric]:
    """Each site's last finished sweep: an alarm on its time is the one that notices a schedule that died."""
    done = [((each.site,), each, each.finished_at, each.began_at) for each in sites if each.finished_at]
    yield _labelled("site_last_finished_timestamp_seconds", "When the site's last sweep finished.", ["site"],
                    ((site, finished.timestamp()) for site, _, finished, _ in done))  # fmt: skip
    yield _labelled("site_last_duration_seconds", "From its beginning to its end, pauses included.", ["site"],
                    ((site, (finished - began).total_seconds() if began else None) for site, _, finished, began in done))  # fmt: skip
    for name, says in (("audited", "Pages that it audited."), ("lost", "Chosen pages of it without a result.")):
        yield _labelled(f"site_last_pages_{name}", says, ["site"],
                        ((site, getattr(each, name)) for site, each, _, _ in done))  # fmt: skip
