"""The success criteria of each edition, as data, and which of them a rule speaks about."""

import csv
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from db.words import Edition, Level

NAMES = {
    Edition.JIS2016: ("JIS X 8341-3:2016", "JIS X 8341-3:2016 (WCAG 2.0)"),
    Edition.WCAG22: ("WCAG 2.2（ISO/IEC 40500:2025）", "WCAG 2.2 (ISO/IEC 40500:2025)"),
}
TAG = re.compile(r"wcag(\d)(\d)(\d+)")


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """A success criterion of one edition."""

    number: str  # "1.4.3"
    level: Level
    name_ja: str
    name_en: str

    def name(self, lang: str) -> str:
        """The criterion's name in `ja` or `en`."""
        return self.name_ja if lang == "ja" else self.name_en


@cache
def criteria(edition: Edition) -> dict[str, Criterion]:
    """All criteria of an edition by number, in the standard's order (61 in JIS X 8341-3:2016, 86 in WCAG 2.2)."""
    table = resources.files(__name__).joinpath(f"{edition.value}.tsv").read_text(encoding="utf-8")
    return {
        row["number"]: Criterion(
            number=row["number"], level=Level(row["level"]), name_ja=row["name_ja"], name_en=row["name_en"]
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


@cache
def aimed_at(edition: Edition, level: Level) -> dict[str, Criterion]:
    """The criteria that must be met to reach the level."""
    return {number: found for number, found in criteria(edition).items() if found.level in level.included}


def spoken_of(tags: Iterable[str], edition: Edition) -> tuple[str, ...]:
    """The edition's criteria that a rule with these tags of the engine speaks about (`wcag143` → 1.4.3)."""
    known = criteria(edition)
    numbers = (".".join(match.groups()) for tag in tags if (match := TAG.fullmatch(tag)))
    return tuple(sorted({number for number in numbers if number in known}))


def rules_for(edition: Edition, rule_criteria: Mapping[str, list[str]], number: str | None = None) -> list[str]:
    """The rules that speak about a criterion or, without a number, about any that makes a problem page."""
    known = criteria(edition)
    return [
        rule
        for rule, numbers in rule_criteria.items()
        if (number in numbers if number else any(known[each].level in Level.AA.included for each in numbers))
    ]
