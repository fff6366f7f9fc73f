"""The browser: where it is, how it is started, and one tab that shows one page at a time."""

import asyncio
import logging
import os
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self
from urllib.parse import urlsplit

from playwright.async_api import Browser as PlaywrightBrowser
from playwright.async_api import CDPSession, Page, Playwright, Request, Response, async_playwright
from playwright.async_api import Error as PlaywrightError
from playwright.async_api import TimeoutError as PlaywrightTimeout

from crawler.address import canonical
from crawler.fetch import Manners
from crawler.gate import Gate
from crawler.leaving import guard, may_go
from crawler.meter import BROWSERS
from crawler.politeness import retry_after
from crawler.scope import Scope
from crawler.signed_out import FORMS, SAID, sent_away, shows_form
from crawler.signing_in import NONE, Credentials
from crawler.signing_in_browser import BOUND_COOKIES, bring_cookies, going, prepare_sign_in
from crawler.traffic import Traffic
from crawler.weight import watch_weight
from db.errors import BrowserMissing
from db.words import Reason

VIEWPORT = (1280, 1024)  # CSS px
LOCALE = "ja-JP"
TIMEZONE = "Asia/Tokyo"
INTERRUPTED = "interrupted by another navigation"  # what Playwright says
CALMING = (0.2, 1.0)  # seconds until what interrupted is over
MOVES = 20  # documents that one page may put in its place: as many as Chromium follows redirects
WORLD = "jisweep"  # name of the isolated world that our script runs in
log = logging.getLogger(__name__)

NAMES = (
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
)
PLACES = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
)
FLAGS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-domain-reliability",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
    "--no-pings",
    "--webrtc-ip-handling-policy=disable_non_proxied_udp",
    # frames of other origins stay in the page's process, where one session reaches them all
    "--disable-site-isolation-trials",
)
# Names are for the gate to resolve: the browser asks no name server, whatever a page wants prefetched
NO_NAMES = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"
# Chromium's own rule that sends loopback and link-local addresses past a proxy, taken away
NO_BYPASS = "<-loopback>"
HEAVIEST = 2 * 1024**3  # bytes of memory that one page may take
# What people perceive in a closed shadow root is content like any other: open it for the rules.
# A name that the page before gave the window would otherwise reach this one.
BEFORE_ALL_SCRIPTS = """(() => {
  if (window === top && name) name = "";
  const attach = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (init) { return attach.call(this, {...init, mode: "open"}); };
  const opened = (html) => String(html).replace(/(<template[^>]*shadowrootmode\\s*=\\s*["']?)closed/gi, "$1open");
  for (const holder of [Element, ShadowRoot]) {
    const set = holder.prototype.setHTMLUnsafe;
    if (set) holder.prototype.setHTMLUnsafe = function (html, ...rest) { return set.call(this, opened(html), ...rest); };
  }
})()"""

CRASHES = ("crashed", "Target closed", "has been closed")
FAILURES = (
    ("ERR_NAME_NOT_RESOLVED", Reason.DNS),
    ("ERR_CERT", Reason.CERTIFICATE),
    ("ERR_SSL", Reason.CERTIFICATE),
    ("ERR_TOO_MANY_REDIRECTS", Reason.REDIRECT_LOOP),
    ("ERR_INVALID_AUTH_CREDENTIALS", Reason.BLOCKED),  # 401
    ("ERR_TIMED_OUT", Reason.TIMED_OUT),
    ("ERR_CONNECTION_TIMED_OUT", Reason.TIMED_OUT),
    ("ERR_ABORTED", Reason.NOT_HTML),  # the answer became a download, which is refused
    ("Download is starting", Reason.NOT_HTML),
    *((sign, Reason.CRASHED) for sign in CRASHES),
)


class PageLost(Exception):
    """The browser could not show a page: the reason, and what it said.

    `leads_to` is the canonical address that the browser was sent to instead; `pause` the seconds for which the host
    wants to be left alone.
    """

    def __init__(
        self, reason: Reason, detail: str, *, leads_to: str | None = None, pause: float | None = None
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.leads_to = leads_to
        self.pause = pause

    @classmethod
    def sent_on(cls, scope: Scope, at: str | None) -> "PageLost":
        """Of a page that sent the browser on to a canonical address, or to what has none."""
        inside = at is not None and scope.judge(at).reason is not Reason.OUT_OF_SCOPE
        reason = Reason.REDIRECT if inside else Reason.REDIRECT_OUT
        return cls(reason, f"the browser was sent to {at or 'another document'}", leads_to=at)


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What a navigation came to."""

    status: int | None
    retry_after: float | None  # seconds that the host asks to be left alone
    loaded: bool  # False: resources were still coming when the patience for them ended


def installed_browser(configured: str | None, playwrights_own: str) -> str:
    """The executable to start: the configured path, else Playwright's own, else the system's.

    Raises BrowserMissing when the configured path is no program, or when there is none at all.
    """
    if configured:
        found = shutil.which(configured)
        if found is None:
            raise BrowserMissing(
                ja=f"指定されたブラウザ {configured} がありません。パスを確かめてください。",
                en=f"The browser {configured} does not exist: check the path.",
            )
        return found
    candidates = [playwrights_own, *filter(None, map(shutil.which, NAMES)), *PLACES]
    for candidate in candidates:
        if Path(candidate).is_file():
            return candidate
    raise BrowserMissing(
        ja="ブラウザが見つかりません。jisweep setup を実行するか、Chromium か Google Chrome を入れてください。",
        en="No browser found: run jisweep setup, or install Chromium or Google Chrome.",
    )


@asynccontextmanager
async def playwright_driver() -> AsyncIterator[Playwright]:
    """Playwright's driver, for as long as the block runs, in a session and with a folder for temporary files of its own.

    Ctrl-C in a terminal goes to every process of the group: the driver would die with the pages in hand. The folder is removed
    at the end: browsers that die leave files, and the driver ends without waiting until it has removed them.
    Raises BrowserMissing when it does not start.
    """
    opening = async_playwright()
    with TemporaryDirectory(prefix="jisweep-", ignore_cleanup_errors=True) as folder:
        try:
            with _children_apart(folder):
                driver = await opening.__aenter__()
        except Exception as error:  # of no kind of its own, when the driver's program ends at once
            await asyncio.sleep(CALMING[0])  # the end of its process is noticed while there is a loop for it
            raise BrowserMissing(
                ja=f"ブラウザを動かすプログラム（Playwright の driver）が起動しません（{_first_line(error)}）。"
                "Debian では apt install libatomic1 が要ります（root の jisweep setup が入れます）。",
                en=f"The program that steers the browser (Playwright's driver) does not start ({_first_line(error)}): "
                "on Debian, apt install libatomic1 (as root, jisweep setup does).",
            ) from error
        try:
            yield driver
        finally:
            await opening.__aexit__()


@contextmanager
def _children_apart(folder: str) -> Iterator[None]:
    """Playwright offers no way to say how its driver is started, so what it starts it with is set for a moment."""
    start = asyncio.create_subprocess_exec

    def apart(*words: Any, **how: Any) -> Coroutine[Any, Any, asyncio.subprocess.Process]:
        return start(*words, **{**how, "env": {**how["env"], "TMPDIR": folder}, "start_new_session": True})

    asyncio.create_subprocess_exec = apart
    try:
        yield
    finally:
        asyncio.create_subprocess_exec = start


class Tab:
    """One browser of its own with one page, reused from address to address and replaced when lost.

    A tab that hangs or crashes takes nothing else with it. `gate` carries all connections when given. Each page is
    met signed in where there are `credentials` for its origin, and with nothing that an earlier page stored. None takes
    the browser out of the `scope`, when that is given.
    """

    def __init__(
        self, driver: Playwright, manners: Manners, gate: Gate | None = None, *,
        executable: str | None = None, script: str = "", pages_per_browser: int = 1_000,
        credentials: Credentials = NONE, heaviest: int = HEAVIEST, scope: Scope | None = None,
    ) -> None:  # fmt: skip
        self._driver = driver
        self._manners = manners
        self._gate = gate
        self._executable = executable
        self._scope = scope
        self._script = f"{guard(scope) if scope else ''}{script}"  # runs in the isolated world of every frame
        self._pages_left = 0
        self._pages_per_browser = pages_per_browser  # Chromium's memory grows with every page
        self._browser: PlaywrightBrowser | None = None
        self._asked = ""  # where the page at hand is
        self._failed_at = ""  # where a navigation of its came to no page
        self._stopped: PageLost | None = None  # why it was kept from taking the browser elsewhere
        self._leaving = asyncio.Event()
        self._moves = 0  # documents that were asked for in its place, its own among them
        self._main_frame = ""
        self.traffic = Traffic()
        self._response: Response | None = None  # the document of the page at hand
        self._loading_ended = asyncio.Event()
        self.credentials = credentials
        self._heaviest = heaviest
        self._weighing: asyncio.Task[None] | None = None
        self._too_heavy = False
        self._opened = time.monotonic()  # when the page that is shown was asked for
        self.version = ""
        self.latency: float | None = None  # seconds until the answer to the last navigation began

    async def __aenter__(self) -> Self:
        await self._renew("first")
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    async def open(self, address: str, *, seconds: float, patience: float) -> Arrival:
        """Show the page at the address in a browser state that knows nothing of earlier pages.

        `seconds` is allowed until the document is there, `patience` for its resources to load.
        Raises PageLost with the reason.
        """
        await self._revive()
        self._pages_left -= 1
        self._asked, self._failed_at = address, ""
        self.traffic.begin()
        self._response = None
        self._loading_ended.clear()
        self._too_heavy = False
        self._opened = time.monotonic()
        try:
            await self._forget()
            await bring_cookies(self.session, self.credentials)
            self._response = response = await self._arrive(address, seconds)
            self.latency = _latency(response)
            loaded = await self._loaded(patience)
        except PlaywrightError as error:
            raise self._lost(error) from error
        status = response.status if response else None
        if status == 401 and self.credentials.at(address):
            raise PageLost(Reason.BLOCKED, SAID)
        return Arrival(
            status=status,
            retry_after=retry_after(response.headers.get("retry-after")) if response else None,
            loaded=loaded,
        )

    async def still_shows(self, address: str) -> None:
        """Raises PageLost when, by now, something stands in the page's place that must not be taken for it.

        That is the sign-in form, or the browser's word that a script led to an address that the gate refused.
        """
        if why := self._refused(self._failed_at):
            raise PageLost(Reason.PRIVATE_ADDRESS, why)
        sign_in = self.credentials.at(address)
        if sign_in is None:
            return
        world = await self.main_world()
        forms = [canonical(each) for each in await self.evaluate(world, FORMS)]
        if sent_away(sign_in, address, await self.document_address()) or shows_form(sign_in, address, forms):
            raise PageLost(Reason.BLOCKED, SAID)

    async def source(self) -> bytes | None:
        """The decoded body of the document that was opened; None when the browser has it no more."""
        with suppress(PlaywrightError):
            return await self._response.body() if self._response else None
        return None

    async def blank(self) -> None:
        """Show an empty page, whatever became of the one before."""
        await self._revive()
        await self.page.goto("about:blank")

    async def frame_tree(self) -> dict[str, Any]:
        """The page's frames as the browser has them (CDP `Page.getFrameTree`)."""
        tree: dict[str, Any] = (await self.session.send("Page.getFrameTree"))["frameTree"]
        return tree

    async def document_address(self) -> str | None:
        """The canonical address that the document was loaded from, whatever its scripts say it is now.

        Of one that would have left for elsewhere, had it been let (see crawler.leaving), where to.
        """
        if self.sent_to:
            return self.sent_to
        world = await self.main_world()
        told = "performance.getEntriesByType('navigation').map(({name}) => name).join()"
        told = f"typeof leftFor === 'string' ? leftFor : {told}"
        return canonical(await self.evaluate(world, told))

    @property
    def sent_to(self) -> str | None:
        """The canonical address that the page would have taken the browser to, where the request for it was stopped."""
        return self._stopped.leads_to if self._stopped else None

    async def main_world(self) -> int:
        """The context of our isolated world in the page's own frame."""
        return await self.world((await self.frame_tree())["frame"]["id"])

    async def world(self, frame: str) -> int:
        """The context of our isolated world in a frame, where page scripts reach nothing."""
        made = await self.session.send("Page.createIsolatedWorld", {"frameId": frame, "worldName": WORLD})
        context: int = made["executionContextId"]
        return context

    async def evaluate(self, context: int, expression: str, *, by_value: bool = True) -> Any:
        """The value of a JavaScript expression in a world; a promise is awaited.

        With `by_value=False` the answer is the remote object's id. Raises PlaywrightError.
        """
        answer = await self.session.send(
            "Runtime.evaluate",
            {"expression": expression, "contextId": context, "returnByValue": by_value, "awaitPromise": True},
        )
        if "exceptionDetails" in answer:
            thrown = answer["exceptionDetails"]
            raise PlaywrightError(str(thrown.get("exception", {}).get("description") or thrown["text"]))
        return answer["result"].get("value") if by_value else answer["result"].get("objectId")

    @asynccontextmanager
    async def offline(self) -> AsyncIterator[None]:
        """Let the page ask the network for nothing while the block runs."""
        await self.session.send("Network.enable")
        await self.session.send("Network.setBlockedURLs", {"urls": ["*"]})
        try:
            yield
        finally:
            await self.session.send("Network.setBlockedURLs", {"urls": []})
            await self.session.send("Network.disable")

    @asynccontextmanager
    async def risk(self, seconds: float) -> AsyncIterator[Callable[[], None]]:
        """Turn whatever goes wrong with a page within the block into PageLost; the tab is then fit for the next.

        Time runs, for so many seconds, from when the block calls what it is given.
        """
        try:
            async with asyncio.timeout(None) as wall:
                yield lambda: wall.reschedule(asyncio.get_running_loop().time() + seconds)
        except TimeoutError:
            await self.discard()
            raise PageLost(Reason.TIMED_OUT, f"no result within {seconds:g} s") from None
        except PageLost as lost:
            if lost.reason in (Reason.CRASHED, Reason.TIMED_OUT, Reason.TOO_LARGE, Reason.REDIRECT_LOOP):
                await self.discard()
            raise
        except PlaywrightError as error:
            await self.discard()
            if self._too_heavy:
                raise self._lost(error) from error
            crashed = any(sign in str(error) for sign in CRASHES)
            raise PageLost(Reason.CRASHED if crashed else Reason.ENGINE_ERROR, _first_line(error)) from error

    async def discard(self) -> None:
        """End this browser whatever state it is in; the next page gets a new one."""
        await self._end()

    async def _arrive(self, address: str, seconds: float) -> Response | None:
        """Navigate; Chromium may end reading a page that would leave meanwhile, so its end is not waited for."""
        self._stopped, self._moves = None, 0
        self._leaving.clear()
        going, leaving = asyncio.create_task(self._go(address, seconds)), asyncio.create_task(self._leaving.wait())
        try:
            await asyncio.wait((going, leaving), return_when=asyncio.FIRST_COMPLETED)
            if self._stopped:
                raise self._stopped
            return await going
        finally:
            going.cancel()
            leaving.cancel()
            await asyncio.gather(going, leaving, return_exceptions=True)

    async def _go(self, address: str, seconds: float) -> Response | None:
        """Navigate; again when something that the page before had still on its way came in between."""
        for pause in CALMING:
            try:
                return await self.page.goto(address, wait_until="domcontentloaded", timeout=seconds * 1000)
            except PlaywrightError as error:
                if INTERRUPTED not in str(error):
                    raise
            await asyncio.sleep(pause)
        return await self.page.goto(address, wait_until="domcontentloaded", timeout=seconds * 1000)

    async def _loaded(self, patience: float) -> bool:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._loading_ended.wait(), patience)
        return self._loading_ended.is_set()

    async def _forget(self) -> None:
        """Cookies and storage of the page before: every page is met as by a first-time visitor."""
        everything = {"origin": "*", "storageTypes": "all"}  # its frames and what it redirected to stored, too
        await asyncio.gather(
            self.session.send("Storage.clearDataForOrigin", everything),
            self.page.context.clear_cookies(),
        )

    async def _revive(self) -> None:
        """Have a browser that works: a new one when the old was discarded, has died, or has shown enough pages."""
        alive = self._browser is not None and self._browser.is_connected() and not self.page.is_closed()
        if not alive or self._pages_left <= 0:
            await self._renew("retired" if alive else "lost")

    async def _renew(self, why: str) -> None:
        await self._end()
        BROWSERS.labels(why).inc()
        if why == "lost":
            log.info("a new browser in the place of one that was lost")
        executable = installed_browser(self._executable, self._driver.chromium.executable_path)
        try:
            browser = await self._driver.chromium.launch(
                executable_path=executable,
                args=[
                    *FLAGS,
                    f"--user-agent={self._manners.user_agent}",  # of requests that belong to no page, too
                    *(["--no-sandbox"] if has_no_sandbox() else []),
                    *([NO_NAMES] if self._gate else []),
                    *([BOUND_COOKIES] if self.credentials else []),
                ],
                ignore_default_args=["--disable-popup-blocking"],  # nobody clicks here: no page may open another
                chromium_sandbox=not has_no_sandbox(),
                proxy={"server": self._gate.url, "bypass": NO_BYPASS} if self._gate else None,
                timeout=60_000,
            )
        except PlaywrightError as error:
            raise BrowserMissing(
                ja=f"ブラウザ {executable} を起動できません（{_first_line(error)}）。"
                "jisweep doctor で確かめてください。",
                en=f"The browser {executable} does not start ({_first_line(error)}): run jisweep doctor.",
            ) from error
        self._browser = browser
        self._weighing = asyncio.create_task(
            watch_weight(browser, self._heaviest, self._note_weight, self._shown_for)
        )
        self.version = browser.version
        context = await browser.new_context(
            viewport={"width": VIEWPORT[0], "height": VIEWPORT[1]},
            locale=LOCALE,
            timezone_id=TIMEZONE,
            user_agent=self._manners.browser_agent(browser.version),
            accept_downloads=False,
            service_workers="block",
        )
        await context.grant_permissions([])  # and so denies all: location, notifications, camera, clipboard …
        await context.add_init_script(BEFORE_ALL_SCRIPTS)
        self.page: Page = await context.new_page()
        context.on("page", lambda popup: _quietly(popup.close()))
        self.page.on("load", self._note_loading_ended)
        self.page.on("close", self._note_loading_ended)  # what is asked next of the page says that it is gone
        self.page.on("dialog", lambda dialog: _quietly(dialog.dismiss()))
        self.traffic.watch(self.page)
        self.page.on("requestfailed", self._note_failure)
        self.page.on("crash", lambda page: _quietly(page.close()))  # calls that wait for it end, with an error
        self.session: CDPSession = await context.new_cdp_session(self.page)
        await self.session.send("Page.enable")
        self._main_frame = (await self.frame_tree())["frame"]["id"]
        await self._watch_requests(self.session)
        await prepare_sign_in(self.session, self.credentials)
        if self._script:
            await self.session.send(
                "Page.addScriptToEvaluateOnNewDocument", {"source": self._script, "worldName": WORLD}
            )
        self._pages_left = self._pages_per_browser

    async def _watch_requests(self, session: CDPSession) -> None:
        """Have each request carry what signs us in there, and none take the page to where it must not go."""

        async def send_on(paused: dict[str, Any]) -> None:
            with suppress(PlaywrightError):  # the page went away meanwhile
                if lost := self._leaves(paused):
                    self._stopped = self._stopped or lost
                    stopped = {"requestId": paused["requestId"], "errorReason": "Aborted"}  # the page stays
                    await session.send("Fetch.failRequest", stopped)
                    self._leaving.set()
                else:
                    await session.send("Fetch.continueRequest", going(paused, self.credentials))

        with_headers = any(each.headers for each in self.credentials.sign_ins)
        if with_headers or self._scope:
            session.on("Fetch.requestPaused", send_on)
            wanted = {} if with_headers else {"resourceType": "Document"}
            await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*", **wanted}]})

    def _leaves(self, paused: dict[str, Any]) -> PageLost | None:
        """Why a request for a document in the page's place must not be made; None for any other request."""
        if self._scope is None or paused["resourceType"] != "Document" or paused["frameId"] != self._main_frame:
            return None
        self._moves += 1
        if self._moves > MOVES:
            return PageLost(Reason.REDIRECT_LOOP, f"the browser was sent on more than {MOVES} times")
        address, sends = canonical(paused["request"]["url"]), paused["request"]["method"] != "GET"
        if address == self._asked:
            return PageLost(Reason.UNSAFE, "it sends a form by itself") if sends else None
        if address is None or (may_go(self._scope, address) and not sends):
            return None
        return PageLost.sent_on(self._scope, address)

    async def _end(self) -> None:
        if self._weighing:
            self._weighing.cancel()
            self._weighing = None
        browser, self._browser = self._browser, None
        self._pages_left = 0
        if browser is not None:
            with suppress(PlaywrightError, TimeoutError):
                await asyncio.wait_for(browser.close(), 15)

    def _note_failure(self, request: Request) -> None:
        """Keep where a navigation came to its end: after redirects that is not where it began."""
        if request.is_navigation_request() and request.frame == self.page.main_frame:
            self._failed_at = request.url

    def _note_loading_ended(self, _: Page) -> None:
        self._loading_ended.set()

    def _shown_for(self) -> float:
        return time.monotonic() - self._opened

    def _note_weight(self) -> None:
        self._too_heavy = True

    def _refused(self, address: str) -> str:
        """Why the gate refused the host of an address; empty when it did not."""
        return self._gate.why_refused(urlsplit(address).hostname or "") if self._gate else ""

    def _lost(self, error: PlaywrightError) -> PageLost:
        ended_at = self._failed_at or self._asked
        if why := self._refused(ended_at):
            return PageLost(Reason.PRIVATE_ADDRESS, why)
        if self._too_heavy:
            return PageLost(Reason.TOO_LARGE, f"the page takes more than {self._heaviest} bytes of memory")
        if isinstance(error, PlaywrightTimeout):
            return PageLost(Reason.TIMED_OUT, _first_line(error))
        said = str(error)
        reason = next((reason for sign, reason in FAILURES if sign in said), Reason.CONNECTION)
        if reason is Reason.BLOCKED:
            at = canonical(ended_at)
            return PageLost(reason, SAID if at and self.credentials.at(at) else "HTTP 401 in the browser")
        return PageLost(reason, _first_line(error))


def _latency(response: Response | None) -> float | None:
    began = response.request.timing["responseStart"] if response else -1  # ms from the request's start; -1: unknown
    return began / 1000 if began >= 0 else None


async def _quietly(doing: Awaitable[object]) -> None:
    with suppress(PlaywrightError):
        await doing


def has_no_sandbox() -> bool:
    """Whether Chromium's sandbox cannot be used: root has none."""
    return sys.platform != "win32" and os.geteuid() == 0


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
