"""Recognising what a page is for, as real sites name such pages."""

import pytest

from crawler.document import read
from crawler.kinds import kinds_of

SITE = "https://www.example.lg.jp"


def kinds(path: str = "/p.html", title: str = "お知らせ", heading: str = "お知らせ", body: str = "") -> set[str]:
    text = f"<!doctype html><title>{title}</title><h1>{heading}</h1>{body}"
    return set(kinds_of(SITE + path, read(text.encode(), "text/html; charset=utf-8", SITE + path)))


@pytest.mark.parametrize(
    ("heading", "kind"),
    [
        ("ウェブアクセシビリティ方針", "accessibility"),
        ("お問い合わせ", "contact"),
        ("お問合せ先", "contact"),
        ("ご意見・ご要望", "contact"),
        ("サイトマップ", "sitemap"),
        ("Site map", "sitemap"),
        ("検索結果", "search"),
        ("防災・緊急情報", "emergency"),
        ("避難所の一覧", "emergency"),
    ],
)
def test_a_heading_or_a_title_says_what_a_page_is_for(heading: str, kind: str) -> None:
    assert kind in kinds(heading=heading)
    assert kind in kinds(title=f"{heading} | 見本市")


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/accessibility/", "accessibility"),
        ("/about/a11y.html", "accessibility"),
        ("/inquiry/index.html", "contact"),
        ("/toiawase.html", "contact"),
        ("/sitemap.html", "sitemap"),
        ("/site-map/", "sitemap"),
        ("/search/", "search"),
        ("/cgi/kensaku.cgi", "search"),
        ("/bousai/", "emergency"),
        ("/kinkyu/", "emergency"),
    ],
)
def test_an_address_says_what_a_page_is_for(path: str, kind: str) -> None:
    assert kind in kinds(path)


@pytest.mark.parametrize("mark", ["|", "｜", "-", "–", "：", "／"])
def test_the_name_of_the_site_in_every_title_says_nothing(mark: str) -> None:
    assert kinds(title=f"ごみの出し方{mark}防災とアクセシビリティの見本市", heading="ごみの出し方") == set()


def test_a_form_to_fill_in_is_a_form_and_a_search_box_is_none() -> None:
    assert kinds(body='<form method="post"><input name="a"><input name="b"></form>') == {"form"}
    assert kinds(body='<form role="search"><input name="q"></form>') == set()


def test_a_page_may_be_of_several_kinds_and_most_are_of_none() -> None:
    assert kinds("/contact/", body='<form method="post"><textarea></textarea></form>') == {"contact", "form"}
    assert kinds() == set()
