"""The ways that a message goes: as mail, or as JSON to a hook. What goes wrong is said without addresses and secrets."""

import hashlib
import hmac
import json
import ssl
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.mime.text import MIMEText
from email.utils import format_datetime, formataddr, parseaddr
from typing import Any
from urllib.parse import urlsplit

import aiosmtplib
import httpx

from crawler.gate import Gate
from crawler.passage import Passage
from db.words import Channel, Telling
from reports.clean import one_line
from reports.notices.message import Message
from reports.notices.settings import Form, Hook, Mail, NoticeSettings, Security
from reports.notices.subscriptions import check_email

TIMEOUT = 30.0  # seconds for a server to take something
LONGEST = 200  # characters of what a server says that are kept
GONE = frozenset({404, 410})  # HTTP statuses of a hook that is there no more


class Undelivered(Exception):
    """A message was not taken; `final` when trying again cannot help, `away` when there was nobody to take any message."""

    def __init__(self, why: str, *, final: bool = False, away: bool = False) -> None:
        super().__init__(one_line(why)[:LONGEST])
        self.final = final
        self.away = away


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
) -> MIMEText:
    """A message as mail; no header has a line that is not ours."""
    found = MIMEText(message.text(settings.public), "plain", "utf-8")
    person, address = parseaddr(mail.sender)
    found["From"] = formataddr((person, address))
    found["To"] = check_email(recipient)
    found["Subject"] = _encoded(f"[jisweep] {message.subject}")
    found["Date"] = format_datetime(at)
    found["Message-ID"] = f"<{name}@{urlsplit(settings.public).hostname}>"  # of the second try, too
    found["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's holiday answers it
    found["Content-Language"] = message.lang
    return found


def _encoded(subject: str) -> str:
    """A subject as its header has it; encoded as a whole, since between encoded words spaces are lost."""
    return Header(one_line(subject), "utf-8", header_name="Subject").encode()


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


async def _mail(mail: Mail, found: MIMEText) -> None:
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
        raise Undelivered(type(error).__name__, away=True) from None


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
    tls = httpx.create_ssl_context(trust_env=False)
    async with (
        Gate(allow_private=hook.allow_private) as gate,
        httpx.AsyncClient(transport=Passage(gate.url, tls), trust_env=False, timeout=TIMEOUT) as client,
    ):
        try:
            answer = await client.post(hook.address, content=body, headers=headers)
        except httpx.HTTPError as error:
            if gate.why_refused(host):
                raise Undelivered("the hook's address is private, which its settings do not allow") from None
            raise Undelivered(type(error).__name__, away=True) from None
    if not answer.is_success:
        raise Undelivered(f"HTTP {answer.status_code}", final=answer.status_code in GONE)
