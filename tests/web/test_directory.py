"""Signing in with the customer's directory: proof of who somebody is, or nothing."""

from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from joserfc.jwk import OctKey, RSAKey

from db.database import Database
from db.errors import UsageError
from db.tables import Account, Organisation, Trail
from db.types import now
from db.words import Done, Role
from reports.access import oidc
from reports.access.accounts import Grant, grants_of, invite, make_account
from reports.access.directory import read_directory
from tests.web.issuer import CLIENT, SECRET, Issuer
from tests.web.serving import Served, browsing

START = "/sign-in/directory?next=/sites%3Fa=b"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    with Issuer(claims={"sub": "42", "preferred_username": "tanaka", "name": "田中 花子"}) as running:
        yield running


def written(folder: Path, issuer: Issuer, more: str = "") -> Path:
    """The file that names the issuer."""
    secret = folder / "secret.txt"
    secret.write_text(SECRET + "\n", encoding="utf-8")
    secret.chmod(0o600)
    path = folder / "directory.toml"
    top = f'issuer = "{issuer.url}"\nclient_id = "{CLIENT}"\nclient_secret_file = "secret.txt"\n'
    path.write_text(top + more, encoding="utf-8")
    return path


@pytest.fixture
def makes(tmp_path: Path, issuer: Issuer, database_url: str) -> Iterator[str]:
    """The application, which makes accounts for people who have none."""
    with Served(database_url, oidc=written(tmp_path, issuer, 'unknown = "make"\nlabel = "都庁 SSO"\n')) as origin:
        yield origin


async def back_from(client: httpx.AsyncClient, start: str = START) -> str:
    """Go to the issuer as a browser does; the address that it sends the browser back to."""
    there = await client.get(start)
    assert there.status_code == 303, there.text
    async with httpx.AsyncClient() as elsewhere:
        back = await elsewhere.get(there.headers["location"])
    return str(back.headers["location"])


async def lines(database: Database) -> list[tuple[Done, str, dict[str, Any]]]:
    async with database.reading() as connection:
        rows = await connection.execute(sa.select(Trail.done, Trail.who, Trail.details).order_by(Trail.id))
        return [(done, who, details) for done, who, details in rows]


async def test_somebody_signs_in_and_is_known_by_issuer_and_subject(
    database: Database, makes: str, issuer: Issuer
) -> None:
    async with browsing(makes) as client:
        assert "都庁 SSO でサインインする" in (await client.get("/sign-in")).text
        back = await back_from(client)
        way = next(each for each in client.cookies.jar if each.name == "jisweep-way")
        assert way.has_nonstandard_attr("HttpOnly")
        answer = await client.get(back)
        assert (answer.status_code, answer.headers["location"]) == (303, "/sites?a=b")
        assert "jisweep-way" not in client.cookies
        assert (await client.get("/sites")).status_code == 200
        assert "田中 花子" in (await client.get("/account")).text
        again = await client.get(back)  # the way serves once
        assert again.status_code == 400
        client.cookies.set("jisweep-way", way.value or "", domain="127.0.0.1")
        assert (await client.get(back)).status_code == 403  # and so does the code
    assert issuer.refused == ["unknown code"]
    issuer.claims |= {"preferred_username": "renamed"}  # a name is the person's to change
    async with browsing(makes) as client:
        assert (await client.get(await back_from(client))).status_code == 303
    issuer.claims |= {"sub": "43", "preferred_username": "tanaka"}  # and somebody else's to take
    async with browsing(makes) as client:
        answer = await client.get(await back_from(client))
        assert (answer.status_code, "もう使われています" in answer.text) == (403, True)
    async with database.reading() as connection:
        rows = (await connection.execute(sa.select(Account.name, Account.subject, Account.password))).all()
    assert [tuple(row) for row in rows] == [("tanaka", f"{issuer.url} 42", None)]
    told = await lines(database)
    assert [done for done, _, _ in told] == [
        Done.ACCOUNT_CHANGED, Done.SIGNED_IN, Done.SIGN_IN_REFUSED, Done.SIGNED_IN, Done.SIGN_IN_REFUSED,
    ]  # fmt: skip
    assert told[1] == (Done.SIGNED_IN, "tanaka", {"by": "directory"})
    issuer.claims |= {
        "sub": "44",
        "preferred_username": "other",
    }  # who is called the same does not judge as the other
    async with browsing(makes) as client:
        await client.get(await back_from(client))
        assert "田中 花子 (other)" in (await client.get("/account")).text


def aged(claims: dict[str, Any]) -> None:
    claims["exp"] -= 300 + oidc.SKEW + 5
    claims["iat"] -= 600


SPOILT: dict[str, Callable[[dict[str, Any]], None]] = {
    "another nonce": lambda claims: claims.update(nonce="another"),
    "no nonce": lambda claims: claims.pop("nonce"),
    "another audience": lambda claims: claims.update(aud="another"),
    "several audiences, no party": lambda claims: claims.update(aud=[CLIENT, "another"]),
    "another party": lambda claims: claims.update(azp="another"),
    "another issuer": lambda claims: claims.update(iss="https://evil.example"),
    "expired": aged,
    "from the future": lambda claims: claims.update(iat=claims["iat"] + oidc.SKEW + 60),
    "no end": lambda claims: claims.pop("exp"),
    "nobody": lambda claims: claims.update(sub=""),
    "no subject": lambda claims: claims.pop("sub"),
}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_token_that_does_not_hold_signs_nobody_in(database: Database, makes: str, issuer: Issuer) -> None:
    async def statuses(client: httpx.AsyncClient) -> int:
        answer = await client.get(await back_from(client))
        assert "jisweep" not in client.cookies
        return answer.status_code

    async with browsing(makes) as client:
        for name, spoil in SPOILT.items():
            issuer.spoil = spoil
            assert await statuses(client) == 403, name
        issuer.spoil = lambda _: None
        issuer.sign_with = RSAKey.generate_key(2048)
        assert await statuses(client) == 403
        issuer.sign_with = None
        issuer.algorithm, issuer.sign_with = "HS256", OctKey.import_key("x" * 32)  # type: ignore[assignment]
        assert await statuses(client) == 403
    async with database.reading() as connection:
        assert await connection.scalar(sa.select(sa.func.count()).select_from(Account)) == 0
    assert {done for done, _, _ in await lines(database)} == {Done.SIGN_IN_REFUSED}


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_clocks_may_differ_by_a_minute_and_no_more(database: Database, makes: str, issuer: Issuer) -> None:
    issuer.spoil = lambda claims: claims.update(exp=claims["iat"] - oidc.SKEW + 20)
    async with browsing(makes) as client:
        assert (await client.get(await back_from(client))).status_code == 303


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_a_way_that_is_not_ours_leads_nowhere_and_leaves_no_line(
    database: Database, makes: str, tmp_path: Path, issuer: Issuer
) -> None:
    directory = read_directory(tmp_path / "directory.toml")
    way = oidc.new_way("/sites", None, now())
    sealed = oidc.sealed(directory, way)
    assert oidc.unsealed(directory, sealed, now()) == way
    assert oidc.unsealed(directory, sealed, now() + oidc.LASTS + timedelta(seconds=1)) is None
    for odd in ("", ".", "x", sealed[:-1], "e30=" + sealed[10:], sealed.replace(".", ".."), "\xff." + sealed):
        assert oidc.unsealed(directory, odd, now()) is None, odd
    async with browsing(makes) as client:
        for cookie in ("", "e30=.00", sealed):
            client.cookies.set("jisweep-way", cookie, domain="127.0.0.1")
            answer = await client.get("/sign-in/directory/return?code=x&state=another%C3%A9")
            assert (answer.status_code, "もう一度お試しください" in answer.text) == (400, True)
        back = await back_from(client)
        named = await client.get(f"{back}&iss=https://evil.example")  # RFC 9207
        assert named.status_code == 403
        for path in ("https://evil.example/", "//evil.example", "/\\evil.example"):
            back = await back_from(client, f"/sign-in/directory?next={path}")
            assert (await client.get(back)).headers["location"] == "/"
            await client.post("/sign-out")
    assert [done for done, _, _ in await lines(database)][:2] == [Done.SIGN_IN_REFUSED, Done.ACCOUNT_CHANGED]


@pytest.mark.parametrize("backend", ["sqlite"])
async def test_an_issuer_that_cannot_be_trusted_is_not_gone_to(
    database: Database, makes: str, issuer: Issuer
) -> None:
    async with browsing(makes) as client:
        for wrong in (
            {"issuer": "https://evil.example"}, {"authorization_endpoint": "http://evil.example/authorize"},
            {"token_endpoint": "javascript:alert(1)"}, {"jwks_uri": None}, {"userinfo_endpoint": "http://evil.example/"},
            {"padding": "x" * (oidc.LARGEST + 1)},
        ):  # fmt: skip
            issuer.metadata = wrong
            answer = await client.get(START)
            assert (answer.status_code, "答えません" in answer.text) == (503, True), wrong


async def test_somebody_unknown_gets_in_by_a_link_alone(
    database: Database, database_url: str, tmp_path: Path, issuer: Issuer
) -> None:
    async with database.writing() as connection:
        account = await make_account(connection, "hanako", "花子", [Grant(role=Role.READER)])
        secret = await invite(connection, account)
    with Served(database_url, oidc=written(tmp_path, issuer)) as origin:
        async with browsing(origin) as client:
            answer = await client.get(await back_from(client))
            assert (answer.status_code, "登録されていません" in answer.text) == (403, True)
            assert "/directory" in (await client.get(f"/welcome/{secret}")).text
            joined = await client.get(await back_from(client, f"/welcome/{secret}/directory"))
            assert joined.status_code == 303
            assert "hanako" in (await client.get("/account")).text
            assert (await client.get(f"/welcome/{secret}/directory")).status_code == 404  # once
        async with browsing(origin) as client:  # from now on without the link
            assert (await client.get(await back_from(client))).status_code == 303
            async with database.writing() as connection:
                await connection.execute(sa.update(Account).values(closed_at=now()))
            answer = await client.get(await back_from(client))
            assert (answer.status_code, "閉じられています" in answer.text) == (403, True)
    assert [done for done, _, _ in await lines(database)] == [
        Done.SIGN_IN_REFUSED, Done.ACCOUNT_CHANGED, Done.SIGNED_IN, Done.SIGNED_IN, Done.SIGN_IN_REFUSED,
    ]  # fmt: skip


GRANTS = """
unknown = "make"
[[grant]]
claim = "groups"
value = "web-soumu"
role = "web_team"
organisation = "東京都/総務局"
[[grant]]
claim = "groups"
value = "a11y-admin"
role = "administrator"
"""


async def test_the_directorys_groups_give_and_take_roles(
    database: Database, database_url: str, tmp_path: Path, issuer: Issuer
) -> None:
    async with database.writing() as connection:
        tokyo = await connection.scalar(sa.insert(Organisation).values(name="東京都").returning(Organisation.id))
        of = sa.insert(Organisation).values(name="総務局", parent_id=tokyo).returning(Organisation.id)
        soumu = await connection.scalar(of)

    async def granted() -> set[Grant]:
        async with database.reading() as connection:
            return set(await grants_of(connection, 1))

    with Served(database_url, oidc=written(tmp_path, issuer, GRANTS)) as origin:
        async with browsing(origin) as client, browsing(origin) as other:
            issuer.userinfo = {"sub": "42"}
            answer = await client.get(await back_from(client))
            assert (answer.status_code, "役割がありません" in answer.text) == (403, True)
            issuer.userinfo = {"sub": "42", "groups": ["web-soumu", "others"]}  # not in the ID token
            assert (await client.get(await back_from(client))).status_code == 303
            assert await granted() == {Grant(role=Role.WEB_TEAM, organisation=soumu)}
            issuer.userinfo = {"sub": "43", "groups": ["a11y-admin"]}  # somebody else's
            assert (await other.get(await back_from(other))).status_code == 403
            issuer.userinfo = {"sub": "42", "groups": "a11y-admin"}
            assert (await other.get(await back_from(other))).status_code == 303
            assert await granted() == {Grant(role=Role.ADMINISTRATOR)}
            assert (await client.get("/sites")).status_code == 303  # roles changed: signed out
            issuer.userinfo = {"sub": "42"}
            assert (await client.get(await back_from(client))).status_code == 403
            assert await granted() == set()
            assert (await other.get("/sites")).status_code == 303


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ('unknown = "yes"', "unknown"), ("scopes = []", "scopes"), ("typo = 1", "typo"), ("name = 1", "name"),
        ('[[grant]]\nclaim = "groups"', "grant"), ('[[grant]]\nclaim = "g"\nvalue = "v"\nrole = "king"', "role"),
        ('[[grant]]\nclaim = "g"\nvalue = "v"\nrole = "administrator"\nsite = "https://x/"', "role"), ("x = ", "Invalid value"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_says_why(tmp_path: Path, more: str, named: str) -> None:
    path = tmp_path / "directory.toml"
    (tmp_path / "secret.txt").write_text("x", encoding="utf-8")
    (tmp_path / "secret.txt").chmod(0o600)
    top = 'issuer = "https://login.example.lg.jp"\nclient_id = "x"\nclient_secret_file = "secret.txt"\n'
    path.write_text(top + more, encoding="utf-8")
    with pytest.raises(UsageError, match=named):
        read_directory(path)


def test_a_secret_that_others_can_read_and_an_issuer_without_https_are_refused(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("x", encoding="utf-8")
    secret.chmod(0o644)
    path = tmp_path / "directory.toml"
    more = 'client_id = "x"\nclient_secret_file = "secret.txt"\n'
    path.write_text(f'issuer = "https://login.example.lg.jp"\n{more}', encoding="utf-8")
    with pytest.raises(UsageError, match="chmod 600"):
        read_directory(path)
    path.write_text(f'issuer = "http://login.example.lg.jp"\n{more}', encoding="utf-8")
    with pytest.raises(UsageError, match="https"):
        read_directory(path)
