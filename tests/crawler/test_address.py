"""An address has one spelling."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from crawler.address import canonical, directory_of, host_of, origin_of, pattern_of, port_of, spelling_key

BASE = "https://www.example.lg.jp/a/b.html?x=1"
PIECES = st.lists(
    st.sampled_from(
        [
            *"%/.;?&=a41あ表#\\:@h[😀ｶ\t \ud800",
            "%2",
            "%41",
            "%2e",
            "%zz",
            "..",
            ";jsessionid=1",
            "utm_x=1",
            "http://",
        ]
    ),
    max_size=14,
).map("".join)
ENCODINGS = st.sampled_from(
    ["utf-8", "shift_jis", "euc-jp", "iso-2022-jp", "utf-16le", "windows-1252", "replacement"]
)


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("c.html", "https://www.example.lg.jp/a/c.html"),
        ("  /c\n.html\t", "https://www.example.lg.jp/c.html"),
        ("../../c/./d/../", "https://www.example.lg.jp/c/"),
        ("//other.jp", "https://other.jp/"),
        ("?y=2", "https://www.example.lg.jp/a/b.html?y=2"),
        ("#part", "https://www.example.lg.jp/a/b.html?x=1"),
        ("", "https://www.example.lg.jp/a/b.html?x=1"),
        ("HTTPS://WWW.Example.LG.jp:443/A", "https://www.example.lg.jp/A"),
        ("http://www.example.lg.jp:443/", "http://www.example.lg.jp:443/"),
        ("http://user:secret@h.jp/", "http://h.jp/"),
        ("http:\\\\h.jp\\a", "http://h.jp/a"),
        ("http://東京都.jp/", "http://xn--1lqs71dym3a.jp/"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        ("/%7euser/%e3%81%82%2f", "https://www.example.lg.jp/~user/%E3%81%82%2F"),
        ("/あ", "https://www.example.lg.jp/%E3%81%82"),
        ("/%2e%2E/%2e/x", "https://www.example.lg.jp/x"),
        ("/x?", "https://www.example.lg.jp/x"),
        ("/x #part", "https://www.example.lg.jp/x%20"),
        ("/x? #part", "https://www.example.lg.jp/x?%20"),
    ],
)
def test_links_are_resolved_as_a_browser_does(link: str, address: str) -> None:
    assert canonical(link, BASE) == address


@pytest.mark.parametrize(
    "link",
    [
        "mailto:a@b.jp",
        "javascript:void(0)",
        "tel:0312345678",
        "ftp://h/",
        "data:text/html,x",
        "http://",
        "http://[",
        "http://a b/",
    ],
)
def test_what_is_not_a_page_of_the_web_has_no_address(link: str) -> None:
    assert canonical(link, BASE) is None


def test_without_a_base_only_whole_addresses_count() -> None:
    assert canonical("a.html") is None
    assert canonical("http://h.jp") == "http://h.jp/"


@pytest.mark.parametrize(
    ("encoding", "query"),
    [
        ("utf-8", "q=%E8%A1%A8%E2%91%A0"),
        ("utf-16le", "q=%E8%A1%A8%E2%91%A0"),
        ("shift_jis", "q=%95\\%87@"),
        ("euc-jp", "q=%C9%BD%AD%A1"),
        ("iso-2022-jp", "q=%1B$BI=-!%1B(B"),
        ("windows-1252", "q=%26%2334920%3B%26%239312%3B"),
    ],
)
def test_a_query_is_sent_in_the_encoding_of_its_document(encoding: str, query: str) -> None:
    assert canonical("http://h.jp/表?q=表①", encoding=encoding) == f"http://h.jp/%E8%A1%A8?{query}"


@pytest.mark.parametrize(
    ("link", "address"),
    [
        ("http://h/a;jsessionid=F00.node1?x=1", "http://h/a?x=1"),
        ("http://h/a;JSESSIONID=F/b", "http://h/a/b"),
        ("http://h/?PHPSESSID=1", "http://h/"),
        ("http://h/?a=1&aspsessionidQQ=1&b=2", "http://h/?a=1&b=2"),
        ("http://h/?CFID=1&CFTOKEN=2&id=3", "http://h/?id=3"),
        (
            "http://h/?utm_source=x&utm_medium=y&id=3&gclid=1&fbclid=1&yclid=1&msclkid=1&_ga=1",
            "http://h/?id=3",
        ),
        ("http://h/?page=2&sid=3&_gap=4", "http://h/?page=2&sid=3&_gap=4"),
        ("http://h/?b=1&a=2&&c", "http://h/?b=1&a=2&&c"),
    ],
)
def test_sessions_and_campaigns_do_not_make_pages(link: str, address: str) -> None:
    assert canonical(link) == address


@given(link=PIECES | st.text(), encoding=ENCODINGS)
@example(link="%%341", encoding="utf-8")
@example(link="/..;jsessionid=1/x", encoding="utf-8")
def test_canonical_never_raises_and_is_idempotent(link: str, encoding: str) -> None:
    once = canonical(link, "http://h.jp/a/b", encoding)
    assert once is None or (canonical(once) == once and canonical(once, encoding=encoding) == once)


@given(link=PIECES | st.text(), base=PIECES | st.text())
def test_any_base_is_survived(link: str, base: str) -> None:
    canonical(link, base)


def test_the_parts_of_an_address() -> None:
    address = "https://h.jp:8443/a/b.html?x=/y/"
    assert host_of(address) == "h.jp"
    assert origin_of(address) == "https://h.jp:8443"
    assert port_of(address) == 8443
    assert port_of("http://h.jp/") == 80
    assert directory_of(address) == "/a/"
    assert directory_of("https://h.jp/") == "/"


@pytest.mark.parametrize(
    "other",
    [
        "http://h.jp/a/?y=2&x=1", "https://www.h.jp/a/?x=1&y=2", "http://h.jp/A/index.html?x=1&y=2",
        "http://h.jp//a?x=1&y=2", "http://h.jp/a/INDEX.SHTML?x=1&y=2", "http://h.jp/a/Default.aspx?x=1&y=2",
    ],
)  # fmt: skip
def test_spellings_that_may_name_one_page_share_a_key(other: str) -> None:
    assert spelling_key(other) == spelling_key("http://h.jp/a?x=1&y=2")


@pytest.mark.parametrize(
    "other",
    ["http://h.jp/a/reindex.html", "http://h.jp/a?x=2", "http://h.jp/a/b", "http://other.jp/a", "http://h.jp:81/a"],
)
def test_other_pages_have_other_keys(other: str) -> None:
    assert spelling_key(other) != spelling_key("http://h.jp/a")
    assert spelling_key("http://h.jp/?p=/index.html") != spelling_key("http://h.jp/?p=/")


def test_a_pattern_is_the_path_and_the_names_of_its_parameters() -> None:
    assert pattern_of("http://h/cal?y=2026&m=1") == pattern_of("http://h/cal?m=2&y=1999&m=3") == "/cal?m&y"
    assert pattern_of("http://h/cal/2026/11/") == "/cal/0/0/"
    assert pattern_of("http://h/cal") == "/cal"
