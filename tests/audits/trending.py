"""Histories of sites in rows, many at once: sweeps of all pages or of a draw, and defects with the events of their lives."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from hashlib import sha256
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from db.tables import (
    Assertion,
    Defect,
    DefectEvent,
    Draw,
    Finding,
    Occurrence,
    Page,
    Result,
    Site,
    Sweep,
    Table,
    Visit,
)
from db.words import Assertor, DefectState, Edition, Level, Method, Outcome, Part, SweepState, VisitState
from tests.db.rows import filled, table_of

USUAL: dict[type[Table], dict[str, Any]] = {
    table: filled(table_of(table), {}) for table in (Finding, Result, Sweep, Visit)
}

CRITERIA = {"image-alt": ["1.1.1"], "label": ["4.1.2"], "region": []}
FIRST = date(2026, 4, 10)


def at(day: date, hour: int = 3) -> datetime:
    """A moment of a day, in Tokyo too."""
    return datetime.combine(day, time(hour), UTC)


@dataclass(kw_only=True)
class Histories:
    """Puts sites and their sweeps into a database."""

    connection: AsyncConnection
    pages: dict[tuple[int, int], int] = field(default_factory=dict)  # site and number → page
    results: dict[tuple[int, tuple[str, ...], str], int] = field(default_factory=dict)
    defects: dict[tuple[int, str], int] = field(default_factory=dict)

    async def sites(self, number: int, organisation: int | None = None, name: str = "s") -> list[int]:
        """So many new sites."""
        rows = [
            {
                "address": f"https://{name}{each}.example.lg.jp/", "created_at": at(FIRST), "settings": {},
                "organisation_id": organisation,
            }
            for each in range(number)
        ]  # fmt: skip
        return list(
            await self.connection.scalars(sa.insert(Site).returning(Site.id, sort_by_parameter_order=True), rows)
        )

    async def sweeps(
        self, sites: Sequence[int], day: date, failing: Mapping[str, Collection[int]], *, pages: int = 10,
        drawn: Collection[int] | None = None, lost: Collection[int] = (), stratum: str | None = None, **given: Any,
    ) -> list[int]:  # fmt: skip
        """A sweep of each site on a day: of all pages, or of those `drawn`; `failing` are pages by rule."""
        census = drawn is None
        chosen = range(pages) if drawn is None else drawn
        usual = {
            "state": SweepState.FINISHED, "method": Method.ALL if census else Method.RANDOM, "edition": Edition.JIS2016,
            "level": Level.AA, "rule_set": "rules", "rule_criteria": CRITERIA, "settings": {},
            "created_at": at(day, 1), "finished_at": at(day), "seed": day.toordinal(), "engine": "axe-core",
            "engine_version": "4.14.1", "stratify": None, "redraw": None,
        }  # fmt: skip
        rows = [USUAL[Sweep] | {**usual, "site_id": site, **given} for site in sites]
        sweeps = list(
            await self.connection.scalars(sa.insert(Sweep).returning(Sweep.id, sort_by_parameter_order=True), rows)
        )
        await self._know_pages(sites, pages)
        rule_set = given.get("rule_set", "rules")
        faults = {page: tuple(sorted(rule for rule, of in failing.items() if page in of)) for page in chosen}
        await self._know_results([(site, page, faults[page]) for site in sites for page in chosen], rule_set)
        visits = []
        for site, sweep in zip(sites, sweeps, strict=True):
            for page in range(pages):
                row: dict[str, Any] = {
                    "sweep_id": sweep,
                    "page_id": self.pages[site, page],
                    "result_id": None,
                    "reason": None,
                }
                row["state"] = VisitState.NOT_CHOSEN
                if page in chosen and page in lost:
                    row |= {"state": VisitState.UNAUDITED, "reason": "timed_out"}
                elif page in chosen:
                    result = self.results[row["page_id"], faults[page], rule_set]
                    row |= {"state": VisitState.AUDITED, "result_id": result}
                visits.append(USUAL[Visit] | {"audited_at": at(day, 2), "leads_to_id": None, **row})
        made = list(
            await self.connection.scalars(
                sa.insert(Visit).returning(Visit.id, sort_by_parameter_order=True), visits
            )
        )
        draws = [
            {
                "sweep_id": visit["sweep_id"], "visit_id": number, "part": Part.CENSUS if census else Part.RANDOM, "rank": 1,
                "stratum": stratum,
            }
            for number, visit in zip(made, visits, strict=True)
            if visit["state"] is not VisitState.NOT_CHOSEN
        ]  # fmt: skip
        await self.connection.execute(sa.insert(Draw), draws)
        return sweeps

    async def _know_pages(self, sites: Iterable[int], pages: int) -> None:
        rows = [
            {"site_id": site, "address": f"https://s{site}.example.lg.jp/{number}"}
            for site in sites for number in range(pages) if (site, number) not in self.pages
        ]  # fmt: skip
        if rows:
            known = await self.connection.execute(
                sa.insert(Page).returning(Page.id, Page.site_id, Page.address), rows
            )
            self.pages |= {(site, int(address.rpartition("/")[2])): page for page, site, address in known}

    async def _know_results(self, wanted: Iterable[tuple[int, int, tuple[str, ...]]], rule_set: str) -> None:
        keys = {(self.pages[site, page], faults, rule_set): site for site, page, faults in wanted}
        new = {key: site for key, site in keys.items() if key not in self.results}
        if not new:
            return
        rows = [
            USUAL[Result] | {
                "digest": sha256(str(key).encode()).hexdigest(), "page_id": key[0], "rule_set": rule_set, "picture_id": None,
            }
            for key in new
        ]  # fmt: skip
        made = await self.connection.scalars(
            sa.insert(Result).returning(Result.id, sort_by_parameter_order=True), rows
        )
        self.results |= dict(zip(new, made, strict=True))
        findings, assertions = [], []
        for key, site in new.items():
            for position, rule in enumerate(key[1], start=1):
                defect = await self.defect(site, rule)
                findings.append(USUAL[Finding] | {
                    "result_id": self.results[key], "defect_id": defect, "rule": rule, "outcome": Outcome.FAILED,
                    "position": position, "picture_id": None,
                })  # fmt: skip
                assertions += [
                    {
                        "result_id": self.results[key], "criterion": number, "assertor": Assertor.AXE, "level": Level.A,
                        "failed_places": 1, "cant_tell_places": 0,
                    }
                    for number in CRITERIA[rule]
                ]  # fmt: skip
        for table, some in ((Finding, findings), (Assertion, assertions)):
            if some:
                await self.connection.execute(sa.insert(table), some)

    async def defect(self, site: int, rule: str, name: str = "") -> int:
        """A defect of a rule, without any event."""
        key = site, f"{rule} {name}"
        if key not in self.defects:
            row = {
                "site_id": site, "digest": sha256(str(key).encode()).hexdigest(), "rule": rule, "state": DefectState.FOUND,
            }  # fmt: skip
            made = await self.connection.scalar(sa.insert(Defect).values(row).returning(Defect.id))
            assert made is not None
            self.defects[key] = made
        return self.defects[key]

    async def life(
        self, site: int, name: str, steps: Sequence[tuple[date, DefectState]], *, rule: str = "image-alt",
        page: int | None = 0, why: str | None = None, merged_into: int | None = None,
    ) -> int:  # fmt: skip
        """A defect that a page has shown, with what became of it on which days."""
        await self._know_pages([site], 1 + (page or 0))
        defect = await self.defect(site, rule, name)
        changed = {"state": steps[-1][1], "merged_into_id": merged_into}
        await self.connection.execute(sa.update(Defect).where(Defect.id == defect).values(changed))
        if page is not None:
            row = {"defect_id": defect, "page_id": self.pages[site, page], "places": 1}
            await self.connection.execute(sa.insert(Occurrence).values(row))
        events = [
            {
                "defect_id": defect, "old": old, "new": new, "who": "x", "why": None if old else why, "at": at(day, 4),
                "sweep_id": None,
            }
            for (day, new), old in zip(steps, [None, *(state for _, state in steps)], strict=False)
        ]  # fmt: skip
        await self.connection.execute(sa.insert(DefectEvent), events)
        return defect


def days(*after: int) -> list[date]:
    """Days so many after the first."""
    return [FIRST + timedelta(days=each) for each in after]
