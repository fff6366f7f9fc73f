"""Every command on real input: what it prints, the numbers in `--json`, and its exit code."""

import json
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from audits.criteria import criteria
from db.words import Edition, Level
from tests.cli.program import Ended, Program
from tests.cli.servers import CLEAN, FAULT, Answer, Site, answers, plain, serving
from tests.cli.stored import sweep_of
from tests.site import SampleSite

EXPECTED = json.loads((Path(__file__).parents[1] / "site" / "expected.json").read_text(encoding="utf-8"))
ENDLESS = "/event/calendar*=終わりのない行事カレンダー"
KEYS = {
    *("sweep", "site", "method", "seed", "edition", "level", "engine", "pages", "problem_pages"),
    *("problem_page_rate", "places", "criteria", "complete", "report"),
}  # the shape promised; more may stand beside it
COMMANDS = [
    "sweep",
    "resume",
    "explore",
    "sample",
    "sample propose",
    "sample freeze",
    "sample export",
    "sample verify",
    "sweeps",
    "report",
    "compare",
    "sample",
    "sample plan",
    "page",
    "doctor",
    "setup",
    "db",
    "db upgrade",
    "db check",
    "db move",
    "backup",
    "restore",
]


@dataclass(frozen=True, kw_only=True)
class Swept:
    """The sample site, swept by the command."""

    program: Program
    site: SampleSite
    ended: Ended

    @property
    def told(self) -> dict[str, Any]:
        return self.ended.object


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swept]:
    with tempfile.TemporaryDirectory(prefix="ji-") as temporary, SampleSite() as site:
        program = Program.within(tmp_path_factory.mktemp("sample"), Path(temporary))
        words = (
            "sweep",
            site.url,
            "--allow-private",
            "--method",
            "all",
            "--seed",
            "7",
            "--exclude",
            ENDLESS,
            "--json",
        )
        yield Swept(program=program, site=site, ended=program.run(*words, seconds=400))
        assert program.end() == []
        assert program.left_behind() == []


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answers(CLEAN)) as running:
        yield running


def test_a_finished_sweep_with_pages_that_failed_is_incomplete(sample: Swept) -> None:
    assert sample.ended.code == 3
    assert sample.ended.said == []
    assert sample.told["complete"] is False
    assert sample.told["incomplete_because"] == ["server_error"]


def test_json_is_one_object_of_the_promised_shape(sample: Swept) -> None:
    told = sample.told
    assert sample.ended.out.count("\n") == 1
    assert told.keys() >= KEYS
    assert (told["sweep"], told["site"], told["method"], told["seed"]) == (1, sample.site.url, "all", 7)
    assert (told["edition"], told["level"]) == ("jis2016", "AA")
    assert told["engine"].keys() == {"name", "version"}
    assert {"known", "selected", "audited", "unaudited"} <= told["pages"].keys()
    aimed_at = {
        each.number: each.level for each in criteria(Edition.JIS2016).values() if each.level is not Level.AAA
    }
    assert {number: each["level"] for number, each in told["criteria"].items()} == aimed_at
    for each in told["criteria"].values():
        assert each.keys() == {"level", "problem_pages", "places", "needs_review_pages", "state", "estimate"}
        assert (each["state"] == "failed") == (each["problem_pages"] > 0)
        assert 0 <= each["problem_pages"] <= min(each["places"], told["problem_pages"])
    assert Path(told["report"]).is_file()


def test_json_tells_a_criterion_without_a_finding_from_one_that_no_rule_tests(sample: Swept) -> None:
    states = {number: each["state"] for number, each in sample.told["criteria"].items()}
    assert set(states.values()) == {"failed", "review", "untested"}
    assert states["1.1.1"] == "failed"
    assert states["3.3.4"] == "untested"  # error prevention: for people alone


def test_the_pages_in_json_are_those_of_the_site(sample: Swept) -> None:
    pages = sample.told["pages"]
    assert pages["audited"] == pages["selected"] == len(EXPECTED["pages"])
    assert pages["unaudited"] == Counter(EXPECTED["unaudited"].values())
    no_pages = {
        "out_of_scope",
        "excluded",
        "redirect",
        "redirect_out",
        "redirect_loop",
        "not_html",
        "duplicate",
        "not_found",
    }
    others = sum(count for reason, count in pages["unaudited"].items() if reason not in no_pages)
    assert pages["known"] == pages["audited"] + others


def test_the_faults_in_json_are_those_of_the_site(sample: Swept) -> None:
    told = sample.told
    speaks_of: dict[str, list[str]] = sweep_of(sample.program.database)["rule_criteria"]
    counted = {outcome: defaultdict[str, list[str]](list) for outcome in ("failed", "cantTell")}
    places: list[str] = []
    for page, findings in EXPECTED["findings"].items():
        for each in findings:
            numbers = [number for number in speaks_of.get(each["rule"], []) if number in told["criteria"]]
            places += [page] if numbers and each["outcome"] == "failed" else []
            for number in numbers:
                counted[each["outcome"]][number].append(page)
    assert told["places"] == len(places)
    assert told["problem_pages"] == len(set(places))
    assert told["problem_page_rate"] == round(len(set(places)) / told["pages"]["audited"], 4)
    for number, each in told["criteria"].items():
        assert each["places"] == len(counted["failed"][number]), number
        assert each["problem_pages"] == len(set(counted["failed"][number])), number
        assert each["needs_review_pages"] == len(set(counted["cantTell"][number])), number


def test_report_writes_it_again_with_the_same_numbers(sample: Swept) -> None:
    ended = sample.program.run("report", "1", "--lang", "en", "--out", "english", "--json")
    assert ended.code == 3
    assert ended.err == ""
    assert {**ended.object, "report": None} == {**sample.told, "report": None}
    assert 'lang="en"' in Path(ended.object["report"]).read_text(encoding="utf-8")


def test_a_report_of_ours_is_replaced_whole(sample: Swept) -> None:
    folder = Path(sample.told["report"]).parent
    before = {path.relative_to(folder) for path in folder.rglob("*")}
    (folder / "pages" / "1.html").unlink()
    assert sample.program.run("report", "1").code == 3
    assert {path.relative_to(folder) for path in folder.rglob("*")} == before


def test_sweeps_lists_them(sample: Swept) -> None:
    ended = sample.program.run("sweeps")
    assert ended.code == 0
    (line,) = ended.out.splitlines()
    assert line.split()[0] == "1"
    assert sample.site.url in line


def test_explore_lists_every_address_with_state_and_reason(sample: Swept) -> None:
    options = ("--allow-private", "--exclude", ENDLESS, "--db", "explored.sqlite")
    ended = sample.program.run("explore", sample.site.url, *options, "--json", seconds=200)
    assert ended.code == 3
    rows = ended.object["addresses"]
    paths = {"/" + row["address"].removeprefix(sample.site.url): row for row in rows}
    assert {path for path, row in paths.items() if row["state"] == "explored"} == set(EXPECTED["pages"])
    assert {path: row["reason"] for path, row in paths.items() if row["reason"]} == EXPECTED["unaudited"]


def test_page_tells_the_faults_of_one_page(sample: Swept) -> None:
    address = sample.site.url + "bousai/hinan.html"
    ended = sample.program.run("page", address, "--allow-private", "--json")
    assert ended.code == 0
    found = sorted((each["rule"], each["outcome"], each["frame"]) for each in ended.object["findings"])
    expected = EXPECTED["findings"]["/bousai/hinan.html"]
    assert found == sorted((each["rule"], each["outcome"], each["frame"]) for each in expected)


def test_page_reads_well_in_a_terminal(sample: Swept) -> None:
    address = sample.site.url + "contact/"
    ended = sample.program.run("page", address, "--allow-private", "--lang", "en")
    assert ended.code == 0
    assert "Faults of level A or AA: 2 places" in ended.out
    assert "textarea" in ended.out


def test_a_complete_sweep_ends_with_0(program: Program, site: Site) -> None:
    ended = program.run("sweep", site.url, "--allow-private", "--json")
    assert ended.code == 0
    assert ended.said == []
    told = ended.object
    assert (told["complete"], told["pages"]["audited"], told["pages"]["unaudited"]) == (True, 3, {})
    assert (told["problem_pages"], told["places"], told["problem_page_rate"]) == (0, 0, 0.0)
    assert {each["state"] for each in told["criteria"].values()} == {"undetected", "untested"}  # and never met
    assert program.left_behind() == []


def test_a_sweep_says_its_seed_numbers_and_report(bare: Program, site: Site) -> None:
    ended = bare.run("sweep", site.url, "--allow-private", "--lang", "en", "--seed", "5", "--out", "here")
    assert ended.code == 0
    assert "(seed 5)" in ended.err
    assert "\x1b" not in ended.out + ended.err  # plain lines when this is no terminal
    assert ended.out.splitlines()[-1] == f"Report: {bare.folder / 'here' / 'index.html'}"


def test_a_limit_that_is_met_leaves_a_sweep_incomplete(program: Program, site: Site) -> None:
    ended = program.run("sweep", site.url, "--allow-private", "--json", "--max-addresses", "2")
    assert ended.code == 3
    assert ended.object["pages"]["unaudited"] == {"page_limit": 1}


def test_explore_in_a_terminal_says_how_to_go_on(bare: Program, site: Site) -> None:
    ended = bare.run("explore", site.url, "--allow-private", "--lang", "en")
    assert ended.code == 0
    lines = ended.out.splitlines()
    assert [line.split()[0] for line in lines[:3]] == ["explored"] * 3
    assert lines[3:] == [
        "Found: 3 addresses, of them to be inspected: 3 pages",
        "To inspect them: jisweep resume 1",
    ]
    resumed = bare.run("resume", "1", "--json")
    assert (resumed.code, resumed.object["pages"]["audited"]) == (0, 3)


def test_explore_writes_csv_for_spreadsheets_whatever_the_encoding(program: Program, site: Site) -> None:
    path = program.folder / "inventory.csv"
    with path.open("wb") as file:
        done = subprocess.run(
            [sys.executable, "-m", "jisweep", "explore", site.url, "--allow-private", "--csv"], stdout=file,
            stderr=subprocess.PIPE, cwd=program.folder, env={**program.environment, "PYTHONIOENCODING": "cp932"},
            check=True,
        )  # fmt: skip
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert b"\r\n" in path.read_bytes()
    table = pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)
    assert list(table["アドレス"]) == [site.url, site.url + "midori.html", site.url + "mizu.html"]
    assert set(table["サイトマップにある"]) == {"いいえ"}
    assert "jisweep resume 1" in done.stderr.decode("cp932")  # not among the rows


def test_explore_says_what_it_could_not_read_and_is_not_complete(program: Program) -> None:
    robots = Answer(body=b"Sitemap: http://127.0.0.1:9/broken.xml\n", type="text/plain")
    with serving(answers({**CLEAN, "/robots.txt": robots})) as site:
        ended = program.run("explore", site.url, "--allow-private", "--lang", "en")
    assert ended.code == 3
    assert "A sitemap could not be read in full" in ended.out
    assert "broken.xml" in ended.out


def test_reports_of_two_databases_do_not_replace_each_other(program: Program, site: Site) -> None:
    first = program.run("sweep", site.url, "--allow-private", "--json").object
    other = program.run("sweep", site.url, "--allow-private", "--json", "--db", "other.sqlite").object
    assert (first["sweep"], other["sweep"]) == (1, 1)
    assert Path(first["report"]) == program.folder / "out" / "sweep-1" / "index.html"
    assert Path(other["report"]) == program.folder / "out" / "sweep-1-2" / "index.html"
    assert program.run("report", "1", "--json", "--db", "other.sqlite").object["report"] == other["report"]
    assert program.run("report", "1", "--json").object["report"] == first["report"]


def test_what_only_reads_makes_no_database(bare: Program) -> None:
    for words in (("sweeps",), ("report", "1"), ("resume", "1"), ("db", "check")):
        ended = bare.run(*words, "--lang", "en") if words[0] != "db" else bare.run(*words, JISWEEP_LANG="en")
        assert ended.code == 6
        assert "does not exist" in ended.said[0]
    assert list(bare.folder.iterdir()) == []


def test_resume_of_a_finished_sweep_writes_its_report_again(program: Program, site: Site) -> None:
    first = program.run("sweep", site.url, "--allow-private", "--json")
    site.asked.clear()
    again = program.run("resume", "1", "--json")
    assert (again.code, again.object) == (0, first.object)
    assert site.asked == []


def test_a_page_that_failed_is_audited_when_the_sweep_is_resumed(program: Program) -> None:
    """The browser gets 503 for a page that answered while exploring."""
    pages, broken = {**CLEAN, "/mizu.html": plain("水の案内", FAULT)}, True

    def answer(path: str) -> Answer:
        seen[path] += 1
        failing = broken and path == "/mizu.html" and seen[path] > 1
        return Answer(status=503, body=b"<p>busy") if failing else answers(pages)(path)

    seen: Counter[str] = Counter()
    with serving(answer) as site:
        first = program.run("sweep", site.url, "--allow-private", "--json")
        assert (first.code, first.object["pages"]["unaudited"]) == (3, {"server_error": 1})
        broken = False
        again = program.run("resume", "1", "--json")
    assert (again.code, again.object["pages"]["audited"], again.object["places"]) == (0, 3, 1)


def test_the_doctor_finds_the_machine_ready(program: Program, site: Site) -> None:
    ended = program.run("doctor", site.url, "--allow-private", "--lang", "en")
    assert ended.code == 0, ended
    lines = [line for line in ended.out.splitlines() if line[0] in "✓!"]
    assert {line[2:].partition(":")[0] for line in lines} == {
        *("python", "browser", "fonts", "engine", "database", "site", "clock")
    }
    assert ended.out.splitlines()[-1] == "Ready."


def test_the_doctor_says_that_a_site_is_missing(program: Program) -> None:
    ended = program.run("doctor", "https://nai.invalid/", "--lang", "en")
    assert ended.code == 4
    assert any(line.startswith("✗ site:") and "does not resolve" in line for line in ended.out.splitlines())


def test_db_commands(bare: Program) -> None:
    bare.database.touch()
    before = bare.run("db", "check")
    assert (before.code, before.out) == (6, "empty\n")
    assert (bare.run("db", "upgrade").out, bare.run("db", "upgrade").code) == ("ok\n", 0)
    after = bare.run("db", "check")
    assert (after.code, after.out) == (0, "current\n")


@pytest.mark.parametrize("command", ["", *COMMANDS])
def test_help_teaches_every_command(program: Program, command: str) -> None:
    ended = program.run(*command.split(), "--help")
    assert ended.code == 0
    assert ended.err == ""
    assert ended.out.startswith(f"Usage: jisweep {command}".rstrip())
    assert "Show this message and exit." in ended.out


def test_the_version_is_told(program: Program) -> None:
    assert program.run("--version").out.startswith("jisweep, version ")
