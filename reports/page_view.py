"""One audited page as its report shows it: findings grouped by rule, numbered in the order of reading."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import groupby
from typing import Any, Protocol

from audits import mic
from audits.criteria import Criterion, aimed_at, criteria
from audits.defects.cover import Cover
from audits.rules import RuleText, explain, rule_text
from db.tables import Exemption
from db.words import Impact, Level, Outcome
from reports.markers import Marker, markers
from reports.read import Head
from reports.read_pages import Audited, Count, Spot


class Kind(StrEnum):
    """What a finding means to the reader."""

    FAILED = "failed"  # the machine is sure
    SURVEY = "survey"  # meets a condition of the ministry's survey, and counts in its rate
    REVIEW = "review"  # a person must look
    FURTHER = "further"  # speaks only about criteria of the further edition that the sweep was judged by
    ADVICE = "advice"  # best practice: belongs to no criterion and counts nowhere


class State(StrEnum):
    """What the machine can say of a criterion; it never says that one is met."""

    FAILED = "failed"
    REVIEW = "review"
    UNDETECTED = "undetected"
    UNTESTED = "untested"
    UNSEEN = "unseen"  # no page was audited


@dataclass(frozen=True, kw_only=True)
class Place:
    """One numbered place."""

    number: int
    spot: Spot
    seen: tuple[str, ...]  # what the checks saw, in sentences
    marker: Marker | None
    exception: Exemption | None = None  # that covers it; it counts all the same

    @property
    def where(self) -> tuple[str, str]:
        """The way through the frames, and the element in the last of them."""
        return path_of(self.spot.frame), path_of(self.spot.target, " » ")


@dataclass(frozen=True, kw_only=True)
class Group:
    """All places of a page that one rule speaks about in one way."""

    kind: Kind
    rule: str
    text: RuleText
    criteria: tuple[Criterion, ...]
    places: tuple[Place, ...]

    @property
    def counts(self) -> bool:
        """Whether its failed places enter the problem-page rate."""
        return self.kind is Kind.FAILED and any(found.level is not Level.AAA for found in self.criteria)

    @property
    def impact(self) -> Impact | None:
        """The gravest impact among its places."""
        return max((place.spot.impact for place in self.places if place.spot.impact), key=gravity, default=None)


@dataclass(frozen=True, kw_only=True)
class CriterionLine:
    """One row of a page's criteria table."""

    criterion: Criterion
    state: State
    count: Count


@dataclass(frozen=True, kw_only=True)
class PageView:
    """Everything on the report page of one audited page."""

    number: int
    page: Audited
    groups: tuple[Group, ...]
    lines: tuple[CriterionLine, ...]

    def of(self, kind: Kind) -> tuple[Group, ...]:
        """The groups of one kind."""
        return tuple(group for group in self.groups if group.kind is kind)

    def places(self, kind: Kind) -> int:
        """How many places of one kind; failed ones only as far as they count."""
        return sum(len(group.places) for group in self.of(kind) if group.counts or kind is not Kind.FAILED)

    @property
    def excepted(self) -> int:
        """How many of the failed places that count are covered by exceptions."""
        return sum(place.exception is not None for group in self.groups if group.counts for place in group.places)

    @property
    def marked(self) -> list[tuple[Place, Marker, Group]]:
        """The places that the picture shows."""
        return [(place, place.marker, group) for group in self.groups for place in group.places if place.marker]

    @property
    def failed_criteria(self) -> tuple[Criterion, ...]:
        """The criteria that the page fails for certain."""
        return tuple(line.criterion for line in self.lines if line.state is State.FAILED)


class Spoken(Protocol):
    """A criterion, and how many rules of the engine speak about it."""

    @property
    def number(self) -> str:
        """The criterion's."""

    @property
    def rules(self) -> int:
        """How many."""


@dataclass(frozen=True, kw_only=True)
class Aimed:
    """A criterion that a sweep aims at."""

    number: str
    rules: int


def aimed(head: Head) -> list[Aimed]:
    """The criteria that a sweep aims at, as its own rules speak about them."""
    numbers = aimed_at(head.edition, head.level)
    return [Aimed(number=each, rules=sum(each in of for of in head.rule_criteria.values())) for each in numbers]


def page_view(
    number: int, page: Audited, head: Head, counts: Iterable[Spoken], lang: str, cover: Cover
) -> PageView:
    """Arrange one page for reading, and say of its places which exceptions cover them."""
    groups = sorted(_groups(page, head, lang, cover), key=_reading_order)
    return PageView(
        number=number,
        page=page,
        groups=tuple(_numbered(groups, page)),
        lines=tuple(_lines(page, head, counts)),
    )


def text_of(rule: str, lang: str) -> RuleText:
    """The text of a rule; only its name for one that this version has no text about."""
    try:
        return rule_text(rule, lang)
    except KeyError:
        return RuleText(title=rule, why="", how="", wrong="", right="")


def kind_of(rule: str, outcome: Outcome, numbers: Iterable[str], *, further: bool = False) -> Kind:
    """What an outcome means for a rule that speaks about these criteria, of the `further` edition or the sweep's own."""
    if rule.startswith(mic.PREFIX):
        return Kind.SURVEY
    if further:
        return Kind.FURTHER
    if not tuple(numbers):
        return Kind.ADVICE
    return Kind.FAILED if outcome is Outcome.FAILED else Kind.REVIEW


def state_of(failed: int, cant_tell: int, rules: int, audited: int = 1) -> State:
    """What these numbers let the machine say of a criterion."""
    if not audited:
        return State.UNSEEN
    if failed:
        return State.FAILED
    if cant_tell:
        return State.REVIEW
    return State.UNDETECTED if rules else State.UNTESTED


def criteria_of(rule: str, head: Head) -> tuple[Criterion, ...]:
    """The criteria that a rule speaks about in this sweep, in the standard's order."""
    if rule.startswith(mic.PREFIX):
        edition, numbers = mic.EDITION, mic.rule_criteria().get(rule, ())
    elif is_further(rule, head):
        assert head.also is not None
        edition, numbers = head.also, head.also_criteria[rule]
    else:
        edition, numbers = head.edition, head.rule_criteria.get(rule, ())
    return tuple(found for number, found in criteria(edition).items() if number in numbers)


def is_further(rule: str, head: Head) -> bool:
    """Whether only the further edition makes the rule speak about a criterion."""
    return not head.rule_criteria.get(rule) and bool(head.also_criteria.get(rule))


def path_of(path: Any, sign: str = " › ") -> str:
    """A path of selectors in one line; the way through shadow roots comes as a list inside it."""
    steps = path if isinstance(path, list) else [path]
    return sign.join(" » ".join(map(str, step)) if isinstance(step, list) else str(step) for step in steps)


def gravity(impact: Impact) -> int:
    """Sorts impacts from minor to critical."""
    return tuple(Impact).index(impact)


def _groups(page: Audited, head: Head, lang: str, cover: Cover) -> Iterator[Group]:
    def key(spot: Spot) -> tuple[str, str]:
        return spot.rule, spot.outcome.value

    for (rule, outcome), spots in groupby(sorted(page.spots, key=key), key):
        found = criteria_of(rule, head)
        places = (
            Place(
                number=0,
                spot=spot,
                seen=tuple(_seen(spot, lang)),
                marker=None,
                exception=_exception(spot, page, cover),
            )
            for spot in sorted(spots, key=lambda spot: spot.position)
        )
        yield Group(
            kind=kind_of(
                rule, Outcome(outcome), (criterion.number for criterion in found), further=is_further(rule, head)
            ),
            rule=rule,
            text=text_of(rule, lang),
            criteria=found,
            places=tuple(places),
        )


def _exception(spot: Spot, page: Audited, cover: Cover) -> Exemption | None:
    """The exception of a failed place; what the machine could not decide is for people to look at all the same."""
    if spot.outcome is not Outcome.FAILED:
        return None
    return cover.of(defect=spot.defect, rule=spot.rule, page=page.page, address=page.address)


def _reading_order(group: Group) -> tuple[int, bool, int, int, str]:
    weight = gravity(group.impact) if group.impact else -1
    return tuple(Kind).index(group.kind), not group.counts, -weight, -len(group.places), group.rule


def _numbered(groups: Iterable[Group], page: Audited) -> Iterator[Group]:
    groups = list(groups)
    boxes = list(_boxes(groups))
    height = page.pictured_height or page.page_height
    shown = markers(boxes, page.page_width, height) if page.picture else [None] * len(boxes)
    numbers = iter(enumerate(shown, start=1))
    for group in groups:
        places = []
        for place in group.places:
            number, marker = next(numbers)
            places.append(replace(place, number=number, marker=marker))
        yield replace(group, places=tuple(places))


def _boxes(groups: Iterable[Group]) -> Iterator[list[float] | None]:
    """Where places are to be marked: one that a rule of the engine has marked is not marked for the survey again."""
    marked: set[tuple[float, ...]] = set()
    for group in groups:
        for place in group.places:
            box = place.spot.box
            again = group.kind is Kind.SURVEY and box is not None and tuple(box) in marked
            marked |= {tuple(box)} if box and group.kind is Kind.FAILED else set()
            yield None if again else box


def _lines(page: Audited, head: Head, counts: Iterable[Spoken]) -> Iterator[CriterionLine]:
    known: Mapping[str, Criterion] = criteria(head.edition)
    for count in counts:
        own = page.criteria.get(count.number, Count(failed=0, cant_tell=0))
        yield CriterionLine(
            criterion=known[count.number],
            state=state_of(own.failed, own.cant_tell, count.rules),
            count=own,
        )


def _seen(spot: Spot, lang: str) -> Iterator[str]:
    for check in spot.checks:
        said = explain(check["id"], spot.outcome, check.get("data"), lang)
        if said:
            yield said
