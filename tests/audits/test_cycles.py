"""Cycles: what is measured from what, what may be said of a change, and that a closed one never says anything else."""

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.cycles import closing, rounds
from audits.cycles.defects import MAY_BE_THERE, open_of, tally
from audits.cycles.keeping import kept, restored
from audits.cycles.progress import Progress, SiteProgress, mean_of, progress, standing_of
from audits.cycles.rounds import Round, Target
from audits.defects import book
from audits.defects.book import Plan
from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from audits.sampled import Estimate
from audits.statistics.strata import Sample, Stratum
from db.database import Database
from db.errors import UsageError
from db.tables import DefectEvent, Draw, Site, Sweep, Visit
from db.types import now
from db.words import Break, Change, Gap, Method, Origin, Part, Standing, SweepState
from db.words import DefectState as State
from tests.audits.test_reconcile import History
from tests.db.rows import opened_copy

CRITERIA = {"image-alt": ["1.1.1"], "label": ["4.1.2"], "color-contrast": ["1.4.3"]}
FIRST = today() - timedelta(days=150)
LAST = FIRST + timedelta(days=170)
NO_TARGET = Target(rate=None, defects=None, on=LAST)
Truth = Mapping[str, Mapping[str, int]]


class Sites:
    """Sites in rows, each with a history of its own."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.histories: dict[str, History] = {}

    async def site(self, name: str) -> History:
        if name not in self.histories:
            row = {"address": f"https://{name}.example.lg.jp/", "created_at": now()}
            number = await self.connection.scalar(sa.insert(Site).values(row).returning(Site.id))
            assert number is not None
            self.histories[name] = History(connection=self.connection, site=number)
        return self.histories[name]

    async def sweep(self, name: str, day: date, truth: Truth, **given: Any) -> int:
        """A sweep of all pages that finished at noon of a day, taken in on that day."""
        history = await self.site(name)
        method = given.pop("method", Method.ALL)
        usual = {"rule_criteria": CRITERIA, "rule_set": "one", "stratify": None}
        noon = datetime(day.year, day.month, day.day, 3, tzinfo=UTC)
        mine = {f"/{name}{path}": faults for path, faults in truth.items()}
        sweep = await history.sweep(mine, **{**usual, **given, "method": method, "finished_at": noon})
        part = Part.CENSUS if method is Method.ALL else Part.RANDOM
        visits = await self.connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == sweep))
        if method is not Method.REPRESENTATIVE:
            drawn = [{"sweep_id": sweep, "visit_id": each, "part": part, "rank": each} for each in visits]
            await self.connection.execute(sa.insert(Draw), drawn)
        await reconcile(self.connection, sweep, day)
        moved = sa.update(DefectEvent).where(DefectEvent.sweep_id == sweep)
        await self.connection.execute(moved.values(at=noon))
        return sweep

    async def begin(self, *names: str, target: Target = NO_TARGET, **given: Any) -> None:
        numbers = [(await self.site(each)).site for each in names]
        await rounds.begin(self.connection, "第1回", (FIRST, LAST), target, numbers, **given)


async def cycle_of(database: Database) -> Round:
    async with database.reading() as connection:
        return await rounds.named(connection, "第1回")


async def told(database: Database) -> Progress:
    found = await progress(database, await cycle_of(database))
    assert restored(Progress, kept(found)) == found, "nothing is lost when it is kept"
    return found


def pages(count: int, *faults: str, of: int = 10) -> dict[str, dict[str, int]]:
    """Ten pages, of which some show faults."""
    return {f"/{number}": dict.fromkeys(faults, 1) if number < count else {} for number in range(of)}


def days(offset: int) -> date:
    return FIRST + timedelta(days=offset)


def rates(site: SiteProgress) -> tuple[float | None, float | None]:
    """The shares at the baseline and confirmed."""
    return site.baseline and site.baseline.rate, site.confirming and site.confirming.rate


async def test_a_site_is_measured_from_the_last_sweep_of_the_first_day_to_the_last_of_the_cycle(
    database: Database,
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-30), pages(9, "a"))
        await sites.sweep("a", FIRST, pages(8, "a"))
        await sites.sweep("a", days(20), pages(5, "a"))
        last = await sites.sweep("a", LAST, pages(4, "a"))
        await sites.sweep("a", LAST + timedelta(days=1), pages(0, "a"))
        await sites.begin("a")
    [site] = (await told(database)).sites
    assert rates(site) == (0.8, 0.4)
    assert (site.later, site.gap, site.newest == site.confirming) == (2, None, True)
    assert site.confirming is not None
    assert site.confirming.sweep == last
    assert site.shift is not None
    assert (site.shift.change, round(site.shift.difference, 6)) == (Change.BETTER, -0.4)


async def test_a_site_that_nobody_had_swept_is_measured_from_the_first_sweep_of_the_cycle(
    database: Database,
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.begin("a", "b")
        await sites.sweep("a", days(20), pages(5, "a"))
    one, other = (await told(database)).sites
    assert (rates(one), one.gap, one.later) == ((0.5, None), Gap.NOT_SWEPT, 0)
    assert (other.baseline, other.gap, other.defects) == (None, Gap.NO_BASELINE, ())
    async with database.writing() as connection:
        sites.connection = sites.histories["a"].connection = connection
        await sites.sweep("a", days(30), pages(5, "a"))
    one, _ = (await told(database)).sites
    assert (rates(one), one.shift and one.shift.change) == ((0.5, 0.5), Change.SAME)


async def test_a_baseline_may_be_said_and_stays_what_it_was(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        first = await sites.sweep("a", days(-60), pages(9, "a"))
        await sites.sweep("a", days(-30), pages(7, "a"))
        await sites.begin("a")
        await sites.sweep("a", days(-1), pages(6, "a"))  # comes in late: it is not what was measured from
    assert rates((await told(database)).sites[0])[0] == 0.7
    async with database.writing() as connection:
        cycle = await rounds.named(connection, "第1回")
        await rounds.change(connection, cycle, (FIRST, LAST), NO_TARGET, baselines=[first])
    assert rates((await told(database)).sites[0])[0] == 0.9


@pytest.mark.parametrize(
    ("given", "broken"),
    [({"rule_set": "two"}, Break.RULE_SET), ({"settings": {"signed_in": ["https://a/"]}}, Break.SCOPE)],
)
async def test_of_sweeps_that_are_no_series_no_change_is_told(
    database: Database, given: dict[str, Any], broken: Break
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(8, "a"))
        await sites.begin("a", target=Target(rate=0.5, defects=None, on=LAST))
        await sites.sweep("a", days(20), pages(1, "a"), **given)
    found = await told(database)
    [site] = found.sites
    assert (site.gap, site.breaks, site.shift, site.confirming) == (Gap.UNLIKE, (broken,), None, None)
    assert site.newest is not None
    assert site.newest.rate == 0.1, "it is shown, and not held against anything"
    assert (site.standing, found.rate_standing) == (Standing.NOT_REACHED, Standing.NOT_REACHED)
    assert (found.whole.baseline.sites, found.whole.after.sites, found.whole.shift) == (1, 0, None)


async def test_the_last_sweep_that_may_be_compared_counts_when_a_later_one_may_not(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(8, "a"))
        await sites.begin("a")
        await sites.sweep("a", days(20), pages(4, "a"))
        await sites.sweep("a", days(40), pages(2, "a"), rule_set="two")
    [site] = (await told(database)).sites
    assert (rates(site), site.breaks, site.gap) == ((0.8, 0.4), (Break.RULE_SET,), None)
    assert site.newest is not None
    assert site.newest.rate == 0.2


async def test_pages_chosen_on_purpose_say_nothing_of_a_site(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(8, "a"), method=Method.REPRESENTATIVE)
        await sites.begin("a", target=Target(rate=0.9, defects=None, on=LAST))
        await sites.sweep("a", days(20), pages(0, "a"), method=Method.REPRESENTATIVE)
    found = await told(database)
    assert (rates(found.sites[0]), found.sites[0].gap) == ((None, None), Gap.NO_RATE)
    assert (found.rate_standing, found.whole.baseline.sites) == (Standing.UNKNOWN, 0)


async def test_a_recheck_and_a_sweep_that_has_not_finished_are_none_of_the_cycles_sweeps(
    database: Database,
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(8, "a"))
        await sites.begin("a")
        await sites.sweep("a", days(20), pages(0, "a"), recheck=True)
        await sites.sweep("a", days(30), pages(0, "a"), state=SweepState.AUDITING)
    [site] = (await told(database)).sites
    assert (site.gap, site.confirming) == (Gap.NOT_SWEPT, None)
    assert [each.state for each in site.defects] == [State.CONFIRMED], "a recheck moves defects"


async def test_totals_are_of_the_same_sites_by_pages_and_by_sites(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("large", days(-1), pages(30, "a", of=90))
        await sites.sweep("small", days(-1), pages(9, "a", of=10))
        await sites.sweep("other", days(-1), pages(5, "a", of=10))
        await sites.begin("large", "small", "other")
        await sites.sweep("large", days(20), pages(15, "a", of=90))
        await sites.sweep("small", days(20), pages(3, "a", of=10))
        await sites.sweep("other", days(20), pages(0, "a", of=10), rule_set="two")
    whole = (await told(database)).whole
    assert (whole.baseline.sites, whole.before.sites, whole.after.sites) == (3, 2, 2)
    assert whole.baseline.by_pages is not None
    assert whole.before.by_pages is not None
    assert whole.after.by_pages is not None
    assert whole.baseline.by_pages.rate == pytest.approx(44 / 110)
    assert (whole.before.by_pages.rate, whole.after.by_pages.rate) == (pytest.approx(0.39), pytest.approx(0.18))
    assert (whole.before.by_sites, whole.after.by_sites) == (
        pytest.approx((1 / 3 + 0.9) / 2), pytest.approx((1 / 6 + 0.3) / 2),
    )  # fmt: skip
    assert whole.shift is not None
    assert whole.shift.low == whole.shift.high == pytest.approx(-0.21)


def test_what_was_counted_widens_no_interval_of_what_was_drawn() -> None:
    """Ten sites of which all pages were seen and a draw of another: as trends of the same sites tell it, and not as wide as without the draw."""
    counted = [Sample(strata=(Stratum(population=1000, drawn=1000, audited=1000, found=200),))] * 10
    drawn = Sample(strata=(Stratum(population=300, drawn=40, audited=40, found=12),))
    found = mean_of([*counted, drawn]).by_pages
    assert found is not None
    low, high = drawn.interval
    assert (found.low, found.high) == (
        pytest.approx((2000 + 300 * low) / 10_300), pytest.approx((2000 + 300 * high) / 10_300),
    )  # fmt: skip
    assert (found.rate, found.frame, found.drawn, found.problem_pages) == (
        pytest.approx(2090 / 10_300),
        10_300,
        10_040,
        2012,
    )
    assert mean_of([]).by_pages is None


async def test_shares_by_two_rule_sets_are_never_put_together(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        for name, rule_set in (("a", "one"), ("b", "two"), ("c", "two")):
            await sites.sweep(name, days(-1), pages(8, "a"), rule_set=rule_set)
        await sites.begin("a", "b", "c")
    whole = (await told(database)).whole
    assert (whole.rule_set, whole.rule_sets, whole.baseline.sites) == ("two", 2, 2)
    async with database.writing() as connection:
        sites.histories["a"].connection = sites.connection = connection
        await sites.sweep("a", days(20), pages(4, "a"))
    whole = (await told(database)).whole
    assert (whole.rule_set, whole.baseline.sites, whole.after.sites) == ("one", 1, 1), "what can tell of a change"


def test_a_target_is_reached_only_with_the_whole_interval() -> None:
    def stands(low: float, high: float) -> Standing:
        estimate = Estimate(frame=9, drawn=5, audited=5, problem_pages=1, rate=low, low=low, high=high)
        return standing_of(POINT(estimate), 0.2)

    assert [stands(0.1, 0.2), stands(0.1, 0.3), stands(0.21, 0.3)] == [
        Standing.REACHED, Standing.UNKNOWN, Standing.NOT_REACHED,
    ]  # fmt: skip
    assert standing_of(POINT(None), 0.2) is standing_of(None, 0.2) is Standing.UNKNOWN


def POINT(estimate: Estimate | None) -> Any:
    """A sweep of which only the estimate matters."""
    return type("Point", (), {"estimate": estimate})()


async def test_defects_are_told_by_since_when_the_cycle_knows_them(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        only = {"rule_criteria": {rule: CRITERIA[rule] for rule in ("image-alt", "label")}, "rule_set": "fewer"}
        rules = ("image-alt", "label")
        await sites.sweep("a", days(-40), {"/1": {"a": 1, "b": 1}, "/2": {"c": 1}}, rules=rules, **only)
        await sites.sweep("a", days(-1), {"/1": {"a": 1}, "/2": {"c": 1}}, rules=rules, **only)
        await sites.begin("a")
        await sites.sweep("a", days(20), {"/1": {"b": 1, "d": 1}, "/2": {"c": 1}, "/3": {"e": 1}})
        history = sites.histories["a"]
        defect = await book.one(connection, history.defects["c"])
        due = today() - timedelta(days=1)
        await book.plan(connection, defect, "鈴木", Plan(owner="広報課", due_on=due, way=None))
    found = await told(database)
    lines = {line.id: line for line in found.defects}
    named = {fault: (lines[number].origin, lines[number].state) for fault, number in history.defects.items()}
    assert named == {
        "a": (Origin.BASELINE, State.CONFIRMED), "b": (Origin.BACK, State.RETURNED),
        "c": (Origin.BASELINE, State.PLANNED), "d": (Origin.NEWLY_CHECKED, State.FOUND),
        "e": (Origin.NEW, State.FOUND),
    }  # fmt: skip
    assert [line.id for line in found.defects if line.overdue] == [history.defects["c"]]
    assert open_of(found.defects) == (4, 4)


async def test_what_was_confirmed_before_the_baseline_and_stays_so_is_none_of_the_cycles(
    database: Database,
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-40), {"/1": {"a": 1, "c": 1}})
        await sites.sweep("a", days(-1), {"/1": {"c": 1}})
        await sites.begin("a")
    found = await told(database)
    assert [line.rule for line in found.defects] == ["label"]


@pytest.mark.parametrize(
    ("most", "lost", "stands"),
    [(0, (), Standing.NOT_REACHED), (1, (), Standing.REACHED), (1, ("/a/2",), Standing.UNKNOWN)],
)
async def test_a_number_of_defects_is_reached_only_when_no_unseen_one_can_break_it(
    database: Database, most: int, lost: tuple[str, ...], stands: Standing
) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), {"/1": {"a": 1}, "/2": {"c": 1}})
        await sites.begin("a", target=Target(rate=None, defects=most, on=LAST))
        await sites.sweep("a", days(20), {"/1": {"a": 1}, "/2": {}}, lost=lost)
    found = await told(database)
    assert (found.defects_standing, found.rate_standing) == (stands, None)


async def test_what_cannot_be_is_refused_and_nothing_is_kept(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        swept = await sites.sweep("a", days(-1), pages(1, "a"))
        other = await sites.sweep("b", days(-1), pages(1, "a"))
        late = await sites.sweep("a", LAST + timedelta(days=1), pages(1, "a"))
        again = await sites.sweep("a", days(2), pages(1, "a"), recheck=True)
        a = sites.histories["a"].site
        for days_, target, numbers, baselines in (
            ((LAST, FIRST), NO_TARGET, [a], []),
            ((FIRST, LAST), Target(rate=None, defects=None, on=LAST + timedelta(days=1)), [a], []),
            ((FIRST, LAST), NO_TARGET, [], []),
            ((FIRST, LAST), NO_TARGET, [a], [other]),
            ((FIRST, LAST), NO_TARGET, [a], [late]),
            ((FIRST, LAST), NO_TARGET, [a], [again]),
            ((FIRST, LAST), NO_TARGET, [a], [999]),
            ((FIRST, LAST), NO_TARGET, [a], [swept, swept]),
        ):
            nested = await connection.begin_nested()
            with pytest.raises(UsageError):
                await rounds.begin(connection, "別", days_, target, numbers, baselines)
            await nested.rollback()
        await sites.begin("a")
        with pytest.raises(UsageError):
            await sites.begin("a")  # the name is taken
        assert [each.name for each in await rounds.rounds(connection)] == ["第1回"]
        cycle = await rounds.named(connection, "第1回")
        for more in ({"fewer": [a]}, {"fewer": [sites.histories["b"].site]}):
            with pytest.raises(UsageError):
                await rounds.change(connection, cycle, (FIRST, LAST), NO_TARGET, **more)
        with pytest.raises(UsageError):
            await rounds.named(connection, "第2回")


async def test_a_cycle_takes_sites_in_and_out_until_it_is_closed(database: Database) -> None:
    async with database.writing() as connection:
        sites = Sites(connection)
        for name in ("a", "b"):
            await sites.sweep(name, days(-1), pages(1, "a"))
        await sites.begin("a")
        a, b = (sites.histories[name].site for name in ("a", "b"))
        cycle = await rounds.named(connection, "第1回")
        await rounds.change(connection, cycle, (FIRST, LAST), NO_TARGET, more=[b], fewer=[a])
    cycle = await cycle_of(database)
    assert [each.site for each in cycle.sites] == [b]
    await closing.close(database, cycle, "佐藤")
    as_it_was, cycle = cycle, await cycle_of(database)
    with pytest.raises(UsageError):
        await closing.close(database, cycle, "鈴木")
    for read in (cycle, as_it_was):  # also by who has read it before somebody else closed it
        async with database.writing() as connection:
            with pytest.raises(UsageError):
                await rounds.change(connection, read, (FIRST, days(400)), NO_TARGET, more=[a])
    assert await cycle_of(database) == cycle


async def test_of_two_who_begin_a_cycle_of_one_name_one_is_told(database: Database) -> None:
    async with database.writing() as connection:
        await Sites(connection).sweep("a", days(-1), pages(1, "a"))
        site = (await connection.scalars(sa.select(Site.id))).one()

    async def begin() -> None:
        async with database.writing() as connection:
            await rounds.begin(connection, "第1回", (FIRST, LAST), NO_TARGET, [site])

    ended = await asyncio.gather(begin(), begin(), return_exceptions=True)
    assert sorted(type(each).__name__ for each in ended) == ["NoneType", "UsageError"]


# ── any history ────────────────────────────────────────────────────────────────────────────────────

PAGES = ("/1", "/2", "/3")
FAULTS = st.dictionaries(st.sampled_from("abcd"), st.integers(1, 2), max_size=3)
TRUTHS = st.fixed_dictionaries(dict.fromkeys(PAGES, FAULTS))
STEP = st.tuples(
    st.sampled_from(("a", "b")), TRUTHS, st.sampled_from(((), ("/1",))), st.sampled_from(("one", "one", "two")),
    st.sampled_from((None, *"abcd")),
)  # fmt: skip
STEPS = st.lists(STEP, min_size=1, max_size=3)


async def play(sites: Sites, steps: Sequence[Any], begin: int) -> None:
    for number, (name, truth, lost, rule_set, claim) in enumerate(steps):
        mine = [f"/{name}{path}" for path in lost]
        await sites.sweep(name, days(begin + number), truth, lost=mine, rule_set=rule_set)
        history = sites.histories[name]
        if claim in history.defects and (await history.states())[claim] is State.FOUND:
            await history.say(claim, State.REPAIRED)


@settings(max_examples=20, deadline=None)
@given(before=STEPS, within=STEPS, after=STEP)
async def test_counts_add_up_and_a_closed_cycle_never_says_anything_else(
    sqlite_template: Path, before: Sequence[Any], within: Sequence[Any], after: Any
) -> None:
    async with opened_copy(sqlite_template) as database:
        async with database.writing() as connection:
            sites = Sites(connection)
            await play(sites, before, -10)
            await sites.begin("a", "b", target=Target(rate=0.5, defects=1, on=LAST))
            await play(sites, within, 1)
        found = await told(database)
        async with database.reading() as connection:
            for name, site in zip(("a", "b"), found.sites, strict=True):
                history = sites.histories[name]
                listed = {each.id: each for each in await book.listed(connection, history.site)}
                lines = {line.id: line for line in site.defects}
                assert len(lines) == len(site.defects), "nothing is doubled"
                assert site.baseline or not lines, "no baseline, no numbers"
                counted = tally(site.defects)
                assert sum(states.total() for states in counted.values()) == len(lines)
                assert Counter(line.state for line in lines.values()) == sum(counted.values(), Counter())
                if site.baseline:
                    missing = listed.keys() - lines.keys()
                    assert all(listed[each].state is State.CONFIRMED for each in missing), (
                        "nothing open is left out"
                    )
                assert all(listed[each].state is line.state for each, line in lines.items())
                assert open_of(site.defects)[1] == sum(line.state in MAY_BE_THERE for line in lines.values())
                assert (site.shift is None) == (site.gap is not None)
                if site.shift and site.baseline and site.confirming:
                    assert site.baseline.rule_set == site.confirming.rule_set
            assert found.whole.before.sites == found.whole.after.sites <= found.whole.baseline.sites <= 2
            assert (found.whole.shift is None) == (found.whole.after.sites == 0)
        said = await closing.close(database, await cycle_of(database), "佐藤")
        async with database.writing() as connection:
            sites.connection = connection
            for history in sites.histories.values():
                history.connection = connection
            await play(sites, [after], 20)
            await connection.execute(sa.update(Sweep).values(rule_set="three"))
        again = await closing.told(database, await cycle_of(database))
        assert again == said
        assert kept(again) == kept(said)
