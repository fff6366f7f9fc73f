"""What a sweep left in its database, without what differs from run to run: ids, times, who came first, and how long it took."""

import asyncio
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from audits.conclude import conclude
from db.database import Database
from reports.summary import as_json
from tests.audits.swept import read_rows


def rows_of(url: str | Path, sweep: int = 1) -> dict[str, Any]:
    """Pages with their ends, the draw, the findings, the criteria and the numbers of a sweep."""
    return asyncio.run(_rows_of(str(url), sweep))


async def _rows_of(url: str, sweep: int) -> dict[str, Any]:
    async with Database(url) as database:
        told = as_json(await conclude(database, sweep), None)
        rows = await read_rows(database)
    records = {name: table.to_dict("records") for name, table in rows.items()}
    address = {page["id"]: page["address"] for page in records["page"]}
    visits = [visit for visit in records["visit"] if visit["sweep_id"] == sweep]
    at = {visit["id"]: address[visit["page_id"]] for visit in visits}
    shown = {visit["result_id"]: address[visit["page_id"]] for visit in visits if visit["result_id"]}
    row = next(each for each in records["sweep"] if each["id"] == sweep)
    return {
        "numbers": {key: value for key, value in told.items() if key not in ("sweep", "report", "health")},
        "sweep": {key: str(row[key]) for key in SWEEP},
        "notes": [
            [str(each["about"]), each["address"], each["said"]]
            for each in records["note"]
            if each["sweep_id"] == sweep
        ],
        "visits": sorted(
            [address[visit["page_id"]], *(str(visit[key]) for key in VISIT), address.get(visit["leads_to_id"])]
            for visit in visits
        ),
        "draw": sorted(
            [at[each["visit_id"]], str(each["part"]), each["rank"], str(each["why"])] for each in records["draw"]
        ),
        "findings": sorted(
            [shown[each["result_id"]], *(str(each[key]) for key in FINDING)]
            for each in records["finding"]
            if each["result_id"] in shown
        ),
        "criteria": sorted(
            [shown[each["result_id"]], each["criterion"], each["failed_places"], each["cant_tell_places"]]
            for each in records["assertion"]
            if each["result_id"] in shown
        ),
    }


SWEEP = ("state", "method", "seed", "rule_set", "lease_owner")
VISIT = (
    *("state", "reason", "depth", "in_sitemap", "http_status", "content_type", "size", "body_digest", "title"),
    *("kinds", "script_key", "rendered", "template", "lease_owner"),
)
FINDING = ("rule", "outcome", "impact", "frame", "target", "snippet")


def sweep_of(path: Path) -> dict[str, Any]:
    """The row of a first sweep, with its JSON read."""
    with closing(sqlite3.connect(path)) as database:
        database.row_factory = sqlite3.Row
        row = dict(database.execute("SELECT * FROM sweep").fetchone())
    return {**row, "rule_criteria": json.loads(row["rule_criteria"])}


def state_of(path: Path) -> tuple[str, int, int]:
    """Where a first sweep stands while its program runs: state, addresses asked for, pages audited."""
    try:
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=5)) as database:
            state = database.execute("SELECT state FROM sweep").fetchone()
            asked = database.execute("SELECT count(*) FROM visit WHERE state != 'found'").fetchone()
            audited = database.execute("SELECT count(*) FROM visit WHERE state = 'audited'").fetchone()
    except sqlite3.OperationalError:  # not there yet
        return "", 0, 0
    return (state or ("",))[0], asked[0], audited[0]
