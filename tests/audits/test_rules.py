"""Our words on the engine's rules and the survey's conditions: none is missing, none is left over, and the examples are what they say."""

import asyncio
import json
import re
import tomllib
from collections.abc import AsyncIterator
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from axe_playwright_python.base import AXE_FILE_PATH
from playwright.async_api import Error as PlaywrightError

from audits.criteria.judging import Check, all_judging
from audits.engine import INSTALLED, Engine, FramedAxe, RuleSet, installed_engine, own_rules, rule_set
from audits.mic import conditions, rule_of
from audits.page import SOURCE_PLACE
from audits.rules import explain, rule_text
from crawler.browser import Tab, playwright_driver
from crawler.fetch import Manners
from db.errors import UsageError
from db.words import Edition, Level, Outcome
from tests.audits.shared import reference
from tests.audits.sites import small_site
from tests.conftest import leave_out
from tests.crawler.servers import http

pytestmark = pytest.mark.asyncio(loop_scope="module")

ENGINES = {"4.14": INSTALLED, "4.12": AXE_FILE_PATH}
LANGUAGES = ("ja", "en")
TEXTS = sorted(
    entry.name.removesuffix(".toml") for entry in resources.files("audits.rules").joinpath("texts").iterdir()
)
# Why an example of a rule cannot show what the others show.
UNSHOWN = {
    "css-orientation-lock": "needs style sheets preloaded, which we leave out; experimental, so it never runs",
    "frame-tested": "our engine enters the frames that this rule says cannot be entered",
}
SENDING_ON = "/meta-refresh/right"  # leaves at once, at times while it is being looked at: then it is asked again
ASKED = """JSON.stringify({
  rules: axe._audit.rules.map(({id, tags, enabled, any, all, none}) =>
    ({id, tags, enabled, checks: [...any, ...all, ...none].map((each) => each.id || each)})),
  checks: Object.keys(axe._audit.checks),
})"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(chromium: str) -> AsyncIterator[Tab]:
    async with playwright_driver() as driver, Tab(driver, Manners(contact="tests"), executable=chromium) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=list(ENGINES))
async def told(request: pytest.FixtureRequest, tab: Tab) -> dict[str, Any]:
    """What an engine says of itself: its rules and its checks."""
    return {**await told_by(tab, engine_at(ENGINES[request.param])), "version": request.param}


def engine_at(path: Path) -> Engine:
    if not path.is_file():
        leave_out(f"no engine at {path}: jisweep setup fetches it")
    return installed_engine(str(path))


async def told_by(tab: Tab, engine: Engine) -> dict[str, Any]:
    await tab.page.goto("about:blank")
    world = await tab.world((await tab.frame_tree())["frame"]["id"])
    told: dict[str, Any] = json.loads(await tab.evaluate(world, f"{engine.injected}\n;{ASKED}"))
    return told


async def test_every_rule_and_condition_has_a_text_and_every_text_is_for_one(told: dict[str, Any]) -> None:
    rules = {rule["id"] for rule in told["rules"]}
    assert len(rules) > 100
    surveyed = {rule_of(item) for item in conditions()}
    assert len(surveyed) == 45
    assert set(TEXTS) == rules | surveyed


async def test_every_check_of_every_rule_has_a_sentence(told: dict[str, Any]) -> None:
    used = {check for rule in told["rules"] for check in rule["checks"]}
    sentences = checks()
    assert {check for check in used if not sentences.get(check, {}).get("failed")} == set()
    assert used <= set(told["checks"])


async def test_no_sentence_is_for_a_check_that_no_engine_has_but_ours_of_the_source(tab: Tab) -> None:
    known = [await told_by(tab, engine_at(path)) for path in ENGINES.values()]
    assert set(checks()) - {check for each in known for check in each["checks"]} == {SOURCE_PLACE}


def checks() -> dict[str, Any]:
    return tomllib.loads(resources.files("audits.rules").joinpath("checks.toml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("rule", TEXTS)
async def test_a_text_says_what_why_and_how_in_both_languages(rule: str) -> None:
    ja, en = rule_text(rule, "ja"), rule_text(rule, "en")
    for part in ("title", "why", "how"):
        assert re.search("[ぁ-ん]", getattr(ja, part)), f"{part} in Japanese"
        assert not re.search("[ぁ-んァ-ヶ一-龠]", getattr(en, part).replace("ja", "")), f"{part} in English"
        assert len(getattr(en, part)) > 10
    assert ja.wrong.strip() != ja.right.strip()
    assert (ja.wrong, ja.right) == (en.wrong, en.right)
    assert not any("準拠" in each for each in (ja.title, ja.why, ja.how, ja.wrong, ja.right))


async def test_no_sentence_on_a_check_speaks_of_conformance() -> None:
    assert "準拠" not in resources.files("audits.rules").joinpath("checks.toml").read_text(encoding="utf-8")


async def test_a_rule_without_a_text_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="no-such-rule"):
        rule_text("no-such-rule", "ja")


def sentences() -> list[tuple[str, Outcome, str | None, dict[str, str]]]:
    """Check, outcome, message key and both texts of every sentence."""
    found: list[tuple[str, Outcome, str | None, dict[str, str]]] = []
    for check, texts in checks().items():
        for outcome, key in ((Outcome.FAILED, "failed"), (Outcome.CANT_TELL, "incomplete")):
            if key in texts:
                found.append((check, outcome, None, texts[key]))
        found += [(check, Outcome.FAILED, key, text) for key, text in texts.get("messages", {}).items()]
    return found


@pytest.mark.parametrize("lang", LANGUAGES)
async def test_a_sentence_is_filled_from_the_data_or_not_used(lang: str) -> None:
    assert len(sentences()) > 150
    for check, outcome, key, texts in sentences():
        names = re.findall(r"\{(\w+)\}", texts[lang])
        data: Any = {name: f"<{name}>" for name in names if name != "data"} | ({"messageKey": key} if key else {})
        if "data" in names:
            data = "<data>"
        said = explain(check, outcome, data, lang)
        assert said is not None, (check, key)
        assert "{" not in said
        if names == ["data"] or not key or "data" not in names:
            assert said == re.sub(r"\{(\w+)\}", r"<\1>", texts[lang]), (check, key)
        for hole in (None, {}, [], "", dict.fromkeys(names), {"messageKey": key}, 0):
            emptied = explain(check, outcome, hole, lang)
            assert emptied is None or not re.search(r"[{}]|None|undefined", emptied), (check, key, hole)


async def test_names_in_both_languages_are_the_same() -> None:
    for check, _, key, texts in sentences():
        names = [set(re.findall(r"\{(\w+)\}", texts[lang])) for lang in LANGUAGES]
        assert names[0] == names[1], (check, key)


async def test_data_is_not_read_as_a_text_with_names() -> None:
    said = explain("abstractrole", Outcome.FAILED, "{messageKey} {data}", "en")
    assert said is not None
    assert "{messageKey} {data}" in said


async def test_examples_are_what_they_say(chromium: str, tab: Tab) -> None:
    """Each wrong example fails its rule, or leaves it open where the rule only reviews; each right one passes."""
    engine = engine_at(INSTALLED)
    rules = sorted(rule["id"] for rule in (await told_by(tab, engine))["rules"])
    examples = {
        f"/{rule}/{which}": document(getattr(rule_text(rule, "ja"), which))
        for rule in rules
        for which in ("wrong", "right")
    }
    found: dict[str, list[str]] = {}
    async with small_site(examples) as site, playwright_driver() as driver:

        async def look(left: list[str]) -> None:
            async with Tab(driver, Manners(contact="tests"), executable=chromium, script=engine.injected) as opened:
                while left:
                    path = left.pop()
                    await opened.open(site.address(path), seconds=10, patience=3)
                    alone = {rule: {"enabled": rule == path.split("/")[1]} for rule in rules}
                    axe = FramedAxe(engine, RuleSet(name="", switches=alone, criteria={}))
                    try:
                        found[path] = [rule["outcome"] for rule in (await axe.run(opened)).rules]
                    except PlaywrightError:
                        if path != SENDING_ON:
                            raise
                        left.append(path)

        left = list(examples)
        await asyncio.gather(look(left), look(left))
    assert found.keys() == examples.keys()
    shown = [rule for rule in rules if rule not in UNSHOWN]
    assert {rule: found[f"/{rule}/right"] for rule in shown if found[f"/{rule}/right"]} == {}
    wrong = {rule: found[f"/{rule}/wrong"] for rule in shown}
    assert {rule for rule in shown if wrong[rule] not in (["failed"], ["cantTell"])} == set()
    assert {rule for rule in shown if wrong[rule] == ["cantTell"]} == ONLY_REVIEWED
    for rule in UNSHOWN:
        assert found[f"/{rule}/wrong"] == found[f"/{rule}/right"], "no longer needs to be left out"


# Rules whose fault the engine itself leaves to a person: all that it can say is that one should look.
ONLY_REVIEWED = {
    "aria-braille-equivalent", "audio-caption", "bypass", "duplicate-id-aria", "form-field-multiple-labels",
    "frame-title-unique", "hidden-content", "identical-links-same-purpose", "no-autoplay-audio",
    "server-side-image-map", "th-has-data-cells", "video-caption",
}  # fmt: skip


def document(example: str) -> bytes:
    """The example as a page; one that is no whole document stands alone in an ordinary body."""
    whole = re.search("<html|<body|<head", example, re.IGNORECASE)
    head = '<!DOCTYPE html><html lang="ja"><head><meta charset="utf-8"><title>見本</title></head><body>'
    text = example.strip() if whole else f"{head}{example}</body></html>"
    text = text if text.lower().startswith("<!doctype") else f"<!DOCTYPE html>{text}"
    return http(text.encode(), content_type="text/html; charset=utf-8")


# ── the rule sets ──────────────────────────────────────────────────────────────────────────────


async def test_jis_judges_duplicate_ids_and_wcag_22_target_sizes(tab: Tab) -> None:
    for path in ENGINES.values():
        jis = await rule_set(tab, engine_at(path), Edition.JIS2016, Level.AA)
        wcag = await rule_set(tab, engine_at(path), Edition.WCAG22, Level.AA)
        assert jis.criteria["duplicate-id"] == ["4.1.1"]
        assert jis.switches["duplicate-id"] == {"enabled": True}
        assert "duplicate-id" not in wcag.criteria
        assert wcag.criteria["target-size"] == ["2.5.8"]
        assert "target-size" not in jis.criteria
        assert wcag.criteria["autocomplete-valid"] == ["1.3.5"]
        assert "autocomplete-valid" not in jis.criteria
        assert "4.1.1" not in {number for numbers in wcag.criteria.values() for number in numbers}


async def test_rules_about_aaa_run_only_when_aaa_is_aimed_at(tab: Tab) -> None:
    engine = engine_at(INSTALLED)
    for edition in Edition:
        sets = {level: await rule_set(tab, engine, edition, level) for level in Level}
        aaa = {"color-contrast-enhanced", "identical-links-same-purpose", "meta-refresh-no-exceptions"}
        assert set(sets[Level.AAA].criteria) - set(sets[Level.AA].criteria) == aaa
        assert sets[Level.A].criteria == sets[Level.AA].criteria  # rates are of A and AA whatever is aimed at
        assert sets[Level.A].criteria["image-alt"] == ["1.1.1"]


async def test_experimental_rules_never_run(told: dict[str, Any], tab: Tab) -> None:
    engine = engine_at(ENGINES[told["version"]])
    experimental = {rule["id"] for rule in told["rules"] if "experimental" in rule["tags"]}
    assert len(experimental) > 5
    for edition in Edition:
        rules = await rule_set(tab, engine, edition, Level.AAA)
        assert not experimental & set(rules.criteria)
        assert not [rule for rule in experimental if rules.switches.get(rule) == {"enabled": True}]


async def test_the_name_of_a_rule_set_tells_what_may_be_compared(tab: Tab) -> None:
    """Levels A and AA run the same rules, since rates are always of both; AAA adds some."""
    made = {
        (path, edition, level): await rule_set(tab, engine_at(path), edition, level)
        for path in ENGINES.values()
        for edition in Edition
        for level in Level
    }
    names = {key: each.name for key, each in made.items()}
    assert len(set(names.values())) == len(ENGINES) * len(Edition) * 2 == 8
    for path in ENGINES.values():
        for edition in Edition:
            assert names[path, edition, Level.A] == names[path, edition, Level.AA]
            assert made[path, edition, Level.A] == made[path, edition, Level.AA]
    assert (await rule_set(tab, engine_at(INSTALLED), Edition.JIS2016, Level.AA)).name in names.values()


async def test_a_further_edition_changes_nothing_of_what_a_sweep_is_judged_by_and_is_named_apart(tab: Tab) -> None:
    engine = engine_at(INSTALLED)
    alone = await rule_set(tab, engine, Edition.JIS2016, Level.AA)
    both = await rule_set(tab, engine, Edition.JIS2016, Level.AA, Edition.WCAG22)
    assert (both.criteria, own_rules(both.name)) == (alone.criteria, alone.name)
    assert both.name != alone.name, "other rules ran: no result is carried from one to the other"
    assert both.switches != alone.switches


# Where the engine's tags differ from the reference table, and why.
DEVIATIONS: dict[str, str] = {}


async def test_rules_speak_about_the_criteria_of_the_reference_table(tab: Tab) -> None:
    rules = await rule_set(tab, engine_at(INSTALLED), Edition.JIS2016, Level.AAA)
    table = {row["rule"]: row for row in reference("axe-rules.tsv")}
    assert set(rules.criteria) <= set(table)
    told = {rule: ",".join(numbers) for rule, numbers in rules.criteria.items()}
    assert {rule for rule in told if told[rule] != table[rule]["jis2016_criteria"]} == set(DEVIATIONS)


async def test_every_rule_of_the_table_that_is_not_run_is_off_for_a_reason(tab: Tab) -> None:
    rules = await rule_set(tab, engine_at(INSTALLED), Edition.JIS2016, Level.AAA)
    left_out = {row["rule"]: row for row in reference("axe-rules.tsv") if row["rule"] not in rules.criteria}
    for rule, row in left_out.items():
        about_others = not row["jis2016_criteria"] and row["wcag22_only_criteria"]
        assert row["kind"] in ("experimental", "deprecated") or about_others, rule


async def test_a_criterion_is_assisted_when_a_rule_that_runs_speaks_about_it_and_no_other_is(tab: Tab) -> None:
    sets = [
        await rule_set(tab, engine_at(path), edition, Level.AAA) for path in ENGINES.values() for edition in Edition
    ]
    spoken = {number for rules in sets for numbers in rules.criteria.values() for number in numbers}
    assert {number for number, how in all_judging().items() if how.check is Check.ASSISTED} == spoken
    assert {number for condition in conditions().values() for number in condition.criteria} <= spoken


async def test_a_file_that_is_no_engine_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.js").write_text("alert(1)")
    for path in (tmp_path / "other.js", tmp_path / "missing.js"):
        with pytest.raises(UsageError) as refused:
            installed_engine(str(path))
        assert str(path) in refused.value.en
        assert str(path) in refused.value.ja
