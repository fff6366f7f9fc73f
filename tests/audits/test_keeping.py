"""Keeping: what is past its term goes with a record, what something stands on stays, and no number changes."""

import asyncio
import errno
import json
import shutil
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from audits.carry import _alike
from audits.compare import compare
from audits.conclude import conclude
from audits.defects import book
from audits.defects.reconcile import reconcile
from audits.keeping.alone import keeping_results
from audits.keeping.disposal import Run, _of_site, dispose
from audits.keeping.evidence import Amount
from audits.keeping.holding import Hold
from audits.keeping.plan import plan
from audits.keeping.record import names_of
from audits.keeping.terms import DEFAULTS, MINIMUM, Term, Terms
from audits.trends.kept import keep_points
from audits.trends.trend import trend_of
from db.database import Database
from db.errors import StorageError, UsageError
from db.pictures.belonging import set_apart, settle
from db.pictures.checking import check
from db.pictures.leaving import still_there
from db.pictures.moving import move_into_store
from db.store import Store
from db.tables import (
    Account,
    Cycle,
    CycleSite,
    Declaration,
    Defect,
    DefectEvent,
    Disposal,
    Example,
    Finding,
    Judgement,
    KeptPoint,
    Look,
    Notice,
    Occurrence,
    Page,
    Picture,
    Result,
    Schedule,
    ScheduledRun,
    Session,
    Subscription,
    Sweep,
    Table,
    Trail,
    Visit,
    Volatile,
)
from db.words import Came, DefectState, Done, JudgementOutcome, Kept, Matched, Notation, SweepState, Telling, Trust
from reports import read, records
from reports.summary import as_json
from reports.trend_json import as_json as trend_json
from reports.trend_view import Of
from tests.audits.kept import PAGES, TODAY, findings_of, results_of, years
from tests.db.rows import filled, table_of
from tests.db.server import Server
from tests.reports.series import address, swept

RULES = ["image-alt", "label"]
SWEEPS = [1, 2, 3, 4, 5]  # of tests.audits.kept
FOREVER = (Sweep, Visit, Defect, DefectEvent, Occurrence, Look, KeptPoint, Finding, Result)
ALL = Terms(of=DEFAULTS)


@pytest.fixture(scope="module")
def sqlite_years(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file with sweeps of some years."""
    path = tmp_path_factory.mktemp("years") / "years.sqlite"
    shutil.copyfile(sqlite_template, path)
    asyncio.run(fill(str(path)))
    return path


@pytest.fixture(scope="module")
def postgres_years(postgres: Server, postgres_template: str) -> Iterator[str]:
    """The same in PostgreSQL."""
    with postgres.database(template=postgres_template) as (name, url):
        asyncio.run(fill(url))
        yield name


async def fill(url: str) -> None:
    async with Database(url) as database:
        assert await years(database) == SWEEPS


@pytest.fixture
def database_url(backend: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a database of its own with sweeps of some years."""
    if backend == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_years"), tmp_path / "database.sqlite")
        yield str(tmp_path / "database.sqlite")
        return
    server: Server = request.getfixturevalue("postgres")
    with server.database(template=request.getfixturevalue("postgres_years")) as (_, url):
        yield url


async def numbers(database: Database, sweeps: list[int]) -> dict[str, Any]:
    """All that is said of some sweeps and their site."""
    told: dict[str, Any] = {}
    for each in sweeps:
        told[f"summary {each}"] = as_json(await conclude(database, each), None)
    async with database.reading() as connection:
        for each in sweeps:
            told[f"rules {each}"] = await read.rule_counts(connection, each)
            told[f"visits {each}"] = [
                tuple(row) for row in await connection.execute(records.visits(each, RULES).order_by(Visit.id))
            ]
            told[f"states {each}"] = await read.states(connection, each)
        span = {"first": date(2019, 4, 1), "last": date(2026, 11, 1)}
        of = Of(name="s", kind="site", sites={1: "s"}, organisations={})
        for page in (None, 1):
            told[f"trend {page}"] = trend_json(await trend_of(connection, [1], alone=True, page=page, **span), of)
        told["defects"] = await book.listed(connection, 1)
        for table in FOREVER:
            told[table.__tablename__] = await connection.scalar(sa.select(sa.func.count()).select_from(table))
    told["compared"] = str(await compare(database, sweeps[0], sweeps[1]))
    return json.loads(json.dumps(told, default=str))


async def rows(database: Database, table: type[Table]) -> list[Any]:
    async with database.reading() as connection:
        return list((await connection.execute(sa.select(table).order_by(*table_of(table).primary_key))).all())


async def insert(database: Database, table: type[Table], **values: Any) -> int:
    async with database.writing() as connection:
        done = await connection.execute(sa.insert(table).values(filled(table_of(table), values)))
        assert done.inserted_primary_key is not None
        return int(done.inserted_primary_key[0])


async def test_no_number_changes_and_what_is_past_its_term_is_gone(database: Database) -> None:
    sweeps = SWEEPS
    before = await numbers(database, sweeps)
    async with database.reading() as connection:
        planned = await plan(connection, ALL, TODAY)
    pictures = len(await rows(database, Picture))
    done = await dispose(database, ALL, "佐藤", TODAY)
    assert await numbers(database, sweeps) == before
    assert {
        kind: sum((planned.going[key] for key in planned.going if key[0] is kind), Amount()) for kind in ALL.of
    } == done
    assert done[Kept.PICTURES] == Amount(results=14, items=14, bytes=14 * len("page 1 1"))
    for sweep in sweeps[:3]:
        assert all(
            each.pictures_disposed_at and each.picture_id is None for each in await results_of(database, sweep)
        )
        found = await findings_of(database, sweep)
        assert found
        assert {(each.snippet, str(each.checks), each.picture_id) for each in found} == {("", "[]", None)}
        gone = {(str(each.frame), str(each.target), each.box is None) for each in found} == {("[]", "[]", True)}
        assert gone == (
            sweep == 1
        )  # of 2020 one place is of a result that 2021 has too, and 2021 is within five years
    for sweep in sweeps[3:]:
        assert all(
            each.snippet and each.target and each.box and each.picture_id
            for each in await findings_of(database, sweep)
        )
    assert len(await rows(database, Picture)) == pictures - 14
    assert [each.source for each in await rows(database, Volatile)] == [None] * 3 + [b"source" * 10] * 2
    assert set((await dispose(database, ALL, "佐藤", TODAY)).values()) == {Amount()}
    async with database.writing() as connection:
        await connection.execute(sa.delete(KeptPoint))
        await keep_points(connection)  # counted anew from what is left
    assert await numbers(database, sweeps) == before
    async with database.reading() as connection:
        told = [(await connection.execute(records.findings(each, RULES))).all() for each in sweeps]
    assert [{row.disposed_at is not None for row in some} for some in told] == [{True}] * 3 + [{False}] * 2
    clean = [each for each in await results_of(database, sweeps[0]) if each.texts_disposed_at is None]
    assert len(clean) == PAGES - 2  # a page without a finding has lost its picture alone


async def test_the_record_says_what_went_by_which_rule_and_on_whose_word(database: Database) -> None:
    sweeps = SWEEPS
    numbered = {sweep: sorted(each.id for each in await results_of(database, sweep)) for sweep in sweeps}
    digests = {each.id: each.digest for each in await rows(database, Picture)}
    shown = {each.id: each.picture_id for sweep in sweeps for each in await results_of(database, sweep)}
    await dispose(database, Terms(of={Kept.PICTURES: Term.parse("2y")}, why="文書管理課 7号"), "佐藤", TODAY)
    written = await rows(database, Disposal)
    assert [(each.sweep_id, each.year, each.results, each.items) for each in written] == [
        (3, 2021, 5, 5), (2, 2020, 4, 4), (1, 2019, 5, 5),
    ]  # fmt: skip
    first = written[-1]
    assert (first.kind, first.site_id, first.who, first.term, first.minimum, first.why) == (
        Kept.PICTURES, 1, "佐藤", "2y", str(MINIMUM[Kept.PICTURES]), "文書管理課 7号",
    )  # fmt: skip
    names = [f"result {each}" for each in numbered[1]]
    names += [f"picture {shown[each]} {digests[shown[each]]}" for each in numbered[1]]
    async with database.reading() as connection:
        kept = await names_of(connection, first.id)
        assert kept == "".join(f"{each}\n" for each in sorted(names)).encode()
        assert first.digest == sha256(kept).hexdigest()
        with pytest.raises(UsageError, match="99"):
            await names_of(connection, 99)
    assert len({each.begun_at for each in written}) == 1
    assert {each.pictures_disposed_at for each in await results_of(database, 1)} == {first.at}


async def held(database: Database, sweep: int) -> set[Hold]:
    """Why results of a sweep past its term are held."""
    async with database.reading() as connection:
        planned = await plan(connection, ALL, TODAY)
    year = (2019, 2020, 2021)[sweep - 1]
    return {
        hold for kind, of, hold in planned.held if of == year and kind in (Kept.PICTURES, Kept.TEXTS, Kept.PLACES)
    }


@pytest.mark.parametrize(
    ("table", "values", "hold"),
    [
        (Declaration, {"sweep_id": 1, "notation": next(iter(Notation))}, Hold.DECLARED),
        (Judgement, {"visit_id": 1, "outcome": next(iter(JudgementOutcome))}, Hold.JUDGED),
        (Example, {"finding_id": 1, "defect_id": 1, "matched": next(iter(Matched))}, Hold.EXAMPLE),
        (CycleSite, {"cycle_id": 1, "site_id": 1, "baseline_id": 1}, Hold.BASELINE),
        (Sweep, {"site_id": 1, "state": SweepState.EXPLORING, "earlier_id": 1}, Hold.LEANED),
        (Sweep, {"id": 1, "trust": Trust.SUSPECT}, Hold.SUSPECT),
        (Sweep, {"id": 1, "state": SweepState.AUDITING}, Hold.UNFINISHED),
        (Defect, {"id": 1, "state": DefectState.RETURNED}, Hold.DEFECT),
        (Defect, {"id": 1, "state": DefectState.EXCEPTED}, Hold.EXCEPTION),
    ],
)  # fmt: skip
async def test_what_something_stands_on_stays(
    database: Database, table: type[Table], values: dict[str, Any], hold: Hold
) -> None:
    async with database.writing() as connection:
        visit = await connection.scalar(sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == 1))
        if table is CycleSite:
            days = {"begins_on": date(2019, 6, 2), "ends_on": date(2019, 8, 1), "target_on": date(2019, 8, 1)}
            cycle = filled(table_of(Cycle), {"id": 1, "name": "c", **days})
            await connection.execute(sa.insert(Cycle).values(cycle))
        if "id" in values:
            mine = table_of(table).c.id == values["id"]
            await connection.execute(sa.update(table_of(table)).where(mine).values(values))
            if table is Defect:  # it is still to be seen on the page, and the site was not swept since
                result = await connection.scalar(sa.select(Visit.result_id).where(Visit.id == visit))
                page = await connection.scalar(sa.select(Visit.page_id).where(Visit.id == visit))
                await connection.execute(sa.update(Occurrence).where(Occurrence.defect_id == 1).values(places=1))
                await connection.execute(sa.update(Look).where(Look.page_id == page).values(result_id=result))
        else:
            given = {key: visit if key == "visit_id" else value for key, value in values.items()}
            await connection.execute(sa.insert(table).values(filled(table_of(table), given)))
    before = await findings_of(database, 1)
    assert hold in await held(database, 1)
    await dispose(database, ALL, "佐藤", TODAY)
    stays = [(each.id, each.snippet, each.target, each.picture_id) for each in before][:1]
    assert [(each.id, each.snippet, each.target, each.picture_id) for each in await findings_of(database, 1)][
        :1
    ] == stays
    assert (await results_of(database, 1))[0].picture_id is not None


async def test_a_result_that_a_later_sweep_has_too_stays_with_it(database: Database) -> None:
    sweeps = SWEEPS
    async with database.writing() as connection:
        earlier, later = [
            (await connection.scalar(sa.select(sa.func.max(Visit.id)).where(Visit.sweep_id == each)))
            for each in (sweeps[0], sweeps[-1])
        ]
        result = await connection.scalar(sa.select(Visit.result_id).where(Visit.id == earlier))
        await connection.execute(sa.update(Visit).where(Visit.id == later).values(result_id=result, carried=True))
    assert Hold.SHARED in await held(database, 1)
    await dispose(database, ALL, "佐藤", TODAY)
    kept = [each for each in await rows(database, Result) if each.id == result]
    assert kept[0].picture_id is not None
    assert kept[0].pictures_disposed_at is None


async def test_the_newest_sweep_of_a_site_stays_however_old_it_is(database: Database) -> None:
    later = TODAY.replace(year=2046)
    async with database.writing() as connection:  # the last one does not count: the one before speaks for the site
        await connection.execute(sa.update(Sweep).where(Sweep.id == 5).values(trust=Trust.REJECTED))
    await dispose(database, ALL, "佐藤", later)
    for sweep in (4, 5):
        assert all(each.picture_id for each in await results_of(database, sweep))
    assert not any(each.picture_id for each in await results_of(database, 3))


async def test_what_a_sweep_was_checked_by_keeps_its_places(database: Database) -> None:
    """How many pages disagree is counted from where their places are, whenever it is asked for."""
    sweeps = SWEEPS
    async with database.writing() as connection:
        rows_of = [
            (
                await connection.execute(
                    sa.select(Visit.id, Visit.result_id).where(Visit.sweep_id == each).order_by(Visit.id)
                )
            ).first()
            for each in sweeps[:2]
        ]
        old, new = rows_of
        assert old is not None
        assert new is not None
        await connection.execute(sa.update(Visit).where(Visit.id == new.id).values(expected_id=old.result_id))
        await connection.execute(
            sa.update(Finding).where(Finding.result_id == new.result_id).values(target=["#other"])
        )
    before = await numbers(database, sweeps)
    await dispose(database, ALL, "佐藤", TODAY)
    assert await numbers(database, sweeps) == before
    kept = {each.id: each for each in await rows(database, Result)}
    assert [kept[each.result_id].places_disposed_at for each in (old, new)] == [None, None]
    assert all(kept[each.result_id].texts_disposed_at for each in (old, new))


async def test_a_sweep_that_finishes_meanwhile_keeps_the_places_that_it_was_checked_by(database: Database) -> None:
    """The last sweep is not the last any more; what it had in common with older ones it was held for when the run began."""
    old = (await results_of(database, 1))[0]
    async with database.writing() as connection:
        shares = Visit.sweep_id == 5, Visit.page_id == old.page_id
        await connection.execute(sa.update(Visit).where(*shares).values(result_id=old.id, carried=True))
    run = Run(terms=ALL, who="佐藤", at=TODAY.replace(year=2046))
    steps = _of_site(database, run, Kept.PLACES, 1)
    assert await anext(steps)
    sweep = await swept(
        database, frame=PAGES, drawn=range(PAGES), failing={"image-alt": {0}}, created_at=run.at, finished_at=run.at
    )
    async with database.writing() as connection:
        mine = Visit.sweep_id == sweep, Visit.page_id == old.page_id
        await connection.execute(sa.update(Visit).where(*mine).values(expected_id=old.id))
    assert [each async for each in steps]
    kept = {each.id: each.places_disposed_at for each in await rows(database, Result)}
    assert kept[old.id] is None
    assert kept[(await results_of(database, 1))[1].id] is not None


async def test_a_run_that_is_killed_goes_on_where_it_was(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sweeps = SWEEPS
    monkeypatch.setattr("audits.keeping.disposal.AT_ONCE", 2)

    class Killed(BaseException):
        pass

    steps = 0

    def tell(kind: Kept, amount: Amount) -> None:
        nonlocal steps
        steps += 1
        if steps % 3 == 0:
            raise Killed

    before = await numbers(database, sweeps)
    killed = 0
    while True:
        try:
            await dispose(database, ALL, "佐藤", TODAY, tell=tell)
            break
        except Killed:
            killed += 1
    assert killed > 3
    assert await numbers(database, sweeps) == before
    written = Counter[Kept]()
    for each in await rows(database, Disposal):
        written[each.kind] += each.results
        assert each.results <= 2
    assert written == {Kept.PICTURES: 14, Kept.TEXTS: 7, Kept.PLACES: 4}


async def test_a_later_sweep_carries_nothing_that_was_disposed_of(database: Database) -> None:
    alike = {"audited_digest": "a", "body_digest": "a", "resources": b""}
    async with database.writing() as connection:
        await connection.execute(sa.update(Visit).values(alike))
        sweep = (await connection.execute(sa.select(Sweep).where(Sweep.id == 5))).one()
        row = Sweep(**{**sweep._mapping, "earlier_id": 1})
        await connection.execute(
            sa.update(Visit).where(Visit.sweep_id == 5, Visit.page_id == 1).values(volatile_id=2)
        )
        await connection.execute(sa.update(Visit).where(Visit.sweep_id == 5).values(state="selected"))
        assert len((await connection.execute(_alike(row))).all()) == PAGES
    await dispose(database, ALL, "佐藤", TODAY)
    async with database.reading() as connection:
        assert (await connection.execute(_alike(row))).all() == []
    kept = {each.id: each.source is not None for each in await rows(database, Volatile)}
    assert kept == {1: False, 2: True, 3: False, 4: True, 5: True}  # what the newest goes by, however old it is


async def test_a_page_that_is_audited_again_and_looks_the_same_has_evidence_of_its_own(database: Database) -> None:
    before = {each.id: each.digest for each in await results_of(database, 1)}
    await dispose(database, ALL, "佐藤", TODAY)
    after = {each.id: each.digest for each in await results_of(database, 1)}
    assert not set(before.values()) & set(after.values())


async def test_logs_go_by_their_own_terms(database: Database) -> None:
    old, young = datetime(2021, 5, 1, tzinfo=UTC), datetime(2026, 5, 1, tzinfo=UTC)
    account = await insert(database, Account, name="a")
    for moment in (old, young):
        await insert(database, Trail, at=moment, done=Done.SIGNED_IN, who="a")
        await insert(database, Session, digest=str(moment.year) * 16, account_id=account, created_at=moment)
    running = await insert(database, Subscription, kind=Telling.DUE)
    notice = {"subscription_id": running, "made_at": old, "due": old}
    gone = await insert(database, Notice, **notice, kind=Telling.FINISHED, about="sweep-1", sent_at=old)
    for values in (
        {"kind": Telling.FINISHED, "about": "sweep-2"},
        {"kind": Telling.DUE, "about": "day", "sent_at": old},
    ):
        await insert(database, Notice, **notice, **values)
    await insert(
        database, Notice, **{**notice, "made_at": young}, kind=Telling.FINISHED, about="sweep-3", sent_at=young
    )
    schedule = await insert(database, Schedule, name="s")
    for year in (2019, 2020):
        due = old.replace(year=year)
        await insert(database, ScheduledRun, schedule_id=schedule, due_at=due, came=Came.BEGUN)
    terms = Terms(of={kind: DEFAULTS[kind] for kind in (Kept.TRAIL, Kept.NOTICES, Kept.RUNS, Kept.SESSIONS)})
    async with database.reading() as connection:
        planned = await plan(connection, terms, TODAY)
    assert {key: amount.items for key, amount in planned.going.items()} == {
        (Kept.TRAIL, 2021): 1, (Kept.NOTICES, 2021): 1, (Kept.RUNS, 2019): 1, (Kept.SESSIONS, 2021): 1, (Kept.SESSIONS, 2026): 1,
    }  # fmt: skip
    assert dict(planned.held) == {(Kept.NOTICES, 2021, Hold.UNSENT): 2, (Kept.RUNS, 2020, Hold.LAST): 1}
    done = await dispose(database, terms, "佐藤", TODAY)
    assert {kind: amount.items for kind, amount in done.items()} == {
        Kept.TRAIL: 1, Kept.NOTICES: 1, Kept.RUNS: 1, Kept.SESSIONS: 2,
    }  # fmt: skip
    assert [each.at for each in await rows(database, Trail)] == [young]
    assert gone not in [each.id for each in await rows(database, Notice)]
    assert [each.due_at.year for each in await rows(database, ScheduledRun)] == [2020]
    assert all(each.site_id is None and each.results == 0 for each in await rows(database, Disposal))


@pytest.mark.parametrize(
    ("term", "ends"),
    [
        ("0y", datetime(2026, 3, 31, 15, tzinfo=UTC)),
        ("3y", datetime(2023, 3, 31, 15, tzinfo=UTC)),  # what is of 2022 and before: 2023, 2024 and 2025 are over
        ("10d", datetime(2026, 11, 17, tzinfo=UTC)),
    ],
)
def test_fiscal_years_count_from_the_april_after(term: str, ends: datetime) -> None:
    assert Term.parse(term).ends(TODAY) == ends


@pytest.mark.parametrize(
    ("term", "least", "undercuts"),
    [("2y", "3y", True), ("3y", "3y", False), ("1463d", "3y", True), ("1464d", "3y", False), ("1y", "365d", False), ("1y", "366d", True)],
)  # fmt: skip
def test_a_term_undercuts_the_least_where_anything_could_go_earlier(term: str, least: str, undercuts: bool) -> None:
    assert Term.parse(term).undercuts(Term.parse(least)) is undercuts


async def test_below_the_least_nothing_goes_without_a_reason_and_nothing_without_a_name(database: Database) -> None:
    short = {Kept.PICTURES: Term.parse("1y")}
    for terms, who in ((Terms(of=short), "佐藤"), (Terms(of=short, why=" "), "佐藤"), (ALL, " ")):
        with pytest.raises(UsageError):
            await dispose(database, terms, who, TODAY)
    assert await rows(database, Disposal) == []
    for text in ("", "3", "y", "-1y", "3m", "101y", "３y "):
        with pytest.raises(UsageError):
            Term.parse(text)


async def test_who_keeps_a_result_meanwhile_is_waited_for(database: Database) -> None:
    """An audit that found a page as it was years ago shares that result: it is not disposed of under its hands."""
    old = (await results_of(database, 1))[0]
    async with database.writing() as connection:
        await keeping_results(connection)
        found = await connection.scalar(sa.select(Result.id).where(Result.digest == old.digest))
        run = asyncio.create_task(dispose(database, ALL, "佐藤", TODAY, sites=[1]))
        await asyncio.sleep(0.3)
        assert not run.done()
        visit = await connection.scalar(sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == 5))
        await connection.execute(sa.update(Visit).where(Visit.id == visit).values(result_id=found))
    await run
    kept = [each for each in await rows(database, Result) if each.id == old.id]
    assert (kept[0].digest, kept[0].picture_id, kept[0].texts_disposed_at) == (old.digest, old.picture_id, None)
    assert (await results_of(database, 1))[1].pictures_disposed_at is not None


async def test_the_next_sweep_says_of_defects_what_it_would_have_said(sqlite_years: Path, tmp_path: Path) -> None:
    told = []
    for disposes in (False, True):
        path = tmp_path / f"{disposes}.sqlite"
        shutil.copyfile(sqlite_years, path)
        async with Database(str(path)) as database:
            if disposes:
                assert any((await dispose(database, ALL, "佐藤", TODAY)).values())
            sweep = await swept(
                database, frame=PAGES, drawn=range(PAGES), failing={"image-alt": {0, 1}, "label": {2}},
                created_at=TODAY, finished_at=TODAY,
            )  # fmt: skip
            async with database.writing() as connection:
                for page, rule in ((1, "image-alt"), (2, "label")):  # as they were, with the names that they had
                    of = Finding.rule == rule, Visit.result_id == Finding.result_id, Page.id == Visit.page_id
                    here = Page.address == address(page)
                    old = sa.select(sa.func.min(Finding.defect_id)).where(*of, here)
                    new = sa.select(Finding.id).where(*of, here, Visit.sweep_id == sweep)
                    numbers_of = list(await connection.scalars(new))
                    name = await connection.scalar(old)
                    await connection.execute(
                        sa.update(Finding).where(Finding.id.in_(numbers_of)).values(defect_id=name)
                    )
                await reconcile(connection, sweep)
            events = [(each.defect_id, each.old, each.new, each.why) for each in await rows(database, DefectEvent)]
            places = [(each.defect_id, each.page_id, each.places) for each in await rows(database, Occurrence)]
            told.append(
                (events, places, [(each.id, each.state, each.region) for each in await rows(database, Defect)])
            )
    assert told[0] == told[1]
    assert DefectState.RETURNED in {state for _, state, _ in told[1][2]}


async def test_pictures_that_lie_in_a_store_go_from_there_too(
    database: Database, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "store"
    async with Database(database_url, store=str(folder)) as outside:
        await move_into_store(outside, lambda *_: None)
        before = {each.digest for each in await rows(outside, Picture)}
        with pytest.raises(StorageError, match="--store"):  # named by nobody: nothing goes that could not go whole
            await dispose(database, ALL, "佐藤", TODAY)
        await set_apart(outside)
        with pytest.raises(StorageError, match="store begin"):  # its original may show them
            await dispose(outside, ALL, "佐藤", TODAY)
        assert {each.digest for each in await rows(outside, Picture)} == before
        await settle(outside, anew=True)
        async with outside.reading() as connection:
            planned = await plan(connection, ALL, TODAY, store=outside.store)

        async def refused(store: Store, digest: str) -> None:
            with store._said():
                raise PermissionError(errno.EACCES, "Permission denied")

        monkeypatch.setattr(Store, "remove", refused)
        with pytest.raises(StorageError, match="Permission denied"):
            await dispose(outside, ALL, "佐藤", TODAY)
        monkeypatch.undo()
        [first] = await rows(outside, Disposal)  # it is written, and what still lies there is not forgotten
        async with outside.reading() as connection:
            assert await still_there(connection) == first.items == 5
        assert len(await rows(outside, Picture)) == len(before) - 5
        assert {each.name for each in folder.glob("*/*/*")} == before

        def unmount(*_: object) -> None:
            if folder.exists():
                folder.rename(tmp_path / "away")
                folder.mkdir()

        with pytest.raises(
            StorageError, match="lacks the mark"
        ):  # nothing is said to be gone that was not seen to go
            await dispose(outside, ALL, "佐藤", TODAY, tell=unmount)
        folder.rmdir()
        (tmp_path / "away").rename(folder)
        written = sum(each.items for each in await rows(outside, Disposal))
        assert {each.name for each in folder.glob("*/*/*")} == {
            each.digest for each in await rows(outside, Picture)
        }
        assert len(await rows(outside, Picture)) == len(before) - written
        done = await dispose(outside, ALL, "佐藤", TODAY)
        gone = [each for each in await rows(outside, Disposal) if each.kind is Kept.PICTURES]
        whole = sum((amount for key, amount in planned.going.items() if key[0] is Kept.PICTURES), Amount())
        assert whole == Amount(results=14, items=14, bytes=14 * len("page 1 1"))
        assert whole == Amount(
            results=sum(each.results for each in gone), items=sum(each.items for each in gone), bytes=sum(each.bytes for each in gone)
        )  # fmt: skip
        assert done[Kept.PICTURES].items == 14 - written
        left = {each.digest for each in await rows(outside, Picture)}
        assert len(left) == len(before) - 14
        assert {each.name for each in folder.glob("*/*/*")} == left
        assert (await check(outside, lambda *_: None)).is_whole
