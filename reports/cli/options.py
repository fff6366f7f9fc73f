"""Options that several commands share, and the plan that they make."""

import getpass
import os
import re
import socket
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from audits.site import site_settings
from audits.sweep import Plan
from crawler.address import LONGEST, canonical
from crawler.limits import Limits
from crawler.scope import Exclusion, Scope, check_pattern
from crawler.seeds import read_seeds
from crawler.windows import Windows
from db.database import Database
from db.errors import UsageError
from db.store import SETTING
from db.words import Edition, Level
from reports.cli.choice import choice_of
from reports.cli.usage import Finite, Percent

Command = TypeVar("Command", bound=Callable[..., Any])
DATABASE = "jisweep.sqlite"
PASSWORD = re.compile(r"[a-z]+:[/\\]*[^/\\?#]*@", re.IGNORECASE)


def database_option(command: Command) -> Command:
    return store_option(
        click.option(
            "--db", "database", metavar="URL", default=DATABASE, envvar="JISWEEP_DB", show_default=True,
            help="Database: a SQLite file, sqlite:///FILE or postgresql://USER@HOST/NAME.",
        )(command)
    )  # fmt: skip


def store_option(command: Command) -> Command:
    """Where pictures lie: kept in the environment, as settings are, for whatever opens the database."""
    return click.option(
        "--store", metavar="PLACE", envvar=SETTING, expose_value=False, callback=_use_store,
        help="Pictures outside of the database: a folder, or s3://BUCKET/PREFIX?endpoint=URL&region=NAME&keys=FILE.  "
             "[default: in the database]",
    )(command)  # fmt: skip


def _use_store(_: click.Context, __: click.Parameter, place: str | None) -> None:
    if place is not None:
        os.environ[SETTING] = place


def lang_option(command: Command) -> Command:
    return click.option(
        "--lang", type=click.Choice(["ja", "en"]), default="ja", envvar="JISWEEP_LANG", show_default=True,
        help="Language of messages and reports.",
    )(command)  # fmt: skip


def json_option(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print one JSON object on standard output.")(
        command
    )


def out_option(command: Command) -> Command:
    return click.option(
        "--out", type=click.Path(path_type=Path), metavar="DIR", envvar="JISWEEP_OUT",
        help="Folder for the report.  [default: out/sweep-ID]",
    )(command)  # fmt: skip


def browser_option(command: Command) -> Command:
    return click.option(
        "--browser", metavar="PATH", envvar="JISWEEP_BROWSER",
        help="Browser to use.  [default: Playwright's own, else the system's Chromium, Chrome or Edge]",
    )(command)  # fmt: skip


def private_option(command: Command) -> Command:
    return click.option(
        "--allow-private", is_flag=True,
        help="Visit private and loopback addresses too (for your own test servers).",
    )(command)  # fmt: skip


def credentials_options(command: Command) -> Command:
    """How pages are asked for by somebody who has signed in."""
    for option in (
        click.option("--no-credentials", is_flag=True, help="Sign in nowhere, whatever is kept in your own folder."),
        click.option("--credentials", type=click.Path(path_type=Path), metavar="FILE", envvar="JISWEEP_CREDENTIALS",
                     help="What signs us in, by origin (TOML; see docs/operators/signing-in.md).  "
                          "[default: credentials.toml and recorded sign-ins in your own folder]"),
    ):  # fmt: skip
        command = option(command)
    return command


def contact_option(command: Command) -> Command:
    return click.option(
        "--contact", metavar="TEXT", envvar="JISWEEP_CONTACT", default=_this_user,
        help="Mail or web address for the site's operator, sent with every request.  [default: user@host]",
    )(command)  # fmt: skip


def rule_options(command: Command) -> Command:
    """What a page is judged by."""
    for option in (
        click.option("--level", type=click.Choice([each.value for each in Level]), default="AA", show_default=True,
                     help="Conformance level aimed at."),
        click.option("--edition", type=click.Choice([each.value for each in Edition]), default="jis2016",
                     show_default=True, help="Standard to judge by."),
    ):  # fmt: skip
        command = option(command)
    return command


def also_option(command: Command) -> Command:
    return click.option(
        "--also", type=click.Choice([each.value for each in Edition]),
        help="A further edition to judge by: the report tells what it would change.",
    )(command)  # fmt: skip


def page_options(command: Command) -> Command:
    """How one page is asked for."""
    for option in (credentials_options, contact_option, document_options):
        command = option(command)
    return command


def document_options(command: Command) -> Command:
    """What one page may cost, and where it may be."""
    limits = Limits(contact="")
    for option in (
        private_option,
        click.option("--max-bytes", type=click.IntRange(1), default=limits.bytes, show_default=True,
                     metavar="N", help="Size of one document."),
        click.option("--page-seconds", type=Finite(1), default=limits.page_seconds, show_default=True,
                     metavar="SECONDS", help="Time for auditing one page."),
        click.option("--timeout", type=Finite(0.1), default=limits.timeout, show_default=True,
                     metavar="SECONDS", help="Time for one answer while exploring."),
    ):  # fmt: skip
        command = option(command)
    return command


def pace_options(command: Command) -> Command:
    """How often a host is asked."""
    limits = Limits(contact="")
    for option in (
        click.option("--delay", type=Finite(0, 3600), default=limits.delay, show_default=True,
                     metavar="SECONDS", envvar="JISWEEP_DELAY",
                     help="Least time between two requests or pages on one host; 0 for your own servers."),
        click.option("--per-host", type=click.IntRange(1, 16), default=limits.per_host, show_default=True,
                     metavar="N", help="Requests, or pages in the browser, at one time on one host."),
    ):  # fmt: skip
        command = option(command)
    return command


def manners_options(command: Command) -> Command:
    """How a site is asked, as its settings may keep it."""
    limits = Limits(contact="")
    for option in (
        click.option("--fresh/--carry", default=limits.fresh,
                     help="Read and audit all pages anew, or carry the results of unchanged ones from the site's "
                          "last sweep.  [default: carry]"),
        click.option("--obey-meta-robots/--note-meta-robots", default=limits.obey_meta_robots,
                     help="Obey noindex and nofollow of pages, or only note them.  [default: note]"),
        click.option("--stop-outside-window/--wait-outside-window", "stop_outside", default=limits.stop_outside,
                     help="When the window closes, stop (resume goes on) or wait.  [default: wait]"),
        click.option("--window", metavar="WHEN", default=limits.window,
                     help="When pages may be begun, by Tokyo's clock: '22:00-06:00', 'sat,sun', "
                          "'mon-fri 22:00-06:00; sat,sun'.  [default: always]"),
        pace_options,
    ):  # fmt: skip
        command = option(command)
    return command


def scope_options(command: Command) -> Command:
    """Which addresses belong to a site, as its settings may keep it."""
    for option in (
        click.option("--exclude", multiple=True, metavar="PATTERN=REASON",
                     help="Leave addresses out, with a reason that the report shows: '/calendar/*=endless'."),
        click.option("--include", multiple=True, metavar="PATTERN",
                     help="Widen the scope: '/other/*' or 'https://host/*'.  "
                          "[default: the start address's directory and below]"),
    ):  # fmt: skip
        command = option(command)
    return command


def crawl_options(command: Command) -> Command:
    """How far exploring goes, and how it behaves."""
    for option in (page_options, manners_options, reach_options, scope_options):
        command = option(command)
    return command


def reach_options(command: Command) -> Command:
    """How far exploring goes."""
    limits = Limits(contact="")
    for option in (
        click.option("--recheck", type=Percent(), default=100 * limits.recheck, show_default=True, metavar="PERCENT",
                     help="Share of the pages with a carried result that is audited all the same."),
        click.option("--max-addresses", type=click.IntRange(1), default=limits.addresses, show_default=True,
                     metavar="N", help="Addresses to ask for while exploring."),
        click.option("--max-depth", type=click.IntRange(0), default=limits.depth, show_default=True,
                     metavar="N", help="Links from the start page."),
        click.option("--max-pattern", type=click.IntRange(1), default=limits.pattern, show_default=True,
                     metavar="N", help="Addresses that differ only in the values of their query."),
        click.option("--max-seconds", type=Finite(1), default=limits.seconds, show_default=True,
                     metavar="SECONDS", help="Time for exploring."),
        click.option("--widen", multiple=True, metavar="PATTERN",
                     help="Addresses that no budget for patterns and no suspicion of a trap holds back."),
        click.option("--open-menus", "menus", is_flag=True,
                     help="Open menus in the browser, where nothing can be sent, to find the links behind them."),
        click.option("--seeds", multiple=True, type=click.Path(path_type=Path), metavar="FILE",
                     help="Further addresses to begin with: a list, a CSV file or a sitemap."),
    ):  # fmt: skip
        command = option(command)
    return command


def limits_of(given: dict[str, Any]) -> Limits:
    """The limits that a command line gives; those that its command has no option for stay. Raises UsageError."""
    check_limits(given)
    return Limits(**limits_in(given))


def limits_in(given: dict[str, Any]) -> dict[str, Any]:
    """The values of limits among options, by the names of Limits. Raises UsageError for patterns that cannot be read."""
    names = {each.name: each.name for each in fields(Limits)} | {
        each: f"max_{each}" for each in ("addresses", "depth", "seconds", "bytes", "pattern")
    }
    found = {limit: given[option] for limit, option in names.items() if option in given}
    return found | ({"widen": _patterns(found["widen"])} if "widen" in found else {})


def check_limits(given: dict[str, Any]) -> None:
    """Refuse a contact or a window that cannot be used. Raises UsageError."""
    contact = given.get("contact", "")
    if not (contact.isascii() and contact.isprintable()):
        raise UsageError(
            ja=f"連絡先 {contact!r} には半角の英数字と記号だけを使ってください（HTTP ヘッダーで送るため）。",
            en=f"The contact {contact!r} must be printable ASCII: it is sent in an HTTP header.",
        )
    try:
        Windows.parse(given.get("window", ""))
    except ValueError as error:
        raise UsageError(
            ja=f"--window が読めません: {error}（例: --window 'mon-fri 22:00-06:00; sat,sun'）",
            en=f"--window cannot be read: {error} (such as --window 'mon-fri 22:00-06:00; sat,sun').",
        ) from error


def typed() -> set[str]:
    """The names of the options that stand on this command line, not in the environment or by default."""
    context = click.get_current_context()
    return {name for name in context.params if context.get_parameter_source(name) is ParameterSource.COMMANDLINE}


async def with_site_settings(database: Database, address: str, given: dict[str, Any]) -> dict[str, Any]:
    """What was given, with what the site at an address keeps in place of what was not typed."""
    kept, mine = await site_settings(database, address), typed()
    return given | {name: value for name, value in kept.items() if name in given and name not in mine}


def plan_of(start: str, given: dict[str, Any]) -> Plan:
    """The plan that a command line gives, for a start address that was reached. Raises UsageError."""
    scope = scope_around(start, given["include"], given["exclude"])
    edition, also = Edition(given.get("edition", "jis2016")), given.get("also")
    check_also(given)
    signed_in = given["sign_ins"].within(scope).origins
    return Plan(
        scope=scope,
        limits=limits_of({**given, "signed_in": signed_in}),
        seeds=tuple(address for file in given["seeds"] for address in read_seeds(file)),
        **choice_of(start, given),
        edition=edition,
        also=Edition(also) if also else None,
        level=Level(given.get("level", "AA")),
        survey=given.get("survey", False),
    )


def check_also(given: dict[str, Any]) -> None:
    """Raises UsageError for a further edition that is none."""
    also = given.get("also")
    if also is not None and also == given.get("edition", "jis2016"):
        raise UsageError(
            ja=f"--also には --edition（{also}）と別の版を指定してください。",
            en=f"--also needs another edition than --edition ({also}).",
        )


def _patterns(patterns: tuple[str, ...]) -> tuple[str, ...]:
    for pattern in patterns:
        try:
            check_pattern(pattern)
        except ValueError as error:
            raise UsageError(ja=f"--widen が読めません: {error}", en=f"--widen cannot be read: {error}") from error
    return patterns


def scope_around(start: str, includes: tuple[str, ...], excludes: tuple[str, ...]) -> Scope:
    """The scope that the patterns give. Raises UsageError naming the pattern that cannot be read."""
    try:
        return Scope.around(start, includes=includes, exclusions=tuple(Exclusion.parse(each) for each in excludes))
    except ValueError as error:
        raise UsageError(
            ja=f"--include / --exclude が読めません: {error}（例: --exclude '/calendar/*=終わりのない行事予定'）",
            en=f"--include or --exclude cannot be read: {error} (such as --exclude '/calendar/*=endless').",
        ) from error


def start_of(text: str) -> str:
    """The canonical start address of what was typed. Raises UsageError."""
    if PASSWORD.match(text.strip()):
        raise UsageError(
            ja="アドレスに名前やパスワードを書かないでください（他の利用者に見えます）。--credentials のファイルに書きます。",
            en="Write no name or password into the address, where others can see it: give a file with --credentials.",
        )
    address = canonical(text.strip())
    if address is None:
        raise UsageError(
            ja=f"「{text}」はサイトのアドレスとして読めません。https:// から書いてください（例: https://www.example.lg.jp/）。",
            en=f"{text!r} is no address of a site: write it from https:// on, as in https://www.example.lg.jp/.",
        )
    if len(address) > LONGEST:
        raise UsageError(
            ja=f"サイトのアドレスが {LONGEST} 文字を超えるので、記録できません: {address[:80]}…",
            en=f"An address of more than {LONGEST} characters cannot be kept: {address[:80]}...",
        )
    return address


def _this_user() -> str:
    return f"{getpass.getuser()}@{socket.gethostname()}"
