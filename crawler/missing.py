"""Soft 404: servers that answer an address that does not exist with a page, and with 200, or send it to such a page.

Asked is an address that cannot exist, once for each folder in which a page is under suspicion. Where the answer says
that there is no such page, pages that say the same, but for numbers and their own address, are none either; where it
was sent to a page that says so, neither is any address that was sent there.
"""

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crawler.address import directory_of, origin_of, place_of
from crawler.answers import is_silent, page_of
from crawler.document import Document
from crawler.exploration import Exploration, note
from crawler.frontier import end_visit
from crawler.links import all_links
from crawler.minhash import Minhash, likeness, unpack
from db.tables import Page, Visit
from db.words import About, FoundBy, Reason, VisitState

ALIKE = (
    0.5  # share of common wording with the answer for an address that cannot exist from which a page is read again
)
SHARED = 3  # pages with the same wording, or addresses sent to one place, from which they are under suspicion
UNTOLD = "it gave no answer: pages that say only that there is none may be counted"
UNASKED = "not asked whether pages that say only that there is none are pages: the time for exploring was over"
HOPS = 5  # redirects that are followed

_SAID = re.compile(
    r"404|not ?found|見つかりません|ありません|ございません|存在しません|お探しのページ|エラー|error", re.IGNORECASE
)
_NUMBERS_AND_SPACE = re.compile(r"[\d\s]+")


@dataclass(frozen=True, kw_only=True)
class _Suspect:
    """A page that may say only that there is none."""

    visit: int
    address: str
    title: str | None
    wording: str
    shape: Minhash


@dataclass(frozen=True, kw_only=True)
class _Sent:
    """An address that led to a page."""

    visit: int
    place: str  # where to
    page: int  # which is there
    title: str | None  # of that page
    wording: str | None


@dataclass(frozen=True, kw_only=True)
class _Missing:
    """What tells a reader that an address does not exist, where the server says that all is well."""

    probe: str
    document: Document
    place: str | None  # where the probe was sent; None: it answered itself


async def mark_soft_not_found(exploration: Exploration, ends: float) -> None:
    """End the pages that are none, with what was asked for to find out; where the time is over before, that is noted."""
    suspects, sent = await _suspects(exploration), await _sent(exploration)
    places: dict[int, str] = {}  # page where missing addresses are sent → the probe that was sent there
    for folder in sorted({*suspects, *sent}):
        if exploration.is_over(ends):
            await note(exploration, About.UNSURE, folder, UNASKED)
            break
        missing = await _answer_for(exploration, f"{folder}{_unlikely_name(folder)}")
        if missing is None:
            continue
        ended = {
            each.visit: f"like {missing.probe}"
            for each in await _alike(exploration, suspects[folder], missing, ends)
        }
        named = await _names_error(exploration, missing)
        for each in sent[folder]:  # one path may serve the page for missing addresses and real ones alike
            same = each.wording == missing.document.content.wording or (
                named and each.title == missing.document.title
            )
            if each.place == missing.place and same:
                ended[each.visit] = f"sent to {each.place}, as {missing.probe} was"
                places.setdefault(each.page, missing.probe)
        async with exploration.database.writing() as connection:
            for visit, detail in ended.items():
                await end_visit(connection, visit, Reason.SOFT_NOT_FOUND, detail)
    await _mark_places(exploration, places)


async def _suspects(exploration: Exploration) -> dict[str, list[_Suspect]]:
    """Pages with the title of an error page, or with the words of several others; by folder."""
    frame = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED)
    found: dict[str, list[_Suspect]] = defaultdict(list)
    async with exploration.database.reading() as connection:
        shared = sa.select(Visit.wording).where(*frame).group_by(Visit.wording).having(sa.func.count() >= SHARED)
        often = set(await connection.scalars(shared))
        rows = await connection.stream(
            sa.select(Visit.id, Page.address, Visit.title, Visit.wording, Visit.text_shape)
            .join(Page, Page.id == Visit.page_id)
            .where(*frame)
            .order_by(Page.address)
        )
        async for visit, address, title, wording, shape in rows:
            if (
                shape
                and wording
                and address != exploration.scope.start
                and (wording in often or _SAID.search(title or ""))
            ):
                found[_folder(address)].append(
                    _Suspect(visit=visit, address=address, title=title, wording=wording, shape=unpack(shape))
                )
    return found


async def _sent(exploration: Exploration) -> dict[str, list[_Sent]]:
    """Addresses that led to a page with the title of an error page, or to one place as several others; by folder."""
    there, target = aliased(Visit), aliased(Page)
    mine = (Visit.sweep_id == exploration.sweep.id, Visit.reason == Reason.REDIRECT)
    explored = (there.sweep_id == exploration.sweep.id, there.state == VisitState.EXPLORED)
    async with exploration.database.reading() as connection:
        rows = (
            await connection.execute(
                sa.select(
                    Visit.id,
                    Page.address,
                    Visit.leads_to_id,
                    target.address.label("to"),
                    there.title,
                    there.wording,
                )
                .join(Page, Page.id == Visit.page_id)
                .join(target, target.id == Visit.leads_to_id)
                .join(there, there.page_id == Visit.leads_to_id)
                .where(*mine, *explored, target.address != exploration.scope.start)
                .order_by(Page.address)
            )
        ).all()
    times = Counter(place_of(row.to) for row in rows)
    found: dict[str, list[_Sent]] = defaultdict(list)
    for row in rows:
        if times[place_of(row.to)] >= SHARED or _SAID.search(row.title or ""):
            found[_folder(row.address)].append(
                _Sent(
                    visit=row.id, place=place_of(row.to), page=row.leads_to_id, title=row.title, wording=row.wording
                )
            )
    return found


async def _alike(
    exploration: Exploration, suspects: list[_Suspect], missing: _Missing, ends: float
) -> list[_Suspect]:
    """Those that say what the probe's own answer says."""
    if missing.place is not None:
        return []
    title, named = missing.document.title, await _names_error(exploration, missing)
    verdicts = {missing.document.content.wording: True}
    for each in suspects:
        if each.wording not in verdicts:
            verdicts[each.wording] = (named and each.title == title) or await _is_echo(
                exploration, each, missing, ends
            )
    return [each for each in suspects if verdicts[each.wording]]


async def _is_echo(exploration: Exploration, page: _Suspect, missing: _Missing, ends: float) -> bool:
    """Whether a page, read again, says what the probe's answer says, each naming its own address."""
    if likeness(page.shape, missing.document.content.shape) < ALIKE:
        return False
    if exploration.is_over(ends):
        await note(exploration, About.UNSURE, _folder(page.address), UNASKED)
        return False
    answer = await exploration.fetcher.get(page.address)
    document = page_of(answer)
    if document is None:
        if is_silent(answer):
            await note(exploration, About.UNANSWERED, page.address, UNTOLD)
        return False
    return _said_without(page.address, document) == _said_without(missing.probe, missing.document)


def _said_without(address: str, document: Document) -> str:
    """The words of a page without numbers and what names its own address."""
    path, _, query = address.removeprefix(origin_of(address)).partition("?")
    echoes = {f"{path}?{query}" if query else path, path, path.rpartition("/")[2]}
    echoes |= {f"//{urlsplit(address).netloc}{each}" for each in echoes if each.startswith("/")}
    said = document.content.words
    for echo in sorted({*echoes, *map(unquote, echoes)} - {"", "/"}, key=len, reverse=True):
        said = said.replace(echo, "")
    return _NUMBERS_AND_SPACE.sub("", said)


async def _names_error(exploration: Exploration, missing: _Missing) -> bool:
    """Whether the title alone tells that an address does not exist."""
    title = missing.document.title
    return bool(_SAID.search(title)) and title != await _title_of_start(exploration)


async def _title_of_start(exploration: Exploration) -> str | None:
    async with exploration.database.reading() as connection:
        title: str | None = await connection.scalar(
            sa.select(Visit.title)
            .join(Page, Page.id == Visit.page_id)
            .where(Visit.sweep_id == exploration.sweep.id, Page.address == exploration.scope.start)
        )
    return title


async def _answer_for(exploration: Exploration, probe: str) -> _Missing | None:
    """What an address that does not exist gives, where it is a page that says so."""
    address = probe
    for _ in range(HOPS):
        inside = exploration.scope.judge(address).reason is None
        if not inside or not (await exploration.robots_of(address)).allows(address):
            return None
        answer = await exploration.fetcher.get(address)
        if answer.location is None:
            break
        address = answer.location
    if is_silent(answer) and answer.status not in (401, 403):  # so some refuse what they do not have
        await note(exploration, About.UNANSWERED, probe, UNTOLD)
    document = page_of(answer)
    if document is None or not _SAID.search(" ".join((document.title, *document.headings))):
        return None
    return _Missing(probe=probe, document=document, place=None if address == probe else place_of(address))


async def _mark_places(exploration: Exploration, places: dict[int, str]) -> None:
    """End the pages to which missing addresses are sent, but for those that the site itself names."""
    if not places:
        return
    async with exploration.database.writing() as connection:
        named = await _named(connection, exploration.sweep.id, set(places))
        mine = (Visit.sweep_id == exploration.sweep.id, Visit.state == VisitState.EXPLORED)
        found = (Visit.found_by == FoundBy.REDIRECT, ~Visit.in_sitemap, Visit.page_id.in_(set(places) - named))
        rows = await connection.execute(sa.select(Visit.id, Visit.page_id).where(*mine, *found))
        for visit, page in rows.all():
            await end_visit(connection, visit, Reason.SOFT_NOT_FOUND, f"where {places[page]} was sent")


async def _named(connection: AsyncConnection, sweep_id: int, pages: set[int]) -> set[int]:
    """Those of some pages to which another page, none of them, links."""
    named: set[int] = set()
    async for page, links, shown in all_links(connection, sweep_id):
        if page not in pages:
            named |= pages.intersection([*links, *shown])
    return named


def _folder(address: str) -> str:
    return f"{origin_of(address)}{directory_of(address)}"


def _unlikely_name(folder: str) -> str:
    return f"jisweep-{hashlib.sha256(folder.encode()).hexdigest()[:12]}.html"
