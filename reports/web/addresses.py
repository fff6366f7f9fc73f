"""The addresses of a sweep as one table, whole or narrowed: how each was found, how it ended, what was found on it."""

import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy.orm import aliased

from audits.conclude import rules_of
from audits.failing import shows
from audits.rules import all_rules
from crawler.address import directory_of, origin_of
from crawler.frame import FRAME, is_gone
from db.tables import Assertion, Draw, Finding, Page, Sweep, Visit
from db.words import Assertor, Level, Method, Outcome, Part, Reason, VisitState
from reports.language import Language
from reports.page_view import text_of
from reports.read_coverage import known_by
from reports.web.asking import Asked, Refused
from reports.web.listing import Cell, Column, Listing

TRIED_AGAIN = Visit.tries > 1
SHOWS = ("all", "pages", "audited", "problem", "review", "unaudited", "retried")  # beside states and reasons
NO_TEMPLATE = "none"  # templates are numbered from 0
CRITERION = re.compile(r"[1-4]\.\d\.\d{1,2}")


def rate_href(sweep: int, method: Method | None, problem_pages: int) -> str:
    """The rows that a share of problem pages is counted from: of a sample, those of its random part."""
    part = "" if method is Method.ALL else f"&part={Part.RANDOM.value}"
    return f"/sweeps/{sweep}/addresses?show={'problem' if problem_pages else 'audited'}{part}"


def fails_in(visit: Any = Visit) -> sa.ColumnElement[bool]:
    """Whether a visit's result has a failed place of level A or AA."""
    return sa.exists().where(
        Assertion.result_id == visit.result_id, Assertion.assertor == Assertor.AXE, Assertion.failed_places > 0,
        Assertion.level.in_(Level.AA.included),
    )  # fmt: skip


def directory(start: str, dialect: str) -> sa.ColumnElement[str]:
    """The directory of a page's address right below the start's, or below its host: as crawler.strata has them."""
    find = sa.func.instr if dialect == "sqlite" else sa.func.strpos
    clean = sa.func.substr(Page.address, 1, find(Page.address.concat("?"), "?") - 1)
    below = origin_of(start) + directory_of(start)

    def cut(front: sa.ColumnElement[Any] | int) -> sa.ColumnElement[str]:
        rest = sa.func.substr(clean, front + 1)
        return sa.func.substr(clean, 1, front).concat(sa.func.substr(rest, 1, find(rest, "/")))

    host = find(sa.func.substr(clean, 9), "/") + 8  # the first slash behind "https://" and a letter
    inside = sa.func.substr(clean, 1, len(below)) == below
    return sa.case((inside, cut(sa.literal(len(below)))), else_=cut(host))


@dataclass(frozen=True, kw_only=True)
class Narrowed:
    """Which addresses are wanted: those that are shown, and of these the ones that are like each word that is given."""

    show: str = "all"
    directory: str | None = None
    template: int | str | None = None  # NO_TEMPLATE: the pages of which it is not known
    criterion: str | None = None  # that their problems, or what is to be reviewed, are about
    part: str | None = None  # of the sample: the random one alone speaks for the site
    way: str | None = None  # that they are known by, see `known_by`
    type: str | None = None  # of their content; empty: the server said none
    reason: str | None = None  # that people gave for leaving them out
    rule: str | None = None  # a fault of which they showed when they were last seen

    @classmethod
    def asked(cls, asked: Asked) -> "Narrowed":
        """What the address of the page says. Raises Refused for words that there are none of."""
        given = asked.request.query_params
        show, template = given.get("show", "all"), given.get("template")
        criterion, part, way, rule = (given.get(name) for name in ("criterion", "part", "way", "rule"))
        known = (
            show in SHOWS or show in (*VisitState, *Reason),
            template in (None, NO_TEMPLATE) or (template.isascii() and template.isdigit() and len(template) < 9),
            criterion is None or CRITERION.fullmatch(criterion),
            part in (None, Part.RANDOM.value),
            way is None or way in known_by(),
            rule is None or rule in all_rules(),
        )
        if not all(known):
            raise Refused(404)
        return cls(
            show=show, directory=given.get("directory"), template=int(template) if template and template != NO_TEMPLATE else template, criterion=criterion,
            part=part, way=way, type=given.get("type"), reason=given.get("reason"), rule=rule,
        )  # fmt: skip

    def conditions(self, sweep: Sweep, start: str, dialect: str) -> list[sa.ColumnElement[bool]]:
        """The same for a query over visits and their pages."""
        audited = Visit.state == VisitState.AUDITED
        shown: dict[str, sa.ColumnElement[bool]] = {
            "all": sa.true(), "pages": Visit.state.in_(FRAME), "audited": audited,
            "problem": sa.and_(audited, self._spoken_of(Assertion.failed_places) if self.criterion else fails_in()),
            "review": sa.and_(audited, self._spoken_of(Assertion.cant_tell_places)), "retried": TRIED_AGAIN,
            "unaudited": Visit.state == VisitState.UNAUDITED,
        }  # fmt: skip
        if self.show in shown:
            found = [shown[self.show]]
        elif self.show in tuple(VisitState):
            found = [Visit.state == VisitState(self.show)]
        else:
            found = [Visit.state == VisitState.UNAUDITED, Visit.reason == Reason(self.show)]
        if self.directory is not None:
            found += [directory(start, dialect) == self.directory]
        if self.template is not None:
            found += [Visit.template.is_(None) if self.template == NO_TEMPLATE else Visit.template == self.template]
        if self.part is not None:
            drawn = sa.exists().where(Draw.visit_id == Visit.id, Draw.part == Part(self.part))
            found += [drawn, ~is_gone()]
        if self.way is not None:
            found += [known_by()[self.way]]
        if self.type is not None:
            found += [Visit.content_type == self.type if self.type else Visit.content_type.is_(None)]
        if self.reason is not None:
            found += [Visit.detail == self.reason]
        if self.rule is not None:
            found += [shows(self.rule)]
        return [Visit.sweep_id == sweep.id, *found]

    def _spoken_of(self, places: Any) -> sa.ColumnElement[bool]:
        """Whether a result has places of this kind for the criterion; without one, for any."""
        of = [Assertion.criterion == self.criterion] if self.criterion else []
        return sa.exists().where(
            Assertion.result_id == Visit.result_id, Assertion.assertor == Assertor.AXE, places > 0, *of
        )

    def _template(self, language: Language) -> str | None:
        if self.template == NO_TEMPLATE:
            return language.say("web.site.no_template")
        return language.say("sample.of_template", number=str(self.template)) if self.template is not None else None

    def said(self, language: Language) -> str:
        """What the table holds, in words."""
        say = language.say
        if self.show in SHOWS:
            word = say(f"web.sweep.show.{self.show}")
        else:
            word = language.word("visit_state" if self.show in tuple(VisitState) else "reason", self.show)
        about = (
            self.directory,
            self._template(language),
            say("web.sweep.of_criterion", number=self.criterion) if self.criterion else None,
            say(f"web.sweep.part_of.{self.part}") if self.part else None,
            say(f"coverage.{self.way}") if self.way else None,
            (self.type or say("web.site.no_type")) if self.type is not None else None,
            self.reason,
            text_of(self.rule, language.lang).title if self.rule else None,
        )
        for each in about:
            if each is not None:
                word = say("web.sweep.of", what=word, about=each)
        return word


def addresses(asked: Asked, sweep: Sweep, start: str, narrowed: Narrowed, dialect: str, **changes: Any) -> Listing:
    """The table; `changes` are those of the Listing."""
    found_on, leads_to = aliased(Page), aliased(Page)
    places = (
        sa.select(sa.func.count())
        .where(
            Finding.result_id == Visit.result_id, Finding.outcome == Outcome.FAILED,
            Finding.rule.in_(rules_of(sweep)),
        )
        .correlate(Visit)
        .scalar_subquery()
    )  # fmt: skip
    conditions = narrowed.conditions(sweep, start, dialect)
    query = (
        sa.select(
            Page.id, Page.address.label("address"), Visit.title.label("title"), Visit.state.label("state"),
            Visit.reason, Visit.detail, Visit.http_status.label("http"), Visit.content_type.label("type"),
            Visit.size.label("size"), Visit.tries.label("tries"), Visit.found_by.label("found_by"),
            found_on.address.label("found_on"), leads_to.address.label("leads_to"),
            sa.case((Visit.state == VisitState.AUDITED, places)).label("places"),
        )
        .select_from(Visit)
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(found_on, found_on.id == Visit.found_on_id)
        .outerjoin(leads_to, leads_to.id == Visit.leads_to_id)
        .where(*conditions)
    )  # fmt: skip
    count = sa.select(sa.func.count()).select_from(Visit).join(Page, Page.id == Visit.page_id).where(*conditions)
    values: dict[str, Any] = {
        "id": "addresses", "caption": narrowed.said(asked.language), "sort": "address", "last": (Visit.id,),
        "columns": _columns(asked, sweep.id),
    }  # fmt: skip
    return Listing(asked=asked, query=query, count=count, **{**values, **changes})


def _columns(asked: Asked, sweep: int) -> list[Column]:
    language, say = asked.language, asked.language.say

    def ended(row: Any) -> Cell:
        reason = say(f"reason.{row.reason.value}") if row.reason else ""
        return Cell(
            text=reason or say(f"visit_state.{row.state.value}"), aside=row.detail or "",
            value=f"{reason}: {row.detail}" if reason and row.detail else None,
        )  # fmt: skip

    def number(value: int | None) -> Cell:
        return Cell(text="" if value is None else language.number(value), value="" if value is None else value)

    def places(row: Any) -> Cell:
        cell = number(row.places)
        return Cell(text=cell.text, value=cell.value, kind="bad" if row.places else "")

    def page(row: Any) -> Cell:
        seen = row.state is VisitState.AUDITED
        return Cell(
            text=row.title.strip() if row.title and row.title.strip() else row.address,
            href=f"/pages/{row.id}?sweep={sweep}" if seen else row.address, outside=not seen,
            aside=row.address if row.title and row.title.strip() else "", value=row.address,
        )  # fmt: skip

    return [
        Column(key="address", heading=say("web.sweep.page"), is_head=True, cell=page),
        Column(key="state", heading=say("web.sweep.ended"), cell=ended),
        Column(key="places", heading=say("web.sweep.places"), is_number=True, cell=places),
        Column(key="http", heading="HTTP", is_number=True, cell=lambda row: number(row.http)),
        Column(key="type", heading=say("documents_csv.content_type"), cell=lambda row: Cell(text=row.type or "")),
        Column(key="size", heading=say("documents_csv.size"), is_number=True, cell=lambda row: number(row.size)),
        Column(key="tries", heading=say("web.sweep.tries"), is_number=True, cell=lambda row: number(row.tries)),
        Column(
            key="found_on",
            heading=say("unaudited.found_on"),
            cell=lambda row: Cell(text=row.found_on or "", href=row.found_on, outside=True),
        ),
        Column(
            key="leads_to",
            heading=say("unaudited.leads_to"),
            cell=lambda row: Cell(text=row.leads_to or "", href=row.leads_to, outside=True),
        ),
    ]
