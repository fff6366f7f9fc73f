"""Credentials: the file that names what signs us in, by origin, and the recorded sign-ins beside it.

    ["https://staging.example.lg.jp"]
    basic = { user = "kensa", password = { env = "STAGING_PASSWORD" } }
    headers = { X-Preview = { file = "token.txt" } }
    cookies = { preview = "yes" }
    storage_state = "staging.json"
    sign_in = ["https://staging.example.lg.jp/login"]

A secret stands as a string, or in an environment variable, or in a file; a password that is left out is asked for.
Nothing of the contents is ever part of a message.
"""

import base64
import json
import os
import re
import stat
import sys
import tomllib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ada_url import URL

from crawler.address import canonical, host_of, origin_of
from crawler.signed_out import without_query
from crawler.signing_in import Cookie, Credentials, SignIn
from db.errors import UsageError

Ask = Callable[[str, str], str]  # origin and user → password
Wanted = Callable[[str], bool]  # whether an origin matters now; of others no secret is looked up

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_VALUE = re.compile(r"[\x20-\x7e]*")
_COOKIE_VALUE = re.compile(
    r"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*|\"[\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]*\""
)
_KEYS = {"basic", "headers", "cookies", "storage_state", "sign_in"}
# Headers that say how a request travels; `Cookie` has a place of its own
_NOT_OURS = {"cookie", "host", "connection", "content-length", "transfer-encoding", "te", "trailer", "upgrade"}


class _Wrong(Exception):
    """What is wrong, at which key; without any value."""

    def __init__(self, key: str, ja: str, en: str) -> None:
        super().__init__(en)
        self.key, self.ja, self.en = key, ja, en


def read_credentials(path: Path, ask: Ask, wanted: Wanted) -> Credentials:
    """The credentials that a file holds for wanted origins. Raises UsageError: file and key, and no value."""
    text = read_private(path)
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise _no_toml(path, error) from None  # the error itself may quote what it could not read
    with _said_about(path):
        return Credentials(
            _sign_in(key, table, path.parent, ask) for key, table in tables.items() if wanted(_origin(key))
        )


def read_private(path: Path) -> str:
    """The text of a file that nobody else may read. Raises UsageError."""
    try:
        mode = path.stat().st_mode
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "UTF-8?"
        raise UsageError(
            ja=f"サインインのファイル {path} を読めません（{why}）。場所と権限を確かめてください。",
            en=f"The sign-in file {path} cannot be read ({why}): check where it is and who may read it.",
        ) from None
    if sys.platform != "win32" and stat.S_IMODE(mode) & 0o077:
        raise UsageError(
            ja=f"サインインのファイル {path} を他の利用者も読めます。chmod 600 {path} を実行してください。",
            en=f"The sign-in file {path} can be read by others: run chmod 600 {path}.",
        )
    return text


def read_state(path: Path, origin: str) -> SignIn:
    """What a recorded sign-in (Playwright's storage state, JSON) holds for an origin. Raises UsageError."""
    with _said_about(path):
        found = _narrowed(_json_object(read_private(path)), origin)
        if not found.has_session:
            raise _Wrong("storage_state", f"{origin} のものがありません", f"it holds nothing for {origin}")
        return found


def narrow_state(path: Path, origin: str) -> dict[str, Any]:
    """The part of a storage state in a file that an origin is shown. Raises UsageError, also when there is none."""
    with _said_about(path):
        return narrow(_json_object(read_private(path)), origin)


def narrow(state: Mapping[str, Any], origin: str) -> dict[str, Any]:
    """The part of a storage state that an origin is shown, and whose it is. UsageError when nothing in it signs in."""
    found = _narrowed(state, origin)
    if not found.has_session:
        raise UsageError(
            ja=f"{origin} のクッキーも localStorage もありません。サインインしてから記録してください。",
            en=f"There is no cookie and no localStorage of {origin}: sign in before you record.",
        )
    return {
        "origin": origin,
        "sign_in": sorted(found.forms),
        "cookies": [each for each in state.get("cookies", ()) if _is_for(each, origin)],
        "origins": [each for each in state.get("origins", ()) if each["origin"] == origin],
    }


def _narrowed(state: Mapping[str, Any], origin: str) -> SignIn:
    try:
        return _shown(state, origin)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _Wrong(
            "storage_state",
            "Playwright の storage state（JSON）ではありません",
            "it is no storage state of Playwright (JSON)",
        ) from None


def _shown(state: Mapping[str, Any], origin: str) -> SignIn:
    mine = [each for each in state.get("origins", ()) if each["origin"] == origin]
    if any(each.get("indexedDB") for each in mine):
        raise _Wrong(
            "indexedDB", "IndexedDB のサインインには対応していません", "a sign-in in IndexedDB cannot be used"
        )
    return SignIn(
        origin=origin,
        cookies=tuple(_cookie(each) for each in state.get("cookies", ()) if _is_for(each, origin)),
        storage={each["name"]: each["value"] for one in mine for each in one.get("localStorage", ())},
        forms=frozenset(_forms(state.get("sign_in", ()))),
    )


def recorded(folder: Path, wanted: Wanted) -> Credentials:
    """The sign-ins that were recorded into a folder, one file for each origin. Raises UsageError."""
    found = ((path, _origin_in(path)) for path in sorted(folder.glob("*.json")))
    return Credentials(read_state(path, origin) for path, origin in found if wanted(origin))


def place_of(folder: Path, origin: str) -> Path:
    """The file in which the recorded sign-in of an origin is kept."""
    url = URL(origin)
    port = f"_{url.port}" if url.port else ""
    return folder / f"{url.protocol[:-1]}_{str(url.hostname).replace(':', '-')}{port}.json"


def _origin_in(path: Path) -> str:
    found = _json_object(read_private(path)).get("origin")
    address = canonical(found) if isinstance(found, str) else None
    if address is None:
        raise UsageError(
            ja=f"記録したサインイン {path} が壊れています。消して、jisweep sign-in で記録し直してください。",
            en=f"The recorded sign-in {path} is damaged: remove it and record it again with jisweep sign-in.",
        )
    return origin_of(address)


def _json_object(text: str) -> dict[str, Any]:
    """The JSON object of a text; when there is none, one that is no storage state."""
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    return found if isinstance(found, dict) else {"cookies": None}


@contextmanager
def _said_about(path: Path) -> Iterator[None]:
    try:
        yield
    except _Wrong as wrong:
        raise UsageError(
            ja=f"サインインのファイル {path} の {wrong.key}: {wrong.ja}。",
            en=f"In the sign-in file {path}, {wrong.key}: {wrong.en}.",
        ) from None


def _no_toml(path: Path, error: tomllib.TOMLDecodeError) -> UsageError:
    found = re.search(r"\(at (line \d+, column \d+|end of document)\)", str(error))
    place = found[1] if found else "?"
    return UsageError(
        ja=f"サインインのファイル {path} は TOML として読めません（{place}）。",
        en=f"The sign-in file {path} is no TOML ({place}).",
    )


@dataclass(frozen=True, kw_only=True)
class _Table:
    """One origin's part of the file."""

    origin: str
    keys: Mapping[str, Any]
    folder: Path
    ask: Ask


def _sign_in(key: str, keys: Any, folder: Path, ask: Ask) -> SignIn:
    table = _Table(origin=_origin(key), keys=_mapping(key, keys), folder=folder, ask=ask)
    for each in table.keys.keys() - _KEYS:
        raise _Wrong(
            f'"{key}".{each}', f"使えるのは {'、'.join(sorted(_KEYS))}", f"known are {', '.join(sorted(_KEYS))}"
        )
    state = _state(table)
    basic, secrets = _basic(table)
    cookies = [
        Cookie(name=_name("cookies", name), value=_matching(table, f"cookies.{name}", value, _COOKIE_VALUE))
        for name, value in _mapping("cookies", table.keys.get("cookies", {})).items()
    ]
    told = table.keys.get("sign_in", ())
    return replace(
        state,
        headers={**basic, **_headers(table)},
        cookies=(*state.cookies, *cookies),
        forms=state.forms | frozenset(_forms([told] if isinstance(told, str) else told)),
        secrets=secrets,
    )


def _origin(key: str) -> str:
    address = canonical(key)
    if address is None or key.rstrip("/") != origin_of(address):
        raise _Wrong(
            f'"{key if "@" not in key else "…@…"}"',
            'オリジンではありません（例: "https://staging.example.lg.jp"）',
            'it is no origin, such as "https://staging.example.lg.jp"',
        )
    return origin_of(address)


def _state(table: _Table) -> SignIn:
    named = table.keys.get("storage_state")
    if named is None:
        return SignIn(origin=table.origin)
    if not isinstance(named, str):
        raise _Wrong("storage_state", "ファイルの名前が要ります", "it has to be the name of a file")
    return read_state(table.folder / named, table.origin)


def _basic(table: _Table) -> tuple[dict[str, str], tuple[str, ...]]:
    """The header of Basic authentication (RFC 7617, in UTF-8), and what it hides."""
    given = table.keys.get("basic")
    if given is None:
        return {}, ()
    basic = _mapping("basic", given)
    user = basic.get("user")
    if not isinstance(user, str) or not user or ":" in user or basic.keys() - {"user", "password"}:
        raise _Wrong(
            "basic", '{ user = "…", password = … } が要ります', 'it has to be { user = "…", password = … }'
        )
    password = _secret(table, "basic.password", basic["password"]) if "password" in basic else ""
    password = password or table.ask(table.origin, user)
    coded = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return {"Authorization": f"Basic {coded}"}, (password, coded)


def _headers(table: _Table) -> dict[str, str]:
    found = {}
    for name, value in _mapping("headers", table.keys.get("headers", {})).items():
        if _name("headers", name).lower() in _NOT_OURS:
            raise _Wrong(f"headers.{name}", "このヘッダーは指定できません", "this header cannot be given")
        found[name] = _matching(table, f"headers.{name}", value, _VALUE)
    return found


def _name(key: str, name: str) -> str:
    if not _TOKEN.fullmatch(name):
        raise _Wrong(key, "名前に使えない文字があります", "a name has characters that it cannot have")
    return name


def _matching(table: _Table, key: str, value: Any, allowed: re.Pattern[str]) -> str:
    secret = _secret(table, key, value)
    if not allowed.fullmatch(secret):
        raise _Wrong(key, "値に使えない文字があります", "the value has characters that it cannot have")
    return secret


def _secret(table: _Table, key: str, value: Any) -> str:
    """A secret as it stands, from the environment, or from a file without the line's end."""
    match value:
        case str():
            return value
        case {"env": str(name), **rest} if not rest:
            if name not in os.environ:
                raise _Wrong(key, f"環境変数 {name} がありません", f"the environment variable {name} is not set")
            return os.environ[name]
        case {"file": str(name), **rest} if not rest:
            return read_private(table.folder / name).removesuffix("\n").removesuffix("\r")
    raise _Wrong(
        key,
        '文字列か { env = "変数" } か { file = "ファイル" } が要ります',
        'it has to be a string, { env = "VARIABLE" } or { file = "FILE" }',
    )


def _mapping(key: str, value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise _Wrong(key, "表（{ … }）が要ります", "it has to be a table { … }")
    return value


def _forms(given: Any) -> Iterator[str]:
    addresses = [canonical(each) if isinstance(each, str) else None for each in given]
    if None in addresses:
        raise _Wrong("sign_in", "https:// から始まるアドレスが要ります", "it has to be an address from https:// on")
    yield from (without_query(each) for each in addresses if each)


def _is_for(cookie: Mapping[str, Any], origin: str) -> bool:
    """Whether a browser would show a recorded cookie to an origin (RFC 6265 5.1.3)."""
    host, domain = host_of(f"{origin}/"), cookie["domain"].lower()
    belongs = host == domain or (domain.startswith(".") and f".{host}".endswith(domain))
    return belongs and (origin.startswith("https:") or not cookie.get("secure"))


def _cookie(told: Mapping[str, Any]) -> Cookie:
    expires = told.get("expires")
    name, value = told["name"], told["value"]
    if not _TOKEN.fullmatch(name) or not _VALUE.fullmatch(value):
        raise ValueError
    return Cookie(
        name=name, value=value, path=told.get("path") or "/", http_only=bool(told.get("httpOnly")),
        same_site=told.get("sameSite"), expires=float(expires) if expires and expires > 0 else None,
    )  # fmt: skip
