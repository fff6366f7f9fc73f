"""Our own words on the engine's rules: what is wrong, why it matters to whom, how to repair it."""

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from db.words import Outcome

NAME = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, kw_only=True)
class RuleText:
    """What a web team reads about a rule, in one language."""

    title: str
    why: str
    how: str
    wrong: str  # HTML that fails the rule
    right: str  # the same, repaired


def rule_text(rule: str, lang: str) -> RuleText:
    """The text of a rule in `ja` or `en`. Raises KeyError for a rule that has none."""
    tables = _rule(rule)
    return RuleText(**tables[lang], **tables["example"])


@cache
def all_rules() -> tuple[str, ...]:
    """The rules that we have a text about, by name."""
    folder = resources.files(__name__).joinpath("texts")
    return tuple(
        sorted(each.name.removesuffix(".toml") for each in folder.iterdir() if each.name.endswith(".toml"))
    )


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an editor reads about a rule on the one-page checklist, in one language."""

    look: str  # what to look for
    wrong: str
    right: str


def checklist_line(rule: str, lang: str) -> Line:
    """The checklist's words on a rule in `ja` or `en`. Raises KeyError for a rule that has none."""
    lines = _checklist()
    return Line(**lines[lines[rule].get("like", rule)][lang])


def explain(check: str, outcome: Outcome, data: Any, lang: str) -> str | None:
    """One sentence on what a check of the engine saw at a place; None when there is nothing to say.

    `data` is what the engine gave. The sentence for its `messageKey` comes before the general one; a sentence
    with a name that the data does not fill is passed over, never printed with a hole.
    """
    texts = _checks().get(check)
    if texts is None:
        return None
    key = data.get("messageKey") if isinstance(data, dict) else None
    general = texts.get("failed" if outcome is Outcome.FAILED else "incomplete")
    for text in (texts.get("messages", {}).get(key), general):
        sentence = text and _filled(text[lang], data, "、" if lang == "ja" else ", ")
        if sentence:
            return str(sentence)
    return None


def _filled(text: str, data: Any, comma: str) -> str | None:
    """The text with its {names} filled from the data in one pass; None when one cannot be filled."""
    values = {name: _said(name, data, comma) for name in NAME.findall(text)}
    if None in values.values():
        return None
    return NAME.sub(lambda match: str(values[match[1]]), text)


def _said(name: str, data: Any, comma: str) -> str | None:
    value = data if name == "data" else data.get(name) if isinstance(data, dict) else None
    if isinstance(value, list):
        value = comma.join(str(each) for each in value if not isinstance(each, dict | list))
    if value is None or value == "" or isinstance(value, dict):
        return None
    return str(value)


@cache
def _checks() -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath("checks.toml").read_text(encoding="utf-8"))


@cache
def _checklist() -> dict[str, Any]:
    return tomllib.loads(resources.files(__name__).joinpath("checklist.toml").read_text(encoding="utf-8"))


@cache
def _rule(rule: str) -> dict[str, Any]:
    path = resources.files(__name__).joinpath("texts", f"{rule}.toml")
    if not path.is_file():
        raise KeyError(rule)
    return tomllib.loads(path.read_text(encoding="utf-8"))
