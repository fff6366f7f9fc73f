"""The health of a sweep in plain words, and for programs."""

from dataclasses import asdict
from typing import Any

from audits.health import Checkup
from db.words import Doubt, Trust
from reports.clean import one_line
from reports.language import Language


def health_json(found: Checkup | None) -> dict[str, Any] | None:
    """What programs get; null for a sweep that has not been judged."""
    if found is None:
        return None
    return {
        "state": found.trust.value, "doubts": [each.value for each in found.doubts], "against": found.against,
        **asdict(found.measured), "limits": asdict(found.limits), "decided_by": found.decided_by, "why": found.why,
        "decided_at": found.decided_at.isoformat() if found.decided_at else None,
    }  # fmt: skip


def verdict(found: Checkup, language: Language) -> str:
    """Whether it counts, and who said so why."""
    decided = {
        "person": one_line(found.decided_by or ""), "why": one_line(found.why or ""),
        "moment": language.moment(found.decided_at) if found.decided_at else "",
    }  # fmt: skip
    return language.say(f"health.{found.trust.value}", **decided)


def doubts(found: Checkup, language: Language) -> list[str]:
    """Why it is suspect, with the numbers."""
    measured, limits = found.measured, found.limits
    shares = {
        Doubt.SHRUNKEN: (measured.shrunken or 0.0, limits.shrunken),
        Doubt.UNANSWERED: (measured.unanswered_share, limits.missing),
        Doubt.LOST: (measured.lost_share, limits.missing),
    }
    wholes = {Doubt.UNANSWERED: measured.known, Doubt.LOST: measured.chosen}  # of nothing there is no share
    return [
        language.say(
            f"health.doubt.{each.value if wholes.get(each, 1) else f'{each.value}_of_none'}", share=language.share(shares[each][0]),
            limit=language.share(shares[each][1]), **_numbers(found, language),
        )
        for each in found.doubts
    ]  # fmt: skip


def facts(found: Checkup, language: Language) -> list[str]:
    """What it was judged by, a line each."""
    measured, words = found.measured, _numbers(found, language)

    def say(key: str, **more: str) -> str:
        return language.say(f"health.{key}", **words, **more)

    lines = [say("nothing") if found.against is None else say("against", number=str(found.against))]
    if measured.shrunken is None:
        lines.append(say("known_alone"))
    else:
        way = "fewer" if measured.shrunken > 0 else "more" if measured.shrunken < 0 else "same"
        lines.append(say(f"known_{way}", share=language.share(abs(measured.shrunken))))
    if measured.known:
        lines.append(say("unanswered", share=language.share(measured.unanswered_share)))
    lines.append(say("lost", share=language.share(measured.lost_share)) if measured.chosen else say("none_chosen"))
    if measured.audited:
        lines.append(say("carried", share=language.share(measured.carried / measured.audited)))
    if measured.rechecked:
        lines.append(say("rechecked"))
    lines.append(say("duration" if measured.seconds_usual is None else "duration_usual"))
    return lines


def health_lines(found: Checkup, language: Language) -> list[str]:
    """All of it: the verdict, the doubts, what they stand on."""
    return [verdict(found, language), *doubts(found, language), *facts(found, language)]


def warning(found: Checkup | None, language: Language) -> list[str]:
    """What a reader of a sweep's numbers has to know of its health; nothing of a sound one."""
    if found is None or found.trust is Trust.SOUND:
        return []
    return [verdict(found, language), *doubts(found, language)]


def _numbers(found: Checkup, language: Language) -> dict[str, str]:
    measured = found.measured
    pages = {
        "known": measured.known, "before": measured.known_before or 0, "unanswered": measured.unanswered,
        "chosen": measured.chosen, "lost": measured.lost, "audited": measured.audited, "carried": measured.carried,
        "rechecked": measured.rechecked, "disagreeing": measured.disagreeing,
    }  # fmt: skip
    times = {
        "time": _time(measured.seconds, language),
        "usual": _time(measured.seconds_usual or 0.0, language),
    }
    return {name: language.count("page", number) for name, number in pages.items()} | times


def _time(seconds: float, language: Language) -> str:
    hours, minutes = divmod(round(seconds / 60), 60)
    return language.say("health.hours" if hours else "health.minutes", hours=hours, minutes=minutes)
