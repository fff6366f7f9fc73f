"""The scope of a site: which addresses belong to it, and the reasons why some of those are left out.

Patterns are those of robots.txt (RFC 9309 2.2.3). They match from the beginning; `*` stands for any
characters, `/` among them; a final `$` says that the address ends there. A pattern is held against path and
query, or against the whole address when it begins with `http`:

    /kako/                       everything below /kako/
    /*.cgi$                      every address that ends in .cgi
    https://www.example.jp/koho  another host
    https://*.example.jp/        all hosts below a name

A host is matched whole: a star in it stays within it, and at its end stands for nothing more of its name, so that
no pattern reaches `www.example.jp.elsewhere.com`.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

from ada_url import URL

from crawler.address import canonical, directory_of, normalised, origin_of, path_of
from crawler.wildcards import fits
from db.words import Reason

_PLACE = re.compile(r"[^/?\\]*")
_OPEN_END = re.compile(r"(?<=[\w\]-])\*+$")  # stars behind a name


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
        wholes = (_whole(pattern) for pattern in self.includes if _is_whole(pattern))
        named = (f"{''.join(each.scheme)}://{''.join(each.place)}/" for each in wholes if each.is_one_origin)
        return tuple(dict.fromkeys([self.origin, *map(origin_of, filter(None, map(canonical, named)))]))

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
        wholes = (_whole(pattern) for pattern in self.includes if _is_whole(pattern))
        return _place(root) == _place(self.start) or any(each.has_origin(root) for each in wholes)

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
    if _is_whole(pattern):
        whole = _whole(pattern)
        return whole.has_origin(address) and fits(path_of(address), whole.path, anchored)
    return fits(path_of(address), parts, anchored)


def _is_whole(pattern: str) -> bool:
    return pattern.startswith("http")


@lru_cache(maxsize=256)  # the start's is asked for with every address
def _place(address: str) -> tuple[str, str]:
    """Host, `www.` or not, and the port unless it is the scheme's own: http and https are one site there only."""
    url = URL(address)
    return str(url.hostname).removeprefix("www."), str(url.port)


def _place_regex(address: str) -> str:
    """A regular expression of all ways to name the address's place."""
    host, port = _place(address)
    return rf"https?://(?:www\.)?{re.escape(host)}{f':{port}' if port else ''}"


def _regex(pattern: str, place: str) -> str:
    parts, anchored = _parts(pattern)
    end = "$" if anchored else ""
    if not _is_whole(pattern):
        return f"^{place}(?=/){_starred(parts)}{end}"
    whole = _whole(pattern)
    return f"^{_starred(whole.scheme, '[^/:]*')}://{_starred(whole.place, '[^/]*')}(?=/){_starred(whole.path)}{end}"


def _starred(parts: tuple[str, ...], star: str = ".*") -> str:
    return star.join(map(re.escape, parts))


@dataclass(frozen=True, kw_only=True)
class _Whole:
    """A pattern of whole addresses: scheme, host with port, and path, each as the parts between its stars."""

    scheme: tuple[str, ...]
    place: tuple[str, ...]
    path: tuple[str, ...]

    @property
    def is_one_origin(self) -> bool:
        """Whether it speaks of one scheme and host only."""
        return len(self.scheme) == len(self.place) == 1

    def has_origin(self, address: str) -> bool:
        """Whether an address is at an origin that the pattern speaks of."""
        url = URL(address)
        return fits(url.protocol[:-1], self.scheme, anchored=True) and fits(url.host, self.place, anchored=True)


@lru_cache(maxsize=4096)
def _whole(pattern: str) -> _Whole:
    parts, _ = _parts(pattern)
    scheme, mark, rest = "*".join(parts).partition("://")
    if not mark or "/" in scheme:  # http*.example.jp/?to=http://…
        scheme, rest = "http*", "*".join(parts).removeprefix("http")
    place = _PLACE.match(rest)[0]  # type: ignore[index]  # it matches always
    path = rest[len(place) :]
    return _Whole(
        scheme=tuple(scheme.split("*")),
        place=tuple(_host(scheme, _OPEN_END.sub("", place) or "*").split("*")),
        path=tuple((path if path.startswith("/") else f"/{path}").split("*")),
    )


def _host(scheme: str, place: str) -> str:
    """Host and port as addresses spell them: names in other scripts as their ASCII form, no port of the scheme's own."""
    try:
        return str(URL(f"{scheme if scheme in ('http', 'https') else 'ws'}://{place}/").host)
    except ValueError:
        return place.lower()


@lru_cache(maxsize=4096)
def _parts(pattern: str) -> tuple[tuple[str, ...], bool]:
    """The parts of a pattern between its stars, spelled like canonical addresses, and whether $ ends it."""
    anchored = pattern.endswith("$")
    text = normalised(quote(pattern.removesuffix("$"), safe="%!#$&'()*+,/:;=?@[]~|\\^`{}"))
    return tuple(text.split("*")), anchored
