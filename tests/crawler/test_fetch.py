"""Fetching is polite, bounded, and answers whatever a server does."""

import asyncio
import gzip
import re
import time
import zlib
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest

from crawler.fetch import Answer, Fetcher, Manners
from crawler.gate import Gate
from db.words import Reason
from tests.crawler.servers import Certificates, Request, Script, http, saying, serving

QUICK = Manners(contact="mailto:a@example.jp", timeout=2, backoff=0.05, max_bytes=100_000)
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(QUICK) as open_one:
        yield open_one


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates.of(tmp_path)


async def answer_to(
    script: Script | bytes, manners: Manners = QUICK, path: str = "/", accept_any: bool = False
) -> Answer:
    script = saying(script) if isinstance(script, bytes) else script
    async with serving(script) as server, Fetcher(manners) as fetcher:
        return await fetcher.get(server.address(path), accept_any=accept_any)


async def test_a_page_is_fetched() -> None:
    answer = await answer_to(http(b"<title>x", content_type="text/html; charset=Shift_JIS", ETag="1"))
    assert (answer.status, answer.body, answer.failure, answer.location) == (200, b"<title>x", None, None)
    assert answer.content_type == "text/html; charset=Shift_JIS"
    assert answer.headers.get("etag") == "1"
    assert answer.is_html


async def test_we_say_who_we_are_and_that_we_read_japanese(fetcher: Fetcher) -> None:
    async with serving(saying(http())) as server:
        await fetcher.get(server.address())
    assert server.requests[0].headers["user-agent"] == "jisweep/0.1 (+mailto:a@example.jp)"
    assert server.requests[0].headers["accept-language"].startswith("ja")
    assert QUICK.product == "jisweep"
    assert re.fullmatch(
        r"Mozilla/5.0 .* Chrome/156.0.0.0 .* jisweep/0.1 \(\+.*\)", QUICK.browser_agent("156.0.7.1")
    )


@pytest.mark.parametrize("contact", ["東京都", "a\r\nX: y", "é"])
def test_a_contact_that_cannot_stand_in_a_header_is_refused(contact: str) -> None:
    with pytest.raises(ValueError, match="printable ASCII"):
        Manners(contact=contact)


async def test_the_target_is_sent_as_it_stands(fetcher: Fetcher) -> None:
    path = "/a|b/%zz%E3?q=%95\\[x]^%27{}"
    async with serving(saying(http())) as server:
        await fetcher.get(server.address(path))
    assert server.requests[0].path == path


async def test_cookies_are_not_kept(fetcher: Fetcher) -> None:
    async with serving(saying(http(Set_Cookie="a=b; Path=/"))) as server:
        await fetcher.get(server.address())
        await fetcher.get(server.address())
    assert "cookie" not in server.requests[1].headers


async def test_the_environment_has_no_say(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    assert (await answer_to(http())).status == 200


@pytest.mark.parametrize(("status", "location", "target"), [
    ("301 Moved", "../b#c", "/b"),
    ("302 Found", "/%E3%81%82?utm_source=x", "/%E3%81%82"),
    ("303 See Other", "https://other.jp", "https://other.jp/"),
    ("307 Temporary", "javascript:x", None),
    ("308 Permanent", "http://[", None),
    ("200 OK", "/b", None),
])  # fmt: skip
async def test_redirects_are_told_and_not_followed(status: str, location: str, target: str | None) -> None:
    async with serving(saying(http(status=status, Location=location))) as server, Fetcher(QUICK) as fetcher:
        answer = await fetcher.get(server.address("/a/"))
    whole = server.address(target) if target and target.startswith("/") else target
    assert (answer.location, len(server.requests), answer.failure) == (whole, 1, None)


async def test_documents_of_other_types_are_not_read() -> None:
    pdf = http(b"%PDF", content_type="application/pdf")
    assert (await answer_to(pdf)).body == b""
    assert (await answer_to(pdf)).failure is None
    assert not (await answer_to(pdf)).is_html
    assert (await answer_to(pdf, accept_any=True)).body == b"%PDF"


@pytest.mark.parametrize("content_type", ["application/xml", "text/plain", "application/xhtml+xml", "TEXT/HTML;x"])
async def test_documents_that_the_crawler_can_read_are_read(content_type: str) -> None:
    assert (await answer_to(http(b"x", content_type=content_type))).body == b"x"


@pytest.mark.parametrize(
    ("body", "html"), [(b"\n<!-- a --><!DOCTYPE html>", True), (b"\xff\xd8\xff", False), (b"", False)]
)
async def test_without_a_type_the_body_decides(body: bytes, html: bool) -> None:
    assert (await answer_to(http(body, content_type=None))).is_html is html


@pytest.mark.parametrize(("coding", "body"), [
    ("gzip", gzip.compress(b"<p>x", mtime=0)),
    ("X-GZIP", gzip.compress(b"<p>x", mtime=0)),
    ("deflate", zlib.compress(b"<p>x")),
    ("deflate", zlib.compress(b"<p>x", wbits=-15)),
    ("identity", b"<p>x"),
    ("", b"<p>x"),
])  # fmt: skip
async def test_compressed_bodies_are_unfolded(coding: str, body: bytes) -> None:
    assert (await answer_to(http(body, Content_Encoding=coding))).body == b"<p>x"


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("gzip", b"<p>not zipped"),
        ("br", b"x"),
        ("gzip, gzip", gzip.compress(gzip.compress(b"x", mtime=0), mtime=0)),
    ],
)
async def test_bodies_that_do_not_unfold_are_failures(coding: str, body: bytes) -> None:
    answer = await answer_to(http(body, Content_Encoding=coding))
    assert (answer.failure, answer.body) == (Reason.CONNECTION, b"")


async def test_a_body_is_cut_at_its_limit() -> None:
    answer = await answer_to(http(b"x" * 100_001))
    assert (answer.failure, answer.status, len(answer.body)) == (Reason.TOO_LARGE, 200, 100_000)
    assert (await answer_to(http(b"x" * 100_000))).failure is None


async def test_an_endless_body_is_cut_at_its_limit() -> None:
    async def endless(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            writer.write(b"<p>x" * 1000)
            await writer.drain()

    assert (await answer_to(endless)).failure is Reason.TOO_LARGE


async def test_a_decompression_bomb_is_cut_at_its_limit() -> None:
    bomb = gzip.compress(b"\0" * 200_000_000)
    answer = await answer_to(http(bomb, Content_Encoding="gzip"))
    assert (answer.failure, len(answer.body)) == (Reason.TOO_LARGE, 100_000)


@pytest.mark.parametrize(
    "head", [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n\r\n"], ids=["status", "header", "body"]
)
async def test_a_server_that_drips_is_left_when_the_time_is_over(head: bytes) -> None:
    async def drip(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(head)
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.1)

    began = time.monotonic()
    answer = await answer_to(drip, Manners(timeout=1, retries=2))
    assert answer.failure in (Reason.TIMED_OUT, Reason.CONNECTION)
    assert time.monotonic() - began < 3


async def test_a_server_that_says_nothing_is_left_when_the_time_is_over() -> None:
    async def silence(_: Request, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(60)

    answer = await answer_to(silence, Manners(timeout=0.5))
    assert (answer.failure, answer.status) == (Reason.TIMED_OUT, None)


@pytest.mark.parametrize("garbage", [
    b"",
    b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    b"HTTP/1.1 abc\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n bad: header\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: " + b"x" * 200_000 + b"\r\n\r\n",
    b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50_000 + b"\r\n",
    b"\x15\x03\x01\x00\x02\x02",
], ids=lambda text: repr(text[:24]))  # fmt: skip
async def test_what_is_not_http_is_a_failure(garbage: bytes) -> None:
    answer = await answer_to(garbage, Manners(timeout=2, retries=0))
    assert answer.failure is Reason.CONNECTION
    assert answer.detail
    assert "\n" not in answer.detail


async def test_odd_but_legal_answers_are_answers() -> None:
    assert (await answer_to(EMPTY)).status == 204
    odd = b"HTTP/1.0 200\r\nContent-Type: \xe6\x9d\xb1\r\nX-J: \x93\x8c\r\nLocation: \xff\r\n\r\nx"
    assert (await answer_to(odd, accept_any=True)).body == b"x"


async def test_a_connection_that_breaks_once_is_tried_again() -> None:
    answer = await answer_to(saying(b"", http(b"ok")))
    assert (answer.status, answer.body, answer.failure) == (200, b"ok", None)


async def test_a_connection_that_keeps_breaking_is_tried_three_times(fetcher: Fetcher) -> None:
    async with serving(saying(b"")) as server:
        answer = await fetcher.get(server.address())
    assert (answer.failure, len(server.requests)) == (Reason.CONNECTION, 3)


async def test_a_refused_connection_is_a_connection_failure(fetcher: Fetcher) -> None:
    async with serving(saying(b"")) as server:
        closed = server.address()
    assert (await fetcher.get(closed)).failure is Reason.CONNECTION


@pytest.mark.parametrize("through_gate", [False, True])
async def test_an_unknown_name_is_a_dns_failure(through_gate: bool) -> None:
    async with Gate() as gate, Fetcher(QUICK, gate.url if through_gate else None) as fetcher:
        answer = await fetcher.get("http://nowhere.invalid/")
    assert (answer.failure, answer.status) == (Reason.DNS, None)
    assert answer.detail


async def test_a_trusted_certificate_lets_us_in(certificates: Certificates) -> None:
    trusting = Fetcher(QUICK, tls=certificates.trusting())
    async with serving(saying(http()), certificates.server()) as server, trusting as fetcher:
        assert (await fetcher.get(server.address())).status == 200


@pytest.mark.parametrize(("host", "days", "trusted", "said"), [
    ("127.0.0.1", 30, False, "unable to get local issuer|self-signed"),
    ("www.example.jp", 30, True, "mismatch|not valid for"),
    ("127.0.0.1", -1, True, "expired"),
])  # fmt: skip
@pytest.mark.parametrize("through_gate", [False, True])
async def test_a_bad_certificate_is_told_from_a_bad_connection(
    certificates: Certificates, host: str, days: int, trusted: bool, said: str, through_gate: bool
) -> None:
    async with serving(saying(http()), certificates.server(host, days)) as server, Gate(allow_private=True) as gate:
        tls = certificates.trusting() if trusted else None
        async with Fetcher(QUICK, gate.url if through_gate else None, tls) as fetcher:
            answer = await fetcher.get(server.address())
    assert answer.failure is Reason.CERTIFICATE
    assert re.search(said, answer.detail)
    assert server.requests == []


async def test_tls_towards_a_plain_server_is_a_connection_failure(fetcher: Fetcher) -> None:
    async with serving(saying(http())) as server:
        answer = await fetcher.get(server.address().replace("http:", "https:"))
    assert answer.failure in (Reason.CONNECTION, Reason.TIMED_OUT)


async def test_the_gate_keeps_private_hosts_out() -> None:
    async with serving(saying(http())) as server, Gate() as gate, Fetcher(QUICK, gate.url) as fetcher:
        for host in ("127.0.0.1", "localhost", "[::1]"):
            answer = await fetcher.get(server.address(host=host))
            assert (answer.failure, answer.status) == (Reason.PRIVATE_ADDRESS, None)
    assert server.requests == []
    assert gate.refused["localhost"]


async def test_the_gate_tells_a_refused_connection() -> None:
    async with serving(saying(http())) as server:
        closed = server.address()
    async with Gate(allow_private=True) as gate, Fetcher(QUICK, gate.url) as fetcher:
        answer = await fetcher.get(closed)
    assert (answer.failure, answer.detail) == (Reason.CONNECTION, "127.0.0.1: connection refused")


async def test_a_name_reaches_the_gate_as_a_name() -> None:
    asked: list[str] = []

    async def resolve(host: str, _: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    gate = Gate(allow_private=True, resolve=resolve)
    async with serving(saying(http())) as server, gate, Fetcher(QUICK, gate.url) as fetcher:
        assert (await fetcher.get(server.address(host="www.example.jp"))).status == 200
    assert asked == ["www.example.jp"]


async def test_at_most_two_requests_run_at_once_on_a_host() -> None:
    running = most = 0

    async def slow(_: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.1)
        running -= 1
        writer.write(http())

    async with serving(slow) as server, Fetcher(QUICK) as fetcher:
        await asyncio.gather(*(fetcher.get(server.address(f"/{number}")) for number in range(6)))
    assert most == 2


async def test_starts_keep_the_delay_that_a_host_asks_for(fetcher: Fetcher) -> None:
    fetcher.set_delay("127.0.0.1", 0.2)
    async with serving(saying(http())) as server:
        await asyncio.gather(*(fetcher.get(server.address(f"/{number}")) for number in range(4)))
    starts = sorted(request.at for request in server.requests)
    assert all(later - earlier > 0.12 for earlier, later in pairwise(starts))


@pytest.mark.parametrize("status", ["429 Too Many", "503 Unavailable"])
async def test_a_busy_server_is_asked_again_when_it_says(status: str) -> None:
    async with (
        serving(saying(http(status=status, Retry_After="1"), http(b"ok"))) as server,
        Fetcher(QUICK) as fetcher,
    ):
        answer = await fetcher.get(server.address())
    assert answer.body == b"ok"
    assert server.requests[1].at - server.requests[0].at > 0.95


async def test_a_busy_server_is_left_alone_by_all_requests(fetcher: Fetcher) -> None:
    async with serving(saying(http(status="503 x", Retry_After="1"), http())) as server:
        first = asyncio.create_task(fetcher.get(server.address("/1")))
        await asyncio.sleep(0.3)
        await asyncio.gather(first, fetcher.get(server.address("/2")), fetcher.get(server.address("/3")))
    assert server.requests[1].at - server.requests[0].at > 0.95


async def test_without_retry_after_the_pauses_grow(fetcher: Fetcher) -> None:
    async with serving(saying(http(status="503 x"))) as server:
        answer = await fetcher.get(server.address())
    assert (answer.status, len(server.requests)) == (503, 3)
    first, second, third = (request.at for request in server.requests)
    assert 0.04 < second - first < third - second


async def test_who_asks_for_an_hour_is_not_asked_again(fetcher: Fetcher) -> None:
    async with serving(saying(http(status="503 x", Retry_After="3600"))) as server:
        answer = await fetcher.get(server.address())
    assert (answer.status, answer.retry_after, len(server.requests)) == (503, 3600, 1)


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "500 Error"])
async def test_other_errors_are_not_asked_again(status: str) -> None:
    async with serving(saying(http(status=status))) as server, Fetcher(QUICK) as fetcher:
        await fetcher.get(server.address())
    assert len(server.requests) == 1
