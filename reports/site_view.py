"""The whole sweep as its first page shows it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from audits.conclude import Conclusion, CriterionCount
from audits.criteria import NAMES, Criterion
from db.words import Level, ScopeKind
from reports.language import Language
from reports.page_view import Kind, PageView, State, criteria_of, is_further, kind_of, state_of, text_of
from reports.read import Head, RuleCount, ScopeLine
from reports.read_pages import Membership
from reports.summary import carried, overlap_words

LIST = 500  # audited pages in one list


@dataclass(frozen=True, kw_only=True)
class Row:
    """One audited page in the list of pages."""

    number: int
    address: str
    title: str | None
    parts: tuple[Membership, ...]
    failed: int
    criteria: int
    review: int


@dataclass(frozen=True, kw_only=True)
class Part:
    """One file of a list that is too long for one."""

    index: int
    first: int
    last: int

    @property
    def name(self) -> str:
        """The file."""
        return f"list-{self.index}.html"


@dataclass(frozen=True, kw_only=True)
class CriterionRow:
    """One criterion with what the machine can say of it."""

    count: CriterionCount
    name: str
    state: State


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One kind of finding over all pages."""

    title: str
    criteria: tuple[Criterion, ...]
    pages: int
    places: int
    example: int  # number of a page that shows it
    anchor: str
    aaa_only: bool


def row_of(view: PageView) -> Row:
    """A page's row in the list."""
    return Row(
        number=view.number,
        address=view.page.address,
        title=view.page.title,
        parts=view.page.parts,
        failed=view.places(Kind.FAILED),
        criteria=len(view.failed_criteria),
        review=view.places(Kind.REVIEW),
    )


def parts_of(total: int) -> list[Part]:
    """The files of the list of pages; none when the first page has room for all."""
    if total <= LIST:
        return []
    starts = range(1, total + 1, LIST)
    return [
        Part(index=index, first=first, last=min(first + LIST - 1, total))
        for index, first in enumerate(starts, start=1)
    ]


def criterion_rows(conclusion: Conclusion, lang: str) -> list[CriterionRow]:
    """The criteria table."""
    return [
        CriterionRow(
            count=count,
            name=count.name_ja if lang == "ja" else count.name_en,
            state=state_of(count.problem_pages, count.needs_review_pages, count.rules, conclusion.audited),
        )
        for count in conclusion.criteria
    ]


def faults(
    counts: Iterable[RuleCount], head: Head, numbers: Mapping[int, int], lang: str
) -> dict[str, list[Fault]]:
    """The rules by what they mean, those that count first."""
    found: dict[str, list[Fault]] = {kind.value: [] for kind in Kind}
    for count in counts:
        speaks_of = criteria_of(count.rule, head)
        kind = kind_of(
            count.rule,
            count.outcome,
            (criterion.number for criterion in speaks_of),
            further=is_further(count.rule, head),
        )
        found[kind.value].append(
            Fault(
                title=text_of(count.rule, lang).title,
                criteria=speaks_of,
                pages=count.pages,
                places=count.places,
                example=numbers[count.example],
                anchor=f"{kind.value}-{count.rule}",
                aaa_only=kind is Kind.FAILED and all(item.level is Level.AAA for item in speaks_of),
            )
        )
    for group in found.values():
        group.sort(key=lambda fault: fault.aaa_only)
    return found


def summary(conclusion: Conclusion, worst: Sequence[Fault], language: Language) -> list[str]:
    """The result in two to four sentences for a reader in a hurry."""
    site = site_name(conclusion.site)
    if conclusion.rate is None:
        return [language.say("summary.empty", site=site)]
    audited = language.count("page", conclusion.audited)
    if not conclusion.problem_pages:
        said = [language.say("summary.clean", site=site, audited=audited)]
    else:
        said = [
            language.say(
                "summary.problem",
                site=site,
                audited=audited,
                problem=language.count("page", conclusion.problem_pages),
                rate=language.share(conclusion.rate),
                places=language.count("place", conclusion.places),
            )
        ]
    if worst and not worst[0].aaa_only:
        said[0] += _space(language) + language.say(
            "summary.top", title=worst[0].title, pages=language.count("page", worst[0].pages)
        )
    if conclusion.estimate is not None:
        low, high = language.share(conclusion.estimate.low), language.share(conclusion.estimate.high)
        said.append(language.say("summary.estimate", low=low, high=high))
        said += overlap_words(conclusion.overlap, language, brief=True)
    return [*said, language.say("summary.people")]


def index_values(
    conclusion: Conclusion,
    head: Head,
    scope: Sequence[ScopeLine],
    counts: Iterable[RuleCount],
    numbers: Mapping[int, int],
    language: Language,
) -> dict[str, Any]:
    """All that the template of the first page asks for, but the list of pages."""
    found = faults(counts, head, numbers, language.lang)
    rows = criterion_rows(conclusion, language.lang)
    tally = Counter(row.state.value for row in rows)
    return {
        "conclusion": conclusion,
        "estimate": conclusion.estimate,
        "overlap": overlap_words(conclusion.overlap, language),
        "summary": summary(conclusion, found[Kind.FAILED.value], language),
        "carried": carried(conclusion, language),
        "criteria": rows,
        "states_count": {"failed": tally["failed"]},
        "states_said": {
            state.value: language.count("criterion", tally[state.value])
            for state in State
            if state is not State.UNSEEN
        },
        "faults": found,
        "reasons": sorted(conclusion.unaudited.items(), key=lambda item: (-item[1], item[0].value)),
        "includes": [line for line in scope if line.kind is ScopeKind.INCLUDE],
        "excludes": by_reason(scope),
    }


def by_reason(scope: Iterable[ScopeLine]) -> list[tuple[str, list[ScopeLine]]]:
    """The exclusions with one reason together: addresses are counted by reason."""

    def key(line: ScopeLine) -> str:
        return line.reason or ""

    excluded = sorted((line for line in scope if line.kind is ScopeKind.EXCLUDE), key=key)
    return [(reason, list(lines)) for reason, lines in groupby(excluded, key)]


def site_name(address: str) -> str:
    """The site's address without scheme and final slash."""
    return address.partition("://")[2].rstrip("/") or address


def edition_name(head: Head, lang: str) -> str:
    """The standard's full name."""
    ja, en = NAMES[head.edition]
    return ja if lang == "ja" else en


def engine_name(head: Head, language: Language) -> str:
    """Engine and version, as far as a page was audited."""
    return f"{head.engine} {head.engine_version}" if head.engine else language.say("conditions.later")


def method_name(head: Head, language: Language) -> str:
    """How pages were chosen, in words."""
    return language.say(f"method.{head.method.value if head.method else 'none'}")


def _space(language: Language) -> str:
    return "" if language.lang == "ja" else " "
