"""robots.txt is obeyed as RFC 9309 says, also where protego alone would not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from protego import Protego

from crawler.address import canonical
from crawler.robots import MAX_BYTES, Robots
from db.words import Reason


def robots(text: str | bytes, agent: str = "jisweep") -> Robots:
    return Robots.from_answer(200, text.encode() if isinstance(text, str) else text, agent)


def allows(text: str | bytes, path: str, agent: str = "jisweep") -> bool:
    address = canonical("http://h.jp" + path)
    assert address is not None
    return robots(text, agent).allows(address)


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (200, False),
        (206, False),
        (301, True),
        (403, True),
        (404, True),
        (429, True),
        (500, False),
        (503, False),
        (None, False),
    ],
)
def test_the_status_decides_whether_the_rules_are_read(status: int | None, allowed: bool) -> None:
    assert Robots.from_answer(status, b"User-agent: *\nDisallow: /", "jisweep").allows("http://h/a") is allowed


def test_the_reason_tells_a_rule_from_an_unreachable_file() -> None:
    assert Robots.from_answer(200, b"", "jisweep").reason is Reason.ROBOTS
    assert Robots.from_answer(503, b"", "jisweep").reason is Reason.ROBOTS_UNREACHABLE
    assert Robots.from_answer(None, b"", "jisweep").reason is Reason.ROBOTS_UNREACHABLE


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        ("Disallow: /a", "/a/b", False),
        ("Disallow: /a", "/b", True),
        ("Disallow:", "/b", True),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /a/\nAllow: /a/b", "/a/b", True),
        ("Allow: /a/b\nDisallow: /a/", "/a/c", False),
        ("Disallow: /a\nAllow: /a", "/a", True),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("Allow: /$\nDisallow: /", "/", True),
        ("Allow: /$\nDisallow: /", "/page.htm", False),
        ("Disallow: /*.php$", "/x.php", False),
        ("Disallow: /*.php$", "/x.php?a", True),
        ("Disallow: /a*b*c", "/a-b-b-c-d", False),
        ("Disallow: /a$b", "/a$b", False),
        ("Disallow: /a%24", "/a$", False),
        ("Disallow: /a%2A", "/axb", True),
        ("Disallow: /a%2Ab", "/a*b", False),
        ("Disallow: /*?", "/a?b", False),
        ("Disallow: /a?b", "/a?b=c", False),
        ("Disallow: /%7euser", "/~user/", False),
        ("Disallow: /あ", "/%E3%81%82", False),
        ("Disallow: /%e3%81%82", "/あ", False),
        ("Disallow: /a%2Fb", "/a/b", True),
        ("Disallow: /A", "/a", True),
        ("dIsAlLoW: /a", "/a", False),
        ("Disalow: /a", "/a", False),
        ("Disallow : /a # why", "/a", False),
        ("Disallow: /a\x85b", "/a%C2%85b", False),
    ],
)
def test_rules_are_matched_by_path(rules: str, path: str, allowed: bool) -> None:
    assert allows("User-agent: *\n" + rules, path) is allowed


def test_an_allowed_index_does_not_allow_its_directory() -> None:
    text = "User-agent: *\nDisallow: /\nAllow: /a/index.html"
    assert Protego.parse(text).can_fetch("http://h/a/", "jisweep")  # not what the RFC says
    assert not allows(text, "/a/")
    assert allows(text, "/a/index.html")


def test_paths_of_shift_jis_sites_are_told_apart() -> None:
    text = b"User-agent: *\nDisallow: /%83%5C\nDisallow: /\x95\\"
    assert not Protego.parse(text.decode("latin-1")).can_fetch("http://h/%84%5C", "jisweep")  # dito
    assert allows(text, "/%84%5C")
    assert not allows(text, "/%83%5C")
    assert not allows(text, "/%95%5C")


def test_a_rule_may_end_within_a_character() -> None:
    assert not allows("User-agent: *\nDisallow: /%E3%81", "/あ")


@pytest.mark.parametrize("line", ["jisweep", "JiSweep", "jisweep/0.1", "jisweep *", "jisweep # us"])
def test_our_group_is_the_one_that_names_our_product(line: str) -> None:
    text = f"User-agent: *\nDisallow: /\n\nUser-agent: {line}\nDisallow: /a"
    assert allows(text, "/b")
    assert not allows(text, "/a")
    assert allows(text, "/b", agent="Jisweep/0.1 (+mailto:a@b.jp)")


@pytest.mark.parametrize("line", ["ji", "jisweep-news", "bot", "sweep", "*bot"])
def test_groups_of_others_are_not_ours(line: str) -> None:
    assert allows(f"User-agent: {line}\nDisallow: /", "/a")


def test_groups_for_us_are_merged() -> None:
    text = "User-agent: jisweep\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: JISWEEP\nDisallow: /c"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]


def test_names_in_a_row_share_their_rules_whatever_stands_between() -> None:
    text = "User-agent: jisweep\nSitemap: http://h/s\nNoindex: x\nCrawl-delay: 3\n\nUser-agent: x\nDisallow: /a"
    assert not allows(text, "/a")
    assert robots(text).crawl_delay == 3


def test_our_group_without_rules_allows_all() -> None:
    assert allows("User-agent: *\nDisallow: /\nUser-agent: jisweep\nDisallow:", "/a")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_line_ends_and_a_byte_order_mark_will_do(end: str, mark: str) -> None:
    assert not allows(mark + end.join(["User-agent: *", "Disallow: /a"]), "/a")


def test_rules_before_any_name_are_nobodys() -> None:
    assert allows("Disallow: /\nUser-agent: x\nDisallow: /", "/a")


@pytest.mark.parametrize(
    ("value", "delay"), [("2.5", 2.5), ("0", 0), ("x", None), ("-1", None), ("inf", None), ("", None)]
)
def test_the_crawl_delay_is_in_seconds(value: str, delay: float | None) -> None:
    assert robots(f"User-agent: *\nCrawl-delay: {value}\nDisallow: /x").crawl_delay == delay


def test_only_our_crawl_delay_counts() -> None:
    text = "User-agent: *\nCrawl-delay: 9\nDisallow: /\nUser-agent: jisweep\nCrawl-delay: 1\nAllow: /"
    assert robots(text).crawl_delay == 1


def test_sitemaps_belong_to_no_group() -> None:
    text = "Sitemap: http://H.jp/a.xml\nUser-agent: x\nSITEMAP:http://h.jp/b.xml\nSitemap: /relative\nSitemap: http://h.jp/a.xml"
    assert robots(text).sitemaps == ("http://h.jp/a.xml", "http://h.jp/b.xml")


def test_500_kibibytes_are_read_and_no_half_rule() -> None:
    head = b"User-agent: *\nDisallow: /a\n"
    filler = b"#" * (MAX_BYTES - len(head) - len(b"\nDisallow: /"))
    text = head + filler + b"\nDisallow: /b\nDisallow: /c"
    assert not allows(text, "/a")
    assert allows(text, "/b")
    assert allows(text, "/c")


def test_a_page_instead_of_rules_allows_all() -> None:
    assert allows("<!DOCTYPE html><title>404</title><p>Disallow: /</p>", "/a")


@given(st.binary() | st.text().map(lambda text: ("User-agent: *\n" + text).encode("utf-8", "replace")))
def test_any_bytes_are_survived(body: bytes) -> None:
    robots(body).allows("http://h/a?b")
