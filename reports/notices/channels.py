"""The ways that a message goes: as mail, or as JSON to a hook. What goes wrong is said without addresses and secrets."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from crawler.gate import Gate
from db.words import Channel, Telling
from reports.clean import one_line
from reports.notices.message import Message
from reports.notices.settings import Form, Hook, Mail, NoticeSettings, Security
from reports.notices.subscriptions import check_email

TIMEOUT = 30.0  # seconds for a server to take something
LONGEST = 200  # characters of what a server says that are kept
GONE = frozenset({404, 410})  # HTTP statuses of a hook that is there no more


class Undelivered(Exception):
    """A message was not taken; `final` when trying again cannot help."""

    def __init__(self, why: str, *, final: bool = False) -> None:
        super().__init__(one_line(why)[:LONGEST])
        self.final = final


async def deliver(
    settings: NoticeSettings, channel: Channel, recipient: str, message: Message, *, kind: Telling | None, name: str,
    at: datetime,
) -> None:  # fmt: skip
    """Hand a message over; `name` is the same however often it is tried. Raises Undelivered."""
    if channel is Channel.EMAIL:
        if settings.mail is None:
            raise Undelivered("the settings have no [smtp]")
        await _mail(settings.mail, letter(settings, settings.mail, recipient, message, name, at))
        return
    hook = settings.hooks.get(recipient)
    if hook is None:
        raise Undelivered("the settings have no such hook")
    await _post(hook, body_for(hook, settings.public, message, kind, name, at), at)


def letter(
    settings: NoticeSettings, mail: Mail, recipient: str, message: Message, name: str, at: datetime
) -> EmailMessage:
    """A message as mail: every header is written by the mail library, which lets no line break through."""
    found = EmailMessage(policy=SMTP)
    person, address = parseaddr(mail.sender)
    found["From"] = Address(person, addr_spec=address)
    found["To"] = Address(addr_spec=check_email(recipient))
    found["Subject"] = f"[jisweep] {message.subject}"
    found["Date"] = format_datetime(at)
    found["Message-ID"] = f"<{name}@{urlsplit(settings.public).hostname}>"  # of the second try, too
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    found["Content-Language"] = message.lang
    found.set_content(message.text(settings.public))
    return found


def body_for(
    hook: Hook, public: str, message: Message, kind: Telling | None, name: str, at: datetime
) -> Mapping[str, Any]:
    """A message as the JSON that a hook takes."""
    if hook.form is Form.SLACK:
        lines = (f"*{_plain(message.subject)}*", *map(_plain, message.lines), _plain(message.link(public)))
        return {"text": "\n".join(lines)}
    return {
        "id": name, "kind": kind.value if kind else "test", "at": at.isoformat(), "language": message.lang,
        "subject": message.subject, "lines": list(message.lines), "link": message.link(public), "facts": message.facts,
    }  # fmt: skip


def _plain(text: str) -> str:
    """Text that Slack takes for nothing else: no link, mention or command."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def signature(secret: str, moment: str, body: bytes) -> str:
    """What a receiver holds the header X-Jisweep-Signature against: HMAC-SHA256 of the moment, a dot and the body."""
    return "sha256=" + hmac.new(secret.encode(), moment.encode() + b"." + body, hashlib.sha256).hexdigest()


async def _mail(mail: Mail, found: EmailMessage) -> None:
    context = ssl.create_default_context(cafile=mail.ca_file)
    try:
        await aiosmtplib.send(
            found, hostname=mail.host, port=mail.port, username=mail.user, password=mail.password, timeout=TIMEOUT,
            use_tls=mail.security is Security.TLS, start_tls=mail.security is Security.STARTTLS, tls_context=context,
        )  # fmt: skip
    except aiosmtplib.SMTPRecipientsRefused as error:
        codes = [each.code for each in error.recipients]
        raise Undelivered(f"refused ({codes[0]})", final=all(500 <= code < 600 for code in codes)) from None
    except aiosmtplib.SMTPResponseException as error:
        raise Undelivered(f"{type(error).__name__} {error.code}") from None
    except (aiosmtplib.SMTPException, OSError) as error:
        raise Undelivered(type(error).__name__) from None


async def _post(hook: Hook, told: Mapping[str, Any], at: datetime) -> None:
    body = json.dumps(told, ensure_ascii=False).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "jisweep"}
    if hook.secret is not None:
        moment = str(int(at.timestamp()))
        headers |= {
            "X-Jisweep-Moment": moment,
            "X-Jisweep-Signature": signature(hook.secret, moment, body),
        }
    host = urlsplit(hook.address).hostname or ""
    async with AsyncExitStack() as stack:
        gate = None if hook.allow_private else await stack.enter_async_context(Gate())
        client = await stack.enter_async_context(
            httpx.AsyncClient(proxy=gate.url if gate else None, trust_env=False, timeout=TIMEOUT)
        )
        try:
            answer = await client.post(hook.address, content=body, headers=headers)
        except httpx.HTTPError as error:
            if gate and gate.why_refused(host):
                raise Undelivered("the hook's address is private, which its settings do not allow") from None
            raise Undelivered(type(error).__name__) from None
    if not answer.is_success:
        raise Undelivered(f"HTTP {answer.status_code}", final=answer.status_code in GONE)
