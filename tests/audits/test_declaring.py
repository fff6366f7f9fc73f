"""A details file: what it may say, and how it is refused by its key."""

from pathlib import Path

import pytest

from audits.declaring import KEYS, checked, read_details
from db.errors import UsageError


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "details.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "ja", "en"),
    [
        ('polcy = "https://a.jp/"', "「policy」ですか", "did you mean policy?"),
        ('xyz = "1"', "使える項目: organisation", "there are organisation"),
        ('policy = "a.jp"', "https:// から", "https:// on"),
        ('policy = "https://"', "https:// から", "https:// on"),
        ('policy = "javascript:alert(1)"', "https:// から", "https:// on"),
        ("policy = 3", "文字列", "quotation marks"),
        ('declared = "2026/07/31"', "2026-07-31 のように", "as in 2026-07-31"),
        ("declared = 2026-02-30", "TOML", "TOML"),
        ('began = "2026-07-02"\nended = "2026-07-01"', "より前です", "is before"),
        ('ended = "2026-07-02"\ndeclared = "2026-07-01"', "より前です", "is before"),
        ('ended = "2999-01-01"', "先の日付", "in the future"),
        ('level = "B"', "A, AA, AAA", "A, AA, AAA"),
        ('notation = "適合"', "準拠, 一部準拠, 配慮", "準拠, 一部準拠, 配慮"),
        ('technologies = "HTML"', "の形で", "must be a list"),
        ("technologies = [1]", "文字列", "quotation marks"),
        ('[[exceptions]]\nwhat = "PDF"', "両方が要ります", "needs both"),
        ('[[exceptions]]\nreasn = "x"', "「exceptions.reason」ですか", "did you mean exceptions.reason?"),
        ("exceptions = 1", "[[exceptions]]", "[[exceptions]]"),
        ("nothing", "TOML", "TOML"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, ja: str, en: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_details(written(tmp_path, text))
    assert ja in refused.value.ja
    assert en in refused.value.en


def test_a_file_that_is_not_there_or_not_utf_8_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        read_details(tmp_path / "none.toml")
    (tmp_path / "sjis.toml").write_bytes('organisation = "みどり局"'.encode("cp932"))
    with pytest.raises(UsageError, match="UTF-8"):
        read_details(tmp_path / "sjis.toml")


def test_blanks_are_left_out_and_dates_are_kept_as_text(tmp_path: Path) -> None:
    text = 'organisation = " みどり局 "\ncontact = " "\ntools = []\ndeclared = 2026-07-31\nnotation = "一部準拠"\n[[exceptions]]\nwhat = ""\n'
    assert read_details(written(tmp_path, text)) == {
        "organisation": "みどり局", "declared": "2026-07-31", "notation": "partially",
    }  # fmt: skip


def test_what_was_checked_is_checked_again_without_change() -> None:
    told = checked(
        {"level": "AA", "notation": "準拠", "began": "2026-07-01", "exceptions": [{"what": "PDF", "reason": "x"}]}
    )
    assert checked(told) == told


def test_the_manual_names_every_key() -> None:
    manual = (Path(__file__).parents[2] / "docs" / "operators" / "publishing.md").read_text(encoding="utf-8")
    assert [key for key in KEYS if f"`{key}`" not in manual] == []
