"""Signing in and out, the link that sets a password, and the choices of language and look."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Form
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import RedirectResponse, Response

from db.errors import UsageError
from db.types import now
from db.words import Done
from reports.access import accounts, passwords, sessions, tries
from reports.access.secrets import digest_of
from reports.access.trail import leave
from reports.language import LANGUAGES
from reports.web.asking import SIZES, THEMES, Anyone, Asked, client_of, local
from reports.web.settings import WebSettings

A_YEAR = 365 * 24 * 3600

router = APIRouter()


def give_cookie(response: Response, settings: WebSettings, secret: str) -> None:
    """Have the browser keep a session's secret until it is closed, where no script reads it."""
    response.set_cookie(settings.cookie, secret, path="/", secure=settings.secure, httponly=True, samesite="lax")


@router.get("/sign-in")
async def form(asked: Anyone, next: str = "/") -> Response:
    """The form; it says nothing about which names there are."""
    if asked.rights is not None:
        return RedirectResponse(local(next), 303)
    async with asked.reading() as connection:
        first = await accounts.is_first(connection)
    return asked.page(
        "sign_in.html", asked.language.say("web.sign_in.title"), next=local(next), error="", name="", first=first
    )


@router.post("/sign-in")
async def sign_in(
    asked: Anyone, name: Annotated[str, Form(max_length=200)] = "", password: Annotated[str, Form(max_length=1000)] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:  # fmt: skip
    """Sign in by name and password; tries are few, by name and by client."""
    at, client = now(), client_of(asked.request)
    name = " ".join(name.replace("\0", " ").split())
    async with asked.reading() as connection:
        account = await accounts.account_for(connection, name)
        who = name if account else tries.nobodys(name)
        if await tries.too_many(connection, who, client, at):
            return again(asked, next, name, "web.sign_in.many", 429)
    is_right = await passwords.fits(account.password if account else None, password)
    async with asked.database.writing() as connection:
        await tries.one_at_a_time(connection)
        if await tries.too_many(connection, who, client, at):
            return again(asked, next, name, "web.sign_in.many", 429)
        if account is None or not is_right or account.closed_at is not None:
            await leave(connection, Done.SIGN_IN_REFUSED, who, address=client)
            secret = None
        else:
            await leave(connection, Done.SIGNED_IN, name, account=account.id, address=client)
            secret = await begin_session(asked, connection, account.id, at)
    if secret is None:
        return again(asked, next, name, "web.sign_in.refused", 403)
    response = RedirectResponse(local(next), 303)
    give_cookie(response, asked.settings, secret)
    return response


async def begin_session(asked: Anyone, connection: AsyncConnection, account: int, at: datetime) -> str:
    """A new session for the browser that asks; the one that it had ends, so that none outlives a change of person."""
    if before := asked.request.cookies.get(asked.settings.cookie):
        await sessions.end(connection, before)
    return await sessions.begin(connection, account, at, client_of(asked.request))


def again(asked: Asked, next: str, name: str, why: str, status: int, *, told: str = "") -> Response:
    """The form once more, with the reason: a key of the texts, or what is `told` already."""
    say = asked.language.say
    response = asked.page(
        "sign_in.html", say("web.sign_in.title"), status=status, next=local(next), error=told or say(why), name=name,
        first=False,
    )  # fmt: skip
    if status == 429:
        response.headers["Retry-After"] = str(int(tries.WITHIN.total_seconds()))
    return response


@router.post("/sign-out")
async def sign_out(asked: Anyone) -> Response:
    """End the session, here and in the browser."""
    secret = asked.request.cookies.get(asked.settings.cookie)
    if secret and asked.rights is not None:
        async with asked.writing(Done.SIGNED_OUT) as connection:
            await sessions.end(connection, secret)
    response = RedirectResponse("/sign-in", 303)
    response.delete_cookie(
        asked.settings.cookie, path="/", secure=asked.settings.secure, httponly=True, samesite="lax"
    )
    response.headers["Clear-Site-Data"] = '"cache"'  # what was read stays behind on no shared machine
    return response


def _unkept(response: Response) -> Response:
    """A page that bears a secret stays in no cache."""
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get("/welcome/{secret}")
async def welcome(asked: Anyone, secret: str) -> Response:
    """Where a link leads that an administrator, or the first start, has given out."""
    async with asked.reading() as connection:
        account = await accounts.invited(connection, digest_of(secret), now())
    if account is None:
        return _gone(asked)
    say = asked.language.say
    return _unkept(asked.page("welcome.html", say("web.welcome.title"), account=account, secret=secret, error=""))


@router.post("/welcome/{secret}")
async def set_password(
    asked: Anyone, secret: str, password: Annotated[str, Form(max_length=1000)] = "",
    again: Annotated[str, Form(max_length=1000)] = "",
) -> Response:  # fmt: skip
    """Set the password, once, and sign in."""
    say, at = asked.language.say, now()
    async with asked.reading() as connection:
        account = await accounts.invited(connection, digest_of(secret), at)
    if account is None:
        return _gone(asked)
    try:
        if password != again:
            raise UsageError(ja="2 つのパスワードが違います。", en="The two passwords differ.")
        passwords.check_password(password)
    except UsageError as error:
        told = error.line(asked.language.lang)
        return _unkept(
            asked.page(
                "welcome.html", say("web.welcome.title"), status=400, account=account, secret=secret, error=told
            )
        )
    async with asked.database.writing() as connection:
        await accounts.accept(connection, secret, password, at)
        client = client_of(asked.request)
        await leave(connection, Done.PASSWORD_SET, account.name, account=account.id, address=client)
        session = await begin_session(asked, connection, account.id, at)
    response = RedirectResponse("/", 303)
    give_cookie(response, asked.settings, session)
    return response


def _gone(asked: Asked) -> Response:
    """A link that is none, or none any more: which of both, and whose it was, is not told."""
    say = asked.language.say
    return asked.page("problem.html", say("web.welcome.gone"), status=404, line=say("web.welcome.do_gone"))


@router.post("/choices")
async def choose(
    asked: Anyone, lang: Annotated[str, Form()] = "", theme: Annotated[str, Form()] = "", size: Annotated[str, Form()] = "",
    next: Annotated[str, Form(max_length=2000)] = "/",
) -> Response:  # fmt: skip
    """Keep how somebody likes to read, in their browser alone, and go back."""
    response = RedirectResponse(local(next), 303)
    for name, value, known in (("lang", lang, LANGUAGES), ("theme", theme, THEMES), ("size", size, SIZES)):
        if value in known:
            response.set_cookie(
                name, value, max_age=A_YEAR, path="/", secure=asked.settings.secure, httponly=True, samesite="lax"
            )
    return response
