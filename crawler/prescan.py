"""The encoding that a document declares in its first bytes or its Content-Type, as browsers read it (HTML 13.2.3)."""

import re

from crawler import encoding as encodings

PRESCAN = 1024  # bytes in which a browser looks for <meta charset>

_BOMS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xfe\xff", "utf-16be"), (b"\xff\xfe", "utf-16le"))
_WIDE = {"utf-16le": "utf-8", "utf-16be": "utf-8"}  # what was read as ASCII cannot be UTF-16
_ATTRIBUTE = rb"[\s/]*+([^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s>\"'][^\s>]*+)?))?"
_MARKUP = re.compile(
    rb"<!(?=--).*?(?:-->|\Z)|<(?P<name>/?[a-z][^\s/>]*+)(?P<attributes>(?:%s)*+)|<[!/?][^>]*+" % _ATTRIBUTE,
    re.IGNORECASE | re.DOTALL,
)
_ATTRIBUTES = re.compile(_ATTRIBUTE)
_CHARSET = re.compile(rb"charset\s*=\s*(?:\"([^\"]*)\"|'([^']*)'|([^\s;\"']+))", re.IGNORECASE)
_PARAMETER = re.compile(r";\s*charset\s*=\s*[\"']?\s*([^\s\"';]+)", re.IGNORECASE)
_XML = re.compile(rb"<\?xml[^>]*?\sencoding\s*=\s*[\"']([^\"'>]+)")


def of_mark(body: bytes) -> tuple[str | None, bytes]:
    """The encoding that a byte order mark names, and the body behind it."""
    for mark, name in _BOMS:
        if body.startswith(mark):
            return name, body[len(mark) :]
    return None, body


def of_header(content_type: str | None) -> str | None:
    """The encoding that a Content-Type header names."""
    found = _PARAMETER.search((content_type or "")[:PRESCAN])
    return encodings.name_of(found[1]) if found else None


def of_html(body: bytes) -> str | None:
    """The encoding that the first bytes of an HTML document name (HTML "prescan a byte stream")."""
    start = body[:PRESCAN]
    for markup in _MARKUP.finditer(start):
        if (markup["name"] or b"").lower() == b"meta":
            name = _of_meta(markup["attributes"])
            if name:
                return {**_WIDE, "x-user-defined": "windows-1252"}.get(name, name)
    return of_xml(start)


def of_xml(body: bytes) -> str | None:
    """The encoding that an XML declaration names (HTML "get an XML encoding")."""
    found = _XML.match(body[:PRESCAN])
    name = _named(found[1]) if found else None
    return _WIDE.get(name, name) if name else None


def _of_meta(written: bytes) -> str | None:
    """The encoding that a meta element names by these attributes."""
    attributes: dict[bytes, bytes] = {}
    for name, *values in _ATTRIBUTES.findall(written):
        attributes.setdefault(name.lower(), b"".join(values))
    if b"charset" in attributes:
        return _named(attributes[b"charset"])
    if attributes.get(b"http-equiv", b"").lower() != b"content-type":
        return None
    found = _CHARSET.search(attributes.get(b"content", b""))
    return _named(b"".join(found.groups(b""))) if found else None


def _named(label: bytes) -> str | None:
    return encodings.name_of(label.decode("latin-1"))
