"""Nothing that a crawled page says becomes part of our pages."""

from pathlib import Path

import pytest
from selectolax.lexbor import LexborHTMLParser as Html

from reports.clean import visible
from tests.reports.rows import HOSTILE, storable


@pytest.fixture
def trees(report: Path) -> dict[str, Html]:
    return {
        str(path.relative_to(report)): Html(path.read_text(encoding="utf-8")) for path in report.rglob("*.html")
    }


async def test_no_text_becomes_an_element_or_an_attribute(trees: dict[str, Html]) -> None:
    for tree in trees.values():
        assert not tree.css("script, iframe, object, embed, base, form, x, raw, b, i")
        for element in tree.css("*"):
            assert not [name for name in element.attributes if name.startswith("on")]
        assert not tree.css('img[src="x"]')


async def test_links_lead_to_the_web_or_into_the_report(trees: dict[str, Html]) -> None:
    for tree in trees.values():
        for link in tree.css("a[href]"):
            target = link.attributes["href"] or ""
            assert target.startswith(("http://", "https://")) or ":" not in target


async def test_every_hostile_text_is_shown_as_written(trees: dict[str, Html]) -> None:
    snippets = [found.text() for found in trees["pages/2.html"].css("li.place pre code")]
    for text in HOSTILE:
        assert visible(storable(text)).strip() in [snippet.strip() for snippet in snippets]


async def test_titles_stay_in_their_place(trees: dict[str, Html]) -> None:
    tree = trees["pages/2.html"]
    assert len(tree.css("title")) == len(tree.css("h1")) == 1
    assert "{{ 7*7 }}" in tree.css_first("h1").text()


async def test_pages_forbid_scripts(trees: dict[str, Html]) -> None:
    for tree in trees.values():
        policy = tree.css_first("meta[http-equiv=Content-Security-Policy]").attributes["content"]
        assert policy is not None
        assert "script-src 'none'" in policy
