"""Hostile text is made visible and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reports.clean import FORMULA, cell, one_line, visible, web_link


def test_invisible_characters_are_written_out() -> None:
    assert visible("a\u202eb\u200bc\x00d\x1b[31m\udc80") == "a⟨U+202E⟩b⟨U+200B⟩c␀d␛[31m⟨U+DC80⟩"
    assert visible("表\n\t漢字 é 👩") == "表\n\t漢字 é 👩"


def test_a_title_is_one_line() -> None:
    assert one_line("\n 東京都　みどり局\r\n  トップ ") == "東京都 みどり局 トップ"


@given(st.text(alphabet=st.characters(codec=None)))
def test_visible_text_can_always_be_written(text: str) -> None:
    assert "\x00" not in visible(text)
    visible(text).encode("utf-8")


@given(st.text(alphabet=st.characters(codec=None)))
def test_no_cell_begins_like_a_formula(text: str) -> None:
    assert not cell(text).startswith(FORMULA)


def test_numbers_stay_numbers() -> None:
    assert cell(-1) == -1
    assert cell(None) is None


@pytest.mark.parametrize("address", ["javascript:alert(1)", "data:text/html,x", "//a.jp/", "", "http://["])
def test_only_web_addresses_become_links(address: str) -> None:
    assert web_link(address) is None
    assert web_link("https://a.jp/?q=<") == "https://a.jp/?q=<"
