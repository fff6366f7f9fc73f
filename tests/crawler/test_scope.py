"""A scope says which addresses count."""

import re

import pytest

from crawler.address import canonical, origin_of
from crawler.scope import Exclusion, Scope, matches
from db.words import Reason


def inside(scope: Scope, address: str) -> bool:
    return scope.judge(address).inside


def test_a_site_is_its_host_below_the_directory_of_its_start() -> None:
    scope = Scope.around("https://www.example.lg.jp/kyoiku/index.html")
    assert inside(scope, "https://www.example.lg.jp/kyoiku/")
    assert inside(scope, "https://www.example.lg.jp/kyoiku/a/b?c")
    assert scope.judge("https://www.example.lg.jp/fukushi/").reason is Reason.OUT_OF_SCOPE
    assert scope.judge("https://sub.example.lg.jp/kyoiku/").reason is Reason.OUT_OF_SCOPE
    assert inside(scope, "https://example.lg.jp/kyoiku/"), "with www. or without it is one host"


def test_http_and_https_are_one_site_on_their_default_ports_only() -> None:
    assert inside(Scope.around("https://h.jp/"), "http://h.jp/a")
    assert inside(Scope.around("http://h.jp/"), "https://h.jp/a")
    assert not inside(Scope.around("http://h.jp/"), "http://h.jp:8080/a")
    assert inside(Scope.around("http://h.jp:8080/"), "http://h.jp:8080/a")
    assert not inside(Scope.around("http://h.jp:8080/"), "http://h.jp/a")
    assert not inside(Scope.around("http://h.jp/"), "http://h.jp:443/a")
    assert not inside(Scope.around("http://h.jp/"), "https://h.jp:80/a")


def test_includes_widen() -> None:
    scope = Scope.around("http://h.jp/a/", includes=("/b/", "https://other.jp/c*.html$"))
    assert inside(scope, "http://h.jp/b/x")
    assert inside(scope, "https://other.jp/c/d.html")
    assert not inside(scope, "https://other.jp/c/d.html?x")
    assert not inside(scope, "https://other.jp/b/x")  # a path alone speaks of the site's own host


def test_exclusions_narrow_and_say_why() -> None:
    kako = Exclusion(pattern="/a/kako/", reason="旧サイトの保存")
    scope = Scope.around("http://h.jp/a/", includes=("/a/kako/",), exclusions=(kako,))
    verdict = scope.judge("http://h.jp/a/kako/1.html")
    assert (verdict.inside, verdict.reason, verdict.detail) == (False, Reason.EXCLUDED, "旧サイトの保存")
    assert inside(scope, "http://h.jp/a/")


def test_outside_wins_over_excluded() -> None:
    scope = Scope.around("http://h.jp/a/", exclusions=(Exclusion(pattern="*", reason="x"),))
    assert scope.judge("http://h.jp/b/").reason is Reason.OUT_OF_SCOPE


@pytest.mark.parametrize(
    ("pattern", "address", "expected"),
    [
        ("/a", "http://h/ab/c", True),
        ("/a$", "http://h/ab", False),
        ("/a$", "http://h/a", True),
        ("/", "http://h/", True),
        ("/*.cgi", "http://h/x/y.cgi?z", True),
        ("/*.cgi$", "http://h/x/y.cgi?z", False),
        ("/*.cgi$", "http://h/x.cgi/y.cgi", True),
        ("*print=1", "http://h/x?print=1&y", True),
        ("/a*a$", "http://h/a", False),
        ("/a**b$", "http://h/ab", True),
        ("/A", "http://h/a", False),
        ("/過去/", "http://h/%E9%81%8E%E5%8E%BB/x", True),
        ("/%e9%81%8e", "http://h/%E9%81%8E", True),
        ("http://H.jp/a", "http://h.jp/abc", True),
        ("http*://h.jp/a", "https://h.jp/abc", True),
        ("http*h.jp/a?u=http://b", "https://h.jp/a?u=http://b/", True),
        ("http*", "https://h.jp/", True),
        ("https://h.jp/a", "http://h.jp/abc", False),
    ],
)
def test_patterns_are_those_of_robots_txt(pattern: str, address: str, expected: bool) -> None:
    assert matches(pattern, address) is expected


HOSTILE = [
    "https://h.jp.evil.jp/", "https://h.jpx/", "https://evil.jp/h.jp/", "https://evil.jp/?https://h.jp/", "https://h.jp@evil.jp/",
    "https://h.jp:x@evil.jp/", "https://h.jp%2eevil.jp/", "https://evil.jp\\.h.jp/", "https://evil.jp#.h.jp/", "https://h.jp:8443/",
    "https://xn--h-mk3b.jp/",
]  # fmt: skip


@pytest.mark.parametrize(
    "pattern",
    ["https://h.jp", "https://h.jp*", "https://h.jp/", "https://h.jp*/", "http*://h.jp", "https://*.h.jp/"],
)
def test_a_pattern_reaches_no_host_but_those_that_it_names(pattern: str) -> None:
    """In the scope, in the browser's guard, for credentials, and for sitemaps."""
    scope = Scope.around("https://a.jp/", includes=(pattern,))
    contained, _ = scope.regexes()
    named = "https://sub.h.jp/x" if "*." in pattern else "https://h.jp/x"
    for address in (named, *filter(None, map(canonical, HOSTILE))):
        told = (
            inside(scope, address), any(re.match(each, address) for each in contained), scope.reaches(origin_of(address))
        )  # fmt: skip
        assert set(told) == {address == named}, address
    assert set(scope.origins) <= {"https://a.jp", "https://h.jp"}


@pytest.mark.parametrize(
    "place", ["日本語.jp", "XN--WGV71A119E.JP", "日本語.jp:443", "%E6%97%A5本語.jp", "someone@日本語.jp"]
)
def test_a_host_may_be_written_as_people_write_it(place: str) -> None:
    scope = Scope.around("https://a.jp/", includes=(f"https://{place}/",))
    assert inside(scope, "https://xn--wgv71a119e.jp/x")
    assert scope.origins == ("https://a.jp", "https://xn--wgv71a119e.jp")


def test_many_stars_take_no_time() -> None:
    assert not matches("/" + "*a" * 200 + "$", "http://h/" + "a" * 20_000 + "b")


def test_an_exclusion_is_written_pattern_equals_reason() -> None:
    assert Exclusion.parse("/x?a=1 = 第三者のもの") == Exclusion(pattern="/x?a=1", reason="第三者のもの")


@pytest.mark.parametrize("text", ["/a", "=reason", "/a=", "/a= ", "", "kako/=old"])
def test_an_exclusion_with_a_part_missing_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(ValueError, match=r"exclusion|pattern") as refusal:
        Exclusion.parse(text)
    assert "\n" not in str(refusal.value)


def test_a_start_that_is_no_web_address_is_refused() -> None:
    with pytest.raises(ValueError, match="not an http or https address"):
        Scope.around("example.jp")
    with pytest.raises(ValueError, match="does not begin"):
        Scope.around("http://h/", includes=("b/",))
