"""A sitemap is read in any of its forms, as far as it goes."""

import asyncio
import gzip
import time
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler import sitemaps
from crawler.sitemaps import Sitemap, parse
from tests.audits.sites import asked, small_site
from tests.crawler.servers import http

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


NS = "http://www.sitemaps.org/schemas/sitemap/0.9"


@pytest.mark.parametrize(
    ("xmlns", "prefix"),
    [
        (f'xmlns="{NS}"', ""),
        (f'xmlns:s="{NS}"', "s:"),
        ("", ""),
        ('xmlns="http://www.google.com/schemas/sitemap/0.84"', ""),
        (f'xmlns="{NS.upper()}/"', ""),
    ],
    ids=["default", "with a prefix", "none", "of an earlier version", "misspelled"],
)
def test_names_count_in_whatever_namespace(xmlns: str, prefix: str) -> None:
    def listed(name: str, entry: str) -> bytes:
        address = f"<{prefix}loc>/a</{prefix}loc>"
        return f"<{prefix}{name} {xmlns}><{prefix}{entry}>{address}</{prefix}{entry}></{prefix}{name}>".encode()

    assert parse(listed("urlset", "url"), BASE) == Sitemap(pages=("https://h.jp/a",))
    assert parse(listed("sitemapindex", "sitemap"), BASE) == Sitemap(children=("https://h.jp/a",))


def test_a_prefix_that_nobody_declared_is_passed_over_and_said() -> None:
    body = (
        b"<urlset><url><loc>/a</loc><image:image><image:loc>/i.png</image:loc></image:image></url>"
        b"<url><loc>/b</loc></url></urlset>"
    )
    sitemap = parse(body, BASE)
    assert sitemap.pages == ("https://h.jp/a", "https://h.jp/b")
    assert sitemap.problems == ("broken XML: Namespace prefix image on image is not defined",)


@pytest.mark.parametrize(
    "extension",
    [
        "<lastmod>2026-11-24T10:00:00+09:00</lastmod><changefreq>daily</changefreq><priority>0.8</priority>",
        "<lastmod>yesterday</lastmod><changefreq>at times</changefreq><priority>9</priority>",
        "<e:image><e:loc>/i.png</e:loc><e:license>/l</e:license></e:image>",
        "<e:video><e:content_loc>/v.mp4</e:content_loc><e:player_loc>/p</e:player_loc></e:video>",
        "<e:news><e:publication><e:name>広報</e:name></e:publication><e:title>題</e:title></e:news>",
        # Its makers ask for an entry for each language as well, and the page itself links to them.
        '<e:link rel="alternate" hreflang="en" href="/en/"/>',
    ],
    ids=["hints", "odd hints", "images", "videos", "news", "languages"],
)
def test_what_an_entry_says_besides_its_address_makes_no_pages(extension: str) -> None:
    before = f'<urlset xmlns="{NS}" xmlns:e="urn:e"><url><loc>/a</loc>{extension}</url></urlset>'
    after = f'<urlset xmlns="{NS}" xmlns:e="urn:e"><url>{extension}<loc>/a</loc></url></urlset>'
    assert parse(before.encode(), BASE) == parse(after.encode(), BASE) == Sitemap(pages=("https://h.jp/a",))


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("https://h.jp/?a=1&amp;b=2", "https://h.jp/?a=1&b=2"),
        ("https://h.jp/?a=1&#38;b=2&#x26;c=3", "https://h.jp/?a=1&b=2&c=3"),
        ("https://h.jp/&lt;&gt;&quot;&apos;", "https://h.jp/%3C%3E%22'"),
        ("<![CDATA[https://h.jp/?a=1&b=2]]>", "https://h.jp/?a=1&b=2"),
        ("\n  https://h.jp/a\t\n", "https://h.jp/a"),
        ("https://h.jp/<!-- why -->a<?why?>b", "https://h.jp/ab"),
        ("https://h.jp/広報?q=表", "https://h.jp/%E5%BA%83%E5%A0%B1?q=%E8%A1%A8"),
        ("https://h.jp/%E5%BA%83%E5%A0%B1", "https://h.jp/%E5%BA%83%E5%A0%B1"),
        ("http://H.jp:80/a#part", "http://h.jp/a"),
        ("https://other.jp/a", "https://other.jp/a"),  # the scope is asked later whether that counts
        ("a.html", "https://h.jp/dir/a.html"),
        ("//h.jp/a", "https://h.jp/a"),
        ("../a", "https://h.jp/a"),
    ],
)
def test_an_address_is_read_as_it_was_meant(written: str, address: str) -> None:
    assert parse(urlset(written), BASE) == Sitemap(pages=(address,))


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("utf-8", "utf-8-sig"),
        ("Shift_JIS", "cp932"),
        ("Windows-31J", "cp932"),
        ("x-sjis", "cp932"),
        ("EUC-JP", "euc_jp"),
        ("ISO-2022-JP", "iso2022_jp"),
        ("UTF-16", "utf-16"),
    ],
)
def test_a_sitemap_may_be_in_any_encoding_that_it_declares(label: str, codec: str) -> None:
    name = "/表①" if codec.startswith(("utf", "cp")) else "/表"
    body = f'<?xml version="1.0" encoding="{label}"?><urlset><url><loc>{name}</loc></url></urlset>'
    page = "https://h.jp/%E8%A1%A8" + ("%E2%91%A0" if "①" in name else "")
    assert parse(body.encode(codec), BASE) == Sitemap(pages=(page,))


@pytest.mark.parametrize(
    "body",
    [
        b"https://h.jp/a\r\nhttps://h.jp/b\r\n",
        "\ufeffhttps://h.jp/a\n\n https://h.jp/b".encode(),
        "https://h.jp/a\r\nHTTPS://h.jp/b".encode("utf-16"),
        b"https://h.jp/a\n# further\nb.html\nhttps://h.jp/b",
        b"<rss><channel><link>https://h.jp/</link><item><link>/a</link></item><item><link>/b</link></item></channel></rss>",
        b'<rss xmlns:a="http://www.w3.org/2005/Atom"><channel><a:link href="/self" rel="self"/><image><link>/i</link></image>'
        b'<item><link>/a</link><a:link rel="related" href="/z"/><guid>x</guid></item><item><guid>/g</guid></item>'
        b"<item><link>/b</link><enclosure url='/e.mp3'/></item></channel></rss>",
        b'<rdf:RDF xmlns:rdf="r" xmlns="http://purl.org/rss/1.0/"><item><link>/a</link></item>'
        b"<item><link>/b</link></item></rdf:RDF>",
        b'<feed xmlns="http://www.w3.org/2005/Atom"><link href="/"/><entry><link href="/a"/>'
        b'<link rel="edit" href="/e"/></entry>'
        b'<entry><link rel="alternate" href="/b"/></entry></feed>',
        b"\n  " + urlset("/a", "/b"),
        b'<?xml version="1.0"?><?xml-stylesheet href="s.xsl"?><!-- by x -->'
        + urlset("/a", "/b").partition(b"\n")[2],
    ],
    ids=[
        "text",
        "text with BOM",
        "text in UTF-16",
        "text with more",
        "RSS 2",
        "RSS 2 with more",
        "RSS 1",
        "Atom",
        "XML after blanks",
        "XML with a style",
    ],
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
        b"<urlset><url><loc>/a\x01</loc></url><url><loc>/\x95\\</loc></url></urlset>",
        urlset("/a") + urlset("/b"),
        gzip.compress(urlset("/a", *"bcdef" * 50), mtime=0)[:-20],
        gzip.compress(urlset("/a"), mtime=0)[:-8] + b"12345678",
        gzip.compress(urlset("/a"), mtime=0) + b"more",
    ],
    ids=["cut", "not well-formed", "no text", "two documents", "cut gzip", "wrong checksum", "more behind gzip"],
)
def test_what_is_broken_is_read_as_far_as_it_goes(body: bytes) -> None:
    sitemap = parse(body, BASE)
    assert sitemap.pages[0].startswith("https://h.jp/a")
    assert "broken" in sitemap.problems[0]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"<!DOCTYPE html><html><body><p>404</p></body></html>", "not a sitemap: <html>"),
        (b"<URLSET><URL><LOC>/a</LOC></URL></URLSET>", "not a sitemap: <URLSET>"),  # XML tells capitals apart
        (b"<", "not a sitemap"),
        (b'{"a": 1}', "not a sitemap: a text without addresses"),
        (b"Warning: x\n" + urlset("/a"), "not a sitemap: a text without addresses"),
        (gzip.compress(gzip.compress(urlset("/a"))), "not a sitemap: a text without addresses"),
    ],
    ids=["HTML", "capitals", "hardly anything", "JSON", "behind a warning", "zipped twice"],
)
def test_what_is_no_sitemap_says_so(body: bytes, said: str) -> None:
    assert parse(body, BASE) == Sitemap(problems=(said,))


@pytest.mark.parametrize("body", [b"", b"\n", b"<urlset/>", b"<urlset><url/><url><loc/></url></urlset>"])
def test_a_sitemap_may_list_nothing(body: bytes) -> None:
    assert parse(body, BASE) == Sitemap()


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


def test_no_more_than_50_mb_are_read_unpacked_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    body = urlset("/a", "/b")
    cut = body.index(b"/b")
    assert sitemaps.MAX_BYTES == 50 * 1024 * 1024
    for size, pages in ((len(body), 2), (cut, 1)):
        monkeypatch.setattr(sitemaps, "MAX_BYTES", size)
        for packed in (body, gzip.compress(body), gzip.compress(body[:50]) + gzip.compress(body[50:])):
            sitemap = parse(packed, BASE)
            assert len([page for page in sitemap.pages if page.endswith(("/a", "/b"))]) == pages
            assert any("larger than" in each for each in sitemap.problems) is (pages == 1)


MANY = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
LISTED = b"<urlset><url><loc>/a%s</loc></url><url><loc>/b</loc></url></urlset>"


@pytest.mark.parametrize(
    ("declared", "used"),
    [
        (b'<!ENTITY a "x">', b"&a;"),
        (b'<!ENTITY a SYSTEM "%s">', b"&a;"),
        (b'<!ENTITY a PUBLIC "-//x" "%s">', b"&a;"),
        (b"", b"&nbsp;"),
    ],
    ids=["own", "file", "public", "undeclared"],
)
def test_an_address_with_an_entity_is_not_made_up_and_nothing_is_fetched(
    declared: bytes, used: bytes, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    declared = declared.replace(b"%s", secret.as_uri().encode())
    sitemap = parse(b"<!DOCTYPE urlset [" + declared + b"]>" + LISTED % used, BASE)
    assert sitemap.pages == ("https://h.jp/b",)
    assert "entity" in sitemap.problems[0]


@pytest.mark.parametrize(
    "doctype", [b'urlset SYSTEM "%s"', b'urlset [<!ENTITY %% p SYSTEM "%s"> %%p;]', b'urlset PUBLIC "-//x" "%s"']
)
async def test_no_document_type_is_fetched(doctype: bytes) -> None:
    async with small_site({"/dtd": http(b'<!ENTITY a "x">', content_type="application/xml-dtd")}) as site:
        body = b"<!DOCTYPE " + doctype % site.address("/dtd").encode() + b">" + LISTED % b""
        assert (await asyncio.to_thread(parse, body, BASE)).pages == ("https://h.jp/a", "https://h.jp/b")
    assert asked(site) == []


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE urlset [<!ENTITY a0 "ha">' + MANY + b"]>" + LISTED % b"&a11;",
        b'<!DOCTYPE urlset [<!ENTITY a0 "ha">'
        + MANY
        + b"]>"
        + LISTED.replace(b"<url>", b'<url x="&a11;">', 1) % b"",
        b'<!DOCTYPE urlset [<!ENTITY a "' + b"x" * 100_000 + b'">]>' + LISTED % (b"&a;" * 100_000),
        b"<urlset>" + b"<a>" * 100_000 + LISTED % b"",
        b"<urlset " + b" ".join(b"x%d=''" % n for n in range(20_000)) + b"/>",
    ],
    ids=["a billion laughs", "in an attribute", "one long entity", "depth", "attributes"],
)
def test_hostile_xml_takes_no_minutes_and_no_memory(body: bytes) -> None:
    began = time.monotonic()
    tracemalloc.start()
    sitemap = parse(body, BASE)
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert time.monotonic() - began < 5
    assert sum(map(len, sitemap.pages)) < 1000
    assert most < 20_000_000


@given(
    st.binary()
    | st.lists(
        st.sampled_from(
            ["<urlset>", "<url>", "<loc>", "</url>", "&", "<", "x", "x:", "<x:url>", "<?", "\x00", "<!DOCTYPE"]
        )
    ).map(lambda parts: "".join(parts).encode())
)
def test_any_bytes_are_survived(body: bytes) -> None:
    parse(body, BASE)
    parse(b"\x1f\x8b" + body, BASE)


def test_a_bare_ampersand_makes_up_no_address() -> None:
    written = b"<urlset><url><loc>http://a.example/l.cgi?a=1&b=2&amp;c=3</loc></url></urlset>"
    assert parse(written, "http://a.example/sitemap.xml") == Sitemap(pages=("http://a.example/l.cgi?a=1&b=2&c=3",))


def test_an_index_that_breaks_off_gives_no_half_address_and_says_so() -> None:
    written = (
        b"<sitemapindex><sitemap><loc>http://a.example/a.xml</loc></sitemap><sitemap><loc>http://a.example/b.x"
    )
    found = parse(written, "http://a.example/sitemap.xml")
    assert found.children == ("http://a.example/a.xml",)
    assert found.problems


def test_comments_that_never_close_are_read_past_once() -> None:
    written = b"<urlset>" + b"<!-- & " * 1_000_000 + b"</urlset>"
    assert parse(written, "http://a.example/sitemap.xml").pages == ()
