"""Strata: the frame divided by directory or template, and how many random pages each division gives."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence

from crawler.address import directory_of, origin_of, path_of
from crawler.frame import FramePage
from db.words import Stratify

OTHERS = "others"  # what the small strata are put together as
WHOLE = ""  # the only stratum of a frame that is not divided


def strata_of(frame: Sequence[FramePage], start: str, stratify: Stratify | None, share: int) -> dict[str, str]:
    """The stratum of each page by address, no more strata than pages are to be drawn.

    Those whose share of the pages to be drawn is less than one are put together: one page from each would weigh more than
    its part of the site, and say little of the rest.
    """
    if stratify is None:
        return dict.fromkeys((page.address for page in frame), WHOLE)
    small = set(together(frame, start, stratify, share))
    named = ((page.address, _name(page, start, stratify)) for page in frame)
    return {address: OTHERS if name in small else name for address, name in named}


def strata_as_drawn(
    frame: Sequence[FramePage], start: str, stratify: Stratify | None, drawn: Collection[str]
) -> dict[str, str]:
    """The stratum of each page by address in a draw that has been made: each of its strata gave a page.

    So it holds whatever rule put the small ones together when the pages were drawn.
    """
    if stratify is None:
        return dict.fromkeys((page.address for page in frame), WHOLE)
    named = ((page.address, _name(page, start, stratify)) for page in frame)
    rest = {OTHERS} & set(drawn)
    return {address: OTHERS if rest and name not in drawn else name for address, name in named}


def together(frame: Sequence[FramePage], start: str, stratify: Stratify | None, share: int) -> list[str]:
    """The strata that are put together as others, the largest first."""
    if stratify is None:
        return []
    return merged(Counter(_name(page, start, stratify) for page in frame), share)


def merged(sizes: Mapping[str, int], share: int) -> list[str]:
    """The strata that are put together, the largest first; none when there is at most one to put."""
    whole = sum(sizes.values())
    small = [name for name, size in sizes.items() if size * share < whole]
    return sorted(small, key=lambda name: (-sizes[name], name)) if len(small) > 1 else []


def allocated(sizes: Mapping[str, int], share: int) -> dict[str, int]:
    """How many of `share` pages each stratum gives: in proportion to its size, by largest remainder, at least one.

    Strata whose proportion is below one give one; the others divide the rest among themselves.
    """
    share = min(share, sum(sizes.values()))
    given: dict[str, int] = {}
    left = dict(sizes)
    while small := [name for name, size in left.items() if size * (share - len(given)) < sum(left.values())]:
        if len(given) + len(small) > share:  # not one for each, when too many small strata were not put together
            small = sorted(small, key=lambda name: (-left[name], name))[: share - len(given)]
            return dict.fromkeys(sizes, 0) | given | dict.fromkeys(small, 1)
        given |= dict.fromkeys(small, 1)
        left = {name: size for name, size in left.items() if name not in given}
    return given | _by_largest_remainder(left, share - len(given))


def _by_largest_remainder(sizes: Mapping[str, int], share: int) -> dict[str, int]:
    whole = sum(sizes.values())
    given = {name: size * share // whole for name, size in sizes.items()}
    remainders = sorted(sizes, key=lambda name: (-(sizes[name] * share % whole), -sizes[name], name))
    for name in remainders[: share - sum(given.values())]:
        given[name] += 1
    return given


def _name(page: FramePage, start: str, stratify: Stratify) -> str:
    if stratify is Stratify.TEMPLATE:
        return f"template:{page.template}"
    base, path = directory_of(start), path_of(page.address).partition("?")[0]
    origin = "" if origin_of(page.address) == origin_of(start) else origin_of(page.address)
    inside = path.startswith(base)
    front, rest = (base, path[len(base) :]) if inside else ("/", path[1:])
    first, slash, _ = rest.partition("/")
    return f"{origin}{front}{first}/" if slash else f"{origin}{front}"
