"""Signing in: what one origin is shown of us, and no other origin ever is.

An origin is scheme, host and port (RFC 6454). Cookies are kept narrower than RFC 6265 has them: a cookie of a whole
domain is shown to the one host that we sign in to, on its own scheme and port.
"""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape
from typing import Any, TypeVar, cast
from urllib.parse import quote

from ada_url import URL

from crawler.address import origin_of, port_of
from crawler.scope import Scope

T = TypeVar("T")
SHORTEST = 8  # characters of a secret that is blotted out: a shorter one would take ordinary text with it


@dataclass(frozen=True, kw_only=True, repr=False)
class Cookie:
    """A cookie for one origin; `expires` in seconds since 1970, None for the length of the session."""

    name: str
    value: str
    path: str = "/"
    http_only: bool = False
    same_site: str | None = None  # Strict, Lax or None
    expires: float | None = None

    def goes_to(self, path: str) -> bool:
        """Whether it is sent with a request for a path (RFC 6265 5.1.4) today."""
        below = path.startswith(self.path.removesuffix("/") + "/")
        return (path == self.path or below) and not self.expired

    @property
    def expired(self) -> bool:
        """Whether its time is over."""
        return self.expires is not None and self.expires <= time.time()


@dataclass(frozen=True, kw_only=True, repr=False)
class SignIn:
    """What we show to one origin; never printed."""

    origin: str
    headers: Mapping[str, str] = field(default_factory=dict)  # Authorization among them
    cookies: tuple[Cookie, ...] = ()
    storage: Mapping[str, str] = field(default_factory=dict)  # localStorage
    forms: frozenset[str] = frozenset()  # sign-in pages and where their forms lead, without query
    secrets: tuple[str, ...] = ()  # further spellings that must not be shown: a password within a header

    def __repr__(self) -> str:
        return f"SignIn({self.origin})"

    @property
    def has_session(self) -> bool:
        """Whether it is a session that a form began: one that may end, after which the form shows again."""
        return bool(self.cookies or self.storage)

    def headers_for(self, path: str) -> dict[str, str]:
        """The headers of a request for a path (without query), cookies among them."""
        cookies = [each for each in self.cookies if each.goes_to(path)]
        longest_first = sorted(cookies, key=lambda each: -len(each.path))
        told = "; ".join(f"{each.name}={each.value}" for each in longest_first)
        return {**self.headers, **({"Cookie": told} if told else {})}

    def browser_cookies(self) -> list[dict[str, Any]]:
        """The cookies for Chromium (CDP Network.CookieParam), bound to the origin's scheme and port."""
        secure = self.origin.startswith("https:")
        return [
            {
                "name": each.name, "value": each.value, "path": each.path, "httpOnly": each.http_only,
                "url": f"{self.origin}/", "domain": str(URL(self.origin).hostname), "secure": secure,
                "sourceScheme": "Secure" if secure else "NonSecure", "sourcePort": port_of(self.origin),
                **({"sameSite": each.same_site} if each.same_site and (secure or each.same_site != "None") else {}),
                **({"expires": each.expires} if each.expires is not None else {}),
            }
            for each in self.cookies
            if not each.expired
        ]  # fmt: skip

    def hidden(self) -> set[str]:
        """Everything that must not be shown, as it stands, in an address and in markup."""
        values = [*self.headers.values(), *self.storage.values(), *self.secrets]
        values += [each.value for each in self.cookies]
        long = {each for each in values if len(each) >= SHORTEST}
        return long | {quote(each, safe="") for each in long} | {escape(each) for each in long}


class Credentials:
    """What we show to each of some origins."""

    def __init__(self, sign_ins: Iterable[SignIn] = ()) -> None:
        self._at = {each.origin: each for each in sign_ins}
        self._hidden = sorted(
            {secret for each in self._at.values() for secret in each.hidden()}, key=len, reverse=True
        )

    def __repr__(self) -> str:
        return f"Credentials({', '.join(self.origins)})"

    def __bool__(self) -> bool:
        return bool(self._at)

    @property
    def origins(self) -> tuple[str, ...]:
        """Where they are for, in order."""
        return tuple(sorted(self._at))

    @property
    def sign_ins(self) -> tuple[SignIn, ...]:
        """All of them, in the order of their origins."""
        return tuple(self._at[origin] for origin in self.origins)

    def at(self, address: str) -> SignIn | None:
        """What is shown to the origin of a canonical address."""
        return self._at.get(origin_of(address)) if self._at else None

    def headers_for(self, address: str) -> dict[str, str]:
        """The headers that a request for a canonical address carries."""
        sign_in = self.at(address)
        return sign_in.headers_for(str(URL(address).pathname)) if sign_in else {}

    def within(self, scope: Scope) -> "Credentials":
        """Those for origins that the scope reaches: pages of a site do not get to use those of another."""
        return Credentials(each for each in self.sign_ins if scope.reaches(each.origin))

    def hide(self, value: T) -> T:
        """A JSON value in whose texts every secret is blotted out, for a page that shows what it was sent."""
        if not self._hidden:
            return value
        hidden: Any = value
        match value:
            case str():
                for secret in self._hidden:
                    hidden = hidden.replace(secret, "•••")
            case list():
                hidden = [self.hide(each) for each in value]
            case dict():
                hidden = {key: self.hide(each) for key, each in value.items()}
        return cast("T", hidden)


NONE = Credentials()
