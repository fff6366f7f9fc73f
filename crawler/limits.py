"""Limits of a sweep: how far it goes before it stops and says so."""

from dataclasses import asdict, dataclass
from typing import Any, Self


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a sweep will not go beyond; each limit that is met leaves the sweep incomplete."""

    addresses: int = 50_000  # asked for while exploring
    depth: int = 50  # links from the start address
    seconds: float = 6 * 3600.0  # for exploring
    bytes: int = 10 * 1024 * 1024  # of one decoded document
    pattern: int = 500  # addresses that differ only in the values of their query
    page_seconds: float = 60.0  # wall clock of one page's audit
    per_host: int = 2  # requests, or pages in the browser, at one time
    delay: float = 0.0  # seconds between starts on one host
    timeout: float = 20.0  # seconds for one answer
    allow_private: bool = False  # private and loopback addresses may be visited
    contact: str  # in the User-Agent, for the site's operator
    signed_in: tuple[str, ...] = ()  # origins that pages are asked for signed in; with what is kept elsewhere

    def as_row(self) -> dict[str, Any]:
        """The form that a sweep's `settings` column keeps."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """The limits that a sweep was begun with."""
        return cls(**{**row, "signed_in": tuple(row.get("signed_in", ()))})
