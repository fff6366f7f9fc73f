"""The factors of an effect in words: why a defect stands where it does in the order of repair."""

from collections.abc import Iterator

from audits.defects.effect import WEIGHTS
from audits.defects.ground import Ground
from db.words import Impact
from reports.language import Language


def impact_words(impact: Impact | None, language: Language) -> str:
    """The impact as the number that it counts as, and what the engine calls it."""
    if impact is None:
        return language.say("defects.line.ungraded")
    word = language.say(f"impact.{impact.value}")
    return language.say("defects.line.graded", weight=WEIGHTS[impact], impact=word)


def use_words(use: float | None, language: Language) -> str:
    """The share of use as the factor that it counts as."""
    if use is None:
        return language.say("defects.line.no_use")
    return language.say("defects.line.use", share=language.share(use))


def ground_lines(ground: Ground, language: Language) -> Iterator[str]:
    """What the numbers of an order of repair do not speak of."""
    if ground.looked_at < ground.known:
        seen, known = language.count("page", ground.looked_at), language.count("page", ground.known)
        yield language.say("defects.line.partly", looked_at=seen, known=known)
    if ground.unseen:
        yield language.say("defects.line.unseen", unseen=language.count("page", ground.unseen))
