"""Routes: which address of the sample site gives which answer."""

import re
import secrets
import threading
from dataclasses import replace
from datetime import date
from pathlib import Path
from urllib.parse import parse_qs, parse_qsl, unquote_to_bytes

from . import files
from .answers import Answer, page, redirect
from .hostile import Hostile
from .pages import FOLDER, SESSION, Pages, Template

KINDS = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
PDF, SVG, PNG = "application/pdf", "image/svg+xml", "image/png"
SESSION_IN_PATH = re.compile(r";jsessionid=\w+", re.IGNORECASE)


class Routes:
    def __init__(self, url: str, other_url: str, stop: threading.Event) -> None:
        self._pages = Pages(url=url, other_url=other_url)
        self._hostile = Hostile(stop)
        self._fixed = {**self._pages.answers(), **_static(), **_documents(), **_moved(other_url), **_broken()}
        self._fixed |= self._pages.robots_and_sitemaps()
        self._other = self._pages.other_answers()

    def site(self, target: str) -> Answer:
        path, _, query = SESSION_IN_PATH.sub("", target).partition("?")
        query = "&".join(part for part in query.split("&") if not part.startswith("PHPSESSID="))
        found = self._moving(path, query) or self._hostile.answer(path, query) or self._fixed.get(path)
        if found is None and path.endswith("/index.html"):
            found = self._fixed.get(path.removesuffix("index.html"))
        if found is None and f"{path}/" in self._fixed:
            return redirect(f"{path}/")
        return _with_session(found or self._fixed["/404"])

    def other(self, target: str) -> Answer:
        path = target.partition("?")[0]
        return self._other.get(path) or page("404", "<h1>ページがありません</h1>", status=404)

    def _moving(self, path: str, query: str) -> Answer | None:
        """Answers that depend on the query."""
        match path:
            case "/event/calendar":
                return self._calendar(parse_qs(query).get("ym", ["2026-11"])[0])
            case "/search/result":
                return self._results(dict(parse_qsl(query)).get("q", ""))
            case "/old/kensaku.cgi":
                return self._old_results(unquote_to_bytes(query.partition("q=")[2]))
            case "/shiryo/download.cgi":
                return Answer(body=files.pdf("Document " + query.removeprefix("id=")), type=PDF)
            case "/api/suii.json":
                return Answer(
                    body=b'{"m": 1.24}', type="application/json", headers=(("Cache-Control", "no-store"),)
                )
            case "/api/camera.png":
                return Answer(stream=self._hostile.silence(files.png(8, 8, (0, 0, 0), (9, 9, 9))[:40]), type=PNG)
        return None

    def _calendar(self, ym: str) -> Answer:
        if not re.fullmatch(r"\d{4}-(0[1-9]|1[0-2])", ym) or ym < "0002":
            return self._fixed["/404"]
        first = date(int(ym[:4]), int(ym[5:]), 1)
        before, after = ((first.year * 12 + first.month - 1 + step) for step in (-1, 1))
        near = [f"{month // 12:04}-{month % 12 + 1:02}" for month in (before, after)]
        return self._pages.render(Template.CALENDAR, "/event/calendar", first=first, before=near[0], after=near[1])

    def _results(self, words: str) -> Answer:
        return self._pages.render(Template.RESULTS, "/search/result", words=words, found=self._pages.search(words))

    def _old_results(self, words: bytes) -> Answer:
        try:
            asked = words.decode("cp932")
        except UnicodeDecodeError:
            asked = ""
        return self._fixed.get(f"/old/kensaku.cgi?q={asked}") or self._fixed["/404"]


def _with_session(answer: Answer) -> Answer:
    if SESSION not in answer.body:
        return answer
    return replace(answer, body=answer.body.replace(SESSION, secrets.token_hex(8).upper().encode()))


def _static() -> dict[str, Answer]:
    found = {
        f"/static/{file.name}": Answer(body=file.read_bytes(), type=KINDS[file.suffix])
        for file in Path(FOLDER, "static").iterdir()
    }
    found |= {f"/img/{name}.svg": Answer(body=files.scene(hue), type=SVG) for name, hue in SCENES.items()}
    found["/img/mizube.png"] = Answer(body=files.png(320, 180, (222, 240, 248), (60, 120, 150)), type=PNG)
    found["/img/chizu.png"] = Answer(body=files.png(480, 240, (226, 240, 220), (190, 220, 180)), type=PNG)
    found["/old/logo.gif"] = Answer(body=files.png(200, 40, (0, 120, 80), (0, 60, 40)), type=PNG)
    found["/media/mizu.wav"] = Answer(body=files.wav(5), type="audio/wav")
    found["/media/kankyo.mp4"] = Answer(body=b"\0\0\0\x18ftypisom\0\0\2\0isommp41", type="video/mp4")
    found["/favicon.ico"] = Answer(body=files.png(16, 16, (11, 107, 61), (11, 107, 61)), type=PNG)
    return found


# the hue of each drawn landscape
SCENES = {"top": 130, "koen": 100, "kasen": 170, "gomi": 80, "taiki": 200, "hotaru": 230, "kouji": 50}
SCENES |= {"matsuri": 30, "koza": 150}


def _documents() -> dict[str, Answer]:
    made = {f"/files/{name}.pdf": Answer(body=files.pdf(name), type=PDF) for name in PDFS}
    made["/files/moushikomi.docx"] = Answer(body=files.docx("粗大ごみ処理手数料減免申込書"), type=files.WORD)
    made["/files/tokei2025.xlsx"] = Answer(body=files.xlsx("ごみ排出量"), type=files.EXCEL)
    return made


PDFS = (
    *("kihonkeikaku", "kihonkeikaku-gaiyo", "midori-plan", "kasen-hakusho2024", "kasen-hakusho2025"),
    *("gomi-techo", "hinan-map", "kessan2025"),
)


def _moved(other_url: str) -> dict[str, Answer]:
    return {
        "/gomi/bunbetsu.html": redirect("/kurashi/gomi/"),
        "/link/shiyakusho.html": redirect(f"{other_url}partner/", 302),
        "/kikaku/kaigi.html": redirect("/kikaku/kaigi2.html", 302),
        "/kikaku/kaigi2.html": redirect("/kikaku/kaigi.html", 302),
    }


def _broken() -> dict[str, Answer]:
    return {
        "/jigyosha/hojo2019.html": page("掲載終了", "<h1>掲載を終了しました</h1>", status=410),
        "/shiryo/tokei.cgi": page("エラー", "<h1>内部エラー</h1>", status=500),
        "/shiryo/kensu.cgi": page(
            "混雑", "<h1>ただいま混み合っています</h1>", status=503, headers=(("Retry-After", "1"),)
        ),
    }
