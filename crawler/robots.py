"""What robots.txt allows us (RFC 9309): groups are read here, paths are matched by protego.

protego alone differs from the RFC in ways that tests/crawler/test_robots.py shows: it takes `User-agent: ji` for
us, lets an unknown line end a group, allows `/` with `/index.html`, and takes all escapes that are no UTF-8 (the
paths of Shift_JIS sites) for one. It is therefore given one group, ours, in which an octet is a character.
"""

import math
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from protego import Protego

from crawler.address import canonical, path_of
from db.words import Reason

MAX_BYTES = 500 * 1024  # RFC 9309 2.5
DAY, SOON = 24 * 3600.0, 600.0  # seconds
LONGEST_DELAY = 60.0  # seconds; a crawl-delay beyond it would keep us out without saying so

_LINE = re.compile(rb"[\r\n]+")
_TOKEN = re.compile(r"\*(?=\s|$)|[A-Za-z_-]+")
_UNPLAIN = re.compile(r"%([89A-Fa-f][0-9A-Fa-f])|([\x00-\x1f\x7f-\xff])")
_FIELDS = {
    "user-agent": "agent", "useragent": "agent", "user agent": "agent", "allow": "allow",
    "disallow": "disallow", "dissallow": "disallow", "dissalow": "disallow", "disalow": "disallow",
    "diasllow": "disallow", "disallaw": "disallow", "crawl-delay": "delay", "crawl delay": "delay",
    "sitemap": "sitemap", "site-map": "sitemap", "sitemaps": "sitemap",
}  # fmt: skip


@dataclass(kw_only=True)
class _Group:
    """Rules in a row, and whom they are for."""

    agents: set[str] = field(default_factory=set)
    rules: list[tuple[str, str]] = field(default_factory=list)  # "Allow" or "Disallow", path
    delays: list[float] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Robots:
    """The rules of one origin for one crawler."""

    rules: Protego
    reachable: bool = True  # False: an answer of 5xx or none at all, and everything is disallowed
    crawl_delay: float | None = None  # seconds between two requests
    sitemaps: tuple[str, ...] = ()  # canonical
    read_at: float = field(default_factory=time.monotonic)  # seconds

    @property
    def is_stale(self) -> bool:
        """Whether it is to be asked for again: after a day (RFC 9309 2.4), sooner when it could not be had."""
        return time.monotonic() - self.read_at > (DAY if self.reachable else SOON)

    @classmethod
    def from_answer(cls, status: int | None, body: bytes, agent: str) -> "Robots":
        """The rules for `agent`, a product token or the User-Agent that begins with it (RFC 9309 2.3.1).

        2xx is read, 3xx and 4xx allow everything; anything else, or no answer (None), disallows everything.
        """
        if status is None or not 200 <= status < 500:
            return cls(rules=Protego.parse(""), reachable=False)
        return _read(body if status < 300 else b"", agent)

    @property
    def reason(self) -> Reason:
        """Why an address that is not allowed is not."""
        return Reason.ROBOTS if self.reachable else Reason.ROBOTS_UNREACHABLE

    def allows(self, address: str) -> bool:
        """Whether a canonical address may be asked for. The longest rule decides, and allow when two are equal."""
        return self.reachable and self.rules.can_fetch("http://host" + _octets(path_of(address)), "us")


def _read(body: bytes, agent: str) -> Robots:
    lines = list(_lines(body))
    groups = list(_groups(lines))
    named = _TOKEN.match(agent)
    token = named[0].lower() if named else ""
    ours = [group for group in groups if token in group.agents] or [g for g in groups if "*" in g.agents]
    rules = [f"{verb}: {path}" for group in ours for verb, path in group.rules]
    declared = (canonical(value) for name, value in lines if name == "sitemap")
    return Robots(
        rules=Protego.parse("\n".join(["User-agent: *", *rules])),
        crawl_delay=max((delay for group in ours for delay in group.delays), default=None),
        sitemaps=tuple(dict.fromkeys(address for address in declared if address)),
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
            group.rules.append((name, _rule(name, value)))
        elif name == "delay":
            group.delays += _seconds(value)
    yield group


def _rule(name: str, value: str) -> str:
    """The path of a rule as protego has to see it; a closing `*` keeps `/index.html` from allowing `/` as well."""
    path = _octets(value)
    return path + "*" if name == "allow" and path.endswith("/index.html") else path


def _octets(path: str) -> str:
    """The path with one letter, from U+0100 on, for each octet that is not plain ASCII, escaped or not."""
    return _UNPLAIN.sub(lambda octet: chr(0x100 + (int(octet[1], 16) if octet[1] else ord(octet[2]))), path)


def _seconds(value: str) -> list[float]:
    try:
        seconds = float(value)
    except ValueError:
        return []
    return [seconds] if math.isfinite(seconds) and seconds >= 0 else []
