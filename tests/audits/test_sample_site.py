"""The sample site swept whole: every page, every reason and every finding as expected, on both databases."""

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from audits.criteria import aimed_at, criteria
from audits.engine import NAME, Engine
from audits.rules import explain
from audits.work import Tools
from db.words import Edition, FoundBy, Level, Method, Outcome, Part, Reason, SweepState, VisitState
from tests.audits.swept import Swept, swept_sample_site
from tests.site import SampleSite

EXPECTED = json.loads((Path(__file__).parents[1] / "site" / "expected.json").read_text(encoding="utf-8"))


@contextmanager
def new_database(request: pytest.FixtureRequest, backend: str, folder: Path) -> Iterator[str]:
    """The address of a database with our empty tables, for longer than one test."""
    if backend == "sqlite":
        shutil.copyfile(request.getfixturevalue("sqlite_template"), folder / "swept.sqlite")
        yield str(folder / "swept.sqlite")
        return
    server, template = request.getfixturevalue("postgres"), request.getfixturevalue("postgres_template")
    with server.database(template=template) as (_, url):
        yield url


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def swept(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, tools: Tools
) -> Iterator[Swept]:
    """The whole site, method a), JIS X 8341-3:2016 AA."""
    with new_database(request, request.param, tmp_path_factory.mktemp("swept")) as url, SampleSite() as site:
        yield swept_sample_site(url, site, tools, method=Method.ALL, seed=1)


def test_the_pages_audited_are_the_pages_expected(swept: Swept) -> None:
    audited = swept.visits[swept.visits["state"] == VisitState.AUDITED]
    assert sorted(audited["path"]) == sorted(EXPECTED["pages"])


def test_every_other_address_ended_with_the_reason_expected(swept: Swept) -> None:
    unaudited = swept.visits[swept.visits["state"] == VisitState.UNAUDITED]
    reasons = {path: reason.value for path, reason in zip(unaudited["path"], unaudited["reason"], strict=True)}
    assert reasons == EXPECTED["unaudited"]


def test_every_address_has_ended(swept: Swept) -> None:
    assert set(swept.visits["state"]) == {VisitState.AUDITED, VisitState.UNAUDITED}
    audited = swept.visits["state"] == VisitState.AUDITED
    assert swept.visits[audited]["result_id"].notna().all()
    assert swept.visits[audited]["audited_at"].notna().all()
    assert swept.visits[audited]["reason"].isna().all()
    assert swept.visits[~audited]["result_id"].isna().all()
    assert swept.visits[~audited]["reason"].notna().all()
    assert swept.visits["lease_owner"].isna().all()


def test_findings_are_those_expected_place_by_place(swept: Swept) -> None:
    found: dict[str, list[str]] = {}
    for row in swept.findings.itertuples():
        target = row.target[0] if len(row.target) == 1 else row.target
        told = {"rule": row.rule, "outcome": row.outcome.value, "frame": row.frame, "target": target}
        found.setdefault(row.path, []).append(json.dumps(told, ensure_ascii=False))
    expected = {
        path: sorted(json.dumps(each, ensure_ascii=False) for each in findings)
        for path, findings in EXPECTED["findings"].items()
    }
    assert {path: sorted(each) for path, each in found.items()} == expected


def test_every_result_says_what_it_was_made_with(swept: Swept, engine: Engine) -> None:
    results = swept.rows["result"]
    assert len(results) == len(EXPECTED["pages"])
    assert set(results["engine"]) == {NAME} == {swept.row["engine"]}
    assert set(results["engine_version"]) == {engine.version} == {swept.row["engine_version"]}
    assert set(results["rule_set"]) == {swept.row["rule_set"]}
    assert swept.row["rule_set"].startswith(f"{NAME} {engine.version} / jis2016 / ")
    assert set(results["edition"]) == {Edition.JIS2016}
    assert set(zip(results["viewport_width"], results["viewport_height"], strict=True)) == {(1280, 1024)}
    assert (swept.row["locale"], swept.row["timezone"]) == ("ja-JP", "Asia/Tokyo")
    assert swept.row["browser"].startswith("Chromium ")


def test_times_are_of_the_sweep_and_in_order(swept: Swept) -> None:
    row = swept.row
    times = [row["created_at"], row["explored_at"], row["chosen_at"], *sorted(swept.rows["result"]["taken_at"])]
    times += [row["finished_at"], datetime.now(UTC)]
    assert times == sorted(times)
    assert times[-1] - times[0] < timedelta(minutes=10)
    assert row["state"] is SweepState.FINISHED


def test_all_pages_settle_but_those_that_never_stop_changing(swept: Swept) -> None:
    settled = swept.rows["result"].set_index("id")["settled"]
    audited = swept.visits.dropna(subset=["result_id"])
    unsettled = {row.path for row in audited.itertuples() if not settled[row.result_id]}
    assert unsettled == {"/kasen/camera.html"}, "its camera picture never ends"
    assert swept.conclusion.unsettled_pages == 1


def test_no_part_of_any_page_is_left_untested(swept: Swept) -> None:
    assert [each for each in swept.rows["result"]["untested"] if each] == []
    assert swept.conclusion.untested_parts_pages == 0


def test_each_distinct_fault_is_pictured_once(swept: Swept) -> None:
    failed = swept.findings[(swept.findings["outcome"] == Outcome.FAILED)]
    pictures = failed.groupby("defect_id")["picture_id"].count()
    seen = failed[failed["box"].notna()]["defect_id"].unique()
    assert len(seen) > 50
    assert pictures[pictures > 1].to_dict() == {}
    assert set(pictures[pictures == 1].index) == set(seen), "every fault that can be seen"
    assert swept.findings[swept.findings["outcome"] == Outcome.CANT_TELL]["picture_id"].isna().all()


def test_a_census_pictures_whole_pages_only_where_they_show_a_fault_for_the_first_time(swept: Swept) -> None:
    results = swept.rows["result"]
    pictured = set(results.dropna(subset=["picture_id"])["id"])
    with_clip = set(swept.findings.dropna(subset=["picture_id"])["result_id"])
    assert pictured == with_clip
    assert 0 < len(pictured) < len(results)


def test_pictures_are_what_their_rows_say(swept: Swept) -> None:
    pictures = swept.rows["picture"]
    assert len(pictures) > 50
    for row in pictures.itertuples():
        assert (row.media_type, row.image[:3], row.image[-2:]) == ("image/jpeg", b"\xff\xd8\xff", b"\xff\xd9")
    shown = swept.rows["result"].dropna(subset=["picture_id"])
    sizes = pictures.set_index("id")
    for row in shown.itertuples():
        picture = sizes.loc[row.picture_id]
        assert (picture["width"], picture["height"]) == (row.page_width, row.pictured_height)
        assert row.pictured_height <= row.page_height


def test_boxes_lie_within_the_whole_page_also_those_in_frames(swept: Swept) -> None:
    sizes = swept.rows["result"].set_index("id")
    boxed = swept.findings.dropna(subset=["box"])
    for row in boxed.itertuples():
        x, y, width, height = row.box
        assert width > 0
        assert height > 0
        assert x < sizes.loc[row.result_id, "page_width"]
        assert y < sizes.loc[row.result_id, "page_height"]
    inner = boxed[(boxed["path"] == "/kasen/suii.html") & (boxed["rule"] == "image-alt")].iloc[0]
    assert len(inner["frame"]) == 2
    outer = boxed[(boxed["path"] == "/parts/suii-map.html") & (boxed["rule"] == "image-alt")].iloc[0]
    assert inner["box"][1] > outer["box"][1], "further down by what stands above the frame"
    assert inner["box"][2:] == outer["box"][2:]


def test_assertions_equal_a_recount_of_the_findings(swept: Swept) -> None:
    spoken = swept.row["rule_criteria"]
    places = swept.findings.assign(criterion=swept.findings["rule"].map(spoken)).explode("criterion")
    places = places.dropna(subset=["criterion"])
    recount = Counter(zip(places["result_id"], places["criterion"], places["outcome"], strict=True))
    told: Counter[tuple[Any, ...]] = Counter()
    for row in swept.rows["assertion"].itertuples():
        told[row.result_id, row.criterion, Outcome.FAILED] = row.failed_places
        told[row.result_id, row.criterion, Outcome.CANT_TELL] = row.cant_tell_places
        assert row.level is criteria(Edition.JIS2016)[row.criterion].level
    assert +told == recount
    assert len(recount) > 80


def test_the_conclusion_equals_an_independent_recount(swept: Swept) -> None:
    """From the findings alone, with the criteria of each rule exploded and counted by pandas."""
    said = swept.conclusion
    known = criteria(Edition.JIS2016)
    places = swept.findings.assign(criterion=swept.findings["rule"].map(swept.row["rule_criteria"]))
    by_rule = places[places["criterion"].map(len) > 0]
    exploded = by_rule.explode("criterion")
    exploded["level"] = exploded["criterion"].map(lambda number: known[number].level)
    failed = exploded[exploded["outcome"] == Outcome.FAILED]
    cant_tell = exploded[exploded["outcome"] == Outcome.CANT_TELL]
    aa = failed[failed["level"].isin([Level.A, Level.AA])]
    assert said.problem_pages == aa["path"].nunique()
    assert said.problem_pages_a == failed[failed["level"] == Level.A]["path"].nunique()
    assert said.problem_pages_a < said.problem_pages
    assert said.places == aa["id"].nunique()
    assert said.audited == said.selected == len(EXPECTED["pages"])
    assert said.rate == said.problem_pages / said.audited
    for each in said.criteria:
        mine, unclear = (some[some["criterion"] == each.number] for some in (failed, cant_tell))
        recount = mine["path"].nunique(), len(mine), unclear["path"].nunique()
        assert (each.problem_pages, each.places, each.needs_review_pages) == recount
    assert [each.number for each in said.criteria] == list(aimed_at(Edition.JIS2016, Level.AA))
    assert sum(each.rules == 0 for each in said.criteria) > 10, "criteria that no rule speaks about are told apart"


def test_the_conclusion_counts_every_address(swept: Swept) -> None:
    said = swept.conclusion
    assert said.unaudited == {Reason(key): n for key, n in Counter(EXPECTED["unaudited"].values()).items()}
    not_pages = {"excluded", "redirect", "redirect_out", "redirect_loop", "not_html", "duplicate", "not_found"}
    pages = [path for path, reason in EXPECTED["unaudited"].items() if reason not in not_pages]
    assert said.known == len(EXPECTED["pages"]) + len(pages)
    assert said.not_chosen == 0
    assert said.estimate is None
    assert not said.complete
    assert said.incomplete_because == (Reason.SERVER_ERROR,)


def test_every_page_of_a_census_is_drawn_as_such(swept: Swept) -> None:
    draw = swept.rows["draw"]
    assert set(draw["part"]) == {Part.CENSUS}
    assert sorted(draw["rank"]) == list(range(1, len(EXPECTED["pages"]) + 1))
    assert swept.row["method"] is Method.ALL


def test_how_an_address_was_found_is_kept(swept: Swept) -> None:
    visits = swept.visits.set_index("path")
    assert visits.loc["/", "found_by"] is FoundBy.START
    assert visits.loc["/junban/", "found_by"] is FoundBy.SITEMAP
    assert visits.loc["/event/koza-mizu.html", "found_by"] is FoundBy.RENDERED
    assert visits.loc["/kikaku/kaigi2.html", "found_by"] is FoundBy.REDIRECT
    assert visits.loc["/old/kensaku.cgi?q=%93s%8Es", "found_by"] is FoundBy.LINK
    pages = swept.rows["page"].set_index("id")["address"].map(swept.path)
    assert pages[visits.loc["/event/koza-mizu.html", "found_on_id"]] == "/event/koza.html"
    assert pages[visits.loc["/gomi/bunbetsu.html", "leads_to_id"]] == "/kurashi/gomi/"
    assert pages[visits.loc["/kurashi/gomi/index.html", "leads_to_id"]] == "/kurashi/gomi/"
    listed = set(visits[visits["in_sitemap"].astype(bool)].index)
    assert {"/", "/junban/", "/news/2024/0115.html"} <= listed
    assert listed.isdisjoint({"/event/koza-mizu.html", "/old/nikki.html", "/kikaku/kaigi2.html"})


def test_the_site_was_asked_politely(swept: Swept) -> None:
    requests = swept.site.requests
    exploring = [each for each in requests if "Chrome/" not in each.user_agent]
    before_browser = takewhile(lambda each: "Chrome/" not in each.user_agent, requests)  # it asks for parts at once
    assert max(each.open for each in before_browser) <= 2
    assert [each for each in requests if not ("jisweep/" in each.user_agent and "tests" in each.user_agent)] == []
    assert {each.method for each in requests} == {"GET"}
    paths = Counter(each.path for each in exploring if each.origin == "site")
    pages = swept.rows["page"].set_index("id")["address"].map(swept.path)
    learned = set(pages[swept.rows["volatile"]["page_id"]])  # one page of each template is asked for twice more
    made_of = set(swept.rows["resource"]["address"].map(swept.path))  # once more, when it is a page as well
    again = {path: n for path, n in paths.items() if n > 1 and path != "/shiryo/kensu.cgi"}
    assert again.keys() <= learned | made_of
    assert all(n <= 1 + 2 * (path in learned) + (path in made_of) for path, n in again.items())
    others = Counter(each.path for each in exploring if each.origin == "other")
    assert set(others.values()) <= {1}, "parts of pages, each once"
    assert not any(each.path.startswith("/internal/") for each in requests)
    documents = Counter(
        each.path for each in requests if each.origin == "site" and each.headers.get("sec-fetch-dest") == "document"
    )
    assert max(documents.values()) <= 2, "once to show its links, once to be audited"


def test_no_check_of_a_real_audit_is_explained_with_a_hole(swept: Swept) -> None:
    said = Counter()
    for row in swept.findings.itertuples():
        for check in row.checks:
            for lang in ("ja", "en"):
                sentence = explain(check["id"], row.outcome, check["data"], lang)
                said[bool(sentence)] += 1
                assert not any(hole in (sentence or "") for hole in ("{", "}", "None", "undefined", "[]"))
        assert any(explain(check["id"], row.outcome, check["data"], "ja") for check in row.checks), row.checks
    assert said[True] > 10 * said[False]


def test_every_fault_is_one_defect_of_the_site_with_its_event(swept: Swept) -> None:
    defects, events = swept.rows["defect"], swept.rows["defect_event"]
    assert sorted(events["defect_id"]) == sorted(defects["id"]) == sorted(swept.findings["defect_id"].unique())
    contrast = swept.findings[swept.findings["rule"] == "color-contrast"]
    news = contrast[contrast["path"].str.match(r"/news/\d+/\d+")]
    assert news["path"].nunique() == 20
    assert news["defect_id"].nunique() == 1, "one fault of a template, however many pages show it"
    assert defects.set_index("id")["rule"].to_dict() == dict(
        zip(swept.findings["defect_id"], swept.findings["rule"], strict=True)
    )
