"""Choosing the pages of a sweep (JIS X 8341-3:2016 Annex JB.1.2 a to d), with the draw kept as rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from crawler.draw import SAMPLE, Drawing, drawing_of, random_part
from crawler.frame import FramePage, chosen_frame, explored_frame, is_gone, keep_templates, named_otherwise
from crawler.notes import add_note
from crawler.process import STEPS, Processes, processes
from crawler.representative import FURTHER, STEP, LeftOut, left_out, representatives
from crawler.usage import known_usage
from db.tables import Draw, Sweep, Visit
from db.types import now
from db.words import About, Method, Part, Stratify, SweepState, VisitState

SUCH = 3  # unknown addresses of a traffic file that a note names
WITH_REPRESENTATIVES = (Method.REPRESENTATIVE, Method.MIXED)
CENSUS_UP_TO = 100  # known pages; above it WAIC's test guide recommends method d)


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A page in the sample as one part of it."""

    visit: int
    part: Part
    rank: int
    why: str | None = None
    stratum: str | None = None  # that a random page was drawn from
    added_by: str | None = None  # who put it in, or gave it another reason


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """A sample as the evidence speaks for it, and what a person should know of it."""

    frame: Sequence[FramePage]
    method: Method
    drawing: Drawing
    choices: Sequence[Choice]
    by_hand: Sequence[str]  # steps of chosen forms that only sending leads to
    unknown: Sequence[str]  # addresses of the traffic file that are no pages of the frame, the most used first
    steps: Processes
    used: Sequence[str]  # addresses of the frame, the most used first

    @property
    def pages(self) -> dict[int, FramePage]:
        """The pages of the frame by visit."""
        return {page.visit: page for page in self.frame}

    @property
    def left_out(self) -> list[LeftOut]:
        """What a representative part would stand for, and this sample lacks."""
        if self.method not in WITH_REPRESENTATIVES:
            return []
        sample = {choice.visit for choice in self.choices}
        return left_out(self.frame, self.drawing.start, sample, steps=self.steps, used=self.used)

    def in_part(self, choices: Sequence[Choice]) -> Iterator[tuple[Sequence[FramePage], int]]:
        """The processes that are too long for a sample and begun in this one, and how many of their pages it lacks."""
        if self.method not in WITH_REPRESENTATIVES:
            return
        sample = {choice.visit for choice in choices}
        begun = [self.steps.whole(page) for page in self.frame if page.visit in sample]
        for process in {id(each): each for each in begun if len(each) > STEPS}.values():
            left = sum(page.visit not in sample for page in process)
            if left:
                yield process, left


async def propose(connection: AsyncConnection, sweep: Sweep, start: str) -> Proposal:
    """The sample that an explored sweep proposes; nothing is stored."""
    frame = await explored_frame(connection, sweep.id)
    otherwise = await named_otherwise(connection, sweep.id)
    used, unknown = known_usage(sweep.traffic, [page.address for page in frame], otherwise)
    method = method_for(len(frame), sweep.method_asked, sweep.pages_asked)
    steps = processes(frame, otherwise)
    drawing = drawing_of(sweep, start, method)
    choices = chosen(frame, method, drawing, sweep.pages_asked, steps=steps, used=used)
    taken = {choice.visit for choice in choices}
    by_hand = steps.beyond(page for page in frame if page.visit in taken)
    return Proposal(
        frame=frame, method=method, drawing=drawing, choices=choices, by_hand=by_hand, unknown=unknown,
        steps=steps, used=used,
    )  # fmt: skip


async def choose(connection: AsyncConnection, sweep: Sweep, start: str) -> None:
    """Choose the pages of an explored sweep as they are proposed, and move the sweep on to auditing."""
    proposal = await propose(connection, sweep, start)
    await keep_sample(connection, sweep, proposal, proposal.choices)


async def keep_sample(
    connection: AsyncConnection, sweep: Sweep, proposal: Proposal, choices: Sequence[Choice], by: str | None = None
) -> bool:
    """Keep a sample as rows, once and for all, and move the sweep on to auditing; False when it has one already."""
    moved = await connection.execute(
        sa.update(Sweep)
        .where(Sweep.id == sweep.id, Sweep.state == SweepState.CHOOSING)
        .values(
            state=SweepState.AUDITING, method=proposal.method, draw_from=proposal.drawing.begin, frozen_by=by,
            chosen_at=now(),
        )
    )  # fmt: skip
    if not moved.rowcount:
        return False
    await keep_templates(connection, proposal.frame)
    if choices:
        await connection.execute(
            sa.insert(Draw),
            [
                {"sweep_id": sweep.id, "visit_id": each.visit, "part": each.part, "rank": each.rank,
                 "why": each.why, "stratum": each.stratum, "added_by": each.added_by}
                for each in choices
            ],
        )  # fmt: skip
    in_sample = sa.exists().where(Draw.visit_id == Visit.id)
    for state, is_chosen in ((VisitState.SELECTED, in_sample), (VisitState.NOT_CHOSEN, ~in_sample)):
        await connection.execute(
            sa.update(Visit)
            .where(Visit.sweep_id == sweep.id, Visit.state == VisitState.EXPLORED, is_chosen)
            .values(state=state)
        )
    if proposal.unknown:
        such = ", ".join(proposal.unknown[:SUCH])
        said = f"{len(proposal.unknown)} addresses of the traffic file are no pages of the frame, such as {such}"
        await add_note(connection, sweep.id, About.TRAFFIC, proposal.drawing.start, said)
    for process, left in proposal.in_part(choices):
        said = f"a process of {len(process)} pages: {left} of them are not in the sample"
        await add_note(connection, sweep.id, About.SAMPLE, process[0].address, said)
    return True


async def left_out_of(connection: AsyncConnection, sweep: Sweep, start: str) -> list[LeftOut]:
    """What a representative part would stand for, and the chosen sample of a sweep lacks.

    Pages that have proved to be none are neither in the sample nor missing from it.
    """
    if sweep.method not in WITH_REPRESENTATIVES:
        return []
    drawn_visits = sa.select(Draw.visit_id, is_gone()).join(Visit, Visit.id == Draw.visit_id)
    gone = dict((await connection.execute(drawn_visits.where(Draw.sweep_id == sweep.id))).all())
    frame = [page for page in await chosen_frame(connection, sweep.id) if not gone.get(page.visit)]
    otherwise = await named_otherwise(connection, sweep.id)
    used, _ = known_usage(sweep.traffic, [page.address for page in frame], otherwise)
    return left_out(frame, start, gone.keys(), steps=processes(frame, otherwise), used=used)


def method_for(known: int, asked: Method | None, pages: int | None) -> Method:
    """The method in force: a) when nothing would be left out, else as asked, else by number of known pages."""
    if asked is Method.ALL or (asked is not Method.REPRESENTATIVE and known <= (pages or SAMPLE)):
        return Method.ALL
    if asked is not None:
        return asked
    return Method.ALL if pages is None and known <= CENSUS_UP_TO else Method.MIXED


def drawn(
    frame: Sequence[FramePage], start: str, method: Method, seed: int, *,
    pages: int | None = None, at_random: int | None = None, begin: int = 0, stratify: Stratify | None = None,
) -> list[Choice]:  # fmt: skip
    """The pages that a method chooses from a frame in the order of addresses; same seed and frame, same pages."""
    drawing = Drawing.of(start, seed, method, pages, at_random, begin, stratify)
    return chosen(frame, method, drawing, pages, steps=processes(frame))


def chosen(
    frame: Sequence[FramePage], method: Method, drawing: Drawing, pages: int | None, *,
    steps: Processes, used: Sequence[str] = (),
) -> list[Choice]:  # fmt: skip
    """The pages of each part, in the order of their ranks.

    The random part is drawn from the whole frame, so that it speaks for all of it; the representative part
    fills the sample up to its size. A page may belong to both.
    """
    if method is Method.ALL:
        return [Choice(visit=page.visit, part=Part.CENSUS, rank=rank) for rank, page in enumerate(frame, start=1)]
    by_chance = random_part(frame, drawing)
    choices = [
        Choice(visit=page.visit, part=Part.RANDOM, rank=rank, stratum=stratum or None)
        for rank, (page, stratum) in enumerate(by_chance, start=1)
    ]
    if method is Method.RANDOM:
        return choices
    at_random = [page for page, _ in by_chance]
    told = _filled(representatives(frame, drawing.start, steps=steps, used=used), at_random, steps, pages or SAMPLE)
    return choices + [
        Choice(visit=visit, part=Part.REPRESENTATIVE, rank=rank, why=why)
        for rank, (visit, why) in enumerate(told.items(), start=1)
    ]


def _filled(
    candidates: Sequence[tuple[FramePage, str]], at_random: Sequence[FramePage], steps: Processes, size: int
) -> dict[int, str]:
    """The representative pages that fill a sample up to its size, with what they stand for.

    A process is never left in part: its pages come in with the first of them, also with a random one and beyond the
    size (WAIC test guide 3.2; WCAG-EM 3.d).
    """
    taken = {page.visit for page in at_random}
    brought = {
        step.visit: f"{STEP}{page.address}" for page in at_random for step in steps.of(page)
        if step.visit not in taken
    }  # fmt: skip
    taken |= brought.keys()
    told: dict[int, str] = {}
    for page, why in candidates:
        if page.visit in taken and why.startswith(FURTHER):
            continue  # it stands for nothing that the sample lacks
        if len(taken) >= size and page.visit not in taken:
            continue
        told[page.visit] = why
        taken.add(page.visit)
        for step in steps.of(page):
            if step.visit not in taken:
                taken.add(step.visit)
                brought[step.visit] = f"{STEP}{page.address}"
    return told | {visit: why for visit, why in brought.items() if visit not in told}


def put_in(choices: Sequence[Choice], added: Sequence[Choice]) -> list[Choice]:
    """The random part of a sample with other representative pages, ranked anew in their order."""
    kept = [each for each in choices if each.part is not Part.REPRESENTATIVE]
    return kept + [replace(each, rank=rank) for rank, each in enumerate(added, start=1)]
