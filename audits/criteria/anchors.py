"""Where W3C publishes each criterion: the anchor in the recommendation that the edition is identical to."""

import re
from functools import cache
from importlib import resources

from audits.criteria import criteria
from db.words import Edition

WCAG = {Edition.JIS2016: "2.0", Edition.WCAG22: "2.2"}  # the version of WCAG that an edition is identical to


def anchor(edition: Edition, number: str) -> str:
    """The anchor of a criterion. Those of WCAG 2.0 are a table, those of later versions the name itself."""
    if edition is Edition.JIS2016:
        return _wcag20()[number]
    return re.sub(r"[^a-z]+", "-", criteria(edition)[number].name_en.lower()).strip("-")


def address(edition: Edition, number: str) -> str:
    """The whole address of a criterion."""
    return f"http://www.w3.org/TR/WCAG{WCAG[edition].replace('.', '')}/#{anchor(edition, number)}"


@cache
def _wcag20() -> dict[str, str]:
    table = resources.files("audits.criteria").joinpath("wcag20-anchors.tsv").read_text(encoding="utf-8")
    return dict(line.split("\t") for line in table.splitlines()[1:])
