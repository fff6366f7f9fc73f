"""The survey's conditions: the data are the survey's, and each finds in real pages what it says and nothing else."""

import json
import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from audits.criteria import aimed_at
from audits.engine import Engine, FramedAxe, RuleSet
from audits.mic import SCRIPT, VERSION, conditions, from_axe, rule_of
from audits.mic.source import faults
from audits.rules import rule_text
from crawler.browser import Tab, playwright_driver
from crawler.fetch import Manners
from db.words import Edition, Level
from tests.audits.shared import reference
from tests.audits.sites import small_site
from tests.crawler.servers import Server, http

pytestmark = pytest.mark.asyncio(loop_scope="module")

CASES: list[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("mic").joinpath("cases.toml").read_text(encoding="utf-8")
)["case"]
PAGE = """<!DOCTYPE html>
<html lang="ja">
<head><meta charset="utf-8"><title>公民館の使用料｜見本市</title>{head}</head>
<body>
<p class="skip"><a href="#honbun">本文へ移動</a></p>
<header><p><img src="/img/logo.svg" alt="見本市"></p>
<nav aria-label="メニュー"><ul><li><a href="/kurashi/">くらし</a></li><li><a href="/shisei/">市政情報</a></li></ul></nav></header>
<main id="honbun"><h1>公民館の使用料</h1>
{body}
</main>
<footer><p>見本市役所 総務課 電話 00-0000-0000</p></footer>
</body>
</html>"""
SENTENCE = "この制度は、市内に住所のある方が公民館をお使いになるときの費用を軽くするものです。"  # 40 characters
INNER = '<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>枠の中</title><body><p>地図です。</p></body></html>'
FAULTY = "<!DOCTYPE html><html><meta charset=utf-8><body><img src=/x.png><a href=/y/></a><p style='color:#ccc'>薄い</p></body>"


def written(case: dict[str, Any]) -> str:
    """The page of a case."""
    text = case.get("page") or PAGE.replace("{head}", case.get("head", "")).replace("{body}", case.get("body", ""))
    return str(text).replace("{long}", SENTENCE * 18).replace("{menu}", SENTENCE * 4)


def answer(text: str) -> bytes:
    return http(text.encode(), content_type="text/html; charset=utf-8")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(chromium: str, engine: Engine) -> AsyncIterator[Tab]:
    async with (
        playwright_driver() as driver,
        Tab(driver, Manners(contact="tests"), executable=chromium, script=engine.injected) as opened,
    ):
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def axe(tab: Tab, engine: Engine) -> FramedAxe:
    """The engine with the rules alone that decide conditions."""
    await tab.blank()
    world = await main_world(tab)
    rules = json.loads(
        await tab.evaluate(world, f"{engine.injected}\n;JSON.stringify(axe._audit.rules.map(({{id}}) => id))")
    )
    needed = {each.source.removeprefix("axe:") for each in conditions().values()} | {"color-contrast"}
    switches = {rule: {"enabled": rule in needed} for rule in rules}
    return FramedAxe(engine, RuleSet(name="", switches=switches, criteria={}))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def site() -> AsyncIterator[Server]:
    pages = {f"/case/{number}": answer(written(case)) for number, case in enumerate(CASES)}
    for item in conditions():
        for which in ("wrong", "right"):
            pages[f"/{item}/{which}"] = answer(document(getattr(rule_text(rule_of(item), "ja"), which)))
    pages |= {"/inner.html": answer(INNER), "/faulty.html": answer(FAULTY)}
    async with small_site(pages) as served:
        yield served


async def main_world(tab: Tab) -> int:
    return await tab.world((await tab.frame_tree())["frame"]["id"])


async def in_page(tab: Tab) -> list[dict[str, Any]]:
    """What our script finds in the page at hand, after the engine has run."""
    world = await main_world(tab)
    found: list[dict[str, Any]] = json.loads(await tab.evaluate(world, f"{SCRIPT}\n;JSON.stringify(jisweep.mic())"))
    return found


async def found_at(tab: Tab, axe: FramedAxe, site: Server, path: str) -> set[str]:
    """The items that are found in a page, by whomever."""
    await tab.open(site.address(path), seconds=10, patience=3)
    results = await axe.run(tab)
    rules = from_axe(results.rules) + await in_page(tab)
    source = await tab.source()
    assert source is not None
    return {rule["id"] for rule in rules} | {rule_of(fault.item) for fault in faults(source.decode())}


# ── the data ───────────────────────────────────────────────────────────────────────────────────────


async def test_the_conditions_are_those_of_the_survey() -> None:
    expected = {row["item"]: tuple(row["criteria"].split(";")) for row in reference("michecker-errors.tsv")}
    assert {item: each.criteria for item, each in conditions().items()} == expected
    assert list(conditions()) == list(expected)


async def test_every_condition_speaks_about_criteria_of_level_aa() -> None:
    aimed = aimed_at(Edition.JIS2016, Level.AA)
    assert len(conditions()) == 45
    assert {number for each in conditions().values() for number in each.criteria} <= set(aimed)
    assert len({number for each in conditions().values() for number in each.criteria}) == 13


async def test_every_condition_is_decided_by_somebody_and_has_names() -> None:
    in_script = set(re.findall(r'^    "([BC]_[\d.]+)": \(\) =>', SCRIPT, re.MULTILINE))
    by = {item: each.source for item, each in conditions().items()}
    assert in_script == {item for item, source in by.items() if source == "page"}
    assert {item for item, source in by.items() if source == "contrast"} == {"L_1.0"}
    assert all(re.fullmatch("page|source|contrast|axe:[a-z-]+", source) for source in by.values())
    assert all(
        re.search("[ぁ-ん]", each.name("ja")) and each.name("en").isascii() for each in conditions().values()
    )


async def test_the_documentation_has_a_row_for_each_condition() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "mic-conditions.md").read_text(encoding="utf-8")
    rows = [
        [cell.strip() for cell in line.split("|")[1:-1]]
        for line in manual.splitlines()
        if re.match(r"\| [BCL]_", line)
    ]
    rows = [row for row in rows if len(row) == 5]
    said = {"page": "ページ", "source": "ソース", "contrast": "axe `color-contrast`"}
    assert [row[0] for row in rows] == list(conditions())
    for item, criteria, _, decided, _ in rows:
        condition = conditions()[item]
        assert tuple(criteria.split()) == condition.criteria
        assert decided == said.get(condition.source, f"axe `{condition.source.removeprefix('axe:')}`")


async def test_the_version_is_a_short_name() -> None:
    assert re.fullmatch("[0-9a-f]{8}", VERSION)


# ── what the engine decides ────────────────────────────────────────────────────────────────────────


def engine_rule(rule: str, *nodes: dict[str, Any], outcome: str = "failed") -> dict[str, Any]:
    whole = {
        "frame": [],
        "target": ["p"],
        "html": "<p>",
        "impact": "serious",
        "checks": [],
        "box": None,
        "chain": [["p", "", [], ""]],
    }
    return {"id": rule, "impact": "serious", "outcome": outcome, "nodes": [{**whole, **node} for node in nodes]}


def contrast(ratio: Any) -> dict[str, Any]:
    return {"checks": [{"id": "color-contrast", "data": {"contrastRatio": ratio}, "impact": "serious"}]}


async def test_the_engine_decides_by_nodes_of_the_main_frame_that_failed() -> None:
    inner = {"frame": ["#map"]}
    assert from_axe([engine_rule("document-title", {}, inner)]) == [engine_rule("mic-C_60.0", {})]
    assert from_axe([engine_rule("html-has-lang", inner)]) == []
    assert from_axe([engine_rule("html-has-lang", {}, outcome="cantTell"), engine_rule("image-alt", {})]) == []


async def test_contrast_counts_below_three_to_one() -> None:
    low, high = contrast(2.99), contrast(3)
    assert from_axe([engine_rule("color-contrast", low, high)]) == [engine_rule("mic-L_1.0", low)]
    for ratio in (None, "2.1", 3.0, 4.4):
        assert from_axe([engine_rule("color-contrast", contrast(ratio))]) == []
    cut = {"checks": [{"id": "color-contrast", "data": None, "impact": None}]}
    assert from_axe([engine_rule("color-contrast", cut)]) == []


# ── real pages ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case["name"] for case in CASES])
async def test_a_page_has_the_faults_of_its_case_and_no_other(
    tab: Tab, axe: FramedAxe, site: Server, number: int
) -> None:
    assert await found_at(tab, axe, site, f"/case/{number}") == {rule_of(item) for item in CASES[number]["found"]}


async def test_every_condition_has_a_case_that_meets_it() -> None:
    assert {item for case in CASES for item in case["found"]} == set(conditions())
    assert len({case["name"] for case in CASES}) == len(CASES)


# Conditions that an example cannot show, being about long texts; and those that come together.
UNSHOWN = {"B_10", "B_17"}
TOGETHER = {"C_332.0": {"C_331.0"}}


def document(example: str) -> str:
    """The example as a page; one that is no whole document stands alone in an ordinary body."""
    if re.search("<html|<head", example):
        return example
    return f'<!DOCTYPE html><html lang="ja"><head><meta charset="utf-8"><title>見本</title></head><body>{example}</body></html>'


@pytest.mark.parametrize("item", sorted(set(conditions()) - UNSHOWN))
async def test_the_examples_of_the_texts_are_what_they_say(
    tab: Tab, axe: FramedAxe, site: Server, item: str
) -> None:
    expected = {rule_of(each) for each in {item} | TOGETHER.get(item, set())}
    assert await found_at(tab, axe, site, f"/{item}/wrong") == expected
    assert await found_at(tab, axe, site, f"/{item}/right") == set()


XHTML = (
    '<?xml version="1.0"?><!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.1//EN" "http://www.w3.org/TR/xhtml11/DTD/xhtml11.dtd">'
    '<html xmlns="http://www.w3.org/1999/xhtml" xml:lang="{}"><head><title>見本</title></head><body><h1>見本</h1>{}</body></html>'
)


@pytest.mark.parametrize(
    ("lang", "body", "items"),
    [("ja", "<p/>", set()), ("", "", {"C_21.0"}), ("ja_JP", '<p><img src="/a.png"/></p>', {"C_21.1", "B_0"})],
)
async def test_xhtml_is_judged_as_xml(tab: Tab, axe: FramedAxe, lang: str, body: str, items: set[str]) -> None:
    text = http(XHTML.format(lang, body).encode(), content_type="application/xhtml+xml")
    async with small_site({"/": text}) as served:
        assert await found_at(tab, axe, served, "/") == {rule_of(item) for item in items}


async def test_a_fault_is_told_with_its_place_as_the_engine_tells_it(tab: Tab, axe: FramedAxe) -> None:
    body = (
        '<div class="b a"><p>一</p><p><img src="/a.png"></p></div><p id="x"><img src="/b.png"></p><div id="host"></div>'
        "<script>host.attachShadow({mode: 'open'}).innerHTML = '<p><b>あ</b></p><p><img src=/c.png></p>'</script>"
    )
    async with small_site({"/": answer(PAGE.replace("{head}", "").replace("{body}", body))}) as served:
        await tab.open(served.address("/"), seconds=10, patience=3)
        await axe.run(tab)
        ((rule),) = await in_page(tab)
        inner = await tab.evaluate(
            await main_world(tab), f"axe.utils.shadowSelect({json.dumps(rule['nodes'][2]['target'][0])}).outerHTML"
        )
    assert rule["id"] == "mic-B_0"
    assert [node["target"] for node in rule["nodes"]] == [
        ["#honbun > div:nth-child(2) > p:nth-child(2) > img:nth-child(1)"],
        ["#x > img:nth-child(1)"],
        [["#host", ":host > p:nth-child(2) > img:nth-child(1)"]],
    ]
    assert [node["html"] for node in rule["nodes"]] == [
        '<img src="/a.png">',
        '<img src="/b.png">',
        '<img src="/c.png">',
    ]
    assert inner == '<img src="/c.png">'
    first, last = (rule["nodes"][number]["chain"] for number in (0, 2))
    assert [link[0] for link in first] == ["img", "p", "div", "main", "body", "html"]
    assert first[2] == ["div", "", ["a", "b"], ""]
    assert [link[:2] for link in last] == [
        ["img", ""],
        ["p", ""],
        ["div", "host"],
        ["main", "honbun"],
        ["body", ""],
        ["html", ""],
    ]
    assert all(len(node["box"]) == 4 for node in rule["nodes"])


async def test_a_long_element_is_told_by_its_start_tag(tab: Tab, axe: FramedAxe) -> None:
    text = PAGE.replace("{head}", "").replace("{body}", f'<fieldset class="a"><p>{"a" * 400}</p></fieldset>')
    async with small_site({"/": answer(text)}) as served:
        await tab.open(served.address("/"), seconds=10, patience=3)
        await axe.run(tab)
        ((rule),) = await in_page(tab)
    assert [node["html"] for node in rule["nodes"]] == ['<fieldset class="a">']


async def test_a_large_page_takes_milliseconds(tab: Tab, axe: FramedAxe) -> None:
    """About 5,000 elements; the bound is twenty times what it takes on a quiet machine."""
    part = (
        '<h2 id="n{0}">第{0}節</h2><p>詳しくは<a href="/p/{0}">案内{0}</a>と<a href="#n{0}">戻る</a><img src="/i.png" alt="図{0}"></p>'
        "<table><tr><th>区分</th><th>料金</th></tr><tr><td>会議室</td><td>100円</td></tr></table>"
        '<form action="/f{0}"><p><label>数 <input name="n"></label><label><input type="radio" name="r"> 一</label></p></form>'
    )
    body = "".join(part.replace("{0}", str(number)) for number in range(270))
    async with small_site({"/": answer(PAGE.replace("{head}", "").replace("{body}", body))}) as served:
        await tab.open(served.address("/"), seconds=10, patience=3)
        world = await main_world(tab)
        count = await tab.evaluate(world, f"{SCRIPT}\n;document.querySelectorAll('*').length")
        taken = "(() => { const begun = performance.now(); const found = jisweep.mic(); return [performance.now() - begun, found.length]; })()"
        times = [await tab.evaluate(world, taken) for _ in range(5)]
    assert count > 5000
    assert [found for _, found in times] == [0] * 5
    assert min(each for each, _ in times) < 1000, times
