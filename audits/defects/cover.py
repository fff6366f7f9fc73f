"""Which places exceptions cover: those of a defect, of a defect on one page, or of a rule on the pages of a pattern."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import KNOWN_AS, parted
from crawler.scope import matches
from crawler.windows import TOKYO
from db.tables import Defect, Exempted, Exemption, Occurrence, Page, PartPage
from db.types import now

Scope = tuple[int, int, int | None]  # exception, defect, page; None: on all of its pages


class Cover:
    """Some exceptions of a site, in the order in which they were said, and the scopes of those that are of defects."""

    def __init__(self, exemptions: Iterable[Exemption] = (), scopes: Iterable[Scope] = ()) -> None:
        self.exemptions = tuple(exemptions)
        self._of_rule: dict[str, list[Exemption]] = defaultdict(list)
        for each in self.exemptions:
            if each.rule is not None:
                self._of_rule[each.rule].append(each)
        self._known = {each.id: each for each in self.exemptions}
        self._of_defect: dict[int, dict[int, set[int | None]]] = defaultdict(lambda: defaultdict(set))
        for exemption, defect, page in scopes:
            self._of_defect[defect][exemption].add(page)

    def __bool__(self) -> bool:
        return bool(self.exemptions)

    @property
    def defects(self) -> frozenset[int]:
        """The defects that exceptions name."""
        return frozenset(self._of_defect)

    @property
    def rules(self) -> frozenset[str]:
        """The rules that exceptions name."""
        return frozenset(self._of_rule)

    def all_of(self, *, defect: int, rule: str, page: int, address: str) -> list[Exemption]:
        """The exceptions that cover a defect's places on a page."""
        scopes = self._of_defect.get(defect, {}).items()
        named = (self._known[number] for number, pages in scopes if None in pages or page in pages)
        by_rule = (each for each in self._of_rule.get(rule, ()) if matches(each.pattern or "", address))
        return sorted((*named, *by_rule), key=lambda each: each.id)

    def concerning(self, defect: int, rule: str) -> list[Exemption]:
        """The exceptions that cover, or may cover, some page of a defect."""
        named = self._of_defect.get(defect, {})
        return [each for each in self.exemptions if each.id in named or each.rule == rule]

    def of(self, *, defect: int, rule: str, page: int, address: str) -> Exemption | None:
        """The exception that covers a defect's places on a page: of several, the one that was said first."""
        return next(iter(self.all_of(defect=defect, rule=rule, page=page, address=address)), None)


async def cover_on(connection: AsyncConnection, site_id: int, day: date) -> Cover:
    """The exceptions of a site that are in force at the end of a day: from the one when they were said to their last.

    One that a person has ended is not in force on that day any more.
    """
    midnight = datetime.combine(day + timedelta(days=1), time(), TOKYO)
    return await cover_at(connection, site_id, midnight - timedelta.resolution)


async def cover_at(connection: AsyncConnection, site_id: int, moment: datetime) -> Cover:
    """The exceptions of a site that had been said by a moment, those that were proposed also agreed to, and had not ended."""
    agreed = sa.and_(Exemption.agrees.is_(True), Exemption.reviewed_at <= moment)
    in_force = (
        Exemption.site_id == site_id, Exemption.at <= moment, Exemption.until >= day_of(moment),
        sa.or_(~Exemption.proposed, agreed), sa.or_(Exemption.ended_at.is_(None), Exemption.ended_at > moment),
    )  # fmt: skip
    return await cover_by(connection, *in_force)


async def cover_by(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> Cover:
    """Some exceptions with what they cover: of what is merged or split since, no more than before."""
    exemptions = await read(connection, *conditions)
    return Cover(exemptions, await _scopes(connection, *conditions))


async def _scopes(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Scope]:
    """What exceptions cover, by the defects that go by these names now."""
    said = (
        sa.select(Exemption.id, KNOWN_AS, Exemption.page_id)
        .select_from(Exemption)
        .join(Defect, Defect.id == Exemption.defect_id)
        .outerjoin(PartPage, parted(Exemption.page_id))
        .where(~Exemption.restated, *conditions)
    )
    restated = (
        sa.select(Exemption.id, KNOWN_AS, Exempted.page_id)
        .select_from(Exemption)
        .join(Exempted, Exempted.exemption_id == Exemption.id)
        .join(Defect, Defect.id == Exempted.defect_id)
        .outerjoin(PartPage, parted(Exempted.page_id))
        .where(Exemption.restated, *conditions)
    )
    found = [*await connection.execute(said), *await connection.execute(restated)]
    return [(number, defect, page) for number, defect, page in found]


async def restate_merged(connection: AsyncConnection, kept: int, other: int) -> None:
    """Before two defects become one: what was said of one of them covers no page that the other has shown on.

    Where an exception is of both it goes on; so does one on the pages that only its own side ever had.
    """
    scopes = await _scopes_of(connection, (kept, other))
    if not scopes:
        return
    pages = {side: await _pages_of(connection, side) for side in (kept, other)}
    for number, of in scopes.items():
        if all(None in of.get(side, ()) for side in pages):
            continue
        covered = {
            page for page in pages[kept] | pages[other]
            if all(page not in mine or {None, page} & of.get(side, set()) for side, mine in pages.items())
        }  # fmt: skip
        await _restate(connection, number, (kept, other), [(kept, page) for page in sorted(covered)])


async def restate_split(connection: AsyncConnection, defect: int, off: int) -> None:
    """After a defect was split: what was said of all of its pages, or of one that both show on, is said of both."""
    mine = await _pages_of(connection, off)
    for number, of in (await _scopes_of(connection, (defect, off))).items():
        before = {(each, page) for each, pages in of.items() for page in pages}
        new = {(off, page) for each, page in before if each == defect and (page is None or page in mine)}
        if new - before:
            rows = sorted(before | new, key=lambda each: (each[0], each[1] or 0))
            await _restate(connection, number, (defect, off), rows)


async def _scopes_of(
    connection: AsyncConnection, defects: Collection[int]
) -> dict[int, dict[int, set[int | None]]]:
    """The exceptions of some defects, also those that have ended, with their pages by defect."""
    found: dict[int, dict[int, set[int | None]]] = defaultdict(lambda: defaultdict(set))
    site = sa.select(Defect.site_id).where(Defect.id.in_(defects))
    for number, defect, page in await _scopes(connection, Exemption.site_id.in_(site)):
        if defect in defects:
            found[number][defect].add(page)
    return found


async def _pages_of(connection: AsyncConnection, defect: int) -> set[int]:
    """The pages that show a defect, or did."""
    return set(await connection.scalars(sa.select(Occurrence.page_id).where(Occurrence.defect_id == defect)))


async def _restate(
    connection: AsyncConnection, number: int, of: Collection[int], rows: Sequence[tuple[int, int | None]]
) -> None:
    """Write what an exception covers of some defects from now on."""
    others = [
        (defect, page) for _, defect, page in await _scopes(connection, Exemption.id == number) if defect not in of
    ]
    await connection.execute(sa.delete(Exempted).where(Exempted.exemption_id == number))
    await connection.execute(sa.update(Exemption).where(Exemption.id == number).values(restated=True))
    added = [{"exemption_id": number, "defect_id": defect, "page_id": page} for defect, page in (*others, *rows)]
    if added:
        await connection.execute(sa.insert(Exempted), added)


async def read(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Exemption]:
    """Exceptions as detached objects, in the order in which they were said; of a defect by the name that it goes by now."""
    rows = await connection.execute(
        sa.select(Exemption, KNOWN_AS.label("known_as"))
        .select_from(Exemption)
        .outerjoin(Defect, Defect.id == Exemption.defect_id)
        .outerjoin(PartPage, parted(Exemption.page_id))
        .where(*conditions)
        .order_by(Exemption.id)
    )
    columns = [column.key for column in Exemption.__table__.columns]
    return [
        Exemption(**{**{name: row[name] for name in columns}, "defect_id": row["known_as"]})
        for row in rows.mappings()
    ]


async def named(connection: AsyncConnection, exemptions: Iterable[Exemption]) -> dict[int, tuple[str, str | None]]:
    """The rule that each exception is of, by its number, and the address of the one page that it is of."""
    numbers = [each.id for each in exemptions]
    rows = await connection.execute(
        sa.select(Exemption.id, sa.func.coalesce(Exemption.rule, Defect.rule), Page.address)
        .outerjoin(Defect, Defect.id == Exemption.defect_id)
        .outerjoin(Page, Page.id == Exemption.page_id)
        .where(Exemption.id.in_(numbers))
    )
    return {number: (rule, page) for number, rule, page in rows}


def day_of(moment: datetime) -> date:
    """The day of a moment in Tokyo."""
    return moment.astimezone(TOKYO).date()


def today() -> date:
    """The day that it is in Tokyo."""
    return day_of(now())
