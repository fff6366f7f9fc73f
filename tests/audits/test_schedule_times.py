"""When schedules are due: the same times from wherever one looks, each once, whatever clocks and calendars do."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from audits.schedules.times import When, is_workday, workday_from
from db.errors import UsageError
from db.words import Days

ZONES = ("Asia/Tokyo", "America/New_York", "Europe/London", "Australia/Lord_Howe", "Pacific/Apia", "UTC")
START = datetime(2026, 1, 1, tzinfo=UTC)
moments = st.integers(0, 8 * 366 * 24 * 60).map(lambda minutes: START + timedelta(minutes=minutes))
hours = st.one_of(st.integers(0, 23).map(str), st.just("*"), st.sampled_from(["0,12", "1-3", "*/6"]))
days = st.one_of(st.just("*"), st.integers(1, 28).map(str), st.sampled_from(["L", "1,15", "LW"]))
weekdays = st.sampled_from(["*", "*", "5", "1-5", "SAT,SUN", "1#1", "5L"])
whens = st.builds(
    lambda minute, hour, day, weekday, zone, which: When(
        cron=f"{minute} {hour} {day} * {weekday}", zone=zone, days=which
    ),
    st.integers(0, 59), hours, days, weekdays, st.sampled_from(ZONES), st.sampled_from(Days),
)  # fmt: skip


@settings(max_examples=80, deadline=None)
@given(when=whens, moment=moments, skipped=st.integers(1, 20))
def test_times_follow_each_other_and_do_not_depend_on_when_one_looks(
    when: When, moment: datetime, skipped: int
) -> None:
    times = list(islice(when.after(moment), 25))
    assert all(earlier < later for earlier, later in zip([moment, *times], times, strict=False))
    assume(len(times) > skipped)  # "0 * * * SAT,SUN" on workdays never comes
    assert list(islice(when.after(times[skipped - 1]), 25 - skipped)) == times[skipped:]
    assert next(when.after(times[skipped] - timedelta(seconds=1))) == times[skipped]
    assert when.between(moment, times[-1]) == times
    shown = [each.astimezone(ZoneInfo(when.zone)) for each in times]
    if when.days is not Days.EVERY:
        assert all(is_workday(each.date()) for each in shown)
    minute = int(when.cron.split()[0])
    assert all(each.minute == minute or not stands(when, each) for each in shown)


def stands(when: When, shown: datetime) -> bool:
    """Whether the day has no hole in which the expression's time may have fallen."""
    zone = ZoneInfo(when.zone)
    begin = datetime.combine(shown.date(), time(), zone)
    return (begin - timedelta(days=1)).utcoffset() == (begin + timedelta(days=2)).utcoffset()


@settings(max_examples=40, deadline=None)
@given(zone=st.sampled_from(ZONES), hour=st.integers(0, 23), minute=st.integers(0, 59), moment=moments)
def test_every_day_of_the_calendar_has_its_run_once(zone: str, hour: int, minute: int, moment: datetime) -> None:
    when, clock = When(cron=f"{minute} {hour} * * *", zone=zone), ZoneInfo(zone)
    shown = [each.astimezone(clock) for each in islice(when.after(moment), 370)]
    for each, later in pairwise(shown):
        assert later.date() - each.date() == timedelta(days=1)
        if (each.hour, each.minute) != (hour, minute):  # the clock has left that out: it is the first that there is
            before = each - timedelta(minutes=1)
            assert before.astimezone(UTC).astimezone(clock).replace(tzinfo=None) != before.replace(tzinfo=None)


@pytest.mark.parametrize(
    ("cron", "from_day", "expected"),
    [
        ("30 2 * * *", date(2026, 3, 7), ["07 02:30-05:00", "08 03:00-04:00", "09 02:30-04:00"]),  # 02:30 is left out
        ("30 1 * * *", date(2026, 10, 31), ["31 01:30-04:00", "01 01:30-04:00", "02 01:30-05:00"]),  # 01:30 comes twice
        ("0 * * * *", date(2026, 3, 8), ["08 00:00-05:00", "08 01:00-05:00", "08 03:00-04:00"]),
    ],
)  # fmt: skip
def test_the_days_on_which_new_york_changes_its_clocks(cron: str, from_day: date, expected: list[str]) -> None:
    when = When(cron=cron, zone="America/New_York")
    begin = datetime.combine(from_day, time(), ZoneInfo("America/New_York")) - timedelta(minutes=1)
    assert [f"{each:%d %H:%M}{each:%z}"[:11] + ":00" for each in when.next(begin, 3)] == expected


def days_of(cron: str, which: Days, begin: date, number: int) -> list[str]:
    when = When(cron=cron, days=which)
    moment = datetime.combine(begin, time(), ZoneInfo("Asia/Tokyo"))
    return [f"{each:%Y-%m-%d}" for each in when.next(moment, number)]


def test_japanese_workdays_and_the_fiscal_year() -> None:
    golden_week = days_of("0 22 * * *", Days.WORKDAYS, date(2026, 5, 1), 3)
    assert golden_week == ["2026-05-01", "2026-05-07", "2026-05-08"]  # 6 May: a substitute holiday
    assert days_of("0 22 * * *", Days.MOVED, date(2026, 5, 1), 3) == golden_week  # moved to one day, once
    assert days_of("0 22 1 4 *", Days.MOVED, date(2026, 4, 2), 3) == ["2027-04-01", "2028-04-03", "2029-04-02"]
    quarters = days_of("0 22 1 1,4,7,10 *", Days.MOVED, date(2026, 12, 1), 4)
    assert quarters == ["2027-01-04", "2027-04-01", "2027-07-01", "2027-10-01"]  # offices open on 4 January
    assert not any(is_workday(date(2027, 1, day)) for day in (1, 2, 3, 11))
    assert not any(is_workday(date(2026, 12, day)) for day in (29, 30, 31))
    assert is_workday(date(2026, 12, 28))
    assert workday_from(date(2026, 9, 19)) == date(2026, 9, 24)  # 21 to 23: 敬老の日, 国民の休日, 秋分の日


@pytest.mark.parametrize(
    ("cron", "zone", "which", "said"),
    [
        ("* * * * *", "Asia/Tokyo", Days.EVERY, "more than once an hour"),
        ("0 22 * *", "Asia/Tokyo", Days.EVERY, "no cron expression"),
        ("0 0 22 * * *", "Asia/Tokyo", Days.EVERY, "no cron expression"),
        ("0 25 * * *", "Asia/Tokyo", Days.EVERY, "no cron expression"),
        ("0 22 30 2 *", "Asia/Tokyo", Days.EVERY, "no cron expression"),
        ("0 22 1 1 *", "Asia/Tokyo", Days.WORKDAYS, "never due"),
        ("0 22 * * *", "Asia/Edo", Days.EVERY, "no time zone"),
        ("0 22 * * *", "../etc/passwd", Days.EVERY, "no time zone"),
        ("0 22 * * *", "", Days.EVERY, "no time zone"),
    ],
)
def test_what_is_never_due_is_refused(cron: str, zone: str, which: Days, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        When(cron=cron, zone=zone, days=which).check(START)
