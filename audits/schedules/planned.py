"""What a schedule's sweeps do: its own words on pages and rules, the site's on scope and manners, as they are when it is due."""

from collections.abc import Mapping
from typing import Any

from audits.site import kept_scope, manners_in
from audits.sweep import Plan
from crawler.limits import Limits
from crawler.scope import Scope
from crawler.windows import Windows
from db.errors import UsageError
from db.words import Edition, Level, Method, Stratify

CHOICE = ("pages", "at_random", "seed")  # names of Plan whose values are numbers, or None


def as_row(plan: Plan, contact: str, limits: Mapping[str, Any]) -> dict[str, Any]:
    """What a schedule keeps of a plan; `limits` are those that count whatever the site says, by the names of Limits.

    `contact` is told to the operator of a site that keeps none.
    """
    return {
        **{name: getattr(plan, name) for name in CHOICE},
        "method": plan.method and plan.method.value, "stratify": plan.stratify and plan.stratify.value,
        "edition": plan.edition.value, "also": plan.also and plan.also.value, "level": plan.level.value,
        "survey": plan.survey, "seeds": list(plan.seeds), "contact": contact, "limits": dict(limits),
    }  # fmt: skip


def plan_at(start: str, settings: Mapping[str, Any], kept: Mapping[str, Any], window: str = "") -> Plan:
    """The plan of a sweep of the site at an address with its settings, by what a schedule keeps.

    Raises UsageError for what does not go together, or cannot be read any more.
    """
    try:
        scope = kept_scope(settings, Scope.around(start))
        given = {
            "contact": kept["contact"],
            **manners_in(settings),
            **kept["limits"],
            **({"window": window} if window else {}),
        }
        limits = Limits.from_row(given)
        Windows.parse(limits.window)
        also = kept["also"] and Edition(kept["also"])
        return Plan(
            scope=scope, limits=limits, seeds=tuple(kept["seeds"]), **{name: kept[name] for name in CHOICE},
            method=kept["method"] and Method(kept["method"]), stratify=kept["stratify"] and Stratify(kept["stratify"]),
            edition=Edition(kept["edition"]), also=None if also == kept["edition"] else also, level=Level(kept["level"]),
            survey=kept["survey"],
        )  # fmt: skip
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            ja=f"{start} の調査の計画が読めません: {error}", en=f"The plan for {start} cannot be read: {error}"
        ) from error
