"""Auditing one page: show it, let it settle, run the rules, take pictures of what they found."""

import asyncio
import base64
import hashlib
import json
from collections import Counter
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Error as PlaywrightError

from audits import mic
from audits.engine import FramedAxe, FramedResults, Untested, frames_of_other_types
from audits.fault import Fault, fault_of
from audits.mic import source as mic_source
from crawler.address import canonical
from crawler.answers import refusal_of_status
from crawler.blocking import wall_in_source
from crawler.browser import Arrival, PageLost, Tab
from crawler.document import decode, read
from crawler.fetch import BUSY
from crawler.scope import Scope
from db.words import Impact, Outcome, Reason

BACKOFF = 1.0  # seconds that a busy host is left alone when it does not say how long
PATIENCE = 10.0  # seconds for the resources of a page to load
SNIPPET = 1000  # characters of an element's HTML that are kept
CHECKED = 2000  # characters of what one check saw that are kept
TALLEST = 16_000  # CSS px of a page that Chromium can picture
AROUND = 24  # CSS px around a place in its picture
SOURCE_PLACE = "source-place"  # the check that tells where in the source a place is
WIDEST_CLIP, TALLEST_CLIP = 1280, 800  # CSS px


Clip = tuple[int, int, int, int]  # x, y, width, height in CSS px


@dataclass(frozen=True, kw_only=True)
class Image:
    """A picture of a page or of a part of it."""

    image: bytes
    width: int
    height: int
    media_type: str = "image/jpeg"  # WebP takes three times as long to make: see docs/decisions/0004

    @property
    def digest(self) -> str:
        """Names the picture by its bytes (SHA-256)."""
        return hashlib.sha256(self.image).hexdigest()


@dataclass(kw_only=True)
class Place:
    """One place where a rule failed or could not tell."""

    rule: str
    outcome: Outcome
    impact: Impact | None
    frame: list[Any]
    target: list[Any]
    snippet: str
    checks: list[dict[str, Any]]
    box: list[float] | None
    fault: Fault  # the same wherever it shows
    clip: Image | None = None


@dataclass(kw_only=True)
class PageAudit:
    """What auditing one page gave."""

    settled: bool
    untested: list[Untested]
    places: list[Place]
    size: tuple[int, int]  # CSS px
    features: dict[str, int]  # name → how many of them the page's own document has
    picture: Image | None = None
    pictured_height: int | None = None
    source: bytes | None = None  # the body of the document
    notice: str | None = None  # of a page that says little, what, see crawler.content
    resources: tuple[str, ...] | None = None  # what the page was made of, see crawler.traffic
    links: tuple[str, ...] = ()  # canonical; only where the target asks for them

    @property
    def images(self) -> list[bytes]:
        """The bytes of all pictures."""
        clips = (each.clip for each in self.places)
        return [each.image for each in (self.picture, *clips) if each is not None]

    def digest(self) -> str:
        """Names the content: equal audits have equal digests, whenever they were made."""
        told = [
            [
                each.rule,
                each.outcome,
                each.frame,
                each.target,
                each.snippet,
                each.checks,
                each.box,
                _name(each.clip),
            ]
            for each in self.places
        ]
        untested = [vars_of(each) for each in self.untested]
        parts = [self.settled, untested, self.size, self.features, _name(self.picture), told]
        return hashlib.sha256(json.dumps(parts, ensure_ascii=False).encode()).hexdigest()


@dataclass(kw_only=True)
class Pictures:
    """What is to be pictured: whole pages of a sample, and each distinct fault once."""

    whole_pages: bool = False
    each_fault: bool = True
    faults: set[str] = field(default_factory=set)  # already pictured in this sweep


@dataclass(frozen=True, kw_only=True)
class Target:
    """The page to audit, and what is known of it."""

    address: str
    scope: Scope
    closed_roots: bool = False  # its source declares closed shadow roots
    unread: bool = False  # exploring has not seen which links its scripts make
    content_type: str | None = None  # as the server gives it, for the encoding of the source


async def audit_page(
    tab: Tab, axe: FramedAxe, target: Target, pictures: Pictures, seconds: float,
    turn: AbstractAsyncContextManager[None],
) -> PageAudit:  # fmt: skip
    """Audit a page within `seconds` of wall clock from its `turn` at the host on, which it holds while it loads.

    Raises PageLost when there is no result; the tab is then fit for the next page.
    """
    async with tab.risk(seconds) as begin:
        async with turn:
            begin()
            arrival = await tab.open(target.address, seconds=seconds, patience=PATIENCE)
        return await _audit(tab, axe, target, pictures, arrival)


async def _audit(tab: Tab, axe: FramedAxe, target: Target, pictures: Pictures, arrival: Arrival) -> PageAudit:
    refuse_status(arrival)
    try:
        results = await axe.run(tab)
    except PlaywrightError:
        await _moved_on(tab, target)
        await tab.still_shows(target.address)
        _refuse_elsewhere(await tab.document_address(), target)
        raise
    await tab.still_shows(target.address)
    _refuse_elsewhere(tab.sent_to or results.address, target)
    refuse_wall(results.bare)
    audit = PageAudit(
        settled=results.settled and arrival.loaded,
        untested=list(results.untested),
        places=list(_places(tab.credentials.hide(results.rules))),
        size=results.size,
        features=results.features,
        source=await tab.source(),
        notice=_notice(results, target),
        resources=tab.traffic.made_of,
    )
    if axe.survey:
        await _survey_source(audit, target)
    if target.unread:
        audit.links = await links_shown(tab)
    if target.closed_roots or len(tab.page.frames) > 1:
        audit.untested += await _closed_roots(tab)
    await _take_pictures(tab, audit, pictures, target)
    return audit


def _notice(results: FramedResults, target: Target) -> str | None:
    """What a page says that says little, as the browser shows it; None where parts of it may say more."""
    if results.bare is None or results.features["frames"]:
        return None
    return read(results.bare.encode("utf-8", "replace"), "text/html; charset=utf-8", target.address).content.notice


async def _survey_source(audit: PageAudit, target: Target) -> None:
    """Add the ministry's conditions that the page's source meets.

    Raises PageLost when the browser no longer has it: without it the page is not analysed, whatever else was seen.
    """
    if audit.source is None:
        raise PageLost(Reason.ENGINE_ERROR, "the browser no longer has the page's source")
    text, _ = decode(audit.source, target.content_type)
    faults = await asyncio.to_thread(mic_source.faults, text)  # megabytes take seconds
    for item, count in Counter(found.item for found in faults).items():
        if count >= mic_source.MOST:
            why = "it meets the condition in more places than are told"
            audit.untested.append(Untested(part="source", where=[item], why=why))
    for found in faults:
        rule = mic.rule_of(found.item)
        where = {"id": SOURCE_PLACE, "data": {"line": found.line, "column": found.column}}
        audit.places.append(
            Place(
                rule=rule, outcome=Outcome.FAILED, impact=None, frame=[], target=[],
                snippet=cut(found.snippet, SNIPPET), checks=[where], box=None,
                fault=fault_of(rule, [], [], found.snippet),
            )
        )  # fmt: skip


async def links_shown(tab: Tab) -> tuple[str, ...]:
    """The links of the page as the tab shows it, canonical."""
    world = await tab.main_world()
    return canonical_links(await tab.evaluate(world, "jisweep.links()"))


def canonical_links(links: list[str]) -> tuple[str, ...]:
    """Those that lead to http and https addresses, each once."""
    return tuple(dict.fromkeys(link for each in links if (link := canonical(each))))


def refuse_status(arrival: Arrival) -> None:
    """Raises PageLost for an answer that is no page, however it looks in the browser."""
    status = arrival.status
    reason = refusal_of_status(status) if status is not None and status >= 400 else None
    if reason is not None:
        pause = (arrival.retry_after or BACKOFF) if status in BUSY else None
        raise PageLost(reason, f"HTTP {status} in the browser", pause=pause)


def refuse_wall(source: str | None) -> None:
    """Raises PageLost for the source of a firewall's page or challenge that came with the status of a page."""
    seen = wall_in_source(200, source) if source else None
    if seen is not None:
        raise PageLost(Reason.BLOCKED, f"{seen}, in the browser")


async def _moved_on(tab: Tab, target: Target) -> None:
    """Wait until the page is where it went when it took itself from under the rules, if it did."""
    with suppress(PlaywrightError):
        await tab.page.wait_for_url(lambda url: canonical(url) != target.address, wait_until="commit", timeout=1000)


def _refuse_elsewhere(at: str | None, target: Target) -> None:
    """A page that sent the browser on is not the page that was asked for; one that only renames itself is."""
    if at == target.address:
        return
    raise PageLost.sent_on(target.scope, at)


def _places(rules: list[dict[str, Any]]) -> Iterator[Place]:
    for rule in rules:
        for node in rule["nodes"]:
            impact = node["impact"] or rule["impact"]
            yield Place(
                rule=rule["id"],
                outcome=Outcome(rule["outcome"]),
                impact=Impact(impact) if impact else None,
                frame=node["frame"],
                target=node["target"],
                snippet=cut(node["html"], SNIPPET),
                checks=[_bounded(check) for check in node["checks"]],
                box=node["box"],
                fault=fault_of(rule["id"], node["frame"], node["chain"], node["html"]),
            )


async def _closed_roots(tab: Tab) -> list[Untested]:
    """Closed shadow roots that the source declares: no script can enter them, so no rule saw them."""
    foreign = frozenset(frames_of_other_types(await tab.frame_tree()))  # the browser's own viewers
    document = await tab.session.send("DOM.getDocument", {"depth": -1, "pierce": True})
    return [
        Untested(part="closed shadow root", where=[host], why="declared closed in the page's source")
        for host in _hosts_of_closed_roots(document["root"], foreign)
    ]


def _hosts_of_closed_roots(node: dict[str, Any], foreign: frozenset[str]) -> Iterator[str]:
    if node.get("frameId") in foreign:
        return
    for root in node.get("shadowRoots", ()):
        if root.get("shadowRootType") == "closed":
            yield node["localName"]
        yield from _hosts_of_closed_roots(root, foreign)
    for child in (*node.get("children", ()), *filter(None, [node.get("contentDocument")])):
        yield from _hosts_of_closed_roots(child, foreign)


async def _take_pictures(tab: Tab, audit: PageAudit, pictures: Pictures, target: Target) -> None:
    """Picture the faults that this sweep has not pictured, and the whole page where that is asked for.

    Raises PageLost when the browser was sent on meanwhile: the pictures would show another page.
    """
    width, height = audit.size
    clips = _unpictured(audit, pictures) if pictures.each_fault else []
    faults = {place.fault.digest for place, _ in clips}
    pictures.faults |= faults  # before the first is taken: other tabs picture at the same time
    try:
        for place, clip in clips:
            place.clip = await take_picture(tab, *clip)
        if pictures.whole_pages or clips:
            audit.pictured_height = min(height, TALLEST)
            audit.picture = await take_picture(tab, 0, 0, width, audit.pictured_height)
            _refuse_elsewhere(await tab.document_address(), target)
    except BaseException:
        pictures.faults -= faults
        raise


def _unpictured(audit: PageAudit, pictures: Pictures) -> list[tuple[Place, Clip]]:
    """The first place that can be seen of each fault that this sweep has not pictured, and what to picture."""
    found: dict[str, tuple[Place, Clip]] = {}
    for place in sorted(audit.places, key=lambda place: place.rule.startswith(mic.PREFIX)):
        if (
            place.fault.digest in pictures.faults
            or place.fault.digest in found
            or place.outcome is not Outcome.FAILED
        ):
            continue
        clip = clip_around(place.box, audit.size) if place.box else None
        if clip is not None and all(clip != shown for _, shown in found.values()):
            found[place.fault.digest] = (place, clip)
    return list(found.values())


def clip_around(box: list[float], size: tuple[int, int]) -> Clip | None:
    """The part of the page to picture around a box: x, y, width, height; None when it lies outside the page."""
    left, top = max(0, round(box[0]) - AROUND), max(0, round(box[1]) - AROUND)
    right = min(size[0], round(box[0] + box[2]) + AROUND, left + WIDEST_CLIP)
    bottom = min(size[1], TALLEST, round(box[1] + box[3]) + AROUND, top + TALLEST_CLIP)
    return (left, top, right - left, bottom - top) if right > left and bottom > top else None


async def take_picture(tab: Tab, x: int, y: int, width: int, height: int) -> Image:
    """A picture of a part of the page, in CSS px. Raises PlaywrightError."""
    taken = await tab.session.send(
        "Page.captureScreenshot",
        {
            "format": "jpeg",
            "quality": 60,
            "captureBeyondViewport": True,
            "clip": {"x": x, "y": y, "width": width, "height": height, "scale": 1},
        },
    )
    return Image(image=base64.b64decode(taken["data"]), width=width, height=height)


def vars_of(untested: Untested) -> dict[str, Any]:
    """The form that a result's `untested` column keeps."""
    return {"part": untested.part, "where": untested.where, "why": untested.why}


def _bounded(check: dict[str, Any]) -> dict[str, Any]:
    """A check without data that nobody reads: whole-page lists would be kept with every place."""
    length = len(json.dumps(check["data"], ensure_ascii=False))
    return {"id": check["id"], "data": {"cut": length} if length > CHECKED else check["data"]}


def _name(image: Image | None) -> str | None:
    return None if image is None else image.digest


def cut(text: str, length: int) -> str:
    """A text of at most so many characters."""
    return text if len(text) <= length else text[: length - 1] + "…"
