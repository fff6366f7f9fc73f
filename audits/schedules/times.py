"""When a schedule is due: a cron expression by the clock of a time zone, and the workdays of Japanese public offices.

Each time that the expression names on a wall clock is due once: one that the clock leaves out in spring, at the first
minute that there is; one that it shows twice in autumn, the first time.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import groupby, islice
from zoneinfo import ZoneInfo

import holidays
from cronsim import CronSim, CronSimError

from db.errors import UsageError
from db.words import Days

FAR = timedelta(days=366 * 9)  # within it 29 February has been, 2100 or not
REST = timedelta(days=31)  # no run of days off is as long
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
SATURDAY = 5


@dataclass(frozen=True, kw_only=True)
class When:
    """When a schedule is due."""

    cron: str
    zone: str = "Asia/Tokyo"
    days: Days = Days.EVERY

    def check(self, moment: datetime) -> None:
        """Raises UsageError for an expression or a zone that cannot be read, or that is never due after a moment."""
        _zone(self.zone)
        _parsed(self.cron, datetime(2000, 1, 1))
        if next(self.after(moment), None) is None:
            raise UsageError(
                ja=f"「{self.cron}」に当てはまる日がありません。日・月・曜日と、数える日の指定を確かめてください。",
                en=f"{self.cron!r} is never due: check its days, and which days count.",
            )

    def after(self, moment: datetime) -> Iterator[datetime]:
        """The times after a moment at which it is due, in UTC, in their order, each once; none when there is none in years."""
        zone = _zone(self.zone)
        last = moment.astimezone(UTC)
        begin = last.astimezone(zone).replace(tzinfo=None) - (REST if self.days is Days.MOVED else 2 * DAY)
        for wall in self._walls(begin, last.astimezone(zone).replace(tzinfo=None) + FAR):
            due = _on_the_clock(wall, zone)
            if due > last:
                yield due
                last = due

    def between(self, begins: datetime, ends: datetime) -> list[datetime]:
        """The times after one moment and up to another."""
        found = []
        for due in self.after(begins):
            if due > ends:
                break
            found.append(due)
        return found

    def next(self, moment: datetime, number: int = 5) -> list[datetime]:
        """The next times after a moment, on the clock of its zone."""
        return [each.astimezone(_zone(self.zone)) for each in islice(self.after(moment), number)]

    def _walls(self, begins: datetime, ends: datetime) -> Iterator[datetime]:
        """What wall clocks show when it is due, in order."""
        named = _until(_parsed(self.cron, begins), ends)
        if self.days is Days.EVERY:
            yield from named
        elif self.days is Days.WORKDAYS:
            yield from (each for each in named if is_workday(each.date()))
        else:  # several days may be moved to one
            for day, some in groupby(named, key=lambda each: workday_from(each.date())):
                yield from sorted({datetime.combine(day, each.time()) for each in some})


def is_workday(day: date) -> bool:
    """Whether public offices are open: 行政機関の休日に関する法律 article 1, and the ordinances that follow it."""
    is_new_year = (day.month, day.day) >= (12, 29) or (day.month, day.day) <= (1, 3)
    return day.weekday() < SATURDAY and not is_new_year and day not in _japan()


def workday_from(day: date) -> date:
    """The day, or the next on which public offices are open."""
    while not is_workday(day):
        day += DAY
    return day


@cache
def _japan() -> holidays.HolidayBase:
    return holidays.country_holidays("JP")


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise UsageError(
            ja=f"「{name}」という時間帯（タイムゾーン）はありません（例: Asia/Tokyo）。",
            en=f"{name!r} is no time zone (such as Asia/Tokyo).",
        ) from error


def _parsed(cron: str, begins: datetime) -> CronSim:
    """The expression, from a time of a wall clock on. Raises UsageError."""
    fields = cron.split()
    try:
        if len(fields) != 5:
            raise CronSimError("Wrong number of fields")
        parsed = CronSim(cron, begins)
    except CronSimError as error:
        raise UsageError(
            ja=f"「{cron}」は cron の式として読めません（{error}）。「分 時 日 月 曜日」の5つで書いてください（例: 0 22 * * 5）。",
            en=f"{cron!r} is no cron expression ({error}): write minute, hour, day, month and weekday, as in '0 22 * * 5'.",
        ) from error
    if len(parsed.minutes) != 1:
        raise UsageError(
            ja=f"「{cron}」は1時間に2回以上になります。分は一つの数にしてください。",
            en=f"{cron!r} is due more than once an hour: its minute must be one number.",
        )
    return parsed


def _until(times: Iterator[datetime], ends: datetime) -> Iterator[datetime]:
    """The times until an end; where an expression never comes true the iterator has none."""
    for each in times:
        if each > ends:
            return
        yield each


def _on_the_clock(wall: datetime, zone: ZoneInfo) -> datetime:
    """The moment, in UTC, at which clocks of a zone show a time, or first show a later one."""
    while True:
        moment = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
        if moment.astimezone(zone).replace(tzinfo=None) == wall:
            return moment
        wall += MINUTE
