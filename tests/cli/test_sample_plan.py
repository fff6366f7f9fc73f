"""`jisweep sample plan`: how many pages to draw, and what they can show."""

import asyncio

import pytest

from db.database import Database
from db.schema import ready
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.reports.series import swept


def test_a_site_of_ten_thousand_pages_needs_386_and_370_by_the_textbook(bare: Program) -> None:
    ended = bare.run("sample", "plan", "--pages", "10000")
    assert (ended.code, ended.err) == (0, "")
    assert "無作為に386ページを選びます" in ended.out
    assert "386ページのうち193ページに問題が見つかれば、サイト全体では45.0%〜55.0%" in ended.out
    assert "教科書の式（正規近似）では370ページ" in ended.out
    assert "問題が1ページも見つからなければ、サイト全体で7.2%以下（片側95%）" in ended.out
    assert "12ページに見つかれば、サイト全体で16.6%〜46.5%" in ended.out
    assert "--method mixed --pages 396 --random 386" in ended.out
    assert list(bare.folder.iterdir()) == []


def test_an_expected_rate_needs_fewer_pages_and_says_what_40_cannot_show(program: Program) -> None:
    ended = program.run("sample", "plan", "--pages", "1200", "--precision", "10", "--rate", "30", "--lang", "en")
    assert "draw 83 pages at random (expected share 30.0%" in ended.out
    assert "a fall from 30.0% shows in 8 of 10 cases only when it reaches 6.6% or less" in ended.out


def test_a_large_sample_says_what_it_leaves_out(program: Program) -> None:
    ended = program.run("sample", "plan", "--pages", "1670000", "--precision", "1", "--rate", "30")
    assert "問題が1ページも見つからなければ、サイト全体で0.1%未満（片側95%）。" in ended.out
    assert (
        "前回も今回も8,126ページのとき、どれだけ下がれば（上がれば）そう言えるかは、計算に何分もかかるので示しません"
        in ended.out
    )


def test_a_rate_of_nothing_is_not_planned_with_a_page_or_two(program: Program) -> None:
    """Textbooks plan one page for a share of 0; its interval is 0 to 97.5 %."""
    ended = program.run("sample", "plan", "--pages", "1200", "--rate", "0")
    assert "35ページのうち0ページに問題が見つかれば、サイト全体では0.0%〜9.8%" in ended.out
    assert "教科書" not in ended.out
    assert "0.0%から0%に下がっても" not in ended.out


def test_a_small_site_is_taken_whole(program: Program) -> None:
    ended = program.run("sample", "plan", "--pages", "80")
    assert "方法a（全ページ）を勧めます" in ended.out
    assert ended.out.splitlines()[-1] == "  jisweep sweep URL --method all"
    assert "40ページで言えること" in ended.out
    tiny = program.run("sample", "plan", "--pages", "1", "--lang", "en")
    assert (tiny.code, len(tiny.out.splitlines())) == (0, 3)


def test_a_sweep_knows_its_pages(program: Program) -> None:
    async def write() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            await swept(database, frame=1200, drawn=range(3), purposive=range(2, 5), failing={})

    asyncio.run(write())
    assert "把握した1,200ページ" in program.run("sample", "plan", "1").out


@pytest.mark.parametrize(
    ("words", "named"),
    [
        ((), "--pages"),
        (("--pages", "0"), "--pages"),
        (("--pages", "10", "--precision", "0"), "--precision"),
        (("--pages", "10", "--precision", "nan"), "--precision"),
        (("--pages", "10", "--rate", "101"), "--rate"),
        (("1", "--pages", "10"), "--pages"),
    ],
)
def test_what_cannot_be_planned_is_refused(program: Program, words: tuple[str, ...], named: str) -> None:
    japanese, english = refused(program, 2, "sample", "plan", *words)
    assert named in japanese
    assert named in english
