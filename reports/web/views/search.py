"""Search over sites, pages, defects, rules and criteria that the reader may see."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from fastapi import APIRouter
from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.responses import Response

from audits.failing import open_by_rule, spoken_of
from audits.rules import rule_text
from db.tables import Site
from reports.access.rights import May
from reports.looking_up import criteria_about, plain, rules_about
from reports.page_view import text_of
from reports.web import looking
from reports.web.asking import Asked, Crumb, Reader
from reports.web.listing import Cell, Column, Listing, Part, totalled
from reports.web.views.knowhow import criteria_table, rules_table

LONGEST = 200  # characters of a query
FIRST = 5  # hits of each part on the page of all parts

router = APIRouter()


@dataclass(frozen=True, kw_only=True)
class Found:
    """One part of what a search finds."""

    name: str
    table: Listing
    note: str = ""  # what was not looked at

    @property
    def head(self) -> Column:
        """The column that names each row."""
        return next(column for column in self.table.columns if column.is_head)


@router.get("/search")
async def search(asked: Reader, q: str = "", part: str = "", site: str = "") -> Response:
    """The first hits of each part, or all hits of one."""
    say = asked.language.say
    text = " ".join(unicodedata.normalize("NFKC", q.replace("\0", "")).split())
    async with asked.reading() as connection:
        sites = (
            await connection.execute(sa.select(Site.id, Site.address).where(_mine(asked)).order_by(Site.address))
        ).all()
        chosen = [each for each in sites if str(each.id) == site] or sites
        mine = _mine(asked) if chosen is sites else sa.and_(_mine(asked), Site.id == chosen[0].id)
        error = say("web.search.long", most=LONGEST) if len(text) > LONGEST else ""
        found = await _found(asked, connection, text, chosen, mine) if text and not error else []
        one = next((each for each in found if each.name == part), None)
        if one is not None and (file := one.table.file()):
            return file
        shown: list[tuple[Found, Part]] = [
            (each, await each.table.part(connection)) for each in ([one] if one is not None else found)
        ]
    return asked.page(
        "search.html", say("web.search.one", query=text) if text else say("web.search.title"),
        crumbs=(Crumb(name=say("web.search.title"), href="/search"),) if text else (), status=400 if error else 200,
        q=text, error=error, shown=shown, one=one, sites=sites, site=site if chosen is not sites else "", first=FIRST,
        total=sum(part_.total for _, part_ in shown), most=LONGEST,
        missed=[each for each, part_ in shown if not part_.rows],
    )  # fmt: skip


async def _found(
    asked: Asked, connection: AsyncConnection, text: str, sites: Sequence[Any], mine: sa.ColumnElement[bool]
) -> list[Found]:
    """All parts of what is found on some sites; `mine` is the condition that a site is one of them."""
    titles = await looking.titled(connection, text, mine)
    starts = looking.beginnings(text, [(each.id, each.address) for each in sites])
    pages = looking.pages_at(starts, on_postgres=not asked.database.is_sqlite)
    about = rules_about(text)
    named = [rule for rule in about if _names(rule, text)]
    spoken, waiting = await spoken_of(connection), await open_by_rule(connection, mine, about)
    say = asked.language.say
    rules = rules_table(asked, about, spoken, waiting, sites=len(sites), caption=say("web.search.rules"))
    many = await connection.scalar(sa.select(sa.func.count()).select_from(pages.subquery())) or 0
    return [
        Found(name="sites", table=_addresses(asked, "sites", looking.sites_named(text, mine), "/sites")),
        Found(
            name="addresses", table=_addresses(asked, "addresses", pages, "/pages"),
            note=_note_of_pages(asked, is_address=bool(starts), many=many),
        ),
        Found(name="titles", table=_titles(asked, titles.query), note=_note_of_titles(asked, titles)),
        Found(name="defects", table=_defects(asked, looking.defects_of(text, named, mine))),
        Found(name="rules", table=rules),
        Found(name="criteria", table=criteria_table(asked, criteria_about(text), spoken)),
    ]  # fmt: skip


def _names(rule: str, text: str) -> bool:
    """Whether the name or the title of a rule has all words: its defects are found by these, not by longer texts."""
    told = plain(" ".join([rule, *(rule_text(rule, lang).title for lang in ("ja", "en"))]))
    return all(word in told for word in plain(text).split())


def _note_of_pages(asked: Asked, *, is_address: bool, many: int) -> str:
    if not is_address:
        return asked.language.say("web.search.no_address")
    return asked.language.say("web.search.more", most=looking.MOST) if many > looking.MOST else ""


def _note_of_titles(asked: Asked, titles: looking.Titles) -> str:
    key = "web.search.looked" if titles.looked < titles.every else "web.search.looked_all"
    return asked.language.say(key, looked=titles.looked, every=titles.every)


def _addresses(asked: Asked, name: str, query: sa.Select[*tuple[Any, ...]], place: str) -> Listing:
    say = asked.language.say
    column = Column(
        key="address", heading=say("web.search.address"), is_head=True,
        cell=lambda row: Cell(text=row.address, href=f"{place}/{row.id}"),
    )  # fmt: skip
    return Listing(
        asked=asked, id=name, caption=say(f"web.search.{name}"), columns=[column], sort="address", query=query
    )


def _titles(asked: Asked, query: sa.Select[*tuple[Any, ...]]) -> Listing:
    say = asked.language.say
    columns = [
        Column(
            key="title", heading=say("web.search.page_title"), is_head=True,
            cell=lambda row: Cell(text=row.title, href=f"/pages/{row.id}", aside=row.address),
        ),
    ]  # fmt: skip
    return Listing(
        asked=asked, id="titles", caption=say("web.search.titles"), columns=columns, sort="title", query=totalled(query),
        has_total=True, last=(sa.literal_column('"id"'),),
    )  # fmt: skip


def _defects(asked: Asked, query: sa.Select[*tuple[Any, ...]]) -> Listing:
    language, say = asked.language, asked.language.say
    columns = [
        Column(
            key="id", heading=say("web.search.defect"), is_head=True,
            cell=lambda row: Cell(
                text=say("web.search.defect_one", id=str(row.id), title=text_of(row.rule, language.lang).title), value=row.id,
                href=f"/defects/{row.id}", aside=row.site,
            ),
        ),
        Column(
            key="state", heading=say("web.search.state"), cell=lambda row: Cell(text=say(f"defect_state.{row.state.value}"))
        ),
        Column(key="site", heading=say("web.search.site"), cell=lambda row: Cell(text=row.site)),
    ]  # fmt: skip
    return Listing(
        asked=asked, id="defects", caption=say("web.search.defects"), columns=columns, sort="id",
        query=totalled(query), has_total=True,
    )  # fmt: skip


def _mine(asked: Asked) -> sa.ColumnElement[bool]:
    return asked.who.reach(May.READ).within(Site.id)
