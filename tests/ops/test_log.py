"""The log: what each line has, what no text can do to it, and what it never tells."""

import json
import logging
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from audits.bearings import about
from db.leases import this_process
from reports.ops.log import FORMS, set_up_log
from tests.cli.program import Program
from tests.cli.servers import serving
from tests.cli.small import small_site

HOSTILE = "x\n2026-11-27T00:00:00.000Z ERROR forged: y\r\x1b[31mred\x85next\u2028line\u202eback"
SECRETS = {
    "postgresql://jisweep:hi:mitsu@db/jisweep": "mitsu",
    "GET /welcome/SwWvCeR3CjELp_Uhlhe7YY65dH7n5GLR2utj-mT7CC0": "SwWvCeR3",
    "token jisweep_AbCdEfGhIjKlMnOpQrStUv": "AbCdEf",
    "Authorization: Bearer himitsu": "himitsu",
    "Cookie: session=himitsu; b=c": "himitsu",
    "password=himitsu&x=y": "himitsu",
}


@pytest.fixture
def said(capsys: pytest.CaptureFixture[str]) -> Iterator[Callable[[], str]]:
    """What standard error has, with the loggers as they were at the end."""
    root = logging.getLogger()
    before = root.handlers[:], root.level
    names = ("audits", "crawler", "db", "reports", "jisweep")
    levels = {name: logging.getLogger(name).level for name in names}
    yield lambda: capsys.readouterr().err
    root.handlers[:], _ = before
    root.setLevel(before[1])
    logging.captureWarnings(False)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_a_line_in_json_says_when_where_and_about_what(said: Callable[[], str]) -> None:
    set_up_log("json", "info")
    with about(sweep=3), about(page="https://www.example.lg.jp/あ"):
        logging.getLogger("audits.record").info("unaudited: %s", "timed_out")
    logging.getLogger("audits.record").debug("too fine")
    logging.getLogger("httpx").info("somebody else's")
    [line] = [json.loads(each) for each in said().splitlines()]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", line.pop("time"))
    assert line == {
        "level": "info", "sweep": 3, "page": "https://www.example.lg.jp/あ", "worker": this_process(),
        "logger": "audits.record", "message": "unaudited: timed_out",
    }  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_no_text_of_a_page_can_end_a_line_or_pass_for_another(said: Callable[[], str], form: str) -> None:
    set_up_log(form, "info")
    with about(page=HOSTILE):
        try:
            raise ValueError(HOSTILE)
        except ValueError:
            logging.getLogger("audits").exception("%s", HOSTILE)
    text = said()
    assert text.endswith("\n")
    lines = text[:-1].split("\n")
    heads = [each for each in lines if not each.startswith("  | ")]
    assert len(heads) == 1  # what follows is its trace, and marked as such
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", text)
    if form == "json":
        assert json.loads(text)["message"] == HOSTILE


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("text", "secret"), SECRETS.items())
def test_secrets_are_left_out_of_messages_pages_and_traces(
    said: Callable[[], str], form: str, text: str, secret: str
) -> None:
    set_up_log(form, "info")
    try:
        raise ValueError(text)
    except ValueError:
        with about(page=f"https://www.example.lg.jp/?{text}"):
            logging.getLogger("audits").exception("%s", text)
    written = said()
    assert "***" in written
    assert secret not in written


def test_a_sweep_at_a_terminal_that_logs_in_json_says_nothing_else_on_standard_error(program: Program) -> None:
    with serving(small_site()) as site:
        ended = program.run(
            "sweep", site.url, "--allow-private", "--log", "json", "--log-level", "debug", "--pages", "4",
            "--method", "mixed",
        )  # fmt: skip
    lines: list[dict[str, Any]] = [json.loads(each) for each in ended.err.splitlines()]
    assert {line["sweep"] for line in lines if line["logger"] == "audits.sweep"} == {1}
    pages = [line["page"] for line in lines if line["message"] == "audited"]
    assert len(pages) == len(set(pages)) == 4
    assert all(page.startswith(site.url) for page in pages)
    assert lines[-1]["message"] == "finished"


def test_errors_of_such_a_command_are_lines_of_the_log_too(program: Program) -> None:
    ended = program.run("resume", "1", "--log", "json", "--lang", "en", "--db", "nowhere.sqlite")
    [line] = [json.loads(each) for each in ended.err.splitlines()]
    assert (ended.code, line["level"]) == (6, "error")
    assert "nowhere.sqlite does not exist" in line["message"]
