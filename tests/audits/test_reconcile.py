"""Defects over many sweeps: never confirmed without being seen gone, never lost, never doubled, and twice is once."""

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects import regrouping
from audits.defects.cover import cover_on, day_of
from audits.defects.life import BY_MACHINE, BY_PEOPLE, move
from audits.defects.reconcile import NEWLY_CHECKED, reconcile
from audits.defects.regrouping import Said
from audits.defects.settling import settle
from audits.defects.standing import NOT_THERE, STILL
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, DefectEvent, Exemption, Finding, Occurrence, Page, Result, Site, Sweep, Visit
from db.words import DefectState as State
from db.words import Outcome, Reason, Region, SweepState, VisitState
from tests.db.rows import filled, opened_copy, table_of

BEGIN = datetime(2026, 4, 1, tzinfo=UTC)
RULES = {"a": "image-alt", "b": "image-alt", "c": "label", "d": "color-contrast", "g": "image-alt"}
PAGES = ("/1", "/2", "/3", "/4")
Truth = Mapping[str, Mapping[str, int]]  # page → fault → places


@dataclass(kw_only=True)
class History:
    """A site in rows, swept as often as a test likes; the clock goes on by a day for each step."""

    connection: AsyncConnection
    site: int
    day: int = 0
    pages: dict[str, int] = field(default_factory=dict)
    defects: dict[str, int] = field(default_factory=dict)
    html: dict[str, str] = field(default_factory=dict)  # of a fault's elements, where it matters
    boxes: dict[str, list[float]] = field(default_factory=dict)

    def now(self) -> datetime:
        self.day += 1
        return BEGIN + timedelta(days=self.day)

    async def page(self, path: str) -> int:
        if path not in self.pages:
            row = {"site_id": self.site, "address": f"https://www.example.lg.jp{path}"}
            added = await self.connection.scalar(sa.insert(Page).values(row).returning(Page.id))
            assert added is not None
            self.pages[path] = added
        return self.pages[path]

    async def defect(self, fault: str, sweep: int) -> int:
        if fault not in self.defects:
            row = {
                "site_id": self.site, "digest": fault * 64, "rule": RULES.get(fault, "label"), "state": State.FOUND,
                "shape": fault.lower() * 64, "framed": False,
            }  # fmt: skip
            added = await self.connection.scalar(sa.insert(Defect).values(row).returning(Defect.id))
            assert added is not None
            self.defects[fault] = added
            event = {
                "defect_id": added,
                "sweep_id": sweep,
                "old": None,
                "new": State.FOUND,
                "who": "x",
                "at": BEGIN,
            }
            await self.connection.execute(sa.insert(DefectEvent).values(event))
        return self.defects[fault]

    async def sweep(
        self, truth: Truth, *, lost: Sequence[str] = (), gone: Collection[str] = (), moved: Mapping[str, str] | None = None,
        rules: Sequence[str] = tuple(RULES.values()), untested: bool = False, unsure: Sequence[str] = (),
        status: int = 301, twins: bool = False, **given: Any,
    ) -> int:  # fmt: skip
        """A sweep that saw these pages so; `lost` ones gave no result, `gone` ones answered 404, `moved` ones lead to others,
        for good unless their `status` says so, or are `twins` of these.

        Of `unsure` faults the machine could not tell.
        """
        at = self.now()
        row = {
            "site_id": self.site, "state": SweepState.FINISHED, "rule_criteria": {rule: ["1.1.1"] for rule in rules},
            "rule_set": ",".join(sorted(set(rules))), "settings": {}, **given,
        }  # fmt: skip
        sweep = await self.connection.scalar(
            sa.insert(Sweep).values(filled(table_of(Sweep), row)).returning(Sweep.id)
        )
        assert sweep is not None
        for path, faults in truth.items():
            visit = {"sweep_id": sweep, "page_id": await self.page(path), "state": VisitState.UNAUDITED}
            if path in gone:
                visit |= {"reason": Reason.NOT_FOUND}
            elif path in lost:
                visit |= {"reason": Reason.TIMED_OUT}
            else:
                shown = {fault: places for fault, places in faults.items() if RULES.get(fault, "label") in rules}
                parts = [{"part": "frame"}] if untested else []
                visit |= {
                    "state": VisitState.AUDITED, "audited_at": at,
                    "result_id": await self._result(path, shown, row["rule_set"], sweep, parts, unsure),
                }  # fmt: skip
            await self.connection.execute(sa.insert(Visit).values(filled(table_of(Visit), visit)))
        for path, to in (moved or {}).items():
            visit = {
                "sweep_id": sweep, "page_id": await self.page(path), "state": VisitState.UNAUDITED,
                "reason": Reason.DUPLICATE if twins else Reason.REDIRECT, "leads_to_id": await self.page(to), "http_status": status,
            }  # fmt: skip
            await self.connection.execute(sa.insert(Visit).values(filled(table_of(Visit), visit)))
        return sweep

    async def _result(
        self,
        path: str,
        faults: Mapping[str, int],
        rule_set: str,
        sweep: int,
        parts: list[Any],
        unsure: Sequence[str],
    ) -> int:
        digest = sha256(f"{path} {sorted(faults.items())} {rule_set} {parts} {unsure}".encode()).hexdigest()
        known = await self.connection.scalar(sa.select(Result.id).where(Result.digest == digest))
        if known is not None:
            return known
        row = {"digest": digest, "page_id": await self.page(path), "rule_set": rule_set, "untested": parts}
        result = await self.connection.scalar(
            sa.insert(Result).values(filled(table_of(Result), row)).returning(Result.id)
        )
        assert result is not None
        for fault, places in faults.items():
            for number in range(places):
                finding = {
                    "result_id": result, "defect_id": await self.defect(fault, sweep), "position": number + 1,
                    "rule": RULES.get(fault, "label"), "outcome": Outcome.CANT_TELL if fault in unsure else Outcome.FAILED,
                    "snippet": self.html.get(fault, f'<img src="{path if fault == "b" else fault.lower()}.png">'),
                    "box": self.boxes.get(fault),
                }  # fmt: skip
                await self.connection.execute(sa.insert(Finding).values(filled(table_of(Finding), finding)))
        return result

    async def states(self) -> dict[str, State]:
        rows = dict((await self.connection.execute(sa.select(Defect.id, Defect.state))).all())
        return {fault: rows[defect] for fault, defect in self.defects.items()}

    async def everything(self) -> list[list[Any]]:
        """All that reconciling writes, but for the time of the last one."""
        return [
            [tuple(row) for row in await self.connection.execute(sa.select(*columns).order_by(*columns[:2]))]
            for columns in (
                (Defect.id, Defect.state, Defect.merged_into_id, Defect.region),
                (Occurrence.defect_id, Occurrence.page_id, Occurrence.places),
                (DefectEvent.defect_id, DefectEvent.id, DefectEvent.old, DefectEvent.new, DefectEvent.why),
            )
        ]

    async def open_on(self, fault: str) -> dict[str, int]:
        rows = await self.connection.execute(
            sa.select(Occurrence.page_id, Occurrence.places).where(Occurrence.defect_id == self.defects[fault])
        )
        named = {page: path for path, page in self.pages.items()}
        return {named[page]: places for page, places in rows}

    async def exempt(self, fault: str, scope: str, days: int) -> int:
        """Somebody excepts a defect everywhere or on a page, or its rule, for so many days after this one; its number."""
        at = self.now()
        of = {"rule": RULES[fault], "pattern": "/1*" if "/1" in scope else "/*"}
        if not scope.startswith("by rule"):
            page = None if scope == "everywhere" else await self.page(scope)
            of = {"defect_id": self.defects[fault], "page_id": page}
        row = {"site_id": self.site, "person": "田中", "at": at, "until": day_of(at) + timedelta(days=days), **of}
        added = sa.insert(Exemption).values(filled(table_of(Exemption), row)).returning(Exemption.id)
        number = await self.connection.scalar(added)
        assert number is not None
        return number

    async def check_excepted(self, day: date) -> None:
        """A defect is excepted exactly while each page that shows it is covered, found without asking what settles."""
        cover = await cover_on(self.connection, self.site, day)
        for fault, state in (await self.states()).items():
            shown = [path for path, places in (await self.open_on(fault)).items() if places]
            covered = [any(self._covers(each, fault, path) for each in cover.exemptions) for path in shown]
            assert (state is State.EXCEPTED) == (bool(shown) and all(covered)), (fault, state, shown, covered)

    def _covers(self, each: Exemption, fault: str, path: str) -> bool:
        if each.rule is not None:
            return each.rule == RULES[fault] and (each.pattern == "/*" or path == "/1")
        return each.defect_id == self.defects[fault] and each.page_id in (None, self.pages[path])

    async def say(self, fault: str, new: State) -> None:
        old = (await self.states())[fault]
        await move(self.connection, [self.defects[fault]], old, new, why=None, who="鈴木", at=self.now())


@asynccontextmanager
async def history_in(database: Database) -> AsyncIterator[History]:
    async with database.writing() as connection:
        site = await connection.scalar(
            sa.insert(Site).values(address="https://www.example.lg.jp/", created_at=BEGIN).returning(Site.id)
        )
        assert site is not None
        yield History(connection=connection, site=site)


# ── one step after the other ───────────────────────────────────────────────────────────────────────


async def test_from_found_over_repaired_to_confirmed_and_back(database: Database) -> None:
    async with history_in(database) as history:
        said = await reconcile(history.connection, await history.sweep({"/1": {"a": 2}, "/2": {"a": 1}}))
        assert (said.pages, said.found, said.newly_checked) == (2, 1, 0)
        await history.say("a", State.REPAIRED)
        said = await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {"a": 1}}))
        assert (said.still, (await history.states())["a"]) == (1, State.FOUND), "one page of two is repaired"
        assert await history.open_on("a") == {"/1": 0, "/2": 1}
        said = await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {}}))
        assert (said.confirmed, (await history.states())["a"]) == (1, State.CONFIRMED)
        said = await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {}}))
        assert (said.returned, said.found, (await history.states())["a"]) == (1, 0, State.RETURNED)
        whys = set(await history.connection.scalars(sa.select(DefectEvent.why)))
    assert whys == {None, STILL}


async def test_what_was_not_seen_is_neither_confirmed_nor_forgotten(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        await history.say("a", State.REPAIRED)
        await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {"b": 1}}, lost=["/1"]))
        assert await history.states() == {"a": State.UNVERIFIED, "b": State.FOUND}
        await reconcile(history.connection, await history.sweep({"/2": {"b": 1}}))
        assert await history.states() == {"a": State.UNVERIFIED, "b": State.FOUND}, "not in the sample"
        again = await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}})
        assert (await reconcile(history.connection, again)).still == 1
        assert (await history.states())["a"] is State.FOUND, "seen after somebody said that it was repaired"
        once = await history.everything()
        await reconcile(history.connection, again)
        assert await history.everything() == once
        await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {"b": 1}}))
        assert (await history.states())["a"] is State.CONFIRMED


async def test_pages_that_are_not_there_any_more_hold_no_repair_back(database: Database) -> None:
    """Of three pages two are repaired, and one answers 404: no page shows the fault. If it comes back with it, so does the fault."""
    async with history_in(database) as history:
        shown: Truth = {"/1": {"a": 1}, "/2": {"a": 2, "b": 1}, "/3": {"a": 1}}
        await reconcile(history.connection, await history.sweep(shown))
        await reconcile(history.connection, await history.sweep({"/1": {}, "/3": {"a": 1}}))
        again = await history.sweep({"/1": {}, "/2": {}}, gone=["/2"], recheck=True)
        assert (await reconcile(history.connection, again)).confirmed == 0, "/3 shows it still"
        told = await reconcile(history.connection, await history.sweep({"/1": {}, "/3": {}}))
        assert (told.confirmed, (await history.states())["a"]) == (1, State.CONFIRMED), "one asked, the others seen"
        assert (await history.states())["b"] is State.UNVERIFIED, "nobody ever saw a page without it"
        assert await history.open_on("a") == {"/1": 0, "/2": 0, "/3": 0}
        whys = sa.select(DefectEvent.why).where(DefectEvent.new == State.CONFIRMED)
        assert list(await history.connection.scalars(whys)) == [NOT_THERE]
        back = await history.sweep({"/1": {}, "/2": {"a": 2, "b": 1}, "/3": {}})
        assert (await reconcile(history.connection, back)).returned == 1
        assert await history.states() == {"a": State.RETURNED, "b": State.FOUND}, "as it was known, and there again"
        once = await history.everything()
        await reconcile(history.connection, back)
        assert await history.everything() == once


@pytest.mark.parametrize("how", ["lost since", "not asked", "doubted", "moved there", "late", "site out"])
async def test_what_nobody_knows_to_be_gone_is_not_let_go(database: Database, how: str) -> None:
    async with history_in(database) as history:
        first: Truth = {"/1": {"a": 1}, "/2": {"a": 1}}
        await reconcile(
            history.connection, await history.sweep({"/1": {"a": 1}} if how == "moved there" else first)
        )
        if how == "moved there":  # what is left of /1 is no page seen without the fault
            await reconcile(history.connection, await history.sweep({"/2": {"a": 1}}, moved={"/1": "/2"}))
            await reconcile(history.connection, await history.sweep({"/2": {}, "/3": {}}, gone=["/2"]))
        elif how == "lost since":
            await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {}}, gone=["/2"]))
            await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {}}, lost=["/2"]))
        elif how == "site out":
            await reconcile(
                history.connection, await history.sweep({"/1": {}, "/2": {}}, gone=["/1", "/2"], recheck=True)
            )
            await reconcile(history.connection, await history.sweep({"/1": {}}))
        elif how == "doubted":
            await history.sweep({"/1": {}, "/2": {}}, gone=["/2"])  # which was never taken in
            await reconcile(history.connection, await history.sweep({"/1": {}}))
        elif how == "late":
            late = await history.sweep({"/1": {}, "/2": {}}, gone=["/2"])
            await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}}))
            await reconcile(history.connection, late)
        else:
            await reconcile(history.connection, await history.sweep({"/1": {}}))
        assert (await history.states())["a"] in (State.UNVERIFIED, State.FOUND)
        assert (await history.open_on("a"))["/2"] == 1


async def test_a_page_that_moved_takes_its_defects_along(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        await reconcile(
            history.connection,
            await history.sweep({"/new1": {"a": 1}, "/new2": {}}, moved={"/1": "/new1", "/2": "/new2"}),
        )
        assert await history.states() == {"a": State.FOUND, "b": State.CONFIRMED}
        assert await history.open_on("a") == {"/1": 0, "/new1": 1}


async def test_a_page_that_moved_is_looked_at_anew_before_anything_is_confirmed(database: Database) -> None:
    """Its new address was seen before it led there, and shows a frame that nobody saw."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}, untested=True))
        await reconcile(history.connection, await history.sweep({"/new": {}}, untested=True))
        framed = sa.update(Defect).where(Defect.id == history.defects["a"]).values(framed=True)
        await history.connection.execute(framed)
        await reconcile(history.connection, await history.sweep({"/new": {}}, moved={"/1": "/new"}, untested=True))
        assert await history.states() == {"a": State.FOUND}
        assert await history.open_on("a") == {"/1": 0, "/new": 1}


@pytest.mark.parametrize("status", [301, 308])
async def test_a_page_that_leads_to_what_stood_beside_it_was_taken_down_and_is_not_repaired(
    database: Database, status: int
) -> None:
    """Its section's index shows nothing of what it showed: that is no repair, and holds back none that was seen elsewhere."""
    async with history_in(database) as history:
        shown: Truth = {"/news/": {}, "/news/1": {"a": 1, "b": 1}, "/2": {"a": 1}}
        await reconcile(history.connection, await history.sweep(shown))
        down = {"/news/1": "/news/"}
        await reconcile(
            history.connection, await history.sweep({"/news/": {}, "/2": {"a": 1}}, moved=down, status=status)
        )
        assert await history.states() == {"a": State.FOUND, "b": State.UNVERIFIED}
        assert await history.open_on("a") == {"/news/1": 1, "/2": 1}
        told = await reconcile(history.connection, await history.sweep({"/news/": {}, "/2": {}}))
        assert told.confirmed == 1
        assert await history.states() == {"a": State.CONFIRMED, "b": State.UNVERIFIED}
        whys = sa.select(DefectEvent.why).where(DefectEvent.new == State.CONFIRMED)
        assert list(await history.connection.scalars(whys)) == [NOT_THERE]
        back = await history.sweep({"/news/": {}, "/news/1": {"a": 1, "b": 1}, "/2": {}})
        assert (await reconcile(history.connection, back)).returned == 1
        assert await history.states() == {"a": State.RETURNED, "b": State.FOUND}


@pytest.mark.parametrize("status", [302, 303, 307, 200])
async def test_who_is_sent_to_what_stood_beside_for_a_while_is_told_nothing(
    database: Database, status: int
) -> None:
    """A sign-in, a site under repair, a script: neither moved nor gone."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/": {}, "/1": {"a": 1}, "/2": {"a": 1}}))
        away = await history.sweep({"/": {}, "/2": {}}, moved={"/1": "/"}, status=status)
        await reconcile(history.connection, away)
        assert await history.states() == {"a": State.UNVERIFIED}
        assert await history.open_on("a") == {"/1": 1, "/2": 0}


async def test_a_page_that_goes_on_leading_to_where_it_moved_has_moved(database: Database) -> None:
    """From the second time on the new address is known, but not from a time when the old one was a page."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/": {}, "/1": {"a": 1}}))
        await reconcile(
            history.connection,
            await history.sweep({"/": {}, "/new": {"a": 1}}, lost=["/new"], moved={"/1": "/new"}),
        )
        assert await history.open_on("a") == {"/1": 1}, "nobody saw its new address"
        await reconcile(history.connection, await history.sweep({"/": {}, "/new": {}}, moved={"/1": "/new"}))
        assert await history.states() == {"a": State.CONFIRMED}
        await reconcile(history.connection, await history.sweep({"/": {}, "/1": {"a": 1}, "/new": {}}))
        assert await history.states() == {"a": State.RETURNED}
        await reconcile(history.connection, await history.sweep({"/": {}, "/new": {}}, moved={"/1": "/new"}))
        whys = sa.select(DefectEvent.why).where(DefectEvent.new == State.CONFIRMED).order_by(DefectEvent.id)
        assert list(await history.connection.scalars(whys)) == [None, NOT_THERE], "now they stood side by side"


async def test_what_the_machine_cannot_tell_any_more_is_not_confirmed(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}, unsure=["a"]))
        assert await history.states() == {"a": State.FOUND}
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        assert await history.states() == {"a": State.CONFIRMED}


async def test_a_fault_is_found_by_the_sweep_that_sees_it_fail_not_by_one_that_could_not_tell(
    database: Database,
) -> None:
    """Else what a period has found, and what was open at a baseline, grows long after it was reported."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}, unsure=["a"]))
        sweep = await history.sweep({"/1": {"a": 1}})
        assert (await reconcile(history.connection, sweep)).found == 1
        found = sa.select(DefectEvent.sweep_id).where(DefectEvent.old.is_(None))
        assert list(await history.connection.scalars(found)) == [sweep]
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}}))
        assert list(await history.connection.scalars(found)) == [sweep]


async def test_a_block_that_moved_within_its_page_keeps_its_defect(database: Database) -> None:
    """The same element in another region: `A` has the shape of `a`."""
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"c": 1}, "/2": {"c": 1}}))
        await history.say("c", State.PLANNED)
        sweep = await history.sweep({"/1": {"C": 1}, "/2": {"C": 1}})
        said = await reconcile(history.connection, sweep)
        assert (said.found, said.confirmed) == (0, 0)
        assert await history.open_on("c") == {"/1": 1, "/2": 1}
        assert (await history.states())["c"] is State.PLANNED
        await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {"C": 1}}))
        assert await history.open_on("c") == {"/1": 0, "/2": 1}


async def test_the_same_words_in_another_element_of_the_page_are_the_same_fault(database: Database) -> None:
    """Of "c", "e" and "f" (one rule) the elements have nothing in common but what they say."""
    async with history_in(database) as history:
        said = {"c": "<div>最新情報</div>", "e": "<h4><b>最新情報</b></h4>", "f": "<h4>お問い合わせ</h4>"}
        await reconcile(history.connection, await history.sweep({"/1": {"c": 1}, "/2": {}}))
        sweep = await history.sweep({"/1": {"e": 1, "f": 1}, "/2": {"e": 1}})
        for fault, html in said.items():
            mine = Finding.defect_id == history.defects[fault]
            await history.connection.execute(sa.update(Finding).where(mine).values(snippet=html))
        told = await reconcile(history.connection, sweep)
        assert (told.found, told.confirmed) == (1, 0)
        assert await history.open_on("c") == {"/1": 1, "/2": 1}


# ── renamed, and repaired ──────────────────────────────────────────────────────────────────────────

CLOSE = '<button class="{}" type="button"><i class="fa {}"></i></button>'  # says nothing that tells it from another
LOGO = '<img class="{}" src="{}.png">'
HERE, LOWER, THERE = [100.0, 40.0, 20.0, 20.0], [100.0, 90.0, 20.0, 20.0], [700.0, 40.0, 20.0, 20.0]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What one release of a site made of two faults of one rule, "a" and "g", and what is true of them then."""

    html: tuple[str, str]
    boxes: tuple[Any, Any] = (None, None)
    rule: str = "image-alt"
    before: Truth = field(default_factory=lambda: {"/1": {"a": 1}, "/2": {"a": 1}})
    after: Truth = field(default_factory=lambda: {"/1": {"g": 1}, "/2": {"g": 1}})
    same: bool  # they are one and the same fault


EDITS = {
    "only a class is renamed": Edit(html=(LOGO.format("pic", "x"), LOGO.format("photo", "x")), same=True),
    "one that says nothing, where it was": Edit(
        html=(CLOSE.format("x", "y"), CLOSE.format("z", "y")), boxes=(HERE, HERE), same=True
    ),
    "further down, for what stands above grew": Edit(
        html=(CLOSE.format("x", "y"), CLOSE.format("z", "y").replace("><", "> <")), boxes=(HERE, LOWER), same=True
    ),
    "renamed to what another page has": Edit(
        html=(LOGO.format("pic", "x"), LOGO.format("photo", "x")), same=True,
        before={"/1": {"a": 1}, "/2": {"g": 1}}, after={"/1": {"g": 1}, "/2": {"g": 1}},
    ),
    "renamed to what the page has as well": Edit(
        html=(LOGO.format("pic", "x"), LOGO.format("photo", "x")), same=True,
        before={"/1": {"a": 1, "g": 1}}, after={"/1": {"g": 2}},
    ),
    "a box around what stands outside of landmarks": Edit(
        html=('<h3 class="title">A</h3>', '<div class="wrap">'), boxes=(HERE, [90.0, 30.0, 500.0, 300.0]),
        rule="region", same=True,
    ),
    "repaired, and another elsewhere": Edit(
        html=(CLOSE.format("x", "y"), CLOSE.format("z", "y")), boxes=(HERE, THERE), same=False
    ),
    "repaired, and another picture in its place": Edit(
        html=(LOGO.format("pic", "x"), LOGO.format("photo", "y")), boxes=(HERE, HERE), same=False
    ),
    "repaired, and what looks alike was there before": Edit(
        html=(CLOSE.format("x", "y"), CLOSE.format("z", "y")), boxes=(HERE, THERE), same=False,
        before={"/1": {"a": 1, "g": 1}}, after={"/1": {"g": 1}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
async def test_what_still_stands_under_another_name_is_not_confirmed_and_what_is_repaired_is(
    database: Database, edit: Edit
) -> None:
    async with history_in(database) as history:
        history.html, history.boxes = (
            dict(zip("ag", edit.html, strict=True)),
            dict(zip("ag", edit.boxes, strict=True)),
        )
        for truth in (edit.before, edit.after):
            sweep = await history.sweep(truth, rules=("image-alt", "region"))
            for table in (Defect, Finding):
                await history.connection.execute(sa.update(table).values(rule=edit.rule))
            told = await reconcile(history.connection, sweep)
        known = sa.select(Defect.merged_into_id).where(Defect.id == history.defects["g"])
        if edit.same:
            assert told.confirmed == 0
            assert await history.connection.scalar(known) == history.defects["a"], "the older one goes on"
            assert (await history.states())["a"] is State.FOUND
        else:
            assert told.confirmed == 1
            assert await history.connection.scalar(known) is None
            assert await history.states() == {"a": State.CONFIRMED, "g": State.FOUND}
        once = await history.everything()
        await reconcile(history.connection, sweep)
        assert await history.everything() == once


async def test_what_was_renamed_page_by_page_is_confirmed_when_the_last_of_it_is_gone(database: Database) -> None:
    """A renaming that reached one page before the rest was repaired; a claim does not hold against it."""
    async with history_in(database) as history:
        history.html = {"a": LOGO.format("pic", "x"), "g": LOGO.format("photo", "x")}
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {"g": 1}, "/2": {"a": 1}}))
        await history.say("a", State.REPAIRED)
        told = await reconcile(history.connection, await history.sweep({"/1": {"g": 1}, "/2": {}}))
        assert (told.still, told.confirmed) == (1, 0)
        assert await history.open_on("a") == {"/1": 1, "/2": 0}
        told = await reconcile(history.connection, await history.sweep({"/1": {}, "/2": {}}))
        assert (told.confirmed, (await history.states())["a"]) == (1, State.CONFIRMED)


async def test_a_style_that_an_editor_swaps_on_one_page_makes_two_faults_of_many_pages_no_one(
    database: Database,
) -> None:
    async with history_in(database) as history:
        history.html = {"a": LOGO.format("pic", "x"), "g": LOGO.format("photo", "x")}
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"a": 1}, "/3": {"g": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {"g": 1}, "/2": {"a": 1}, "/3": {"g": 1}}))
        assert await history.open_on("a") == {"/1": 0, "/2": 1}
        assert await history.open_on("g") == {"/1": 1, "/3": 1}


async def test_what_was_renamed_and_cannot_be_told_any_more_stays_what_it_was(database: Database) -> None:
    async with history_in(database) as history:
        history.html = {"a": LOGO.format("pic", "x"), "g": LOGO.format("photo", "x")}
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        await reconcile(history.connection, await history.sweep({"/1": {"g": 1}}, unsure=["g"]))
        assert (await history.states())["a"] is State.FOUND
        await reconcile(history.connection, await history.sweep({"/1": {"g": 1}}))
        assert await history.open_on("a") == {"/1": 1}
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        assert (await history.states())["a"] is State.CONFIRMED


async def test_what_was_renamed_on_a_page_that_moved_goes_on_there(database: Database) -> None:
    async with history_in(database) as history:
        history.html = {"a": LOGO.format("pic", "x"), "g": LOGO.format("photo", "x")}
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        await reconcile(history.connection, await history.sweep({"/new": {"g": 1}}, moved={"/1": "/new"}))
        assert await history.open_on("a") == {"/1": 0, "/new": 1}
        assert (await history.states())["a"] is State.FOUND


async def test_what_a_person_has_set_apart_is_not_made_one_with_what_stands_in_its_place(
    database: Database,
) -> None:
    async with history_in(database) as history:
        history.html = {"a": LOGO.format("pic", "x"), "g": LOGO.format("photo", "x")}
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"g": 1}}))
        apart = sa.update(Defect).where(Defect.id == history.defects["g"]).values(apart=True)
        await history.connection.execute(apart)
        await reconcile(history.connection, await history.sweep({"/1": {"g": 1}, "/2": {"g": 1}}))
        assert await history.open_on("g") == {"/1": 1, "/2": 1}
        assert await history.open_on("a") == {"/1": 0}


async def test_new_rules_find_what_was_there_and_no_new_faults(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "d": 1}}, rules=["image-alt"]))
        assert set(history.defects) == {"a"}
        said = await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "d": 1}, "/2": {"d": 1}}))
        assert (said.found, said.newly_checked) == (1, 1)
        event = sa.select(DefectEvent.why).where(DefectEvent.defect_id == history.defects["d"])
        assert list(await history.connection.scalars(event)) == [NEWLY_CHECKED]
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}, rules=["image-alt"]))
        assert (await history.states())["d"] is State.FOUND, "no rule looked for it"


async def test_of_a_further_edition_only_its_own_rules_are_new(database: Database) -> None:
    """With `--also` more rules run: what they find was there; a new fault by the sweep's own rules is one."""
    async with history_in(database) as history:
        own = {"image-alt": ["1.1.1"], "label": ["1.1.1"]}
        first = await history.sweep({"/1": {"a": 1}}, rules=list(own), rule_set="r")
        await reconcile(history.connection, first)
        further = {
            "rule_set": "r + wcag22 / 1",
            "rule_criteria": own,
            "also_criteria": {"color-contrast": ["1.4.3"]},
        }
        said = await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "c": 1, "d": 1}}, **further))
        assert (said.found, said.newly_checked) == (2, 1)
        newly = sa.select(DefectEvent.defect_id).where(DefectEvent.why == NEWLY_CHECKED)
        assert list(await history.connection.scalars(newly)) == [history.defects["d"]]


async def test_a_sweep_that_comes_late_changes_nothing_that_was_seen_after_it(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {}}))
        late = await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}})
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        await reconcile(history.connection, late)
        assert await history.states() == {"a": State.CONFIRMED, "b": State.FOUND}


async def test_a_page_that_later_sweeps_found_as_it_had_been_is_not_taken_from_one_that_comes_late(
    database: Database,
) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        late = await history.sweep({"/1": {"a": 1}})
        await reconcile(history.connection, await history.sweep({"/1": {}}))
        await reconcile(history.connection, late)
        assert await history.states() == {"a": State.CONFIRMED}


async def test_what_a_recheck_saw_later_is_not_overruled_by_a_sweep_that_ends_after_it(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}))
        long = await history.sweep({"/1": {}})
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}}, recheck=True))
        await reconcile(history.connection, long)
        assert await history.states() == {"a": State.FOUND}


async def test_a_sweep_that_is_not_finished_unverifies_nothing(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}))
        await reconcile(history.connection, await history.sweep({"/2": {}}, state=SweepState.AUDITING))
        assert await history.states() == {"a": State.FOUND, "b": State.CONFIRMED}


async def test_what_repeats_is_a_templates_and_what_differs_from_page_to_page_is_content(
    database: Database,
) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({path: {"a": 1, "b": 1} for path in PAGES[:2]}))
        regions = sa.select(Defect.region).order_by(Defect.id)
        assert list(await history.connection.scalars(regions)) == [None, None], "two pages tell nothing"
        await reconcile(history.connection, await history.sweep({path: {"a": 1, "b": 1} for path in PAGES}))
        assert list(await history.connection.scalars(regions)) == [Region.TEMPLATE, Region.CONTENT]


async def test_what_nearly_every_page_has_is_a_templates_wherever_it_leads_but_not_whatever_it_shows(
    database: Database,
) -> None:
    """ "a" is a link to the next page, "b" a picture of each article, "c" a link in every other article."""
    paths = [f"/{number}" for number in range(10)]
    made = {
        "a": '<a accesskey="n" href="{}"><b>{}</b></a>',
        "b": '<img class="photo" src="{}.png">',
        "c": '<a href="{}"></a>',
    }
    async with history_in(database) as history:
        truth = {path: {"a": 1, "b": 1} | ({"c": 1} if number % 2 else {}) for number, path in enumerate(paths)}
        sweep = await history.sweep(truth)
        for path, page in history.pages.items():
            for fault, html in made.items():
                mine = Finding.result_id.in_(sa.select(Result.id).where(Result.page_id == page))
                await history.connection.execute(
                    sa.update(Finding)
                    .where(Finding.defect_id == history.defects[fault], mine)
                    .values(snippet=html.format(path, path))
                )
        await reconcile(history.connection, sweep)
        rows = dict((await history.connection.execute(sa.select(Defect.id, Defect.region))).all())
        regions = {fault: rows[defect] for fault, defect in history.defects.items()}
    assert regions == {"a": Region.TEMPLATE, "b": Region.CONTENT, "c": Region.CONTENT}


async def test_a_page_with_a_part_that_nobody_saw_says_nothing_of_defects_in_frames(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1, "b": 1}}))
        framed = sa.update(Defect).where(Defect.id == history.defects["a"]).values(framed=True)
        await history.connection.execute(framed)
        await reconcile(history.connection, await history.sweep({"/1": {}}, untested=True))
        assert await history.states() == {"a": State.FOUND, "b": State.CONFIRMED}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_people_take_no_step_that_is_not_theirs(database: Database) -> None:
    steps = [(old, new) for old in State for new in State if new not in BY_PEOPLE[old]]
    async with history_in(database) as history:
        for old, new in steps:
            with pytest.raises(UsageError):
                await move(history.connection, [1], old, new, why=None, who="鈴木")


def test_only_sweeps_set_confirmed_and_returned_and_only_people_except() -> None:
    assert not {State.CONFIRMED, State.RETURNED} & set().union(*BY_PEOPLE.values())
    assert not {State.EXCEPTED} & set().union(*BY_MACHINE.values())


# ── any history ────────────────────────────────────────────────────────────────────────────────────

SETS = (tuple(RULES.values()), ("image-alt",), ("label", "color-contrast"))
SCOPES = ("everywhere", "by rule", "by rule on /1*")
FAULTS = st.dictionaries(st.sampled_from(tuple(RULES)), st.integers(1, 3), max_size=4)
ACTS = ("merge", "merge", "take back", "split")
PLACE = st.tuples(st.sampled_from("abg"), st.sampled_from(PAGES))
SOME = st.sets(st.sampled_from(PAGES), min_size=1, max_size=3)


@dataclass(kw_only=True)
class People:
    """What people have merged and split, as they would note it down: for each fault and page a defect."""

    history: History
    root: dict[str, str] = field(default_factory=dict)  # fault → the one that it is known as
    through: dict[str, str] = field(default_factory=dict)
    part: dict[tuple[str, str], int] = field(default_factory=dict)  # of a fault that is known as itself, on a page
    said: dict[int, set[tuple[str, str]]] = field(default_factory=dict)  # what exceptions were said of

    def of(self, fault: str, path: str) -> int:
        """The defect that a fault is on a page."""
        root = self.root.get(fault, fault)
        return self.part.get((root, path), self.history.defects[root])

    def under(self, fault: str) -> set[str]:
        """A fault with those that are known as another through it."""
        return {fault}.union(*(self.under(each) for each, up in self.through.items() if up == fault))

    async def act(self, act: str, one: tuple[str, str], other: tuple[str, str], pages: Collection[str]) -> None:
        """Do what a person wants, or be refused, which changes nothing."""
        defects = self.history.defects
        if not {one[0], other[0]} <= defects.keys():
            return
        said = Said(who="鈴木", why="同じひな形")
        before = await self.history.everything()
        names = {number: fault for fault, number in defects.items()}
        kept, gone = self.of(*one), self.of(*other)
        chosen = [path for path in PAGES if path in pages and self.of(one[0], path) == kept]
        try:
            async with self.history.connection.begin_nested():
                if act == "merge":
                    await regrouping.merge(self.history.connection, said, kept, [gone])
                elif act == "take back":
                    await regrouping.take_back(self.history.connection, said, defects[one[0]])
                else:
                    new = await regrouping.split(
                        self.history.connection, said, kept, [f"{path}$" for path in chosen], []
                    )
        except UsageError:
            assert await self.history.everything() == before
            return
        if act == "take back":
            mine = self.under(one[0])
            self.root = {each: root for each, root in self.root.items() if each not in mine}
            self.root |= dict.fromkeys(mine - {one[0]}, one[0])
            self.through.pop(one[0], None)
        elif act == "split":
            self.part |= {(self.root.get(one[0], one[0]), path): new.id for path in chosen}
        elif gone in names:
            moved = {each for each in defects if self.root.get(each, each) == names[gone]}
            self.root |= dict.fromkeys(moved, names[kept])
            self.through[names[gone]] = names[kept]
        else:
            self.part = {key: kept if number == gone else number for key, number in self.part.items()}

    def may_except(self, fault: str, scope: str) -> bool:
        """Whether the defect can be excepted there: a page of a part is the part's."""
        return scope not in PAGES or self.of(fault, scope) == self.history.defects[self.root.get(fault, fault)]

    def noted(self, exemption: int, fault: str, scope: str) -> None:
        """What an exception was said of: all that was the defect then, on all pages or on one."""
        defect = self.history.defects[self.root.get(fault, fault)]
        pairs = {(each, path) for each in self.history.defects for path in PAGES if self.of(each, path) == defect}
        self.said[exemption] = {(each, path) for each, path in pairs if scope in (path, "everywhere")}

    async def check_covered(self, day: date, shown: Mapping[tuple[str, str], int], *, settled: bool) -> None:
        """No exception of a defect covers a place that it was not said of, and a defect is excepted while all is covered."""
        cover = await cover_on(self.history.connection, self.history.site, day)
        bare: dict[int, bool] = {}
        for (fault, path), places in shown.items():
            if not places:
                continue
            defect, page = self.of(fault, path), self.history.pages[path]
            by = cover.all_of(
                defect=defect, rule=RULES[fault], page=page, address=f"https://www.example.lg.jp{path}"
            )
            assert all((fault, path) in self.said[each.id] for each in by if each.rule is None), (fault, path)
            bare[defect] = bare.get(defect, False) or not by
        for defect, uncovered in bare.items() if settled else ():
            state = await self.history.connection.scalar(sa.select(Defect.state).where(Defect.id == defect))
            assert (state is State.EXCEPTED) == (not uncovered)


@st.composite
def steps(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Sweeps of any kind: whole or of some pages, with lost pages, other rules or late, broken off; claims, exceptions between."""
    by_other_rules, moves = draw(st.booleans()), draw(st.booleans())
    return [
        {
            "truth": {path: draw(FAULTS) for path in draw(st.sets(st.sampled_from(PAGES), min_size=1))},
            "lost": draw(st.sets(st.sampled_from(PAGES), max_size=2)),
            "gone": draw(st.sets(st.sampled_from(PAGES), max_size=1)),
            "moved": draw(st.dictionaries(st.sampled_from(PAGES), st.sampled_from(PAGES), max_size=1))
            if moves
            else {},
            "status": draw(st.sampled_from((301, 302))),
            "rules": draw(st.sampled_from(SETS)) if by_other_rules else SETS[0],
            "state": draw(st.sampled_from((SweepState.FINISHED, SweepState.FINISHED, SweepState.AUDITING))),
            "late": not (by_other_rules or moves) and draw(st.integers(0, 3)) == 0,
            "claim": draw(st.sampled_from((None, *RULES))),
            "except": draw(
                st.none() | st.tuples(st.sampled_from(tuple(RULES)), st.sampled_from((*SCOPES, *PAGES)))
            ),
            "days": draw(st.integers(0, 4)),
            "people": draw(
                st.lists(st.tuples(st.sampled_from(ACTS), PLACE, PLACE, SOME), max_size=0 if moves else 2)
            ),
        }
        for _ in range(draw(st.integers(1, 6)))
    ]


@settings(max_examples=60, deadline=None)
@given(plan=steps())
async def test_whatever_happens_nothing_is_confirmed_unseen_lost_or_doubled(
    sqlite_template: Path, plan: list[dict[str, Any]]
) -> None:
    async with opened_copy(sqlite_template) as database, history_in(database) as history:
        people = People(history=history)
        last: dict[
            tuple[str, str], tuple[datetime, int]
        ] = {}  # fault, page → when it was last looked for, and places
        gone: set[tuple[str, str]] = set()  # the same, where the page answered 404 since
        waiting: list[int] = []
        first: dict[str, int] = {}  # page → step in which it was seen first, and last
        latest: dict[str, int] = {}
        for number, step in enumerate(plan):
            moved = {path: to for path, to in step["moved"].items() if path not in step["truth"] and path != to}
            shows = {fault: await history.open_on(fault) for fault in history.defects}
            sweep = await history.sweep(
                step["truth"], lost=list(step["lost"]), gone=step["gone"], rules=step["rules"], state=step["state"],
                moved=moved, status=step["status"],
            )  # fmt: skip
            at = BEGIN + timedelta(days=history.day)
            seen = {path for path in step["truth"] if path not in step["lost"] | step["gone"]}
            gone |= {(fault, path) for fault in RULES for path in step["truth"].keys() & step["gone"]}
            for path, to in moved.items():
                if path in latest and first.get(to, number) <= latest[path]:
                    gone |= {(fault, path) for fault in RULES if step["status"] == 301}
                elif to in seen:
                    for fault, places in ((each, on.get(path, 0)) for each, on in shows.items()):
                        if places:
                            last[fault, path] = at, 0
                            last[fault, to] = at, last.get((fault, to), (at, 0))[1] or places
                            gone.discard((fault, to))
            first = dict.fromkeys(step["truth"].keys() - step["gone"], number) | first  # also what may be one
            latest |= dict.fromkeys(seen, number)
            for path in seen:
                for fault, rule in RULES.items():
                    if rule in step["rules"]:
                        last[fault, path] = at, step["truth"][path].get(fault, 0)
                        gone.discard((fault, path))
            if step["late"]:
                waiting.append(sweep)
                continue
            day = day_of(at)
            await reconcile(history.connection, sweep, day)
            once = await history.everything()
            await reconcile(history.connection, sweep, day)
            assert await history.everything() == once, "twice is once"
            for late in waiting:
                await reconcile(history.connection, late, day)
            await check_all(history, people, last, gone, day)
            waiting.clear()
            after = await history.states()
            claim = step["claim"]
            if claim in after and claim not in people.root and State.REPAIRED in BY_PEOPLE[after[claim]]:
                await history.say(claim, State.REPAIRED)
            if step["except"] and step["except"][0] in after and people.may_except(*step["except"]):
                people.noted(await history.exempt(*step["except"], step["days"]), *step["except"])
            for act in step["people"]:
                await people.act(*act)
                await check_all(
                    history, people, last, gone, day_of(BEGIN + timedelta(days=history.day)), settled=False
                )


async def check_all(
    history: History, people: People, last: Mapping[tuple[str, str], tuple[datetime, int]],
    gone: Collection[tuple[str, str]], day: date, *, settled: bool = True,
) -> None:  # fmt: skip
    """Each place is one defect's, confirmed exactly when no page shows it; `settled`: with the exceptions of that day.

    Of pages that are `gone` a defect may have been let go, with all of its places.
    """
    shown: dict[int, dict[str, int]] = {people.of(fault, path): {} for fault in history.defects for path in PAGES}
    for (fault, path), (_, places) in last.items():
        if places:
            on = shown[people.of(fault, path)]
            on[path] = on.get(path, 0) + places
    rows = await history.connection.execute(
        sa.select(Occurrence.defect_id, Page.address, Occurrence.places)
        .join(Page, Page.id == Occurrence.page_id)
        .where(Occurrence.places > 0)
    )
    known: dict[int, dict[str, int]] = {defect: {} for defect in shown}
    for defect, address, places in rows:
        known.setdefault(defect, {})[address.removeprefix("https://www.example.lg.jp")] = places
    let_go = {
        (people.of(fault, path), path) for fault, path in gone
        if fault in history.defects and path not in known.get(people.of(fault, path), {})
    }  # fmt: skip
    shown = {
        defect: {path: places for path, places in on.items() if (defect, path) not in let_go}
        for defect, on in shown.items()
    }
    assert known == shown, "counts add up, nothing is lost or doubled"
    states = dict((await history.connection.execute(sa.select(Defect.id, Defect.state))).all())
    told = sa.select(DefectEvent.defect_id, DefectEvent.old, DefectEvent.new).order_by(DefectEvent.id)
    lives: dict[int, list[tuple[State | None, State]]] = {defect: [] for defect in shown}
    for defect, old, new in await history.connection.execute(told):
        lives.setdefault(defect, []).append((old, new))
    for defect in shown:
        assert [old for old, _ in lives[defect]].count(None) == 1, "found once"
        assert lives[defect][-1][1] is states[defect], "its last step leads to its state"
    for defect, on in shown.items():
        assert (states[defect] is State.CONFIRMED) == (not on), (
            "confirmed when every page was seen without it, or is gone"
        )
    there = {
        key: places for key, (_, places) in last.items() if places and (people.of(*key), key[1]) not in let_go
    }  # fmt: skip
    await people.check_covered(day, there, settled=settled)


NAMED = (
    st.sampled_from((None, "c", "e")),
    st.sampled_from((None, "f", "h")),
)  # two elements, each by either of two classes


@settings(max_examples=40, deadline=None)
@given(plan=st.lists(st.fixed_dictionaries(dict.fromkeys(PAGES[:3], st.tuples(*NAMED))), min_size=2, max_size=6))
async def test_however_classes_are_renamed_nothing_is_confirmed_that_still_stands_and_no_two_faults_are_one(
    sqlite_template: Path, plan: list[dict[str, tuple[str | None, ...]]]
) -> None:
    async with opened_copy(sqlite_template) as database, history_in(database) as history:
        history.html = {"c": LOGO.format("c", "x"), "e": LOGO.format("e", "x")}
        history.html |= {"f": LOGO.format("f", "y"), "h": LOGO.format("h", "y")}
        before: dict[str, tuple[str | None, ...]] = dict.fromkeys(PAGES[:3], (None, None))
        for shown in plan:
            truth = {path: {fault: 1 for fault in faults if fault} for path, faults in shown.items()}
            await reconcile(history.connection, await history.sweep(truth))
            roots = sa.select(Defect.id, sa.func.coalesce(Defect.merged_into_id, Defect.id))
            known = dict((await history.connection.execute(roots)).all())
            of = {fault: known[defect] for fault, defect in history.defects.items()}
            states = dict((await history.connection.execute(sa.select(Defect.id, Defect.state))).all())
            standing = {fault for faults in shown.values() for fault in faults if fault}
            went_on = {
                old for path in shown for old, new in zip(before[path], shown[path], strict=True) if old and new
            }
            assert State.CONFIRMED not in {states[of[fault]] for fault in standing | went_on}
            left = {of[fault] for fault in standing}
            assert {states[root] for root in of.values() if root not in left} <= {State.CONFIRMED}
            assert not {of[each] for each in "ce" if each in of} & {of[each] for each in "fh" if each in of}
            before = shown


SMALL = st.fixed_dictionaries({path: st.dictionaries(st.sampled_from("ab"), st.just(1)) for path in PAGES[:2]})
WORDS = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from((*SCOPES, *PAGES[:2])), st.integers(0, 6)), max_size=3
)


@settings(max_examples=40, deadline=None)
@given(plan=st.lists(st.tuples(SMALL, WORDS), min_size=2, max_size=5))
async def test_a_defect_is_excepted_exactly_while_every_page_that_shows_it_is_covered(
    sqlite_template: Path, plan: list[tuple[Truth, list[tuple[str, str, int]]]]
) -> None:
    """Two defects of one rule on two pages, with many exceptions that begin and end."""
    async with opened_copy(sqlite_template) as database, history_in(database) as history:
        for truth, words in plan:
            sweep = await history.sweep(truth)
            day = day_of(BEGIN + timedelta(days=history.day))
            await reconcile(history.connection, sweep, day)
            once = await history.everything()
            await reconcile(history.connection, sweep, day)
            assert await history.everything() == once
            await history.check_excepted(day)
            for fault, scope, days in words:
                if fault in history.defects:
                    await history.exempt(fault, scope, days)
            for _ in range(2):
                day = day_of(history.now())
                await settle(history.connection, history.site, day)
                await history.check_excepted(day)
                assert not await settle(history.connection, history.site, day), "twice is once"
