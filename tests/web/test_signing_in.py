"""Signing in: by a link first, by password then; few tries; sessions that end; no other site's requests."""

from datetime import timedelta

import httpx
import pytest
import sqlalchemy as sa

from db.database import Database
from db.errors import UsageError
from db.tables import Session, Trail
from db.types import now
from db.words import Done, Role
from reports.access import sessions
from reports.access.accounts import Grant, accept, first_invitation, invite, make_account
from reports.access.trail import leave
from reports.web.asking import local
from reports.web.settings import WebSettings
from tests.web.serving import browsing, person

PASSWORD = "みどりの窓口で会いましょう 令和"


async def done(database: Database) -> list[Done]:
    async with database.reading() as connection:
        return list(await connection.scalars(sa.select(Trail.done).order_by(Trail.id)))


async def test_the_first_start_gives_a_link_that_works_once(database: Database, origin: str) -> None:
    async with database.writing() as connection:
        secret = await first_invitation(connection)
    assert secret is not None
    async with browsing(origin) as client:
        turned = await client.get("/sites")
        assert (turned.status_code, turned.headers["location"]) == (303, "/sign-in?next=%2Fsites")
        assert "まだだれも利用していません" in (await client.get("/sign-in")).text
        assert (await client.get(f"/welcome/{secret}")).status_code == 200
        short = await client.post(f"/welcome/{secret}", data={"password": "short", "again": "short"})
        assert (short.status_code, "12文字以上" in short.text) == (400, True)
        set_to = await client.post(f"/welcome/{secret}", data={"password": PASSWORD, "again": PASSWORD})
        assert set_to.status_code == 303
        cookie = set_to.headers["set-cookie"]
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= {part.strip() for part in cookie.split(";")}
        assert (await client.get("/sites")).status_code == 200
        again = await client.get(f"/welcome/{secret}")
        assert (again.status_code, "もう使われたか、期限が切れています" in again.text) == (404, True)
        assert (await client.post("/sign-out")).headers["location"] == "/sign-in"
        assert (await client.get("/sites")).status_code == 303
        back = await client.post("/sign-in", data={"name": "admin", "password": PASSWORD, "next": "/sites?a=b"})
        assert (back.status_code, back.headers["location"]) == (303, "/sites?a=b")
    assert await done(database) == [Done.PASSWORD_SET, Done.SIGNED_OUT, Done.SIGNED_IN]
    async with database.writing() as connection:
        assert await first_invitation(connection) is None
        with pytest.raises(UsageError):
            await accept(connection, secret, PASSWORD, now())


async def test_five_wrong_tries_end_the_trying_even_with_the_right_password(
    database: Database, origin: str
) -> None:
    async with database.writing() as connection:
        account = await make_account(connection, "tanaka", "田中", [Grant(role=Role.READER)])
        await accept(connection, await invite(connection, account), PASSWORD, now())
    async with browsing(origin) as client:
        nobody = await client.post("/sign-in", data={"name": "nobody", "password": "x"})
        for _ in range(5):
            wrong = await client.post("/sign-in", data={"name": "tanaka", "password": "x"})
            assert wrong.status_code == 403
        assert nobody.text == wrong.text.replace("tanaka", "nobody")  # it does not tell which names there are
        right = await client.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
        assert (right.status_code, right.headers["retry-after"]) == (429, "900")
    assert await done(database) == [Done.SIGN_IN_REFUSED] * 6


async def test_one_client_may_not_try_many_names(database: Database, origin: str) -> None:
    async with database.writing() as connection:
        for number in range(30):
            await leave(connection, Done.SIGN_IN_REFUSED, f"name-{number}", address="127.0.0.1")
    async with browsing(origin) as client:
        assert (await client.post("/sign-in", data={"name": "other", "password": "x"})).status_code == 429


async def test_a_session_ends_when_idle_when_the_day_is_over_and_its_secret_changes(database: Database) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    secret = who.cookies["jisweep"]
    began = now()
    async with database.writing() as connection:

        async def found(secret: str, after: timedelta) -> str | None:
            session = await sessions.find(connection, secret, began + after)
            return session.digest if session else None

        digest = await found(secret, timedelta(minutes=119))
        assert digest is not None
        assert await found(secret, timedelta(hours=2, minutes=1)) is None
        new = await sessions.keep(connection, digest, began + timedelta(minutes=31))
        assert new is not None
        assert await found(new, timedelta(minutes=31)) == await found(secret, timedelta(minutes=31, seconds=50))
        assert await found(secret, timedelta(minutes=33)) is None
        for hours in range(1, 12):
            kept = await sessions.find(connection, new, began + timedelta(hours=hours, minutes=29))
            assert kept is not None
            new = await sessions.keep(connection, kept.digest, began + timedelta(hours=hours, minutes=29)) or new
        assert await found(new, timedelta(hours=12, minutes=1)) is None


async def test_the_browser_gets_the_new_secret_while_it_reads(database: Database, origin: str) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    async with database.writing() as connection:
        long_ago = now() - timedelta(minutes=40)
        await connection.execute(sa.update(Session).values(renewed_at=long_ago, seen_at=long_ago))
    async with browsing(origin, who) as client:
        first = await client.get("/sites")
        assert "HttpOnly" in first.headers["set-cookie"]
        assert client.cookies["jisweep"] != who.cookies["jisweep"]
        assert (await client.get("/sites")).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": ""}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Host": "evil.example"}, 421),
    ],
)
async def test_no_other_site_has_a_browser_change_anything(
    database: Database, origin: str, headers: dict[str, str], status: int
) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    async with browsing(origin, who) as client:
        assert (await client.post("/sign-out", headers=headers)).status_code == status
        assert (await client.get("/sites")).status_code == 200  # still signed in


async def test_every_answer_says_what_browsers_must_not_do(database: Database, origin: str) -> None:
    async with httpx.AsyncClient(base_url=origin) as client:
        for path in ("/sign-in", "/nowhere", "/static/web.css", "/report.css"):
            answer, without_body = await client.get(path), await client.head(path)
            assert (without_body.status_code, without_body.content) == (answer.status_code, b"")
            headers = answer.headers
            assert "script-src 'self'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
        large = await client.post("/sign-in", content=b"x" * (9 * 1024 * 1024))
        assert large.status_code == 413


@pytest.mark.parametrize(
    "path", ["//evil.example", "https://evil.example/", "/\\evil.example", "/a\nb", "", "evil", "/%0d", "/a//b?c"]
)
def test_nothing_leads_elsewhere_after_signing_in(path: str) -> None:
    assert local(path) in ("/", "/%0d", "/a//b?c")


@pytest.mark.parametrize("public", ["http://a11y.example.lg.jp", "ftp://x", "a11y.example", "https://x/path"])
def test_a_public_address_that_is_not_safe_is_refused(public: str) -> None:
    with pytest.raises(UsageError):
        WebSettings(database="x", public=public)
