"""The model of capacity runs, and docs/capacity.md says what it says."""

from dataclasses import replace
from pathlib import Path

from bench.capacity import SCENES, Assumed, line, scene, twice

TOLD = (Path(__file__).parents[1] / "docs" / "capacity.md").read_text(encoding="utf-8").splitlines()


def test_the_document_quotes_every_scene_and_every_doubled_assumption() -> None:
    assert [each for each in (*map(line, SCENES), *twice("nation, month")) if each not in TOLD] == []


def test_ten_times_the_cost_of_a_page_needs_more_cores_and_no_more_disk() -> None:
    plain, dear = scene("nation, first"), scene("nation, first", replace(Assumed(), cpu=4.0))
    assert dear.cores > 5 * plain.cores
    assert dear.rows_gb == plain.rows_gb
