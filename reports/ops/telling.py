"""How everything stands, told: lines for a person in the morning, one JSON object for programs."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from db.words import Trust
from reports.clean import one_line
from reports.language import TOKYO, Language
from reports.ops.standing import Ended, Hand, Holder, Overall, Standing, UnderWay, Verdict


def as_lines(overall: Overall, lang: str, *, sites: bool) -> Iterator[str]:
    """What a person reads: the verdict first, what ails before what runs; each site's last sweep only with `sites`."""
    language = Language(lang)
    say = language.say
    of_none = overall.verdict is Verdict.WHOLE and not overall.finished
    yield say("status.nothing_finished" if of_none else f"status.verdict.{overall.verdict.value}")
    yield say("status.at", at=_at(overall.at), since=_at(overall.since))
    if overall.nothing_ran:
        yield say("status.nothing_ran")
    yield from _schedules(overall, language)
    short = [each for each in overall.finished if not each.complete]
    yield say("status.finished", count=len(overall.finished), short=len(short))
    for ended in short:
        yield f"  {_ended(ended, language)}"
    if overall.suspect:
        yield say("status.suspect", count=len(overall.suspect))
        yield from _each([_ended(each, language) for each in overall.suspect], language)
    yield say("status.under_way")
    yield from _each([_under_way(each, language) for each in _worst_first(overall)], language)
    yield say("status.queue", count=len(overall.queue))
    if overall.queue:
        first = overall.queue[0]
        yield "  " + say("status.queue_since", sweep=str(first.sweep), at=_at(first.asked_at))
    yield say("status.holders")
    yield from _each([_holder(each, language) for each in overall.holders], language)
    if overall.ended_leases:
        yield say("status.ended_leases", count=overall.ended_leases)
    if overall.workers:
        yield say("status.workers")
        yield from _each([_worker(each, language) for each in overall.workers], language)
    if overall.notices.late or overall.notices.given_up:
        yield say("status.notices", late=overall.notices.late, given_up=overall.notices.given_up)
    never = sum(each.sweep is None for each in overall.sites)
    late = sum(each.finished_at is not None and each.finished_at < overall.since for each in overall.sites)
    yield say("status.sites", count=len(overall.sites), late=late, never=never)
    if sites:
        yield from _each([_ended(each, language) for each in overall.sites], language)
    yield say(
        "status.database", kind=overall.kind, size=f"{overall.size / 1024**2:,.1f} MiB", revision=overall.revision
    )


def as_object(overall: Overall) -> dict[str, Any]:
    """The same for programs; times in UTC (ISO 8601)."""
    found = _plain(asdict(overall))
    database = {"kind": found.pop("kind"), "bytes": found.pop("size"), "revision": found.pop("revision")}
    queue = [each.sweep for each in overall.queue]
    ailing = [each.sweep for each in overall.ailing]
    head = {
        "verdict": overall.verdict.value, "nothing_ran": overall.nothing_ran, "nothing_due": overall.nothing_due,
        "ailing": ailing, "queue": queue,
    }  # fmt: skip
    return {**head, **found, "database": database}


def _schedules(overall: Overall, language: Language) -> Iterator[str]:
    """What a person has to know of schedules, and when the next sweep is due."""
    say, watched = language.say, overall.schedules
    if not (watched.active or watched.paused):
        return
    if overall.nothing_due:
        yield say("status.nothing_due")
    yield say("status.schedules", active=watched.active, paused=watched.paused, next=_at(watched.next_at))
    for late in watched.unkept:
        told = say("status.unkept", at=_at(late.due_at)) if late.why is None else _why(late.why, language)
        yield "  " + one_line(f"{late.schedule}: {told}")
    for each in (*watched.failed, *watched.in_the_way):
        told = say("status.failed", at=_at(each.due_at), why=_why(each.why or {}, language))
        if each.sweep is not None:
            told = say("status.in_the_way", at=_at(each.due_at), sweep=str(each.sweep), times=each.times)
        where = f" {each.site}" if each.site else ""
        yield "  " + one_line(f"{each.schedule}{where}: {told}")
    if watched.missed:
        yield "  " + say("status.missed", times=watched.missed)


def _why(why: Mapping[str, str], language: Language) -> str:
    return why.get(language.lang, "")


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, (list, tuple)) else value


def _worst_first(overall: Overall) -> list[UnderWay]:
    ailing = overall.ailing
    return [*ailing, *(each for each in overall.under_way if each not in ailing)]


def _each(lines: list[str], language: Language) -> Iterator[str]:
    yield from (f"  {line}" for line in lines or [language.say("status.none")])


def _under_way(each: UnderWay, language: Language) -> str:
    say, lang = language.say, language.lang
    told = [
        f"{say('status.recheck' if each.recheck else 'status.sweep', sweep=str(each.sweep))} {each.site}",
        say(f"status.standing.{each.standing.value}"),
        f"{say(f'status.step.{each.step.value}')} {say('status.pages', done=each.done, left=each.left)}",
    ]
    if each.standing is Standing.HALTED and each.why:
        told.append(each.why.get(lang) or each.why["en"])
    if each.per_minute:
        told.append(say("status.pace", rate=f"{each.per_minute:.0f}"))
    told.append(say("status.begun", at=_at(each.begun_at)))
    if each.last_at:
        told.append(say("status.last", at=_at(each.last_at)))
    if each.asked_by and each.asked_at:
        told.append(say("status.asked", who=each.asked_by, at=_at(each.asked_at)))
    if each.standing is Standing.CLOSED:
        told.append(say("status.opens", at=_at(each.opens_at)))
    told += [say("status.held", owner=owner) for owner in each.holders]
    return one_line(say("common.comma").join(told))


def _holder(each: Holder, language: Language) -> str:
    name = "status.process_ended" if each.ended else "status.process"
    sweeps = ", ".join(map(str, each.sweeps))
    return one_line(language.say(name, owner=each.owner, pages=each.pages, sweeps=sweeps, at=_at(each.seen_at)))


def _worker(each: Hand, language: Language) -> str:
    say = language.say
    told = [each.name, each.version, each.engine, say("status.begun", at=_at(each.started_at))]
    told.append(say("status.silent" if each.silent else "status.alive", at=_at(each.beat_at)))
    if each.drains:
        told.append(say("status.drains"))
    return one_line(say("common.comma").join(told))


def _ended(each: Ended, language: Language) -> str:
    say = language.say
    if each.sweep is None or each.finished_at is None:
        return one_line(f"{each.site}: {say('status.never')}")
    told = [say("status.sweep", sweep=str(each.sweep)), _at(each.finished_at)]
    if each.trust not in (None, Trust.SOUND):
        told.append(say(f"status.trust.{each.trust}"))
    if each.complete is None:
        told.append(say("status.unknown"))
    else:
        told.append(say("status.whole" if each.complete else "status.short"))
        told.append(say("status.audited", audited=each.audited or 0, known=each.known or 0, lost=each.lost or 0))
    return one_line(f"{each.site}: {say('common.comma').join(told)}")


def _at(moment: datetime | None) -> str:
    """By Tokyo's clock, short enough for a table."""
    return f"{moment.astimezone(TOKYO):%Y-%m-%d %H:%M} JST" if moment else "-"


EXIT = {Verdict.WHOLE: 0, Verdict.INCOMPLETE: 3, Verdict.ATTENTION: 8}  # codes of `jisweep status`
