"""Numbers, shares and times as each language writes them."""

from datetime import UTC, datetime

import pytest

from reports.language import Language

LATE = datetime(2026, 12, 31, 15, 5, tzinfo=UTC)  # already the new year in Tokyo


def test_times_are_tokyos_and_name_their_zone() -> None:
    assert Language("ja").moment(LATE) == "2027年1月1日 0:05（日本標準時）"
    assert Language("en").moment(LATE) == "1 January 2027, 0:05 (Japan Standard Time)"


@pytest.mark.parametrize(
    ("share", "ja"),
    [(0, "0.0%"), (0.0001, "0.1%未満"), (1 / 3, "33.3%"), (0.9999, "99.9%超"), (1, "100.0%")],
)
def test_a_share_is_never_rounded_to_none_or_all(share: float, ja: str) -> None:
    assert Language("ja").share(share) == ja


def test_counted_nouns_are_grouped_and_inflected() -> None:
    assert Language("ja").count("page", 12345) == "12,345ページ"
    assert [Language("en").count("page", n) for n in (0, 1, 2)] == ["0 pages", "1 page", "2 pages"]


@pytest.mark.parametrize(
    ("said", "ja"),
    [
        ("the time for exploring was over", "探索の制限時間になりました"),
        (
            "more than 50 sitemap files: the rest was not read",
            "サイトマップのファイルが50を超えるため、残りは読んでいません",
        ),
        ("Crawl-delay 30 s: at most 120 pages an hour", "Crawl-delay は30秒: 1時間に多くても120ページ"),
        (
            "a process of 23 pages: 3 of them are not in the sample",
            "一つの手続きに23ページがあり、うち3ページは標本に入れていません",
        ),
        ("HTTP 500", "HTTP 500"),
        ("broken XML: it breaks off", "XML が途中で切れています"),
        ("broken XML: mismatched tag", "XML が壊れています（mismatched tag）"),
        ("larger than 512000 bytes: the rest was not read", "512000 バイトを超えるため、残りは読んでいません"),
    ],
)
def test_notes_are_told_in_the_readers_language_where_there_is_a_text(said: str, ja: str) -> None:
    assert Language("ja").noted(said) == ja
    assert Language("en").noted(said) == said
