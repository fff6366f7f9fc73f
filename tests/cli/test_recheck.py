"""`jisweep recheck` as it is typed: what it says, its object, and its exit codes."""

from collections.abc import Iterator

import pytest

from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.cli.servers import FAULT, Answer, Site, answers, plain, serving

HEALTHY = plain("税の案内", "<p>納める時期</p>")


@pytest.fixture
def pages() -> dict[str, Answer]:
    return {"/": plain("表紙", '<a href="/zei.html">税の案内</a>'), "/zei.html": plain("税の案内", FAULT)}


@pytest.fixture
def site(pages: dict[str, Answer]) -> Iterator[Site]:
    with serving(answers(pages)) as served:
        yield served


def swept(program: Program, site: Site) -> None:
    ended = program.run("sweep", site.url, "--allow-private", "--lang", "en")
    assert ended.code == 0, ended.err


def test_from_repaired_to_confirmed_in_one_command(program: Program, site: Site, pages: dict[str, Answer]) -> None:
    swept(program, site)
    listed = program.run("defects", "list", site.url, "--json").object
    assert [each["element"] for each in listed["defects"]] == ['<img src="/img.png">']
    assert (listed["problem_pages"], listed["problem_pages_unseen"]) == (1, 0)
    assert (listed["pages_looked_at"], listed["pages_known"]) == (2, 2)
    assert '<img src="/img.png">' in program.run("defects", "show", "1").out
    assert program.run("defects", "repaired", "1", "--by", "佐藤").code == 0
    still = program.run("recheck", "1", "--lang", "en")
    assert (still.code, still.said) == (0, [])
    assert still.out.splitlines()[0] == f"{site.url}zei.html audited, 1 place left"
    assert "said to be repaired → found on 1 page of the 1 page seen" in still.out

    assert program.run("defects", "repaired", "1", "--by", "佐藤").code == 0
    pages["/zei.html"] = HEALTHY
    done = program.run("recheck", "--repaired", site.url)
    assert done.code == 0
    assert done.out.splitlines()[0] == f"{site.url}zei.html 検査しました。残り 0か所"
    assert "確認" in done.out.splitlines()[1]

    again = program.run("recheck", "1", "--json").object
    [defect] = again["defects"]
    assert (defect["before"], defect["state"], defect["checked"]) == ("confirmed", "confirmed", True)
    assert (defect["seen_pages"], defect["showing_pages"], defect["pages"]) == (1, 0, 0)
    assert [(page["audited"], page["places"]) for page in again["pages"]] == [(True, 0)]
    assert again["complete"]
    assert [line.split()[4] for line in program.run("sweeps").out.splitlines()][1:] == ["recheck"] * 3


def test_a_page_that_does_not_answer_is_neither_repaired_nor_faulty(
    program: Program, site: Site, pages: dict[str, Answer]
) -> None:
    swept(program, site)
    program.run("defects", "repaired", "1", "--by", "佐藤")
    del pages["/zei.html"]
    lost = program.run("recheck", f"{site.url}zei.html", "--lang", "en")
    assert lost.code == 3
    assert "could not be audited" in lost.out
    assert "nothing is known of it" in lost.out
    assert program.run("defects", "show", "1", "--json").object["state"] == "repaired"


def test_what_cannot_be_rechecked_is_one_line(program: Program, site: Site) -> None:
    refused(program, 2, "recheck")
    swept(program, site)
    refused(program, 2, "recheck", "1", "--repaired", site.url)
    refused(program, 2, "recheck", "99")
    refused(program, 2, "recheck", "http://example.jp/")
    refused(program, 2, "recheck", "--repaired", site.url)
    refused(program, 2, "recheck", "1", "--owner", "広報課")
    refused(program, 2, "recheck", "--cycle", "第9回")
    assert program.run("recheck", "1").code == 0
    refused(program, 2, "report", "2")
    refused(program, 2, "resume", "2")
    refused(program, 2, "compare", "1", "2")
    refused(program, 2, "judge", "export", "2", "-o", "test.xlsx")
    refused(program, 2, "publish", "2", "--out", "published")


def test_the_plan_of_a_cycle_is_rechecked_on_all_of_its_sites(
    program: Program, site: Site, pages: dict[str, Answer]
) -> None:
    """Defect 1 is planned, defect 2 is not, and defect 3 is said to be repaired on another site."""
    pages["/zei.html"] = plain("税の案内", f'{FAULT}<p><a href="/"></a></p>')
    other = dict(pages) | {"/zei.html": plain("税の案内", FAULT)}
    with serving(answers(other)) as second:
        for each in (site, second):
            swept(program, each)
        days = "--from", "2026-01-01", "--to", "2099-12-31"
        program.run("cycle", "begin", "第1回", *days, "--site", site.url, "--site", second.url)
        refused(program, 2, "recheck", "--cycle", "第1回")
        program.run("defects", "plan", "1", "--owner", "広報課", "--by", "鈴木")
        program.run("defects", "repaired", "3", "--by", "佐藤")
        pages["/zei.html"] = other["/zei.html"] = HEALTHY
        mine = program.run("recheck", "--cycle", "第1回", "--owner", "広報課", "--json").object
        assert [[(each["id"], each["state"]) for each in one["defects"]] for one in mine["rechecks"]] == [
            [(1, "confirmed")]
        ]
        done = program.run("recheck", "--cycle", "第1回", "--json")
        assert (done.code, done.object["complete"]) == (0, True)
        assert [[(each["id"], each["state"]) for each in one["defects"]] for one in done.object["rechecks"]] == [
            [(3, "confirmed")]
        ]
        refused(program, 2, "recheck", "--cycle", "第1回")
