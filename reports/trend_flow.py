"""The flow of defects and their repair as numbers by their names."""

from audits.statistics.survival import Durations
from audits.trends.lives import AGES, Flow, Standing

WITHIN = (30, 90, 180, 365)  # days that it is told for how much was repaired within them


def flow_values(flow: Flow) -> dict[str, int]:
    """The numbers of a period by their names. What is open at the end is what was open, and what came, less what went."""
    moved = flow.moves
    return {
        "open_at_begin": flow.at_begin[Standing.OPEN],
        "found": flow.found,
        "newly_checked": flow.newly_checked,
        "returned": flow.returned,
        "seen_again": moved[Standing.UNVERIFIED, Standing.OPEN],
        "exception_ended": moved[Standing.EXCEPTED, Standing.OPEN],
        "confirmed": flow.confirmed,
        "confirmed_of_open": moved[Standing.OPEN, Standing.CONFIRMED],
        "unverified": moved[Standing.OPEN, Standing.UNVERIFIED],
        "excepted": moved[Standing.OPEN, Standing.EXCEPTED],
        "open_at_end": flow.at_end[Standing.OPEN],
        "unverified_at_end": flow.at_end[Standing.UNVERIFIED],
        "excepted_at_end": flow.at_end[Standing.EXCEPTED],
        "confirmed_at_end": flow.at_end[Standing.CONFIRMED],
    }


def flow_cell(flow: Flow, name: str) -> int:
    """A number of a period by its name, or by that of a band of age. Raises KeyError for a name of none."""
    return {**flow_values(flow), **dict(zip(age_names(), flow.ages, strict=True))}[name]


def age_names() -> list[str]:
    """Names of the bands of age: `days_30` up to 30 days, … `older`."""
    return [*(f"days_{days}" for days in AGES), "older"]


def at_least(taken: Durations) -> float | None:
    """How long half takes at the least, where the median cannot be said; None where it can, or nothing was found."""
    if taken.median is not None:
        return None
    return taken.median_low if taken.median_low is not None else taken.longest
