"""Passwords: what serves as one, and whether one fits."""

import asyncio
import unicodedata
from concurrent.futures import ThreadPoolExecutor
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.errors import UsageError
from reports.access.secrets import new_secret

SHORTEST = 12  # characters of a password (NIST SP 800-63B asks for length, not for kinds of signs)
LONGEST = 200
DIFFERENT = 5  # signs that are not each other


def check_password(password: str) -> None:
    """Raises UsageError for a password that is too short, too long, or the same few signs over and over."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise UsageError(
            ja=f"パスワードは{SHORTEST}文字以上{LONGEST}文字以下にしてください。",
            en=f"A password has {SHORTEST} to {LONGEST} characters.",
        )
    if len(set(password)) < DIFFERENT:
        raise UsageError(
            ja=f"同じ文字の繰り返しです。{DIFFERENT}種類以上の文字を使ってください。",
            en=f"This repeats the same few characters: use {DIFFERENT} different ones or more.",
        )


async def hashed(password: str) -> str:
    """What is kept of a password. Raises UsageError for one that does not serve."""
    check_password(password)
    return await asyncio.get_running_loop().run_in_executor(_threads(), hasher().hash, _normal(password))


async def fits(kept: str | None, password: str) -> bool:
    """Whether a password is the one of which `kept` was kept; it takes as long where nothing is kept, or for nobody."""
    return await asyncio.get_running_loop().run_in_executor(_threads(), _fits, kept, password)


def _fits(kept: str | None, password: str) -> bool:
    try:
        return hasher().verify(kept or _nobodys(), _normal(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def _normal(password: str) -> str:
    """One spelling, however a keyboard composes characters (NIST SP 800-63B 3.1.1.2)."""
    return unicodedata.normalize("NFKC", password)


@cache
def hasher() -> PasswordHasher:
    """argon2id with the library's own parameters (RFC 9106, low memory)."""
    return PasswordHasher()


@cache
def _nobodys() -> str:
    return hasher().hash(new_secret())


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads of its own, so that a flood of tries leaves those alone that pages and files need."""
    return ThreadPoolExecutor(2, "password")
