"""A host is asked at the pace that it can bear."""

import asyncio
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from crawler.politeness import Politeness, retry_after


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
