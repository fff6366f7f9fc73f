"""A page in place of the pages, for who brings no cookie: "please enable cookies", or a consent to be given first.

The crawler keeps no cookies, and each page in the browser is that of a first-time visitor, so this is all that both would
see. A start that sets a cookie is asked for twice more, without and with that cookie; where it is another page with it
alone, what was seen is no page, at whatever address it is shown.
"""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.answers import is_silent, page_of
from crawler.document import Document
from crawler.exploration import Exploration, note
from crawler.fetch import Answer
from crawler.frontier import end_visit
from crawler.minhash import likeness
from db.tables import Visit
from db.words import About, Reason, VisitState

ALIKE = 0.5  # share of common wording from which two answers are one page, with and without a banner
LARGEST = 4096  # characters of the cookies that are brought
UNTOLD = "it sets a cookie, and gave no answer when it was asked whether it is another page with it"
SAID = "without the cookie that it sets it shows something in place of the page"


async def hides_behind_cookie(exploration: Exploration, first: Answer) -> bool:
    """Whether a page is another one for who brings the cookie that it sets, and the same again for who does not.

    Where no answer tells, or not all cookies could be brought, it is taken for the page, and that is noted.
    """
    address, (cookie, left) = first.address, _set_by(first)
    if not (cookie or left) or exploration.fetcher.credentials.headers_for(address):
        return False
    if cookie and await _is_another_with(exploration, first, cookie):
        return True
    if left:
        said = f"it sets more cookies than are brought to ask whether it is another page with them: {left} were not"
        await note(exploration, About.UNSURE, address, said)
    return False


async def _is_another_with(exploration: Exploration, first: Answer, cookie: str) -> bool:
    address = first.address
    again = [await exploration.fetcher.get(address, validators=each) for each in ({}, {"cookie": cookie})]
    if any(map(is_silent, again)):
        await note(exploration, About.UNANSWERED, address, UNTOLD)
        return False
    before, without, brought = map(page_of, (first, *again))
    if before is None or without is None or brought is None:
        return False
    return before.content.wording == without.content.wording and _differ(without, brought)


async def mark_behind_cookie(connection: AsyncConnection, sweep_id: int) -> None:
    """End the pages that say what the start said to who brought no cookie."""
    mine = Visit.sweep_id == sweep_id
    told = sa.select(Visit.wording).where(mine, Visit.reason == Reason.BLOCKED, Visit.detail == SAID)
    same = sa.select(Visit.id).where(mine, Visit.state == VisitState.EXPLORED, Visit.wording.in_(told))
    for visit in list(await connection.scalars(same)):
        await end_visit(connection, visit, Reason.BLOCKED, SAID)


def _set_by(answer: Answer) -> tuple[str, int]:
    """The cookies that an answer sets, as they are brought, and how many are not: too large, or not to be sent."""
    cookies = [said.partition(";")[0].strip() for said in answer.headers.get_list("set-cookie")]
    brought = ""
    left = 0
    for each in cookies:
        together = f"{brought}; {each}" if brought else each
        if len(together) <= LARGEST and each.isascii() and each.isprintable():
            brought = together
        else:
            left += 1
    return brought, left


def _differ(one: Document, other: Document) -> bool:
    return one.content.wording != other.content.wording and likeness(one.content.shape, other.content.shape) < ALIKE
