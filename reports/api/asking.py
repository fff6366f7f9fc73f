"""What a request to the API brings, and how it is answered: in parts, with ETags, errors as problems (RFC 9457)."""

from hashlib import sha256
from typing import Annotated, Any
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi import Depends, Path, Query, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from db.database import Database
from db.types import now
from reports import records
from reports.access.rights import May, Rights
from reports.access.tokens import bearer_in
from reports.api.forms import GREATEST, Form, Many, Problem
from reports.publish.streamed import json_text
from reports.web.asking import Refused

AT_MOST = 1000
TITLES = {
    400: "Bad request", 401: "No valid token", 403: "Not allowed", 404: "Not found", 405: "Method not allowed",
    409: "Cannot be done now", 422: "Not understood", 503: "Database not available",
}  # fmt: skip
SCHEME = HTTPBearer(auto_error=False, description="A token made at /account: jisweep_…")


class Caller:
    """A request with a token, and what its bearer may do."""

    def __init__(self, request: Request, rights: Rights) -> None:
        self.request, self.rights = request, rights
        self.database: Database = request.app.state.database

    def needs(self, act: May, site: int | None = None) -> None:
        """Raises Refused: 404 for what is not to be seen, 403 for what is not to be done."""
        if site is not None and not self.rights.may(May.READ, site):
            raise Refused(404)
        if not self.rights.may(act, site):
            raise Refused(403)


async def caller(
    request: Request, shown: Annotated[HTTPAuthorizationCredentials | None, Depends(SCHEME)]
) -> Caller:
    """The bearer of the token. Raises Refused (401)."""
    rights = await bearer_in(request.app.state.database, shown.credentials, now()) if shown else None
    if rights is None:
        raise Refused(401)
    await request.app.state.daily.settled(request.app.state.database)
    return Caller(request, rights)


Called = Annotated[Caller, Depends(caller)]
Limit = Annotated[int, Query(ge=1, le=AT_MOST, description="how many at once")]
After = Annotated[int, Query(ge=0, le=GREATEST, description="the id that the part before ended with")]
Number = Annotated[int, Path(ge=1, le=GREATEST)]
Of = Annotated[int | None, Query(ge=1, le=GREATEST)]


async def many(
    called: Caller, connection: AsyncConnection, query: records.Query, key: Any, form: type[Form], after: int, limit: int
) -> Response:  # fmt: skip
    """A part of a list in the order of its key, and the address of the next, also as a Link (RFC 8288)."""
    rows = (await connection.execute(query.where(key > after).order_by(key).limit(limit + 1))).mappings().all()
    items = [form.model_validate(dict(row)) for row in rows[:limit]]
    following = None
    if len(rows) > limit:
        asked = {**called.request.query_params, "after": rows[limit - 1]["id"], "limit": limit}
        following = f"{called.request.url.path}?{urlencode(asked)}"
    answer = answered(called, Many[Any](items=items, next=following))
    if following:
        answer.headers["Link"] = f'<{following}>; rel="next"'
    return answer


async def one(connection: AsyncConnection, query: records.Query) -> dict[str, Any]:
    """A record. Raises Refused when there is none."""
    row = (await connection.execute(query)).mappings().one_or_none()
    if row is None:
        raise Refused(404)
    return dict(row)


async def site_of(called: Caller, connection: AsyncConnection, column: Any, key: Any, number: int) -> int:
    """The site of a row, that the caller may see: `site_of(…, Defect.site_id, Defect.id, 12)`. Raises Refused."""
    site: int | None = await connection.scalar(sa.select(column).where(key == number))
    if site is None:
        raise Refused(404)
    called.needs(May.READ, site)
    return site


def answered(called: Caller, form: BaseModel) -> Response:
    """JSON with its ETag; nothing when the client has it already (RFC 9110, 13.1.2)."""
    body = json_text(form.model_dump()).encode()
    tag = f'"{sha256(body).hexdigest()[:32]}"'
    known = {each.strip().removeprefix("W/") for each in called.request.headers.get("if-none-match", "").split(",")}
    if known & {tag, "*"}:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, media_type="application/json", headers={"ETag": tag})


def problem(status: int, detail: str = "") -> Response:
    """An error as programs read it."""
    told = Problem(title=TITLES.get(status, "Error"), status=status, detail=detail or TITLES.get(status, "Error"))
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return Response(json_text(told.model_dump()), status, headers, media_type="application/problem+json")
