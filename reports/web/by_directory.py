"""Signing in with the customer's directory: there by a link, and back with proof of who somebody is."""

import hmac
import logging

from fastapi import APIRouter
from starlette.responses import RedirectResponse, Response

from db.errors import UsageError
from db.types import now
from db.words import Done
from reports.access import accounts, oidc
from reports.access.directory import Directory
from reports.access.joining import NoRole, account_of
from reports.access.secrets import digest_of
from reports.access.trail import leave
from reports.web.asking import Anyone, Asked, Refused, client_of, local
from reports.web.settings import WebSettings
from reports.web.signing_in import again, begin_session, give_cookie

BACK = "/sign-in/directory/return"
LONGEST = 2000  # characters of a path to go on to: a cookie holds 4096
log = logging.getLogger("jisweep.web")
router = APIRouter()


def _cookie(settings: WebSettings) -> str:
    return f"{settings.cookie}-way"


@router.get("/sign-in/directory")
async def leave_for_it(asked: Anyone, next: str = "/") -> Response:
    """Go to the directory, to come back to a path of ours."""
    return await _leave(asked, local(next), None)


@router.get("/welcome/{secret}/directory")
async def leave_with_invitation(asked: Anyone, secret: str) -> Response:
    """Go to the directory, to join its account to the one that a link is for."""
    async with asked.reading() as connection:
        account = await accounts.invited(connection, digest_of(secret), now())
    if account is None:
        raise Refused(404)
    return await _leave(asked, "/", digest_of(secret))


async def _leave(asked: Asked, next_path: str, invitation: str | None) -> Response:
    directory = _directory(asked)
    way = oidc.new_way(next_path if len(next_path) <= LONGEST else "/", invitation, now())
    try:
        address = await oidc.address_to_go(directory, way, asked.settings.origin + BACK)
    except oidc.Unproven as error:
        log.warning("directory: %s", error)
        return again(asked, next_path, "", "web.sign_in.directory_away", 503)
    response = RedirectResponse(address, 303)
    response.set_cookie(
        _cookie(asked.settings), oidc.sealed(directory, way), max_age=int(oidc.LASTS.total_seconds()), path="/",
        secure=asked.settings.secure, httponly=True, samesite="lax",
    )  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


@router.get(BACK)
async def come_back(
    asked: Anyone, code: str = "", state: str = "", error: str = "", iss: str | None = None
) -> Response:  # fmt: skip
    """Check what the directory says, and sign its person in. The way serves once: its cookie ends whatever comes of it."""
    response = await _come_back(asked, code, state, error, iss)
    response.delete_cookie(
        _cookie(asked.settings), path="/", secure=asked.settings.secure, httponly=True, samesite="lax"
    )
    response.headers["Cache-Control"] = "no-store"
    return response


async def _come_back(asked: Asked, code: str, state: str, error: str, issuer: str | None) -> Response:
    directory, at = _directory(asked), now()
    way = oidc.unsealed(directory, asked.request.cookies.get(_cookie(asked.settings), ""), at)
    if way is None or not hmac.compare_digest(way.state.encode(), state.encode()):
        # no line in the trail: any other site can have a browser ask for this
        return again(asked, "/", "", "web.sign_in.directory_over", 400)
    if error or not code:
        await _refused(asked, "-", f"the directory refused: {error}"[:200])
        return again(asked, way.next, "", "web.sign_in.directory_refused", 403)
    try:
        claims = await oidc.claims_of(directory, way, code, issuer, asked.settings.origin + BACK)
    except oidc.Unproven as unproven:
        log.warning("directory: %s", unproven)
        away = isinstance(unproven, oidc.Unreachable)
        await _refused(asked, "-", str(unproven)[:200])
        key = "web.sign_in.directory_away" if away else "web.sign_in.directory_unproven"
        return again(asked, way.next, "", key, 503 if away else 403)
    try:
        secret = await _sign_in(asked, directory, claims, way)
    except UsageError as refusal:
        await _refused(asked, str(claims.get(directory.name) or claims["sub"])[:200], refusal.en)
        return again(asked, way.next, "", "", 403, told=refusal.line(asked.language.lang))
    answer = RedirectResponse(local(way.next), 303)
    give_cookie(answer, asked.settings, secret)
    return answer


async def _sign_in(asked: Asked, directory: Directory, claims: dict[str, object], way: oidc.Way) -> str:
    """The secret of a new session. Raises UsageError for somebody who does not get in."""
    at, client = now(), client_of(asked.request)
    lost: NoRole | None = None
    async with asked.database.writing() as connection:
        try:
            joined = await account_of(connection, directory, claims, way.invitation, at)
        except NoRole as error:
            lost = error
        else:
            about = f"/administration/accounts/{joined.account}"
            for act in joined.acts:
                await leave(
                    connection, Done.ACCOUNT_CHANGED, joined.name, account=joined.account, address=client, about=about,
                    act=f"directory_{act}",
                )  # fmt: skip
            await leave(
                connection, Done.SIGNED_IN, joined.name, account=joined.account, address=client, by="directory"
            )
            secret = await begin_session(asked, connection, joined.account, at)
    if lost is not None:
        raise lost
    return secret


async def _refused(asked: Asked, who: str, why: str) -> None:
    async with asked.database.writing() as connection:
        await leave(
            connection, Done.SIGN_IN_REFUSED, f"(directory) {who}", address=client_of(asked.request), by="directory",
            why=why,
        )  # fmt: skip


def _directory(asked: Asked) -> Directory:
    if asked.directory is None:
        raise Refused(404)
    return asked.directory
