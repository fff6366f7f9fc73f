"""The API as an application of its own, below the web application: OpenAPI at /api/v1/openapi.json."""

from importlib.metadata import version

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from db.errors import JisweepError, StorageError
from reports.api.asking import SCHEME, caller, problem
from reports.api.routes import router
from reports.web.asking import Refused, allowed


def api() -> FastAPI:
    """The API; whoever mounts it gives its state the database."""
    app = FastAPI(
        title="jisweep", version=version("jisweep"), docs_url=None, redoc_url=None, openapi_url="/openapi.json",
        description="What the sweeps found. A page without a result is neither clean nor repaired; no criterion is ever met by a machine.",
    )  # fmt: skip
    app.include_router(router)
    for kind, answer in (
        (Refused, _refused), (HTTPException, _refused), (RequestValidationError, _not_understood), (JisweepError, _told),
    ):  # fmt: skip
        app.add_exception_handler(kind, answer)
    return app


async def _refused(request: Request, error: Exception) -> Response:
    assert isinstance(error, (Refused, HTTPException))
    response = problem(error.status if isinstance(error, Refused) else error.status_code)
    if response.status_code == 405:
        response.headers["Allow"] = allowed(request)
    return response


async def _not_understood(request: Request, error: Exception) -> Response:
    """What was sent is told to be wrong only to who may send something: a body that is no JSON is found out before tokens are."""
    assert isinstance(error, RequestValidationError)
    try:
        await caller(request, await SCHEME(request))
    except Refused as refused:
        return problem(refused.status)
    told = (f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors())
    return problem(422, "; ".join(told))


async def _told(_: Request, error: Exception) -> Response:
    assert isinstance(error, JisweepError)
    return problem(503 if isinstance(error, StorageError) else 400, error.en)
