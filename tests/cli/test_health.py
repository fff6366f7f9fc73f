"""Whether a sweep counts, and who is told of it, on the command line."""

import asyncio
from pathlib import Path

import pytest

from audits.health import Checkup, Measured, Thresholds
from audits.trust import judge
from db.database import Database
from db.words import Doubt, Trust
from reports.health_view import health_lines
from reports.language import Language
from tests.audits.trending import Histories, days
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.reports.mailbox import hook_server
from tests.web.test_suspect import suspect


def put_in(path: Path) -> tuple[int, int, int]:
    """A site with a sound sweep and a suspect one."""

    async def go() -> tuple[int, int, int]:
        async with Database(str(path)) as database:
            return await suspect(database)

    return asyncio.run(go())


def test_a_suspect_sweep_is_shown_and_decided_on(program: Program) -> None:
    _, sound, half = put_in(program.database)
    told = program.run("health", str(half))
    assert told.code == 3
    assert told.out.startswith("疑わしい調査です")
    assert "10ページから4ページに" in told.out
    assert program.run("health", str(sound), "--lang", "en").out.startswith("Nothing about it is suspect")
    found = program.run("health", str(half), "--json")
    assert (found.code, found.object["health"]["state"]) == (3, "suspect")
    assert "suspect" in program.run("sweeps").out
    refused(program, 2, "accept", str(sound), "--as", "佐藤", "--why", "x")
    refused(program, 2, "accept", str(half), "--as", "佐藤", "--why", " ")
    refused(program, 2, "defects", "reconcile", str(half))
    refused(program, 2, "health", "99")
    assert program.run("reject", str(half), "--as", "佐藤", "--why", "障害").code == 0
    refused(program, 2, "accept", str(half), "--as", "佐藤", "--why", "x")
    ended = program.run("health", str(half), "--lang", "en")
    assert ended.code == 0
    assert "佐藤 has decided that it never counts" in ended.out
    kept = program.run("site", "https://s0.example.lg.jp/", "--suspect-shrunken", "70", "--suspect-missing", "30")
    assert "suspect_shrunken = 0.7" in kept.out


def test_a_sweep_that_audited_all_of_a_site_that_shrank_does_not_end_as_complete(program: Program) -> None:
    async def shrunken() -> int:
        async with Database(str(program.database)) as database, database.writing() as connection:
            histories = Histories(connection=connection)
            [site] = await histories.sites(1)
            ids = [
                (await histories.sweeps([site], day, {"image-alt": {0}}, pages=pages))[0]
                for day, pages in zip(days(0, 30), (10, 4), strict=True)
            ]
            judged = [await judge(connection, each) for each in ids]
            assert judged == [Trust.SOUND, Trust.SUSPECT]
            return ids[1]

    sweep = str(asyncio.run(shrunken()))
    assert program.run("report", sweep).code == 3
    assert program.run("accept", sweep, "--as", "佐藤", "--why", "統合").code == 0
    assert program.run("report", sweep).code == 0


def test_people_are_subscribed_listed_and_tried(program: Program, tmp_path: Path) -> None:
    put_in(program.database)
    site = "https://s0.example.lg.jp/"
    roles = ("--role", "manager", "--email", "sato@example.lg.jp")
    assert program.run("account", "add", "sato", "--person", "佐藤", *roles).code == 0
    subscribe = ("notices", "subscribe", "--kind", "digest")
    assert program.run(*subscribe, "--kind", "due", "--account", "sato").code == 0
    assert program.run(*subscribe, "--email", "a@example.lg.jp", "--site", site, "--language", "en").code == 0
    for wrong in (
        (), ("--account", "nobody"), ("--email", "a@b\nBcc: c"), ("--email", "a@b.jp", "--hook", "x"),
        ("--email", "a@b.jp", "--site", "https://x.example/"), ("--email", "a@b.jp", "--organisation", "x"),
    ):  # fmt: skip
        refused(program, 2, *subscribe, *wrong)
    listed = program.run("notices", "list", "--json").object
    assert [(each["kind"], each["recipient"], each["place"]) for each in listed["subscriptions"]] == [
        ("digest", "sato@example.lg.jp", None), ("due", "sato@example.lg.jp", None), ("digest", "a@example.lg.jp", site),
    ]  # fmt: skip
    assert program.run("notices", "unsubscribe", "1").code == 0
    refused(program, 2, "notices", "unsubscribe", "1")
    assert "sato@example.lg.jp" in program.run("notices", "list").out
    with hook_server() as hooks:
        file = tmp_path / "notices.toml"
        file.write_text(f'[hook.team]\nform = "slack"\naddress = "{hooks.url}/himitsu"\nallow_private = true\n')
        test = ("notices", "test", "--notices", str(file), "--hook")
        assert program.run(*test, "team").code == 0
        assert "jisweep の通知が届く" in hooks.posted[0].told["text"]
        hooks.status = 500
        ended = program.run(*test, "team")
        assert (ended.code, ended.said) == (3, ["jisweep: HTTP 500"])
        assert program.run(*test, "other").code == 3
    refused(program, 2, "notices", "test", "--hook", "team")


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_of_nothing_no_share_is_told(lang: str) -> None:
    measured = Measured(
        known=0, known_before=None, unanswered=0, chosen=0, lost=0, audited=0, carried=0, rechecked=0, disagreeing=0,
        seconds=4, seconds_usual=None,
    )  # fmt: skip
    limits = Thresholds()
    found = Checkup(
        sweep=1, trust=Trust.SUSPECT, against=None, measured=measured, limits=limits, doubts=measured.doubts(limits),
        decided_by=None, why=None, decided_at=None,
    )  # fmt: skip
    assert found.doubts == (Doubt.UNANSWERED, Doubt.LOST)
    assert "%" not in " ".join(health_lines(found, Language(lang)))
