"""Soft 404: servers that answer an address that does not exist with a page, and with 200.

Asked is an address that cannot exist, once for each folder in which a page is under suspicion. Where the answer says
that there is no such page, pages with its title, or that read like it, are none either.
"""

import hashlib
import re
from collections import defaultdict

import sqlalchemy as sa

from crawler import document as html
from crawler.address import directory_of, origin_of
from crawler.document import Document
from crawler.exploration import Exploration
from crawler.frontier import end_visit
from crawler.minhash import likeness, unpack
from db.tables import Page, Visit
from db.words import Reason, VisitState

ALIKE = 0.9  # share of common wording with the answer for an address that cannot exist
SHARED = 3  # pages with the same wording from which they are under suspicion

_SAID = re.compile(
    r"404|not ?found|見つかりません|ありません|存在しません|お探しのページ|エラー|error", re.IGNORECASE
)


async def mark_soft_not_found(exploration: Exploration) -> None:
    """End the pages that are none, with what was asked for to find out."""
    for folder, pages in (await _suspects(exploration)).items():
        probe = f"{folder}{_unlikely_name(folder)}"
        if not (await exploration.robots_of(probe)).allows(probe):
            continue
        missing = await _answer_for(exploration, probe)
        if missing is None:
            continue
        async with exploration.database.writing() as connection:
            for visit, title, shape in pages:
                named = title == missing.title and _SAID.search(missing.title)
                if named or likeness(unpack(shape), missing.content.shape) >= ALIKE:
                    await end_visit(connection, visit, Reason.SOFT_NOT_FOUND, f"like {probe}")


async def _suspects(exploration: Exploration) -> dict[str, list[tuple[int, str | None, bytes]]]:
    """Pages with the title of an error page, or with the words of several others; by folder."""
    frame = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED)
    async with exploration.database.reading() as connection:
        shared = sa.select(Visit.wording).where(*frame).group_by(Visit.wording).having(sa.func.count() >= SHARED)
        often = set(await connection.scalars(shared))
        rows = await connection.stream(
            sa.select(Visit.id, Page.address, Visit.title, Visit.wording, Visit.text_shape)
            .join(Page, Page.id == Visit.page_id)
            .where(*frame)
            .order_by(Page.address)
        )
        found: dict[str, list[tuple[int, str | None, bytes]]] = defaultdict(list)
        async for visit, address, title, wording, shape in rows:
            if shape and address != exploration.scope.start and (wording in often or _SAID.search(title or "")):
                found[f"{origin_of(address)}{directory_of(address)}"].append((visit, title, shape))
    return found


async def _answer_for(exploration: Exploration, probe: str) -> Document | None:
    """What tells a reader that an address does not exist, where the server says that all is well."""
    answer = await exploration.fetcher.get(probe)
    if answer.failure is not None or answer.status != 200 or not answer.is_html:
        return None
    document = html.read(answer.body, answer.content_type, probe)
    return document if _SAID.search(" ".join((document.title, *document.headings))) else None


def _unlikely_name(folder: str) -> str:
    return f"jisweep-{hashlib.sha256(folder.encode()).hexdigest()[:12]}.html"
