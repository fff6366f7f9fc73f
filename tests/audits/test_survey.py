"""The ministry's survey: all pages by its conditions beside the engine's rules, and never one number for the other."""

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from audits import mic
from audits.conclude import conclude
from audits.survey import Survey, yardsticks
from audits.sweep import run
from audits.work import Tools
from crawler.browser import Tab
from crawler.scope import Exclusion
from db.database import Database
from db.errors import UsageError
from db.tables import Assertion, Finding, Result, Sweep, Visit
from db.words import Assertor, Edition, Method, Reason, SweepState, VisitState
from reports.language import Language
from reports.survey_view import summary
from tests.audits import browsers
from tests.audits.sites import Answer, html, small_site
from tests.audits.swept import plan_for, sweep_now, visits_of
from tests.crawler.servers import Server, http

# To the engine text below 4.5:1 is a fault, to the ministry's survey below 3:1.
FAINT = '<p style="color: #666; background: #ccc">庁舎の開庁時間は午前8時30分からです。</p>'
FAINTER = '<p style="color: #aaa; background: #fff">庁舎の開庁時間は午前8時30分からです。</p>'
TWICE = '<p id="madoguchi">本庁舎</p><p id="madoguchi">分庁舎</p>'
UNLABELLED = '<form><input name="q" type="text"></form>'
FRAMED = '<iframe src="/framed" title="地図"></iframe>'
SITE: dict[str, Answer] = {
    "/": html("".join(f'<p><a href="{path}">{path}のご案内</a></p>' for path in
                      ("/faint", "/fainter", "/twice", "/unlabelled", "/frame", "/clean", "/broken"))),
    "/faint": html(FAINT, title="庁舎"),
    "/fainter": html(FAINTER, title="開庁時間"),
    "/twice": html(TWICE, title="窓口"),
    "/unlabelled": html(UNLABELLED, title="検索"),
    "/frame": html(FRAMED, title="地図"),
    "/framed": html('<p><img src="/i.png" width="9" height="9"></p>', title="案内図"),
    "/clean": html("<p>問題のないページ</p>", title="お知らせ"),
    "/broken": http(b"", status="500 Internal Server Error"),
}  # fmt: skip


pytestmark = pytest.mark.asyncio(loop_scope="module")
tools, database = browsers.tools, browsers.database


@pytest.fixture
def backend() -> str:
    """SQLite, but where a test asks for both."""
    return "sqlite"


async def survey_of(database: Database, server: Server, tools: Tools, **given: Any) -> int:
    plan = plan_for(server.address(), method=Method.ALL, survey=True, **given)
    return await sweep_now(database, plan, tools)


async def numbers(database: Database, sweep: int) -> Survey:
    found = (await conclude(database, sweep)).survey
    assert found is not None
    return found


async def items_by_path(database: Database, sweep: int, server: Server) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for path, visit in (await visits_of(database, sweep, server)).items():
        async with database.reading() as connection:
            rules = await connection.scalars(
                sa.select(Finding.rule).where(
                    Finding.result_id == visit.result_id, Finding.rule.startswith(mic.PREFIX, autoescape=True)
                )
            )
            if visit.state is VisitState.AUDITED:
                found[path] = {rule.removeprefix(mic.PREFIX) for rule in rules}
    return found


@pytest.mark.parametrize("backend", ["sqlite", "postgresql"])
async def test_two_rates_of_the_same_pages_each_by_its_own_rules(database: Database, tools: Tools) -> None:
    async with small_site(SITE) as server:
        sweep = await survey_of(database, server, tools)
        assert await items_by_path(database, sweep, server) == {
            "/": set(), "/faint": set(), "/fainter": {"L_1.0"}, "/twice": {"C_423.0"}, "/unlabelled": {"C_79.6"},
            "/frame": set(), "/framed": {"B_0"}, "/clean": set(),
        }  # fmt: skip
        conclusion = await conclude(database, sweep)
    found = conclusion.survey
    assert found is not None
    assert (found.version, found.analysed, found.problem_pages, found.problem_pages_a) == (mic.VERSION, 8, 4, 3)
    assert found.rate == 0.5
    assert found.places == 4  # a place counts once, however many criteria its condition speaks about
    assert conclusion.problem_pages == 6  # the faint text and the image in the frame, too
    by_number = {each.criterion.number: (each.problem_pages, each.places) for each in found.criteria}
    assert {number for number, counts in by_number.items() if counts != (0, 0)} == {
        "1.1.1", "1.3.1", "1.4.3", "3.3.2", "4.1.1", "4.1.2"
    }  # fmt: skip
    assert by_number["1.1.1"] == (2, 2)
    assert len(by_number) == 13
    assert conclusion.unaudited == {Reason.SERVER_ERROR: 1}  # analysed 8, not 9: it is not clean
    assert found.before is None
    assert found.change is None


async def test_a_place_in_the_source_tells_line_and_column(database: Database, tools: Tools) -> None:
    async with small_site(SITE) as server:
        await survey_of(database, server, tools)
        async with database.reading() as connection:
            query = sa.select(Finding.snippet, Finding.target, Finding.box, Finding.checks)
            row = (await connection.execute(query.where(Finding.rule == "mic-C_423.0"))).one()
    assert (row.snippet, row.target, row.box) == ('<p id="madoguchi">', [], None)
    assert row.checks[0]["id"] == "source-place"
    source = SITE["/twice"]
    assert isinstance(source, bytes)
    lines = source.partition(b"\r\n\r\n")[2].decode().split("\n")
    line, column = row.checks[0]["data"]["line"], row.checks[0]["data"]["column"]
    assert lines[line - 1][column - 1 :].startswith('<p id="madoguchi">分庁舎')


async def test_the_change_from_the_survey_before_is_that_of_the_same_scope_and_conditions(
    database: Database, tools: Tools
) -> None:
    pages = dict(SITE)
    async with small_site(pages) as server:
        first = await survey_of(database, server, tools)
        await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)  # no survey: not compared
        pages["/fainter"] = html("<p>読みやすい字</p>", title="開庁時間")
        second = await survey_of(database, server, tools)
        narrowed = await survey_of(
            database, server, tools, exclusions=(Exclusion(pattern="/clean", reason="他部署"),)
        )
    found = await numbers(database, second)
    assert found.before is not None
    assert (found.before.sweep, found.before.analysed, found.before.problem_pages) == (first, 8, 4)
    assert found.change == pytest.approx(-1 / 8)
    assert (found.unanalysed, found.before.unanalysed) == (1, 1)  # /broken, which may have been anything both times
    assert found.change_bounds == pytest.approx((-2 / 9, 0))
    said = summary(await conclude(database, second), found, Language("ja"))[2]
    assert "差は-22.2〜0.0ポイントのどこかです。上がったとも下がったとも言えません。" in said
    assert "推定ではありません" not in said
    other = await numbers(database, narrowed)
    assert other.before is not None
    assert (other.before.sweep, other.before.same_scope, other.change) == (second, False, None)
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).where(Sweep.id == first).values(mic="another"))
    assert (await numbers(database, second)).before is None


async def test_two_surveys_that_analysed_all_pages_are_counted(database: Database, tools: Tools) -> None:
    pages = {path: answer for path, answer in SITE.items() if path not in ("/broken", "/")}
    pages["/"] = html("".join(f'<p><a href="{path}">{path}のご案内</a></p>' for path in pages))
    async with small_site(pages) as server:
        await survey_of(database, server, tools)
        pages["/fainter"] = html("<p>読みやすい字</p>", title="開庁時間")
        second = await survey_of(database, server, tools)
    found = await numbers(database, second)
    assert found.change_bounds == pytest.approx((-1 / 8, -1 / 8))
    said = summary(await conclude(database, second), found, Language("ja"))[2]
    assert said.endswith("差は-12.5ポイントです。全ページどうしの差なので、推定ではありません。")


async def test_a_survey_carries_from_the_survey_before_and_never_from_a_sweep_without_its_conditions(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as server:
        plan = plan_for(server.address(), method=Method.ALL, fresh=False)
        await sweep_now(database, plan, tools)
        first = await survey_of(database, server, tools, fresh=False, recheck=0.0)
        second = await survey_of(database, server, tools, fresh=False, recheck=0.0)
        assert (await conclude(database, first)).reliance.carried == 0
        again = await conclude(database, second)
    assert again.reliance.carried == 8
    assert again.survey is not None
    assert (again.survey.problem_pages, again.survey.places) == (4, 4)


async def test_the_rates_of_a_survey_by_the_engine_are_those_of_a_sweep_without_it(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as server:
        surveyed = await conclude(database, await survey_of(database, server, tools))
        plain = await conclude(
            database, await sweep_now(database, plan_for(server.address(), method=Method.ALL), tools)
        )
    assert plain.survey is None
    for name in ("problem_pages", "problem_pages_a", "places", "criteria", "rule_set"):
        assert getattr(plain, name) == getattr(surveyed, name)
    async with database.reading() as connection:
        asserted = await connection.scalars(
            sa.select(Assertion.assertor)
            .join(Result, Result.id == Assertion.result_id)
            .join(Visit, Visit.result_id == Result.id)
            .where(Visit.sweep_id == plain.sweep)
            .distinct()
        )
    assert set(asserted) == {Assertor.AXE}


async def test_under_wcag_22_the_conditions_still_speak_about_the_criteria_of_2016(
    database: Database, tools: Tools
) -> None:
    async with small_site(SITE) as server:
        found = await numbers(database, await survey_of(database, server, tools, edition=Edition.WCAG22))
    assert {each.criterion.number: each.problem_pages for each in found.criteria}["4.1.1"] == 1


async def test_a_survey_is_not_gone_on_with_under_other_conditions(database: Database, tools: Tools) -> None:
    async with small_site(SITE) as server:
        plan = plan_for(server.address(), method=Method.ALL, survey=True)
        sweep = await sweep_now(database, plan, tools, until=SweepState.AUDITING)
        async with database.writing() as connection:
            await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(mic="another"))
        with pytest.raises(UsageError, match="another"):
            await run(database, sweep, tools, asyncio.Event())


async def test_the_yardsticks_are_those_of_the_method() -> None:
    rates = {(each.year, each.bodies): each.rate for each in yardsticks()}
    assert rates == pytest.approx(
        {
            (2022, "all"): 0.3048, (2022, "prefectures"): 0.2849, (2022, "designated_cities"): 0.2032,
            (2022, "cities"): 0.3255, (2022, "special_wards"): 0.2066,
            (2023, "ministries_towns_agencies"): 0.488,
        }
    )  # fmt: skip


async def test_a_page_whose_source_is_gone_is_not_analysed_rather_than_clean(
    database: Database, tools: Tools, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def gone(_: Tab) -> None:
        """As a browser that has thrown the body of the document away."""

    monkeypatch.setattr(Tab, "source", gone)
    async with small_site({"/": SITE["/clean"]}) as server:
        sweep = await survey_of(database, server, tools)
    conclusion = await conclude(database, sweep)
    assert conclusion.unaudited == {Reason.ENGINE_ERROR: 1}
    assert conclusion.survey is not None
    assert (conclusion.survey.analysed, conclusion.survey.rate) == (0, None)
