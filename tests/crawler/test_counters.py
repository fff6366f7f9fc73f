"""Two addresses of a page that counts its visitors are one page; pages that differ in a number that stands are two."""

import asyncio
import hashlib
from collections import Counter
from itertools import count

import pytest

from crawler.content import Content
from crawler.counters import SAID, lies_between
from crawler.document import read
from db.database import Database
from tests.audits.sites import asked, html
from tests.crawler.exploring import begun, explored
from tests.crawler.servers import http
from tests.crawler.test_traps import NAV, every, page


@pytest.fixture
def backend() -> str:
    return "sqlite"


def counting(number: int, text: str, served: int, *links: str) -> bytes:
    listed = "".join(f'<a href="{each}">{each.partition("?")[0]}</a>' for each in links)
    return html(f"<p>{NAV}{text}</p><p>あなたは{served}人目です。</p>{listed}", title=f"お知らせ {number}")


async def test_a_page_that_counts_its_visitors_is_one_page_with_a_parameter_that_means_nothing(
    database: Database,
) -> None:
    served = count(95)

    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", *(f"/{n}.html" for n in range(40)))
        number = int(path[1:].partition(".")[0])
        return counting(number, f"第{number}号です。", next(served), f"/{number}.html?rev=2")

    async with every(site) as server:
        sweep = await explored(database, server)
        requests = [path for path in asked(server) if "rev=2" in path]
    said = await sweep.ends()
    assert Counter(said.values()) == {"explored": 41, "duplicate": 40}
    assert all(end == "duplicate" for path, end in said.items() if "rev=2" in path)
    assert len(set(requests)) == 10, "as many as it takes to find out"
    assert len(requests) == 13, "three of them once more, between two answers of their page"


async def test_a_question_that_gets_no_answer_says_nothing_of_a_parameter(database: Database) -> None:
    served, times = count(95), Counter[str]()

    def site(path: str) -> bytes:
        times[path] += 1
        if path == "/":
            return page("入口", *(f"/{n}.html" for n in range(40)))
        if path == "/0.html?rev=2" and times[path] > 1:
            return http(status="500 Internal Server Error")
        number = int(path[1:].partition(".")[0])
        return counting(number, f"第{number}号です。", next(served), f"/{number}.html?rev=2")

    async with every(site) as server:
        sweep = await explored(database, server)
        (note,) = [each for each in await sweep.notes() if each["said"] == SAID]
    assert Counter((await sweep.ends()).values()) == {"explored": 42, "duplicate": 39}
    assert note["address"] == server.address("/0.html?rev=2")


async def test_what_gave_no_answer_says_nothing_of_a_parameter_after_a_break_either(database: Database) -> None:
    async def ends(*, broken_off: bool) -> dict[str, str]:
        served, times, stopping = count(95), Counter[str](), asyncio.Event()

        def site(path: str) -> bytes:
            times[path] += 1
            number = path[1:].partition(".")[0]
            if path == "/0.html?rev=2" and times[path] > 1:
                return http(status="500 Internal Server Error")
            if path == "/?further" and broken_off:
                stopping.set()
            if not number.isdigit():
                return page(path, *(f"/{n + 40 * bool(number)}.html" for n in range(40)))
            links = f"/{number}.html?rev=2", "/?further" if path == "/0.html?rev=2" else "/"  # one text
            return counting(int(number), f"{chr(0x4E00 + int(number)) * 9}の号です。", next(served), *links)

        async with every(site) as server:
            sweep = await begun(database, server)
            assert await sweep.go(stopping) is not broken_off
            assert await sweep.go() if broken_off else True
            assert [each["said"] for each in await sweep.notes()].count(SAID) == 1
        return await sweep.ends()

    undisturbed = await ends(broken_off=False)
    assert undisturbed["/41.html?rev=2"] == "duplicate"
    assert await ends(broken_off=True) == undisturbed


@pytest.mark.parametrize("twin", ["/KOHO", "/koho/"])
async def test_two_spellings_that_cannot_be_compared_are_noted(database: Database, twin: str) -> None:
    served, times = count(95), Counter[str]()

    def site(path: str) -> bytes:
        times[path] += 1
        if path == "/":
            return page("入口", "/koho", twin)
        if times[path] > 1:
            return http(status="500 Internal Server Error")
        return counting(1, "人口は51377人です。", next(served))

    async with every(site) as server:
        sweep = await explored(database, server)
        notes = await sweep.notes()
    assert set((await sweep.ends()).values()) == {"explored"}
    assert SAID in [each["said"] for each in notes]


async def test_pages_that_differ_in_a_number_that_stands_still_stay_apart(database: Database) -> None:
    served = count(1)

    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", *(f"/{n}.html" for n in range(6)))
        number = int(path[1:].partition(".")[0])
        height = 3 if "day=2" in path else 7
        return counting(number, f"水位は{height}メートルです。", next(served), f"/{number}.html?day=2")

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert set(said.values()) == {"explored"}
    assert len(said) == 13


@pytest.mark.parametrize("stands", [True, False], ids=["water levels", "visitors"])
async def test_values_that_look_drawn_choose_a_page_unless_only_numbers_move(
    database: Database, stands: bool
) -> None:
    """A station's key looks as a session's does; what tells them apart is whether its number stands still."""
    served = count(95)

    def drawn(*named: object) -> str:
        return hashlib.sha256(repr(named).encode()).hexdigest()[:20]

    def site(path: str) -> bytes:
        plain, _, query = path.partition("?")
        if path == "/":
            return page("入口", *(f"/p{n}.html?k={drawn(n, each)}" for n in range(4) for each in "ab"))
        level = int(query[2:], 16) % 90 if stands else next(served)
        further = [f"/q{plain[2]}.html?k={drawn('q', plain, each)}" for each in "ab"] if plain[1] == "p" else []
        return counting(int(plain[2]), "観測所です。", level, *further)

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert Counter(said.values()) == ({"explored": 17} if stands else {"explored": 9, "duplicate": 8})


@pytest.mark.parametrize("twin", ["/DATA/2023", "/data/2023/", "/data/2023/index.html"])
async def test_two_spellings_that_differ_in_a_number_that_stands_still_are_two_pages(
    database: Database, twin: str
) -> None:
    """Whatever else they count: the number of people of one year is not that of another."""
    served = count(1)

    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", "/data/2023", twin)
        people = 48210 if path == twin else 51377
        return counting(2023, f"人口は{people}人です。", next(served))

    async with every(site) as server:
        said = await (await explored(database, server)).ends()
    assert said == {"/": "explored", "/data/2023": "explored", twin: "explored"}


@pytest.mark.parametrize("twin", ["/KOHO", "/koho/", "/koho/index.html"])
async def test_two_spellings_of_a_page_that_counts_its_visitors_are_one_page(database: Database, twin: str) -> None:
    """Also where its links are written from where it stands."""
    served = count(95)

    def site(path: str) -> bytes:
        if path == "/":
            return page("入口", "/koho", twin)
        return counting(1, "人口は51377人です。", next(served), "#ue") if path in ("/koho", twin) else page(path)

    async with every(site) as server:
        sweep = await explored(database, server)
        requests = Counter(asked(server))
    assert Counter((await sweep.ends()).values()) == {"explored": 2, "duplicate": 1}
    assert sum(requests[path] for path in ("/koho", twin)) == 5, (
        "each once, and one between two answers of the other"
    )


def content(numbers: str, text: str = "人目") -> Content:
    return read(
        f"<title>題</title><p>{NAV}{numbers}{text}".encode(), "text/html; charset=utf-8", "http://h/"
    ).content


@pytest.mark.parametrize(
    ("first", "here", "last", "one"),
    [
        ("98", "99", "100", True),
        ("16:05:58", "16:05:59", "16:06:01", False),  # a clock that strikes is asked again
        ("16:05:08", "16:05:09", "16:05:10", True),
        ("98", "97", "100", False),
        ("7 98", "8 99", "7 100", False),
        ("7 98", "99", "7 100", False),
        ("5", "5", "5", True),
    ],
)
def test_a_number_lies_between_those_of_two_answers(first: str, here: str, last: str, one: bool) -> None:
    assert lies_between(content(first), content(here), content(last)) is one


def test_other_words_are_another_page_whatever_their_numbers() -> None:
    assert not lies_between(content("1"), content("2", "回目"), content("3"))
