"""Two pages are one only where a reader gets the same of them, to eyes and to a screen reader."""

import pytest

from crawler.address import canonical
from crawler.document import read
from crawler.minhash import likeness

WORDS = "<h1>講座の申し込み</h1><p>" + "区民センターで開く講座の申し込みを受け付けています。" * 3 + "</p>"


def digest(markup: str) -> str | None:
    page = f"<title>申し込み</title>{WORDS}{markup}"
    return read(page.encode(), "text/html; charset=utf-8", "https://www.example.lg.jp/").content.digest


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("<label>氏名<input></label>", "氏名<input>"),
        ('<input readonly value="水泳教室">', '<input readonly value="料理教室">'),
        ('<input type="submit" value="申し込む">', '<input type="submit" value="取り下げる">'),
        ('<iframe src="/embed?pb=1"></iframe>', '<iframe src="/embed?pb=2"></iframe>'),
        ('<video src="/v.cgi?no=1"></video>', '<video src="/v.cgi?no=2"></video>'),
        ('<img src="/img.cgi?no=1" alt="">', '<img src="/img.cgi?no=2" alt="">'),
        ('<img srcset="/a.png 1x, /a2.png 2x" alt="">', '<img srcset="/b.png 1x, /a2.png 2x" alt="">'),
        ('<img srcset="/a.png, /c,d.png 2x" alt="">', '<img srcset="/a.png, /c,e.png 2x" alt="">'),
        (
            '<picture><source srcset="/a.webp"><img src="/a.png"></picture>',
            '<picture><source srcset="/b.webp"><img src="/a.png"></picture>',
        ),
        ('<img data-src="/a.png" alt="本庁">', '<img data-src="/a.png" alt="支所">'),
        ('<p style="color:#ccc">・</p>', '<p style="color:#000">・</p>'),
        ('<map><area href="/a" alt="本庁"></map>', '<map><area href="/a"></map>'),
        ('<nav aria-label="主な案内"></nav>', '<nav aria-label="補助の案内"></nav>'),
    ],
)
def test_what_a_reader_gets_tells_two_pages_apart(one: str, other: str) -> None:
    assert digest(one) is not None
    assert digest(one) != digest(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('<input type="hidden" name="token" value="1a">', '<input type="hidden" name="token" value="2b">'),
        ('<img src="/logo.png?v=1" alt="都">', '<img src="/logo.png?v=2" alt="都">'),
        (
            '<img srcset="/logo.png?v=1 1x,/logo2.png?v=1 2x">',
            '<img srcset="logo.png?v=2  1x, logo2.png?v=2 2x ,">',
        ),
        ('<a href="/a?sid=1">次へ</a>', '<a href="/a?sid=2">次へ</a>'),
        ('<p id="x1" data-t="1">本文</p>', '<p id="x2" data-t="2">本文</p>'),
    ],
)
def test_what_differs_from_answer_to_answer_does_not(one: str, other: str) -> None:
    assert digest(one) == digest(other)


def test_what_was_not_read_to_its_end_is_like_nothing_but_itself() -> None:
    overloaded = f"<b {' '.join(f'a{n}=1' for n in range(1001))}></b>"
    first, again, other = (
        read(f"{WORDS}{overloaded}{end}".encode(), "text/html; charset=utf-8", "https://www.example.lg.jp/").content
        for end in ("一階です。", "一階です。", "二階です。")
    )
    assert (again.digest, likeness(again.shape, first.shape)) == (first.digest, 1)
    assert first.digest is not None
    assert other.digest != first.digest
    assert likeness(other.shape, first.shape) < 0.2


def test_only_parameters_of_campaigns_are_dropped_not_all_that_begin_alike() -> None:
    assert canonical("https://h.jp/map?utm_source=mail") == "https://h.jp/map"
    assert canonical("https://h.jp/map?utm_zone=54&utm_x=1") == "https://h.jp/map?utm_zone=54&utm_x=1"
