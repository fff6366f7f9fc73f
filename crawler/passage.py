"""The passage through a gate: an httpx transport whose connections all begin with SOCKS5 (RFC 1928).

httpx can do SOCKS5 itself, but tells why a proxy refused in words only, and leaves the connection open then.
"""

import socket
import ssl
from collections.abc import Iterable
from urllib.parse import urlsplit

import httpcore
import httpx

from crawler.gate import Forbidden, Reply


class Passage(httpx.AsyncHTTPTransport):
    """A transport for httpx.AsyncClient that reaches every host by way of the gate."""

    def __init__(self, gate: str, tls: ssl.SSLContext) -> None:
        """`gate` is a Gate's url; ValueError when it is not a socks5 address with a port."""
        super().__init__(verify=tls, trust_env=False)
        parts = urlsplit(gate)
        if parts.scheme != "socks5" or not parts.hostname or not parts.port:
            raise ValueError(f"not the address of a gate: {gate!r}")
        self._pool = httpcore.AsyncConnectionPool(
            ssl_context=tls,
            max_connections=None,
            max_keepalive_connections=20,
            keepalive_expiry=5.0,
            network_backend=_Backend(parts.hostname, parts.port),
        )


class _Backend(httpcore.AsyncNetworkBackend):
    """Opens connections to hosts by asking the gate for them."""

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._network = httpcore.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """A connection that the gate has made; ConnectError, caused by the gate's reason, when it has not."""
        stream = await self._network.connect_tcp(self._host, self._port, timeout, local_address, socket_options)
        try:
            await _ask_for(stream, host, port, timeout)
        except BaseException as error:
            await stream.aclose()
            if isinstance(error, Forbidden | OSError):
                raise httpcore.ConnectError(str(error)) from error
            raise
        return stream


async def _ask_for(stream: httpcore.AsyncNetworkStream, host: str, port: int, timeout: float | None) -> None:
    name = host.strip("[]").encode("ascii")
    await stream.write(b"\x05\x01\x00", timeout)
    await _exactly(stream, 2, timeout)
    await stream.write(bytes((5, 1, 0, 3, len(name))) + name + port.to_bytes(2, "big"), timeout)
    reply = (await _exactly(stream, 10, timeout))[1]
    if reply != Reply.DONE:
        raise _error(reply, host)


async def _exactly(stream: httpcore.AsyncNetworkStream, count: int, timeout: float | None) -> bytes:
    received = b""
    while len(received) < count:
        chunk = await stream.read(count - len(received), timeout)
        if not chunk:
            raise httpcore.ConnectError("the gate closed the connection")
        received += chunk
    return received


def _error(reply: int, host: str) -> Exception:
    """What the gate's reply would have been, had we connected ourselves."""
    if reply == Reply.FORBIDDEN:
        return Forbidden(host, "the host is on a private network")
    if reply == Reply.NO_SUCH_HOST:
        return socket.gaierror(socket.EAI_NONAME, f"{host} is not known")
    if reply == Reply.TIMED_OUT:
        return TimeoutError(f"{host} took no connection in time")
    said = {Reply.REFUSED: "connection refused", Reply.UNREACHABLE: "network unreachable"}
    return ConnectionError(f"{host}: {said.get(Reply(reply), 'connection failed')}")
