"""Administration and one's own account: what is changed, what ends with it, and the line that each change leaves."""

from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from audits.site import site_settings
from db.database import Database
from db.errors import UsageError
from db.tables import Account, Organisation, Site, Token, Trail
from db.types import now
from db.words import Done, Role
from reports.access import sessions
from reports.access.accounts import Grant, accept, change_grants, close, grants_of, invite, make_account, reopen
from reports.access.rights import May, rights_of
from reports.access.tokens import bearer, bearer_in, make_token
from tests.web.serving import browsing, person

PASSWORD = "みどりの窓口で会いましょう 令和"
ADMIN = Grant(role=Role.ADMINISTRATOR)


async def lines(database: Database) -> list[tuple[Done, str | None, dict[str, Any]]]:
    """What the trail says, oldest first."""
    async with database.reading() as connection:
        rows = await connection.execute(sa.select(Trail.done, Trail.about, Trail.details).order_by(Trail.id))
        return [(done, about, details) for done, about, details in rows]


async def test_an_account_is_made_invited_given_roles_and_closed(database: Database, origin: str) -> None:
    who = await person(database, "admin", ADMIN)
    async with database.writing() as connection:
        soumu = await connection.scalar(sa.insert(Organisation).values(name="総務局").returning(Organisation.id))
        await connection.execute(sa.update(Account).values(password="x"))
    async with browsing(origin, who) as client:
        taken = {"name": "admin", "person": "<b>", "email": "a@example.jp", "role": "manager", "where": ""}
        again = await client.post("/administration/accounts", data=taken)
        assert (again.status_code, "もう使われています" in again.text, "&lt;b&gt;" in again.text) == (
            400,
            True,
            True,
        )
        king = await client.post("/administration/accounts", data=taken | {"name": "x", "role": "king"})
        assert king.status_code == 400
        narrow = taken | {"name": "x", "role": "administrator", "where": f"organisation-{soumu}"}
        assert (await client.post("/administration/accounts", data=narrow)).status_code == 400
        form = taken | {"name": "tanaka", "person": "田中", "where": f"organisation-{soumu}"}
        made = await client.post("/administration/accounts", data=form)
        page = made.headers["location"].partition("?")[0]
        link = await client.post(f"{page}/invite")
        assert link.headers["cache-control"] == "no-store"
        secret = link.text.partition("/welcome/")[2].partition('"')[0]
        shown = await client.get(page)
        assert (secret in shown.text, "管理職" in shown.text, "総務局" in shown.text) == (False, True, True)
        async with browsing(origin) as other:
            await other.post(f"/welcome/{secret}", data={"password": PASSWORD, "again": PASSWORD})
            assert (await other.get("/sites")).status_code == 200
            await client.post(f"{page}/roles", data={"role": "judge", "where": ""})
            assert (await other.get("/sites")).status_code == 303  # a change of roles signs out
            await other.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
            taken_away = {"role": "manager", "where": f"organisation-{soumu}"}
            await client.post(f"{page}/roles/end", data=taken_away)
            assert (await other.get("/sites")).status_code == 303
            await other.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
            await client.post(page, data={"name": "hanako", "person": "花子", "email": ""})
            assert (await other.get("/sites")).status_code == 200
            await client.post(f"{page}/sign-out")
            assert (await other.get("/sites")).status_code == 303
            await other.post("/sign-in", data={"name": "hanako", "password": PASSWORD})
            assert (await client.post(f"{page}/close")).status_code == 303
            assert (await other.get("/sites")).status_code == 303
            gone = await other.post("/sign-in", data={"name": "hanako", "password": PASSWORD})
            assert gone.status_code == 403
            assert (await client.post(f"{page}/invite")).status_code == 400
            await client.post(f"{page}/reopen")
            await other.post("/sign-in", data={"name": "hanako", "password": PASSWORD})
            assert (await other.get("/sites")).status_code == 200
        for path in ("", "/administration/trail?who=hanako&act=signed_in", "/administration/trail?who=花子"):
            assert (await client.get(path or "/administration/trail")).status_code == 200
        mine = await client.get("/administration/trail?who=hanako&act=signed_in&trail.sort=at&as=csv&table=trail")
        assert mine.text.count("\n") == 3  # the heading, and her two
        ours = await client.get(f"/administration/trail?about={page}")
        assert (ours.text.count("<tr>") - 1, "CSV" in ours.text) == (8, True)
        none = await client.get("/administration/trail?since=2099-01-01")
        assert "当てはまる記録がありません" in none.text
        listed = await client.get("/administration/accounts?accounts.sort=-state&as=xlsx&table=accounts")
        assert listed.content.startswith(b"PK")
    told = await lines(database)
    assert [details.get("act") for done, about, details in told if done is Done.ACCOUNT_CHANGED] == [
        "made", "role_given", "role_taken", "named", "signed_out", "closed", "reopened",
    ]  # fmt: skip
    assert secret not in str(told)
    assert PASSWORD not in str(told)


async def test_nobody_judges_or_agrees_under_another_persons_name(database: Database, origin: str) -> None:
    who = await person(database, "admin", ADMIN)
    async with database.writing() as connection:
        suzuki = await make_account(connection, "suzuki", "鈴木 一郎", [Grant(role=Role.JUDGE)])
        other = await make_account(connection, "ichiro", "鈴木 一郎（総務局）", [Grant(role=Role.JUDGE)])
    async with browsing(origin, who) as client:
        form = {"name": "other", "person": "鈴木　一郎", "email": "", "role": "judge", "where": ""}
        again = await client.post("/administration/accounts", data=form)
        assert (again.status_code, "区別できるように" in again.text) == (400, True)
        renamed = await client.post(
            f"/administration/accounts/{other}", data={"name": "ichiro", "person": "鈴木一郎", "email": ""}
        )
        assert (renamed.status_code, "区別できるように" in renamed.text) == (400, True)
        same = {
            "name": "suzuki",
            "person": "鈴木一郎",
            "email": "s@example.jp",
        }  # one's own name, spelled otherwise
        assert (await client.post(f"/administration/accounts/{suzuki}", data=same)).status_code == 303


async def test_the_last_administrator_cannot_be_taken_away(database: Database, origin: str) -> None:
    who = await person(database, "admin", ADMIN)
    async with database.writing() as connection:
        await make_account(connection, "second", "二人目", [ADMIN])  # who cannot sign in yet
        third = await make_account(connection, "third", "三人目", [ADMIN])
        await connection.execute(
            sa.update(Account).where(Account.id.in_([who.account, third])).values(password="x")
        )
        await close(connection, third, now())
        with pytest.raises(UsageError):
            await close(connection, who.account, now())
        with pytest.raises(UsageError):
            await change_grants(connection, who.account, [Grant(role=Role.READER)])
        assert await grants_of(connection, who.account) == [ADMIN]
    page = f"/administration/accounts/{who.account}"
    async with browsing(origin, who) as client:
        for path, form in (("roles/end", {"role": "administrator", "where": ""}), ("close", {})):
            answer = await client.post(f"{page}/{path}", data=form)
            assert (answer.status_code, "最後の管理者" in answer.text) == (400, True)
        assert await lines(database) == []  # nothing was done
        async with database.writing() as connection:
            await reopen(connection, third)
        assert (await client.post(f"{page}/close")).status_code == 303
        assert (await client.get("/account")).status_code == 303


async def test_a_token_has_what_its_account_has_now_and_no_more_than_its_scopes(database: Database) -> None:
    at = now()
    who = await person(database, "sato", Grant(role=Role.WEB_TEAM))
    async with database.writing() as connection:
        rights = await rights_of(connection, who.account, "sato", "佐藤")
        for name, scopes, days in (
            ("", ["read"], 30), ("x" * 101, ["read"], 30), ("x", [], 30), ("x", ["administer"], 30), ("x", ["read", "king"], 30),
            ("x", ["read"], 366), ("x", ["read"], 0),
        ):  # fmt: skip
            with pytest.raises(UsageError):
                await make_token(connection, rights, name, scopes, days, at)
        _, secret = await make_token(connection, rights, "月次集計", ["read", "claim"], 365, at)
        assert secret.startswith("jisweep_")
        found = await bearer(connection, secret, at)
        assert found is not None
        assert set(found.reaches) == {May.READ, May.CLAIM}
        assert await bearer(connection, secret.removeprefix("jisweep_"), at) is None
        assert await bearer(connection, secret + "x", at) is None
        assert await bearer(connection, secret, at + timedelta(days=365)) is None
        for seconds, used in ((30, 0), (90, 90)):  # noted once a minute
            await bearer(connection, secret, at + timedelta(seconds=seconds))
            assert await connection.scalar(sa.select(Token.used_at)) == at + timedelta(seconds=used)
        await change_grants(connection, who.account, [Grant(role=Role.READER)])
        narrowed = await bearer(connection, secret, at)
        assert narrowed is not None
        assert set(narrowed.reaches) == {May.READ}
    read = await bearer_in(database, secret, at + timedelta(minutes=5))
    assert read == narrowed
    async with database.writing() as connection:
        assert await connection.scalar(sa.select(Token.used_at)) == at + timedelta(minutes=5)
        await close(connection, who.account, at)
        assert await bearer(connection, secret, at) is None
        await reopen(connection, who.account)
        assert await bearer(connection, secret, at) is None  # it ended with the closing


async def test_ones_own_password_sessions_and_tokens(database: Database, origin: str) -> None:
    async with database.writing() as connection:
        number = await make_account(connection, "tanaka", "田中", [Grant(role=Role.READER)])
        await accept(connection, await invite(connection, number), PASSWORD, now())
    stranger = await person(database, "sato", Grant(role=Role.READER))
    new = "新しい 合い言葉は 長いほうがよい"
    async with browsing(origin) as client, browsing(origin) as other:
        for each in (client, other):
            await each.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})
        wrong = {"present": "x", "password": new, "again": new}
        answer = await client.post("/account/password", data=wrong)
        assert (answer.status_code, "いまのパスワードが違います" in answer.text) == (403, True)
        differ = await client.post("/account/password", data={"present": PASSWORD, "password": new, "again": "x"})
        assert differ.status_code == 400
        assert (await other.get("/account")).status_code == 200
        done = await client.post("/account/password", data={"present": PASSWORD, "password": new, "again": new})
        assert (done.status_code, (await client.get("/account")).status_code) == (303, 200)
        assert (await other.get("/account")).status_code == 303  # the other sessions ended
        assert (await other.post("/sign-in", data={"name": "tanaka", "password": PASSWORD})).status_code == 403
        await other.post("/sign-in", data={"name": "tanaka", "password": new})
        async with database.reading() as connection:
            theirs = (await sessions.of_account(connection, stranger.account, now()))[0].digest
            mine = {row.digest for row in await sessions.of_account(connection, number, now())}
        assert len(mine) == 2
        page = await client.get("/account")
        assert theirs not in page.text
        for digest in {theirs, *mine} - {sessions.digest_of(client.cookies["jisweep"])}:
            assert (await client.post("/account/sessions/end", data={"session": digest})).status_code == 303
        assert (await other.get("/account")).status_code == 303
        async with browsing(origin, stranger) as third:  # nobody ends another's
            assert (await third.get("/account")).status_code == 200
            form = {"name": "集計 <b>", "scopes": ["read", "administer"], "days": "90"}
            assert (await client.post("/account/tokens", data=form)).status_code == 400
            token = await client.post("/account/tokens", data=form | {"scopes": ["read"]})
            secret = token.text.partition('value="jisweep_')[2].partition('"')[0]
            assert (len(secret) > 40, token.headers["cache-control"]) == (True, "no-store")
            shown = await client.get("/account")
            assert (secret in shown.text, "集計 &lt;b&gt;" in shown.text) == (False, True)
            await third.post("/account/tokens/1/end")
        async with database.writing() as connection:
            assert await bearer(connection, f"jisweep_{secret}", now()) is not None
        await client.post("/account/tokens/1/end")
        async with database.writing() as connection:
            assert await bearer(connection, f"jisweep_{secret}", now()) is None
        for _ in range(6):  # a session that was stolen guesses no password either
            answer = await client.post("/account/password", data=wrong)
        assert answer.status_code == 429
    assert secret not in str(await lines(database))


TABLE = "組織,上位組織,サイト\n東京都,,\n総務局,東京都,https://www.soumu.example.lg.jp/\n"


async def test_a_sites_settings_are_those_of_its_sweeps(database: Database, origin: str) -> None:
    who = await person(database, "operator", Grant(role=Role.OPERATOR))
    async with browsing(origin, who) as client:
        for address in ("ftp://x", "https://user:secret@www.example.lg.jp/", "x" * 5000):
            assert (await client.post("/administration/sites", data={"address": address})).status_code == 400
        made = await client.post("/administration/sites", data={"address": "https://www.example.lg.jp"})
        page = made.headers["location"].partition("?")[0]
        again = await client.post("/administration/sites", data={"address": "https://www.example.lg.jp/"})
        assert again.status_code == 400
        wrong = {
            "exclude": "/kako/", "include": "kako", "delay": "fast", "per_host": "99", "window": "night", "contact": "連絡先",
        }  # fmt: skip
        answer = await client.post(page, data=wrong)
        assert (answer.status_code, answer.text.count('role="alert"')) == (400, 6)
        assert answer.text.count('aria-invalid="true"') == 6
        right = {
            "exclude": "/kako/=古い=資料\r\n\r\n/x/=理由<b>", "include": "/koho/", "delay": "1.5", "per_host": "1",
            "window": "mon-fri 22:00-06:00", "contact": "web@example.lg.jp", "fresh": "yes", "stop_outside": "no",
        }  # fmt: skip
        assert (await client.post(page, data=right)).status_code == 303
        assert await site_settings(database, "https://www.example.lg.jp/") == {
            "exclude": ["/kako/=古い=資料", "/x/=理由<b>"], "include": ["/koho/"], "delay": 1.5, "per_host": 1,
            "window": "mon-fri 22:00-06:00", "contact": "web@example.lg.jp", "fresh": True, "stop_outside": False,
        }  # fmt: skip
        shown = (await client.get(page)).text
        assert "/kako/=古い=資料\n/x/=理由&lt;b&gt;</textarea>" in shown
        await client.post(page, data={"delay": "2"})  # what the form leaves empty is as usual again
        assert await site_settings(database, "https://www.example.lg.jp/") == {"delay": 2}

        bad = await client.post("/administration/organisations", files={"file": ("a.csv", "組織\n,\nx,y")})
        assert (bad.status_code, "行目" in bad.text) == (400, True)
        seen = await client.post("/administration/organisations", files={"file": ("a.csv", TABLE.encode("cp932"))})
        assert (seen.status_code, "https://www.soumu.example.lg.jp/" in seen.text) == (200, True)
        async with database.writing() as connection:
            assert await connection.scalar(sa.select(sa.func.count()).select_from(Organisation)) == 0
            await connection.execute(sa.insert(Organisation).values(name="東京都"))
        form = {"table": TABLE, "seen": seen.text.partition('name="seen" value="')[2].partition('"')[0]}
        late = await client.post("/administration/organisations/take-in", data=form)
        assert (late.status_code, "ほかの人が変えました" in late.text) == (200, True)
        form["seen"] = late.text.partition('name="seen" value="')[2].partition('"')[0]
        kept = await client.post("/administration/organisations/take-in", data=form)
        assert kept.status_code == 303
        async with database.reading() as connection:
            of = sa.select(Organisation.name).join(Site, Site.organisation_id == Organisation.id)
            assert list(await connection.scalars(of)) == ["総務局"]
    told = [details["act"] for done, _, details in await lines(database) if done is Done.SITE_CHANGED]
    assert told == ["made", "settings", "settings", "table"]
