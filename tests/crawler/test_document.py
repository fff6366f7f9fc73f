"""A document is read as a browser reads it, scripts aside."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import document
from crawler.document import Document, decode, read

ADDRESS = "https://www.example.lg.jp/a/b.html"
TEXT = "<title>東京都の福祉施策について①</title><p>表示・ソート・十分な長さのある日本語の文章です。</p>"


def page(html: str, content_type: str | None = "text/html; charset=utf-8", address: str = ADDRESS) -> Document:
    return read(html.encode(), content_type, address)


@pytest.mark.parametrize(
    ("body", "content_type", "name"),
    [
        (b"\xef\xbb\xbf" + TEXT.encode(), "text/html; charset=shift_jis", "utf-8"),
        (b"\xff\xfe" + TEXT.encode("utf-16le"), None, "utf-16le"),
        (TEXT.encode("cp932"), "text/html; charset=Shift_JIS", "shift_jis"),
        (TEXT.encode("cp932"), 'text/html;CHARSET="x-sjis"', "shift_jis"),
        (b"<meta charset=utf-8>" + TEXT.encode("cp932"), "text/html; charset=windows-31j", "shift_jis"),
        (b"<meta charset='x-sjis'>" + TEXT.encode("cp932"), "text/html", "shift_jis"),
        (b"<!-- <meta charset=utf-8> --><META CHARSET=Shift_JIS>" + TEXT.encode("cp932"), None, "shift_jis"),
        (b"<meta charset=nonsense><meta charset=sjis>" + TEXT.encode("cp932"), None, "shift_jis"),
        (b'<?xml version="1.0" encoding="Shift_JIS"?>' + TEXT.encode("cp932"), None, "shift_jis"),
        (b"<meta charset=utf-16>" + TEXT.encode(), None, "utf-8"),
        (TEXT.encode(), None, "utf-8"),
        (TEXT.encode()[:-3], None, "utf-8"),
        (TEXT.encode("cp932"), "text/html", "shift_jis"),
        (TEXT.replace("①", "").encode("euc_jp"), "text/html; charset=unheard-of", "euc-jp"),
        (TEXT.replace("①", "").encode("iso2022_jp"), None, "iso-2022-jp"),
        (b"plain", None, "utf-8"),
        (b"\xe9\x20\xff\x20\xe8\x20", None, "windows-1252"),
    ],
)
def test_the_encoding_is_found_by_bom_header_meta_and_guess(
    body: bytes, content_type: str | None, name: str
) -> None:
    text, encoding = decode(body, content_type)
    assert encoding == name
    assert body.isascii() or name == "windows-1252" or "福祉施策" in text


def test_an_http_equiv_meta_names_the_encoding() -> None:
    meta = b'<meta http-equiv="Content-Type" content="text/html; charset=EUC-JP">'
    assert decode(meta + "東京".encode("euc_jp"), None)[1] == "euc-jp"


def test_a_meta_beyond_the_first_1024_bytes_is_too_late() -> None:
    assert decode(b" " * 1024 + b"<meta charset=euc-jp>", None)[1] == "utf-8"


def test_links_come_in_document_order_once_each() -> None:
    document = page(
        """<head><link rel="canonical" href="/c"><link rel=stylesheet href=s.css><link rel="NEXT" href=n>
        <meta http-equiv=Refresh content="5; URL='/r?a=1'"></head>
        <body><a href=x.html>1</a><a href="./x.html#part">2</a><map><area href=y></map><iframe src=f></iframe>
        <a href=doc.pdf download>3</a><a href=mailto:a@b>4</a><a href="javascript:go()">5</a><a name=z>6</a>
        <noscript><a href=ns>7</a></noscript><template><a href=t>8</a></template><!-- <a href=c> -->
        <form action=send></form><svg><a href=s></a></svg>"""
    )
    assert [link.removeprefix("https://www.example.lg.jp") for link in document.links] == (
        ["/c", "/a/n", "/r?a=1", "/a/x.html", "/a/y", "/a/f", "/a/ns", "/a/s"]
    )


def test_links_in_drawings_count_in_either_spelling() -> None:
    document = page('<svg><a xlink:href="/t1.html"><text>1</text></a><a href="/t2.html"><text>2</text></a></svg>')
    assert document.links == ("https://www.example.lg.jp/t1.html", "https://www.example.lg.jp/t2.html")


def test_framesets_lead_to_their_frames() -> None:
    document = page("<frameset cols=*,*><frame src=menu.html><frame src=main.html></frameset>")
    assert document.links == (
        "https://www.example.lg.jp/a/menu.html",
        "https://www.example.lg.jp/a/main.html",
    )


def test_links_start_from_the_base_element() -> None:
    document = page("<base href='/other/'><base href='/third/'><a href=x>")
    assert document.links == ("https://www.example.lg.jp/other/x",)
    assert page("<base href='data:x'><a href=x>").links == ("https://www.example.lg.jp/a/x",)


def test_a_query_follows_the_encoding_of_its_page() -> None:
    document = read("<meta charset=shift_jis><a href='?q=表'>".encode("cp932"), "text/html", ADDRESS)
    assert document.links == (ADDRESS + "?q=%95\\",)


@pytest.mark.parametrize(
    ("content", "target"),
    [
        ("0;url=/r", "/r"),
        ("0; URL = /r ", "/r"),
        ("3,/r", "/r"),
        ("0;url='/r' trailing", "/r"),
        ('0;url="/r', "/r"),
        ("10", None),
        ("0;", None),
        ("0;url=", None),
    ],
)
def test_a_meta_refresh_is_a_link_when_it_leads_elsewhere(content: str, target: str | None) -> None:
    escaped = content.replace('"', "&quot;")
    links = page(f'<meta http-equiv="refresh" content="{escaped}">').links
    assert links == (() if target is None else ("https://www.example.lg.jp" + target,))


def test_what_a_page_says_about_itself() -> None:
    document = page(
        """<html><head><title> 福祉\n 施策 </title><script type="application/ld+json">{}</script></head>
        <body><svg><title>図</title></svg><h1>見出し <b>一</b></h1><h1>二</h1><style>x</style> 本 文 </body>"""
    )
    assert (document.title, document.headings) == ("福祉 施策", ("見出し 一", "二"))
    assert document.script_key == ""
    assert page("<body><script>go()</script>").script_key
    assert page("").title == ""


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ("<form><input name=q><input type=submit></form>", 0),
        ("<form role=search method=post><input><input></form>", 0),
        ("<search><form method=post><input></form></search>", 0),
        ("<div role=search><form><input><select></select></form></div>", 0),
        ("<form><input type=search><input></form>", 0),
        ("<form method=post><input name=q></form>", 1),
        ("<form><input name=a><input name=b></form>", 1),
        ("<form><input name=a><textarea></textarea></form>", 1),
        ("<form><input type=password></form>", 1),
    ],
)
def test_forms_count_unless_they_search_the_site(form: str, count: int) -> None:
    assert page(form).forms == count


def test_every_form_and_button_tells_where_it_sends_to() -> None:
    forms = "".join(f"<form method=post action=/f{n}><button formaction=/b{n}></button></form>" for n in range(60))
    document = page(f"{forms}<form method=post>{''.join(f'<input formaction=/c{n}>' for n in range(60))}</form>")
    assert document.forms == 61
    assert len(document.sends_to) == 181


@given(body=st.binary(max_size=2000), content_type=st.none() | st.text())
def test_any_bytes_make_a_document(body: bytes, content_type: str | None) -> None:
    read(body, content_type, ADDRESS)


@given(
    st.lists(
        st.sampled_from(
            ["<a href=", "<base href=", "<", ">", "<svg>", "<table>", "<title>", "<meta http-equiv=refresh "]
        )
        | st.sampled_from(
            ["content='0;url=", "'", "</", "<form>", "<input>", "<html lang=", "\x00", "%", "\ud800", "あ"]
        )
    ).map("".join)
)
def test_any_markup_makes_a_document(html: str) -> None:
    read(html.encode("utf-8", "surrogatepass"), "text/html; charset=utf-8", ADDRESS)


@pytest.mark.parametrize(
    "hostile",
    [
        "<div>" * 200_000,
        "<x/>" * 200_000,
        "<div></x>" * 100_000,
        "<a " + " ".join(f"x{i}" for i in range(100_000)) + ">",
        "<" * 1_000_000,
        "<a<" * 300_000,
        "<!--" * 300_000,
        "<p>" * 300_000,
        "<svg>" + "<path/>" * 100_000,
        '<meta http-equiv=refresh content="' + " " * 100_000 + '">',
    ],
    ids=lambda text: text[:12],
)
def test_hostile_markup_takes_no_minutes(hostile: str) -> None:
    began = time.monotonic()
    page("<a href=seen>" + hostile)
    assert time.monotonic() - began < 5


def test_long_ordinary_pages_are_read_to_the_end() -> None:
    rows = "<li><a href=x>x</a><p>y" * 20_000 + "<table>" + "<tr><td>z" * 20_000 + "</table>"
    assert page(rows + "<a href=last>").links[-1].endswith("/last")


def test_a_link_to_a_place_on_the_page_itself_does_not_tell_two_addresses_apart() -> None:
    said = "このページの内容は同じです。" * 5
    pages = [
        read(
            f'<a href="{top}">本文へ</a><a href="{link}">次</a><p id="main">{said}'.encode(), None, address
        ).content
        for address, top, link in (
            ("http://h.jp/a.html", "#main", "/next.html"),
            ("http://h.jp/archive/a.html", " #main", "/next.html"),
            ("http://h.jp/archive/a.html", "#main", "next.html"),
        )
    ]
    assert pages[0].digest == pages[1].digest is not None
    assert pages[0].digest != pages[2].digest


@pytest.mark.parametrize(
    "markup",
    [
        """<a href="javascript:if(confirm('本当に削除しますか'))location.href='/bbs/kesu.cgi?no=5'">×</a>""",
        """<select onchange="if(confirm('削除しますか'))location.href=this.value"><option value="/bbs/kesu.cgi?no=5">5</select>""",
    ],
)
def test_what_asks_before_it_deletes_is_an_act_wherever_its_code_stands(markup: str) -> None:
    found = read(markup.encode(), "text/html; charset=utf-8", "http://example.jp/")
    assert set(found.links) == found.unsafe == {"http://example.jp/bbs/kesu.cgi?no=5"}


def test_an_act_is_told_by_however_long_a_question_and_behind_however_much_markup() -> None:
    asked = f"""<a href="/d/5" onclick="confirm('一') || confirm('{"この項目は二度と元に戻せません。" * 60}削除しますか')">✕</a>"""
    drawn = f"<a href='/d/6'><svg>{'<path/>' * 5_000}</svg>削除</a>"
    found = page(f"{asked}{drawn}<a href='/d/7' onclick=\"confirm('開きますか'); note('削除')\">地図</a>")
    assert {each.rpartition("/")[2] for each in found.unsafe} == {"5", "6"}
    assert found.cut == ""


def test_where_names_cannot_be_read_to_their_end_links_are_left_alone_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Clickable elements around each other, and around what has no text: each would be read through for its name."""
    monkeypatch.setattr(document, "WITHIN", 1_000)
    nested = "<div onclick=\"location='/x'\">" * 20 + "<b></b>" * 90
    found = page(f"<a href='/a'>先</a>{nested}<a href='/b'>後</a>")
    assert {each.rpartition("/")[2] for each in found.unsafe} == {"x"}, "links come first, then what scripts open"
    assert (
        found.cut == "more than 1000 elements and texts in links: those whose names were not read were not followed"
    )
    assert page("<a href='/a'>先</a>").cut == ""


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_a_shadow_root_that_the_source_declares_is_read_as_what_it_shows(mode: str) -> None:
    """No script makes it: a page with nothing else need not be shown in a browser for its links and words."""
    card = "<x-card><template {}><h2>{}</h2><a href=/in>中</a><template><a href=/never>型</a></template></template>枠</x-card>"
    declared = f"shadowrootmode={mode}"
    one, other = (
        page(f"{card.format(declared, each)}{'窓口の案内です。' * 9}<a href=/out>外</a>") for each in "甲乙"
    )
    assert [each.rpartition("/")[2] for each in one.links] == ["in", "out"]
    assert one.content.digest != other.content.digest
    assert one.closed_roots is (mode == "closed")
    assert page(card.format("", "型")).links == ()


def test_a_frame_that_is_written_into_its_page_is_read_as_a_part_of_it() -> None:
    frame = "<iframe srcdoc='<link rel=canonical href=/x><p>{}<a href=in.html>中</a><iframe srcdoc=&quot;x&quot;></iframe>'></iframe>"
    one, other = (page(f"{'窓口の案内です。' * 9}{frame.format(each)}<a href=/out>外</a>") for each in "甲乙")
    assert {each.rpartition("/")[2] for each in one.links} == {"in.html", "out", "x"}
    assert (one.unread, one.canonical) == (1, None)
    assert one.content.digest != other.content.digest
