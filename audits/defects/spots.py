"""Whether what went from a page stands there still under another name: the same element but for its classes.

A class that is renamed makes another fault of an element, for classes say what a template is. What the element is
for – its tag, what it says, where it leads – and where it stands tell whether anything was repaired.
"""

import json
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.naming import ROOT
from audits.defects.sight import parts
from db.tables import Defect, Finding
from db.words import Outcome

AREAS = frozenset({"region"})  # rules whose places are parts of the page: its outermost element may be any
NEAR = 1.0  # CSS px that a box may be off

_TAG = re.compile(r"<[^>]*>?")
_AROUND = re.compile(r"\s*(<[^>]*>?)\s*")
_VALUE = r"""(?:=(?:"[^"]*(?:"|$)|'[^']*(?:'|$)|[^\s>"']+))?"""
_NAMING = re.compile(rf"\s(?:class|style|id){_VALUE}(?=[\s/>]|$)", re.IGNORECASE)
_SAYS = re.compile(  # attributes that tell an element from others of its kind
    r"""\s(?:href|src|name|for|title|alt|value|placeholder|aria-label)=["']?(?!["'\s>]|\#["'\s>]|javascript:)""",
    re.IGNORECASE,
)


@dataclass(frozen=True, kw_only=True)
class Spot:
    """A place of a result: what its element is apart from its classes, and where it stands."""

    defect: int  # that its name is known as, whole
    rule: str
    frame: str
    content: str
    box: tuple[float, ...] | None  # x, y, width, height
    failed: bool  # else the machine could not tell

    @property
    def kind(self) -> tuple[str, str, str]:
        """What two spots have in common that may be one."""
        return self.rule, self.frame, self.content


def content_of(snippet: str) -> str:
    """An element's HTML without classes, ids and styles, its own and those of what it holds."""
    return " ".join(_AROUND.sub(lambda found: _NAMING.sub("", found[1]), snippet.rstrip("…")).split())


async def spots_in(
    connection: AsyncConnection, results: Collection[int], rules: Collection[str]
) -> dict[int, list[Spot]]:
    """The places of results that some rules found or could not decide, in the order of the page."""
    found: dict[int, list[Spot]] = defaultdict(list)
    columns = Finding.result_id, ROOT, Finding.rule, Finding.frame, Finding.snippet, Finding.box, Finding.outcome
    for some in parts(sorted(results)):
        rows = await connection.execute(
            sa.select(*columns)
            .join(Defect, Defect.id == Finding.defect_id)
            .where(Finding.result_id.in_(some), Finding.rule.in_(rules))
            .order_by(Finding.result_id, Finding.position)
        )
        for result, defect, rule, frame, snippet, box, outcome in rows:
            spot = Spot(
                defect=defect, rule=rule, frame=json.dumps(frame), content=content_of(snippet),
                box=tuple(box) if box else None, failed=outcome is Outcome.FAILED,
            )  # fmt: skip
            found[result].append(spot)
    return found


def still_standing(
    gone: Collection[int], before: Sequence[Spot], after: Sequence[Spot]
) -> Iterator[tuple[Spot, Spot]]:
    """What some defects had on a page, each with what stands there now and did not before; the surest first.

    Each place stands for one; a part of the page for all that it holds.
    """
    rest = [each for each in before if each.failed and each.defect in gone]
    come = _come(before, after)
    for same in (_stays, _is_it):
        rest, pairs = _paired(rest, come, same)
        yield from pairs
    areas = [each for each in come if each.rule in AREAS]
    for old in rest:
        if new := next((each for each in areas if _is_part_of(old, each)), None):
            yield old, new


def _come(before: Iterable[Spot], after: Iterable[Spot]) -> list[Spot]:
    """The places that a page has more of than before: of those that look alike the ones that stand elsewhere."""
    had = Counter((each.defect, each.kind) for each in before)
    stood = Counter((each.defect, each.kind, each.box) for each in before)
    by_age: list[tuple[bool, Spot]] = []
    for each in after:
        by_age.append((bool(stood[each.defect, each.kind, each.box]), each))
        stood[each.defect, each.kind, each.box] -= by_age[-1][0]
    come: list[Spot] = []
    for _, each in sorted(by_age, key=lambda pair: not pair[0]):
        if had[each.defect, each.kind]:
            had[each.defect, each.kind] -= 1
        else:
            come.append(each)
    return come


def _paired(
    rest: Iterable[Spot], come: list[Spot], same: Callable[[Spot, Spot], bool]
) -> tuple[list[Spot], list[tuple[Spot, Spot]]]:
    """The places that are left, and those with what they are now, which is taken out of what has come."""
    by_kind: dict[tuple[str, str, str], list[Spot]] = defaultdict(list)
    for each in come:
        by_kind[each.kind].append(each)
    left: list[Spot] = []
    pairs: list[tuple[Spot, Spot]] = []
    for old in rest:
        new = next((each for each in by_kind[old.kind] if same(old, each)), None)
        if new is None:
            left.append(old)
            continue
        by_kind[old.kind].remove(new)
        pairs.append((old, new))
    come[:] = [each for some in by_kind.values() for each in some]
    return left, pairs


def _stays(old: Spot, new: Spot) -> bool:
    return bool(old.box and new.box and all(abs(a - b) <= NEAR for a, b in zip(old.box, new.box, strict=True)))


def _is_it(old: Spot, new: Spot) -> bool:
    """Of elements that say nothing of their own the box tells: further up or down, but as large and no further aside."""
    if _says_something(old.content) or old.box is None or new.box is None:
        return True
    (x, _, *size), (other_x, _, *other_size) = old.box, new.box
    return all(abs(a - b) <= NEAR for a, b in zip((x, *size), (other_x, *other_size), strict=True))


def _is_part_of(old: Spot, new: Spot) -> bool:
    """Whether the same part of the page stands there, though another element is its outermost one."""
    if (old.rule, old.frame) != (new.rule, new.frame):
        return False
    if (words := words_of(old.content)) and words == words_of(new.content):
        return True
    return bool(old.box and new.box and (_holds(old.box, new.box) or _holds(new.box, old.box)))


def _holds(box: Sequence[float], other: Sequence[float]) -> bool:
    (x, y, width, height), (left, top, wide, high) = box, other
    return (
        x - NEAR <= left and y - NEAR <= top and left + wide <= x + width + NEAR and top + high <= y + height + NEAR
    )


def words_of(content: str) -> str:
    """What an element says, without its tags."""
    return " ".join(_TAG.sub(" ", content).split())


def _says_something(content: str) -> bool:
    return bool(words_of(content) or any(_SAYS.search(tag) for tag in _TAG.findall(content)))
