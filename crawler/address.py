"""An address: one spelling for each page, so that two links to the same page are counted once.

Parsing is that of browsers (WHATWG URL, by ada). What the web treats as equal is then spelled alike: escapes
after RFC 3986 6.2.2, and parameters that carry a session or a campaign, but never choose a page, are dropped.
"""

import re
from functools import lru_cache

from ada_url import URL

from crawler import encoding as encodings

SESSION_PARAMETERS = frozenset({"phpsessid", "jsessionid", "cfid", "cftoken"})
TRACKING_PARAMETERS = frozenset({
    "gclid", "fbclid", "yclid", "msclkid", "_ga", "utm_source", "utm_medium", "utm_campaign", "utm_term", "utm_content",
    "utm_id", "utm_source_platform", "utm_creative_format", "utm_marketing_tactic",
})  # fmt: skip
DROPPED_PREFIX = "aspsessionid"
DEFAULT_PORTS = {"http:": "80", "https:": "443"}

_DEFAULT_FILE = re.compile(
    r"(?<=/)(?:index|default|welcome)\.(?:html?|xhtml|shtml?|php[3457]?|cgi|pl|jspx?|do|aspx?|cfm)$",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"\d+")
_SESSION_PATH = re.compile(r";jsessionid=[^;/]*", re.IGNORECASE)
# An escape right behind a stray "%" stays: decoding it could spell a new escape.
_ESCAPE = re.compile(r"(?<!%)(?<!%[0-9A-Fa-f])%([0-9A-Fa-f]{2})|%[0-9A-Fa-f]{2}")
_UNRESERVED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NEWLINES = str.maketrans("", "", "\t\n\r")
_CONTROLS_AND_SPACE = "".join(map(chr, range(0x21)))
_QUERY_ESCAPED = frozenset(b" \"#<>'") | frozenset(range(0x20)) | frozenset(range(0x7F, 0x100))


LONGEST = 2_500  # characters of an address that is kept: PostgreSQL indexes no text of more than 2,700 bytes


def canonical(address: str, base: str | None = None, encoding: str = "utf-8") -> str | None:
    """The one spelling of an address, resolved against `base`; None unless it is http(s) and parses.

    `encoding` is the WHATWG name of the document's encoding: browsers send a query in it.
    Idempotent; never raises.
    """
    url = _parse(_with_encoded_query(address, encoding), base)
    if url is None or url.protocol not in DEFAULT_PORTS:
        return None
    path = _SESSION_PATH.sub("", normalised(url.pathname))
    query = _without_tracking(normalised(url.search[1:]))
    clean = _parse(f"{url.protocol}//{url.host}{path}{'?' + query if query else ''}", None)
    return None if clean is None else str(clean.href)


def host_of(address: str) -> str:
    """The host of a canonical address, without its port; an IPv6 host keeps its brackets."""
    return str(URL(address).hostname)


def origin_of(address: str) -> str:
    """Scheme, host and any port that is not the default one, without a slash at the end."""
    url = URL(address)
    return f"{url.protocol}//{url.host}"


def port_of(address: str) -> int:
    """The port, given or by default."""
    url = URL(address)
    return int(url.port or DEFAULT_PORTS[url.protocol])


def path_of(address: str) -> str:
    """Path and query of a canonical address: what robots.txt rules and scope patterns look at."""
    url = URL(address)
    return f"{url.pathname}{url.search}"


def place_of(address: str) -> str:
    """Where an address leads, without its query: that often says only where one came from."""
    return address.partition("?")[0]


def directory_of(address: str) -> str:
    """The path up to and with its last slash."""
    return str(URL(address).pathname).rpartition("/")[0] + "/"


def spelling_key(address: str) -> str:
    """A key that two addresses share when they may be one page, spelled otherwise.

    It leaves out the scheme, `www.`, the case of the path, empty parts, a default file name, a slash at the end and
    the order of parameters. Whether two such addresses are one page is for their answers to show.
    """
    front, _, query = address.partition("?")
    place, _, path = front.partition("://")[2].removeprefix("www.").partition("/")
    parts = [part for part in _DEFAULT_FILE.sub("", "/" + path).lower().split("/") if part]
    return "/".join([place, *parts]) + "?" + "&".join(sorted(query.split("&")))


def shallow_key(address: str) -> str:
    """The address with parts of its path that follow upon themselves written once: `/a/b/a/b/c` as `/a/b/c`.

    Where a server answers any path, links that are written relative lead ever deeper into one page.
    """
    front, mark, query = address.partition("?")
    scheme, _, rest = front.partition("://")
    place, *parts = rest.split("/")
    if len(set(parts)) == len(parts):
        return address
    kept: list[str] = []
    for part in parts:
        kept.append(part)
        runs = range(1, len(kept) // 2 + 1)
        del kept[len(kept) - next((run for run in runs if kept[-run:] == kept[-2 * run : -run]), 0) :]
    return f"{scheme}://{'/'.join([place, *kept])}{mark}{query}"


@lru_cache(maxsize=1024)  # one address is judged by several rules in turn
def pattern_of(address: str) -> str:
    """Path with its numbers made alike, and sorted parameter names: what the pages of a calendar share."""
    url = URL(address)
    names = sorted({part.partition("=")[0] for part in url.search[1:].split("&")} - {""})
    return _NUMBER.sub("0", str(url.pathname)) + ("?" + "&".join(names) if names else "")


def normalised(text: str) -> str:
    """A path or query with its escapes in upper case, and decoded where not needed (RFC 3986 6.2.2)."""
    return _ESCAPE.sub(_spelled, text)


def _spelled(escape: re.Match[str]) -> str:
    character = chr(int(escape[1], 16)) if escape[1] else ""
    return character if character in _UNRESERVED else escape[0].upper()


def _parse(address: str, base: str | None) -> URL | None:
    """The address as a browser parses it, or None."""
    try:
        return URL(address, base)
    except ValueError:
        return None


def _with_encoded_query(address: str, encoding: str) -> str:
    """The address with non-ASCII characters of its query percent-encoded in the document's encoding."""
    text = _SURROGATE.sub("\ufffd", address.strip(_CONTROLS_AND_SPACE).translate(_NEWLINES))
    text, part, _ = text.partition("#")
    front, mark, query = text.partition("?")
    if encoding.startswith("utf-") or encoding == "replacement" or query.isascii():
        return front + mark + query + part
    return front + mark + _percent_encoded(query, encoding) + part


def _percent_encoded(query: str, encoding: str) -> str:
    """WHATWG URL "percent-encode after encoding"; a character the encoding lacks becomes &#NNNN;, escaped."""
    possible = "".join(
        character if encodings.encode(character, encoding) is not None else f"%26%23{ord(character)}%3B"
        for character in query
    )
    encoded = encodings.encode(possible, encoding) or b""
    return "".join(f"%{byte:02X}" if byte in _QUERY_ESCAPED else chr(byte) for byte in encoded)


def _without_tracking(query: str) -> str:
    return "&".join(part for part in query.split("&") if not _is_dropped(part.partition("=")[0].lower()))


def _is_dropped(name: str) -> bool:
    return name in SESSION_PARAMETERS or name in TRACKING_PARAMETERS or name.startswith(DROPPED_PREFIX)
