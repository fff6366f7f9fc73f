"""What a page in the browser asked for: what is still on its way, and what the page was made of."""

import asyncio
from contextlib import suppress

from playwright.async_api import Page, Request, Response

from crawler.address import LONGEST

AWAITED = frozenset(
    {"document", "script", "stylesheet", "xhr", "fetch", "texttrack"}
)  # Playwright's resource types
STREAMS = frozenset({"eventsource", "websocket"})
NOTHING = frozenset({204, 205})  # statuses of answers that bring a page nothing: a beacon's


class Traffic:
    """The requests of the page at hand that may change what it says: documents, scripts, styles and their data."""

    def __init__(self) -> None:
        self._awaited: set[Request] = set()
        self._answered: set[str] = set()  # addresses: what is asked for again and again is not waited for
        self._all_came = asyncio.Event()
        self._made_of: dict[str, None] = {}  # addresses in the order of asking
        self._once: set[Request] = set()  # what cannot be asked again to see whether it is still the same
        self._streams = False

    def watch(self, page: Page) -> None:
        """Listen to a new page of the browser."""
        page.on("request", self._asked)
        page.on("requestfinished", self._came)
        page.on("requestfailed", self._failed)
        page.on("response", self._answer_began)
        page.on("websocket", lambda _: self._note_stream())
        page.on("worker", lambda _: self._note_stream())  # what a worker asks for is not seen here

    def begin(self) -> None:
        """Forget what the page before was waiting for."""
        self._awaited.clear()
        self._answered.clear()

    @property
    def awaits(self) -> bool:
        """Whether something is on its way that may change what the page says."""
        return bool(self._awaited)

    async def all_came(self, seconds: float) -> bool:
        """Wait until nothing that the page asked for is on its way; False when that takes longer."""
        if self._awaited:
            self._all_came.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._all_came.wait(), seconds)
        return not self._awaited

    @property
    def made_of(self) -> tuple[str, ...] | None:
        """The addresses of what the page was made of beside its own document.

        None when the same page can be made of something else tomorrow without our seeing it: data that came as the
        answer to something sent, or through a stream, or that failed to come.
        """
        return None if self._streams or self._once else tuple(self._made_of)

    def _failed(self, request: Request) -> None:
        """Note that nothing came of a request."""
        if request in self._awaited and not _is_the_document(request):
            self._once.add(request)
        self._came(request)

    def _asked(self, request: Request) -> None:
        if request.resource_type in STREAMS:
            self._note_stream()
        if request.resource_type not in AWAITED:
            return
        if request.url not in self._answered:
            self._awaited.add(request)
        if _is_the_document(request):  # until now the page before may have asked for something
            self._made_of.clear()
            self._once.clear()
            self._streams = False
        elif request.method != "GET" or len(request.url) > LONGEST:
            self._once.add(request)
        elif request.url.startswith(("http:", "https:")):
            self._made_of[request.url] = None

    def _came(self, request: Request) -> None:
        self._awaited.discard(request)
        self._answered.add(request.url)
        if not self._awaited:
            self._all_came.set()

    def _answer_began(self, response: Response) -> None:
        """A fetch whose body nobody reads never finishes."""
        request = response.request
        if response.status in NOTHING or response.headers.get("content-length") == "0":
            self._once.discard(request)  # a beacon; what is asked for by GET is compared, empty or not
        if request.resource_type == "fetch":
            self._came(request)

    def _note_stream(self) -> None:
        self._streams = True


def _is_the_document(request: Request) -> bool:
    """Whether a request is for the page itself, not for one of its frames or parts."""
    return request.is_navigation_request() and request.frame.parent_frame is None
