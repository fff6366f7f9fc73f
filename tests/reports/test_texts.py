"""The interface texts: both languages say the same things, and every word of the tables can be said."""

import re
from enum import StrEnum

import pytest

from audits.criteria import NAMES
from audits.jis_test import Lack
from crawler.kinds import Kind as PageKind
from db.words import (
    About,
    Break,
    Change,
    DefectState,
    Edition,
    ExceptionReason,
    FoundBy,
    Gap,
    Impact,
    Matched,
    Method,
    Notation,
    Origin,
    Part,
    Reason,
    Standing,
    SweepState,
    VisitState,
)
from reports import tables
from reports.language import LANGUAGES, Language, texts
from reports.page_view import Kind, State


def test_both_languages_have_the_same_keys() -> None:
    assert texts("ja").keys() == texts("en").keys()


@pytest.mark.parametrize("key", texts("ja"))
def test_both_languages_fill_in_the_same_names(key: str) -> None:
    ja, en = (set(re.findall(r"{(\w+)", texts(lang)[key])) for lang in LANGUAGES)
    assert ja == en
    assert texts("ja")[key].strip()
    assert texts("en")[key].strip()


@pytest.mark.parametrize(
    ("table", "vocabulary"),
    [
        ("reason", Reason),
        ("reason_meaning", Reason),
        ("state", SweepState),
        ("visit_state", VisitState),
        ("method", Method),
        ("found_by", FoundBy),
        ("part", Part),
        ("impact", Impact),
        ("kind", Kind),
        ("criterion_state", State),
        ("why", PageKind),
        ("compare.change", Change),
        ("break", Break),
        ("notation", Notation),
        ("lack", Lack),
        ("exception_reason", ExceptionReason),
        ("defect_state", DefectState),
        ("gap", Gap),
        ("notes.about", About),
        ("standing", Standing),
        ("origin", Origin),
        ("examples.matched", Matched),
    ],
)
def test_every_word_of_the_tables_has_a_text(table: str, vocabulary: type[StrEnum]) -> None:
    for lang in LANGUAGES:
        assert all(f"{table}.{word.value}" in texts(lang) for word in vocabulary)


@pytest.mark.parametrize(("name", "columns"), [("findings", tables.FINDINGS), ("pages", tables.PAGES)])
def test_every_column_is_named_and_explained(name: str, columns: tuple[str, ...]) -> None:
    named = [key.split(".")[1] for key in texts("ja") if key.startswith(f"{name}_csv.")]
    explained = [key.split(".")[1] for key in texts("ja") if key.startswith(f"{name}_csv_meaning.")]
    assert named == explained == list(columns)


def test_every_edition_has_a_name() -> None:
    assert NAMES.keys() == set(Edition)


def test_no_text_calls_a_criterion_met_by_a_machine() -> None:
    for key, text in texts("ja").items():
        if key.startswith("criterion_state."):
            assert not re.search("適合|合格|満たし", text)


@pytest.mark.parametrize(
    ("lang", "why", "said"),
    [
        ("ja", "top kind:contact template:3", "トップページ、問い合わせ、テンプレート3の代表"),
        ("en", "category", "entry of a main category"),
        ("en", "an unknown:thing", "an, unknown:thing"),
    ],
)
def test_what_a_page_stands_for_is_said_in_words(lang: str, why: str, said: str) -> None:
    assert Language(lang).stands_for(why) == said


def test_why_a_part_was_left_out_is_said_in_words() -> None:
    assert Language("ja").left_out("https://a.jp/ did not load") == "https://a.jp/ を読み込めませんでした。"
    assert Language("en").left_out("Target closed") == "Target closed"
