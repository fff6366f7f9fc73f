"""A small site with one of everything that a run may be broken off in, made for many runs."""

import time
from collections.abc import Callable

from tests.cli.servers import FAULT, Answer, answers, plain, redirect

LIST = '<ul><li><a href="/a/">一</a></li><li><a href="/b.html">二</a></li><li><a href="/old.html">旧</a></li></ul>'
SCRIPT = (
    "<script>document.body.insertAdjacentHTML('beforeend', '<p><a href=\"/late.html\">後から</a></p>')</script>"
)
FRAME = '<iframe src="/frame.html" title="地図"></iframe>'
SITEMAP = """<?xml version="1.0" encoding="UTF-8"?>
<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">
<url><loc>{url}sitemap-only.html</loc></url><url><loc>{url}a/</loc></url></urlset>"""
UNLABELLED = '<form><input type="text" name="q"></form>'
GREY = '<p style="color:#999;background:#fff">薄い文字</p>'


def small_site() -> Callable[[str], Answer]:
    """About twenty addresses: a sitemap, a redirect, a twin, links that only a script shows, a frame, faults."""
    pages = {
        "/": plain("小さな部屋", LIST + SCRIPT),
        "/a/": plain(
            "一の案内", '<a href="/a/index.html">一</a> <a href="/a/1.html">1</a> <a href="/a/2.html">2</a>'
        ),
        "/a/1.html": plain("一の一", FAULT),
        "/a/2.html": plain("一の二", FRAME + '<a href="/nai.html">無い</a>'),
        "/b.html": plain("二の案内", UNLABELLED + '<a href="/c.html">三</a> <a href="/d.html">四</a>'),
        "/c.html": plain("三の案内", GREY + FAULT + '<a href="/e.html">五</a> <a href="/f.pdf">資料</a>'),
        "/d.html": plain("四の案内", '<a href="/a/1.html"></a><a href="/c.html">三</a>'),
        "/e.html": plain("五の案内", '<table><tr><td id="x">い<td id="x">ろ</table>' + SCRIPT),
        "/late.html": plain("後の案内", FAULT * 3),
        "/new.html": plain("新しい案内", "<p>移りました。</p>"),
        "/frame.html": plain("枠", FAULT),
        "/sitemap-only.html": plain("地図だけの案内", GREY),
        "/f.pdf": Answer(body=b"%PDF-1.4", type="application/pdf"),
        "/old.html": redirect("/new.html"),
    }
    pages["/a/index.html"] = pages["/a/"]
    found = answers(pages)

    def answer(path: str) -> Answer:
        time.sleep(0.02)  # a run takes a while, as elsewhere
        return found(path)

    return answer


def with_sitemap(answer: Callable[[str], Answer], url: Callable[[], str]) -> Callable[[str], Answer]:
    """The same with a sitemap, which has to name the site's own address."""
    return lambda path: (
        Answer(body=SITEMAP.format(url=url()).encode(), type="application/xml")
        if path == "/sitemap.xml"
        else answer(path)
    )
