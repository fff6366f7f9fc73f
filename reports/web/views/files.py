"""A sweep as one file, written when it is asked for and sent when it is whole."""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Annotated

import sqlalchemy as sa
from fastapi import APIRouter, Query
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response

from crawler.address import canonical
from db.tables import Sweep
from reports.access.rights import May
from reports.files.kinds import FileKind, write_file
from reports.web.asking import Reader, Refused

AT_ONCE = 2  # files that are written at the same time: each takes a core, a PDF a browser
router = APIRouter()
turn = asyncio.Semaphore(AT_ONCE)


@router.get("/sweeps/{sweep_id}/files/{kind}")
async def file(
    asked: Reader, sweep_id: int, kind: FileKind, page: Annotated[str | None, Query(max_length=4000)] = None
) -> Response:
    """The sweep, or with `page` the report of one page (PDF), in the reader's language."""
    async with asked.reading() as connection:
        site = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep_id, ~Sweep.recheck))
    if site is None:
        raise Refused(404)
    asked.needs(May.READ, site)
    address = canonical(page) if page else None
    if page and address is None:
        raise Refused(404)
    folder = Path(tempfile.mkdtemp(prefix="jisweep-"))
    out = folder / f"sweep-{sweep_id}{'-page' if address else ''}.{kind.ending}"
    try:
        async with turn:
            await write_file(
                asked.database,
                sweep_id,
                kind,
                out,
                asked.language.lang,
                page=address,
                browser=asked.settings.browser,
            )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    gone = BackgroundTask(shutil.rmtree, folder, ignore_errors=True)
    return FileResponse(out, media_type=kind.media_type, filename=out.name, background=gone)
