"""The pictures that were kept as evidence, for those who may see what they show."""

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from db.tables import Example, Finding, Page, Picture, Result
from reports.access.rights import May
from reports.read_pages import EXTENSIONS
from reports.web.asking import Number, Reader, Refused

router = APIRouter()
KEPT = "private, max-age=31536000, immutable"  # a picture is named by its content, and never changes


@router.get("/pictures/{picture}")
async def picture(asked: Reader, picture: Number) -> Response:
    """The image of a page, or of a place on one, of a site that the reader may see."""
    within = asked.who.reach(May.READ).within(Page.site_id)
    examples = (
        sa.select(Finding.result_id)
        .join(Example, Example.finding_id == Finding.id)
        .where(Example.picture_id == picture)
    )
    results = sa.union_all(
        sa.select(Result.id).where(Result.picture_id == picture),
        sa.select(Finding.result_id).where(Finding.picture_id == picture),
        examples,
    )
    shown = sa.exists().where(Page.id == Result.page_id, within, Result.id.in_(results))
    query = sa.select(Picture.image, Picture.media_type).where(Picture.id == picture, shown)
    async with asked.reading() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or row.media_type not in EXTENSIONS:
        raise Refused(404)
    return Response(row.image, media_type=row.media_type, headers={"Cache-Control": KEPT})
