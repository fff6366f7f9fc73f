"""`jisweep trend`: what the sweeps of a page, a site or an organisation's sites say over time."""

import asyncio
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.cycles.rounds import days_of, named
from audits.defects.book import address_of, site_of
from audits.organisations import Tree, shown, tree
from audits.trends.pages import page_of
from audits.trends.periods import Every
from audits.trends.rollup import rolled_up
from audits.trends.trend import Target, Trend, trend_of
from db.errors import UsageError
from reports.clean import visible
from reports.cli.desk import with_defects
from reports.cli.options import database_option, json_option, lang_option
from reports.cli.running import COMPLETE
from reports.cli.saying import say_csv, say_json
from reports.cli.usage import Percent
from reports.language import Language
from reports.tables import LOOKS, TREND, csv_text
from reports.trend_cells import look_cells, trend_cells
from reports.trend_json import as_json
from reports.trend_lines import as_lines
from reports.trend_report import Unit, write_trend
from reports.trend_view import Of, rolled_row


class Share(Percent):
    """A share in percent, with or without its sign."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share; what is no percentage is refused."""
        plain = value.strip().removesuffix("%").removesuffix("％") if isinstance(value, str) else value
        return super().convert(plain, param, ctx)


@click.command()
@click.argument("name", metavar="[URL|ORGANISATION]", required=False)
@click.option(
    "--cycle", metavar="NAME", help="The sites of a cycle, from what they are measured from to its last day."
)
@click.option("--page", metavar="ADDRESS", help="One page of the site: what each sweep saw of it.")
@click.option(
    "--from", "first", type=click.DateTime(["%Y-%m-%d"]), help="First day.  [default: of the first sweep]"
)
@click.option("--to", "last", type=click.DateTime(["%Y-%m-%d"]), help="Last day.  [default: today]")
@click.option(
    "--every",
    type=click.Choice([each.value for each in Every]),
    default=Every.MONTH.value,
    show_default=True,
    help="Length of a period; quarters and years are those of the fiscal year.",
)
@click.option("--criterion", metavar="NUMBER", help="Only faults of one success criterion, such as 1.4.3.")
@click.option("--target", type=Share(), metavar="PERCENT", help="Share of problem pages to be reached; with --by.")
@click.option("--by", "by", type=click.DateTime(["%Y-%m-%d"]), help="The day when the target is to be reached.")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="DIR", help="Write charts and tables as a page into a folder."
)
@click.option("--csv", is_flag=True, help="Print the points as CSV.")
@json_option
@lang_option
@database_option
def trend(name: str | None, **given: Any) -> int:
    """Trends of the site at URL, of one page of it, or of the sites of an organisation or a cycle.

    Only what may be compared is joined; every break is named with its reason.
    """
    asyncio.run(_trend(name, given))
    return COMPLETE  # fmt: skip


async def _trend(name: str | None, given: dict[str, Any]) -> None:
    if (name is None) == (given["cycle"] is None):
        raise UsageError(
            ja="サイトの URL、組織の名前、--cycle のサイクルの名前のうち、どれか1つを書いてください。",
            en="Give one of these: the URL of a site, the name of an organisation, or --cycle with the name of a cycle.",
        )
    language = Language(given["lang"])
    target = _target(given)

    async def read(connection: AsyncConnection) -> tuple[Trend, Of, list[Unit]]:
        return await _read(connection, name, given, target)

    found, of, units = await with_defects(given, read)
    if given["out"] is not None:
        path = write_trend(found, of, given["out"], given["lang"], units)
        click.echo(language.say("trend.line.written", path=str(path)))
    elif given["as_json"]:
        say_json(as_json(found, of))
    elif given["csv"]:
        if found.page is not None:
            say_csv(csv_text(look_cells(found, language), "looks", LOOKS, language))
        else:
            say_csv(csv_text(trend_cells(found, of, language), "trend", TREND, language))
    else:
        for line in as_lines(found, of, language):
            click.echo(visible(line))


def _target(given: dict[str, Any]) -> Target | None:
    """The target and its day. Raises UsageError for one without the other, and for a page, which has no share."""
    share, by = given["target"], given["by"]
    if (share is None) != (by is None):
        raise UsageError(
            ja="--target（割合）と --by（日）は、両方を書いてください（例: --target 10% --by 2027-03-31）。",
            en="--target and --by go together, as in --target 10% --by 2027-03-31.",
        )
    if share is not None and given["page"] is not None:
        raise UsageError(
            ja="1ページには割合がないため、--page と --target は一緒に使えません。",
            en="One page has no share of problem pages: --page and --target do not go together.",
        )
    return None if by is None else Target(share=share, by=by.date())


async def _read(
    connection: AsyncConnection, name: str | None, given: dict[str, Any], target: Target | None
) -> tuple[Trend, Of, list[Unit]]:
    known = await tree(connection)
    asked: dict[str, Any] = {
        "first": _day(given["first"]), "last": _day(given["last"]), "every": Every(given["every"]),
        "criterion": given["criterion"], "target": target,
    }  # fmt: skip
    addresses = {site: address for some in known.sites.values() for site, address in some}
    owners = {
        site: shown(known.nodes[number].path)
        for number, some in known.sites.items() if number is not None
        for site, _ in some
    }  # fmt: skip
    if name is not None and "://" in name:
        site = await site_of(connection, name)
        page = await page_of(connection, site, given["page"]) if given["page"] else None
        found = await trend_of(connection, [site], alone=True, page=page, **asked)
        called = found.page.address if found.page else await address_of(connection, site)
        return found, Of(name=called, kind="page" if page else "site", sites=addresses, organisations=owners), []
    if given["page"]:
        raise UsageError(
            ja="--page には、組織やサイクルではなくサイトのアドレスを書いてください。",
            en="--page needs the URL of its site, not an organisation or a cycle.",
        )
    if name is None:
        cycle = await named(connection, given["cycle"])
        first, last = await days_of(connection, cycle)
        asked |= {"first": asked["first"] or first, "last": asked["last"] or last}
        found = await trend_of(connection, [each.site for each in cycle.sites], alone=False, **asked)
        return found, Of(name=cycle.name, kind="cycle", sites=addresses, organisations=owners), []
    node = known.named(name)
    sites = known.sites_below(node.id)
    if not sites:
        raise UsageError(
            ja=f"「{shown(node.path)}」にはサイトがありません。jisweep organisation import で登録できます。",
            en=f"{shown(node.path)!r} has no sites: jisweep organisation import takes them in.",
        )
    found = await trend_of(connection, sites, alone=False, **asked)
    of = Of(name=shown(node.path), kind="organisation", sites=addresses, organisations=owners)
    return found, of, list(_units(known, node.id, found))


def _units(known: Tree, organisation: int, found: Trend) -> Iterator[Unit]:
    """The organisations right below, each rolled up over those of its sites that the last period with a point is of."""
    last = [each for each in found.rolled if each.steps][-1:]
    for node in known.children(organisation) if last else ():
        sites = known.sites_below(node.id)
        if sites:
            told = [site for site in sites if site in last[0].steps]
            [rolled] = rolled_up(found.steps, told, [last[0].period])
            yield Unit(name=shown(node.path), row=rolled_row(rolled, len(sites), found.criterion))


def _day(moment: datetime | None) -> date | None:
    return moment.date() if moment else None
