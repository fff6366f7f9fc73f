"""`jisweep check`: only what is new fails, what was not seen is said, and every form of the result says the same."""

import json
import re
import signal
import socket
import time
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as XML

import pytest

from reports.cli.check import NEW_DEFECTS, UNREACHABLE
from reports.cli.running import COMPLETE, INCOMPLETE
from tests.cli.program import Ended, Program
from tests.cli.servers import CLEAN, FAULT, Answer, Site, answers, plain, redirect, serving

LINK = '<p><a href="/"><span></span></a></p>'  # a link without a name
HOSTILE = '<p><img src="/img.png" data-x="&#27;[31m&#8238; ]]&gt; {0} [here](http://evil.example/) &amp;&lt;script&gt;"></p>'
PATHS = ("", "mizu.html", "midori.html")
KNOWN: dict[str, bytes] = {}  # baselines by the pages of their site, whose origin they do not hold


# Of what SARIF 2.1.0 knows, what we write: it allows no other names
RUN = {"tool", "language", "invocations", "results"}
RULE = {"id", "shortDescription", "fullDescription", "help", "helpUri", "defaultConfiguration", "properties"}
RESULT = {
    *("ruleId", "ruleIndex", "level", "message", "locations", "partialFingerprints", "baselineState", "properties"),
}


@pytest.fixture
def program(bare: Program) -> Program:
    """In an empty folder: no database is looked for."""
    return bare


def site(**pages: str) -> dict[str, Answer]:
    """The clean site with these bodies on its pages."""
    return CLEAN | {f"/{name}.html": plain(f"{name}の案内", f"<p>{name}</p>{body}") for name, body in pages.items()}


def checked(program: Program, site: Site, *words: str | Path, paths: tuple[str, ...] = PATHS) -> Ended:
    return program.run("check", *(f"{site.url}{path}" for path in paths), "--allow-private", *words)


def known(program: Program, *words: str, **pages: str) -> Path:
    """What is known of a site with these pages: found out anew where there are `words`, else once for all tests."""
    path = program.folder / "known.json"
    kept = KNOWN.get(str(pages))
    if kept and not words:
        path.write_bytes(kept)
        return path
    with serving(answers(site(**pages))) as before:
        checked(program, before, "--write-baseline", path, *words)
    KNOWN.setdefault(str(pages), path.read_bytes())
    return path


def sarif_of(path: Path) -> dict[str, Any]:
    """The run of a document, once it is held against what SARIF 2.1.0 asks for."""
    told = json.loads(path.read_text(encoding="utf-8"))
    assert told["version"] == "2.1.0"
    (run,) = told["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert run["tool"]["driver"]["name"] == "jisweep"
    assert len({each["id"] for each in rules}) == len(rules)
    for each in rules:
        assert each["shortDescription"]["text"]
        assert each["help"]["text"]
        assert "accessibility" in each["properties"]["tags"]
        assert each.keys() <= RULE
    assert run.keys() <= RUN
    for each in run["results"]:
        assert each.keys() <= RESULT
        assert each["ruleId"] == rules[each["ruleIndex"]]["id"]
        assert each["level"] in ("none", "note", "warning", "error")
        assert each["message"]["text"]
        assert each.get("baselineState", "new") in ("new", "unchanged", "updated", "absent")
        (location,) = each["locations"]
        assert location["physicalLocation"].keys() == {"artifactLocation"}
        assert all(re.fullmatch("[0-9a-f]{64}", name) for name in each["partialFingerprints"].values())
    (invocation,) = run["invocations"]
    assert isinstance(invocation["executionSuccessful"], bool)
    found: dict[str, Any] = run
    return found


def states(run: dict[str, Any]) -> list[str | None]:
    return sorted(str(each.get("baselineState")) for each in run["results"])


def test_a_page_without_a_defect_passes(program: Program) -> None:
    with serving(answers(CLEAN)) as here:
        done = checked(program, here, "--sarif", "out.sarif", "--junit", "out.xml", "--lang", "en")
    assert (done.code, done.said) == (COMPLETE, [])
    assert "No new defects (audited: 3 pages)." in done.out
    run = sarif_of(program.folder / "out.sarif")
    assert (run["results"], run["invocations"][0]["executionSuccessful"]) == ([], True)
    root = XML.parse(program.folder / "out.xml").getroot()
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "0", "0")
    assert sorted(each.name for each in program.folder.iterdir()) == ["out.sarif", "out.xml"]


@pytest.mark.parametrize(
    ("lang", "said"),
    [
        ("ja", ("新しい欠陥 1/1", "非テキストコンテンツ", "代替テキスト")),
        ("en", ("New defect 1/1", "Non-text", "alt")),
    ],
)
def test_a_new_defect_is_told_with_its_place_and_repair(program: Program, lang: str, said: tuple[str, ...]) -> None:
    with serving(answers(site(mizu=FAULT))) as here:
        done = checked(program, here, "--sarif", "o.sarif", "--junit", "o.xml", "--lang", lang)
    assert done.code == NEW_DEFECTS
    assert all(each in done.out for each in (*said, f"{here.url}mizu.html", '<img src="/img.png">', "→", "1.1.1"))
    run = sarif_of(program.folder / "o.sarif")
    (result,) = run["results"]
    assert (result["ruleId"], result["level"], result["baselineState"]) == ("image-alt", "error", "new")
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == f"{here.url}mizu.html"
    assert location["logicalLocations"][0]["fullyQualifiedName"] == "img"
    assert "1.1.1" in run["tool"]["driver"]["rules"][result["ruleIndex"]]["properties"]["tags"]
    suites = {each.get("name"): each for each in XML.parse(program.folder / "o.xml").getroot()}
    failure = suites[f"{here.url}mizu.html"].find("testcase/failure")
    assert failure is not None
    assert "→" in (failure.text or "")
    assert suites[here.url].get("failures") == "0"


def test_what_is_known_at_one_origin_is_known_at_another(program: Program) -> None:
    path = known(program, mizu=FAULT)
    with serving(answers(site(mizu=FAULT))) as production:
        done = checked(program, production, "--baseline", path, "--sarif", "o.sarif", "--junit", "o.xml", "--json")
    assert done.code == COMPLETE
    assert [each["standing"] for each in done.object["defects"]] == ["known"]
    assert states(sarif_of(program.folder / "o.sarif")) == ["unchanged"]
    assert XML.parse(program.folder / "o.xml").getroot().get("skipped") == "1"


def test_only_what_is_not_known_fails(program: Program) -> None:
    path = known(program, mizu=FAULT)
    with serving(answers(site(mizu=FAULT + LINK))) as here:
        done = checked(program, here, "--baseline", path, "--json")
    assert done.code == NEW_DEFECTS
    assert {each["rule"]: each["standing"] for each in done.object["defects"]} == {
        "image-alt": "known", "link-name": "new",
    }  # fmt: skip


def test_a_known_defect_in_a_new_place_fails_only_when_strict(program: Program) -> None:
    path = known(program, mizu=FAULT)
    with serving(answers(site(mizu=FAULT, midori=FAULT))) as here:
        done = checked(program, here, "--baseline", path, "--lang", "en")
        strict = checked(program, here, "--baseline", path, "--strict", "--lang", "en", "--sarif", "o.sarif")
    assert (done.code, strict.code) == (COMPLETE, NEW_DEFECTS)
    assert "Known defect in new places: " in done.out
    assert "0 new, 1 in new places" in done.out
    assert "--strict was given" in strict.out
    assert "updated" in states(sarif_of(program.folder / "o.sarif"))


def test_a_defect_that_no_page_shows_any_more_is_listed(program: Program) -> None:
    path = known(program, mizu=FAULT, midori=LINK)
    with serving(answers(CLEAN)) as here:
        done = checked(program, here, "--baseline", path, "--sarif", "o.sarif", "--lang", "en")
        one = checked(program, here, "--baseline", path, "--json", paths=("mizu.html",))
    assert done.code == COMPLETE
    assert done.out.count("No longer seen: ") == 2
    assert states(sarif_of(program.folder / "o.sarif")) == ["absent", "absent"]
    assert [each["rule"] for each in one.object["gone"]] == ["image-alt"]  # of the other page nothing is known


def test_a_page_that_was_lost_is_neither_clean_nor_failing(program: Program) -> None:
    path = known(program, mizu=FAULT)
    there = {each: answer for each, answer in CLEAN.items() if each != "/mizu.html"}
    with serving(answers(there)) as here:
        done = checked(program, here, "--baseline", path, "--sarif", "o.sarif", "--junit", "o.xml", "--json")
        both = checked(program, here, "--write-baseline", path, "--baseline", path)
    assert (done.code, both.code) == (INCOMPLETE, INCOMPLETE)
    assert (done.object["complete"], done.object["gone"]) == (False, [])
    assert [(each["reason"]) for each in done.object["pages"]] == [None, "not_found", None]
    run = sarif_of(program.folder / "o.sarif")
    (invocation,) = run["invocations"]
    (notice,) = invocation["toolExecutionNotifications"]
    assert (invocation["executionSuccessful"], notice["descriptor"]["id"]) == (False, "not_found")
    assert XML.parse(program.folder / "o.xml").getroot().get("errors") == "1"
    (kept,) = json.loads(path.read_text(encoding="utf-8"))["defects"]
    assert kept["pages"] == {"/mizu.html": 1}  # not seen is not gone


def test_a_new_defect_wins_over_a_page_that_was_lost(program: Program) -> None:
    with serving(answers(site(mizu=FAULT) | {"/midori.html": redirect("/")})) as here:
        done = checked(program, here, "--lang", "en")
    assert done.code == NEW_DEFECTS
    assert f"Page not audited: {here.url}midori.html (" in done.out


def test_robots_txt_is_heeded(program: Program) -> None:
    forbidding = {"/robots.txt": Answer(body=b"User-agent: *\nDisallow: /mizu", type="text/plain")}
    with serving(answers(CLEAN | forbidding)) as here:
        done = checked(program, here, "--json")
    assert done.code == INCOMPLETE
    assert "/mizu.html" not in here.asked
    assert [each["reason"] for each in done.object["pages"]] == [None, "robots", None]


def test_a_site_that_cannot_be_reached_is_told_apart(program: Program) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    done = program.run("check", f"http://127.0.0.1:{port}/", "--allow-private", "--json", "--sarif", "o.sarif")
    assert done.code == UNREACHABLE
    assert [each["reason"] for each in done.object["pages"]] == ["connection"]
    assert sarif_of(program.folder / "o.sarif")["invocations"][0]["exitCode"] == UNREACHABLE


def test_a_private_address_is_not_visited_unasked(program: Program) -> None:
    with serving(answers(CLEAN)) as here:
        done = program.run("check", here.url, "--json")
    assert (done.code, here.asked) == (UNREACHABLE, [])
    assert [each["reason"] for each in done.object["pages"]] == ["private_address"]


def test_what_the_baseline_did_not_look_for_is_not_new(program: Program) -> None:
    path = known(program)
    told = json.loads(path.read_text(encoding="utf-8"))
    told["rules"].remove("image-alt")
    told["rule_set"] = "axe-core 4.0.0 / jis2016 / 00000000"
    path.write_text(json.dumps(told), encoding="utf-8")
    with serving(answers(site(mizu=FAULT))) as here:
        done = checked(program, here, "--baseline", path, "--lang", "en", "--sarif", "o.sarif")
        again = checked(program, here, "--baseline", path, "--lang", "en", "--strict")
    assert (done.code, again.code) == (COMPLETE, COMPLETE)
    assert "Rules that the baseline did not run: image-alt" in done.out
    assert "found by axe-core 4.0.0" in done.out
    assert "Newly checked: " in done.out
    assert states(sarif_of(program.folder / "o.sarif")) == ["None"]


def test_a_baseline_of_other_names_is_refused(program: Program) -> None:
    path = known(program)
    told = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(told | {"identity": "fault-1"}), encoding="utf-8")
    with serving(answers(CLEAN)) as here:
        done = checked(program, here, "--baseline", path, "--lang", "en")
    assert (done.code, here.asked) == (2, [])
    assert "fault-1" in done.said[0]


@pytest.mark.parametrize(
    "text", ["", "[]", "{", '{"made by": "jisweep baseline"}', '{"made by": "x", "format": 1}', "[" * 100_000]
)
def test_a_file_that_is_no_baseline_is_neither_read_nor_replaced(program: Program, text: str) -> None:
    path = program.folder / "other.json"
    path.write_text(text, encoding="utf-8")
    reading = program.run("check", "http://127.0.0.1:9/", "--baseline", path)
    assert reading.code == 2
    assert len(reading.said) == 1
    if "jisweep" not in text:
        assert program.run("check", "http://127.0.0.1:9/", "--write-baseline", path).code == 2
    assert path.read_text(encoding="utf-8") == text


def test_a_baseline_comes_out_the_same_when_nothing_has_changed(program: Program) -> None:
    path = known(program, mizu=FAULT + LINK, midori=FAULT)
    first = path.read_bytes()
    assert known(program, "--baseline", str(path), mizu=FAULT + LINK, midori=FAULT).read_bytes() == first
    assert b"127.0.0.1" not in first
    assert json.loads(first)["identity"].startswith("fault-")


def test_a_new_defect_never_becomes_known_unseen(program: Program) -> None:
    path = known(program, mizu=FAULT)
    first = path.read_bytes()
    with serving(answers(site(mizu=FAULT + LINK))) as here:
        failing = checked(program, here, "--baseline", path, "--write-baseline", path)
        assert (failing.code, path.read_bytes()) == (NEW_DEFECTS, first)
        assert str(path) in failing.said[0]
        accepting = checked(program, here, "--write-baseline", path)
        assert (accepting.code, accepting.said) == (NEW_DEFECTS, [])
        assert checked(program, here, "--baseline", path).code == COMPLETE


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing_behind(program: Program, number: int) -> None:
    def slowly(path: str) -> Answer:
        time.sleep(0 if path == "/robots.txt" else 1)
        return answers(CLEAN)(path)

    with serving(slowly) as here:
        started = program.start("check", here.url, f"{here.url}mizu.html", "--allow-private", "--sarif", "o.sarif")
        while not any(path != "/robots.txt" for path in here.asked):
            assert started.running()
            time.sleep(0.05)
        started.interrupt(number)
        done = started.ended()
    assert done.code == 130
    assert "Traceback" not in done.err
    assert list(program.folder.iterdir()) == []


def test_a_list_names_pages_with_comments_and_its_wrong_lines(program: Program) -> None:
    listing = program.folder / "pages.txt"
    with serving(answers(CLEAN)) as here:
        listing.write_text(
            f"\ufeff# 納品物\n\n{here.url}mizu.html  # 水\n{here.url}\n{here.url}\n", encoding="utf-8"
        )
        first = program.run("check", "@pages.txt", "--allow-private", "--json")
        second = program.run("check", "pages.txt", f"{here.url}midori.html", "--allow-private", "--json")
        listing.write_text(f"{here.url}\nmizu.html\n\nhttp://me:secret@example.jp/\n", encoding="utf-8")
        asked = len(here.asked)
        wrong = [program.run("check", "@pages.txt", "--allow-private", "--lang", lang) for lang in ("ja", "en")]
        assert len(here.asked) == asked
    assert [each["address"] for each in first.object["pages"]] == [f"{here.url}mizu.html", here.url]
    assert len(second.object["pages"]) == 3
    assert [each.code for each in wrong] == [2, 2]
    assert "2 行目: mizu.html、4 行目" in wrong[0].err
    assert "line 2: mizu.html; line 4" in wrong[1].err
    assert "secret" not in wrong[0].err + wrong[1].err


@pytest.mark.parametrize("target", ["@missing.txt", "missing.txt", "@empty.txt", "ftp://example.jp/"])
def test_a_target_that_is_nothing_is_said_in_one_line(program: Program, target: str) -> None:
    (program.folder / "empty.txt").write_text("# nothing\n", encoding="utf-8")
    done = program.run("check", target)
    assert (done.code, len(done.said)) == (2, 1)


@pytest.mark.parametrize("option", ["--sarif", "--junit", "--write-baseline"])
def test_a_file_that_cannot_be_written_is_said_before_a_page_is_asked_for(program: Program, option: str) -> None:
    with serving(answers(CLEAN)) as here:
        for place in ("missing/o", "/dev/null", "."):
            done = checked(program, here, option, place)
            assert (done.code, len(done.said)) == (6, 1), place
        assert here.asked == []


def test_hostile_text_stays_text(program: Program) -> None:
    with serving(answers(site(mizu=HOSTILE))) as here:
        done = checked(program, here, "--sarif", "o.sarif", "--junit", "o.xml")
        told = checked(program, here, "--json")
    assert done.code == NEW_DEFECTS
    assert not re.search("[\x1b\u202e]", done.out)
    failure = XML.parse(program.folder / "o.xml").getroot().find(".//failure")
    assert failure is not None
    assert "]]&gt;" in (failure.text or "")
    assert not re.search("[\x1b\u202e]", failure.text or "")
    (result,) = sarif_of(program.folder / "o.sarif")["results"]
    assert "{{0}} \\[here\\](http" in result["message"]["text"]
    assert "[here](http" in result["properties"]["snippet"]
    assert not re.search("[\x1b\u202e]", json.dumps(result, ensure_ascii=False))
    (defect,) = told.object["defects"]
    assert "\u202e" in defect["pages"][0]["places"][0]["snippet"]  # a program gets it as it is, escaped


def test_a_sweep_is_a_baseline_and_nothing_is_stored(program: Program) -> None:
    with serving(answers(site(mizu=FAULT))) as here:
        assert program.run("sweep", here.url, "--allow-private").code == COMPLETE
        before = program.run("sweeps").out
        done = checked(program, here, "--baseline-sweep", "1", "--json")
        missing = checked(program, here, "--baseline-sweep", "7")
        twice = checked(program, here, "--baseline-sweep", "1", "--baseline", "x.json")
        assert program.run("sweeps").out == before
    assert done.code == COMPLETE
    assert [each["standing"] for each in done.object["defects"]] == ["known"]
    assert (missing.code, twice.code) == (2, 2)
    with serving(answers(CLEAN)) as here:
        assert program.run("check", here.url, "--baseline-sweep", "1", "--db", "none.sqlite").code == 6


def test_without_a_browser_it_ends_as_every_command(program: Program) -> None:
    assert program.run("check", "http://127.0.0.1:9/", "--browser", "/nowhere/chrome").code == 5
