"""Politeness towards a host: few requests at once, at the pace that it bears, none while it is better left alone.

The pace: starts are a gap apart. 429, 503, timeouts and answers that come later and later make the gap longer by a
factor; answers in a row that come as usual make it shorter again, step by step.

Left alone: after failures in a row nobody asks for a while, longer each time; then one question is put before all
others (a circuit breaker). A host that fails it too often is given up: it is not asked again.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from crawler.turns import Taken, Telling, Turns
from crawler.windows import Windows
from db.words import Reason

LOOK = 1.0  # seconds after which somebody who waits looks again: pauses grow and end, people stop us
SLOWER = 2.0  # what the gap is multiplied by when a host is in trouble
EASIER = 0.75  # the same after EASY answers that came as usual
EASY = 5
FIRST_GAP = 0.25  # seconds; what slows us down where there was no gap
LONGEST_GAP = 30.0  # seconds, unless the host asks for more
RISING = 3.0  # times a host's own best latency, and
FELT = 0.5  # seconds beyond it, are taken for labour


class Stopped(Exception):
    """We were asked to stop while we waited for a turn."""


class GivenUp(Exception):
    """A host is not asked again: why, and since when."""

    def __init__(self, trouble: "Trouble") -> None:
        super().__init__(trouble.detail)
        self.trouble = trouble


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A failure of a host that counts towards leaving it alone."""

    reason: Reason
    detail: str
    address: str
    in_browser: bool = False
    began: datetime  # of the first failure in its row, once there is one


@dataclass(frozen=True, kw_only=True)
class Patience:
    """When a host that fails is left alone, and for how long."""

    failures: int = 5  # in a row
    pause: float = 30.0  # seconds of the first pause; each further one is twice as long
    pauses: int = 5  # after so many without a good answer the host is given up
    most: int = 80  # failures in a row, however often it was only its pages that failed


Probe = Callable[[str, Trouble], Awaitable[bool | None]]


async def _no_probe(host: str, trouble: Trouble) -> None:
    """Nobody to ask: the next turn itself will tell."""


class Politeness:
    """The turns of every host that is asked; a host is a machine, whatever the port."""

    def __init__(
        self, per_host: int, delay: float, *, patience: Patience | None = None, windows: Windows | None = None,
        stop_outside: bool = False, probe: Probe = _no_probe, stopping: asyncio.Event | None = None,
        turns: Turns | None = None,
    ) -> None:  # fmt: skip
        """At most `per_host` requests at once, whose starts are `delay` seconds apart, within the windows.

        `probe` asks a host that was left alone whether it is well; None: the next turn shall tell. Once `stopping`
        is set, whoever waits for a turn gets Stopped instead; `stop_outside` sets it when the windows close.
        With `turns` all this holds for every process that shares them; how a host that fails is judged stays each one's own.
        """
        self._per_host = per_host
        self._delay = delay
        self._patience = patience or Patience()
        self._windows = windows or Windows()
        self._stop_outside = stop_outside
        self._probe = probe
        self._stopping = stopping or asyncio.Event()
        self._turns = turns
        self._telling = Telling()
        self._hosts: dict[str, _Host] = {}
        self.is_over: Callable[[], bool] = lambda: (
            False
        )  # whether there is no time left to wait for hosts that rest

    def set_delay(self, host: str, seconds: float) -> None:
        """Keep starts on a host this far apart (crawl-delay); never less than the delay for all hosts."""
        self._of(host).set_delay(max(seconds, self._delay))

    def hold(self, host: str, seconds: float) -> None:
        """Let nobody begin with a request to the host for so long; a longer pause in force stays."""
        with self._told(host) as state:
            state.held_until = max(state.held_until, _now() + seconds)

    def slow_down(self, host: str) -> None:
        """Ask the host less often from now on: it said that it is busy, or did not answer in time."""
        with self._told(host) as state:
            state.slow_down()

    def answered(self, host: str, seconds: float | None) -> None:
        """Note that the host answered as a host does that is well, and after how long."""
        with self._told(host) as state:
            state.answered(seconds if self._delay else None)

    def failed(self, host: str, trouble: Trouble) -> None:
        """Note that the host failed, or refused us."""
        with self._told(host) as state:
            state.failed(trouble)

    async def told(self) -> None:
        """Wait until other processes know what was learned of hosts."""
        await self._telling.done()

    @property
    def given_up(self) -> dict[str, Trouble]:
        """The hosts that are not asked any more, and the last that they did."""
        return {host: state.given_up for host, state in self._hosts.items() if state.given_up}

    @asynccontextmanager
    async def turn(self, host: str) -> AsyncIterator[None]:
        """Wait for a turn and keep it while the request lasts. Raises GivenUp or Stopped instead."""
        state = self._of(host)
        async with state.places:
            async with state.starting:
                taken = await self._take(host, state)
                while state.left_alone is not None and not await self._told_by_next(host, state, state.left_alone):
                    await self._give(taken)
                    taken = await self._take(host, state)
                state.next_start = _now() + state.gap
            try:
                yield
            finally:
                await self._give(taken)

    async def _take(self, host: str, state: "_Host") -> Taken | None:
        """Wait until a request may begin, here and among all who share the turns."""
        await self._wait(state)
        while self._turns is not None:
            await self._telling.done()
            found = await self._turns.take(host, self._per_host, state.gap)
            if isinstance(found, Taken):
                state.heed(found.gap)
                return found
            await asyncio.sleep(min(found, LOOK))
            await self._wait(state)
        return None

    async def _give(self, taken: Taken | None) -> None:
        if taken is not None and self._turns is not None:
            await self._turns.give(taken)

    @contextmanager
    def _told(self, host: str) -> Iterator["_Host"]:
        """The host's state to be changed; pauses and pace that come of it are told to whoever shares the turns."""
        state = self._of(host)
        gap, held_until = state.gap, state.held_until
        yield state
        if self._turns is None:
            return
        if state.gap != gap:
            self._telling.tell(self._turns.pace(host, state.taught))
        if state.held_until > held_until:
            self._telling.tell(self._turns.hold(host, state.held_until - _now()))

    async def _told_by_next(self, host: str, state: "_Host", trouble: Trouble) -> bool:
        """Ask whether the host is well after a pause; returns whether the turn that waits is to find out."""
        well = await self._probe(host, trouble)
        if well:
            state.well_again()
        else:
            state.rest()
        return well is None and state.given_up is None

    async def _wait(self, state: "_Host") -> None:
        """Wait until a request may begin, looking again and again: what we wait for changes meanwhile."""
        while True:
            closed = self._closed()
            if self._stopping.is_set():
                raise Stopped
            if state.left_alone is not None and self.is_over():
                state.give_up(state.left_alone)
            if state.given_up is not None:
                raise GivenUp(state.given_up)
            left = max(state.next_start - _now(), state.held_until - _now(), closed)
            if left <= 0:
                return
            await asyncio.sleep(min(left, LOOK))

    def _closed(self) -> float:
        """Seconds until the windows open."""
        moment = datetime.now(UTC)
        if self._windows.are_open(moment):
            return 0.0
        if self._stop_outside:
            self._stopping.set()
        return (self._windows.next_opening(moment) - moment).total_seconds()

    def _of(self, host: str) -> "_Host":
        if host not in self._hosts:
            self._hosts[host] = _Host(self._per_host, self._delay, self._patience)
        return self._hosts[host]


class _Host:
    """What is going on with one host; times are those of the event loop."""

    def __init__(self, places: int, delay: float, patience: Patience) -> None:
        self.places = asyncio.Semaphore(places)
        self.starting = asyncio.Lock()
        self.next_start = 0.0
        self.held_until = 0.0
        self.gap = delay  # seconds between starts now
        self.left_alone: Trouble | None = None  # why nobody asks before one question was answered
        self.given_up: Trouble | None = None
        self._delay = delay  # the least gap
        self._patience = patience
        self._bears = patience.failures  # in a row, until it is left alone
        self._failures = 0
        self._began: datetime | None = None  # when the first of the failures in a row was
        self._pauses = 0  # since it last answered well
        self._well = 0  # answers in a row
        self._latency: float | None = None  # seconds, moving average
        self._best: float | None = None

    def set_delay(self, seconds: float) -> None:
        self._delay = seconds
        self.gap = max(self.gap, seconds)

    @property
    def taught(self) -> float:
        """The gap as far as the host's trouble made it; 0 where it is the usual one."""
        return self.gap if self.gap > self._delay else 0.0

    def heed(self, gap: float) -> None:
        """Go by the gap that the host's trouble has taught others and us."""
        self.gap = max(self._delay, gap)

    def slow_down(self) -> None:
        self._well = 0
        self.gap = max(self._delay, min(max(self.gap * SLOWER, FIRST_GAP), LONGEST_GAP))

    def answered(self, seconds: float | None) -> None:
        if self.left_alone is not None:
            self.well_again()
        self._failures, self._began, self._pauses = 0, None, 0
        if seconds is not None:
            self._latency = seconds if self._latency is None else self._latency + (seconds - self._latency) / EASY
        self._well += 1
        if self._well == EASY:
            self._well = 0
            self._adapt()

    def failed(self, trouble: Trouble) -> None:
        """Count a failure; those that come in while the host is left alone are of the same row."""
        self._well = 0
        self._failures += 1
        self._began = self._began or trouble.began
        if self._failures >= self._bears and self.left_alone is None:
            self.left_alone = trouble
            self.rest()

    def rest(self) -> None:
        """Leave the host alone for its next pause, or for good."""
        assert self.left_alone is not None
        if self._pauses >= self._patience.pauses:
            self.give_up(self.left_alone)
            return
        self.held_until = max(self.held_until, _now() + self._patience.pause * 2.0**self._pauses)
        self._pauses += 1

    def give_up(self, last: Trouble) -> None:
        self.given_up = replace(last, began=self._began or last.began)

    def well_again(self) -> None:
        """The host itself is well: what fails in a row are its pages, and more of them are borne next time."""
        self.left_alone = None
        self.held_until = 0.0
        self._bears = max(self._bears, min(2 * self._bears, self._patience.most))
        self._failures, self._began, self._pauses = 0, None, 0

    def _adapt(self) -> None:
        """After some answers in a row: slower when they took ever longer, else a step back to the usual pace."""
        if self._latency is not None:
            self._best = min(self._best or self._latency, self._latency)
            if self._latency > max(self._best * RISING, self._best + FELT):
                self.slow_down()
                return
        eased = self.gap * EASIER
        self.gap = self._delay if eased <= max(self._delay, FIRST_GAP / SLOWER) else eased


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
