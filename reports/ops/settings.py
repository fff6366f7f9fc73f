"""Settings: `jisweep.toml` is another way to write the environment, so that one order holds for every setting.

An option goes before the environment, the environment before the file, the file before the default. A table of the file is
the beginning of its names: `[web]` with `port` is the same as `web_port`, and as JISWEEP_WEB_PORT. Secrets are never in it:
settings name the files that hold them.
"""

import os
import tomllib
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from db.errors import UsageError

PREFIX = "JISWEEP_"
CONFIG = "JISWEEP_CONFIG"
# Every setting; a test holds them to be those of the commands' options, and to be documented
KEYS = frozenset({
    "axe", "browser", "contact", "credentials", "db", "delay", "lang", "log", "log_level", "metrics", "metrics_token", "name", "notices", "out", "places",
    "retention_notices", "retention_pictures", "retention_places", "retention_runs", "retention_sessions", "retention_texts",
    "retention_trail", "retention_why", "store", "web_behind", "web_host", "web_oidc", "web_port", "web_public", "web_sweeps",
})  # fmt: skip


def take_in(context: click.Context, _: click.Parameter, path: Path | None) -> None:
    """Put what a file sets into the environment, where the environment does not set it.

    Raises UsageError for a file that cannot be read, a key that there is not, and a value that is no single one.
    """
    if path is None:
        return
    if not os.environ.get(CONFIG):
        context.meta[CONFIG] = path  # it was typed, so it belongs to what is to be typed next
    for key, value in _flat(_read(path), path):
        if key not in KEYS:
            raise _unknown(path, key)
        name = f"{PREFIX}{key.upper()}"
        if not os.environ.get(name):
            os.environ[name] = str(value).lower() if isinstance(value, bool) else str(value)


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "UTF-8?"
        raise UsageError(
            ja=f"設定ファイル {path} を読めません（{why}）。",
            en=f"The settings file {path} cannot be read ({why}).",
        ) from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(
            ja=f"設定ファイル {path} は TOML として読めません（{error}）。",
            en=f"The settings file {path} is no TOML ({error}).",
        ) from None


def _flat(table: Mapping[str, Any], path: Path, before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in table.items():
        key = f"{before}{name}"
        if isinstance(value, dict):
            yield from _flat(value, path, f"{key}_")
        elif isinstance(value, (str, int, float)):
            yield key, value
        else:
            raise UsageError(
                ja=f"設定ファイル {path} の {key} には、値を一つだけ書いてください。",
                en=f"{key} in the settings file {path} must be a single value.",
            )


def _unknown(path: Path, key: str) -> UsageError:
    [near] = get_close_matches(key.lower(), sorted(KEYS), 1, 0.4) or [""]
    ja, en = (f"（{near} ですか）", f" (did you mean {near}?)") if near else ("", "")
    return UsageError(
        ja=f"設定ファイル {path} の {key} という設定はありません{ja}。docs/operators/settings.md に一覧があります。",
        en=f"The settings file {path} has {key}, which is no setting{en}: docs/operators/settings.md lists them.",
    )
