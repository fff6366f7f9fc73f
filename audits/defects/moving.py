"""Pages that lead to others: has one moved there, or was it taken down?

Content systems send the addresses of removed pages to their section or to the start page. So a page has moved only where it leads
to what was no page of the site while it was one itself. What stood beside it is another page: nothing of the old one is to be
learned there, and the old one is not there any more once its server says for good (301, 308) that it leads there.
"""

from typing import Any

import sqlalchemy as sa

from audits.counts import NOT_PAGES
from crawler.frame import FRAME
from db.tables import Visit
from db.words import Reason

FOR_GOOD = (301, 308)  # who signs in, or finds the site under repair, is sent elsewhere for a while


def moved_on(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a page is another one now: it leads to what took its place, or is the same under another address."""
    leads = sa.and_(
        visit.reason == Reason.REDIRECT, ~stood_beside(visit.page_id, visit.leads_to_id, visit.sweep_id)
    )
    return sa.or_(visit.reason == Reason.DUPLICATE, leads)


def taken_down(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a page is not there any more: it leads for good to what stood beside it."""
    return sa.and_(
        visit.reason == Reason.REDIRECT, visit.http_status.in_(FOR_GOOD),
        stood_beside(visit.page_id, visit.leads_to_id, visit.sweep_id),
    )  # fmt: skip


def stood_beside(page: Any, other: Any, sweep: Any) -> sa.ColumnElement[bool]:
    """Whether another page was one no later than a page was last one itself, before a sweep."""
    mine, there = sa.orm.aliased(Visit), sa.orm.aliased(Visit)
    return sa.exists().where(
        mine.page_id == page, mine.sweep_id < sweep, _was_page(mine),
        there.page_id == other, there.sweep_id <= mine.sweep_id, _was_page(there),
    )  # fmt: skip


def _was_page(visit: type[Visit]) -> sa.ColumnElement[bool]:
    """Whether a sweep took an address for a page, also for one that it could not audit in the end."""
    read = sa.and_(visit.body_digest.is_not(None), visit.reason.not_in(NOT_PAGES))
    return sa.or_(visit.state.in_(FRAME), read)
