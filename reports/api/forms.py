"""The forms of what the API gives: what a field means, in which unit, and when it is null. OpenAPI is made from them."""

from datetime import date, datetime
from typing import Annotated, Any, Generic, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from db.words import (
    DefectState,
    Edition,
    FoundBy,
    Impact,
    Level,
    Method,
    Outcome,
    Reason,
    Region,
    SweepState,
    Trust,
    VisitState,
)

T = TypeVar("T")
GREATEST = 2**31 - 1  # that an id can be on PostgreSQL
Text = Annotated[str, Field(pattern="^[^\\x00]*$")]  # PostgreSQL keeps no null byte


class Form(BaseModel):
    """A record."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Many(BaseModel, Generic[T]):
    """A part of a list, in the order of `id`."""

    items: list[T]
    next: str | None = Field(description="Address of the next part; null: this is the last.")


class OrganisationForm(Form):
    """A node of the tree."""

    id: int
    parent: int | None = Field(description="null: a root")
    name: str


class SiteForm(Form):
    """A site."""

    id: int
    address: str
    organisation: int | None
    created_at: datetime


class SweepForm(Form):
    """A run over a site. Numbers of two are compared only where edition, level and rule set are the same."""

    id: int
    site: int
    state: SweepState
    recheck: bool = Field(description="Looked again at pages of certain defects: says nothing of the site.")
    method: Method | None = Field(description="null: pages are not chosen yet")
    edition: Edition
    level: Level
    seed: int
    engine: str | None
    engine_version: str | None
    rule_set: str | None
    created_at: datetime
    finished_at: datetime | None
    trust: Trust | None = Field(
        description="suspect and rejected ones move no defects and are in no trend; null: not judged"
    )


class ConclusionForm(SweepForm):
    """A sweep with what it says: the object that `jisweep sweep --json` prints."""

    conclusion: dict[str, Any] | None = Field(
        description="null: a recheck, which says nothing of the site. Rates with numerator, denominator, coverage and interval; criteria are failed, review, undetected or "
        "untested, never met. See docs/cli.md."
    )


class VisitForm(Form):
    """An address of a sweep. Without a result it is neither clean nor repaired: `reason` says why."""

    id: int
    page: int
    address: str
    title: str | None
    state: VisitState
    reason: Reason | None
    detail: str | None
    http_status: int | None
    content_type: str | None
    found_by: FoundBy
    depth: int = Field(description="links from the start address")
    template: int | None
    carried: bool = Field(description="the result is an earlier sweep's: nothing has changed since")
    audited_at: datetime | None
    failed_places: int | None = Field(description="places that enter the rate, of level A and AA; null: no result")
    open_questions: int | None = Field(description="places that a person must look at; null: no result")


class FindingForm(Form):
    """A place where a rule failed or could not tell. Text is as the page has it: escape it wherever it is shown."""

    id: int
    page: int
    address: str
    defect: int
    place: int = Field(description="order within the page's result, from 1")
    rule: str
    outcome: Outcome
    counts: bool = Field(description="whether it enters the rate: failed, by a rule of level A or AA")
    impact: Impact | None
    frame: list[Any] = Field(description="selectors of the frames that lead there, outermost first")
    target: list[Any] = Field(description="selector in that frame; several through shadow roots")
    snippet: str
    box: list[float] | None = Field(
        description="x, y, width, height in CSS px of the whole page; null: not visible"
    )
    disposed_at: datetime | None = Field(
        description="when the snippet, and with it or later frame, target and box, were disposed of; null: they are all there"
    )


class DefectForm(Form):
    """The same fault wherever it shows on a site."""

    id: int
    site: int
    rule: str
    state: DefectState
    region: Region | None
    owner: str | None
    due_on: date | None
    way: str | None
    pages: int = Field(description="that showed it when they were last seen")
    places: int


class EventForm(Form):
    """A change in the life of a defect."""

    id: int
    at: datetime
    old: DefectState | None
    new: DefectState
    who: str
    why: str | None
    sweep: int | None


class DefectPageForm(Form):
    """A page of a defect; 0 places: it was there once."""

    id: int
    address: str
    places: int


class CycleForm(Form):
    """A remediation round."""

    id: int
    name: str
    begins_on: date
    ends_on: date
    rate: float | None = Field(description="target: share of problem pages of each site, 0 to 1")
    defects: int | None = Field(description="target: open defects of all sites together")
    target_on: date
    closed_at: datetime | None


class Claim(Form):
    """A word that a defect is repaired; a sweep confirms it, or not."""

    why: Text | None = Field(default=None, max_length=2000)


class Wish(Form):
    """The defects whose pages are to be seen again; all of one site."""

    defects: list[Annotated[int, Field(ge=1, le=GREATEST)]] = Field(min_length=1, max_length=100)


class Taken(Form):
    """A wish that was taken."""

    sweep: int = Field(description="number of the recheck; its state says when it is done")


class Problem(BaseModel):
    """What went wrong (RFC 9457), as application/problem+json."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
