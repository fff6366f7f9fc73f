"""`jisweep notices`: who is told of what, what was sent and what was not, and whether it arrives."""

import asyncio
import getpass
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import sqlalchemy as sa

from audits.organisations import tree
from db.database import Database
from db.errors import UsageError
from db.schema import present
from db.tables import Account, Notice
from db.types import now
from db.words import Channel, Telling
from reports.clean import one_line
from reports.cli.options import database_option, json_option, lang_option, start_of
from reports.cli.running import COMPLETE, INCOMPLETE
from reports.cli.saying import say_json
from reports.language import Language
from reports.notices import writing
from reports.notices.channels import Undelivered, deliver
from reports.notices.settings import read_notices
from reports.notices.subscriptions import Place, Subscribed, check_email, end, running, subscribe
from reports.web.reaches import Places
from reports.web.settings import WebSettings

Command = TypeVar("Command", bound=Callable[..., Any])


def notices_option(command: Command) -> Command:
    return click.option(
        "--notices", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE", envvar="JISWEEP_NOTICES",
        help="How notices are sent (TOML; see docs/operators/notices.md).",
    )(command)  # fmt: skip


def _recipient_options(command: Command) -> Command:
    for option in (
        click.option("--hook", metavar="NAME", help="A hook of the settings' file."),
        click.option("--account", metavar="NAME", help="An account with an e-mail address; it is told of what it may read."),
        click.option("--email", metavar="ADDRESS", help="An e-mail address."),
    ):  # fmt: skip
        command = option(command)
    return command


@click.group()
def notices() -> None:
    """Tell people by mail or JSON of sweeps, defects, days of repair and the week."""


@notices.command("list")
@json_option
@lang_option
@database_option
def list_notices(**given: Any) -> int:
    """All subscriptions that run, and the notices that wait or were given up."""
    asyncio.run(_list(given))
    return COMPLETE


@notices.command("subscribe")
@_recipient_options
@click.option(
    "--kind", "kinds", multiple=True, required=True, type=click.Choice([each.value for each in Telling]),
    help="What to tell of; may be repeated.",
)  # fmt: skip
@click.option("--organisation", metavar="NAME", help="Of its sites and those below it.  [default: all sites]")
@click.option("--site", metavar="URL", help="Of this site.  [default: all sites]")
@click.option(
    "--language", type=click.Choice(["ja", "en"]), default="ja", show_default=True, help="Of the notices."
)
@lang_option
@database_option
def subscribe_to(**given: Any) -> int:
    """Have somebody told of what happens from now on."""
    asyncio.run(_subscribe(given))
    return COMPLETE


@notices.command("unsubscribe")
@click.argument("number", type=int)
@lang_option
@database_option
def unsubscribe(number: int, **given: Any) -> int:
    """End the subscription NUMBER."""
    asyncio.run(_end(number, given))
    return COMPLETE


@notices.command("test")
@_recipient_options
@notices_option
@click.option(
    "--public", metavar="URL", envvar="JISWEEP_WEB_PUBLIC", default="http://localhost:8341", show_default=True,
    help="Where readers reach the web application: links begin with it.",
)  # fmt: skip
@lang_option
@database_option
def test_sending(**given: Any) -> int:
    """Send a message now, whatever the hour, and say whether it was taken; exit code 3 when not."""
    return asyncio.run(_test(given))


async def _list(given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            found = await running(connection)
            places = Places(await tree(connection))
            sent = await connection.scalar(sa.select(sa.func.count()).where(Notice.sent_at.is_not(None))) or 0
            unsent = sa.select(Notice).where(Notice.sent_at.is_(None)).order_by(Notice.id)
            rows = (await connection.execute(unsent)).all()
    if given["as_json"]:
        say_json(
            {
                "subscriptions": [_json(each, places) for each in found], "sent": sent,
                "unsent": [_unsent_json(row) for row in rows],
            }
        )  # fmt: skip
        return
    for each in found:
        told = {
            "number": str(each.id), "kind": language.say(f"notice.kind.{each.kind.value}"),
            "recipient": each.recipient or f"{each.account} {language.say('notice.line.no_address')}",
            "place": _where(each, places) or language.say("notice.all"), "lang": each.lang,
        }  # fmt: skip
        click.echo(one_line(language.say("notice.line.subscription", **told)))
    if not found:
        click.echo(language.say("notice.line.none"))
    given_up = sum(row.given_up_at is not None for row in rows)
    click.echo(language.say("notice.line.sent", sent=sent, waiting=len(rows) - given_up, given_up=given_up))
    for row in rows:
        words = {
            "number": str(row.id), "kind": language.say(f"notice.kind.{row.kind.value}"), "about": row.about,
            "recipient": row.recipient, "tries": row.tries, "error": row.error or "", "due": language.moment(row.due),
        }  # fmt: skip
        key = "waiting" if row.given_up_at is None else "given_up"
        click.echo(one_line(language.say(f"notice.line.{key}", **words)))


def _json(each: Subscribed, places: Places) -> dict[str, Any]:
    return {
        "id": each.id, "kind": each.kind.value, "channel": each.channel.value, "recipient": each.recipient,
        "account": each.account, "place": _where(each, places), "language": each.lang,
    }  # fmt: skip


def _where(each: Subscribed, places: Places) -> str | None:
    return places.organisations.get(each.place.name) or places.sites.get(each.place.name)


def _unsent_json(row: Any) -> dict[str, Any]:
    return {
        "id": row.id, "kind": row.kind.value, "about": row.about, "channel": row.channel.value, "recipient": row.recipient,
        "tries": row.tries, "due": row.due.isoformat(), "error": row.error,
        "given_up_at": row.given_up_at.isoformat() if row.given_up_at else None,
    }  # fmt: skip


async def _subscribe(given: dict[str, Any]) -> None:
    channel, name = _one_of(given)
    if given["organisation"] and given["site"]:
        raise UsageError(
            ja="--organisation と --site は、どちらか一方だけ書いてください。",
            en="Give --organisation or --site, not both.",
        )
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            known = await tree(connection)
            account = (await _account(connection, name)).id if given["account"] else None
            recipient = None if given["account"] else name
            who = f"{getpass.getuser()}@{socket.gethostname()}"
            numbers = await subscribe(
                connection, [Telling(each) for each in dict.fromkeys(given["kinds"])], channel, recipient, account=account,
                place=_place(known, given), lang=given["language"], who=who, at=now(),
            )  # fmt: skip
    told = ", ".join(map(str, numbers))
    click.echo(Language(given["lang"]).say("notice.line.subscribed", numbers=told))


def _place(known: Any, given: dict[str, Any]) -> Place:
    """Raises UsageError for an organisation or a site that there is not."""
    if given["organisation"]:
        return Place(organisation=known.named(given["organisation"]).id)
    if not given["site"]:
        return Place()
    wanted = start_of(given["site"])
    found = [site for some in known.sites.values() for site, address in some if address == wanted]
    if not found:
        raise UsageError(ja=f"サイト {wanted} がありません。", en=f"There is no site {wanted}.")
    return Place(site=found[0])


def _one_of(given: dict[str, Any]) -> tuple[Channel, str]:
    """The recipient that was named. Raises UsageError for none, or several."""
    named = [(name, given[name]) for name in ("email", "account", "hook") if given[name]]
    if len(named) != 1:
        raise UsageError(
            ja="--email、--account、--hook のどれか一つで、知らせる先を書いてください。",
            en="Name whom to tell with one of --email, --account and --hook.",
        )
    kind, name = named[0]
    return (
        (Channel.HOOK, name) if kind == "hook" else (Channel.EMAIL, check_email(name) if kind == "email" else name)
    )


async def _account(connection: Any, name: str) -> Any:
    """Raises UsageError for an account that there is not, or that has no e-mail address."""
    query = sa.select(Account.id, Account.email).where(Account.name == name, Account.closed_at.is_(None))
    found = (await connection.execute(query)).one_or_none()
    if found is None or not found.email:
        raise UsageError(
            ja=f"利用者 {name} がいないか、メールアドレスがありません。",
            en=f"There is no account {name}, or it has no e-mail address.",
        )
    return found


async def _end(number: int, given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            await end(connection, [number], now())
    click.echo(Language(given["lang"]).say("notice.line.unsubscribed", number=str(number)))


async def _test(given: dict[str, Any]) -> int:
    channel, recipient = _one_of(given)
    if given["notices"] is None:
        raise UsageError(
            ja="--notices FILE で設定を指定してください。", en="Name the settings with --notices FILE."
        )
    settings = read_notices(given["notices"], WebSettings(database="", public=given["public"]).origin)
    if given["account"]:
        async with Database(given["database"], must_exist=True) as database:
            await present(database)
            async with database.reading() as connection:
                recipient = (await _account(connection, recipient)).email
    language, at = Language(given["lang"]), now()
    name = f"test-{at:%Y%m%d%H%M%S}"
    try:
        await deliver(settings, channel, recipient, writing.trial(language), kind=None, name=name, at=at)
    except Undelivered as error:
        click.echo(f"jisweep: {error}", err=True)
        return INCOMPLETE
    click.echo(one_line(language.say("notice.line.arrived", recipient=recipient)))
    return COMPLETE
