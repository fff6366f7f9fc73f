"""The volatile parts of a page's source: what differs each time it is asked for, though the page is the same.

Tokens, counters, session numbers and the time of printing are learned by asking for one page of a template twice. What
differs must lie within one tag or one run of text; a source that differs otherwise has no stable digest.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

MOST = 50  # slots of one template: a page that differs in more places is another one each time
LONGEST = 500  # characters that stand in a slot

_TOKENS = re.compile(r"<[^<>]*>|[^<>]+|[<>]")
_RUN = r"[\w+/.,:%-]"  # of a token, a date or a number: a slot never begins or ends within one
_LEFT = re.compile(rf"{_RUN}*$")
_RIGHT = re.compile(rf"^{_RUN}*")
_PARAMETER = re.compile(r"[?&;][\w.\[\]-]+=$")
_DELIMITERS = re.compile(r"[&;\"'\s]")
# An attribute with an address that is not shown at once, up to some place in it
_LEADING = r"\b(?i:href|action|formaction)\s*=\s*(?:\"[^\"<>]*?|'[^'<>]*?|[^\s\"'<>]*?)"
_IN_LINK = re.compile(rf"{_LEADING}$")
_PARAMETER_END = r"(?=[<>&;\"'\s]|$)"
# What may stand in a slot: a time, or a token without a gap. Words never do, or a slot would hide that they changed.
_DAY = (  # in full or short, and nothing else: one way to read each text, so that none takes long to be refused
    "Mon(?:day)?|Tue(?:sday)?|Wed(?:nesday)?|Thu(?:rsday)?|Fri(?:day)?|Sat(?:urday)?|Sun(?:day)?|Jan(?:uary)?"
    "|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?|Sep(?:t(?:ember)?)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?"
)
_TIME = (
    rf"(?:[\d\s/:.,\-年月日時分秒曜()（）火水木金土]|[AaPp][Mm]|午前|午後|令和|UTC|GMT|JST|{_DAY}){{0,{LONGEST}}}"
)
_TOKEN = rf"(?:(?=[^<>\s\"']*\d)|(?=[^<>\s\"']{{16}}))[\w+/=.,:;%~@|-]{{1,{LONGEST}}}"
_VALUE = f"(?:{_TIME}|{_TOKEN})"
_CODE = rf"(?:{_TIME}|[\w+/=.,:;%~@|-]{{1,{LONGEST}}})"  # in an attribute that nobody reads
_READ = re.compile(r"(?:alt|title|label|placeholder|summary|aria-\w+)\s*=\s*[\"']?[^\"']*$", re.IGNORECASE)
_MOMENT = re.compile(r"[\d\s/:.,\-年月日時分秒曜()（）月火水木金土]*(?:[AaPp][Mm])?")


class Slot(NamedTuple):
    """A place in the source: what stands before it, and what after it."""

    before: str
    after: str


def slots_between(first: str, second: str) -> list[Slot] | None:
    """Where two answers of one page differ; None when they differ in more than such places."""
    one, other = _TOKENS.findall(first), _TOKENS.findall(second)
    if len(one) != len(other):
        return None
    slots: dict[Slot, None] = {}
    previous = ""
    for a, b in zip(one, other, strict=True):
        if a != b:
            slot = _slot(previous, a, b)
            if slot is None:
                return None
            slots[slot] = None
            a = _emptied(previous + a, slot).removeprefix(previous)
        previous = a
    found = list(slots)
    return found if len(found) <= MOST and emptied(first, found) == emptied(second, found) else None


def moments_between(old: str, new: str) -> list[Slot]:
    """Where the source of one page from earlier and from now differ in nothing but a date, a time or a number."""
    one, other = _TOKENS.findall(old), _TOKENS.findall(new)
    if len(one) != len(other):
        return []
    slots: dict[Slot, None] = {}
    previous = ""
    for a, b in zip(one, other, strict=True):
        if a != b:
            left, right = _difference(a, b)
            differing = a[left : len(a) - right], b[left : len(b) - right]
            slot = _slot(previous, a, b) if all(map(_MOMENT.fullmatch, differing)) else None
            if slot is not None:
                slots[slot] = None
        previous = a
    return list(slots) if len(slots) <= MOST else []


def emptied(source: str, slots: Iterable[Slot]) -> str:
    """The source with nothing in its slots."""
    for slot in slots:
        source = _emptied(source, slot)
    return source


def stable_digest(source: str, slots: Iterable[Slot]) -> str:
    """A digest of the source that is the same whatever stands in the slots."""
    source = emptied(source, slots)
    return hashlib.sha256(source.encode("utf-8", "surrogatepass")).hexdigest()


def _emptied(source: str, slot: Slot) -> str:
    end = f"(?={re.escape(slot.after)})" if slot.after else _PARAMETER_END
    in_tag = slot.before.startswith("<") and ">" not in slot.before
    value = _CODE if in_tag and not _READ.search(slot.before) else _VALUE
    before = re.escape(slot.before)
    if not slot.after:
        value = f"[^<>]{{0,{LONGEST}}}?"  # of a parameter, which ends before the next delimiter
        before = f"{_LEADING}{before}"  # what a frame or a picture shows is never emptied
    return re.sub(f"({before}){value}{end}", r"\1", source, flags=re.ASCII)


def _slot(previous: str, a: str, b: str) -> Slot | None:
    """The slot that two versions of a token differ in; a run of text is known by the tag before it, too."""
    if a.startswith("<") != b.startswith("<") or max(len(a), len(b)) > 100 * LONGEST:
        return None
    left, right = _difference(a, b)
    differing = a[left : len(a) - right], b[left : len(b) - right]
    if any(len(each) > LONGEST or "<" in each or ">" in each for each in differing):
        return None
    parameter = _PARAMETER.search(a[:left])
    if (
        parameter
        and _IN_LINK.search(a[: parameter.start()])
        and not any(_DELIMITERS.search(each) for each in differing)
    ):
        return Slot(parameter[0], "")  # a session number in each link: wherever the parameter stands
    before = a[:left] if a.startswith("<") else previous + a[:left]
    return Slot(before, a[len(a) - right :] if right else "<")


def _difference(a: str, b: str) -> tuple[int, int]:
    """How many characters two texts share at the beginning and at the end, without breaking a run."""
    most = min(len(a), len(b))
    left = next((place for place in range(most) if a[place] != b[place]), most)
    left -= len(_match(_LEFT, a[:left]))
    right = next((place for place in range(most - left) if a[-1 - place] != b[-1 - place]), most - left)
    right -= len(_match(_RIGHT, a[len(a) - right :]))
    return left, right


def _match(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[0] if found else ""


def as_slots(rows: Sequence[Sequence[str]]) -> list[Slot]:
    """The slots that a row keeps as pairs."""
    return [Slot(before, after) for before, after in rows]
