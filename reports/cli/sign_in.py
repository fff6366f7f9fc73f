"""`jisweep sign-in`: keep a sign-in for a site, by signing in by hand or from a file made elsewhere."""

import asyncio
import json
import os
import sys
import threading
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import click
from playwright.async_api import Page

from crawler.address import origin_of
from crawler.browser import playwright_driver
from crawler.credentials import narrow_state, place_of
from crawler.gate import Gate
from crawler.recording import record_sign_in
from db.errors import StorageError, UsageError
from reports.cli.credentials import RECORDED, own_folder
from reports.cli.options import browser_option, lang_option, private_option, start_of


@click.command("sign-in")
@click.argument("url")
@click.option(
    "--storage-state",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Take the sign-in from a storage state that Playwright or jisweep made on another machine.",
)
@lang_option
@browser_option
@private_option
def sign_in(url: str, **given: Any) -> int:  # fmt: skip
    """Sign in to the site at URL by hand, in a window, and keep it for later sweeps of that site."""
    return asyncio.run(_sign_in(start_of(url), given))


async def _sign_in(address: str, given: dict[str, Any]) -> int:
    named = given["storage_state"]
    state = narrow_state(named, origin_of(address)) if named else await _recorded(address, given)
    path = place_of(own_folder() / RECORDED, origin_of(address))
    _keep(path, state)
    click.echo(
        f"{origin_of(address)} のサインインを {path} に保存しました。次の調査から使われます。やめるときは消してください。"
        if given["lang"] == "ja"
        else f"The sign-in to {origin_of(address)} is kept in {path}; sweeps use it from now on. To end that, remove it."
    )
    return 0


async def _recorded(address: str, given: dict[str, Any]) -> dict[str, Any]:
    if not _has_screen() or not sys.stdin.isatty():
        raise UsageError(
            ja="画面と端末がないので、ここでは記録できません。ほかの機械で記録し、--storage-state FILE で指定してください。",
            en="There is no screen or no terminal to record with: record elsewhere, and give --storage-state FILE.",
        )
    lang = given["lang"]

    async def until_enter(_: Page) -> None:
        click.echo(
            "開いた窓でサインインし、終わったらここで Enter を押してください。"
            if lang == "ja"
            else "Sign in, in the window that has opened; then press Enter here.",
            err=True,
        )
        await _enter()

    async with AsyncExitStack() as stack:
        gate = None if given["allow_private"] else await stack.enter_async_context(Gate())
        driver = await stack.enter_async_context(playwright_driver())
        return await record_sign_in(driver, address, until_enter, gate, executable=given["browser"])


async def _enter() -> None:
    """Wait for a line on standard input, in a thread that nobody has to wait for."""
    loop, pressed = asyncio.get_running_loop(), asyncio.Event()

    def read() -> None:
        sys.stdin.readline()
        loop.call_soon_threadsafe(pressed.set)

    threading.Thread(target=read, daemon=True).start()
    await pressed.wait()


def _has_screen() -> bool:
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _keep(path: Path, state: dict[str, Any]) -> None:
    """Write a file that nobody else may read, also while it is being written."""
    beside = path.with_suffix(".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        beside.unlink(missing_ok=True)
        with open(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
            json.dump(state, file, ensure_ascii=False)
        beside.replace(path)
    except OSError as error:
        raise StorageError(
            ja=f"{path} に書けません（{error.strerror}）。",
            en=f"{path} cannot be written ({error.strerror}).",
        ) from error
