"""The example book and the checklist: clean under our own audit, hostile texts escaped, and the checklist one A4 page."""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from importlib import resources
from itertools import chain
from pathlib import Path

import pytest
import sqlalchemy as sa
from playwright.async_api import Page, async_playwright

from audits.checklist import TOP, Common, Commonest, Source, commonest
from audits.criteria import criteria
from audits.examples import book
from audits.rules import checklist_line, rule_text
from db.database import Database
from db.errors import StorageError, UsageError
from db.tables import Defect, DefectEvent, Example, Finding, Picture
from db.words import DefectState, Edition, Matched, Method
from reports.knowhow import write_book, write_checklist
from tests.reports import rows
from tests.reports.test_own_audit import WIDTHS, faults

LINES = list(tomllib.loads(resources.files("audits.rules").joinpath("checklist.toml").read_text(encoding="utf-8")))
SCRIPT = re.compile(r"<(?:script|img src=x|h1>x)", re.IGNORECASE)


def full(rules: Sequence[str], sites: int = 1) -> Commonest:
    """Faults of these rules, with large numbers and everything else that the sheet may say."""
    spoken = tuple(criteria(Edition.JIS2016)[number] for number in ("1.1.1", "2.4.4", "4.1.2"))
    common = tuple(
        Common(rule=rule, criteria=spoken, pages=12_345, places=99_999, audited=20_000) for rule in rules
    )
    source = Source(
        sweep=123, site="https://www.kankyo.metro.tokyo.lg.jp/" + "kurashi/" * 9, finished_at=rows.START,
        method=Method.MIXED, edition=Edition.JIS2016, rule_set="x", audited=20_000, known=1_000_000,
    )  # fmt: skip
    others = tuple(replace(source, rule_set=str(number)) for number in range(1, sites))
    return Commonest(sources=(source, *others), contents=common, templates=common[-2:], excepted=12)


async def tallest(page: Page, folder: Path, lang: str) -> list[str]:
    """The ten rules whose lines take most of the paper, measured in print on all of them."""
    height: dict[str, float] = {}
    await page.set_viewport_size({"width": 703, "height": 1047})  # A4 within its margins, in CSS px
    for begin in range(0, len(LINES), TOP):
        some = LINES[begin : begin + TOP]
        await page.goto(write_checklist(full(some), folder, lang).as_uri())
        tall = await page.evaluate(
            "[...document.querySelectorAll('.checks > li')].map((each) => each.offsetHeight)"
        )
        height |= dict(zip(some, tall, strict=True))
    return sorted(LINES, key=lambda rule: -height[rule])[:TOP]


async def examples(database: Database, *, confirmed: bool = True) -> None:
    """Examples of a sweep with one of everything: pictured, hostile, gone, unchanged, and one that came back."""
    sweep = await rows.mixed(database)
    async with database.writing() as connection:
        await connection.execute(
            sa.update(Defect).values(state=DefectState.CONFIRMED, way=rows.HOSTILE[0], owner="広報課")
        )
        found = (
            await connection.execute(
                sa.select(
                    Finding.id, Finding.defect_id, Finding.rule, Finding.snippet, Finding.picture_id
                ).order_by(sa.case((Finding.picture_id.is_(None), 1), else_=0), Finding.id)
            )
        ).all()
        picture = await connection.scalar(sa.select(sa.func.min(Picture.id)))
        chosen = {row.rule: row for row in reversed(found)}
        hostile = [row for row in found if row.rule == "list"]
        for number, row in enumerate(chain(chosen.values(), hostile)):
            text = rows.storable(rows.HOSTILE[number % len(rows.HOSTILE)])
            after = (None, row.snippet, f'<img alt="{text}">{text}')[number % 3]
            values = {
                "defect_id": row.defect_id, "finding_id": row.id, "after": after, "around": text, "note": text,
                "matched": Matched.GONE if after is None else list(Matched)[number % 4], "taken_by": "高橋",
                "picture_id": picture if after else None, "taken_at": rows.START,
                "confirmed_by": f"田中{text}" if confirmed else None, "confirmed_at": rows.START + timedelta(days=1),
            }  # fmt: skip
            await connection.execute(sa.insert(Example).values(values))
        await connection.execute(
            sa.update(Defect).where(Defect.id == chosen["label"].defect_id).values(state=DefectState.RETURNED)
        )
        await connection.execute(
            sa.insert(DefectEvent).values(
                defect_id=chosen["label"].defect_id, sweep_id=sweep, old=DefectState.FOUND, new=DefectState.REPAIRED,
                who="佐藤", why=rows.HOSTILE[1], at=rows.START,
            )
        )  # fmt: skip


async def written(database: Database, out: Path, lang: str, *, hidden: bool = False, drafts: bool = False) -> str:
    async with database.reading() as connection:
        found = await book.entries(connection)
        path, _ = await write_book(connection, found, out, lang, hidden=hidden, drafts=drafts)
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("backend", ["sqlite"])  # the pages are the same from either database
async def test_no_page_has_a_violation_and_the_sheet_is_one_a4_page(
    database: Database, tmp_path: Path, chromium: str
) -> None:
    await examples(database)
    for lang in ("ja", "en"):
        write_checklist(full(LINES[:15]), tmp_path / f"sheet-{lang}", lang)
        write_checklist(full(LINES[-10:], sites=3), tmp_path / f"sites-{lang}", lang, ["東京都の局"])
        await written(database, tmp_path / f"book-{lang}", lang, drafts=True)
        await written(database, tmp_path / f"hidden-{lang}", lang, hidden=True, drafts=True)
    async with database.reading() as connection:
        write_checklist(await commonest(connection, [1]), tmp_path / "real", "ja")
    none = Commonest(sources=full(LINES).sources, contents=(), templates=(), excepted=0)
    write_checklist(none, tmp_path / "none", "ja")
    wrong: list[str] = []
    requests: list[str] = []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = await browser.new_page()
        page.on("request", lambda request: requests.append(request.url))
        pages = sorted(tmp_path.glob("*/*.html"))
        assert len(pages) == 2 * (2 + 2 + 1 + 1) + 2 + 2
        for path in pages:
            wrong += await faults(page, path, *WIDTHS)
        for folder in ("sheet-ja", "book-en"):
            await page.emulate_media(color_scheme="dark")
            wrong += await faults(page, next((tmp_path / folder).glob("*.html")), WIDTHS[0])
        await page.emulate_media(media="print", color_scheme="light")
        for lang in ("ja", "en"):
            rules = await tallest(page, tmp_path / "all", lang)
            write_checklist(full(rules, sites=3), tmp_path / f"tallest-{lang}", lang, ["東京都の局"])
        for folder in ("tallest-ja", "tallest-en", "sheet-ja", "sites-en", "real", "none"):
            await page.goto((tmp_path / folder / "checklist.html").as_uri())
            printed = await page.pdf(path=tmp_path / f"{folder}.pdf", prefer_css_page_size=True)
            assert pages_of(printed) == [(595, 842)], folder  # A4 portrait in points
        await page.goto((tmp_path / "book-ja" / "index.html").as_uri())
        assert set(pages_of(await page.pdf(prefer_css_page_size=True))) == {(595, 842)}
        await browser.close()
    assert wrong == []
    assert [url for url in requests if not url.startswith(("file:", "data:"))] == []


def pages_of(pdf: bytes) -> list[tuple[int, int]]:
    """The sizes of a PDF's pages in points, as Chromium writes them: uncompressed page objects."""
    return [
        (round(float(width)), round(float(height)))
        for width, height in re.findall(rb"/Type /Page\b[^s].*?/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", pdf, re.DOTALL)
    ]


@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_hostile_texts_stay_texts(database: Database, tmp_path: Path, lang: str) -> None:
    await examples(database)
    for hidden in (False, True):
        text = await written(database, tmp_path / f"{hidden}", lang, hidden=hidden, drafts=True)
        assert not SCRIPT.search(text)
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text, "the way of repair is prose, and shown"


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_book_holds_what_a_person_has_confirmed_and_its_drafts_are_marked(
    database: Database, tmp_path: Path
) -> None:
    async with database.reading() as connection:
        with pytest.raises(UsageError, match="no example yet"):
            await write_book(connection, [], tmp_path / "none", "ja", hidden=False, drafts=True)
    await examples(database, confirmed=False)
    for hidden in (False, True):
        with pytest.raises(UsageError, match="No example has been confirmed"):
            await written(database, tmp_path / "none", "ja", hidden=hidden)
    assert not (tmp_path / "none").exists()
    async with database.writing() as connection:
        total = len(await book.entries(connection))
        await book.confirm(connection, 1, "田中")
        await book.confirm(connection, 2, "田中", anonymously=True)
    assert (await written(database, tmp_path / "book", "ja")).count("<article") == 2
    drafts = await written(database, tmp_path / "drafts", "ja", drafts=True)
    assert (drafts.count("<article"), drafts.count("下書き：修正前と修正後が")) == (total, total - 2)
    hidden_text = await written(database, tmp_path / "hidden", "ja", hidden=True)
    assert hidden_text.count("<article") == 1
    assert "配らないでください" not in hidden_text
    assert "配らないでください" in await written(database, tmp_path / "read", "ja", hidden=True, drafts=True)
    with pytest.raises(StorageError):
        await written(database, tmp_path / "book", "ja", hidden=True)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_sheet_says_what_it_counts_and_the_tips_what_it_has_no_room_for(
    database: Database, tmp_path: Path
) -> None:
    await rows.mixed(database)
    async with database.writing() as connection:
        await connection.execute(sa.update(Defect).where(Defect.rule == "html-has-lang").values(region="template"))
        found = await commonest(connection, [1])
    path = write_checklist(found, tmp_path / "sheet", "ja")
    sheet, tips = path.read_text(encoding="utf-8"), (path.parent / "standard.html").read_text(encoding="utf-8")
    assert [each.rule for each in found.templates] == ["html-has-lang"]
    title = rule_text("html-has-lang", "ja").title
    assert title in tips
    assert title not in sheet
    assert f"検査した{found.audited}ページ（把握している{found.known}ページのうち）" in sheet
    assert "2026年7月4日" in sheet
    assert checklist_line("image-alt", "ja").look in sheet
    assert "判定規則が違います" not in sheet + tips
    mixed = write_checklist(full(LINES, sites=2), tmp_path / "mixed", "ja")
    for page in (mixed, mixed.parent / "standard.html"):
        assert "サイトによって判定規則が違います（2とおり）" in page.read_text(encoding="utf-8")
    long = write_checklist(full(LINES), tmp_path / "long", "ja")
    assert long.read_text(encoding="utf-8").count('<div class="box"') == TOP
    more = (long.parent / "standard.html").read_text(encoding="utf-8")
    for rule in LINES[TOP:]:
        assert rule_text(rule, "ja").title in more
