"""Pages that lead to others: has one moved there, or was it taken down?

Content systems send the addresses of removed pages to their section, to the start page, or to one notice for all of them. So a
page has moved only where it leads alone, and to what was no page of the site while it was one itself; where its server says no
more than that it leads there for now (302, 303, 307, a script), as it does for who has to sign in or while the site is under
repair, the title must have gone along. What leads for good (301, 308) to what stood beside it, or to where others lead too, is
not there any more: nothing of it is to be learned at the other, and what was not looked at there is not known to be gone.
"""

from typing import Any

import sqlalchemy as sa

from crawler.frame import FRAME
from db.tables import Look, Visit
from db.words import Reason

FOR_GOOD = (301, 308)
# What proves an address to be no page; one that could not be seen, or was left out, may be one
NO_PAGE = (
    Reason.REDIRECT, Reason.REDIRECT_OUT, Reason.REDIRECT_LOOP, Reason.NOT_HTML, Reason.DUPLICATE, Reason.NOT_FOUND,
    Reason.SOFT_NOT_FOUND,
)  # fmt: skip


def moved_on(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a page is another one now: it leads to what took its place, or is the same under another address."""
    leads = sa.and_(
        visit.reason == Reason.REDIRECT, ~_leads_aside(visit),
        sa.or_(visit.http_status.in_(FOR_GOOD), _with_its_title(visit)),
    )  # fmt: skip
    return sa.or_(visit.reason == Reason.DUPLICATE, leads)


def taken_down(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a page is not there any more: it leads for good to another, which was looked at."""
    looked_at = sa.exists().where(Look.page_id == visit.leads_to_id)
    return sa.and_(visit.reason == Reason.REDIRECT, visit.http_status.in_(FOR_GOOD), looked_at, _leads_aside(visit))


def _leads_aside(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a page leads to what stood beside it, or where another page leads, too."""
    other, was = sa.orm.aliased(Visit), sa.orm.aliased(Visit)
    gathered = sa.exists().where(
        other.leads_to_id == visit.leads_to_id, other.sweep_id == visit.sweep_id, other.page_id != visit.page_id,
        other.reason == Reason.REDIRECT,
        sa.exists().where(was.page_id == other.page_id, was.sweep_id < visit.sweep_id, _was_page(was)),
    )  # fmt: skip
    return sa.or_(stood_beside(visit.page_id, visit.leads_to_id, visit.sweep_id), gathered)


def _with_its_title(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether what a page leads to has a title that the page itself had."""
    mine, there = sa.orm.aliased(Visit), sa.orm.aliased(Visit)
    return sa.exists().where(
        there.page_id == visit.leads_to_id, there.sweep_id == visit.sweep_id, there.title != "",
        mine.page_id == visit.page_id, mine.sweep_id < visit.sweep_id, _was_page(mine), mine.title == there.title,
    )  # fmt: skip


def stood_beside(page: Any, other: Any, sweep: Any) -> sa.ColumnElement[bool]:
    """Whether another address was known no later than a page was last one itself, before a sweep, and not known to be none."""
    mine, there = sa.orm.aliased(Visit), sa.orm.aliased(Visit)
    may_be = sa.or_(there.reason.is_(None), there.reason.not_in(NO_PAGE))
    return sa.exists().where(
        mine.page_id == page, mine.sweep_id < sweep, _was_page(mine),
        there.page_id == other, there.sweep_id <= mine.sweep_id, may_be,
    )  # fmt: skip


def _was_page(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether an address was seen to be a page, also one that could not be audited in the end, or that nothing led to."""
    read = sa.and_(visit.body_digest.is_not(None), sa.or_(visit.reason.is_(None), visit.reason.not_in(NO_PAGE)))
    unlinked = sa.and_(visit.reason == Reason.UNLINKED, visit.detail.is_(None))
    return sa.or_(visit.state.in_(FRAME), read, unlinked)
