"""The measure of bench.history sees planted errors of identity, and none where there are none."""

from bench.history import Element, Pages, Step, aligned, looks_like_two

LINK = '<a class="nav-link" href="/kosodate/">子育て</a>'
LOGO = '<a class="nav-link" href="/"><img src="logo.png"></a>'


def page(*shown: tuple[int, str]) -> Pages:
    return {
        "/": [
            Element(rule="link-name", frame="[]", defect=defect, html=html, target=f'["a:nth-child({place})"]')
            for place, (defect, html) in enumerate(shown)
        ]
    }


def step(before: Pages, after: Pages) -> Step:
    return Step(name="", before=before, after=after, pairs=list(aligned(before, after)), events={})


def test_an_element_that_went_on_under_another_defect_is_a_split() -> None:
    edited = LINK.replace("nav-link", "nav-item-link")
    found = step(page((1, LINK), (2, LOGO)), page((2, LOGO), (3, edited)))
    assert list(found.split()) == [(1, 3)]
    assert not found.merged()


def test_a_text_that_went_on_in_another_element_is_a_split() -> None:
    found = step(page((1, '<th class="day-header monday widget">月</th>')), page((2, "<span>月</span>")))
    assert list(found.split()) == [(1, 2)]


def test_a_defect_that_goes_on_without_any_of_its_elements_is_a_merge() -> None:
    found = step(page((1, LINK)), page((1, LOGO)))
    assert list(found.merged()) == [1]
    assert not found.split()


def test_what_stayed_or_moved_within_the_page_is_no_error() -> None:
    found = step(page((1, LINK), (1, LINK), (2, LOGO)), page((2, LOGO), (1, LINK)))
    assert not found.split()
    assert not found.merged()
    assert found.kept == {(1, 1): 1, (2, 2): 1}


def test_one_defect_of_unlike_elements_looks_like_two() -> None:
    button = '<a class="btn" type="submit" tabindex="-1" aria-controls="menu" rel="nofollow"></a>'
    assert looks_like_two(page((1, "<a>"), (1, button))) == (
        {1: ("/", *page((1, "<a>"), (1, button))["/"])},
        1,
    )
    assert looks_like_two(page((1, LINK), (1, LINK.replace("kosodate", "bosai")))) == ({}, 1)
