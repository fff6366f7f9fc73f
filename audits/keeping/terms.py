"""Terms: how long each kind is kept, in fiscal years or days, and the least that needs no reason."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from audits.trends.periods import fiscal_year
from crawler.windows import TOKYO
from db.errors import UsageError
from db.words import Kept

_WRITTEN = re.compile(r"([0-9]{1,5})([yd])")
LONGEST = {"y": 100, "d": 36500}


@dataclass(frozen=True, kw_only=True)
class Term:
    """Whole fiscal years after the one that something is of, or days after its moment."""

    number: int
    unit: str  # y, d

    @classmethod
    def parse(cls, text: str) -> "Term":
        """Read 5y or 90d. Raises UsageError for anything else."""
        found = _WRITTEN.fullmatch(text.strip().lower())
        if found is None or int(found[1]) > LONGEST[found[2]]:
            raise UsageError(
                ja=f"保存期間「{text}」が読めません。年度なら 5y、日数なら 90d のように書いてください。",
                en=f"The keeping time {text!r} cannot be read: write 5y for fiscal years, or 90d for days.",
            )
        return cls(number=int(found[1]), unit=found[2])

    def __str__(self) -> str:
        return f"{self.number}{self.unit}"

    def ends(self, at: datetime) -> datetime:
        """The moment before which everything is past its term.

        Fiscal years count from 1 April after the year that something is of, as keeping times of public documents do.
        """
        if self.unit == "d":
            return at - timedelta(days=self.number)
        return datetime(fiscal_year(at) - self.number, 4, 1, tzinfo=TOKYO)

    def undercuts(self, other: "Term") -> bool:
        """Whether something may go earlier than the other term lets it."""
        if self.unit == other.unit:
            return self.number < other.number
        if self.unit == "d":
            return self.number < (other.number + 1) * 366  # what is of the first day of a year is kept longest
        return self.number * 365 < other.number


DEFAULTS: Mapping[Kept, Term] = {
    Kept.PICTURES: Term(number=3, unit="y"),
    Kept.TEXTS: Term(number=3, unit="y"),
    Kept.PLACES: Term(number=5, unit="y"),
    Kept.TRAIL: Term(number=3, unit="y"),
    Kept.NOTICES: Term(number=1, unit="y"),
    Kept.RUNS: Term(number=3, unit="y"),
    Kept.SESSIONS: Term(number=30, unit="d"),
}
# Our reading, see docs/operators/keeping.md: what a published test stands on, and who did what. An office's own rules go before.
MINIMUM: Mapping[Kept, Term] = {
    Kept.PICTURES: Term(number=3, unit="y"),
    Kept.TEXTS: Term(number=3, unit="y"),
    Kept.PLACES: Term(number=3, unit="y"),
    Kept.TRAIL: Term(number=1, unit="y"),
    Kept.NOTICES: Term(number=1, unit="y"),
    Kept.RUNS: Term(number=1, unit="y"),
}


@dataclass(frozen=True, kw_only=True)
class Terms:
    """The terms in force, and the reason for those that are shorter than the least."""

    of: Mapping[Kept, Term]
    why: str | None = None

    @property
    def undercut(self) -> tuple[Kept, ...]:
        """The kinds that are kept for less than the least."""
        return tuple(kind for kind, term in self.of.items() if kind in MINIMUM and term.undercuts(MINIMUM[kind]))

    def check(self) -> None:
        """Raises UsageError for a term below the least without a written reason."""
        if self.undercut and not (self.why or "").strip():
            kind = self.undercut[0]
            raise UsageError(
                ja=f"{kind.value} の保存期間 {self.of[kind]} は、下限 {MINIMUM[kind]} より短いです。"
                "短くする根拠（文書の名前など）を --why に書いてください。",
                en=f"{kind.value} are kept for {self.of[kind]}, which is less than {MINIMUM[kind]}: give the reason with --why.",
            )

    def reason(self, kind: Kept) -> str | None:
        """What the record says of a kind's term."""
        return self.why if kind in self.undercut else None
