"""What is stopped in the page is never less than what must not be opened: the script's patterns hold that."""

import re

from hypothesis import given
from hypothesis import strategies as st

from crawler.address import canonical
from crawler.scope import Exclusion, Scope
from crawler.unsafe import HINTS, QUERY_HINTS, acts
from db.words import Reason

HOSTS = st.sampled_from(
    [
        "http://a.jp", "https://a.jp", "https://www.a.jp", "http://a.jp:8080", "https://a.jp:80", "http://a.jp:443",
        "https://b.jp", "https://c.b.jp", "http://a.jp.evil", "https://b.jp.evil", "https://b.jp:8443",
        "https://xn--wgv71a119e.jp", "https://xn--wgv71a119e.jp.evil", "http://b.jpx",
    ]
)  # fmt: skip
WORDS = st.sampled_from(
    ["", "a", "dir", "log-out", "user_logout.php", "delete", "5", "cart", "add", "DelEte.do", "x.html", "(v)+"]
)
PATHS = st.lists(WORDS, max_size=4).map("/".join)
QUERIES = st.lists(st.tuples(st.sampled_from(["act", "del", "x", "mode"]), WORDS), max_size=2)
PATTERNS = st.lists(
    st.sampled_from([
        "/dir/", "/*.php$", "https://b.jp/", "http*", "*delete", "/(v)+", "https://b.jp", "https://b.jp*", "http*://b.jp*",
        "https://b.jp*/dir", "https://*.b.jp/", "https://日本語.jp/", "https://b.jp:8443", "https://b.jp:*/", "https://b.jp$",
        "http*b.jp/", "https://b.jp?x", "https://",
    ]),
    max_size=2,
)  # fmt: skip


def address(host: str, path: str, query: list[tuple[str, str]]) -> str:
    return f"{host}/{path}" + ("?" + "&".join("=".join(each) for each in query) if query else "")


ADDRESSES = st.builds(address, HOSTS, PATHS, QUERIES)


@given(ADDRESSES, ADDRESSES, PATTERNS, PATTERNS)
def test_the_regular_expressions_of_a_scope_say_what_the_scope_says(
    start: str, one: str, includes: list[str], excluded: list[str]
) -> None:
    one = canonical(one) or ""
    exclusions = tuple(Exclusion(pattern=each, reason="x") for each in excluded)
    scope = Scope.around(start, tuple(includes), exclusions)
    inside, outside = ([re.compile(each) for each in group] for group in scope.regexes())
    said = scope.judge(one).reason
    assert any(each.match(one) for each in inside) is (said is not Reason.OUT_OF_SCOPE)
    if said is not Reason.OUT_OF_SCOPE:
        assert any(each.match(one) for each in outside) is (said is Reason.EXCLUDED)


@given(ADDRESSES)
def test_what_speaks_of_an_act_is_suspected(one: str) -> None:
    front, _, query = one.partition("//")[2].partition("?")
    plain = re.sub("[^a-z0-9]", "", (front.partition("/")[2] + query).lower())
    suspected = any(each in plain for each in HINTS) or any(each in query.lower() for each in QUERY_HINTS)
    assert acts(one) is None or suspected
