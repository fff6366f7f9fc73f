"""Which places exceptions cover: those of a defect, of a defect on one page, or of a rule on the pages of a pattern."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.scope import matches
from crawler.windows import TOKYO
from db.tables import Defect, Exemption, Page
from db.types import now


class Cover:
    """Some exceptions of a site, in the order in which they were said."""

    def __init__(self, exemptions: Iterable[Exemption] = ()) -> None:
        self.exemptions = tuple(exemptions)
        self._of_defect: dict[int, list[Exemption]] = defaultdict(list)
        self._of_rule: dict[str, list[Exemption]] = defaultdict(list)
        for each in self.exemptions:
            if each.defect_id is not None:
                self._of_defect[each.defect_id].append(each)
            elif each.rule is not None:
                self._of_rule[each.rule].append(each)

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
        named = (each for each in self._of_defect.get(defect, ()) if each.page_id in (None, page))
        by_rule = (each for each in self._of_rule.get(rule, ()) if matches(each.pattern or "", address))
        return sorted((*named, *by_rule), key=lambda each: each.id)

    def of(self, *, defect: int, rule: str, page: int, address: str) -> Exemption | None:
        """The exception that covers a defect's places on a page: of several, the one that was said first."""
        return next(iter(self.all_of(defect=defect, rule=rule, page=page, address=address)), None)


async def cover_on(connection: AsyncConnection, site_id: int, day: date) -> Cover:
    """The exceptions of a site that are in force on a day: from the one when they were said to their last.

    One that a person has ended is not in force on that day any more.
    """
    after = datetime.combine(day + timedelta(days=1), time(), TOKYO)
    in_force = (
        Exemption.site_id == site_id, Exemption.at < after, Exemption.until >= day,
        sa.or_(Exemption.ended_at.is_(None), Exemption.ended_at >= after),
    )  # fmt: skip
    return Cover(await read(connection, *in_force))


async def read(connection: AsyncConnection, *conditions: sa.ColumnElement[bool]) -> list[Exemption]:
    """Exceptions as detached objects, in the order in which they were said; of a defect by the name that it goes by now."""
    known_as = sa.func.coalesce(Defect.merged_into_id, Exemption.defect_id).label("known_as")
    rows = await connection.execute(
        sa.select(Exemption, known_as)
        .outerjoin(Defect, Defect.id == Exemption.defect_id)
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
