"""Processes: the pages of a form and of its further steps, as far as they are pages of the frame.

What a form sends, and links do not lead to, is told as a step that no page of the frame stands for: we send nothing.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from crawler.address import directory_of, path_of
from crawler.frame import FramePage
from crawler.kinds import Kind

FEW = 10  # pages with a form to one target, or of one step; what more have is the site's, such as a question on each page
STEPS = 20  # pages of one process that are taken into a sample

_ORDER = {  # the words of a step, and which one it is
    1: ("input", "entry", "nyuryoku", "入力"),
    50: ("confirm", "confirmation", "kakunin", "check", "確認"),
    90: ("complete", "completed", "finish", "finished", "done", "thanks", "kanryo", "kanryou", "完了"),
}
_WORDS = {word: step for step, words in _ORDER.items() for word in words}
_NAME = re.compile(
    rf"(?P<before>.*?)[-_]?(?:step[-_]?(?P<number>\d{{1,2}})|(?P<word>{'|'.join(filter(str.isascii, _WORDS))}))",
    re.IGNORECASE,
)
_TITLE = re.compile(r"(?:step|ステップ|手順)\s*(?P<number>\d{1,2})|(?P<word>入力|確認|完了)", re.IGNORECASE)
_LOOSE = re.compile(r"[\s　（）()【】\[\]［］]+")


@dataclass(frozen=True, kw_only=True)
class Processes:
    """The processes of a frame."""

    pages: Mapping[str, Sequence[FramePage]] = field(default_factory=dict)  # by address of each of their pages
    known: frozenset[str] = frozenset()  # the addresses of the frame, and those that lead to its pages

    def of(self, page: FramePage) -> Sequence[FramePage]:
        """The first pages of the process that a page belongs to, in order; none when it is no step of any."""
        return self.whole(page)[:STEPS]

    def whole(self, page: FramePage) -> Sequence[FramePage]:
        """The same, and all that a sample does not take of a process without end."""
        return self.pages.get(page.address, ())

    def beyond(self, pages: Iterable[FramePage]) -> list[str]:
        """Where the forms of these pages send to that is no page of the frame: steps to be tested by hand."""
        return sorted({target for page in pages for target in page.sends_to if target not in self.known})


def processes(frame: Sequence[FramePage], otherwise: Mapping[str, str] | None = None) -> Processes:
    """The processes that forms, and names of steps in one directory, give evidence of.

    `otherwise` are addresses that lead to pages of the frame.
    """
    at = {page.address: page for page in frame}
    at |= {address: at[to] for address, to in (otherwise or {}).items() if to in at and address not in at}
    found: dict[str, set[str]] = {}
    for group in (*_by_form(frame, at), *_by_name(frame)):
        known = {id(each): each for address in group if (each := found.get(address)) is not None}
        whole = max(known.values(), key=len, default=set())  # the others join the largest: few addresses move
        for part in (group, *known.values()):
            if part is not whole:
                whole |= part
                found |= dict.fromkeys(part, whole)
    wholes = {id(each): each for each in found.values()}  # each once, however many pages it has
    order = {number: sorted((at[address] for address in each), key=_place) for number, each in wholes.items()}
    return Processes(pages={address: order[id(each)] for address, each in found.items()}, known=frozenset(at))


def _by_form(frame: Sequence[FramePage], at: Mapping[str, FramePage]) -> list[set[str]]:
    """Pages of which one has a form that sends to the other."""
    sent = [
        (page.address, at[target].address)
        for page in frame
        for target in page.sends_to
        if target in at and at[target] is not page
    ]
    senders = Counter(target for _, target in sent)
    return [{page, target} for page, target in sent if senders[target] <= FEW]


def _by_name(frame: Sequence[FramePage]) -> list[set[str]]:
    """Pages of one directory that are named alike but for the step, by address or title; one of them has a form."""
    alike: dict[tuple[str, ...], dict[int, list[FramePage]]] = defaultdict(lambda: defaultdict(list))
    for page in frame:
        directory = page.address.partition("?")[0].rpartition("/")[0]
        for front, (stem, step) in (("name", step_in_name(page.address)), ("title", step_in_title(page.title))):
            if step:
                alike[front, directory, stem][step].append(page)
    groups = [
        [page for pages in steps.values() for page in pages]
        for steps in alike.values()
        if len(steps) > 1 and max(map(len, steps.values())) <= FEW
    ]
    return [
        {page.address for page in group}
        for group in groups
        if any(page.sends_to or Kind.FORM.value in page.kinds for page in group)
    ]


def step_in_name(address: str) -> tuple[str, int]:
    """What stands before the step in the name of a file, and the step; 0 when it names none."""
    name = path_of(address).partition("?")[0].rpartition("/")[2].partition(".")[0]
    found = _NAME.fullmatch(name)
    return (found["before"].lower(), _step(found)) if found else (name, 0)


def step_in_title(title: str) -> tuple[str, int]:
    """A title without its step, and the step; 0 when it names none."""
    found = _TITLE.search(title)
    if found is None:
        return title, 0
    return _LOOSE.sub("", title[: found.start()] + title[found.end() :]), _step(found)


def _step(found: re.Match[str]) -> int:
    return int(found["number"]) if found["number"] else _WORDS[found["word"].lower()]


def _place(page: FramePage) -> tuple[str, int, str]:
    step = step_in_name(page.address)[1] or step_in_title(page.title)[1]
    return directory_of(page.address), step, page.address
