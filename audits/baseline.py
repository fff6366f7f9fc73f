"""A baseline: the defects that are known of pages, by which the new ones are told from the others.

It is a file that lies beside the pages' source, or a finished sweep of the database. Pages go by their path without the origin, so that a staging
site compares with the one in production; defects go by their fault's name (`audits.fault`), of today's version or of the one before.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits import fault
from audits.conclude import sweep_row
from audits.defects.naming import ROOT
from audits.defects.sight import seen_in
from audits.engine import own_rules
from audits.fault import Fault
from audits.speaking import is_trusted
from crawler.address import path_of
from db.errors import UsageError
from db.tables import Defect, Finding, Page, Sweep, Visit
from db.words import Edition, Outcome, SweepState

MARK = "jisweep baseline"  # says that a file is ours
FORMAT = 1
BEFORE_SHAPES = "fault-1"  # the version whose defects have no shape
HOW_TO_RENEW = "--write-baseline"


@dataclass(frozen=True, kw_only=True)
class Known:
    """A defect, and the places that it has on each page."""

    digest: str  # of its fault
    rule: str
    pages: Mapping[str, int]  # path → places


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """What is known, and by what it was found."""

    engine: str  # its version
    rule_set: str
    edition: Edition
    rules: frozenset[str]  # that were run and could find a defect
    defects: Mapping[str, Known]  # by digest
    identity: str = fault.VERSION
    names: Mapping[str, str] = field(default_factory=dict)  # digests of faults that are known as one of the defects

    def name_of(self, found: Fault) -> str:
        """The digest by which a fault is known here, in the version before or today; its own when it is not known.

        What was told apart in the version before, and a person has split, stays two, see `audits.defects.versions`.
        """
        names = (self.names.get(each, each) for each in (found.earlier, found.digest))
        return next((each for each in names if each in self.defects), found.digest)

    def to_text(self) -> str:
        """The file: defects in a steady order without dates, so that its history shows what changed."""
        told = {
            "made by": MARK, "format": FORMAT, "identity": self.identity, "engine": self.engine,
            "rule_set": self.rule_set, "edition": self.edition.value, "rules": sorted(self.rules),
            **({"names": dict(sorted(self.names.items()))} if self.names else {}),
            "defects": [
                {"rule": each.rule, "digest": each.digest, "pages": dict(sorted(each.pages.items()))}
                for each in sorted(self.defects.values(), key=lambda each: (each.rule, each.digest))
            ],
        }  # fmt: skip
        return json.dumps(told, ensure_ascii=False, indent=1) + "\n"


def from_text(text: str, name: str) -> Baseline:
    """The baseline that a file holds. Raises UsageError for what is none, or none that compares with what is found now."""
    try:
        told = json.loads(text)
        if not is_ours(text):
            raise ValueError("made by something else")
        if told["format"] != FORMAT:
            raise ValueError(f"format {told['format']}")
        found = _read(told)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        why = " ".join(str(error).split())[:80]
        raise UsageError(
            ja=f"{name} は jisweep の既知欠陥ファイル（{HOW_TO_RENEW} が書いたもの）として読めません（{why}）。",
            en=f"{name} is no baseline that {HOW_TO_RENEW} of jisweep wrote ({why}).",
        ) from error
    return comparable(found, name)


def comparable(found: Baseline, name: str) -> Baseline:
    """The baseline itself. Raises UsageError when its defects go by other names: none could be told from a new one."""
    if found.identity in (fault.VERSION, fault.EARLIER):
        return found
    raise UsageError(
        ja=f"{name} の欠陥の識別は {found.identity} で、今の {fault.VERSION} とは比べられません。"
        f"基準にする状態のページを検査し、{HOW_TO_RENEW} で作り直してください。",
        en=f"{name} names defects by {found.identity}, which does not compare with {fault.VERSION} of now: "
        f"check the pages as they were accepted and write it anew with {HOW_TO_RENEW}.",
    )


def is_ours(text: str) -> bool:
    """Whether a text is a baseline of any format or version."""
    try:
        told = json.loads(text)
    except (ValueError, RecursionError):
        return False
    return isinstance(told, dict) and told.get("made by") == MARK


def known_from(rows: Iterable[tuple[str, str, str, int]]) -> dict[str, Known]:
    """Defects by digest, of rows of digest, rule, path and places; of one path in several origins the most places."""
    rules: dict[str, str] = {}
    pages: dict[str, dict[str, int]] = defaultdict(dict)
    for digest, rule, path, places in rows:
        rules[digest] = rule
        pages[digest][path] = max(places, pages[digest].get(path, 0))
    return {digest: Known(digest=digest, rule=rule, pages=pages[digest]) for digest, rule in rules.items()}


async def of_sweep(connection: AsyncConnection, sweep_id: int) -> Baseline:
    """What a finished sweep found. Raises UsageError for one that is not finished, or a recheck: it saw single pages."""
    sweep = await sweep_row(connection, sweep_id)
    if sweep.recheck or sweep.state is not SweepState.FINISHED:
        raise UsageError(
            ja=f"スイープ {sweep_id} は終わっていないか、再検査です。終わったスイープの番号を指定してください。",
            en=f"Sweep {sweep_id} is not finished, or is a recheck: name a sweep that has finished.",
        )
    if not is_trusted(sweep):
        raise UsageError(
            ja=f"スイープ {sweep_id} は、疑わしいか数えないとされたものです。別のスイープを指定するか、jisweep health {sweep_id} で確かめてください。",
            en=f"Sweep {sweep_id} is suspect or was rejected: name another one, or see jisweep health {sweep_id}.",
        )
    rules = frozenset(rule for rule, numbers in (sweep.rule_criteria or {}).items() if numbers)
    found = await _found(connection, sweep, rules)
    identity = fault.VERSION if all(each.shaped == each.places for each in found) else BEFORE_SHAPES
    rows = ((each.digest, each.rule, path_of(each.address), each.places) for each in found)
    baseline = Baseline(
        engine=sweep.engine_version or "", rule_set=own_rules(sweep.rule_set), edition=sweep.edition, rules=rules,
        defects=known_from(rows), identity=identity, names=await _names(connection, sweep.site_id),
    )  # fmt: skip
    return comparable(baseline, f"--baseline-sweep {sweep_id}")


async def _names(connection: AsyncConnection, site_id: int) -> dict[str, str]:
    """The digests of a site's faults that are known as another, by machine or by a person, and those of the others."""
    root = sa.orm.aliased(Defect)
    query = sa.select(Defect.digest, root.digest).join(root, root.id == Defect.merged_into_id)
    return dict((await connection.execute(query.where(Defect.site_id == site_id))).all())


async def _found(connection: AsyncConnection, sweep: Sweep, rules: frozenset[str]) -> list[Any]:
    root = sa.orm.aliased(Defect)
    places, shaped = sa.func.count().label("places"), sa.func.count(Defect.shape).label("shaped")
    rows = await connection.execute(
        sa.select(root.digest, root.rule, Page.address, places, shaped)
        .select_from(Defect)
        .join(root, root.id == ROOT)
        .join(Finding, Finding.defect_id == Defect.id)
        .join(Visit, Visit.result_id == Finding.result_id)
        .join(Page, Page.id == Visit.page_id)
        .where(*seen_in(sweep), Finding.outcome == Outcome.FAILED)
        .group_by(root.id, root.digest, root.rule, Page.id, Page.address)
    )
    return [each for each in rows if each.rule in rules]


def _read(told: dict[str, Any]) -> Baseline:
    defects = [
        Known(digest=_text(each["digest"]), rule=_text(each["rule"]), pages=_pages(each["pages"]))
        for each in told["defects"]
    ]
    return Baseline(
        engine=_text(told["engine"]), rule_set=_text(told["rule_set"]), edition=Edition(told["edition"]),
        rules=frozenset(_text(each) for each in told["rules"]), identity=_text(told["identity"]),
        defects={each.digest: each for each in defects},
        names={_text(name): _text(known) for name, known in told.get("names", {}).items()},
    )  # fmt: skip


def _pages(told: dict[str, Any]) -> dict[str, int]:
    if not told or not all(
        path.startswith("/") and type(places) is int and places > 0 for path, places in told.items()
    ):
        raise ValueError("pages are paths with their number of places")
    return told


def _text(told: Any) -> str:
    if not isinstance(told, str):
        raise ValueError(f"{told!r} is no text")
    return told
