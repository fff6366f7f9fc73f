"""Turns at a host hold for all processes on a database: places, gaps, pauses; what the dead held comes free."""

import asyncio
import time
from datetime import timedelta

import sqlalchemy as sa

from crawler.politeness import Politeness
from crawler.turns import Taken, Turns
from db.clock import later
from db.database import Database
from db.tables import Turn

HOST = "www.example.lg.jp"


async def test_processes_together_keep_to_the_places_and_the_gap_of_a_host(database: Database) -> None:
    at_once, most, starts = 0, 0, []

    async def ask(manners: Politeness) -> None:
        nonlocal at_once, most
        async with manners.turn(HOST):
            starts.append(time.monotonic())
            at_once += 1
            most = max(most, at_once)
            await asyncio.sleep(0.25)
            at_once -= 1

    async with Turns(database, "a/1/1") as one, Turns(database, "b/1/1") as other:
        crowd = [Politeness(2, 0.1, turns=each) for each in (one, other)]
        await asyncio.gather(*(ask(crowd[number % 2]) for number in range(8)))
    assert most == 2
    assert (
        max(starts) - min(starts) > 0.09 * 7
    )  # single starts come late by what a commit takes; all of them cannot


async def test_a_pause_that_one_was_asked_for_holds_for_the_others(database: Database) -> None:
    async with Turns(database, "a/1/1") as one, Turns(database, "b/1/1") as other:
        busy, free = Politeness(2, 0.0, turns=one), Politeness(2, 0.0, turns=other)
        busy.hold(HOST, 1.0)
        await busy.told()
        began = time.monotonic()
        async with free.turn(HOST):
            assert time.monotonic() - began > 0.8


async def test_the_turn_of_a_process_that_died_comes_free_when_its_lease_ends(database: Database) -> None:
    dead, living = Turns(database, "dead/1/1"), Turns(database, "living/1/1")
    assert isinstance(await dead.take(HOST, 1, 0.0), Taken)
    assert isinstance(await living.take(HOST, 1, 0.0), float)
    async with database.writing() as connection:
        await connection.execute(sa.update(Turn).values(until=later(timedelta(seconds=-1))))
    await dead.renew()  # it wakes up: what has ended is not renewed
    assert isinstance(await living.take(HOST, 1, 0.0), Taken)


async def test_a_turn_that_could_not_be_given_back_is_not_held_for_ever(database: Database) -> None:
    held, other = Turns(database, "held/1/1"), Turns(database, "other/1/1")
    turn = await held.take(HOST, 1, 0.0)
    assert isinstance(turn, Taken)
    giving = asyncio.create_task(held.give(turn))
    await asyncio.sleep(0)
    giving.cancel()  # as when the database goes away: it never comes to be told
    assert isinstance(await other.take(HOST, 1, 0.0), float)
    async with database.writing() as connection:
        await connection.execute(sa.update(Turn).values(until=later(timedelta(seconds=1))))
    await held.renew()
    await asyncio.sleep(1.2)
    assert isinstance(await other.take(HOST, 1, 0.0), Taken)
