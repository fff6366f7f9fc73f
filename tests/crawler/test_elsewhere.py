"""Work in further processes: the same outcome, whatever becomes of them."""

import asyncio
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from crawler.document import read
from crawler.elsewhere import MANY, Elsewhere
from crawler.seeds import read_seeds
from db.errors import UsageError

SEVERAL = pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="with one processor there are no further processes")
PAGE = """<!doctype html><html lang="ja"><title>入札情報</title>
<main><h1>入札情報</h1><a href="koji.html">工事</a></main></html>""".encode("shift_jis")


def killed() -> int:
    """Kill the process that this runs in, unless it is the one of the tests."""
    if os.environ.get("JISWEEP_TESTED") != str(os.getpid()):
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


@pytest.mark.parametrize("pages", [1, pytest.param(MANY, marks=SEVERAL)])
async def test_a_page_is_read_alike_wherever_it_is_read(pages: int) -> None:
    with Elsewhere() as elsewhere:
        elsewhere.open_for(pages)
        assert elsewhere.has_room == (pages == MANY)
        found = await elsewhere.run(read, PAGE, "text/html; charset=Shift_JIS", "http://example.jp/a/")
    assert found == read(PAGE, "text/html; charset=Shift_JIS", "http://example.jp/a/")
    assert found.links == ("http://example.jp/a/koji.html",)


@SEVERAL
async def test_work_is_done_in_another_process_and_goes_on_here_when_that_is_killed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with Elsewhere() as elsewhere:
        elsewhere.open_for(MANY)
        assert await elsewhere.run(os.getpid) != os.getpid()
        monkeypatch.setenv("JISWEEP_TESTED", str(os.getpid()))
        assert await elsewhere.run(killed) == os.getpid()
        elsewhere.open_for(MANY)
        assert await elsewhere.run(os.getpid) == os.getpid()


@SEVERAL
async def test_calls_side_by_side_each_get_their_own_result() -> None:
    with Elsewhere() as elsewhere:
        elsewhere.open_for(MANY)
        assert await asyncio.gather(*(elsewhere.run(divmod, number, 7) for number in range(50))) == [
            divmod(number, 7) for number in range(50)
        ]


@SEVERAL
async def test_an_error_comes_out_as_it_is(tmp_path: Path) -> None:
    with Elsewhere() as elsewhere:
        elsewhere.open_for(MANY)
        with pytest.raises(ZeroDivisionError):
            await elsewhere.run(divmod, 1, 0)
        with pytest.raises(UsageError) as refused:
            await elsewhere.run(read_seeds, tmp_path / "none")
        assert await elsewhere.run(os.getpid) != os.getpid(), "the process lives"
    assert (refused.value.line("ja"), refused.value.exit_code) == (refused.value.ja, 2)
    assert refused.value.ja != refused.value.en


RUNNING = """
import asyncio, os, sys
from crawler.elsewhere import MANY, Elsewhere
async def main():
    with Elsewhere() as elsewhere:
        elsewhere.open_for(MANY)
        print(await elsewhere.run(os.getpid), flush=True)
        await asyncio.sleep(30)
if __name__ == "__main__":
    asyncio.run(main())
"""


@SEVERAL
def test_a_process_ends_with_the_one_that_began_it_and_hears_no_ctrl_c(tmp_path: Path) -> None:
    script = tmp_path / "running.py"
    script.write_text(RUNNING, encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": str(Path.cwd())}
    with subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment) as begun:
        assert begun.stdout is not None
        further = int(begun.stdout.readline())
        os.kill(further, signal.SIGINT)
        time.sleep(0.3)
        assert _runs(further)
        begun.kill()
    ends = time.monotonic() + 10
    while _runs(further) and time.monotonic() < ends:
        time.sleep(0.1)
    assert not _runs(further)


def _runs(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False
