"""Manners on the command line: what a site keeps, what is typed, and windows that are closed."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from datetime import datetime, timedelta

import pytest

from crawler.windows import TOKYO
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.cli.servers import CLEAN, Site, answers, serving


def settings(program: Program, sweep: int = 1) -> dict[str, object]:
    with closing(sqlite3.connect(program.database)) as database:
        [kept] = database.execute("SELECT settings FROM sweep WHERE id = ?", (sweep,)).fetchone()
    found: dict[str, object] = json.loads(kept)
    return found


def closed_now() -> str:
    """A window that opens two hours from now."""
    now = datetime.now(TOKYO)
    return f"{now + timedelta(hours=2):%H:%M}-{now + timedelta(hours=3):%H:%M}"


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answers(CLEAN)) as served:
        yield served


def test_what_a_site_keeps_holds_for_its_sweeps_unless_something_else_is_typed(
    program: Program, site: Site
) -> None:
    told = program.run("site", site.url, "--delay", "0.01", "--per-host", "1", "--obey-meta-robots", "--lang", "en")
    assert told.code == 0, told.err
    assert told.out.splitlines()[1:] == ["  delay = 0.01", "  per_host = 1", "  obey_meta_robots = true"]
    shown = program.run("site", site.url, "--show", "--lang", "en")
    assert shown.out == told.out
    program.run("explore", site.url, "--allow-private")
    kept = settings(program)
    assert (kept["delay"], kept["per_host"], kept["obey_meta_robots"]) == (0.01, 1, True)  # and not JISWEEP_DELAY
    program.run("explore", site.url, "--allow-private", "--per-host", "2", "--note-meta-robots")
    kept = settings(program, 2)
    assert (kept["delay"], kept["per_host"], kept["obey_meta_robots"]) == (0.01, 2, False)


def test_the_scope_that_a_site_keeps_is_that_of_its_sweeps(program: Program, site: Site) -> None:
    told = program.run("site", site.url, "--exclude", "/a=古い=資料", "--include", "/b/", "--lang", "en")
    assert told.out.splitlines()[1:] == ["  include = /b/", "  exclude = /a=古い=資料"]
    program.run("explore", site.url, "--allow-private", "--delay", "0.01")
    program.run("explore", site.url, "--allow-private", "--delay", "0.01", "--exclude", "/b=other")
    with closing(sqlite3.connect(program.database)) as database:
        rules = database.execute("SELECT sweep_id, kind, pattern, reason FROM scope_rule ORDER BY id").fetchall()
    kept, typed = ([rule[1:] for rule in rules if rule[0] == sweep] for sweep in (1, 2))
    assert ("exclude", "/a=古い", "資料") in kept
    assert ("include", "/b/", None) in kept
    assert ("exclude", "/b", "other") in typed
    assert ("exclude", "/a=古い", "資料") not in typed
    refused(program, 2, "site", site.url, "--exclude", "/a")


def test_what_a_site_keeps_is_added_to_and_forgotten(program: Program) -> None:
    address = "https://www.example.jp/"
    program.run("site", address, "--window", "mon-fri 22:00-06:00; sat,sun")
    added = program.run("site", address, "--contact", "web@example.jp", "--lang", "en")
    assert added.out.splitlines()[1:] == ["  window = mon-fri 22:00-06:00; sat,sun", "  contact = web@example.jp"]
    reset = program.run("site", address, "--reset", "--lang", "en")
    assert reset.out.startswith("Nothing is kept with https://www.example.jp/")


def test_usual_manners_are_two_requests_and_half_a_second(program: Program, site: Site) -> None:
    ended = program.start("explore", site.url, "--allow-private", JISWEEP_DELAY="").ended()
    assert ended.code == 0, ended.err
    kept = settings(program)
    assert (kept["delay"], kept["per_host"], kept["window"]) == (0.5, 2, "")
    assert ended.seconds > 2.0  # robots.txt, sitemap.xml and three pages


def test_a_window_that_cannot_be_read_is_refused(program: Program) -> None:
    for command in ("sweep", "explore", "site"):
        japanese, english = refused(program, 2, command, "https://www.example.jp/", "--window", "at night")
        assert "--window" in japanese
        assert "--window" in english


def test_outside_the_window_nothing_is_asked(program: Program, site: Site) -> None:
    window = closed_now()
    _, english = refused(
        program, 2, "sweep", site.url, "--allow-private", "--window", window, "--stop-outside-window"
    )
    assert f"outside the window ({window})" in english
    waiting = program.start("sweep", site.url, "--allow-private", "--window", window, "--lang", "en")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(6.0)
    waiting.interrupt()
    ended = waiting.ended()
    assert ended.code == 130
    assert f"Outside the window ({window}): waiting until " in ended.err
    assert site.asked == []


def test_fresh_is_typed_for_one_sweep_or_kept_with_the_site(program: Program, site: Site) -> None:
    program.run("explore", site.url, "--allow-private", "--recheck", "10")
    assert (settings(program)["fresh"], settings(program)["recheck"]) == (False, 0.1)
    program.run("explore", site.url, "--allow-private", "--fresh")
    assert settings(program, 2)["fresh"] is True
    program.run("site", site.url, "--fresh")
    program.run("explore", site.url, "--allow-private")
    program.run("site", site.url, "--carry")
    program.run("explore", site.url, "--allow-private")
    assert [settings(program, sweep)["fresh"] for sweep in (3, 4)] == [True, False]


@pytest.mark.parametrize("value", ["101", "-1", "nan", "x"])
def test_a_share_to_recheck_is_a_percentage(program: Program, site: Site, value: str) -> None:
    japanese, english = refused(program, 2, "explore", site.url, "--recheck", value)
    assert "--recheck" in japanese
    assert "--recheck" in english
