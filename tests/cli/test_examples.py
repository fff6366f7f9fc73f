"""`jisweep examples` and `jisweep checklist` as they are typed: from a fault to the book that shows how it was repaired."""

import asyncio
import re
from collections.abc import Iterator

import pytest

from audits.defects.reconcile import reconcile
from db.database import Database
from db.schema import ready
from tests.audits.test_reconcile import BEGIN, history_in
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.cli.servers import Answer, Site, answers, plain, serving

IMAGE = '<img src="/rosen.png" class="zu" width="60" height="40"{}>'
MAP = '<img src="/map.png" class="chizu" width="60" height="40"{}>'
OTHER = '<p><img src="/shin.png" alt="新しい図" width="20" height="20"></p>'
GREY = "<style>.chuui {{ color: {}; background: #fff }}</style>"
NOTICE = '<p class="chuui">窓口は土曜日と日曜日はお休みです。</p>'
FRAME = '<iframe src="/waku.html" title="地図" width="300" height="200"></iframe>'


def broken() -> dict[str, Answer]:
    """One fault on each page: they are repaired in different ways."""
    links = "".join(
        f'<p><a href="/{name}.html">{name}</a></p>' for name in ("bus", "map", "old", "grey", "form", "in")
    )
    return {
        "/": plain("交通局", links),
        "/bus.html": plain("路線の案内", f"<p>{IMAGE.format('')}</p>"),
        "/map.html": plain("地図の案内", f"<p>{MAP.format('')}</p><p>図の下の文です。</p>"),
        "/old.html": plain("古い案内", '<p>資料は<a href="/shiryou.pdf" class="i"></a></p>'),
        "/grey.html": plain("休みの案内", NOTICE, GREY.format("#bbb")),
        "/form.html": plain("申込みの案内", '<form><p>氏名 <input name="shimei" type="text"></p></form>'),
        "/in.html": plain("枠の案内", FRAME),
        "/waku.html": plain("枠の中", f"<div><b>枠</b>{IMAGE.format('').replace('rosen', 'waku')}</div>"),
    }


def mended() -> dict[str, Answer]:
    """The same pages, repaired: in place, elsewhere, taken away, by a style sheet, by a label, in a frame."""
    alt = ' alt="バスの路線図 03-1234-5678"'
    image = IMAGE.format(alt)
    return {
        "/bus.html": plain("路線の案内", f"<p>{image}</p>"),
        "/map.html": plain("地図の案内", f"{OTHER}<p>図の下の文です。</p><div><p>{MAP.format(alt)}</p></div>"),
        "/old.html": plain("古い案内", "<p>資料はありません。</p>"),
        "/grey.html": plain("休みの案内", NOTICE, GREY.format("#333")),
        "/form.html": plain(
            "申込みの案内", '<form><p><label>氏名 <input name="shimei" type="text"></label></p></form>'
        ),
        "/waku.html": plain("枠の中", f"<div><b>枠</b>{image.replace('rosen', 'waku')}</div>"),
    }


@pytest.fixture
def pages() -> dict[str, Answer]:
    return broken()


@pytest.fixture
def site(pages: dict[str, Answer]) -> Iterator[Site]:
    with serving(answers(pages)) as served:
        yield served


@pytest.fixture
def swept(program: Program) -> Program:
    """Two sweeps in rows: of two faults one was seen gone."""

    async def begin() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            async with history_in(database) as history:
                for truth in ({"/1": {"a": 1}, "/2": {"c": 2}}, {"/1": {}, "/2": {"c": 2}}):
                    await reconcile(history.connection, await history.sweep(truth, finished_at=BEGIN))

    asyncio.run(begin())
    return program


def test_from_a_fault_to_the_book_that_shows_how_it_was_repaired(
    program: Program, site: Site, pages: dict[str, Answer]
) -> None:
    assert program.run("sweep", site.url, "--allow-private", "--method", "all").code == 0
    listed = program.run("defects", "list", site.url, "--json").object["defects"]
    of = {each["example"].removeprefix(site.url): str(each["id"]) for each in listed if each["counts"]}
    assert sorted(of) == ["bus.html", "form.html", "grey.html", "in.html", "map.html", "old.html", "waku.html"]
    one_refusal(program, 2, "examples", "take", of["bus.html"], "--by", "高橋")  # it is not confirmed
    plan = ("--owner", "広報課", "--way", "広報課で代替テキストを入れた", "--by", "鈴木")
    assert program.run("defects", "plan", of["bus.html"], *plan).code == 0
    broken_bus = pages["/bus.html"]
    pages |= mended()
    assert program.run("sweep", site.url, "--allow-private", "--method", "all").code == 0

    said = program.run("examples", "candidates", site.url, "--json").object["candidates"]
    assert {str(each["defect"]) for each in said} >= set(of.values())
    assert [each["way"] for each in said if str(each["defect"]) == of["bus.html"]] == [
        "広報課で代替テキストを入れた"
    ]

    taken = {
        name: program.run("examples", "take", number, "--by", "高橋", "--json").object
        for name, number in of.items()
    }
    matched = {name: each["matched"] for name, each in taken.items()}
    assert matched == {
        "bus.html": "target", "map.html": "words", "old.html": "gone", "grey.html": "target", "form.html": "target",
        "in.html": "target", "waku.html": "target",
    }  # fmt: skip
    assert 'alt="バスの路線図 03-1234-5678"' in taken["bus.html"]["after"]
    assert "alt=" not in taken["bus.html"]["before"]
    assert 'src="/map.png"' in taken["map.html"]["after"]
    assert 'src="/waku.png"' in taken["in.html"]["after"]
    assert taken["old.html"]["after"] is None
    assert taken["grey.html"]["after"] == taken["grey.html"]["before"] == NOTICE
    assert "<label>氏名 " in taken["form.html"]["around"]
    assert all(
        each["before_picture"] and each["after_picture"]
        for name, each in taken.items()
        if name in ("bus.html", "grey.html")
    )
    assert taken["grey.html"]["before_picture"]["name"] != taken["grey.html"]["after_picture"]["name"]

    one_refusal(program, 2, "examples", "write", "--out", "book")  # nobody has confirmed any
    assert program.run("examples", "write", "--out", "drafts", "--drafts").code == 0
    drafts = (program.folder / "drafts" / "index.html").read_text(encoding="utf-8")
    assert drafts.count("下書き：修正前と修正後が") == len(taken)
    numbers = [str(each["id"]) for each in taken.values()]
    named = program.run(
        "examples", "take", of["old.html"], "--by", "高橋", "--element", "main > p", "--json"
    ).object
    assert (named["matched"], named["after"]) == ("named", "<p>資料はありません。</p>")
    assert program.run("examples", "drop", str(named["id"]), "--by", "高橋").code == 0
    assert program.run("examples", "confirm", *numbers, "--by", "田中").code == 0
    written = program.run("examples", "write", "--out", "book", "--lang", "en")
    assert written.code == 0
    assert written.out.startswith(f"{len(taken)} examples: ")
    book = (program.folder / "book" / "index.html").read_text(encoding="utf-8")
    for text in (
        "The element was not found: it was removed, or made anew.", "the repair lies elsewhere",
        "広報課で代替テキストを入れた", "田中", f"{site.url}bus.html",
        "&lt;img src=&#34;/rosen.png&#34; class=&#34;zu&#34;",
    ):  # fmt: skip
        assert text in book, text
    shown = set(re.findall(r'src="pictures/([^"]+)"', book))
    assert {path.name for path in (program.folder / "book" / "pictures").iterdir()} == shown
    assert len(shown) >= 6

    one_refusal(program, 2, "examples", "write", "--out", "hidden", "--anonymous")
    assert program.run("examples", "confirm", numbers[0], "--anonymous", "--by", "田中").code == 0
    assert program.run("examples", "write", "--out", "hidden", "--anonymous").code == 0
    hidden = (program.folder / "hidden" / "index.html").read_text(encoding="utf-8")
    assert "〔伏せました〕で代替テキストを入れた" in hidden
    for word in ("rosen", "127.0.0.1", "バス", "1234", "田中", "高橋", "広報課", "pictures/", "2026年"):
        assert word not in hidden.replace(hidden[hidden.index("<footer") :], ""), word
    assert not (program.folder / "hidden" / "pictures").exists()
    one_refusal(program, 6, "examples", "write", "--out", "book", "--anonymous")  # what names sites is not replaced

    pages["/bus.html"] = broken_bus
    assert "again" in one_refusal(program, 2, "examples", "take", of["bus.html"], "--by", "高橋")
    pages["/map.html"] = plain("地図の案内", f"{OTHER}<p>図の下の文です。</p><p>{MAP.format(' alt=x') * 2}</p>")
    assert "2 elements fit" in one_refusal(program, 2, "examples", "take", of["map.html"], "--by", "高橋")
    del pages["/old.html"]
    one_refusal(program, 4, "examples", "take", of["old.html"], "--by", "高橋")
    kept = program.run("examples", "list", "--json").object["examples"]
    assert sorted(each["id"] for each in kept) == sorted(each["id"] for each in taken.values())


def test_what_rows_alone_tell_and_what_is_refused(swept: Program) -> None:
    """A site of which one fault is confirmed and one is not; nobody has taken an example."""
    url = "https://www.example.lg.jp/"
    told = swept.run("examples", "candidates", url, "--lang", "en")
    assert told.out.startswith(
        "1.1.1 defect 1 Image has no text alternative https://www.example.lg.jp/ was on 1 page"
    )
    assert swept.run("examples", "list", "--json").object == {"examples": []}
    refused(swept, 2, "examples", "take", "2", "--by", "高橋")
    for words in (
        ("take", "9", "--by", "高橋"), ("take", "1", "--by", " "), ("candidates", "財務局"), ("confirm", "1", "--by", "田中"),
        ("drop", "1", "--by", "田中"), ("write", "--out", "book"), ("confirm", "1", "2", "--after", "jisweep.sqlite", "--by", "田中"),
    ):  # fmt: skip
        one_refusal(swept, 2, "examples", *words)
    assert not (swept.folder / "book").exists()

    sheet = swept.run("checklist", url, "--out", "sheet", "--json").object
    assert (sheet["audited"], sheet["known"], sheet["templates"]) == (2, 2, [])
    assert sheet["contents"] == [{"rule": "label", "criteria": ["1.1.1"], "pages": 1, "places": 2, "audited": 2}]
    assert {each.name for each in (swept.folder / "sheet").iterdir()} >= {"checklist.html", "standard.html"}
    one_refusal(swept, 2, "checklist", "https://other.example.jp/", "--out", "sheet")
    (swept.folder / "mine").mkdir()
    (swept.folder / "mine" / "work.txt").write_text("mine", encoding="utf-8")
    one_refusal(swept, 6, "checklist", url, "--out", "mine")
