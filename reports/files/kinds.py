"""The kinds of file that a sweep can be had as, and the one function that writes any of them."""

import shutil
import tempfile
from enum import StrEnum
from pathlib import Path

from db.database import Database
from db.errors import StorageError, UsageError
from reports.files.earl import write_earl
from reports.files.excel import write_excel
from reports.files.pdf import print_pdf
from reports.files.sarif import write_sarif
from reports.files.walk import walking
from reports.files.whole_json import write_json
from reports.folder import Folder
from reports.report import write_for_paper, write_report


class FileKind(StrEnum):
    """What a file is for."""

    HTML = "html"  # the whole report in a ZIP archive, to be shared
    PDF = "pdf"  # its first page for a meeting, or the report of one page
    EXCEL = "xlsx"
    JSON = "json"
    SARIF = "sarif"
    EARL = "earl"

    @property
    def ending(self) -> str:
        """Of the file's name."""
        return {FileKind.HTML: "zip", FileKind.EARL: "jsonld"}.get(self, self.value)

    @property
    def media_type(self) -> str:
        """As HTTP names it."""
        return MEDIA[self]


MEDIA = {
    FileKind.HTML: "application/zip",
    FileKind.PDF: "application/pdf",
    FileKind.EXCEL: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    FileKind.JSON: "application/json",
    FileKind.SARIF: "application/sarif+json",
    FileKind.EARL: "application/ld+json",
}
TEXTS = {FileKind.JSON: write_json, FileKind.SARIF: write_sarif, FileKind.EARL: write_earl}


async def write_file(
    database: Database, sweep_id: int, kind: FileKind, out: Path, lang: str, *,
    page: str | None = None, browser: str | None = None,
) -> None:  # fmt: skip
    """Write a sweep, or with a `page`'s address (PDF alone) the report of that page, into a file that is there only when whole.

    Raises UsageError for no such sweep or page, StorageError where the file cannot be written, BrowserMissing for a PDF without one.
    """
    if page is not None and kind is not FileKind.PDF:
        raise UsageError(
            ja="1 ページだけのファイルは PDF です（--as pdf）。", en="A file of one page is a PDF (--as pdf)."
        )
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".jisweep-", dir=out.parent) as folder:
            draft = Path(folder) / f"draft.{kind.ending}"
            await _write(database, sweep_id, kind, draft, lang, page, browser)
            draft.replace(out)
    except OSError as error:
        raise StorageError(
            ja=f"{out} に書き込めません（{error.strerror}）。空き容量と権限を確かめてください。",
            en=f"Cannot write {out} ({error.strerror}): check free space and permissions.",
        ) from error


async def _write(
    database: Database, sweep_id: int, kind: FileKind, draft: Path, lang: str, page: str | None, browser: str | None
) -> None:
    report = draft.with_name("report")
    if kind is FileKind.PDF:
        name = await write_for_paper(database, sweep_id, report, lang, page)
        await print_pdf(report, name, draft, browser)
    elif kind is FileKind.HTML:
        await write_report(database, sweep_id, report, lang)
        shutil.make_archive(str(draft.with_suffix("")), "zip", report)
    else:
        async with walking(database, sweep_id, lang) as walk:
            if kind is FileKind.EXCEL:
                await write_excel(walk, draft)
                return
            with Folder(report) as folder:
                await TEXTS[kind](walk, folder, draft.name)
        (report / draft.name).replace(draft)
