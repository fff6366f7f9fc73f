"""An acceptance check for people: what is new and how to repair it, what changed otherwise, and the verdict last."""

from collections.abc import Iterator

from audits.acceptance import Found, Standing
from audits.baseline import Baseline
from reports.acceptance.told import Teller
from reports.clean import one_line

SHOWN = 3  # pages of a defect, and places of a page, that are told in full


def lines(teller: Teller) -> Iterator[str]:
    """The whole summary."""
    acceptance, say = teller.acceptance, teller.language.say
    if acceptance.baseline is not None:
        yield from _baseline_of_others(teller, acceptance.baseline)
    new = acceptance.of(Standing.NEW)
    for number, each in enumerate(new, start=1):
        yield say("check.new", number=number, all=len(new), title=teller.title(each.rule))
        yield from _in_full(teller, each)
        yield ""
    for standing in (Standing.SPREAD, Standing.NEWLY_CHECKED):
        yield from _in_short(teller, standing)
    for gone in acceptance.gone:
        pages = teller.language.count("page", len(gone.seen))
        yield say("check.gone", title=teller.title(gone.known.rule), pages=pages)
    for page in acceptance.pages:
        if not page.audited:
            yield say("check.lost", address=one_line(page.address), reason=teller.lost(page))
        for part in teller.not_tested(page):
            yield say("check.not_tested", address=one_line(page.address), part=part)
    yield from _verdict(teller)


def _baseline_of_others(teller: Teller, baseline: Baseline) -> Iterator[str]:
    """That the baseline was found by other rules, and which of now it did not run."""
    now = teller.acceptance.rules.name
    if baseline.rule_set != now:
        yield teller.language.say("check.other_rules", before=one_line(baseline.rule_set), now=now)
    if missing := teller.acceptance.rules_not_run_before:
        yield teller.language.say("check.rules_not_run", rules=", ".join(missing))


def _in_full(teller: Teller, found: Found) -> Iterator[str]:
    for sighting in found.sightings[:SHOWN]:
        yield f"  {one_line(sighting.address)}"
        for place in sighting.places[:SHOWN]:
            yield f"    {teller.where(place)}"
            yield f"      {teller.snippet(place)}"
            yield from (f"      {each}" for each in teller.seen(place))
        if more := len(sighting.places) - SHOWN:
            yield from _more(teller, "place", more, "    ")
    yield from _more(teller, "page", len(found.sightings) - SHOWN, "  ")
    yield f"  → {teller.text(found.rule).how}"


def _more(teller: Teller, noun: str, more: int, indent: str) -> Iterator[str]:
    if more > 0:
        yield indent + teller.language.say("check.more", more=teller.language.count(noun, more))


def _in_short(teller: Teller, standing: Standing) -> Iterator[str]:
    for found in teller.acceptance.of(standing):
        yield teller.language.say(f"check.{standing.value}", title=teller.title(found.rule))
        on = [each for each in found.sightings if each.standing is standing]
        for each in on[:SHOWN]:
            yield f"  {one_line(each.address)}  {teller.where(each.places[0])}"
        yield from _more(teller, "page", len(on) - SHOWN, "  ")


def _verdict(teller: Teller) -> Iterator[str]:
    acceptance, language = teller.acceptance, teller.language
    count = {each.value: len(acceptance.of(each)) for each in Standing}
    audited = len(acceptance.pages) - len(acceptance.lost)
    yield language.say("check.counts", gone=len(acceptance.gone), **count)
    yield language.say("check.review", places=language.count("place", acceptance.to_review))
    lost = language.count("page", len(acceptance.lost))
    yield language.say(f"check.{_outcome(teller)}", pages=language.count("page", audited), lost=lost)


def _outcome(teller: Teller) -> str:
    if teller.acceptance.fails():
        return "failed"
    if teller.acceptance.fails(strict=teller.strict):
        return "failed_strict"
    return "incomplete" if teller.acceptance.lost else "passed"
