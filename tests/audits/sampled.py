"""A sweep that has explored, made of rows alone, and what becomes of its sample; no browser is needed for it."""

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from audits.conclude import sweep_row
from audits.sweep import begin
from crawler import minhash
from crawler.replace import replace_gone
from crawler.sample import choose
from db.database import Database
from db.tables import Draw, Page, Result, Site, Sweep, Visit
from db.types import now
from db.words import Part, Reason, SweepState, VisitState
from tests.audits.swept import plan_for
from tests.db.rows import filled, table_of

START = "https://www.example.lg.jp/"
FORMS = {"shinsei/step1.html": "shinsei/step2.html", "shinsei/step2.html": "shinsei/send"}
PATHS = ("", "contact/", *FORMS, *(f"{part}/{n:02}.html" for part, count in (("a", 60), ("b", 30), ("c", 9)) for n in range(count)))  # fmt: skip


async def explored(database: Database, paths: Sequence[str] = PATHS, **plan: Any) -> int:
    """A sweep that has explored a site with these pages; returns its number."""
    sweep_id = await begin(database, plan_for(START, **plan))
    async with database.writing() as connection:
        site_id = await connection.scalar(sa.select(Sweep.site_id).where(Sweep.id == sweep_id))
        for path in paths:
            known = sa.select(Page.id).where(Page.site_id == site_id, Page.address == START + path)
            page_id = await connection.scalar(known) or await connection.scalar(
                sa.insert(Page).values(site_id=site_id, address=START + path).returning(Page.id)
            )
            row = {
                "sweep_id": sweep_id, "page_id": page_id, "state": VisitState.EXPLORED, "title": f"案内 {path}",
                "kinds": ["contact"] if path == "contact/" else ["form"] if path in FORMS else [],
                "forms": f"POST {START}{FORMS[path]}" if path in FORMS else None,
                "shape": minhash.pack((len(path.partition("/")[0]),) * minhash.VALUES),
            }  # fmt: skip
            values = filled(table_of(Visit), row)
            where = Visit.sweep_id == sweep_id, Visit.page_id == page_id
            there = await connection.scalar(sa.select(Visit.id).where(*where))  # the start address
            if there:
                await connection.execute(sa.update(Visit).where(*where).values(values))
            else:
                await connection.execute(sa.insert(Visit).values(values))
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep_id).values(state=SweepState.CHOOSING, explored_at=now())
        )
    return sweep_id


async def chosen(database: Database, paths: Sequence[str] = PATHS, **plan: Any) -> int:
    """The same with its sample chosen."""
    sweep_id = await explored(database, paths, **plan)
    async with database.writing() as connection:
        await choose(connection, await sweep_row(connection, sweep_id), START)
    return sweep_id


async def drawn(database: Database, sweep_id: int, part: Part = Part.RANDOM) -> list[Any]:
    """The draws of a part in order, with path, state and reason of their page."""
    async with database.reading() as connection:
        rows = await connection.execute(
            sa.select(*Draw.__table__.columns, Page.address, Visit.state, Visit.reason, Visit.page_id)
            .join(Visit, Visit.id == Draw.visit_id)
            .join(Page, Page.id == Visit.page_id)
            .where(Draw.sweep_id == sweep_id, Draw.part == part)
            .order_by(Draw.rank)
        )
        return list(rows)


async def lose(database: Database, sweep_id: int, lost: Mapping[int, Reason], leads_to: int | None = None) -> int:
    """Let visits end as unaudited, as an audit would; returns how many pages took the place of others."""
    async with database.writing() as connection:
        for visit, reason in lost.items():
            ended = {"state": VisitState.UNAUDITED, "reason": reason, "leads_to_id": leads_to}
            await connection.execute(sa.update(Visit).where(Visit.id == visit).values(ended))
        return await replace_gone(connection, await sweep_row(connection, sweep_id))


async def finish(database: Database, sweep_id: int) -> None:
    """Give every page that waits for its audit a result without any fault, and end the sweep."""
    async with database.writing() as connection:
        waiting = await connection.execute(
            sa.select(Visit.id, Visit.page_id).where(Visit.sweep_id == sweep_id, Visit.state == VisitState.SELECTED)
        )
        for visit, page in waiting.all():
            row = filled(table_of(Result), {"digest": f"{visit:064}", "page_id": page})
            result = await connection.scalar(sa.insert(Result).values(row).returning(Result.id))
            audited = {"state": VisitState.AUDITED, "result_id": result, "audited_at": now()}
            await connection.execute(sa.update(Visit).where(Visit.id == visit).values(audited))
        await connection.execute(
            sa.update(Sweep).where(Sweep.id == sweep_id).values(state=SweepState.FINISHED, finished_at=now())
        )


async def site_id_of(database: Database) -> int | None:
    """The site of these sweeps."""
    async with database.reading() as connection:
        return await connection.scalar(sa.select(Site.id).where(Site.address == START))
