"""Keeping times and disposal on the command line."""

import asyncio
import csv
import io
from hashlib import sha256
from pathlib import Path

from db.database import Database
from tests.audits.kept import years
from tests.cli.program import Program
from tests.cli.refusals import refused


def put_in(path: Path) -> None:
    """A site with five sweeps of as many years, three of them past their terms."""

    async def go() -> None:
        async with Database(str(path)) as database:
            await years(database)

    asyncio.run(go())


def test_evidence_is_planned_disposed_of_and_recorded(program: Program) -> None:
    put_in(program.database)
    assert "まだ何も廃棄していません" in program.run("retention", "show").out
    plan = program.run("retention", "plan", "--json").object
    assert {(each["kind"], each["year"], each["items"]) for each in plan["going"] if each["kind"] == "pictures"} == {
        ("pictures", 2019, 5), ("pictures", 2020, 4), ("pictures", 2021, 5),
    }  # fmt: skip
    assert {"kind": "places", "year": 2020, "why": "shared", "number": 1} in plan["held"]
    assert "Nothing was deleted" in program.run("retention", "plan", "--lang", "en").out
    refused(program, 2, "retention", "run")
    refused(program, 2, "retention", "run", "--as", "佐藤", "--pictures", "soon")
    refused(program, 2, "retention", "run", "--as", "佐藤", "--site", "https://nowhere.example.lg.jp/")
    said = program.run("retention", "run", "--as", "佐藤", JISWEEP_RETENTION_PLACES="1y")
    assert (said.code, "下限 3y より短いです" in said.said[0]) == (2, True)
    assert program.run("retention", "record", "--json").object["record"] == []

    done = program.run("retention", "run", "--as", "佐藤", "--only", "pictures", "--json")
    assert (done.code, done.object) == (
        0,
        {"disposed": [{"kind": "pictures", "results": 14, "items": 14, "bytes": 112}]},
    )
    assert program.run("report", "1", "--out", "report").code == 0  # pictures are not its grounds
    page = (program.folder / "report" / "pages" / "1.html").read_text(encoding="utf-8")
    assert "画像の証跡は" in page
    done = program.run(
        "retention", "run", "--as", "佐藤", "--site", "https://www.example.metro.tokyo.lg.jp/", "--places", "1y", "--why", "局の表 12"
    )  # fmt: skip
    assert done.code == 0
    refused(program, 2, "report", "1", "--out", "report")
    refused(program, 2, "export", "1", "--as", "json", "-o", "one.json")
    assert program.run("report", "5", "--out", "other").code == 0
    record = program.run("retention", "record", "--json").object["record"]
    assert {(each["kind"], each["term"], each["minimum"], each["why"]) for each in record} == {
        ("pictures", "3y", "3y", None), ("texts", "3y", "3y", None), ("places", "1y", "3y", "局の表 12"),
    }  # fmt: skip
    rows = list(csv.reader(io.StringIO(program.run("retention", "record", "--csv").out.removeprefix("\ufeff"))))
    assert (len(rows) - 1, rows[1][3], rows[1][-1]) == (len(record), "佐藤", record[0]["digest"])
    names = program.run("retention", "record", "--names", str(record[0]["id"])).out
    assert sha256(names.encode()).hexdigest() == record[0]["digest"]
    assert len([each for each in names.splitlines() if each.startswith("picture ")]) == record[0]["items"]
    refused(program, 2, "retention", "record", "--names", "99")
    assert "根拠：局の表 12" in program.run("retention", "record").out
    assert program.run("retention", "plan", "--json").object["going"] == []
