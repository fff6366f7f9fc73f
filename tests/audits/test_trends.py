"""Trends on rows: hand-computed histories of sites, breaks, periods, defects, and many sites in few statements."""

import time
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.conclude import conclude
from audits.defects.life import BY_MACHINE, BY_PEOPLE
from audits.defects.reconcile import NEWLY_CHECKED, reconcile
from audits.trends.counting import COLUMNS
from audits.trends.kept import USED_UP, VERSION, as_row, keep_points
from audits.trends.lines import last_line
from audits.trends.lives import AGES, STANDING, Event, Life, Reckoning, Standing, together
from audits.trends.pages import page_of
from audits.trends.periods import Every, Period, periods
from audits.trends.trend import Outlook, Target, Trend, trend_of
from crawler.notes import add_note
from db.database import Database
from db.errors import UsageError
from db.tables import DefectEvent, Judgement, KeptPoint, Page, ScopeRule, Sweep, Visit
from db.words import About, Break, DefectState, JudgementOutcome, Level, Method, ScopeKind, Stratify, SweepState
from tests.audits.trending import FIRST, Histories, at, days
from tests.db.asked import statements
from tests.reports import series

S = DefectState
END = date(2026, 12, 31)


async def told(database: Database, sites: list[int], **asked: Any) -> Trend:
    """The trend of one site, or of several together: from points that are kept, which are what was counted without them."""
    asked = {"alone": len(sites) == 1, "last": END, **asked}
    async with database.writing() as connection:
        counted = await trend_of(connection, sites, **asked)
        await keep_points(connection)
        assert await keep_points(connection) == 0
        kept = await trend_of(connection, sites, **asked)
    assert points_of(kept) == points_of(counted)
    return kept


def points_of(trend: Trend) -> list[Any]:
    """All that points say, in values that are equal when they are the same."""
    columns = [each.key for each in COLUMNS if each.key not in USED_UP]
    return [
        (step.line, step.breaks, as_row(step.point), [getattr(step.point.terms.sweep, name) for name in columns])
        for steps in trend.steps.values() for step in steps
    ]  # fmt: skip


def breaks(trend: Trend, site: int) -> list[tuple[Break, ...]]:
    return [step.breaks for step in trend.steps[site]]


# ── points ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("stratify", [None, Stratify.DIRECTORY])
async def test_each_point_is_what_the_sweep_itself_says(database: Database, stratify: Stratify | None) -> None:
    """Against `conclude`, sweep by sweep: a draw with lost pages and purposive ones, and a census."""
    more = {"failing": {"image-alt": range(12), "link-name": [3, 4]}, "stratify": stratify}
    draw = await series.swept(
        database, frame=60, drawn=range(30), lost=[5, 6], purposive=[40], finished_at=at(FIRST), **more
    )
    if stratify:
        async with database.writing() as connection:
            await connection.execute(sa.text("UPDATE draw SET stratum = '/p/' WHERE part = 'random'"))
    census = await series.swept(
        database, frame=20, drawn=range(20), finished_at=at(FIRST + timedelta(days=9)), **more
    )
    recheck = await series.swept(
        database, frame=20, drawn=range(20), finished_at=at(FIRST + timedelta(days=10)), recheck=True, **more
    )
    async with database.reading() as connection:
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == draw))
    assert site is not None
    trend = await told(database, [site], first=FIRST)
    points = {step.point.sweep: step.point for step in trend.steps[site]}
    assert list(points) == [draw, census]
    assert recheck not in points
    one, sample = await conclude(database, draw), points[draw].sample()
    assert one.estimate is not None
    assert sample is not None
    assert (points[draw].known, points[draw].audited, points[draw].complete) == (
        one.known,
        one.audited,
        one.complete,
    )
    assert (points[draw].lost, points[draw].because) == (2, one.incomplete_because)
    assert (sample.population, sample.drawn, sample.audited, sample.found, sample.share) == (
        one.estimate.frame, one.estimate.drawn, one.estimate.audited, one.estimate.problem_pages, one.estimate.rate,
    )  # fmt: skip
    assert sample.interval == (one.estimate.low, one.estimate.high)
    for count in one.criteria:
        marked = points[draw].marked.get(count.number, (0, 0))
        assert marked == (count.problem_pages, count.needs_review_pages), count.number
        found = points[draw].sample(count.number)
        assert (found is None) == (count.estimate is None), count.number
        if found is not None and count.estimate is not None:
            assert (found.found, found.interval) == (
                count.estimate.problem_pages,
                (count.estimate.low, count.estimate.high),
            )
    whole, all_pages = await conclude(database, census), points[census].sample()
    assert all_pages is not None
    assert (all_pages.found, all_pages.audited) == (whole.problem_pages, whole.audited)
    assert breaks(trend, site)[1] == (Break.METHOD,)


async def test_a_frame_in_strata_has_each_stratum_by_its_size(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        [sweep] = await rows.sweeps(
            [site],
            FIRST,
            {"image-alt": [0, 1]},
            pages=10,
            drawn=range(4),
            stratify=Stratify.DIRECTORY,
            stratum="/a/",
            pages_asked=4,
        )
        await connection.execute(
            sa.update(sa.table("site", sa.column("address"))).values(address="https://s.example.lg.jp/")
        )
        named = {each: f"https://s.example.lg.jp/{'a' if each < 6 else 'b'}/{each}" for each in range(10)}
        for number, address in named.items():
            await connection.execute(
                sa.update(Page).where(Page.id == rows.pages[site, number]).values(address=address)
            )
        moved = sa.text(
            "UPDATE draw SET stratum = '/b/' WHERE visit_id IN (SELECT id FROM visit WHERE page_id = :page)"
        )
        await connection.execute(moved, {"page": rows.pages[site, 3]})
        other = sa.update(Page).where(Page.id == rows.pages[site, 3]).values(address="https://s.example.lg.jp/b/3")
        await connection.execute(other)
    [step] = (await told(database, [site])).steps[site]
    one = await conclude(database, sweep)
    assert one.estimate is not None
    assert [(each.population, each.drawn, each.found) for each in step.point.strata] == [(5, 3, 2), (5, 1, 0)]
    sample = step.point.sample()
    assert sample is not None
    assert (sample.share, *sample.interval) == (one.estimate.rate, one.estimate.low, one.estimate.high)


# ── points that are kept ───────────────────────────────────────────────────────────────────────────


async def test_a_kept_point_is_read_until_its_sweep_is_another(database: Database) -> None:
    """What a row tells is believed while it holds: not after a sweep went on, defects took it in anew, or we count otherwise."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        [sweep] = await rows.sweeps([site], FIRST, {"image-alt": range(4)})
        await rows.sweeps([site], FIRST, {}, recheck=True)
        assert await keep_points(connection) == 1, "a recheck has none"

    async def known(**changed: Any) -> int:
        """How many pages are known by the trend, after a row has been made to lie."""
        async with database.writing() as connection:
            row = (await connection.execute(sa.select(KeptPoint.told))).scalar_one()
            lie = sa.update(KeptPoint).values(told={**row, "known": 999})
            await connection.execute(lie.values(version=changed.pop("version", VERSION)))
            if changed:
                await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(**changed))
            [step] = (await trend_of(connection, [site], alone=True, last=END)).steps[site]
            await keep_points(connection)
            return step.point.known

    assert await known() == 999
    assert await known(version=VERSION - 1) == 10
    assert await known(finished_at=at(FIRST, 4)) == 10
    assert await known(reconciled_at=at(FIRST, 5)) == 10
    assert await known() == 999


async def test_a_point_knows_what_its_sweep_has_made_known_of_defects(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        sweeps = []
        for day, failing in zip(days(0, 30, 60, 90), (range(3), (), [1], [5]), strict=True):
            sweeps += await rows.sweeps([site], day, {"image-alt": failing}, lost=[1] if day == days(90)[0] else ())
        found = {
            "defect_id": await rows.defect(site, "image-alt"),
            "old": None,
            "new": S.FOUND,
            "who": "jisweep",
            "at": at(FIRST),
        }
        await connection.execute(
            sa.insert(DefectEvent).values(**found, sweep_id=sweeps[0])
        )  # as recording a page does
        said = [await reconcile(connection, sweep) for sweep in sweeps]
        trend = await trend_of(connection, [site], alone=True, last=END)
    moved = [step.point.moved for step in trend.steps[site]]
    assert [asdict(each) if each else None for each in moved] == [
        {name: getattr(each, name) for name in ("found", "newly_checked", "confirmed", "returned", "unverified")}
        for each in said
    ]  # fmt: skip
    assert [(each.confirmed, each.returned) for each in said] == [(0, 0), (1, 0), (0, 1), (0, 0)]


# ── lines ──────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"level": Level.A}, Break.LEVEL),
        ({"rule_set": "other"}, Break.RULE_SET),
        ({"settings": {"signed_in": ["https://s0.example.lg.jp"]}}, Break.SCOPE),
        ({"drawn": range(5), "pages": 10}, Break.METHOD),
    ],
)
async def test_points_of_other_terms_are_not_joined(
    database: Database, changed: dict[str, Any], why: Break
) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        first, second, third = days(0, 30, 60)
        await rows.sweeps([site], first, {"image-alt": range(4)})
        await rows.sweeps([site], second, {"image-alt": range(4)})
        await rows.sweeps([site], third, {"image-alt": range(4)}, **changed)
    trend = await told(database, [site])
    assert [step.line for step in trend.steps[site]] == [0, 0, 1]
    assert breaks(trend, site) == [(), (), (why,)]


async def test_another_scope_and_a_draw_that_is_no_new_one_break_the_line(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        scoped, drawn = await rows.sites(2)
        first, second, third = days(0, 30, 60)
        await rows.sweeps([scoped], first, {})
        [sweep] = await rows.sweeps([scoped], second, {})
        rule = {"sweep_id": sweep, "kind": ScopeKind.EXCLUDE, "pattern": "/x/", "reason": "x"}
        await connection.execute(sa.insert(ScopeRule).values(rule))
        await rows.sweeps([drawn], first, {}, pages=200, drawn=range(20))
        await rows.sweeps([drawn], second, {}, pages=200, drawn=range(40, 60))
        await rows.sweeps([drawn], third, {}, pages=200, drawn=range(20))
    trend = await told(database, [scoped, drawn])
    assert breaks(trend, scoped) == [(), (Break.SCOPE,)]
    assert breaks(trend, drawn) == [(), (), (Break.DRAW,)], "the pages of the first point, whatever lies between"


async def test_a_draw_that_was_inspected_before_any_line_began_goes_on_from_nothing(database: Database) -> None:
    """Its pages were repaired: neither is it held against a new draw, nor the next new draw against it."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        first, second, third, fourth, fifth = days(0, 30, 60, 90, 120)
        await rows.sweeps([site], first, {}, pages=200, drawn=range(20), rule_set="old")
        await rows.sweeps([site], second, {}, pages=200, drawn=range(40, 60))
        await rows.sweeps([site], third, {}, pages=200, drawn=range(20))
        await rows.sweeps([site], fourth, {}, pages=200, drawn=range(60, 80))
        await rows.sweeps([site], fifth, {}, pages=200, drawn=range(80, 100))
    trend = await told(database, [site])
    assert breaks(trend, site) == [(), (Break.RULE_SET,), (Break.DRAW,), (Break.DRAW,), ()]


async def test_what_says_too_little_stands_alone_and_what_is_incomplete_is_marked(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        one, two, three, four, five, six = days(0, 30, 60, 90, 120, 150)
        await rows.sweeps([site], one, {"image-alt": range(5)})
        await rows.sweeps([site], two, {"image-alt": range(4)}, lost=[9])  # incomplete
        await rows.sweeps([site], three, {}, lost=range(6))  # most are lost
        [fourth] = await rows.sweeps([site], four, {}, pages=4)
        await add_note(connection, fourth, About.SITEMAP, "x", "x")
        await rows.sweeps([site], five, {}, method=Method.REPRESENTATIVE)
        await rows.sweeps([site], six, {"image-alt": range(3)})
        unfinished = await rows.sweeps([site], six, {}, state=SweepState.AUDITING, finished_at=None)
    steps = (await told(database, [site])).steps[site]
    assert [step.breaks for step in steps] == [(), (), (Break.SUSPECT,), (Break.SUSPECT,), (Break.NOT_WHOLE,), ()]
    assert [step.line for step in steps] == [0, 0, None, None, None, 0]
    assert [step.point.complete for step in steps] == [True, False, False, False, True, True]
    assert unfinished[0] not in [step.point.sweep for step in steps]
    assert len(last_line(steps)) == 3


# ── several sites ──────────────────────────────────────────────────────────────────────────────────


async def test_sites_together_weighted_and_unweighted_and_what_is_missing_is_no_zero(database: Database) -> None:
    """April: 10 % of 100 pages and 50 % of 10. May: the second site is missing. June: a third has come."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        big, small, late, never = await rows.sites(4)
        april, may, june = date(2026, 4, 20), date(2026, 5, 20), date(2026, 6, 20)
        await rows.sweeps([big], april, {"image-alt": range(10)}, pages=100)
        await rows.sweeps([small], april, {"image-alt": range(9)})
        await rows.sweeps([small], date(2026, 4, 25), {"image-alt": range(5)})  # the last of a period counts
        await rows.sweeps([big], may, {"image-alt": range(4)}, pages=100)
        await rows.sweeps([big], june, {"image-alt": range(2)}, pages=100)
        await rows.sweeps([small], june, {"image-alt": range(5)}, rule_set="other")
        await rows.sweeps([late], june, {})
    trend = await told(database, [big, small, late, never], first=date(2026, 4, 1), last=date(2026, 7, 5))
    assert [(each.period.first, each.period.last) for each in trend.rolled] == [
        (date(2026, 4, 1), date(2026, 4, 30)), (date(2026, 5, 1), date(2026, 5, 31)),
        (date(2026, 6, 1), date(2026, 6, 30)), (date(2026, 7, 1), date(2026, 7, 5)),
    ]  # fmt: skip
    one, two, three, four = trend.rolled
    rates = [each.rates() for each in trend.rolled]
    assert [rate and (rate.sites, rate.frame, rate.problem_pages) for rate in rates] == [
        (2, 110, 15), (1, 100, 4), (2, 110, 2), None,
    ]  # fmt: skip
    assert rates[0] is not None
    assert rates[2] is not None
    assert (rates[0].by_pages.share, rates[0].by_sites.share) == pytest.approx((15 / 110, 0.3))
    assert (rates[2].by_pages.share, rates[2].by_sites.share) == pytest.approx((2 / 110, (0.02 + 0) / 2))
    assert one.missing == {late: None, never: None}
    assert two.missing == {small: None, late: None, never: None}
    assert three.missing == {small: Break.RULE_SET, never: None}, "a share by two rule sets is a share of nothing"
    assert (two.breaks, two.went) == ((Break.SITES,), (small,))
    assert (three.breaks, three.came, three.broken) == ((Break.SITES,), (late,), {}), "nothing to hold it against"
    assert [each.line for each in trend.rolled] == [0, 1, 2, None]
    change = three.change()
    assert change is not None
    assert (change.after.sites, change.before.by_pages.share, change.after.by_pages.share) == (1, 0.04, 0.02)
    assert four.steps == {}
    assert four.missing.keys() == {big, small, late, never}


async def test_the_line_of_several_goes_on_while_each_site_goes_on(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        one, other = await rows.sites(2)
        for month, failing in ((4, 6), (5, 5), (6, 4)):
            await rows.sweeps([one, other], date(2026, month, 10), {"image-alt": range(failing)})
        await rows.sweeps([one], date(2026, 7, 10), {"image-alt": range(4)})
        await rows.sweeps([other], date(2026, 7, 10), {"image-alt": range(4)}, rule_set="other")
        for month in (8, 9):
            await rows.sweeps([one], date(2026, month, 10), {"image-alt": range(3)}, rule_set="other + more")
            await rows.sweeps([other], date(2026, month, 10), {"image-alt": range(3)}, rule_set="other")
    trend = await told(database, [one, other], first=date(2026, 4, 1), last=date(2026, 9, 30))
    assert [each.line for each in trend.rolled] == [0, 0, 0, 1, 2, 2]
    assert (trend.rolled[3].breaks, trend.rolled[3].missing) == ((Break.SITES,), {other: Break.RULE_SET}), (
        "of as many the rules that went before"
    )
    assert trend.rolled[3].comparable == (one,)
    assert (trend.rolled[4].broken, trend.rolled[4].came) == ({one: (Break.RULE_SET,)}, (other,))
    quarters = await told(
        database, [one, other], first=date(2026, 4, 1), last=date(2026, 7, 31), every=Every.QUARTER
    )
    assert [each.period.last for each in quarters.rolled] == [date(2026, 6, 30), date(2026, 7, 31)]


def test_periods_begin_with_the_month_the_quarter_or_the_fiscal_year() -> None:
    span = Period(first=date(2026, 2, 15), last=date(2027, 1, 3))
    assert len(periods(span, Every.MONTH)) == 12
    assert [each.first for each in periods(span, Every.QUARTER)] == [
        date(2026, 2, 15), date(2026, 4, 1), date(2026, 7, 1), date(2026, 10, 1), date(2027, 1, 1),
    ]  # fmt: skip
    assert [each.last for each in periods(span, Every.YEAR)] == [date(2026, 3, 31), date(2027, 1, 3)]
    [one] = periods(Period(first=FIRST, last=FIRST), Every.MONTH)
    assert one.holds(datetime.fromisoformat("2026-04-09T15:00:00+00:00")), "midnight in Tokyo"
    assert not one.holds(datetime.fromisoformat("2026-04-10T15:00:00+00:00"))


# ── defects ────────────────────────────────────────────────────────────────────────────────────────


async def test_the_flow_of_defects_by_hand(database: Database) -> None:
    """April to June of one site; advice, what the machine cannot tell and other names of a defect count for nothing."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        for day in (date(2026, 4, 10), date(2026, 5, 10), date(2026, 6, 10)):
            await rows.sweeps([site], day, {})
        apr, may, jun = (date(2026, month, 10) for month in (4, 5, 6))
        kept = await rows.life(site, "a", [(apr, S.FOUND), (may, S.CONFIRMED), (jun, S.RETURNED)])
        await rows.life(site, "b", [(apr, S.FOUND), (apr, S.PLANNED), (may, S.UNVERIFIED), (jun, S.CONFIRMED)])
        await rows.life(site, "c", [(may, S.FOUND), (jun, S.EXCEPTED)])
        await rows.life(site, "d", [(may, S.FOUND)], why=NEWLY_CHECKED, rule="label")
        await rows.life(site, "e", [(apr, S.FOUND)], rule="region")
        await rows.life(site, "f", [(apr, S.FOUND)], page=None)
        await rows.life(site, "g", [(apr, S.FOUND)], merged_into=kept)
    trend = await told(database, [site], first=date(2026, 4, 1), last=date(2026, 6, 30))
    april, may_, june = trend.flows
    assert [(each.found, each.newly_checked, each.confirmed, each.returned) for each in trend.flows] == [
        (2, 0, 0, 0), (2, 1, 1, 0), (0, 0, 1, 1),
    ]  # fmt: skip
    assert april.at_end == {Standing.OPEN: 2}
    assert may_.at_end == {Standing.CONFIRMED: 1, Standing.UNVERIFIED: 1, Standing.OPEN: 2}
    assert june.at_end == {Standing.OPEN: 2, Standing.EXCEPTED: 1, Standing.CONFIRMED: 1}
    assert june.ages == [0, 2, 0, 0, 0], "a since 81 days, d since 51"
    whole = together(trend.flows)
    assert (whole.found, whole.confirmed, whole.returned, whole.at_end) == (4, 2, 1, june.at_end)
    repair = trend.repair
    assert (repair.taken.done, repair.open, repair.unverified, repair.excepted) == (2, 1, 0, 1)
    assert [round(each.after) for each in repair.taken.curve] == [30, 61]
    label = await told(database, [site], first=date(2026, 4, 1), last=date(2026, 6, 30), criterion="4.1.2")
    assert [each.found for each in label.flows] == [0, 1, 0]


async def test_a_merged_defect_is_as_old_as_the_oldest_of_its_names(database: Database) -> None:
    """What was confirmed by an older name and is found by the one that it goes by now has come back."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        apr, may, jun = (date(2026, month, 10) for month in (4, 5, 6))
        for day in (apr, may, jun):
            await rows.sweeps([site], day, {})
        kept = await rows.life(site, "a", [(jun, S.FOUND), (jun, S.PLANNED)])
        await rows.life(site, "b", [(apr, S.FOUND), (may, S.CONFIRMED)], page=None, merged_into=kept)
        await rows.life(site, "c", [(date(2026, 5, 9), S.FOUND)], page=None, merged_into=kept)
        back = await rows.life(site, "d", [(jun, S.FOUND)])
        await rows.life(site, "e", [(apr, S.FOUND), (may, S.CONFIRMED)], page=None, merged_into=back)
    april, may_, june = (await told(database, [site], first=date(2026, 4, 1), last=date(2026, 6, 30))).flows
    assert [(each.found, each.confirmed, each.returned) for each in (april, may_, june)] == [
        (2, 0, 0), (0, 1, 0), (0, 0, 1),
    ]  # fmt: skip
    assert (june.at_end, june.ages) == ({Standing.OPEN: 2}, [0, 2, 0, 0, 0])


async def test_what_is_not_repaired_counts_until_it_was_last_looked_at(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        first, second, third = days(0, 20, 50)
        await rows.sweeps([site], first, {})
        await rows.sweeps([site], second, {})
        await rows.sweeps([site], third, {})
        await rows.life(site, "open", [(first, S.FOUND)])
        await rows.life(site, "lost", [(first, S.FOUND), (third, S.UNVERIFIED)])
        await rows.life(site, "left", [(first, S.FOUND), (second, S.EXCEPTED)])
    trend = await told(database, [site], last=FIRST + timedelta(days=300))
    taken = trend.repair.taken
    assert (taken.done, taken.unfinished, taken.median) == (0, 3, None)
    assert round(taken.longest or 0) == 50, "not the 300 days that nobody has looked"
    assert (trend.repair.open, trend.repair.unverified, trend.repair.excepted) == (1, 1, 1)


@st.composite
def a_life(draw: st.DrawFn) -> Life:
    """Any life that the table of transitions allows, over 150 days."""
    state, day, events = S.FOUND, draw(st.integers(0, 120)), []
    for _ in range(draw(st.integers(1, 8))):
        if not events or STANDING[state] is not events[-1].new:
            events.append(
                Event(at=at(FIRST + timedelta(days=day)), new=STANDING[state], newly_checked=False, sweep=None)
            )
        state = draw(st.sampled_from(sorted(BY_PEOPLE[state] | BY_MACHINE[state])))
        day += draw(st.integers(0, 40))
    return Life(defect=1, site=1, events=tuple(events))


@settings(max_examples=150, deadline=None)
@given(
    lives=st.lists(a_life(), max_size=12),
    every=st.sampled_from(Every),
    first=st.integers(-20, 60),
    length=st.integers(0, 150),
)
def test_the_flow_adds_up(lives: list[Life], every: Every, first: int, length: int) -> None:
    begin = FIRST + timedelta(days=first)
    cut = periods(Period(first=begin, last=begin + timedelta(days=length)), every)
    reckoning = Reckoning(cut, {})
    for life in lives:
        reckoning.add(life)

    def standing(moment: datetime) -> Counter[Standing]:
        known = [[event.new for event in life.events if event.at < moment] for life in lives]
        return Counter(events[-1] for events in known if events)

    before: Counter[Standing] | None = None
    for flow in (*reckoning.flows, together(reckoning.flows)):
        assert flow.at_begin == standing(flow.period.begins)
        assert flow.at_end == standing(flow.period.ends)
        assert sum(flow.ages) == flow.at_end[Standing.OPEN]
        for each in Standing:
            assert flow.at_end[each] == flow.at_begin[each] + flow.into(each) - sum(
                number for (old, _), number in flow.moves.items() if old is each
            )
        moved = flow.moves
        assert flow.at_end[Standing.OPEN] == (
            flow.at_begin[Standing.OPEN] + flow.found + flow.returned + moved[Standing.UNVERIFIED, Standing.OPEN]
            + moved[Standing.EXCEPTED, Standing.OPEN] - moved[Standing.OPEN, Standing.CONFIRMED]
            - moved[Standing.OPEN, Standing.UNVERIFIED] - moved[Standing.OPEN, Standing.EXCEPTED]
        )  # fmt: skip
        assert before is None or flow.period.first == cut[0].first or flow.at_begin == before
        before = flow.at_end
    repair = reckoning.repair
    found = [
        life for life in lives if reckoning.flows[0].period.begins <= life.found < reckoning.flows[-1].period.ends
    ]
    assert repair.taken.done + repair.open + repair.unverified + repair.excepted == len(found)


def test_the_bands_of_age_end_with_their_day() -> None:
    [span] = periods(Period(first=FIRST, last=FIRST + timedelta(days=399)), Every.YEAR)[:1]
    for days_ago in (0, *AGES, *(each + 1 for each in AGES[:-1])):
        reckoning = Reckoning([span], {})
        found = at(span.last - timedelta(days=days_ago))
        reckoning.add(
            Life(defect=1, site=1, events=(Event(at=found, new=Standing.OPEN, newly_checked=False, sweep=None),))
        )
        expected = next(band for band, most in enumerate((*AGES, 10**6)) if days_ago <= most)
        assert reckoning.flows[0].ages[expected] == 1, days_ago


# ── outlook ────────────────────────────────────────────────────────────────────────────────────────


async def fallen(database: Database, shares: Collection[int], **more: Any) -> int:
    """A site of 300 pages, swept every 30 days, with so many problem pages."""
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        for number, failing in enumerate(shares):
            await rows.sweeps(
                [site], FIRST + timedelta(days=30 * number), {"image-alt": range(failing)}, pages=300, **more
            )
    return site


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("shares", "by", "outlook"),
    [
        ([150, 120, 93, 69, 51], 150, Outlook.WITHIN),
        ([150, 151, 149, 150, 150], 150, Outlook.BEYOND),
        ([150, 90, 135, 75, 99], 150, Outlook.OPEN),
        ([150, 120], 60, Outlook.FEW),
        ([150, 120, 93, 69, 51], 400, Outlook.FAR),
        ([150, 120, 93, 69, 51], 100, Outlook.PAST),
    ],
)
async def test_what_may_be_said_of_a_target(
    database: Database, shares: list[int], by: int, outlook: Outlook
) -> None:
    site = await fallen(database, shares)
    trend = await told(database, [site], target=Target(share=0.2, by=FIRST + timedelta(days=by)))
    assert trend.forecast is not None
    assert (trend.forecast.outlook, trend.forecast.points) == (outlook, len(shares))
    assert (trend.forecast.foreseen is None) == (outlook in (Outlook.FEW, Outlook.FAR, Outlook.PAST))
    if trend.forecast.foreseen:
        seen = trend.forecast.foreseen
        assert 0 < seen.low < seen.share < seen.high < 1


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_points_before_a_break_foretell_nothing(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        for number in range(5):
            rule_set = "rules" if number < 3 else "other"
            await rows.sweeps(
                [site], FIRST + timedelta(days=30 * number), {"image-alt": range(8 - number)}, rule_set=rule_set
            )
    trend = await told(database, [site], target=Target(share=0.2, by=FIRST + timedelta(days=140)))
    assert trend.forecast is not None
    assert (trend.forecast.outlook, trend.forecast.points) == (Outlook.FEW, 2)


# ── pages and people ───────────────────────────────────────────────────────────────────────────────


async def test_the_history_of_a_page(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        one, two, three, four, five = days(0, 30, 60, 90, 120)
        await rows.sweeps([site], one, {"image-alt": [0], "label": [0], "region": [0]})
        await rows.sweeps([site], two, {}, lost=[0])
        await rows.sweeps([site], three, {"label": [0]}, drawn=range(5), pages=10)
        await rows.sweeps([site], four, {}, rule_set="other")
        await rows.sweeps([site], five, {"image-alt": [0]}, recheck=True)
        await rows.life(site, "here", [(one, S.FOUND), (three, S.CONFIRMED)])
        await rows.life(site, "elsewhere", [(one, S.FOUND)], page=3)
    address = f"https://s{site}.example.lg.jp/0"
    async with database.reading() as connection:
        page = await page_of(connection, site, address)
        with pytest.raises(UsageError, match="No sweep of this site"):
            await page_of(connection, site, "https://other.example/")
    trend = await told(database, [site], page=page)
    assert trend.page is not None
    assert [(look.places, look.criteria, look.line, look.breaks) for look in trend.page.looks] == [
        (2, ("1.1.1", "4.1.2"), 0, ()),
        (None, (), None, (Break.UNSEEN,)),
        (1, ("4.1.2",), 0, ()),
        (0, (), 1, (Break.RULE_SET,)),
    ]
    assert together(trend.flows).found == 1, "of the defects that this page has shown"
    assert [each.rule for each in trend.page.places] == ["image-alt"]
    alone = await told(database, [site], page=page, criterion="1.1.1")
    assert alone.page is not None
    assert [look.places for look in alone.page.looks] == [1, None, 0, 0]
    unruled = await told(database, [site], page=page, criterion="2.4.2")
    assert unruled.page is not None
    assert {look.places for look in unruled.page.looks} == {None}, "no rule looked: that is no zero"


async def test_conformance_is_what_people_say_and_nobody_else(database: Database) -> None:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        [site] = await rows.sites(1)
        first, second = days(0, 30)
        [judged] = await rows.sweeps([site], first, {"label": [0]}, pages=2)
        await rows.sweeps([site], second, {}, pages=2)
        visits = list(await connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == judged)))
        said = [
            (visits[0], "1.1.1", "A", JudgementOutcome.MET), (visits[1], "1.1.1", "A", JudgementOutcome.MET),
            (visits[0], "1.2.1", "A", JudgementOutcome.MET), (visits[0], "1.2.1", "B", JudgementOutcome.NOT_MET),
            (visits[1], "1.2.1", "A", JudgementOutcome.MET), (visits[0], "1.3.1", "A", JudgementOutcome.NOT_MET),
            (visits[0], "1.4.3", "A", JudgementOutcome.NOT_MET), (visits[0], "1.4.3", "A", JudgementOutcome.WITHDRAWN),
            *((visit, "2.1.1", "A", JudgementOutcome.NOT_APPLICABLE) for visit in visits),
        ]  # fmt: skip
        await connection.execute(
            sa.insert(Judgement),
            [
                {"visit_id": visit, "criterion": number, "person": person, "outcome": outcome, "at": at(first, 5)}
                for visit, number, person, outcome in said
            ],
        )
    trend = await told(database, [site])
    [test] = trend.tests[site]
    assert (test.sweep, test.judged) == (judged, False)
    assert {number: test.verdicts[number].value for number in ("1.1.1", "1.2.1", "1.3.1", "1.4.3", "2.1.1", "3.1.1")} == {
        "1.1.1": "met", "1.2.1": "unjudged", "1.3.1": "not_met", "1.4.3": "unjudged", "2.1.1": "not_applicable",
        "3.1.1": "unjudged",
    }  # fmt: skip


# ── many ───────────────────────────────────────────────────────────────────────────────────────────


async def swept_many(database: Database, sites: int, sweeps: int) -> list[int]:
    async with database.writing() as connection:
        rows = Histories(connection=connection)
        made = await rows.sites(sites)
        for number in range(sweeps):
            await rows.sweeps(made, FIRST + timedelta(days=10 * number), {"image-alt": range(number % 3)}, pages=3)
        for site in made:
            found = FIRST + timedelta(days=site % 200)
            await rows.life(site, "a", [(found, S.FOUND), (found + timedelta(days=40), S.CONFIRMED)])
    return made


async def asked_for(database: Database, sites: list[int]) -> tuple[list[str], Trend]:
    """What a trend of sites asks of a database that keeps their points, and the trend."""
    async with database.writing() as connection:
        await keep_points(connection)
    with statements(database) as asked:
        async with database.reading() as connection:
            return asked, await trend_of(connection, sites, alone=False, first=FIRST, last=END)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_300_sites_of_24_sweeps_take_as_few_statements_as_three_of_two(database: Database) -> None:
    few = await swept_many(database, 3, 2)
    asked_of_few, _ = await asked_for(database, few)
    async with database.writing() as connection:
        await connection.execute(sa.text("UPDATE site SET address = 'https://few.example/' || id || '/'"))
    many = await swept_many(database, 300, 24)
    began = time.process_time()
    asked, trend = await asked_for(database, many)
    took = time.process_time() - began
    assert len(asked) == len(asked_of_few) < 30
    assert sum(map(len, trend.steps.values())) == 7200
    rates: Mapping[int, Any] = {number: each.rates() for number, each in enumerate(trend.rolled)}
    assert rates[0].sites == 300
    assert rates[0].by_pages.share == pytest.approx(2 / 3), "the third of April's sweeps"
    assert took < 20, "seconds of work, however busy the machine is"
