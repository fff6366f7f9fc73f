"""Secrets that browsers, links and programs carry: made here, and known to us by their digest alone."""

import hashlib
import secrets


def new_secret() -> str:
    """A secret of 256 random bits, fit for an address or a cookie."""
    return secrets.token_urlsafe(32)


def digest_of(secret: str) -> str:
    """What is kept of a secret; it has too many bits to be guessed, so no slow hash is needed."""
    return hashlib.sha256(secret.encode()).hexdigest()
