"""How people check each criterion, as data: by what, what to ask, and what must be there for it to apply at all.

No criterion is checked by a machine alone: an automatic pass passes nothing.
"""

import csv
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources


class Check(StrEnum):
    """Who finds and who decides."""

    ASSISTED = "assisted"  # a machine finds faults, a person decides
    PERSON = "person"  # people only


class By(StrEnum):
    """What a person checks with."""

    EYES = "eyes"
    SOURCE = "source"  # the page's HTML
    KEYBOARD = "keyboard"
    SCREEN_READER = "screen_reader"
    ZOOM = "zoom"
    NARROW_WINDOW = "narrow_window"
    CONTRAST_METER = "contrast_meter"
    SOUND = "sound"
    SEVERAL_PAGES = "several_pages"


class Feature(StrEnum):
    """What a page may have none of: then criteria about it do not apply (counted in frames.js)."""

    MEDIA = "media"
    CONTROLS = "controls"
    IMAGES = "images"
    TABLES = "tables"


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How one criterion is checked."""

    check: Check
    by: tuple[By, ...]
    absent: Feature | None  # without it on the page, `not applicable` is proposed
    question_ja: str
    question_en: str

    def question(self, lang: str) -> str:
        """What to look for, in `ja` or `en`."""
        return self.question_ja if lang == "ja" else self.question_en


@cache
def all_judging() -> dict[str, Judging]:
    """Every criterion of both editions by number: a number means the same in both."""
    table = resources.files("audits.criteria").joinpath("judging.tsv").read_text(encoding="utf-8")
    return {
        row["number"]: Judging(
            check=Check(row["check"]),
            by=tuple(map(By, row["by"].split(","))),
            absent=Feature(row["absent"]) if row["absent"] else None,
            question_ja=row["question_ja"],
            question_en=row["question_en"],
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


def judging(number: str) -> Judging:
    """How a criterion is checked. Raises KeyError for a number of neither edition."""
    return all_judging()[number]
