"""What a folder of files says for itself: the pages that a plain server of it shows, and which links lead to which.

Shares no code with the crawler, which is held against it.
"""

import mimetypes
import posixpath
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import quote, unquote, urljoin, urlsplit

_HTML = frozenset({"text/html", "application/xhtml+xml"})
_RELATIONS = frozenset({"canonical", "alternate", "next", "prev"})
_CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w.:-]+)", re.IGNORECASE)
_REFRESH = re.compile(r"\s*[\d.]*\s*[;,]?\s*url\s*=\s*[\"']?([^\"']*)", re.IGNORECASE)
_UNREAD = frozenset({"script", "style", "noscript", "template"})
_LINKING = {"a": "href", "area": "href", "frame": "src", "iframe": "src", "link": "href"}


class Kind(StrEnum):
    """What a path of the folder is."""

    PAGE = "page"
    LISTING = "listing"  # a folder without index.html, of which the server makes a page
    OTHER = "other"
    MISSING = "missing"


@dataclass(kw_only=True)
class Read:
    """What a page says."""

    links: dict[str, bool] = field(default_factory=dict)  # path of the site → whether it is only to be saved
    told: tuple[object, ...] = ()  # all that a reader gets


@dataclass(kw_only=True)
class Reached:
    """Everything to which links lead from a page, by name; a file has one, however it is linked to."""

    pages: set[str] = field(default_factory=set)
    others: set[str] = field(default_factory=set)
    missing: set[str] = field(default_factory=set)
    saved: set[str] = field(default_factory=set)  # of all these, to what links lead only that say `download`


class Folder:
    """A folder as a plain server shows it below an origin."""

    def __init__(self, root: Path, origin: str) -> None:
        self._root = root
        self._origin = origin.rstrip("/")

    def name(self, path: str) -> str:
        """The name of what is at a path: the same for `/`, `/index.html` and `/index.html?a=b`."""
        plain = unquote(path.partition("#")[0].partition("?")[0], errors="surrogatepass")
        name = posixpath.normpath("/" + plain.lstrip("/"))
        if self._at(name).is_dir():
            return next((each for each in _indexes(name) if self._at(each).is_file()), name)
        return name + "/" if plain.endswith("/") and name != "/" else name

    def kind(self, name: str) -> Kind:
        """What has this name."""
        at = self._at(name)
        if at.is_dir():
            return Kind.LISTING
        if name.endswith("/") or not at.is_file():
            return Kind.MISSING
        media_type, packed = mimetypes.guess_type(name)
        return Kind.PAGE if media_type in _HTML and not packed else Kind.OTHER

    def reached(self, start: str) -> Reached:
        """Everything in the start's folder, and below it, to which links lead from there, over any number of pages."""
        reached, below = Reached(), start.rpartition("/")[0] + "/"
        opened: set[str] = set()
        queue = [start]
        while queue:
            path = queue.pop()
            name = self.name(path)
            kind = self.kind(name)
            {Kind.OTHER: reached.others, Kind.MISSING: reached.missing}.get(kind, reached.pages).add(name)
            if kind in (Kind.OTHER, Kind.MISSING) or name in opened:
                continue
            opened.add(name)
            for link, saved in self.read(name).links.items():
                if not link.startswith(below):
                    continue
                if saved:
                    reached.saved.add(self.name(link))
                else:
                    queue.append(link)
        reached.saved -= reached.pages | reached.others | reached.missing
        return reached

    def pages(self) -> set[str]:
        """All HTML files."""
        names = (f"/{each.relative_to(self._root).as_posix()}" for each in self._root.rglob("*"))
        return {name for name in names if self.kind(name) is Kind.PAGE}

    def read(self, name: str) -> Read:
        """What a page says."""
        if self.kind(name) is Kind.LISTING:
            within = name.rstrip("/") + "/"
            entries = sorted(self._at(name).iterdir())
            return Read(links={quote(f"{within}{each.name}{'/' * each.is_dir()}"): False for each in entries})
        body = self.body(name)
        declared = _CHARSET.search(body[:1024])
        try:
            text = body.decode(declared[1].decode() if declared else "utf-8", "replace")
        except LookupError:
            text = body.decode("utf-8", "replace")
        parser = _Parser()
        parser.feed(text)
        parser.close()
        base = urljoin(f"{self._origin}{quote(name)}", parser.base)
        read = Read()
        for target, saved in parser.links:
            path = self._path(base, target)
            if path is not None:
                read.links[path] = saved and read.links.get(path, True)
        words = " ".join(" ".join(parser.words).split())
        embedded = [self._path(base, each) or each for each in parser.embedded]
        read.told = (words, embedded, sorted({self.name(each) for each in read.links}))
        return read

    def body(self, name: str) -> bytes:
        """The bytes of a file."""
        return self._at(name).read_bytes()

    def _at(self, name: str) -> Path:
        return self._root / name.strip("/")

    def _path(self, base: str, target: str) -> str | None:
        """The path to which a link leads; None when it leads away from the site, or nowhere."""
        try:
            parts = urlsplit(urljoin(base, re.sub(r"[\t\r\n]", "", target.strip())))
        except ValueError:
            return None
        if f"{parts.scheme}://{parts.netloc}" != self._origin:
            return None
        return posixpath.normpath(parts.path or "/") + "/" * (parts.path.endswith("/") and parts.path != "/")


def _indexes(folder: str) -> Iterator[str]:
    return (f"{folder.rstrip('/')}/{each}" for each in ("index.html", "index.htm"))


class _Parser(HTMLParser):
    """Picks out of a page what links, what is embedded, and its words."""

    def __init__(self) -> None:
        super().__init__()
        self.base = ""
        self.links: list[tuple[str, bool]] = []
        self.embedded: list[str] = []
        self.words: list[str] = []
        self._unread: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        has = {name: value or "" for name, value in reversed(attrs)}  # of two alike the first counts
        if tag in _UNREAD:
            self._unread.append(tag)
        if tag == "base" and not self.base:
            self.base = has.get("href", "")
        target = has.get(_LINKING.get(tag, ""), has.get("xlink:href") if tag == "a" else None)
        if tag == "link" and not _RELATIONS & set(has.get("rel", "").lower().split()):
            target = None
        if tag == "meta" and has.get("http-equiv", "").lower() == "refresh":
            found = _REFRESH.match(has.get("content", ""))
            target = found[1] if found else None
        if target is not None:
            self.links.append((target, tag in ("a", "area") and "download" in has))
        if tag not in ("script", "a", "link") and ("src" in has or tag == "object"):
            self.embedded.append(has.get("src", has.get("data", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag in self._unread:
            del self._unread[self._unread.index(tag) :]

    def handle_data(self, data: str) -> None:
        if not self._unread:
            self.words.append(data)
