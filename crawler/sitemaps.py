"""A sitemap: the addresses that a site itself lists (sitemaps.org), as XML, text, RSS or Atom, plain or gzipped.

What is broken is read as far as it goes; what was lost is said in `problems`. Entities are not expanded, nothing is
fetched from the network. Encodings are read as browsers do: libxml2 does not know `Windows-31J`, nor `①` in Shift_JIS.
"""

import gzip
import io
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from lxml import etree

from crawler import encoding as encodings
from crawler import prescan
from crawler.address import canonical

MAX_BYTES = 50 * 1024 * 1024  # of one file, uncompressed (sitemaps.org)
MAX_ADDRESSES = 50_000  # in one file (sitemaps.org)
CHUNK = 64 * 1024  # bytes unzipped at a time
BARE = re.compile(
    rb"(<!\[CDATA\[.*?(?:\]\]>|\Z)|<!--.*?(?:-->|\Z))|&(?!#\d+;|#x[0-9a-f]+;|[a-z][\w.-]*;)",
    re.DOTALL | re.IGNORECASE,
)
UNKNOWN = "an address with an entity in it: what it stands for was not read"


@dataclass(frozen=True, kw_only=True)
class Sitemap:
    """What one sitemap file lists; addresses are canonical, each once, in order."""

    pages: tuple[str, ...] = ()
    children: tuple[str, ...] = ()  # further sitemap files, listed by an index
    problems: tuple[str, ...] = ()  # what could not be read, in words


@dataclass(frozen=True, kw_only=True)
class _Entry:
    """An address as written, and whether it is that of a further sitemap."""

    address: str
    child: bool = False


def parse(body: bytes, base: str) -> Sitemap:
    """Read a sitemap found at `base`; entries that are no http or https addresses name no pages. Never raises."""
    problems: list[str] = []
    text = _in_utf_8(_unpacked(body, problems)).lstrip(b" \t\r\n")
    entries = list(islice(_entries(text, problems), MAX_ADDRESSES + 1))
    if len(entries) > MAX_ADDRESSES:
        problems.append(f"more than {MAX_ADDRESSES} addresses: the rest was not read")
    pages: dict[str, None] = {}
    children: dict[str, None] = {}
    for entry in entries[:MAX_ADDRESSES]:
        address = canonical(entry.address, base) if entry.address else None
        if address:
            (children if entry.child else pages)[address] = None
    return Sitemap(pages=tuple(pages), children=tuple(children), problems=tuple(problems))


def _unpacked(body: bytes, problems: list[str]) -> bytes:
    """The body, unzipped when it is gzip, and cut at MAX_BYTES."""
    whole = _unzipped(body, problems) if body.startswith(b"\x1f\x8b") else body
    if len(whole) > MAX_BYTES:
        problems.append(f"larger than {MAX_BYTES} bytes: the rest was not read")
    return whole[:MAX_BYTES]


def _unzipped(body: bytes, problems: list[str]) -> bytes:
    """As much of a gzip file as can be read, and hardly more than MAX_BYTES."""
    unpacked = bytearray()
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        try:
            while len(unpacked) <= MAX_BYTES and (piece := file.read1(CHUNK)):
                unpacked += piece
        except (OSError, EOFError, zlib.error) as error:
            problems.append(f"broken gzip: {error}")
    return bytes(unpacked)


def _in_utf_8(body: bytes) -> bytes:
    """The body in UTF-8, without a byte order mark."""
    name, body = prescan.of_mark(body)
    name = name or prescan.of_xml(body) or "utf-8"
    return body if name == "utf-8" else encodings.decode(body, name).encode("utf-8", "replace")


def _entries(text: bytes, problems: list[str]) -> Iterator[_Entry]:
    return _from_xml(text, problems) if text.startswith(b"<") else _from_lines(text, problems)


def _from_lines(text: bytes, problems: list[str]) -> Iterator[_Entry]:
    lines = [line.strip() for line in text.decode("utf-8", "replace").splitlines()]
    addresses = [line for line in lines if line.lower().startswith("http")]
    if text and not addresses:
        problems.append("not a sitemap: a text without addresses")
    return (_Entry(address=address) for address in addresses)


def _from_xml(text: bytes, problems: list[str]) -> Iterator[_Entry]:
    """The entries of a document, element by element, so that a large file never stands in memory as a tree."""
    reading = etree.iterparse(
        io.BytesIO(_mended(text, problems)), events=("end",), encoding="utf-8",
        recover=True, resolve_entities=False, no_network=True, load_dtd=False,
    )  # fmt: skip
    try:
        for _, element in reading:
            entry = _entry(element)
            if entry and next(element.iter(etree.Entity), None) is None:
                yield entry
            elif entry and UNKNOWN not in problems:
                problems.append(UNKNOWN)
            if _name(element) in ("url", "sitemap", "item", "entry"):
                _forget(element)
    except etree.XMLSyntaxError as error:
        problems.append(f"broken XML: {error.msg}")
        return
    root = reading.root
    if root is None or _name(root) not in ("urlset", "sitemapindex", "rss", "RDF", "feed"):
        problems.append("not a sitemap" if root is None else f"not a sitemap: <{_name(root)}>")
    elif len(reading.error_log):
        problems.append(f"broken XML: {reading.error_log[0].message}")


def _mended(text: bytes, problems: list[str]) -> bytes:
    """The document with the ampersands of its addresses escaped, and without an element that it breaks off in.

    A parser that goes on after such errors would make up addresses that nobody has written.
    """
    whole = text.rstrip()
    if b">" in whole and not whole.endswith(b">"):
        problems.append("broken XML: it breaks off")
        whole = whole[: whole.rfind(b">") + 1]
    return BARE.sub(lambda found: found[1] or b"&amp;", whole)


def _entry(element: etree._Element) -> _Entry | None:
    """The entry that an element is, judged by its name and its parent's, in whatever namespace."""
    parent = element.getparent()
    place = (None if parent is None else _name(parent), _name(element))
    text = "".join(element.itertext(etree.Element)).strip() if place[1] in ("loc", "link") else ""
    if place == ("url", "loc") or (place == ("item", "link") and text):
        return _Entry(address=text)
    if place == ("sitemap", "loc"):
        return _Entry(address=text, child=True)
    if place == ("entry", "link") and element.get("rel", "alternate") == "alternate":
        return _Entry(address=element.get("href", ""))
    return None


def _forget(element: etree._Element) -> None:
    element.clear()
    while element.getprevious() is not None:
        del element.getparent()[0]


def _name(element: etree._Element) -> str:
    """The name without namespace or prefix: a prefix that was never declared is part of what lxml calls the tag."""
    return element.tag.rpartition("}")[2].rpartition(":")[2] if isinstance(element.tag, str) else ""
