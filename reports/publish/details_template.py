"""A details file to be filled in: every key with what it is for, and what records know."""

import json
from collections.abc import Iterator
from pathlib import Path

from audits.declaring import NO_EXCEPTIONS, WORDS, exceptions_of
from db.errors import StorageError, UsageError
from reports.clean import visible
from reports.language import LANGUAGES, Language
from reports.publish.facts import Facts


def template(facts: Facts, language: Language) -> str:
    """The file as text: keys that people have written already, or that records know, are filled in."""
    return "\n".join(_lines(facts, language)) + "\n"


def write_template(path: Path, text: str) -> None:
    """Write the file. Raises UsageError when there is one already, StorageError when it cannot be written."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError as error:
        ja, en = (Language(lang).say("publish.exists", path=str(path)) for lang in LANGUAGES)
        raise UsageError(ja=ja, en=en) from error
    except OSError as error:
        raise StorageError(
            ja=f"{path} に書き込めません（{error.strerror}）。", en=f"Cannot write to {path} ({error.strerror})."
        ) from error


def _lines(facts: Facts, language: Language) -> Iterator[str]:
    say, told = language.say, facts.details
    yield f"# {say('details.about')}"
    yield f"# {say('details.use', id=str(facts.head.id))}"
    words = {notation.value: word for word, notation in WORDS.items()}
    known = {
        "site_name": facts.site,
        "level": facts.aim.value,
        "notation": words.get(told.get("notation", ""), ""),
    }
    for key in ("organisation", "site_name", "contact", "policy", "published", "scope", "level", "notation",
                "target_date", "processes", "plan"):  # fmt: skip
        yield from _comment(key, language)
        if key == "processes":
            yield from (f"# - {_plain(address)}" for address in facts.test.by_hand)
        if key == "scope":
            yield from _scope(facts, language)
        yield f"{key} = {_toml(known.get(key, told.get(key, '')))}"
    for key in ("technologies", "tools", "user_agents"):
        yield from _comment(key, language)
        yield f"{key} = {_toml(told.get(key, []))}"
    yield from _dates(facts, language)
    yield from _exceptions(facts, language)


def _comment(key: str, language: Language, **values: str) -> Iterator[str]:
    yield ""
    yield f"# {language.say(f'details.{key}', **values)}"


def _scope(facts: Facts, language: Language) -> Iterator[str]:
    yield f"# {language.say('details.scope_known', start=_plain(facts.head.site))}"
    for line in facts.excluded:
        said = language.say("policy.excluded_line", pattern=line.pattern, reason=line.reason or "")
        yield f"# - {_plain(said)}"


def _dates(facts: Facts, language: Language) -> Iterator[str]:
    told, test = facts.details, facts.test
    yield from _comment("declared", language)
    yield f"declared = {_toml(told.get('declared', ''))}"
    unknown = language.say("details.unknown_day")
    began = language.day(test.began) if test.began else unknown
    ended = language.day(test.ended) if test.ended else unknown
    yield from _comment("began", language, began=began, ended=ended)
    for key in ("began", "ended"):
        yield f"{key} = {_toml(told.get(key, ''))}"


def _exceptions(facts: Facts, language: Language) -> Iterator[str]:
    yield from _comment("exceptions", language)
    if facts.details.get("exceptions") == NO_EXCEPTIONS:
        yield f"exceptions = {_toml(language.say('result.none_word'))}"
        return
    for each in exceptions_of(facts.details) or [{}]:
        yield "[[exceptions]]"
        for key in ("what", "where", "reason", "until"):
            yield f"{key} = {_toml(each.get(key, ''))}"


def _plain(text: str) -> str:
    return " ".join(visible(text).split())


def _toml(value: str | list[str]) -> str:
    """A text or a list of texts; TOML's basic strings are JSON's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
