"""One language of the interface: its texts, and how it writes numbers, shares and times."""

import re
import tomllib
from collections.abc import Iterator
from datetime import date, datetime, timedelta, timezone
from functools import cache
from importlib import resources
from typing import Any

from markupsafe import Markup, escape

LANGUAGES = ("ja", "en")
TOKYO = timezone(timedelta(hours=9), "JST")  # Japan keeps no summer time


class Language:
    """The interface in `ja` or `en`."""

    def __init__(self, lang: str) -> None:
        self.lang = lang
        self._texts = texts(lang)
        self._notes = note_patterns(lang)

    def say(self, key: str, **values: Any) -> str:
        """The text under a dotted key, its names filled in, numbers grouped; KeyError when there is none."""
        if not values:
            return _plain(self.lang, key)
        filled = {name: self.number(value) if isinstance(value, int) else value for name, value in values.items()}
        return self._texts[key].format(**filled)

    def marked(self, key: str, **values: Any) -> Markup:
        """The text as HTML: values that are Markup stay as they are, others are escaped."""
        filled = {name: self.number(value) if isinstance(value, int) else value for name, value in values.items()}
        return escape(self._texts[key]).format(**filled)

    def word(self, table: str, value: str) -> str:
        """The reader's word for a vocabulary's value; the value itself when there is no word for it."""
        return self._texts.get(f"{table}.{value}", value)

    def noted(self, said: str) -> str:
        """What a sweep's note says, in the reader's language where there is a text for it."""
        for pattern, text in self._notes:
            if found := pattern.fullmatch(said):
                return text.format(**found.groupdict())
        return said

    def stands_for(self, why: str, by: str | None = None) -> str:
        """What a representative page stands for: `top kind:contact template:3` in words, or a person's own words."""
        if by is not None:
            return self.say("why.by_person", why=why, person=by)
        return self._texts["common.comma"].join(self._reason(token) for token in why.split())

    def left_out(self, why: str) -> str:
        """Why a part of a page could not be tested."""
        address, ending, _ = why.partition(" did not load")
        return self.say("untested.not_loaded", address=address) if ending else self.word("untested", why)

    def _reason(self, token: str) -> str:
        kind, _, detail = token.partition(":")
        if kind in ("template", "further"):
            return self.say(f"why.{kind}", number=detail)
        if kind == "process":
            return self.say("why.process", page=detail.partition("://")[2] or detail)
        if kind == "traffic":
            return self.say("why.traffic", rank=detail)
        return self.word("why", detail if kind == "kind" else token)

    def stratum(self, name: str | None) -> str:
        """The stratum that a random page was drawn from: a directory as it stands, a template in words."""
        kind, _, detail = (name or "").partition(":")
        if kind == "template":
            return self.say("sample.of_template", number=detail)
        return self.say("sample.others") if kind == "others" else name or ""

    def count(self, noun: str, number: int) -> str:
        """A counted noun: `12ページ`, `1 page`, `12 pages`."""
        return self._texts[f"count.{noun}.{'one' if number == 1 else 'other'}"].format(n=self.number(number))

    def number(self, number: int) -> str:
        """A whole number with its thousands grouped."""
        return f"{number:,}"

    def share(self, share: float) -> str:
        """A share from 0 to 1 in per cent with one digit; never `0.0%` or `100.0%` for what is neither."""
        if 0 < share < 0.0005:
            return self._texts["number.below"].format(n="0.1%")
        if 0.9995 <= share < 1:
            return self._texts["number.above"].format(n="99.9%")
        return f"{share * 100:.1f}%"

    def points(self, difference: float) -> str:
        """A difference of shares in percentage points with its sign; never `+0.0` for what is not zero."""
        return f"{difference * 100:+.{2 if 0 < abs(difference) < 0.0005 else 1}f}" if difference else "0.0"

    def probability(self, probability: float) -> str:
        """A probability as tests give it: `p = 0.039`."""
        return "p < 0.001" if probability < 0.001 else f"p = {probability:.3f}"

    def moment(self, moment: datetime) -> str:
        """A time on Tokyo's clock, with the zone's name."""
        local = moment.astimezone(TOKYO)
        return self._texts["number.moment"].format(day=self.day(moment), hour=local.hour, minute=local.minute)

    def day(self, moment: datetime) -> str:
        """The date in Tokyo."""
        return self.date(moment.astimezone(TOKYO).date())

    def date(self, day: date) -> str:
        """A date."""
        month = self._texts[f"month.{day.month}"]
        return self._texts["number.day"].format(year=day.year, month=month, day=day.day)


@cache
def note_patterns(lang: str) -> list[tuple[re.Pattern[str], str]]:
    """What notes say, with their variable parts as named groups, and the texts for it."""
    return [
        (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>.+)", re.escape(key.removeprefix("notes.said.")))), text)
        for key, text in texts(lang).items()
        if key.startswith("notes.said.")
    ]


@cache
def texts(lang: str) -> dict[str, str]:
    """All texts of a language by dotted key, of all files that are named for it."""
    folder = resources.files("reports").joinpath("texts")
    files = sorted(
        (file for file in folder.iterdir() if file.name.endswith((f".{lang}.toml", f"{lang}.toml"))),
        key=lambda file: file.name,
    )
    sources = (file.read_text(encoding="utf-8") for file in files)
    return {key: text for source in sources for key, text in _flat("", tomllib.loads(source))}


@cache
def _plain(lang: str, key: str) -> str:
    """A text that has no names to be filled in."""
    return texts(lang)[key].format()


def _flat(prefix: str, table: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(f"{prefix}{key}.", value)
        else:
            yield prefix + key, value
