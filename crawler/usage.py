"""How much pages are used, by a file that the operator gives: address and count in each line of a CSV file."""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from crawler.address import canonical, spelling_key
from crawler.seeds import body_of, text_of
from db.errors import UsageError

KEPT = 1000  # of the most used addresses


def read_usage(path: Path, start: str, most: int | None = KEPT) -> list[tuple[str, int]]:
    """The most used addresses with their counts, the most used first; all of them when there is no `most`.

    UTF-8 or Shift_JIS; a heading, empty lines and those that begin with `#` are passed over. An address may be a path
    of the start address's host; one that stands in several lines is summed up. Raises UsageError naming the line.
    """
    body = body_of(path, "--traffic")
    counts: Counter[str] = Counter()
    begun = False
    for number, cells in enumerate(csv.reader(io.StringIO(text_of(body))), start=1):
        given = [cell.strip() for cell in cells if cell.strip()]
        if not given or given[0].startswith("#"):
            continue
        line = _line(given, start)
        if line is not None:
            counts[line[0]] += line[1]
        elif begun:
            raise UsageError(
                ja=f"--traffic {path} の {number} 行目が「アドレス,回数」ではありません: {','.join(given)[:80]!r}",
                en=f"--traffic {path}, line {number}: not 'address,count': {','.join(given)[:80]!r}",
            )
        begun = True
    if not counts:
        raise UsageError(
            ja=f"--traffic {path} に「アドレス,回数」の行がありません。",
            en=f"--traffic {path} holds no line 'address,count'.",
        )
    order = sorted(counts, key=lambda address: (-counts[address], address))
    return [(address, counts[address]) for address in order[:most]]


def known_usage(
    usage: Sequence[Sequence[Any]], frame: Sequence[str], otherwise: Mapping[str, str]
) -> tuple[list[str], list[str]]:
    """The pages of the frame that a traffic file names, the most used first, and its addresses that are none.

    An address counts for the page that it leads to, or that is spelled otherwise when there is only one such page.
    """
    counts, unknown = use_of_pages(usage, frame, otherwise)
    return sorted(counts, key=lambda page: (-counts[page], page)), unknown


def use_of_pages(
    usage: Sequence[Sequence[Any]], frame: Sequence[str], otherwise: Mapping[str, str]
) -> tuple[Counter[str], list[str]]:
    """The counts of the pages of the frame that a traffic file names, and its addresses that are none, as `known_usage` does."""
    counts: Counter[str] = Counter()
    if not usage:
        return counts, []
    pages, spelled = set(frame), _by_spelling(frame)
    unknown: list[str] = []
    for address, count in usage:
        page = address if address in pages else otherwise.get(address) or spelled.get(spelling_key(address))
        if page in pages:
            counts[page] += count
        else:
            unknown.append(address)
    return counts, unknown


def _by_spelling(frame: Sequence[str]) -> dict[str, str]:
    times = Counter(map(spelling_key, frame))
    return {key: page for page in frame if times[key := spelling_key(page)] == 1}


def _line(cells: list[str], start: str) -> tuple[str, int] | None:
    """The address and the count of a line; None when it has not both."""
    if len(cells) < 2:
        return None
    plain = cells[0].startswith(("/", "http://", "https://"))
    address = canonical(cells[0], start) if plain else None
    digits = cells[1].replace(",", "")
    return (address, int(digits)) if address and digits.isascii() and digits.isdigit() else None
