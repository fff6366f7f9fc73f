"""Fetching one address over HTTP: politely, within bounds, and with an answer whatever the server does.

Redirects are not followed, cookies are not kept, proxies and certificates of the environment are not used. What signs
us in goes to its own origin only. A broken server makes an `Answer` with a `failure`; only our own mistakes raise.
"""

import asyncio
import re
import socket
import ssl
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from http.cookiejar import CookieJar, DefaultCookiePolicy
from types import MappingProxyType, TracebackType

import httpx

from crawler.address import canonical, host_of, path_of
from crawler.blocking import wall_in_body, wall_in_headers
from crawler.gate import Forbidden
from crawler.passage import Passage
from crawler.politeness import GivenUp, Patience, Politeness, Trouble, retry_after
from crawler.signed_out import SAID, forms_of, sent_away, shows_form
from crawler.signing_in import NONE, Credentials
from crawler.turns import Turns
from crawler.windows import Windows
from db.words import Reason

REDIRECTS = frozenset({301, 302, 303, 307, 308})
BUSY = frozenset({429, 503})
FAILING = frozenset({Reason.CONNECTION, Reason.DNS, Reason.TIMED_OUT, Reason.SERVER_ERROR, Reason.BLOCKED})
REFUSING = frozenset({403, 429, 451})  # statuses of a site that keeps us out; 401 only asks who we are
HTML = frozenset({"text/html", "application/xhtml+xml"})
READ = HTML | {"text/xml", "application/xml", "text/plain", "application/rss+xml", "application/atom+xml"}

_SAFE = re.compile(r"[\x20-\x7e]*")
_LOOKS_LIKE_HTML = re.compile(
    rb"\s*(?:\xef\xbb\xbf)?\s*(?:<!--.*?-->\s*)*<(?:!doctype html|html|head|body|title)", re.I | re.S
)


@dataclass(frozen=True, kw_only=True)
class Manners:
    """How we behave as a guest, and who we say we are."""

    contact: str = ""  # address or URL of a person, in the User-Agent
    agent: str = "jisweep/0.1"  # product and version
    per_host: int = 2  # requests at once
    delay: float = 0.0  # seconds between the starts of two requests to a host
    timeout: float = 20.0  # seconds for one request, from the connection to the last byte
    max_bytes: int = 10 * 1024 * 1024  # of a body, decoded
    retries: int = 2  # when a host is busy, or the connection breaks
    backoff: float = 1.0  # seconds before the first retry, doubled for each further one
    longest_pause: float = 60.0  # seconds; a host that asks for more is not asked again now
    patience: Patience = field(default_factory=Patience)  # with a host that fails
    windows: Windows = field(default_factory=Windows)  # outside of which no page is begun
    stop_outside: bool = False  # stop there, instead of waiting

    def __post_init__(self) -> None:
        """Refuse what cannot stand in a header (ValueError)."""
        if not _SAFE.fullmatch(self.contact + self.agent):
            raise ValueError(f"contact {self.contact!r} must be printable ASCII: it is sent in the User-Agent")

    @property
    def product(self) -> str:
        """The product token, by which robots.txt names us."""
        return self.agent.partition("/")[0]

    @property
    def user_agent(self) -> str:
        """The User-Agent header: `jisweep/0.1 (+contact)`."""
        return f"{self.agent} (+{self.contact})" if self.contact else self.agent

    def browser_agent(self, version: str) -> str:
        """The User-Agent of the browser, of this version, that says who drives it."""
        major = version.partition(".")[0]
        chrome = f"Chrome/{major}.0.0.0 Safari/537.36"
        return f"Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) {chrome} {self.user_agent}"


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came of asking for one address."""

    address: str
    status: int | None = None  # None when no answer came
    headers: httpx.Headers = field(default_factory=httpx.Headers)
    content_type: str | None = None  # the header, with its parameters
    body: bytes = b""  # decoded; cut when too large, empty when not wanted
    location: str | None = None  # canonical target of a redirect
    failure: Reason | None = None
    detail: str = ""  # of the failure, in words
    retry_after: float | None = None  # seconds
    seconds: float | None = None  # from the question to the head of the answer

    @property
    def is_html(self) -> bool:
        """Whether it is an HTML page: it says so, or says nothing and looks like one."""
        if self.content_type is None:
            return bool(_LOOKS_LIKE_HTML.match(self.body[:4096]))
        return media_type(self.content_type) in HTML

    @property
    def is_unmodified(self) -> bool:
        """Whether the server says that what we were given earlier is still what it would give (RFC 9110 15.4.5)."""
        return self.status == 304 and self.failure is None


def validators_of(etag: str | None, last_modified: str | None) -> dict[str, str]:
    """The headers that ask for an answer only when it is another one than that with these (RFC 9110 13.1)."""
    named = {"If-None-Match": etag, "If-Modified-Since": last_modified}
    return {name: value for name, value in named.items() if value and _SAFE.fullmatch(value)}


def media_type(content_type: str | None) -> str:
    """Type and subtype of a Content-Type header, in lower case."""
    return (content_type or "").partition(";")[0].strip().lower()


class Fetcher:
    """A client that keeps its manners: `async with Fetcher(manners, gate.url) as fetcher: await fetcher.get(…)`."""

    def __init__(
        self, manners: Manners, proxy: str | None = None, tls: ssl.SSLContext | None = None, *,
        stopping: asyncio.Event | None = None, credentials: Credentials = NONE, turns: Turns | None = None,
    ) -> None:  # fmt: skip
        """`proxy` is a gate's address; `tls` trusts other authorities than the usual ones; `turns` hold for other processes too.

        Once `stopping` is set, whoever waits to ask something gets `crawler.politeness.Stopped`.
        """
        self.manners = manners
        self.credentials = credentials
        self._politeness = Politeness(
            manners.per_host, manners.delay, patience=manners.patience, windows=manners.windows,
            stop_outside=manners.stop_outside, probe=self._probe, stopping=stopping,
            turns=turns,
        )  # fmt: skip
        self._begun = datetime.now(UTC)
        self._good: dict[str, str] = {}  # host → the address of a page that it gave us last
        self._stack = AsyncExitStack()
        tls = tls or httpx.create_ssl_context(trust_env=False)
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=20)
        self._client = httpx.AsyncClient(
            headers=_headers(manners),
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            transport=Passage(proxy, tls) if proxy else httpx.AsyncHTTPTransport(verify=tls, limits=limits),
            # Connection and TLS handshake end before the whole request: cut off there, httpcore leaks a socket.
            timeout=httpx.Timeout(manners.timeout, connect=0.45 * manners.timeout),
            trust_env=False,
            event_hooks={"response": [_set_location_aside]},
        )

    async def __aenter__(self) -> "Fetcher":
        """Open the client."""
        await self._stack.enter_async_context(self._client)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close all connections."""
        await self._politeness.told()
        await self._stack.aclose()

    def set_delay(self, host: str, seconds: float) -> None:
        """Keep requests to a host this far apart, as its robots.txt asks."""
        self._politeness.set_delay(host, seconds)

    def hold(self, address: str, seconds: float) -> None:
        """Leave a host alone that said to somebody else that it is busy; never longer than the manners have it."""
        self._politeness.hold(host_of(address), min(seconds, self.manners.longest_pause))
        self._politeness.slow_down(host_of(address))

    def page_answered(self, address: str, seconds: float | None) -> None:
        """Note that a page came to the browser as pages do, and after how many seconds its answer began."""
        self._politeness.answered(host_of(address), seconds)

    def page_failed(self, address: str, reason: Reason, detail: str) -> None:
        """Note that a page did not come to the browser; reasons that lie in the page itself do not count."""
        if reason not in FAILING:
            return
        if reason is Reason.TIMED_OUT:
            self._politeness.slow_down(host_of(address))
        trouble = Trouble(reason=reason, detail=detail, address=address, in_browser=True, began=datetime.now(UTC))
        self._politeness.failed(host_of(address), trouble)

    def wait_until(self, is_over: Callable[[], bool]) -> None:
        """Give up hosts that are left alone once the time is over, instead of waiting for them."""
        self._politeness.is_over = is_over

    @property
    def given_up(self) -> dict[str, Trouble]:
        """The hosts that are not asked any more, and why."""
        return self._politeness.given_up

    def closed_seconds(self) -> float:
        """Seconds since this fetcher was made in which no page could be begun."""
        return self.manners.windows.closed_seconds(self._begun, datetime.now(UTC))

    def turn(self, address: str) -> AbstractAsyncContextManager[None]:
        """One of the places that a host has for us, for whoever asks it by other means: a page in the browser.

        Entering it raises GivenUp when the host is not asked any more, Stopped when we were asked to stop.
        """
        return self._politeness.turn(host_of(address))

    async def get(
        self, address: str, *, accept_any: bool = False, max_bytes: int | None = None,
        validators: Mapping[str, str] = MappingProxyType({}),
    ) -> Answer:  # fmt: skip
        """Ask for a canonical address, again when that can help. Bodies of other types are read by `accept_any`.

        `max_bytes` of a decoded body, where not that of the manners; with `validators` the answer may be that
        nothing has changed.
        A host that was given up is not asked: the answer's failure is then what it failed with. Raises Stopped.
        """
        host = host_of(address)
        limit = max_bytes or self.manners.max_bytes
        tries = 0
        while True:
            try:
                async with self._politeness.turn(host):
                    answer = await self._ask(address, accept_any, limit, validators)
                    self._note(host, answer, page=not accept_any, again=tries > 0)
            except GivenUp as given:
                return Answer(address=address, failure=given.trouble.reason, detail=not_asked(given.trouble))
            pause = self._pause(answer, tries)
            again = pause is not None and pause <= self.manners.longest_pause and tries < self.manners.retries
            if pause is not None and (again or answer.status in BUSY):
                self._politeness.hold(host, min(pause, self.manners.longest_pause))
            if not again:
                return answer
            tries += 1

    def _note(self, host: str, answer: Answer, *, page: bool, again: bool) -> None:
        """Let an answer tell how the host fares; a question that fails once more tells nothing new."""
        reason = _trouble(answer)
        if reason is not None and again:
            return
        if answer.status in BUSY or reason is Reason.TIMED_OUT:
            self._politeness.slow_down(host)
        if reason is not None:
            detail = answer.detail or f"HTTP {answer.status}"
            trouble = Trouble(reason=reason, detail=detail, address=answer.address, began=datetime.now(UTC))
            self._politeness.failed(host, trouble)
        elif answer.status is not None:
            self._politeness.answered(host, answer.seconds)
            if answer.status == 200 and answer.is_html and page:
                self._good[host] = answer.address

    async def _probe(self, host: str, trouble: Trouble) -> bool | None:
        """Whether a host that was left alone is well: a page that it gave us before is asked for.

        What the browser failed at is asked for without it. None where that tells nothing: sites that refuse
        browsers driven by programs serve other clients, so the next page in the browser has to tell.
        """
        if trouble.in_browser and trouble.reason is Reason.BLOCKED:
            return None
        address = trouble.address if trouble.in_browser else self._good.get(host, trouble.address)
        return _trouble(await self._ask(address, accept_any=False, limit=self.manners.max_bytes)) is None

    def _pause(self, answer: Answer, tries: int) -> float | None:
        """Seconds that a host is left alone after this answer; None when there is no need."""
        backoff = min(self.manners.backoff * 2.0**tries, self.manners.longest_pause)
        if answer.status in BUSY:
            return backoff if answer.retry_after is None else answer.retry_after
        return backoff if answer.failure is Reason.CONNECTION else None

    async def _ask(
        self, address: str, accept_any: bool, limit: int, validators: Mapping[str, str] = MappingProxyType({})
    ) -> Answer:
        """One request; what the server or the network does wrong becomes the answer's failure."""
        try:
            async with asyncio.timeout(self.manners.timeout):
                return await self._exchange(address, accept_any, limit, validators)
        except (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, OSError, zlib.error) as error:
            failure, detail = _failure(error)
            return Answer(address=address, failure=failure, detail=detail)

    async def _exchange(self, address: str, accept_any: bool, limit: int, validators: Mapping[str, str]) -> Answer:
        # The target is sent as it stands: httpx would escape some characters that browsers leave alone.
        target = {"target": path_of(address).encode("ascii")}
        asked = asyncio.get_running_loop().time()
        headers = {**validators, **self.credentials.headers_for(address)}
        async with self._client.stream("GET", address, headers=headers, extensions=target) as response:
            seconds = asyncio.get_running_loop().time() - asked
            content_type = response.headers.get("content-type")
            wanted = accept_any or content_type is None or media_type(content_type) in READ
            body, whole = await _read(response, limit) if wanted else (b"", True)
            answer = Answer(
                address=address,
                status=response.status_code,
                headers=response.headers,
                content_type=content_type,
                body=body,
                location=_location(response, address),
                failure=None if whole else Reason.TOO_LARGE,
                detail="" if whole else f"more than {limit} bytes",
                retry_after=retry_after(response.headers.get("retry-after")),
                seconds=seconds,
            )
            return self._unless_signed_out(_judged(answer))

    def _unless_signed_out(self, answer: Answer) -> Answer:
        """The answer; as a failure when it is the sign-in form in place of the page."""
        sign_in = self.credentials.at(answer.address)
        if sign_in is None or answer.failure is not None:
            return answer
        if (
            answer.status == 401
            or sent_away(sign_in, answer.address, answer.location)
            or (answer.is_html and shows_form(sign_in, answer.address, forms_of(answer.body, answer.address)))
        ):
            return replace(answer, failure=Reason.BLOCKED, detail=SAID, location=None)
        return answer


def not_asked(trouble: Trouble) -> str:
    """The detail of an address that was not asked for, because its host was given up."""
    return f"not asked: its host fails since {trouble.began:%Y-%m-%d %H:%M} UTC ({trouble.detail})"


def _trouble(answer: Answer) -> Reason | None:
    """Why an answer counts towards leaving its host alone; None when it does not."""
    if answer.failure in FAILING:
        return answer.failure
    status = answer.status or 0
    if status >= 500:
        return Reason.SERVER_ERROR
    return Reason.BLOCKED if status in REFUSING else None


def _judged(answer: Answer) -> Answer:
    """The answer, said to be blocked when it is a wall instead of a page."""
    if answer.failure is not None:
        return answer
    status = answer.status or 0
    seen = wall_in_headers(answer.headers)
    if seen is None and answer.is_html:
        seen = wall_in_body(status, answer.body, answer.content_type)
    return replace(answer, failure=Reason.BLOCKED, detail=f"{seen}, HTTP {status}") if seen else answer


def _headers(manners: Manners) -> dict[str, str]:
    return {
        "User-Agent": manners.user_agent,
        "Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
        "Accept-Language": "ja,en;q=0.5",
        "Accept-Encoding": "gzip, deflate",
    }


async def _set_location_aside(response: httpx.Response) -> None:
    """Keep httpx from building the redirected request, which fails for addresses that are none of ours."""
    response.extensions["location"] = response.headers.pop("location", None)


def _location(response: httpx.Response, address: str) -> str | None:
    location = response.extensions["location"]
    return canonical(location, address) if location and response.status_code in REDIRECTS else None


async def _read(response: httpx.Response, limit: int) -> tuple[bytes, bool]:
    """The decoded body, at most `limit` bytes, and whether that is all. zlib.error when it does not decode."""
    body = bytearray()
    async for chunk in _decoded(response, limit):
        body += chunk
        if len(body) > limit:
            return bytes(body[:limit]), False
    return bytes(body), True


async def _decoded(response: httpx.Response, limit: int) -> AsyncIterator[bytes]:
    """The body in pieces of at most `limit` + 1 bytes: no chunk can unfold to more, whatever it claims to hold."""
    codings = [each.strip().lower() for each in response.headers.get("content-encoding", "").split(",")]
    codings = [each for each in codings if each not in ("", "identity")]
    if not codings:
        async for chunk in response.aiter_raw():
            yield chunk
        return
    if len(codings) > 1 or codings[0] not in ("gzip", "x-gzip", "deflate"):
        raise zlib.error(f"content-encoding not asked for: {', '.join(codings)}")
    inflate = None
    async for chunk in response.aiter_raw():
        inflate = inflate or _inflater(chunk)
        for piece in _inflated(inflate, chunk, limit):
            yield piece


def _inflater(start: bytes) -> "zlib._Decompress":
    """A decompressor for gzip or zlib, or for the bare deflate that some servers send instead."""
    wrapped = start[:1] == b"\x1f" or (start[:1] and start[0] & 0x0F == 8)
    return zlib.decompressobj(47 if wrapped else -15)


def _inflated(inflate: "zlib._Decompress", chunk: bytes, limit: int) -> Iterator[bytes]:
    while chunk and not inflate.eof:
        yield inflate.decompress(chunk, limit + 1)
        chunk = inflate.unconsumed_tail


def _failure(error: Exception) -> tuple[Reason, str]:
    """The reason behind an error, and what it says, found along the chain of its causes."""
    for cause in _causes(error):
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Reason.CERTIFICATE, cause.verify_message or str(cause)
        if isinstance(cause, socket.gaierror):
            return Reason.DNS, str(cause.strerror or cause)
        if isinstance(cause, TimeoutError | httpx.TimeoutException):
            return Reason.TIMED_OUT, "no complete answer in time"
        if isinstance(cause, Forbidden):
            return Reason.PRIVATE_ADDRESS, cause.why
    return Reason.CONNECTION, " ".join(str(error).split()) or type(error).__name__


def _causes(error: BaseException) -> Iterator[BaseException]:
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__
