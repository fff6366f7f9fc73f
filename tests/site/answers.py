"""An answer: what the sample site says to one request."""

from collections.abc import Iterator
from dataclasses import dataclass

HTML = "text/html; charset=utf-8"


@dataclass(frozen=True, kw_only=True)
class Answer:
    body: bytes = b""
    status: int = 200
    type: str = HTML  # Content-Type; empty: the header is left out
    headers: tuple[tuple[str, str], ...] = ()
    stream: Iterator[bytes] | None = None  # sent in chunks instead of body


def redirect(location: str, status: int = 301) -> Answer:
    return Answer(status=status, headers=(("Location", location),))


def page(title: str, body: str, *, status: int = 200, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    """A bare page outside the site's templates."""
    head = f'<!DOCTYPE html>\n<html lang="ja"><head><meta charset="utf-8"><title>{title}</title></head>'
    html = f"{head}<body>{body}</body></html>\n"
    return Answer(body=html.encode(), status=status, headers=headers)
