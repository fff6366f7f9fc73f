"""The criteria are those of the standards, and rules speak about the criteria that their tags name."""

from collections import Counter

import pytest

from audits.criteria import aimed_at, criteria, spoken_of
from db.words import Edition, Level
from tests.audits.shared import reference


@pytest.mark.parametrize(
    ("edition", "table"), [(Edition.JIS2016, "jis-x-8341-3-2016.tsv"), (Edition.WCAG22, "wcag-2.2.tsv")]
)
def test_criteria_equal_the_reference_table(edition: Edition, table: str) -> None:
    rows = reference(table)
    expected = [(row["number"], row["level"], row["name_ja"], row["name_en"]) for row in rows]
    ours = criteria(edition).values()
    assert [(each.number, each.level.value, each.name("ja"), each.name("en")) for each in ours] == expected


@pytest.mark.parametrize(
    ("edition", "levels"),
    [
        (Edition.JIS2016, {Level.A: 25, Level.AA: 13, Level.AAA: 23}),
        (Edition.WCAG22, {Level.A: 31, Level.AA: 24, Level.AAA: 31}),
    ],
)
def test_editions_have_as_many_criteria_of_each_level_as_the_standards(
    edition: Edition, levels: dict[Level, int]
) -> None:
    assert Counter(each.level for each in criteria(edition).values()) == levels
    assert len(criteria(edition)) == {Edition.JIS2016: 61, Edition.WCAG22: 86}[edition]


def test_only_jis_has_parsing_and_only_wcag_22_has_target_size() -> None:
    jis, wcag = criteria(Edition.JIS2016), criteria(Edition.WCAG22)
    assert "4.1.1" in jis
    assert "4.1.1" not in wcag
    assert wcag["2.5.8"].level is Level.AA
    assert "2.5.8" not in jis
    assert set(jis) - set(wcag) == {"4.1.1"}


def test_a_level_needs_the_criteria_of_the_levels_below_it() -> None:
    for edition in Edition:
        a, aa, aaa = (list(aimed_at(edition, level)) for level in Level)
        assert set(a) < set(aa) < set(aaa) == set(criteria(edition))
        assert aa == [number for number in criteria(edition) if number in aa], "in the standard's order"
        assert {criteria(edition)[number].level for number in aa} == {Level.A, Level.AA}
    assert len(aimed_at(Edition.JIS2016, Level.AA)) == 38
    assert len(aimed_at(Edition.WCAG22, Level.AA)) == 55


@pytest.mark.parametrize(
    ("tags", "edition", "numbers"),
    [
        (["cat.color", "wcag2aa", "wcag143", "TTv5"], Edition.JIS2016, ("1.4.3",)),
        (["wcag2a", "wcag412", "wcag111"], Edition.JIS2016, ("1.1.1", "4.1.2")),
        (["wcag21aa", "wcag1412"], Edition.WCAG22, ("1.4.12",)),
        (["wcag21aa", "wcag1412"], Edition.JIS2016, ()),
        (["wcag2a-obsolete", "wcag411"], Edition.JIS2016, ("4.1.1",)),
        (["wcag2a-obsolete", "wcag411"], Edition.WCAG22, ()),
        (["best-practice", "cat.semantics"], Edition.WCAG22, ()),
        (["wcag21a", "wcag2aa", "wcag22aa", "xwcag143", "wcag143x"], Edition.WCAG22, ()),
        (["wcag143", "wcag143"], Edition.JIS2016, ("1.4.3",)),
    ],
)
def test_a_rule_speaks_about_the_criteria_of_its_tags(
    tags: list[str], edition: Edition, numbers: tuple[str, ...]
) -> None:
    assert spoken_of(tags, edition) == numbers
