"""Cycles in a browser: a bureau sees its part and never a total of others; who plans begins and closes."""

import csv
import io
import json
import re
import zipfile
from datetime import timedelta

import sqlalchemy as sa
from starlette.datastructures import State

from audits.cycles import progress as working
from audits.cycles import rounds
from audits.cycles.rounds import Target
from audits.defects import book
from audits.defects.book import Plan
from audits.defects.settling import Daily
from audits.organisations import tree
from db.database import Database
from db.tables import Cycle, Organisation, Site, Sweep, Trail
from db.types import now
from db.words import Done, Method, Role, SweepState
from reports.access.accounts import Grant
from reports.web.portraits import Portraits
from reports.web.views.cycles import state_of
from reports.web.warming import warm
from tests.audits.test_cycles import FIRST, LAST, Sites, days, pages
from tests.db.asked import statements
from tests.reports.rows import HOSTILE
from tests.web.serving import Served, browsing, person

NAME = "第1回 <b>" + HOSTILE[13].replace("\0", "")


async def rolling(database: Database) -> tuple[int, dict[str, int], int, int]:
    """A cycle over four sites, of which one bureau has two; its number, the sites, the bureau, and a planned defect."""
    async with database.writing() as connection:
        sites = Sites(connection)
        await sites.sweep("a", days(-1), pages(30, "a", "b", of=40))
        await sites.sweep("b", days(-1), pages(9, "a"))
        await sites.sweep("c", days(-1), pages(9, "a"), method=Method.REPRESENTATIVE)
        numbers = {name: (await sites.site(name)).site for name in "abcd"}
        bureau = await connection.scalar(sa.insert(Organisation).values(name="総務局").returning(Organisation.id))
        assert bureau is not None
        await connection.execute(
            sa.update(Site).where(Site.id.in_([numbers["a"], numbers["c"]])).values(organisation_id=bureau)
        )
        await rounds.begin(
            connection, NAME, (FIRST, LAST), Target(rate=0.2, defects=3, on=days(30)), [*numbers.values()]
        )
        await sites.sweep("a", days(40), pages(10, "b", "c", of=40))
        await sites.sweep("b", days(40), pages(1, "a"), rule_set="two")
        defect = sites.histories["a"].defects["b"]
        plan = Plan(owner="広報課", due_on=days(60), way=None)
        await book.plan(connection, await book.one(connection, defect), "鈴木", plan)
        cycle = await connection.scalar(sa.select(Cycle.id))
    return cycle or 0, numbers, bureau, defect


async def rows(client: object, path: str) -> list[dict[str, str]]:
    text = (await client.get(path)).text  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text.removeprefix("\N{BYTE ORDER MARK}"))))


async def test_a_bureau_sees_its_part_and_says_so(database: Database, origin: str) -> None:
    cycle, numbers, bureau, defect = await rolling(database)
    every = await person(database, "tocho", Grant(role=Role.MANAGER))
    mine = await person(database, "somu", Grant(role=Role.MANAGER, organisation=bureau))
    other = await person(database, "yoso", Grant(role=Role.MANAGER, site=numbers["d"]))
    path = f"/cycles/{cycle}"
    async with browsing(origin, every) as client:
        whole = (await client.get(path)).text
        assert "基準のとき、割合の言える2サイト（全4サイト）" in whole
        assert "全サイトで3件以下" in whole
        assert "<b>" not in whole
        plan = await rows(client, f"{path}?as=csv&table=plan")
        assert [each["サイト"][8:9] for each in plan] == ["a", "c", "a", "b", "a"]
        assert [each["順"] for each in plan] == ["1", "2", "3", "4", ""]  # what is confirmed is not to be repaired
        assert {each["担当"] for each in plan} == {"広報課", ""}
        late = await rows(client, f"{path}?overdue=yes&as=csv&table=plan")
        assert [each["担当"] for each in late] == ["広報課"]
        archive = zipfile.ZipFile(io.BytesIO((await client.get(f"{path}/report.zip")).content))
        assert len(json.loads(archive.read("cycle.json"))["sites"]) == 4
    async with browsing(origin, mine) as client:
        part = (await client.get(path)).text
        assert "見られる2サイトだけのもの" in part
        assert "（全2サイト）" in part
        assert not re.search(r"b\.example|d\.example|全サイトで3件", part)
        assert "全サイトの合計なので" in part
        assert "サイクルを締める" not in part
        assert {each["サイト"][8:9] for each in await rows(client, f"{path}?as=csv&table=sites")} == {"a", "c"}
        assert f"/defects/{defect}" in part
        refused = [await client.post(f"{path}/close", data={"sure": "yes"}), await client.get(f"{path}/report.zip")]
        assert [each.status_code for each in refused] == [403, 403]
    async with browsing(origin, other) as client:
        alone = (await client.get(path)).text
        assert "a.example" not in alone
        assert "まだありません" in alone
    nobody = await person(database, "nanimo", Grant(role=Role.READER, site=await lonely(database)))
    async with browsing(origin, nobody) as client:
        assert "第1回" not in (await client.get("/cycles")).text
        assert [
            (await client.get(each)).status_code for each in (path, f"{path}/report.zip", "/cycles/99999999999")
        ] == [404] * 3
        assert (await client.post(f"{path}/close", data={"sure": "yes"})).status_code == 404


async def lonely(database: Database) -> int:
    """A site that is in no cycle."""
    async with database.writing() as connection:
        return (await Sites(connection).site("z")).site


async def test_a_closed_cycle_tells_a_bureau_no_total(database: Database, origin: str) -> None:
    cycle, _, bureau, _ = await rolling(database)
    every = await person(database, "tocho", Grant(role=Role.MANAGER))
    mine = await person(database, "somu", Grant(role=Role.MANAGER, organisation=bureau))
    async with browsing(origin, every) as client:
        unsure = await client.post(f"/cycles/{cycle}/close")
        assert "締めていません" in (await client.get(unsure.headers["location"])).text
        closed = await client.post(f"/cycles/{cycle}/close", data={"sure": "yes"})
        shown = (await client.get(closed.headers["location"])).text
        assert "tochoさんが" in shown
        assert "（全4サイト）" in shown
        again = await client.post(f"/cycles/{cycle}/close", data={"sure": "yes"})
        assert (again.status_code, "締めてある" in again.text) == (400, True)
    async with browsing(origin, mine) as client:
        part = (await client.get(f"/cycles/{cycle}")).text
        assert "全サイトのものなので、ここには示しません" in part
        assert not re.search(r"全[24]サイト|b\.example", part)
        assert "未達成" in part  # of its own sites
    async with database.reading() as connection:
        assert list(await connection.scalars(sa.select(Trail.done))) == [Done.CYCLE_CHANGED]


async def test_a_cycle_is_begun_over_sites_that_somebody_plans_for(database: Database, origin: str) -> None:
    _, numbers, bureau, _ = await rolling(database)
    mine = await person(database, "somu", Grant(role=Role.MANAGER, organisation=bureau))
    reader = await person(database, "dokusha", Grant(role=Role.READER))
    form = {"name": "第2回", "begins": "2026-04-01", "ends": "2027-03-31", "rate": "12.5", "defects": "", "due": ""}
    async with browsing(origin, reader) as client:
        answers = [await client.get("/cycles/new"), await client.post("/cycles", data=form)]
        assert [each.status_code for each in answers] == [403, 403]
    async with browsing(origin, mine) as client:
        chosen = (await client.get(f"/cycles/new?organisation={bureau}")).text
        assert re.findall(r'name="site" value="(\d+)" checked', chosen) == [str(numbers["a"]), str(numbers["c"])]
        assert "b.example" not in chosen
        for change, told in (
            ({"name": " "}, "名前を"), ({"begins": "いつか"}, "日付を"), ({"ends": "2026-03-01"}, "期間の終わり"),
            ({"rate": "nan"}, "0 から 100"), ({"defects": "-1"}, "0 以上の整数"), ({"due": "2028-01-01"}, "目標の日"), ({"site": ""}, "サイトを一つ"),
        ):  # fmt: skip
            wrong = await client.post("/cycles", data={"site": str(numbers["a"]), **form, **change})
            assert (wrong.status_code, told in wrong.text) == (400, True), change
            assert 'value="12.5"' in wrong.text or "rate" in change  # what was written stays
        stranger = await client.post("/cycles", data={**form, "site": [str(numbers["a"]), str(numbers["b"])]})
        assert stranger.status_code == 404
        begun = await client.post("/cycles", data={**form, "site": [str(numbers["a"]), str(numbers["c"])]})
        assert begun.status_code == 303
        assert "第2回" in (await client.get(begun.headers["location"])).text
        twice = await client.post("/cycles", data={**form, "site": str(numbers["a"])})
        assert (twice.status_code, "もうあります" in twice.text) == (400, True)
    async with database.reading() as connection:
        [found] = await rounds.rounds(connection, Cycle.name == "第2回")
        assert (found.target.rate, found.target.on.isoformat(), len(found.sites)) == (0.125, "2027-03-31", 2)
        assert (await tree(connection)).sites_below(bureau) == sorted((numbers["a"], numbers["c"]))


async def test_a_cycle_gets_other_days_targets_and_sites(database: Database, origin: str) -> None:
    cycle, numbers, bureau, _ = await rolling(database)
    part = await person(database, "somu", Grant(role=Role.MANAGER, organisation=bureau))
    whole = await person(database, "kanri", Grant(role=Role.MANAGER))
    path = f"/cycles/{cycle}/change"
    async with browsing(origin, part) as client:  # who plans for some of its sites only
        answers = [await client.get(path), await client.post(path, data={"site": str(numbers["a"])})]
        assert [each.status_code for each in answers] == [403, 403]
        assert path not in (await client.get(f"/cycles/{cycle}")).text
    async with browsing(origin, whole) as client:
        assert path in (await client.get(f"/cycles/{cycle}")).text
        page = (await client.get(path)).text
        values = dict(re.findall(r'name="(\w+)" (?:type="\w+" )?value="([^"]*)"', page.partition('name="site"')[0]))
        assert len(re.findall(r'name="site" value="\d+" checked', page)) == 4
        other = values | {"ends": "2027-09-30", "rate": "5", "defects": "", "due": "2027-03-31"}
        wrong = await client.post(path, data=other | {"site": []})
        assert (wrong.status_code, "サイトを一つ" in wrong.text) == (400, True)
        assert (await client.post(path, data=other | {"site": "999999"})).status_code == 404
        assert (await client.post("/cycles", data=other | {"name": "x", "site": "999999"})).status_code == 404
        sites = [str(numbers["a"]), str(numbers["c"])]
        done = await client.post(path, data=other | {"site": sites})
        assert (done.status_code, done.headers["location"]) == (303, f"/cycles/{cycle}?done=cycle_changed")
        shown = (await client.get(f"/cycles/{cycle}")).text
        assert "b.example" not in shown
        late = await client.post(path, data=other | {"site": sites})  # of the form as it was before
        assert (late.status_code, "ほかの人がこのサイクルを変えました" in late.text) == (400, True)
    async with database.writing() as connection:
        [found] = await rounds.rounds(connection, Cycle.id == cycle)
        told = found.ends_on.isoformat(), found.target.on.isoformat(), found.target.rate, found.target.defects
        assert (*told, len(found.sites)) == ("2027-09-30", "2027-03-31", 0.05, None, 2)
        await connection.execute(sa.update(Cycle).values(closed_at=now(), closed_by="x"))
    async with browsing(origin, whole) as client:
        closed = await client.post(path, data=other | {"site": sites, "was": state_of(found)})
        assert (closed.status_code, "締めてあるので" in closed.text) == (400, True)


async def test_what_is_remembered_of_a_cycle_is_what_would_be_worked_out(database: Database) -> None:
    cycle, numbers, _, defect = await rolling(database)
    memory = working.Memory()

    async def agrees() -> working.Progress:
        async with database.reading() as connection:
            [found] = await rounds.rounds(connection, Cycle.id == cycle)
        told = await memory.progress(database, found)
        assert told == await working.progress(database, found)
        assert await memory.progress(database, found) is told
        return told

    first = await agrees()
    async with database.writing() as connection:  # a plan changes without a change of state
        plan = Plan(owner="広報課", due_on=days(60) + timedelta(days=400), way="別の直し方")
        await book.plan(connection, await book.one(connection, defect), "鈴木", plan)
    second = await agrees()
    assert second != first
    async with database.writing() as connection:
        await connection.execute(sa.update(Site).where(Site.id == numbers["d"]).values(settings={}))
        await book.say_repaired(connection, await book.one(connection, defect), "鈴木", "直した")
    third = await agrees()
    assert third.defects != second.defects
    async with database.writing() as connection:
        await connection.execute(sa.update(Cycle).values(rate=0.9))
    fourth = await agrees()
    assert fourth.rate_standing != third.rate_standing
    confirming = fourth.sites[0].confirming
    assert confirming is not None
    async with database.writing() as connection:  # a sweep that goes on again is no finished one
        undone = sa.update(Sweep).where(Sweep.id == confirming.sweep).values(state=SweepState.AUDITING)
        await connection.execute(undone)
    assert (await agrees()).sites[0].confirming is None


async def test_open_cycles_are_worked_out_before_somebody_asks(database: Database, database_url: str) -> None:
    number, _, _, _ = await rolling(database)
    memory = working.Memory()
    await warm(database, State({"daily": Daily(), "cycles": memory, "portraits": Portraits()}))
    async with database.reading() as connection:
        [cycle] = await rounds.rounds(connection, Cycle.id == number)
    with statements(database) as asked:
        known = await memory.progress(database, cycle)
    fresh = await working.progress(database, cycle)
    assert known == fresh
    assert len(asked) < 20  # what has changed since: nothing is concluded
    planner = await person(database, "planner", Grant(role=Role.MANAGER))
    with Served(database_url, warms=True) as origin:
        async with browsing(origin, planner) as client:
            assert (await client.get(f"/cycles/{number}")).status_code == 200
