"""Who may what: every route, for every role, on what is one's own and on what is another organisation's.

The routes are the application's own: one that has no line in tests/web/routes.py fails here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date

import httpx
import pytest
import sqlalchemy as sa
from fastapi import FastAPI
from fastapi.routing import APIRoute

from audits.defects.naming import KNOWN
from audits.defects.reconcile import reconcile
from db.database import Database
from db.tables import Cycle, CycleSite, Defect, Exemption, Organisation, Picture, Site, Visit
from db.words import Role
from reports.access.accounts import Grant, make_account
from reports.access.rights import ROLES, May
from reports.web.app import application
from reports.web.settings import WebSettings
from tests.reports import rows
from tests.web.routes import ANYONE, ROUTES, Line
from tests.web.scheduled import scheduled
from tests.web.serving import Person, browsing, person

OF_ONES_OWN = {  # they end the session that asks, or count as tries: tests of their own
    "POST /sign-in", "POST /sign-out", "POST /account/sessions/end", "POST /account/password",
}  # fmt: skip
NAME = re.compile(r"{(\w+)(?::\w+)?}")  # in a path
OURS, THEIRS = "www.example.metro.tokyo.lg.jp", "www.foreign.example.lg.jp"


@dataclass(frozen=True, kw_only=True)
class Case:
    """Somebody of a role that holds somewhere."""

    role: Role
    reach: str  # everywhere, organisation, site, foreign

    def sees(self, line: Line) -> bool:
        """Whether what the path names is within the role's reach."""
        return self.reach != "foreign" and not (line.wide and self.reach == "site")

    def may(self, line: Line) -> bool:
        """Whether the role holds the right, there."""
        if line.needs is None or line.needs == ANYONE:
            return True
        needs = line.needs if isinstance(line.needs, tuple) else (line.needs,)
        held = not ROLES[self.role].isdisjoint(needs)  # type: ignore[arg-type]
        if line.needs is May.ADMINISTER or line.everywhere:
            return held and self.reach == "everywhere"
        return held and (self.sees(line) or not line.of)


CASES = [
    Case(role=role, reach=reach) for role in Role for reach in ("everywhere", "organisation", "site", "foreign")
]


def routes(app: FastAPI) -> Iterator[str]:
    """Method and path of every route, of included routers too."""

    def below(found: list[object], prefix: str = "") -> Iterator[str]:
        for route in found:
            if isinstance(route, APIRoute):
                yield from (f"{method} {prefix}{route.path}" for method in sorted(route.methods))
            elif inner := getattr(route, "original_router", None):
                context = getattr(route, "include_context", None)
                yield from below(inner.routes, prefix + (getattr(context, "prefix", "") or ""))

    yield from below(list(app.routes))


def test_every_route_has_its_line() -> None:
    app = application(WebSettings(database="", public="http://localhost"))
    found = set(routes(app))
    assert len(found) > 30
    assert sorted(found - ROUTES.keys()) == []  # add them to tests/web/routes.py
    assert sorted(ROUTES.keys() - found) == []


async def made(database: Database) -> dict[str, object]:
    """Two organisations with a site each, ours with a sweep; the values that paths and forms name are of ours."""
    sweep = await rows.mixed(database)
    await rows.exempted(database, sweep)
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        numbers = []
        for name in ("総務局", "環境局"):
            organisation = sa.insert(Organisation).values(name=name).returning(Organisation.id)
            numbers.append(await connection.scalar(organisation))
        site = await connection.scalar(sa.select(Site.id))
        await connection.execute(sa.update(Site).values(organisation_id=numbers[0]))
        theirs = {"address": f"https://{THEIRS}/", "organisation_id": numbers[1], "created_at": rows.START}
        foreign_site = await connection.scalar(sa.insert(Site).values(**theirs).returning(Site.id))
        account = await make_account(connection, "victim", "被験者", [Grant(role=Role.READER)])
        cycle = {
            "name": "令和8年度",
            "begins_on": date(2026, 4, 1),
            "ends_on": date(2027, 3, 31),
            "target_on": date(2027, 3, 31),
        }
        round_of = await connection.scalar(sa.insert(Cycle).values(**cycle).returning(Cycle.id))
        await connection.execute(sa.insert(CycleSite).values(cycle_id=round_of, site_id=site))
        audited = sa.select(Visit.id, Visit.page_id).where(Visit.result_id.is_not(None)).order_by(Visit.id)
        visit, page = (await connection.execute(audited)).first()  # type: ignore[misc]
        defect = await connection.scalar(sa.select(sa.func.min(Defect.id)).where(*KNOWN))
        picture = await connection.scalar(sa.select(sa.func.min(Picture.id)))
        exception = await connection.scalar(sa.select(sa.func.min(Exemption.id)))
        schedule = await scheduled(connection, "毎晩", int(site or 0))
        await scheduled(connection, "ほか", int(foreign_site or 0))
    return {
        "defect": defect, "exception": exception, "cycle": round_of, "visit": visit, "page": page, "picture": picture,
        "sweep_id": sweep, "site_id": site, "kind": "json", "act": "repaired", "rule": "image-alt", "criterion": "1.1.1", "document": "missing.html",
        "organisation": numbers[0], "foreign": numbers[1], "site": site, "foreign_site": foreign_site, "sweep": sweep,
        "account": account, "token": 1, "secret": "x", "schedule": schedule,
    }  # fmt: skip


async def somebody(database: Database, case: Case, values: dict[str, object]) -> Person:
    """An account with the role of a case."""
    reach = {
        "everywhere": {}, "organisation": {"organisation": values["organisation"]}, "site": {"site": values["site"]},
        "foreign": {"organisation": values["foreign"]},
    }[case.reach]  # fmt: skip
    grant = Grant(role=case.role, **reach)  # type: ignore[arg-type]
    return await person(database, f"{case.role.value}-{case.reach}", grant)


def amiss(line: Line, case: Case, answer: httpx.Response) -> str:
    """What is wrong with an answer that somebody got."""
    fitting = line.status if case.may(line) else {404 if line.of and not case.sees(line) else 403}
    if answer.status_code not in fitting:
        return f"gets {answer.status_code}"
    unseen = {"everywhere": None, "foreign": OURS}.get(case.reach, THEIRS)
    return f"is told of {unseen}" if unseen and unseen in answer.text else ""


@pytest.mark.parametrize("backend", ["sqlite"])  # rights are read alike from both
async def test_everybody_may_what_their_role_says_and_no_more(database: Database, origin: str) -> None:
    values = await made(database)
    people = [(case, await somebody(database, case, values)) for case in CASES]
    wrong: list[str] = []
    async with browsing(origin) as client:
        for route, line in ROUTES.items():
            method, _, pattern = route.partition(" ")
            path = NAME.sub(lambda found, line=line: str(values[line.at.get(found[1], found[1])]), pattern)
            form = {name: text.format_map(values) for name, text in line.form.items()} if method == "POST" else None
            answer = await client.request(method, path, data=form)
            turned = answer.status_code == 303 and answer.headers["location"].startswith("/sign-in")
            if line.needs != ANYONE and not turned:
                wrong.append(f"{route}: nobody gets {answer.status_code}")
            for case, who in people if route not in OF_ONES_OWN else ():
                headers = {"Cookie": f"jisweep={who.cookies['jisweep']}"}
                answer = await client.request(method, path, data=form, headers=headers)
                if fault := amiss(line, case, answer):
                    wrong.append(f"{route}: {case.role.value} {case.reach} {fault}")
    assert wrong == [], "\n".join(wrong)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_site_is_put_under_no_organisation_that_is_not_ones_own(database: Database, origin: str) -> None:
    values = await made(database)
    who = await somebody(database, Case(role=Role.OPERATOR, reach="organisation"), values)
    async with browsing(origin, who) as client:
        for target in (f"organisation-{values['foreign']}", "", "organisation-999", "site-1", "x"):
            form = {"organisation": target}
            answer = await client.post(f"/administration/sites/{values['site']}", data=form)
            assert answer.status_code == 400, target
            new = {"address": "https://new.example.lg.jp/", "organisation": target}
            assert (await client.post("/administration/sites", data=new)).status_code == 400, target
        new = {"address": "https://new.example.lg.jp/", "organisation": f"organisation-{values['organisation']}"}
        assert (await client.post("/administration/sites", data=new)).status_code == 303
    async with database.reading() as connection:
        of = await connection.scalar(sa.select(Site.organisation_id).where(Site.id == values["site"]))
    assert of == values["organisation"]
