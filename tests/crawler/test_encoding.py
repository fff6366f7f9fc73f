"""Encodings are read and written as browsers do it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import encoding

JAPANESE = "東京都①㈱～－ソ表カﾅ髙﨑ⅰ￤∵￢"


@pytest.mark.parametrize(
    ("label", "name"),
    [
        ("x-sjis", "shift_jis"),
        ("Windows-31J", "shift_jis"),
        (" x-euc-jp ", "euc-jp"),
        ("latin1", "windows-1252"),
        ("ascii", "windows-1252"),
        ("utf8", "utf-8"),
        ("nonsense", None),
        ("ＵＴＦ－８", None),
    ],
)
def test_labels_are_those_of_the_encoding_standard(label: str, name: str | None) -> None:
    assert encoding.name_of(label) == name


def test_shift_jis_is_code_page_932() -> None:
    assert encoding.decode(b"\x87@\x81`", "shift_jis") == "①～"


def test_euc_jp_has_the_characters_of_code_page_932() -> None:
    assert encoding.decode(b"\xad\xa1\xa1\xc1\x8e\xb1\x8f\xb0\xa1", "euc-jp") == "①～ｱ丂"


def test_iso_2022_jp_changes_sets_at_escapes() -> None:
    body = b"a\x1b$B-!F|K\\\x1b(Bb\x1b(I1\x1b(J\\\x1b(B"
    assert encoding.decode(body, "iso-2022-jp") == "a①日本bｱ¥"


@pytest.mark.parametrize("name", ["shift_jis", "euc-jp", "iso-2022-jp"])
def test_characters_of_nec_and_ibm_in_names_have_their_places(name: str) -> None:
    encoded = encoding.encode("髙﨑①", name)
    assert encoded is not None
    assert encoding.decode(encoded, name) == "髙﨑①"


@pytest.mark.parametrize(
    ("character", "shift_jis", "euc_jp"),
    [("髙", b"\xfb\xfc", b"\xfc\xe2"), ("﨑", b"\xfa\xb1", b"\xf9\xf5"), ("①", b"\x87\x40", b"\xad\xa1")],
)
def test_of_two_places_each_encoding_has_its_own(character: str, shift_jis: bytes, euc_jp: bytes) -> None:
    """Shift_JIS writes the place of IBM (Encoding 12.3.2); EUC-JP has that of NEC only."""
    assert encoding.encode(character, "shift_jis") == shift_jis
    assert encoding.encode(character, "euc-jp") == euc_jp
    assert encoding.decode(shift_jis, "shift_jis") == encoding.decode(euc_jp, "euc-jp") == character


@pytest.mark.parametrize("name", ["shift_jis", "euc-jp"])
def test_japanese_text_survives_both_ways(name: str) -> None:
    encoded = encoding.encode(JAPANESE, name)
    assert encoded is not None
    assert encoding.decode(encoded, name) == JAPANESE


def test_iso_2022_jp_widens_half_width_kana() -> None:
    encoded = encoding.encode("aｶ", "iso-2022-jp")
    assert encoded == b"a\x1b$B%+\x1b(B"


@pytest.mark.parametrize("name", ["shift_jis", "euc-jp", "iso-2022-jp", "windows-1252"])
def test_a_character_that_an_encoding_lacks_is_reported(name: str) -> None:
    assert encoding.encode("😀", name) is None
    assert encoding.encode("〜", name) is None  # a wave dash is not the full-width tilde that the others have


@pytest.mark.parametrize("name", ["shift_jis", "euc-jp", "iso-2022-jp"])
def test_a_minus_sign_is_written_full_width(name: str) -> None:
    assert encoding.encode("−", name) == encoding.encode("－", name)


@given(
    body=st.binary(),
    name=st.sampled_from(["shift_jis", "euc-jp", "iso-2022-jp", "utf-8", "utf-16le", "gbk", "replacement", "big5"]),
)
def test_any_bytes_decode(body: bytes, name: str) -> None:
    assert isinstance(encoding.decode(body, name), str)


@given(text=st.text(st.characters(min_codepoint=0x3000, max_codepoint=0x9FFF)))
def test_iso_2022_jp_reads_what_it_wrote(text: str) -> None:
    encoded = encoding.encode(text, "iso-2022-jp")
    assert encoded is None or encoding.decode(encoded, "iso-2022-jp") == text.replace("−", "－")
