"""Choosing pages: methods a) to d), the same draw for the same seed, and a random part that speaks for the frame."""

from collections import Counter
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crawler.frame import FramePage
from crawler.representative import category_tops, left_out, representatives
from crawler.sample import Choice, drawn, method_for
from db.words import Method, Part

START = "https://www.example.lg.jp/"


def frame_of(*paths: str, kinds: dict[str, Sequence[str]] | None = None, template: int = 0) -> list[FramePage]:
    """Pages in the order of their addresses."""
    return [
        FramePage(visit=number, address=START + path, kinds=tuple((kinds or {}).get(path, ())), template=template)
        for number, path in enumerate(sorted(paths), start=1)
    ]


def numbered(count: int) -> list[FramePage]:
    return frame_of("", *(f"p{n:04}.html" for n in range(count - 1)))


def part(choices: list[Choice], wanted: Part) -> list[int]:
    return [choice.visit for choice in choices if choice.part is wanted]


@pytest.mark.parametrize(
    ("known", "asked", "pages", "method"),
    [
        (100, None, None, Method.ALL),
        (101, None, None, Method.MIXED),
        (0, None, None, Method.ALL),
        (90, None, 40, Method.MIXED),
        (40, None, 40, Method.ALL),
        (5000, Method.ALL, None, Method.ALL),
        (40, Method.MIXED, None, Method.ALL),
        (41, Method.MIXED, None, Method.MIXED),
        (41, Method.RANDOM, None, Method.RANDOM),
        (20, Method.RANDOM, 30, Method.ALL),
        (20, Method.REPRESENTATIVE, 30, Method.REPRESENTATIVE),
    ],
)
def test_the_method_is_a_census_where_nothing_would_be_left_out(
    known: int, asked: Method | None, pages: int | None, method: Method
) -> None:
    assert method_for(known, asked, pages) is method


def test_a_census_takes_every_page_in_order() -> None:
    choices = drawn(numbered(7), START, Method.ALL, 1)
    assert [(choice.visit, choice.part, choice.rank) for choice in choices] == [
        (n, Part.CENSUS, n) for n in range(1, 8)
    ]


def test_the_mixed_method_is_thirty_at_random_and_forty_in_all() -> None:
    choices = drawn(numbered(500), START, Method.MIXED, 7)
    assert len(part(choices, Part.RANDOM)) == 30
    assert len(set(part(choices, Part.RANDOM))) == 30
    assert part(choices, Part.REPRESENTATIVE)[0] == 1, "the top page"
    assert len({choice.visit for choice in choices}) == 40, "further pages of the only template fill the sample"
    further = {choice.visit for choice in choices if choice.why and choice.why.startswith("further")}
    assert not further & set(part(choices, Part.RANDOM)), "a random page fills it already"
    assert len(part(choices, Part.REPRESENTATIVE)) <= 11


def test_every_category_has_its_top_page() -> None:
    assert len(category_tops(frame_of(*(f"{n:03}/{each}.html" for n in range(250) for each in "ab")), START)) == 250


def test_the_random_method_has_no_representative_part_and_the_representative_none_at_random() -> None:
    assert {each.part for each in drawn(numbered(99), START, Method.RANDOM, 1)} == {Part.RANDOM}
    assert len(drawn(numbered(99), START, Method.RANDOM, 1)) == 40
    assert {each.part for each in drawn(numbered(99), START, Method.REPRESENTATIVE, 1)} == {Part.REPRESENTATIVE}


@pytest.mark.parametrize(
    ("pages", "at_random", "share"), [(80, None, 60), (20, None, 15), (80, 10, 10), (None, 5, 5), (10, 0, 0)]
)
def test_the_random_part_is_as_large_as_asked_or_three_quarters(
    pages: int | None, at_random: int | None, share: int
) -> None:
    choices = drawn(numbered(500), START, Method.MIXED, 1, pages=pages, at_random=at_random)
    assert len(part(choices, Part.RANDOM)) == share


@given(st.integers(0, 2**32 - 1), st.integers(1, 120), st.sampled_from(list(Method)))
@settings(max_examples=60, deadline=None)
def test_the_same_seed_on_the_same_frame_draws_the_same_pages(seed: int, size: int, method: Method) -> None:
    first = drawn(numbered(size), START, method, seed)
    assert first == drawn(numbered(size), START, method, seed)
    for each in Part:
        assert [choice.rank for choice in first if choice.part is each] == list(
            range(1, len(part(first, each)) + 1)
        )
        assert len(set(part(first, each))) == len(part(first, each))
    assert {choice.visit for choice in first} <= set(range(1, size + 1))


def test_other_seeds_draw_other_pages() -> None:
    draws = {tuple(part(drawn(numbered(300), START, Method.RANDOM, seed), Part.RANDOM)) for seed in range(50)}
    assert len(draws) == 50


def test_every_page_has_the_same_chance_to_be_drawn_whatever_represents_the_site() -> None:
    """Chi-square over 2,000 seeds: the random part is drawn from the whole frame, representatives included."""
    frame, seeds, share = numbered(60), 2000, 15
    taken = Counter(
        visit
        for seed in range(seeds)
        for visit in part(drawn(frame, START, Method.MIXED, seed, pages=20, at_random=share), Part.RANDOM)
    )
    expected = seeds * share / len(frame)
    chi_square = sum((taken[page.visit] - expected) ** 2 for page in frame) / (expected * (1 - share / len(frame)))
    assert 25 < chi_square < 103, "59 degrees of freedom: 99.99 % of fair draws lie between"
    assert taken[1] == pytest.approx(expected, rel=0.25), "the top page like any other"


def test_pairs_of_pages_are_drawn_independently_of_their_neighbourhood() -> None:
    seeds, pairs = 3000, Counter[bool]()
    for seed in range(seeds):
        visits = set(part(drawn(numbered(40), START, Method.RANDOM, seed, pages=10), Part.RANDOM))
        pairs[{1, 2} <= visits] += 1
    assert pairs[True] / seeds == pytest.approx(10 * 9 / (40 * 39), abs=0.014)


def test_representatives_are_the_top_page_kinds_templates_and_categories_in_turns() -> None:
    frame = [
        *frame_of(
            "", "a/", "a/1.html", "a/2.html", "b/", "b/1.html", kinds={"a/1.html": ["contact"], "": ["search"]}
        ),
        FramePage(visit=99, address=START + "z.html", kinds=(), template=1),
    ]
    told = {page.address.removeprefix(START): why for page, why in representatives(frame, START)}
    assert told == {
        "": "top kind:search template:0",
        "a/1.html": "kind:contact",
        "z.html": "template:1",
        "a/": "category",
        "b/": "category",
        "a/2.html": "further:0",
        "b/1.html": "further:0",
    }
    assert next(iter(told)) == ""


def test_of_several_pages_of_a_kind_the_nearest_represents_it() -> None:
    kinds = {path: ["contact"] for path in ("deep/er/contact.html", "contact/", "contact-b/")}
    frame = frame_of("", *kinds, kinds=kinds)
    assert [page.address for page, why in representatives(frame, START) if "kind:contact" in why] == [
        START + "contact/"
    ]


def test_the_top_page_is_known_also_by_its_other_name() -> None:
    why = {page.address: why for page, why in representatives(frame_of("", "a.html"), START + "index.html")}
    assert why[START].split()[0] == "top"
    both = frame_of("", "index.html")
    first, said = representatives(both, START + "index.html")[0]
    assert (first.address, said.split()[0]) == (START + "index.html", "top")


def test_categories_come_largest_first_and_single_pages_are_none() -> None:
    frame = frame_of("", "one/x.html", "big/", "big/1", "big/2", "small/2", "small/1.html", "file.html")
    assert [page.address.removeprefix(START) for page in category_tops(frame, START)] == ["big/", "small/2"]


def test_categories_are_those_below_the_start() -> None:
    frame = frame_of("office/", "office/a/1", "office/a/2", "other/1", "other/2")
    assert [page.address.removeprefix(START) for page in category_tops(frame, START + "office/")] == ["office/a/1"]


def test_an_empty_frame_gives_an_empty_sample() -> None:
    for method in Method:
        assert drawn([], START, method, 1) == []


def test_what_a_sample_has_no_room_for_is_told_with_the_pages_that_would_hold_it() -> None:
    kinds = {
        "contact/": ["contact"],
        "bousai/1.html": ["emergency"],
        "bousai/2.html": ["emergency"],
        "form": ["form"],
    }
    frame = [
        *frame_of("", "a/", "a/1.html", *kinds, kinds=kinds),
        *(FramePage(visit=90 + n, address=f"{START}z{n}.html", kinds=(), template=1) for n in range(2)),
    ]
    at = {page.address.removeprefix(START): page for page in frame}
    used = [START + path for path in ("a/1.html", "contact/")]

    def lacking(*paths: str) -> dict[str, str]:
        found = left_out(frame, START, {at[path].visit for path in paths}, used=used)
        return {each.page.address.removeprefix(START): each.why for each in found}

    assert lacking("", "contact/", "form") == {
        "bousai/1.html": "kind:emergency category",
        "a/1.html": "traffic:1",
        "a/": "category",
        "z0.html": "template:1",
    }
    assert lacking("", "contact/", "form", "bousai/2.html", "z1.html") == {
        "bousai/1.html": "category",
        "a/1.html": "traffic:1",
        "a/": "category",
    }, "any page holds a kind or a template, also one by chance; an entry and a much used page are themselves"
    assert lacking(*at) == {}


def test_emergency_information_comes_before_a_form_whose_process_may_fill_the_sample() -> None:
    kinds = {"form": ["form"], "kinkyu": ["emergency"], "search": ["search"], "contact": ["contact"]}
    told = representatives(frame_of("", *kinds, kinds=kinds), START)
    assert [page.address.removeprefix(START) for page, _ in told] == ["", "contact", "kinkyu", "search", "form"]
