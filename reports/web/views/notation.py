"""The notation of a test, and what only people know of it: set, or given back, in the name of who has signed in."""

import re
from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from audits.declaring import NO_EXCEPTIONS, WORDS, checked, exceptions_of
from audits.jis_test import NotationRefused, declare
from db.errors import UsageError
from db.words import Done, Level, Notation
from reports.publish.documents import current
from reports.publish.facts import Facts, facts_of, lack_line
from reports.web.asking import Asked, Crumb, Number, Reader, Refused
from reports.web.views.judging import WORDS as LACKS
from reports.web.views.judging import may_publish, swept

TEXTS = ("organisation", "site_name", "contact", "policy", "published", "scope", "processes", "plan")
LISTS = ("technologies", "tools", "user_agents")  # a line for each
DAYS = ("target_date", "declared", "began", "ended")
CHOICES = ("level", "notation")
OF_EXCEPTION = ("what", "reason", "where", "until")  # in a line, a bar between them
BAR = re.compile(r"\s*[|｜]\s*")
LONGEST = 4000  # characters of a field
NONE = "none"  # chosen where no notation is to be stated

router = APIRouter()


@router.get("/notations/{sweep}")
async def form(asked: Reader, sweep: Number) -> Response:
    """The form, with what is known; beside each notation what it still lacks."""
    facts = await _facts(asked, sweep)
    standing = facts.standing
    chosen = standing.notation.value if standing and standing.notation else NONE
    return _page(asked, facts, as_text(facts, asked.language.say("result.none_word")), chosen)


@router.post("/notations/{sweep}")
async def keep(asked: Reader, sweep: Number) -> Response:
    """Keep both, or say what is missing."""
    facts = await _facts(asked, sweep)
    sent = await asked.request.form()
    given = {name: value for name, value in sent.items() if isinstance(value, str)}
    values = {
        name: given.get(name, "").replace("\0", "").replace("\r\n", "\n").strip()
        for name in (*TEXTS, *LISTS, *DAYS, *CHOICES, "exceptions")
    }
    chosen = given.get("chosen", "")
    if chosen not in (NONE, *Notation):
        return _page(asked, facts, values, chosen, [asked.language.say("web.notation.error_choose")])
    if any(len(each) > LONGEST for each in values.values()):
        return _page(asked, facts, values, chosen, [asked.language.say("web.notation.error_long", most=LONGEST)])
    wanted = Notation(chosen) if chosen != NONE else None
    try:
        details = checked(as_details(values))
        await declare(asked.database, sweep, wanted, asked.who.person, details)
    except NotationRefused as refused:
        told = await facts_of(asked.database, sweep, details, checks=False)
        word = asked.language.say(f"notation.{refused.notation.value}")
        head = asked.language.say("notation.refused", notation=word, count=len(refused.missing))
        lines = [lack_line(lack, told, asked.language, LACKS) for lack in refused.missing]
        return _page(asked, told, values, chosen, [head, *lines])
    except UsageError as error:
        return _page(asked, facts, values, chosen, [error.line(asked.language.lang)])
    async with asked.writing(Done.DECLARED, about=f"/tests/{sweep}", notation=chosen):
        pass
    return RedirectResponse(f"/tests/{sweep}?done=declared#notation", 303)


async def _facts(asked: Asked, sweep: int) -> Facts:
    """What is known of a test that the reader publishes. Raises Refused."""
    async with asked.reading() as connection:
        row = await swept(asked, connection, sweep)
    if not may_publish(asked, row.site_id):
        raise Refused(403)
    return await facts_of(asked.database, sweep, checks=False)


def as_text(facts: Facts, no_exceptions: str) -> dict[str, str]:
    """What is known as the fields of the form have it."""
    told = facts.details
    words = {notation.value: word for word, notation in WORDS.items()}
    exceptions = [" | ".join(each.get(name, "") for name in OF_EXCEPTION) for each in exceptions_of(told)]
    return {
        **{name: told.get(name, "") for name in (*TEXTS, *DAYS)},
        **{name: "\n".join(told.get(name, [])) for name in LISTS},
        "site_name": facts.site, "level": facts.aim.value, "notation": words.get(told.get("notation", ""), ""),
        "exceptions": no_exceptions if told.get("exceptions") == NO_EXCEPTIONS else "\n".join(exceptions),
    }  # fmt: skip


def as_details(values: Mapping[str, str]) -> dict[str, Any]:
    """What the fields say, as a details file would (see `audits.declaring`)."""
    lines = [line.strip() for line in values["exceptions"].splitlines() if line.strip()]
    none = len(lines) == 1 and lines[0].lower() in ("なし", NO_EXCEPTIONS)
    return {
        **{name: values[name] for name in (*TEXTS, *DAYS, *CHOICES)},
        **{name: values[name].splitlines() for name in LISTS},
        "exceptions": NO_EXCEPTIONS if none else [_exception(line) for line in lines],
    }


def _exception(line: str) -> dict[str, str]:
    """One line of the exceptions. Raises UsageError for one with more parts than there are."""
    parts = BAR.split(line)
    if len(parts) > len(OF_EXCEPTION):
        raise UsageError(
            ja=f"例外事項「{line[:80]}」の区切りが多すぎます。何を | 理由 | アドレス | 対応する日 の順に書いてください。",
            en=f"The exception {line[:80]!r} has too many parts: write what | reason | address | day.",
        )
    return dict(zip(OF_EXCEPTION, parts, strict=False))


def _page(
    asked: Asked, facts: Facts, values: Mapping[str, str], chosen: str, wrong: list[str] | None = None
) -> Response:
    say, number = asked.language.say, str(facts.head.id)
    crumbs = (
        Crumb(name=say("web.tests.title"), href="/tests"),
        Crumb(name=say("web.tests.number", sweep=number), href=f"/tests/{number}"),
    )
    test, unknown = facts.test, say("details.unknown_day")
    day = asked.language.day
    return asked.page(
        "notation.html", say("web.notation.title"), crumbs=crumbs, status=400 if wrong else 200, number=number, values=values,
        chosen=chosen, wrong=wrong or [], nothing=NONE, texts=TEXTS, lists=LISTS, words=list(WORDS), levels=[each.value for each in Level],
        current=current(facts, asked.language, LACKS), by_hand=test.by_hand, began=day(test.began) if test.began else unknown,
        ended=day(test.ended) if test.ended else unknown, longest=LONGEST,
        notations=[(each, [lack_line(lack, facts, asked.language, LACKS) for lack in facts.missing(each)]) for each in Notation],
    )  # fmt: skip
