"""The line that says how far a sweep is: rates from readings, the end from rates."""

from datetime import datetime

import pytest

from db.words import SweepState
from reports.cli.progress import Pace
from reports.progress import expected_end

EXPLORING, AUDITING = SweepState.EXPLORING, SweepState.AUDITING


def test_the_rate_is_what_was_done_since_the_step_was_first_seen() -> None:
    pace = Pace()
    assert pace.per_minute(EXPLORING, 0, 100) == 0
    assert pace.per_minute(EXPLORING, 40, 130) == 80
    assert pace.per_minute(EXPLORING, 60, 160) == 60


def test_what_was_done_before_this_process_took_over_does_not_count() -> None:
    pace = Pace()
    assert pace.per_minute(AUDITING, 500, 0) == 0
    assert pace.per_minute(AUDITING, 530, 60) == 30


def test_a_step_that_begins_between_two_readings_begins_with_nothing_done() -> None:
    pace = Pace()
    pace.per_minute(EXPLORING, 0, 0)
    pace.per_minute(EXPLORING, 9, 10)
    assert pace.per_minute(AUDITING, 5, 20) == 30
    assert pace.per_minute(AUDITING, 20, 40) == 40


def test_a_step_too_young_has_no_rate() -> None:
    pace = Pace()
    pace.per_minute(AUDITING, 0, 0)
    assert pace.per_minute(AUDITING, 3, 1) == 0


@pytest.mark.parametrize(
    ("minutes", "ja", "en"),
    [
        (0.4, "残り 1 分未満", "less than a minute left"),
        (34.6, "残り約 35 分、14:04 ごろまで", "about 35 min left, until 14:04"),
        (60 * 11, "残り約 11 時間、2026-11-25 00:30 ごろまで", "about 11 h left, until 2026-11-25 00:30"),
    ],
)
def test_the_end_is_told_in_hours_and_with_the_day_when_it_is_far(minutes: float, ja: str, en: str) -> None:
    now = datetime(2026, 11, 24, 13, 30)
    assert expected_end(minutes, now, "ja") == ja
    assert expected_end(minutes, now, "en") == en
