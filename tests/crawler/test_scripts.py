"""The key of a page's scripts: the same for pages that rendering treats alike."""

import pytest
from selectolax.lexbor import LexborHTMLParser

from crawler.scripts import script_key


def key(html: str) -> str:
    return script_key(LexborHTMLParser(f"<!doctype html><title>x</title>{html}"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('<script src="/a.js?v=1"></script>', '<script src="/a.js?v=2"></script>'),
        ("<script>show(1, 'a')</script>", '<script>show(22, "b c")</script>'),
        ('<script src="/a.js"></script><script src="/b.js"></script>', '<script src="/b.js"></script><script src="/a.js"></script>'),
        ('<script src="/a.js"></script>', '<script src="/a.js"></script><script src="/a.js"></script>'),
        ("<script>a()</script>", '<script type="TEXT/JavaScript">a()</script>'),
        ("<script>a()</script>", '<script type="application/x-javascript">a()</script>'),
        ("<script>a()</script>", '<script type="text/javascript1.2">a()</script>'),
        ("<script>a()</script>", '<script>a()</script><script type="application/ld+json">{"b": 1}</script>'),
        (r"<script>say('it\'s 1')</script>", r'<script>say("x")</script>'),
    ],
)  # fmt: skip
def test_pages_with_the_same_scripts_have_the_same_key(one: str, other: str) -> None:
    assert key(one) == key(other) != ""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ('<script src="/a.js"></script>', '<script src="/b.js"></script>'),
        ("<script>show()</script>", "<script>hide()</script>"),
        ("<script>show()</script>", '<script>show()</script><script src="/a.js"></script>'),
        ("<script>1</script>", '<script type="module" src="/m.js"></script>'),
    ],
)
def test_other_scripts_are_another_key(one: str, other: str) -> None:
    assert key(one) != key(other)


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<p>x",
        '<script type="text/javascript; charset=utf-8">a()</script>',
        '<script type="application/ld+json">{}</script>',
        '<script type="text/template"><p></script>',
    ],
)
def test_a_page_without_scripts_has_no_key(html: str) -> None:
    assert key(html) == ""
