"""`jisweep notation` and `jisweep publish` as they are typed: details, refusals, exit codes, both languages."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from openpyxl import load_workbook

from db.database import Database
from db.schema import ready
from reports.publish.documents import NAMES
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.reports.judged import ABSENT, DETAILS, NOT_MET, judged

STATED = "\n".join(f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in DETAILS.items())


def stored(program: Program, make: Callable[[Database], Awaitable[Any]]) -> None:
    """Put a test into the program's database."""

    async def fill() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            await make(database)

    asyncio.run(fill())


def details(program: Program, text: str = STATED) -> Path:
    path = program.folder / "details.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_notation_is_listed_set_published_and_taken_back(program: Program) -> None:
    stored(program, lambda database: judged(database, {"1.2.1": ABSENT}))
    listed = program.run("notation", "1")
    assert (listed.code, listed.err) == (0, "")
    assert "対応度は、まだだれも表記していません。" in listed.out
    assert "準拠：まだ使えません（足りないもの 5件）。" in listed.out
    file = details(program)
    assert "準拠：足りないものはありません。" in program.run("notation", "1", "--details", file).out
    kept = program.run("notation", "1", "--set", "準拠", "--by", "局長 佐藤", "--details", file)
    assert (kept.code, kept.err) == (0, ""), kept
    assert "「準拠」を、局長 佐藤の名前で残しました。" in kept.out
    told = program.run("notation", "1", "--json").object
    assert told["set"] | {"at": ""} == {"notation": "conforming", "by": "局長 佐藤", "at": "", "stands": True}
    assert told["notations"]["conforming"] == {"word": "準拠", "missing": []}
    published = program.run("publish", "1", "--out", "docs")
    assert (published.code, published.err) == (0, ""), published
    assert "JIS X 8341-3:2016 のレベルAAに準拠" in published.out
    assert {path.name for path in (program.folder / "docs").iterdir()} >= set(NAMES)
    assert "のレベルAAに準拠" in (program.folder / "docs" / "result.html").read_text(encoding="utf-8")
    back = program.run("notation", "1", "--set", "none", "--by", "次長", "--lang", "en")
    assert (back.code, back.out) == (0, "The notation is taken back in the name of 次長.\n")
    again = program.run("publish", "1", "--lang", "en")
    assert "No notation was set." in again.out
    assert (program.folder / "out" / "publish-1" / "result.html").is_file()


def test_what_may_not_be_set_is_refused_with_each_reason_and_what_to_do(program: Program) -> None:
    stored(program, lambda database: judged(database, {"1.1.1": NOT_MET, "1.3.1": None}))
    file = details(program)
    words = ("notation", "1", "--set", "準拠", "--by", "局長", "--details", file)
    ended = program.run(*words)
    assert (ended.code, ended.out) == (2, "")
    lines = ended.err.splitlines()
    assert lines[0] == "jisweep: 「準拠」は使えません。何も書き込んでいません。足りないもの 2件:"
    assert (
        lines[1]
        == "  - 達成基準のうち1項目に、判定していないページがあります（1.3.1）。判定のブックを書き出してください: jisweep judge export 1"
    )
    assert lines[2] == "  - 満たしていない達成基準が1項目あります（1.1.1）。直してから、新しい試験をしてください。"
    english = program.run(*words, "--lang", "en")
    assert english.code == 2
    assert "jisweep judge export 1" in english.err
    assert "conforming_" not in english.err
    assert "not_met" not in english.err
    assert program.run("notation", "1", "--json").object["set"] is None
    unfinished = program.run("publish", "1", "--out", "docs", "--details", file)
    assert unfinished.code == 3
    assert "未判定の達成基準が1項目" in unfinished.err


def test_a_notation_is_a_named_persons(program: Program) -> None:
    stored(program, judged)
    for words in (("--set", "準拠"), ("--set", "準拠", "--by", "  "), ("--by", "局長")):
        refused(program, 2, "notation", "1", *words)
    ja, en = refused(program, 2, "notation", "1", "--set", "適合", "--by", "x")
    assert "準拠" in ja
    assert "準拠" in en


def test_the_template_is_read_back_as_it_was_filled_in(program: Program) -> None:
    stored(program, judged)
    for lang in ("ja", "en"):
        path = program.folder / f"{lang}.toml"
        written = program.run("publish", "1", "--details-template", path, "--lang", lang)
        assert (written.code, written.err) == (0, ""), written
        assert program.run("publish", "1", "--details", path, "--out", f"docs-{lang}").code == 0
    text = (program.folder / "ja.toml").read_text(encoding="utf-8")
    assert 'site_name = "www.example.metro.tokyo.lg.jp"' in text
    assert 'level = "AA"' in text
    assert "/kako/（理由：元データがないため）" in text
    assert "2026年7月4日〜2026年7月6日" in text
    ja, _ = refused(program, 2, "publish", "1", "--details-template", program.folder / "ja.toml")
    assert "もうあります" in ja
    assert not (program.folder / "out").exists()


def test_a_details_file_that_is_wrong_is_refused_by_its_key(program: Program) -> None:
    stored(program, judged)
    ja, en = refused(program, 2, "publish", "1", "--details", details(program, 'polcy = "https://a.jp/"'))
    assert "「policy」ですか" in ja
    assert "did you mean policy?" in en
    refused(program, 2, "publish", "1", "--details", program.folder / "none.toml")
    assert not (program.folder / "out").exists()


def test_documents_go_only_where_nothing_else_is(program: Program) -> None:
    stored(program, judged)
    assert program.run("report", "1", "--out", "report").code in (0, 3)
    ja, _ = refused(program, 6, "publish", "1", "--out", "report")
    assert "別の報告書" in ja
    assert (program.folder / "report" / "index.html").is_file()
    refused(program, 2, "publish", "9")
    refused(program, 2, "notation", "9")


def test_what_a_workbook_says_is_told_as_kept_before_any_number_is_worked_out(program: Program) -> None:
    stored(program, lambda database: judged(database, {"1.3.1": None}))
    assert program.run("judge", "export", "1", "-o", "judge.xlsx").code == 0
    book = load_workbook(program.folder / "judge.xlsx")
    book.worksheets[0]["B2"] = "環境局 山田"
    line = next(row[0].row for row in book.worksheets[1].iter_rows() if row[0].value == "1.3.1")
    book.worksheets[1][f"H{line}"] = "適合"
    book.save(program.folder / "judge.xlsx")

    async def break_the_numbers(database: Database) -> None:
        async with database.writing() as connection:
            await connection.execute(sa.text("DROP TABLE note"))

    stored(program, break_the_numbers)
    ended = program.run("judge", "import", "1", "judge.xlsx")
    assert ended.code != 0, "the numbers cannot be read"
    assert ended.out.startswith("環境局 山田")
