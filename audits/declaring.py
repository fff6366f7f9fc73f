"""What only people know of a test: who publishes it, where, and what they aim at. Read from a TOML file."""

import tomllib
from collections.abc import Callable
from datetime import date, datetime, timedelta, timezone
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from db.errors import UsageError
from db.types import now
from db.words import Level, Notation

WORDS = {"準拠": Notation.CONFORMING, "一部準拠": Notation.PARTIALLY, "配慮": Notation.CONSIDERATE}
TOKYO = timezone(timedelta(hours=9))
NO_EXCEPTIONS = "none"  # what people write instead of exceptions
EXCEPTION = ("what", "where", "reason", "until")  # what is left out, by which addresses, why, and until when


def read_details(path: Path) -> dict[str, Any]:
    """What a details file says, checked, without what was left blank. Raises UsageError naming the key."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise UsageError(
            ja=f"{path} を読めません（{error.strerror}）。", en=f"{path} cannot be read ({error.strerror})."
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(
            ja=f"{path} を TOML（UTF-8）として読めません（{error}）。", en=f"{path} is no TOML in UTF-8 ({error})."
        ) from error
    return checked(told)


def checked(told: dict[str, Any]) -> dict[str, Any]:
    """The details as they are kept: dates as text, blanks left out. Raises UsageError naming the key."""
    _known(told, KEYS, "")
    given = {key: KEYS[key](key, value) for key, value in told.items() if not _blank(value)}
    found = {key: value for key, value in given.items() if not _blank(value)}
    for key in ("began", "ended"):
        if found.get(key, "") > now().astimezone(TOKYO).date().isoformat():
            raise UsageError(
                ja=f"{key}（{found[key]}）が先の日付です。試験の期間は、終わった日付で書いてください。",
                en=f"{key} ({found[key]}) is in the future: write the period of the test once it is over.",
            )
    for first, last in (("began", "ended"), ("ended", "declared")):
        if first in found and last in found and found[last] < found[first]:
            raise UsageError(
                ja=f"{last}（{found[last]}）が {first}（{found[first]}）より前です。",
                en=f"{last} ({found[last]}) is before {first} ({found[first]}).",
            )
    return found


def _known(told: dict[str, Any], names: Any, place: str) -> None:
    for key in told:
        if key not in names:
            near = (get_close_matches(key, list(names), n=1) or [""])[0]
            every = ", ".join(names)
            raise UsageError(
                ja=f"「{place}{key}」という項目はありません。"
                + (f"「{place}{near}」ですか。" if near else f"使える項目: {every}"),
                en=f"There is no key {place}{key}"
                + (f": did you mean {place}{near}?" if near else f": there are {every}."),
            )


def _blank(value: Any) -> bool:
    return value in ("", [], {}) or (isinstance(value, str) and not value.strip())


def _text(key: str, value: Any) -> str:
    if not isinstance(value, str):
        raise UsageError(ja=f"{key} は文字列で書いてください。", en=f"{key} must be a text in quotation marks.")
    return value.strip()


def _address(key: str, value: Any) -> str:
    text = _text(key, value)
    try:
        parts = urlsplit(text)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.netloc or any(each.isspace() for each in text):
        raise UsageError(
            ja=f"{key}「{text}」は公開したページのアドレスではありません。https:// から書いてください。",
            en=f"{key} {text!r} is no address of a published page: write it from https:// on.",
        )
    return text


def _texts(key: str, value: Any) -> list[str]:
    if not isinstance(value, list):
        raise UsageError(
            ja=f'{key} は ["…", "…"] の形で書いてください。', en=f'{key} must be a list such as ["…", "…"].'
        )
    return [_text(key, each) for each in value if not _blank(each)]


def _date(key: str, value: Any) -> str:
    if isinstance(value, datetime):
        return value.date().isoformat()
    try:
        return (value if isinstance(value, date) else date.fromisoformat(_text(key, value))).isoformat()
    except ValueError as error:
        raise UsageError(
            ja=f"{key}「{value}」は日付ではありません。2026-07-31 のように書いてください。",
            en=f"{key} {value!r} is no date: write it as in 2026-07-31.",
        ) from error


def _level(key: str, value: Any) -> str:
    return _one_of(key, value, {each.value: each.value for each in Level})


def _notation(key: str, value: Any) -> str:
    words = {each.value: each.value for each in Notation}
    return _one_of(key, value, {word: each.value for word, each in WORDS.items()} | words)


def _one_of(key: str, value: Any, words: dict[str, str]) -> str:
    text = _text(key, value)
    if text not in words:
        every = ", ".join(words)
        raise UsageError(
            ja=f"{key}「{text}」は {every} のどれかです。", en=f"{key} {text!r} must be one of {every}."
        )
    return words[text]


def exceptions_of(details: dict[str, Any]) -> list[dict[str, str]]:
    """The exceptions that people have written; none, too, when they wrote that there are none."""
    told = details.get("exceptions", [])
    return [] if told == NO_EXCEPTIONS else list(told)


def _exceptions(key: str, value: Any) -> list[dict[str, str]] | str:
    if isinstance(value, str) and value.strip().lower() in ("なし", NO_EXCEPTIONS):
        return NO_EXCEPTIONS
    if not isinstance(value, list) or not all(isinstance(each, dict) for each in value):
        raise UsageError(
            ja=f'{key} は [[{key}]] の下に what と reason を書くか、なければ {key} = "なし" と書いてください。',
            en=f'Write {key} as [[{key}]] with what and reason below, or {key} = "none" when there are none.',
        )
    return [found for each in value if (found := _exception(key, each))]


def _exception(key: str, told: dict[str, Any]) -> dict[str, str]:
    _known(told, EXCEPTION, f"{key}.")
    found = {
        name: (_date if name == "until" else _text)(f"{key}.{name}", each)
        for name, each in told.items()
        if not _blank(each)
    }
    if found and not {"what", "reason"} <= found.keys():
        raise UsageError(
            ja=f"例外（[[{key}]]）には what（何を）と reason（理由）の両方が要ります。",
            en=f"An exception ([[{key}]]) needs both what and reason.",
        )
    return found


KEYS: dict[str, Callable[[str, Any], Any]] = {
    "organisation": _text,
    "site_name": _text,
    "contact": _text,
    "policy": _address,  # where the accessibility policy is published
    "published": _address,  # where the result is, or will be, published
    "scope": _text,  # the pages that are meant, in words that an outsider can decide by
    "level": _level,  # aimed at
    "notation": _notation,  # aimed at; only `jisweep notation --set` declares one
    "target_date": _date,  # by when the aim is to be reached
    "processes": _text,  # how the steps of forms that only sending leads to were tested by hand, by whom and when
    "plan": _text,  # for 一部準拠: what is done about what is not met, and by when
    "technologies": _texts,  # relied upon
    "tools": _texts,  # used by people besides jisweep
    "user_agents": _texts,  # browsers and assistive technology used by people
    "exceptions": _exceptions,
    "declared": _date,
    "began": _date,
    "ended": _date,
}
