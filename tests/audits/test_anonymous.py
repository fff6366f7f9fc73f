"""An anonymous example: nothing of the site gets through, and what belongs together still does."""

import re
from collections.abc import Iterable
from html import escape

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.examples import anonymous
from audits.examples.anonymous import Anonymiser, without_names

OURS = {"example", "https", "http", "mailto", "tel", "data", "javascript", "words", "element", "name"}
WORD = re.compile(r"\w+")
ATTRIBUTES = sorted(
    anonymous.KEYWORD | anonymous.NAME | anonymous.ADDRESS | anonymous.NUMBER | anonymous.SPOKEN
    | anonymous.LANGUAGE | anonymous.SWITCH | anonymous.EMPTIED | {"data-office", "onwheel", "content", "name"}
)  # fmt: skip

words = st.text(st.characters(codec="utf-8", exclude_characters="<>&\"'"), max_size=12)
addresses = st.builds("{}{}/{}".format, st.sampled_from(["https://", "//", "/", "../", ""]), words, words)
numbers = st.integers(0, 10**11).map(str)
values = st.one_of(
    words,
    addresses,
    numbers,
    st.builds("{}:{}".format, st.sampled_from(["mailto", "tel", "javascript", "data", "#"]), words),
    st.builds("{}, {}={}".format, st.sampled_from(sorted(anonymous.KEYWORDS)), words, numbers),
    st.builds("-{}px".format, numbers),
)
tags = st.one_of(st.sampled_from(sorted(anonymous.TAGS)), st.builds("x-{}".format, st.from_regex("[a-z]{1,8}")))


KEPT = {  # the words of HTML, and our own
    piece
    for known in (anonymous.KEYWORDS, anonymous.TAGS, ATTRIBUTES, OURS)
    for each in known
    for piece in WORD.findall(each)
}


@st.composite
def snippets(draw: st.DrawFn) -> tuple[str, list[str]]:
    """HTML of some elements, cut off anywhere as findings are, and what a site has written in it."""
    html, told = "", []
    for _ in range(draw(st.integers(1, 4))):
        given = draw(st.lists(st.tuples(st.sampled_from(ATTRIBUTES), values), max_size=4))
        tag, text, more = draw(tags).strip(), draw(words), draw(values)
        end = draw(st.sampled_from([f"</{tag}>", "", "/>", f"<!-- {more} -->", f"<![CDATA[{more}]]>"]))
        html += (
            f"<{tag} {' '.join(f'{name}={chr(34)}{escape(value)}{chr(34)}' for name, value in given)}>{text}{end}"
        )
        told += [*(value for _, value in given), text, more]
    return html[: draw(st.integers(1, len(html)))], told


def content(told: Iterable[str]) -> set[str]:
    """The words and numbers in what a site has written."""
    found = {each.lower() for text in told for each in WORD.findall(text)}
    return {each for each in found if len(each) >= 3 or (len(each) == 2 and each.isdigit())} - KEPT


def survivors(told: Iterable[str], written: str) -> set[str]:
    """What got through; zeros are the digits that we write."""
    said = {each.lower() for each in WORD.findall(written)}
    return {each for each in content(told) & said if set(each) != {"0"}}


@given(snippets(), st.sampled_from(["ja", "en"]))
def test_no_word_address_or_number_survives(drawn: tuple[str, list[str]], lang: str) -> None:
    snippet, told = drawn
    written = Anonymiser(lang).html(snippet)
    assert survivors(told, written) == set(), written


@pytest.mark.parametrize(
    "snippet",
    [
        '<img src="https://www.metro.tokyo.lg.jp/kouhou/2026.png" alt="田中 太郎 03-1234-5678">',
        '<a href="mailto:tanaka@city.kankyo.lg.jp" title="tanaka">連絡先 0312345678',
        '<script>var office = "環境局";</script><style>.kankyo{}</style><img alt="環境局',
        '<input name="tanaka" aria-labelledby="tanaka suzuki" value="鈴木太郎" tabindex="12" role="kankyo">',
        '<meta name="author" content="kankyo"><meta name="viewport" content="kankyo=12, maximum-scale=5">',
        '<kankyo-header data-kankyo="1"><svg viewBox="0 0 640 480"><path d="M12 34"/></svg><!-- kankyo --><?kankyo?>',
        '<img srcset="/kankyo.png 2x, /kankyo-large.png 3x" usemap="#kankyo" style="background:url(kankyo.png)"',
        "</kankyo></textarea><textarea>環境局<b>tanaka</textarea><title>環境局の</title>",
    ],
)
def test_nothing_that_names_a_site_survives(snippet: str) -> None:
    written = Anonymiser("ja").html(snippet)
    assert survivors([snippet], written) == set(), written
    assert not re.search("kankyo|tanaka|suzuki|環境|田中|鈴木|連絡|1234|640", written), written


def test_what_belongs_together_still_does_and_what_makes_the_fault_is_still_seen() -> None:
    writer = Anonymiser("ja")
    before = writer.html(
        '<p id="q">氏名</p><input id="shimei" type="text" tabindex="3" aria-labelledby="q" role="navi">'
    )
    after = writer.html('<label for="shimei">氏名</label><input id="shimei" type="text" autocomplete="name">')
    assert before == (
        '<p id="name-a">〔文A〕</p><input id="name-b" type="text" tabindex="3" aria-labelledby="name-a" role="…">'
    )
    assert after == '<label for="name-b">〔文A〕</label><input id="name-b" type="text" autocomplete="name">'


@pytest.mark.parametrize(
    ("html", "written"),
    [
        ('<img src="/a.png" alt="">', '<img src="/a" alt="">'),
        ('<img src="/a.png" alt=" ">', '<img src="/a" alt=" ">'),
        ('<img src="/a.png" alt="a.png"><img src="/a.png">', '<img src="/a" alt="[words A]"><img src="/a">'),
        ('<a href="https://x.lg.jp/">X</a>', '<a href="https://example.jp/a">[words A]</a>'),
        ('<a href="tel:0312345678">', '<a href="tel:00-0000-0000">'),
        ('<html lang="ja-JP">', '<html lang="ja-JP">'),
        ('<html lang="japanese">', '<html lang="…">'),
        ('<x-shin><p data-ku="1">A', '<x-element><p data-x="…">[words A]'),
        ('<button onclick="go(12)" disabled></button>', '<button onclick="…" disabled></button>'),
        (
            '<meta name="viewport" content="width=device-width, user-scalable=no">',
            '<meta name="viewport" content="width=device-width, user-scalable=no">',
        ),
        ('<p title="&quot;><script>">', '<p title="[words A]">'),
    ],
)
def test_each_kind_has_a_placeholder_of_its_kind(html: str, written: str) -> None:
    assert Anonymiser("en").html(html) == written


def test_more_texts_than_letters_have_placeholders_of_their_own() -> None:
    writer = Anonymiser("en")
    assert len({writer.spoken(f"text {number}") for number in range(800)}) == 800


def test_prose_loses_addresses_numbers_and_known_names_and_keeps_the_rest() -> None:
    prose = (
        "田中がhttps://www.example.jp/a を直した。連絡はtanaka@example.jpか03-1234-5678。www.example.jpの2か所。"
    )
    left = without_names(prose, {"田中", ""}, "ja")
    hidden = "〔伏せました〕"
    assert left == f"{hidden}が{hidden} を直した。連絡は{hidden}か{hidden}。{hidden}の2か所。"
