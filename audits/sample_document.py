"""A sample as one document that stands for itself: frame, seed, parameters and draw; and the draw repeated from it."""

import hashlib
from collections import defaultdict
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.orm import aliased

from crawler.draw import Drawing, orders, random_part
from crawler.frame import FramePage, chosen_frame, is_gone
from crawler.numbers import ROUND, later_begin, number_of
from crawler.redraw import random_addresses
from crawler.sample import WITH_REPRESENTATIVES, left_out_of, method_for
from crawler.strata import WHOLE
from db.errors import UsageError
from db.tables import Draw, Page, Site, Sweep, Visit
from db.words import Method, Part, Redraw, Stratify

FORMAT = 1
HOW = (
    "number = first 53 bits of SHA-256(seed in digits, newline, address in UTF-8) / 2**53; of each stratum the pages next "
    "from draw_from / 2**53 on, around"
)


async def document(connection: AsyncConnection, sweep: Sweep) -> dict[str, Any]:
    """The document of a sweep's sample. Raises UsageError when it has none, or one of an earlier release."""
    if sweep.method is None:
        raise UsageError(
            ja=f"スイープ {sweep.id} はまだページを選んでいません。",
            en=f"Sweep {sweep.id} has not chosen its pages yet.",
        )
    if sweep.draw_from is None:
        raise UsageError(
            ja=f"スイープ {sweep.id} は前の版の jisweep が選んだので、書き出しても再現できません。",
            en=f"Sweep {sweep.id} was drawn by an earlier release of jisweep: its draw cannot be repeated.",
        )
    frame = await chosen_frame(connection, sweep.id)
    site = await connection.scalar(sa.select(Site.address).where(Site.id == sweep.site_id)) or ""
    return {
        "made by": "jisweep",
        "format": FORMAT,
        "site": site,
        "sweep": sweep.id,
        "chosen_at": sweep.chosen_at.isoformat() if sweep.chosen_at else None,
        "frozen_by": sweep.frozen_by,
        "method": sweep.method.value,
        "method_asked": sweep.method_asked.value if sweep.method_asked else None,
        "pages_asked": sweep.pages_asked,
        "random_asked": sweep.random_asked,
        "stratify": sweep.stratify.value if sweep.stratify else None,
        "seed": sweep.seed,
        "draw_from": sweep.draw_from,
        "how": HOW,
        "earlier": await _earlier(connection, sweep),
        "frame_sha256": frame_digest([page.address for page in frame]),
        "frame": [{"address": page.address, "template": page.template} for page in frame],
        **await _parts(connection, sweep),
        "left_out": [each.told for each in await left_out_of(connection, sweep, site)],
    }


async def _earlier(connection: AsyncConnection, sweep: Sweep) -> dict[str, Any] | None:
    if sweep.earlier_draw_id is None or sweep.redraw is None:
        return None
    begin = await connection.scalar(sa.select(Sweep.draw_from).where(Sweep.id == sweep.earlier_draw_id))
    drawn = await random_addresses(connection, sweep.earlier_draw_id)
    return {"sweep": sweep.earlier_draw_id, "redraw": sweep.redraw.value, "draw_from": begin, "random": drawn}


async def _parts(connection: AsyncConnection, sweep: Sweep) -> dict[str, list[dict[str, Any]]]:
    replaced = aliased(Draw)
    rows = await connection.execute(
        sa.select(
            Draw.part, Draw.rank, Page.address, Draw.why, Draw.added_by, Draw.stratum,
            replaced.rank.label("replaces"), is_gone().label("gone"), Visit.reason,
        )
        .join(Visit, Visit.id == Draw.visit_id)
        .join(Page, Page.id == Visit.page_id)
        .outerjoin(replaced, replaced.id == Draw.replaces_id)
        .where(Draw.sweep_id == sweep.id)
        .order_by(Draw.part, Draw.rank)
    )  # fmt: skip
    parts: dict[str, list[dict[str, Any]]] = {part.value: [] for part in Part}
    for row in rows:
        told: dict[str, Any] = {"rank": row.rank, "address": row.address}
        if row.part is Part.REPRESENTATIVE:
            told |= {"why": row.why, "added_by": row.added_by}
        if row.part is Part.RANDOM:
            told |= {
                "number": number_of(sweep.seed, row.address) / ROUND, "stratum": row.stratum, "replaces": row.replaces,
                "proved_no_page": row.reason.value if row.gone else None,
            }  # fmt: skip
        parts[row.part.value].append(told)
    return parts


def frame_digest(addresses: list[str]) -> str:
    """SHA-256 of the addresses of a frame in order, each followed by a newline: short enough to be published."""
    return hashlib.sha256("".join(f"{address}\n" for address in addresses).encode()).hexdigest()


def differences(told: dict[str, Any]) -> list[str]:
    """Where a document's sample is not what its frame and seed give; none when it is the same.

    Raises UsageError for what is no document of a sample.
    """
    try:
        return _differences(told)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UsageError(
            ja=f"jisweep sample export が書いた文書ではないか、欠けています（{error}）。",
            en=f"This is no document of jisweep sample export, or not a whole one ({error}).",
        ) from error


def _differences(told: dict[str, Any]) -> list[str]:
    if told["made by"] != "jisweep" or told["format"] != FORMAT:
        raise ValueError(f"format {told['format']}")
    frame = [
        FramePage(visit=number, address=each["address"], kinds=(), template=each["template"])
        for number, each in enumerate(told["frame"])
    ]
    addresses = [page.address for page in frame]
    found: list[str] = []
    if addresses != sorted(set(addresses)) or frame_digest(addresses) != told["frame_sha256"]:
        found.append("frame")
    asked = Method(told["method_asked"]) if told["method_asked"] else None
    method = method_for(len(frame), asked, told["pages_asked"])
    if method.value != told["method"]:
        found.append("method")
    if _begin(told) != told["draw_from"]:
        found.append("draw_from")
    if [each["address"] for each in told["census"]] != (addresses if method is Method.ALL else []):
        found.append("census")
    put_in = {each["address"] for each in told["representative"]}
    if put_in - set(addresses) or (put_in and method not in WITH_REPRESENTATIVES):
        found.append("representative")
    return found + _differences_of_draw(told, frame, method)


def _begin(told: dict[str, Any]) -> int:
    """Where the draw has to begin: at 0, or where an earlier draw sends it."""
    earlier = told["earlier"]
    if earlier is None:
        return 0
    return later_begin(told["seed"], earlier["draw_from"], earlier["random"], Redraw(earlier["redraw"]))


def _differences_of_draw(told: dict[str, Any], frame: list[FramePage], method: Method) -> list[str]:
    """The pages that were not next in the order of their stratum, whether drawn at first or in place of another."""
    stratify = Stratify(told["stratify"]) if told["stratify"] else None
    drawing = Drawing.of(
        told["site"], told["seed"], method, told["pages_asked"], told["random_asked"], told["draw_from"], stratify
    )
    random = sorted(told["random"], key=lambda each: each["rank"])
    first = [each["address"] for each in random if each["replaces"] is None]
    due = random_part(frame, drawing)
    if first != [page.address for page, _ in due]:
        return ["random"]
    strata = [each["stratum"] or WHOLE for each in random if each["replaces"] is None]
    numbers = [each["number"] for each in random]
    if strata != [stratum or WHOLE for _, stratum in due]:
        return ["strata"]
    if numbers != [number_of(told["seed"], each["address"]) / ROUND for each in random]:
        return ["numbers"]
    next_of = defaultdict(
        list, {name: [page.address for page in pages] for name, pages in orders(frame, drawing).items()}
    )
    for _, stratum in due:
        next_of[stratum].pop(0)
    gone = {each["rank"] for each in random if each["proved_no_page"]}
    for each in random:
        if each["replaces"] is not None:
            queue = next_of[each["stratum"] or WHOLE]
            if each["replaces"] not in gone or not queue or queue.pop(0) != each["address"]:
                return ["replacements"]
    return []
