"""The CSV files read back to what the rows hold."""

from pathlib import Path

import pandas as pd
import sqlalchemy as sa

from db.database import Database
from db.tables import Finding, Visit
from reports.clean import FORMULA
from reports.report import write_report
from tests.reports import rows


def table(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, encoding="utf-8-sig", dtype=str, keep_default_na=False)


async def test_every_finding_and_every_address_is_a_line(database: Database, sweep: int, report: Path) -> None:
    async with database.reading() as connection:
        findings = await connection.scalar(sa.select(sa.func.count(Finding.id)))
        visits = await connection.scalar(sa.select(sa.func.count(Visit.id)).where(Visit.sweep_id == sweep))
    assert len(table(report / "findings.csv")) == findings
    assert len(table(report / "pages.csv")) == visits


async def test_files_open_in_a_japanese_spreadsheet(report: Path) -> None:
    for name in ("findings.csv", "pages.csv"):
        start = (report / name).read_bytes()[:600]
        assert start.startswith(b"\xef\xbb\xbf")
        assert b"\r\n" in start


async def test_no_cell_is_a_formula(report: Path) -> None:
    for name in ("findings.csv", "pages.csv"):
        cells = table(report / name).to_numpy().ravel()
        assert not [cell for cell in cells if cell.startswith(FORMULA)]


async def test_hostile_snippets_come_back_marked_as_text(report: Path) -> None:
    findings = table(report / "findings.csv")
    snippets = list(findings["HTML"])
    assert "'=cmd|'/c calc'!A1" in snippets
    assert "<script>alert(1)</script>" in snippets
    assert "改⟨U+202E⟩行⟨U+200B⟩逆順␛[31m" in snippets
    assert "改⟨U+202E⟩行⟨U+200B⟩逆␀順␛[31m" in list(findings["要素の場所"])


async def test_numbers_have_no_decimal_point(report: Path) -> None:
    pages = table(report / "pages.csv")
    assert set(pages["HTTP状態"]) <= {"200", "404", ""}
    audited = pages[pages["状態"] == "検査済み"]
    assert list(audited["ページ番号"]) == [str(number) for number in range(1, 9)]
    assert list(audited["問題の箇所"])[:2] == ["32", "18"]


async def test_lines_lead_to_their_report(report: Path) -> None:
    for link in table(report / "findings.csv")["報告"]:
        file, _, anchor = link.partition("#")
        assert f'id="{anchor}"' in (report / file).read_text()


async def test_many_rows_are_written_in_pieces_with_one_header(database: Database, tmp_path: Path) -> None:
    sweep = await rows.census(database, 700)
    out = (await write_report(database, sweep, tmp_path / "many", "en")).parent
    findings = table(out / "findings.csv")
    assert len(findings) > 5000
    assert not (findings["page"] == "page").any()
