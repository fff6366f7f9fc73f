"""What was disposed of in the application: no number is another, and where something was it says so."""

import re
from datetime import UTC, datetime

import sqlalchemy as sa
from selectolax.lexbor import LexborHTMLParser as Html

from audits.keeping.disposal import dispose
from audits.keeping.terms import DEFAULTS, Terms
from db.database import Database
from db.tables import Page, Result, Trail, Visit
from db.types import now
from db.words import Done, Role
from reports.access.accounts import Grant
from tests.audits.kept import TODAY, years
from tests.reports.series import ADDRESS
from tests.web.serving import browsing, person

SAME = ("/", "/sites", "/sites/1", "/defects?site=1", "/defects/1", "/know-how/rules/image-alt", "/sweeps/1/addresses?show=all",
        "/sweeps/1/addresses?show=problem", "/sites/1?criterion=1.1.1", "/sweeps/4", "/sweeps/5", "/pages/1?sweep=5",
        "/sweeps/1/summary.json")  # fmt: skip


def text_of(body: str) -> str:
    """All that a page says, without what differs from one asking to the next."""
    main = Html(body).css_first("main")
    return re.sub(r"\s+", " ", main.text() if main else body)


def numbers_of(body: str) -> list[str]:
    """Figures and tables of a page."""
    return [each.text(strip=True) for each in Html(body).css("main .figure, main .amount, main td, main th")]


async def test_no_number_of_the_application_changes_and_what_is_gone_says_so(
    database: Database, origin: str
) -> None:
    await years(database)
    async with database.writing() as connection:
        old = {"at": datetime(2019, 5, 1, tzinfo=UTC), "done": Done.SIGNED_IN, "who": "昔の人", "details": {}}
        await connection.execute(sa.insert(Trail).values(old))
        first = await connection.scalar(sa.select(Page.id).where(Page.address == f"{ADDRESS}p/0.html"))
        third = await connection.scalar(sa.select(Page.id).where(Page.address == f"{ADDRESS}p/3.html"))
        picture = await connection.scalar(
            sa.select(Result.picture_id).join(Visit, Visit.result_id == Result.id).where(Visit.sweep_id == 1)
        )
    who = await person(database, "a", Grant(role=Role.ADMINISTRATOR))
    faulty, clean = f"/pages/{first}?sweep=1", f"/pages/{third}?sweep=1"
    async with browsing(origin, who) as client:

        async def body(path: str) -> str:
            answer = await client.get(path)
            assert answer.status_code == 200, path
            return answer.text

        before = {path: await body(path) for path in (*SAME, faulty, clean, "/sweeps/1", f"/pages/{first}")}
        assert "<pre><code>" in before[faulty]
        assert (await client.get(f"/pictures/{picture}")).status_code == 200
        await dispose(database, Terms(of=DEFAULTS), "佐藤", TODAY)
        after = {path: await body(path) for path in before}
        for path in (*SAME, f"/pages/{first}"):
            assert text_of(after[path]) == text_of(before[path]), path
        for path in (faulty, clean, "/sweeps/1"):
            assert numbers_of(after[path]) == numbers_of(before[path]), path
        gone = f"{now().astimezone(TODAY.tzinfo).year}年"
        for path in (faulty, "/sweeps/1"):
            assert "証跡" in text_of(after[path])
            assert gone in text_of(after[path])
        found = Html(after[faulty])
        assert "問題がなかったという意味ではありません" in text_of(after[faulty])
        assert found.css(".place") == []
        assert [each.text() for each in found.css("article.group .amount")] == ["1か所"]
        assert "HTML" not in text_of(after[clean]).partition("検査")[0]  # it had none: its picture alone is gone
        assert (await client.get(f"/pictures/{picture}")).status_code == 404
        refused = await client.get("/sweeps/1/files/json")
        assert (refused.status_code, "廃棄しました" in refused.text) == (400, True)
        assert (await client.get("/sweeps/5/files/json")).status_code == 200
        assert 'href="/sweeps/1/files/' not in after["/sweeps/1"]
        trail = text_of(await body("/administration/trail"))
        assert ("昔の人" in trail, "1 件を廃棄しました" in trail) == (False, True)
        rows = (await client.get(f"/pages/{first}?sweep=1&as=csv&table=places")).text
        assert "に廃棄しました" in rows
