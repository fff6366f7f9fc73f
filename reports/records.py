"""The records that programs get: one SELECT for each kind, the same for the API and for data frames."""

from collections.abc import Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from audits.conclude import rules_of, sweep_row
from audits.defects.naming import KNOWN, KNOWN_AS, parted
from db.tables import (
    Cycle,
    Defect,
    DefectEvent,
    Finding,
    Occurrence,
    Organisation,
    Page,
    PartPage,
    Result,
    Site,
    Sweep,
    Visit,
)
from db.types import Moment
from db.words import Outcome

Query = sa.Select[*tuple[Any, ...]]


def organisations() -> Query:
    """The tree of organisations."""
    return sa.select(Organisation.id, Organisation.parent_id.label("parent"), Organisation.name)


def sites() -> Query:
    """All sites."""
    return sa.select(Site.id, Site.address, Site.organisation_id.label("organisation"), Site.created_at)


def sweeps() -> Query:
    """All sweeps of sites, rechecks among them, with the conditions that numbers of two must share to be compared."""
    return sa.select(
        Sweep.id, Sweep.site_id.label("site"), Sweep.state, Sweep.recheck, Sweep.method, Sweep.edition, Sweep.level, Sweep.seed,
        Sweep.engine, Sweep.engine_version, Sweep.rule_set, Sweep.created_at, Sweep.finished_at, Sweep.trust,
    )  # fmt: skip


async def counting(connection: AsyncConnection, sweep: int) -> list[str]:
    """The rules of a sweep that make problem pages. Raises UsageError when there is no such sweep."""
    return rules_of(await sweep_row(connection, sweep))


def visits(sweep: int, rules: Collection[str]) -> Query:
    """Every address of a sweep: its state, the reason where it has no result, and its open questions and failed places.

    Those of the `rules` that count alone are failed places, as reports and rates have them: advice makes no problem page.
    """

    def places(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        counted = sa.select(sa.func.count()).where(Finding.result_id == Visit.result_id, *conditions)
        return counted.correlate(Visit).scalar_subquery()

    failed = places(Finding.outcome == Outcome.FAILED, Finding.rule.in_(rules))
    open_questions = places(Finding.outcome == Outcome.CANT_TELL)
    has_result = Visit.result_id.is_not(None)
    return (
        sa.select(
            Visit.id, Visit.page_id.label("page"), Page.address, Visit.title, Visit.state, Visit.reason, Visit.detail,
            Visit.http_status, Visit.content_type, Visit.found_by, Visit.depth, Visit.template, Visit.carried, Visit.audited_at,
            sa.case((has_result, failed), else_=None).label("failed_places"),
            sa.case((has_result, open_questions), else_=None).label("open_questions"),
        )
        .join(Page, Page.id == Visit.page_id)
        .where(Visit.sweep_id == sweep)
    )  # fmt: skip


def findings(sweep: int, rules: Collection[str]) -> Query:
    """Every place where a rule failed or could not tell on an audited page of a sweep, with the defect that it belongs to.

    A failed place of the `rules` that count enters the rate.
    """
    counts = sa.and_(Finding.outcome == Outcome.FAILED, Finding.rule.in_(rules))
    return (
        sa.select(
            Finding.id, Visit.page_id.label("page"), Page.address, KNOWN_AS.label("defect"), Finding.position.label("place"),
            Finding.rule, Finding.outcome, sa.case((counts, sa.true()), else_=sa.false()).label("counts"), Finding.impact, Finding.frame, Finding.target, Finding.snippet, Finding.box,
            sa.func.coalesce(Result.texts_disposed_at, Result.places_disposed_at, type_=Moment()).label("disposed_at"),
        )
        .join(Result, Result.id == Finding.result_id)
        .join(Visit, Visit.result_id == Result.id)
        .join(Page, Page.id == Visit.page_id)
        .join(Defect, Defect.id == Finding.defect_id)
        .outerjoin(PartPage, parted(Result.page_id))
        .where(Visit.sweep_id == sweep)
    )  # fmt: skip


def defects() -> Query:
    """Every defect that some page has shown, under the name that it goes by, with the pages and places that showed it last.

    One that a sweep has only just found comes when that sweep has finished.
    """
    shown = (
        sa.select(sa.func.count()).where(Occurrence.defect_id == Defect.id, Occurrence.places > 0).scalar_subquery()
    )
    places = sa.select(sa.func.sum(Occurrence.places)).where(Occurrence.defect_id == Defect.id).scalar_subquery()
    return sa.select(
        Defect.id, Defect.site_id.label("site"), Defect.rule, Defect.state, Defect.region, Defect.owner, Defect.due_on,
        Defect.way, shown.label("pages"), sa.func.coalesce(places, 0).label("places"),
    ).where(*KNOWN)  # fmt: skip


def events(defect: int) -> Query:
    """The life of a defect, from the first day."""
    return sa.select(
        DefectEvent.id, DefectEvent.at, DefectEvent.old, DefectEvent.new, DefectEvent.who, DefectEvent.why,
        DefectEvent.sweep_id.label("sweep"),
    ).where(DefectEvent.defect_id == defect)  # fmt: skip


def defect_pages(defect: int) -> Query:
    """The pages that show a defect, or did: with 0 places."""
    other = aliased(Page)
    return (
        sa.select(Occurrence.page_id.label("id"), other.address, Occurrence.places)
        .join(other, other.id == Occurrence.page_id)
        .where(Occurrence.defect_id == defect)
    )


def cycles() -> Query:
    """The remediation rounds."""
    return sa.select(
        Cycle.id,
        Cycle.name,
        Cycle.begins_on,
        Cycle.ends_on,
        Cycle.rate,
        Cycle.defects,
        Cycle.target_on,
        Cycle.closed_at,
    )
