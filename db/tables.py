"""The tables: one class for each word of the system."""

from datetime import date, datetime
from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, LargeBinary, MetaData, String, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from db.types import Moment, word
from db.words import (
    About,
    Assertor,
    Came,
    Channel,
    Days,
    DefectState,
    Done,
    Edition,
    ExceptionReason,
    FoundBy,
    Impact,
    JudgementOutcome,
    Kept,
    Level,
    Matched,
    Method,
    Notation,
    Outcome,
    Part,
    Reason,
    Redraw,
    Region,
    Regroup,
    Role,
    ScopeKind,
    Stratify,
    SweepState,
    Telling,
    Trust,
    VisitState,
)


class Table(DeclarativeBase):
    """The common base: names of constraints are fixed, so that migrations can name them on both databases."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(table_name)s_%(column_0_N_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        datetime: Moment,
        dict[str, Any]: JSON,
        list[Any]: JSON,
        Edition: word(Edition, "edition"),
        Level: word(Level, "level"),
        Method: word(Method, "method"),
        SweepState: word(SweepState, "state"),
        VisitState: word(VisitState, "state"),
        Reason: word(Reason, "reason"),
        FoundBy: word(FoundBy, "found_by"),
        About: word(About, "about"),
        Part: word(Part, "part"),
        Stratify: word(Stratify, "stratify"),
        Redraw: word(Redraw, "redraw"),
        Outcome: word(Outcome, "outcome"),
        Assertor: word(Assertor, "assertor"),
        Impact: word(Impact, "impact"),
        ScopeKind: word(ScopeKind, "kind"),
        Region: word(Region, "region"),
        Regroup: word(Regroup, "act"),
        ExceptionReason: word(ExceptionReason, "reason"),
        Matched: word(Matched, "matched"),
        JudgementOutcome: word(JudgementOutcome, "outcome"),
        Notation: word(Notation, "notation"),
        Role: word(Role, "role"),
        Done: word(Done, "done"),
        Trust: word(Trust, "trust"),
        Channel: word(Channel, "channel"),
        Telling: word(Telling, "kind"),
        Days: word(Days, "days"),
        Came: word(Came, "came"),
        Kept: word(Kept, "kind"),
    }


def _index_where(column: str, condition: str, *, unique: bool = False) -> Index:
    """An index of some rows only."""
    return Index(None, column, unique=unique, sqlite_where=text(condition), postgresql_where=text(condition))


class Organisation(Table):
    """A node of the tree 都 → 局 → 部 → 課."""

    __tablename__ = "organisation"
    id: Mapped[int] = mapped_column(primary_key=True)
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    name: Mapped[str]


class Site(Table):
    """A web site by the address where it starts."""

    __tablename__ = "site"
    id: Mapped[int] = mapped_column(primary_key=True)
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    address: Mapped[str] = mapped_column(unique=True)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)  # of its sweeps, where not the usual ones
    created_at: Mapped[datetime]


class Cycle(Table):
    """A remediation round over many sites (令和8年度 第1回); which sweeps belong to it, its days say."""

    __tablename__ = "cycle"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    begins_on: Mapped[date]
    ends_on: Mapped[date]  # the last day, in Tokyo
    rate: Mapped[float | None]  # target: share of problem pages of each site, from 0 to 1
    defects: Mapped[int | None]  # target: open defects of all sites together
    target_on: Mapped[date]  # until when
    closed_by: Mapped[str | None]
    closed_at: Mapped[datetime | None]
    closing: Mapped[dict[str, Any] | None]  # all that it said when it was closed, see audits.cycles.keeping


class CycleSite(Table):
    """A site in a cycle, and the sweep that it is measured from."""

    __tablename__ = "cycle_site"
    cycle_id: Mapped[int] = mapped_column(ForeignKey("cycle.id"), primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), primary_key=True, index=True)
    baseline_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"))  # None: by the days of the cycle


class Sweep(Table):
    """One run over one site, with everything that its numbers depend on."""

    __tablename__ = "sweep"
    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    state: Mapped[SweepState]
    method_asked: Mapped[Method | None] = mapped_column(word(Method, "method_asked"))  # None: by known pages
    method: Mapped[Method | None]  # in force once the pages are chosen
    edition: Mapped[Edition]
    also: Mapped[Edition | None] = mapped_column(
        word(Edition, "also")
    )  # a further one to judge by, see audits.revision
    also_criteria: Mapped[dict[str, Any] | None]  # rule → criteria of that edition
    level: Mapped[Level]
    mic: Mapped[str | None]  # version of the ministry's conditions, of a survey that checks them too
    seed: Mapped[int] = mapped_column(BigInteger)
    pages_asked: Mapped[int | None]  # size of the whole sample
    random_asked: Mapped[int | None]  # size of its random part
    stratify: Mapped[Stratify | None]  # what the random part is stratified by
    redraw: Mapped[Redraw | None]  # how much of an earlier random part is drawn anew
    earlier_draw_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"))  # whose random part that is
    draw_from: Mapped[int | None] = mapped_column(BigInteger)  # where in the order of crawler.numbers it begins
    traffic: Mapped[list[Any]] = mapped_column(default=list)  # the most used addresses: [address, count]
    frozen_by: Mapped[str | None]  # who has looked through the sample; None: taken as it was proposed
    settings: Mapped[dict[str, Any]]  # limits and manners, as crawler.limits reads them
    depth: Mapped[int]  # link distance that exploring has reached
    engine: Mapped[str | None]  # this and the next four: None until auditing begins
    engine_version: Mapped[str | None]
    rule_set: Mapped[str | None]  # names engine, version, edition and the rules that run (audits.engine.own_rules)
    rule_criteria: Mapped[dict[str, Any] | None]  # rule → criteria as judged in this sweep
    browser: Mapped[str | None]
    viewport_width: Mapped[int]  # CSS px
    viewport_height: Mapped[int]
    locale: Mapped[str]
    timezone: Mapped[str]
    created_at: Mapped[datetime]
    explored_at: Mapped[datetime | None]
    chosen_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    reader: Mapped[int] = mapped_column(default=0)  # what was read from pages, see crawler.document.READER
    earlier_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"))  # whose unchanged pages need no audit
    carried_at: Mapped[datetime | None]  # when it was decided which results are carried
    recheck: Mapped[bool] = mapped_column(
        default=False
    )  # looks again at pages of certain defects: none of the site
    reconciled_at: Mapped[datetime | None]  # when the defects of the site took in what it saw
    aim: Mapped[dict[str, Any] | None]  # of a recheck: the defects and pages in question (audits.recheck.Aim)
    asked_by: Mapped[str | None]  # who had the web application run it; None: it is a terminal's
    asked_at: Mapped[datetime | None]  # since when the application is to run it; None: it is not
    stop_asked_at: Mapped[datetime | None]  # when somebody last asked whoever runs it to stop
    halted: Mapped[dict[str, Any] | None]  # why the application could not go on: the line by language
    halted_at: Mapped[datetime | None]  # when it was found out that it could not
    trust: Mapped[Trust | None]  # None: not finished, a recheck, or finished before sweeps were judged
    priority: Mapped[int] = mapped_column(default=0)  # among those that wait: the greatest first
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]


class Note(Table):
    """What a sweep met that no visit tells."""

    __tablename__ = "note"
    __table_args__ = (UniqueConstraint("sweep_id", "digest"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"))
    about: Mapped[About]
    address: Mapped[str]
    said: Mapped[str]
    digest: Mapped[str] = mapped_column(String(64))  # of the three before it


class KeptPoint(Table):
    """What a finished sweep says of its site, counted once; a recheck has none. See audits.trends.kept."""

    __tablename__ = "point"
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), primary_key=True)
    version: Mapped[int]  # of how it was counted
    finished_at: Mapped[datetime]  # this and the next as the sweep had them: with others it is counted anew
    reconciled_at: Mapped[datetime | None]
    told: Mapped[dict[str, Any]]
    drawn: Mapped[bytes | None] = mapped_column(
        LargeBinary
    )  # pages of the random part, 8 bytes each; None: there is none


class ScopeRule(Table):
    """A URL pattern that puts addresses into, or with a reason out of, the scope of a sweep."""

    __tablename__ = "scope_rule"
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), index=True)
    kind: Mapped[ScopeKind]
    pattern: Mapped[str]
    reason: Mapped[str | None]


class Page(Table):
    """One address identity within a site."""

    __tablename__ = "page"
    __table_args__ = (
        UniqueConstraint("site_id", "address"),
        # What begins in some way is looked up byte by byte, which the order of a language does not serve; SQLite has no other
        Index(
            "ix_page_address_begins",
            "site_id",
            "address",
            postgresql_ops={"address": "text_pattern_ops"},
            info={"only": "postgresql"},
        ).ddl_if(dialect="postgresql"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    address: Mapped[str]


class Picture(Table):
    """An image kept as evidence, addressed by its content."""

    __tablename__ = "picture"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the bytes
    media_type: Mapped[str]
    width: Mapped[int]  # image px
    height: Mapped[int]
    image: Mapped[bytes | None] = mapped_column(LargeBinary)  # None: in the store, see db.pictures


class Result(Table):
    """What auditing one state of one page under one rule set gave; immutable, addressed by its content."""

    __tablename__ = "result"
    __table_args__ = (_index_where("picture_id", "picture_id IS NOT NULL"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    engine: Mapped[str]
    engine_version: Mapped[str]
    rule_set: Mapped[str]
    edition: Mapped[Edition]
    viewport_width: Mapped[int]
    viewport_height: Mapped[int]
    taken_at: Mapped[datetime]
    settled: Mapped[bool]  # False: the page was still changing when its time to settle ended
    features: Mapped[dict[str, Any] | None] = mapped_column(default=None)  # how much of what the page has
    untested: Mapped[list[Any]]  # parts of the page that no rule saw: {"part", "where", "why"}
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("picture.id"))
    page_width: Mapped[int]  # CSS px of the whole page, the space that boxes are measured in
    page_height: Mapped[int]
    pictured_height: Mapped[int | None]  # CSS px from the top that the picture shows
    pictures_disposed_at: Mapped[
        datetime | None
    ]  # this and the next two: see audits.keeping; None: it has all it had
    texts_disposed_at: Mapped[datetime | None]
    places_disposed_at: Mapped[datetime | None]


class Visit(Table):
    """One page in one sweep: how it was found, what it answered, and how it ended."""

    __tablename__ = "visit"
    __table_args__ = (
        UniqueConstraint("sweep_id", "page_id"),
        Index(None, "sweep_id", "state", "depth"),
        _index_where("sweep_id", "lease_owner IS NOT NULL"),  # who has what in hand
        _index_where("leads_to_id", "leads_to_id IS NOT NULL"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"))
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), index=True)
    state: Mapped[VisitState]
    reason: Mapped[Reason | None]
    detail: Mapped[str | None]  # what exactly happened, for the operator
    depth: Mapped[int]  # links from the start address
    found_by: Mapped[FoundBy]
    found_on_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))
    in_sitemap: Mapped[bool]
    linked: Mapped[bool] = mapped_column(default=False)  # another page that was read links to it
    shown: Mapped[bool] = mapped_column(default=False)  # another page shows a link to it in the browser only
    links: Mapped[bytes | None] = mapped_column(LargeBinary)  # pages that it links to, see crawler.links
    shown_links: Mapped[bytes | None] = mapped_column(LargeBinary)  # further ones that only the browser shows
    unread_links: Mapped[int | None]  # links of it whose addresses only a script knows
    http_status: Mapped[int | None]
    content_type: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)  # decoded bytes; of what was not read, as the server says
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]  # as the server says it
    body_digest: Mapped[str | None] = mapped_column(String(64))
    content_digest: Mapped[str | None] = mapped_column(String(64))  # of what a reader gets, see crawler.content
    rendered_digest: Mapped[str | None] = mapped_column(String(64))  # the same as the browser shows it
    wording: Mapped[str | None] = mapped_column(String(16))  # digest of its words without numbers
    notice: Mapped[str | None] = mapped_column(String(16))  # digest of few words without what may be a reference
    text_shape: Mapped[bytes | None] = mapped_column(LargeBinary)  # minhash of its words, see crawler.content
    stable_digest: Mapped[str | None] = mapped_column(
        String(64)
    )  # without its volatile parts, those of volatile_id
    volatile_id: Mapped[int | None] = mapped_column(ForeignKey("volatile.id"))
    audited_digest: Mapped[str | None] = mapped_column(String(64))  # of the body that the browser was given
    audited_notice: Mapped[str | None] = mapped_column(
        String(16), index=True
    )  # `notice` of what the browser showed
    resources: Mapped[bytes | None] = mapped_column(LargeBinary)  # what it was made of, packed as links are
    canonical_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))  # what it names as its own address
    robots_meta: Mapped[str | None]  # noindex, nofollow: noted, not obeyed
    leads_to_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))  # redirect target, or the twin
    title: Mapped[str | None]
    forms: Mapped[str | None]  # where its forms send to, "METHOD address" in each line, see crawler.process
    kinds: Mapped[list[Any]]  # what the page was recognised as, for the representative part
    shape: Mapped[bytes | None] = mapped_column(LargeBinary)  # minhash of the DOM, see crawler.shape
    script_key: Mapped[str | None]  # names the page's set of scripts; None: it has none
    closed_roots: Mapped[bool] = mapped_column(
        default=False
    )  # its source declares closed shadow roots, which no script can enter
    rendered: Mapped[bool] = mapped_column(default=False)  # its links were read in the browser too
    unsure: Mapped[bool] = mapped_column(
        default=False
    )  # was not to be had again beside what it may be: it says nothing of a parameter
    template: Mapped[int | None]  # number of the cluster of like shapes
    tries: Mapped[int]  # audits begun
    lease_owner: Mapped[str | None]
    lease_until: Mapped[datetime | None]
    result_id: Mapped[int | None] = mapped_column(ForeignKey("result.id"), index=True)
    audited_at: Mapped[datetime | None]  # of a carried result when its evidence was taken
    carried: Mapped[bool] = mapped_column(default=False)  # the result is an earlier sweep's: nothing has changed
    expected_id: Mapped[int | None] = mapped_column(ForeignKey("result.id"))  # would be carried; audited to see


class Volatile(Table):
    """The parts of a template's source that differ from answer to answer, learned from one of its pages."""

    __tablename__ = "volatile"
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), index=True)
    template: Mapped[int]
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"))
    slots: Mapped[list[Any]]  # what stands before and after each part, see crawler.volatile
    source: Mapped[bytes | None] = mapped_column(LargeBinary)  # of the page, compressed; None: it did not answer


class Resource(Table):
    """A script, a style sheet, a frame's document or data that pages of a sweep were made of."""

    __tablename__ = "resource"
    __table_args__ = (UniqueConstraint("sweep_id", "address"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"))
    address: Mapped[str]
    digest: Mapped[str | None] = mapped_column(String(64))  # of status, target and body; None: it did not answer
    etag: Mapped[str | None]
    last_modified: Mapped[str | None]


class Draw(Table):
    """Why a page is in the sample: one row for each part that it belongs to."""

    __tablename__ = "draw"
    __table_args__ = (UniqueConstraint("visit_id", "part"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), index=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"))
    part: Mapped[Part]
    rank: Mapped[int]  # order of the draw, from 1
    why: Mapped[str | None]  # what a representative page stands for; in a person's own words when added_by
    stratum: Mapped[str | None]  # that a random page was drawn from
    replaces_id: Mapped[int | None] = mapped_column(ForeignKey("draw.id"))  # a page that proved not to exist
    added_by: Mapped[str | None]  # who put the page in, or gave it another reason; None: we did


class Defect(Table):
    """The same fault wherever it shows on a site."""

    __tablename__ = "defect"
    __table_args__ = (
        UniqueConstraint("site_id", "digest"),
        Index(
            None, "site_id", "state", "merged_into_id", "due_on"
        ),  # open and overdue ones are counted by it alone
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"))
    digest: Mapped[str] = mapped_column(String(64))
    rule: Mapped[str]
    state: Mapped[DefectState] = mapped_column(word(DefectState, "state"))
    shape: Mapped[str | None] = mapped_column(String(64))  # of its element alone, see audits.fault; None: version 1
    framed: Mapped[bool | None]  # stands in a frame of the page
    region: Mapped[Region | None]  # None: not known yet
    owner: Mapped[str | None]  # who repairs it
    due_on: Mapped[date | None]
    way: Mapped[str | None]  # of repair, in a person's own words
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("defect.id"), index=True)  # known as that one
    through_id: Mapped[int | None] = mapped_column(ForeignKey("defect.id"))  # the name on the way there; None: none
    joined_after: Mapped[int | None]  # the last event of what it is known through, before it was
    apart: Mapped[bool] = mapped_column(default=False)  # a person says so: no machine takes it for another
    whole_id: Mapped[int | None] = mapped_column(
        ForeignKey("defect.id"), index=True
    )  # a part of that one, by pages
    patterns: Mapped[list[Any] | None]  # addresses of a part, see crawler.scope


class PartPage(Table):
    """A page on which a defect is known as the part of it that a person has split off."""

    __tablename__ = "part_page"
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    part_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)


class Regrouping(Table):
    """A person's word on which names of faults are one defect; it is never deleted."""

    __tablename__ = "regrouping"
    id: Mapped[int] = mapped_column(primary_key=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)  # that stays
    other_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)  # that went into it, or came out
    act: Mapped[Regroup]
    who: Mapped[str]
    why: Mapped[str]
    at: Mapped[datetime]


class Occurrence(Table):
    """A defect on a page, as the page looked when it was last seen."""

    __tablename__ = "occurrence"
    __table_args__ = (
        _index_where("defect_id", "places > 0"),  # counts the pages that show each
        Index(None, "page_id", "defect_id", "places"),  # answers by itself what a page shows
    )
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), primary_key=True)
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    places: Mapped[int]  # 0: it was there once


class Look(Table):
    """Which result of a page the defects know."""

    __tablename__ = "look"
    page_id: Mapped[int] = mapped_column(ForeignKey("page.id"), primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"))
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"))
    at: Mapped[datetime]  # when the page was seen so


class DefectEvent(Table):
    """A change in the life of a defect."""

    __tablename__ = "defect_event"
    id: Mapped[int] = mapped_column(primary_key=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)
    sweep_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"), index=True)
    old: Mapped[DefectState | None] = mapped_column(word(DefectState, "old"))
    new: Mapped[DefectState] = mapped_column(word(DefectState, "new"))
    who: Mapped[str]
    why: Mapped[str | None]
    at: Mapped[datetime]


class Exemption(Table):
    """A person's word that a fault is left as it is until a day: a defect, on all pages or one, or a rule on some pages.

    It is never deleted, and what it said never changes. One that was proposed counts from when another person agrees.
    """

    __tablename__ = "exemption"
    id: Mapped[int] = mapped_column(primary_key=True)
    site_id: Mapped[int] = mapped_column(ForeignKey("site.id"), index=True)
    defect_id: Mapped[int | None] = mapped_column(ForeignKey("defect.id"))  # None: of a rule on a pattern
    page_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))  # of the defect there alone
    rule: Mapped[str | None]
    pattern: Mapped[str | None]  # addresses that the rule is excepted on, see crawler.scope
    reason: Mapped[ExceptionReason]
    text: Mapped[str]
    person: Mapped[str]
    at: Mapped[datetime]
    until: Mapped[date]  # the last day, in Tokyo
    ended_by: Mapped[str | None]  # who ended it before that
    ended_at: Mapped[datetime | None]
    reviewed_by: Mapped[str | None]  # another person who has looked at it
    reviewed_at: Mapped[datetime | None]
    agrees: Mapped[bool | None]
    review: Mapped[str | None]
    proposed: Mapped[bool] = mapped_column(default=False)  # by somebody whose word alone does not except
    restated: Mapped[bool] = mapped_column(
        default=False
    )  # its defect is another now: `exempted` says what it covers


class Exempted(Table):
    """What an exception of a defect covers, once that was merged or split: never more than before."""

    __tablename__ = "exempted"
    id: Mapped[int] = mapped_column(primary_key=True)
    exemption_id: Mapped[int] = mapped_column(ForeignKey("exemption.id"), index=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)
    page_id: Mapped[int | None] = mapped_column(ForeignKey("page.id"))  # None: all of its pages


class Finding(Table):
    """One place in a result where a rule failed or could not tell."""

    __tablename__ = "finding"
    __table_args__ = (_index_where("picture_id", "picture_id IS NOT NULL"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"), index=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)
    position: Mapped[int]  # order within the result, from 1
    rule: Mapped[str]
    outcome: Mapped[Outcome]
    impact: Mapped[Impact | None]
    frame: Mapped[list[Any]]  # selectors of the frames that lead to the place, outermost first
    target: Mapped[list[Any]]  # selector in that frame; more than one through shadow roots
    snippet: Mapped[str]  # the element's own HTML, cut at a limit
    checks: Mapped[list[Any]]  # what the engine's checks saw: {"id", "data"}
    box: Mapped[list[Any] | None]  # x, y, width, height in CSS px of the whole page; None: not visible
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("picture.id"))


class Example(Table):
    """A confirmed repair that a person has chosen to show to others: the fault as it was found, and what stands there now."""

    __tablename__ = "example"
    id: Mapped[int] = mapped_column(primary_key=True)
    defect_id: Mapped[int] = mapped_column(ForeignKey("defect.id"), index=True)
    finding_id: Mapped[int] = mapped_column(ForeignKey("finding.id"))  # the before
    matched: Mapped[Matched]
    after: Mapped[str | None]  # HTML as findings keep it; None: the element was not found
    around: Mapped[str | None]  # HTML of what stands around it
    picture_id: Mapped[int | None] = mapped_column(ForeignKey("picture.id"))  # of the after
    note: Mapped[str | None]
    taken_by: Mapped[str]
    taken_at: Mapped[datetime]
    written_by: Mapped[str | None]  # who wrote the after, where a person did
    confirmed_by: Mapped[str | None]  # who has held before and after against each other
    confirmed_at: Mapped[datetime | None]
    anonymous_by: Mapped[str | None]  # who has read it without what names the site
    anonymous_at: Mapped[datetime | None]
    anonymous_digest: Mapped[str | None] = mapped_column(String(64))  # of what they read
    dropped_by: Mapped[str | None]
    dropped_at: Mapped[datetime | None]


class Assertion(Table):
    """A machine's word on one criterion of one result; a criterion without a row has no machine finding."""

    __tablename__ = "assertion"
    result_id: Mapped[int] = mapped_column(ForeignKey("result.id"), primary_key=True)
    criterion: Mapped[str] = mapped_column(String(8), primary_key=True)
    assertor: Mapped[Assertor] = mapped_column(primary_key=True)
    level: Mapped[Level]
    failed_places: Mapped[int]
    cant_tell_places: Mapped[int]


class Judgement(Table):
    """A person's word on a criterion of a page."""

    __tablename__ = "judgement"
    id: Mapped[int] = mapped_column(primary_key=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), index=True)
    criterion: Mapped[str] = mapped_column(String(8))
    finding_id: Mapped[int | None] = mapped_column(ForeignKey("finding.id"))
    outcome: Mapped[JudgementOutcome]
    reason: Mapped[str | None]
    person: Mapped[str]
    at: Mapped[datetime]


class Declaration(Table):
    """The notation that a named person chose for the result of a test; the last one of a sweep stands."""

    __tablename__ = "declaration"
    id: Mapped[int] = mapped_column(primary_key=True)
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), index=True)
    notation: Mapped[Notation | None]  # None: taken back
    person: Mapped[str]
    details: Mapped[dict[str, Any]]  # what only people know of the test, see audits.declaring
    at: Mapped[datetime]


class Account(Table):
    """A person, or a program, that may use the web application."""

    __tablename__ = "account"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)  # to sign in with
    person: Mapped[str]  # who it is, as judgements and events name them
    email: Mapped[str | None]
    password: Mapped[str | None]  # argon2id, as argon2-cffi writes it; None: signs in elsewhere, or not yet
    subject: Mapped[str | None] = mapped_column(unique=True)  # issuer and subject of the directory (OIDC)
    closed_at: Mapped[datetime | None]  # may sign in no more
    created_at: Mapped[datetime]


class FormerName(Table):
    """A person's name that an account had: words under it are those of the same person."""

    __tablename__ = "former_name"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    person: Mapped[str] = mapped_column(unique=True)
    until: Mapped[datetime]


class RoleGrant(Table):
    """A role of an account, everywhere, in an organisation and all below it, or on one site."""

    __tablename__ = "role_grant"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    role: Mapped[Role]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # both None: everywhere


class Session(Table):
    """An account that is signed in; of what its browser holds only a digest is kept."""

    __tablename__ = "session"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the secret
    before: Mapped[str | None] = mapped_column(
        String(64), unique=True
    )  # of the one that it took the place of: requests on their way still bear that
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    created_at: Mapped[datetime]
    renewed_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    address: Mapped[str | None]  # of the client that signed in, for whoever looks at their own sessions


class Invitation(Table):
    """A link that lets its bearer set the password of an account, once."""

    __tablename__ = "invitation"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)  # SHA-256 of the secret
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class Token(Table):
    """What a program shows to use the API for an account, with no more than its scopes."""

    __tablename__ = "token"
    id: Mapped[int] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(String(64), unique=True)  # SHA-256 of the secret
    account_id: Mapped[int] = mapped_column(ForeignKey("account.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[list[Any]]  # words of reports.access.rights.May
    created_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    used_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class Trail(Table):
    """Who did what in the web application, and when; it is never changed."""

    __tablename__ = "trail"
    __table_args__ = (
        Index(None, "done", "at"),
        Index(None, "at"),
        Index(None, "account_id", "done", "at"),
        Index(None, "who", "done", "at"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    done: Mapped[Done]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"))
    who: Mapped[str]  # the name that was used, also of a sign-in that failed
    address: Mapped[str | None]  # of the client
    about: Mapped[str | None]  # path of what it was done to, /defects/12
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Health(Table):
    """What a sweep was judged by when it finished, and what a person has said of a suspect one."""

    __tablename__ = "health"
    sweep_id: Mapped[int] = mapped_column(ForeignKey("sweep.id"), primary_key=True)
    against_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"))  # None: nothing comparable came before
    told: Mapped[dict[str, Any]]  # what was measured, see audits.health.Measured
    limits: Mapped[dict[str, Any]]  # that were in force
    doubts: Mapped[list[Any]]  # words of Doubt; none: it is sound
    judged_at: Mapped[datetime]
    decided_by: Mapped[str | None]  # who accepted or rejected it: Sweep.trust says which
    why: Mapped[str | None]
    decided_at: Mapped[datetime | None]


class Subscription(Table):
    """What somebody wants to be told of; it is never deleted."""

    __tablename__ = "subscription"
    id: Mapped[int] = mapped_column(primary_key=True)
    account_id: Mapped[int | None] = mapped_column(ForeignKey("account.id"), index=True)  # whose rights it has
    channel: Mapped[Channel]
    recipient: Mapped[str | None]  # an e-mail address, or the name of a hook; None: the account's address
    kind: Mapped[Telling]
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"))  # with all below it
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"))  # both None: all sites
    lang: Mapped[str] = mapped_column(String(2))
    made_by: Mapped[str]
    made_at: Mapped[datetime]  # nothing is told of what was before
    ended_at: Mapped[datetime | None]


class Notice(Table):
    """Something that one recipient is told, once."""

    __tablename__ = "notice"
    __table_args__ = (
        UniqueConstraint("kind", "about", "channel", "recipient"),
        _index_where("due", "sent_at IS NULL AND given_up_at IS NULL"),
    )
    id: Mapped[int] = mapped_column(primary_key=True)
    subscription_id: Mapped[int] = mapped_column(ForeignKey("subscription.id"), index=True)
    kind: Mapped[Telling]
    about: Mapped[str]  # names the event: sweep-12, site-3-2026-11-27, week-2026-11-23
    channel: Mapped[Channel]
    recipient: Mapped[str]  # where it goes: as it was when the notice was made
    told: Mapped[dict[str, Any]]  # the message, see reports.notices.message
    made_at: Mapped[datetime]
    due: Mapped[datetime]  # not before
    tries: Mapped[int] = mapped_column(default=0)
    sent_at: Mapped[datetime | None]
    given_up_at: Mapped[datetime | None]
    error: Mapped[str | None]  # of the last try


class Host(Table):
    """A machine that pages are asked from, and when it may next be asked by any of our processes. See crawler.turns."""

    __tablename__ = "host"
    name: Mapped[str] = mapped_column(primary_key=True)
    next_at: Mapped[datetime]  # this and the next by the database's clock
    held_until: Mapped[datetime]
    gap: Mapped[float]  # seconds between starts that its trouble has taught us; 0: those of the sweep's own limits


class Turn(Table):
    """A request to a host that is under way, held by a process until a moment: who dies with it loses it."""

    __tablename__ = "turn"
    __table_args__ = (Index(None, "host", "until"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    host: Mapped[str] = mapped_column(ForeignKey("host.name"))
    owner: Mapped[str] = mapped_column(index=True)
    until: Mapped[datetime]


class Worker(Table):
    """A process that takes sweeps on, as it last said of itself. See audits.fleet.roster."""

    __tablename__ = "worker"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    owner: Mapped[str]  # as leases name it: host, process id, when it started
    version: Mapped[str]  # of jisweep
    engine: Mapped[str]  # name and version
    reader: Mapped[int]  # see crawler.document.READER
    places: Mapped[int]  # pages that it has in hand at one time
    started_at: Mapped[datetime]
    beat_at: Mapped[datetime]  # by the database's clock
    drain_asked_at: Mapped[datetime | None]  # since when it is to take on nothing more
    ended_at: Mapped[datetime | None]
    hand: Mapped[dict[str, Any]] = mapped_column(default=dict)  # sweeps in hand, and those it leaves to others: why


class Schedule(Table):
    """When sweeps of a site, or of all sites of an organisation and below it, are due, and how they are done."""

    __tablename__ = "schedule"
    __table_args__ = (_index_where("name", "removed_at IS NULL", unique=True),)
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)  # this, or the next
    organisation_id: Mapped[int | None] = mapped_column(ForeignKey("organisation.id"), index=True)
    cron: Mapped[str]  # five fields, at most once an hour
    zone: Mapped[str]  # the clock that it is read by: Asia/Tokyo
    days: Mapped[Days]
    plan: Mapped[dict[str, Any]]  # of each sweep, see audits.schedules.planned
    window: Mapped[str]  # when pages may be begun, as crawler.windows reads it; "": as the site says
    priority: Mapped[int]
    counts_from: Mapped[datetime]  # nothing before was due: since it was made, changed or resumed
    created_by: Mapped[str]
    created_at: Mapped[datetime]
    paused_by: Mapped[str | None]
    paused_at: Mapped[datetime | None]
    removed_by: Mapped[str | None]
    removed_at: Mapped[datetime | None]  # since then nothing is due; what came of its times stays


class ScheduledRun(Table):
    """What came of a due time of a schedule at a site: its row is what makes that happen once."""

    __tablename__ = "scheduled_run"
    __table_args__ = (UniqueConstraint("schedule_id", "site_id", "due_at"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    schedule_id: Mapped[int] = mapped_column(ForeignKey("schedule.id"))
    site_id: Mapped[int | None] = mapped_column(
        ForeignKey("site.id"), index=True
    )  # None: the organisation had no site
    due_at: Mapped[datetime]
    missed: Mapped[int]  # due times before it that nobody kept, which it stands for
    came: Mapped[Came | None]  # None: still to be seen to
    came_at: Mapped[datetime | None]
    sweep_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"), index=True)  # begun, or in the way
    wrong: Mapped[dict[str, Any] | None]  # why none was begun: the line by language


class Disposal(Table):
    """What was disposed of in one go, by which rule, and on whose word (データ廃棄記録); it is never changed, nor deleted."""

    __tablename__ = "disposal"
    id: Mapped[int] = mapped_column(primary_key=True)
    begun_at: Mapped[datetime] = mapped_column(index=True)  # of the run: all of one run bear the same
    at: Mapped[datetime]
    who: Mapped[str]
    kind: Mapped[Kept]
    site_id: Mapped[int | None] = mapped_column(ForeignKey("site.id"), index=True)  # None: of no site, or of many
    sweep_id: Mapped[int | None] = mapped_column(ForeignKey("sweep.id"))  # the newest that the results were in
    year: Mapped[int]  # fiscal year that it was of
    names: Mapped[bytes | None] = mapped_column(
        LargeBinary
    )  # of what it was, compressed, see audits.keeping.record; None: written before they were kept
    results: Mapped[int]  # states of pages that it was taken from; 0: of none
    items: Mapped[int]  # pictures, places or rows
    bytes: Mapped[int] = mapped_column(BigInteger)
    term: Mapped[str]  # how long it was to be kept: 5y, 90d
    minimum: Mapped[str | None]  # that the term may not undercut without a reason
    why: Mapped[str | None]  # the reason
    digest: Mapped[str] = mapped_column(String(64))  # SHA-256 of the names


class Leaving(Table):
    """An object of the store whose picture was disposed of; without this row it is gone, or was kept anew."""

    __tablename__ = "leaving"
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)  # bytes
    written_at: Mapped[datetime]  # as the store says it: one that is written later is another's


class Depot(Table):
    """A store that this database has begun to keep pictures in, by the mark that lies there; the newest is its own."""

    __tablename__ = "depot"
    id: Mapped[int] = mapped_column(primary_key=True)
    mark: Mapped[str] = mapped_column(String(32), unique=True)
    begun_at: Mapped[datetime]
    copied_at: Mapped[datetime | None]  # this is a restored copy: another database may use the store
