"""`jisweep organisation` and `jisweep trend`: tables in, what is said, what is refused, and the same numbers everywhere."""

import asyncio
import csv
import io
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from db.database import Database
from db.schema import ready
from db.tables import Judgement, Site, Visit
from db.words import DefectState as S
from db.words import JudgementOutcome
from tests.audits.trending import FIRST, Histories
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused

TABLE = """組織,上位組織,サイト
東京都,,
総務局,東京都,https://soumu.example.lg.jp/
環境局,東京都,https://kankyo.example.lg.jp/
環境局,東京都,https://mada.example.lg.jp/
"""
SOUMU, KANKYO, MADA = (f"https://{name}.example.lg.jp/" for name in ("soumu", "kankyo", "mada"))
DAYS = ("--from", "2026-04-01", "--to", "2026-09-30")


def in_rows(program: Program, work: Callable[[Histories], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            async with database.writing() as connection:
                await work(Histories(connection=connection))

    asyncio.run(run())


async def histories(rows: Histories) -> None:
    """Two sites over five months, the second under new rules from August on; the third was never swept."""
    known = dict((await rows.connection.execute(sa.select(Site.address, Site.id))).all())
    soumu, kankyo = known[SOUMU], known[KANKYO]
    for month in range(5):
        day = date(2026, 4 + month, 10)
        await rows.sweeps([soumu], day, {"image-alt": range(30 - 6 * month), "label": range(3)}, pages=40)
        rules = {"rule_set": "new"} if month == 4 else {}
        await rows.sweeps([kankyo], day, {"image-alt": range(5)}, pages=10, **rules)
    await rows.life(soumu, "a", [(FIRST, S.FOUND), (FIRST + timedelta(days=61), S.CONFIRMED)])
    await rows.life(soumu, "b", [(FIRST, S.FOUND)])
    await rows.life(kankyo, "c", [(FIRST, S.FOUND), (FIRST + timedelta(days=30), S.UNVERIFIED)])


@pytest.fixture
def swept(program: Program) -> Program:
    (program.folder / "sites.csv").write_bytes(TABLE.encode("cp932"))
    assert program.run("organisation", "import", "sites.csv").code == 0
    in_rows(program, histories)
    return program


def test_the_tree_comes_in_and_is_listed(program: Program) -> None:
    (program.folder / "sites.csv").write_bytes(TABLE.encode("cp932"))
    dry = program.run("organisation", "import", "sites.csv", "--dry-run")
    assert dry.code == 0, dry.err
    assert "まだ何も保存していません：組織 3件とサイト 3件を加え" in dry.out
    assert "組織はまだありません" in program.run("organisation", "list").out
    made = program.run("organisation", "import", "sites.csv", "--json").object
    assert (made["kept"], len(made["organisations"]), len(made["sites"])) == (True, 3, 3)
    assert program.run("organisation", "import", "sites.csv", "--json").object["unchanged"] == 3
    assert program.run("organisation", "list").out.splitlines() == [
        "東京都（3サイト）", "  環境局（2サイト）", f"    {KANKYO}", f"    {MADA}", "  総務局（1サイト）", f"    {SOUMU}",
    ]  # fmt: skip
    (program.folder / "wrong.csv").write_text(
        "organisation,site\nA,nowhere\n,https://a.example/\nB,https://b.example/\n"
    )
    ended = program.run("organisation", "import", "wrong.csv", "--lang", "en")
    assert (ended.code, ended.out) == (2, "")
    assert [line.strip() for line in ended.err.splitlines()][1:] == [
        "line 2: 'nowhere' is no address of a site", "line 3: the name of an organisation is missing",
    ]  # fmt: skip
    assert "A" not in program.run("organisation", "list", "--json").out


def test_a_sites_trend_by_every_way_out(swept: Program) -> None:
    shown = swept.run("trend", SOUMU, *DAYS, "--target", "10%", "--by", "2026-10-31")
    assert (shown.code, shown.err) == (0, "")
    lines = shown.out.splitlines()
    assert (
        "2026年4月10日（調査 1）：75.0%（40ページのうち検査できた40ページに30ページ、全ページを数えた実数）"
        in lines
    )
    assert (
        "2026年8月10日（調査 9）：15.0%（40ページのうち検査できた40ページに6ページ、全ページを数えた実数）" in lines
    )
    assert lines[-3].startswith(
        "欠陥：見つかった 2（うち新しく調べた規則によるもの 0）、直ったことを確認 1、再発 0。未対応は 0 から 1 に。"
    )
    assert "少なくとも" not in lines[-2]
    assert lines[-1].startswith("予測：このまま続けば、2026年10月31日に")
    told = swept.run("trend", SOUMU, *DAYS, "--target", "10", "--by", "2026-10-31", "--json").object
    assert [each["estimate"]["rate"] for each in told["points"]] == [0.75, 0.6, 0.45, 0.3, 0.15]
    assert {each["line"] for each in told["points"]} == {0}
    assert told["points"][0]["criteria"]["4.1.2"]["problem_pages"] == 3
    assert told["defects"]["whole"]["open_at_end"] == 1
    assert told["repair"]["median_days"] == 61.0
    assert 0 < told["forecast"]["low"] < told["forecast"]["rate"] < told["forecast"]["high"] < 1
    table = list(csv.DictReader(io.StringIO(swept.run("trend", SOUMU, *DAYS, "--csv").out.removeprefix("\ufeff"))))
    assert [float(row["割合（ページで重み付け）"]) for row in table] == [0.75, 0.6, 0.45, 0.3, 0.15]
    one = swept.run("trend", SOUMU, *DAYS, "--criterion", "4.1.2", "--json").object
    assert {each["estimate"]["rate"] for each in one["points"]} == {0.075}
    assert (
        "言えません"
        in swept.run("trend", SOUMU, *DAYS, "--target", "10", "--by", "2027-10-31").out.splitlines()[-1]
    )


async def judge(rows: Histories) -> None:
    """Two criteria of the first sweep, judged on all of its pages."""
    visits = await rows.connection.scalars(sa.select(Visit.id).where(Visit.sweep_id == 1))
    said = {"1.1.1": JudgementOutcome.NOT_MET, "1.2.1": JudgementOutcome.NOT_APPLICABLE}
    row = {"person": "田中", "at": datetime(2026, 4, 20, tzinfo=UTC)}
    judgements = [
        {**row, "visit_id": visit, "criterion": number, "outcome": outcome}
        for visit in visits
        for number, outcome in said.items()
    ]
    await rows.connection.execute(sa.insert(Judgement), judgements)


def test_what_people_have_judged_is_told_in_the_terminal_and_the_table_too(swept: Program) -> None:
    in_rows(swept, judge)
    judged = (
        f"人の判定 2026年4月10日（調査 1、{SOUMU}、JIS X 8341-3:2016 AA）：満たさない 1.1.1。満たす 0、該当なし 1、"
        "未判定 36（達成基準 38 のうち）。試験は終わっていない"
    )
    for name in (SOUMU, "東京都"):
        assert swept.run("trend", name, *DAYS).out.splitlines().count(judged) == 1
        text = swept.run("trend", name, *DAYS, "--csv").out.removeprefix("\ufeff")
        table = [row for row in csv.DictReader(io.StringIO(text)) if row["人の判定：試験"]]
        assert [(row["調査"], row["人の判定：満たさない達成基準"], row["人の判定：未判定"]) for row in table] == [
            ("1", "1.1.1", "36")
        ]


def test_an_organisations_trend_names_what_is_missing_and_where_it_breaks(swept: Program) -> None:
    told = swept.run("trend", "東京都", *DAYS, "--json").object
    april, *_, august, september = told["together"]
    assert april["rates"]["weighted_by_pages"]["rate"] == round(35 / 50, 4)
    assert april["rates"]["unweighted"]["rate"] == round((0.75 + 0.5) / 2, 4)
    assert (april["rates"]["sites"], april["sites_of"]) == (2, 3)
    assert april["missing"] == [{"site": MADA, "why": "not_swept"}]
    assert (august["breaks"], august["broken"]) == (["sites"], {})
    assert august["missing"] == [{"site": MADA, "why": "not_swept"}, {"site": KANKYO, "why": "rule_set"}]
    assert (august["rates"]["sites"], august["comparable"]["after"]["sites"]) == (1, 1)
    assert (september["rates"], september["line"]) == (None, None)
    assert len(september["missing"]) == 3
    shown = swept.run("trend", "東京都", *DAYS, "--lang", "en").out
    assert "weighted by pages 70.0%" in shown
    assert "unweighted 62.5%" in shown
    assert "2 of 3 sites" in shown
    assert "── the line breaks here (other sites" in shown
    assert f"  {MADA} (no sweep in this period)" in shown.splitlines()
    assert (
        swept.run("trend", "環境局", *DAYS, "--every", "year", "--json").object["together"][0]["rates"]["sites"]
        == 1
    )


def test_a_page_and_a_folder(swept: Program) -> None:
    page = "https://s1.example.lg.jp/0"
    told = swept.run("trend", SOUMU, "--page", page, *DAYS, "--json").object
    assert (told["kind"], told["page"]["address"]) == ("page", page)
    assert [each["places"] for each in told["page"]["looks"]] == [2] * 5
    assert told["page"]["looks"][0]["criteria"] == ["1.1.1", "4.1.2"]
    assert "2026年4月10日（調査 1）：2か所（1.1.1 4.1.2）" in swept.run("trend", SOUMU, "--page", page, *DAYS).out
    written = swept.run("trend", "東京都", *DAYS, "--out", "trend")
    assert written.code == 0, written.err
    folder = Path(written.out.strip().removeprefix("書き出しました: ")).parent
    names = {
        "index.html",
        "report.css",
        "trend.csv",
        "criteria.csv",
        "flow.csv",
        "trend.json",
        "jisweep-report.json",
    }
    assert {each.name for each in folder.iterdir()} == names
    assert (
        json.loads((folder / "trend.json").read_text(encoding="utf-8"))
        == swept.run("trend", "東京都", *DAYS, "--json").object
    )


def test_what_cannot_be_asked_is_refused_in_one_line(swept: Program) -> None:
    japanese, english = refused(swept, 2, "trend", SOUMU, "--target", "10%")
    assert "--by" in japanese
    assert "--by" in english
    for words in (
        ("水道局",),
        ("https://other.example/",),
        ("東京都", "--page", f"{SOUMU}1"),
        (SOUMU, "--page", f"{SOUMU}nowhere"),
        (SOUMU, "--page", "https://s1.example.lg.jp/0", "--target", "10%", "--by", "2027-01-01"),
        (SOUMU, "--from", "2026-09-01", "--to", "2026-08-01"),
        (SOUMU, "--criterion", "9.9.9"),
        (SOUMU, "--target", "much", "--by", "2027-01-01"),
    ):
        one_refusal(swept, 2, "trend", *words)
