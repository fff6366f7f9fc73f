"""The credentials' file is read, kept from others, and never quoted."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from crawler.credentials import narrow_state, place_of, read_credentials, recorded
from crawler.scope import Scope
from crawler.signing_in import Credentials, SignIn
from db.errors import UsageError

HERE = "https://staging.example.lg.jp"
SECRET = "himitsu-no-kotoba"  # the one secret of these tests, which no message may hold


def never_ask(origin: str, user: str) -> str:
    raise AssertionError(f"asked for {user} at {origin}")


def everything(_: str) -> bool:
    return True


def private(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    return path


def read(folder: Path, text: str) -> Credentials:
    return read_credentials(private(folder / "credentials.toml", text), never_ask, everything)


def state(**given: Any) -> str:
    cookie = {"name": "sid", "value": SECRET, "domain": ".example.lg.jp", "path": "/", "expires": -1,
              "httpOnly": True, "secure": True, "sameSite": "Lax"}  # fmt: skip
    other = {**cookie, "domain": "other.jp"}
    storage = [{"origin": HERE, "localStorage": [{"name": "token", "value": SECRET}]}]
    return json.dumps({"cookies": [cookie, other], "origins": storage, **given})


def test_every_kind_of_credential_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", SECRET)
    private(tmp_path / "token.txt", SECRET + "\n")
    private(tmp_path / "state.json", state())
    found = read(
        tmp_path,
        f"""
        ["{HERE}/"]
        basic = {{ user = "検査", password = {{ env = "PASSWORD" }} }}
        headers = {{ X-Preview = {{ file = "token.txt" }} }}
        cookies = {{ preview = "yes" }}
        storage_state = "state.json"
        sign_in = "{HERE}/login?next=/"
    """,
    )
    coded = base64.b64encode(f"検査:{SECRET}".encode()).decode()
    assert found.headers_for(f"{HERE}/a") == {
        "Authorization": f"Basic {coded}", "X-Preview": SECRET, "Cookie": f"sid={SECRET}; preview=yes",
    }  # fmt: skip
    sign_in = found.at(f"{HERE}/a")
    assert sign_in is not None
    assert dict(sign_in.storage) == {"token": SECRET}
    assert sign_in.forms == {f"{HERE}/login"}
    assert SECRET not in repr(found) + repr(sign_in) + repr(sign_in.cookies)


@pytest.mark.parametrize(
    "address",
    [
        "http://staging.example.lg.jp/",
        f"{HERE}:8443/",
        "https://example.lg.jp/",
        "https://a.staging.example.lg.jp/",
    ],
)
def test_no_other_origin_is_shown_anything(tmp_path: Path, address: str) -> None:
    private(tmp_path / "state.json", state())
    found = read(tmp_path, f'["{HERE}"]\nheaders = {{ X = "{SECRET}" }}\nstorage_state = "state.json"')
    assert found.headers_for(address) == {}
    assert found.at(address) is None


def test_a_cookie_is_kept_to_its_path_and_its_time(tmp_path: Path) -> None:
    cookie = {"name": "a", "value": SECRET, "domain": "staging.example.lg.jp", "path": "/app"}
    old = {**cookie, "name": "b", "path": "/", "expires": 1.0}
    private(tmp_path / "state.json", json.dumps({"cookies": [cookie, old], "origins": []}))
    found = read(tmp_path, f'["{HERE}"]\nstorage_state = "state.json"')
    sent = [path for path in ("/", "/app", "/app/x", "/apple") if found.headers_for(HERE + path)]
    assert sent == ["/app", "/app/x"]


@pytest.mark.parametrize(
    "text",
    [
        f'["{HERE}"\nbasic = "{SECRET}"',
        f'["{HERE}"]\nbasic = "{SECRET}"',
        f'["{HERE}"]\nbasic = {{ user = "a:{SECRET}", password = "x" }}',
        f'["{HERE}"]\nbasic = {{ user = "a", pasword = "{SECRET}" }}',
        f'["{HERE}"]\nheaders = {{ Host = "{SECRET}" }}',
        f'["{HERE}"]\nheaders = {{ X = "{SECRET}\\r\\nY: 1" }}',
        f'["{HERE}"]\nheaders = {{ "X {SECRET}" = "1" }}',
        f'["{HERE}"]\nheaders = {{ X = "{SECRET}é" }}',
        f'["{HERE}"]\ncookies = {{ a = "{SECRET};b" }}',
        f'["{HERE}"]\ncookies = {{ a = {{ env = "NOT_SET_ANYWHERE" }} }}',
        f'["{HERE}"]\ncookies = {{ a = {{ file = "not-there.txt" }} }}',
        f'["{HERE}"]\ncookies = ["{SECRET}"]',
        f'["{HERE}"]\nstorage_state = "state.json"',
        f'["{HERE}"]\nsign_in = "/{SECRET}"',
        f'["{HERE}"]\npassword = "{SECRET}"',
        f'["https://kensa:{SECRET}@staging.example.lg.jp"]\ncookies = {{}}',
        f'["{HERE}/path"]\ncookies = {{}}',
        f'{HERE.partition("//")[2].replace(".", "-")} = "{SECRET}"',
    ],
)
def test_what_is_wrong_is_said_without_any_value(tmp_path: Path, text: str) -> None:
    private(tmp_path / "state.json", f'["{SECRET}"]')
    with pytest.raises(UsageError) as wrong:
        read(tmp_path, text)
    said = wrong.value.ja + wrong.value.en
    assert str(tmp_path) in said
    assert SECRET not in said
    assert "\n" not in said
    assert wrong.value.__cause__ is None


@pytest.mark.parametrize("name", ["credentials.toml", "token.txt", "state.json"])
def test_a_file_that_others_may_read_is_refused(tmp_path: Path, name: str) -> None:
    text = f'["{HERE}"]\nstorage_state = "state.json"\nheaders = {{ X = {{ file = "token.txt" }} }}'
    for each, content in {"credentials.toml": text, "token.txt": SECRET, "state.json": state()}.items():
        private(tmp_path / each, content)
    (tmp_path / name).chmod(0o640)
    with pytest.raises(UsageError, match=f"chmod 600 .*{name}"):
        read_credentials(tmp_path / "credentials.toml", never_ask, everything)


def test_a_password_that_is_left_out_is_asked_for_and_only_where_it_is_wanted(tmp_path: Path) -> None:
    text = '["https://a.jp"]\nbasic = { user = "a" }\n["https://b.jp"]\nbasic = { user = "b" }'
    path, asked = private(tmp_path / "c.toml", text), []

    def ask(origin: str, user: str) -> str:
        asked.append((origin, user))
        return "x"

    found = read_credentials(path, ask, lambda origin: origin == "https://b.jp")
    assert found.origins == ("https://b.jp",)
    assert asked == [("https://b.jp", "b")]


@pytest.mark.parametrize("text", ["[]", "{}", "nonsense", '{"cookies": 1}', '{"cookies": [{"name": "a"}]}',
                                  state(origins=[{"origin": HERE, "indexedDB": [{"name": "x"}]}])])  # fmt: skip
def test_what_is_no_storage_state_is_refused(tmp_path: Path, text: str) -> None:
    path = private(tmp_path / "state.json", text)
    with pytest.raises(UsageError) as wrong:
        narrow_state(path, HERE)
    assert SECRET not in wrong.value.ja + wrong.value.en


def test_a_recorded_sign_in_is_found_by_its_origin_and_holds_nothing_of_others(tmp_path: Path) -> None:
    kept = narrow_state(private(tmp_path / "state", state(sign_in=[f"{HERE}/login"])), HERE)
    assert [each["domain"] for each in kept["cookies"]] == [".example.lg.jp"]
    folder = tmp_path / "sign-ins"
    folder.mkdir()
    private(place_of(folder, HERE), json.dumps(kept))
    private(place_of(folder, "https://b.jp:8443"), json.dumps({**kept, "origin": "https://b.jp:8443"}))
    found = recorded(folder, lambda origin: origin == HERE)
    assert found.origins == (HERE,)
    assert found.headers_for(f"{HERE}/") == {"Cookie": f"sid={SECRET}"}


@pytest.mark.parametrize(
    ("includes", "reached"),
    [
        ((), ["http://www.example.jp", "https://www.example.jp"]),
        (
            ("https://koho.example.jp/a/",),
            ["http://www.example.jp", "https://koho.example.jp", "https://www.example.jp"],
        ),
        (("/b/",), ["http://www.example.jp", "https://www.example.jp"]),
    ],
)
def test_a_site_does_not_get_the_credentials_of_another(includes: tuple[str, ...], reached: list[str]) -> None:
    origins = (*reached, "https://www.example.jp:8443", "https://www.example.jp.evil.jp", "https://kyu.example.jp")
    every = Credentials(SignIn(origin=origin) for origin in (*origins, "https://koho.example.jp"))
    assert list(every.within(Scope.around("https://www.example.jp/", includes)).origins) == reached


def test_what_a_page_shows_of_a_secret_is_blotted_out(tmp_path: Path) -> None:
    found = read(tmp_path, f'["{HERE}"]\nheaders = {{ X = "{SECRET}", Y = "a&b c-long", Z = "1" }}')
    shown = [f"<p>{SECRET} 1</p>", {"x": "a&amp;b c-long", "y": ["?q=a%26b%20c-long", 1, None]}]
    assert found.hide(shown) == ["<p>••• 1</p>", {"x": "•••", "y": ["?q=•••", 1, None]}]
