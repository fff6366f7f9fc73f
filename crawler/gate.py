"""The gate: a SOCKS5 proxy on loopback through which all connections go, and none to a private network.

Whatever a page names (an image, a redirect, a name that changes its address between two questions), the gate itself
resolves it, looks at the addresses, and connects to exactly the one it has looked at. SOCKS5 is RFC 1928, CONNECT
only. Addresses count as public by the IANA special-purpose registries (RFC 6890).
"""

import asyncio
import errno
import ipaddress
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from enum import IntEnum
from types import TracebackType

Resolve = Callable[[str, int], Awaitable[list[str]]]

HANDSHAKE = 10.0  # seconds until a client has said where it wants to go
RESOLVING = 10.0  # seconds for a name
CONNECTING = 10.0  # seconds for all addresses of a name
IDLE = 120.0  # seconds without a byte in either direction
CHUNK = 65_536  # bytes
REMEMBERED = 10_000  # refused hosts

_SPECIAL_4 = [ipaddress.IPv4Network(each) for each in ("192.0.0.0/24", "192.88.99.0/24", "240.0.0.0/4")]
_UNICAST_6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_6 = [ipaddress.IPv6Network(each) for each in ("2001::/23", "2001:db8::/32", "3fff::/20")]
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Forbidden(Exception):
    """A host that is, or leads to, an address of a private network. Trying again does not help."""

    def __init__(self, host: str, why: str) -> None:
        super().__init__(f"{host}: {why}")
        self.host = host
        self.why = why


class Reply(IntEnum):
    """What the gate answers (RFC 1928 6)."""

    DONE = 0
    FAILED = 1
    FORBIDDEN = 2
    UNREACHABLE = 3
    NO_SUCH_HOST = 4
    REFUSED = 5
    TIMED_OUT = 6
    NO_SUCH_COMMAND = 7
    NO_SUCH_ADDRESS_TYPE = 8


class _Unserved(Exception):
    """A request that is answered by a reply other than DONE."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.name)
        self.reply = reply


def is_public(address: str) -> bool:
    """Whether an IP address is reachable from everywhere, and so is the IPv4 address that it may carry within."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(ip, ipaddress.IPv4Address):
        return ip.is_global and not ip.is_multicast and not any(ip in network for network in _SPECIAL_4)
    carried = ip.ipv4_mapped or ip.sixtofour or (_last_four(ip) if ip in _NAT64 else None)
    if carried:
        return ip.scope_id is None and is_public(str(carried))
    ordinary = ip in _UNICAST_6 and ip.is_global and not any(ip in network for network in _SPECIAL_6)
    return ordinary and ip.scope_id is None


def _last_four(ip: ipaddress.IPv6Address) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int(ip) & 0xFFFF_FFFF)


def _spelled(host: str) -> str:
    """One spelling for each host: Python releases differ in how they write IPv4 within IPv6."""
    plain = host.strip("[]").lower()
    try:
        return ipaddress.ip_address(plain).exploded
    except ValueError:
        return plain


async def resolve_by_system(host: str, port: int) -> list[str]:
    """The IP addresses of a name or of any spelling of an address, as the system reads it; OSError when none."""
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    except UnicodeError as error:  # a label that is empty or too long
        raise socket.gaierror(socket.EAI_NONAME, str(error)) from error
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


async def public_address(host: str, port: int = 443, resolve: Resolve = resolve_by_system) -> list[str]:
    """All IP addresses of a host. Forbidden when any is private; OSError (socket.gaierror) when there is none."""
    if host.rstrip(".").lower().endswith(".localhost"):  # RFC 6761 6.3, whatever a name server says
        raise Forbidden(host, "a name of this machine has no public address")
    addresses = await resolve(host.strip("[]"), port)
    if not addresses:
        raise socket.gaierror(socket.EAI_NONAME, f"no address for {host}")
    for address in addresses:
        if not is_public(address):
            raise Forbidden(host, f"{address} is not a public address")
    return addresses


class Gate:
    """The running proxy: `async with Gate() as gate: ... proxy=gate.url`. Closing it ends all its connections."""

    def __init__(self, allow_private: bool = False, resolve: Resolve = resolve_by_system) -> None:
        """`allow_private` lets everything through; `resolve` asks another name server than the system's."""
        self.refused: dict[str, str] = {}  # host, and why it was refused
        self._allow_private = allow_private
        self._resolve = resolve
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        """What a client takes as its proxy setting."""
        if self._server is None:
            raise RuntimeError("the gate is not open")
        return f"socks5://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    def why_refused(self, host: str) -> str:
        """Why a host, in whatever spelling a client has for it, was refused; empty when it was not."""
        return self.refused.get(_spelled(host), "")

    async def __aenter__(self) -> "Gate":
        """Listen on a free port of the loopback interface."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop listening and end what is still open."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._server is None or not self._server.is_serving():  # accepted while the gate was being closed
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # a task that is cancelled before it began closes nothing

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection of a client, from its first byte to its last."""
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, _Unserved):
            async with _closing(writer):
                host, port = await self._asked_for(reader, writer)
                far_reader, far_writer = await self._connected(host, port, writer)
                async with _closing(far_writer):
                    await _answer(writer, Reply.DONE)
                    await _pump_both(reader, writer, far_reader, far_writer)

    async def _asked_for(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[str, int]:
        async with asyncio.timeout(HANDSHAKE):
            try:
                await _greet(reader, writer)
                return await _read_request(reader)
            except _Unserved as error:
                await _answer(writer, error.reply)
                raise

    async def _connected(
        self, host: str, port: int, writer: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the host; when there is none, the client is told why."""
        try:
            return await _connect(await self._addresses(host, port), port)
        except Forbidden as error:
            if len(self.refused) < REMEMBERED:
                self.refused[_spelled(error.host)] = error.why
            reply = Reply.FORBIDDEN
        except socket.gaierror:
            reply = Reply.NO_SUCH_HOST
        except (OSError, TimeoutError) as error:
            reply = _reply_to(error)
        await _answer(writer, reply)
        raise _Unserved(reply)

    async def _addresses(self, host: str, port: int) -> list[str]:
        async with asyncio.timeout(RESOLVING):
            if self._allow_private:
                return await self._resolve(host, port)
            return await public_address(host, port, self._resolve)


async def _greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Agree on no authentication; ConnectionError when the client does not speak SOCKS5 or wants to give a name."""
    if await reader.readexactly(1) != b"\x05":
        raise ConnectionError("not SOCKS5")
    methods = await reader.readexactly((await reader.readexactly(1))[0])
    writer.write(b"\x05\x00" if 0 in methods else b"\x05\xff")
    await writer.drain()
    if 0 not in methods:
        raise ConnectionError("no method in common")


async def _read_request(reader: asyncio.StreamReader) -> tuple[str, int]:
    """Host and port that a client wants to reach."""
    version, command, _, kind = await reader.readexactly(4)
    if kind == 1:
        host = str(ipaddress.IPv4Address(await reader.readexactly(4)))
    elif kind == 4:
        host = str(ipaddress.IPv6Address(await reader.readexactly(16)))
    elif kind == 3:
        name = await reader.readexactly((await reader.readexactly(1))[0])
        host = name.decode("ascii", "replace").lower()
    else:
        raise _Unserved(Reply.NO_SUCH_ADDRESS_TYPE)
    port = int.from_bytes(await reader.readexactly(2), "big")
    if version != 5 or command != 1:
        raise _Unserved(Reply.NO_SUCH_COMMAND)
    return host, port


async def _answer(writer: asyncio.StreamWriter, reply: Reply) -> None:
    writer.write(bytes((5, reply, 0, 1)) + bytes(6))
    await writer.drain()


async def _connect(addresses: list[str], port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to the first address that takes one; each has its share of the time."""
    last: OSError | TimeoutError = OSError("no address")
    for address in addresses:
        try:
            async with asyncio.timeout(CONNECTING / len(addresses)):
                return await asyncio.open_connection(address, port)
        except (OSError, TimeoutError) as error:
            last = error
    raise last


def _reply_to(error: OSError | TimeoutError) -> Reply:
    if isinstance(error, TimeoutError):
        return Reply.TIMED_OUT
    if isinstance(error, ConnectionRefusedError):
        return Reply.REFUSED
    unreachable = error.errno in (errno.ENETUNREACH, errno.EHOSTUNREACH)
    return Reply.UNREACHABLE if unreachable else Reply.FAILED


async def _pump_both(
    reader: asyncio.StreamReader,
    writer: asyncio.StreamWriter,
    far_reader: asyncio.StreamReader,
    far_writer: asyncio.StreamWriter,
) -> None:
    """Carry bytes both ways until both sides are done, one breaks off, or nothing moves for IDLE seconds."""
    with suppress(ExceptionGroup):
        async with asyncio.timeout(IDLE) as idle, asyncio.TaskGroup() as ways:
            ways.create_task(_pump(reader, far_writer, idle))
            ways.create_task(_pump(far_reader, writer, idle))


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter, idle: asyncio.Timeout) -> None:
    while chunk := await source.read(CHUNK):
        idle.reschedule(asyncio.get_running_loop().time() + IDLE)
        sink.write(chunk)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()


@asynccontextmanager
async def _closing(writer: asyncio.StreamWriter) -> AsyncIterator[None]:
    try:
        yield
    finally:
        writer.close()
        with suppress(OSError):
            await writer.wait_closed()
