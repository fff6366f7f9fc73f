"""What a further edition would change, as its page shows it: pages, criteria, and what people have to judge besides."""

from typing import Any

from audits.conclude import Conclusion
from audits.criteria import NAMES
from audits.criteria.judging import judging
from audits.revision import Count, Line, Revision, Standing
from db.words import Edition
from reports.language import Language


def revision_values(conclusion: Conclusion, revision: Revision, language: Language) -> dict[str, Any]:
    """All that the template asks for."""
    return {
        "conclusion": conclusion,
        "revision": revision,
        "summary": summary(revision, language),
        "names": {
            "before": name(revision.before.edition, language),
            "after": name(revision.after.edition, language),
        },
        "by": {
            line.criterion.number: language.say("common.comma").join(
                tool.called(language.lang) for tool in judging(line.criterion.number).by
            )
            for line in revision.lines
        },
        "standings": tuple(Standing),
    }


def name(edition: Edition, language: Language) -> str:
    """The edition's name."""
    ja, en = NAMES[edition]
    return ja if language.lang == "ja" else en


def summary(revision: Revision, language: Language) -> list[str]:
    """The result in a few sentences; also lines that end the command in a terminal."""
    before, after = revision.before, revision.after
    names = {"before": name(before.edition, language), "after": name(after.edition, language)}
    said = [
        language.say(
            "revision.criteria_line",
            added=language.count("criterion", len(revision.of(Standing.ADDED))),
            dropped=language.count("criterion", len(revision.of(Standing.DROPPED))),
            people=language.count("criterion", sum(line.unseen for line in revision.of(Standing.ADDED))),
            **names,
        )
    ]
    if not revision.audited:
        return [*said, language.say("revision.empty")]
    said.append(
        language.say(
            "revision.pages_line",
            audited=language.count("page", revision.audited),
            was=language.count("page", before.problem_pages),
            was_rate=language.share(before.problem_pages / revision.audited),
            becomes=language.count("page", after.problem_pages),
            becomes_rate=language.share(after.problem_pages / revision.audited),
            newly=language.count("page", revision.newly),
            no_longer=language.count("page", revision.no_longer),
            **names,
        )
    )
    estimate = revision.newly_estimate
    if estimate is not None and estimate.rate is not None:
        shares = {"rate": estimate.rate, "low": estimate.low, "high": estimate.high}
        said.append(
            language.say(
                "revision.estimate_line",
                frame=language.count("page", estimate.frame),
                audited=language.count("page", estimate.audited),
                **{name: language.share(share) for name, share in shares.items()},
            )
        )
    return said


def revision_row(line: Line, language: Language) -> dict[str, Any]:
    """One line of revision.csv."""
    return {
        "number": line.criterion.number,
        "name": line.criterion.name(language.lang),
        "level": line.criterion.level.value,
        "standing": language.say(f"revision.standing.{line.standing.value}"),
        "check": language.say(f"revision.check.{line.check.value}"),
        **_counted(line.before, "before"),
        **_counted(line.after, "after"),
    }


def _counted(count: Count | None, side: str) -> dict[str, Any]:
    """Empty where the edition does not have the criterion, or no machine looked: that is not 0."""
    if count is None:
        return {}
    looked = {f"pages_{side}": count.problem_pages, f"places_{side}": count.places} if count.rules else {}
    return {f"rules_{side}": count.rules, **looked}
