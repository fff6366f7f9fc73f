"""The JSON-LD files: expanded without a network, held to the vocabularies, and opened the way the W3C tool opens them."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pyld import jsonld

from audits.criteria import aimed_at, criteria
from audits.criteria.anchors import address, anchor
from db.database import Database
from db.words import Edition, Level
from reports.publish.documents import write_documents
from reports.publish.wcag_em import CONTEXT
from tests.reports import rows
from tests.reports.judged import ABSENT, DETAILS, NOT_MET, PAGES, dispute, judged

EARL = "http://www.w3.org/ns/earl#"
EM = "http://www.w3.org/TR/WCAG-EM/#"
DCT = "http://purl.org/dc/terms/"
# EARL 1.0 Schema: its classes, properties and individuals
CLASSES = {
    "Assertion", "Assertor", "Software", "TestSubject", "TestCriterion", "TestRequirement", "TestCase", "TestResult",
    "TestMode", "OutcomeValue", "Pass", "Fail", "CannotTell", "NotApplicable", "NotTested",
}  # fmt: skip
PROPERTIES = {"assertedBy", "subject", "test", "result", "mode", "mainAssertor", "outcome", "pointer", "info"}
OUTCOMES = {"passed", "failed", "cantTell", "inapplicable", "untested"}
MODES = {"automatic", "manual", "semiAuto", "undisclosed", "unknownMode"}
STEPS = {"step1", "step1a", "step1b", "step1c", "step1d", "step2", "step2b", "step2c", "step2d", "step3", "step3a",
         "step3b", "step4", "step5", "step5a", "step5b", "commissioner", "evaluator"}  # fmt: skip


def no_network(url: str, options: Any) -> Any:
    raise AssertionError(f"asked for {url}")


@pytest.fixture(autouse=True)
def _offline() -> None:
    jsonld.set_document_loader(no_network)


@pytest.fixture
async def written(database: Database, tmp_path: Path) -> Path:
    """The documents of a test with one of everything."""
    sweep = await judged(database, {"1.1.1": NOT_MET, "1.2.1": ABSENT, "1.4.3": None})
    await dispute(database, sweep, "2.1.1")
    await write_documents(database, sweep, tmp_path / "out", {**DETAILS, "user_agents": ["NVDA"]}, "ja")
    return tmp_path / "out"


def read(folder: Path, name: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads((folder / name).read_text(encoding="utf-8"))
    return told


def nodes(told: dict[str, Any]) -> list[dict[str, Any]]:
    """All nodes of a document, flattened."""
    found: list[dict[str, Any]] = jsonld.flatten(told)
    return found


def of(found: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [node for node in found if kind in node.get("@type", [])]


def one(node: dict[str, Any], key: str) -> Any:
    (value,) = node[key]
    return value.get("@id", value.get("@value"))


@pytest.mark.parametrize("name", ["earl.jsonld", "wcag-em.jsonld"])
async def test_every_term_is_one_of_its_vocabulary(written: Path, name: str) -> None:
    for node in nodes(read(written, name)):
        kinds = [kind.removeprefix(EARL) for kind in node.get("@type", []) if kind.startswith(EARL)]
        assert set(kinds) <= CLASSES
        for key in node:
            assert key.startswith("@") or ":" in key, key
            if key.startswith(EARL):
                assert key.removeprefix(EARL) in PROPERTIES
            if key.startswith(EM):
                assert key.removeprefix(EM) in STEPS


@pytest.mark.parametrize("name", ["earl.jsonld", "wcag-em.jsonld"])
async def test_no_word_is_lost_when_expanded(written: Path, name: str) -> None:
    told = read(written, name)
    keys = {key for node in _walk(told) for key in node if not key.startswith("@")}
    known = set(told["@context"])
    assert keys <= known, "a key without a meaning is dropped by every reader of JSON-LD"


def _walk(value: Any, *, top: bool = True) -> Any:
    if isinstance(value, dict):
        yield {key: each for key, each in value.items() if key != "@context"}
        for key, each in value.items():
            if key != "@context":
                yield from _walk(each, top=False)
    if isinstance(value, list):
        for each in value:
            yield from _walk(each, top=False)


@pytest.mark.parametrize("name", ["earl.jsonld", "wcag-em.jsonld"])
async def test_every_assertion_is_whole_and_the_machine_never_passes(written: Path, name: str) -> None:
    found = nodes(read(written, name))
    by_id = {node["@id"]: node for node in found}
    assertions = of(found, f"{EARL}Assertion")
    assert assertions
    for each in assertions:
        for key in ("subject", "test", "result", "mode"):
            assert len(each[EARL + key]) == 1
        result = by_id[one(each, f"{EARL}result")]
        outcome = one(result, f"{EARL}outcome").removeprefix(EARL)
        mode = one(each, f"{EARL}mode").removeprefix(EARL)
        assert outcome in OUTCOMES
        assert mode in MODES
        by = [by_id[who["@id"]] for who in each[f"{EARL}assertedBy"]]
        assert all(f"{EARL}Assertor" in who["@type"] for who in by)
        software = [f"{EARL}Software" in who["@type"] for who in by]
        assert all(software) if mode == "automatic" else not any(software)
        if mode == "automatic":
            assert outcome in ("failed", "cantTell")


async def test_earl_has_every_persons_word_and_every_finding(written: Path) -> None:
    found = nodes(read(written, "earl.jsonld"))
    assertions = of(found, f"{EARL}Assertion")
    manual = [each for each in assertions if one(each, f"{EARL}mode") == f"{EARL}manual"]
    aimed = aimed_at(Edition.JIS2016, Level.AA)
    assert len(manual) == PAGES * len(aimed) - 1 + 1  # one is not judged, one was judged twice
    automatic = {one(each, f"{EARL}test") for each in assertions if each not in manual}
    assert automatic == {address(Edition.JIS2016, number) for number in ("1.1.1", "1.4.3")}
    people = of(found, "http://xmlns.com/foaf/0.1/Person")
    assert {one(each, "http://xmlns.com/foaf/0.1/name") for each in people} == {"環境局 山田", "鈴木"}
    assert len(of(found, f"{EARL}TestRequirement")) == len(aimed)


async def test_the_evaluation_opens_as_the_tool_opens_it(written: Path) -> None:
    """What version 3.0.3 does: expand, frame the evaluation, frame its assertions, find page by title, test by anchor."""
    told = read(written, "wcag-em.jsonld")
    evaluation = jsonld.frame(jsonld.expand(told), {"@context": CONTEXT, "@type": ["Evaluation"]})
    scope = evaluation["defineScope"]
    assert (scope["wcagVersion"], scope["conformanceTarget"]) == ("2.0", "AA")
    assert scope["scope"]["title"] == "www.example.metro.tokyo.lg.jp"
    assert scope["accessibilitySupportBaseline"] == "NVDA"
    assert [each["title"] for each in evaluation["exploreTarget"]["technologiesReliedUpon"]] == ["HTML", "CSS"]
    assert evaluation["reportFindings"]["date"]["@value"]
    assert evaluation["reportFindings"]["summary"].startswith("対応度は表記していません。")
    sample = evaluation["selectSample"]
    titles = [page["title"] for page in (*sample["structuredSample"], *sample["randomSample"])]
    assert titles == ["1. お知らせ 1", "2. =お知らせ 2", "3. お知らせ 3", "4. お知らせ 4"]
    framed = jsonld.frame(evaluation, {"@context": CONTEXT, "@type": ["Assertion"]})
    numbers = {anchor(Edition.JIS2016, number): number for number in criteria(Edition.JIS2016)}
    said = {}
    for each in framed["@graph"]:
        assert each["subject"]["type"] == ["TestSubject", "Webpage"]
        title = each["subject"]["title"]
        assert title in titles
        said[title[0], numbers[each["test"]["id"].split(":")[-1]]] = each["result"]["outcome"]["id"]
    assert len(said) == PAGES * 38 - 1
    assert said["1", "1.1.1"] == "earl:failed"
    assert said["1", "1.2.1"] == "earl:inapplicable"
    assert said["1", "1.3.1"] == "earl:passed"
    assert said["1", "2.1.1"] == "earl:cantTell"
    assert ("4", "1.4.3") not in said


async def test_the_machines_word_stands_in_the_evaluation_until_a_person_judges(
    database: Database, tmp_path: Path
) -> None:
    await write_documents(database, await rows.mixed(database), tmp_path / "out", None, "en")
    found = nodes(read(tmp_path / "out", "wcag-em.jsonld"))
    modes = {one(each, f"{EARL}mode") for each in of(found, f"{EARL}Assertion")}
    assert modes == {f"{EARL}automatic"}


async def test_wcag_2_2_is_written_by_its_own_anchors(database: Database, tmp_path: Path) -> None:
    sweep = await judged(database, edition=Edition.WCAG22)
    await write_documents(database, sweep, tmp_path / "out", None, "en")
    told = read(tmp_path / "out", "wcag-em.jsonld")
    assert told["defineScope"]["wcagVersion"] == "2.2"
    assert {each["test"]["id"] for each in told["auditSample"]} >= {
        "WCAG22:focus-not-obscured-minimum", "WCAG22:error-prevention-legal-financial-data", "WCAG22:reflow",
    }  # fmt: skip
    tests = {each["test"] for each in read(tmp_path / "out", "earl.jsonld")["@graph"] if "test" in each}
    assert "http://www.w3.org/TR/WCAG22/#target-size-minimum" in tests


@pytest.mark.parametrize("edition", list(Edition))
def test_every_criterion_has_an_anchor_of_its_own(edition: Edition) -> None:
    anchors = [anchor(edition, number) for number in criteria(edition)]
    assert len(set(anchors)) == len(criteria(edition))
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each) for each in anchors)
