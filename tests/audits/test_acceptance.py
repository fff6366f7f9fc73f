"""What pages show, held against a baseline: nothing is told of a page that was not seen, and nothing known is lost."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from audits.acceptance import Acceptance, Standing, as_baseline, hold_against
from audits.baseline import Baseline, from_text
from audits.engine import RuleSet
from audits.fault import EARLIER, Fault
from audits.page import Place
from audits.pages import Checked
from db.words import Edition, Outcome, Reason

RULES = RuleSet(
    name="axe-core 4 / jis2016 / 1", switches={},
    criteria={"image-alt": ["1.1.1"], "link-name": ["2.4.4"], "region": []},
)  # fmt: skip
FEWER = RuleSet(name="axe-core 3 / jis2016 / 0", switches={}, criteria={"image-alt": ["1.1.1"]})
STAGING, PRODUCTION = "https://staging.example.lg.jp:8443", "https://www.example.lg.jp"
PATHS = ("/", "/a?b=1", "/c/")
FAULTS = (("image-alt", "1"), ("image-alt", "2"), ("link-name", "3"), ("region", "4"))


def place(rule: str, digest: str, outcome: Outcome = Outcome.FAILED) -> Place:
    return Place(
        rule=rule, outcome=outcome, impact=None, frame=[], target=["x"], snippet="<x>", checks=[], box=None,
        fault=Fault(digest=digest * 64, earlier="0" * 64, shape="0"),
    )  # fmt: skip


def page(path: str, *places: Place, origin: str = STAGING, lost: bool = False) -> Checked:
    return Checked(address=origin + path, places=places, reason=Reason.TIMED_OUT if lost else None)


def baseline_of(pages: list[Checked], rules: RuleSet = RULES, before: Baseline | None = None) -> Baseline:
    return as_baseline(hold_against(pages, rules, before), "4.0.0", Edition.JIS2016)


def standings(acceptance: Acceptance) -> dict[str, Standing]:
    return {each.digest[0]: each.standing for each in acceptance.found}


@st.composite
def sites(draw: st.DrawFn) -> list[Checked]:
    """Pages at either origin, some of them lost, with places of a few faults."""
    places = st.lists(st.sampled_from(FAULTS), max_size=4)
    origin = draw(st.sampled_from([STAGING, PRODUCTION]))
    pages = []
    for path in draw(st.lists(st.sampled_from(PATHS), unique=True, min_size=1)):
        lost = draw(st.booleans())
        found = [] if lost else [place(*each) for each in draw(places)]
        pages.append(page(path, *found, origin=origin, lost=lost))
    return pages


def test_only_what_failed_by_a_rule_about_a_criterion_counts() -> None:
    pages = [page("/", place("region", "4"), place("image-alt", "1", Outcome.CANT_TELL), place("image-alt", "2"))]
    found = hold_against(pages, RULES, None)
    assert standings(found) == {"2": Standing.NEW}
    assert found.to_review == 1


def test_a_known_defect_has_spread_where_it_has_more_places_than_it_had() -> None:
    before = baseline_of([page("/", place("image-alt", "1"))])
    same = hold_against([page("/", place("image-alt", "1"), origin=PRODUCTION)], RULES, before)
    twice = hold_against([page("/", *2 * [place("image-alt", "1")])], RULES, before)
    elsewhere = hold_against(
        [page("/", place("image-alt", "1")), page("/c/", place("image-alt", "1"))], RULES, before
    )
    assert [standings(each)["1"] for each in (same, twice, elsewhere)] == [
        Standing.KNOWN, Standing.SPREAD, Standing.SPREAD,
    ]  # fmt: skip
    assert [each.standing for each in elsewhere.found[0].sightings] == [Standing.KNOWN, Standing.SPREAD]
    assert (twice.fails(), twice.fails(strict=True), same.fails(strict=True)) == (False, True, False)


def test_a_rule_that_the_baseline_did_not_run_finds_nothing_new() -> None:
    before = baseline_of([page("/")], FEWER)
    found = hold_against([page("/", place("link-name", "3"), place("image-alt", "1"))], RULES, before)
    assert standings(found) == {"3": Standing.NEWLY_CHECKED, "1": Standing.NEW}
    assert found.rules_not_run_before == ("link-name",)


def test_a_rule_that_is_not_run_any_more_says_nothing_of_its_defects() -> None:
    before = baseline_of([page("/", place("link-name", "3"))])
    assert hold_against([page("/")], FEWER, before).gone == ()
    assert [each.known.rule for each in hold_against([page("/")], RULES, before).gone] == ["link-name"]


def test_what_is_kept_of_pages_not_seen_was_not_looked_for_by_newer_rules() -> None:
    before = baseline_of([page("/"), page("/c/", place("image-alt", "1"))], FEWER)
    after = baseline_of([page("/")], RULES, before)
    assert after.rules == {"image-alt"}
    assert after.defects["1" * 64].pages == {"/c/": 1}


def test_a_defect_is_known_by_its_name_of_the_version_before_and_written_by_todays() -> None:
    """Of two faults of the version before, which are one today."""
    before = baseline_of(
        [page("/", *3 * [place("image-alt", "1")], place("image-alt", "2")), page("/c/", place("image-alt", "2"))]
    )
    one, two = (
        replace(place("image-alt", "9"), fault=Fault(digest="9" * 64, earlier=each * 64, shape="0"))
        for each in "12"
    )
    found = hold_against([page("/", one, one, one, two)], RULES, replace(before, identity=EARLIER))
    assert {each.standing for each in found.found} == {Standing.KNOWN}
    assert found.gone == ()
    assert hold_against([page("/", two, two)], RULES, before).fails(strict=True), "in one more place"
    after = baseline_of([page("/", one, one, one, two)], RULES, before)
    assert {digest: each.pages for digest, each in after.defects.items()} == {"9" * 64: {"/": 4, "/c/": 1}}


def test_what_was_one_in_the_version_before_and_is_two_today_stays_one_where_nobody_has_seen_it_since() -> None:
    before = baseline_of([page(path, place("image-alt", "0")) for path in ("/", "/c/")])
    one, two, further = (
        replace(place("image-alt", each), fault=Fault(digest=each * 64, earlier="0" * 64, shape="0"))
        for each in "123"
    )
    after = from_text(
        baseline_of(
            [page("/", one, two), page("/c/", lost=True)], RULES, replace(before, identity=EARLIER)
        ).to_text(),
        "x",
    )
    for shown in (one, two, further):
        again = hold_against([page("/", one, two), page("/c/", shown)], RULES, after)
        assert not again.fails(strict=True), "on that page it was known"
        assert again.gone == ()


def test_names_that_are_one_defect_in_the_database_are_one_in_its_baseline() -> None:
    known = replace(baseline_of([page("/", place("image-alt", "1")), page("/c/", place("image-alt", "1"))]),
                    names={"2" * 64: "1" * 64})  # fmt: skip
    found = hold_against([page("/", place("image-alt", "2"))], RULES, known)
    assert not found.fails(strict=True)
    after = from_text(baseline_of([page("/", place("image-alt", "2"))], RULES, known).to_text(), "x")
    for digest in "12":
        again = [page(path, place("image-alt", digest)) for path in ("/", "/c/")]
        assert not hold_against(again, RULES, after).fails(strict=True)


@given(sites())
def test_the_same_pages_again_show_nothing_new(pages: list[Checked]) -> None:
    found = hold_against(pages, RULES, from_text(baseline_of(pages).to_text(), "x"))
    assert not found.fails(strict=True)
    assert found.gone == ()
    assert {each.standing for each in found.found} <= {Standing.KNOWN}


@given(sites(), sites())
def test_what_is_written_knows_what_was_seen_and_keeps_what_was_not(
    first: list[Checked], second: list[Checked]
) -> None:
    before = baseline_of(first)
    found = hold_against(second, RULES, before)
    after = baseline_of(second, RULES, before)
    assert not hold_against(second, RULES, after).fails(strict=True)
    seen = {each.address.partition(".jp")[2].removeprefix(":8443") for each in second if each.audited}
    for digest, known in before.defects.items():
        kept = {path: places for path, places in known.pages.items() if path not in seen}
        assert kept.items() <= (after.defects[digest].pages if kept else {}).items()
    assert {each.known.digest for each in found.gone}.isdisjoint(each.digest for each in found.found)
    assert all(each.seen for each in found.gone)
