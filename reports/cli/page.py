"""`jisweep page`: one page, now, to the terminal; nothing is stored."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, nullcontext
from itertools import groupby
from typing import Any

import click

from audits.criteria import criteria
from audits.engine import FramedAxe, RuleSet, installed_engine, rule_set
from audits.page import PageAudit, Pictures, Place, Target, audit_page
from audits.rules import explain, rule_text
from audits.work import manners_of
from crawler.browser import PageLost, Tab, playwright_driver
from crawler.gate import Gate
from crawler.scope import Scope
from crawler.start import unreachable
from db.words import Edition, Level, Outcome
from reports.clean import one_line
from reports.cli.credentials import credentials_of, say_signed_in
from reports.cli.options import (
    browser_option,
    json_option,
    lang_option,
    limits_of,
    page_options,
    rule_options,
    start_of,
)
from reports.cli.saying import say_json
from reports.cli.sweeps import reached
from reports.language import Language
from reports.page_view import Kind, kind_of


@click.command()
@click.argument("url")
@json_option
@lang_option
@browser_option
@page_options
@rule_options
def page(url: str, **given: Any) -> int:
    """Audit the one page at URL and print what was found."""
    return asyncio.run(_page(url, given))


async def _page(url: str, given: dict[str, Any]) -> int:
    edition, level, lang = Edition(given["edition"]), Level(given["level"]), given["lang"]
    engine = installed_engine()
    asked = start_of(url)
    given["sign_ins"] = credentials_of(given, Scope.around(asked))
    address = await reached(asked, given)
    scope = Scope.around(address)
    credentials = given["sign_ins"].within(scope)
    say_signed_in(credentials.origins, lang)
    limits = limits_of(given)
    async with AsyncExitStack() as stack:
        gate = None if limits.allow_private else await stack.enter_async_context(Gate())
        driver = await stack.enter_async_context(playwright_driver())
        tab = await stack.enter_async_context(
            Tab(
                driver, manners_of(limits), gate,
                executable=given["browser"], scope=scope, script=engine.injected, credentials=credentials,
            )
        )  # fmt: skip
        rules = await rule_set(tab, engine, edition, level)
        try:
            audit = await audit_page(
                tab, FramedAxe(engine, rules), Target(address=address, scope=scope, closed_roots=True),
                Pictures(each_fault=False), limits.page_seconds, nullcontext(),
            )  # fmt: skip
        except PageLost as lost:
            raise unreachable(address, lost.reason, lost.detail) from lost
    if given["as_json"]:
        say_json(_as_json(address, rules, audit))
    else:
        for line in _lines(address, rules, audit, edition, lang):
            click.echo(line)
    return 0


def _as_json(address: str, rules: RuleSet, audit: PageAudit) -> dict[str, Any]:
    return {
        "address": address,
        "rule_set": rules.name,
        "settled": audit.settled,
        "untested": [{"part": each.part, "where": each.where, "why": each.why} for each in audit.untested],
        "findings": [
            {
                "rule": place.rule, "outcome": place.outcome.value, "criteria": rules.criteria[place.rule],
                "impact": place.impact, "frame": place.frame, "target": place.target, "snippet": place.snippet,
                "checks": place.checks,
            }
            for place in audit.places
        ],
    }  # fmt: skip


def _lines(address: str, rules: RuleSet, audit: PageAudit, edition: Edition, lang: str) -> list[str]:
    language = Language(lang)
    lines = [f"{address}  ({rules.name})"]
    for (outcome, rule), places in groupby(audit.places, key=lambda place: (place.outcome, place.rule)):
        lines += ["", _heading(outcome, rule, rules, edition, language)]
        for place in places:
            lines += _place(place, language)
        lines.append(f"  → {rule_text(rule, lang).how}")
    lines.append("")
    if not audit.settled:
        lines.append(language.say("page.unsettled"))
    lines += [f"{language.word('untested', each.part)}: {language.left_out(each.why)}" for each in audit.untested]
    lines.append(language.say("page.places", **_counts(rules, audit, edition, language)))
    return lines


def _counts(rules: RuleSet, audit: PageAudit, edition: Edition, language: Language) -> dict[str, str]:
    """The places by what they mean; those of level AAA alone apart, since they count in no rate."""
    known = criteria(edition)
    counts: Counter[str] = Counter()
    for place in audit.places:
        kind = kind_of(place.rule, place.outcome, rules.criteria[place.rule])
        levels = {known[number].level for number in rules.criteria[place.rule]}
        counts["aaa" if kind is Kind.FAILED and levels == {Level.AAA} else kind.value] += 1
    kinds = (*(kind.value for kind in Kind), "aaa")
    return {kind: language.count("place", counts[kind]) for kind in kinds}


def _heading(outcome: Outcome, rule: str, rules: RuleSet, edition: Edition, language: Language) -> str:
    about = ", ".join(
        f"{number} {criteria(edition)[number].name(language.lang)}" for number in rules.criteria[rule]
    )
    kind = language.word("kind", kind_of(rule, outcome, rules.criteria[rule]).value)
    return f"[{kind}] {rule_text(rule, language.lang).title}（{about or rule}）"


def _place(place: Place, language: Language) -> list[str]:
    where = " › ".join(map(str, (*place.frame, *place.target)))
    told = (explain(check["id"], place.outcome, check["data"], language.lang) for check in place.checks)
    return [
        f"  {one_line(where)}",
        f"    {one_line(place.snippet)}",
        *(f"    {one_line(each)}" for each in told if each),
    ]
