"""How people judge: every criterion of both editions has its questions, in words from closed lists."""

import re
import tomllib
from importlib import resources
from typing import Any

import pytest

from audits.criteria import criteria
from audits.criteria.judging import By, Check, Feature, all_judging, judging
from db.words import Edition

NUMBERS = sorted({number for edition in Edition for number in criteria(edition)})
LINES = {"ja": (40, 200), "en": (80, 440)}  # what a cell of the workbook shows at a glance
JAPANESE = re.compile("[ぁ-んァ-ヶ]")
LOOSE = re.compile("(?:ない|ありません|ていません)(?:です)?か。")  # is it met when one says yes, or no?


def data() -> dict[str, Any]:
    return tomllib.loads(resources.files("audits.criteria").joinpath("judging.toml").read_text(encoding="utf-8"))


def test_every_criterion_of_either_edition_is_told_how_to_judge_and_no_other_is() -> None:
    assert sorted(all_judging()) == NUMBERS
    assert len(NUMBERS) == 87
    with pytest.raises(KeyError):
        judging("9.9.9")


def test_criteria_stand_in_the_order_of_the_standard() -> None:
    assert [number for number in all_judging() if number != "4.1.1"] == list(criteria(Edition.WCAG22))
    assert [number for number in all_judging() if number in criteria(Edition.JIS2016)] == list(
        criteria(Edition.JIS2016)
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_a_criterion_has_short_questions_in_both_languages(number: str) -> None:
    found = judging(number)
    for lang, (least, most) in LINES.items():
        text = found.question(lang)
        assert least <= len(text) <= most
        assert text == text.strip()
    assert JAPANESE.search(found.question("ja"))
    assert 1 <= found.question("ja").count("か。") + found.question("ja").count("か（") <= 3
    assert found.question("ja").endswith(("。", "）。"))
    assert found.question("en").isascii()
    assert 1 <= found.question("en").count("?") <= 3


@pytest.mark.parametrize("number", NUMBERS)
def test_yes_to_every_question_is_met(number: str) -> None:
    assert not LOOSE.search(judging(number).question("ja"))


@pytest.mark.parametrize("number", NUMBERS)
def test_an_entry_says_nothing_that_is_not_read_and_names_nothing_twice(number: str) -> None:
    entry = data()[number]
    assert entry.keys() - {"absent"} == {"check", "by", "ja", "en"}
    assert entry["ja"].keys() == entry["en"].keys() == {"question"}
    assert len(entry["by"]) == len(set(entry["by"])) > 0


def test_no_question_is_asked_twice() -> None:
    for lang in LINES:
        asked = [each.question(lang) for each in all_judging().values()]
        assert len(asked) == len(set(asked))


def test_every_word_for_what_people_judge_with_is_named_in_both_languages_and_used() -> None:
    assert list(data()["by"]) == [by.value for by in By]
    assert set(By) == {by for each in all_judging().values() for by in each.by}
    for by in By:
        assert by.called("ja").strip()
        assert by.called("en").isascii()
    assert len({by.called("ja") for by in By}) == len({by.called("en") for by in By}) == len(By)


def test_what_a_page_may_lack_is_counted_on_every_page() -> None:
    script = resources.files("audits").joinpath("frames.js").read_text(encoding="utf-8")
    counted = re.findall(
        r"^    (\w+): ", script.partition("const FEATURES = {")[2].partition("};")[0], re.MULTILINE
    )
    assert set(Feature) <= set(counted)
    assert set(Feature) == {each.absent for each in all_judging().values()} - {None}


def test_absence_is_evidence_only_about_media_and_entries() -> None:
    lacking = {
        feature: {number for number, each in all_judging().items() if each.absent is feature} for feature in Feature
    }
    assert lacking[Feature.MEDIA] == {*(f"1.2.{n}" for n in range(1, 10)), "1.4.7"}
    assert lacking[Feature.CONTROLS] == {"1.3.5", "3.2.2", *(f"3.3.{n}" for n in range(1, 10))}


@pytest.mark.parametrize("number", [number for number in NUMBERS if judging(number).absent])
def test_a_proposal_from_absence_comes_with_words_on_when_the_criterion_does_not_apply(number: str) -> None:
    assert "該当なしです" in judging(number).question("ja")
    assert "Not applicable" in judging(number).question("en")


def test_both_languages_say_when_a_criterion_does_not_apply() -> None:
    ja = {number for number, each in all_judging().items() if "該当なし" in each.question("ja")}
    en = {number for number, each in all_judging().items() if "Not applicable" in each.question("en")}
    assert ja == en


def test_no_machine_decides_alone() -> None:
    assert {check.value for check in Check} == {"assisted", "person"}
