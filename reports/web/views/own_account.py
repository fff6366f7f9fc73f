"""One's own account: password, sessions, and tokens for programs."""

from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from audits.organisations import tree
from db.errors import UsageError
from db.tables import Account, Token
from db.types import now
from db.words import Done, Telling
from reports.access import accounts, passwords, sessions, tokens, tries
from reports.access.rights import May
from reports.access.secrets import digest_of
from reports.access.trail import leave
from reports.language import LANGUAGES
from reports.notices import subscriptions
from reports.web.asking import Asked, Reader, Refused, client_of
from reports.web.listing import Act, Cell, Column, Listing
from reports.web.reaches import Places
from reports.web.signing_in import begin_session, give_cookie

router = APIRouter()
HERE = "/account"
DAYS = (30, 90, 180, 365)
Text = Annotated[str, Form(max_length=1000)]


@router.get(HERE)
async def account(asked: Reader) -> Response:
    """All of it on one page."""
    return await _page(asked)


async def _page(
    asked: Asked, *, error: str = "", form: str = "", status: int = 400, token: str = "", **kept: Any
) -> Response:  # fmt: skip
    say, at = asked.language.say, now()
    acts = [act for act in May if asked.who.may(act)]
    async with asked.reading() as connection:
        places = Places(await tree(connection))
        mine = sa.select(Account.email, Account.password, Account.subject).where(Account.id == asked.who.account)
        row = (await connection.execute(mine)).one()
        grants = await accounts.grants_of(connection, asked.who.account)
        running = await sessions.of_account(connection, asked.who.account, at)
        mine_now, my_tokens = _sessions(asked, running), _tokens(asked)
        told = await subscriptions.of_account(connection, asked.who.account)
        spoken = await subscriptions.language_of(connection, asked.who.account) or asked.language.lang
        running_part, tokens_part = await mine_now.part(connection), await my_tokens.part(connection)
    if file := mine_now.file() or my_tokens.file():
        return file
    response = asked.page(
        "own_account.html", say("web.account.title"), status=status if error else 200, error=error, form=form,
        token=token, roles=[places.text(each, asked.language) for each in grants], email=row.email,
        has_password=row.password is not None, has_subject=row.subject is not None, sessions=running_part,
        tokens=tokens_part, acts=acts, days=DAYS, kept={"name": "", "scopes": [May.READ], "days": 90} | kept,
        prefix=tokens.PREFIX, kinds=list(Telling), told=told, spoken=spoken, sends=asked.settings.notices is not None,
    )  # fmt: skip
    if token:
        response.headers["Cache-Control"] = "no-store"
    return response


def _sessions(asked: Asked, rows: list[Any]) -> Listing:
    language, say = asked.language, asked.language.say
    secret = asked.request.cookies.get(asked.settings.cookie, "")

    def which(row: Any) -> Cell:
        is_this = row.digest == digest_of(secret)
        return Cell(text=say("web.account.this") if is_this else say("web.account.other"))

    def act(row: Any) -> Cell:
        about = language.moment(row.created_at)
        values = {"session": row.digest}
        return Cell(
            text="", act=Act(label=say("web.account.end"), href=f"{HERE}/sessions/end", about=about, values=values)
        )

    return Listing(
        asked=asked, id="sessions", caption=say("web.account.sessions_caption"), sort="-seen", rows=rows,
        path=HERE,
        columns=[
            Column(
                key="began", heading=say("web.account.began"), is_head=True,
                cell=lambda row: Cell(text=language.moment(row.created_at), value=row.created_at),
            ),
            Column(
                key="seen", heading=say("web.account.seen"),
                cell=lambda row: Cell(text=language.moment(row.seen_at), value=row.seen_at),
            ),
            Column(key="address", heading=say("web.account.address"), cell=lambda row: Cell(text=row.address or "")),
            Column(key="which", heading=say("web.account.which"), cell=which),
            Column(key="act", heading=say("web.accounts.act"), cell=act, sorts=False, in_files=False),
        ],
    )  # fmt: skip


def _tokens(asked: Asked) -> Listing:
    language, say, at = asked.language, asked.language.say, now()
    query = sa.select(
        Token.id, Token.name.label("name"), Token.scopes, Token.created_at.label("made"), Token.ends_at.label("ends"),
        Token.used_at.label("used"), Token.ended_at,
    ).where(Token.account_id == asked.who.account)  # fmt: skip

    def scopes(row: Any) -> Cell:
        told = language.say("common.comma").join(language.word("web.access.may", each) for each in row.scopes)
        return Cell(text=told)

    def used(row: Any) -> Cell:
        if row.used is None:
            return Cell(text=say("web.account.unused"), value="")
        return Cell(text=language.moment(row.used), value=row.used)

    def act(row: Any) -> Cell:
        if row.ended_at is not None or row.ends <= at:
            return Cell(text=say("web.account.ended"))
        return Cell(
            text="", act=Act(label=say("web.account.end"), href=f"{HERE}/tokens/{row.id}/end", about=row.name)
        )

    return Listing(
        asked=asked, id="tokens", caption=say("web.account.tokens_caption"), sort="-made", query=query,
        last=(Token.id,), path=HERE,
        columns=[
            Column(key="name", heading=say("web.account.token_name"), is_head=True, cell=lambda row: Cell(text=row.name)),
            Column(key="scopes", heading=say("web.account.scopes"), sorts=False, cell=scopes),
            Column(
                key="made", heading=say("web.account.made"),
                cell=lambda row: Cell(text=language.day(row.made), value=row.made),
            ),
            Column(
                key="ends", heading=say("web.account.ends"),
                cell=lambda row: Cell(text=language.day(row.ends), value=row.ends),
            ),
            Column(key="used", heading=say("web.account.used"), cell=used),
            Column(key="act", heading=say("web.accounts.act"), cell=act, sorts=False, in_files=False),
        ],
    )  # fmt: skip


@router.post(f"{HERE}/password")
async def change_password(asked: Reader, present: Text = "", password: Text = "", again: Text = "") -> Response:
    """Change the password: asked for the present one, all other sessions end. Wrong tries count as those of signing in."""
    at, client, name = now(), client_of(asked.request), asked.who.name
    say = asked.language.say
    async with asked.reading() as connection:
        known = await accounts.account_for(connection, name)
        many = await tries.too_many(connection, name, client, at)
    is_right = not many and await passwords.fits(known.password if known else None, present)
    async with asked.database.writing() as connection:
        await tries.one_at_a_time(connection)  # many at once must not all have passed the same count
        if many := many or await tries.too_many(connection, name, client, at):
            is_right = False
        elif not is_right:
            await leave(connection, Done.SIGN_IN_REFUSED, name, account=asked.who.account, address=client)
    if many:
        return await _page(asked, error=say("web.sign_in.many"), form="password", status=429)
    if not is_right:
        return await _page(asked, error=say("web.account.wrong_password"), form="present", status=403)
    try:
        if password != again:
            raise UsageError(ja="2 つのパスワードが違います。", en="The two passwords differ.")
        kept = await passwords.hashed(password)
    except UsageError as error:
        return await _page(asked, error=error.line(asked.language.lang), form="password")
    async with asked.writing(Done.PASSWORD_SET) as connection:
        await accounts.set_password(connection, asked.who.account, kept)
        secret = await begin_session(asked, connection, asked.who.account, at)
    response = RedirectResponse(f"{HERE}?done=password_set", 303)
    give_cookie(response, asked.settings, secret)
    return response


@router.post(f"{HERE}/notices")
async def change_notices(
    asked: Reader, kinds: Annotated[list[str] | None, Form()] = None, lang: Text = ""
) -> Response:
    """Be told of these kinds, of all that one may read, and of no others."""
    if not set(kinds or ()) <= set(Telling) or lang not in LANGUAGES:
        raise Refused(400)
    wanted, at = [each for each in Telling if each in (kinds or ())], now()
    async with asked.writing(Done.NOTICES_CHANGED, kinds=[each.value for each in wanted]) as connection:
        await subscriptions.choose(connection, asked.who.account, wanted, lang, asked.who.person, at)
    return RedirectResponse(f"{HERE}?done=notices_saved#notices", 303)


@router.post(f"{HERE}/sessions/end")
async def end_session(asked: Reader, session: Text = "") -> Response:
    """End a session of one's own; of one that is over already, nothing is said."""
    async with asked.writing(Done.SIGNED_OUT, act="session") as connection:
        await sessions.end_one(connection, asked.who.account, session)
    return RedirectResponse(f"{HERE}?done=session_ended", 303)


@router.post(f"{HERE}/tokens")
async def make_token(
    asked: Reader,
    name: Text = "",
    scopes: Annotated[list[str] | None, Form()] = None,
    days: Text = "",
) -> Response:
    """Make a token, and show it once."""
    scopes = scopes or []
    chosen = int(days) if days.isascii() and days.isdecimal() and len(days) < 9 else 0
    try:
        details: dict[str, Any] = {"name": name, "scopes": scopes[: len(May)], "days": chosen}
        async with asked.writing(Done.TOKEN_MADE, **details) as connection:
            _, secret = await tokens.make_token(connection, asked.who, name, scopes, chosen, now())
    except UsageError as error:
        told = error.line(asked.language.lang)
        return await _page(asked, error=told, form="token", name=name, scopes=scopes, days=chosen)
    return await _page(asked, token=secret)


@router.post(f"{HERE}/tokens/{{token}}/end")
async def end_token(asked: Reader, token: int) -> Response:
    """End a token of one's own."""
    async with asked.writing(Done.TOKEN_ENDED, token=token) as connection:
        await tokens.end_token(connection, asked.who.account, token, now())
    return RedirectResponse(f"{HERE}?done=token_ended", 303)
