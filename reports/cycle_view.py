"""A cycle in words: for a terminal, for its report and for tables."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from audits.cycles.defects import MAY_BE_THERE, Line, tally
from audits.cycles.keeping import kept
from audits.cycles.progress import Mean, Point, Progress, SiteProgress
from audits.cycles.rounds import Round
from audits.sampled import Estimate
from audits.shift import Shift
from db.words import Break, DefectState, Gap, Method, Origin, Standing
from reports.compared import change_words, difference_words, share_words
from reports.language import Language
from reports.page_view import text_of
from reports.summary import rounded

NOBODY = ""  # the owner of what has none


@dataclass(frozen=True, kw_only=True)
class OwnerLine:
    """What one owner has to do in a cycle."""

    owner: str
    open: int
    overdue: int
    confirmed: int
    repairs: int


def as_json(found: Progress) -> dict[str, Any]:
    """A cycle as programs get it: all that it says, with the defects counted."""
    told: dict[str, Any] = kept(found)
    for site, line in zip(found.sites, told["sites"], strict=True):
        line["tally"] = _tally_json(site.defects)
    return {**told, "tally": _tally_json(found.defects)}


def _tally_json(lines: Sequence[Line]) -> dict[str, dict[str, int]]:
    counted = tally(lines)
    return {
        origin.value: {state.value: counted[origin][state] for state in DefectState} for origin in Origin
    }  # fmt: skip


def list_line(cycle: Round, language: Language) -> str:
    """A cycle in the list of all."""
    closed = {"person": cycle.closed_by or "", "day": language.day(cycle.closed_at) if cycle.closed_at else ""}
    state = language.say(f"cycle.line.{'closed' if cycle.closed_at else 'open'}", **closed)
    return language.say(
        "cycle.line.one", name=cycle.name, begins=language.date(cycle.begins_on), ends=language.date(cycle.ends_on),
        sites=len(cycle.sites), state=state,
    )  # fmt: skip


def as_lines(found: Progress, language: Language) -> Iterator[str]:
    """A cycle as a terminal shows it."""
    yield language.say("cycle.title", name=found.name)
    yield period(found, language)
    yield status(found, language)
    yield from targets(found, language)
    for site in found.sites:
        yield ""
        yield site.address
        for line in site_lines(site, language):
            yield f"  {line}"
    yield ""
    yield from whole(found, language)


def period(found: Progress, language: Language) -> str:
    """The days of a cycle."""
    return language.say(
        "cycle.period", begins=language.date(found.begins_on), ends=language.date(found.ends_on)
    )  # fmt: skip


def status(found: Progress, language: Language) -> str:
    """Whether its numbers may still change."""
    if found.closed_by is None or found.closed_at is None:
        return language.say("cycle.not_closed", day=language.date(found.day))
    return language.say("cycle.closed", person=found.closed_by, day=language.day(found.closed_at))


def targets(found: Progress, language: Language) -> Iterator[str]:
    """What was to be reached, and how the cycle stands to it."""
    target, on = found.target, language.date(found.target.on)
    if found.rate_standing is not None and target.rate is not None:
        stand = Counter(site.standing for site in found.sites)
        said = language.say(
            "cycle.rate_target_stands", standing=language.say(f"standing.{found.rate_standing.value}"),
            reached=stand[Standing.REACHED], missed=stand[Standing.NOT_REACHED], unknown=stand[Standing.UNKNOWN],
        )  # fmt: skip
        seen = [(site.confirming or site.baseline) for site in found.sites]
        late = any(each.day > target.on for each in seen if each)
        aim = language.say("cycle.rate_target", on=on, rate=language.share(target.rate))
        yield _aim(aim, said, late, on, language)
    if found.defects_standing is not None and target.defects is not None:
        sure, possible = found.open
        said = language.say(
            "cycle.defects_target_stands", standing=language.say(f"standing.{found.defects_standing.value}"),
            day=language.date(found.day), sure=sure, unsure=possible - sure,
        )  # fmt: skip
        aim = language.say("cycle.defects_target", on=on, defects=target.defects)
        yield _aim(aim, said, found.day > target.on, on, language)
    if target.rate is None and target.defects is None:
        yield language.say("cycle.no_target")


def _aim(aim: str, said: str, late: bool, on: str, language: Language) -> str:
    told = f"{aim}{language.say('common.colon')}{said}"
    return f"{told}{language.say('common.comma')}{language.say('cycle.late', on=on)}" if late else told


def whole(found: Progress, language: Language) -> Iterator[str]:
    """All sites together: at the baseline, and how those that may be compared have changed."""
    total, every = found.whole, len(found.sites)
    if total.rule_sets > 1:
        yield language.say("cycle.rule_sets", rule_set=total.rule_set)
    if total.baseline.sites:
        yield language.say(
            "cycle.whole_baseline", sites=total.baseline.sites, all=every, by_pages=by_pages(total.baseline, language),
            by_sites=by_sites(total.baseline, language),
        )  # fmt: skip
    if total.shift is None:
        yield language.say("cycle.whole_none", all=every)
        return
    yield language.say(
        "cycle.whole_change", sites=total.after.sites, all=every, before=by_pages(total.before, language),
        after=by_pages(total.after, language), mean_before=by_sites(total.before, language),
        mean_after=by_sites(total.after, language),
    )  # fmt: skip
    said = [*shift_lines(total.shift, language)]
    if total.incomplete:
        sweeps = language.say("common.comma").join(map(str, total.incomplete))
        said.append(language.say("compare.incomplete", sweeps=sweeps))
    yield " ".join(said)


def by_pages(mean: Mean, language: Language) -> str:
    """The share over sites when every page weighs the same."""
    return range_words(mean.by_pages, language)


def by_sites(mean: Mean, language: Language) -> str:
    """The share over sites when every site weighs the same."""
    return language.say("site.no_rate") if mean.by_sites is None else language.share(mean.by_sites)


def range_words(estimate: Estimate | None, language: Language) -> str:
    """A share with its interval; without one where it was counted and nothing is missing."""
    if estimate is None or estimate.rate is None:
        return language.say("site.no_rate")
    if estimate.low == estimate.high:
        return language.share(estimate.rate)
    low, high = language.share(estimate.low), language.share(estimate.high)
    return language.say("cycle.range", rate=language.share(estimate.rate), low=low, high=high)


def site_lines(site: SiteProgress, language: Language) -> Iterator[str]:
    """One site of a cycle."""
    if site.baseline:
        yield _point(site.baseline, "baseline", language)
    if site.confirming:
        yield _point(site.confirming, "confirming", language)
    if site.newest and site.newest != site.confirming:
        yield _point(site.newest, "newest", language)
    if site.newest and site.breaks and site.gap is not Gap.UNLIKE:
        yield language.say("cycle.differs", sweep=str(site.newest.sweep), reasons=_reasons(site.breaks, language))
    yield site_change(site, language) if site.shift else gap_words(site, language)
    yield from defect_lines(site, language)


def gap_words(site: SiteProgress, language: Language) -> str:
    """Why no change is told of a site."""
    gap = site.gap or Gap.NOT_SWEPT
    return language.say(f"gap.{gap.value}", reasons=_reasons(site.breaks, language))


def shift_lines(shift: Shift, language: Language) -> Iterator[str]:
    """A change with its interval, and what it shows."""
    yield difference_words(shift.difference, shift.low, shift.high, language, is_counted=shift.counted)
    yield change_words(shift.change, language, is_counted=shift.counted)


def site_change(site: SiteProgress, language: Language) -> str:
    """The change of a site that has one."""
    return " ".join(shift_lines(site.shift, language)) if site.shift else ""


def _reasons(breaks: Iterable[Break], language: Language) -> str:
    return language.say("common.comma").join(language.say(f"break.{each.value}") for each in breaks)


def _point(point: Point, name: str, language: Language) -> str:
    said = [
        language.say(f"cycle.{name}")
        + f"{language.date(point.day)}  "
        + share_words(
            point.sweep, point.known, point.estimate, language, is_census=point.method is Method.ALL
        )
    ]  # fmt: skip
    if not point.complete:
        said.append(language.say("cycle.part_of"))
    if point.without_excepted is not None:
        said.append(language.say("cycle.without_excepted", rate=language.share(point.without_excepted)))
    return " ".join(said)


def defect_lines(site: SiteProgress, language: Language) -> Iterator[str]:
    """The defects of a site by origin and state."""
    if site.baseline is None:
        yield language.say("cycle.no_defects")
        return
    counted = tally(site.defects)
    first = counted.pop(Origin.BASELINE)
    yield language.say("cycle.defects_line", number=first.total(), states=_states(first, language))
    since = [
        language.say(
            "cycle.origin_states", origin=language.say(f"origin.{origin.value}"), number=states.total(),
            states=_states(states, language),
        )
        for origin, states in counted.items() if states
    ]  # fmt: skip
    if since:
        yield language.say("cycle.since_line", origins=language.say("common.comma").join(since))
    overdue = sum(each.overdue for each in site.defects)
    if overdue:
        yield language.say("cycle.overdue_line", number=overdue)


def _states(states: Counter[DefectState], language: Language) -> str:
    said = [
        language.say("cycle.state_count", state=language.word("defect_state", state.value), number=states[state])
        for state in DefectState if states[state]
    ]  # fmt: skip
    return language.say("common.comma").join(said) or language.say("cycle.none")


def owners(lines: Iterable[Line]) -> list[OwnerLine]:
    """What each owner has to do, those with the most open defects first; what nobody owns last."""
    by_owner: dict[str, list[Line]] = {}
    for line in lines:
        by_owner.setdefault(line.owner or NOBODY, []).append(line)
    found = [
        OwnerLine(
            owner=owner, open=sum(each.state in MAY_BE_THERE for each in mine), overdue=sum(each.overdue for each in mine),
            confirmed=sum(each.state is DefectState.CONFIRMED for each in mine),
            repairs=sum(each.repairs or 0 for each in mine if each.state in MAY_BE_THERE),
        )
        for owner, mine in by_owner.items()
    ]  # fmt: skip
    return sorted(found, key=lambda each: (each.owner == NOBODY, -each.open, each.owner))


def to_repair(found: Progress) -> list[tuple[SiteProgress, Line]]:
    """What is left to be repaired, the most effect for each repair first."""
    left = [
        (site, line)
        for site in found.sites
        for line in site.defects
        if line.state in MAY_BE_THERE and line.effect is not None
    ]
    return sorted(
        left, key=lambda each: (-(each[1].effect or 0) / (each[1].repairs or 1), -(each[1].effect or 0), each[1].id)
    )


def site_row(site: SiteProgress, language: Language) -> dict[str, Any]:
    """The row of a site in cycle_sites.csv; shares have four digits."""
    counted = tally(site.defects)
    first = counted[Origin.BASELINE]
    states = Counter(each.state for each in site.defects)
    shift = site.shift
    numbers = {
        "baseline_defects": first.total(), "confirmed": first[DefectState.CONFIRMED], "open": site.open[0],
        "unverified": states[DefectState.UNVERIFIED], "excepted": states[DefectState.EXCEPTED],
        "new": counted[Origin.NEW].total(), "newly_checked": counted[Origin.NEWLY_CHECKED].total(),
        "back": counted[Origin.BACK].total(), "overdue": sum(each.overdue for each in site.defects),
    }  # fmt: skip
    return {
        "address": site.address, **_point_cells("baseline", site.baseline), **_point_cells("newest", site.newest),
        **_point_cells("confirming", site.confirming), "difference": shift and rounded(shift.difference),
        "low": shift and rounded(shift.low), "high": shift and rounded(shift.high),
        "change": change_words(shift.change, language, is_counted=shift.counted)
        if shift else gap_words(site, language),
        "standing": site.standing and language.say(f"standing.{site.standing.value}"),
        **(numbers if site.baseline else {}),
    }  # fmt: skip


def _point_cells(name: str, point: Point | None) -> dict[str, Any]:
    if point is None:
        return {}
    found = point.estimate
    cells = {"sweep": point.sweep, "day": point.day.isoformat(), "rate": rounded(point.rate)}
    if found:
        cells |= {
            "low": rounded(found.low),
            "high": rounded(found.high),
            "audited": found.audited,
            "frame": found.frame,
        }
    return {f"{name}_{key}": value for key, value in cells.items()}


def defect_row(site: SiteProgress, line: Line, language: Language) -> dict[str, Any]:
    """The row of a defect in cycle_defects.csv."""
    return {
        **kept(line), "address": site.address, "title": text_of(line.rule, language.lang).title,
        "state": language.word("defect_state", line.state.value), "origin": language.say(f"origin.{line.origin.value}"),
        "region": region_words(line, language), "overdue": language.say("common.yes" if line.overdue else "common.no"),
        "impact": language.say(f"impact.{line.impact.value}") if line.impact else None, "use": rounded(line.use),
        "effect": rounded(line.effect),
    }  # fmt: skip


def region_words(line: Line, language: Language) -> str:
    """Where a defect is repaired."""
    return language.say(f"defects.region.{line.region.value if line.region else 'unknown'}")
