"""One sweep by two editions: each counts as it would alone, and the difference is told page by page."""

import pytest

from audits.compare import compare
from audits.conclude import Conclusion, conclude
from audits.criteria.judging import Check
from audits.revision import Count, Revision, Standing
from audits.work import Tools
from db.database import Database
from db.words import Break, Change, Edition, Method
from tests.audits import browsers
from tests.audits.sites import Answer, html, small_site
from tests.audits.swept import plan_for, sweep_now
from tests.crawler.servers import Server

TWICE = '<p id="madoguchi">本庁舎</p><p id="madoguchi">分庁舎</p>'
CROWDED = "".join(
    f'<button type="button" style="width: 14px; height: 14px; padding: 0; margin: 0; border: 0">{n}</button>'
    for n in range(4)
)
FILLED_IN = '<form><label>姓 <input autocomplete="myouji" name="a"></label></form>'
SITE: dict[str, Answer] = {
    "/": html("".join(f'<p><a href="{path}">{path}のご案内</a></p>' for path in
                      ("/twice", "/crowded", "/filled", "/picture", "/both", "/clean"))),
    "/twice": html(TWICE, title="窓口"),
    "/crowded": html(CROWDED, title="ページ送り"),
    "/filled": html(FILLED_IN, title="申し込み"),
    "/picture": html('<img src="/map.png" width="9" height="9">', title="地図"),
    "/both": html(TWICE + CROWDED, title="窓口とページ送り"),
    "/clean": html("<p>問題のないページ</p>", title="お知らせ"),
}  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database


async def concluded(database: Database, site: Server, tools: Tools, **given: object) -> Conclusion:
    plan = plan_for(site.address(), fresh=True, **given)
    return await conclude(database, await sweep_now(database, plan, tools))


def pages_of(said: Conclusion) -> dict[str, tuple[int, int, int]]:
    return {each.number: (each.rules, each.problem_pages, each.places) for each in said.criteria}


def by_side(revision: Revision, side: str) -> dict[str, tuple[int, int, int]]:
    counts: dict[str, Count | None] = {line.criterion.number: getattr(line, side) for line in revision.lines}
    return {number: (count.rules, count.problem_pages, count.places) for number, count in counts.items() if count}


async def test_each_edition_counts_as_it_would_alone(database: Database, tools: Tools) -> None:
    async with small_site(SITE) as site:
        both = await concluded(database, site, tools, method=Method.ALL, also=Edition.WCAG22)
        own = await concluded(database, site, tools, method=Method.ALL)
        further = await concluded(database, site, tools, method=Method.ALL, edition=Edition.WCAG22)
    found = both.revision
    assert found is not None
    assert own.revision is None
    assert pages_of(both) == pages_of(own) == by_side(found, "before")
    assert pages_of(further) == by_side(found, "after")
    for side, alone in ((found.before, own), (found.after, further)):
        assert (side.problem_pages, side.places) == (alone.problem_pages, alone.places)
        assert side.criteria == len(alone.criteria)
        assert side.by_people == sum(not each.rules for each in alone.criteria)
    assert (both.problem_pages, both.places) == (own.problem_pages, own.places)
    assert len({both.rule_set, own.rule_set, further.rule_set}) == 3, "other rules ran: nothing is carried"
    assert (own.rule_set_before, further.rule_set_before) == (None, own.rule_set)
    series = await compare(database, both.sweep, own.sweep)
    assert series.breaks == (), "by the sweep's own edition they are one series"
    assert series.problem_pages.change is Change.SAME
    assert (await compare(database, both.sweep, further.sweep)).breaks == (Break.EDITION, Break.RULE_SET)


async def test_the_difference_is_told_page_by_page_and_criterion_by_criterion(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as site:
        found = (await concluded(database, site, tools, method=Method.ALL, also=Edition.WCAG22)).revision
    assert found is not None
    assert (found.before.problem_pages, found.after.problem_pages) == (3, 4)
    assert (found.newly, found.no_longer) == (2, 1), "/crowded and /filled; /twice"
    lines = {line.criterion.number: line for line in found.lines}
    assert [line.criterion.number for line in found.of(Standing.DROPPED)] == ["4.1.1"]
    assert lines["4.1.1"].before == Count(rules=2, problem_pages=2, places=2)
    assert lines["2.5.8"].after is not None
    assert lines["2.5.8"].after.problem_pages == 2
    assert (lines["1.1.1"].standing, lines["1.1.1"].before) == (Standing.KEPT, lines["1.1.1"].after)
    assert lines["3.3.8"].check is Check.PERSON
    assert lines["3.3.8"].unseen
    assert len(found.of(Standing.ADDED)) == 18, "12 of level A and AA in WCAG 2.1, 6 in WCAG 2.2"


async def test_a_sample_says_of_the_whole_site_what_share_only_the_further_edition_finds(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as site:
        plan = {"method": Method.RANDOM, "pages": 5, "at_random": 5, "seed": 3}
        found = (await concluded(database, site, tools, also=Edition.WCAG22, **plan)).revision
    assert found is not None
    assert found.newly_estimate is not None
    assert (found.newly_estimate.frame, found.newly_estimate.audited) == (7, 5)
    assert found.newly_estimate.problem_pages == found.newly
    assert found.newly_estimate.low <= 2 / 7 <= found.newly_estimate.high
