"""A JSON object with one long list, written into a folder as the list comes, never held as a whole."""

import json
from types import TracebackType
from typing import Any, Self

from reports.folder import Folder


class Streamed:
    """`with Streamed(folder, "x.jsonld", head, "members") as file:` takes members; `tail` ends the object."""

    def __init__(self, folder: Folder, name: str, head: dict[str, Any], member: str) -> None:
        self._folder = folder
        self._file = folder.open(name)
        self._mark = "\n"
        self.tail: dict[str, Any] = {}
        self._write(f"{_json(head)[:-1]},\n{_json(member)}: [")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._write("\n]" + (f",\n{_json(self.tail)[1:]}" if self.tail else "}") + "\n")
        finally:
            self._folder.piece(self._file.close)

    def add(self, member: dict[str, Any]) -> None:
        """Add a member of the list."""
        self._write(self._mark + _json(member))
        self._mark = ",\n"

    def _write(self, text: str) -> None:
        self._folder.piece(lambda: self._file.write(text))


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
