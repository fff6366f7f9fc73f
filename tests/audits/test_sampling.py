"""A sample from its proposal to its document: edited by a person, frozen, replaced where pages prove not to exist, kept in part."""

import copy
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from audits.conclude import conclude, rules_of, sweep_row
from audits.proposing import freeze, proposed
from audits.sample_document import differences, document
from audits.sampled import frame_by_stratum, sampled
from audits.statistics.finite import interval
from audits.sweep import begin
from audits.work import Tools
from crawler.edited import Line
from crawler.frame import sent_beyond
from crawler.numbers import ROUND, in_order, number_of
from crawler.sample import choose
from crawler.strata import OTHERS
from db.database import Database
from db.errors import UsageError
from db.words import Method, Part, Reason, Redraw, Stratify, SweepState, VisitState
from reports.language import Language
from reports.left_out import left_out_lines
from reports.report import write_report
from reports.sample_table import read_table, table, words_of, write_table
from reports.summary import as_json, as_lines
from tests.audits.sampled import PATHS, START, chosen, drawn, explored, finish, lose
from tests.audits.swept import CALENDAR, plan_for, sweep_now
from tests.site import SampleSite

MIXED: dict[str, Any] = {"method": Method.MIXED, "pages": 20, "at_random": 12, "seed": 2026}


SMALL = {**MIXED, "pages": 6, "at_random": 4}
TRAFFIC = tuple((f"{START}b/{n:02}.html", 100 - n) for n in range(3))


async def lines_of(
    database: Database, sweep: int, tmp_path: Path, name: str = "sample.csv", lang: str = "ja"
) -> list[Line]:
    """The lines of the proposal's table, written and read back."""
    rows = table(await proposed(database, sweep, None), Language(lang))
    write_table(tmp_path / name, rows)
    return read_table(tmp_path / name)


@pytest.mark.parametrize("name", ["sample.csv", "sample.xlsx"])
@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_a_proposal_frozen_as_it_is_is_what_would_have_been_chosen(
    database: Database, tmp_path: Path, name: str, lang: str
) -> None:
    sweep = await explored(database, **MIXED)
    lines = await lines_of(database, sweep, tmp_path, name, lang)
    frozen = await freeze(database, sweep, lines, "環境局 山田", words_of)
    assert len({each.visit for each in frozen.choices}) == len({line.address for line in lines})
    other = await chosen(database, **MIXED)
    for part in Part:
        told, plain = await drawn(database, sweep, part), await drawn(database, other, part)
        assert [(row.address, row.rank, row.why, row.added_by) for row in told] == [
            (row.address, row.rank, row.why, None) for row in plain
        ]
    async with database.reading() as connection:
        row = await sweep_row(connection, sweep)
    assert (row.state, row.method, row.frozen_by, row.draw_from) == (
        SweepState.AUDITING,
        Method.MIXED,
        "環境局 山田",
        0,
    )
    assert {each.state for each in await drawn(database, sweep)} == {VisitState.SELECTED}


async def test_a_proposal_names_its_reasons_and_the_steps_for_people(database: Database) -> None:
    traffic = ((START + "a/33.html", 500), (START + "nai.html", 400))
    sweep = await explored(database, **MIXED, traffic=traffic)
    proposal = await proposed(database, sweep, None)
    rows = {(row[0].removeprefix(START), row[2]): row[3] for row in table(proposal, Language("ja"))}
    assert rows["", "代表"].startswith("トップページ")
    assert "問い合わせ" in rows["contact/", "代表"]
    assert rows["shinsei/step1.html", "代表"].startswith("入力フォーム")
    assert "から始まる手続きのページ" in rows["shinsei/step2.html", "代表"]
    assert "利用の多いページ（1位）" in rows["a/33.html", "代表"]
    assert "人が試験" in rows["shinsei/send", "手で試験"]
    assert proposal.unknown == [START + "nai.html"]


async def test_a_sample_that_lacks_a_kind_says_so_wherever_it_is_shown(database: Database, tmp_path: Path) -> None:
    sweep = await explored(database, **SMALL, traffic=TRAFFIC)
    proposal = await proposed(database, sweep, None)
    lacking = {each.page.address.removeprefix(START): each.why for each in proposal.left_out}
    assert "kind:form" in lacking["shinsei/step1.html"]
    assert lacking["shinsei/step2.html"] == f"process:{START}shinsei/step1.html"
    assert [why for why in lacking.values() if "traffic" in why]
    [said] = left_out_lines(proposal.left_out, Language("ja"))
    assert said.startswith("この標本に入らなかった種類：入力フォーム、利用の多いページ（")
    assert f"入れるには、あと{len(lacking)}ページ要ります。" in said
    rows = table(proposal, Language("ja"))
    assert {row[0].removeprefix(START) for row in rows if row[2] == "入らなかった"} == set(lacking)
    moved = "shinsei/step1.html"
    rows = [
        [*row[:2], "代表", *row[3:]] if row[0] == START + moved and row[2] == "入らなかった" else row
        for row in rows
    ]
    write_table(tmp_path / "sample.xlsx", rows)
    frozen = await freeze(database, sweep, read_table(tmp_path / "sample.xlsx"), "山田", words_of)
    after = {each.page.address.removeprefix(START): each.why for each in frozen.left_out}
    assert moved not in after, "a person made it representative"
    assert after["shinsei/step2.html"] == f"process:{START}{moved}", "the process is in part now"
    told = [{"address": START + path, "why": why} for path, why in after.items()]
    await finish(database, sweep)
    conclusion = await conclude(database, sweep)
    assert as_json(conclusion, None)["left_out"] == told
    [line] = left_out_lines(frozen.left_out, Language("ja"))
    assert line in as_lines(conclusion, "ja")
    async with database.reading() as connection:
        assert (await document(connection, await sweep_row(connection, sweep)))["left_out"] == told
    report = (await write_report(database, sweep, tmp_path / "report", "ja")).parent
    for page in ("index.html", "sample.html"):
        assert line in (report / page).read_text(encoding="utf-8"), page
    shown = (report / "sample.html").read_text(encoding="utf-8")
    assert [path for path in after if f"{START}{path}" not in shown.partition('id="left-out"')[2]] == []


async def test_a_census_and_a_random_sample_promise_no_kinds(database: Database) -> None:
    for plan in ({"method": Method.ALL}, {"method": Method.RANDOM, "pages": 5, "seed": 1}):
        assert (await proposed(database, await explored(database, **plan), None)).left_out == []


async def test_a_survey_of_all_pages_never_becomes_a_sample(database: Database) -> None:
    sweep = await explored(database, method=Method.ALL, survey=True)
    wishes = {"method": Method.MIXED, "pages": 5, "at_random": None, "stratify": None, "traffic": (), "seed": 1,
              "earlier_draw": None, "redraw": None}  # fmt: skip
    with pytest.raises(UsageError, match="takes all pages"):
        await proposed(database, sweep, wishes)
    assert (await proposed(database, sweep, None)).method is Method.ALL
    assert (await proposed(database, sweep, {**wishes, "method": Method.ALL})).method is Method.ALL


async def test_a_kind_whose_only_page_proves_to_be_none_is_not_missed(database: Database) -> None:
    sweep = await chosen(database, **MIXED)
    [contact] = [
        row for row in await drawn(database, sweep, Part.REPRESENTATIVE) if row.address.endswith("contact/")
    ]
    assert (await conclude(database, sweep)).left_out == (), "there was room for all"
    await lose(database, sweep, {contact.visit_id: Reason.NOT_FOUND})
    assert (await conclude(database, sweep)).left_out == ()


async def test_a_person_may_put_pages_in_leave_pages_out_and_give_reasons(
    database: Database, tmp_path: Path
) -> None:
    sweep = await explored(database, **MIXED)
    lines = await lines_of(database, sweep, tmp_path)
    top, *others = [line for line in lines if line.part is Part.REPRESENTATIVE]
    own = Line(number=99, address=START + "c/08.html", part=Part.REPRESENTATIVE, reason="高齢者がよく使う")
    edits = [
        replace(top, reason="窓口への入口"),
        *others[1:],
        own,
        *(line for line in lines if line.part is Part.RANDOM),
    ]
    await freeze(database, sweep, edits, "山田", words_of)
    rows = await drawn(database, sweep, Part.REPRESENTATIVE)
    assert [row.rank for row in rows] == list(range(1, len(rows) + 1))
    told = {row.address.removeprefix(START): (row.why, row.added_by) for row in rows}
    assert told[""] == ("窓口への入口", "山田")
    assert told["c/08.html"] == ("高齢者がよく使う", "山田")
    assert others[0].address not in {row.address for row in rows}
    assert {row.added_by for row in rows} == {None, "山田"}
    assert all(row.added_by is None for row in await drawn(database, sweep))


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_the_application_of_the_sample_site_comes_in_whole(database: Database, tools: Tools) -> None:
    with SampleSite() as site:
        plan = plan_for(site.url, exclusions=(CALENDAR,), method=Method.MIXED, pages=30, at_random=10, seed=3)
        sweep = await sweep_now(database, plan, tools, until=SweepState.CHOOSING)
        proposal = await proposed(database, sweep, None)
        why = {
            proposal.pages[each.visit].address.removeprefix(site.url): each.why or ""
            for each in proposal.choices
            if each.part is Part.REPRESENTATIVE
        }
        by_hand = [address.removeprefix(site.url) for address in proposal.by_hand]
    assert "kind:form" in why["shinsei/step1.html"]
    for step in ("shinsei/step2.html", "shinsei/step3.html"):
        assert f"process:{site.url}shinsei/step1.html" in why[step]
    assert "shinsei/send" in by_hand
    assert {"kind:accessibility", "kind:contact", "kind:emergency"} <= set(" ".join(why.values()).split())


@pytest.mark.parametrize(
    "edit",
    [
        "put in",
        "left out",
        "foreign",
        "twice",
        "no reason",
        "none",
        "stratum",
        "no stratum",
        "reason of a drawn one",
    ],
)
async def test_what_an_edited_table_may_not_say_is_refused_and_nothing_changes(
    database: Database, tmp_path: Path, edit: str
) -> None:
    sweep = await explored(database, **MIXED)
    lines = await lines_of(database, sweep, tmp_path)
    representative = [line for line in lines if line.part is Part.REPRESENTATIVE]
    at_random = [line for line in lines if line.part is Part.RANDOM]
    undrawn = next(path for path in PATHS if START + path not in {line.address for line in at_random})
    edits, said = {
        "put in": ([*lines, Line(number=77, address=START + undrawn, part=Part.RANDOM, reason="")], "Line 77"),
        "left out": ([line for line in lines if line is not at_random[3]], at_random[3].address),
        "foreign": ([*lines, Line(number=78, address="https://else.jp/", part=Part.REPRESENTATIVE, reason="x")], "Line 78"),
        "twice": ([*lines, replace(representative[0], number=79)], "Line 79"),
        "no reason": ([*lines, Line(number=80, address=START + "c/08.html", part=Part.REPRESENTATIVE, reason="")], "Line 80"),
        "none": (at_random, "at least one"),
        "stratum": ([*lines[:-1], replace(at_random[-1], stratum="/elsewhere/")], f"Line {at_random[-1].number}"),
        "reason of a drawn one": ([*lines[:-1], replace(at_random[-1], reason="利用が多い")], f"Line {at_random[-1].number}"),
        "no stratum": ([replace(lines[0], stratum="/c/"), *lines[1:]], f"Line {lines[0].number}"),
    }[edit]  # fmt: skip
    with pytest.raises(UsageError) as refused:
        await freeze(database, sweep, edits, "山田", words_of)
    assert said in refused.value.en
    assert refused.value.ja
    async with database.reading() as connection:
        assert (await sweep_row(connection, sweep)).state is SweepState.CHOOSING
    assert await drawn(database, sweep) == []


async def test_the_steps_for_people_are_told_of_the_sample_as_of_the_proposal(database: Database) -> None:
    sweep = await explored(database, **MIXED)
    proposal = await proposed(database, sweep, None)
    async with database.writing() as connection:
        await choose(connection, await sweep_row(connection, sweep), START)
        assert await sent_beyond(connection, sweep) == proposal.by_hand == [START + "shinsei/send"]


async def test_a_page_put_into_a_random_sample_would_make_another_method_of_it(
    database: Database, tmp_path: Path
) -> None:
    sweep = await explored(database, method=Method.RANDOM, pages=20)
    lines = await lines_of(database, sweep, tmp_path)
    top = Line(number=50, address=START, part=Part.REPRESENTATIVE, reason="入口")
    with pytest.raises(UsageError, match="method d"):
        await freeze(database, sweep, [*lines, top], "山田", words_of)


async def test_a_frozen_sample_is_never_changed(database: Database, tmp_path: Path) -> None:
    sweep = await explored(database, **MIXED)
    lines = await lines_of(database, sweep, tmp_path)
    await freeze(database, sweep, lines, "山田", words_of)
    with pytest.raises(UsageError, match="frozen already by 山田"):
        await freeze(database, sweep, lines, "佐藤", words_of)
    with pytest.raises(UsageError, match="frozen already"):
        await proposed(database, sweep, None)


async def test_other_wishes_are_kept_with_the_sweep_and_an_older_table_is_refused(
    database: Database, tmp_path: Path
) -> None:
    sweep = await explored(database, **MIXED)
    lines = await lines_of(database, sweep, tmp_path)
    wishes = {"method": Method.MIXED, "pages": 20, "at_random": 12, "seed": 7, "stratify": Stratify.DIRECTORY,
              "redraw": None, "earlier_draw": None, "traffic": ()}  # fmt: skip
    proposal = await proposed(database, sweep, wishes)
    assert (proposal.drawing.seed, proposal.drawing.stratify) == (7, Stratify.DIRECTORY)
    assert await proposed(database, sweep, None) == proposal
    with pytest.raises(UsageError):
        await freeze(database, sweep, lines, "山田", words_of)
    await freeze(database, sweep, await lines_of(database, sweep, tmp_path, "anew.csv"), "山田", words_of)


async def test_pages_that_prove_not_to_exist_are_replaced_by_the_next_ones_and_no_others(
    database: Database,
) -> None:
    sweep = await chosen(database, **MIXED)
    first = await drawn(database, sweep)
    order = in_order(2026, 0, [START + path for path in PATHS])
    assert [row.address for row in first] == order[:12]
    lost = dict(zip((row.visit_id for row in first[:6]), (
        Reason.NOT_FOUND, Reason.TIMED_OUT, Reason.SERVER_ERROR, Reason.BLOCKED, Reason.REDIRECT_OUT, Reason.NOT_HTML,
    ), strict=True))  # fmt: skip
    assert await lose(database, sweep, lost) == 3
    after = await drawn(database, sweep)
    assert [row.address for row in after] == order[:15]
    assert [row.replaces_id for row in after[12:]] == [first[0].id, first[4].id, first[5].id]
    assert await lose(database, sweep, {}) == 0, "once is enough"
    assert await lose(database, sweep, {after[12].visit_id: Reason.SOFT_NOT_FOUND}) == 1
    last = (await drawn(database, sweep))[15]
    assert (last.address, last.replaces_id, last.state) == (order[15], after[12].id, VisitState.SELECTED)
    await finish(database, sweep)
    said = (await conclude(database, sweep)).estimate
    assert said is not None
    assert (said.frame, said.drawn, said.audited) == (len(PATHS) - 4, 12, 9)
    assert (said.low, said.high) == (interval(len(PATHS) - 4, 12, 0)[0], interval(len(PATHS) - 4, 12, 3)[1])


async def test_a_redirect_is_replaced_only_when_the_page_that_it_leads_to_is_counted_itself(
    database: Database,
) -> None:
    sweep = await chosen(database, **MIXED)
    first = await drawn(database, sweep)
    assert await lose(database, sweep, {first[0].visit_id: Reason.REDIRECT}) == 0
    assert await lose(database, sweep, {first[1].visit_id: Reason.REDIRECT}, leads_to=first[5].page_id) == 1


async def test_a_frame_that_is_used_up_replaces_nothing(database: Database) -> None:
    sweep = await chosen(database, PATHS[:21], method=Method.RANDOM, pages=20)
    rows = await drawn(database, sweep)
    assert await lose(database, sweep, {row.visit_id: Reason.NOT_FOUND for row in rows[:3]}) == 1
    await finish(database, sweep)
    said = (await conclude(database, sweep)).estimate
    assert said is not None
    assert (said.frame, said.drawn, said.audited) == (18, 18, 18)


async def test_each_stratum_is_replaced_from_itself_and_counted_by_itself(database: Database) -> None:
    sweep = await chosen(database, **MIXED, stratify=Stratify.DIRECTORY)
    rows = await drawn(database, sweep)
    assert Counter(row.stratum for row in rows) == {"/a/": 7, "/b/": 3, "/c/": 1, OTHERS: 1}
    other, *_ = [row for row in rows if row.stratum == OTHERS]
    b = [row for row in rows if row.stratum == "/b/"]
    assert await lose(database, sweep, {b[0].visit_id: Reason.NOT_FOUND, other.visit_id: Reason.NOT_FOUND}) == 2
    new = {row.stratum: row.replaces_id for row in await drawn(database, sweep) if row.replaces_id}
    assert new == {"/b/": b[0].id, OTHERS: other.id}
    await finish(database, sweep)
    async with database.reading() as connection:
        row = await sweep_row(connection, sweep)
        sizes = await frame_by_stratum(connection, row)
        by_chance = await sampled(connection, row, Part.RANDOM)
        assert by_chance is not None
        each = by_chance.sample(rules_of(row)).strata
    assert sizes == {"/a/": 60, "/b/": 29, "/c/": 9, OTHERS: 3}
    told = {
        by_chance.names[number]: (stratum.population, stratum.drawn, stratum.audited, stratum.found)
        for number, stratum in enumerate(each)
    }
    assert told["/b/"] == (29, 3, 3, 0)
    assert told[OTHERS] == (3, 1, 1, 0)
    said = (await conclude(database, sweep)).estimate
    assert said is not None
    assert (said.frame, said.drawn, said.audited, said.low) == (len(PATHS) - 2, 12, 12, 0.0)


@pytest.mark.parametrize(("redraw", "kept"), [(Redraw.HALF, 6), (Redraw.WHOLLY, 0)])
@pytest.mark.parametrize("stratify", [None, Stratify.DIRECTORY])
async def test_half_or_nothing_of_the_earlier_random_part_is_kept(
    database: Database, redraw: Redraw, kept: int, stratify: Stratify | None
) -> None:
    paths = PATHS[4:]  # without strata of one page, which give it every time
    usual = {**MIXED, "stratify": stratify}
    first = await chosen(database, paths, **usual)
    before = await drawn(database, first)
    await lose(database, first, {before[2].visit_id: Reason.NOT_FOUND})
    await finish(database, first)
    living = {row.address for row in await drawn(database, first) if row.reason is None}
    assert len(living) == 12
    dead = before[2].address.removeprefix(START)
    again = {**usual, "seed": None, "earlier_draw": first, "redraw": redraw}
    second = await chosen(database, [path for path in paths if path != dead], **again)
    after = {row.address for row in await drawn(database, second)}
    assert len(after) == 12
    assert len(after & living) == kept
    async with database.reading() as connection:
        assert (await sweep_row(connection, second)).seed == 2026
        assert differences(await document(connection, await sweep_row(connection, second))) == []


async def test_what_is_drawn_anew_is_divided_as_before(database: Database) -> None:
    first = await chosen(database, **MIXED, stratify=Stratify.DIRECTORY)
    await finish(database, first)
    usual = {**MIXED, "seed": None, "earlier_draw": first, "redraw": Redraw.HALF}
    second = await chosen(database, **usual)
    async with database.reading() as connection:
        assert (await sweep_row(connection, second)).stratify is Stratify.DIRECTORY
    before, after = [{row.address for row in await drawn(database, each)} for each in (first, second)]
    assert len(before & after) == 6
    with pytest.raises(UsageError, match="divided otherwise"):
        await begin(database, plan_for(START, **{**usual, "stratify": Stratify.TEMPLATE}))


async def test_only_a_finished_sweep_of_the_site_with_a_random_part_is_drawn_anew_from(database: Database) -> None:
    unfinished = await chosen(database, **MIXED)
    census = await chosen(database, method=Method.ALL)
    await finish(database, census)
    for earlier, said in ((unfinished, "not finished"), (census, "no random part"), (99, "none of this site")):
        with pytest.raises(UsageError, match=said):
            await begin(database, plan_for(START, earlier_draw=earlier, redraw=Redraw.HALF))


@pytest.mark.parametrize("stratify", [None, *Stratify])
@pytest.mark.parametrize("method", list(Method))
async def test_a_document_gives_its_draw_again(
    database: Database, method: Method, stratify: Stratify | None
) -> None:
    sweep = await chosen(database, method=method, pages=20, seed=5, stratify=stratify)
    rows = await drawn(database, sweep)
    await lose(database, sweep, {row.visit_id: Reason.NOT_FOUND for row in rows[1:4]})
    async with database.reading() as connection:
        told = await document(connection, await sweep_row(connection, sweep))
    assert differences(told) == []
    assert len(told["frame"]) == len(PATHS)


async def test_a_page_put_into_the_document_of_a_random_sample_is_found_out(database: Database) -> None:
    """A page that was chosen on purpose makes method d of it."""
    sweep = await chosen(database, method=Method.RANDOM, pages=20, seed=1)
    async with database.reading() as connection:
        told = await document(connection, await sweep_row(connection, sweep))
    assert differences(told) == []
    told["representative"] = [{"rank": 1, "address": START, "why": "top", "added_by": "山田"}]
    assert differences(told) == ["representative"]


async def test_whatever_is_changed_in_a_document_is_found_out(database: Database) -> None:
    sweep = await chosen(database, **MIXED)
    rows = await drawn(database, sweep)
    await lose(database, sweep, {rows[0].visit_id: Reason.NOT_FOUND})
    async with database.reading() as connection:
        told = await document(connection, await sweep_row(connection, sweep))
    undrawn = next(
        page["address"]
        for page in told["frame"]
        if page["address"] not in {row["address"] for row in told["random"]}
    )

    def changed(**values: Any) -> list[str]:
        other = copy.deepcopy(told) | values
        return differences(other)

    assert changed(seed=1) == ["random"]
    assert changed(draw_from=1) == ["draw_from"]
    assert changed(frame=told["frame"][1:])[0] == "frame"
    assert changed(method="random") == ["method"]
    picked = copy.deepcopy(told["random"])
    picked[3]["address"] = undrawn
    assert changed(random=picked) == ["random"]
    replaced = copy.deepcopy(told["random"])
    replaced[12]["address"] = undrawn
    replaced[12]["number"] = number_of(told["seed"], undrawn) / ROUND
    assert changed(random=replaced) == ["replacements"]
    renumbered = copy.deepcopy(told["random"])
    renumbered[2]["number"] = 0.5
    assert changed(random=renumbered) == ["numbers"]
    elsewhere = copy.deepcopy(told["random"])
    elsewhere[0]["stratum"] = "/else/"
    assert changed(random=elsewhere) == ["strata"]
    unfounded = copy.deepcopy(told["random"])
    unfounded[0]["proved_no_page"] = None
    assert changed(random=unfounded) == ["replacements"]
    assert changed(representative=[{"rank": 1, "address": "https://else.jp/", "why": "x", "added_by": None}]) == [
        "representative"
    ]
    for broken in ({}, {"made by": "jisweep", "format": 2}, {**told, "random": None}):
        with pytest.raises(UsageError):
            differences(broken)
