"""The scope of a site: which addresses belong to it, and the reasons why some of those are left out.

Patterns are those of robots.txt (RFC 9309 2.2.3). They match from the beginning; `*` stands for any
characters, `/` among them; a final `$` says that the address ends there. A pattern is held against path and
query, or against the whole address when it begins with `http`:

    /kako/                       everything below /kako/
    /*.cgi$                      every address that ends in .cgi
    https://www.example.jp/koho  another host
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from crawler.address import canonical, directory_of, host_of, normalised, origin_of, path_of, port_of
from crawler.wildcards import fits
from db.words import Reason


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """Whether an address is in scope, and when not, why."""

    reason: Reason | None = None  # None, OUT_OF_SCOPE or EXCLUDED
    detail: str = ""  # the exclusion's own reason

    @property
    def inside(self) -> bool:
        """Whether the address belongs to the pages of the site that count."""
        return self.reason is None


@dataclass(frozen=True, kw_only=True)
class Exclusion:
    """A part of a site that is left out, with the reason that every number shows beside it."""

    pattern: str
    reason: str

    def __post_init__(self) -> None:
        """Refuse what could never match, or would leave pages out without saying why (ValueError)."""
        check_pattern(self.pattern)
        if not self.reason.strip():
            raise ValueError(f"exclusion {self.pattern!r} needs a reason: PATTERN=REASON")

    @classmethod
    def parse(cls, text: str) -> "Exclusion":
        """Read PATTERN=REASON, split at the last "="; ValueError when a part is missing."""
        pattern, equals, reason = text.rpartition("=")
        if not equals or not pattern.strip():
            raise ValueError(f"exclusion {text!r} is not PATTERN=REASON")
        return cls(pattern=pattern.strip(), reason=reason.strip())


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The start address, patterns that widen the site beyond its directory, and exclusions that narrow it."""

    start: str  # canonical
    includes: tuple[str, ...] = ()
    exclusions: tuple[Exclusion, ...] = ()

    @classmethod
    def around(cls, start: str, includes: tuple[str, ...] = (), exclusions: tuple[Exclusion, ...] = ()) -> "Scope":
        """The scope around a start address; ValueError when the address or a pattern is of no use."""
        address = canonical(start)
        if address is None:
            raise ValueError(f"not an http or https address: {start!r}")
        for pattern in includes:
            check_pattern(pattern)
        return cls(start=address, includes=tuple(includes), exclusions=tuple(exclusions))

    @property
    def origin(self) -> str:
        """Scheme, host and port of the start address."""
        return origin_of(self.start)

    @property
    def origins(self) -> tuple[str, ...]:
        """The origins that are named whole: the start's first, then those of the includes."""
        fronts = (_parts(pattern)[0][0] for pattern in self.includes if _is_whole(pattern))
        named = (address for front in fronts if front.count("/") >= 3 and (address := canonical(front)))
        return tuple(dict.fromkeys([self.origin, *map(origin_of, named)]))

    def judge(self, address: str) -> Verdict:
        """Whether a canonical address is in scope. Includes widen first, exclusions narrow last."""
        if not self._contains(address):
            return Verdict(reason=Reason.OUT_OF_SCOPE)
        for exclusion in self.exclusions:
            if matches(exclusion.pattern, address):
                return Verdict(reason=Reason.EXCLUDED, detail=exclusion.reason)
        return Verdict()

    def regexes(self) -> tuple[list[str], list[str]]:
        """What `judge` goes by as regular expressions: of what is contained, and of what is excluded."""
        ours, any_place = _place_regex(self.start), "https?://[^/]*"
        contained = [f"^{ours}{re.escape(directory_of(self.start))}"]
        contained += [_regex(each, ours) for each in self.includes]
        return contained, [_regex(each.pattern, any_place) for each in self.exclusions]

    def reaches(self, origin: str) -> bool:
        """Whether addresses of an origin can be in scope: it is the start's, or one that an include names."""
        root = f"{origin}/"
        return _place(root) == _place(self.start) or any(
            _is_whole(pattern) and (matches(pattern, root) or _parts(pattern)[0][0].startswith(root))
            for pattern in self.includes
        )

    def _contains(self, address: str) -> bool:
        same = _place(address) == _place(self.start)
        if same and path_of(address).startswith(directory_of(self.start)):
            return True
        return any(matches(pattern, address) for pattern in self.includes if same or _is_whole(pattern))


def check_pattern(pattern: str) -> None:
    """ValueError, in one line, when a pattern cannot match any address."""
    if not pattern.startswith(("/", "*", "http://", "https://", "http*")):
        raise ValueError(f'pattern {pattern!r} does not begin with "/", "*", "http://" or "https://"')


def matches(pattern: str, address: str) -> bool:
    """Whether a pattern matches a canonical address; takes time in proportion to the address's length."""
    parts, anchored = _parts(pattern)
    text = address if _is_whole(pattern) else path_of(address)
    return fits(text, parts, anchored)


def _is_whole(pattern: str) -> bool:
    return pattern.startswith("http")


def _place(address: str) -> tuple[str, int]:
    """Host and port; https on its default port is the same place as http on its own, `www.` or not the same host."""
    port = port_of(address)
    return host_of(address).removeprefix("www."), 80 if port == 443 and address.startswith("https:") else port


def _place_regex(address: str) -> str:
    """A regular expression of all ways to name the address's place."""
    host, port = _place(address)
    given = "" if port == 80 else f":{port}"
    return rf"https?://(?:www\.)?{re.escape(host)}{given}"


def _regex(pattern: str, place: str) -> str:
    parts, anchored = _parts(pattern)
    front = "" if _is_whole(pattern) else place
    return f"^{front}{'.*'.join(map(re.escape, parts))}{'$' if anchored else ''}"


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[tuple[str, ...], bool]:
    """The parts of a pattern between its stars, spelled like canonical addresses, and whether $ ends it."""
    anchored = pattern.endswith("$")
    text = normalised(quote(pattern.removesuffix("$"), safe="%!#$&'()*+,/:;=?@[]~|\\^`{}"))
    if _is_whole(pattern):
        scheme, mark, rest = text.partition("://")
        host, slash, path = rest.partition("/")
        text = scheme + mark + host.lower() + slash + path
    return tuple(text.split("*")), anchored
