"""A proposed sample as a table that a person may edit, and the table read back."""

import csv
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

from crawler.edited import Line
from crawler.sample import Choice, Proposal
from crawler.seeds import text_of
from db.errors import StorageError, UsageError
from db.words import Part
from reports.clean import FORMULA, cell
from reports.folder import check_new
from reports.language import LANGUAGES, Language
from reports.workbook import read_workbook, write_workbook

COLUMNS = ("address", "title", "part", "reason", "stratum", "rank")
BY_HAND = "by_hand"  # the part of a step that only sending leads to; it is no page of the sample
LEFT_OUT = "left_out"  # the part of a page that the sample has no room for, until a person makes it representative


def table(proposal: Proposal, language: Language) -> list[list[str]]:
    """The proposal with its headings: representative pages, drawn ones, those left out, then steps to be tested by hand."""
    order = sorted(proposal.choices, key=lambda each: (each.part is not Part.REPRESENTATIVE, each.rank))
    rows = [_row(each, proposal, language) for each in order]
    rows += [
        [
            each.page.address,
            each.page.title,
            language.say(f"proposal.{LEFT_OUT}"),
            language.stands_for(each.why),
            "",
            "",
        ]
        for each in proposal.left_out
    ]
    rows += [
        [address, "", language.say(f"proposal.{BY_HAND}"), language.say("proposal.by_hand_why"), "", ""]
        for address in proposal.by_hand
    ]
    return [[language.say(f"proposal.{column}") for column in COLUMNS], *rows]


def _row(choice: Choice, proposal: Proposal, language: Language) -> list[str]:
    page = proposal.pages[choice.visit]
    reason = language.stands_for(choice.why) if choice.why else language.say(f"proposal.{choice.part.value}_why")
    return [
        page.address, page.title, language.say(f"proposal.{choice.part.value}"), reason,
        language.stratum(choice.stratum), str(choice.rank),
    ]  # fmt: skip


def csv_of(rows: Sequence[Sequence[str]]) -> str:
    """The table as text for spreadsheets: CRLF, formulas defused."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\r\n").writerows([cell(each) for each in row] for row in rows)
    return text.getvalue()


def write_table(path: Path, rows: Sequence[Sequence[str]]) -> None:
    """Write the table as a workbook or as CSV (UTF-8 with BOM), by the file's name.

    Raises UsageError when there is such a file already, StorageError when it cannot be written.
    """
    check_new(path)
    if path.suffix.lower() == ".xlsx":
        write_workbook(path, rows)
        return
    try:
        path.write_bytes(csv_of(rows).encode("utf-8-sig", "replace"))
    except OSError as error:
        raise StorageError(
            ja=f"{path} に書き込めません（{error.strerror}）。", en=f"Cannot write to {path} ({error.strerror})."
        ) from error


def read_table(path: Path) -> list[Line]:
    """The lines of an edited table, without those that are no page of the sample. Raises UsageError naming the line."""
    rows = read_workbook(path) if path.suffix.lower() == ".xlsx" else _read_csv(path)
    heading = next((index for index, row in enumerate(rows) if any(map(str.strip, row))), len(rows))
    column = _columns(rows[heading] if heading < len(rows) else [])
    missing = [name for name in ("address", "part", "reason") if name not in column]
    if missing:
        ja, en = (", ".join(Language(lang).say(f"proposal.{name}") for name in missing) for lang in LANGUAGES)
        raise UsageError(
            ja=f"{path} の見出しに「{ja}」の列がありません。sample propose が書いた表を使ってください。",
            en=f"{path} has no column headed {en}: use the table that sample propose has written.",
        )
    return list(_lines(rows, heading + 1, column))


def _lines(rows: Sequence[Sequence[str]], begin: int, column: dict[str, int]) -> Iterator[Line]:
    for number, row in enumerate(rows[begin:], start=begin + 1):
        address, part, reason = (_cell(row, column[name]) for name in ("address", "part", "reason"))
        if not address and not part:
            continue
        word = PART_WORDS.get(part.lower())
        if word is None:
            raise UsageError(
                ja=f"{number} 行目: 区分「{part}」が分かりません。「代表」か「無作為」と書いてください。",
                en=f"Line {number}: the part {part!r} is none: write representative or random.",
            )
        if word not in (BY_HAND, LEFT_OUT):
            stratum = _cell(row, column["stratum"]) if "stratum" in column else ""
            if word != Part.REPRESENTATIVE and reason in {
                Language(lang).say(f"proposal.{word}_why") for lang in LANGUAGES
            }:
                reason = ""
            yield Line(number=number, address=address, part=Part(word), reason=reason, stratum=stratum)


def words_of(name: str) -> set[str]:
    """How a table may say what a page stands for, or the stratum that it was drawn from, in either language."""
    ways = [way(name) for lang in LANGUAGES for way in (Language(lang).stands_for, Language(lang).stratum) if name]
    return {" ".join(way.split()) for way in ways}


PART_WORDS = {
    word.lower(): value
    for value in (*(part.value for part in Part), BY_HAND, LEFT_OUT)
    for word in (value, *(Language(lang).say(f"proposal.{value}") for lang in LANGUAGES))
}


def _columns(heading: Sequence[str]) -> dict[str, int]:
    words = {Language(lang).say(f"proposal.{name}").lower(): name for name in COLUMNS for lang in LANGUAGES}
    found: dict[str, int] = {}
    for index, word in enumerate(heading):
        name = words.get(word.strip().lower())
        if name is not None:
            found.setdefault(name, index)
    return found


def _cell(row: Sequence[str], index: int) -> str:
    text = " ".join(row[index].split()) if index < len(row) else ""
    return text[1:] if text.startswith("'") and text[1:].startswith(FORMULA) else text


def _read_csv(path: Path) -> list[list[str]]:
    try:
        text = text_of(path.read_bytes())
    except OSError as error:
        raise UsageError(
            ja=f"{path} を読めません（{error.strerror}）。", en=f"{path} cannot be read ({error.strerror})."
        ) from error
    first = text.partition("\n")[0]
    delimiter = max(",\t;", key=first.count)
    try:
        return list(csv.reader(io.StringIO(text), delimiter=delimiter))
    except csv.Error as error:
        raise UsageError(
            ja=f"{path} を CSV として読めません（{error}）。", en=f"{path} cannot be read as CSV ({error})."
        ) from error
