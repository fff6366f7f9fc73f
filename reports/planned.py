"""How many pages to draw, and what they can show, as a terminal tells it."""

from collections.abc import Iterator

from audits.statistics.finite import interval, upper_bound
from audits.statistics.planning import (
    by_the_normal_curve,
    largest_after_fall,
    pages_needed,
    smallest_after_rise,
)
from crawler.draw import RANDOM_OF_MIXED, SAMPLE
from crawler.sample import CENSUS_UP_TO
from reports.language import Language

REPRESENTATIVE = SAMPLE - RANDOM_OF_MIXED  # pages that represent the site, beside the random ones
EXAMPLES = (0.3, 0.5)  # shares of problem pages found, as examples of what a sample shows
TEXTBOOK = (0.1, 0.9)  # expected shares for which textbooks plan by the normal curve
LEAST = 0.0005  # a smaller share is told as being less than 0.1 %
SLOW = 2000  # pages from which on working out what two samples tell apart takes minutes


def lines(population: int, precision: float, rate: float, language: Language) -> Iterator[str]:
    """The plan for a site of so many known pages, for a half width and an expected share (both from 0 to 1)."""
    needed = pages_needed(population, precision, rate)
    yield language.say(
        "plan.pages",
        population=language.count("page", population),
        precision=f"{precision * 100:g}",
        pages=language.count("page", needed),
        rate=language.share(rate),
    )
    if needed < population:
        yield _expected(population, needed, round(rate * needed), language)
    published = by_the_normal_curve(population, precision, rate)
    if published < needed and TEXTBOOK[0] <= rate <= TEXTBOOK[1]:
        yield language.say("plan.textbook", pages=language.count("page", published))
    for drawn in sorted({SAMPLE, needed}):
        if drawn < population:  # all pages leave nothing to chance
            yield language.say("plan.shows", drawn=language.count("page", drawn))
            yield from _shows(population, drawn, rate, language)
    yield from _advice(population, needed, language)


def _expected(population: int, drawn: int, found: int, language: Language) -> str:
    low, high = interval(population, drawn, found)
    return language.say(
        "plan.result",
        pages=language.count("page", drawn),
        found=language.count("page", found),
        low=language.share(low),
        high=language.share(high),
    )


def _shows(population: int, drawn: int, rate: float, language: Language) -> Iterator[str]:
    most = upper_bound(population, drawn, 0)
    yield language.say("plan.none_found" if most >= LEAST else "plan.none_found_least", high=language.share(most))
    for share in EXAMPLES:
        low, high = interval(population, drawn, round(share * drawn))
        found = language.count("page", round(share * drawn))
        yield language.say("plan.found", found=found, low=language.share(low), high=language.share(high))
    if drawn <= SLOW:
        yield from _tells_apart(population, drawn, rate, language)
    else:
        yield language.say("plan.slow", drawn=language.count("page", drawn), most=language.count("page", SLOW))


def _tells_apart(population: int, drawn: int, before: float, language: Language) -> Iterator[str]:
    ends = {
        "fall": largest_after_fall(population, drawn, before),
        "rise": smallest_after_rise(population, drawn, before),
    }
    for way, after in ends.items():
        if before == (way == "rise"):
            continue  # nothing is below 0 % or above 100 %
        said = {"drawn": language.count("page", drawn), "before": language.share(before)}
        if after is None:
            yield language.say(f"plan.no_{way}", **said)
        else:
            yield language.say(f"plan.{way}", after=language.share(after), **said)


def _advice(population: int, needed: int, language: Language) -> Iterator[str]:
    most = language.count("page", CENSUS_UP_TO)
    if population <= CENSUS_UP_TO:
        yield language.say("plan.few", most=most)
        yield language.say("plan.command_all")
        return
    yield language.say("plan.many", most=most, representative=language.count("page", REPRESENTATIVE))
    yield language.say("plan.command", pages=str(needed + REPRESENTATIVE), random=str(needed))
