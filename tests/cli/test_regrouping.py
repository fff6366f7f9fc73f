"""`jisweep defects merge` and `split` on rows of one sweep."""

import asyncio
from pathlib import Path

import pytest
from openpyxl import load_workbook

from audits.defects.reconcile import reconcile
from db.database import Database
from db.schema import ready
from tests.audits.test_reconcile import history_in
from tests.cli.program import Program
from tests.cli.refusals import one_refusal

URL = "https://www.example.lg.jp/"
SAID = ("--by", "鈴木", "--note", "同じひな形")


@pytest.fixture
def swept(program: Program) -> Program:
    """A site with defect 1 on three pages, and 2, of the same rule, on one."""

    async def begin() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            async with history_in(database) as history:
                pages = {"/1": {"a": 2}, "/2": {"a": 1, "b": 1}, "/3": {"a": 1}}
                await reconcile(history.connection, await history.sweep(pages))

    asyncio.run(begin())
    return program


def test_merged_split_by_pages_and_taken_back_with_who_and_why(swept: Program, tmp_path: Path) -> None:
    book = tmp_path / "plan.xlsx"
    assert swept.run("defects", "export", URL, "-o", str(book)).code == 0
    merged = swept.run("defects", "merge", "1", "2", *SAID)
    assert merged.code == 0, merged.err
    assert "5か所" in merged.out
    assert "2 を 1 に合わせた 鈴木 同じひな形" in swept.run("defects", "show", "2").out
    shown = swept.run("defects", "show", "2", "--json").object
    assert (shown["id"], shown["names"], shown["places"]) == (1, [2], 5)
    assert [(each["act"], each["other"], each["why"]) for each in shown["regrouped"]] == [
        ("merged", 2, "同じひな形")
    ]
    sheet = load_workbook(book)
    lines = {row[1].value: row for row in sheet.worksheets[1].iter_rows(min_row=2)}
    lines[2][-4].value = "広報課"
    sheet.save(book)
    imported = swept.run("defects", "import", URL, str(book), "--by", "鈴木")
    assert imported.code == 0, imported.err
    assert "担当 広報課" in swept.run("defects", "show", "1").out, "a line by the number that was merged"
    parted = swept.run("defects", "split", "1", "--on", "/3*", *SAID, "--lang", "en")
    assert parted.code == 0, parted.err
    listed = {each["id"]: each for each in swept.run("defects", "list", URL, "--json").object["defects"]}
    assert {number: (each["places"], each["owner"]) for number, each in listed.items()} == {
        1: (4, "広報課"), 3: (1, "広報課"),
    }  # fmt: skip
    assert swept.run("defects", "split", "2", *SAID).code == 0
    listed = {each["id"]: each for each in swept.run("defects", "list", URL, "--json").object["defects"]}
    assert {number: each["places"] for number, each in listed.items()} == {1: 3, 2: 1, 3: 1}
    life = swept.run("defects", "show", "1", "--lang", "en").out
    assert "2 was taken out of 1 again 鈴木 同じひな形" in life
    assert "3 was split off from 1 by pages" in life


def test_what_makes_no_sense_is_refused_in_one_line_and_nothing_is_written(swept: Program) -> None:
    before = swept.run("defects", "list", URL, "--json").out
    assert "--on" in one_refusal(swept, 2, "defects", "split", "1", *SAID)
    assert "no defect 3" in one_refusal(swept, 2, "defects", "merge", "1", "3", *SAID)
    assert "--note" in one_refusal(swept, 2, "defects", "merge", "1", "2", "--by", "鈴木", "--note", " ")
    assert "--by" in one_refusal(swept, 2, "defects", "merge", "1", "2", "--by", "jisweep", "--note", "x")
    assert "show 1" in one_refusal(swept, 2, "defects", "split", "1", "--on", "/9", *SAID)
    assert swept.run("defects", "list", URL, "--json").out == before
