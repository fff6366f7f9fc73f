"""The checklist's numbers: by pages, contents apart from templates, from the last finished sweep, with what is excepted left out."""

from datetime import timedelta

import pytest
import sqlalchemy as sa

from audits.checklist import commonest
from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from audits.rules import checklist_line, rule_text
from db.database import Database
from db.errors import UsageError
from db.tables import Defect, Exemption, Site, Sweep
from db.words import ExceptionReason, Region, SweepState
from tests.audits.shared import reference
from tests.audits.test_reconcile import BEGIN, History, history_in

RULES = {"image-alt": ["1.1.1"], "label": ["4.1.2"], "color-contrast": ["1.4.3"], "region": []}
FINISHED = {"finished_at": BEGIN, "rule_criteria": RULES, "rules": [*RULES]}
LONGEST = {
    "ja": {"look": 48, "wrong": 24, "right": 24},
    "en": {"look": 120, "wrong": 46, "right": 72},
}  # what the sheet has room for: tests/reports/test_knowhow.py prints ten of the longest


async def region(history: History, fault: str, where: Region | None) -> None:
    await history.connection.execute(
        sa.update(Defect).where(Defect.id == history.defects[fault]).values(region=where)
    )


async def test_contents_are_ranked_by_pages_and_templates_stand_apart(database: Database) -> None:
    async with history_in(database) as history:
        truth = {"/1": {"a": 9, "c": 1, "d": 1}, "/2": {"c": 1, "d": 1}, "/3": {"c": 1, "b": 1}, "/4": {}}
        sweep = await history.sweep(truth, lost=["/4"], **FINISHED)
        await reconcile(history.connection, sweep)
        await region(history, "c", Region.TEMPLATE)
        await region(history, "d", Region.CONTENT)
        found = await commonest(history.connection, [history.site])
        told = [(each.rule, each.pages, each.places) for each in found.contents]
        assert told == [("image-alt", 2, 10), ("color-contrast", 2, 2)], "two defects of one rule, on two pages"
        assert [(each.rule, each.pages, each.places) for each in found.templates] == [("label", 3, 3)]
        assert [each.number for each in found.templates[0].criteria] == ["4.1.2"]
        assert (found.audited, found.known, found.partial, found.excepted) == (3, 4, True, 0)


async def test_numbers_are_of_the_last_finished_sweep_and_never_of_a_recheck(database: Database) -> None:
    async with history_in(database) as history:
        for truth, given in (
            ({"/1": {"a": 1}, "/2": {"a": 1}}, {}),
            ({"/1": {"a": 1}, "/2": {}}, {}),
            ({"/1": {"a": 1}, "/2": {"a": 1}}, {"recheck": True}),
            ({"/1": {"a": 1}, "/2": {"a": 1}}, {"state": SweepState.AUDITING}),
        ):
            await history.sweep(truth, **{**FINISHED, **given})
        found = await commonest(history.connection, [history.site])
        assert [each.pages for each in found.contents] == [1]
        assert [each.sweep for each in found.sources] == [2]


async def test_what_exceptions_cover_is_left_out_and_told(database: Database) -> None:
    async with history_in(database) as history:
        sweep = await history.sweep({"/1": {"a": 2}, "/2": {"a": 1}}, **{**FINISHED, "finished_at": None})
        await history.connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep).values(finished_at=history.now())
        )
        row = {
            "site_id": history.site, "rule": "image-alt", "pattern": "/1*", "reason": ExceptionReason.THIRD_PARTY,
            "text": "地図", "person": "田中", "at": BEGIN, "until": today() + timedelta(days=9),
        }  # fmt: skip
        await history.connection.execute(sa.insert(Exemption).values(row))
        found = await commonest(history.connection, [history.site])
        assert [(each.pages, each.places) for each in found.contents] == [(1, 1)]
        assert found.excepted == 2


async def test_a_known_defect_counts_under_the_one_that_it_is_known_as(database: Database) -> None:
    async with history_in(database) as history:
        await reconcile(history.connection, await history.sweep({"/1": {"a": 1}, "/2": {"b": 1}}, **FINISHED))
        await history.connection.execute(
            sa.update(Defect).where(Defect.id == history.defects["b"]).values(merged_into_id=history.defects["a"])
        )
        await region(history, "a", Region.TEMPLATE)
        found = await commonest(history.connection, [history.site])
        assert (found.contents, [each.pages for each in found.templates]) == ((), [2])


async def test_several_sites_are_counted_together(database: Database) -> None:
    async with history_in(database) as history:
        await history.sweep({"/1": {"a": 1}, "/2": {}}, **FINISHED)
        other = await history.connection.scalar(
            sa.insert(Site).values(address="https://b.lg.jp/", created_at=BEGIN, settings={}).returning(Site.id)
        )
        assert other is not None
        with pytest.raises(UsageError, match=r"b\.lg\.jp"):
            await commonest(history.connection, [history.site, other])
        second = History(connection=history.connection, site=other, day=9)
        second.defects = {"a": history.defects["a"]}
        await second.sweep({"/5": {"a": 3, "c": 1}}, **FINISHED)
        found = await commonest(history.connection, [history.site, other])
        assert [(each.rule, each.pages, each.places) for each in found.contents] == [
            ("image-alt", 2, 4), ("label", 1, 1),
        ]  # fmt: skip
        assert (found.audited, [each.audited for each in found.sources]) == (3, [2, 1])
        assert len(found.rule_sets) == 1
        await second.sweep({"/5": {"a": 3}}, **FINISHED, rule_set="another engine")
        assert len((await commonest(history.connection, [history.site, other])).rule_sets) == 2


async def test_a_share_is_of_the_pages_that_the_rule_was_run_on(database: Database) -> None:
    """One site is judged by an older edition that has no rule for contrast."""
    async with history_in(database) as history:
        row = {"address": "https://other.example.lg.jp/", "created_at": BEGIN}
        number = (await history.connection.scalars(sa.insert(Site).values(row).returning(Site.id))).one()
        other = History(connection=history.connection, site=number)
        fewer = {each: RULES[each] for each in ("image-alt", "region")}
        await history.sweep({"/1": {"a": 1, "d": 1}, "/2": {}}, **FINISHED)
        await other.sweep({"/x1": {"a": 1}, "/x2": {}}, **{**FINISHED, "rule_criteria": fewer, "rules": [*fewer]})
        found = await commonest(history.connection, [history.site, number])
    assert {each.rule: (each.pages, each.audited) for each in found.contents} == {
        "image-alt": (2, 4), "color-contrast": (1, 2),
    }  # fmt: skip


async def test_a_sweep_that_saw_no_page_gives_no_checklist(database: Database) -> None:
    async with history_in(database) as history:
        await history.sweep({"/1": {"a": 1}}, lost=["/1"], **FINISHED)
        with pytest.raises(UsageError, match="audited no page"):
            await commonest(history.connection, [history.site])


@pytest.mark.parametrize("lang", ["ja", "en"])
def test_every_rule_of_level_a_and_aa_has_a_line_that_fits(lang: str) -> None:
    levels = {
        row["number"]: row["level"] for row in [*reference("jis-x-8341-3-2016.tsv"), *reference("wcag-2.2.tsv")]
    }
    counting = {
        row["rule"]
        for row in reference("axe-rules.tsv")
        for number in f"{row['jis2016_criteria']},{row['wcag22_only_criteria']}".split(",")
        if levels.get(number, "AAA") != "AAA" and row["kind"] == "wcag"
    } | {"duplicate-id", "duplicate-id-active"}  # of 4.1.1, which only JIS X 8341-3:2016 has
    assert len(counting) > 55
    for rule in counting:
        line = checklist_line(rule, lang)
        assert rule_text(rule, lang).title
        for name, most in LONGEST[lang].items():
            assert 0 < len(getattr(line, name)) <= most, (rule, name)
