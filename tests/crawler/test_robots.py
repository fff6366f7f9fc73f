"""robots.txt is obeyed as RFC 9309 says. The numbers are those of its sections."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crawler.address import canonical
from crawler.exploration import robots_of
from crawler.fetch import Fetcher, Manners
from crawler.robots import MAX_BYTES, Robots
from db.words import Reason
from tests.audits.sites import Answer, asked, moved, small_site
from tests.crawler.servers import http


def robots(text: str | bytes, agent: str = "jisweep") -> Robots:
    return Robots.from_answer(200, text.encode() if isinstance(text, str) else text, agent)


def allows(text: str | bytes, path: str, agent: str = "jisweep") -> bool:
    address = canonical("http://h.jp" + path)
    assert address is not None
    return robots(text, agent).allows(address)


# ── getting the file (2.3) ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "allowed"),
    [
        (200, False),
        (204, False),
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


def chain(hops: int) -> dict[str, Answer]:
    """A robots.txt that is so many redirects away and disallows everything."""
    places = ["/robots.txt", *(f"/{number}" for number in range(hops))]
    pages: dict[str, Answer] = {here: moved(there) for here, there in pairwise(places)}
    return {**pages, places[-1]: http(b"User-agent: *\nDisallow: /", content_type="text/plain")}


@pytest.mark.parametrize(("hops", "allowed"), [(1, False), (5, False), (6, True)])
async def test_five_redirects_are_followed_and_what_is_farther_away_counts_as_missing(
    hops: int, allowed: bool
) -> None:
    async with small_site(chain(hops)) as site, Fetcher(Manners()) as fetcher:
        address = site.address("/a")
        assert (await robots_of(fetcher, {}, address)).allows(address) is allowed
    assert len(asked(site)) == 6 if allowed else hops + 1


async def test_the_rules_at_the_end_of_a_redirect_to_another_host_are_those_of_the_first() -> None:
    pages: dict[str, Answer] = {}
    async with small_site(chain(0)) as other, small_site(pages) as site, Fetcher(Manners()) as fetcher:
        pages["/robots.txt"] = moved(other.address("/robots.txt"))
        robots = await robots_of(fetcher, {}, site.address("/a"))
    assert not robots.allows(site.address("/a"))


async def test_a_file_that_is_too_large_to_fetch_is_read_as_far_as_it_came() -> None:
    rules = b"User-agent: *\nDisallow: /a\n" + b"# and so on\n" * 100_000
    site = {"/robots.txt": http(rules, content_type="text/plain")}
    async with small_site(site) as server, Fetcher(Manners(max_bytes=MAX_BYTES + 1)) as fetcher:
        robots = await robots_of(fetcher, {}, server.address())
    assert not robots.allows(server.address("/a"))
    assert robots.allows(server.address("/b"))


# ── which path matches (2.2.2 and 2.2.3) ───────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("rules", "path", "allowed"),
    [
        # from the beginning, with capitals told apart; a rule without a path says nothing
        ("Disallow: /a", "/a/b", False),
        ("Disallow: /a", "/ab", False),
        ("Disallow: /a", "/b/a", True),
        ("Disallow: /a/", "/a", True),
        ("Disallow: /A", "/a", True),
        ("Disallow:", "/b", True),
        ("Disallow:\nDisallow: /a", "/a", False),
        ("Allow:\nDisallow: /", "/a", False),
        ("Disallow: a", "/a", True),  # a path begins with "/"
        ("Disallow: http://h.jp/a", "/a", True),
        ("Disallow: //a", "//a", False),
        ("Disallow: //a", "/a", True),
        # what was not ruled out is allowed, and so is the file itself
        ("", "/", True),
        ("Allow: /a", "/b", True),
        ("Disallow: /", "/robots.txt", True),
        ("Disallow: /", "/a/robots.txt", False),
        # the longest rule decides, wherever it stands; of two equal ones, allow
        ("Disallow: /a/\nAllow: /a/b", "/a/b", True),
        ("Allow: /a/b\nDisallow: /a/", "/a/b", True),
        ("Allow: /a/b\nDisallow: /a/", "/a/c", False),
        ("Allow: /a/\nDisallow: /a/b\nAllow: /a/b/c", "/a/b/c", True),
        ("Allow: /a/\nDisallow: /a/b\nAllow: /a/b/c", "/a/b/d", False),
        ("Disallow: /a\nAllow: /a", "/a", True),
        ("Allow: /a\nDisallow: /a", "/a", True),
        ("Disallow: /b/a\nAllow: /b/*", "/b/a", True),
        ("Allow: /page\nDisallow: /*.htm", "/page.htm", False),
        ("Allow: /abc\nDisallow: /*?", "/abc?x", True),  # "?" is one octet, like any other
        ("Allow: /a?b\nDisallow: /*b=c", "/a?b=c", False),
        ("Allow: /%41\nDisallow: /A*b", "/Ab", False),  # an escape that is not needed counts as what it says
        ("Allow: /あ\nDisallow: /*.html?", "/あ.html?", True),  # あ is three octets, nine when escaped
        # "*" is any run of characters, "/" and none among them; "$" is the end, but only at the end
        ("Disallow: *", "/a", False),
        ("Disallow: *.pdf", "/a/b.pdf", False),
        ("Disallow: /*.php", "/a/b.php?c", False),
        ("Disallow: /*.php$", "/x.php", False),
        ("Disallow: /*.php$", "/x.php?a", True),
        ("Disallow: /a*b*c", "/a-b-b-c-d", False),
        ("Disallow: /a*b*c", "/a-c-b", True),
        ("Disallow: /a**b", "/ab", False),
        ("Disallow: /a*", "/a", False),
        ("Disallow: /a*a$", "/a", True),
        ("Disallow: /a*$", "/ab", False),
        ("Allow: /$\nDisallow: /", "/", True),
        ("Allow: /$\nDisallow: /", "/page.htm", False),
        ("Disallow: /a$", "/a?b", True),
        ("Disallow: /a$b", "/a$b", False),
        ("Disallow: /a$b", "/a", True),
        # a query is part of the path
        ("Disallow: /*?", "/a?b", False),
        ("Disallow: /a?b", "/a?b=c", False),
        ("Disallow: /a?b", "/ab", True),
        # escaped or not, and in capitals or not, an octet is an octet; but for what has a meaning of its own
        ("Disallow: /%7euser", "/~user/", False),
        ("Disallow: /%62%61%7A", "/baz", False),
        ("Disallow: /あ", "/%E3%81%82", False),
        ("Disallow: /%e3%81%82", "/あ", False),
        ("Disallow: /a b", "/a%20b", False),
        ("Disallow: /a%3C%22", '/a<"', False),
        ("Disallow: /a\x85b", "/a%C2%85b", False),
        ("Disallow: /a?b=https://h.jp", "/a?b=https%3A%2F%2Fh.jp", False),
        ("Disallow: /a?b=https%3a%2f%2fh.jp", "/a?b=https://h.jp", False),
        ("Disallow: /a%2Fb", "/a/b", True),
        ("Disallow: /a/b", "/a%2Fb", True),
        ("Disallow: /a%25", "/a%25", False),
        ("Disallow: /a%24", "/a$", False),
        ("Disallow: /a%24", "/a", True),
        ("Disallow: /a%2A", "/axb", True),
        ("Disallow: /a%2Ab", "/a*b", False),
        ("Disallow: /a*b", "/a*b", False),
        ("Disallow: /a%", "/a%", False),
    ],
)
def test_rules_are_matched_by_path(rules: str, path: str, allowed: bool) -> None:
    assert allows("User-agent: *\n" + rules, path) is allowed


def test_an_allowed_index_does_not_allow_its_directory() -> None:
    text = "User-agent: *\nDisallow: /\nAllow: /a/index.html"
    assert not allows(text, "/a/")
    assert allows(text, "/a/index.html")


def test_paths_of_shift_jis_sites_are_told_apart() -> None:
    text = b"User-agent: *\nDisallow: /%83%5C\nDisallow: /\x95\\"
    assert allows(text, "/%84%5C")
    assert not allows(text, "/%83%5C")
    assert not allows(text, "/%95%5C")


def test_a_rule_may_end_within_a_character() -> None:
    assert not allows("User-agent: *\nDisallow: /%E3%81", "/あ")


def test_rules_made_to_keep_a_matcher_busy_do_not() -> None:
    rules = "User-agent: *\nDisallow: /" + "a*" * 5_000 + "b$"
    assert allows(rules, "/" + "a" * 20_000)


# ── which lines there are (2.2, 2.2.4) ─────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line",
    [
        "Disallow: /a", "disallow:/a", "dIsAlLoW: /a", "  Disallow\t:\t/a\t", "Disallow : /a # why", "Disallow: /a#why",
        "Disalow: /a",  # 2.2.4 allows for spelling mistakes
    ],
)  # fmt: skip
def test_a_rule_is_known_however_it_is_written(line: str) -> None:
    assert not allows(f"User-agent: *\n{line}", "/a")


@pytest.mark.parametrize(
    "line", ["Disallow /a", "Disallow", ": /a", "# Disallow: /a", "Not-disallow: /a", "Dis allow: /a"]
)
def test_a_line_that_is_no_rule_forbids_nothing(line: str) -> None:
    assert allows(f"User-agent: *\n{line}\nDisallow: /b", "/a")


@pytest.mark.parametrize(
    "line", ["", " \t", "# why", "nonsense", "Host: h.jp", "Sitemap: http://h.jp/s.xml", "\x00\xff"]
)
def test_lines_between_change_nothing(line: str) -> None:
    text = f"User-agent: jisweep\n{line}\nUser-agent: x\n{line}\nDisallow: /a\n{line}\nDisallow: /b\n{line}\nUser-agent: y\nDisallow: /c"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, False, True]


# ── whose rules they are (2.2.1) ───────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "line", ["jisweep", "JiSweep", "JISWEEP", "jisweep/0.1", "jisweep/9 (+x)", "jisweep *", "jisweep # us"]
)
def test_our_group_is_the_one_that_names_our_product(line: str) -> None:
    text = f"User-agent: *\nDisallow: /\n\nUser-agent: {line}\nDisallow: /a"
    assert allows(text, "/b")
    assert not allows(text, "/a")
    assert allows(text, "/b", agent="Jisweep/0.1 (+mailto:a@b.jp)")


@pytest.mark.parametrize("line", ["ji", "jisweep-news", "jisweep_news", "my-jisweep", "bot", "sweep", "*bot", ""])
def test_groups_of_others_are_not_ours(line: str) -> None:
    assert allows(f"User-agent: {line}\nDisallow: /", "/a")


@pytest.mark.parametrize("line", ["*jisweep*", '"jisweep"', "+jisweep"])
def test_who_writes_something_around_our_name_means_us(line: str) -> None:
    """RFC 9309 knows letters, hyphens and underscores only: nobody else can be meant, and a guest obeys."""
    assert not allows(f"User-agent: {line}\nDisallow: /", "/a")


def test_groups_for_us_are_merged() -> None:
    text = "User-agent: jisweep\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: JISWEEP\nDisallow: /c"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]


def test_names_in_a_row_share_their_rules_whatever_stands_between() -> None:
    text = "User-agent: jisweep\nSitemap: http://h/s\nNoindex: x\nCrawl-delay: 3\n\nUser-agent: x\nDisallow: /a"
    assert not allows(text, "/a")
    assert robots(text).crawl_delay == 3


@pytest.mark.parametrize("rule", ["Disallow:", "Allow: /", "Allow:", ""])
def test_our_own_group_is_obeyed_and_nothing_of_the_one_for_all(rule: str) -> None:
    assert allows(f"User-agent: *\nDisallow: /\nUser-agent: jisweep\n{rule}", "/a")


def test_without_a_group_of_ours_the_groups_for_all_are_obeyed_wherever_they_stand() -> None:
    text = (
        "User-agent: *\nDisallow: /a\nUser-agent: x\nDisallow: /b\nUser-agent: y\nUser-agent: * # all\nDisallow: /c"
    )
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, True, False]


def test_where_no_group_is_for_us_or_for_all_everything_is_allowed() -> None:
    assert allows("User-agent: x\nUser-agent: y\nDisallow: /", "/a")


def test_a_group_may_name_us_among_others() -> None:
    text = "User-agent: x\nUser-agent: jisweep\nUser-agent: y\nDisallow: /a\nAllow: /a/b"
    assert [allows(text, path) for path in ("/a", "/a/b", "/c")] == [False, True, True]


def test_a_name_without_a_name_begins_a_group_that_is_nobodys() -> None:
    assert allows("User-agent: *\nDisallow: /a\nUser-agent:\nDisallow: /b", "/b")


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\n\n", "\r\r\n"])
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_any_line_ends_and_a_byte_order_mark_will_do(end: str, mark: str) -> None:
    text = mark + end.join(["User-agent: *", "Disallow: /a", "Disallow: /b"])
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [False, False, True]


def test_a_character_that_other_texts_break_lines_at_breaks_none() -> None:
    text = "User-agent: *\nDisallow: /a\x0bDisallow: /b\nDisallow: /a\u2028Disallow: /c"
    assert [allows(text, path) for path in ("/a", "/b", "/c")] == [True, True, True]


def test_rules_before_any_name_are_nobodys() -> None:
    assert allows("Disallow: /\nUser-agent: x\nDisallow: /", "/a")


# ── lines of others (2.2.4) ────────────────────────────────────────────────────────────────────────


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


# ── limits and trouble (2.5, 2.3.1) ────────────────────────────────────────────────────────────────


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


@pytest.mark.parametrize("line", ["/sitemap/a.xml", "sitemap/a.xml", "./sitemap/a.xml", "//h.jp/sitemap/a.xml"])
def test_a_relative_sitemap_is_resolved_against_the_file_that_names_it(line: str) -> None:
    """RFC 9309 and sitemaps.org want it absolute; what many sites write is plain all the same."""
    body = f"Sitemap: {line}".encode()
    assert Robots.from_answer(200, body, "jisweep", "http://h.jp/robots.txt").sitemaps == (
        "http://h.jp/sitemap/a.xml",
    )


@pytest.mark.parametrize("line", ["", "none", "なし", "n/a", "mailto:a@h.jp"])
def test_a_sitemap_line_that_names_no_file_is_none(line: str) -> None:
    assert Robots.from_answer(200, f"Sitemap: {line}".encode(), "jisweep", "http://h.jp/robots.txt").sitemaps == ()
