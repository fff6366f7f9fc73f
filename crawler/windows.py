"""Crawl windows: the hours of the week in which a site may be asked, such as nights and weekends."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from typing import Self
from zoneinfo import ZoneInfo

TOKYO = timezone(timedelta(hours=9), "JST")  # Japan keeps no summer time
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
WEEK = timedelta(days=8)  # within it every window has opened once

_HOURS = re.compile(r"(\d{1,2}):(\d{2})-(\d{1,2}):(\d{2})")
_DAYS = re.compile(r"[a-z]{3}(?:-[a-z]{3})?(?:,[a-z]{3}(?:-[a-z]{3})?)*")

Spell = tuple[datetime, datetime]


@dataclass(frozen=True, kw_only=True)
class _Hours:
    """One window of the day, on the days on which it begins."""

    days: frozenset[int]  # 0 is Monday
    begins: timedelta  # after midnight
    lasts: timedelta


@dataclass(frozen=True, kw_only=True)
class Windows:
    """When a site may be asked; without any window, always."""

    hours: tuple[_Hours, ...] = ()
    zone: tzinfo = TOKYO

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `22:00-06:00`, `sat,sun` or `mon-fri 22:00-06:00; sat,sun`, by Tokyo's clock or by a zone named last.

        Hours that go past midnight belong to the day on which they begin. `always`, or nothing, is no window.
        Raises ValueError that says what cannot be read.
        """
        words = text.lower().split()
        if words in ([], ["always"]):
            return cls()
        zone: tzinfo = TOKYO
        named = text.split()[-1]
        if "/" in named or named.upper() == "UTC":
            zone, text = _zone(named), text.rstrip().removesuffix(named)
        return cls(hours=tuple(_hours(each) for each in text.lower().split(";")), zone=zone)

    def are_open(self, moment: datetime) -> bool:
        """Whether a page may be begun at a moment."""
        return not self.hours or any(begins <= moment < ends for begins, ends in self._spells(moment, moment))

    def next_opening(self, moment: datetime) -> datetime:
        """When pages may be begun again, on the windows' clock: the moment itself while they may."""
        if self.are_open(moment):
            return moment.astimezone(self.zone)
        openings = (begins for begins, _ in self._spells(moment, moment + WEEK) if begins > moment)
        return min(openings).astimezone(self.zone)

    def closed_seconds(self, begins: datetime, ends: datetime) -> float:
        """Seconds between two moments in which no page could be begun."""
        if not self.hours:
            return 0.0
        closed, at = 0.0, begins
        for opened, shut in sorted(self._spells(begins, ends)):
            closed += max(0.0, (min(opened, ends) - at).total_seconds())
            at = max(at, min(shut, ends))
        return closed + max(0.0, (ends - at).total_seconds())

    def _spells(self, begins: datetime, ends: datetime) -> Iterator[Spell]:
        """The windows that may touch the time between two moments, as they fall on the calendar."""
        day = begins.astimezone(self.zone).date() - timedelta(days=1)
        while day <= ends.astimezone(self.zone).date():
            midnight = datetime.combine(day, time())
            for each in self.hours:
                if day.weekday() in each.days:
                    opened = midnight + each.begins
                    spell = (opened, opened + each.lasts)
                    begun, ended = (at.replace(tzinfo=self.zone).astimezone(UTC) for at in spell)
                    yield begun, ended
            day += timedelta(days=1)


def _hours(text: str) -> _Hours:
    days, begins, lasts = frozenset(range(7)), timedelta(), timedelta(days=1)
    words = text.split()
    if not words or len(words) > 2:
        raise ValueError(f"{text.strip()!r} is no window")
    if _DAYS.fullmatch(words[0]):
        days = frozenset(day for part in words.pop(0).split(",") for day in _days(part))
    if words:
        begins, lasts = _clock(words.pop(0))
    if words:
        raise ValueError(f"{text.strip()!r} is no window")
    return _Hours(days=days, begins=begins, lasts=lasts)


def _days(text: str) -> Iterator[int]:
    first, _, last = text.partition("-")
    for name in (first, last or first):
        if name not in DAYS:
            raise ValueError(f"{name!r} is no day of the week ({', '.join(DAYS)})")
    day, end = DAYS.index(first), DAYS.index(last or first)
    yield day
    while day != end:
        day = (day + 1) % 7
        yield day


def _clock(text: str) -> tuple[timedelta, timedelta]:
    """When hours begin, and how long they last."""
    found = _HOURS.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no time of day such as 22:00-06:00")
    begins, ends = (timedelta(hours=int(found[at]), minutes=int(found[at + 1])) for at in (1, 3))
    if max(int(found[2]), int(found[4])) > 59 or begins >= timedelta(days=1) or ends > timedelta(days=1):
        raise ValueError(f"{text!r} is no time of day such as 22:00-06:00")
    if begins == ends:
        raise ValueError(f"{text!r} lasts no time; for whole days name the days alone")
    return begins, ends - begins if ends > begins else ends - begins + timedelta(days=1)


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError) as error:
        raise ValueError(f"{name!r} is no time zone") from error
