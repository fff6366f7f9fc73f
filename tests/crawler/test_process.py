"""Forms bring in the pages of their process; what only sending leads to is named for people."""

from collections.abc import Iterable

import pytest
import sqlalchemy as sa

from crawler import process
from crawler.document import read
from crawler.frame import FramePage
from crawler.process import FEW, STEPS, processes, step_in_name, step_in_title
from crawler.representative import left_out, representatives
from crawler.sample import choose, drawn
from db.database import Database
from db.tables import Sweep
from db.words import Method, Part
from tests.audits.sites import Answer, html, small_site
from tests.crawler.exploring import explored

START = "https://www.example.lg.jp/"


def page(number: int, path: str, title: str = "", *, sends: tuple[str, ...] = (), form: bool = False) -> FramePage:
    return FramePage(
        visit=number, address=START + path, kinds=("form",) if form or sends else (), template=0, title=title,
        sends_to=tuple(START + each for each in sends),
    )  # fmt: skip


APPLICATION = [
    page(1, "shinsei/step1.html", sends=("shinsei/step2.html",)),
    page(2, "shinsei/step2.html", sends=("shinsei/step3.html",)),
    page(3, "shinsei/step3.html", sends=("shinsei/send",)),
]


def paths(pages: Iterable[FramePage]) -> list[str]:
    return [each.address.removeprefix(START) for each in pages]


def test_the_pages_that_forms_send_to_are_one_process_whichever_it_is_met_at() -> None:
    found = processes([page(9, ""), *APPLICATION])
    for each in APPLICATION:
        assert paths(found.of(each)) == ["shinsei/step1.html", "shinsei/step2.html", "shinsei/step3.html"]
    assert found.of(page(9, "")) == ()
    assert found.beyond(APPLICATION) == [START + "shinsei/send"]


def test_pages_of_one_directory_that_are_named_by_steps_are_one_process_when_one_has_a_form() -> None:
    named = [page(1, "k/moushikomi-input.html", form=True), page(2, "k/moushikomi-confirm.html"),
             page(3, "k/moushikomi-complete.html"), page(4, "k/other-confirm.html"), page(5, "j/moushikomi-confirm.html")]  # fmt: skip
    assert paths(processes(named).of(named[0])) == [
        "k/moushikomi-input.html", "k/moushikomi-confirm.html", "k/moushikomi-complete.html",
    ]  # fmt: skip
    titled = [page(1, "a/1", "講座の申込み（入力）｜○○局", form=True), page(2, "a/2", "講座の申込み（確認）｜○○局"),
              page(3, "a/3", "講座の申込み 完了｜○○局")]  # fmt: skip
    assert paths(processes(titled).of(titled[2])) == ["a/1", "a/2", "a/3"]
    without = [page(1, "a/step1.html"), page(2, "a/step2.html")]
    assert processes(without).of(without[0]) == ()


def test_a_form_that_many_pages_have_makes_them_no_process() -> None:
    asked = [page(n, f"p/{n}.html", sends=("enquete/",)) for n in range(FEW + 1)]
    found = processes([page(99, "enquete/"), *asked])
    assert found.of(asked[0]) == ()


def test_an_address_that_leads_to_a_page_stands_for_it() -> None:
    pages = [page(1, "a/form", sends=("a/index.html",)), page(2, "a/")]
    found = processes(pages, {START + "a/index.html": START + "a/"})
    assert paths(found.of(pages[0])) == ["a/", "a/form"]
    assert found.beyond(pages) == []


@pytest.mark.parametrize(
    ("name", "step"),
    [("step2.html", 2), ("apply_step-03.php", 3), ("entry-confirm.html", 50), ("kanryo.html", 90), ("page2.html", 0),
     ("contact.html", 0)],
)  # fmt: skip
def test_steps_are_read_from_names(name: str, step: int) -> None:
    assert step_in_name(START + "a/" + name)[1] == step


@pytest.mark.parametrize(("title", "step"), [("申込み STEP 2", 2), ("申込み（確認）", 50), ("お知らせ", 0)])
def test_steps_are_read_from_titles(title: str, step: int) -> None:
    assert step_in_title(title)[1] == step


def test_the_form_with_the_longest_process_represents_forms_and_brings_it_whole() -> None:
    frame = [page(9, "a.html", sends=("x",)), *APPLICATION]
    steps = processes(frame)
    told = [(each.address.removeprefix(START), why) for each, why in representatives(frame, START, steps=steps)]
    assert told[:3] == [
        ("shinsei/step1.html", "kind:form category"),
        ("shinsei/step2.html", f"process:{START}shinsei/step1.html"),
        ("shinsei/step3.html", f"process:{START}shinsei/step1.html"),
    ]


def test_a_process_comes_in_whole_with_a_random_page_too_and_beyond_the_size() -> None:
    others = [page(n, f"n/{n:03}.html") for n in range(100, 150)]
    frame = sorted([*APPLICATION, *others], key=lambda each: each.address)
    met = 0
    for seed in range(60):
        choices = drawn(frame, START, Method.MIXED, seed, pages=6, at_random=6)
        at_random = {each.visit for each in choices if each.part is Part.RANDOM}
        everything = {each.visit for each in choices}
        if at_random & {1, 2, 3}:
            met += 1
            assert {1, 2, 3} <= everything
            assert len(at_random) == 6, "the draw stays what it was"
        else:
            assert len(everything) == 6
    assert 0 < met < 60


def test_where_forms_send_to_is_read_from_the_page() -> None:
    text = """<form action="/go?old=1"><textarea></textarea></form>
    <form method=POST action="../send?key=1"><input type=tel><button formaction="/check">確認</button></form>
    <form method=post><input type=email></form><form action="javascript:x()"><input type=tel></form>
    <form role=search action=/s><input></form>"""
    document = read(text.encode(), "text/html; charset=utf-8", START + "a/b/")
    assert document.sends_to == (
        f"GET {START}go", f"POST {START}a/send?key=1", f"POST {START}check", f"POST {START}a/b/",
    )  # fmt: skip


def test_a_process_that_a_person_left_in_part_is_told() -> None:
    steps = processes(APPLICATION)
    kept = {page.visit for page in APPLICATION[:2]}
    found = left_out(APPLICATION, START, kept, steps=steps)
    assert [(each.page, each.why) for each in found if "process" in each.why] == [
        (APPLICATION[2], f"process:{APPLICATION[0].address}")
    ]


def test_a_form_of_one_page_does_not_stand_for_a_process() -> None:
    frame = [page(9, "a.html", sends=("x",)), *APPLICATION]
    found = left_out(frame, START, {9}, steps=processes(frame))
    assert [each.page for each in found] == APPLICATION
    assert "kind:form" in found[0].why


def test_a_step_that_many_pages_are_named_by_makes_them_no_process() -> None:
    """A form that is opened for each hall: its 11 pages are not 11 first steps of one booking."""
    halls = [page(n, f"yoyaku/entry?hall={n}", "予約（入力）", form=True) for n in range(FEW + 1)]
    confirm = page(99, "yoyaku/check?hall=1", "予約（確認）")
    assert processes([*halls, confirm]).of(halls[0]) == ()
    assert len(processes([*halls[1:], confirm]).of(confirm)) == FEW + 1


def test_each_page_of_a_long_process_is_placed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """An office's calendar may send from month to month: what is done for each page does not grow with the others."""
    months = [page(n, f"calendar/{n}.html", sends=(f"calendar/{n + 1}.html",)) for n in range(500)]
    placed: list[FramePage] = []
    place = process._place
    monkeypatch.setattr(process, "_place", lambda each: (placed.append(each), place(each))[1])
    found = processes(months)
    assert len({id(found.of(each)) for each in months}) == 1
    assert len(placed) == len(months)


async def test_pages_of_a_process_beyond_those_that_a_sample_takes_are_counted_and_noted(
    database: Database,
) -> None:
    form = '<form method=post action="/send"><textarea></textarea></form>'
    pages: dict[str, Answer] = {f"/k/step{n}.html": html(f"{chr(0x4E00 + n) * 60}{form}") for n in range(1, 24)}
    async with small_site({"/": html("".join(f'<a href="{each}">次</a>' for each in pages)), **pages}) as site:
        sweep = await explored(database, site)
    async with database.writing() as connection:
        asked = {"method_asked": Method.REPRESENTATIVE, "pages_asked": 2}
        await connection.execute(sa.update(Sweep).values(asked))
        row = (await connection.execute(sa.select(Sweep))).mappings().one()
        await choose(connection, Sweep(**row), sweep.scope.start)
    chosen = [path for path, end in (await sweep.ends()).items() if end == "selected"]
    assert len(chosen) == 1 + STEPS
    assert await sweep.notes() == [
        {
            "about": "sample",
            "address": site.address("/k/step1.html"),
            "said": "a process of 23 pages: 3 of them are not in the sample",
        }
    ]
