"""Representative pages: those that stand for a site, each with the evidence that speaks for it."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from crawler.address import directory_of, path_of, spelling_key
from crawler.frame import FramePage
from crawler.kinds import Kind
from crawler.process import Processes

FURTHER = "further:"  # begins the reason of a page that only fills a sample
STEP = "process:"  # begins the reason of a page that comes in with the page named after it
MOST_USED = 5  # pages that a traffic file brings in


@dataclass(frozen=True, kw_only=True)
class LeftOut:
    """A page that a sample does not hold, and that would stand for something that no page of the sample does."""

    page: FramePage
    why: str  # what it would stand for, in the words of `representatives`

    @property
    def told(self) -> dict[str, str]:
        """The same for programs."""
        return {"address": self.page.address, "why": self.why}


def representatives(
    frame: Sequence[FramePage],
    start: str,
    *,
    steps: Processes | None = None,
    used: Sequence[str] = (),
) -> list[tuple[FramePage, str]]:
    """Pages that stand for the set, most telling first, each with what it stands for.

    Top page, one of each recognised kind with its whole process, the most used pages, category tops and templates by
    turns (WAIC test guide, 3.2); then, for a sample that is not full with these, further pages of each template by
    turns. `used` are addresses of the frame, the most used first.
    """
    chosen = _telling(frame, start, steps or Processes(), used)
    for page in _by_turns_of_template(frame):
        _add(chosen, page, f"{FURTHER}{page.template}", again=False)
    return list(chosen.values())


def left_out(
    frame: Sequence[FramePage],
    start: str,
    sample: Collection[int],
    *,
    steps: Processes | None = None,
    used: Sequence[str] = (),
) -> list[LeftOut]:
    """What representative pages would stand for and a sample (visits) lacks, the most telling first.

    A kind or a template is there with any page of it, also a random one; a top page, an entry, a much used page or a
    step of a process only itself. A form of one page does not stand for one with further steps.
    """
    steps = steps or Processes()
    mine = [page for page in frame if page.visit in sample]
    there = {f"kind:{kind}" for page in mine for kind in page.kinds} | {
        f"template:{page.template}" for page in mine
    }
    if not any(map(steps.of, mine)) and any(map(steps.of, frame)):
        there.discard(f"kind:{Kind.FORM}")
    found: dict[int, LeftOut] = {}
    for page, why in _telling(frame, start, steps, used).values():
        lacking = [each for each in why.split() if each not in there and not each.startswith(STEP)]
        if lacking and page.visit not in sample:
            found[page.visit] = LeftOut(page=page, why=" ".join(lacking))
    for page in [*(each.page for each in found.values()), *mine]:
        for step in steps.of(page):  # a process is never left in part
            if step.visit not in sample and step.visit not in found:
                found[step.visit] = LeftOut(page=step, why=f"{STEP}{page.address}")
    return list(found.values())


def category_tops(frame: Sequence[FramePage], start: str) -> list[FramePage]:
    """The first page of each directory right below the start, the directory with most pages first."""
    base = directory_of(start)
    sizes: dict[str, int] = {}
    tops: dict[str, FramePage] = {}
    for page in frame:
        path = path_of(page.address).split("?")[0]
        if not path.startswith(base) or "/" not in path[len(base) :]:
            continue
        category = path[len(base) :].split("/")[0]
        sizes[category] = sizes.get(category, 0) + 1
        best = tops.get(category)
        if best is None or _nearness(page) < _nearness(best):
            tops[category] = page
    order = sorted(tops, key=lambda category: (-sizes[category], category))
    return [tops[category] for category in order if sizes[category] > 1]


def _telling(
    frame: Sequence[FramePage], start: str, steps: Processes, used: Sequence[str]
) -> dict[int, tuple[FramePage, str]]:
    """The pages that each stand for something of their own, by visit, most telling first."""
    chosen: dict[int, tuple[FramePage, str]] = {}
    templates = [(page, f"template:{page.template}") for page in _one_of_each_template(frame)]
    categories = [(page, "category") for page in category_tops(frame, start)]
    for page, why in (
        *_top(frame, start), *_of_each_kind(frame, steps), *_most_used(frame, used),
        *_by_turns(templates, categories),
    ):  # fmt: skip
        _add(chosen, page, why)
        for step in steps.of(page):
            if step is not page:
                _add(chosen, step, f"{STEP}{page.address}", again=False)
    return chosen


def _add(chosen: dict[int, tuple[FramePage, str]], page: FramePage, why: str, *, again: bool = True) -> None:
    """Choose a page, or say of one that is chosen what else it stands for."""
    if page.visit not in chosen:
        chosen[page.visit] = (page, why)
    elif again:
        chosen[page.visit] = (page, f"{chosen[page.visit][1]} {why}")


def _top(frame: Sequence[FramePage], start: str) -> list[tuple[FramePage, str]]:
    tops = sorted((page for page in frame if spelling_key(page.address) == spelling_key(start)), key=_nearness)
    return [(page, "top") for page in sorted(tops, key=lambda page: page.address != start)][:1]


def _of_each_kind(frame: Sequence[FramePage], steps: Processes) -> list[tuple[FramePage, str]]:
    """The nearest page of each kind; of forms the one with the longest process, by its first step."""
    found: list[tuple[FramePage, str]] = []
    for kind in Kind:
        pages = [page for page in frame if kind.value in page.kinds]
        order = _by_process(steps) if kind is Kind.FORM else _nearness
        found += [(page, f"kind:{kind.value}") for page in sorted(pages, key=order)[:1]]
    return found


def _by_process(steps: Processes) -> Callable[[FramePage], tuple[int, int, tuple[int, int, str]]]:
    def order(page: FramePage) -> tuple[int, int, tuple[int, int, str]]:
        process = steps.of(page)
        return -len(process), process.index(page) if page in process else 0, _nearness(page)

    return order


def _most_used(frame: Sequence[FramePage], used: Sequence[str]) -> list[tuple[FramePage, str]]:
    at = {page.address: page for page in frame}
    return [(at[address], f"traffic:{rank}") for rank, address in enumerate(used[:MOST_USED], start=1)]


def _by_turns_of_template(frame: Sequence[FramePage]) -> list[FramePage]:
    """All pages: the first of each template, the second of each, and so on."""
    seen: Counter[int] = Counter()
    turns: list[tuple[int, int, FramePage]] = []
    for place, page in enumerate(frame):
        turns.append((seen[page.template], place, page))
        seen[page.template] += 1
    return [page for _, _, page in sorted(turns, key=lambda turn: turn[:2])]


def _one_of_each_template(frame: Sequence[FramePage]) -> list[FramePage]:
    sizes = Counter(page.template for page in frame)
    first = {page.template: page for page in reversed(frame)}
    return [first[template] for template in sorted(first, key=lambda each: (-sizes[each], each))]


def _nearness(page: FramePage) -> tuple[int, int, str]:
    return (path_of(page.address).count("/"), len(page.address), page.address)


def _by_turns(
    some: Sequence[tuple[FramePage, str]], others: Sequence[tuple[FramePage, str]]
) -> Iterable[tuple[FramePage, str]]:
    for index in range(max(len(some), len(others))):
        yield from some[index : index + 1]
        yield from others[index : index + 1]
