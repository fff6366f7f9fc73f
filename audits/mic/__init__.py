"""The ministry's survey: the conditions under which it counts a page as a problem page, and who decides each.

Some are equal to a rule of the engine, others are checked by us: in the rendered page (`checks.js`) or in its source
(`audits.mic.source`). docs/mic-conditions.md says how each is decided and why.
"""

import csv
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from db.words import Edition

FILES = resources.files(__name__)
SCRIPT = FILES.joinpath("checks.js").read_text(encoding="utf-8")
PREFIX = "mic-"
EDITION = Edition.JIS2016  # that the conditions' criteria belong to
CONTRAST = "color-contrast"  # the engine's rule, and the check in it that tells the ratio
LOW_CONTRAST = 3.0


def _version() -> str:
    parts = [
        FILES.joinpath(name).read_bytes() for name in ("conditions.tsv", "checks.js", "source.py", "__init__.py")
    ]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:8]


VERSION = _version()  # another whenever a condition may be decided otherwise


@dataclass(frozen=True, kw_only=True)
class Condition:
    """One condition of the survey."""

    item: str  # as the survey's tool numbers it: "C_300.4"
    criteria: tuple[str, ...]  # of JIS X 8341-3:2016, levels A and AA: ("1.1.1",)
    source: str  # who decides: "axe:" and a rule, "contrast", "page" or "source"
    name_ja: str
    name_en: str

    def name(self, lang: str) -> str:
        """The condition's name in `ja` or `en`."""
        return self.name_ja if lang == "ja" else self.name_en


@cache
def conditions() -> dict[str, Condition]:
    """All 45 conditions by item, in the survey's order."""
    table = FILES.joinpath("conditions.tsv").read_text(encoding="utf-8")
    return {
        row["item"]: Condition(
            item=row["item"],
            criteria=tuple(row["criteria"].split(";")),
            source=row["source"],
            name_ja=row["name_ja"],
            name_en=row["name_en"],
        )
        for row in csv.DictReader(table.splitlines(), delimiter="\t")
    }


@cache
def rule_criteria() -> dict[str, list[str]]:
    """The criteria of `EDITION` that each condition speaks about, by the id under which findings know it."""
    return {rule_of(item): list(condition.criteria) for item, condition in conditions().items()}


def rule_of(item: str) -> str:
    """The id under which findings, texts and reports know a condition: "mic-C_300.4"."""
    return PREFIX + item


def from_axe(rules: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The conditions that the engine's results decide, as rules of the same shape.

    Of the rules given, those count that failed, and of their nodes those of the main frame.
    """
    failed = {rule["id"]: rule for rule in rules if rule["outcome"] == "failed"}
    found = []
    for item, rule in _decided_by_engine():
        nodes = [node for node in failed.get(rule, {"nodes": []})["nodes"] if _counts(rule, node)]
        if nodes:
            found.append({**failed[rule], "id": rule_of(item), "nodes": nodes})
    return found


def _decided_by_engine() -> Iterator[tuple[str, str]]:
    for condition in conditions().values():
        if condition.source == "contrast":
            yield condition.item, CONTRAST
        elif condition.source.startswith("axe:"):
            yield condition.item, condition.source.removeprefix("axe:")


def _counts(rule: str, node: dict[str, Any]) -> bool:
    return node["frame"] == [] and (rule != CONTRAST or any(map(_is_low, node["checks"])))


def _is_low(check: dict[str, Any]) -> bool:
    ratio = (
        check["data"].get("contrastRatio") if check["id"] == CONTRAST and isinstance(check["data"], dict) else None
    )
    return isinstance(ratio, int | float) and ratio < LOW_CONTRAST
