"""Sweeps put straight into the tables, so that reports can be tested without crawling.

`mixed` is a small sweep with one of everything, hostile texts among it; `census` one of any size.
"""

import hashlib
import struct
import zlib
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import mic
from audits.criteria import criteria
from crawler.notes import add_note
from db.database import Database
from db.tables import (
    Assertion,
    Defect,
    Draw,
    Exemption,
    Finding,
    Page,
    Picture,
    Result,
    ScopeRule,
    Site,
    Sweep,
    Table,
    Visit,
)
from db.words import (
    About,
    Assertor,
    DefectState,
    Edition,
    ExceptionReason,
    FoundBy,
    Impact,
    Level,
    Method,
    Outcome,
    Part,
    Reason,
    ScopeKind,
    SweepState,
    VisitState,
)

START = datetime(2026, 7, 3, 15, 30, tzinfo=UTC)  # 00:30 on the next day in Tokyo
RULE_CRITERIA = {
    "image-alt": ["1.1.1"],
    "color-contrast": ["1.4.3"],
    "color-contrast-enhanced": ["1.4.6"],
    "link-name": ["2.4.4", "4.1.2"],
    "label": ["4.1.2"],
    "html-has-lang": ["3.1.1"],
    "document-title": ["2.4.2"],
    "list": ["1.3.1"],
    "frame-title": ["4.1.2"],
    "video-caption": ["1.2.2"],
    "region": [],
    "heading-order": [],
    "landmark-one-main": [],
}
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><img src=x onerror='alert(1)'>",
    "</code></pre></title><h1>x</h1>",
    "{{ 7*7 }}{% raw %}",
    "&lt;b&gt; &amp;",
    "javascript:alert(1)",
    "=cmd|'/c calc'!A1",
    "+1+1",
    "-2+3",
    "@SUM(A1)",
    "\t=1+1",
    "\r=1+1",
    "＝1+1",
    "改\u202e行\u200b逆\x00順\x1b[31m",
    '半角"引用符", と\n改行',
    "\udc80 half",
    "' onmouseover='x",
    "-->x<!--",
]


def storable(text: str) -> str:
    """As a column of text takes it on both databases; JSON columns take NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def png(width: int, height: int, boxes: list[list[float]] | None = None) -> bytes:
    """A picture with bars for text and frames for boxes, without an image library."""
    rows = bytearray()
    for y in range(height):
        line = bytearray(b"\xfa\xfa\xf8" * width)
        if y < 90:
            line[:] = b"\x24\x50\x80" * width
        elif y % 40 < 12 and (y // 40) % 6:
            line[240 : 240 + 3 * (width // 2)] = b"\xb8\xbd\xc4" * (width // 2)
        for left, top, across, down in boxes or []:
            if top <= y < top + down:
                first, last = int(left), int(min(width, left + across))
                line[3 * first : 3 * last] = b"\xd9\xc7\x9a" * max(0, last - first)
        rows += b"\0" + line

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(bytes(rows), 6))
        + chunk(b"IEND", b"")
    )


@dataclass
class Writer:
    """Puts rows of one sweep into a database."""

    connection: AsyncConnection
    site: int = 0
    sweep: int = 0
    position: int = 0

    async def insert(self, table: type[Table], **values: Any) -> int:
        done = await self.connection.execute(sa.insert(table).values(**values))
        key = done.inserted_primary_key
        assert key is not None
        return int(key[0])

    async def begin(self, **values: Any) -> None:
        address = values.pop("address", "https://www.example.metro.tokyo.lg.jp/")
        known = await self.connection.scalar(sa.select(Site.id).where(Site.address == address))
        self.site = known or await self.insert(Site, address=address, created_at=START)
        notes = values.pop("notes", ())
        usual = {
            "site_id": self.site, "state": SweepState.FINISHED, "method": Method.MIXED, "edition": Edition.JIS2016,
            "level": Level.AA, "seed": 8_341_320_160, "pages_asked": 12, "random_asked": 8, "settings": {},
            "depth": 4,
            "engine": "axe-core", "engine_version": "4.14.1", "rule_set": "axe-core-4.14.1/jis2016/AA/duplicate-id",
            "rule_criteria": RULE_CRITERIA, "browser": "Chromium 156.0.7000.0", "viewport_width": 1280,
            "viewport_height": 1024, "locale": "ja-JP", "timezone": "Asia/Tokyo", "created_at": START,
            "explored_at": START + timedelta(minutes=9), "chosen_at": START + timedelta(minutes=9),
            "finished_at": START + timedelta(minutes=31),
        }  # fmt: skip
        self.sweep = await self.insert(Sweep, **(usual | values))
        for each in notes:
            await add_note(self.connection, self.sweep, About(each["about"]), each["address"], each["said"])

    async def visit(self, address: str, **values: Any) -> int:
        known = await self.connection.scalar(
            sa.select(Page.id).where(Page.site_id == self.site, Page.address == address)
        )
        page = known or await self.insert(Page, site_id=self.site, address=address)
        usual = {
            "sweep_id": self.sweep, "page_id": page, "state": VisitState.NOT_CHOSEN, "depth": 2,
            "found_by": FoundBy.LINK, "in_sitemap": False, "http_status": 200, "content_type": "text/html",
            "kinds": [], "rendered": False, "tries": 1,
        }  # fmt: skip
        return await self.insert(Visit, **(usual | values))

    async def result(self, visit: int, **values: Any) -> int:
        page = await self.connection.scalar(sa.select(Visit.page_id).where(Visit.id == visit))
        usual = {
            "digest": hashlib.sha256(f"result {visit}".encode()).hexdigest(), "page_id": page, "engine": "axe-core",
            "engine_version": "4.14.1", "rule_set": "axe-core-4.14.1/jis2016/AA/duplicate-id",
            "edition": Edition.JIS2016, "viewport_width": 1280, "viewport_height": 1024,
            "taken_at": START + timedelta(minutes=12), "settled": True, "untested": [], "page_width": 1280,
            "page_height": 2400,
        }  # fmt: skip
        result = await self.insert(Result, **(usual | values))
        self.position = 0
        await self.connection.execute(
            sa.update(Visit)
            .where(Visit.id == visit)
            .values(result_id=result, state=VisitState.AUDITED, audited_at=START + timedelta(minutes=12))
        )
        return result

    async def picture(self, image: bytes, width: int, height: int) -> int:
        return await self.insert(
            Picture,
            digest=hashlib.sha256(image).hexdigest(),
            media_type="image/png",
            width=width,
            height=height,
            image=image,
        )

    async def finding(self, result: int, rule: str, outcome: Outcome = Outcome.FAILED, **values: Any) -> None:
        self.position += 1
        defect = await self.insert(
            Defect,
            site_id=self.site,
            digest=hashlib.sha256(f"{result} {self.position}".encode()).hexdigest(),
            rule=rule,
            state=DefectState.FOUND,
        )
        usual = {
            "result_id": result, "defect_id": defect, "position": self.position, "rule": rule, "outcome": outcome,
            "impact": Impact.SERIOUS, "frame": [], "target": [f"#main > p:nth-child({self.position})"],
            "snippet": '<img src="/img/banner.png">', "checks": [], "box": None,
        }  # fmt: skip
        await self.insert(Finding, **(usual | values))

    async def assertions(self, result: int, edition: Edition = Edition.JIS2016) -> None:
        """Derive the assertions of a result from its findings."""
        counts: dict[str, list[int]] = {}
        query = sa.select(Finding.rule, Finding.outcome).where(Finding.result_id == result)
        for rule, outcome in await self.connection.execute(query):
            for number in RULE_CRITERIA.get(rule, []):
                counts.setdefault(number, [0, 0])[outcome is Outcome.CANT_TELL] += 1
        for number, (failed, cant_tell) in counts.items():
            await self.insert(
                Assertion,
                result_id=result,
                criterion=number,
                assertor=Assertor.AXE,
                level=criteria(edition)[number].level,
                failed_places=failed,
                cant_tell_places=cant_tell,
            )


async def mixed(database: Database) -> int:
    """A sweep of method d with one of everything; returns its number."""
    async with database.writing() as connection:
        writer = Writer(connection)
        note = {"about": "sitemap", "address": "https://www.example.metro.tokyo.lg.jp/<s>.xml", "said": HOSTILE[1]}
        await writer.begin(notes=[note])
        await _scope(writer)
        await _busy_page(writer)
        await _hostile_page(writer)
        await _quiet_pages(writer)
        await _unaudited(writer)
    return writer.sweep


async def exempted(database: Database, sweep: int) -> None:
    """Exceptions of every scope in force when the sweep finished: of a defect, a place, and a rule on a pattern."""
    async with database.writing() as connection:
        writer = Writer(connection)
        rows = await connection.execute(
            sa.select(Finding.rule, Finding.defect_id, Visit.page_id, Page.site_id)
            .join(Visit, Visit.result_id == Finding.result_id)
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.sweep_id == sweep, Finding.outcome == Outcome.FAILED)
            .order_by(Finding.id)
        )
        first = {rule: (defect, page, site) for rule, defect, page, site in reversed(rows.all())}
        site = first["image-alt"][2]
        usual = {"site_id": site, "person": "田中 <b>", "at": START, "until": date(2026, 7, 4), "text": HOSTILE[1]}
        for scope in (
            {"defect_id": first["image-alt"][0], "reason": ExceptionReason.NO_SOURCE_DATA},
            {
                "defect_id": first["link-name"][0], "page_id": first["link-name"][1],
                "reason": ExceptionReason.FALSE_ALARM, "reviewed_by": "鈴木", "reviewed_at": START, "agrees": True,
            },
            {"rule": "color-contrast", "pattern": "/*", "reason": ExceptionReason.THIRD_PARTY},
        ):  # fmt: skip
            await writer.insert(Exemption, **usual, **scope)


async def _scope(writer: Writer) -> None:
    for kind, pattern, reason in (
        (ScopeKind.INCLUDE, "https://www.koho.example.tokyo.lg.jp/", None),
        (ScopeKind.EXCLUDE, "/kako/", "古い資料で元データがないため"),
        (ScopeKind.EXCLUDE, "/archive/*.html", "古い資料で元データがないため"),
        (ScopeKind.EXCLUDE, "/widget/", "外部サービス<b>"),
    ):
        await writer.insert(ScopeRule, sweep_id=writer.sweep, kind=kind, pattern=pattern, reason=reason)


async def _busy_page(writer: Writer) -> None:
    """The top page: a picture with crowded markers, frames, shadow roots, every kind of finding."""
    boxes = [[40 + 160 * (i % 7), 130 + 70 * (i // 7), 140, 50] for i in range(26)]
    boxes += [[600, 1200, 60, 20]] * 6
    image = png(1280, 2000, boxes)
    picture = await writer.picture(image, 1280, 2000)
    clip = await writer.picture(png(300, 120, [[20, 95, 200, 20]]), 300, 120)
    visit = await writer.visit(
        "https://www.example.metro.tokyo.lg.jp/",
        title="東京都みどり局　トップページ",
        depth=0,
        found_by=FoundBy.START,
    )
    await writer.insert(
        Draw,
        sweep_id=writer.sweep,
        visit_id=visit,
        part=Part.REPRESENTATIVE,
        rank=1,
        why="top kind:emergency template:3",
    )
    await writer.insert(Draw, sweep_id=writer.sweep, visit_id=visit, part=Part.RANDOM, rank=3)
    result = await writer.result(
        visit,
        picture_id=picture,
        pictured_height=2000,
        settled=False,
        untested=[
            {
                "part": "frame",
                "where": ["iframe#map", ["x-map", "iframe"]],
                "why": "https://maps.example.com/ did not load",
            },
            {"part": "closed shadow root", "where": ["x-chat"], "why": "declared closed in the page's source"},
        ],
    )
    for index in range(26):
        await writer.finding(
            result, "image-alt", box=boxes[index], impact=Impact.CRITICAL, picture_id=clip if index == 0 else None
        )
    for index in range(4):
        await writer.finding(
            result, "color-contrast", box=boxes[26 + index],
            snippet='<a class="more" href="/news/">もっと見る</a>',
            checks=[{"id": "color-contrast", "data": {"fgColor": "#999999", "bgColor": "#ffffff",
                     "contrastRatio": 2.84, "fontSize": "10.5pt (14px)", "fontWeight": "normal",
                     "expectedContrastRatio": "4.5:1",
                     "messageKey": None}}],
        )  # fmt: skip
    await writer.finding(
        result,
        "link-name",
        frame=["iframe#news"],
        target=["a.icon"],
        box=[10, 2300, 20, 20],
        impact=Impact.SERIOUS,
    )
    await writer.finding(
        result, "label", frame=[["x-search", "iframe"]], target=["x-search", "input"], impact=Impact.CRITICAL
    )
    await writer.finding(
        result,
        "color-contrast",
        Outcome.CANT_TELL,
        box=[200, 20, 400, 60],
        snippet='<h1 class="hero">緑のまちづくり</h1>',
        checks=[
            {"id": "color-contrast", "data": {"messageKey": "bgImage"}},
            {"id": "unknown-check", "data": None},
        ],
    )
    await writer.finding(result, "color-contrast-enhanced", box=boxes[30])
    for index in range(2):
        await writer.finding(result, "region", box=[0, 1500 + 80 * index, 1280, 60], impact=Impact.MODERATE)
    await writer.assertions(result)


async def _hostile_page(writer: Writer) -> None:
    """A page whose every text tries to break out."""
    visit = await writer.visit(
        "https://www.example.metro.tokyo.lg.jp/a?q=%3Cscript%3E&x='\"<b>", title="".join(HOSTILE[:5])
    )
    await writer.insert(
        Draw, sweep_id=writer.sweep, visit_id=visit, part=Part.REPRESENTATIVE, rank=2, why="<i>特集</i>"
    )
    result = await writer.result(
        visit, untested=[{"part": "<b>x</b>", "where": HOSTILE[1], "why": HOSTILE[0]}], page_height=10
    )
    for text in HOSTILE:
        await writer.finding(
            result,
            "list",
            snippet=storable(text),
            target=[text],
            frame=[text],
            impact=None,
            checks=[{"id": "list", "data": {"values": text, "messageKey": text}}],
        )
    await writer.finding(result, "no-such-rule")
    await writer.assertions(result)
    odd = await writer.visit("javascript:alert(document.domain)", title="=1+1")
    await writer.insert(Draw, sweep_id=writer.sweep, visit_id=odd, part=Part.RANDOM, rank=1)
    await writer.result(odd)


async def _quiet_pages(writer: Writer) -> None:
    """Pages with nothing, little, or no result, drawn at random."""
    for rank in range(4, 9):
        address = f"https://www.example.metro.tokyo.lg.jp/koho/{rank}/index.html"
        visit = await writer.visit(address, title=f"広報みどり 第{rank}号")
        await writer.insert(Draw, sweep_id=writer.sweep, visit_id=visit, part=Part.RANDOM, rank=rank)
        result = await writer.result(visit)
        if rank % 2:
            await writer.finding(result, "heading-order", impact=Impact.MINOR)
        if rank == 6:
            await writer.finding(result, "html-has-lang")
        await writer.assertions(result)
    crashed = await writer.visit(
        "https://www.example.metro.tokyo.lg.jp/heavy.html",
        state=VisitState.UNAUDITED,
        reason=Reason.CRASHED,
        detail="Target crashed",
    )
    await writer.insert(Draw, sweep_id=writer.sweep, visit_id=crashed, part=Part.RANDOM, rank=2)


async def _unaudited(writer: Writer) -> None:
    reasons = [reason for reason in Reason if reason is not Reason.CRASHED]
    for index, reason in enumerate(reasons):
        for copy in range(1 if reason is not Reason.NOT_FOUND else 203):
            await writer.visit(
                f"https://www.example.metro.tokyo.lg.jp/x/{reason.value}/{copy}",
                state=VisitState.UNAUDITED,
                reason=reason,
                http_status=404 if reason is Reason.NOT_FOUND else None,
                content_type=None,
                found_on_id=1,
                leads_to_id=1 if reason is Reason.REDIRECT else None,
                detail="古い資料で元データがないため"
                if reason is Reason.EXCLUDED
                else storable(HOSTILE[index % len(HOSTILE)]),
            )
    for number in range(30):
        await writer.visit(f"https://www.example.metro.tokyo.lg.jp/rest/{number}.html", title=f"その他 {number}")


async def survey(database: Database, sweep: int) -> None:
    """Make a sweep a survey: its first page meets a condition of the ministry's in its source."""
    async with database.writing() as connection:
        writer = Writer(connection)
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(mic=mic.VERSION))
        query = sa.select(Visit.result_id).where(Visit.sweep_id == sweep, Visit.result_id.is_not(None))
        result = await connection.scalar(query.order_by(Visit.id).limit(1))
        assert result is not None
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))
        defect = await writer.insert(
            Defect, site_id=site, digest="f" * 64, rule="mic-C_423.0", state=DefectState.FOUND
        )
        place = [{"id": "source-place", "data": {"line": 12, "column": 3}, "impact": None}]
        await writer.insert(
            Finding, result_id=result, defect_id=defect, position=9999, rule="mic-C_423.0", outcome=Outcome.FAILED,
            impact=None, frame=[], target=[], snippet='<p id="madoguchi">', checks=place, box=None,
        )  # fmt: skip
        row = {"result_id": result, "criterion": "4.1.1", "assertor": Assertor.MIC, "level": Level.A,
               "failed_places": 1, "cant_tell_places": 0}  # fmt: skip
        await connection.execute(sa.insert(Assertion), [row])


async def further(database: Database, sweep: int) -> None:
    """Judge a sweep by WCAG 2.2 as well: its first page has a target that only that edition finds too small."""
    async with database.writing() as connection:
        writer = Writer(connection)
        own = await connection.scalar(sa.select(Sweep.rule_criteria).where(Sweep.id == sweep)) or {}
        shared = {rule: numbers for rule, numbers in own.items() if "4.1.1" not in numbers}
        also = {"also": Edition.WCAG22, "also_criteria": {**shared, "target-size": ["2.5.8"]}}
        await connection.execute(sa.update(Sweep).where(Sweep.id == sweep).values(also))
        query = sa.select(Visit.result_id).where(Visit.sweep_id == sweep, Visit.result_id.is_not(None))
        result = await connection.scalar(query.order_by(Visit.id).limit(1))
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep))
        defect = await writer.insert(
            Defect, site_id=site, digest="e" * 64, rule="target-size", state=DefectState.FOUND
        )
        await writer.insert(
            Finding, result_id=result, defect_id=defect, position=9998, rule="target-size", outcome=Outcome.FAILED,
            impact=Impact.SERIOUS, frame=[], target=["button"], snippet="<button>1</button>", checks=[], box=None,
        )  # fmt: skip


async def unbegun(database: Database) -> int:
    """A sweep that was stopped while it looked for pages: nothing chosen, nothing audited; returns its number."""
    async with database.writing() as connection:
        writer = Writer(connection)
        later = dict.fromkeys(
            ["method", "engine", "engine_version", "rule_set", "rule_criteria", "browser", "finished_at"]
        )
        later |= dict.fromkeys(["explored_at", "chosen_at"])
        await writer.begin(address="http://www.example.jp:8080/a b/", state=SweepState.EXPLORING, **later)
        await writer.visit("http://www.example.jp:8080/a b/", state=VisitState.FOUND)
    return writer.sweep


async def census(database: Database, pages: int, findings: int = 8) -> int:
    """A sweep of method a with this many audited pages; returns its number."""
    async with database.writing() as connection:
        writer = Writer(connection)
        await writer.begin(method=Method.ALL, pages_asked=None, random_asked=None)
        defect = await writer.insert(
            Defect, site_id=writer.site, digest="0" * 64, rule="image-alt", state=DefectState.FOUND
        )
        for first in range(1, pages + 1, 1000):
            numbers = range(first, min(first + 1000, pages + 1))
            await _insert_many(connection, numbers, writer, defect, findings)
    return writer.sweep


async def _insert_many(
    connection: AsyncConnection, numbers: range, writer: Writer, defect: int, findings: int
) -> None:
    base = writer.site * 10_000_000
    rules = [rule for rule in RULE_CRITERIA if rule != "color-contrast-enhanced"]
    await connection.execute(sa.insert(Page), [
        {"id": base + n, "site_id": writer.site, "address": f"https://www.example.metro.tokyo.lg.jp/p/{n}.html"}
        for n in numbers
    ])  # fmt: skip
    await connection.execute(sa.insert(Result), [
        {"id": base + n, "digest": f"{base + n:064}", "page_id": base + n, "engine": "axe-core",
         "engine_version": "4.14.1", "rule_set": "r", "edition": Edition.JIS2016, "viewport_width": 1280,
         "viewport_height": 1024, "taken_at": START, "settled": True, "untested": [], "page_width": 1280,
         "page_height": 3000}
        for n in numbers
    ])  # fmt: skip
    await connection.execute(sa.insert(Visit), [
        {"id": base + n, "sweep_id": writer.sweep, "page_id": base + n, "state": VisitState.AUDITED, "depth": 3,
         "found_by": FoundBy.LINK, "in_sitemap": True, "http_status": 200, "content_type": "text/html",
         "title": f"お知らせ {n}", "kinds": [], "rendered": False, "tries": 1, "result_id": base + n,
         "audited_at": START}
        for n in numbers
    ])  # fmt: skip
    await connection.execute(sa.insert(Draw), [
        {"sweep_id": writer.sweep, "visit_id": base + n, "part": Part.CENSUS, "rank": n} for n in numbers
    ])  # fmt: skip
    rows: list[dict[str, Any]] = []
    counts: list[dict[str, Any]] = []
    for n in numbers:
        failed: dict[str, int] = {}
        for position in range(1, n % (findings * 2) + 1):
            rule = rules[(n + position) % len(rules)]
            rows.append({
                "result_id": base + n, "defect_id": defect, "position": position, "rule": rule,
                "outcome": Outcome.FAILED, "impact": Impact.SERIOUS, "frame": [], "target": ["#x"],
                "snippet": '<a href="/">' + "長い文章" * 10 + "</a>", "checks": [],
            })  # fmt: skip
            for number in RULE_CRITERIA.get(rule, []):
                failed[number] = failed.get(number, 0) + 1
        counts += [
            {"result_id": base + n, "criterion": number, "assertor": Assertor.AXE,
             "level": criteria(Edition.JIS2016)[number].level,
             "failed_places": places, "cant_tell_places": 0}
            for number, places in failed.items()
        ]  # fmt: skip
    if rows:
        await connection.execute(sa.insert(Finding), rows)
        await connection.execute(sa.insert(Assertion), counts)
