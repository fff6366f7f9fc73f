"""A JSON object with one long list, written into a folder as the list comes, never held as a whole."""

import json
import re
from datetime import date
from types import TracebackType
from typing import Any, Self

from reports.clean import INVISIBLE, visible
from reports.folder import Folder


class Streamed:
    """`with Streamed(folder, "x.jsonld", head, "members") as file:` takes members; `tail` ends the object.

    With an `outer` object, whose last member is an empty list, the object is that list's only one.
    """

    def __init__(
        self, folder: Folder, name: str, head: dict[str, Any], member: str, *, outer: dict[str, Any] | None = None
    ) -> None:
        self._folder = folder
        self._file = folder.open(name)
        self._mark = "\n"
        self.tail: dict[str, Any] = {}
        before, self._after = (json_text(outer)[:-2], "]}") if outer else ("", "")
        self._write(f"{before}{json_text(head)[:-1]},\n{json_text(member)}: [")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                ending = f",\n{json_text(self.tail)[1:]}" if self.tail else "}"
                self._write(f"\n]{ending}{self._after}\n")
        finally:
            self._folder.piece(self._file.close)

    def add(self, member: dict[str, Any]) -> None:
        """Add a member of the list."""
        self._write(self._mark + json_text(member))
        self._mark = ",\n"

    def _write(self, text: str) -> None:
        self._folder.piece(lambda: self._file.write(text))


def json_text(value: Any) -> str:
    """A value as JSON: what hides or reorders text is escaped, halves of surrogate pairs are written out (RFC 7493, 2.1)."""
    return INVISIBLE.sub(_escaped, json.dumps(value, ensure_ascii=False, default=_moment))


def _moment(value: date) -> str:
    return value.isoformat()


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return visible(match[0]) if 0xD800 <= code <= 0xDFFF else f"\\u{code:04x}"
