"""The plan of a site's next sweep takes from what the site keeps its manners alone as limits."""

import pytest

from audits.repeating import plan_for
from audits.site import keep_site_settings
from db.database import Database
from tests.audits.trending import FIRST, Histories


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("swept", [False, True])
async def test_scope_and_thresholds_that_a_site_keeps_are_no_limits(database: Database, swept: bool) -> None:
    async with database.writing() as connection:
        histories = Histories(connection=connection)
        [site] = await histories.sites(1)
        if swept:
            await histories.sweeps([site], FIRST, {})
    kept = {
        "delay": 2.0,
        "include": ["/x/*"],
        "exclude": ["/y/*=x"],
        "suspect_shrunken": 0.5,
        "suspect_missing": 0.5,
    }
    await keep_site_settings(database, "https://s0.example.lg.jp/", kept)
    assert (await plan_for(database, site, "tests")).limits.delay == 2.0
