"""`jisweep account`: who may use the web application, for whoever sits at its machine; also when the last password is lost."""

import asyncio
import getpass
import socket
from collections.abc import Callable
from typing import Any, TypeVar

import click
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import Tree, tree
from db.database import Database
from db.errors import UsageError
from db.schema import present, ready
from db.tables import Account
from db.types import now
from db.words import Done
from reports.access import accounts
from reports.access.accounts import Grant
from reports.access.trail import leave
from reports.clean import one_line
from reports.cli.options import database_option, json_option, lang_option, start_of
from reports.cli.running import COMPLETE
from reports.cli.saying import say_json
from reports.language import Language
from reports.web.reaches import Places
from reports.web.settings import WebSettings

Command = TypeVar("Command", bound=Callable[..., Any])


def _public_option(command: Command) -> Command:
    return click.option(
        "--public", metavar="URL", envvar="JISWEEP_WEB_PUBLIC", default="http://localhost:8341", show_default=True,
        help="Where readers reach the web application: the link begins with it.",
    )(command)  # fmt: skip


@click.group()
def account() -> None:
    """Accounts of the web application: list them, invite to one by a link, add one, close one."""


@account.command("list")
@json_option
@lang_option
@database_option
def list_accounts(**given: Any) -> int:
    """All accounts with their roles."""
    asyncio.run(_list(given))
    return COMPLETE


@account.command("add")
@click.argument("name")
@click.option("--person", required=True, metavar="TEXT", help="The person's name, as judgements bear it.")
@click.option("--email", metavar="TEXT", help="Their e-mail address.")
@click.option(
    "--role", "roles", multiple=True, required=True, metavar="ROLE[@WHERE]",
    help="A role: administrator, operator, manager, web_team, judge or reader. WHERE is an organisation (a path or a "
         "name) or the address of a site; without one it holds everywhere.",
)  # fmt: skip
@_public_option
@lang_option
@database_option
def add(name: str, **given: Any) -> int:
    """Make the account NAME, and print the link that sets its password."""
    asyncio.run(_add(name, given))
    return COMPLETE


@account.command("invite")
@click.argument("name")
@click.option("--reopen", is_flag=True, help="Open the account again when it is closed.")
@_public_option
@lang_option
@database_option
def invite(name: str, **given: Any) -> int:
    """Print a link that sets the password of the account NAME: for a new one, or one whose password is lost."""
    asyncio.run(_invite(name, given))
    return COMPLETE


@account.command("close")
@click.argument("name")
@lang_option
@database_option
def close(name: str, **given: Any) -> int:
    """Close the account NAME: its sessions and tokens end. The last administrator cannot be closed."""
    asyncio.run(_close(name, given))
    return COMPLETE


async def _list(given: dict[str, Any]) -> None:
    language = Language(given["lang"])
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.reading() as connection:
            places = Places(await tree(connection))
            rows = (await connection.execute(sa.select(Account).order_by(Account.name))).all()
            grants = {row.id: await accounts.grants_of(connection, row.id) for row in rows}
    if given["as_json"]:
        say_json({"accounts": [_json(row, grants[row.id], places) for row in rows]})
        return
    for row in rows:
        state = language.say(f"web.accounts.states.{_state(row)}")
        told = f"{row.name}  {row.person}  {places.texts(grants[row.id], language)}  {state}"
        click.echo(one_line(told))
    if not rows:
        click.echo(language.say("web.accounts.none_yet"))


def _state(row: Any) -> str:
    if row.closed_at is not None:
        return "closed"
    return "password" if row.password is not None else "directory" if row.subject is not None else "none"


def _json(row: Any, grants: list[Grant], places: Places) -> dict[str, Any]:
    return {
        "name": row.name, "person": row.person, "email": row.email, "state": _state(row),
        "roles": [
            {
                "role": each.role.value,
                "organisation": places.organisations.get(places.where(each)), "site": places.sites.get(places.where(each)),
            }
            for each in grants
        ],
    }  # fmt: skip


async def _add(name: str, given: dict[str, Any]) -> None:
    origin = WebSettings(database="", public=given["public"]).origin
    async with Database(given["database"]) as database:
        await ready(database)
        async with database.writing() as connection:
            known = await tree(connection)
            grants = [_grant(known, text) for text in given["roles"]]
            number = await accounts.make_account(connection, name, given["person"], grants, email=given["email"])
            secret = await accounts.invite(connection, number)
            await _leave(
                connection, Done.ACCOUNT_CHANGED, number, act="made", name=name, roles=list(given["roles"])
            )
    _say_link(origin, secret, given["lang"])


def _grant(known: Tree, text: str) -> Grant:
    """ROLE or ROLE@WHERE. Raises UsageError."""
    role, _, where = text.partition("@")
    places = Places(known)
    if not where:
        return places.grant(role, "")
    if where.startswith(("http://", "https://")):
        found = [value for value, address in places.sites.items() if address == start_of(where)]
        if not found:
            raise UsageError(ja=f"サイト {where} がありません。", en=f"There is no site {where}.")
        return places.grant(role, found[0])
    return places.grant(role, f"organisation-{known.named(where).id}")


async def _invite(name: str, given: dict[str, Any]) -> None:
    origin = WebSettings(database="", public=given["public"]).origin
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            found = await _named(connection, name)
            if found.closed_at is not None and not given["reopen"]:
                raise UsageError(
                    ja=f"利用者 {name} は閉じられています。また開くなら --reopen を付けてください。",
                    en=f"The account {name} is closed: open it again with --reopen.",
                )
            if found.closed_at is not None:
                await accounts.reopen(connection, found.id)
                await _leave(connection, Done.ACCOUNT_CHANGED, found.id, act="reopened")
            secret = await accounts.invite(connection, found.id)
            await _leave(connection, Done.INVITED, found.id)
    _say_link(origin, secret, given["lang"])


async def _close(name: str, given: dict[str, Any]) -> None:
    async with Database(given["database"], must_exist=True) as database:
        await present(database)
        async with database.writing() as connection:
            found = await _named(connection, name)
            await accounts.close(connection, found.id, now())
            await _leave(connection, Done.ACCOUNT_CHANGED, found.id, act="closed")
    click.echo(f"{name} を閉じました。" if given["lang"] == "ja" else f"{name} is closed.")


async def _named(connection: AsyncConnection, name: str) -> Any:
    found = await accounts.account_for(connection, name)
    if found is None:
        raise UsageError(
            ja=f"利用者 {name} はいません。jisweep account list で一覧を見られます。",
            en=f"There is no account {name}: jisweep account list shows them.",
        )
    return found


async def _leave(connection: AsyncConnection, done: Done, account: int, **details: Any) -> None:
    """The trail names whoever sits at the machine."""
    who = f"{getpass.getuser()}@{socket.gethostname()} (jisweep account)"
    await leave(connection, done, who, about=f"/administration/accounts/{account}", **details)


def _say_link(origin: str, secret: str, lang: str) -> None:
    told = "24 時間以内に、次のリンクでパスワードを決めてください（一度だけ使えます）:"
    click.echo(told if lang == "ja" else "Set the password within 24 hours; the link works once:")
    click.echo(f"  {origin}/welcome/{secret}")
