"""A site's windows say when its pages may be begun, on its own clock."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.windows import TOKYO, Windows


def tokyo(text: str) -> datetime:
    """A moment by Tokyo's clock; 2026-11-23 is a Monday."""
    return datetime.strptime(text, "%Y-%m-%d %H:%M").replace(tzinfo=TOKYO)


MONDAY, FRIDAY, SATURDAY = "2026-11-23", "2026-11-27", "2026-11-28"


@pytest.mark.parametrize(
    ("windows", "open_at", "closed_at"),
    [
        ("22:00-06:00", [f"{MONDAY} 22:00", f"{MONDAY} 23:59", f"{MONDAY} 05:59"], [f"{MONDAY} 06:00", f"{MONDAY} 21:59"]),
        ("09:00-17:30", [f"{MONDAY} 09:00", f"{MONDAY} 17:29"], [f"{MONDAY} 17:30", f"{MONDAY} 08:59"]),
        ("sat,sun", [f"{SATURDAY} 00:00", "2026-11-29 23:59"], [f"{FRIDAY} 23:59", f"{MONDAY} 00:00"]),
        ("fri 22:00-06:00", [f"{FRIDAY} 22:00", f"{SATURDAY} 05:59"], [f"{FRIDAY} 05:00", f"{SATURDAY} 22:00"]),
        ("mon-fri 22:00-06:00; sat,sun", [f"{FRIDAY} 23:00", f"{SATURDAY} 12:00"], [f"{FRIDAY} 12:00", "2026-11-30 05:00"]),
        ("sat-mon", [f"{SATURDAY} 10:00", f"{MONDAY} 10:00"], [f"{FRIDAY} 10:00", "2026-11-24 10:00"]),
        ("Mon 00:00-24:00", [f"{MONDAY} 00:00", f"{MONDAY} 23:59"], ["2026-11-24 00:00"]),
        ("always", [f"{MONDAY} 12:00"], []),
        ("", [f"{MONDAY} 12:00"], []),
        ("13:00-21:00 UTC", [f"{MONDAY} 22:00", "2026-11-24 05:59"], [f"{MONDAY} 21:59", f"{MONDAY} 06:00"]),
    ],
)  # fmt: skip
def test_pages_are_begun_within_the_windows_only(windows: str, open_at: list[str], closed_at: list[str]) -> None:
    read = Windows.parse(windows)
    assert [each for each in open_at if not read.are_open(tokyo(each).astimezone(UTC))] == []
    assert [each for each in closed_at if read.are_open(tokyo(each).astimezone(UTC))] == []


@pytest.mark.parametrize(
    "windows",
    [
        "night", "22:00", "22-06", "25:00-06:00", "10:75-11:00", "22:00-25:00", "10:00-10:00", "someday", "mon-xyz",
        "mon 10:00-11:00 tue", "22:00-06:00 mon", "10:00-11:00;", "10:00-11:00 Asia/Nowhere", "10:00-11:00 ../etc",
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_refused(windows: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        Windows.parse(windows)


def test_the_next_opening_is_told_by_the_windows_clock() -> None:
    nights = Windows.parse("mon-fri 22:00-06:00")
    assert nights.next_opening(tokyo(f"{SATURDAY} 06:00")) == tokyo("2026-11-30 22:00")
    assert f"{nights.next_opening(tokyo(f'{MONDAY} 12:00').astimezone(UTC)):%H:%M %Z}" == "22:00 JST"
    within = tokyo(f"{MONDAY} 23:00")
    assert nights.next_opening(within) == within


def test_summer_time_moves_a_window_with_its_clock() -> None:
    berlin = Windows.parse("22:00-06:00 Europe/Berlin")
    zone = ZoneInfo("Europe/Berlin")
    before, after = datetime(2026, 3, 28, 21, 59, tzinfo=zone), datetime(2026, 3, 29, 6, 0, tzinfo=zone)
    assert berlin.closed_seconds(before.astimezone(UTC), after.astimezone(UTC)) == 60
    assert (after.astimezone(UTC) - before.astimezone(UTC)) == timedelta(hours=7, minutes=1)  # an hour is missing


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2026, 12, 31), timezones=st.just(UTC))
SOME = st.sampled_from(
    ["22:00-06:00", "sat,sun", "mon-fri 22:00-06:00; sat,sun", "wed 10:00-11:00; wed 10:30-12:00"]
)


@given(windows=SOME, moment=MOMENTS)
def test_windows_are_open_at_their_next_opening_and_closed_until_then(windows: str, moment: datetime) -> None:
    read = Windows.parse(windows)
    opens = read.next_opening(moment)
    assert read.are_open(opens)
    assert read.closed_seconds(moment, opens) == (opens - moment).total_seconds()


@given(windows=SOME, moment=MOMENTS, hours=st.integers(0, 400), split=st.floats(0, 1))
def test_closed_time_adds_up(windows: str, moment: datetime, hours: int, split: float) -> None:
    read = Windows.parse(windows)
    end = moment + timedelta(hours=hours)
    middle = moment + timedelta(seconds=int(hours * 3600 * split))
    whole = read.closed_seconds(moment, end)
    assert whole == pytest.approx(read.closed_seconds(moment, middle) + read.closed_seconds(middle, end))
    assert 0 <= whole <= hours * 3600
