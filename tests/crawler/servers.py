"""Real servers on loopback for the tests: they say exactly the bytes that a test gives them."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Script = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass(kw_only=True)
class Request:
    """What a client asked for."""

    path: str
    headers: dict[str, str]  # names in lower case
    at: float  # seconds, of the event loop


@dataclass(kw_only=True)
class Server:
    """A running server and the requests that it got."""

    port: int
    scheme: str = "http"
    host: str = "127.0.0.1"
    requests: list[Request] = field(default_factory=list)

    def address(self, path: str = "/", host: str = "") -> str:
        return f"{self.scheme}://{host or self.host}:{self.port}{path}"


@asynccontextmanager
async def serving(
    script: Script, tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
) -> AsyncIterator[Server]:
    """A server that lets `script` answer each request, and then closes the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                request = await _read(reader)
                served.requests.append(request)
                await script(request, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not server.is_serving():  # accepted while it was being closed
            writer.close()
            return
        task = asyncio.get_running_loop().create_task(answer(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
        task.add_done_callback(lambda _: writer.close())  # a task that is cancelled before it began closes nothing

    server = await asyncio.start_server(accept, host, 0, ssl=tls)
    served = Server(host=host, port=server.sockets[0].getsockname()[1], scheme="https" if tls else "http")
    try:
        yield served
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await server.wait_closed()
        for _ in range(3):  # turns of the loop in which what was accepted at the last moment is closed
            await asyncio.sleep(0)


async def _read(reader: asyncio.StreamReader) -> Request:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:])}
    return Request(path=head[0].split(" ")[1], headers=headers, at=asyncio.get_running_loop().time())


def saying(*answers: bytes) -> Script:
    """A script that gives these answers one after the other, and the last one ever after."""
    left = list(answers)

    async def script(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(left.pop(0) if len(left) > 1 else left[0])
        await writer.drain()

    return script


def http(
    body: bytes = b"<p>x", status: str = "200 OK", content_type: str | None = "text/html", **headers: str
) -> bytes:
    """The bytes of an HTTP answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"Content-Type: {content_type}"] if content_type else []
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


@dataclass(frozen=True, kw_only=True)
class Certificates:
    """An authority of the tests."""

    folder: Path
    key: ec.EllipticCurvePrivateKey
    own: x509.Certificate

    @classmethod
    def of(cls, folder: Path) -> "Certificates":
        key = ec.generate_private_key(ec.SECP256R1())
        name = _named("Test Authority")
        own = (
            _builder(name, name, key, days=30)
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .sign(key, hashes.SHA256())
        )
        return cls(folder=folder, key=key, own=own)

    def trusting(self) -> ssl.SSLContext:
        """What a client needs to trust this authority."""
        return ssl.create_default_context(cadata=self.own.public_bytes(serialization.Encoding.PEM).decode())

    def server(self, host: str = "127.0.0.1", days: int = 30) -> ssl.SSLContext:
        """What a server needs: a certificate for a host that ends in so many days."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.IPAddress(ip_address(host)) if host[0].isdigit() else x509.DNSName(host)
        authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        certificate = (
            _builder(_named(host), self.own.subject, key, days)
            .add_extension(x509.SubjectAlternativeName([names]), critical=False)
            .add_extension(authority, critical=False)
            .sign(self.key, hashes.SHA256())
        )
        path = self.folder / f"{host}{days}.pem"
        path.write_bytes(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            + certificate.public_bytes(serialization.Encoding.PEM)
        )
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(path)
        return context


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, days: int
) -> x509.CertificateBuilder:
    ends = datetime.now(UTC) + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(ends - timedelta(days=60))
        .not_valid_after(ends)
    )


def _usage() -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True, key_cert_sign=True, crl_sign=True, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
