"""Two addresses, one page: evidence from what the addresses answered."""

from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.address import twin_key
from db.tables import Page, Visit
from db.words import Reason, VisitState


async def mark_twins(connection: AsyncConnection, sweep_id: int, start: str) -> None:
    """Count `…/` and `…/index.html`, http and https, as one page where both gave the same bytes.

    The address with the start's scheme stays, of those the shorter.
    """
    scheme = start.partition("://")[0]
    rows = await connection.execute(
        sa.select(Visit.id, Visit.page_id, Visit.body_digest, Page.address)
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.sweep_id == sweep_id, Visit.state == VisitState.EXPLORED)
    )
    groups: dict[tuple[str, str | None], list[tuple[bool, int, str, int, int]]] = defaultdict(list)
    for visit, page, digest, address in rows:
        other_scheme = address.partition("://")[0] != scheme
        key = twin_key(address).partition("://")[2]
        groups[key, digest].append((other_scheme, len(address), address, visit, page))
    for same in groups.values():
        (_, _, kept, _, kept_page), *others = sorted(same)
        for _, _, _, visit, _ in others:
            await connection.execute(
                sa.update(Visit)
                .where(Visit.id == visit)
                .values(state=VisitState.UNAUDITED, reason=Reason.DUPLICATE, detail=kept, leads_to_id=kept_page)
            )


async def mark_loops(connection: AsyncConnection, sweep_id: int) -> None:
    """Redirects that lead back to themselves are loops, not redirects to a page."""
    rows = await connection.execute(
        sa.select(Visit.page_id, Visit.leads_to_id).where(
            Visit.sweep_id == sweep_id, Visit.reason == Reason.REDIRECT
        )
    )
    leads = dict(rows.all())
    endless = [page for page in leads if _never_ends(page, leads)]
    if endless:
        await connection.execute(
            sa.update(Visit)
            .where(Visit.sweep_id == sweep_id, Visit.page_id.in_(endless))
            .values(reason=Reason.REDIRECT_LOOP)
        )


def _never_ends(page: int, leads: dict[int, int | None]) -> bool:
    seen: set[int] = set()
    here: int | None = page
    while here is not None and here in leads:
        if here in seen:
            return True
        seen.add(here)
        here = leads[here]
    return False
