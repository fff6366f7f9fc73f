"""What repairs have taught, for those who make pages: the example book, and the checklist with tips for the standard."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import groupby
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audits.checklist import TOP, Common, Commonest
from audits.criteria import Criterion
from audits.examples.book import Anonymous, Entry, anonymous
from audits.rules import Line, RuleText, checklist_line, explain
from db.errors import UsageError
from db.pictures.rows import image_of
from db.store import Lack, Lacking, Store
from db.types import now
from db.words import DefectState, Outcome
from reports.folder import Folder
from reports.language import Language
from reports.page_view import text_of
from reports.publish.documents import refuse_other
from reports.render import Pages, document_style
from reports.site_view import site_name

MEASURED = (
    "color-contrast",
    "color-contrast-enhanced",
    "target-size",
    "target-offset",
)  # say numbers, and no words


@dataclass(frozen=True, kw_only=True)
class Item:
    """A fault on the checklist."""

    number: int
    common: Common
    title: str
    line: Line


@dataclass(frozen=True, kw_only=True)
class Tip:
    """A fault of templates, or one that the sheet has no room for."""

    common: Common
    text: RuleText


@dataclass(frozen=True, kw_only=True)
class Told:
    """An example as a book shows it."""

    number: int
    entry: Entry
    words: Anonymous
    title: str
    text: RuleText
    seen: tuple[str, ...]  # what the checks saw of the before
    matched: str
    hidden: bool  # anonymous

    @property
    def back(self) -> bool:
        """Whether the fault has come back since."""
        return self.entry.state is not DefectState.CONFIRMED


def write_checklist(found: Commonest, out: Path, lang: str, names: Sequence[str] = ()) -> Path:
    """Write the sheet for editors and the tips into the folder `out`; returns the sheet. `names`: what sites were asked for by.

    Raises StorageError for a folder that cannot be written or holds something else.
    """
    language = Language(lang)
    about = " ".join(["checklist", *(each.site for each in found.sources)])
    refuse_other(out, about)
    with Folder(out, about) as folder:
        folder.text("document.css", _style())
        pages = Pages(
            folder, language, {"sites": _sites(found, names, language), "made": now(), **sheet(found, language)}
        )
        pages.write("checklist.html", "knowhow/checklist.html")
        pages.write(
            "standard.html", "knowhow/standard.html",
            tips=[Tip(common=each, text=text_of(each.rule, lang)) for each in found.templates],
            more=[Tip(common=each, text=text_of(each.rule, lang)) for each in found.contents[TOP:]],
        )  # fmt: skip
    return folder.out / "checklist.html"


def sheet(found: Commonest, language: Language) -> dict[str, Any]:
    """What fills the sheet for editors."""
    items = [_item(number, each, language.lang) for number, each in enumerate(found.contents[:TOP], start=1)]
    return {"found": found, "items": items, "days": _days(found, language)}


def _item(number: int, common: Common, lang: str) -> Item:
    text = text_of(common.rule, lang)
    try:
        line = checklist_line(common.rule, lang)
    except KeyError:  # a rule that a later engine brought
        line = Line(look="", wrong="", right="")
    return Item(number=number, common=common, title=text.title, line=line)


def _sites(found: Commonest, names: Sequence[str], language: Language) -> str:
    """What the sheet is of: the site, the organisation, or how many sites."""
    if len(found.sources) == 1:
        return site_name(found.sources[0].site)
    many = language.say("checklist.sites", count=len(found.sources))
    return language.say("checklist.office", name=names[0], sites=many) if len(names) == 1 else many


def _days(found: Commonest, language: Language) -> str:
    """When the sweeps finished."""
    days = sorted(each.finished_at for each in found.sources)
    first, last = language.day(days[0]), language.day(days[-1])
    return first if first == last else language.say("checklist.days", first=first, last=last)


async def write_book(
    connection: AsyncConnection,
    found: Sequence[Entry],
    out: Path,
    lang: str,
    *,
    hidden: bool,
    drafts: bool,
    store: Store | None = None,
) -> tuple[Path, int]:
    """Write examples as one page into the folder `out`; returns it, and how many it left out.

    `hidden`: without what names a site; `drafts`: with those that no person has confirmed, marked; `store`: where pictures are that
    are not in their rows. Raises UsageError when there is none to write, StorageError for a folder that cannot be written or holds something else.
    """
    language = Language(lang)
    told = [
        told_as(number, each, language, hidden=hidden)
        for number, each in enumerate(found, start=1)
        if drafts or (each.anonymous_by if hidden else each.confirmed_by)
    ]
    if not told:
        raise _nothing(len(found), hidden=hidden)
    about = "examples anonymous" if hidden else "examples"
    refuse_other(out, about)
    with Folder(out, about) as folder:
        folder.text("document.css", _style())
        lacking: dict[int, Lack] = {}
        for each in told:
            if not hidden:
                for shot in (each.entry.before_picture, each.entry.after_picture):
                    if shot is not None:
                        try:
                            folder.image(f"pictures/{shot.name}", await image_of(connection, store, shot.id))
                        except Lacking as error:
                            lacking[shot.id] = error.lack
        values: dict[str, Any] = {
            "parts": _by_criterion(told),
            "lacking": lacking,
            "hidden": hidden,
            "drafts": sum(
                1 for each in told if not (each.entry.anonymous_by if hidden else each.entry.confirmed_by)
            ),
            "total": len(told),
        }
        Pages(folder, language, {"made": now()}).write("index.html", "knowhow/examples.html", **values)
    return folder.out / "index.html", len(found) - len(told)


def _by_criterion(told: Sequence[Told]) -> list[tuple[Criterion | None, list[Told]]]:
    """Examples in sections: an example stands under the first criterion that its rule speaks about."""
    parts = groupby(told, lambda each: each.entry.criteria[0] if each.entry.criteria else None)
    return [(criterion, list(some)) for criterion, some in parts]


def told_as(number: int, entry: Entry, language: Language, *, hidden: bool) -> Told:
    """An example as a book shows it; `hidden`: without what names its site."""
    words = (
        anonymous(entry, language.lang)
        if hidden
        else Anonymous(
            before=entry.before, after=entry.after, around=entry.around, way=entry.way, notes=entry.notes
        )
    )
    seen = (
        explain(check["id"], Outcome.FAILED, check.get("data"), language.lang)
        for check in entry.checks
        if not hidden or check["id"] in MEASURED
    )
    text = text_of(entry.rule, language.lang)
    person = language.say("examples.somebody") if hidden else entry.written_by or entry.taken_by
    return Told(
        number=number, entry=entry, words=words, title=text.title, text=text, seen=tuple(each for each in seen if each),
        matched=language.say(f"examples.matched.{entry.matched.value}", person=person), hidden=hidden,
    )  # fmt: skip


def _nothing(taken: int, *, hidden: bool) -> UsageError:
    if not taken:
        return UsageError(
            ja="実例がまだありません。jisweep examples candidates で候補を見て、examples take で取ってください。",
            en="There is no example yet: see jisweep examples candidates, and take some with examples take.",
        )
    how = "examples confirm --anonymous" if hidden else "examples confirm"
    return UsageError(
        ja=f"人が確かめた実例がありません（確かめていないもの {taken} 件）。--drafts で書き出して見てから、{how} で確かめてください。",
        en=f"No example has been confirmed by a person ({taken} have not): look at them with --drafts, then {how}.",
    )


def knowhow_style() -> str:
    """What these pages add to a style sheet."""
    return resources.files("reports").joinpath("templates", "knowhow", "knowhow.css").read_text(encoding="utf-8")


def _style() -> str:
    """The style sheet of documents, with what these pages add."""
    return document_style() + knowhow_style()
