"""Rules and criteria looked up by number, name and words, however wide their letters were typed."""

import unicodedata
from collections.abc import Iterable
from functools import cache

from audits.criteria import Criterion, criteria
from audits.criteria.judging import judging
from audits.rules import all_rules, rule_text
from db.words import Edition
from reports.language import LANGUAGES


def plain(text: str) -> str:
    """Text as it is compared: full-width letters half-width, small, single spaces (Unicode NFKC)."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def rules_about(query: str) -> list[str]:
    """The rules whose name or text, in either language, has all words of a query; none of an empty one."""
    return [rule for rule in all_rules() if _has(_words_of(rule), query)]


def criteria_about(query: str) -> list[Criterion]:
    """The criteria of both editions with such a number, or with all words in their names or in what people ask."""
    wanted = plain(query)
    return [
        each
        for each in all_criteria().values()
        if (wanted and each.number.startswith(wanted)) or _has(_words_about(each.number), query)
    ]


@cache
def all_criteria() -> dict[str, Criterion]:
    """The criteria of both editions by number, which means the same in both; as JIS has them where it has them."""
    both = {**criteria(Edition.WCAG22), **criteria(Edition.JIS2016)}
    return {number: both[number] for number in sorted(both, key=lambda each: tuple(map(int, each.split("."))))}


def _has(text: str, query: str) -> bool:
    words = plain(query).split()
    return bool(words) and all(word in text for word in words)


@cache
def _words_of(rule: str) -> str:
    texts = [rule_text(rule, lang) for lang in LANGUAGES]
    return plain(_joined([rule, *(part for each in texts for part in (each.title, each.why, each.how))]))


@cache
def _words_about(number: str) -> str:
    found, about = all_criteria()[number], judging(number)
    asked = (about.question(lang) for lang in LANGUAGES)
    return plain(_joined([number, *(found.name(lang) for lang in LANGUAGES), *asked]))


def _joined(parts: Iterable[str]) -> str:
    return "\n".join(parts)
