"""A generated site of any size whose truth is known: every address can be asked what it must end as.

    python -m bench.generated --pages 10000 --seed 1

Prints its address, serves until standard input ends, then prints what it was asked for as one JSON object.
Pages hang in a tree and are made when they are asked for, from their number and the seed alone: nothing is kept.
`Site.resolve` reads an address; the server renders what it names, and the bench judges by it what a crawl said.
"""

import argparse
import asyncio
import json
import re
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from random import Random
from urllib.parse import parse_qsl

FANOUT = 40  # pages below one list
FRAMES = 5  # documents that pages show in frames
LISTED = 10_000  # addresses in one sitemap file
BEGAN = "Mon, 02 Nov 2026 00:00:00 GMT"
CLERK = "bench/generated"

WORDS = """
    環境 河川 公園 緑地 大気 水質 下水道 廃棄物 資源 再生 温暖化 省エネ 太陽光 騒音 振動 土壌 地盤 生物 多様性 保全
    申請 届出 許可 審査 手数料 窓口 予約 相談 講座 募集 入札 契約 補助金 助成 計画 条例 要綱 会議 議事録 資料 統計 調査
    報告 白書 概要 説明会 工事 通行止め 断水 避難 防災 浸水 雨量 水位 観測 測定 結果 基準 指導 研修 学校 地域 協議会
    ボランティア 清掃 植樹 自然 観察 里山 水辺 親水 遊歩道 施設 利用 開館 休館 料金 減免 様式 記入例 提出 期限 延長
""".split()  # noqa: SIM905
SLUGS = ("oshirase", "hodo", "kiji", "annai", "jigyo", "shingikai", "tokei", "boshu")
BUREAUS = ("総務局", "環境局", "建設局", "水道局", "都市整備局", "福祉局", "産業局", "教育庁")
YEARS = tuple(range(2026, 2016, -1))


class Kind(StrEnum):
    """What an address of the site is."""

    PAGE = "page"
    COPY = "copy"  # a page under another address
    TRAP = "trap"  # one of endlessly many
    MOVED = "moved"
    LOOP = "loop"
    OUT = "out"
    GONE = "gone"
    FAILING = "failing"
    SOFT = "soft"  # not there, but answered with 200
    DOCUMENT = "document"
    UNSAFE = "unsafe"
    CLOSED = "closed"  # disallowed by robots.txt
    RESOURCE = "resource"  # a script, a list for one, a sitemap: no address that is kept
    NOTHING = "nothing"


ENDS = {
    Kind.PAGE: {"explored"},
    Kind.COPY: {"duplicate", "unsafe"},
    Kind.TRAP: {"trap", "pattern_limit", "depth_limit", "duplicate", "explored"},
    Kind.MOVED: {"redirect"},
    Kind.LOOP: {"redirect_loop"},
    Kind.OUT: {"redirect_out"},
    Kind.GONE: {"not_found"},
    Kind.FAILING: {"server_error"},
    Kind.SOFT: {"soft_not_found", "trap"},  # all say the same: once that is known, the others are not asked for
    Kind.DOCUMENT: {"not_html"},
    Kind.UNSAFE: {"unsafe"},
    Kind.CLOSED: {"robots"},
    Kind.RESOURCE: {"not_html"},
    Kind.NOTHING: {"not_found"},
}  # what an address of each kind may end as: a state, or the reason where there is no result


class Found(StrEnum):
    """The only way, or ways, in which a page can be found."""

    BOTH = "links and sitemap"
    LINKS = "links only"
    SITEMAP = "sitemap only"
    SCRIPT = "script only"


@dataclass(frozen=True, kw_only=True)
class Meant:
    """What an address names."""

    kind: Kind
    page: str = ""  # the one address of the page, of a page and its copies
    number: int = 0  # of the page or of the thing
    name: str = ""  # which kind of trap, copy, document …


class Site:
    """The truth: which pages there are, where they are linked, and what any address is."""

    def __init__(self, pages: int, seed: int) -> None:
        self.pages = pages
        self.seed = seed
        self.things = max(3, pages // 200)  # of each kind that is no page

    # ── pages by number ────────────────────────────────────────────────────────────────────────────

    def draw(self, number: int, what: int, below: int) -> int:
        """A number below a limit that is always the same for one page and one question."""
        mixed = (number * 0x9E3779B97F4A7C15 + what * 0xC2B2AE3D27D4EB4F + self.seed * 0x165667B19E3779F9) & (
            2**64 - 1
        )
        mixed ^= mixed >> 29
        mixed = mixed * 0xBF58476D1CE4E5B9 & (2**64 - 1)
        return (mixed ^ mixed >> 32) % below

    def is_list(self, number: int) -> bool:
        """Whether pages hang below this one."""
        return number * FANOUT + 1 < self.pages

    def below(self, number: int) -> range:
        """The pages that hang below one."""
        return range(number * FANOUT + 1, min(self.pages, number * FANOUT + FANOUT + 1))

    def is_scripted(self, number: int) -> bool:
        """Whether a list is filled by a script; only lists at the end of the tree are."""
        return number % 20 == 7 and self.is_list(number) and not self.is_list(number * FANOUT + 1)

    def found(self, number: int) -> Found:
        """How a page can be found."""
        if self.is_list(number):
            return Found.BOTH
        if number and self.is_scripted((number - 1) // FANOUT):
            return Found.SCRIPT
        drawn = self.draw(number, 1, 100)
        return Found.SITEMAP if drawn < 10 else Found.LINKS if drawn < 35 else Found.BOTH

    def is_linked(self, number: int) -> bool:
        """Whether a static link may lead to a page."""
        return number < self.pages and self.found(number) in (Found.BOTH, Found.LINKS)

    def path(self, number: int) -> str:
        """The one address of a page, without the origin."""
        if number == 0:
            return "/"
        if self.by_query(number):
            return f"/shiryo/view.cgi?id={number}&lang=ja"
        slug = f"{SLUGS[self.draw(number, 2, len(SLUGS))]}{number}"
        return f"{self.path((number - 1) // FANOUT)}{slug}{'/' if self.is_list(number) else '.html'}"

    def by_query(self, number: int) -> bool:
        """Whether the page's address has parameters."""
        return not self.is_list(number) and self.draw(number, 3, 1000) < 20

    def trait(self, number: int) -> str:
        """What is particular about a page: its encoding, a counter, only numbers that tell it from others."""
        drawn = self.draw(number, 4, 1000)
        if self.is_list(number) or drawn >= 90:
            return ""
        return "sjis" if drawn < 20 else "counter" if drawn < 40 else "minutes" if drawn < 80 else "framed"

    def copies(self, number: int) -> Iterator[str]:
        """Other addresses of a page that something links to."""
        path, drawn = self.path(number), self.draw(number, 5, 1000)
        joint = "&" if "?" in path else "?"
        if self.is_list(number):
            if number and drawn < 100:
                yield f"{path}index.html"
            elif number and drawn < 200:
                yield path.removesuffix("/")
            return
        if self.by_query(number):
            yield f"/shiryo/view.cgi?lang=ja&id={number}"
            return
        if self.trait(number) == "counter":
            yield f"{path}?rev=2"
            return
        for name, first in COPIES.items():
            if first <= drawn < first + 10:
                yield {
                    "session": f"{path}{joint}PHPSESSID={drawn:08x}{number:08x}",
                    "token": f"{path}{joint}sid={drawn:06x}{number:06x}",
                    "campaign": f"{path}{joint}utm_source=mail&utm_medium=news",
                    "origin": f"{path}{joint}from=top",
                    "case": path.upper().replace(".HTML", ".html"),
                    "print": f"{path}{joint}print=1",
                    "mirror": f"/archive{path}",
                }[name]

    # ── addresses ──────────────────────────────────────────────────────────────────────────────────

    def resolve(self, target: str) -> Meant:
        """What a path with its query names."""
        path, _, query = target.partition("?")
        for reading in (self._fixed, self._thing, self._trap):
            meant = reading(path, query)
            if meant is not None:
                return meant
        return self._page(path, query)

    def _fixed(self, path: str, query: str) -> Meant | None:
        if path in (
            "/robots.txt",
            "/favicon.ico",
            "/js/site.js",
            "/js/list.js",
            "/css/site.css",
        ) or path.startswith("/sitemap"):
            return Meant(kind=Kind.RESOURCE, name=path)
        if path.endswith("/list.json"):
            return Meant(kind=Kind.RESOURCE, name="list", number=_last_number(path))
        if found := re.fullmatch(r"/parts/waku(\d+)\.html", path):
            return Meant(kind=Kind.PAGE, page=path, name="frame", number=int(found[1]))
        return None

    def _thing(self, path: str, query: str) -> Meant | None:
        whole = f"{path}?{query}" if query else path
        for pattern, kind in THINGS:
            found = pattern.fullmatch(whole)
            if found and int(found[1]) < self.things:
                return Meant(kind=kind, number=int(found[1]), name=whole)
        return Meant(kind=Kind.SOFT, name=whole) if path.startswith("/kyu/") else None

    def _trap(self, path: str, query: str) -> Meant | None:
        for name, (start, pattern) in TRAPS.items():
            if f"{path}?{query}" in (start, f"{start}?"):
                return Meant(kind=Kind.PAGE, page=start, name=name)
            if pattern.fullmatch(path):
                return Meant(kind=Kind.TRAP, name=name)
        return None

    def _page(self, path: str, query: str) -> Meant:
        given = dict(parse_qsl(query, keep_blank_values=True))
        plain = re.sub(r"(?i)^/archive(?=/)", "", path).lower()
        number = int(given.get("id", "0")) if plain == "/shiryo/view.cgi" else _last_number(plain)
        if not 0 <= number < self.pages or (number == 0 and plain not in ("/", "/index.html")):
            return Meant(kind=Kind.NOTHING)
        own = self.path(number)
        if f"{path}?{query}" in (own, f"{own}?"):
            return Meant(kind=Kind.PAGE, page=own, number=number)
        spelled = {own.partition("?")[0], own.removesuffix("/"), f"{own}index.html"}
        known = plain in spelled and given.keys() <= PARAMETERS
        return Meant(kind=Kind.COPY if known else Kind.NOTHING, page=own if known else "", number=number)

    # ── what there is ──────────────────────────────────────────────────────────────────────────────

    @cached_property
    def all_pages(self) -> dict[str, str]:
        """Every page by its address, with how it can be found."""
        pages = {self.path(number): self.found(number).value for number in range(self.pages)}
        pages |= {f"/parts/waku{number}.html": Found.LINKS.value for number in range(FRAMES)}
        return pages | {start: Found.LINKS.value for start, _ in TRAPS.values()}

    def things_linked(self) -> Iterator[str]:
        """Every address that is no page and no copy and that some page links to."""
        for number in range(self.things):
            yield from (each.format(number) for each in LINKED)

    def copies_linked(self) -> Iterator[str]:
        """Every second address of a page that some page links to."""
        for number in range(self.pages):
            if self.is_linked(number):
                yield from self.copies(number)


COPIES = {name: 10 * place for place, name in enumerate(
    ("session", "token", "campaign", "origin", "case", "print", "mirror")
)}  # fmt: skip
PARAMETERS = {"id", "lang", "rev", "PHPSESSID", "sid", "utm_source", "utm_medium", "from", "print"}
LINKED = (
    "/ido/kusari{}.html", "/ido/wa{}a.html", "/ido/soto{}.html", "/haishi/{}.html", "/haishi/{}-410.html",
    "/kyu/{}.html", "/cgi-bin/error{}.cgi", "/files/shiryo{}.pdf", "/files/yoshiki{}.docx", "/files/hyo{}.xlsx",
    "/files/zu{}.png", "/files/get.cgi?doc={}", "/member/logout?from={}", "/cart/add?item={}",
    "/kanri/delete?id={}", "/kiji/{}/print", "/naibu/memo{}.html",
)  # fmt: skip
THINGS = tuple((re.compile(pattern), kind) for pattern, kind in (
    (r"/ido/kusari(\d+)[bc]?\.html", Kind.MOVED),
    (r"/ido/wa(\d+)[ab]\.html", Kind.LOOP),
    (r"/ido/soto(\d+)\.html", Kind.OUT),
    (r"/haishi/(\d+)(?:-410)?\.html", Kind.GONE),
    (r"/kyu/(\d+)\.html", Kind.SOFT),
    (r"/cgi-bin/error(\d+)\.cgi", Kind.FAILING),
    (r"/files/(?:shiryo|yoshiki|hyo|zu)(\d+)\.(?:pdf|docx|xlsx|png)", Kind.DOCUMENT),
    (r"/files/get\.cgi\?doc=(\d+)", Kind.DOCUMENT),
    (r"/member/logout\?from=(\d+)", Kind.UNSAFE),
    (r"/cart/add\?item=(\d+)", Kind.UNSAFE),
    (r"/kanri/delete\?id=(\d+)", Kind.UNSAFE),
    (r"/kiji/(\d+)/print", Kind.UNSAFE),
    (r"/naibu/memo(\d+)\.html", Kind.CLOSED),
))  # fmt: skip
TRAPS = {name: (start, re.compile(pattern)) for name, start, pattern in (
    ("calendar by path", "/event/calendar/2026/11/", r"/event/calendar/\d+/\d+/"),
    ("calendar by query", "/event/cal.cgi?y=2026&m=11", r"/event/cal\.cgi"),
    ("facets", "/kensaku/", r"/kensaku/"),
    ("deeper and deeper", "/deep/", r"/deep/(?:x/)*"),
    ("reflected path", "/reflect/", r"/reflect/.*"),
    ("next page", "/shinchaku/?page=1", r"/shinchaku/"),
)}  # fmt: skip


def _last_number(path: str) -> int:
    found = re.findall(r"\d+", path)
    return int(found[-1]) if found else 0


# ── rendering ──────────────────────────────────────────────────────────────────────────────────────

HTML = "text/html; charset=utf-8"
NAVIGATION = "".join(
    f'<li><a href="{path}">{name}</a></li>'
    for path, name in (
        ("/", "トップ"), *((start, {"calendar by path": "行事予定", "calendar by query": "施設の空き", "facets": "検索",
        "deeper and deeper": "分野別", "reflected path": "組織別", "next page": "新着情報"}[name])
        for name, (start, _) in TRAPS.items()),
    )
)  # fmt: skip
FRAME = """<!DOCTYPE html>
<html lang="ja"><head><meta charset="{charset}"><title>{title}｜見本市</title>
<meta name="viewport" content="width=device-width"><link rel="stylesheet" href="/css/site.css">
<script src="/js/site.js"></script></head>
<body><a class="skip" href="#honbun">本文へ</a>
<header><p class="logo"><a href="/">見本市</a></p><p>文字の大きさ 標準 拡大</p></header>
<nav aria-label="主な案内"><ul>{navigation}</ul></nav>
<nav aria-label="現在位置"><ol>{crumbs}</ol></nav>
<main id="honbun"><h1>{title}</h1>{body}</main>
<aside><h2>関連情報</h2><ul>{related}</ul></aside>
<footer><address>見本市役所 〒100-0000 見本市中央一丁目1番1号 電話 03-0000-0000（代表）</address>
<p>開庁時間 午前8時30分から午後5時15分まで（土曜日・日曜日・祝日・年末年始を除く）</p><small>© 見本市</small></footer>
</body></html>"""
LIST_JS = b"""fetch("list.json").then((answer) => answer.json()).then((all) => {
  const list = document.getElementById("ichiran"), root = list.dataset.root ? list.attachShadow({mode: "open"}) : list;
  for (const {path, title} of all) {
    const item = document.createElement("p"), link = document.createElement("a");
    link.href = path; link.textContent = title; item.append(link); root.append(item);
  }
});"""
TYPES = {
    "pdf": "application/pdf",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "png": "image/png",
}


class Renderer:
    """The answers of the site, as bytes ready to be sent."""

    def __init__(self, site: Site, origin: str) -> None:
        self.site = site
        self.origin = origin
        self.served = 0  # the counter that some pages show

    def answer(self, target: str) -> bytes:
        """The whole answer for a path with its query."""
        self.served += 1
        meant = self.site.resolve(target)
        match meant.kind:
            case Kind.PAGE | Kind.TRAP if meant.name in TRAPS:
                return self._trap(meant.name, target)
            case Kind.PAGE | Kind.COPY:
                return self._part(meant.number) if meant.name == "frame" else self._page(meant.number, target)
            case Kind.RESOURCE:
                return self._resource(meant)
            case Kind.DOCUMENT:
                return self._document(meant)
            case Kind.MOVED | Kind.LOOP | Kind.OUT:
                return _moved(self._leads_to(meant))
            case Kind.GONE if meant.name.endswith("-410.html"):
                return self._missing("410 Gone")
            case Kind.FAILING:
                return _http(b"<h1>500</h1>", status="500 Internal Server Error")
            case Kind.SOFT:
                return self._missing("200 OK")
            case Kind.UNSAFE | Kind.CLOSED:
                return self._framed("完了しました", "<p>処理が完了しました。</p>")
        return self._missing("404 Not Found")

    def _page(self, number: int, target: str) -> bytes:
        site = self.site
        chance = Random(number * 7919 + site.seed)
        title = self._title(number)
        body = [self._text(number, chance)]
        if site.is_list(number):
            body.append(self._list(number))
        if site.trait(number) == "framed":
            body.append(f'<iframe title="お知らせ" src="/parts/waku{number % FRAMES}.html"></iframe>')
        body += [_link(path) for path in self._things(number)]
        if "print=1" in target:
            return _http(f'<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>{title}｜見本市</title>'
                         f"<body><h1>{title}</h1>{''.join(body)}</body></html>".encode())  # fmt: skip
        body += [_link(path) for path in site.copies(number) if "print=1" in path]
        return self._framed(
            title, "".join(body), self._crumbs(number), self._related(number),
            "shift_jis" if site.trait(number) == "sjis" else "utf-8",
        )  # fmt: skip

    def _title(self, number: int) -> str:
        if self.site.trait(number) == "minutes":
            return f"環境審議会 第{number}回 会議録"
        first, second = (WORDS[self.site.draw(number, what, len(WORDS))] for what in (6, 7))
        return f"{first}と{second}のご案内（{number}）" if number else "見本市"

    def _text(self, number: int, chance: Random) -> str:
        if self.site.trait(number) == "minutes":
            day = f"{2000 + number % 26}年{number % 12 + 1}月{number % 28 + 1}日"
            return (
                f"<p>第{number}回の審議会を{day}に開きました。出席者は{number % 17 + 3}名でした。</p>"
                + 12 * MINUTES
            )
        lines = ["、".join(chance.choices(WORDS, k=9)) for _ in range(14)]
        written = "".join(f"<p>{line}について、{BUREAUS[number % 8]}からお知らせします。</p>" for line in lines)
        if self.site.trait(number) == "counter":
            return (
                written
                + f"<p>あなたは{self.served}人目の訪問者です。表示日時 {time.strftime('%Y年%m月%d日 %H:%M:%S')}</p>"
            )
        return written + f"<p>更新日 {YEARS[number % 10]}年{number % 12 + 1}月{number % 28 + 1}日</p>"

    def _list(self, number: int) -> str:
        site = self.site
        if site.is_scripted(number):
            root = ' data-root="1"' if number % 40 == 7 else ""
            return f'<div id="ichiran"{root}></div><script src="/js/list.js"></script>'
        years: dict[int, list[str]] = {}
        for each in site.below(number):
            if site.is_linked(each):
                links = [_item(site.path(each), self._title(each))]
                links += [_item(path, self._title(each)) for path in site.copies(each) if "print=1" not in path]
                years.setdefault(YEARS[each % 10], []).extend(links)
        return "".join(f"<h2>{year}年</h2><ul>{''.join(years[year])}</ul>" for year in sorted(years, reverse=True))

    def _things(self, number: int) -> Iterator[str]:
        """Two pages link to each of the things that are no page."""
        if number % 5 in (1, 2) and number // 5 < self.site.things:
            yield from (each.format(number // 5) for each in LINKED)

    def _crumbs(self, number: int) -> str:
        way = []
        while number:
            number = (number - 1) // FANOUT
            way.append(_item(self.site.path(number), self._title(number)))
        return "".join(reversed(way))

    def _related(self, number: int) -> str:
        drawn = (self.site.draw(number, what, self.site.pages) for what in (8, 9, 10))
        return "".join(
            _item(self.site.path(each), self._title(each)) for each in drawn if self.site.is_linked(each)
        )

    def _framed(self, title: str, body: str, crumbs: str = "", related: str = "", charset: str = "utf-8",
                status: str = "200 OK") -> bytes:  # fmt: skip
        text = FRAME.format(
            title=title, body=body, crumbs=crumbs, related=related, navigation=NAVIGATION, charset=charset
        )
        encoded = text.encode("cp932", "replace") if charset == "shift_jis" else text.encode()
        return _http(encoded, "text/html" if charset == "shift_jis" else HTML, status)

    def _missing(self, status: str) -> bytes:
        said = "<p>お探しのページは、移動したか、掲載を終了しました。</p>"
        return self._framed("ページが見つかりません", said, status=status)

    def _part(self, number: int) -> bytes:
        return _http(f'<!DOCTYPE html><html lang="ja"><meta charset="utf-8"><title>枠{number}</title>'
                     f"<p>{WORDS[number]}と{WORDS[number + 9]}のお知らせを{WORDS[number + 20]}で流しています。</p>".encode())  # fmt: skip

    def _resource(self, meant: Meant) -> bytes:
        site = self.site
        if meant.name == "list":
            all_below = [{"path": site.path(each), "title": self._title(each)} for each in site.below(meant.number)]
            return _http(json.dumps(all_below).encode(), "application/json")
        if meant.name == "/robots.txt":
            text = f"User-agent: *\nDisallow: /naibu/\nSitemap: {self.origin}/sitemap.xml\n"
            return _http(text.encode(), "text/plain")
        if meant.name == "/sitemap.xml":
            files = range(-(-site.pages // LISTED))
            listed = "".join(f"<sitemap><loc>{self.origin}/sitemap-{each}.xml</loc></sitemap>" for each in files)
            return _sitemap("sitemapindex", listed)
        if meant.name.startswith("/sitemap-"):
            first = _last_number(meant.name) * LISTED
            some = range(first, min(site.pages, first + LISTED))
            paths = (site.path(each) for each in some if site.found(each) in (Found.BOTH, Found.SITEMAP))
            return _sitemap("urlset", "".join(
                f"<url><loc>{self.origin}{path.replace('&', '&amp;')}</loc></url>" for path in paths
            ))  # fmt: skip
        script = meant.name.endswith(".js")
        body = LIST_JS if meant.name == "/js/list.js" else b"void 0;" if script else b"body { margin: 1em }"
        return _http(body, "text/javascript" if script else "text/css")

    def _document(self, meant: Meant) -> bytes:
        kind = TYPES.get(meant.name.rpartition(".")[2], TYPES["pdf"])
        return _http(f"%PDF-1.4 {meant.name}".encode() * 50, kind, extra=f"Last-Modified: {BEGAN}\r\n")

    def _leads_to(self, meant: Meant) -> str:
        if meant.kind is Kind.OUT:
            return f"http://www.example.invalid/{meant.number}"
        if meant.kind is Kind.LOOP:
            return (
                meant.name.replace("a.html", "b.html")
                if "a.html" in meant.name
                else meant.name.replace("b.html", "a.html")
            )
        next_letter = {"b": "c", "c": ""}.get(meant.name[-6], "b")
        return f"/ido/kusari{meant.number}{next_letter}.html" if next_letter else self.site.path(meant.number)

    # ── traps ──────────────────────────────────────────────────────────────────────────────────────

    def _trap(self, name: str, target: str) -> bytes:
        path, _, query = target.partition("?")
        given = dict(parse_qsl(query))
        match name:
            case "calendar by path":
                year, month = map(int, re.findall(r"\d+", path))
                return self._calendar(year, month, "/event/calendar/{}/{}/")
            case "calendar by query":
                year, month = (int(given.get(each) or 1) for each in "ym")
                return self._calendar(year, month, "/event/cal.cgi?y={}&amp;m={}")
            case "facets":
                return self._facets(given)
            case "deeper and deeper":
                return self._framed("分野別の案内", '<p>分野を選んでください。</p><a href="x/">さらに詳しく</a>')
            case "reflected path":
                body = f'<p>{path[:200]} の組織</p><a href="{path}ka/">課</a><a href="reflect/">一覧</a>'
                return self._framed("組織別の案内", body)
        return self._next_page(int(given.get("page") or 1))

    def _calendar(self, year: int, month: int, address: str) -> bytes:
        days = "".join(f"<td>{day}</td>" for day in range(1, 29))
        near = [divmod(year * 12 + month - 1 + step, 12) for step in (-1, 1)]
        links = "".join(f'<a href="{address.format(y, m + 1)}">{y}年{m + 1}月</a> ' for y, m in near)
        return self._framed(
            f"{year}年{month}月の行事", f"<table><tr>{days}</tr></table><p>行事はありません。</p>{links}"
        )

    def _facets(self, given: dict[str, str]) -> bytes:
        links = []
        for name, count in (("area", 5), ("bunya", 6), ("nen", 10), ("jun", 3), ("ken", 4)):
            for value in range(count):
                chosen = {**given, name: str(value)}
                links.append(
                    _item("/kensaku/?" + "&amp;".join(f"{k}={v}" for k, v in chosen.items()), f"{name} {value}")
                )
        shown = [self.site.draw(len(given), what, self.site.pages) for what in range(20, 26)]
        found = [_item(self.site.path(each), self._title(each)) for each in shown if self.site.is_linked(each)]
        return self._framed("検索の結果", f"<ul>{''.join(found)}</ul><h2>絞り込む</h2><ul>{''.join(links)}</ul>")

    def _next_page(self, page: int) -> bytes:
        numbers = range((page - 1) * 10 + 1, min(page * 10 + 1, 101))
        links = "".join(
            _item(self.site.path(each), self._title(each)) for each in numbers if self.site.is_linked(each)
        )
        body = f"<ul>{links}</ul>" if links else "<p>該当する記事はありません。</p>"
        return self._framed(
            f"新着情報 {page}ページ目", f'{body}<a href="/shinchaku/?page={page + 1}">次のページ</a>'
        )


MINUTES = "<p>事務局から資料に沿って説明があり、委員から意見が出されました。次回の日程を確かめて閉会しました。</p>"


def _link(path: str) -> str:
    return (
        f'<p><a href="{path.replace("&", "&amp;")}">{path.partition("?")[0].rpartition("/")[2] or "案内"}</a></p>'
    )


def _item(path: str, title: str) -> str:
    return f'<li><a href="{path}">{title}</a></li>'


def _moved(location: str) -> bytes:
    return _http(b"", status="302 Found", extra=f"Location: {location}\r\n")


def _sitemap(root: str, listed: str) -> bytes:
    text = f'<?xml version="1.0"?><{root} xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{listed}</{root}>'
    return _http(text.encode(), "application/xml")


def _http(body: bytes, kind: str = HTML, status: str = "200 OK", extra: str = "") -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n{extra}\r\n"
    return head.encode() + body


# ── serving ────────────────────────────────────────────────────────────────────────────────────────


class Asked:
    """What the site was asked for: by whom, how often, when."""

    def __init__(self) -> None:
        self.client: Counter[str] = Counter()
        self.browser: Counter[str] = Counter()
        self.times: list[float] = []  # of the client; negative: the browser's

    def note(self, target: str, by_browser: bool) -> None:
        (self.browser if by_browser else self.client)[target] += 1
        now = time.monotonic()
        self.times.append(-now if by_browser else now)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests have no body."""

    def __init__(self, renderer: Renderer, asked: Asked) -> None:
        self._renderer = renderer
        self._asked = asked
        self._rest = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        *requests, self._rest = (self._rest + data).split(b"\r\n\r\n")
        for head in requests:
            target = head.split(b" ", 2)[1].decode("ascii", "replace")
            self._asked.note(target, b"Chrome/" in head)
            self._transport.write(self._renderer.answer(target))


async def serve(site: Site) -> None:
    """Print the address, serve until standard input ends, print what was asked for."""
    loop = asyncio.get_running_loop()
    asked = Asked()
    renderer = Renderer(site, "")
    server = await loop.create_server(lambda: Connection(renderer, asked), "127.0.0.1", 0)
    renderer.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    print(renderer.origin, flush=True)
    await asyncio.to_thread(sys.stdin.read)
    server.close()
    print(json.dumps({"client": asked.client, "browser": asked.browser, "times": asked.times}))


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    asyncio.run(serve(Site(given.pages, given.seed)))


if __name__ == "__main__":
    main()
