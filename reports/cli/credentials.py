"""The credentials of a command: the file that it names, or what is kept in the user's own folder."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from crawler.credentials import Ask, read_credentials, recorded
from crawler.scope import Scope
from crawler.signing_in import NONE, Credentials
from crawler.start import bare_host
from db.errors import UsageError
from reports.ops.log import aside

FILE = "credentials.toml"
RECORDED = "sign-ins"  # folder of recorded sign-ins


def own_folder() -> Path:
    """Where the user's own credentials are kept."""
    return Path(click.get_app_dir("jisweep"))


def credentials_of(given: dict[str, Any], scope: Scope) -> Credentials:
    """What a command line signs in with: `--credentials`, or the user's own file and recorded sign-ins.

    Only what the scope reaches counts, and where its start may be sent on to. Raises UsageError when a file cannot be used, and when both options are given.
    """
    return _wanted(given, lambda origin: scope.reaches(origin) or bare_host(origin) == bare_host(scope.start))


def credentials_for_all(given: dict[str, Any]) -> Credentials:
    """The same for a process that runs sweeps of any site; each gets its own of them. Raises UsageError."""
    return _wanted(given, lambda _: True)


def _wanted(given: dict[str, Any], wanted: Callable[[str], bool]) -> Credentials:
    named, none = given["credentials"], given["no_credentials"]
    if named and none:
        raise UsageError(
            ja="--credentials と --no-credentials は、どちらか一つだけ指定できます。",
            en="--credentials and --no-credentials exclude each other: give one.",
        )
    if none:
        return NONE
    ask = _asking(given["lang"])
    if named:
        return read_credentials(named, ask, wanted)
    usual = own_folder() / FILE
    own = read_credentials(usual, ask, wanted) if usual.exists() else NONE
    kept = recorded(own_folder() / RECORDED, wanted)
    return Credentials((*kept.sign_ins, *own.sign_ins))  # of two for one origin, the file's


def say_signed_in(origins: tuple[str, ...], lang: str) -> None:
    """Say where pages are asked for signed in, if anywhere."""
    if origins:
        where = ", ".join(origins)
        aside(f"サインインして調べます: {where}" if lang == "ja" else f"Signed in to: {where}")


def _asking(lang: str) -> Ask:
    def ask(origin: str, user: str) -> str:
        if not sys.stdin.isatty():
            raise UsageError(
                ja=f"{origin} の {user} のパスワードがありません。credentials に password を書くか、端末で実行してください。",
                en=f"There is no password of {user} at {origin}: give one in the credentials, or run in a terminal.",
            )
        said = f"{origin} の {user} のパスワード" if lang == "ja" else f"Password of {user} at {origin}"
        answer: str = click.prompt(said, hide_input=True, err=True)
        return answer

    return ask
