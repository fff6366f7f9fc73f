"""`jisweep sample` on a real site: propose, edit, freeze, audit, replace, keep half, and the draw again elsewhere."""

import csv
import io
import json
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from reports.workbook import read_workbook
from tests.cli.program import ROOT, Program
from tests.cli.refusals import one_refusal
from tests.cli.servers import NOT_FOUND, Answer, Site, answers, plain, redirect, serving

NAMES = [f"{folder}/{n:02}.html" for folder in ("kurashi", "mizu", "midori") for n in range(14)]
LINKS = "".join(f'<p><a href="/{name}">{name}</a></p>' for name in NAMES)
PAGES = {
    "/": plain("小さな局", LINKS),
    **{f"/{name}": plain(f"案内 {name}", f'<p>{name} の話です。<a href="/">入口</a></p>') for name in NAMES},
    "/kurashi/00.html": plain(
        "申込み", '<form action="/kurashi/send" method="post"><p><label>名<input name="n"></label></p></form>'
    ),
}
OPTIONS = ("--method", "mixed", "--pages", "12", "--random", "8", "--seed", "2026")


@pytest.fixture
def site() -> Iterator[Site]:
    with serving(answers(PAGES)) as running:
        yield running


def explored(program: Program, site: Site) -> None:
    ended = program.run("explore", site.url, "--allow-private", "--lang", "en")
    assert ended.code == 0, ended


def table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"))))


def write(path: Path, rows: list[dict[str, str]], encoding: str = "utf-8-sig") -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]))
    writer.writeheader()
    writer.writerows(rows)
    path.write_bytes(text.getvalue().encode(encoding))


def test_a_sample_is_proposed_edited_frozen_audited_and_drawn_again_on_another_machine(
    program: Program, site: Site
) -> None:
    explored(program, site)
    path = program.folder / "sample.csv"
    proposed = program.run("sample", "propose", "1", *OPTIONS, "-o", path, "--lang", "en")
    assert (proposed.code, proposed.out) == (0, ""), proposed
    assert f"A step that opens only by sending (to be tested by hand): {site.url}kurashi/send" in proposed.err
    assert "43 pages are known. Above 100 pages" in proposed.err
    assert f"jisweep sample freeze 1 {path} --by NAME" in proposed.err
    rows = table(path)
    assert list(rows[0]) == ["Address", "Title", "Part", "Reason", "Stratum", "No."]
    assert Counter(row["Part"] for row in rows)["random"] == 8
    assert rows[0]["Reason"].startswith("top page")
    again = program.run("sample", "propose", "1", "--lang", "en").out.splitlines()
    assert again == path.read_text(encoding="utf-8").splitlines(), "kept, and the same"
    taken = {row["Address"] for row in rows}
    own = next(site.url + name for name in NAMES if site.url + name not in taken)
    edited = [*rows, {**rows[0], "Address": own, "Reason": "高齢者がよく使う", "No.": ""}]
    write(path, edited, "cp932")
    frozen = program.run("sample", "freeze", "1", path, "--by", "環境局 山田", "--lang", "en")
    assert (frozen.code, frozen.err) == (0, ""), frozen
    assert "frozen in the name of 環境局 山田 (13 pages)" in frozen.out
    assert "frozen already by" in one_refusal(program, 2, "sample", "freeze", "1", path, "--by", "佐藤")
    resumed = program.run("resume", "1", "--json")
    assert (resumed.code, resumed.object["pages"]["audited"]) == (0, 13), resumed
    assert resumed.object["estimate"]["drawn"] == 8
    page = (Path(resumed.object["report"]).parent / "sample.html").read_text(encoding="utf-8")
    assert "高齢者がよく使う（環境局 山田が記入）" in page
    assert "環境局 山田が確かめ、検査の前に確定しました。" in page
    assert f"{site.url}kurashi/send" in page
    verified_elsewhere(program, path.with_name("document.json"))


def verified_elsewhere(program: Program, document: Path, sweep: str = "1") -> dict[str, Any]:
    """Export the sample, and draw it again in an empty folder with an empty HOME and without the database."""
    exported = program.run("sample", "export", sweep, "-o", document)
    assert (exported.code, exported.out, exported.err) == (0, "", "")
    with tempfile.TemporaryDirectory() as elsewhere:
        environment = {"HOME": elsewhere, "PATH": "/nowhere", "PYTHONPATH": str(ROOT), "LANG": "C.UTF-8"}
        ended = subprocess.run(
            [sys.executable, "-m", "jisweep", "sample", "verify", str(document), "--lang", "en"],
            cwd=elsewhere, env=environment, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert ended.returncode == 0, ended
        assert ended.stdout.startswith("The same: from ")
        assert list(Path(elsewhere).iterdir()) == []
    told: dict[str, Any] = json.loads(document.read_text(encoding="utf-8"))
    document.write_text(json.dumps(told | {"seed": 1}), encoding="utf-8")
    other = program.run("sample", "verify", document)
    assert other.code == 3
    assert "違います" in other.out
    return told


def test_what_may_not_be_edited_is_refused_with_the_line(program: Program, site: Site) -> None:
    explored(program, site)
    path = program.folder / "sample.csv"
    assert program.run("sample", "propose", "1", *OPTIONS, "-o", path).code == 0
    rows = table(path)
    taken = {row["アドレス"] for row in rows}
    own = next(site.url + name for name in NAMES if site.url + name not in taken)
    write(path, [*rows, {**rows[0], "アドレス": own, "区分": "無作為"}])
    freeze = ("sample", "freeze", "1", path, "--by", "x")  # one after the other: each holds the sweep
    assert f"{len(rows) + 2} 行目: {own}" in program.run(*freeze, JISWEEP_LANG="ja").err
    assert "drawn, not picked" in one_refusal(program, 2, *freeze)
    write(path, [row for row in rows if row["区分"] != "無作為"])
    assert "is missing" in one_refusal(program, 2, "sample", "freeze", "1", path, "--by", "x")
    write(path, [{**rows[0], "区分": "たぶん"}])
    assert "Line 2" in one_refusal(program, 2, "sample", "freeze", "1", path, "--by", "x")
    write(path, [{"url": own}])
    assert "no column headed" in one_refusal(program, 2, "sample", "freeze", "1", path, "--by", "x")
    for name in ("none.csv", "none.xlsx"):
        assert name in one_refusal(program, 2, "sample", "freeze", "1", name, "--by", "x")
    assert "--by" in one_refusal(program, 2, "sample", "freeze", "1", path)
    assert "no sweep 9" in one_refusal(program, 2, "sample", "propose", "9")
    assert "has not chosen" in one_refusal(program, 2, "sample", "export", "1")
    assert "none of this site" in one_refusal(program, 2, "sample", "propose", "1", "--keep-half", "7")
    assert "cannot be read" in one_refusal(program, 2, "sample", "verify", path)
    (program.folder / "empty.json").write_text("{}", encoding="utf-8")
    assert "no document" in one_refusal(program, 2, "sample", "verify", "empty.json")


def test_a_workbook_is_written_and_taken_back(program: Program, site: Site) -> None:
    explored(program, site)
    path = program.folder / "sample.xlsx"
    traffic = program.folder / "pv.csv"
    traffic.write_bytes("ページ,閲覧数\n/midori/07.html,900\n/nai.html,800\n".encode("cp932"))
    options = (
        "--method",
        "mixed",
        "--pages",
        "20",
        "--random",
        "12",
        "--stratify",
        "directory",
        "--traffic",
        traffic,
    )
    proposed = program.run("sample", "propose", "1", *options, "-o", path)
    assert proposed.code == 0, proposed
    assert f"{site.url}nai.html" in proposed.err
    rows = read_workbook(path)
    assert {row[4] for row in rows[1:]} == {"", "/", "/kurashi/", "/mizu/", "/midori/"}
    assert [row[0] for row in rows if "利用の多いページ（1位）" in row[3]] == [site.url + "midori/07.html"]
    assert program.run("sample", "freeze", "1", path, "--by", "山田").code == 0
    verified_elsewhere(program, program.folder / "document.json")


def lost_to_browsers(lost: dict[str, Answer]) -> tuple[Callable[[str], Answer], Counter[str]]:
    """The site, of which some pages answer otherwise from the second time on: when the browser asks."""
    seen: Counter[str] = Counter()
    whole = answers(PAGES)

    def answer(path: str) -> Answer:
        seen[path] += 1
        return lost[path] if path in lost and seen[path] > 1 else whole(path)

    return answer, seen


def test_pages_that_are_gone_are_replaced_lost_ones_are_not_and_half_is_kept_next_time(program: Program) -> None:
    lost: dict[str, Answer] = {}
    answer, seen = lost_to_browsers(lost)
    words = ("--allow-private", "--json", "--method", "random", "--pages", "10", "--seed", "2026", "--lang", "ja")
    with serving(answer) as site:
        explored(program, site)
        assert program.run("sample", "propose", "1", *words[2:8], "-o", "all.csv").code == 0
        first = ["/" + row["アドレス"].removeprefix(site.url) for row in table(program.folder / "all.csv")]
        leads = next(path for path in PAGES if path not in first)
        # Not the start, which is asked for before exploring as well: which pages are drawn hangs on the port.
        gone, moved, down = [rank for rank, path in enumerate(first, start=1) if path != "/"][1:4]
        lost |= {first[gone - 1]: NOT_FOUND, first[moved - 1]: redirect(leads)}
        lost[first[down - 1]] = Answer(status=503, body=b"x")
        seen.clear()
        begun = program.run("sweep", site.url, *words)
        assert begun.code == 3, begun
        pages, estimate = begun.object["pages"], begun.object["estimate"]
        assert (pages["selected"], pages["audited"]) == (12, 9)
        assert pages["unaudited"] == {"not_found": 1, "redirect": 1, "server_error": 1}
        assert (estimate["frame"], estimate["drawn"], estimate["audited"]) == (41, 10, 9)
        html = (Path(begun.object["report"]).parent / "sample.html").read_text(encoding="utf-8")
        assert "番に替えました。ページではないと分かったためです：見つからない" in html
        assert f"{gone}番の替わり" in html
        assert f"{moved}番の替わり" in html
        told = verified_elsewhere(program, program.folder / "document.json", "2")
        replaces = [row["replaces"] for row in told["random"]]
        assert (replaces[:10], sorted(replaces[10:])) == ([None] * 10, [gone, moved]), "whichever was lost first"
        living = {row["address"] for row in told["random"] if not row["proved_no_page"]}
        lost.clear()
        seen.clear()
        again = program.run("sweep", site.url, "--allow-private", "--json", "--method", "random", "--pages", "10", "--keep-half", "2", "--fresh")  # fmt: skip
        assert (again.code, again.object["seed"]) == (0, 2026), again
        told = verified_elsewhere(program, program.folder / "second.json", "3")
        assert len({row["address"] for row in told["random"]} & living) == 5
        assert told["earlier"]["sweep"] == 2
        html = (Path(again.object["report"]).parent / "sample.html").read_text(encoding="utf-8")
        assert html.count(">残した<") == html.count(">新しい<") == 5
