"""What the report says is what the rows hold."""

import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as Html

import reports.report
import reports.site_view
from audits.conclude import conclude
from audits.statistics.finite import interval
from db.database import Database
from db.errors import StorageError, UsageError
from db.tables import Result, Sweep, Visit
from db.words import Reason, SweepState, VisitState
from reports.language import Language
from reports.report import write_report, written_report
from tests.reports import rows


def html(path: Path) -> Html:
    return Html(path.read_text(encoding="utf-8"))


def lines(tree: Html, caption: str) -> list[list[str]]:
    """The cells of the body of the table with this caption."""
    table = next(found for found in tree.css("table") if caption in found.css_first("caption").text())
    return [[" ".join(cell.text().split()) for cell in row.css("th, td")] for row in table.css("tbody tr")]


def text(path: Path) -> str:
    body = html(path).body
    assert body is not None
    return " ".join(body.text().split())


async def test_the_first_page_shows_the_conclusion(database: Database, sweep: int, report: Path) -> None:
    conclusion = await conclude(database, sweep)
    estimate = conclusion.estimate
    assert estimate is not None
    assert (conclusion.problem_pages, conclusion.audited, conclusion.places) == (3, 8, 51)
    shown = text(report / "index.html")
    assert "検査した8ページのうち3ページ" in shown
    assert "37.5%" in shown
    assert "51か所" in shown
    assert f"{estimate.low:.1%}〜{estimate.high:.1%}" in shown
    assert f"選んだ{conclusion.selected}ページのうち（把握した{conclusion.known}ページ）" in shown
    for promise in (
        "試験結果ではありません",
        "総務省の調査結果と比べることはできません",
        "「満たしている」とは判定しません",
    ):
        assert promise in shown


async def test_drawn_pages_that_were_lost_widen_the_interval(database: Database, sweep: int) -> None:
    said = (await conclude(database, sweep)).estimate
    assert said is not None
    lost = said.drawn - said.audited
    assert lost > 0
    assert said.low == interval(said.frame, said.drawn, said.problem_pages)[0]
    assert said.high == interval(said.frame, said.drawn, said.problem_pages + lost)[1]
    low, high = interval(said.frame, said.audited, said.problem_pages)
    assert said.low <= low < high < said.high


async def test_the_criteria_table_shows_all_38_and_none_as_met(
    database: Database, sweep: int, report: Path
) -> None:
    conclusion = await conclude(database, sweep)
    shown = lines(html(report / "index.html"), "達成基準と、機械検査の結果")
    assert len(shown) == 38
    assert [row[0].split()[0] for row in shown] == [count.number for count in conclusion.criteria]
    by_number = {row[0].split()[0]: row[1:] for row in shown}
    assert by_number["1.1.1"] == ["A", "×機械検査で問題あり", "1 / 8", "2.6%〜61.5%", "26", "0"]
    assert by_number["1.4.3"] == ["AA", "×機械検査で問題あり", "1 / 8", "2.6%〜61.5%", "4", "1"]
    assert by_number["1.2.2"] == [
        "A",
        "–機械では検出なし（人の判断が必要）",
        "0 / 8",
        f"0.0%〜{interval(39, 8, 1)[1]:.1%}",
        "0",
        "0",
    ]
    assert by_number["1.2.1"] == ["A", "/機械検査の対象外（人の判断が必要）", "–", "–", "–", "–"]


async def test_page_reports_add_up_to_the_first_page(report: Path) -> None:
    listed = lines(html(report / "index.html"), "検査したページの一覧")
    assert [row[0] for row in listed] == [str(number) for number in range(1, 9)]
    assert sum(int(row[3]) for row in listed) == 51
    for row in listed:
        figures = [figure.text() for figure in html(report / f"pages/{row[0]}.html").css(".card .figure")]
        assert figures[:3] == [f"{row[3]}か所", f"{row[4]}項目", f"{row[5]}か所"]


async def test_a_page_is_dated_by_its_own_sweep_also_where_its_result_is_older(
    database: Database, sweep: int, tmp_path: Path
) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.update(Result).values(taken_at=rows.START - timedelta(days=365)))
        later = sa.update(Visit).where(Visit.result_id.is_not(None))
        await connection.execute(later.values(audited_at=rows.START + timedelta(minutes=20)))
    await write_report(database, sweep, tmp_path / "report", "ja")
    shown = text(tmp_path / "report" / "pages" / "1.html")
    assert "2026年7月4日 0:50（日本標準時）" in shown
    assert "2025年" not in shown
    table = pd.read_csv(tmp_path / "report" / "pages.csv", encoding="utf-8-sig", dtype=str)
    assert set(table["検査日時"].dropna()) == {"2026-07-04 00:50:00"}


async def test_best_practices_stand_apart(report: Path) -> None:
    faults = lines(html(report / "index.html"), "問題の種類ごと")
    advice = lines(html(report / "index.html"), "推奨事項の種類ごと")
    assert faults[0][1:4] == ["1.1.1", "1", "26"]
    assert "レベルAAAのみ" in faults[-1][0]
    assert [row[1] for row in advice] == ["なし"] * 3
    assert "見出し" not in " ".join(row[0] for row in faults)


async def test_unaudited_addresses_are_counted_and_never_cut_in_silence(report: Path) -> None:
    counts = {row[0]: row[1] for row in lines(html(report / "index.html"), "検査していない理由ごと")}
    assert counts["見つからない（404など）のアドレスを見る"] == "203"
    assert counts["ブラウザーが異常終了のアドレスを見る"] == "1"
    assert counts["選ばなかったページ"] == "30"
    assert "全203件のうち、初めの200件" in text(report / "unaudited.html")


async def test_the_sample_is_listed_in_the_order_of_the_draw(report: Path) -> None:
    tree = html(report / "sample.html")
    representative, random = lines(tree, "代表するページ"), lines(tree, "無作為に選んだページ")
    assert [row[0] for row in representative] == ["1", "2"]
    assert representative[0][2] == "トップページ、緊急・災害情報、テンプレート3の代表"
    assert [row[0] for row in random] == [str(rank) for rank in range(1, 9)]
    assert random[1][2] == "検査できず（ブラウザーが異常終了）"
    assert random[2][1].endswith("https://www.example.metro.tokyo.lg.jp/")


async def test_exclusions_are_shown_with_reason_and_count(report: Path) -> None:
    shown = {row[0]: row[1:] for row in lines(html(report / "index.html"), "除外した範囲と理由")}
    assert shown["古い資料で元データがないため"] == ["/kako//archive/*.html", "1"]
    assert shown["外部サービス<b>"] == ["/widget/", "0"]


async def test_an_incomplete_sweep_says_so_and_what_to_do(report: Path) -> None:
    shown = text(report / "index.html")
    assert "この調査は完了していません" in shown
    for reason in Reason:
        if reason.transient or reason.limit:
            assert Language("ja").say(f"reason_meaning.{reason.value}") in shown


async def test_a_page_names_what_no_rule_saw(report: Path) -> None:
    shown = text(report / "pages/1.html")
    assert "iframe#map › x-map » iframehttps://maps.example.com/ を読み込めませんでした。" in shown
    assert "変化の途中で検査しました" in shown
    assert "画像はページの上から2,000ピクセルまで" in shown


async def test_a_page_without_findings_promises_nothing(report: Path) -> None:
    shown = text(report / "pages/4.html")
    assert "機械検査では問題が見つかりませんでした。" in shown
    assert "人が判断してください" in shown
    assert "残りの38項目" in shown


async def test_every_marker_leads_to_its_place_and_back(report: Path) -> None:
    tree = html(report / "pages/1.html")
    marks = {mark.id: mark.attributes["href"] for mark in tree.css("a.marker")}
    backs = {link.attributes["href"] for link in tree.css("a.to-picture")}
    assert len(marks) == 34
    assert {f"#{mark}" for mark in marks} == backs
    assert all(tree.css_first(f"li{place}") for place in marks.values())
    assert len(tree.css("details li.place")) == 6


async def test_pictures_are_written_once_each(report: Path) -> None:
    used = set(re.findall(r"pictures/[0-9a-f]{64}\.png", "".join(p.read_text() for p in report.rglob("*.html"))))
    assert used == {f"pictures/{path.name}" for path in (report / "pictures").iterdir()}
    assert len(used) == 2


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_every_link_inside_leads_somewhere_and_nothing_comes_from_outside(
    database: Database, sweep: int, tmp_path: Path, lang: str
) -> None:
    out = (await write_report(database, sweep, tmp_path / lang, lang)).parent
    for path in out.rglob("*.html"):
        tree = html(path)
        assert tree.css_first("html").attributes["lang"] == lang
        assert len(tree.css("h1")) == 1
        ids = [found.id for found in tree.css("[id]")]
        assert len(ids) == len(set(ids))
        for found in tree.css("[src], link[href]"):
            source = found.attributes.get("src") or found.attributes["href"] or ""
            assert source == "data:," or (path.parent / source).is_file()
        for link in tree.css("a[href]"):
            target = link.attributes["href"] or ""
            if target.startswith("http"):
                assert "noreferrer" in (link.attributes["rel"] or "")
                continue
            file, _, anchor = target.partition("#")
            there = path.parent / file if file else path
            assert there.is_file(), target
            assert not anchor or html(there).css_first(f'[id="{unquote(anchor)}"]'), target


async def test_a_long_list_is_split_and_every_page_is_in_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (reports.site_view, reports.report):
        monkeypatch.setattr(module, "LIST", 20)
    sweep = await rows.census(database, 47)
    out = (await write_report(database, sweep, tmp_path / "census", "ja")).parent
    assert [link.attributes["href"] for link in html(out / "index.html").css("ul.columns a")] == [
        "list-1.html", "list-2.html", "list-3.html"
    ]  # fmt: skip
    numbers = [row[0] for part in (1, 2, 3) for row in lines(html(out / f"list-{part}.html"), "一覧（")]
    assert numbers == [str(number) for number in range(1, 48)]
    assert "全47ページ" in text(out / "list-3.html")
    assert "推定はしていません" in text(out / "index.html")
    assert not (out / "sample.html").exists()


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_a_sweep_that_audited_nothing_infers_nothing(database: Database, tmp_path: Path, lang: str) -> None:
    index = await write_report(database, await rows.unbegun(database), tmp_path / "report", lang)
    shown = text(index)
    assert "0.0%" not in shown
    assert Language(lang).say("criterion_state.unseen") in shown
    assert Language(lang).say("site.no_rate") in shown
    assert "jisweep resume 1" in shown


async def test_an_interrupted_sweep_says_how_to_go_on(database: Database, sweep: int, tmp_path: Path) -> None:
    async with database.writing() as connection:
        await connection.execute(sa.update(Sweep).values(state=SweepState.AUDITING))
    assert f"jisweep resume {sweep}" in text(await write_report(database, sweep, tmp_path / "report", "ja"))


async def test_an_unknown_sweep_is_a_usage_error(database: Database, tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        await write_report(database, 99, tmp_path / "report", "ja")
    assert not (tmp_path / "report").exists()


async def test_a_failure_half_way_leaves_the_old_report(
    database: Database, sweep: int, report: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = (report / "index.html").read_bytes()

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(StorageError, match="No space left"):
        await write_report(database, sweep, report, "en")
    assert (report / "index.html").read_bytes() == before
    assert [path.name for path in report.parent.iterdir() if "jisweep" in path.name] == []


async def test_what_the_further_edition_finds_stands_apart_and_in_no_rate(
    database: Database, sweep: int, tmp_path: Path
) -> None:
    before = await conclude(database, sweep)
    await rows.further(database, sweep)
    after = await conclude(database, sweep)
    out = (await write_report(database, sweep, tmp_path / "both", "ja")).parent
    assert (after.problem_pages, after.places, after.criteria) == (
        before.problem_pages,
        before.places,
        before.criteria,
    )
    assert after.revision is not None
    table = {row[0].split()[0]: row for row in lines(html(out / "revision.html"), "増える達成基準")}
    assert table["2.5.8"][4:] == ["1", "1"]
    assert table["3.3.8"][2:] == ["人だけ", "試しの入力", "–", "–"]
    first = (out / "pages" / "1.html").read_text(encoding="utf-8")
    assert "次の版の規格でだけ問題になる箇所" in first
    assert "2.5.8" in first
    assert "revision.html" in (out / "index.html").read_text(encoding="utf-8")


async def test_a_report_of_an_earlier_state_is_not_led_to_by_its_page_numbers(
    database: Database, sweep: int, report: Path
) -> None:
    """Pages that were audited anew may move all numbers: a link would show another page."""
    assert await written_report(database, sweep, report) == report
    async with database.writing() as connection:
        lost = sa.select(sa.func.min(Visit.id)).where(Visit.sweep_id == sweep, Visit.state == VisitState.AUDITED)
        ended = {"state": VisitState.UNAUDITED, "reason": Reason.CRASHED, "result_id": None}
        await connection.execute(sa.update(Visit).where(Visit.id == lost.scalar_subquery()).values(ended))
    with pytest.raises(UsageError, match="before pages were audited anew"):
        await written_report(database, sweep, report)
    await write_report(database, sweep, report, "ja")
    assert await written_report(database, sweep, report) == report
