"""noindex and nofollow are read where they are said to us or to everybody."""

import pytest

from crawler.robots_meta import said_of


@pytest.mark.parametrize(
    ("metas", "headers", "said"),
    [
        ([], [], None),
        ([("robots", "index, follow")], [], None),
        ([("Robots", " NOINDEX ,NoFollow")], [], "nofollow, noindex"),
        ([("robots", "none")], [], "nofollow, noindex"),
        ([("googlebot", "noindex")], [], None),
        ([("JisWeep", "noindex")], [], "noindex"),
        ([("robots", "noindex")], ["nofollow"], "nofollow, noindex"),
        ([], ["googlebot: noindex", "jisweep: nofollow"], "nofollow"),
        ([], ["unavailable_after: 25 Jun 2026 15:00:00 PST, noindex"], "noindex"),
        ([], ["googlebot: noindex, nofollow"], None),
        ([("description", "noindex")], ["max-snippet:20, noindex"], "noindex"),
    ],
)
def test_wishes_to_all_or_to_us_are_read(
    metas: list[tuple[str, str]], headers: list[str], said: str | None
) -> None:
    assert said_of(metas, headers, "jisweep") == said
