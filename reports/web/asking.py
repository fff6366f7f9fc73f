"""What a request brings: the database, who asks with which rights, and how they like to read."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Annotated, Any
from urllib.parse import quote, urlsplit

from fastapi import Depends, Path, Request
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.datastructures import URL
from starlette.responses import HTMLResponse
from starlette.routing import Match, Mount

from db.database import Database
from db.types import now
from db.words import Done
from reports.access import sessions
from reports.access.directory import Directory
from reports.access.rights import May, Rights, rights_of
from reports.access.trail import leave
from reports.language import LANGUAGES, Language
from reports.render import environment
from reports.web.settings import WebSettings

METHODS = {
    "GET": "GET",
    "HEAD": "GET",
    **{each: each for each in ("POST", "PUT", "PATCH", "DELETE")},
}  # each as it is answered
THEMES = ("auto", "light", "dark", "contrast")
SIZES = ("normal", "large", "larger")
PLACES = (  # of the navigation: the name of each, where it is, and what one must be allowed to do somewhere
    ("overview", "/", May.READ), ("sites", "/sites", May.READ), ("sweeps", "/sweeps", May.READ),
    ("defects", "/defects", May.READ), ("cycles", "/cycles", May.READ), ("tests", "/tests", May.READ),
    ("knowhow", "/know-how", May.READ), ("administration", "/administration", May.CONFIGURE),
)  # fmt: skip


class Refused(Exception):
    """The request cannot be answered: the HTTP status says why."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class NotSignedIn(Exception):
    """Somebody must sign in first."""


@dataclass(frozen=True, kw_only=True)
class Crumb:
    """A step of the way to a page."""

    name: str
    href: str


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A request, with what its answer needs. Choices of language and look are cookies: they need no account."""

    request: Request
    database: Database
    settings: WebSettings
    language: Language
    rights: Rights | None  # None: nobody has signed in
    directory: Directory | None = None  # where people sign in who have no password here

    @property
    def who(self) -> Rights:
        """Who has signed in; only where somebody must have."""
        assert self.rights is not None
        return self.rights

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only reads."""
        async with self.database.reading() as connection:
            yield connection

    @asynccontextmanager
    async def writing(self, done: Done, about: str | None = None, **details: Any) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes something, and leaves its line in the trail with it."""
        async with self.database.writing() as connection:
            yield connection
            await self.leave(connection, done, about, **details)

    async def leave(
        self, connection: AsyncConnection, done: Done, about: str | None = None, **details: Any
    ) -> None:  # fmt: skip
        """Leave a line in the trail, of what is known only when it has been done."""
        client = client_of(self.request)
        await leave(
            connection, done, self.who.name, account=self.who.account, address=client, about=about, **details
        )

    def needs(self, act: May, site: int | None = None) -> None:
        """Raises Refused: 404 for what the reader may not even see, 403 for what they may see and not do."""
        if site is not None and not self.who.may(May.READ, site):
            raise Refused(404)
        if not self.who.may(act, site):
            raise Refused(403)

    def page(
        self, template: str, title: str, *, crumbs: tuple[Crumb, ...] = (), status: int = 200, **values: Any
    ) -> HTMLResponse:  # fmt: skip
        """A page of the application: `title` is its heading and, with the product's name, that of the window."""
        text = (
            environment()
            .get_template(f"web/{template}")
            .render(**self._shared(), title=title, crumbs=crumbs, **values)
        )
        return HTMLResponse(text, status)

    def _shared(self) -> Mapping[str, Any]:
        language, request = self.language, self.request
        return {
            "lang": language.lang, "language": language, "say": language.say, "rights": self.rights, "May": May, "root": "/",
            "theme": chosen(request, "theme", THEMES), "size": chosen(request, "size", SIZES), "themes": THEMES,
            "sizes": SIZES, "directory": self.directory, "here": here(request), "path": request.url.path, "done": self._done(),
            "places": [(name, href) for name, href, act in PLACES if self.rights and self.rights.may(act)],
        }  # fmt: skip

    def _done(self) -> str:
        """What has just been done, when the form that did it led here: the word of `?done=`, where there is a text for it."""
        word = self.request.query_params.get("done", "")
        told = self.language.word("web.done", word)
        return told if told != word else ""


def chosen(request: Request, name: str, values: tuple[str, ...]) -> str:
    """What the reader has chosen; the first of the values when nothing that there is."""
    value = request.cookies.get(name)
    return value if value in values else values[0]


def here(request: Request) -> str:
    """Path and query to come back to: of the request or, when a form was sent, of the page that it stood on."""
    url = request.url
    if request.method not in ("GET", "HEAD"):
        try:
            url = URL(request.headers.get("referer", ""))
        except ValueError:
            return "/"
    return local(url.path + (f"?{url.query}" if url.query else ""))


def local(path: str | None) -> str:
    """A path of ours to go to; the start page for everything that could lead elsewhere."""
    if (
        not path
        or not path.startswith("/")
        or path.startswith("//")
        or "\\" in path
        or any(ord(sign) < 32 for sign in path)
    ):
        return "/"
    try:
        parts = urlsplit(path)
    except ValueError:
        return "/"
    return path if not parts.netloc and not parts.scheme else "/"


def client_of(request: Request) -> str | None:
    """The client's address, as the server in front of us says it where there is one."""
    return request.client.host if request.client else None


def nobody(request: Request) -> Asked:
    """A request as one of somebody who has not signed in: it needs no database."""
    settings: WebSettings = request.app.state.settings
    lang = request.cookies.get("lang")
    return Asked(
        request=request, database=request.app.state.database, settings=settings,
        language=Language(lang if lang in LANGUAGES else settings.lang), rights=None,
        directory=request.app.state.directory,
    )  # fmt: skip


async def anyone(request: Request) -> Asked:
    """For pages that need no account."""
    asked = nobody(request)
    return replace(asked, rights=await _rights(request, asked.database, asked.settings))


async def signed_in(asked: Annotated[Asked, Depends(anyone)]) -> Asked:
    """For all other pages. Raises NotSignedIn."""
    if asked.rights is None:
        raise NotSignedIn
    await asked.request.app.state.daily.settled(asked.database)
    return asked


async def _rights(request: Request, database: Database, settings: WebSettings) -> Rights | None:
    secret = request.cookies.get(settings.cookie)
    if not secret:
        return None
    at = now()
    async with database.reading() as connection:
        session = await sessions.find(connection, secret, at)
        if session is None:
            return None
        rights = await rights_of(connection, session.account, session.name, session.person)
        is_due = await sessions.needs_writing(connection, session.digest, at)
    if is_due:
        async with database.writing() as connection:
            request.state.new_secret = await sessions.keep(connection, session.digest, at)
    return rights


def allowed(request: Request) -> str:
    """The methods that an address knows, for the answer to one that it does not (RFC 9110, 15.5.6)."""
    routes = [each for each in request.app.routes if not isinstance(each, Mount)]
    known = [
        method for method, as_ in METHODS.items()
        if any(each.matches({**request.scope, "method": as_})[0] is Match.FULL for each in routes)
    ]  # fmt: skip
    return ", ".join(known) or "GET, HEAD"  # of static files


def sign_in_first(request: Request) -> str:
    """Where somebody signs in who then comes back here; a form that was sent is not sent again."""
    return f"/sign-in?next={quote(here(request), safe='')}" if request.method == "GET" else "/sign-in"


LARGEST = 2**31 - 1  # of a number that names a row, in both databases
Number = Annotated[int, Path(ge=1, le=LARGEST)]
Anyone = Annotated[Asked, Depends(anyone)]
Reader = Annotated[Asked, Depends(signed_in)]
