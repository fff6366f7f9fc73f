"""The pictures that were kept as evidence, for those who may see what they show."""

from html import escape

import sqlalchemy as sa
from fastapi import APIRouter
from starlette.responses import Response

from db.pictures.rows import read_image
from db.store import Lack, Lacking
from db.tables import Example, Finding, Page, Picture, Result
from reports.access.rights import May
from reports.read_pages import EXTENSIONS
from reports.web.asking import Number, Reader, Refused

router = APIRouter()
SAYING = (  # in the picture's place, for a page that was made before it was lost: as large, so that nothing is stretched
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><rect width="100%" height="100%" fill="#fff"/>'
    '<text x="2%" y="{line}" font-size="{font}" font-family="sans-serif" fill="#111">{said}</text></svg>'
)
KEPT = "private, max-age=31536000, immutable"  # a picture is named by its content, and never changes


@router.get("/pictures/{picture}")
async def picture(asked: Reader, picture: Number) -> Response:
    """The image of a page, or of a place on one, of a site that the reader may see; one that is not to be had says so."""
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
    query = sa.select(Picture.media_type, Picture.width, Picture.height).where(Picture.id == picture, shown)
    async with asked.reading() as connection:
        row = (await connection.execute(query)).one_or_none()
    if row is None or row.media_type not in EXTENSIONS:
        raise Refused(404)
    try:
        image = await read_image(asked.database, picture)
    except Lacking as error:
        said = escape(asked.language.say(f"picture.{error.lack.value}"))
        font = row.width // 48
        shown_so = SAYING.format(width=row.width, height=row.height, font=font, line=2 * font, said=said)
        status = 503 if error.lack is Lack.UNREACHABLE else 404
        return Response(shown_so, status, media_type="image/svg+xml", headers={"Cache-Control": "no-store"})
    return Response(image, media_type=row.media_type, headers={"Cache-Control": KEPT})
