"""The reference tables in the folder `shared` beside the checkout: our data are held against them."""

import csv
from pathlib import Path

from tests.conftest import leave_out

DOMAIN = Path(__file__).parents[3] / "shared" / "domain"


def reference(name: str) -> list[dict[str, str]]:
    """The rows of a table; without the folder the test is left out."""
    path = DOMAIN / name
    if not path.is_file():
        leave_out(f"the folder `shared` with the reference tables does not lie beside the checkout ({path})")
    with path.open(encoding="utf-8", newline="") as table:
        return list(csv.DictReader(table, delimiter="\t"))
