"""A site behind a sign-in, swept by the program: what signs us in is in nothing that the program leaves or shows."""

import base64
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import servers
from tests.cli.program import Program
from tests.cli.refusals import one_refusal, refused
from tests.cli.servers import FAULT, plain
from tests.site.answers import Answer

PASSWORD = "himitsu-no-kotoba"
CODED = base64.b64encode(f"kensa:{PASSWORD}".encode()).decode()
SECRETS = (PASSWORD, CODED, "himitsu-cookie")
LOCKED = Answer(status=401, body=b"<p>401", headers=(("WWW-Authenticate", 'Basic realm="staging"'),))
OPTIONS = ("--allow-private", "--method", "all", "--page-seconds", "30")


@pytest.fixture
def site() -> Iterator[servers.Site]:
    """Two pages behind Basic authentication; one shows what it was sent, as staging sites do that help testing."""
    shown = f'<p>あなたは {CODED} です <img src="/x.png" title="{CODED}"></p>'
    pages = {
        "/": plain("入口の部屋", f'<a href="/b.html">次</a>{FAULT}'),
        "/b.html": plain("次の部屋", shown),
    }
    with servers.serving(servers.answers(pages), behind=(CODED, LOCKED)) as running:
        yield running


def credentials(program: Program, site: servers.Site, name: str = "credentials.toml") -> Path:
    path = program.folder / name
    path.touch(mode=0o600)
    path.write_text(
        f'["{site.url}"]\nbasic = {{ user = "kensa", password = {{ env = "STAGING" }} }}\n'
        'cookies = { preview = "himitsu-cookie" }\n'
    )
    return path


def left_with_secrets(folder: Path) -> list[str]:
    """Files, by name or contents, that hold a secret."""
    found = []
    for path in folder.rglob("*"):
        held = str(path).encode() + (path.read_bytes() if path.is_file() else b"")
        found += [f"{path.name}: {each}" for each in SECRETS if each.encode() in held and path.suffix != ".toml"]
    return found


def test_a_sweep_behind_basic_authentication_keeps_its_secrets(program: Program, site: servers.Site) -> None:
    path = credentials(program, site)
    words = ("sweep", site.url, *OPTIONS, "--credentials", path)
    seen = set()
    with program.cold(*words, JISWEEP_LANG="en", STAGING=PASSWORD) as started:
        while started.poll() is None:
            seen |= {each for _, each in program.whole_processes()}
            time.sleep(0.1)
        out, err = (each.decode() for each in started.communicate())
    assert started.returncode == 0, err
    assert f"Signed in to: {site.url.rstrip('/')}" in err
    assert re.search(r"2 pages|2 of 2", out), out
    assert any("jisweep sweep" in each for each in seen)
    for each in SECRETS:
        assert each not in out + err
        assert [command for command in seen if each in command] == []
    assert left_with_secrets(program.folder) == []


def test_without_credentials_the_site_is_not_reached(program: Program, site: servers.Site) -> None:
    assert "refuses access" in one_refusal(program, 4, "sweep", site.url, *OPTIONS)


def test_a_wrong_password_is_told_apart(program: Program, site: servers.Site) -> None:
    path = credentials(program, site)
    for command in ("sweep", "page"):
        japanese, english = refused(
            program, 4, command, site.url, "--allow-private", "--credentials", path, STAGING="wrong-password-x"
        )
        assert "サインインできていません" in japanese.replace(f"サインインして調べます: {site.url}", "")
        assert "does not take us for signed in" in english
        assert "wrong-password-x" not in japanese + english


def test_resuming_needs_the_same_credentials(program: Program, site: servers.Site) -> None:
    path = credentials(program, site)
    explored = program.run(
        "explore", site.url, "--allow-private", "--credentials", path, "--json", STAGING=PASSWORD
    )
    assert explored.code == 0, explored.err
    assert f"--credentials {path}" in explored.err
    assert "--credentials" in program.run("resume", "1", JISWEEP_LANG="ja").err  # one by one: each holds the sweep
    assert site.url.rstrip("/") in one_refusal(program, 2, "resume", "1")
    resumed = program.run("resume", "1", "--credentials", path, STAGING=PASSWORD)
    assert resumed.code == 0, resumed.err
    assert left_with_secrets(program.folder) == []


def test_the_users_own_credentials_are_found_and_can_be_left_aside(program: Program, site: servers.Site) -> None:
    own = program.folder / "config" / "jisweep"
    own.mkdir(parents=True)
    credentials(program, site).rename(own / "credentials.toml")
    around = {"XDG_CONFIG_HOME": str(program.folder / "config"), "STAGING": PASSWORD}
    assert program.run("page", site.url, "--allow-private", **around).code == 0
    assert program.run("page", site.url, "--allow-private", "--no-credentials", **around).code == 4
    (own / "credentials.toml").chmod(0o644)
    assert "chmod 600" in one_refusal(program, 2, "page", site.url, "--allow-private", **around)


def test_a_password_is_not_taken_from_the_command_line(program: Program) -> None:
    japanese, english = refused(program, 2, "sweep", f"https://kensa:{PASSWORD}@staging.example.lg.jp/")
    assert PASSWORD not in japanese + english
    assert "--credentials" in english


def test_a_password_that_is_nowhere_cannot_be_asked_for_without_a_terminal(program: Program) -> None:
    path = program.folder / "c.toml"
    path.touch(mode=0o600)
    path.write_text('["http://127.0.0.1:9"]\nbasic = { user = "kensa" }')
    assert "no password of kensa" in one_refusal(program, 2, "page", "http://127.0.0.1:9/", "--credentials", path)


def test_a_sign_in_made_elsewhere_is_taken_over_for_its_site_only(program: Program) -> None:
    config = program.folder / "config"
    cookie = {"name": "sid", "value": "himitsu-cookie", "domain": "staging.example.lg.jp", "path": "/"}
    made = program.folder / "state.json"
    made.touch(mode=0o600)
    made.write_text(json.dumps({"cookies": [cookie, {**cookie, "domain": "id.example.jp"}], "origins": []}))
    ended = program.run(
        "sign-in", "https://staging.example.lg.jp/x", "--storage-state", made, XDG_CONFIG_HOME=str(config)
    )
    assert ended.code == 0, ended.err
    (kept,) = (config / "jisweep" / "sign-ins").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert kept.parent.stat().st_mode & 0o777 == 0o700
    assert str(kept) in ended.out
    assert "id.example.jp" not in kept.read_text()
    assert "himitsu" not in ended.out + ended.err
    refused(program, 2, "sign-in", "https://other.example.jp/", "--storage-state", made)


def test_without_a_screen_we_are_told_what_to_do(program: Program) -> None:
    assert "--storage-state FILE" in one_refusal(
        program, 2, "sign-in", "https://staging.example.lg.jp/", DISPLAY=""
    )
