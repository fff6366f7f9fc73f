"""What a sample lacks: kinds of representative pages that were found and had no room."""

from collections import Counter
from collections.abc import Iterator, Sequence

from crawler.representative import LeftOut
from reports.language import Language

COUNTED = ("traffic", "category", "template", "process")  # many of a kind; the others are named one by one


def left_out_lines(found: Sequence[LeftOut], language: Language) -> list[str]:
    """The line that says what a sample lacks, and how many pages would hold it; none where it lacks nothing."""
    if not found:
        return []
    kinds = left_out_kinds(found, language)
    return [language.say("left_out.line", kinds=kinds, pages=language.count("page", len(found)))]


def left_out_kinds(found: Sequence[LeftOut], language: Language) -> str:
    """The kinds that a sample lacks, by their names."""
    return language.say("common.comma").join(_kinds(found, language))


def _kinds(found: Sequence[LeftOut], language: Language) -> Iterator[str]:
    reasons = [reason for each in found for reason in each.why.split()]
    counts = Counter(reason.partition(":")[0] for reason in reasons)
    yield from (language.stands_for(each) for each in reasons if each.partition(":")[0] not in COUNTED)
    for kind in COUNTED:
        if counts[kind]:
            yield language.say(f"left_out.{kind}", n=counts[kind])
