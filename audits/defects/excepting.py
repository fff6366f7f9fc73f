"""Exceptions: a named person's word that a fault is left as it is until a day, its early end, and another's review.

Who may not except proposes: a proposal covers nothing until another person, who may, agrees in a review.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import sweep_row
from audits.defects.book import Listed
from audits.defects.cover import Cover, cover_by, cover_on, named, read, today
from audits.defects.settling import settle
from audits.defects.sight import rules_run
from audits.persons import are_one
from crawler.address import canonical
from crawler.scope import check_pattern
from db.database import streamed
from db.errors import UsageError
from db.tables import Defect, Exemption, Occurrence, Page, Sweep
from db.types import now
from db.words import DefectState, ExceptionReason


@dataclass(frozen=True, kw_only=True)
class Said:
    """What a person says of an exception, whatever it is of."""

    reason: ExceptionReason
    text: str
    person: str
    until: date  # the last day

    def check(self) -> None:
        """Raises UsageError for what nobody could go by."""
        if not self.text.strip():
            raise UsageError(ja="--text に理由の説明を書いてください。", en="--text needs the reason in words.")
        if self.until < today():
            raise UsageError(
                ja=f"--until の {self.until} は過ぎています。例外の最後の日を書いてください。",
                en=f"--until {self.until} is past: give the last day of the exception.",
            )


@dataclass(frozen=True, kw_only=True)
class Told:
    """An exception with what it covers now."""

    exemption: Exemption
    running: bool
    waiting: bool  # proposed, and nobody has said yes or no
    rule: str  # that it is of, or that found its defect
    page: str | None  # address of the one page that it is of
    pages: int  # that show what it is of
    places: int


async def except_defects(
    connection: AsyncConnection, said: Said, defects: Sequence[Listed], pages: Sequence[str] = (), *,
    proposed: bool = False,
) -> list[int]:  # fmt: skip
    """Except defects, on some pages or wherever they show; returns the numbers of the exceptions. Raises UsageError.

    Those that are only `proposed` count from when another person agrees, see `review`.
    """
    said.check()
    numbers: list[int] = []
    sites: set[int] = set()
    for defect in {each.id: each for each in defects}.values():
        if defect.state is DefectState.CONFIRMED:
            raise _nothing_to_except(defect.id)
        site = (await connection.scalars(sa.select(Defect.site_id).where(Defect.id == defect.id))).one()
        sites.add(site)
        scope: dict[str, Any] = {"site_id": site, "defect_id": defect.id, "proposed": proposed}
        on = [await _page(connection, defect.id, address) for address in dict.fromkeys(pages)] if pages else [None]
        for page in on:
            if proposed:
                await _check_new(connection, defect.id, page)
            numbers.append(await _add(connection, said, **scope, page_id=page))
    for site in sorted(sites):
        await settle(connection, site, today())
    return numbers


async def except_rule(connection: AsyncConnection, said: Said, site_id: int, rule: str, pattern: str) -> int:
    """Except what a rule finds on the pages of a pattern, now and later; returns the exception's number.

    Raises UsageError for a rule that no sweep of the site has run, and a pattern that cannot match.
    """
    said.check()
    try:
        check_pattern(pattern)
    except ValueError as error:
        raise UsageError(
            ja=f"--on が読めません: {error}（例: --on '/map/*'）", en=f"--on cannot be read: {error}."
        ) from error
    if not await _is_known(connection, site_id, rule):
        raise UsageError(
            ja=f"規則 {rule} で、このサイトを調べたことはありません。規則の名前は jisweep defects list --csv で見られます。",
            en=f"No sweep of this site has run a rule {rule}: jisweep defects list --csv names the rules.",
        )
    number = await _add(connection, said, site_id=site_id, rule=rule, pattern=pattern)
    await settle(connection, site_id, today())
    return number


async def end(connection: AsyncConnection, number: int, who: str, why: str | None = None) -> None:
    """End an exception before its day, or take a proposal back. Raises UsageError when it has ended."""
    exemption = await _running(connection, number)
    await settle(connection, exemption.site_id, today())
    await _write(connection, number, ended_by=who, ended_at=now())
    await settle(connection, exemption.site_id, today(), who=who, why=why)


async def review(connection: AsyncConnection, number: int, who: str, text: str, *, agrees: bool) -> None:
    """Keep what another person says of a running exception, or a proposal; it ends when they disagree. Raises UsageError.

    A proposal is an exception from when they agree.
    """
    exemption = await _running(connection, number)
    if not text.strip():
        raise UsageError(ja="--text に確認した内容を書いてください。", en="--text needs what was looked at.")
    if await are_one(connection, who, exemption.person):
        raise UsageError(
            ja=f"例外 {number} は {exemption.person} が言ったものです。ほかの人が確認してください。",
            en=f"{exemption.person} said exception {number}: another person has to review it.",
        )
    if exemption.reviewed_by is not None:
        raise UsageError(
            ja=f"例外 {number} は {exemption.reviewed_by} が確認しています。やめるには jisweep defects end-exception を使います。",
            en=f"{exemption.reviewed_by} has reviewed exception {number}: jisweep defects end-exception ends it.",
        )
    if agrees and exemption.proposed and exemption.defect_id is not None:
        state = await connection.scalar(sa.select(Defect.state).where(Defect.id == exemption.defect_id))
        if state is DefectState.CONFIRMED:
            raise _nothing_to_except(exemption.defect_id)
    await _write(connection, number, reviewed_by=who, reviewed_at=now(), agrees=agrees, review=text)
    if not agrees:
        await end(connection, number, who, text)
    elif exemption.proposed:
        await settle(connection, exemption.site_id, today())


async def told(
    connection: AsyncConnection, site_id: int, day: date, numbers: Sequence[int] | None = None
) -> list[Told]:
    """The exceptions of a site, those in force on a day first; all, or those of some numbers."""
    asked = sa.true() if numbers is None else Exemption.id.in_(numbers)
    everything = await cover_by(connection, Exemption.site_id == site_id, asked)
    running = {each.id for each in (await cover_on(connection, site_id, day)).exemptions}
    pages, places = await _extent(connection, site_id, everything)
    names = await named(connection, everything.exemptions)
    found = [
        Told(
            exemption=each, running=each.id in running, waiting=is_waiting(each, day), rule=names[each.id][0],
            page=names[each.id][1], pages=pages[each.id], places=places[each.id],
        )
        for each in everything.exemptions
    ]  # fmt: skip
    return sorted(found, key=lambda each: not each.running)


def is_waiting(exemption: Exemption, day: date) -> bool:
    """Whether it was proposed, and can still be agreed to on a day."""
    unanswered = exemption.reviewed_by is None and exemption.ended_at is None
    return exemption.proposed and unanswered and exemption.until >= day


async def numbers_told(connection: AsyncConnection, numbers: Sequence[int]) -> list[Told]:
    """Some exceptions with what they cover now, in this order."""
    sites = await connection.scalars(sa.select(Exemption.site_id).where(Exemption.id.in_(numbers)).distinct())
    known = {each.exemption.id: each for site in sites for each in await told(connection, site, today(), numbers)}
    return [known[number] for number in numbers]


async def _extent(connection: AsyncConnection, site_id: int, cover: Cover) -> tuple[Counter[int], Counter[int]]:
    """How many pages show what each exception is of, and how many places."""
    pages: Counter[int] = Counter()
    places: Counter[int] = Counter()
    rows = streamed(
        connection,
        sa.select(Defect.id, Defect.rule, Page.id, Page.address, Occurrence.places)
        .join(Occurrence, sa.and_(Occurrence.defect_id == Defect.id, Occurrence.places > 0))
        .join(Page, Page.id == Occurrence.page_id)
        .where(Defect.site_id == site_id, sa.or_(Defect.id.in_(cover.defects), Defect.rule.in_(cover.rules)))
        .order_by(Page.id),
    )
    last: dict[int, int] = {}  # exception → page that it was counted on
    async for defect, rule, page, address, spots in rows:
        for each in cover.all_of(defect=defect, rule=rule, page=page, address=address):
            pages[each.id] += last.get(each.id) != page
            last[each.id] = page
            places[each.id] += spots
    return pages, places


async def _page(connection: AsyncConnection, defect: int, address: str) -> int:
    """The page with this address, which shows the defect. Raises UsageError."""
    known = (address, canonical(address.strip()) or address)
    found = await connection.scalar(
        sa.select(Page.id)
        .join(Occurrence, Occurrence.page_id == Page.id)
        .where(Occurrence.defect_id == defect, Occurrence.places > 0, Page.address.in_(known))
    )
    if found is None:
        raise UsageError(
            ja=f"{address} に欠陥 {defect} はありません。jisweep defects show {defect} で、出ているページを見られます。",
            en=f"{address} does not show defect {defect}: jisweep defects show {defect} lists the pages that do.",
        )
    return found


async def _check_new(connection: AsyncConnection, defect: int, page: int | None) -> None:
    """Raises UsageError when the same has been proposed, and waits for an answer."""
    there = sa.and_(Exemption.proposed, Exemption.defect_id == defect, Exemption.page_id == page)
    for each in await read(connection, there):
        if is_waiting(each, today()):
            raise UsageError(
                ja=f"{each.person} が同じ例外を提案し、返事を待っています（例外 {each.id}）。",
                en=f"{each.person} has proposed the same, and waits for an answer (exception {each.id}).",
            )


async def _is_known(connection: AsyncConnection, site_id: int, rule: str) -> bool:
    """Whether a sweep has found something by the rule, or the last one ran it."""
    there = sa.exists().where(Defect.site_id == site_id, Defect.rule == rule)
    if await connection.scalar(sa.select(there)):
        return True
    judged = Sweep.site_id == site_id, Sweep.rule_criteria.is_not(None), ~Sweep.recheck
    last = await connection.scalar(sa.select(sa.func.max(Sweep.id)).where(*judged))
    return last is not None and rule in rules_run(await sweep_row(connection, last))


async def _add(connection: AsyncConnection, said: Said, **scope: Any) -> int:
    told = {"reason": said.reason, "text": said.text, "person": said.person, "until": said.until, "at": now()}
    query = sa.insert(Exemption).values(told | scope).returning(Exemption.id)
    added: int | None = await connection.scalar(query)
    assert added is not None
    return added


async def _running(connection: AsyncConnection, number: int) -> Exemption:
    """A running exception by its number, which nobody else ends or reviews until the transaction ends. Raises UsageError."""
    await connection.execute(sa.select(Exemption.id).where(Exemption.id == number).with_for_update())
    found = await read(connection, Exemption.id == number)
    if not found:
        raise UsageError(
            ja=f"例外 {number} はありません。jisweep defects exceptions URL で一覧を見られます。",
            en=f"There is no exception {number}: jisweep defects exceptions URL lists them.",
        )
    if found[0].ended_at is not None or found[0].until < today():
        raise UsageError(ja=f"例外 {number} はもう終わっています。", en=f"Exception {number} has ended already.")
    return found[0]


async def _write(connection: AsyncConnection, number: int, **values: Any) -> None:
    """Add to a running exception; what somebody else has ended meanwhile stays as it is."""
    running = Exemption.id == number, Exemption.ended_at.is_(None)
    await connection.execute(sa.update(Exemption).where(*running).values(**values))


def _nothing_to_except(defect: int) -> UsageError:
    return UsageError(
        ja=f"欠陥 {defect} は直ったことが確認されているので、例外にするものがありません。",
        en=f"Defect {defect} is confirmed as repaired: there is nothing to except.",
    )
