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
    assert [each["element"] for each in listed["defects"]] == [FAULT]
    assert (listed["problem_pages"], listed["problem_pages_unseen"]) == (1, 0)
    assert FAULT in program.run("defects", "show", "1").out
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
    assert program.run("recheck", "1").code == 0
    refused(program, 2, "report", "2")
    refused(program, 2, "resume", "2")
    refused(program, 2, "compare", "1", "2")
    refused(program, 2, "judge", "export", "2", "-o", "test.xlsx")
    refused(program, 2, "publish", "2", "--out", "published")
