"""One fault has one name wherever it shows, and another fault another."""

import pytest

from audits.fault import Link, fault_of, region_of

NAV: list[Link] = [
    ["a", "", ["nav-link"], ""], ["li", "menu-item-12", ["menu-item", "menu-item-12"], ""], ["ul", "", [], ""],
    ["nav", "", ["global"], ""], ["header", "", [], ""], ["body", "", ["home"], ""], ["html", "", [], ""],
]  # fmt: skip
PHOTO: list[Link] = [
    ["img", "", [], ""], ["p", "", [], ""], ["div", "", ["entry"], ""], ["main", "", [], ""], ["body", "", [], ""],
    ["html", "", [], ""],
]  # fmt: skip


def name(chain: list[Link], rule: str = "link-name", frame: tuple[str, ...] = ()) -> str:
    return fault_of(rule, frame, chain, "<a>").digest


@pytest.mark.parametrize(
    "other",
    [
        [NAV[0], ["li", "menu-item-99", ["menu-item", "menu-item-99", "current"], ""], *NAV[2:]],
        [*NAV[:5], ["body", "", ["page-id-7", "single"], ""], NAV[6]],
        [NAV[0], ["span", "", [], ""], *NAV[1:]],
        [["a", "x1", ["nav-link", "is-active"], ""], *NAV[1:]],
        [*NAV[:4], ["div", "wrapper", ["l-inner"], ""], *NAV[4:]],
    ],
    ids=[
        "a numbered item",
        "another kind of page",
        "a box around",
        "an id and a state",
        "a box beyond the landmark",
    ],
)
def test_what_changes_from_page_to_page_changes_no_fault(other: list[Link]) -> None:
    assert name(other) == name(NAV)


CARD: list[Link] = [
    ["a", "", ["btn"], ""], ["div", "", ["card-footer"], ""], ["div", "", ["bg-light", "card"], ""], ["div", "", ["col-lg-4"], ""],
    ["section", "", ["people"], ""], ["main", "", [], ""], ["body", "", [], ""], ["html", "", [], ""],
]  # fmt: skip


@pytest.mark.parametrize(
    "other",
    [
        [["a", "", ["btn", "d-block", "w-100", "mt-4", "text-right"], ""], *CARD[1:]],
        [*CARD[:2], ["div", "", ["bg-light", "card", "d-flex", "flex-fill"], ""], *CARD[3:]],
        [*CARD[:3], ["div", "", ["col-12", "col-sm-6"], ""], *CARD[4:]],
        [*CARD[:3], ["div", "", ["uk-width-1-2@m", "uk-margin-large-top", "uk-grid-small"], ""], *CARD[4:]],
        [*CARD[:3], ["div", "", ["pull-left", "border-bottom-0", "p-0", "pt-1"], ""], *CARD[4:]],
    ],
    ids=["a line of its own", "a card that fills its row", "another column", "another maker's grid", "spaces"],
)  # fmt: skip
def test_where_a_box_is_put_is_no_name(other: list[Link]) -> None:
    assert name(other) == name(CARD)


@pytest.mark.parametrize("classes", [["card-footer", "text-muted"], ["card-footer", "btn-app"], ["column-news"]])
def test_classes_that_say_more_than_the_place_are_names(classes: list[str]) -> None:
    assert name([CARD[0], ["div", "", classes, ""], *CARD[2:]]) != name(CARD)


def test_the_box_around_the_whole_page_says_as_little_as_the_body() -> None:
    inside: list[Link] = [["a", "", ["close"], ""], ["div", "", ["alert"], ""], ["div", "", [], ""]]
    page: list[Link] = [["body", "", [], ""], ["html", "", [], ""]]
    assert name([*inside, ["div", "", ["offcanvas-content"], ""], *page]) == name([*inside, *page])
    assert name([*inside, ["section", "", ["news"], ""], *page]) != name([*inside, *page])
    assert name([["div", "", ["alert"], ""], *page]) != name([["div", "", [], ""], *page]), (
        "itself it is an element"
    )


def test_working_days_are_alike_and_whether_they_are_over_is_no_name() -> None:
    """Saturdays and Sundays have colours of their own, and faults of contrast too."""
    days = [["fc-day", "fc-mon", "fc-past"], ["fc-day", "fc-thu", "fc-future"], ["fc-day", "fc-fri"]]
    assert len({name([["td", "", each, ""], *CARD[1:]]) for each in days}) == 1
    assert name([["td", "", ["fc-day", "fc-sun"], ""], *CARD[1:]]) != name([["td", "", days[0], ""], *CARD[1:]])
    assert name([["td", "", ["wedding"], ""], *CARD[1:]]) != name([["td", "", ["monitor"], ""], *CARD[1:]])


def test_a_role_on_an_element_that_says_what_it_is_makes_no_other_fault() -> None:
    """`role="button"` on a link is an edit that people make, also as a try at a repair; that on a bare box is its kind."""
    assert name([["a", "", ["nav-link"], "button"], *NAV[1:]]) == name(NAV)
    box: list[Link] = [["div", "", ["card"], ""], *PHOTO[1:]]
    assert name([["div", "", ["card"], "button"], *box[1:]]) != name(box)


def test_names_that_tools_draw_are_no_names() -> None:
    drawn = [[["a", "", [f"Button_root__{each}"], ""], *NAV[1:]] for each in ("3xY9a", "7bQ2z")]
    assert name(drawn[0]) == name(drawn[1])
    assert name([["a", "", ["Button_root"], ""], *NAV[1:]]) != name([["a", "", ["Button_text"], ""], *NAV[1:]])


@pytest.mark.parametrize(
    "other",
    [
        [*NAV[:3], ["footer", "", [], ""], *NAV[5:]],
        [["a", "", ["logo"], ""], *NAV[1:]],
        [NAV[0], ["li", "", ["sitemap"], ""], *NAV[2:]],
    ],
    ids=["in the footer", "another element", "another list"],
)
def test_another_fault_has_another_name(other: list[Link]) -> None:
    assert name(other) != name(NAV)
    assert name(NAV) != name(NAV, rule="color-contrast")
    assert name(NAV) != name(NAV, frame=("iframe",))


def test_the_same_element_has_one_shape_wherever_it_stands() -> None:
    moved = [NAV[0], ["p", "", [], ""], ["aside", "", [], ""]]
    assert fault_of("link-name", [], NAV, "").shape == fault_of("link-name", [], moved, "").shape
    assert fault_of("link-name", [], NAV, "").shape != fault_of("link-name", [], PHOTO, "").shape


def test_pictures_in_articles_are_one_kind_of_fault() -> None:
    other = [PHOTO[0], ["p", "", [], ""], ["div", "", [], ""], *PHOTO[2:]]
    assert name(PHOTO, "image-alt") == name(other, "image-alt")


@pytest.mark.parametrize(
    ("link", "region"),
    [
        (["header", "", [], ""], "header"), (["div", "tmp_header", [], ""], "header"), (["div", "", [], "banner"], "header"),
        (["div", "", ["l-footer"], ""], "footer"), (["ul", "gnav", [], ""], "nav"), (["div", "pankuzu", [], ""], "breadcrumb"),
        (["div", "", ["card-header"], ""], ""), (["li", "", ["nav-item"], ""], ""), (["section", "", [], ""], ""),
    ],
)  # fmt: skip
def test_landmarks_are_known_by_tag_role_id_and_class(link: Link, region: str) -> None:
    assert region_of(link) == region


def test_a_page_as_a_whole_is_the_place_of_its_language_and_title() -> None:
    assert name([["html", "", ["js"], ""]], "html-has-lang") == name(
        [["html", "", ["no-js", "single"], ""]], "html-has-lang"
    )
