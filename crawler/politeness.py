"""Politeness towards a host: few requests at once, a delay between starts, and a pause when it asks for one."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


class Politeness:
    """The turns of every host that is asked; a host is a machine, whatever the port."""

    def __init__(self, per_host: int, delay: float) -> None:
        """At most `per_host` requests at once, whose starts are `delay` seconds apart."""
        self._per_host = per_host
        self._delay = delay
        self._hosts: dict[str, _Host] = {}

    def set_delay(self, host: str, seconds: float) -> None:
        """Keep starts on a host this far apart (crawl-delay); never less than the delay for all hosts."""
        self._of(host).delay = max(seconds, self._delay)

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody begin with a request to the host for so long; a longer pause in force stays."""
        state = self._of(host)
        state.held_until = max(state.held_until, _now() + seconds)

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a turn and keep it while the request lasts."""
        state = self._of(host)
        async with state.places:
            async with state.starting:
                # In a loop, because a pause may grow while we wait for its end.
                while (wait := max(state.next_start, state.held_until) - _now()) > 0:  # noqa: ASYNC110
                    await asyncio.sleep(wait)
                state.next_start = _now() + state.delay
            yield

    def _of(self, host: str) -> "_Host":
        return self._hosts.setdefault(host, _Host(self._per_host, self._delay))


class _Host:
    """What is going on with one host; times are those of the event loop."""

    def __init__(self, places: int, delay: float) -> None:
        self.places = asyncio.Semaphore(places)
        self.starting = asyncio.Lock()
        self.delay = delay
        self.next_start = 0.0
        self.held_until = 0.0


def retry_after(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait, given in seconds or as a date (RFC 9110 10.2.3)."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:9])
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return max(0.0, (moment - datetime.now(UTC)).total_seconds())


def _now() -> float:
    return asyncio.get_running_loop().time()
