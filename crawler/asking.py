"""Asking for the addresses of a level, and keeping what each of them answered."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler import document as html
from crawler import links, minhash
from crawler.address import LONGEST
from crawler.answers import refusal_of
from crawler.batch import AT_ONCE, Write
from crawler.cookies import SAID, hides_behind_cookie
from crawler.earlier import READ, validators
from crawler.exploration import Exploration, counts, note, too_long
from crawler.fetch import Answer
from crawler.frontier import (
    Waiting,
    add_addresses,
    add_pages,
    end_visit,
    leave_unsafe,
    slices,
    waiting,
    waiting_order,
)
from crawler.kinds import kinds_of
from crawler.politeness import Stopped
from crawler.robots_meta import said_of
from crawler.together import Together
from crawler.volatile import stable_digest
from db.tables import Visit
from db.words import About, FoundBy, Reason, VisitState

FEW_LINKS = 3  # static links within the site; a page with fewer and with scripts is always rendered


async def ask_level(exploration: Exploration, depth: int, ends: float) -> bool:
    """Ask for all addresses of a level; returns False when stopped before the last."""
    async with exploration.database.reading() as connection:
        order = await waiting_order(connection, exploration.sweep.id, depth)
    exploration.elsewhere.open_for(len(order))
    for some in slices(order):
        if exploration.stopping.is_set():
            return False
        if exploration.is_over(ends):
            return True
        async with exploration.database.reading() as connection:
            level = await waiting(connection, some)
        earlier = await exploration.earlier.visits({each.page: each.address for each in level})
        queue = (
            (each, None if each.found_by is FoundBy.EARLIER else earlier.pop(each.page, None)) for each in level
        )  # what nothing leads to is no page of this sweep, and keeps nothing of an earlier one
        async with Together() as workers:
            for _ in range(exploration.limits.per_host):
                workers.create_task(_ask(exploration, queue, ends))
        await exploration.batch.commit()
        await _record_unmodified(exploration)
    return not exploration.stopping.is_set()


async def _ask(
    exploration: Exploration, queue: Iterator[tuple[Waiting, Mapping[str, Any] | None]], ends: float
) -> None:
    for each, earlier in queue:
        if exploration.stopping.is_set() or exploration.is_over(ends):
            return
        try:
            answer = await exploration.fetcher.get(each.address, validators=validators(earlier))
            if earlier is not None and answer.is_unmodified:
                exploration.unmodified.append((each, earlier))
                if len(exploration.unmodified) >= AT_ONCE:
                    await _record_unmodified(exploration)
            else:
                await exploration.batch.add(await _read(exploration, each, answer, earlier))
        except Stopped:
            return


async def _read(
    exploration: Exploration, each: Waiting, answer: Answer, earlier: Mapping[str, Any] | None
) -> Write:
    """What is to be kept of what one address answered, together with the addresses that it leads to. Raises Stopped."""
    facts: dict[str, Any] = {
        "http_status": answer.status,
        "content_type": answer.content_type,
        "size": len(answer.body) or _declared_size(answer),
        "etag": answer.headers.get("etag"),
        "last_modified": answer.headers.get("last-modified"),
    }
    if answer.location is not None:
        return partial(_record_redirect, exploration, each, answer.location, facts)
    refused = refusal_of(answer)
    if refused is not None:
        return partial(end_visit, visit=each.visit, reason=refused, detail=answer.detail, **facts)
    document = await exploration.elsewhere.run(html.read, answer.body, answer.content_type, answer.address)
    if each.found_by is FoundBy.START and await hides_behind_cookie(exploration, answer):
        facts["wording"] = document.content.wording
        return partial(end_visit, visit=each.visit, reason=Reason.BLOCKED, detail=SAID, **facts)
    if each.found_by is FoundBy.EARLIER:
        told = {"wording": document.content.wording, "text_shape": minhash.pack(document.content.shape)}
        facts |= {"title": exploration.fetcher.credentials.hide(document.title)[:500], **told}
        return partial(end_visit, visit=each.visit, reason=Reason.UNLINKED, detail="", **facts)
    product = exploration.fetcher.manners.product
    wishes = said_of(document.metas, answer.headers.get_list("x-robots-tag"), product)
    obeyed = _obeyed(exploration, wishes)
    met = exploration.pages
    leads_to = [link for link in document.links if link in met or counts(exploration.scope, link)]
    leads_to = [] if "nofollow" in obeyed else leads_to
    facts |= {
        "body_digest": hashlib.sha256(answer.body).hexdigest(),
        "title": exploration.fetcher.credentials.hide(document.title)[:500],
        "forms": exploration.fetcher.credentials.hide("\n".join(document.sends_to)) or None,
        "kinds": kinds_of(each.address, document),
        "shape": minhash.pack(document.shape),
        "text_shape": minhash.pack(document.content.shape),
        "content_digest": document.content.digest,
        "wording": document.content.wording,
        "notice": document.content.notice,
        "script_key": None if "nofollow" in obeyed else _script_key(document, leads_to, each),
        "closed_roots": document.closed_roots,
        "robots_meta": wishes,
        "unread_links": document.unread + too_long(exploration.scope, document.links),
    }
    if earlier is not None and earlier["volatile_id"] is not None:
        slots = await exploration.earlier.slots(earlier["volatile_id"])
        source, _ = html.decode(answer.body, answer.content_type)
        facts |= {"stable_digest": stable_digest(source, slots), "volatile_id": earlier["volatile_id"]}
    if document.cut:
        await note(exploration, About.DOCUMENT, each.address, document.cut)
    unsafe = [link for link in leads_to if link in document.unsafe]
    return partial(_record_page, exploration, each, leads_to, unsafe, document.canonical, facts)


async def _record_page(
    exploration: Exploration, each: Waiting, leads_to: list[str], unsafe: list[str], own: str | None,
    facts: dict[str, Any], connection: AsyncConnection,
) -> None:  # fmt: skip
    """Keep a page that calls `own` its address, with the addresses that it leads to."""
    pages = await add_addresses(
        connection, exploration.sweep, (link for link in leads_to if link != each.address),
        found_by=FoundBy.LINK, depth=each.depth + 1, found_on=each.page, met=exploration.pages,
    )  # fmt: skip
    pages[each.address] = each.page
    if unsafe:
        left_alone = [pages[link] for link in unsafe]
        await leave_unsafe(connection, exploration.sweep.id, left_alone, f"as a link on {each.address} says")
    facts["links"] = links.pack(pages[link] for link in leads_to)
    facts["canonical_id"] = pages.get(own or "")
    await _end_as_page(connection, exploration, each, facts)


async def _record_unmodified(exploration: Exploration) -> None:
    """Commit what the earlier sweep read from pages that have not changed since; both have one scope."""
    unmodified, exploration.unmodified = exploration.unmodified, []
    if not unmodified:
        return
    left_alone = await exploration.earlier.unsafe()
    alike = []
    async with exploration.database.writing() as connection:
        for each, earlier in unmodified:
            pages = links.unpack(earlier["links"])
            further = [page for page in pages if page != each.page and not exploration.known[page]]
            if further:
                await add_pages(
                    connection, exploration.sweep, further,
                    found_by=FoundBy.LINK, depth=each.depth + 1, found_on=each.page,
                )  # fmt: skip
            if unsafe := left_alone & set(pages):
                await leave_unsafe(connection, exploration.sweep.id, unsafe, "as a link said in the earlier sweep")
            facts = {column.key: earlier[column.key] for column in READ} | {"http_status": 304}
            if "noindex" in _obeyed(exploration, facts["robots_meta"]):
                await _end_as_page(connection, exploration, each, facts)
            else:
                alike.append(_explored(each, facts))
            for page in further:
                exploration.known[page] = 1
        if alike:
            await connection.execute(_EXPLORED, alike)


_FACTS = ("http_status", *(column.key for column in (*READ, Visit.stable_digest, Visit.volatile_id)))
# A visit and all that exploring a page says of it; made once, for it takes longer than a short statement runs
_EXPLORED = (
    sa.update(Visit)
    .where(Visit.id == sa.bindparam("of"))
    .values(state=VisitState.EXPLORED, **{name: sa.bindparam(name) for name in _FACTS})
)


async def _end_as_page(
    connection: AsyncConnection, exploration: Exploration, each: Waiting, facts: dict[str, Any]
) -> None:
    if "noindex" in _obeyed(exploration, facts["robots_meta"]):
        await end_visit(connection, each.visit, Reason.ROBOTS, f"the page says {facts['robots_meta']}", **facts)
        return
    await connection.execute(_EXPLORED, _explored(each, facts))


def _explored(each: Waiting, facts: dict[str, Any]) -> dict[str, Any]:
    return {"of": each.visit, **dict.fromkeys(_FACTS), **facts}


def _obeyed(exploration: Exploration, wishes: str | None) -> str:
    """What of a page's robots meta elements this sweep goes by."""
    return (wishes or "") if exploration.limits.obey_meta_robots else ""


def _script_key(document: html.Document, links: list[str], each: Waiting) -> str | None:
    """Names the pages among which rendering one tells of the others; a page with few links stands for itself."""
    if not document.script_key:
        return None
    few = len(set(links) - {each.address}) < FEW_LINKS
    return f"{document.script_key} {each.address}" if few else document.script_key


async def _record_redirect(
    exploration: Exploration, each: Waiting, location: str, facts: dict[str, Any], connection: AsyncConnection
) -> None:
    if too_long(exploration.scope, [location]):
        said = f"sent to an address of more than {LONGEST} characters"
        await end_visit(connection, each.visit, Reason.TRAP, said, **facts)
        return
    if not counts(exploration.scope, location):
        await end_visit(connection, each.visit, Reason.REDIRECT_OUT, location, **facts)
        return
    found_by = FoundBy.EARLIER if each.found_by is FoundBy.EARLIER else FoundBy.REDIRECT
    pages = await add_addresses(
        connection, exploration.sweep, [location], found_by=found_by, depth=each.depth + 1, found_on=each.page
    )
    await end_visit(connection, each.visit, Reason.REDIRECT, location, leads_to_id=pages[location], **facts)


def _declared_size(answer: Answer) -> int:
    """The bytes that the server promised of a body that was not read."""
    declared = answer.headers.get("content-length", "")
    return int(declared) if declared.isascii() and declared.isdigit() and len(declared) < 16 else 0
