"""The whole application, followed link by link over hostile rows: nothing is broken, nothing that a page said becomes a part of ours."""

import csv
import io
import re
from collections import deque
from urllib.parse import parse_qsl, urldefrag, urljoin, urlsplit

import httpx
import pytest
from openpyxl import load_workbook
from selectolax.lexbor import LexborHTMLParser as Html

from audits.defects.reconcile import reconcile
from db.database import Database
from db.words import Role
from reports.access.accounts import Grant
from reports.clean import FORMULA, INVISIBLE
from tests.web.scheduled import scheduled
from tests.web.serving import browsing, person

LARGEST = 200_000  # bytes of a page
OWN_SCRIPT = re.compile(r"/static/\w+\.js")


def shape(address: str) -> tuple[str, tuple[str, ...]]:
    """What addresses of one view have in common: its path, numbers apart, and the names of what it is asked for."""
    parts = urlsplit(address)
    path = re.sub(r"/\d+", "/N", parts.path)
    path = re.sub(r"^/know-how/(rules|criteria)/.+", r"/know-how/\1/X", path)
    asked = parse_qsl(parts.query, keep_blank_values=True)
    return path, tuple(sorted(f"{name}={value}" if name in ("as", "table") else name for name, value in asked))


def look_over(page: httpx.Response) -> list[str]:
    """The links of a page, which is held to be ours alone."""
    assert len(page.content) < LARGEST, page.url
    tree = Html(page.text)
    assert len(tree.css("head > title")) == len(tree.css("h1")) == 1, page.url
    assert not tree.css("iframe, object, embed, base, style, x, raw, b, i, [style]")
    assert all(OWN_SCRIPT.fullmatch(script.attributes.get("src") or "") for script in tree.css("script"))
    for element in tree.css("*"):
        assert not [name for name in element.attributes if name.startswith("on")]
    links = [link.attributes["href"] or "" for link in tree.css("a[href]")]
    assert all(re.match(r"https?://|/|#|\?", link) for link in links), links
    assert all(
        "noopener" in (link.attributes.get("rel") or "") for link in tree.css('a[href^="http"]')
    )  # what leads to a crawled page
    return [urljoin(str(page.url), link) for link in links if not link.startswith("#")]


def check_rows(rows: list[list[str]]) -> None:
    """No cell runs as a formula, hides or reorders text."""
    assert rows[0]
    for row in rows:
        for cell in row:
            assert not cell.startswith(FORMULA) or re.fullmatch(r"[-+]?\d+(\.\d+)?", cell), cell
            assert not INVISIBLE.search(cell), cell


@pytest.mark.parametrize("backend", ["sqlite"], indirect=True)
@pytest.mark.parametrize("lang", ["ja", "en"])
async def test_every_link_leads_somewhere_and_nothing_hostile_is_ours(
    database: Database, sweep: int, origin: str, lang: str
) -> None:
    async with database.writing() as connection:
        await reconcile(connection, sweep)
        await scheduled(connection, "<b>毎晩</b>", 1)
    who = await person(database, "admin", Grant(role=Role.ADMINISTRATOR))
    waiting, seen = deque([f"{origin}/", f"{origin}/search?q=script"]), set()
    kinds: dict[str, int] = {"text/html": 0, "text/csv": 0, "xlsx": 0}
    async with browsing(origin, who, lang=lang) as client:
        while waiting:
            address = urldefrag(waiting.popleft()).url
            if not address.startswith(f"{origin}/") or shape(address) in seen or "/files/" in address:
                continue  # files have tests of their own
            seen.add(shape(address))
            answer = await client.get(address)
            assert answer.status_code == 200, (address, answer.status_code)
            kind = answer.headers["content-type"].partition(";")[0]
            if kind == "text/html":
                kinds[kind] += 1
                waiting += look_over(answer)
            elif kind == "text/csv":
                kinds[kind] += 1
                check_rows(list(csv.reader(io.StringIO(answer.text.removeprefix("\ufeff")))))
            elif kind.endswith("spreadsheetml.sheet") and "as=xlsx" in address:
                kinds["xlsx"] += 1
                sheet = load_workbook(io.BytesIO(answer.content)).worksheets[0]
                assert not [cell for row in sheet.iter_rows() for cell in row if cell.data_type == "f"]
                check_rows(
                    [
                        ["" if cell is None else str(cell) for cell in row]
                        for row in sheet.iter_rows(values_only=True)
                    ]
                )
    assert kinds["text/html"] > 30, kinds
    assert min(kinds["text/csv"], kinds["xlsx"]) > 10, kinds
