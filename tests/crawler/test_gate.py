"""Nothing behind the gate reaches a private network."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from playwright.async_api import Error, Page, async_playwright

from crawler import gate as gates
from crawler.gate import Forbidden, Gate, Resolve, is_public, public_address, resolve_by_system
from tests.crawler.servers import Request, Script, http, saying, serving

CHROMIUM = "/usr/bin/chromium"


FOR_EVERYONE = """
8.8.8.8 203.104.130.1 100.63.255.255 172.32.0.1 2001:4860:4860::8888 2001:200::1 2400:8500::1 ::ffff:8.8.8.8
64:ff9b::808:808 2002:808:808::1
"""
NOT_FOR_EVERYONE = """
0.0.0.0 0.1.2.3 10.0.0.1 100.64.0.1 100.127.255.255 127.0.0.1 127.255.0.1 169.254.169.254 172.16.0.1 192.0.0.8
192.0.2.1 192.88.99.1 192.168.1.1 198.18.0.1 198.51.100.1 203.0.113.1 224.0.0.1 239.1.1.1 240.0.0.1 255.255.255.255
:: ::1 fe80::1 fe80::1%eth0 fc00::1 fd00:ec2::254 fec0::1 ff02::1 100::1 2001:db8::1 3fff::1 2001::1 2001:10::1
5f00::1 4000::1 ::7f00:1 ::10.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1 ::ffff:a9fe:a9fe 2002:7f00:1::1 2002:a00:1::1
64:ff9b::7f00:1 64:ff9b::a9fe:a9fe 64:ff9b:1::808:808 2001:0:4136:e378:8000:63bf:3fff:fdd2
2001:4860:4860::8888%eth0 nonsense 127.1 0x7f000001 2130706433
"""


@pytest.mark.parametrize("address", FOR_EVERYONE.split())
def test_public_addresses(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("address", NOT_FOR_EVERYONE.split())
def test_addresses_that_are_not_for_everyone(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "host",
    ["localhost", "127.0.0.1", "127.1", "2130706433", "0x7f.1", "017700000001", "[::1]", "0", "::ffff:127.0.0.1"],
)
async def test_hosts_are_judged_by_what_the_system_makes_of_them(host: str) -> None:
    with pytest.raises(Forbidden, match="not a public address"):
        await public_address(host)


async def test_one_private_address_among_public_ones_is_enough() -> None:
    with pytest.raises(Forbidden, match=r"10\.0\.0\.1"):
        await public_address("a.jp", resolve=resolving(["8.8.8.8", "10.0.0.1"]))
    assert await public_address("a.jp", resolve=resolving(["8.8.8.8", "8.8.4.4"])) == ["8.8.8.8", "8.8.4.4"]


@pytest.mark.parametrize("host", ["nowhere.invalid", "a..b", "x" * 64 + ".jp", ""])
async def test_names_without_an_address_are_dns_failures(host: str) -> None:
    with pytest.raises((socket.gaierror, Forbidden)):
        await public_address(host)


def resolving(*answers: list[str]) -> Resolve:
    """A name server that gives these answers one after the other, and the last one ever after."""
    left = list(answers)

    async def resolve(_: str, __: int) -> list[str]:
        return left.pop(0) if len(left) > 1 else left[0]

    return resolve


async def asked(gate: Gate, request: bytes, greeting: bytes = b"\x05\x01\x00") -> bytes:
    """What the gate says to the bytes of a client, until it closes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gate.url.rpartition(":")[2]))
    try:
        writer.write(greeting + request)
        return await asyncio.wait_for(reader.read(), 5)
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()


def connect(host: str, port: int = 80, command: int = 1) -> bytes:
    return bytes((5, command, 0, 3, len(host))) + host.encode() + port.to_bytes(2, "big")


@pytest.mark.parametrize(
    ("request_", "reply"),
    [
        (connect("localhost"), 2),
        (connect("LOCALHOST"), 2),
        (bytes((5, 1, 0, 1, 127, 0, 0, 1, 0, 80)), 2),
        (bytes((5, 1, 0, 4, *bytes(15), 1, 0, 80)), 2),
        (connect("nowhere.invalid"), 4),
        (connect("a..b"), 4),
        (connect("a.jp", command=2), 7),
        (connect("a.jp", command=3), 7),
        (bytes((5, 1, 0, 9)), 8),
    ],
)
async def test_every_refusal_has_its_reply(request_: bytes, reply: int) -> None:
    async with Gate() as gate:
        assert (await asked(gate, request_))[:4] == bytes((5, 0, 5, reply))


async def test_refusals_are_kept() -> None:
    async with Gate(resolve=resolving(["169.254.169.254"])) as gate:
        await asked(gate, connect("Metadata.example.jp"))
        assert gate.refused == {"metadata.example.jp": "169.254.169.254 is not a public address"}


async def test_what_cannot_be_reached_is_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving(saying(http())) as server:
        closed = server.port
    async with Gate(allow_private=True) as gate:
        assert (await asked(gate, connect("127.0.0.1", closed)))[3] == 5

    async def never(_: str, __: int) -> list[str]:
        await asyncio.sleep(60)
        return []

    monkeypatch.setattr(gates, "RESOLVING", 0.1)
    async with Gate(resolve=never) as gate:
        assert (await asked(gate, connect("a.jp")))[3] == 6


@pytest.mark.parametrize("greeting", [b"\x04\x01\x00", b"GET / HTTP/1.1\r\n\r\n", b"\x05\x01\x02", b"\x05\x00"])
async def test_other_languages_are_not_spoken(greeting: bytes) -> None:
    async with Gate(allow_private=True) as gate:
        assert not (await asked(gate, b"", greeting)).startswith(b"\x05\x00")


async def test_clients_that_say_nothing_are_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "HANDSHAKE", 0.1)
    async with Gate() as gate:
        assert await asked(gate, b"", b"") == b""
        assert await asked(gate, b"\x05") == b"\x05\x00"


async def test_a_name_that_changes_its_address_gains_nothing() -> None:
    async with serving(saying(http())) as server, Gate(resolve=resolving(["8.8.8.8"], ["127.0.0.1"])) as gate:
        connecting = asyncio.create_task(asked(gate, connect("rebind.jp", server.port)))
        await asyncio.sleep(0.2)
        second = await asked(gate, connect("rebind.jp", server.port))
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
    assert second[3] == 2
    assert server.requests == []


async def test_bytes_are_carried_until_both_sides_are_done() -> None:
    body = b"x" * 3_000_000
    async with serving(saying(http(body))) as server, Gate(allow_private=True) as gate:
        request = connect("127.0.0.1", server.port) + b"GET / HTTP/1.1\r\n\r\n"
        assert (await asked(gate, request)).endswith(body)


async def test_an_address_that_does_not_answer_makes_room_for_the_next() -> None:
    resolve = resolving(["127.0.0.2", "127.0.0.1"])
    async with serving(saying(http())) as server, Gate(allow_private=True, resolve=resolve) as gate:
        assert b"200 OK" in await asked(gate, connect("a.jp", server.port) + b"GET / HTTP/1.1\r\n\r\n")


async def test_idle_connections_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gates, "IDLE", 0.2)
    async with serving(saying(http())) as server, Gate(allow_private=True) as gate:
        assert len(await asked(gate, connect("127.0.0.1", server.port))) == 12


async def test_closing_the_gate_ends_everything() -> None:
    before = asyncio.all_tasks()
    async with serving(saying(http())) as server:
        async with Gate(allow_private=True) as gate:
            port = int(gate.url.rpartition(":")[2])
            clients = [asyncio.create_task(asked(gate, connect("127.0.0.1", server.port))) for _ in range(20)]
            clients += [asyncio.create_task(asked(gate, b"", b"")) for _ in range(5)]
            await asyncio.sleep(0.3)
        answers = await asyncio.gather(*clients, return_exceptions=True)
        assert len(answers) == 25
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
    assert asyncio.all_tasks() == before


@pytest.mark.parametrize("steps", range(3, 8))  # in two steps Python 3.11 itself loses it (python/cpython#109564)
async def test_a_client_that_comes_while_the_gate_closes_is_let_go(steps: int) -> None:
    """Its connection may be accepted, but not yet served: it has to be closed all the same."""
    async with Gate() as gate:
        client = socket.create_connection(("127.0.0.1", int(gate.url.rpartition(":")[2])), timeout=2)
        for _ in range(steps):
            await asyncio.sleep(0)
    with client:
        client.setblocking(False)
        assert await asyncio.wait_for(asyncio.get_running_loop().sock_recv(client, 1), 2) == b""


async def test_a_gate_that_is_not_open_has_no_url() -> None:
    with pytest.raises(RuntimeError):
        _ = Gate().url


PUBLIC = "203.104.130.1"


async def only_www(host: str, port: int) -> list[str]:
    """A name server for whom the test site is public, although it is ours; all else is what it is."""
    if host == "www.example.jp":
        return [PUBLIC]
    return await resolve_by_system(host, port)


@asynccontextmanager
async def chromium(gate: Gate) -> AsyncIterator[Page]:
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(
            executable_path=CHROMIUM,
            args=[
                "--no-sandbox",
                "--disable-background-networking",
                "--webrtc-ip-handling-policy=disable_non_proxied_udp",
            ],
            proxy={"server": gate.url},
        )
        try:
            yield await browser.new_page()
        finally:
            await browser.close()


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium")
async def test_chromium_reaches_nothing_private(monkeypatch: pytest.MonkeyPatch) -> None:
    """A public page that embeds, fetches, opens and redirects to private hosts gets none of them."""
    open_connection = asyncio.open_connection

    async def as_if_public(host: str, port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await open_connection("127.0.0.1" if host == PUBLIC else host, port)

    async with serving(saying(http(b"secret"))) as private, serving(script_of(private.port)) as public:
        monkeypatch.setattr(gates.asyncio, "open_connection", as_if_public)
        async with Gate(resolve=only_www) as gate, chromium(gate) as page:
            shown = await page.goto(f"http://www.example.jp:{public.port}/")
            assert shown is not None
            assert shown.status == 200
            await page.wait_for_function("document.title === 'done'")
            for host in ("127.0.0.1", "localhost", "[::1]", "2130706433", "sub.localhost"):
                with pytest.raises(Error):
                    await page.goto(f"http://{host}:{private.port}/")
            with pytest.raises(Error):
                await page.goto(f"http://www.example.jp:{public.port}/redirect")
        refused = set(gate.refused)
    assert private.requests == []
    assert {"127.0.0.1", "localhost"} <= refused


@pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="no chromium")
async def test_chromium_sends_no_datagrams_past_the_gate() -> None:
    """WebRTC would ask a STUN server by UDP, which no SOCKS gate carries: a flag forbids it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stun:
        stun.bind(("127.0.0.1", 0))
        stun.setblocking(False)
        gate = Gate(allow_private=True, resolve=resolving(["127.0.0.1"]))
        async with serving(saying(http())) as server, gate, chromium(gate) as page:
            await page.goto(server.address(host="www.example.jp"))
            await page.evaluate(ASK_STUN, stun.getsockname()[1])
        with pytest.raises(BlockingIOError):
            stun.recv(2000)


ASK_STUN = """async port => {
  const peer = new RTCPeerConnection({iceServers: [{urls: `stun:127.0.0.1:${port}`}]});
  peer.createDataChannel("x");
  await peer.setLocalDescription(await peer.createOffer());
  await new Promise(done => setTimeout(done, 1000));
}"""


def script_of(private: int) -> Script:
    hosts = ("127.0.0.1", "localhost", "127.0.0.1.", "[::ffff:127.0.0.1]")
    page = "".join(
        f"<img src=http://{host}:{private}/image><iframe src=http://{host}:{private}/frame></iframe>"
        f"<link rel=stylesheet href=http://{host}:{private}/style><link rel=preconnect href=http://{host}:{private}>"
        for host in hosts
    )
    page += f"""<script>
      const tries = [fetch("http://127.0.0.1:{private}/fetch", {{mode: "no-cors"}}),
        fetch("/redirect", {{mode: "no-cors"}}),
        new Promise((_, no) => new WebSocket("ws://127.0.0.1:{private}/socket").onerror = no)];
      navigator.sendBeacon("http://127.0.0.1:{private}/beacon");
      Promise.allSettled(tries).then(all =>
        document.title = all.every(each => each.status == "rejected") ? "done" : "bad");
    </script>"""
    answers = {
        "/": http(page.encode()),
        "/redirect": http(status="302 x", Location=f"http://127.0.0.1:{private}/r"),
    }

    async def script(request: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(answers.get(request.path, http(status="404 x")))
        await writer.drain()

    return script
