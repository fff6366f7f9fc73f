"""Programs of bench.turns never run at the same time, and one that fails stops all."""

import sys
from itertools import groupby
from pathlib import Path

import pytest

from bench import turns
from bench.turns import READY, Program, by_turns

WORKS = """
import subprocess, sys, time
if "prepares" in sys.argv:
    print("ready", flush=True)
    sys.stdin.readline()
child = f"import time\\nends = time.process_time() + 0.5\\nwith open({sys.argv[1]!r}, 'w') as file:\\n" \
    "    while time.process_time() < ends: print(time.monotonic(), file=file)"
sys.exit(subprocess.run([sys.executable, "-c", child]).returncode)
"""


def works(file: Path, *more: str) -> Program:
    return Program(command=[sys.executable, "-c", WORKS, file, *more], prepares=bool(more))


def test_only_one_of_them_runs_at_a_time_with_all_that_it_started(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns, "TURN", 0.2)
    assert READY == "ready"
    programs = {"one": works(tmp_path / "one"), "other": works(tmp_path / "other", "prepares")}
    by_turns(list(programs.values()))
    moments = sorted((float(line), name) for name in programs for line in (tmp_path / name).read_text().split())
    shifts = [name for name, _ in groupby(name for _, name in moments)]
    assert len(moments) > 1000
    assert shifts[0] != shifts[1]  # by turns,
    assert len(shifts) < 40  # and in long ones
    assert all(each.seconds >= 0.5 for each in programs.values())


def test_what_fails_ends_the_others_with_its_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "TURN", 0.2)
    other = works(tmp_path / "other")
    fails = Program(command=[sys.executable, "-c", "raise SystemExit('no such tree')"])
    with pytest.raises(SystemExit, match="no such tree"):
        by_turns([other, fails])
    assert other.process is not None
    assert other.process.poll() is not None
