"""Addresses that stand in the code of links, buttons and jump menus are links; what a script puts together is counted."""

import time
from itertools import count

import pytest
from selectolax.lexbor import LexborNode

from crawler import written
from crawler.document import Document, read

AT = "https://www.example.lg.jp"


def page(text: str) -> Document:
    return read(text.encode(), "text/html; charset=utf-8", f"{AT}/a/b.html")


@pytest.mark.parametrize(
    ("markup", "target"),
    [
        ("""<a href="javascript:location.href='/x'">次</a>""", "/x"),
        ("""<a href="JavaScript: window.open('../x.html','w','width=300')">次</a>""", "/x.html"),
        ("""<a href="javascript:void(0)" onclick="window.open('/x?a=1'); return false">次</a>""", "/x?a=1"),
        ("""<a href="javascript:go(%22x.do?id=3%22)">次</a>""", "/a/x.do?id=3"),
        (r"""<a href="javascript:go('\/x\/')">次</a>""", "/x/"),
        ("""<button onclick="location.href = './x'">次</button>""", "/a/x"),
        ("""<input type=button value=次 onclick="document.location='x.html#top'">""", "/a/x.html"),
        ("""<table><tr><td onclick='self.location.replace("https://www.example.lg.jp/x")'>次</table>""", "/x"),
        ("""<div onclick='top.location.assign(`/x`)'>次</div>""", "/x"),
        ("""<select onchange="location=this.value"><option value="">選ぶ<option value="/x/">局</select>""", "/x/"),
        ("""<select onchange="jump(this)"><option value="x.php?a">局</option></select>""", "/a/x.php?a"),
        (
            """<form><select><option value="/x/">局</select>
            <input type=button onclick="location.href=this.form.s.value"></form>""",
            "/x/",
        ),
    ],
)
def test_an_address_that_is_written_out_in_code_is_a_link(markup: str, target: str) -> None:
    document = page(markup)
    assert document.links == document.written == (AT + target,)
    assert document.unsafe == frozenset()


@pytest.mark.parametrize(
    "markup",
    [
        """<a href="javascript:go(3)">次</a>""",
        """<a href="javascript:location.href='/x?id=' + id">次</a>""",
        """<a href="#" onclick="location.href = base + '/x.html'">次</a>""",
        """<button onclick="window.open(`/x/${id}`)">次</button>""",
        """<a href="javascript:location.href='/x/'  + id">次</a>""",
        """<a href="javascript:location.href=base +\n  '/x.html'">次</a>""",
        """<a href="javascript:location.href += '/x.html'">次</a>""",
        """<button onclick="location.href = '/x/'.concat(id)">次</button>""",
        """<a href="javascript:go(base.concat('/x.html'))">次</a>""",
        """<a href="javascript:go('/a/:id'.replace(':id', 3))">次</a>""",
        """<select onchange="location.href=this.value"><option value="3">局</select>""",
    ],
)
def test_where_a_script_puts_the_address_together_it_is_counted(markup: str) -> None:
    document = page(markup)
    assert (document.written, document.unread) == ((), 1)


@pytest.mark.parametrize(
    "markup",
    [
        """<button onclick="if (x) location.href='/x'; else location.href='/y?' + x">次</button>""",
        f"""<button onclick="location.href='/x';{";" * 2_000}location.href='/y'">次</button>""",
        f"""<a href="javascript:location.href='/x';{";" * 2_000}location.href='/y'">次</a>""",
    ],
)
def test_what_is_read_in_part_is_counted_too(markup: str) -> None:
    document = page(markup)
    assert (document.written, document.unread) == ((f"{AT}/x",), 1)


def test_a_menu_is_led_on_by_whichever_of_very_many_buttons() -> None:
    menu = "<select><option value=/x/>局</select>"
    buttons = f"""{"<button onclick='a()'>次</button>" * 500}<button onclick="location = value">次</button>"""
    assert page(f"<form>{menu}{buttons}</form>").written == (f"{AT}/x/",)


@pytest.mark.parametrize(
    "markup",
    [
        "<a href='javascript:void(0)'>開く</a>",
        "<a href='javascript:;'>開く</a>",
        "<a href='javascript:document.forms[0].submit()'>送る</a>",
        "<a href='javascript:window.print();void 0'>印刷</a>",
        "<a href='javascript:history.back()'>戻る</a>",
        "<a href='javascript:window.close(); return false;'>閉じる</a>",
        """<a href='#' onclick="ga('send', 'pageview', '/virtual/x.html')">x</a>""",
        """<button onclick="xhr.open('GET', '/api/x')">x</button>""",
        """<button onclick="if (location.href == '/x.html') location.hash = '/y'">x</button>""",
        """<select onchange="sort(this)"><option value="2026/01">1 月<option value=a.b>x</select>""",
        """<select><option value="/x/">局</select>""",
    ],
)
def test_code_that_leads_nowhere_is_neither_followed_nor_counted(markup: str) -> None:
    document = page(markup)
    assert (document.written, document.unread) == ((), 0)


@pytest.mark.parametrize(
    "markup",
    [
        """<a href="javascript:location.href='/x?id=3'">削除する</a>""",
        """<a href="#" onclick="location.href='/x?id=3'">削除する</a>""",
        """<input type=button value="ログアウト" onclick="location.href='/x'">""",
        """<button onclick="if (confirm('削除しますか')) location.href='/x'">次</button>""",
        """<select onchange="location=this.value"><option value="/x/">退会する</select>""",
    ],
)
def test_what_speaks_of_an_act_is_left_alone_there_too(markup: str) -> None:
    document = page(markup)
    assert document.unsafe == frozenset(document.written) != frozenset()


def test_a_form_with_very_many_menus_and_buttons_is_read_as_often_as_it_has_parts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each further element costs what the one before it did: no attribute is asked for once for each other element."""
    asked = count()
    attribute = written._attribute

    def counted(node: LexborNode, name: str) -> str:
        next(asked)
        return attribute(node, name)

    monkeypatch.setattr(written, "_attribute", counted)
    menu = "<select><option value='/x/'>局</select><button onclick='location.href=1'>次</button>"
    nested = "<form><div></form>" * 400 + menu * 400
    for markup in (f"<form>{menu * 2000}</form>", f"<form>{'<i>' * 400}{menu * 2000}", nested):
        before = next(asked)
        assert page(markup).written
        assert next(asked) - before < 15 * markup.count("<")


HOSTILE = {
    "questions": "<a href='/x' onclick=\"" + "confirm(" * 30_000 + '">x</a>',
    "options": f"<select onchange='location=value;{'x' * 2_000_000}'>" + "<option value='/x/'>a" * 5_000,
    "names": "<div onclick=\"location='/x'\">" * 4_900 + "x " * 1_000_000,
    "elements": "<div onclick=\"location='/x'\">" * 4_900 + "<b></b>" * 200_000,
    "forms": "<form action=/x><div></form>" * 3_000 + "<input formaction=/y>" * 5_000,
}


@pytest.mark.parametrize("markup", HOSTILE.values(), ids=HOSTILE)
def test_a_page_that_would_take_minutes_takes_seconds(markup: str) -> None:
    """Each holds very much of what is looked for, around or within each other."""
    begun = time.perf_counter()
    assert page(markup).content
    assert time.perf_counter() - begun < 30


def test_code_without_end_takes_no_time() -> None:
    begun = time.perf_counter()
    for code in ('"' * 100_000, "'\\" * 50_000, "location=" * 20_000, "open( " * 20_000, "void 0;" * 20_000):
        page(
            f"<a href='javascript:{code.replace(chr(39), '&#39;')}' onclick='{code.replace(chr(39), '&#39;')}'>x</a>"
        )
    assert time.perf_counter() - begun < 5
