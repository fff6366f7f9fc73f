"""The managers' worked example says what the program says."""

import re
from pathlib import Path

import pytest

from audits.compare import compare
from audits.statistics.difference import difference
from audits.statistics.finite import Draw, interval, upper_bound
from audits.statistics.pairs import Pairs
from audits.statistics.planning import largest_after_fall, pages_needed
from audits.statistics.strata import Sample, Stratum
from db.database import Database
from reports.compared import as_lines
from tests.reports.series import swept

PAGE = (Path(__file__).parents[2] / "docs" / "managers" / "reading-the-numbers.md").read_text(encoding="utf-8")


def percent(bounds: tuple[float, float]) -> str:
    return "〜".join(f"{100 * each:.1f}" for each in bounds)


async def test_the_lines_of_last_year_and_this_year(database: Database) -> None:
    for year, problems in ((1, 12), (2, 9)):
        first = 40 * year
        await swept(
            database, frame=1200, drawn=range(first, first + 40), seed=year,
            failing={"image-alt": range(first, first + problems)},
        )  # fmt: skip
    lines = list(as_lines(await compare(database, 1, 2), "ja"))
    assert lines[1] in PAGE
    assert lines[3] in PAGE
    assert lines[-1] in PAGE


@pytest.mark.parametrize("problems", [9, 5, 4])
def test_the_table_of_differences(problems: int) -> None:
    bounds = difference(*(Draw(population=1200, drawn=40, found=found) for found in (12, problems)))
    shown = "〜".join(f"{100 * each:+.1f}".replace("-", "−") for each in bounds)
    assert f"| {problems} / 40 | {shown} |" in PAGE


@pytest.mark.parametrize(("drawn", "found"), [(40, 12), (100, 30), (266, 80)])
def test_the_table_of_sizes(drawn: int, found: int) -> None:
    after = largest_after_fall(1200, drawn, 0.3)
    assert after is not None
    shown = percent(interval(1200, drawn, found))
    assert f"| {drawn} | {shown} % | {100 * after:.1f} % 以下になったとき |" in PAGE


def test_the_commands_of_the_table_give_its_lines() -> None:
    assert (
        "jisweep sample plan --pages 1200 --rate 30\njisweep sample plan --pages 1200 --rate 30 --precision 9"
        in PAGE
    )
    assert [pages_needed(1200, points / 100, 0.3) for points in (5, 9)] == [266, 100]


def test_the_other_numbers() -> None:
    assert f"「{100 * upper_bound(1200, 40, 0):.1f} % 以下」" in PAGE
    lost = Sample(strata=(Stratum(population=1200, drawn=40, audited=36, found=9),))
    assert f"範囲は {percent(lost.interval)} % に広がります" in PAGE
    parts = ((1000, 20, 2), (200, 20, 14))
    strata = Sample(strata=tuple(Stratum(population=a, drawn=b, audited=b, found=c) for a, b, c in parts))
    assert strata.share is not None
    assert f"**{100 * strata.share:.1f} %**（{percent(strata.interval)} %）" in PAGE
    assert f"p = {Pairs(worse=11, better=31, same_with=0, same_without=0).p_value:.3f}）" in PAGE
    assert len(re.findall(r"−7\.5 points", PAGE)) == 1
