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
    pattern: int = 500  # addresses that differ only in numbers and in the values of their query
    widen: tuple[str, ...] = ()  # patterns of addresses that no budget or trap holds back
    menus: bool = False  # menus are opened in the browser to find what is behind them
    page_seconds: float = 60.0  # wall clock of one page's audit
    per_host: int = 2  # requests, or pages in the browser, at one time
    delay: float = 0.5  # seconds between starts on one host; 0 for whoever owns it
    timeout: float = 20.0  # seconds for one answer
    window: str = ""  # when pages may be begun, as crawler.windows reads it; "": always
    stop_outside: bool = False  # stop when the window closes, instead of waiting
    obey_meta_robots: bool = False  # noindex and nofollow are obeyed, not only noted
    fresh: bool = False  # nothing is carried from an earlier sweep
    recheck: float = 0.02  # share of the pages that could be carried that is audited all the same
    tolerance: float = 0.05  # share of these that may say something else before nothing is carried
    allow_private: bool = False  # private and loopback addresses may be visited
    contact: str  # in the User-Agent, for the site's operator
    signed_in: tuple[str, ...] = ()  # origins that pages are asked for signed in; with what is kept elsewhere

    @property
    def of_patterns(self) -> tuple[int, int]:
        """The budgets of one form of query, and of all forms of query on one path."""
        return self.pattern, 2 * self.pattern

    def as_row(self) -> dict[str, Any]:
        """The form that a sweep's `settings` column keeps."""
        return asdict(self)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """The limits that a sweep was begun with."""
        patterns = {name: tuple(row.get(name, ())) for name in ("widen", "signed_in")}
        return cls(**{**row, **patterns})
