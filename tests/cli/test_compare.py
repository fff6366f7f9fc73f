"""`jisweep compare` on rows of two sweeps: what it says, what it refuses to say, and its exit code."""

import asyncio
from collections.abc import Collection
from typing import Any

import pytest

from db.database import Database
from db.schema import ready
from db.words import Edition, Level, Method, Redraw, SweepState
from tests.cli.program import Ended, Program
from tests.cli.refusals import refused
from tests.reports.rows import RULE_CRITERIA
from tests.reports.series import swept

RULES = "axe-core-4.14.1/jis2016/AA/duplicate-id"


def compared(program: Program, *sweeps: dict[str, Any], lang: str = "ja") -> tuple[Ended, dict[str, Any]]:
    """What a terminal shows of sweeps 1 and 2, and the object; the two must end alike."""

    async def write() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            for each in sweeps:
                await swept(database, **each)

    asyncio.run(write())
    shown, told = program.run("compare", "1", "2", "--lang", lang), program.run("compare", "1", "2", "--json")
    assert shown.code == told.code
    assert (shown.err, told.err) == ("", "")
    return shown, told.object


def at_random(seed: int, drawn: Collection[int], faulty: Collection[int], **more: Any) -> dict[str, Any]:
    return {"frame": 1200, "drawn": drawn, "failing": {"image-alt": faulty}, "seed": seed, **more}


def of_all(failing: Collection[int], pages: int = 60, **more: Any) -> dict[str, Any]:
    return {"frame": pages, "drawn": range(pages), "failing": {"image-alt": failing}, **more}


def test_of_two_samples_of_40_a_few_pages_are_no_change(program: Program) -> None:
    shown, told = compared(
        program, at_random(1, range(40), range(12)), at_random(2, range(100, 140), range(100, 109))
    )
    assert shown.code == 0
    assert shown.out.splitlines()[-1] == "この差は偶然の範囲を超えるとは言えません。"
    problem = told["problem_pages"]
    assert (told["comparable"], problem["change"]) == (True, "undecided")
    assert (problem["before"]["rate"], problem["after"]["rate"], problem["difference"]) == (0.3, 0.225, -0.075)
    assert (problem["before"]["low"], problem["before"]["high"]) == (0.1683, 0.4625)
    assert -0.3 < problem["low"] < -0.2 < 0.1 < problem["high"] < 0.2
    assert problem["same_pages"] == {
        "pages": 0, "worse": 0, "better": 0, "same_with": 0, "same_without": 0, "p_value": None,
    }  # fmt: skip
    assert "母集団1,200ページ" in shown.out
    assert "両方の調査で検査したページ（代表として選んだページを除く）はありません。" in shown.out


def test_a_fall_that_chance_does_not_explain_is_said_and_for_which_criteria(program: Program) -> None:
    before = at_random(1, range(40), (), frame=60, failing={"image-alt": range(30), "label": range(2)})
    after = at_random(2, range(20, 60), (), frame=60, failing={"image-alt": range(20, 25), "label": (50,)})
    shown, told = compared(program, before, after, lang="en")
    assert shown.out.splitlines()[-1].startswith("The share of pages with problems has fallen")
    changes = {number: each["change"] for number, each in told["criteria"].items()}
    assert (changes["1.1.1"], changes["4.1.2"], changes["2.4.2"]) == ("better", "undecided", "undecided")
    assert "By criterion (" in shown.out
    assert "about one in twenty" in shown.out
    assert "3.3.4" not in changes, "no rule speaks about it"
    pairs = told["problem_pages"]["same_pages"]
    assert (pairs["pages"], pairs["better"], pairs["worse"], pairs["same_with"]) == (20, 5, 0, 5)
    assert pairs["p_value"] == 0.0625  # 2 × (1/2)^5


def test_pages_chosen_on_purpose_change_nothing(program: Program) -> None:
    draws = (at_random(1, range(40), range(12)), at_random(2, range(40, 80), range(40, 52)))
    with_others = [
        {**each, "purposive": range(1000, 1010), "failing": {"image-alt": [*each["failing"]["image-alt"], *more]}}
        for each, more in zip(draws, (range(1000, 1010), ()), strict=True)
    ]
    _, told = compared(program, *with_others)
    problem = told["problem_pages"]
    assert (problem["before"]["problem_pages"], problem["after"]["problem_pages"]) == (12, 12)
    assert problem["difference"] == 0
    assert problem["same_pages"]["pages"] == 0


def test_two_purposive_samples_say_nothing_of_the_site(program: Program) -> None:
    only = {"frame": 1200, "drawn": (), "purposive": range(40), "method": Method.REPRESENTATIVE}
    shown, told = compared(
        program, {**only, "failing": {"image-alt": range(20)}}, {**only, "failing": {"image-alt": ()}}
    )
    assert shown.code == 3
    assert told["problem_pages"] == {
        "before": None, "after": None, "difference": None, "low": None, "high": None, "change": "unknown",
        "same_pages": None,
    }  # fmt: skip
    assert "サイト全体の割合が変わったかどうかは言えません。" in shown.out
    assert "達成基準ごと" not in shown.out


def test_two_censuses_are_counted_and_the_pages_seen_twice_are_tested(program: Program) -> None:
    shown, told = compared(program, of_all(range(20)), of_all([*range(8, 20), 50]))
    problem = told["problem_pages"]
    assert shown.code == 0
    assert (problem["difference"], problem["low"], problem["high"]) == (-0.1167, -0.1167, -0.1167)
    assert shown.out.splitlines()[-1] == "問題のあるページの割合は下がりました。全ページを数えた差です。"
    assert "対象60ページの100.0%を検査" in shown.out
    assert problem["same_pages"] == {
        "pages": 60, "worse": 1, "better": 8, "same_with": 12, "same_without": 39, "p_value": 0.0391,
    }  # fmt: skip
    assert "信頼区間" not in shown.out
    assert "20項目に1項目" not in shown.out, "nothing was left to chance"


def test_pages_without_a_result_leave_two_censuses_undecided(program: Program) -> None:
    shown, told = compared(program, of_all(range(20)), of_all(range(18), lost=range(40, 45)))
    problem = told["problem_pages"]
    assert shown.code == 3, "the second sweep is incomplete"
    assert problem["change"] == "undecided"
    assert (problem["low"], problem["high"]) == (round(-2 / 60, 4), round(3 / 60, 4))
    assert shown.out.splitlines()[-1].startswith("検査できなかったページがあるので")
    assert "調査2は完了していません。" in shown.out.splitlines()[-1]
    assert "下がった0、どちらとも言えない8" in shown.out, "what was not seen is not the same"


def test_lost_pages_widen_the_difference_of_samples_on_both_sides(program: Program) -> None:
    draws = [at_random(1, range(40), range(12)), at_random(2, range(40, 80), range(40, 52))]
    _, whole = compared(program, *draws)
    program.database.unlink()
    _, told = compared(program, draws[0], {**draws[1], "lost": range(48, 56)})
    assert told["problem_pages"]["low"] < whole["problem_pages"]["low"]
    assert told["problem_pages"]["high"] > whole["problem_pages"]["high"] + 0.09
    assert told["problem_pages"]["after"]["audited"] == 32


FEWER = {rule: numbers for rule, numbers in RULE_CRITERIA.items() if rule != "label"}


@pytest.mark.parametrize(
    ("other", "named", "words"),
    [
        ({"rule_set": RULES.replace("4.14.1", "4.15.0")}, "rule_set", "判定規則が違う"),
        ({"edition": Edition.WCAG22, "rule_set": "other"}, "edition", "規格が違う"),
        ({"level": Level.A, "rule_set": "other"}, "level", "目標レベルが違う"),
        ({"excluded": "/kako/"}, "scope", "対象範囲が違う"),
        ({"seed": 1}, "draw", "選び直していない"),
        ({"redraw": Redraw.HALF}, "draw", "半分を残した"),  # of a sweep that is neither of the two
    ],
)
def test_what_breaks_the_series_is_named(program: Program, other: dict[str, Any], named: str, words: str) -> None:
    shown, told = compared(
        program, at_random(1, range(40), range(12)), {**at_random(2, range(40, 80), range(40, 49)), **other}
    )
    assert shown.code == 3
    assert named in told["breaks"]
    assert told["comparable"] is False
    last = shown.out.splitlines()[-1]
    assert last.startswith("二つの調査は、そのまま比べることはできません")
    assert words in last


def test_a_sweep_that_was_judged_by_a_further_edition_too_stays_in_the_series(program: Program) -> None:
    further = {"rule_set": f"{RULES} + wcag22 / 0123abcd", "also": Edition.WCAG22}
    before, after = at_random(1, range(40), range(12)), at_random(2, range(40, 80), range(40, 49))
    shown, told = compared(program, before, {**after, **further})
    assert (shown.code, told["breaks"], told["comparable"]) == (0, [], True)


def test_two_scopes_are_two_populations_of_which_no_change_is_told(program: Program) -> None:
    """Leaving a bad part out is no improvement."""
    shown, told = compared(program, of_all(range(50)), of_all(range(5), excluded="/kako/"))
    problem = told["problem_pages"]
    assert (problem["change"], problem["difference"], problem["low"], problem["high"]) == ("unknown", *[None] * 3)
    assert problem["same_pages"]["pages"] == 60, "of pages that both have seen something can be said"
    assert "下がりました" not in shown.out
    assert shown.out.splitlines()[-1].endswith("サイト全体の割合が変わったかどうかは言えません。")


def test_a_sweep_that_is_not_complete_is_said_to_be_none(program: Program) -> None:
    """Two censuses of what could be read: what was not found may be as it likes."""
    shown, told = compared(program, of_all(range(50), state=SweepState.AUDITING), of_all(range(5)))
    assert (shown.code, told["before"]["complete"]) == (3, False)
    last = "調査1は完了していません。見つけられなかったページや読めなかったページのことは、この差に入っていません。"
    assert shown.out.splitlines()[-1].endswith(last)
    assert told["sentence"].endswith(last)


def test_only_rules_that_both_have_are_compared(program: Program) -> None:
    both = {"image-alt": range(5), "label": range(5, 30)}
    before = at_random(1, range(40), (), failing=both)
    after = at_random(2, range(40, 80), range(40, 45), rule_criteria=FEWER, rule_set="other")
    shown, told = compared(program, before, after)
    assert told["rules_left_out"] == {"before": ["label"], "after": []}
    assert (told["problem_pages"]["before"]["problem_pages"], told["problem_pages"]["difference"]) == (5, 0.0)
    assert "両方の調査にある規則だけで比べています。除いた規則：label" in shown.out


def test_the_same_draw_says_nothing_of_the_site_but_of_its_pages(program: Program) -> None:
    """Repairing only the pages that were drawn, and drawing them again, is no improvement of the site."""
    shown, told = compared(program, at_random(1, range(40), range(30)), at_random(1, range(40), ()))
    assert (told["breaks"], told["problem_pages"]["change"]) == (["draw"], "unknown")
    assert told["problem_pages"]["same_pages"]["better"] == 30
    assert "p < 0.001" in shown.out


def test_a_sample_taken_over_under_another_seed_is_no_new_draw(program: Program) -> None:
    _, told = compared(program, at_random(1, range(40), range(30)), at_random(2, range(30, 70), ()))
    assert (told["breaks"], told["problem_pages"]["change"]) == (["draw"], "unknown")


def test_half_a_sample_that_was_kept_is_no_new_draw_whatever_it_is_held_against(program: Program) -> None:
    """Sweep 1 drew, 2 drew anew, 3 kept half of 1: those pages are known, though they are none of 2's."""
    asyncio.run(_three(program))
    told = program.run("compare", "2", "3", "--json").object
    assert (told["breaks"], told["problem_pages"]["change"]) == (["draw"], "unknown")
    assert told["after"]["overlap"]["shared"] == {"drawn": 20, "audited": 20, "problem_pages": 0}
    assert (told["before"]["overlap"], told["problem_pages"]["same_pages"]["pages"]) == (None, 0)
    assert (
        "無作為の40ページのうち20ページは調査1でも選ばれていて、先に直せた" in program.run("compare", "2", "3").out
    )
    assert program.run("compare", "1", "3", "--json").object["breaks"] == ["draw"]


def test_half_a_sample_that_was_kept_is_not_held_against_a_census_either(program: Program) -> None:
    half = {"frame": 60, "drawn": range(20), "failing": {}, "redraw": Redraw.HALF}
    _, told = compared(program, of_all(range(40)), half)
    assert (told["breaks"], told["problem_pages"]["change"]) == (["draw"], "unknown")


def test_a_draw_that_was_inspected_before_is_no_new_one_whatever_it_is_held_against(program: Program) -> None:
    """Sweep 1 drew, 2 drew anew, 3 took the pages of 1 again, which had been repaired."""

    async def write() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            for seed, drawn, faulty in ((1, range(40), 30), (2, range(100, 140), 130), (1, range(40), 0)):
                await swept(database, **at_random(seed, drawn, range(drawn.start, faulty), draw_from=0))

    asyncio.run(write())
    told = program.run("compare", "2", "3", "--json").object
    assert (told["breaks"], told["problem_pages"]["change"]) == (["draw"], "unknown")
    assert program.run("compare", "1", "2", "--json").object["breaks"] == []


async def _three(program: Program) -> None:
    async with Database(str(program.database)) as database:
        await ready(database)
        first = await swept(database, **at_random(1, range(40), range(30), draw_from=0))
        await swept(database, **at_random(2, range(100, 140), range(100, 130), draw_from=0))
        kept = {"redraw": Redraw.HALF, "earlier_draw_id": first, "draw_from": 9}
        await swept(database, **at_random(1, range(20, 60), range(40, 55), **kept))


def test_the_earlier_sweep_comes_first_however_they_are_typed(program: Program) -> None:
    compared(program, of_all(range(20)), of_all(range(10)))
    assert program.run("compare", "2", "1", "--json").object == program.run("compare", "1", "2", "--json").object


def test_sweeps_that_cannot_be_compared_are_refused(program: Program) -> None:
    compared(program, of_all(range(2), pages=3), of_all(range(1), pages=3))

    async def more() -> None:
        async with Database(str(program.database)) as database:
            await swept(database, **of_all((), pages=3), address="https://www.other.lg.jp/")
            await swept(database, **of_all((), pages=3), state=SweepState.EXPLORING)

    asyncio.run(more())
    assert "different sites" in refused(program, 2, "compare", "1", "3")[1]
    assert "two different sweeps" in refused(program, 2, "compare", "1", "1")[1]
    assert "jisweep resume 4" in refused(program, 2, "compare", "1", "4")[1]
    assert "no sweep 9" in refused(program, 2, "compare", "1", "9")[1]
