"""The after of a repair: the page is opened now, audited, and the element that had the fault is looked for in it."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html.parser import HTMLParser
from importlib import resources
from typing import Any

from audits import mic
from audits.engine import FramedAxe, rule_set
from audits.examples.before import Before
from audits.guest import asking
from audits.one_for_all import refuse_stranger
from audits.page import SNIPPET, Image, PageAudit, Pictures, Target, audit_page, clip_around, cut, take_picture
from audits.record import TRIES
from audits.work import Tools, Work, running
from crawler.browser import PageLost, Tab
from crawler.exploration import robots_of
from db.database import Database
from db.errors import UsageError
from db.types import now
from db.words import Matched, Outcome, Reason

OWN = ("id", "name", "src", "href", "for", "action", "data")  # what tells an element from others of its kind
FIND = resources.files(__package__ or "audits.examples").joinpath("after.js").read_text(encoding="utf-8")


@dataclass(frozen=True, kw_only=True)
class After:
    """What stands on a page now in place of a fault."""

    matched: Matched
    html: str | None  # as findings keep it; None: the element was not found
    around: str | None
    picture: Image | None
    at: datetime


async def look(database: Database, before: Before, tools: Tools, named: str | None = None) -> After:
    """Open the page of a repair as its site's last sweep would, and find the element; `named`: a selector of a person's.

    Raises PageLost when the page cannot be seen now; UsageError when it shows the fault again, when several elements fit,
    and for a selector that finds nothing.
    """
    async with running(database, before.sweep, tools, asyncio.Event()) as work:
        tab = await work.first_tab()
        rules = await rule_set(tab, tools.engine, work.sweep.edition, work.sweep.level, work.sweep.also)
        if before.rule not in {*rules.criteria, *(rules.also or {}), *mic.rule_criteria()}:
            raise UsageError(
                ja=f"いまの検査エンジンには規則 {before.rule} がないので、直っているかを確かめられません。",
                en=f"The engine has no rule {before.rule} any more: whether it is repaired cannot be seen.",
            )
        axe = FramedAxe(tools.engine, rules, survey=before.rule.startswith(mic.PREFIX))
        for left in reversed(range(TRIES)):
            try:
                return await _look(work, tab, axe, before, named)
            except PageLost as lost:
                if not (left and lost.reason.transient):
                    raise
    raise AssertionError("the last try returns or raises")


async def _look(work: Work, tab: Tab, axe: FramedAxe, before: Before, named: str | None) -> After:
    robots = await robots_of(work.fetcher, work.robots, before.address)
    if robots.reachable and not robots.allows(before.address):
        raise PageLost(Reason.ROBOTS, "disallowed since it was found")
    target = Target(address=before.address, scope=work.scope, content_type=before.content_type)
    seconds = work.limits.page_seconds
    async with asking(work.fetcher, tab, before.address) as turn:
        audit = await audit_page(tab, axe, target, Pictures(each_fault=False), seconds, turn)
        refuse_stranger(before.title, before.shape, audit.source, before.content_type)
    _refuse_shown(audit, before)
    async with tab.risk(seconds) as begin:
        begin()
        return await _find(tab, work.tools.engine.injected, audit, before, named)


def _refuse_shown(audit: PageAudit, before: Before) -> None:
    """Raises UsageError when the page shows the fault again: it is no repair any more."""
    for place in audit.places:
        names = {place.fault.digest, place.fault.earlier}
        if place.rule == before.rule and place.outcome is Outcome.FAILED and names & before.digests:
            raise _shown_again(before)


async def _find(tab: Tab, injected: str, audit: PageAudit, before: Before, named: str | None) -> After:
    """The element in the page that the tab shows, with its picture. Raises PlaywrightError."""
    at = now()
    entered = await _entered(tab, injected, before.frame)
    if entered is None:
        return _gone(at)
    world, left, top = entered
    failing = [
        place.target for place in audit.places
        if place.rule == before.rule and place.outcome is Outcome.FAILED and place.frame == before.frame
    ]  # fmt: skip
    told = (before.target, told_by(before.snippet), named, failing)
    call = f"JSON.stringify(({FIND})({', '.join(map(json.dumps, told))}))"
    found: dict[str, Any] = tab.credentials.hide(json.loads(await tab.evaluate(world, call)))
    if found["alike"] > 1:
        raise UsageError(
            ja=f"同じくらい合う要素が{found['alike']}個あります。--element で示してください。",
            en=f"{found['alike']} elements fit equally well: name one with --element.",
        )
    if not found["alike"] and named:
        raise UsageError(
            ja=f"{named} に当たる要素は、いまのページにありません。",
            en=f"No element of the page now is {named}.",
        )
    if not found["alike"]:
        return _gone(at)
    if found["failing"]:
        raise _shown_again(before)
    box = found["box"]
    clip = clip_around([box[0] + left, box[1] + top, box[2], box[3]], audit.size) if box else None
    return After(
        matched=Matched.NAMED if named else Matched.TARGET if found["there"] else Matched.WORDS,
        html=cut(found["html"], SNIPPET),
        around=None if found["around"] is None else cut(found["around"], SNIPPET),
        picture=await take_picture(tab, *clip) if clip else None,
        at=at,
    )


async def _entered(tab: Tab, injected: str, frame: Sequence[Any]) -> tuple[int, float, float] | None:
    """Our world in a frame of the page, by the selectors that lead there, and where it begins; None when there is none."""
    tree = await tab.frame_tree()
    at = tree["frame"]["id"]
    left = top = 0.0
    for selector in (*frame, None):
        world = await tab.world(at)
        if not await tab.evaluate(world, "!!globalThis.jisweep"):
            await tab.evaluate(world, f"{injected};0")
        if selector is None:
            break
        element = await tab.evaluate(world, f"axe.utils.shadowSelect({json.dumps(selector)})", by_value=False)
        described = await tab.session.send("DOM.describeNode", {"objectId": element}) if element else {"node": {}}
        at = described["node"].get("frameId", "")
        inner = await tab.evaluate(world, f"jisweep.inner({json.dumps(selector)})") if at else None
        if inner is None:
            return None
        left, top = left + inner[0], top + inner[1]
    return world, left, top


def _gone(at: datetime) -> After:
    return After(matched=Matched.GONE, html=None, around=None, picture=None, at=at)


def _shown_again(before: Before) -> UsageError:
    return UsageError(
        ja=f"{before.address} に、この欠陥がまた出ています。jisweep recheck {before.defect} で確かめてください。",
        en=f"{before.address} shows the fault again: see with jisweep recheck {before.defect}.",
    )


class _Told(HTMLParser):
    """What an element's HTML tells of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tag = ""
        self.attributes: dict[str, str] = {}
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if not self.tag:
            self.tag = tag
            self.attributes = {name: value or "" for name, value in reversed(attrs)}

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def told_by(snippet: str) -> dict[str, Any]:
    """What tells the element of a finding from others, by the HTML that was kept of it."""
    read = _Told()
    read.feed(snippet)
    read.close()
    return {
        "tag": read.tag,
        "own": {name: read.attributes[name] for name in OWN if read.attributes.get(name, "").strip()},
        "classes": read.attributes.get("class", "").split(),
        "text": " ".join("".join(read.words).split()),
    }
