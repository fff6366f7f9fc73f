"""The application put together: its parts, its errors as pages, and the database open for as long as it runs."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from importlib import resources

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError
from starlette.exceptions import HTTPException
from starlette.responses import RedirectResponse, Response
from starlette.staticfiles import StaticFiles

from audits.cycles.progress import Memory
from audits.defects.settling import Daily
from audits.engine import installed_engine
from audits.runner import standing_by
from audits.schedules.keeping import keeping_time
from audits.work import Tools
from db.database import Database
from db.errors import JisweepError, StorageError
from reports.access.directory import read_directory
from reports.api.app import api
from reports.notices.sending import sending
from reports.notices.settings import read_notices
from reports.ops.listening import Listener, listening
from reports.ops.probes import PATHS, Readiness, healthz
from reports.render import style_sheet
from reports.web import by_directory, signing_in
from reports.web.asking import Asked, NotSignedIn, Refused, allowed, anyone, nobody, sign_in_first
from reports.web.portraits import Portraits
from reports.web.security import TOO_LARGE, Safety, add_headers
from reports.web.settings import WebSettings
from reports.web.views import VIEWS
from reports.web.warming import warming

log = logging.getLogger("jisweep.web")


def application(
    settings: WebSettings, database: Database | None = None, metrics: Listener | None = None
) -> FastAPI:
    """The application; it opens the database of the settings, unless it is given one that is open.

    Metrics are told at a socket of their own, when there is one.
    """

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            opened = database
            if opened is None:
                opened = await stack.enter_async_context(Database(settings.database, must_exist=True))
            app.state.database = programs.state.database = opened
            app.state.cycles = Memory()
            if settings.warms:
                await stack.enter_async_context(warming(opened, app.state))
            if settings.runs_sweeps:
                await stack.enter_async_context(standing_by(opened, tools))
                await stack.enter_async_context(keeping_time(opened))
            await stack.enter_async_context(listening(metrics, opened))
            if notices is not None:
                await stack.enter_async_context(sending(opened, notices))
            yield

    def tools() -> Tools:
        return Tools(engine=installed_engine(), browser=settings.browser)

    notices = read_notices(settings.notices, settings.origin) if settings.notices else None
    programs = api()
    app = FastAPI(lifespan=life, docs_url=None, redoc_url=None, openapi_url=None)
    app.state.settings = programs.state.settings = settings
    app.state.portraits = Portraits()
    app.state.daily = programs.state.daily = Daily()
    app.state.directory = read_directory(settings.oidc) if settings.oidc else None
    app.include_router(signing_in.router)
    app.include_router(by_directory.router)
    for router in VIEWS:
        app.include_router(router)
    app.mount("/api/v1", programs)
    app.get("/report.css")(_style)
    live, ready = PATHS
    app.get(live)(healthz)
    app.get(ready)(Readiness(lambda: app.state.database).answer)
    app.mount(
        "/static", StaticFiles(directory=str(resources.files("reports.web").joinpath("static"))), name="static"
    )
    app.middleware("http")(_renew_session)
    app.add_middleware(Safety, origin=settings.origin, secure=settings.secure)
    for kind, answer in (
        (NotSignedIn, _sign_in), (Refused, _refused), (HTTPException, _refused), (RequestValidationError, _not_understood),
        (JisweepError, _told), (DBAPIError, _no_such_value), (OverflowError, _no_such_value), (Exception, _failed),
    ):  # fmt: skip
        app.add_exception_handler(kind, answer)
    return app


async def _style() -> Response:
    """The style sheet that pages share with files."""
    return Response(style_sheet(), media_type="text/css")


async def _renew_session(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Give the browser the session's new secret when it is time."""
    request.state.new_secret = None
    response = await call_next(request)
    settings: WebSettings = request.app.state.settings
    is_given = any(each.startswith(f"{settings.cookie}=") for each in response.headers.getlist("set-cookie"))
    if request.state.new_secret and not is_given:  # signing in or out gives the browser another one, or none
        signing_in.give_cookie(response, settings, request.state.new_secret)
    return response


async def _sign_in(request: Request, _: Exception) -> Response:
    return RedirectResponse(sign_in_first(request), 303)


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, (Refused, HTTPException))
    status = error.status if isinstance(error, Refused) else error.status_code
    response = await _problem(request, 413 if getattr(request.state, TOO_LARGE, False) else status)
    if response.status_code == 405:
        response.headers["Allow"] = allowed(request)
    return response


async def _not_understood(request: Request, _: Exception) -> Response:
    return await _problem(request, 404 if request.method == "GET" else 400)


async def _told(request: Request, error: Exception) -> Response:
    """What stops a command stops a form, too: with its line."""
    assert isinstance(error, JisweepError)
    if isinstance(error, StorageError):  # where the database is, is for the log alone
        log.error("%s", error)
        return _page(nobody(request), 503)
    asked = await anyone(request)
    return _page(asked, 400, error.line(asked.language.lang))


async def _no_such_value(request: Request, error: Exception) -> Response:
    """A number or a text that no row can have was asked for: there is nothing of that kind."""
    if isinstance(error, DBAPIError) and not _is_of_value(error):
        raise error
    return await _problem(request, 404 if request.method in ("GET", "HEAD") else 400)


def _is_of_value(error: DBAPIError) -> bool:
    state = getattr(error.orig, "sqlstate", None) or ""  # class 22: data exception
    return (
        isinstance(error, DataError) or state.startswith("22") or "invalid input for query argument" in str(error)
    )


async def _failed(request: Request, _: Exception) -> Response:
    """What we did not foresee is logged with its trace by the server; the reader is told that it is our fault."""
    response = _page(nobody(request), 500)
    add_headers(
        response.headers, request.app.state.settings.secure
    )  # this answer passes by all that stands in between
    return response


async def _problem(request: Request, status: int) -> Response:
    return _page(await anyone(request), status)


def _page(asked: Asked, status: int, line: str = "") -> Response:
    known = status if status in (400, 403, 404, 405, 413, 429, 500, 503) else 400
    title = asked.language.say(f"web.problem.{known}")
    return asked.page(
        "problem.html", title, status=status, line=line or asked.language.say(f"web.problem.do_{known}")
    )
