"""Schedules in words: when they are due, their next times, and what came of the last ones."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from cronsim import CronSim

from audits.schedules.book import PRIORITIES, Kept
from audits.schedules.keeping import is_late
from audits.schedules.times import When
from db.words import Came, Days
from reports.language import Language


def when_words(when: When, language: Language) -> str:
    """When it is due, in one line."""
    say, parsed = language.say, CronSim(when.cron, datetime(2000, 1, 1))
    minute = min(parsed.minutes)
    days = say(
        "schedule.words", days=_days(parsed, language), times=_times(parsed.hours, minute, language), zone=when.zone
    )
    return days if when.days is Days.EVERY else days + say(f"schedule.{when.days.value}")


def time_words(due: datetime, zone: str, language: Language) -> str:
    """A time on the clock of a zone."""
    at = due.astimezone(ZoneInfo(zone))
    weekday = language.say(f"schedule.weekday.{at.isoweekday() % 7}")
    return language.say("schedule.at", day=language.date(at.date()), weekday=weekday, time=f"{at:%H:%M}")


def next_words(kept: Kept, moment: datetime, language: Language, number: int = 5) -> list[str]:
    """The next times of a schedule; of one that is paused, that it is."""
    row = kept.row
    if row.paused_at is not None:
        told = language.say("schedule.no_next", person=row.paused_by, moment=language.moment(row.paused_at))
        return [told]
    return [time_words(each, row.zone, language) for each in kept.next(moment, number)]


def priority_words(priority: int, language: Language) -> str:
    """A priority in words; its number where people have none for it."""
    names = {number: name for name, number in PRIORITIES.items()}
    return language.say(f"schedule.{names[priority]}") if priority in names else str(priority)


def run_words(run: Any, language: Language) -> list[str]:
    """What came of a due time at a site: whether, how late, and what went wrong; `run` is a row of book.runs()."""
    say = language.say
    why = (run.wrong or {}).get(language.lang, "")
    sweep = "" if run.sweep is None else str(run.sweep)
    lines = [say(f"schedule.{run.came.value if run.came else 'open'}", sweep=sweep, why=why)]
    if run.came_at is not None and is_late(run):
        key = "schedule.late_missed" if run.missed else "schedule.late"
        lines.append(say(key, late=_span(run.came_at - run.due, language), missed=run.missed))
    if run.came is Came.BEGUN and run.halted:
        lines.append(say("schedule.halted", why=run.halted.get(language.lang, "")))
    return lines


def as_json(kept: Kept, moment: datetime) -> dict[str, Any]:
    """A schedule for programs."""
    row = kept.row
    return {
        "name": row.name, "site": kept.target if row.site_id else None, "organisation": None if row.site_id else kept.target,
        "cron": row.cron, "zone": row.zone, "days": row.days.value, "window": row.window, "priority": row.priority,
        "plan": row.plan, "paused_by": row.paused_by, "paused_at": row.paused_at and row.paused_at.isoformat(),
        "created_by": row.created_by, "created_at": row.created_at.isoformat(),
        "next": [each.isoformat() for each in kept.next(moment)],
    }  # fmt: skip


def run_as_json(run: Any) -> dict[str, Any]:
    """What came of a due time at a site, for programs."""
    return {
        "schedule": run.schedule, "site": run.site, "due_at": run.due.isoformat(), "came": run.came and run.came.value,
        "came_at": run.came_at and run.came_at.isoformat(), "late": is_late(run), "missed": run.missed,
        "sweep": run.sweep, "state": run.state and run.state.value, "halted": run.halted, "wrong": run.wrong,
    }  # fmt: skip


def _days(parsed: CronSim, language: Language) -> str:
    say = language.say
    comma = say("common.comma")
    months = comma.join(
        say(f"month.{each}") if language.lang == "en" else f"{each}月" for each in sorted(parsed.months)
    )
    is_all_year, is_daily = len(parsed.months) == 12, len(parsed.days) == 31
    is_all_week = parsed.weekdays >= set(range(7))
    days, weekdays = _month_days(parsed, language), _weekdays(parsed.weekdays, language)
    if is_daily and is_all_week:
        return say("schedule.every_day") if is_all_year else say("schedule.every_year", months=months)
    if is_daily and parsed.day_and:
        return say("schedule.every_week" if is_all_year else "schedule.year_week", days=weekdays, months=months)
    if not is_all_week:
        days = say("schedule.both" if parsed.day_and else "schedule.either", days=days, weekdays=weekdays)
    return say("schedule.every_month" if is_all_year else "schedule.year_month", days=days, months=months)


def _month_days(parsed: CronSim, language: Language) -> str:
    last = {CronSim.LAST: "schedule.last_day", CronSim.LAST_WEEKDAY: "schedule.last_weekday"}
    told = [language.say("schedule.month_day", n=each) for each in sorted(parsed.days) if each not in last]
    told += [language.say(key) for each, key in last.items() if each in parsed.days]
    return language.say("common.comma").join(told)


def _weekdays(weekdays: Iterable[int | tuple[int, int]], language: Language) -> str:
    say = language.say
    plain = sorted({each % 7 for each in weekdays if isinstance(each, int)})
    told = [say(f"schedule.weekday.{each}") for each in plain]
    for day, nth in sorted(each for each in weekdays if isinstance(each, tuple)):
        name = say(f"schedule.weekday.{day % 7}")
        told.append(say("schedule.last", day=name) if nth == CronSim.LAST else say("schedule.nth", n=nth, day=name))
    return say("common.comma").join(told)


def _times(hours: set[int], minute: int, language: Language) -> str:
    if len(hours) == 24:
        return language.say("schedule.hourly", minute=minute)
    return language.say("common.comma").join(f"{hour}:{minute:02}" for hour in sorted(hours))


def _span(span: timedelta, language: Language) -> str:
    """A length of time, to its greatest unit."""
    minutes = int(span.total_seconds() // 60)
    for name, unit in (("days_late", 24 * 60), ("hours", 60), ("minutes", 1)):
        if minutes >= 2 * unit or unit == 1:
            return language.say(f"schedule.{name}", n=minutes // unit)
    raise AssertionError
