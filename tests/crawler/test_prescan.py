"""The encoding that a document declares is the one that a browser finds (HTML 13.2.3; Encoding 4.2)."""

import re

import pytest

from crawler.browser import Tab, playwright_driver
from crawler.document import decode
from crawler.fetch import Manners
from tests.audits.sites import small_site
from tests.crawler.servers import http

SJIS, EUC, JIS, LATIN, UTF = "shift_jis", "euc-jp", "iso-2022-jp", "windows-1252", "utf-8"
EQUIV = b"<meta http-equiv=content-type content='%s'>"

# Each document has no character beyond ASCII, so that what is not declared is UTF-8 to us.
DECLARED: list[tuple[bytes, str | None, str]] = [
    # a byte order mark, then the header, then the document
    (b"\xef\xbb\xbf<meta charset=x-sjis>", "text/html; charset=euc-jp", UTF),
    (b"\xfe\xff\0a", "text/html; charset=euc-jp", "utf-16be"),
    (b"\xff\xfea\0", "text/html; charset=euc-jp", "utf-16le"),
    (b"<meta charset=x-sjis>", "text/html; charset=euc-jp", EUC),
    (b"<meta charset=x-sjis>", "text/html; charset=no-such", SJIS),
    (b"<meta charset=x-sjis>", "text/html; charset=", SJIS),
    (b"<meta charset=x-sjis>", "text/html", SJIS),
    # forms of the header
    (b"a", "text/html;charset=euc-jp", EUC),
    (b"a", 'text/html; Charset="EUC-JP"', EUC),
    (b"a", "text/html; boundary=x; charset=euc-jp; x=y", EUC),
    (b"a", "text/html; charset=euc-jp; charset=x-sjis", EUC),
    (b"a", "text/html; xcharset=euc-jp", UTF),
    # forms of the element
    (b"<META CHARSET=EUC-JP>", None, EUC),
    (b"<meta charset = ' euc-jp '>", None, EUC),
    (b'<meta\n\tcharset\n=\n"euc-jp"\n/>', None, EUC),
    (b"<meta/charset=euc-jp>", None, EUC),
    (b"<meta name=x content='a>b' charset=euc-jp>", None, EUC),
    (b"<meta charset=no-such><meta charset=euc-jp>", None, EUC),
    (b"<meta charset=euc-jp><meta charset=x-sjis>", None, EUC),
    (b"<meta charset=euc-jp charset=x-sjis>", None, EUC),
    (b"<metacharset=euc-jp>", None, UTF),
    (b"<meta charset=euc-jp/>", None, UTF),
    (b"<meta charset>", None, UTF),
    (b"</meta charset=euc-jp>", None, UTF),
    # its older form
    (EQUIV % b"text/html; charset=euc-jp", None, EUC),
    (EQUIV % b"charset=euc-jp", None, EUC),
    (EQUIV % b"text/html; CHARSET = euc-jp ; x", None, EUC),
    (EQUIV % b'text/html; charset="euc-jp"', None, EUC),
    (EQUIV % b"charset; charset=euc-jp", None, EUC),
    (EQUIV % b'text/html; charset="euc-jp', None, UTF),
    (EQUIV % b"text/html", None, UTF),
    (b"<meta content='text/html; charset=euc-jp' http-equiv=CONTENT-TYPE>", None, EUC),
    (b"<meta http-equiv=content-type charset=euc-jp content='text/html; charset=x-sjis'>", None, EUC),
    (b"<meta http-equiv=refresh content='9; charset=euc-jp'>", None, UTF),
    (b"<meta name=keywords content='charset=euc-jp'>", None, UTF),
    (b"<meta property='og:url' content='http://h.jp/?charset=euc-jp'>", None, UTF),
    # where it stands
    (b"<!-- <meta charset=x-sjis> --><meta charset=euc-jp>", None, EUC),
    (b"<!--> <meta charset=euc-jp> -->", None, EUC),
    (b"<!---> <meta charset=euc-jp> -->", None, EUC),
    (b"<!-- <meta charset=euc-jp>", None, UTF),
    (b"<!doctype html><html lang=ja><head><title>a</title><meta charset=euc-jp>", None, EUC),
    (b"<link title='<meta charset=x-sjis>'><meta charset=euc-jp>", None, EUC),
    (b"<? <meta charset=euc-jp> ?>", None, UTF),
    (b" " * 900 + b"<meta charset=euc-jp>", None, EUC),
    # labels: some name another encoding than one would think
    (b"<meta charset=Windows-31J>", None, SJIS),
    (b"<meta charset=csShiftJIS>", None, SJIS),
    (b"<meta charset=ms_kanji>", None, SJIS),
    (b"<meta charset=x-sjis>", None, SJIS),
    (b"<meta charset=x-euc-jp>", None, EUC),
    (b"<meta charset=csISO2022JP>", None, JIS),
    (b"<meta charset=iso-8859-1>", None, LATIN),
    (b"<meta charset=us-ascii>", None, LATIN),
    (b"<meta charset=utf-16>", None, UTF),
    (b"<meta charset=unicodefffe>", None, UTF),
    (b"<meta charset=x-user-defined>", None, LATIN),
    (b"a", "text/html; charset=x-user-defined", "x-user-defined"),
    (b"<meta charset=cp932>", None, UTF),
    (b"<meta charset=utf-7>", None, UTF),
    (b"<meta charset=utf-32>", None, UTF),
    (b"a\0", "text/html; charset=utf-16", "utf-16le"),
    # an XML declaration counts when no element says otherwise
    (b"<?xml version='1.0' encoding='EUC-JP'?><p>", None, EUC),
    (b'<?xml version="1.0" encoding="utf-16"?><p>', None, UTF),
    (b"<?xml version='1.0' encoding='EUC-JP'?><meta charset=x-sjis>", None, SJIS),
    (b" <?xml version='1.0' encoding='EUC-JP'?>", None, UTF),
    (b"<?xml version='1.0'?><p>", None, UTF),
]  # fmt: skip

# A browser takes what is not declared for windows-1252 when it cannot guess.
DECLARES_UTF = re.compile(rb"\xef\xbb\xbf|utf-16|unicodefffe")
# Chromium takes the last of two attributes with one name; the standard, and its own parser of pages, the first.
OTHERWISE = [b"<meta charset=euc-jp charset=x-sjis>"]


@pytest.mark.parametrize(("body", "content_type", "name"), DECLARED)
def test_the_declared_encoding_is_found(body: bytes, content_type: str | None, name: str) -> None:
    assert decode(body, content_type)[1] == name


async def test_a_browser_finds_the_same(chromium: str) -> None:
    pages = {
        f"/{number}": http(body, content_type=content_type or "text/html")
        for number, (body, content_type, _) in enumerate(DECLARED)
    }
    found = []
    async with (
        small_site(pages) as site,
        playwright_driver() as driver,
        Tab(driver, Manners(contact="tests"), executable=chromium) as tab,
    ):
        for path in pages:
            await tab.open(site.address(path), seconds=10, patience=5)
            found.append(str(await tab.page.evaluate("document.characterSet")).lower())
    ours = [LATIN if name == UTF and not DECLARES_UTF.search(body) else name for body, _, name in DECLARED]
    differ = [body for (body, *_), mine, theirs in zip(DECLARED, ours, found, strict=True) if mine != theirs]
    assert differ == OTHERWISE
