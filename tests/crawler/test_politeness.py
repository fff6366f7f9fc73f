"""A host is asked at the pace that it can bear."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from crawler.politeness import (
    EASY,
    LONGEST_GAP,
    GivenUp,
    Patience,
    Politeness,
    Stopped,
    Trouble,
    _Host,
    retry_after,
)
from crawler.windows import TOKYO, Windows
from db.words import Reason


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("120", 120), (" 0 ", 0), ("-1", None), ("1.5", None), ("soon", None), ("", None), (None, None), ("９", None)],
)
def test_retry_after_in_seconds(value: str | None, seconds: float | None) -> None:
    assert retry_after(value) == seconds


def test_retry_after_as_a_date() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=90)
    assert retry_after(format_datetime(moment, usegmt=True)) == pytest.approx(90, abs=2)
    assert retry_after("Sun, 06 Nov 1994 08:49:37 GMT") == 0
    assert retry_after("Sunday, 06-Nov-94 08:49:37 GMT") == 0
    assert retry_after("Sun Nov  6 08:49:37 1994") == 0
    assert retry_after("Sun, 99 Nov 1994 08:49:37 GMT") is None


async def test_hosts_do_not_wait_for_each_other() -> None:
    politeness = Politeness(per_host=1, delay=0)
    politeness.hold("a.jp", 60)
    async with asyncio.timeout(1), politeness.turn("b.jp"):
        pass


async def test_a_pause_that_grows_while_waiting_counts() -> None:
    politeness = Politeness(per_host=1, delay=0)
    politeness.hold("a.jp", 0.1)

    async def turn() -> None:
        async with politeness.turn("a.jp"):
            pass

    began = asyncio.get_running_loop().time()
    waiting = asyncio.create_task(turn())
    await asyncio.sleep(0.05)
    politeness.hold("a.jp", 0.2)
    await waiting
    assert asyncio.get_running_loop().time() - began > 0.24


async def test_a_delay_asked_for_never_hastens() -> None:
    politeness = Politeness(per_host=1, delay=0.2)
    politeness.set_delay("a.jp", 0)
    began = asyncio.get_running_loop().time()
    for _ in range(2):
        async with politeness.turn("a.jp"):
            pass
    assert asyncio.get_running_loop().time() - began > 0.18


async def test_a_turn_given_up_is_free_again() -> None:
    politeness = Politeness(per_host=1, delay=0)
    politeness.hold("a.jp", 0.1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01), politeness.turn("a.jp"):
            pass
    async with asyncio.timeout(1), politeness.turn("a.jp"):
        pass


def trouble(reason: Reason = Reason.CONNECTION) -> Trouble:
    return Trouble(reason=reason, detail="refused", address="http://a.jp/", began=datetime.now(UTC))


async def turns(politeness: Politeness, count: int) -> float:
    """Seconds that so many turns take."""
    began = asyncio.get_running_loop().time()
    for _ in range(count):
        async with politeness.turn("a.jp"):
            pass
    return asyncio.get_running_loop().time() - began


async def test_a_host_in_trouble_is_asked_less_often_and_more_again_after_answers_in_a_row() -> None:
    politeness = Politeness(per_host=1, delay=0)
    assert await turns(politeness, 20) < 0.1
    politeness.slow_down("a.jp")
    assert await turns(politeness, 2) > 0.24
    for _ in range(EASY * 3):
        politeness.answered("a.jp", None)
    assert await turns(politeness, 3) < 0.4  # the first turn still waits out the old gap
    assert await turns(politeness, 20) < 0.1


async def test_the_gap_has_bounds_but_never_undercuts_what_the_host_asks_for() -> None:
    host = _Host(1, 0.5, Patience())
    for _ in range(100):
        host.slow_down()
    assert host.gap == LONGEST_GAP
    for _ in range(EASY * 100):
        host.answered(None)
    assert host.gap == 0.5
    host.set_delay(60)
    host.slow_down()
    assert host.gap == 60


async def test_answers_that_come_later_than_the_hosts_best_slow_us_down() -> None:
    host = _Host(1, 0.5, Patience())
    for _ in range(EASY):
        host.answered(0.2)
    assert host.gap == 0.5
    for _ in range(EASY * 2):
        host.answered(3.0)
    assert host.gap >= 1.0
    for _ in range(EASY * 20):
        host.answered(0.2)
    assert host.gap == 0.5


async def test_a_host_that_was_always_slow_is_at_its_best() -> None:
    host = _Host(1, 0.5, Patience())
    for _ in range(EASY * 10):
        host.answered(5.0)
    assert host.gap == 0.5


async def test_whoever_owns_the_host_is_not_slowed_by_its_latency() -> None:
    politeness = Politeness(per_host=1, delay=0)
    for seconds in (0.01,) * EASY + (5.0,) * EASY * 3:
        politeness.answered("a.jp", seconds)
    assert await turns(politeness, 20) < 0.1


async def test_a_host_that_fails_in_a_row_is_probed_by_one_question_before_others_go_on() -> None:
    asked: list[str] = []
    answers = [False, True]

    async def probe(host: str, _: Trouble) -> bool:
        asked.append(host)
        return answers.pop(0)

    politeness = Politeness(per_host=3, delay=0, patience=Patience(failures=3, pause=0.05), probe=probe)
    for _ in range(2):
        politeness.failed("a.jp", trouble())
    assert await turns(politeness, 3) < 0.04
    politeness.failed("a.jp", trouble())
    took = await asyncio.gather(*(turns(politeness, 1) for _ in range(3)))
    assert asked == ["a.jp", "a.jp"]
    assert min(took) > 0.14  # 0.05, and after the first probe 0.1
    for _ in range(5):
        politeness.failed("a.jp", trouble())  # its pages fail, it does not: more of them are borne
    assert await turns(politeness, 3) < 0.04


async def test_a_host_that_never_comes_back_is_given_up_with_its_reason() -> None:
    async def probe(_host: str, _trouble: Trouble) -> bool:
        return False

    politeness = Politeness(per_host=2, delay=0, patience=Patience(failures=1, pause=0.01, pauses=3), probe=probe)
    politeness.failed("a.jp", trouble(Reason.DNS))
    for _ in range(2):
        with pytest.raises(GivenUp) as given:
            await turns(politeness, 1)
        assert given.value.trouble.reason is Reason.DNS
    assert list(politeness.given_up) == ["a.jp"]
    async with asyncio.timeout(1), politeness.turn("b.jp"):
        pass


async def test_where_no_probe_can_tell_one_turn_goes_ahead_and_tells() -> None:
    politeness = Politeness(per_host=3, delay=0, patience=Patience(failures=1, pause=0.2))
    politeness.failed("a.jp", trouble(Reason.BLOCKED))
    went: list[float] = []

    async def go() -> None:
        async with politeness.turn("a.jp"):
            went.append(asyncio.get_running_loop().time())
            await asyncio.sleep(0.1)
            politeness.answered("a.jp", None)

    await asyncio.gather(*(go() for _ in range(3)))
    assert went[1] - went[0] > 0.09


async def test_who_waits_is_let_go_when_asked_to_stop() -> None:
    stopping = asyncio.Event()
    politeness = Politeness(per_host=1, delay=0, stopping=stopping)
    politeness.hold("a.jp", 60)
    waiting = asyncio.create_task(turns(politeness, 1))
    await asyncio.sleep(0.05)
    stopping.set()
    with pytest.raises(Stopped):
        await asyncio.wait_for(waiting, 2)


async def test_no_turn_begins_outside_the_windows() -> None:
    now = datetime.now(TOKYO)
    closed = Windows.parse(f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await turns(Politeness(per_host=1, delay=0, windows=closed), 1)
    stopping = asyncio.Event()
    with pytest.raises(Stopped):
        await turns(Politeness(per_host=1, delay=0, windows=closed, stop_outside=True, stopping=stopping), 1)
    assert stopping.is_set()
