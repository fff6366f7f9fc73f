"""A page can do nothing to the machine, the network around it or the operator, and what is refused is told."""

import asyncio
import gzip
import socket
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Playwright

from crawler import gate as gates
from crawler.address import canonical
from crawler.browser import PageLost, Tab, playwright_driver
from crawler.fetch import Fetcher, Manners
from crawler.gate import Forbidden, Gate, public_address, resolve_by_system
from crawler.weight import PROCESSES
from db.words import Reason
from tests.audits.sites import Answer, html, moved, small_site
from tests.conftest import leave_out
from tests.crawler.servers import Request, Server, http, saying, serving

pytestmark = pytest.mark.asyncio(loop_scope="module")

MANNERS = Manners(contact="tests", timeout=5, retries=0)
SITE = "www.example.jp"  # for the gate a public host, although it is ours
PUBLIC = "203.104.130.1"
LOOPBACK = (
    "127.0.0.1", "localhost", "sub.localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.0.0.1",
    "0", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]", "[2002:7f00:1::]",
)  # fmt: skip
ELSEWHERE = (
    "169.254.169.254", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "2852039166", "0xa9fea9fe",
    "[fd00:ec2::254]", "[fe80::1]", "10.0.0.1", "172.16.0.1", "192.168.0.1", "100.64.0.1", "[fc00::1]", "[ff02::1]",
)  # fmt: skip


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def driver(chromium: str) -> AsyncIterator[Playwright]:
    with (
        pytest.MonkeyPatch.context() as patching
    ):  # an operator may have told Playwright to let loopback past a proxy
        patching.setenv("PLAYWRIGHT_DISABLE_FORCED_CHROMIUM_PROXIED_LOOPBACK", "1")
        async with playwright_driver() as opened:
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def gate() -> AsyncIterator[Gate]:
    """A gate for which the site is public; every other host is what it is."""
    open_connection = asyncio.open_connection

    async def resolve(host: str, port: int) -> list[str]:
        mixed = {SITE: [PUBLIC], "mixed.example.jp": [PUBLIC, "10.0.0.1"]}
        return mixed.get(host) or await resolve_by_system(host, port)

    async def as_if_public(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await open_connection("127.0.0.1" if host == PUBLIC else host, port)

    with pytest.MonkeyPatch.context() as patching:
        patching.setattr(gates.asyncio, "open_connection", as_if_public)
        async with Gate(resolve=resolve) as opened:
            yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def tab(driver: Playwright, chromium: str, gate: Gate) -> AsyncIterator[Tab]:
    async with Tab(driver, MANNERS, gate, executable=chromium) as opened:
        yield opened


async def lost_at(tab: Tab, address: str) -> PageLost:
    with pytest.raises(PageLost) as lost:
        async with tab.risk(15) as begin:
            begin()
            await tab.open(address, seconds=10, patience=5)
            await asyncio.sleep(1.5)  # for what scripts do next, also on a busy machine
            await tab.still_shows(address)
    return lost.value


def at(site: Server, path: str = "/") -> str:
    return site.address(path, host=SITE)


async def _until(happened: Callable[[], bool], seconds: float = 5.0) -> None:
    ends = asyncio.get_running_loop().time() + seconds
    while not happened() and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110
        await asyncio.sleep(0.02)


# ── private addresses ──────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", [*LOOPBACK, *ELSEWHERE])
async def test_no_spelling_of_a_private_address_is_let_through_by_the_gate(host: str) -> None:
    with pytest.raises((Forbidden, OSError)) as refused:
        await public_address(host)
    assert isinstance(refused.value, Forbidden) or ":" in host  # without IPv6 the system may not know it at all


async def test_the_exploring_client_asks_no_private_address_however_it_is_spelled(gate: Gate) -> None:
    async with serving(saying(http(b"secret"))) as private, Fetcher(MANNERS, gate.url) as fetcher:
        for host in (*LOOPBACK, *ELSEWHERE, "mixed.example.jp"):
            address = canonical(f"http://{host}:{private.port}/")
            assert address is not None
            answer = await fetcher.get(address)
            assert (answer.failure, answer.status) == (Reason.PRIVATE_ADDRESS, None), host
    assert private.requests == []


async def test_the_browser_shows_no_private_address_however_it_is_spelled(tab: Tab) -> None:
    async with serving(saying(http(b"secret"))) as private:
        for host in (*LOOPBACK, *ELSEWHERE, "mixed.example.jp"):
            lost = await lost_at(tab, f"http://{host}:{private.port}/")
            assert lost.reason is Reason.PRIVATE_ADDRESS, (host, lost.detail)
    assert private.requests == []


@pytest.mark.parametrize(
    "leading",
    [
        lambda to: moved(to),
        lambda to: html(f"<script>location.href = '{to}'</script>"),
        lambda to: html("", head=f'<meta http-equiv="refresh" content="0;url={to}">'),
        lambda to: html(f"<form id=f action='{to}'></form><script>f.submit()</script>"),
    ],
    ids=["redirect", "script", "refresh", "form"],
)
async def test_a_page_that_leads_to_a_private_address_is_lost_for_that_reason(
    tab: Tab, leading: Callable[[str], bytes]
) -> None:
    async with serving(saying(http(b"secret"))) as private:
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"):
            async with small_site({"/": leading(f"http://{host}:{private.port}/"), "/ok": html("")}) as site:
                lost = await lost_at(tab, at(site))
                assert (lost.reason, bool(lost.detail)) == (Reason.PRIVATE_ADDRESS, True)
                assert (await tab.open(at(site, "/ok"), seconds=10, patience=5)).status == 200
                await tab.still_shows(at(site, "/ok"))
    assert private.requests == []


async def test_a_page_that_embeds_private_addresses_is_shown_without_them(tab: Tab) -> None:
    async with serving(saying(http(b"secret"))) as private:
        hosts = ("127.0.0.1", "localhost", "[::1]", "169.254.169.254", "[fe80::1]", "0x7f.1")
        body = "".join(
            f"""<img src="http://{host}:{private.port}/i" alt=""><iframe title="枠" src="http://{host}:{private.port}/f"></iframe>
            <link rel="preconnect" href="http://{host}:{private.port}"><link rel="prefetch" href="http://{host}:{private.port}/p">
            <script src="http://{host}:{private.port}/s"></script><script>
            fetch("http://{host}:{private.port}/x", {{mode: "no-cors"}}).catch(() => 0);
            new WebSocket("ws://{host}:{private.port}/ws"); new EventSource("http://{host}:{private.port}/es");
            navigator.sendBeacon("http://{host}:{private.port}/b")</script>"""
            for host in hosts
        )
        async with small_site({"/": html(body)}) as site:
            arrival = await tab.open(at(site), seconds=10, patience=5)
            await tab.still_shows(at(site))
            assert (arrival.status, await tab.document_address()) == (200, at(site))
    assert private.requests == []


async def test_no_datagram_and_no_turn_server_is_reached(tab: Tab, driver: Playwright, chromium: str) -> None:
    """WebRTC over UDP and over TCP, and WebTransport: none goes past the gate."""
    asking = """async ([udp, tcp]) => {
      const peer = new RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.1:${udp}`},
        {urls: `turn:127.0.0.1:${tcp}?transport=tcp`, username: "a", credential: "b"}]});
      peer.createDataChannel("x");
      await peer.setLocalDescription(await peer.createOffer());
      try { new WebTransport(`https://127.0.0.1:${udp}/`).ready.catch(() => 0) } catch {}
      await new Promise(done => setTimeout(done, 1500));
    }"""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.create_server(("127.0.0.1", 0)) as tcp:
        udp.bind(("127.0.0.1", 0))
        udp.setblocking(False)
        tcp.setblocking(False)
        async with small_site({"/": html("")}) as site:
            await tab.open(at(site), seconds=10, patience=5)
            await tab.page.evaluate(asking, [udp.getsockname()[1], tcp.getsockname()[1]])
        with pytest.raises(BlockingIOError):
            udp.recv(2000)
        with pytest.raises(BlockingIOError):
            tcp.accept()


# ── other kinds of addresses ───────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("to", ["file:///etc/passwd", "data:text/html,<title>other</title>", "view-source:{here}",
                                "chrome://version", "javascript:void 0"])  # fmt: skip
async def test_a_page_takes_the_browser_nowhere_but_to_the_web(tab: Tab, to: str) -> None:
    async with small_site({}) as site:
        pass
    told = to.format(here=at(site))
    pages: dict[str, Answer] = {
        "/": html(f"<a id=a href='{told}'>x</a><script>try {{ location.href = '{told}' }} catch {{}} a.click(); open('{told}')</script>"),
        "/redirect": moved(told),
    }  # fmt: skip
    async with small_site(pages) as site:
        await tab.open(at(site), seconds=10, patience=5)
        await asyncio.sleep(0.3)
        await tab.still_shows(at(site))
        assert (await tab.document_address(), await tab.page.title()) == (at(site), "見本")
        assert tab.page.context.pages == [tab.page]
        lost = await lost_at(tab, at(site, "/redirect"))
        assert lost.reason in (Reason.CONNECTION, Reason.NOT_HTML)
        async with Fetcher(MANNERS) as fetcher:
            answer = await fetcher.get(site.address("/redirect"))
        assert (answer.status, answer.location) == (302, None)


async def test_a_frame_shows_no_file_of_this_machine(tab: Tab, tmp_path: Path) -> None:
    file = tmp_path / "secret.html"
    file.write_text("<title>secret</title>")
    async with small_site({"/": html(f'<iframe title="枠" src="{file.as_uri()}"></iframe>')}) as site:
        await tab.open(at(site), seconds=10, patience=5)
        (frame,) = (await tab.frame_tree())["childFrames"]
    assert not frame["frame"]["url"].startswith("file:")


# ── what a page may ask of a browser ───────────────────────────────────────────────────────────────

PERMISSIONS = """async () => {
  const told = {};
  for (const name of ["geolocation", "notifications", "camera", "microphone", "midi", "clipboard-read",
      "persistent-storage", "background-sync", "screen-wake-lock", "local-fonts", "idle-detection"])
    told[name] = (await navigator.permissions.query({name})).state;
  told.asked = await Notification.requestPermission();
  told.place = await new Promise(done => navigator.geolocation.getCurrentPosition(() => done("given"), () => done("denied")));
  told.media = await navigator.mediaDevices.getUserMedia({audio: true, video: true}).then(() => "given", () => "denied");
  return told;
}"""


async def test_every_permission_is_denied_without_a_question(driver: Playwright, chromium: str) -> None:
    """On loopback, which counts as secure: elsewhere over http there is nothing to ask."""
    async with small_site({"/": html("")}) as site, Tab(driver, MANNERS, executable=chromium) as tab:
        await tab.open(site.address("/"), seconds=10, patience=5)
        async with asyncio.timeout(10):
            told: dict[str, str] = await tab.page.evaluate(PERMISSIONS)
    assert set(told.values()) == {"denied"}, told


async def test_no_service_worker_is_installed(driver: Playwright, chromium: str) -> None:
    pages: dict[str, Answer] = {
        "/": html("<script>navigator.serviceWorker.register('/sw.js').catch(() => 0)</script>"),
        "/sw.js": http(b"", content_type="text/javascript"),
    }
    async with small_site(pages) as site, Tab(driver, MANNERS, executable=chromium) as tab:
        await tab.open(site.address("/"), seconds=10, patience=5)
        await asyncio.sleep(0.3)
        assert tab.page.context.service_workers == []
        assert await tab.page.evaluate("navigator.serviceWorker.getRegistrations().then(all => all.length)") == 0


async def test_downloads_and_the_profile_leave_nothing_behind(
    driver: Playwright, chromium: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A download that a script begins, one that a link asks for, and whatever Chromium keeps while it runs."""
    body = """<a id=a download="x.exe" href="/file">x</a><a id=b download="y.txt" href="data:text/plain,y">y</a>
      <script>a.click(); b.click(); const f = document.createElement("iframe"); f.src = "/file"; document.body.append(f);
      localStorage.x = "kept"; document.cookie = "kept=1; max-age=9999"</script>"""
    file = http(b"MZ", content_type="application/octet-stream", Content_Disposition="attachment; filename=x.exe")
    with tempfile.TemporaryDirectory(prefix="ji-") as folder:
        monkeypatch.setenv("TMPDIR", folder)
        async with (
            playwright_driver() as own,
            small_site({"/": html(body), "/file": file}) as site,
            Tab(own, MANNERS, executable=chromium) as tab,
        ):
            await tab.open(site.address("/"), seconds=10, patience=5)
            await asyncio.sleep(0.5)
            assert [each for each in Path(folder).rglob("*") if each.suffix in (".exe", ".txt")] == []
        assert list(Path(folder).iterdir()) == []


# ── answers without end ────────────────────────────────────────────────────────────────────────────


async def test_headers_without_end_are_a_failure_in_the_browser(tab: Tab) -> None:
    bombs: dict[str, Answer] = {
        "/long": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 1_000_000 + b"\r\n\r\n<p>x",
        "/many": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 200_000 + b"\r\n<p>x",
        "/ok": html(""),
    }
    async with small_site(bombs) as site:
        for path in ("/long", "/many"):
            assert (await lost_at(tab, at(site, path))).reason is Reason.CONNECTION
        assert (await tab.open(at(site, "/ok"), seconds=10, patience=5)).status == 200


async def test_cookies_without_end_cost_the_next_page_nothing(tab: Tab) -> None:
    many = b"".join(b"Set-Cookie: c%d=%s\r\n" % (each, b"x" * 3000) for each in range(60))
    bomb = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n" + many + b"\r\n<title>x</title>"
    async with small_site({"/": bomb, "/next": html("")}) as site:
        await tab.open(at(site), seconds=10, patience=5)
        await tab.open(at(site, "/next"), seconds=10, patience=5)
        assert [each.headers.get("cookie") for each in site.requests if each.path == "/next"] == [None]


@pytest.mark.parametrize("path", ["/endless", "/bomb", "/fetched"])
async def test_a_page_that_unfolds_without_end_is_ended_before_its_time(
    driver: Playwright, chromium: str, path: str
) -> None:
    if not PROCESSES.is_dir():
        leave_out("the size of processes is read from /proc")
    bomb = http(gzip.compress(b"<p>x" * 250_000_000, 1), Content_Encoding="gzip")

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        if request.path == "/ok":
            writer.write(html(""))
        elif request.path == "/bomb":
            writer.write(bomb)
        elif request.path == "/fetched":
            writer.write(html("<script>fetch('/bomb').then(r => r.text()).then(t => window.t = t)</script>"))
        elif request.path == "/endless":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n\r\n<!DOCTYPE html><title>x</title><p>")
            while True:
                writer.write(b"x" * 65_536)
                await writer.drain()
        await writer.drain()

    async with (
        serving(script) as site,
        Tab(driver, MANNERS, executable=chromium, heaviest=600_000_000) as tab,
    ):
        with pytest.raises(PageLost) as lost:
            async with tab.risk(50) as begin:
                begin()
                await tab.open(site.address(path), seconds=40, patience=5)
                await tab.page.wait_for_event("close", timeout=40_000)
                await tab.page.title()
        assert lost.value.reason is Reason.TOO_LARGE
        assert (await tab.open(site.address("/ok"), seconds=10, patience=5)).status == 200
