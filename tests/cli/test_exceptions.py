"""`jisweep defects except`, `exceptions`, `end-exception` and `review` on rows of one sweep."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from audits.defects.cover import today
from audits.defects.reconcile import reconcile
from db.database import Database
from db.schema import ready
from db.tables import DefectEvent, Exemption
from tests.audits.test_reconcile import History, history_in
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused

URL = "https://www.example.lg.jp/"
UNTIL = today() + timedelta(days=30)
SAID = ("--reason", "third_party", "--text", "地図は外部のもの", "--until", UNTIL.isoformat(), "--by", "田中")


@pytest.fixture
def swept(program: Program) -> Program:
    """A site with defect 1 on two pages, and 2 and 3 on one each."""

    async def write(history: History) -> None:
        pages = {"/1": {"a": 2}, "/2": {"a": 1, "c": 1}, "/3": {"d": 1}}
        await reconcile(history.connection, await history.sweep(pages))

    async def begin() -> None:
        async with Database(str(program.database)) as database:
            await ready(database)
            async with history_in(database) as history:
                await write(history)

    asyncio.run(begin())
    return program


def in_database(program: Program, work: Callable[[Database], Awaitable[None]]) -> None:
    async def run() -> None:
        async with Database(str(program.database)) as database:
            await work(database)

    asyncio.run(run())


def states(program: Program) -> dict[int, str]:
    """The defects of the site by the list that programs get."""
    return {each["id"]: each["state"] for each in program.run("defects", "list", URL, "--json").object["defects"]}


def test_an_exception_is_said_listed_reviewed_and_ended(swept: Program) -> None:
    shown = swept.run("defects", "except", "1", *SAID)
    assert shown.code == 0, shown.err
    assert "［有効、" in shown.out
    assert "今は2ページ、3か所" in shown.out
    assert "機械の割合は変わりません" in shown.out
    assert states(swept) == {1: "excepted", 2: "found", 3: "found"}
    one = swept.run("defects", "show", "1")
    assert "例外 田中 地図は外部のもの" in one.out
    assert "［例外 1］" in one.out
    [told] = swept.run("defects", "exceptions", URL, "--json").object["exceptions"]
    assert {key: told[key] for key in ("id", "running", "scope", "defect", "reason", "until", "pages", "places")} == {
        "id": 1, "running": True, "scope": "defect", "defect": 1, "reason": "third_party", "until": UNTIL.isoformat(),
        "pages": 2, "places": 3,
    }  # fmt: skip
    assert swept.run("defects", "review", "1", "--agree", "--text", "外部の地図だった", "--by", "鈴木").code == 0
    assert "鈴木が確認し、同意" in swept.run("defects", "exceptions", URL).out
    ended = swept.run("defects", "end-exception", "1", "--by", "佐藤", "--lang", "en")
    assert "[ended by 佐藤 on " in ended.out
    assert states(swept)[1] == "found"
    csv = swept.run("defects", "exceptions", URL, "--csv").out
    assert "終了" in csv
    assert "佐藤" in csv


def test_a_place_and_a_rule_on_a_pattern(swept: Program) -> None:
    place = swept.run("defects", "except", "1", "--page", f"{URL}1", *SAID)
    assert "今は1ページ、2か所" in place.out
    rule = swept.run("defects", "except", URL, "--rule", "label", "--on", "/2*", *SAID, "--lang", "en")
    assert "now 1 page, 1 place" in rule.out
    assert states(swept) == {1: "found", 2: "excepted", 3: "found"}


def test_the_list_says_what_repairing_leaves_as_excepted(swept: Program) -> None:
    swept.run("defects", "except", "1", *SAID)
    said = swept.run("defects", "list", URL).out
    assert "問題のある3ページのうち2ページ（66.7%）から、例外のほかには機械で見つかった問題がなくなります" in said
    assert "そのうち1ページには例外にした問題が残り" in said
    assert "例外にした問題だけのあるページが1ページあります" in said
    told = swept.run("defects", "list", URL, "--json").object
    assert told["problem_pages"] == 3
    assert [(each["id"], each["clean_pages"], each["clean_but_excepted"]) for each in told["defects"]] == [
        (2, 1, 1), (3, 2, 1), (1, None, None),
    ]  # fmt: skip


def test_what_has_ended_is_shown_by_no_command_as_excepted(swept: Program) -> None:
    swept.run("defects", "except", "1", *SAID)

    async def let_it_end(database: Database) -> None:
        async with database.writing() as connection:
            await connection.execute(sa.update(Exemption).values(until=date(2026, 1, 1)))

    in_database(swept, let_it_end)
    assert "例外が終わりました" in swept.run("defects", "show", "1").out
    assert states(swept)[1] == "found"
    assert "［終了：2026年1月1日で終了］" in swept.run("defects", "exceptions", URL).out

    async def told_once(database: Database) -> None:
        async with database.reading() as connection:
            whys = list(await connection.scalars(sa.select(DefectEvent.why).where(DefectEvent.defect_id == 1)))
        assert whys == [None, "地図は外部のもの", "exception ended"]

    in_database(swept, told_once)


def test_what_cannot_be_is_refused_in_one_line_and_all_or_nothing(swept: Program) -> None:
    japanese, english = refused(swept, 2, "defects", "except", "1", "99", *SAID)
    assert "99" in japanese
    assert "99" in english
    for words in (
        ("except", "one", *SAID),
        ("except", URL, "--rule", "label", *SAID),
        ("except", URL, "--rule", "labels", "--on", "/*", *SAID),
        ("except", URL, "--rule", "label", "--on", "map", *SAID),
        ("except", "1", "--page", f"{URL}3", *SAID),
        ("except", "1", *SAID[:-1], "jisweep"),
        ("except", "1", *SAID[:-1], " "),
        ("except", "1", *SAID[:4], "--until", "2026-01-01", "--by", "Tanaka"),
        ("end-exception", "1", "--by", "Tanaka"),
        ("review", "1", "--disagree", "--text", "x", "--by", "Tanaka"),
        ("exceptions", "https://other.example/"),
    ):
        one_refusal(swept, 2, "defects", *words)
    assert swept.run("defects", "exceptions", URL, "--json").object["exceptions"] == []
    assert set(states(swept).values()) == {"found"}


def test_what_is_excepted_is_not_planned_and_not_reviewed_by_who_said_it(swept: Program) -> None:
    swept.run("defects", "except", "1", *SAID)
    assert "end-exception" in one_refusal(swept, 2, "defects", "plan", "1", "--owner", "x", "--by", "Suzuki")
    one_refusal(swept, 2, "defects", "repaired", "1", "--by", "Suzuki")
    assert "another person" in one_refusal(
        swept, 2, "defects", "review", "1", "--agree", "--text", "x", "--by", "田 中"
    )
    swept.run("defects", "review", "1", "--disagree", "--text", "直せる", "--by", "鈴木")
    assert states(swept)[1] == "found"
