"""Ctrl-C and SIGTERM: the pages in hand are finished, nothing is lost, and the program says how to go on."""

import shlex
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.cli.program import Program, Started
from tests.cli.servers import FAULT, Answer, Site, answers, plain, serving
from tests.cli.stored import rows_of, state_of

NUMBER = 8  # more than are in hand at any moment
PAGES = {f"/{number}.html": plain(f"{number} 番の案内", FAULT) for number in range(NUMBER)}
TOP = plain("入口", "".join(f'<p><a href="{path}">{path}</a></p>' for path in PAGES))
SIGNALS = [signal.SIGINT, signal.SIGTERM]


def slowly(answer: Callable[[str], Answer], seconds: float) -> Callable[[str], Answer]:
    def slow(path: str) -> Answer:
        time.sleep(seconds if path.endswith(".html") else 0)
        return answer(path)

    return slow


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(slowly(answers({**PAGES, "/": TOP}), 0.4)) as running:
        yield running


def wait_for(started: Started, reached: Callable[[], bool]) -> None:
    ends = time.monotonic() + 60
    while not reached():
        assert started.running(), started.ended()
        assert time.monotonic() < ends
        time.sleep(0.02)


def at_state(program: Program, site: Site, state: str, *, asked: int = 0, audited: int = 0) -> Callable[[], bool]:
    """Whether the sweep is in a state, so many pages were asked for, and so many have their result."""

    def reached() -> bool:
        now, _, done = state_of(program.database)
        return now == state and sum(path.endswith(".html") for path in site.asked) >= asked and done >= audited

    return reached


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(("state", "asked", "audited"), [("exploring", 4, 0), ("auditing", 0, 2)])
def test_an_interrupted_sweep_keeps_the_pages_in_hand_and_can_be_resumed(
    program: Program, site: Site, number: int, state: str, asked: int, audited: int
) -> None:
    started = program.start("sweep", site.url, "--allow-private", "--lang", "en")
    wait_for(started, at_state(program, site, state, asked=asked, audited=audited))
    started.interrupt(number)
    ended = started.ended()
    assert ended.code == 130, ended
    assert ended.out == ""
    assert ended.said == [
        "Stopping after the pages in hand …",
        "Interrupted; everything so far is kept. To go on: jisweep resume 1",
    ]
    assert program.left_over() == []
    assert program.left_behind() == []
    stopped = rows_of(program.database)
    assert stopped["sweep"]["state"] == state
    assert stopped["sweep"]["lease_owner"] == "None"
    ends = {visit[1] for visit in stopped["visits"]}
    assert "unaudited" not in ends, stopped["visits"]  # no page in hand was given up
    assert ends & {"found", "selected"}  # and it did stop
    resumed = program.run("resume", "1", "--json")
    assert resumed.code == 0, resumed.err
    assert resumed.object["pages"]["audited"] == NUMBER + 1
    assert resumed.object["places"] == NUMBER
    explored = [path for path in site.asked if path.endswith("html")]
    assert (
        len(explored) <= 2 * NUMBER + 6
    )  # once explored and once audited; what the browser asked for early, again
    assert program.left_behind() == []


def test_the_line_that_says_how_to_go_on_can_be_typed_as_it_is(program: Program, site: Site) -> None:
    options = ("--db", "a b.sqlite", "--out", "here")
    started = program.start("sweep", site.url, "--allow-private", "--lang", "en", *options)
    wait_for(started, lambda: len(site.asked) > 5)
    started.interrupt()
    *_, line = started.ended().said
    assert line.endswith("To go on: jisweep resume 1 --db 'a b.sqlite' --out here")
    resumed = program.run(*shlex.split(line.partition("jisweep ")[2]), "--json")
    assert resumed.code == 0, resumed.err
    assert Path(resumed.object["report"]) == program.folder / "here" / "index.html"


def test_the_pages_in_hand_are_not_asked_for_again(program: Program, site: Site) -> None:
    started = program.start("explore", site.url, "--allow-private", "--json")
    wait_for(started, at_state(program, site, "exploring", asked=5))
    started.interrupt()
    ended = started.ended()
    assert (ended.code, ended.out) == (130, "")
    assert program.run("resume", "1").code == 0
    assert "中断しました" in ended.err
    rows = rows_of(program.database)
    assert [visit[1] for visit in rows["visits"]] == ["audited"] * (NUMBER + 1)


@pytest.mark.parametrize("number", SIGNALS)
def test_a_second_signal_stops_at_once(program: Program, number: int) -> None:
    hang = plain("止まらない処理", "<script>for (;;) {}</script>", "")
    with serving(answers({"/": plain("入口", '<a href="/hang.html">止</a>'), "/hang.html": hang})) as site:
        started = program.start("sweep", site.url, "--allow-private", "--page-seconds", "60", "--lang", "en")
        wait_for(started, lambda: site.asked.count("/hang.html") > 1)
        started.interrupt(number)
        time.sleep(1.0)
        assert started.running()  # the page in hand has a minute
        before = time.monotonic()
        started.interrupt(number)
        ended = started.ended(40)
        assert time.monotonic() - before < 20
    assert ended.code == 130, ended
    assert "Traceback" not in ended.err
    assert "jisweep resume 1" in ended.err
    assert program.left_over() == []
    assert program.left_behind() == []
    assert rows_of(program.database)["sweep"]["lease_owner"] == "None"


def test_an_interruption_before_there_is_a_sweep(program: Program) -> None:
    with serving(slowly(answers({"/": TOP, "/index.html": TOP}), 30)) as site:
        started = program.start("sweep", site.url + "index.html", "--allow-private")
        wait_for(started, lambda: "/index.html" in site.asked)
        started.interrupt()
        ended = started.ended(20)
    assert ended.code == 130
    assert "Traceback" not in ended.err


def test_an_interruption_of_a_single_page(program: Program) -> None:
    hang = plain("止まらない処理", "<script>for (;;) {}</script>", "")
    with serving(answers({"/": hang})) as site:
        started = program.start("page", site.url, "--allow-private")
        wait_for(started, lambda: site.asked.count("/") > 1)
        started.interrupt()
        ended = started.ended(30)
    assert ended.code == 130
    assert "Traceback" not in ended.err
    assert program.left_over() == []
    assert program.left_behind() == []


def test_a_sweep_that_runs_is_refused_to_a_second_process(program: Program, site: Site) -> None:
    started = program.start("sweep", site.url, "--allow-private")
    wait_for(started, at_state(program, site, "exploring", asked=1))
    second = program.run("resume", "1", "--lang", "en")
    assert second.code == 2
    assert len(second.said) == 1
    assert second.said[0].startswith("jisweep: Sweep 1 is being run by another process")
    assert started.ended().code == 0


def test_the_report_of_a_sweep_that_has_not_finished_is_refused(program: Program, site: Site) -> None:
    started = program.start("sweep", site.url, "--allow-private")
    wait_for(started, at_state(program, site, "exploring", asked=1))
    refused = program.run("report", "1", "--lang", "en")
    assert refused.code == 2
    assert "resume 1" in refused.said[0]
    assert not Path(program.folder, "out").exists()
    started.interrupt()
    started.ended()
