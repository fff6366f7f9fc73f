"""A sitemap is read in any of its forms, as far as it goes."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import sitemaps
from crawler.sitemaps import Sitemap, parse

BASE = "https://h.jp/dir/sitemap.xml"
URLSET = '<?xml version="1.0" encoding="UTF-8"?>\n<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">%s</urlset>'


def urlset(*addresses: str) -> bytes:
    return (URLSET % "".join(f"<url><loc>{address}</loc></url>" for address in addresses)).encode()


def test_a_urlset_lists_pages() -> None:
    assert parse(urlset(" https://H.jp/a?x=1&amp;y=2#z\n", "/b", "/b", "あ"), BASE) == Sitemap(
        pages=("https://h.jp/a?x=1&y=2", "https://h.jp/b", "https://h.jp/dir/%E3%81%82")
    )


def test_an_index_lists_further_sitemaps() -> None:
    body = (
        b"<sitemapindex><sitemap><loc>https://h.jp/1.xml.gz</loc><lastmod>2026</lastmod></sitemap></sitemapindex>"
    )
    assert parse(body, BASE) == Sitemap(children=("https://h.jp/1.xml.gz",))


def test_addresses_of_images_are_not_pages() -> None:
    body = (
        b'<urlset xmlns:i="http://www.google.com/schemas/sitemap-image/1.1"><url><loc>/a</loc>'
        b"<i:image><i:loc>/a.png</i:loc></i:image></url></urlset>"
    )
    assert parse(body, BASE).pages == ("https://h.jp/a",)


@pytest.mark.parametrize(
    "body",
    [
        b"https://h.jp/a\r\nhttps://h.jp/b\r\n",
        "\ufeffhttps://h.jp/a\n\n https://h.jp/b".encode(),
        b"<rss><channel><link>https://h.jp/</link><item><link>/a</link></item><item><link>/b</link></item></channel></rss>",
        b'<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/"><item><link>/a</link></item>'
        b"<item><link>/b</link></item></rdf:RDF>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/><entry><link href="/a"/>'
        b'<link rel="edit" href="/e"/></entry>'
        b'<entry><link rel="alternate" href="/b"/></entry></feed>',
        b"\n  " + urlset("/a", "/b"),
        b"<urlset><url><loc><![CDATA[https://h.jp/a]]></loc></url><url><!-- x --><loc>/b</loc></url></urlset>",
    ],
    ids=["text", "text with BOM", "RSS 2", "RSS 1", "Atom", "XML after blanks", "CDATA"],
)
def test_every_form_is_read(body: bytes) -> None:
    assert parse(body, BASE) == Sitemap(pages=("https://h.jp/a", "https://h.jp/b"))
    assert parse(gzip.compress(body), BASE) == Sitemap(pages=("https://h.jp/a", "https://h.jp/b"))


def test_gzip_in_several_pieces_is_one_file() -> None:
    body = urlset("/a", "/b")
    assert parse(gzip.compress(body[:60]) + gzip.compress(body[60:]), BASE).pages == (
        "https://h.jp/a",
        "https://h.jp/b",
    )


@pytest.mark.parametrize(
    "body",
    [
        urlset("/a")[:-9] + b"<url><loc>/b",
        b"<urlset><url><loc>/a?x&y</loc></url><url><loc>/b</url>",
        gzip.compress(urlset("/a", *"bcdef" * 50), mtime=0)[:-20],
    ],
    ids=["cut", "not well-formed", "cut gzip"],
)
def test_what_is_broken_is_read_as_far_as_it_goes(body: bytes) -> None:
    sitemap = parse(body, BASE)
    assert sitemap.pages[0].startswith("https://h.jp/a")
    assert "broken" in sitemap.problems[0]


def test_what_is_no_sitemap_says_so() -> None:
    assert parse(b"<!DOCTYPE html><html><body><p>404</p></body></html>", BASE).problems == (
        "not a sitemap: <html>",
    )
    assert parse(b"\xff\xd8binary", BASE).pages == parse(b"", BASE).pages == ()


def test_entries_that_are_no_web_addresses_name_no_pages() -> None:
    assert parse(urlset("ftp://h/", "/a", "mailto:x@y"), BASE) == Sitemap(pages=("https://h.jp/a",))


def test_at_most_50_000_addresses_are_read() -> None:
    sitemap = parse(urlset(*(f"/{number}" for number in range(50_001))), BASE)
    assert len(sitemap.pages) == 50_000
    assert sitemap.problems == ("more than 50000 addresses: the rest was not read",)


def test_a_decompression_bomb_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sitemaps, "MAX_BYTES", 100_000)
    sitemap = parse(gzip.compress(urlset("/a") + b" " * 30_000_000), BASE)
    assert sitemap.pages == ("https://h.jp/a",)
    assert "larger than 100000 bytes" in sitemap.problems[0]


def test_entities_are_neither_expanded_nor_fetched(tmp_path: object) -> None:
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;"><!ENTITY f SYSTEM "file:///etc/passwd">]>'
    sitemap = parse(bomb + b"<urlset><url><loc>/x&b;&f;</loc></url><url><loc>/y</loc></url></urlset>", BASE)
    assert sitemap.pages == ("https://h.jp/x", "https://h.jp/y")


@given(
    st.binary()
    | st.lists(
        st.sampled_from(["<urlset>", "<url>", "<loc>", "</url>", "&", "<", "x", "<?", "\x00", "<!DOCTYPE"])
    ).map(lambda parts: "".join(parts).encode())
)
def test_any_bytes_are_survived(body: bytes) -> None:
    parse(body, BASE)
    parse(b"\x1f\x8b" + body, BASE)
