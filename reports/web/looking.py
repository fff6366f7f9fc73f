"""What a search finds among the sites, pages and defects that somebody may see; each query is bounded, and says when."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import KNOWN, ROOT
from audits.defects.sight import parts
from audits.speaking import SPEAKS
from db.database import plain
from db.tables import Defect, Page, Site, Sweep, Visit
from db.words import VisitState

MOST = 1_000  # pages of one search, by address
LOOKED = 20_000  # titles that one search reads: no index serves words within them
AT_ONCE = 300  # conditions of one statement, of which SQLite takes some hundreds in a row
LAST = "\U0010ffff"  # sorts behind all that begins in a way
KEPT = "%/:=&?~#+!$,;'@()*[]-._"  # signs that an address has as they are


@dataclass(frozen=True, kw_only=True)
class Titles:
    """The pages that were looked at for a word in their titles."""

    query: sa.Select[*tuple[Any, ...]]
    looked: int
    every: int  # audited pages of the last sweeps: those looked at, and the others


def sites_named(text: str, mine: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """Sites with a text in their address."""
    return sa.select(Site.id, Site.address.label("address")).where(
        mine, Site.address.icontains(text, autoescape=True)
    )


def beginnings(text: str, sites: Sequence[tuple[int, str]]) -> list[tuple[list[int], str]]:
    """What addresses may begin with that a text stands for, and on which sites: an address, a host, or a path."""
    if " " in text or not sites:
        return []
    written = quote(text, safe=KEPT)
    every = [site for site, _ in sites]
    if written.startswith(("http://", "https://")):
        return [(every, written)]
    if written.startswith("/"):
        by_origin: dict[str, list[int]] = {}
        for site, address in sites:
            parts_ = urlsplit(address)
            by_origin.setdefault(f"{parts_.scheme}://{parts_.netloc}", []).append(site)
        return [(mine, origin + written) for origin, mine in by_origin.items()]
    if "." in written or "/" in written:
        return [(every, f"{scheme}://{written}") for scheme in ("https", "http")]
    return []


def pages_at(starts: Sequence[tuple[list[int], str]], *, on_postgres: bool) -> sa.Select[*tuple[Any, ...]]:
    """Pages whose addresses begin in some ways, no more than MOST and one: more than that nobody reads."""
    found = [_begins(some, start, on_postgres=on_postgres) for sites, start in starts for some in parts(sites)]
    arms = [sa.select(Page.id, Page.address).where(sa.or_(*some)) for some in parts(found or [sa.false()], AT_ONCE)]
    some = sa.union_all(*arms).limit(MOST + 1).subquery().c
    return sa.select(some.id, some.address.label("address"))


def _begins(sites: Sequence[int], start: str, *, on_postgres: bool) -> sa.ColumnElement[bool]:
    """By bytes, as the index has them."""
    least, beyond = ("~>=~", "~<~") if on_postgres else (">=", "<")
    return sa.and_(Page.site_id.in_(sites), Page.address.op(least)(start), Page.address.op(beyond)(start + LAST))


async def titled(connection: AsyncConnection, text: str, mine: sa.ColumnElement[bool]) -> Titles:
    """Pages with a text in their title, among those that the last sweep of each site audited; `mine` is of sites."""
    last = (
        sa.select(sa.func.max(Sweep.id))
        .join(Site, Site.id == Sweep.site_id)
        .where(mine, SPEAKS)
        .group_by(Sweep.site_id)
    )
    sweeps = list(await connection.scalars(last))
    audited = Visit.sweep_id.in_(sweeps), Visit.state == VisitState.AUDITED
    every = await connection.scalar(sa.select(sa.func.count()).where(*audited)) or 0
    read = sa.select(Visit.page_id, Visit.title).where(*audited).limit(LOOKED).subquery().c
    has = _plain(connection, read.title).contains(plain(text), autoescape=True)
    query = sa.select(Page.id, Page.address.label("address"), read.title.label("title"))
    return Titles(
        query=query.join(Page, Page.id == read.page_id).where(has), looked=min(every, LOOKED), every=every
    )


def _plain(connection: AsyncConnection, column: sa.ColumnElement[Any]) -> sa.ColumnElement[str]:
    """What `db.database.plain` makes of a column's text."""
    if connection.dialect.name == "sqlite":
        return sa.func.plain(column, type_=sa.String())
    return sa.func.lower(sa.func.normalize(column, sa.text("NFKC")), type_=sa.String())


def defects_of(text: str, rules: Sequence[str], mine: sa.ColumnElement[bool]) -> sa.Select[*tuple[Any, ...]]:
    """The defect of a number, by any name that it has, and those of some rules; `mine` is of sites."""
    number = int(text) if text.isdecimal() and text.isascii() and len(text) < 10 else None
    known_as = sa.select(ROOT).where(Defect.id == number)
    meant: sa.ColumnElement[bool] = Defect.rule.in_(rules) if rules else sa.false()
    if number is not None:
        meant = sa.or_(meant, Defect.id.in_(known_as))
    return (
        sa.select(
            Defect.id.label("id"),
            Defect.rule.label("rule"),
            Defect.state.label("state"),
            Site.address.label("site"),
        )
        .join(Site, Site.id == Defect.site_id)
        .where(mine, meant, *KNOWN)
    )
