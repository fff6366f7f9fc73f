"""Metrics and probes: what they say on both databases, who may ask, and that they are nowhere else."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from prometheus_client.parser import text_string_to_metric_families

from db.database import Database
from db.errors import UsageError
from db.tables import Schedule, ScheduledRun, Sweep, Visit
from db.types import now
from db.words import Came, Days, Reason, SweepState, VisitState
from reports.ops.listening import Listener, listener_of, listening
from reports.ops.metrics import Metrics
from reports.ops.processes import below, browsers_resident
from tests.reports.rows import Writer
from tests.web.serving import Served

TOKEN = "0123456789abcdef0123456789abcdef"


@asynccontextmanager
async def asking(database: Database, token: str | None = None, **headers: str) -> AsyncIterator[httpx.AsyncClient]:
    bound = socket.create_server(("127.0.0.1", 0))
    url = f"http://127.0.0.1:{bound.getsockname()[1]}"
    async with (
        listening(Listener(socket=bound, token=token), database),
        httpx.AsyncClient(base_url=url, headers=headers, verify=False) as client,
    ):
        yield client


def values(text: str) -> dict[str, float]:
    """Name and labels → value."""
    return {
        each.name + "".join(f"|{value}" for _, value in sorted(each.labels.items())): each.value
        for family in text_string_to_metric_families(text)
        for each in family.samples
    }


async def some_pages(database: Database, **columns: Any) -> None:
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(state=SweepState.AUDITING, finished_at=None, created_at=now(), **columns)
        for number in range(3):
            visit = await writer.visit(f"https://www.example.metro.tokyo.lg.jp/{number}")
            await writer.result(visit)
        await writer.visit(
            "https://www.example.metro.tokyo.lg.jp/3", state=VisitState.UNAUDITED, reason=Reason.CRASHED
        )
        await writer.visit("https://www.example.metro.tokyo.lg.jp/4", state=VisitState.SELECTED)
        await connection.execute(sa.update(Visit).where(Visit.id == visit).values(carried=True))


def pages_of(found: dict[str, float]) -> dict[str, float]:
    return {
        name.removeprefix("jisweep_pages_total|"): value for name, value in found.items() if "pages_total" in name
    }


async def read_again(metrics: Metrics) -> dict[str, float]:
    metrics._at = float("-inf")
    return values((await metrics.text()).decode())


async def test_numbers_come_from_rows_and_grow_with_them(database: Database) -> None:
    metrics = Metrics(database)
    await metrics.text()
    asked = {"asked_by": "cron", "asked_at": now() - timedelta(minutes=5)}
    await some_pages(database, address='https://hostile.example.lg.jp/"\\\n', **asked)
    found = await read_again(metrics)
    assert pages_of(found) == {"audited": 2, "carried": 1, "crashed": 1}
    assert found['jisweep_sweep_pages_left|https://hostile.example.lg.jp/"\\\n|1'] == 1
    queue = found["jisweep_sweeps|queued"], found["jisweep_queue_sweeps"], found["jisweep_database_up"]
    assert queue == (1, 1, 1)
    assert 300 <= found["jisweep_queue_oldest_seconds"] < 400
    async with database.writing() as connection:  # it finishes: what it counted is kept
        finished = {"state": SweepState.FINISHED, "finished_at": now(), "asked_at": None}
        await connection.execute(sa.update(Sweep).values(finished))
        await connection.execute(
            sa.update(Visit).where(Visit.state == VisitState.SELECTED).values(state=VisitState.AUDITED)
        )
    found = await read_again(metrics)
    assert (found["jisweep_pages_total|audited"], found["jisweep_finished_sweeps|incomplete"]) == (3, 1)
    assert found["process_resident_memory_bytes"] > 0
    assert (
        values((await Metrics(database).text()).decode()).get("jisweep_pages_total|audited") is None
    )  # begun later


async def test_pages_of_before_count_for_nothing_and_no_count_ever_shrinks(database: Database) -> None:
    await some_pages(database)
    metrics = Metrics(database)
    assert (
        pages_of(values((await metrics.text()).decode())) == {}
    )  # a process that begins in the middle has seen none
    async with database.writing() as connection:
        lost = Visit.state == VisitState.UNAUDITED
        await connection.execute(sa.update(Visit).where(lost).values(state=VisitState.SELECTED, reason=None))
    assert pages_of(await read_again(metrics)) == {}
    async with database.writing() as connection:
        crashed = {"state": VisitState.UNAUDITED, "reason": Reason.CRASHED}
        await connection.execute(sa.update(Visit).where(Visit.state == VisitState.SELECTED).values(crashed))
    assert pages_of(await read_again(metrics)) == {"crashed": 2}
    async with database.writing() as connection:  # they are tried again, and one is audited
        await connection.execute(sa.update(Visit).where(lost).values(state=VisitState.SELECTED, reason=None))
        one = sa.select(sa.func.max(Visit.id)).scalar_subquery()
        await connection.execute(sa.update(Visit).where(Visit.id == one).values(state=VisitState.AUDITED))
    assert pages_of(await read_again(metrics)) == {"crashed": 2, "audited": 1}


async def test_schedules_are_told(database: Database) -> None:
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin()
        kept: dict[str, Any] = {
            "site_id": writer.site, "zone": "Asia/Tokyo", "days": Days.EVERY, "plan": {}, "window": "", "priority": 0,
            "counts_from": now() - timedelta(days=9), "created_by": "x", "created_at": now(),
        }  # fmt: skip
        await writer.insert(Schedule, **kept, name="nobody", cron="0 22 * * *")
        await writer.insert(Schedule, **kept, name="paused", cron="0 22 * * *", paused_at=now(), paused_by="x")
        due = {"site_id": writer.site, "came_at": now(), "due_at": now() - timedelta(hours=1), "missed": 3}
        monthly = await writer.insert(Schedule, **kept, name="monthly", cron="0 0 29 2 *")
        await writer.insert(ScheduledRun, schedule_id=monthly, came=Came.FAILED, wrong={"ja": "", "en": ""}, **due)
    found = values((await Metrics(database).text()).decode())
    states = {each: found[f"jisweep_schedules|{each}"] for each in ("active", "paused", "unkept")}
    assert states == {"active": 2, "paused": 1, "unkept": 1}
    runs = {each: found[f"jisweep_scheduled_runs|{each}"] for each in ("begun", "overlaps", "failed", "missed")}
    assert runs == {"begun": 0, "overlaps": 0, "failed": 1, "missed": 3}


async def test_a_database_that_is_away_is_a_metric_and_not_ready(database_url: str) -> None:
    async with Database(database_url) as database, asking(database) as client:
        assert (await client.get("/readyz")).text == "ready\n"
        async with database.writing() as connection:
            await connection.execute(sa.text("UPDATE alembic_version SET version_num = 'later'"))
        await asyncio.sleep(2.1)  # it is remembered for two seconds
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.text) == (503, "not ready\n")
        assert (await client.get("/healthz")).text == "ok\n"


async def test_without_a_token_only_this_machine_by_its_own_name_is_answered(database: Database) -> None:
    async with asking(database) as client:
        assert (await client.get("/metrics")).status_code == 200
        for host in ("localhost:1", "[::1]:1", "127.0.0.1"):
            assert (await client.get("/metrics", headers={"Host": host})).status_code == 200
        for host in ("evil.example", "evil.example:1", "127.0.0.1.evil.example:1", ""):
            assert (await client.get("/metrics", headers={"Host": host})).status_code == 403
    async with asking(database, TOKEN) as client:
        assert (await client.get("/metrics")).status_code == 401
        for wrong in ("Bearer", f"Bearer {TOKEN[:-1]}", TOKEN, f"Basic {TOKEN}"):
            assert (await client.get("/metrics", headers={"Authorization": wrong})).status_code == 401
        borne = {"Authorization": f"Bearer {TOKEN}", "Host": "a11y.example.lg.jp"}
        assert (await client.get("/metrics", headers=borne)).status_code == 200
        assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize(
    ("address", "token", "says"),
    [
        ("0.0.0.0:9341", None, "--metrics-token"),
        ("[::]:9341", None, "--metrics-token"),
        ("a11y.example.lg.jp:9341", TOKEN, "must be of the form"),
        ("999.1.1.1:9341", TOKEN, "must be of the form"),
        ("0", None, "must be of the form"),
        ("70000", None, "must be of the form"),
        ("9341", "short", "16 characters"),
        ("9341", "with spaces in it, which is none", "16 characters"),
    ],
)
def test_what_would_open_too_wide_or_cannot_be_is_refused(
    tmp_path: Path, address: str, token: str | None, says: str
) -> None:
    path = tmp_path / "token"
    if token is not None:
        path.write_text(token, encoding="utf-8")
        path.chmod(0o600)
    with pytest.raises(UsageError, match=says):
        listener_of({"metrics": address, "metrics_token": path if token is not None else None})


def test_a_token_that_others_may_read_and_an_address_in_use_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(TOKEN, encoding="utf-8")
    path.chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600"):
        listener_of({"metrics": "9341", "metrics_token": path})
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(UsageError, match="Cannot listen"):
        listener_of({"metrics": str(taken.getsockname()[1]), "metrics_token": None})
    assert listener_of({"metrics": None, "metrics_token": None}) is None


async def test_the_application_tells_probes_to_everybody_and_metrics_to_nobody(database_url: str) -> None:
    with Served(database_url) as origin:
        async with httpx.AsyncClient(base_url=origin, verify=False) as client:
            for host in (None, "10.0.0.7:8341"):  # whoever balances the load calls by address
                headers = {"Host": host} if host else {}
                for path, text in (("/healthz", "ok\n"), ("/readyz", "ready\n")):
                    answer = await client.get(path, headers=headers)
                    assert (answer.status_code, answer.text) == (200, text)
                    assert answer.headers["cache-control"] == "no-store"
            assert (await client.get("/metrics")).status_code == 404
            assert (await client.get("/sign-in", headers={"Host": "10.0.0.7:8341"})).status_code == 421
            assert (await client.post("/healthz", content=b"x" * 10)).status_code in (403, 405)


def test_memory_is_that_of_processes_below_this_one_that_are_not_our_own() -> None:
    ours = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    other = subprocess.Popen(["sleep", "60"])
    try:
        assert {ours.pid, other.pid} <= set(below(os.getpid()))
        with_other = browsers_resident()
        other.kill()
        other.wait()
        assert 0 <= browsers_resident() < with_other
    finally:
        for each in (ours, other):
            each.kill()
            each.wait()
