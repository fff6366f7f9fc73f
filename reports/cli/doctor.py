"""`jisweep doctor` says whether the machine is ready; `jisweep setup` makes it ready."""

import asyncio

import click

from audits.machine import Verdict, examine, set_up
from reports.cli.options import (
    browser_option,
    contact_option,
    database_option,
    lang_option,
    private_option,
    start_of,
)

SIGNS = {Verdict.OK: "✓", Verdict.WARNING: "!", Verdict.FAILED: "✗"}
SUBJECTS = {
    "python": "Python", "browser": "ブラウザ", "fonts": "フォント", "engine": "検査エンジン",
    "database": "データベース", "site": "サイト", "clock": "時刻",
}  # fmt: skip
CODES = {"browser": 5, "site": 4}  # exit code by what failed; anything else is 6


@click.command()
@click.argument("url", required=False)
@lang_option
@database_option
@browser_option
@contact_option
@private_option
def doctor(
    url: str | None, lang: str, database: str, browser: str | None, contact: str, allow_private: bool
) -> int:
    """Check browser, fonts, engine, database, clock and, when URL is given, the way to that site."""
    site = start_of(url) if url else None
    findings = asyncio.run(
        examine(database, browser=browser, site=site, allow_private=allow_private, contact=contact)
    )
    for each in findings:
        subject = SUBJECTS[each.subject] if lang == "ja" else each.subject
        click.echo(f"{SIGNS[each.verdict]} {subject}: {each.line(lang)}")
    failed = [each for each in findings if each.verdict is Verdict.FAILED]
    if failed:
        click.echo(
            "準備が足りません。✗ の行を直してください。" if lang == "ja" else "Not ready: mend the lines marked ✗."
        )
        return CODES.get(failed[0].subject, 6)
    click.echo("準備できています。" if lang == "ja" else "Ready.")
    return 0


@click.command()
@lang_option
@browser_option
def setup(lang: str, browser: str | None) -> int:
    """Put a browser, Japanese fonts and the fast rule engine in place where they are missing."""
    asyncio.run(set_up(browser, lambda ja, en: click.echo(ja if lang == "ja" else en, err=True)))
    return 0
