"""What robots.txt allows us (RFC 9309).

Paths are matched here as well: protego takes all escapes that are no UTF-8 (the paths of Shift_JIS sites) for one,
counts a rule's octets only after it has escaped them, and lets `/index.html` speak for `/`.
"""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial

from crawler.address import canonical, path_of
from crawler.wildcards import fits
from db.words import Reason

MAX_BYTES = 500 * 1024  # RFC 9309 2.5
DAY, SOON = 24 * 3600.0, 600.0  # seconds
LONGEST_DELAY = 60.0  # seconds; a crawl-delay beyond it would keep us out without saying so

_LINE = re.compile(rb"[\r\n]+")
_TOKEN = re.compile(r"\*(?=\s|$)|[A-Za-z_-]+")
_RELATIVE = re.compile(r"\.{0,2}/\S+|[^\s:]+\.(?:xml|txt|gz|rss|atom)", re.IGNORECASE)  # of a sitemap
_OCTET = re.compile(r"%([0-9A-Fa-f]{2})|([\x00-\x20\x7f-\xff])")
_FIELDS = {
    "user-agent": "agent", "useragent": "agent", "user agent": "agent", "allow": "allow",
    "disallow": "disallow", "dissallow": "disallow", "dissalow": "disallow", "disalow": "disallow",
    "diasllow": "disallow", "disallaw": "disallow", "crawl-delay": "delay", "crawl delay": "delay",
    "sitemap": "sitemap", "site-map": "sitemap", "sitemaps": "sitemap",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class _Rule:
    """One line that allows or disallows a path."""

    allows: bool
    parts: tuple[str, ...]  # of the path, between its stars
    anchored: bool  # the path ends with "$"
    octets: int  # of the path: the longest rule decides

    @classmethod
    def of(cls, verb: str, path: str) -> "_Rule":
        """The rule that a line says: "allow" or "disallow", and its path, an octet each character."""
        anchored = path.endswith("$")
        spelled = _spelled(path.removesuffix("$"))
        return cls(
            allows=verb == "allow",
            parts=tuple(spelled.split("*")),
            anchored=anchored,
            octets=len(spelled) + anchored,
        )


@dataclass(kw_only=True)
class _Group:
    """Rules in a row, and whom they are for."""

    agents: set[str] = field(default_factory=set)
    rules: list[tuple[str, str]] = field(default_factory=list)  # "allow" or "disallow", path
    delays: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Robots:
    """The rules of one origin for one crawler."""

    rules: tuple[_Rule, ...] = ()  # the first that matches decides
    reachable: bool = True  # False: an answer of 5xx or none at all, and everything is disallowed
    nowhere: Reason | None = None  # why nothing at all can be had of the origin, where that is known
    crawl_delay: float | None = None  # seconds between two requests
    sitemaps: tuple[str, ...] = ()  # canonical
    cut: bool = False  # it is longer than MAX_BYTES: rules and sitemaps behind were not read
    read_at: float = field(default_factory=time.monotonic)  # seconds

    @property
    def is_stale(self) -> bool:
        """Whether it is to be asked for again: after a day (RFC 9309 2.4), sooner when it could not be had."""
        return time.monotonic() - self.read_at > (DAY if self.reachable else SOON)

    @classmethod
    def from_answer(cls, status: int | None, body: bytes, agent: str, at: str | None = None) -> "Robots":
        """The rules for `agent`, a product token or the User-Agent that begins with it (RFC 9309 2.3.1).

        2xx is read, 3xx and 4xx allow everything; anything else, or no answer (None), disallows everything.
        Sitemaps that are not named in full are looked for from `at`, the file's own address.
        """
        if status is None or not 200 <= status < 500:
            return cls(reachable=False)
        return _read(body if status < 300 else b"", agent, at)

    @property
    def reason(self) -> Reason:
        """Why an address that is not allowed is not: of a host that is not there, its robots.txt is not what ails it."""
        return Reason.ROBOTS if self.reachable else self.nowhere or Reason.ROBOTS_UNREACHABLE

    def allows(self, address: str) -> bool:
        """Whether a canonical address may be asked for."""
        path = _spelled(path_of(address)).replace("*", "%2A")
        if not self.reachable or path.partition("?")[0] == "/robots.txt":
            return self.reachable
        return next((rule.allows for rule in self.rules if fits(path, rule.parts, rule.anchored)), True)


def _read(body: bytes, agent: str, at: str | None) -> Robots:
    lines = list(_lines(body))
    groups = list(_groups(lines))
    named = _TOKEN.match(agent)
    token = named[0].lower() if named else ""
    ours = [group for group in groups if token in group.agents] or [g for g in groups if "*" in g.agents]
    rules = [_Rule.of(verb, path) for group in ours for verb, path in group.rules if path]
    declared = (
        canonical(value, at if _RELATIVE.fullmatch(value) else None) for name, value in lines if name == "sitemap"
    )
    return Robots(
        # The longest decides, and allow when two are equal (RFC 9309 2.2.2).
        rules=tuple(sorted(rules, key=lambda rule: (-rule.octets, not rule.allows))),
        crawl_delay=max((delay for group in ours for delay in group.delays), default=None),
        sitemaps=tuple(dict.fromkeys(address for address in declared if address)),
        cut=len(body) > MAX_BYTES,
    )


def _lines(body: bytes) -> Iterator[tuple[str, str]]:
    """Field and value of every line that we know, without comments."""
    if len(body) > MAX_BYTES:
        ends = max(body.rfind(b"\n", 0, MAX_BYTES), body.rfind(b"\r", 0, MAX_BYTES))
        body = body[: max(ends, 0)]  # half a rule would say more than the whole
    for line in _LINE.split(body.removeprefix(b"\xef\xbb\xbf")):
        name, colon, value = line.decode("latin-1").partition("#")[0].partition(":")
        known = _FIELDS.get(name.strip().lower())
        if colon and known:
            yield known, value.strip(" \t")


def _groups(lines: list[tuple[str, str]]) -> Iterator[_Group]:
    """The groups; user-agent lines in a row share one, and only rules end that row (RFC 9309 2.2.1)."""
    group = _Group()
    for name, value in lines:
        if name == "agent":
            if group.rules:
                yield group
                group = _Group()
            group.agents.update(_TOKEN.findall(value.lower())[:1])
        elif name in ("allow", "disallow"):
            group.rules.append((name, value))
        elif name == "delay":
            group.delays += _seconds(value)
    yield group


def _spelled(text: str) -> str:
    """A path or pattern as both are compared: what is plain ASCII as it is, other octets escaped (RFC 9309 2.2.2).

    Only what an escape keeps from having its meaning stays escaped: a "%", a "*", and a "/" before the query.
    """
    path, mark, query = text.partition("?")
    return _OCTET.sub(partial(_octet, "%*/"), path) + mark + _OCTET.sub(partial(_octet, "%*"), query)


def _octet(escaped: str, found: re.Match[str]) -> str:
    character = chr(int(found[1], 16)) if found[1] else found[2]
    return character if "!" <= character <= "~" and character not in escaped else f"%{ord(character):02X}"


def _seconds(value: str) -> list[float]:
    try:
        seconds = float(value)
    except ValueError:
        return []
    return [seconds] if math.isfinite(seconds) and seconds >= 0 else []
