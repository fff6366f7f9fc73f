"""`jisweep cycle` from its beginning to its closing report, and the order of repair with its reasons, on rows of two sites."""

import asyncio
import csv
import json
import shutil
import sys
from datetime import timedelta
from pathlib import Path

import openpyxl
import pytest

from audits.defects.cover import today
from db.database import Database
from jisweep import main
from tests.audits.test_cycles import Sites, pages
from tests.cli.program import Ended
from tests.cli.refusals import JAPANESE

A, B = "https://a.example.lg.jp/", "https://b.example.lg.jp/"
FIRST, LAST = today() - timedelta(days=40), today() + timedelta(days=40)
BEGIN = (
    "cycle", "begin", "第1回", "--from", FIRST.isoformat(), "--to", LAST.isoformat(), "--site", A, "--site", B,
    "--rate", "50", "--defects", "1",
)  # fmt: skip


class Here:
    """The front door in this process, in a folder of its own: nothing here needs a browser or a signal."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._patch, self._capsys = folder, monkeypatch, capsys
        monkeypatch.chdir(folder)

    def run(self, *words: str | Path) -> Ended:
        self._patch.setattr(sys, "argv", ["jisweep", *map(str, words)])
        self._capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            main()
        out, err = self._capsys.readouterr()
        assert isinstance(ended.value.code, int)
        return Ended(code=ended.value.code, out=out, err=err, seconds=0)

    def refused(self, code: int, *words: str | Path) -> str:
        """The English line that a command is refused with; it is refused in Japanese as well."""
        said = [self.run(*words, "--lang", lang) for lang in ("ja", "en")]
        assert [(each.code, each.out, len(each.said)) for each in said] == [(code, "", 1)] * 2
        assert JAPANESE.search(said[0].err)
        return said[1].err


@pytest.fixture
def swept(
    tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Here:
    """Two sites, both swept before the cycle, the one in it too."""
    monkeypatch.delenv("JISWEEP_DB", raising=False)
    here = Here(tmp_path, monkeypatch, capsys)
    shutil.copyfile(sqlite_template, "jisweep.sqlite")

    async def write() -> None:
        async with Database("jisweep.sqlite") as database, database.writing() as connection:
            sites = Sites(connection)
            await sites.sweep("a", FIRST, pages(8, "a"))
            await sites.sweep("b", FIRST, pages(3, "a", "c"))
            await sites.sweep("a", today() - timedelta(days=9), pages(2, "a"))

    asyncio.run(write())
    return here


def test_a_round_from_its_beginning_to_its_closing_report(swept: Here) -> None:
    assert "2サイト" in swept.run(*BEGIN).out
    shown = swept.run("cycle", "show", "第1回")
    assert (shown.code, shown.err) == (0, "")
    assert (
        "比べられる1サイト（全2サイト）：ページで重み付け 80.0% → 20.0%、サイトの単純平均 80.0% → 20.0%"
        in shown.out
    )
    assert "期間の中に、基準の後の調査がまだありません" in shown.out
    told = swept.run("cycle", "show", "第1回", "--json").object
    assert [(each["gap"], each["standing"], each["tally"]["baseline"]["found"]) for each in told["sites"]] == [
        (None, "reached", 1), ("not_swept", "reached", 2),
    ]  # fmt: skip
    assert (told["rate_standing"], told["defects_standing"]) == ("reached", "not_reached")

    plan = swept.folder / "plan.xlsx"
    assert swept.run("cycle", "export", "第1回", "-o", plan).code == 0
    opened = openpyxl.load_workbook(plan)
    sheet = opened["改善計画"]
    heads = {cell.value: cell.column for cell in sheet[1]}
    assert [row[heads["サイト"] - 1] for row in sheet.iter_rows(min_row=2, values_only=True)] == [B, B, A]
    assert list(opened["担当ごと"].iter_rows(min_row=2, values_only=True)) == [("（担当なし）", 3, 0, 3, 8)]
    due = (today() - timedelta(days=1)).isoformat()
    for row in (2, 3):
        sheet.cell(row, heads["担当"]).value, sheet.cell(row, heads["期限"]).value = "広報課", due
    opened.save(plan)
    assert "計画 2件" in swept.run("cycle", "import", "第1回", plan, "--by", "鈴木").out
    assert "another site or cycle" in swept.refused(2, "defects", "import", A, plan, "--by", "Suzuki")
    again = swept.folder / "again.xlsx"
    swept.run("cycle", "export", "第1回", "-o", again)
    owners = list(openpyxl.load_workbook(again)["担当ごと"].iter_rows(min_row=2, values_only=True))
    assert [each[:3] for each in owners] == [("広報課", 2, 2), ("（担当なし）", 1, 0)]

    closed = swept.run("cycle", "close", "第1回", "--by", "佐藤")
    assert closed.code == 0, closed.err
    folder = swept.folder / "out" / "cycle-1"
    assert {each.name for each in folder.iterdir()} >= {
        "index.html",
        "cycle_sites.csv",
        "cycle_defects.csv",
        "cycle.json",
    }
    page = (folder / "index.html").read_text(encoding="utf-8")
    assert "完了報告" in page
    assert "佐藤が" in page
    with (folder / "cycle_defects.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert sorted((each["サイト"], each["期限切れ"]) for each in rows) == [(A, "いいえ"), (B, "はい"), (B, "はい")]
    said = json.loads((folder / "cycle.json").read_text(encoding="utf-8"))
    assert said["closed_by"] == "佐藤"

    swept.run("defects", "plan", "1", "--owner", "別の課", "--by", "鈴木")
    assert swept.run("cycle", "show", "第1回", "--json").object == said, "what is planned later is not its"
    english = swept.run("cycle", "report", "第1回", "--lang", "en", "--out", "en")
    assert english.code == 0
    assert "Closing report" in (swept.folder / "en" / "index.html").read_text(encoding="utf-8")
    assert json.loads((swept.folder / "en" / "cycle.json").read_text(encoding="utf-8")) == said
    assert "佐藤" in swept.run("cycle", "list").out
    assert "is closed" in swept.refused(2, "cycle", "import", "第1回", again, "--by", "Suzuki")


def test_a_cycle_is_changed_and_what_cannot_be_is_refused(swept: Here) -> None:
    swept.run(*BEGIN)
    later = (LAST + timedelta(days=9)).isoformat()
    assert swept.run("cycle", "change", "第1回", "--to", later, "--drop-site", B, "--rate", "10").code == 0
    told = swept.run("cycle", "show", "第1回", "--json").object
    assert (told["ends_on"], told["target"]) == (later, {"rate": 0.1, "defects": 1, "on": later})
    assert [each["address"] for each in told["sites"]] == [A]
    assert told["sites"][0]["standing"] == "not_reached"
    swept.run("cycle", "change", "第1回", "--no-targets", "--baseline", "3")
    swept.refused(2, "cycle", "change", "第1回", "--drop-site", A)
    (swept.folder / "there").mkdir()
    (swept.folder / "there" / "mine.txt").write_text("x")
    swept.refused(6, "cycle", "close", "第1回", "--by", "Sato", "--out", "there")
    said = swept.run("cycle", "show", "第1回").out
    assert "まだ締めていません" in said, "refused before it is closed"
    assert "目標は決めていません。" in said
    assert "期間の中に、基準の後の調査がまだありません" in said, "measured from the newer sweep"


def test_a_list_in_the_order_of_effect_tells_the_reasons(swept: Here) -> None:
    said = swept.run("defects", "list", B, "--order", "effect", "--lang", "en").out
    assert "effect 3.0 (3 pages × impact 1 (not graded) × use 1 (not counted))  repairs 1  by effect 1" in said
    told = swept.run("defects", "list", B, "--json").object["defects"]
    assert [(each["by_effect"], each["repairs"], each["effect"], each["use"], each["impact"]) for each in told] == [
        (1, 1, 3.0, None, None), (2, 1, 3.0, None, None),
    ]  # fmt: skip
    traffic = swept.folder / "use.csv"
    page = "https://www.example.lg.jp/b/"  # in these rows all sites have pages of one host
    traffic.write_text(f"address,count\n{page}0,30\n{page}9,10\n", encoding="utf-8")
    used = swept.run("defects", "list", B, "--json", "--traffic", traffic).object["defects"]
    assert [(each["use"], each["effect"]) for each in used] == [(0.75, 5.25)] * 2
    assert "nowhere.csv" in swept.refused(2, "defects", "list", B, "--traffic", "nowhere.csv")


def test_the_trend_of_a_cycle_goes_from_its_oldest_baseline_to_today(swept: Here) -> None:
    assert swept.run(*BEGIN).code == 0
    told = swept.run("trend", "--cycle", "第1回", "--json").object
    assert (told["of"], told["kind"]) == ("第1回", "cycle")
    assert (told["from"], told["to"]) == (FIRST.isoformat(), today().isoformat())
    assert sorted(each["address"] for each in told["sites"]) == [A, B]
    assert [point["sweep"] for point in told["points"] if point["site"] == A] == [1, 3]
    assert "There is no cycle" in swept.refused(2, "trend", "--cycle", "第2回")
    assert "Give one of these" in swept.refused(2, "trend", A, "--cycle", "第1回")
    assert "Give one of these" in swept.refused(2, "trend")
