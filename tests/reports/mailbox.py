"""Where notices arrive in tests: a mail server and hooks on loopback, which may be told to refuse."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ssl import SSLContext
from threading import Thread
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session


@dataclass
class Mailbox:
    """A running mail server, with what it took and what it is to answer."""

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    answer: str = "250 taken"
    signed_in: list[str] = field(default_factory=list)

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=default)
        assert isinstance(mail, EmailMessage)
        assert mail["To"] == ", ".join(envelope.rcpt_tos)
        self.mails.append(mail)
        return "250 taken"

    def authenticate(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, given: LoginPassword
    ) -> AuthResult:
        self.signed_in.append(f"{given.login.decode()}:{given.password.decode()}")
        return AuthResult(success=given.password == b"himitsu", handled=False)


@asynccontextmanager
async def mail_server(tls: SSLContext | None = None) -> AsyncIterator[Mailbox]:
    """A mail server on a free port; with a context by STARTTLS only, for who has signed in."""
    box = Mailbox()
    more: dict[str, Any] = {}
    if tls is not None:
        more = {
            "tls_context": tls, "require_starttls": True, "authenticator": box.authenticate, "auth_required": True,
        }  # fmt: skip
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: SMTP(box, loop=loop, **more), "127.0.0.1", 0)
    box.port = server.sockets[0].getsockname()[1]
    async with server:
        yield box


@dataclass(frozen=True, kw_only=True)
class Posted:
    """What came to a hook."""

    path: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The JSON."""
        found: dict[str, Any] = json.loads(self.body)
        return found


@dataclass
class Hooks:
    """A running server that takes JSON."""

    url: str
    posted: list[Posted] = field(default_factory=list)
    status: int = 200
    slow: float = 0.0  # seconds until it answers


@contextmanager
def hook_server() -> Iterator[Hooks]:
    """A server on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hooks.posted.append(Posted(path=self.path, headers=dict(self.headers), body=body))
            time.sleep(hooks.slow)
            self.send_response(hooks.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Quiet."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hooks = Hooks(f"http://127.0.0.1:{server.server_port}")
        thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield hooks
        finally:
            server.shutdown()
            thread.join()
