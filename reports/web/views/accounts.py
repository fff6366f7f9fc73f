"""Accounts: made, invited, changed, given roles, signed out, closed and opened again."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from audits.organisations import tree
from db.errors import UsageError
from db.tables import Account, Invitation, RoleGrant, Token, Trail
from db.types import now
from db.words import Done, Role
from reports.access import accounts, sessions, tokens
from reports.access.accounts import Grant
from reports.access.rights import May
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Act, Cell, Column, Listing
from reports.web.reaches import Places
from reports.web.views.administration import HOME, way

router = APIRouter()
ALL = f"{HOME}/accounts"
Text = Annotated[str, Form(max_length=1000)]


@router.get(ALL)
async def everybody(asked: Reader) -> Response:
    """All accounts in a table."""
    asked.needs(May.ADMINISTER)
    say = asked.language.say
    async with asked.reading() as connection:
        places, grants = Places(await tree(connection)), await _all_grants(connection)
    listing = Listing(
        asked=asked, id="accounts", caption=say("web.accounts.caption"), sort="name", last=(Account.id,),
        columns=_columns(asked, places, grants), query=_query(),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return asked.page("accounts.html", say("web.accounts.title"), crumbs=way(asked), accounts=part)


async def _all_grants(connection: AsyncConnection) -> dict[int, list[Grant]]:
    query = sa.select(RoleGrant.account_id, RoleGrant.role, RoleGrant.organisation_id, RoleGrant.site_id)
    found: dict[int, list[Grant]] = {}
    for account, role, organisation, site in await connection.execute(query.order_by(RoleGrant.id)):
        found.setdefault(account, []).append(Grant(role=role, organisation=organisation, site=site))
    return found


def _state() -> sa.ColumnElement[str]:
    links = sa.select(Invitation.account_id).where(Invitation.used_at.is_(None), Invitation.ends_at > now())
    return sa.case(
        (Account.closed_at.is_not(None), "closed"),
        (Account.password.is_not(None), "password"),
        (Account.subject.is_not(None), "directory"),
        (Account.id.in_(links), "invited"),
        else_="none",
    )


def _query() -> sa.Select[*tuple[Any, ...]]:
    last = sa.select(sa.func.max(Trail.at)).where(Trail.account_id == Account.id, Trail.done == Done.SIGNED_IN)
    return sa.select(
        Account.id, Account.name.label("name"), Account.person.label("person"), Account.email.label("email"),
        _state().label("state"), last.scalar_subquery().label("signed_in"),
    )  # fmt: skip


def _columns(asked: Asked, places: Places, grants: dict[int, list[Grant]]) -> list[Column]:
    language, say = asked.language, asked.language.say

    def signed_in(row: Any) -> Cell:
        at = row.signed_in
        return Cell(text=language.moment(at), value=at) if at else Cell(text=say("web.accounts.never"), value="")

    return [
        Column(
            key="name", heading=say("web.accounts.name"), is_head=True,
            cell=lambda row: Cell(text=row.name, href=f"{ALL}/{row.id}"),
        ),
        Column(key="person", heading=say("web.accounts.person"), cell=lambda row: Cell(text=row.person)),
        Column(
            key="roles", heading=say("web.accounts.roles"), sorts=False,
            cell=lambda row: Cell(text=places.texts(grants.get(row.id, ()), language)),
        ),
        Column(
            key="state", heading=say("web.accounts.state"),
            cell=lambda row: Cell(text=say(f"web.accounts.states.{row.state}")),
        ),
        Column(key="signed_in", heading=say("web.accounts.signed_in"), cell=signed_in),
        Column(key="email", heading=say("web.accounts.email"), cell=lambda row: Cell(text=row.email or "")),
    ]  # fmt: skip


@router.get(f"{ALL}/new")
async def form(asked: Reader) -> Response:
    """The form of a new account."""
    asked.needs(May.ADMINISTER)
    return await _new(asked)


async def _new(asked: Asked, error: str = "", **kept: str) -> Response:
    async with asked.reading() as connection:
        places = Places(await tree(connection))
    say = asked.language.say
    crumb = Crumb(name=say("web.accounts.title"), href=ALL)
    empty = {"name": "", "person": "", "email": "", "role": Role.READER.value, "where": ""}
    return asked.page(
        "account_new.html", say("web.accounts.new"), crumbs=way(asked, crumb), status=400 if error else 200,
        error=error, kept=empty | kept, reaches=places, roles=list(Role),
    )  # fmt: skip


@router.post(ALL)
async def make(
    asked: Reader, name: Text = "", person: Text = "", email: Text = "", role: Text = "", where: Text = ""
) -> Response:
    """Make an account, with its first role and the link that it signs in with first."""
    asked.needs(May.ADMINISTER)
    try:
        async with asked.reading() as connection:
            places = Places(await tree(connection))
        grant = places.grant(role, where)
        async with asked.database.writing() as connection:
            account = await accounts.make_account(connection, name, person, [grant], email=email)
            about, roles = f"{ALL}/{account}", [_kept(grant, places)]
            await asked.leave(connection, Done.ACCOUNT_CHANGED, about, act="made", name=name, roles=roles)
    except UsageError as error:
        told = error.line(asked.language.lang)
        return await _new(asked, told, name=name, person=person, email=email, role=role, where=where)
    return RedirectResponse(f"{ALL}/{account}?done=account_made", 303)


def _kept(grant: Grant, places: Places) -> str:
    """A grant as the trail keeps it, in words that no language changes."""
    where = places.where(grant)
    return f"{grant.role.value} {places.organisations.get(where) or places.sites.get(where) or '*'}"


@router.get(f"{ALL}/{{account}}")
async def one(asked: Reader, account: int) -> Response:
    """An account, with all that can be done to it."""
    asked.needs(May.ADMINISTER)
    return await _page(asked, account)


async def _page(
    asked: Asked, account: int, *, error: str = "", form: str = "", link: str = "", **kept: str
) -> Response:  # fmt: skip
    at = now()
    async with asked.reading() as connection:
        row = (await connection.execute(_query().where(Account.id == account))).one_or_none()
        if row is None:
            raise Refused(404)
        places = Places(await tree(connection))
        grants = await accounts.grants_of(connection, account)
        running = len(await sessions.of_account(connection, account, at))
        serving = sa.select(sa.func.count()).where(Token.account_id == account, Token.ended_at.is_(None))
        serving_tokens = await connection.scalar(serving.where(Token.ends_at > at))
        listing = _roles(asked, account, grants, places)
        roles = await listing.part(connection)
    if file := listing.file():
        return file
    say = asked.language.say
    crumb = Crumb(name=say("web.accounts.title"), href=ALL)
    known = {
        "name": row.name,
        "person": row.person,
        "email": row.email or "",
        "role": Role.READER.value,
        "where": "",
    }
    response = asked.page(
        "account.html", row.name, crumbs=way(asked, crumb), status=400 if error else 200, account=row, roles=roles,
        kept=known | kept, error=error, form=form, link=link, reaches=places, all_roles=list(Role), sessions=running,
        tokens=serving_tokens, href=f"{ALL}/{account}", mine=account == asked.who.account,
    )  # fmt: skip
    if link:
        response.headers["Cache-Control"] = "no-store"
    return response


def _roles(asked: Asked, account: int, grants: list[Grant], places: Places) -> Listing:
    language, say = asked.language, asked.language.say

    def act(grant: Grant) -> Cell:
        values = {"role": grant.role.value, "where": places.where(grant)}
        about = places.text(grant, language)
        href = f"{ALL}/{account}/roles/end"
        return Cell(text="", act=Act(label=say("web.accounts.take"), href=href, about=about, values=values))

    return Listing(
        asked=asked, id="roles", caption=say("web.accounts.roles_caption"), sort="role", rows=grants,
        path=f"{ALL}/{account}",
        columns=[
            Column(
                key="role", heading=say("web.accounts.role"), is_head=True,
                cell=lambda grant: Cell(text=say(f"web.access.role.{grant.role.value}")),
            ),
            Column(
                key="where", heading=say("web.accounts.where"),
                cell=lambda grant: Cell(text=places.name(grant, language)),
            ),
            Column(key="act", heading=say("web.accounts.act"), cell=act, sorts=False, in_files=False),
        ],
    )  # fmt: skip


@router.post(f"{ALL}/{{account}}")
async def change(asked: Reader, account: int, name: Text = "", person: Text = "", email: Text = "") -> Response:
    """Change what an account is called."""
    asked.needs(May.ADMINISTER)
    try:
        async with _changing(asked, account, "named", name=name, person=person) as connection:
            await accounts.rename(connection, account, name, person, email)
    except UsageError as error:
        told = error.line(asked.language.lang)
        return await _page(asked, account, error=told, form="names", name=name, person=person, email=email)
    return _done(account, "saved")


@router.post(f"{ALL}/{{account}}/roles")
async def give(asked: Reader, account: int, role: Text = "", where: Text = "") -> Response:
    """Give a further role."""
    return await _regrant(asked, account, role, where, is_taken=False)


@router.post(f"{ALL}/{{account}}/roles/end")
async def take(asked: Reader, account: int, role: Text = "", where: Text = "") -> Response:
    """Take a role away."""
    return await _regrant(asked, account, role, where, is_taken=True)


async def _regrant(asked: Asked, account: int, role: str, where: str, *, is_taken: bool) -> Response:
    asked.needs(May.ADMINISTER)
    async with asked.reading() as connection:
        places = Places(await tree(connection))
    try:
        grant = places.grant(role, where)
        act = "role_taken" if is_taken else "role_given"
        async with _changing(asked, account, act, role=_kept(grant, places)) as connection:
            others = [each for each in await accounts.grants_of(connection, account) if each != grant]
            await accounts.change_grants(connection, account, others if is_taken else [*others, grant])
    except UsageError as error:
        told = error.line(asked.language.lang)
        return await _page(asked, account, error=told, form="roles", role=role, where=where)
    return _done(account, "saved")


@router.post(f"{ALL}/{{account}}/invite")
async def invite(asked: Reader, account: int) -> Response:
    """Make a one-time link, and show it once."""
    asked.needs(May.ADMINISTER)
    try:
        async with _changing(asked, account, None, done=Done.INVITED) as connection:
            is_open = sa.select(Account.closed_at.is_(None)).where(Account.id == account)
            if not await connection.scalar(is_open):
                raise UsageError(
                    ja="閉じた利用者です。先に、また開いてください。",
                    en="The account is closed: open it again first.",
                )
            secret = await accounts.invite(connection, account)
    except UsageError as error:
        return await _page(asked, account, error=error.line(asked.language.lang), form="invite")
    return await _page(asked, account, link=f"{asked.settings.origin}/welcome/{secret}")


@router.post(f"{ALL}/{{account}}/sign-out")
async def sign_out(asked: Reader, account: int) -> Response:
    """End all sessions."""
    asked.needs(May.ADMINISTER)
    async with _changing(asked, account, "signed_out") as connection:
        await sessions.end_all(connection, account)
    return _done(account, "sessions_ended")


@router.post(f"{ALL}/{{account}}/tokens/end")
async def end_tokens(asked: Reader, account: int) -> Response:
    """End all tokens."""
    asked.needs(May.ADMINISTER)
    async with _changing(asked, account, None, done=Done.TOKEN_ENDED) as connection:
        await tokens.end_tokens(connection, account, now())
    return _done(account, "tokens_ended")


@router.post(f"{ALL}/{{account}}/close")
async def close(asked: Reader, account: int) -> Response:
    """Close the account."""
    asked.needs(May.ADMINISTER)
    try:
        async with _changing(asked, account, "closed") as connection:
            await accounts.close(connection, account, now())
    except UsageError as error:
        return await _page(asked, account, error=error.line(asked.language.lang), form="close")
    return _done(account, "account_closed")


@router.post(f"{ALL}/{{account}}/reopen")
async def reopen(asked: Reader, account: int) -> Response:
    """Open it again."""
    asked.needs(May.ADMINISTER)
    async with _changing(asked, account, "reopened") as connection:
        await accounts.reopen(connection, account)
    return _done(account, "saved")


@asynccontextmanager
async def _changing(
    asked: Asked, account: int, act: str | None, *, done: Done = Done.ACCOUNT_CHANGED, **details: Any
) -> AsyncIterator[AsyncConnection]:
    """A transaction that changes an account that there is, with its line in the trail. Raises Refused."""
    told = {**({"act": act} if act else {}), **details}
    async with asked.writing(done, about=f"{ALL}/{account}", **told) as connection:
        if await connection.scalar(sa.select(Account.id).where(Account.id == account)) is None:
            raise Refused(404)
        yield connection


def _done(account: int, word: str) -> Response:
    return RedirectResponse(f"{ALL}/{account}?done={word}", 303)
