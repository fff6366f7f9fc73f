"""The reference tables in the `shared` folder beside the checkout, which the data of the project are held against."""

import csv
import os
from pathlib import Path

import pytest

DOMAIN = Path(__file__).parents[3] / "shared" / "domain"


def reference(name: str) -> list[dict[str, str]]:
    """The rows of a table. Without the folder the test is skipped, or fails where everything is required."""
    path = DOMAIN / name
    if not path.is_file():
        why = f"{path} is not there: the reference tables come in the folder `shared` beside the checkout"
        if os.environ.get("JISWEEP_TEST_REQUIRE") == "all":
            pytest.fail(why)
        pytest.skip(why)
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))
