"""A table of organisations and sites, taken in after a look at what it would change."""

from typing import Annotated, Any

from fastapi import APIRouter, Form, UploadFile
from starlette.responses import RedirectResponse, Response

from audits.organisations import Changes, Moved, Row, read_table, shown, take_in, tree
from crawler.seeds import text_of
from db.errors import UsageError
from db.words import Done
from reports.access.rights import May
from reports.access.secrets import digest_of
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.views.administration import HOME, may_import, way
from reports.web.views.site_settings import ALL as SITES

router = APIRouter()
HERE = f"{HOME}/organisations"
LARGEST = 900_000  # bytes of a table: it comes back as a field of a form, of which the framework takes a megabyte


@router.get(HERE)
async def form(asked: Reader) -> Response:
    """The form that a table is given with."""
    _needs_everything(asked)
    return await _page(asked)


@router.post(HERE)
async def preview(asked: Reader, file: UploadFile | None = None) -> Response:
    """What a table would change; nothing is kept."""
    _needs_everything(asked)
    try:
        text = text_of(await file.read(LARGEST + 1)) if file is not None else ""
        if not text.strip() or len(text.encode()) > LARGEST:
            raise UsageError(
                ja="組織とサイトの CSV（900 KB まで）を選んでください。大きければ分けて取り込めます。",
                en="Choose a CSV table of organisations and sites, of at most 900 KB: a larger one in parts.",
            )
        return await _preview(asked, text)
    except UsageError as error:
        return await _page(asked, error=error.line(asked.language.lang))


@router.post(f"{HERE}/take-in")
async def keep(
    asked: Reader, table: Annotated[str, Form(max_length=LARGEST)] = "",
    seen: Annotated[str, Form(max_length=64)] = "",
) -> Response:  # fmt: skip
    """Take the table in, if it still changes what was seen; else show again what it would change."""
    _needs_everything(asked)
    try:
        async with asked.reading() as connection:
            rows = await _read(connection, table)
            changes = await take_in(connection, rows, dry=True)
        if _digest(changes) != seen:
            return await _preview(asked, table, is_new=True)
        counts: dict[str, Any] = {
            "organisations": len(changes.organisations), "sites": len(changes.sites), "moved": len(changes.moved),
        }  # fmt: skip
        async with asked.writing(Done.SITE_CHANGED, act="table", **counts) as connection:
            await take_in(connection, rows)
    except UsageError as error:
        return await _page(asked, error=error.line(asked.language.lang))
    return RedirectResponse(f"{SITES}?done=table_taken_in", 303)


def _needs_everything(asked: Asked) -> None:
    """A table may name any site. Raises Refused."""
    asked.needs(May.CONFIGURE)
    if not may_import(asked):
        raise Refused(403)


async def _read(connection: Any, text: str) -> list[Row]:
    known = await tree(connection)
    return read_table(text, "CSV", [node.path for node in known.nodes.values()])


async def _preview(asked: Asked, text: str, *, is_new: bool = False) -> Response:
    async with asked.reading() as connection:
        changes = await take_in(connection, await _read(connection, text), dry=True)
        part = await _changes(asked, changes).part(connection)
    return await _page(asked, changes=changes, part=part, table=text, seen=_digest(changes), is_new=is_new)


def _digest(changes: Changes) -> str:
    return digest_of(repr((changes.organisations, changes.sites, changes.moved)))


def _changes(asked: Asked, changes: Changes) -> Listing:
    say = asked.language.say
    moves = [("new_site", each) for each in changes.sites] + [("moved", each) for each in changes.moved]
    rows: list[tuple[str, str, str, str]] = [("new", "", "", shown(path)) for path in changes.organisations]
    rows += [(kind, each.address, _before(asked, kind, each), shown(each.after)) for kind, each in moves]
    return Listing(
        asked=asked, id="changes", caption=say("web.table.caption"), sort="kind", rows=rows, at_once=max(1, len(rows)),
        has_files=False, path=HERE,
        columns=[
            Column(
                key="kind", heading=say("web.table.kind"), is_head=True, sorts=False,
                cell=lambda row: Cell(text=say(f"web.table.kinds.{row[0]}")),
            ),
            Column(key="site", heading=say("web.table.site"), sorts=False, cell=lambda row: Cell(text=row[1] or "-")),
            Column(key="before", heading=say("web.table.before"), sorts=False, cell=lambda row: Cell(text=row[2] or "-")),
            Column(key="after", heading=say("web.table.after"), sorts=False, cell=lambda row: Cell(text=row[3])),
        ],
    )  # fmt: skip


def _before(asked: Asked, kind: str, moved: Moved) -> str:
    if kind == "new_site":
        return ""
    return shown(moved.before) if moved.before else asked.language.say("web.sites.no_organisation")


async def _page(
    asked: Asked, *, error: str = "", changes: Changes | None = None, part: Any = None, table: str = "", seen: str = "",
    is_new: bool = False,
) -> Response:  # fmt: skip
    say = asked.language.say
    crumb = Crumb(name=say("web.site_settings.title"), href=SITES)
    return asked.page(
        "organisation_table.html", say("web.table.title"), crumbs=way(asked, crumb), status=400 if error else 200,
        error=error, changes=changes, part=part, table=table, seen=seen, is_new=is_new, href=HERE,
    )  # fmt: skip
