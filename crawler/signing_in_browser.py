"""Signing in in the browser: what each page brings along, given to the browser so that no other origin gets it.

Headers are put on each request by itself, after Chromium has said where it goes; at a redirect it asks again, and
carries nothing over. Cookies are bound to scheme and port. Storage is filled in by a world that pages cannot see.
"""

import json
from collections.abc import Mapping
from typing import Any

from playwright.async_api import CDPSession

from crawler.address import canonical
from crawler.signing_in import Credentials

# A cookie goes to its own scheme and port only, not to whatever else runs on the host
BOUND_COOKIES = "--enable-features=EnableSchemeBoundCookies,EnablePortBoundCookies"
WORLD = "jisweep-sign-in"


async def prepare_sign_in(session: CDPSession, credentials: Credentials) -> None:
    """Have each document of a signed-in origin find its storage."""
    for each in credentials.sign_ins:
        if each.storage:
            script = {"source": _storing(each.origin, each.storage), "worldName": WORLD}
            await session.send("Page.addScriptToEvaluateOnNewDocument", script)


async def bring_cookies(session: CDPSession, credentials: Credentials) -> None:
    """The cookies that a visitor has who has signed in; to be brought anew for each page."""
    cookies = [cookie for each in credentials.sign_ins for cookie in each.browser_cookies()]
    if cookies:
        await session.send("Network.setCookies", {"cookies": cookies})


def going(paused: dict[str, Any], credentials: Credentials) -> dict[str, Any]:
    """How a request goes on: with our headers when it is to their own origin, else as it is."""
    going: dict[str, Any] = {"requestId": paused["requestId"]}
    address = canonical(paused["request"]["url"])
    sign_in = credentials.at(address) if address else None
    if sign_in and sign_in.headers:
        ours = {name.lower() for name in sign_in.headers}
        theirs = {name: each for name, each in paused["request"]["headers"].items() if name.lower() not in ours}
        going["headers"] = [{"name": name, "value": each} for name, each in {**theirs, **sign_in.headers}.items()]
    return going


def _storing(origin: str, storage: Mapping[str, str]) -> str:
    """The script that puts into an origin's localStorage what is missing there."""
    return f"""(([origin, storage]) => {{
      if (self.origin !== origin) return;
      try {{
        for (const [name, value] of Object.entries(storage))
          if (localStorage.getItem(name) === null) localStorage.setItem(name, value);
      }} catch {{}}  // a sandbox has none
    }})({json.dumps([origin, dict(storage)])})"""
