"""earl.jsonld: every word on every page in EARL 1.0: each person's, by hand; the engine's, automatic.

The engine says `failed` and `cantTell` only. A person appears with the name that the judgement was given under.
"""

from typing import Any

from audits.criteria import aimed_at
from audits.criteria.anchors import address
from audits.judging import Item, JudgedPage, Said
from db.words import JudgementOutcome
from reports.clean import one_line
from reports.folder import Folder
from reports.publish.content import Content
from reports.publish.iri import iri
from reports.publish.machine import Found
from reports.publish.streamed import Streamed

CONTEXT: dict[str, Any] = {
    "earl": "http://www.w3.org/ns/earl#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "assertedBy": {"@id": "earl:assertedBy", "@type": "@id"},
    "subject": {"@id": "earl:subject", "@type": "@id"},
    "test": {"@id": "earl:test", "@type": "@id"},
    "mode": {"@id": "earl:mode", "@type": "@id"},
    "result": "earl:result",
    "outcome": {"@id": "earl:outcome", "@type": "@id"},
    "info": "earl:info",
    "title": "dct:title",
    "description": "dct:description",
    "date": {"@id": "dct:date", "@type": "xsd:dateTime"},
    "isPartOf": {"@id": "dct:isPartOf", "@type": "@id"},
    "version": "dct:hasVersion",
    "name": "foaf:name",
    "homepage": {"@id": "foaf:homepage", "@type": "@id"},
}
OUTCOMES = {
    JudgementOutcome.MET: "earl:passed",
    JudgementOutcome.NOT_MET: "earl:failed",
    JudgementOutcome.NOT_APPLICABLE: "earl:inapplicable",
}
ENGINE = "_:engine"
SITE = "_:site"  # not its address, which is that of its start page


class Assertions:
    """Writes earl.jsonld while pages come."""

    def __init__(self, folder: Folder, content: Content) -> None:
        self._content, self._head = content, content.facts.head
        self.file = Streamed(folder, "earl.jsonld", {"@context": CONTEXT}, "@graph")
        self._people: dict[str, str] = {}
        self._criteria = aimed_at(self._head.edition, self._head.level)
        self._site()
        self._tests()

    def add(self, page: JudgedPage, found: list[Found]) -> None:
        """A page and what was said of it."""
        self.file.add(
            {"@id": iri(page.address), "@type": "earl:TestSubject", "title": one_line(page.title or ""),
             "isPartOf": SITE}
        )  # fmt: skip
        for item in page.items:
            for said in item.said:
                self._said(page, item, said)
        for each in found:
            if each.criterion in self._criteria:
                self._found(page, each)

    def _site(self) -> None:
        self.file.add(site_subject(self._head.site, self._content.facts.site))
        if self._head.engine:
            self.file.add(
                {"@id": ENGINE, "@type": ["earl:Assertor", "earl:Software"], "title": self._head.engine,
                 "version": self._head.engine_version, "description": self._head.rule_set}
            )  # fmt: skip

    def _tests(self) -> None:
        for number, criterion in self._criteria.items():
            self.file.add(
                {"@id": address(self._head.edition, number), "@type": "earl:TestRequirement",
                 "title": f"{number} {criterion.name(self._content.language.lang)}"}
            )  # fmt: skip

    def _said(self, page: JudgedPage, item: Item, said: Said) -> None:
        result = {"outcome": OUTCOMES[said.outcome], "date": said.at.isoformat()}
        if said.reason:
            result["description"] = said.reason
        self._assertion(page, item.criterion.number, self._person(said.person), "earl:manual", result)

    def _found(self, page: JudgedPage, found: Found) -> None:
        places = self._content.language.count("place", found.places)
        info = self._content.say("jsonld.machine", rules=", ".join(found.rules), places=places)
        result = {"outcome": f"earl:{found.outcome.value}", "info": info}
        self._assertion(page, found.criterion, ENGINE, "earl:automatic", result)

    def _assertion(self, page: JudgedPage, number: str, by: str, mode: str, result: dict[str, Any]) -> None:
        self.file.add(
            {"@type": "earl:Assertion", "assertedBy": by, "subject": iri(page.address),
             "test": address(self._head.edition, number), "mode": mode,
             "result": {"@type": "earl:TestResult"} | result}
        )  # fmt: skip

    def _person(self, name: str) -> str:
        if name not in self._people:
            self._people[name] = f"_:person{len(self._people) + 1}"
            self.file.add(
                {"@id": self._people[name], "@type": ["earl:Assertor", "foaf:Person"], "name": one_line(name)}
            )
        return self._people[name]


def site_subject(address: str, title: str) -> dict[str, Any]:
    """The site that pages are parts of."""
    return {"@id": SITE, "@type": "earl:TestSubject", "title": title, "homepage": iri(address)}
