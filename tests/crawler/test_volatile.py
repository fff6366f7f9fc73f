"""What differs between two answers of one page is learned where it stands, and everything else still counts."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.volatile import MOST, emptied, moments_between, slots_between, stable_digest

PAGE = """<!DOCTYPE html><html lang="ja"><head><meta name="csrf-token" content="{token}">
<script nonce="{nonce}">var built = {built};</script></head><body class="top">
<p>アクセス {count} 件</p><ul><li><a href="/news/1.html;jsessionid={session}">広報</a></li>
<li><a href="/find?q=a&amp;sid={session}#list">検索</a></li></ul>
<form><input type="hidden" name="t" value="{token}"><input type="submit" value="送信"></form>
<p class="printed">印刷日時 {moment}</p></body></html>"""
FIRST = {
    "token": "aB3+/x==", "nonce": "r4nd0m", "built": "1764000001", "count": "12,345", "session": "AF12",
    "moment": "2026年11月24日 10:15",
}  # fmt: skip
SECOND = {
    "token": "aQ9+/y==", "nonce": "r5nd1m", "built": "1764000002", "count": "12,346", "session": "B0C9",
    "moment": "2026年11月24日 10:16",
}  # fmt: skip


def test_tokens_counters_sessions_and_times_make_no_difference_once_they_are_learned() -> None:
    slots = slots_between(PAGE.format(**FIRST), PAGE.format(**SECOND)) or []
    third = {"token": "zz==", "nonce": "q", "built": "9", "count": "1,000,000", "session": "x-y_z", "moment": "2026年11月24日 23:59"}  # fmt: skip
    assert stable_digest(PAGE.format(**third), slots) == stable_digest(PAGE.format(**FIRST), slots)


def test_a_session_number_is_known_on_other_pages_of_the_template_too() -> None:
    slots = slots_between(PAGE.format(**FIRST), PAGE.format(**SECOND)) or []
    other = '<a href="/other.html;jsessionid={}">x</a>'
    assert stable_digest(other.format("A1"), slots) == stable_digest(other.format("B2"), slots)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('class="top"', 'class="sub"'),
        ('value="送信"', 'value=""'),
        ("広報", "広報紙"),
        ("/news/1.html", "/news/2.html"),
        ("<p>アクセス", "<p lang=en>アクセス"),
        ("印刷日時", "更新日時"),
        ("2026年11月24日", "2027年1月5日"),  # the day had not changed between the two answers
        ("var built", "let built"),
        ('name="csrf-token"', 'name="csrf"'),
    ],
)
def test_whatever_else_changes_counts(old: str, new: str) -> None:
    slots = slots_between(PAGE.format(**FIRST), PAGE.format(**SECOND)) or []
    changed = PAGE.format(**SECOND).replace(old, new)
    assert changed != PAGE.format(**SECOND)
    assert stable_digest(changed, slots) != stable_digest(PAGE.format(**SECOND), slots)


def test_a_parameter_that_varies_in_links_hides_nothing_that_a_frame_shows() -> None:
    page = '<a href="/ad?id={ad}">広告</a><iframe src="/map?id={map}" title="地図"></iframe><p>本文</p>'
    slots = slots_between(page.format(ad="81", map="1"), page.format(ad="47", map="1")) or []
    assert stable_digest(page.format(ad="5", map="1"), slots) == stable_digest(page.format(ad="9", map="1"), slots)
    assert stable_digest(page.format(ad="5", map="1"), slots) != stable_digest(page.format(ad="5", map="2"), slots)


def test_a_number_in_the_address_of_a_picture_is_a_slot_of_that_picture() -> None:
    page = '<p>本文</p><img src="/counter.cgi?t={}" alt="来訪者数">'
    slots = slots_between(page.format("1001"), page.format("1002")) or []
    assert stable_digest(page.format("7"), slots) == stable_digest(page.format("8"), slots)


def test_markup_never_hides_in_a_slot() -> None:
    slots = slots_between("<p>来訪 1 人</p>", "<p>来訪 2 人</p>") or []
    assert stable_digest("<p>来訪 3 人</p>", slots) == stable_digest("<p>来訪 1 人</p>", slots)
    assert stable_digest("<p>来訪 <img src=x> 人</p>", slots) != stable_digest("<p>来訪 1 人</p>", slots)


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("<p>a</p>", "<p>a</p><p>b</p>"),
        ("<p>a</p>", "<div>a</div>" * 2),
        ("<ul>" + "".join(f"<li id=a{n}>1</li>" for n in range(MOST + 1)), "<ul>" + "".join(f"<li id=a{n}>2</li>" for n in range(MOST + 1))),
        ("<p>" + "a" * 600, "<p>" + "b" * 600),
    ],
    ids=["more elements", "others", "everywhere", "a long text"],
)  # fmt: skip
def test_a_page_that_is_another_each_time_has_no_volatile_parts(first: str, second: str) -> None:
    assert slots_between(first, second) is None


def test_a_day_that_has_passed_is_learned_from_an_earlier_sweep() -> None:
    slots = slots_between(PAGE.format(**FIRST), PAGE.format(**SECOND)) or []
    later = {**SECOND, "moment": "2027年1月5日 09:00"}
    further = moments_between(emptied(PAGE.format(**FIRST), slots), emptied(PAGE.format(**later), slots))
    assert [slot.before for slot in further] == ['<p class="printed">印刷日時 ']
    both = [*slots, *further]
    assert stable_digest(PAGE.format(**later), both) == stable_digest(PAGE.format(**FIRST), both)


def test_words_that_have_changed_since_an_earlier_sweep_are_no_moment() -> None:
    old, new = "<p>平成30年度の予算</p><p>更新 2018/04/01</p>", "<p>令和元年度の予算</p><p>更新 2019/05/01</p>"
    assert [slot.before for slot in moments_between(old, new)] == ["<p>更新 "]


sources = st.lists(
    st.sampled_from(["<p>", "</p>", "<a href='?id=7&x=1'>", "</a>", "東京", "12", "ab", " ", "=", "&", '"', "<", ">"]), max_size=30
).map("".join)  # fmt: skip


@settings(deadline=None)  # the first of them compiles
@given(sources, sources)
def test_what_was_learned_makes_the_two_answers_one_and_learning_has_no_order(first: str, second: str) -> None:
    slots = slots_between(first, second)
    if slots is not None:
        assert stable_digest(first, slots) == stable_digest(second, slots)
    assert (slots is None) == (slots_between(second, first) is None)


@given(sources)
def test_equal_answers_have_no_volatile_parts(source: str) -> None:
    assert slots_between(source, source) == []


def test_a_counter_hides_no_words_in_elements_like_its_own() -> None:
    page = '<p><b>{}</b></p><a href="/"><b>{}</b></a>'
    slots = slots_between(page.format("1,024", "申請を行う"), page.format("1,025", "申請を行う"))
    assert slots
    before = stable_digest(page.format("1,026", "申請を行う"), slots)
    assert stable_digest(page.format("1,027", "申請を行う"), slots) == before
    for changed in ("", "Apply", "申請"):
        assert stable_digest(page.format("1,027", changed), slots) != before


def test_a_banner_that_turns_with_its_words_is_no_slot() -> None:
    page = '<img src="/banner/b{0}.svg" alt="広告{0}"><img src="/map.svg" alt="{1}">'
    slots = slots_between(page.format(1, "地図"), page.format(2, "地図"))
    assert slots is None or stable_digest(page.format(1, ""), slots) != stable_digest(page.format(1, "地図"), slots)


def test_what_looks_like_a_time_and_is_none_is_refused_at_once() -> None:
    page = "<p>更新 {}</p>"
    slots = slots_between(page.format("Mon 24 Nov 10:15"), page.format("Tue 25 Nov 10:16"))
    assert slots
    hostile = page.format("Monam" * 90 + "!")
    assert stable_digest(hostile, slots) != stable_digest(page.format("Wed 26 Nov 9:00 AM"), slots)
