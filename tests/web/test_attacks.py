"""What somebody would try who wants in, or wants others out."""

import asyncio
import hashlib
import logging
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa
from fastapi import APIRouter

from db.database import Database
from db.errors import UsageError
from db.tables import Session, Trail
from db.types import now
from db.words import Done, Role
from reports.access import sessions, tries
from reports.access.accounts import Grant, accept, close, invite, make_account
from reports.access.passwords import check_password
from reports.access.trail import leave
from reports.web.app import application
from reports.web.settings import WebSettings
from tests.web.serving import Person, Served, browsing, person

PASSWORD = "みどりの窓口で会いましょう 令和"


async def account(database: Database, name: str) -> int:
    """An account with a password."""
    async with database.writing() as connection:
        made = await make_account(connection, name, "田中", [Grant(role=Role.READER)])
        await accept(connection, await invite(connection, made), PASSWORD, now())
    return made


async def test_no_other_site_signs_a_reader_in_as_somebody_else(database: Database, origin: str) -> None:
    await account(database, "mallory")
    form = {"name": "mallory", "password": PASSWORD}
    async with httpx.AsyncClient(base_url=origin) as client:  # a form of another site bears no cookie of ours
        for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
            answer = await client.post("/sign-in", data=form, headers=headers)
            assert (answer.status_code, "set-cookie" in answer.headers) == (403, False)
        assert (await client.post("/sign-in", data=form, headers={"Origin": origin})).status_code == 303


async def test_a_session_that_was_planted_ends_with_the_sign_in(database: Database, origin: str) -> None:
    await account(database, "tanaka")
    planted = await person(database, "mallory", Grant(role=Role.READER))
    async with browsing(origin, planted) as client:
        await client.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
        assert client.cookies["jisweep"] != planted.cookies["jisweep"]
    async with browsing(origin, planted) as client:
        assert (await client.get("/sites")).status_code == 303


async def test_many_tries_at_once_are_no_more_than_five(database: Database, origin: str) -> None:
    await account(database, "tanaka")
    async with browsing(origin) as client:
        client.timeout = httpx.Timeout(120)
        tries = [client.post("/sign-in", data={"name": "tanaka", "password": f"guess {n}"}) for n in range(12)]
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(statuses) == [403] * 5 + [429] * 7


async def test_nor_are_those_of_somebody_who_sits_at_anothers_desk(database: Database, origin: str) -> None:
    number = await account(database, "tanaka")
    async with database.writing() as connection:
        secret = await sessions.begin(connection, number, now())
    async with browsing(origin, Person(account=number, name="tanaka", cookies={"jisweep": secret})) as client:
        client.timeout = httpx.Timeout(120)
        form = {"password": "another long password", "again": "another long password"}
        tries = [client.post("/account/password", data=form | {"present": f"guess {n}"}) for n in range(12)]
        statuses = [answer.status_code for answer in await asyncio.gather(*tries)]
    assert sorted(statuses) == [403] * 5 + [429] * 7


async def test_nobody_locks_an_owner_out_from_elsewhere(database: Database, origin: str) -> None:
    number = await account(database, "tanaka")
    async with database.writing() as connection:
        for _ in range(9):
            await leave(connection, Done.SIGN_IN_REFUSED, "tanaka", address="192.0.2.7")
    form = {"name": "tanaka", "password": PASSWORD}
    async with browsing(origin) as client:
        assert (await client.post("/sign-in", data=form)).status_code == 429  # a client that never was hers
        async with database.writing() as connection:
            line = {"who": "tanaka", "account_id": number, "address": "127.0.0.1", "details": {}}
            line |= {"at": now() - timedelta(days=3), "done": Done.SIGNED_IN}
            await connection.execute(sa.insert(Trail).values(**line))
        assert (await client.post("/sign-in", data=form)).status_code == 303


async def test_an_ipv6_client_is_its_network_of_64_bits(database: Database) -> None:
    moment = now()
    async with database.writing() as connection:
        for number in range(tries.TRIES_FROM):  # one client has as many addresses as it likes, in any spelling
            await leave(connection, Done.SIGN_IN_REFUSED, f"name-{number}", address=f"2001:db8::{number:x}:1")
        line = {"who": "tanaka", "address": "2001:db8:0:7::1", "details": {}, "done": Done.SIGNED_IN}
        await connection.execute(sa.insert(Trail).values(at=moment - timedelta(days=3), **line))
        for _ in range(tries.TRIES):
            await leave(connection, Done.SIGN_IN_REFUSED, "tanaka", address="198.51.100.7")
        later = now()
        assert await tries.too_many(connection, "other", "2001:db8::ffff:ffff:ffff:ffff", later)
        assert not await tries.too_many(connection, "other", "2001:db8:0:1::1", later)
        assert await tries.too_many(connection, "tanaka", "2001:db8:0:8::1", later)
        assert not await tries.too_many(
            connection, "tanaka", "2001:db8:0:7:aaaa::5", later
        )  # tomorrow's address of hers


async def test_a_password_typed_as_a_name_is_not_kept(database: Database, origin: str) -> None:
    async with browsing(origin) as client:
        for _ in range(5):
            answer = await client.post("/sign-in", data={"name": "correct horse battery", "password": "x"})
            assert answer.status_code == 403
        # names that there are not are as limited as those that there are: the limit tells nothing
        answer = await client.post("/sign-in", data={"name": "correct horse battery", "password": "x"})
        assert answer.status_code == 429
    async with database.reading() as connection:
        kept = " ".join(await connection.scalars(sa.select(Trail.who)))
    assert "horse" not in kept
    assert hashlib.sha256(b"correct horse battery").hexdigest()[:8] not in kept, "nor can words be tried against it"


async def test_a_link_does_not_open_an_account_that_was_closed(database: Database, origin: str) -> None:
    async with database.writing() as connection:
        number = await make_account(connection, "tanaka", "田中", [])
        secret = await invite(connection, number)
        await close(connection, number, now())
        with pytest.raises(UsageError):
            await accept(connection, secret, PASSWORD, now())
    async with browsing(origin) as client:
        assert (await client.get(f"/welcome/{secret}")).status_code == 404


async def test_a_page_with_a_secret_stays_in_no_cache_and_signing_out_empties_it(
    database: Database, origin: str
) -> None:
    async with database.writing() as connection:
        secret = await invite(connection, await make_account(connection, "tanaka", "田中", []))
    async with browsing(origin) as client:
        assert (await client.get(f"/welcome/{secret}")).headers["cache-control"] == "no-store"
        wrong = await client.post(f"/welcome/{secret}", data={"password": "x", "again": "y"})
        assert (wrong.status_code, wrong.headers["cache-control"]) == (400, "no-store")
        out = await client.post("/sign-out")
        assert out.headers["clear-site-data"] == '"cache"'


async def test_a_choice_of_language_does_not_lose_the_session_that_is_renewed(
    database: Database, origin: str
) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    async with database.writing() as connection:
        long_ago = now() - timedelta(minutes=40)
        await connection.execute(sa.update(Session).values(renewed_at=long_ago, seen_at=long_ago))
    async with browsing(origin, who) as client:
        answer = await client.post("/choices", data={"lang": "en", "next": "/sites"})
        assert sorted(each.partition("=")[0] for each in answer.headers.get_list("set-cookie")) == [
            "jisweep",
            "lang",
        ]
        async with database.writing() as connection:  # what was on its way with the old secret has arrived
            await connection.execute(sa.update(Session).values(renewed_at=now() - timedelta(minutes=2)))
        assert (await client.get("/sites")).status_code == 200


async def test_what_no_row_can_have_is_not_there(database: Database, origin: str) -> None:
    who = await person(database, "admin", Grant(role=Role.ADMINISTRATOR))
    async with browsing(origin, who) as client:
        for path in (
            f"/administration/accounts/{10**12}", f"/administration/accounts/{10**30}", "/administration/accounts/x",
            f"/administration/sites/{10**12}", "/administration/accounts/%00", "/nowhere/%00",
        ):  # fmt: skip
            answer = await client.get(path)
            assert (answer.status_code, "text/html" in answer.headers["content-type"]) == (404, True), path
        for path in (
            "/administration/trail?who=%00", "/administration/trail?about=%00%ff&act=%00&since=9999-99-99",
            "/administration/trail?until=9999-12-31&trail.page=99999999999&trail.sort=%22;--",
            "/sites?sites.sort=address%00&sites.page=-1&done=saved.%7B0%7D&done=",
        ):  # fmt: skip
            assert (await client.get(path)).status_code in (200, 404), path
        nul = await client.post("/administration/accounts", data={"name": "a\0b", "person": "c", "role": "reader"})
        assert nul.status_code == 400
    async with browsing(origin) as client:
        assert (await client.post("/sign-in", data={"name": "a\0b", "password": "\0"})).status_code == 403


async def test_a_large_body_in_pieces_is_refused(database: Database, origin: str) -> None:
    async def pieces():  # type: ignore[no-untyped-def]
        for _ in range(9):
            yield (b"name=" + b"x" * 100_000 + b"&") * 10

    async with browsing(origin) as client:
        kind = {"Content-Type": "application/x-www-form-urlencoded"}
        assert (await client.post("/sign-in", content=pieces(), headers=kind)).status_code == 413
        odd = {"Content-Type": "multipart/form-data; boundary=x"}
        assert (await client.post("/sign-in", content=b"--y\r\n\r\n--", headers=odd)).status_code in (400, 403)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_readers_do_not_learn_where_the_database_is(
    database: Database, database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    who = await person(database, "sato", Grant(role=Role.READER))
    with Served(database_url) as origin:
        async with browsing(origin, who) as client:
            Path(database_url).write_bytes(b"no database" * 1000)
            for name in ("-wal", "-shm"):
                Path(database_url + name).unlink(missing_ok=True)
            with caplog.at_level(logging.ERROR, "jisweep.web"):
                answer = await client.get("/sites", headers={"Cookie": f"jisweep={who.cookies['jisweep']}"})
    assert (answer.status_code, "データベースを使えません" in answer.text) == (503, True)
    assert database_url not in answer.text
    assert database_url in caplog.text


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_fault_of_ours_says_so_with_all_headers_and_nothing_of_its_inside(database: Database) -> None:
    app = application(WebSettings(database="", public="https://a11y.example.lg.jp"), database)
    broken = APIRouter()

    @broken.get("/broken")
    async def fails() -> None:
        raise RuntimeError("inside")

    app.include_router(broken)
    app.state.database = database
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="https://a11y.example.lg.jp") as client:
        answer = await client.get("/broken")
    assert (answer.status_code, "不具合" in answer.text, "inside" in answer.text) == (500, True, False)
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_over_https_the_cookie_is_held_to_this_host_alone(database: Database) -> None:
    await account(database, "tanaka")
    app = application(WebSettings(database="", public="https://A11y.example.lg.jp:443/"), database)
    app.state.database = database
    home = "https://a11y.example.lg.jp"
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=home) as client:
        form = {"name": "tanaka", "password": PASSWORD}
        answer = await client.post("/sign-in", data=form, headers={"Origin": home})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-jisweep=")
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= {part.strip() for part in cookie.split(";")}
        assert "domain" not in cookie.lower()


@pytest.mark.parametrize(
    ("public", "origin"),
    [
        ("https://A11Y.example.lg.jp:443/", "https://a11y.example.lg.jp"),
        ("http://localhost:80", "http://localhost"),
        ("http://[::1]:8341", "http://[::1]:8341"),
    ],
)
def test_the_origin_is_spelled_as_browsers_send_it(public: str, origin: str) -> None:
    assert WebSettings(database="x", public=public).origin == origin


@pytest.mark.parametrize("public", ["https://user@a11y.example", "https://x#y", "https://x:99999", "https://x:0"])
def test_an_origin_that_no_browser_sends_is_refused(public: str) -> None:
    with pytest.raises(UsageError):
        WebSettings(database="x", public=public)


@pytest.mark.parametrize("password", ["short", "aaaaaaaaaaaaaaaa", "1212121212121212", "x" * 201])
def test_passwords_that_anybody_would_try_are_refused(password: str) -> None:
    with pytest.raises(UsageError):
        check_password(password)


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_password_is_the_same_from_every_keyboard(database: Database, origin: str) -> None:
    await account(database, "tanaka")
    async with browsing(origin) as client:  # か + dakuten, full-width space
        typed = PASSWORD.replace("ど", "と\u3099").replace(" ", "\u3000")
        assert typed != PASSWORD
        assert (await client.post("/sign-in", data={"name": "tanaka", "password": typed})).status_code == 303


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize(
    ("behind", "client"), [(None, "127.0.0.1"), ("192.0.2.1", "127.0.0.1"), ("127.0.0.1", "203.0.113.9")]
)
async def test_only_the_server_in_front_is_believed_about_clients(
    database: Database, database_url: str, behind: str | None, client: str
) -> None:
    said = {"X-Forwarded-For": "198.51.100.1, 203.0.113.9", "X-Forwarded-Host": "evil.example"}
    with Served(database_url, behind=behind) as origin:
        async with browsing(origin) as browser:
            await browser.post("/sign-in", data={"name": "nobody", "password": "x"}, headers=said)
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(Trail.address)) == client


async def test_a_session_says_from_where_it_was_begun(database: Database, origin: str) -> None:
    number = await account(database, "tanaka")
    async with browsing(origin) as client:
        await client.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
    async with database.reading() as connection:
        [row] = await sessions.of_account(connection, number, now())
    assert row.address == "127.0.0.1"


async def test_a_method_that_a_page_does_not_know_is_told_those_that_it_does(
    database: Database, origin: str
) -> None:
    """RFC 9110, 15.5.6: also where forms are sent to the address of a page, below the API, and of files."""
    async with browsing(origin, await person(database, "tanaka", Grant(role=Role.ADMINISTRATOR))) as client:
        known = {
            "/sites": "GET, HEAD", "/cycles": "GET, HEAD, POST", "/api/v1/sites": "GET, HEAD", "/api/v1/rechecks": "POST",
            "/static/desk.css": "GET, HEAD", "/report.css": "GET, HEAD",
        }  # fmt: skip
        for method in ("TRACE", "DELETE"):
            for path, allowed in known.items():
                answer = await client.request(method, path)
                assert (answer.status_code, answer.headers.get("allow")) == (405, allowed), (method, path)
