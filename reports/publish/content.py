"""What the test result says, as rows that HTML, Excel and Word share."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from audits.criteria import NAMES
from audits.declaring import NO_EXCEPTIONS, exceptions_of
from audits.jis_test import CriterionResult, Lack, Verdict, lacks_of_test
from audits.rules import rule_text
from db.words import Edition, Method, Notation, Part, Redraw
from reports.language import Language
from reports.left_out import left_out_kinds
from reports.publish.facts import Facts, Tested

ITEMS = ("declared", "standard", "level_met", "scope", "technologies", "method", "addresses", "checklist", "period")
CHECKLIST = ("criterion", "level", "applies", "outcome", "note")


@dataclass(frozen=True, kw_only=True)
class Line:
    """A named item and what is said of it, one or several lines."""

    key: str
    name: str
    values: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class CheckRow:
    """A criterion in the checklist."""

    criterion: str
    level: str
    applies: str
    outcome: str
    note: str
    state: str  # met, not_met, not_applicable or unjudged, for the eye


class Content:
    """The words of a test's documents in one language."""

    def __init__(self, facts: Facts, language: Language) -> None:
        self.facts, self.language = facts, language
        self.say = language.say
        self.blank = language.say("publish.blank")
        ja, en = NAMES[facts.head.edition]
        self.standard = (
            "JIS X 8341-3:2016" if facts.head.edition is Edition.JIS2016 else ja if language.lang == "ja" else en
        )

    @property
    def lead(self) -> str:
        """What kind of result it is."""
        key = "lead" if self.facts.head.edition is Edition.JIS2016 else "lead_other"
        return self.say(f"result.{key}", standard=self.standard)

    @property
    def incomplete(self) -> str | None:
        """Why the test is not complete; None when it is."""
        because = self.incomplete_because
        return " ".join([*because, self.say("result.not_to_publish")]) if because else None

    @property
    def incomplete_because(self) -> list[str]:
        """What the test lacks, a sentence each, whatever notation is meant."""
        test, lacking = self.facts.test, lacks_of_test(self.facts.test)
        unjudged = len(self.facts.open)
        found = []
        if unjudged or {Lack.LOST, Lack.UNFINISHED} & set(lacking):
            found.append(
                self.say(
                    "result.incomplete_text", unjudged=self.language.count("criterion", unjudged),
                    lost=self.language.count("page", test.lost),
                )
            )  # fmt: skip
        if Lack.SUSPECT in lacking:
            found.append(self.say("result.incomplete_suspect"))
        if Lack.UNREAD in lacking:
            found.append(self.say("result.incomplete_unread"))
        if test.by_hand and not self.facts.details.get("processes"):
            found.append(self.say("result.incomplete_process", steps=" ".join(test.by_hand)))
        return found

    def items(self, where: str = "below") -> list[Line]:
        """The nine items of JB.3.1, in their order; two refer to tables, which stand `below` or each on its own `sheet`."""
        said = {
            "declared": (self.declared(),),
            "standard": (self.standard,),
            "level_met": (self.level_met(),),
            "scope": (str(self.facts.details.get("scope") or self.blank),),
            "technologies": (self._list("technologies"),),
            "method": (self.method(), *self.unread(), *self.left_out()),
            "addresses": (
                self.say(
                    f"result.addresses_{where}", pages=self._pages(), sheet=self.say("result.sheet_addresses")
                ),
            ),
            "checklist": (self.say(f"result.checklist_{where}", sheet=self.say("result.sheet_checklist")),),
            "period": self.period(),
        }
        return [Line(key=key, name=self.say(f"result.{key}"), values=said[key]) for key in ITEMS]

    def others(self) -> list[Line]:
        """What is published besides the nine items."""
        head, told = self.facts.head, self.facts.details
        said: dict[str, tuple[str, ...]] = {
            "organisation": (str(told.get("organisation") or self.blank),),
            "contact": (str(told.get("contact") or self.blank),),
            "site": (head.site,),
            "target": (self.say("result.level_conforming", level=self.facts.aim.value),),
            "notation": self.notation(),
            "tools": (*self._engine(), *map(str, told.get("tools", ()))),
            "user_agents": (*self._browser(), *map(str, told.get("user_agents", ()))),
            "excluded": tuple(
                self.say("policy.excluded_line", pattern=line.pattern, reason=line.reason or self.blank)
                for line in self.facts.excluded
            ) or (self.say("result.none"),),
        }  # fmt: skip
        if told.get("processes"):
            said["processes"] = (str(told["processes"]),)
        if told.get("plan"):
            said["plan"] = (str(told["plan"]),)
        return [Line(key=key, name=self.say(f"result.{key}"), values=values) for key, values in said.items()]

    def notation(self) -> tuple[str, ...]:
        """What a named person has set, if it stands; else that nothing was, or that it no longer does."""
        standing = self.facts.standing
        if standing is None or standing.notation is None:
            return (self.say("publish.no_notation"),)
        day = self.language.day(standing.at)
        if standing.claim is None:
            return (self.say("publish.notation_fell", day=day, person=standing.person),)
        return (self.say("publish.claim_by", claim=self.claim(), day=day, person=standing.person),)

    def claim(self) -> str | None:
        """The notation in the words of an office; None when none stands."""
        notation = self.facts.claim
        if notation is None:
            return None
        said = self.say(f"publish.claim_{notation.value}", standard=self.standard, level=self.facts.aim.value)
        excepted = notation is not Notation.CONSIDERATE and bool(exceptions_of(self.facts.details))
        return said + (self.say("publish.claim_except") if excepted else "")

    def level_met(self) -> str:
        """The level that is met: said only with a notation that stands."""
        claim = self.facts.claim
        if claim in (Notation.CONFORMING, Notation.PARTIALLY):
            return self.say(f"result.level_{claim.value}", level=self.facts.aim.value)
        return self.say("result.level_none")

    def declared(self) -> str:
        """The date of the declaration, as people wrote it."""
        told = self.facts.details.get("declared")
        return self.day(told) if told else self.blank

    def period(self) -> tuple[str, ...]:
        """The period that people wrote, else that of the audits and judgements on record."""
        test, told = self.facts.test, self.facts.details
        first = (
            self.day(told["began"]) if "began" in told else self.language.day(test.began) if test.began else None
        )
        last = self.day(told["ended"]) if "ended" in told else self.language.day(test.ended) if test.ended else None
        if first is None or last is None:
            return (self.blank,)
        said = self.say("result.period_range", first=first, last=last)
        return (said,) if {"began", "ended"} <= told.keys() else (said, self.say("result.period_source"))

    def method(self) -> str:
        """How the pages were chosen, with the numbers that let it be repeated."""
        head, conclusion = self.facts.head, self.facts.test.conclusion
        parts = [part for page in self.facts.pages for part in page.parts]
        both = sum(len(page.parts) > 1 for page in self.facts.pages)
        return self.say(
            f"result.method_{head.method.value if head.method else 'none'}",
            pages=self._pages(), seed=str(head.seed),
            frame=self.language.count("page", conclusion.selected + conclusion.not_chosen),
            representative=self.language.count("page", parts.count(Part.REPRESENTATIVE)),
            random=self.language.count("page", parts.count(Part.RANDOM)),
            both=self.say("result.method_both", both=self._count(both)) if both else "",
        ) + (self.say(f"result.stratified_{head.stratify.value}") if head.stratify else "") + self._begin()  # fmt: skip

    def _begin(self) -> str:
        """Where in the order of the seed a redrawn sample begins: without it nobody can draw it again."""
        begin, half = self.facts.test.sweep.draw_from, self.facts.test.sweep.redraw is Redraw.HALF
        return self.say(f"result.draw_from{'_half' if half else ''}", draw_from=str(begin)) if begin else ""

    def unread(self) -> tuple[str, ...]:
        """That a sample was chosen from a part of the site, where exploring could not read all; of a census a lack says it."""
        conclusion, method = self.facts.test.conclusion, self.facts.head.method
        whole = method in (None, Method.ALL) or not (conclusion.unread or conclusion.incomplete_because)
        return () if whole else (self.say("result.frame_unread"),)

    def left_out(self) -> tuple[str, ...]:
        """The kinds of page that nothing was tested of; nothing where the sample lacks none."""
        found = self.facts.left_out
        return (self.say("result.left_out", kinds=left_out_kinds(found, self.language)),) if found else ()

    def checklist(self) -> list[CheckRow]:
        """達成基準チェックリスト."""
        return [self._row(each) for each in self.facts.test.criteria]

    def exceptions(self) -> list[dict[str, str]]:
        """The exceptions as people wrote them."""
        return [
            {name: self.day(each[name]) if name == "until" and name in each else each.get(name, "")
             for name in ("what", "where", "reason", "until")}
            for each in exceptions_of(self.facts.details)
        ]  # fmt: skip

    @property
    def no_exceptions(self) -> str:
        """What is said where nobody has written an exception: that there is none only where somebody wrote that."""
        told = self.facts.details.get("exceptions") == NO_EXCEPTIONS
        return self.say("result.exceptions_none" if told else "result.exceptions_unknown")

    def chosen_as(self, page: Tested) -> str:
        """The parts of the sample that a page belongs to."""
        return self.say("common.comma").join(self.say(f"result.part_{part.value}") for part in page.parts)

    def day(self, told: str) -> str:
        """A date of the details in the reader's words."""
        year, month, day = told.split("-")
        return self.say("number.day", year=year, month=self.say(f"month.{int(month)}"), day=str(int(day)))

    def _row(self, result: CriterionResult) -> CheckRow:
        said = self.say
        signs = {
            Verdict.MET: ("yes", "yes"),
            Verdict.NOT_MET: ("yes", "no"),
            Verdict.NOT_APPLICABLE: ("not_applicable", "yes"),
            Verdict.UNJUDGED: ("unjudged", "unjudged"),
        }
        applies, outcome = (said(f"result.{sign}") for sign in signs[result.verdict])
        return CheckRow(
            criterion=f"{result.criterion.number} {result.criterion.name(self.language.lang)}",
            level=result.criterion.level.value, applies=applies, outcome=outcome,
            note=("" if self.language.lang == "ja" else " ").join(self._notes(result)), state=result.verdict.value,
        )  # fmt: skip

    def _notes(self, result: CriterionResult) -> Iterator[str]:
        if result.verdict is Verdict.NOT_APPLICABLE:
            yield self.say("result.not_applicable_note")
        if result.unjudged - result.disputed > 0:
            yield self.say("result.unjudged_note", pages=self._count(result.unjudged - result.disputed))
        if result.disputed:
            yield self.say("result.disputed_note", pages=self._count(result.disputed))
        if result.not_met:  # last: it ends in people's words, with a full stop or without
            yield self.say("result.failed_note", pages=self._count(result.not_met), reasons=self.reasons(result))

    def reasons(self, result: CriterionResult) -> str:
        """Why pages do not meet a criterion: in people's words, and the titles of the rules that they accepted.

        Of several reasons each tells on how many pages it is so; a page may have more than one.
        """
        said = [*result.reasons, *((self._title(rule), pages) for rule, pages in result.rules)]
        if len(said) < 2:
            return said[0][0] if said else self.say("result.failed_no_reason")
        told = (self.say("result.reason_on", reason=why, pages=self._count(pages)) for why, pages in said)
        return ("／" if self.language.lang == "ja" else "; ").join(told)

    def _title(self, rule: str) -> str:
        try:
            return rule_text(rule, self.language.lang).title
        except (KeyError, OSError):
            return rule

    def _count(self, pages: int) -> str:
        return self.language.count("page", pages)

    def _pages(self) -> str:
        return self._count(self.facts.test.pages)

    def _list(self, key: str) -> str:
        told: list[Any] = self.facts.details.get(key, [])
        return self.say("common.comma").join(map(str, told)) or self.blank

    def _engine(self) -> tuple[str, ...]:
        head = self.facts.head
        if head.engine is None:
            return ()
        return (self.say("result.engine_of", engine=head.engine, version=head.engine_version, rules=head.rule_set),)

    def _browser(self) -> tuple[str, ...]:
        head = self.facts.head
        size = {"width": str(head.viewport_width), "height": str(head.viewport_height)}
        return (self.say("result.browser_of", browser=head.browser, **size),) if head.browser else ()
