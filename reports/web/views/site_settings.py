"""What is kept with a site: its scope with reasons, its manners, and the organisation that it belongs to."""

from collections.abc import Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Form
from starlette.responses import RedirectResponse, Response

from audits.health import MISSING, SHRUNKEN
from audits.organisations import Tree, shown, tree
from audits.site import HEALTH, KEPT, MANNERS, SCOPE, keep_in
from crawler.address import LONGEST
from crawler.limits import Limits
from crawler.scope import Exclusion, check_pattern
from crawler.windows import Windows
from db.errors import UsageError
from db.tables import Site
from db.types import now
from db.words import Done
from reports.access.rights import May
from reports.cli.options import start_of
from reports.web.asking import Asked, Crumb, Reader, Refused
from reports.web.listing import Cell, Column, Listing
from reports.web.reaches import Places
from reports.web.views.administration import HOME, may_import, way

router = APIRouter()
ALL = f"{HOME}/sites"
Text = Annotated[str, Form(max_length=20_000)]
SWITCHES = ("stop_outside", "obey_meta_robots", "fresh")


@router.get(ALL)
async def sites(asked: Reader) -> Response:
    """The sites that the reader may configure, and the form of a new one."""
    asked.needs(May.CONFIGURE)
    return await _sites(asked)


async def _sites(asked: Asked, error: str = "", **kept: str) -> Response:
    say, mine = asked.language.say, asked.who.reach(May.CONFIGURE)
    async with asked.reading() as connection:
        known = await tree(connection)
        rows = (await connection.execute(sa.select(Site).where(mine.within(Site.id)))).all()
    listing = Listing(
        asked=asked, id="sites", caption=say("web.site_settings.caption"), sort="address", rows=rows,
        columns=_columns(asked, known),
    )  # fmt: skip
    if file := listing.file():
        return file
    async with asked.reading() as connection:
        part = await listing.part(connection)
    return asked.page(
        "site_settings_all.html", say("web.site_settings.title"), crumbs=way(asked), status=400 if error else 200,
        sites=part, error=error, kept={"address": "", "organisation": ""} | kept, choices=_mine(asked, known),
        everywhere=may_import(asked),
    )  # fmt: skip


def _columns(asked: Asked, known: Tree) -> list[Column]:
    language, say = asked.language, asked.language.say

    def number(row: Any, names: tuple[str, ...]) -> Cell:
        kept = row.settings or {}
        found = sum(len(kept[name]) if isinstance(kept[name], list) else 1 for name in names if name in kept)
        return Cell(text=language.number(found), value=found)

    return [
        Column(
            key="address", heading=say("web.site_settings.site"), is_head=True,
            cell=lambda row: Cell(text=row.address, href=f"{ALL}/{row.id}"),
        ),
        Column(
            key="organisation", heading=say("web.site_settings.organisation"),
            cell=lambda row: Cell(text=_path(asked, known, row.organisation_id)),
        ),
        Column(
            key="scope", heading=say("web.site_settings.patterns"), is_number=True,
            cell=lambda row: number(row, SCOPE),
        ),
        Column(
            key="manners", heading=say("web.site_settings.manners_kept"), is_number=True,
            cell=lambda row: number(row, MANNERS),
        ),
    ]  # fmt: skip


def _path(asked: Asked, known: Tree, organisation: int | None) -> str:
    node = known.nodes.get(organisation) if organisation is not None else None
    return shown(node.path) if node else asked.language.say("web.sites.no_organisation")


def _mine(asked: Asked, known: Tree) -> dict[str, str]:
    """The organisations that the reader may put a site under."""
    reach = asked.who.reach(May.CONFIGURE)
    found = Places(known).organisations
    return {value: path for value, path in found.items() if reach.covers(_number(value))}


def _number(value: str) -> int:
    return int(value.partition("-")[2])


@router.post(ALL)
async def make(asked: Reader, address: Text = "", organisation: Text = "") -> Response:
    """Take a site in that no sweep has been to yet."""
    asked.needs(May.CONFIGURE)
    try:
        found = start_of(address)
        if len(found) > LONGEST:
            raise UsageError(ja="アドレスが長すぎます。", en="The address is too long.")
        async with asked.database.writing() as connection:
            chosen = _chosen(asked, await tree(connection), organisation)
            spellings = (found, f"{found}/", found.rstrip("/"))
            if await connection.scalar(sa.select(Site.id).where(Site.address.in_(spellings))) is not None:
                raise UsageError(ja="そのサイトはもうあります。", en="The site is known already.")
            made = (
                sa.insert(Site).values(address=found, organisation_id=chosen, created_at=now()).returning(Site.id)
            )
            site = await connection.scalar(made)
            await asked.leave(connection, Done.SITE_CHANGED, f"/sites/{site}", act="made", site=found)
    except UsageError as error:
        return await _sites(asked, error.line(asked.language.lang), address=address, organisation=organisation)
    return RedirectResponse(f"{ALL}/{site}?done=site_made", 303)


def _chosen(asked: Asked, known: Tree, organisation: str) -> int | None:
    """The organisation that was chosen. Raises UsageError for one that the reader may not put a site under."""
    if not organisation and asked.who.reach(May.CONFIGURE).everywhere:
        return None
    if organisation not in _mine(asked, known):
        raise UsageError(ja="組織を一覧から選んでください。", en="Choose the organisation from the list.")
    return _number(organisation)


@router.get(f"{ALL}/{{site}}")
async def one(asked: Reader, site: int) -> Response:
    """The settings of a site as a form."""
    asked.needs(May.CONFIGURE, site)
    return await _page(asked, site)


async def _page(
    asked: Asked, site: int, errors: Mapping[str, str] | None = None, kept: Mapping[str, str] | None = None
) -> Response:
    async with asked.reading() as connection:
        row = (await connection.execute(sa.select(Site).where(Site.id == site))).one_or_none()
        known = await tree(connection)
    if row is None:
        raise Refused(404)
    say, mine = asked.language.say, _mine(asked, known)
    own = f"organisation-{row.organisation_id}" if row.organisation_id is not None else ""
    choices = {own: _path(asked, known, row.organisation_id), **mine}
    if asked.who.reach(May.CONFIGURE).everywhere:
        choices = {"": say("web.sites.no_organisation"), **choices}
    crumb = Crumb(name=say("web.site_settings.title"), href=ALL)
    return asked.page(
        "site_settings.html", row.address, crumbs=way(asked, crumb), status=400 if errors else 200,
        href=f"{ALL}/{site}", errors=errors or {}, kept=kept or {**as_text(row.settings or {}), "organisation": own},
        organisations=choices, usual=Limits(contact=""), switches=SWITCHES,
        thresholds={"suspect_shrunken": f"{100 * SHRUNKEN:g}", "suspect_missing": f"{100 * MISSING:g}"},
    )  # fmt: skip


def as_text(settings: Mapping[str, Any]) -> dict[str, str]:
    """Settings as a form shows them: nothing where the usual holds."""

    def text(name: str) -> str:
        value = settings.get(name)
        if value is None:
            return ""
        if name in HEALTH:
            return f"{100 * value:g}"
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "\n".join(value) if isinstance(value, list) else str(value)

    return {name: text(name) for name in KEPT}


@router.post(f"{ALL}/{{site}}")
async def change(
    asked: Reader, site: int, organisation: Text = "", include: Text = "", exclude: Text = "", delay: Text = "",
    per_host: Text = "", window: Text = "", stop_outside: Text = "", obey_meta_robots: Text = "", contact: Text = "",
    fresh: Text = "", suspect_shrunken: Text = "", suspect_missing: Text = "",
) -> Response:  # fmt: skip
    """Keep what the form says, instead of what was kept before."""
    asked.needs(May.CONFIGURE, site)
    given = {
        "include": include, "exclude": exclude, "delay": delay, "per_host": per_host, "window": window,
        "stop_outside": stop_outside, "obey_meta_robots": obey_meta_robots, "contact": contact, "fresh": fresh,
        "suspect_shrunken": suspect_shrunken, "suspect_missing": suspect_missing,
    }  # fmt: skip
    settings, wrong = read_settings(given)
    errors = {field: error.line(asked.language.lang) for field, error in wrong.items()}
    kept = given | {"organisation": organisation}
    if errors:
        return await _page(asked, site, errors, kept)
    try:
        async with asked.writing(
            Done.SITE_CHANGED, about=f"/sites/{site}", act="settings", **settings
        ) as connection:
            row = (await connection.execute(sa.select(Site).where(Site.id == site).with_for_update())).one_or_none()
            if row is None:
                raise Refused(404)
            own = f"organisation-{row.organisation_id}" if row.organisation_id is not None else ""
            if organisation != own:
                chosen = _chosen(asked, await tree(connection), organisation)
                await connection.execute(sa.update(Site).where(Site.id == site).values(organisation_id=chosen))
            await keep_in(connection, row.address, settings, reset=True)
    except UsageError as error:
        return await _page(asked, site, {"organisation": error.line(asked.language.lang)}, kept)
    return RedirectResponse(f"{ALL}/{site}?done=saved", 303)


def read_settings(given: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, UsageError]]:
    """The settings that a form means, and what is wrong with which of its fields. An empty field: as usual."""
    found: dict[str, Any] = {}
    wrong: dict[str, UsageError] = {}
    for name, text in given.items():
        if not text.strip():
            continue
        try:
            found[name] = _setting(name, text.strip())
        except UsageError as error:
            wrong[name] = error
    return found, wrong


def _setting(name: str, text: str) -> Any:
    """One setting. Raises UsageError."""
    if name in SCOPE:
        return [_pattern(name, line.strip()) for line in text.splitlines() if line.strip()]
    if name in SWITCHES:
        return text == "yes"
    if name in HEALTH:
        return _between(text, float, 0, 100) / 100
    if name == "delay":
        return _between(text, float, 0, 3600)
    if name == "per_host":
        return _between(text, int, 1, 16)
    if name == "window":
        try:
            Windows.parse(text)
        except ValueError:
            raise UsageError(
                ja="時間帯が読めません。mon-fri 22:00-06:00; sat,sun のように書いてください。",
                en="The times cannot be read: write them as in mon-fri 22:00-06:00; sat,sun.",
            ) from None
    if name == "contact" and not (text.isascii() and text.isprintable()):
        raise UsageError(
            ja="連絡先は半角の英数字と記号で書いてください（HTTP ヘッダーで送るため）。",
            en="Write the contact in printable ASCII: it is sent in an HTTP header.",
        )
    return text


def _pattern(name: str, line: str) -> str:
    try:
        if name == "exclude":
            Exclusion.parse(line)
        else:
            check_pattern(line)
    except ValueError:
        raise UsageError(
            ja=f"「{line[:80]}」が読めません。/ か https:// から始め、除外には = に続けて理由を書いてください。",
            en=f"{line[:80]!r} cannot be read: begin with / or https://; an exclusion ends in = and its reason.",
        ) from None
    return line


def _between(text: str, kind: type[int] | type[float], least: float, most: float) -> float:
    try:
        number = kind(text)
    except ValueError:
        number = kind(-1)
    if not least <= number <= most:
        raise UsageError(
            ja=f"{least:g} から {most:g} までの数を書いてください。",
            en=f"Write a number from {least:g} to {most:g}.",
        )
    return number
