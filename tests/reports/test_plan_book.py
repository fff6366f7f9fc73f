"""The improvement plan out and in: who repairs what until when, and nobody's word written over unseen."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from audits.defects import book, excepting
from audits.defects.book import Listed, Plan
from audits.defects.cover import today
from audits.defects.excepting import Said
from audits.defects.reconcile import reconcile
from db.database import Database
from db.errors import UsageError
from db.words import DefectState as State
from db.words import ExceptionReason
from reports.cli.planning import planned
from reports.language import Language
from reports.plan_book import COLUMNS, Change, read_plan_book, write_plan_book
from tests.audits.test_reconcile import History, Truth, history_in

SITE = "https://www.example.lg.jp/"
COLUMN = {name: openpyxl.utils.get_column_letter(index) for index, name in enumerate(COLUMNS, start=1)}


class Desk:
    """A site with three defects, and the workbook of its plan."""

    def __init__(self, history: History, path: Path) -> None:
        self.history, self.path = history, path

    async def listed(self) -> dict[int, Listed]:
        return {each.id: each for each in await book.listed(self.history.connection, self.history.site)}

    async def write(self, *, by_owner: bool = False) -> None:
        sites = {self.history.site: SITE}
        plan = await planned(self.history.connection, sites, about=SITE, title=SITE, by_owner=by_owner)
        write_plan_book(self.path, plan, Language("ja"))

    def fill(self, fault: str, **cells: Any) -> None:
        """Write into the line of a defect."""
        opened = openpyxl.load_workbook(self.path)
        sheet = opened.worksheets[1]
        number = self.history.defects[fault]
        line = next(row[0].row for row in sheet.iter_rows(min_row=2) if row[1].value == number)
        for column, value in cells.items():
            sheet[f"{COLUMN[column]}{line}"] = value
        opened.save(self.path)

    async def read(self) -> list[Change]:
        return read_plan_book(self.path, SITE, await self.listed())

    async def take_in(self, who: str = "鈴木") -> int:
        changes = await self.read()
        for each in changes:
            await book.plan(self.history.connection, each.defect, who, each.plan)
        return len(changes)

    async def plan_of(self, fault: str) -> tuple[State, Plan]:
        found = (await self.listed())[self.history.defects[fault]]
        return found.state, found.plan


@asynccontextmanager
async def desk_in(database: Database, tmp_path: Path) -> AsyncIterator[Desk]:
    async with history_in(database) as history:
        pages = {"/1": {"a": 1}, "/2": {"a": 1, "c": 2}, "/3": {"a": 1, "c": 1, "d": 1}, "/4": {"d": 1}}
        await reconcile(
            history.connection, await history.sweep(pages, rules=["image-alt", "label", "color-contrast"])
        )
        desk = Desk(history, tmp_path / "plan.xlsx")
        await desk.write()
        yield desk


async def test_the_lines_stand_in_the_order_of_repair_and_say_what_it_reaches(
    database: Database, tmp_path: Path
) -> None:
    async with desk_in(database, tmp_path) as desk:
        rows = list(openpyxl.load_workbook(desk.path).worksheets[1].iter_rows(min_row=2, values_only=True))
        lines = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
        assert [(each["rank"], each["clean"], each["share"]) for each in lines] == [
            (1, 1, "25.0%"), (2, 2, "50.0%"), (3, 4, "100.0%"),
        ]  # fmt: skip
        assert lines[0]["id"] == desk.history.defects["a"]
        assert await desk.read() == []  # as it was written, it changes nothing


async def test_what_people_fill_is_taken_in_and_what_they_delete_taken_back(
    database: Database, tmp_path: Path
) -> None:
    async with desk_in(database, tmp_path) as desk:
        desk.fill("a", owner="広報課", due_on="2026/12/1", way="ひな形を直す")
        desk.fill("c", owner="情報システム課", due_on=datetime(2027, 1, 31))
        assert await desk.take_in() == 2
        assert await desk.plan_of("a") == (
            State.PLANNED, Plan(owner="広報課", due_on=date(2026, 12, 1), way="ひな形を直す"),
        )  # fmt: skip
        assert (await desk.plan_of("c"))[1].due_on == date(2027, 1, 31)
        assert await desk.take_in() == 0  # twice is once
        desk.path.unlink()
        await desk.write()
        desk.fill("a", owner=None, due_on=None, way=None)
        assert await desk.take_in() == 1
        assert await desk.plan_of("a") == (State.FOUND, Plan(owner=None, due_on=None, way=None))


async def test_two_teams_fill_one_workbook_and_neither_writes_over_the_other(
    database: Database, tmp_path: Path
) -> None:
    async with desk_in(database, tmp_path) as desk:
        empty = desk.path.read_bytes()
        desk.fill("a", owner="広報課")
        assert await desk.take_in() == 1
        desk.path.write_bytes(empty)
        desk.fill("c", owner="建設局")
        assert await desk.take_in() == 1
        assert (await desk.plan_of("a"))[1].owner == "広報課"
        desk.path.write_bytes(empty)
        desk.fill("a", owner="環境局")
        with pytest.raises(UsageError) as refused:
            await desk.read()
        assert f"改善計画!{COLUMN['owner']}2: 書き出した後に、ほかの人が" in refused.value.ja


def _set(cell: str, value: Any) -> Callable[[Any], None]:
    return lambda sheet: sheet.__setitem__(cell, value)


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (_set(f"{COLUMN['due_on']}2", "来月"), f"改善計画!{COLUMN['due_on']}2: 期限は"),
        (_set(f"{COLUMN['due_on']}2", "2026-02-30"), f"改善計画!{COLUMN['due_on']}2: 期限は"),
        (_set(f"{COLUMN['way']}3", "ラベル"), f"改善計画!{COLUMN['owner']}3: 期限や直し方を書くときは"),
        (_set(f"{COLUMN['id']}3", 99999), f"改善計画!{COLUMN['id']}3: この行がどの欠陥の"),
        (_set(f"{COLUMN['key']}3", "x"), f"改善計画!{COLUMN['id']}3: この行がどの欠陥の"),
        (lambda sheet: sheet.delete_cols(3), "改善計画!C1: この列の見出しが違います"),
    ],
)
async def test_a_cell_that_cannot_be_right_is_named_and_nothing_is_taken(
    database: Database, tmp_path: Path, spoil: Callable[[Any], None], said: str
) -> None:
    async with desk_in(database, tmp_path) as desk:
        desk.fill("a", owner="広報課")
        opened = openpyxl.load_workbook(desk.path)
        spoil(opened.worksheets[1])
        opened.save(desk.path)
        with pytest.raises(UsageError) as refused:
            await desk.read()
        assert said in refused.value.ja
        assert "何も保存していません" in refused.value.ja


async def test_a_defect_that_is_said_to_be_repaired_is_not_planned_anew_by_an_old_workbook(
    database: Database, tmp_path: Path
) -> None:
    async with desk_in(database, tmp_path) as desk:
        found = (await desk.listed())[desk.history.defects["a"]]
        await book.say_repaired(desk.history.connection, found, "佐藤", None)
        desk.fill("a", owner="広報課")
        with pytest.raises(UsageError, match="said to be repaired"):
            await desk.read()


async def test_another_sites_plan_and_what_is_no_plan_are_refused(database: Database, tmp_path: Path) -> None:
    async with desk_in(database, tmp_path) as desk:
        with pytest.raises(UsageError, match="plan of another site"):
            read_plan_book(desk.path, "https://else.lg.jp/", await desk.listed())
        openpyxl.Workbook().save(desk.path)
        with pytest.raises(UsageError, match="is not a workbook that"):
            await desk.read()


async def test_what_is_excepted_is_not_to_be_repaired_and_stands_on_a_sheet_of_its_own(
    database: Database, tmp_path: Path
) -> None:
    async with desk_in(database, tmp_path) as desk:
        history = desk.history
        said = Said(
            reason=ExceptionReason.PLANNED_RENEWAL,
            text="=次の改修で直す",
            person="田中",
            until=today() + timedelta(days=9),
        )
        defect = await book.one(history.connection, history.defects["a"])
        await excepting.except_defects(history.connection, said, [defect])
        desk.path.unlink()
        await desk.write()
        opened = openpyxl.load_workbook(desk.path)
        lines = list(opened.worksheets[1].iter_rows(min_row=2, values_only=True))
        assert [line[1] for line in lines] == [history.defects["c"], history.defects["d"]]
        [excepted] = list(opened["例外"].iter_rows(min_row=2))
        assert (excepted[1].value, excepted[8].value) == ("有効", "改修の予定")
        assert (excepted[9].value, excepted[9].data_type) == ("=次の改修で直す", "s"), "a text, no formula"
        assert await desk.read() == []


async def test_a_plan_says_what_its_lines_are_of_and_how_it_is_taken_in(database: Database, tmp_path: Path) -> None:
    """Lines that are grouped by owner stand in another order than the one that cleans: "up to here" is no line's place."""
    async with desk_in(database, tmp_path) as desk:
        await book.plan(
            desk.history.connection,
            (await desk.listed())[desk.history.defects["d"]], "鈴木", Plan(owner="広報課", due_on=None, way=None),
        )  # fmt: skip
        last: Truth = {"/1": {"a": 1}, "/2": {"a": 1, "c": 2}, "/9": {}}
        await reconcile(desk.history.connection, await desk.history.sweep(last, lost=["/9"]))
        said: dict[bool, str] = {}
        for by_owner in (False, True):
            await desk.write(by_owner=by_owner)
            opened = openpyxl.load_workbook(desk.path)
            about, sheet = opened.worksheets[:2]
            said[by_owner] = "\n".join(str(row[0].value) for row in about.iter_rows())
            ranks = [sheet[f"{COLUMN['rank']}{line}"].value for line in range(2, sheet.max_row + 1)]
            assert (ranks == sorted(ranks)) is not by_owner
            elements = {
                sheet[f"{COLUMN['id']}{line}"].value: sheet[f"{COLUMN['element']}{line}"].value
                for line in range(2, 5)
            }
            assert elements[desk.history.defects["a"]] == '<img src="a.png">'
            assert "「順」がその行の番号まで" in said[by_owner]
            assert "4ページ" in said[by_owner]
            assert "2ページは、最後の調査では見ていません" in said[by_owner]
            assert "3ページのうち2ページ" in said[by_owner], "of /9, which was never audited, nothing is known"
        assert "jisweep defects import" in said[False]
        assert "jisweep cycle import" in said[True]
        assert "担当ごと" in said[True]
