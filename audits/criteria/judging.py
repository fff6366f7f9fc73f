"""How people judge each criterion, as data: with what, what to ask, and what has to be there for it to apply at all.

No criterion is checked by a machine alone: an automatic pass passes nothing.
"""

import tomllib
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Any


class Check(StrEnum):
    """Who finds and who decides."""

    ASSISTED = "assisted"  # a machine finds faults, a person decides
    PERSON = "person"  # people only


class By(StrEnum):
    """What a person judges with."""

    EYES = "eyes"
    SOURCE = "source"  # the page's HTML
    KEYBOARD = "keyboard"
    SCREEN_READER = "screen_reader"
    ZOOM = "zoom"
    NARROW_WINDOW = "narrow_window"
    CONTRAST_METER = "contrast_meter"
    STYLE_SHEET = "style_sheet"  # the reader's own spacing and colours
    SOUND = "sound"
    MOUSE = "mouse"
    PHONE = "phone"
    TRIAL = "trial"  # filling in and sending
    SEVERAL_PAGES = "several_pages"
    OPERATOR = "operator"  # asking who runs what stands behind the page
    VALIDATOR = "validator"

    def called(self, lang: str) -> str:
        """Its name in `ja` or `en`."""
        return str(_file()["by"][self.value][lang])


class Feature(StrEnum):
    """What a page may have none of: then criteria about it do not apply (counted in frames.js)."""

    MEDIA = "media"
    CONTROLS = "controls"


@dataclass(frozen=True, kw_only=True)
class Judging:
    """How one criterion is judged."""

    check: Check
    by: tuple[By, ...]  # the most telling first
    absent: Feature | None  # without it on the page, `not applicable` is proposed
    question_ja: str
    question_en: str

    def question(self, lang: str) -> str:
        """What to look for, in `ja` or `en`: yes throughout is `met`."""
        return self.question_ja if lang == "ja" else self.question_en


@cache
def all_judging() -> dict[str, Judging]:
    """Every criterion of both editions by number: a number means the same in both."""
    return {number: _judging(entry) for number, entry in _file().items() if number != "by"}


def judging(number: str) -> Judging:
    """How a criterion is judged. Raises KeyError for a number of neither edition."""
    return all_judging()[number]


def _judging(entry: dict[str, Any]) -> Judging:
    return Judging(
        check=Check(entry["check"]),
        by=tuple(map(By, entry["by"])),
        absent=Feature(entry["absent"]) if "absent" in entry else None,
        question_ja=entry["ja"]["question"],
        question_en=entry["en"]["question"],
    )


@cache
def _file() -> dict[str, Any]:
    return tomllib.loads(resources.files("audits.criteria").joinpath("judging.toml").read_text(encoding="utf-8"))
