"""Accounts on the command line: for whoever has lost the last password."""

import asyncio
import json
import sqlite3
from contextlib import closing

from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.web.serving import Served, browsing

PASSWORD = "みどりの窓口で会いましょう 令和"


def test_accounts_are_added_listed_invited_and_closed(program: Program) -> None:
    program.run("site", "https://www.example.lg.jp/", "--delay", "1")
    none = program.run("account", "list", "--lang", "en")
    assert none.out.startswith("There is no account yet")
    refused(program, 2, "account", "add", "admin", "--person", "管理者", "--role", "king")
    refused(program, 2, "account", "add", "admin", "--person", "管理者", "--role", "judge@総務局")
    refused(
        program,
        2,
        "account",
        "add",
        "admin",
        "--person",
        "管理者",
        "--role",
        "administrator",
        "--public",
        "http://x",
    )
    public = ("--public", "https://a11y.example.lg.jp/")
    added = program.run("account", "add", "admin", "--person", "管理者", "--role", "administrator", *public)
    assert (added.code, "https://a11y.example.lg.jp/welcome/" in added.out) == (0, True)
    roles = ("--role", "judge", "--role", "web_team@https://www.example.lg.jp")
    assert program.run("account", "add", "tanaka", "--person", "田中\x1b[31m", *roles).code == 2
    assert program.run("account", "add", "tanaka", "--person", "田中", *roles).code == 0
    listed = json.loads(program.run("account", "list", "--json").out)["accounts"]
    assert [(each["name"], each["state"]) for each in listed] == [("admin", "none"), ("tanaka", "none")]
    assert listed[1]["roles"][1] == {
        "role": "web_team", "organisation": None, "site": "https://www.example.lg.jp/",
    }  # fmt: skip
    refused(program, 2, "account", "invite", "sato")

    secret = program.run("account", "invite", "admin").out.partition("/welcome/")[2].strip()

    async def use() -> int:
        with Served(str(program.database)) as origin:
            async with browsing(origin) as client:
                form = {"password": PASSWORD, "again": PASSWORD}
                return (await client.post(f"/welcome/{secret}", data=form)).status_code

    assert asyncio.run(use()) == 303
    assert asyncio.run(use()) == 404
    refused(program, 2, "account", "close", "admin")  # the last who may change roles
    assert program.run("account", "close", "tanaka").code == 0
    refused(program, 2, "account", "invite", "tanaka")
    assert program.run("account", "invite", "tanaka", "--reopen").code == 0
    assert "ウェブ担当（https://www.example.lg.jp/）" in program.run("account", "list").out
    with closing(sqlite3.connect(program.database)) as database:
        lines = database.execute("SELECT done, who, about, details FROM trail ORDER BY id").fetchall()
    assert [line[0] for line in lines if "jisweep account" in line[1]] == [
        "account_changed", "account_changed", "invited", "account_changed", "account_changed", "invited",
    ]  # fmt: skip
    assert secret not in str(lines)
