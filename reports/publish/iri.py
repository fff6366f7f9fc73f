"""Addresses as identifiers in JSON-LD."""

import re

_UNSAFE = re.compile(r'[\x00-\x20<>"{}|\\^`\x7f]')  # what an IRI may not carry (RFC 3987)


def iri(address: str) -> str:
    """The address with what an IRI may not carry percent-encoded."""
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", address)
