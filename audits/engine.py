"""The rule engine: which axe-core there is, which rules an edition asks for, and running them in a page.

Rules run by axe-core's two halves, `runPartial` in each frame and `finishRun` over all of them, in an isolated
world of the frame: scripts of the page reach neither the engine nor its built-ins, and a frame that cannot be
entered leaves the others tested.
"""

import asyncio
import hashlib
import json
import os
import re
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from axe_playwright_python.async_playwright import Axe
from axe_playwright_python.base import AXE_FILE_PATH, AxeBase, AxeResults
from playwright.async_api import Error as PlaywrightError

from audits import mic
from audits.criteria import aimed_at, spoken_of
from crawler.address import canonical
from crawler.browser import Tab
from db.errors import UsageError
from db.words import Edition, Level, Outcome

INSTALLED = Path(sys.prefix) / "share" / "jisweep" / "node_modules" / "axe-core" / "axe.min.js"
FRAMES = resources.files(__package__ or "audits").joinpath("frames.js").read_text(encoding="utf-8")
SIGNATURE = re.compile(r"axe v(\d+\.\d+\.\d+)")
NAME = "axe-core"
BESIDES = " + "  # in a rule set's name, before the rules of a further edition

QUIET = 100  # ms without a change that count as settled
SETTLE = 3000  # ms to wait for that
DOCUMENTS = frozenset({"text/html", "application/xhtml+xml", ""})  # that rules are for
FRAME_SECONDS = 20.0  # for the rules in one frame within the page


@dataclass(frozen=True, kw_only=True)
class Engine:
    """An axe-core script and its version."""

    version: str
    script: str
    path: Path

    @property
    def injected(self) -> str:
        """What runs in the isolated world of every frame."""
        return f"{self.script}\n{FRAMES}\n{mic.SCRIPT}"


@dataclass(frozen=True, kw_only=True)
class RuleSet:
    """The rules of one engine as one edition and level ask for them."""

    name: str  # engine, version, edition and a digest of the rules; those of a further edition after BESIDES
    switches: dict[str, dict[str, bool]]  # rules that differ from the engine's default, as its `rules` option
    criteria: dict[
        str, list[str]
    ]  # every rule that the edition runs → the criteria of the level that it speaks about
    also: dict[str, list[str]] | None = (
        None  # the same of a further edition; rules that only it runs stand only here
    )


def installed_engine(configured: str | None = None) -> Engine:
    """The engine to use: the configured file, else the one that set-up fetched, else axe-playwright-python's.

    Raises UsageError when the configured file is no axe-core script.
    """
    configured = configured or os.environ.get("JISWEEP_AXE")
    path = Path(configured) if configured else INSTALLED if INSTALLED.is_file() else AXE_FILE_PATH
    try:
        script = Axe.from_file(path).axe_script
    except OSError:
        script = ""
    version = SIGNATURE.search(script[:200])
    if version is None:
        raise UsageError(
            ja=f"{path} は axe-core のスクリプトではありません。JISWEEP_AXE を確かめてください。",
            en=f"{path} is not an axe-core script: check JISWEEP_AXE.",
        )
    return Engine(version=version[1], script=script, path=path)


async def rule_set(
    tab: Tab, engine: Engine, edition: Edition, level: Level, also: Edition | None = None
) -> RuleSet:
    """The rules for an edition and level, asked of the engine itself in an empty page.

    Best practices run as the engine has them on. Of the rules that are off, those run that speak about a
    criterion of the level: `duplicate-id` for 4.1.1 of JIS X 8341-3:2016, `target-size` for 2.5.8 of WCAG 2.2.
    With `also`, the rules of that edition run besides; they change nothing of what the first one is judged by.
    """
    await tab.blank()
    context = await tab.main_world()
    asked = "JSON.stringify(axe._audit.rules.map(({id, tags, enabled}) => ({id, tags, enabled})))"
    rules = json.loads(await tab.evaluate(context, f"{engine.injected}\n;{asked}"))
    first = _criteria_of(rules, edition, level)
    second = None if also is None else _criteria_of(rules, also, level)
    running = first.keys() | (second or {}).keys()
    name = f"{NAME} {engine.version} / {edition.value} / {_digest(engine, rules, first)}"
    if also is not None and second is not None:
        name += f"{BESIDES}{also.value} / {_digest(engine, rules, second)}"
    return RuleSet(name=name, switches=_switches(rules, running), criteria=first, also=second)


def own_rules(name: str | None) -> str:
    """The part of a rule set's name that says what a sweep is judged by: equal parts, comparable numbers.

    The rules of a further edition run beside the others and change nothing of what these find.
    """
    return (name or "").partition(BESIDES)[0]


def _switches(rules: list[dict[str, Any]], running: Collection[str]) -> dict[str, dict[str, bool]]:
    """The rules that are on or off otherwise than the engine has them, as its `rules` option."""
    return {
        rule["id"]: {"enabled": rule["id"] in running}
        for rule in rules
        if rule["enabled"] != (rule["id"] in running)
    }


def _digest(engine: Engine, rules: list[dict[str, Any]], criteria: dict[str, list[str]]) -> str:
    told = [engine.version, _switches(rules, criteria), criteria]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]


def _criteria_of(rules: list[dict[str, Any]], edition: Edition, level: Level) -> dict[str, list[str]]:
    """The rules that an edition runs, with the criteria of the level that each speaks about."""
    aimed = aimed_at(edition, Level.AA) | aimed_at(edition, level)  # rates are always of levels A and AA
    spoken = {rule["id"]: spoken_of(rule["tags"], edition) for rule in rules}
    return {
        rule["id"]: [number for number in spoken[rule["id"]] if number in aimed]
        for rule in rules
        if _wanted(rule, spoken[rule["id"]], aimed)
    }


def _wanted(rule: dict[str, Any], about: tuple[str, ...], aimed: dict[str, Any]) -> bool:
    if "experimental" in rule["tags"]:
        return False
    if any(number in aimed for number in about):
        return bool(rule["enabled"]) or "deprecated" not in rule["tags"] or "4.1.1" in about
    return bool(rule["enabled"]) and "best-practice" in rule["tags"]


async def settle(tab: Tab, world: int, *, nodes: bool = False) -> bool:
    """Wait until a page is calm and nothing that could change it is on its way; False when that did not come in time.

    With `nodes` only elements that come and go count as change, not how they look. Raises PlaywrightError.
    """
    clock = asyncio.get_running_loop().time
    ends = clock() + SETTLE / 1000
    while True:
        left = max(0, round((ends - clock()) * 1000))
        calm = await tab.evaluate(world, f"jisweep.settle({QUIET}, {left}, {json.dumps(nodes)})")
        if not calm or not tab.traffic.awaits:
            return calm and not tab.traffic.awaits
        if not await tab.traffic.all_came(max(0.0, ends - clock())):
            return False


Point = tuple[float, float]  # x, y in CSS px


@dataclass(frozen=True, kw_only=True)
class Untested:
    """A part of a page that no rule saw."""

    part: str  # "frame" or "closed shadow root"
    where: list[Any]
    why: str


class FramedAxe(AxeBase):  # type: ignore[misc]  # the package has no types
    """axe-playwright-python's engine, run in every frame of a tab's page."""

    def __init__(self, engine: Engine, rules: RuleSet, *, survey: bool = False) -> None:
        """With `survey` the conditions of the ministry's survey are checked too, in the page's own document."""
        super().__init__(engine.script)
        self._injected = engine.injected
        self._switches = json.dumps(rules.switches)
        self.survey = survey

    async def run(self, tab: Tab) -> "FramedResults":
        """Let the page settle and run the rules. Raises PlaywrightError when the main frame cannot be tested."""
        visit = _FrameVisit(tab, self._injected, self._switches)
        rules = await visit.rules()
        if self.survey:
            rules += [*mic.from_axe(rules), *await visit.conditions()]
        return FramedResults(rules, visit)


class FramedResults(AxeResults):  # type: ignore[misc]  # the package has no types
    """Rules with the nodes that failed or could not be told, and what the page was like."""

    def __init__(self, rules: list[dict[str, Any]], visit: "_FrameVisit") -> None:
        super().__init__({"violations": [rule for rule in rules if rule["outcome"] == "failed"]})
        self.rules = rules
        self.untested = visit.untested  # parts of the page that no rule saw
        self.settled = visit.settled
        self.address = visit.address  # canonical, that the tested document was loaded from
        self.size = visit.size  # CSS px
        self.features = visit.features  # name → how many of them the page's own document has
        self.bare = visit.bare  # the source of a page with hardly any links


class _FrameVisit:
    """One walk over the frames of a page, outermost first."""

    def __init__(self, tab: Tab, injected: str, switches: str) -> None:
        self._tab = tab
        self._injected = injected
        self._switches = switches
        self._frames: dict[str, tuple[int, Point]] = {}  # selectors as JSON → world, offset in the page
        self._parts: list[str] = []  # JSON of the frames within, in the order that finishRun expects
        self.untested: list[Untested] = []
        self.settled = False
        self.address: str | None = None
        self.size = (0, 0)
        self.bare: str | None = None
        self.features: dict[str, int] = {}

    async def rules(self) -> list[dict[str, Any]]:
        """What the rules found in all frames, each node with `frame`, `target`, `box` and `chain`."""
        world = await self._world(await self._tab.frame_tree())
        self.settled = await settle(self._tab, world)
        begun = await self._call(world, "begin", self._switches)
        self.address = canonical(begun["source"])
        self.bare = begun["bare"]
        self.features = begun["features"]
        self.size = (begun["size"][0], begun["size"][1])
        self._frames["[]"] = (world, (0.0, 0.0))
        if begun["frames"] or len(self._tab.page.frames) > 1:
            await self._enter_children(world, await self._tab.frame_tree(), begun["frames"], [], (0.0, 0.0))
        found: list[dict[str, Any]] = begun["rules"]
        if found is None:
            found = await self._call(world, "finish", f"[{','.join(self._parts)}]", self._switches)
        nodes = [node for rule in found for node in rule["nodes"]]
        for node in nodes:
            *node["frame"], target = node["target"]
            node["target"] = target if isinstance(target, list) else [target]
        await self._locate([node for node in nodes if "place" not in node])
        for node in nodes:
            self._put_into_page(node)
        return found

    async def conditions(self) -> list[dict[str, Any]]:
        """The ministry's conditions that are met in the page's own document, in the shape of rules that failed."""
        world, _ = self._frames["[]"]
        found: list[dict[str, Any]] = await self._call(world, "mic")
        for rule in found:
            rule |= {"outcome": Outcome.FAILED.value, "impact": None}
            rule["nodes"] = [{**node, "frame": [], "impact": None, "checks": []} for node in rule["nodes"]]
        return found

    async def _enter(self, tree: dict[str, Any], selectors: list[Any], context: Any, offset: Point) -> None:
        """Test a frame within the page, and all within it."""
        try:
            world = await self._world(tree)
            async with asyncio.timeout(FRAME_SECONDS):
                found = await self._call(world, "partial", json.dumps(context), self._switches)
        except PlaywrightError as error:
            self._leave_out(selectors, str(error).splitlines()[0])
            return
        except TimeoutError:
            self._leave_out(selectors, f"no result within {FRAME_SECONDS:g} s")
            return
        self._frames[json.dumps(selectors)] = (world, offset)
        self._parts.append(json.dumps(found["part"]))
        await self._enter_children(world, tree, found["frames"], selectors, offset)

    async def _enter_children(
        self, world: int, tree: dict[str, Any], frames: list[Any], selectors: list[Any], offset: Point
    ) -> None:
        children = {child["frame"]["id"]: child for child in tree.get("childFrames", ())}
        for frame in frames:
            path = selectors + frame["selector"]
            try:
                child, inner = await self._found(world, frame["ancestry"][-1], children)
            except PlaywrightError as error:  # the frame that holds it has gone meanwhile
                self._leave_out(path, str(error).splitlines()[0])
                continue
            why = _unfit(child, frame["source"])
            if child is None or why:
                self._leave_out(path, why)
            else:
                await self._enter(child, path, frame["context"], (offset[0] + inner[0], offset[1] + inner[1]))
        for child in children.values():
            await self._note_passed_over(child, selectors)

    async def _found(
        self, world: int, element: Any, children: dict[str, dict[str, Any]]
    ) -> tuple[dict[str, Any] | None, Point]:
        """The child frame that an element holds, taken out of `children`, and where it begins in its parent."""
        child = children.pop(await self._frame_id(world, element), None)
        return child, await self._call(world, "inner", json.dumps(element)) or (0.0, 0.0)

    async def _note_passed_over(self, child: dict[str, Any], selectors: list[Any]) -> None:
        """Keep that a document within the page was not tested: the engine enters `iframe` and `frame` only."""
        try:
            owner = await self._tab.session.send("DOM.getFrameOwner", {"frameId": child["frame"]["id"]})
            node = await self._tab.session.send("DOM.describeNode", {"backendNodeId": owner["backendNodeId"]})
        except PlaywrightError:
            return  # gone meanwhile
        name = node["node"]["localName"]
        if name in ("object", "embed"):
            why = _unfit(child, "") or f"the rules do not enter a document in {name}"
            self.untested.append(Untested(part="frame", where=[*selectors, name], why=why))

    def _leave_out(self, selectors: list[Any], why: str) -> None:
        self._parts.append("null")
        self.untested.append(Untested(part="frame", where=selectors, why=why))

    async def _world(self, tree: dict[str, Any]) -> int:
        """Our world in a frame, with the engine in it: frames without scripts were passed over at their start."""
        world = await self._tab.world(tree["frame"]["id"])
        if not await self._tab.evaluate(world, "!!globalThis.jisweep"):
            await self._tab.evaluate(world, f"{self._injected};0")
        return world

    async def _frame_id(self, world: int, element: Any) -> str:
        found = await self._tab.evaluate(world, f"axe.utils.shadowSelect({json.dumps(element)})", by_value=False)
        if found is None:
            return ""
        described = await self._tab.session.send("DOM.describeNode", {"objectId": found})
        frame: str = described["node"].get("frameId", "")
        return frame

    async def _locate(self, nodes: list[dict[str, Any]]) -> None:
        """Ask each frame for the places of its nodes, all at once."""
        by_frame: dict[str, list[dict[str, Any]]] = {}
        for node in nodes:
            by_frame.setdefault(json.dumps(node["frame"]), []).append(node)
        for frame, within in by_frame.items():
            targets = json.dumps([node["target"] for node in within])
            world, _ = self._frames.get(frame, (None, None))
            places = await self._places(world, targets) or [None] * len(within)
            for node, place in zip(within, places, strict=True):
                node["place"] = place

    async def _places(self, world: int | None, targets: str) -> list[Any] | None:
        """Where the nodes are; None when their frame was left out, or has gone meanwhile."""
        if world is None:
            return None
        places: list[Any] | None = None
        with suppress(PlaywrightError):
            places = await self._call(world, "places", targets)
        return places

    def _put_into_page(self, node: dict[str, Any]) -> None:
        """Turn a place in a frame's document into one in the whole page."""
        place = node.pop("place") or {"box": None, "chain": []}
        _, (left, top) = self._frames.get(json.dumps(node["frame"]), (0, (0.0, 0.0)))
        node["chain"] = place["chain"]
        node["box"] = None
        if place["box"]:
            x, y, width, height = place["box"]
            node["box"] = [round(each, 1) for each in (x + left, y + top, width, height)]

    async def _call(self, world: int, function: str, *arguments: str) -> Any:
        """What one of our functions gives: as JSON text, since one string crosses over faster than objects."""
        call = f"Promise.resolve(jisweep.{function}({', '.join(arguments)})).then(JSON.stringify)"
        return json.loads(await self._tab.evaluate(world, call))


def _unfit(child: dict[str, Any] | None, source: str) -> str:
    """Why there is nothing to test in a frame; empty when there is. `source` is the address that it should show."""
    if child is None:
        return "the frame has no document"
    frame = child["frame"]
    if frame.get("unreachableUrl"):
        return f"{frame['unreachableUrl']} did not load"
    if frame["url"] in ("about:blank", "") and source and not source.startswith(("about:", "javascript:")):
        return f"{source} did not load in time"
    if frame.get("mimeType", "text/html") not in DOCUMENTS:
        return f"{frame['mimeType']}: not an HTML document"
    return ""


def frames_of_other_types(tree: dict[str, Any]) -> Iterator[str]:
    """The frames of a tree that hold no HTML document, by id."""
    for child in tree.get("childFrames", ()):
        if child["frame"].get("mimeType", "text/html") not in DOCUMENTS:
            yield child["frame"]["id"]
        yield from frames_of_other_types(child)
