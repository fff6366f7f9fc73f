"""The folder of documents to publish, whole or not at all."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from audits.conclude import sweep_row
from audits.jis_test import Verdict
from audits.judging import pages_to_judge
from crawler.sample import left_out_of
from db.database import Database
from db.errors import StorageError, UsageError
from db.words import Notation
from reports.folder import Folder, refuse_foreign
from reports.language import LANGUAGES, Language
from reports.publish import books, policy, word
from reports.publish.content import Content
from reports.publish.earl import Assertions
from reports.publish.facts import Facts, Tested, facts_of, lack_line
from reports.publish.machine import found_on
from reports.publish.wcag_em import Evaluation
from reports.render import Pages, document_style

NAMES = (
    "result.html", "result.xlsx", "policy.html", "policy.docx", "evaluation.xlsx", "missing.html",
    "wcag-em.jsonld", "earl.jsonld",
)  # fmt: skip


async def write_documents(
    database: Database, sweep_id: int, out: Path, details: dict[str, Any] | None, lang: str
) -> Facts:
    """Write all documents of a test into the folder `out`; returns what they say.

    Raises UsageError when there is no such sweep or a notation stands for other details, StorageError for a folder that cannot be written or that holds
    something else; then nothing is left behind and what was there is untouched.
    """
    facts = await facts_of(database, sweep_id, details)
    refuse_otherwise(facts)
    about = f"publish {facts.head.site} {facts.head.created_at.isoformat()}"
    refuse_other(out, about)
    content = Content(facts, Language(lang))
    with Folder(out, about) as folder:
        async with database.reading() as connection:
            await _machine_readable(connection, content, folder)
        _pages(content, folder)
        folder.image("result.xlsx", books.result_book(content))
        folder.image("evaluation.xlsx", books.evaluation_book(content))
        folder.image("policy.docx", word.policy_document(content))
    return facts


def refuse_otherwise(facts: Facts) -> None:
    """A notation is stated as it was set: for another scope or level it has to be set anew."""
    if facts.otherwise:
        keys, number = ", ".join(facts.otherwise), str(facts.head.id)
        ja, en = (Language(lang).say("publish.otherwise", keys=keys, id=number) for lang in LANGUAGES)
        raise UsageError(ja=ja, en=en)


def refuse_other(out: Path, about: str) -> None:
    """A report of ours about something else is not replaced."""
    there = refuse_foreign(out.expanduser().resolve())
    if there not in (None, about):
        ja, en = (Language(lang).say("publish.other_report", out=str(out)) for lang in LANGUAGES)
        raise StorageError(ja=ja, en=en)


async def _machine_readable(connection: AsyncConnection, content: Content, folder: Folder) -> None:
    """Read the pages once, for the list of addresses and for both files of JSON-LD, and what the sample lacks."""
    facts = content.facts
    sweep = await sweep_row(connection, facts.head.id)
    facts.left_out = await left_out_of(connection, sweep, facts.head.site)
    evaluation, assertions = Evaluation(folder, content), Assertions(folder, content)
    with evaluation.file, assertions.file:
        async for page in pages_to_judge(connection, sweep):
            facts.pages.append(Tested(number=page.number, address=page.address, title=page.title, parts=page.parts))
            evaluation.add(page)
            assertions.add(page, await found_on(connection, page.visit, facts.head.rule_criteria))
        evaluation.end()


def _pages(content: Content, folder: Folder) -> None:
    facts, language = content.facts, content.language
    folder.text("document.css", document_style())
    pages = Pages(folder, language, {"content": content, "facts": facts})
    pages.write("result.html", "publish/result.html")
    pages.write("policy.html", "publish/policy.html", lead=policy.lead(content), sections=policy.sections(content))
    pages.write(
        "missing.html",
        "publish/missing.html",
        notations=[(each, list(_lines(facts, each, language))) for each in Notation],
        current=current(facts, language),
        open=[each for each in facts.test.criteria if each.open or each.verdict is Verdict.NOT_MET],
        files=NAMES,
    )


def _lines(facts: Facts, notation: Notation, language: Language) -> Iterable[str]:
    return (lack_line(lack, facts, language) for lack in facts.missing(notation))


def current(facts: Facts, language: Language, words: str = "lack") -> list[str]:
    """Which notation has been set, by whom, and whether it still stands."""
    standing = facts.standing
    if standing is None:
        return [language.say("notation.undeclared")]
    said = {"person": standing.person, "day": language.day(standing.at)}
    if standing.notation is None:
        return [language.say("notation.taken_back", **said)]
    told = [language.say("notation.declared", notation=language.say(f"notation.{standing.notation.value}"), **said)]
    if standing.missing:
        told.append(language.say("notation.no_longer", count=len(standing.missing)))
        told += [lack_line(lack, facts, language, words) for lack in standing.missing]
    return told
