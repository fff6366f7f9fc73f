"""`jisweep schedule` from a schedule's making to its removal, in both languages and for programs."""

import asyncio
import shutil
from datetime import timedelta
from pathlib import Path

import pytest

from audits.schedules.keeping import due
from db.database import Database
from db.types import now
from tests.cli.test_cycle import Here

SITE = "https://www.example.lg.jp/"
ADD = ("schedule", "add", "毎晩", "--cron", "0 22 * * *", "--site", SITE)


@pytest.fixture
def here(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    """The program with an empty database."""
    monkeypatch.delenv("JISWEEP_DB", raising=False)
    here = Here(tmp_path, monkeypatch, capsys)
    shutil.copyfile(sqlite_template, "jisweep.sqlite")
    return here


async def wait_a_week() -> None:
    async with Database("jisweep.sqlite", must_exist=True) as database:
        await due(database, now() + timedelta(days=7))


def test_a_schedule_is_made_looked_at_kept_paused_resumed_and_removed(here: Here) -> None:
    told = here.run(*ADD, "--days", "moved", "--window", "22:00-06:00", "--method", "mixed", "--pages", "50",
                    "--seed", "7", "--delay", "3", "--widen", "/x/*", "--priority", "high", "--by", "佐藤", "--json").object  # fmt: skip
    made = told["schedule"]
    assert (made["name"], made["site"], made["created_by"], made["priority"]) == ("毎晩", SITE, "佐藤", 1)
    assert (made["plan"]["method"], made["plan"]["pages"], made["plan"]["seed"]) == ("mixed", 50, 7)
    assert made["plan"]["limits"] == {"delay": 3.0, "widen": ["/x/*"]}  # what was not typed is left to the site
    assert len(made["next"]) == 5
    listed = here.run("schedule", "list", "--lang", "en").out
    assert "Every day at 22:00 (Asia/Tokyo); from a day off it moves to the next workday" in listed
    assert len(here.run("schedule", "next", "毎晩", "--number", "3").out.splitlines()) == 3
    assert here.run("schedule", "runs").out == "まだ予定の時刻が来ていません。\n"
    asyncio.run(wait_a_week())
    [run] = here.run("schedule", "runs", "毎晩", "--json").object["runs"]
    assert (run["came"], run["sweep"], run["late"], run["site"], run["state"]) == (
        "begun", 1, True, SITE, "exploring"
    )  # fmt: skip
    assert "調査1を始めました" in here.run("schedule", "list").out
    assert "休止しました" in here.run("schedule", "pause", "毎晩", "--by", "佐藤").out
    assert "Paused by 佐藤" in here.run("schedule", "next", "毎晩", "--lang", "en").out
    assert here.run("schedule", "list", "--json").object["schedules"][0]["next"] == []
    assert "再開しました" in here.run("schedule", "resume", "毎晩").out
    assert "Removed 毎晩" in here.run("schedule", "remove", "毎晩", "--lang", "en").out
    assert "ありません" in here.run("schedule", "list").out


def test_what_cannot_be_scheduled_is_refused_in_one_line(here: Here) -> None:
    head = ("schedule", "add", "x")
    for words, said in (
        ((*head, "--cron", "x", "--site", SITE), "no cron expression"),
        ((*head, "--cron", "0 22 * * *"), "either a site or an organisation"),
        ((*head, "--cron", "0 22 * * *", "--site", SITE, "--zone", "Asia/Edo"), "no time zone"),
        ((*head, "--cron", "0 22 * * *", "--site", SITE, "--window", "night"), "--window cannot be read"),
        ((*head, "--cron", "0 22 * * *", "--site", SITE, "--also", "jis2016"), "--also needs another"),
        ((*head, "--cron", "0 22 * * *", "--organisation", "東京都"), "no organisation"),
        (("schedule", "pause", "x", "--by", "佐藤"), "no schedule"),
    ):
        assert said in here.refused(2, *words), words
