"""Seeds: addresses that an operator gives, as a sitemap, a CSV file or a list with one address in each line."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from crawler import encoding, sitemaps
from crawler.address import LONGEST, canonical
from db.errors import UsageError

LARGEST = 50 * 1024 * 1024  # bytes of one file


def read_seeds(path: Path) -> tuple[str, ...]:
    """The canonical addresses that a file gives, each once, in order.

    A sitemap may be gzipped; of a CSV line the first cell that is an address counts; lines that begin with `#` and
    the heading of a CSV file are passed over. Raises UsageError, naming the line, for what cannot be read, and for
    an address that is too long to be kept.
    """
    body = body_of(path, "--seeds")
    if body.startswith(b"\x1f\x8b") or body.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        found = _of_sitemap(path, body)
    else:
        found = tuple(dict.fromkeys(_of_lines(path, text_of(body))))
    if not found:
        raise _nothing(path)
    if long := next((each for each in found if len(each) > LONGEST), None):
        raise UsageError(
            ja=f"--seeds {path} に {LONGEST} 文字を超えるアドレスがあります: {long[:80]}",
            en=f"--seeds {path} holds an address of more than {LONGEST} characters: {long[:80]}",
        )
    return found


def body_of(path: Path, option: str) -> bytes:
    """The bytes of a file that an option names. Raises UsageError for one that cannot be read, or is too large."""
    try:
        with path.open("rb") as file:
            body = file.read(LARGEST + 1)
    except OSError as error:
        raise UsageError(
            ja=f"{option} {path} を読めません（{error.strerror}）。",
            en=f"{option} {path} cannot be read ({error.strerror}).",
        ) from error
    if len(body) > LARGEST:
        raise UsageError(
            ja=f"{option} {path} が大きすぎます（{LARGEST} バイトまで）。分けてください。",
            en=f"{option} {path} is too large (up to {LARGEST} bytes): split it.",
        )
    return body


def _of_sitemap(path: Path, body: bytes) -> tuple[str, ...]:
    sitemap = sitemaps.parse(body, "http://seeds.invalid/")
    if sitemap.problems:
        raise UsageError(
            ja=f"--seeds {path} をサイトマップとして最後まで読めません（{sitemap.problems[0]}）。",
            en=f"--seeds {path} cannot be read as a sitemap to its end ({sitemap.problems[0]}).",
        )
    return sitemap.pages


def _of_lines(path: Path, text: str) -> Iterator[str]:
    for number, cells in enumerate(csv.reader(io.StringIO(text)), start=1):
        given = [cell.strip() for cell in cells if cell.strip()]
        if not given or given[0].startswith("#"):
            continue
        address = next((address for cell in given if (address := canonical(cell))), None)
        if address is not None:
            yield address
        elif number > 1:
            raise UsageError(
                ja=f"--seeds {path} の {number} 行目にアドレスがありません: {given[0][:80]!r}",
                en=f"--seeds {path}, line {number}: no address in {given[0][:80]!r}",
            )


def text_of(body: bytes) -> str:
    """UTF-8, or Shift_JIS as spreadsheets write it in Japan."""
    try:
        return body.decode("utf-8-sig")
    except UnicodeDecodeError:
        return encoding.decode(body, "shift_jis")


def _nothing(path: Path) -> UsageError:
    return UsageError(
        ja=f"--seeds {path} にアドレスがありません。1 行に 1 つ、https:// から書いてください。",
        en=f"--seeds {path} holds no address: write one in each line, from https:// on.",
    )
