"""The API: the rows as they are, in parts, with ETags; a token reaches no further than its scopes and its account's roles."""

from collections import Counter
from datetime import timedelta
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

from audits.conclude import conclude
from audits.defects.cover import today
from db.database import Database
from db.tables import Defect, Exemption, Finding, Occurrence, Organisation, Site, Trail, Visit
from db.types import now
from db.words import DefectState, ExceptionReason, Role
from reports.access.accounts import Grant
from reports.access.rights import May
from reports.frames import Frames
from tests.api.conftest import Client, Program

ALL = Grant(role=Role.ADMINISTRATOR)


async def everything(client: httpx.AsyncClient, path: str, limit: int = 7) -> list[dict[str, Any]]:
    """A whole list, part by part, as its links lead."""
    found: list[dict[str, Any]] = []
    following: str | None = f"/api/v1{path}{'&' if '?' in path else '?'}limit={limit}"
    while following:
        answer = await client.get(f"http://{client.base_url.netloc.decode()}{following}")
        assert answer.status_code == 200, answer.text
        part = answer.json()
        assert len(part["items"]) <= limit
        assert answer.links.get("next", {}).get("url") == part["next"]
        found += part["items"]
        following = part["next"]
    assert [each["id"] for each in found] == sorted({each["id"] for each in found})
    return found


async def test_lists_come_whole_in_parts_and_say_what_the_rows_say(
    database: Database, sweep: int, token: Program, client: Client
) -> None:
    async with client(await token("reader", Grant(role=Role.READER))) as program:
        visits = await everything(program, f"/sweeps/{sweep}/visits")
        findings = await everything(program, f"/sweeps/{sweep}/findings", 50)
        defects = await everything(program, "/defects", 20)
        told = (await program.get(f"/sweeps/{sweep}")).json()
        alone = await everything(program, f"/sweeps/{sweep}/findings?rule={findings[0]['rule']}&outcome=failed")
        assert [each["id"] for each in await everything(program, "/sites")] == [told["site"]]
    async with database.reading() as connection:
        states = Counter(await connection.scalars(sa.select(Visit.state).where(Visit.sweep_id == sweep)))
        of_sweep = sa.select(Finding.rule).join(Visit, Visit.result_id == Finding.result_id)
        rules = Counter(await connection.scalars(of_sweep.where(Visit.sweep_id == sweep)))
        names = await connection.scalar(sa.select(sa.func.count(sa.distinct(Occurrence.defect_id))))
    assert Counter(each["state"] for each in visits) == {state.value: count for state, count in states.items()}
    assert Counter(each["rule"] for each in findings) == rules
    assert len(defects) == names
    assert {each["rule"] for each in alone} == {findings[0]["rule"]}
    for each in visits:
        assert (each["failed_places"] is None) == (each["state"] != "audited")  # not seen is not clean
    conclusion = await conclude(database, sweep)
    assert told["conclusion"]["problem_pages"] == conclusion.problem_pages
    assert sum(each["failed_places"] or 0 for each in visits) == conclusion.places  # advice counts in no rate
    assert sum((each["failed_places"] or 0) > 0 for each in visits) == conclusion.problem_pages
    assert (
        sum(each["counts"] for each in findings)
        == conclusion.places
        < Counter(map(itemgetter("outcome"), findings))["failed"]
    )
    assert told["conclusion"]["complete"] is False


async def test_what_a_client_has_is_not_sent_again(sweep: int, token: Program, client: Client) -> None:
    async with client(await token("reader", Grant(role=Role.READER))) as program:
        first = await program.get(f"/sweeps/{sweep}")
        again = await program.get(
            f"/sweeps/{sweep}", headers={"If-None-Match": f'"other", W/{first.headers["etag"]}'}
        )
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == first.headers["etag"]


async def test_an_exception_that_ended_yesterday_excepts_nothing_today(
    database: Database, sweep: int, token: Program, client: Client
) -> None:
    async with database.writing() as connection:
        defect = await connection.scalar(sa.select(Occurrence.defect_id).where(Occurrence.places > 0).limit(1))
        site = await connection.scalar(sa.select(Defect.site_id).where(Defect.id == defect))
        row = {
            "site_id": site, "defect_id": defect, "reason": ExceptionReason.THIRD_PARTY, "text": "委託先", "person": "都",
            "at": now() - timedelta(days=9), "until": today() - timedelta(days=1), "proposed": False, "restated": False,
        }  # fmt: skip
        await connection.execute(sa.insert(Exemption).values(row))
        await connection.execute(sa.update(Defect).where(Defect.id == defect).values(state=DefectState.EXCEPTED))
    async with client(await token("reader", Grant(role=Role.READER))) as program:
        assert (await program.get(f"/defects/{defect}")).json()["state"] == "found"


async def test_a_token_reaches_its_accounts_sites_and_its_scopes_alone(
    database: Database, sweep: int, token: Program, client: Client
) -> None:
    async with database.writing() as connection:
        bureau = await connection.scalar(sa.insert(Organisation).values(name="他局").returning(Organisation.id))
        other = {
            "address": "https://other.example.lg.jp/",
            "organisation_id": bureau,
            "settings": {},
            "created_at": now(),
        }
        site = await connection.scalar(sa.insert(Site).values(**other).returning(Site.id))
        defect = await connection.scalar(sa.select(sa.func.min(Defect.id)))
    foreign = await token("foreign", Grant(role=Role.OPERATOR, organisation=bureau))
    async with client(foreign) as program:
        assert [each["id"] for each in await everything(program, "/sites")] == [site]
        assert await everything(program, "/sweeps") == await everything(program, "/defects") == []
        assert [each["name"] for each in await everything(program, "/organisations")] == ["他局"]
        for path in (f"/sweeps/{sweep}", f"/sweeps/{sweep}/visits", f"/sweeps/{sweep}/findings", f"/defects/{defect}",
                     f"/defects/{defect}/events", f"/defects/{defect}/pages"):  # fmt: skip
            refused = await program.get(path)
            assert (refused.status_code, refused.headers["content-type"]) == (404, "application/problem+json")
        assert (await program.post(f"/defects/{defect}/claims", json={})).status_code == 404
        assert (await program.post("/rechecks", json={"defects": [defect]})).status_code == 404
    team = Grant(role=Role.WEB_TEAM)
    async with client(await token("reads", team, scopes=(May.READ,))) as program:
        assert (await program.get(f"/defects/{defect}")).status_code == 200
        assert (await program.post(f"/defects/{defect}/claims", json={})).status_code == 403
    async with client(None) as program:
        refused = await program.get("/sites")
        assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")
        assert refused.json()["status"] == 401


async def test_a_claim_and_a_recheck_are_taken_and_leave_their_lines(
    database: Database, sweep: int, token: Program, client: Client
) -> None:
    async with client(await token("team", Grant(role=Role.WEB_TEAM))) as program:
        defect = (await everything(program, "/defects?state=found"))[0]["id"]
        claimed = await program.post(f"/defects/{defect}/claims", json={"why": "直しました"})
        assert (claimed.status_code, claimed.json().get("state")) == (201, "repaired"), claimed.text
        last = (await everything(program, f"/defects/{defect}/events"))[-1]
        assert (last["new"], last["why"], last["sweep"]) == ("repaired", "直しました", None)
        wish = await program.post("/rechecks", json={"defects": [defect]})
        assert wish.status_code == 202, wish.text
        told = (await program.get(wish.headers["location"].removeprefix("/api/v1"))).json()
        assert (told["recheck"], told["finished_at"]) == (True, None)
    async with database.reading() as connection:
        lines = (await connection.execute(sa.select(Trail.done, Trail.about, Trail.details))).all()
        state = await connection.scalar(sa.select(Defect.state).where(Defect.id == defect))
    assert ("defect_changed", f"/defects/{defect}", {"by": "api", "act": "claim"}) in [
        tuple(line) for line in lines
    ]
    assert state is DefectState.REPAIRED


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_frames_are_the_same_rows(
    database: Database, database_url: str, sweep: int, token: Program, client: Client
) -> None:
    frames = Frames(database_url)
    async with client(await token("reader", Grant(role=Role.READER))) as program:
        for frame, path in (
            (frames.sites(), "/sites"), (frames.sweeps(), "/sweeps"), (frames.visits(sweep), f"/sweeps/{sweep}/visits"),
            (frames.findings(sweep), f"/sweeps/{sweep}/findings"), (frames.defects(), "/defects"),
        ):  # fmt: skip
            items = await everything(program, path, 100)
            assert list(frame.columns) == list(items[0])
            assert list(frame.id) == [each["id"] for each in items]
        told = (await program.get(f"/sweeps/{sweep}")).json()
    assert frames.visits(sweep).failed_places.isna().sum() == (frames.visits(sweep).state != "audited").sum()
    assert len(frames.defects(told["site"])) == len(frames.defects())
    assert frames.conclusion(sweep)["problem_pages"] == told["conclusion"]["problem_pages"]
    assert set(frames.criteria(sweep).number) == set(told["conclusion"]["criteria"])


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
async def test_the_worked_example_in_the_manual_runs(
    sweep: int, database_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    manual = Path("docs/api.md").read_text(encoding="utf-8")
    example = manual.partition("```python\n")[2].partition("```")[0].replace("out/jisweep.sqlite", database_url)
    exec(compile(example, "docs/api.md", "exec"), {})
    assert "8 ページに機械が見つけた問題" in capsys.readouterr().out
    for path in (
        "/organisations",
        "/sites",
        "/visits",
        "/findings",
        "/defects/ID/pages",
        "/events",
        "/claims",
        "/rechecks",
        "/cycles",
    ):
        assert path in manual


async def test_who_shows_no_token_learns_of_no_fault_in_what_they_sent(client: Client, sweep: int) -> None:
    async with client(None) as nobody, client("jisweep_wrong") as stranger:
        for body in (b"{", b"{}", b'{"defects": "all"}'):
            for who in (nobody, stranger):
                answer = await who.post("/rechecks", content=body, headers={"Content-Type": "application/json"})
                assert (answer.status_code, answer.headers.get("www-authenticate")) == (401, "Bearer"), body
