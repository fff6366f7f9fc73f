"""How notices go out, read from a TOML file: the mail server, the hooks that take JSON, and the quiet hours.

Secrets lie in files of their own, which nobody else may read, and are in no row, line or log.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import parseaddr
from enum import StrEnum
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from crawler.credentials import read_private
from crawler.windows import Windows
from db.errors import UsageError
from db.words import Telling

QUIET = "20:00-08:00"  # by Tokyo's clock
URGENT = (Telling.FAILED, Telling.SUSPECT)  # may go out in quiet hours, where the file says so
KEYS: Mapping[str, frozenset[str]] = {
    "smtp": frozenset({"host", "port", "security", "user", "password_file", "from", "ca_file"}),
    "quiet": frozenset({"hours", "urgent"}),
    "hook": frozenset({"form", "address", "address_file", "secret_file", "allow_private"}),
}


class Security(StrEnum):
    """How the connection to the mail server is kept private."""

    TLS = "tls"  # from the first byte on
    STARTTLS = "starttls"
    NONE = "none"  # to a server on this machine


class Form(StrEnum):
    """The JSON that a hook takes."""

    JSON = "json"  # ours, signed
    SLACK = "slack"  # {"text": …}, as Slack, Mattermost and others do


@dataclass(frozen=True, kw_only=True)
class Mail:
    """The server that takes our mail."""

    host: str
    port: int
    security: Security
    sender: str  # as the From header has it
    user: str | None = None
    password: str | None = field(default=None, repr=False)
    ca_file: str | None = None  # certificates to believe, where the server's own is not of a public authority


@dataclass(frozen=True, kw_only=True)
class Hook:
    """An address that takes JSON. The address may be a secret itself."""

    name: str
    form: Form
    address: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)  # signs what is sent
    allow_private: bool = False  # it lies in one's own network


@dataclass(frozen=True, kw_only=True)
class NoticeSettings:
    """What sending notices needs."""

    public: str  # where readers reach the application: links begin with it
    mail: Mail | None = None
    hooks: Mapping[str, Hook] = field(default_factory=dict)
    quiet: Windows | None = None  # None: no hours are quiet
    urgent: bool = False  # of a sweep that failed, or is suspect, people are told in quiet hours, too


def read_notices(path: Path, public: str) -> NoticeSettings:
    """The settings of a file. Raises UsageError naming what is wrong with it."""
    try:
        told = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise _wrong(path, str(error), str(error)) from None
    if unknown := sorted(told.keys() - KEYS.keys()):
        raise _wrong(path, f"{unknown[0]} という項目はありません", f"there is no {unknown[0]}")
    mail, quiet, hooks = (_table(path, told, name) for name in ("smtp", "quiet", "hook"))
    _check_keys(path, "smtp", mail)
    _check_keys(path, "quiet", quiet)
    return NoticeSettings(
        public=public, mail=_mail(path, mail) if mail else None, quiet=_quiet(path, quiet),
        urgent=_truth(path, quiet, "urgent"), hooks={name: _hook(path, name, each) for name, each in hooks.items()},
    )  # fmt: skip


def _mail(path: Path, told: dict[str, Any]) -> Mail:
    security = _text(path, told, "security", Security.STARTTLS)
    if security not in set(Security):
        raise _wrong(path, "security は starttls、tls、none のどれかです", "security is starttls, tls or none")
    host, user, sender = (_text(path, told, name, "") for name in ("host", "user", "from"))
    if not host or "@" not in parseaddr(sender)[1] or not sender.isprintable():
        raise _wrong(path, "[smtp] には host と from が要ります", "[smtp] needs a host and from")
    if security == Security.NONE and (user or host not in ("localhost", "127.0.0.1", "::1")):
        raise _wrong(
            path, "security = none は、この機械のサーバーに、user なしでだけ使えます",
            "security = none serves a server on this machine only, without a user",
        )  # fmt: skip
    port = told.get("port", {"tls": 465, "starttls": 587, "none": 25}[security])
    if not isinstance(port, int) or not 0 < port < 65536:
        raise _wrong(path, "port は 1 から 65535 の整数です", "the port is a whole number from 1 to 65535")
    ca_file = _text(path, told, "ca_file", "")
    return Mail(
        host=host, port=port, security=Security(security), sender=sender, user=user or None,
        password=_secret(path, told, "password_file") if user else None,
        ca_file=str(path.parent / ca_file) if ca_file else None,
    )  # fmt: skip


def _hook(path: Path, name: str, told: Any) -> Hook:
    if not isinstance(told, dict):
        raise _wrong(path, f"[hook.{name}] の形で書いてください", f"write it as [hook.{name}]")
    _check_keys(path, "hook", told)
    form = _text(path, told, "form", Form.JSON)
    if form not in set(Form):
        raise _wrong(path, "form は json か slack です", "the form is json or slack")
    address = _secret(path, told, "address_file") if "address_file" in told else _text(path, told, "address", "")
    allow_private = _truth(path, told, "allow_private")
    if not _is_web(address, plain=allow_private):
        raise _wrong(
            path,
            f"[hook.{name}] のアドレスは https で書いてください",
            f"the address of [hook.{name}] has to be https",
        )
    if form == Form.JSON and "secret_file" not in told:
        raise _wrong(path, f"[hook.{name}] には secret_file が要ります", f"[hook.{name}] needs a secret_file")
    secret = _secret(path, told, "secret_file") if "secret_file" in told else None
    return Hook(name=name, form=Form(form), address=address, secret=secret, allow_private=allow_private)


def _is_web(address: str, *, plain: bool) -> bool:
    """Whether something may be sent there; by http only within one's own network."""
    try:
        parts = urlsplit(address)
        usable = bool(parts.hostname) and parts.port != 0 and "@" not in parts.netloc
    except ValueError:
        return False
    return usable and address.isprintable() and parts.scheme in (("https", "http") if plain else ("https",))


def _quiet(path: Path, told: dict[str, Any]) -> Windows | None:
    try:
        found = Windows.parse(_text(path, told, "hours", QUIET))
    except ValueError as error:
        raise _wrong(path, f"hours が読めません: {error}", f"hours cannot be read: {error}") from None
    return found if found.hours else None


def _table(path: Path, told: dict[str, Any], name: str) -> dict[str, Any]:
    found = told.get(name, {})
    if not isinstance(found, dict):
        raise _wrong(path, f"[{name}] の形で書いてください", f"write it as [{name}]")
    return found


def _check_keys(path: Path, name: str, told: dict[str, Any]) -> None:
    if unknown := sorted(told.keys() - KEYS[name]):
        raise _wrong(path, f"[{name}] に {unknown[0]} という項目はありません", f"[{name}] has no {unknown[0]}")


def _text(path: Path, told: dict[str, Any], name: str, usual: str) -> str:
    found = told.get(name, usual)
    if not isinstance(found, str):
        raise _wrong(path, f"{name} は文字列で書いてください", f"{name} has to be a text")
    return found


def _truth(path: Path, told: dict[str, Any], name: str) -> bool:
    found = told.get(name, False)
    if not isinstance(found, bool):
        raise _wrong(path, f"{name} は true か false です", f"{name} is true or false")
    return found


def _secret(path: Path, told: dict[str, Any], name: str) -> str:
    """The one line of a file that nobody else may read. Raises UsageError."""
    where = _text(path, told, name, "")
    found = read_private(path.parent / where).strip() if where else ""
    if not found:
        raise _wrong(path, f"{name} が要ります（空でないファイル）", f"{name} has to name a file that is not empty")
    return found


def _wrong(path: Path, ja: str, en: str) -> UsageError:
    return UsageError(ja=f"--notices {path} を使えません: {ja}。", en=f"--notices {path} cannot be used: {en}.")
