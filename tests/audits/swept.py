"""A sweep run to its end, and all its rows in memory, for tests that look at them from many sides."""

import asyncio
from dataclasses import dataclass
from typing import Any

import pandas as pd
import sqlalchemy as sa

from audits.conclude import Conclusion, conclude
from audits.sweep import Plan, begin, run
from audits.work import Tools
from crawler.limits import Limits
from crawler.scope import Exclusion, Scope
from db.database import Database
from db.tables import Page, Table, Visit
from db.words import SweepState
from tests.crawler.servers import Server
from tests.site import SampleSite

CALENDAR = Exclusion(pattern="/event/calendar*", reason="終わりのない行事カレンダー")


@dataclass(frozen=True, kw_only=True)
class Swept:
    """One sweep of a site, done."""

    url: str  # of the database
    site: SampleSite
    sweep: int
    rows: dict[str, pd.DataFrame]  # every table by name
    conclusion: Conclusion

    def path(self, address: str) -> str:
        """An address without the site's origin."""
        return "/" + address.removeprefix(self.site.url)

    @property
    def visits(self) -> pd.DataFrame:
        """Visits with the path of their page."""
        pages = self.rows["page"].set_index("id")["address"].map(self.path)
        visits = self.rows["visit"]
        return visits.assign(path=visits["page_id"].map(pages))

    @property
    def findings(self) -> pd.DataFrame:
        """Findings with the path of their page."""
        paths = self.visits.dropna(subset=["result_id"]).set_index("result_id")["path"]
        findings = self.rows["finding"]
        return findings.assign(path=findings["result_id"].map(paths))

    @property
    def row(self) -> Any:
        """The sweep's own row."""
        return self.rows["sweep"].set_index("id").loc[self.sweep]


def plan_for(start: str, **given: Any) -> Plan:
    """A plan for a site on loopback that carries nothing; limits and exclusions among the arguments."""
    limits = {each: given.pop(each) for each in list(given) if each in Limits.__dataclass_fields__}
    scope = Scope.around(start, given.pop("includes", ()), given.pop("exclusions", ()))
    usual = {"contact": "tests", "allow_private": True, "delay": 0.0, "fresh": True}
    return Plan(scope=scope, limits=Limits(**{**usual, **limits}), **given)


async def sweep_now(
    database: Database, plan: Plan, tools: Tools, *, until: SweepState = SweepState.FINISHED
) -> int:
    """Begin a sweep and run it; returns its number."""
    sweep = await begin(database, plan)
    assert await run(database, sweep, tools, asyncio.Event(), until=until)
    return sweep


async def visits_of(database: Database, sweep: int, server: Server) -> dict[str, Any]:
    """The visits of a sweep by path."""
    async with database.reading() as connection:
        rows = await connection.execute(
            sa.select(Page.address, *Visit.__table__.columns)
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.sweep_id == sweep)
        )
        return {row.address.removeprefix(server.address("")): row for row in rows}


async def read_rows(database: Database) -> dict[str, pd.DataFrame]:
    """Every table, in the order of its key."""
    read = {}
    async with database.reading() as connection:
        for name, table in Table.metadata.tables.items():
            rows = (await connection.execute(sa.select(table).order_by(*table.primary_key))).mappings().all()
            columns = [column.name for column in table.columns]
            read[name] = pd.DataFrame([dict(row) for row in rows], columns=columns, dtype=object)
    return read


def swept_sample_site(url: str, site: SampleSite, tools: Tools, start: str = "", **given: Any) -> Swept:
    """Sweep the sample site, or what lies below `start`, into the database."""

    async def go() -> Swept:
        async with Database(url) as database:
            plan = plan_for(site.url + start, exclusions=(CALENDAR,), **given)
            sweep = await sweep_now(database, plan, tools)
            return Swept(
                url=url, site=site, sweep=sweep, rows=await read_rows(database),
                conclusion=await conclude(database, sweep),
            )  # fmt: skip

    return asyncio.run(go())
