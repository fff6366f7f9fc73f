"""What every form of an acceptance check tells of a defect, a place and a page, in one line each: the page's own text is hostile."""

from dataclasses import dataclass

from audits.acceptance import Acceptance
from audits.criteria import Criterion, criteria
from audits.page import Place
from audits.pages import Checked
from audits.rules import RuleText, explain
from db.words import Edition
from reports.clean import one_line
from reports.language import Language
from reports.page_view import path_of, text_of


@dataclass(frozen=True, kw_only=True)
class Teller:
    """The words of one check in one language."""

    acceptance: Acceptance
    edition: Edition
    language: Language
    strict: bool = False

    def text(self, rule: str) -> RuleText:
        """What there is to know of a rule."""
        return text_of(rule, self.language.lang)

    def criteria(self, rule: str) -> tuple[Criterion, ...]:
        """The criteria that a rule speaks about."""
        known = criteria(self.edition)
        return tuple(known[number] for number in self.acceptance.rules.criteria.get(rule, ()))

    def title(self, rule: str) -> str:
        """What is wrong, and against which criteria."""
        about = ", ".join(f"{each.number} {each.name(self.language.lang)}" for each in self.criteria(rule))
        return self.language.say("check.about", title=self.text(rule).title, about=about or rule)

    def where(self, place: Place) -> str:
        """The way to a place."""
        return one_line(path_of([*place.frame, *place.target]))

    def snippet(self, place: Place) -> str:
        """The element, as it is written."""
        return one_line(place.snippet)

    def seen(self, place: Place) -> list[str]:
        """What the checks saw there."""
        said = (explain(each["id"], place.outcome, each["data"], self.language.lang) for each in place.checks)
        return [one_line(each) for each in said if each]

    def lost(self, page: Checked) -> str:
        """Why a page was not audited."""
        assert page.reason is not None
        reason = self.language.word("reason", page.reason.value)
        return one_line(f"{reason}: {page.detail}" if page.detail else reason)

    def not_tested(self, page: Checked) -> list[str]:
        """Parts of an audited page that no rule saw."""
        parts = [
            f"{self.language.word('untested', each.part)}: {self.language.left_out(each.why)}"
            for each in page.untested
        ]
        return [one_line(each) for each in ([] if page.settled else [self.language.say("page.unsettled")]) + parts]
