"""The frame: the pages of a site that a sample is chosen from, in the order of their addresses."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crawler import minhash, shape
from db.tables import Draw, Page, Visit
from db.words import GONE, Reason, VisitState

FRAME = (
    VisitState.EXPLORED,
    VisitState.SELECTED,
    VisitState.NOT_CHOSEN,
    VisitState.AUDITED,
)  # the states of its pages
TARGETS = 500  # of forms that one statement asks for


@dataclass(frozen=True, kw_only=True)
class FramePage:
    """A page of the frame, with what choosing needs to know of it."""

    visit: int
    address: str
    kinds: tuple[str, ...]
    template: int
    title: str = ""
    sends_to: tuple[str, ...] = ()  # addresses that its forms send to


async def explored_frame(connection: AsyncConnection, sweep_id: int) -> list[FramePage]:
    """The pages of a sweep that has explored and not chosen yet, with their templates numbered."""
    explored = Visit.sweep_id == sweep_id, Visit.state == VisitState.EXPLORED
    rows = await _rows(connection, *explored)
    templates = shape.cluster([minhash.unpack(row.shape) for row in rows])
    return [_page(row, number) for row, number in zip(rows, templates, strict=True)]


async def chosen_frame(connection: AsyncConnection, sweep_id: int) -> list[FramePage]:
    """The frame that a sweep's sample was chosen from: what was drawn, whatever has become of it, and the rest."""
    drawn = sa.exists().where(Draw.visit_id == Visit.id)
    mine = Visit.sweep_id == sweep_id, sa.or_(Visit.state == VisitState.NOT_CHOSEN, drawn)
    return [_page(row, row.template or 0) for row in await _rows(connection, *mine)]


async def keep_templates(connection: AsyncConnection, frame: Iterable[FramePage]) -> None:
    """Write the numbers of the templates to the visits."""
    rows = [{"visit": page.visit, "number": page.template} for page in frame]
    numbered = sa.update(Visit).where(Visit.id == sa.bindparam("visit"))
    if rows:
        await connection.execute(numbered.values(template=sa.bindparam("number")), rows)


async def named_otherwise(connection: AsyncConnection, sweep_id: int) -> dict[str, str]:
    """Addresses that lead to a page of the sweep, or are the same page: address → that page's."""
    target = aliased(Page)
    rows = await connection.execute(
        sa.select(Page.address, target.address)
        .join(Visit, Visit.page_id == Page.id)
        .join(target, target.id == Visit.leads_to_id)
        .where(Visit.sweep_id == sweep_id, Visit.reason.in_((Reason.DUPLICATE, Reason.REDIRECT)))
    )
    return dict(rows.all())


async def sent_beyond(connection: AsyncConnection, sweep_id: int) -> list[str]:
    """Where the forms of a sweep's sample send to that is no page of its frame: steps to be tested by hand."""
    drawn = sa.exists().where(Draw.visit_id == Visit.id)
    mine = sa.select(Visit.forms).where(Visit.sweep_id == sweep_id, Visit.forms.is_not(None), drawn)
    targets = sorted({target for forms in await connection.scalars(mine) for target in _targets(forms)})
    leads_on = sa.and_(Visit.reason.in_((Reason.DUPLICATE, Reason.REDIRECT)), Visit.leads_to_id.is_not(None))
    known: set[str] = set()
    for begin in range(0, len(targets), TARGETS):
        pages = sa.select(Page.address).join(Visit, Visit.page_id == Page.id)
        is_page = sa.or_(Visit.state == VisitState.NOT_CHOSEN, drawn, leads_on)
        some = Page.address.in_(targets[begin : begin + TARGETS])
        known |= set(await connection.scalars(pages.where(Visit.sweep_id == sweep_id, some, is_page)))
    return [target for target in targets if target not in known]


def is_gone() -> sa.ColumnElement[bool]:
    """Whether a chosen visit has proved to be no page of its own.

    A redirect counts so only with the page that it leads to: when that is unknown, the address stands for it.
    """
    known = sa.or_(Visit.reason != Reason.REDIRECT, Visit.leads_to_id.is_not(None))
    no_page = sa.and_(Visit.state == VisitState.UNAUDITED, Visit.reason.in_(GONE), known)
    return sa.func.coalesce(no_page, sa.false())  # NULL where there is no reason


async def _rows(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Any]:
    rows = await connection.execute(
        sa.select(Visit.id, Page.address, Visit.kinds, Visit.shape, Visit.template, Visit.title, Visit.forms)
        .join(Page, Page.id == Visit.page_id)
        .where(*conditions)
    )
    return sorted(rows.all(), key=lambda row: row.address)  # databases sort text by different rules


def _page(row: Any, template: int) -> FramePage:
    return FramePage(
        visit=row.id, address=row.address, kinds=tuple(row.kinds), template=template, title=row.title or "",
        sends_to=tuple(_targets(row.forms)),
    )  # fmt: skip


def _targets(forms: str | None) -> Iterator[str]:
    for line in (forms or "").splitlines():
        yield line.partition(" ")[2]
