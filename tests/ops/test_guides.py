"""The guides' files: units, container files and commands name what there is, and keep what they promise."""

import json
import re
import shlex
import shutil
import subprocess
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from reports.ops.settings import KEYS
from tests.test_project import COMMANDS, ROOT

GUIDES = ROOT / "docs" / "operators"
UNITS = GUIDES / "systemd"
FENCE = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
PROMISED = {  # of every service: what systemd-analyze security weighs most
    "User": "jisweep", "NoNewPrivileges": "yes", "CapabilityBoundingSet": "", "ProtectSystem": "strict", "ProtectHome": "yes",
    "PrivateTmp": "yes", "PrivateDevices": "yes", "StateDirectoryMode": "0700", "UMask": "0077",
}  # fmt: skip


def unit(path: Path) -> dict[str, list[str]]:
    """Setting → its values, in the order of the file."""
    found: dict[str, list[str]] = defaultdict(list)
    for line in path.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            name, _, value = line.partition("=")
            found[name].append(value)
    return found


def command_of(words: list[str]) -> tuple[click.Command | None, list[str]]:
    """The command that words begin with, and the options among them."""
    for length in (2, 1):
        command = COMMANDS.get(" ".join(["jisweep", *words[:length]]))
        if command is not None:
            return command, [each.partition("=")[0] for each in words[length:] if re.match(r"--?[a-z]", each)]
    return None, []


def is_there(words: list[str]) -> bool:
    """Whether there is such a command, with such options."""
    command, options = command_of(words)
    known = {"--help", "--version"}
    if command is not None:
        known |= {name for each in command.params for name in (*each.opts, *each.secondary_opts)}
    return command is not None and set(options) <= known


def typed() -> Iterator[tuple[str, str]]:
    """Every line of every guide that calls jisweep, and where it stands."""
    for guide in sorted(GUIDES.rglob("*.md")):
        for block in FENCE.findall(guide.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").splitlines():
                if re.match(r"(docker compose exec \w+ )?jisweep (?!\()[a-z-]", line):
                    yield str(guide.relative_to(ROOT)), re.split(r"  #| \| | && ", line)[0]


@pytest.mark.parametrize(("guide", "line"), sorted(set(typed())))
def test_every_command_of_a_guide_is_there_with_its_options(guide: str, line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[words.index("jisweep") + 1 :]
    assert is_there(words[2:] if words[0] == "--config" else words), f"{guide}: {line}"


def test_no_guide_backs_up_to_a_folder_that_would_become_a_file() -> None:
    named = re.compile(r"jisweep backup (/[^\s`&]+)")
    places = [each for guide in GUIDES.rglob("*.md") for each in named.findall(guide.read_text(encoding="utf-8"))]
    assert places
    assert [each for each in places if not each.endswith(("/", ".sqlite"))] == []


@pytest.mark.parametrize("path", sorted(UNITS.glob("*.service")), ids=lambda path: path.name)
def test_every_service_starts_a_command_that_is_there(path: Path) -> None:
    [start] = unit(path)["ExecStart"]
    program, *words = shlex.split(start)
    assert program == "/srv/jisweep/.venv/bin/jisweep"
    assert is_there(words), start
    assert path.name.startswith("jisweep-")  # so that jisweep-.service.d holds for it


def test_services_share_their_hardening_and_none_takes_of_it() -> None:
    shared = unit(UNITS / "jisweep-.service.d" / "common.conf")
    assert {name: shared[name][-1] for name in PROMISED} == PROMISED
    for path in UNITS.glob("*.service"):
        assert not shared.keys() & unit(path).keys() - {"StateDirectory", "Environment"}, path.name
    for timer in UNITS.glob("*.timer"):
        assert timer.with_suffix(".service").exists()


def test_systemd_takes_the_units_where_it_is(tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    names = [each.name for each in UNITS.iterdir() if each.suffix in (".service", ".timer")]
    assert names
    if analyze is None:
        return  # the other tests of this file read them without it
    program = tmp_path / "jisweep"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for each in UNITS.iterdir():
        if each.name.startswith("jisweep-"):
            (shutil.copytree if each.is_dir() else shutil.copyfile)(each, tmp_path / each.name)
    for path in tmp_path.glob("*.service"):
        text = path.read_text(encoding="utf-8").replace("/srv/jisweep/.venv/bin/jisweep", str(program))
        path.write_text(text, encoding="utf-8")
    paths = [tmp_path / name.replace("@", "@1") for name in names]
    for path in tmp_path.glob("*@.service"):
        path.rename(path.with_name(path.name.replace("@", "@1")))
    done = subprocess.run(
        [analyze, "verify", "--man=no", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if str(tmp_path) in line]) == (0, [])


def test_the_settings_that_guides_install_are_settings() -> None:
    found = tomllib.loads((UNITS / "jisweep.toml").read_text(encoding="utf-8"))
    assert found.keys() <= KEYS


def compose() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((GUIDES / "containers" / "compose.yaml").read_text(encoding="utf-8"))
    return found


def test_containers_of_ours_can_do_nothing_but_their_work() -> None:
    services = {name: each for name, each in compose()["services"].items() if each["image"] == "jisweep"}
    assert services.keys() == {"schema", "web", "worker"}
    for service in services.values():
        assert is_there(service["command"])
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert "no-new-privileges:true" in service["security_opt"]
        names = {
            name.removeprefix("JISWEEP_").lower() for name in service["environment"] if name.startswith("JISWEEP_")
        }
        assert names <= KEYS
        assert "PASSWORD" not in str(service["environment"]).upper().replace("PGPASSFILE", "")
        assert all(port.startswith("127.0.0.1:") for port in service.get("ports", []))
    assert compose()["networks"]["inside"]["internal"] is True
    assert compose()["services"]["db"]["networks"] == ["inside"]


def test_the_profile_lets_browsers_have_namespaces_and_nobody_the_kernel() -> None:
    profile = json.loads((GUIDES / "containers" / "seccomp.json").read_text(encoding="utf-8"))
    [refused] = profile["syscalls"]
    assert refused["action"] == "SCMP_ACT_ERRNO"
    assert not {"clone", "clone3", "unshare", "chroot", "seccomp"} & set(refused["names"])
    assert {"mount", "setns", "bpf", "init_module", "kexec_load", "keyctl", "perf_event_open"} <= set(
        refused["names"]
    )
    assert len(set(refused["names"])) == len(refused["names"])


def test_the_image_runs_as_nobody_in_particular_from_what_is_in_the_repository() -> None:
    text = (GUIDES / "containers" / "Containerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    steps = [line.split(None, 1) for line in text.splitlines() if line and not line.startswith("#")]
    assert [words for step, words in steps if step == "USER"] == ["8341:8341"]
    assert [words.split()[0] for step, words in steps if step == "FROM"] == ["debian:bookworm-slim"] * 2
    assert any(step == "HEALTHCHECK" for step, _ in steps)
    for step, words in steps:
        if step == "COPY" and not words.startswith("--from"):
            assert all((ROOT / name).exists() for name in words.split()[:-1])
    for step, words in steps:
        if step == "RUN" and "pip install" in words + "pip download":
            assert not re.search(r"pip (install|download)(?![^&]*(--require-hashes|--no-index))", words)


def test_nginx_brings_readers_as_the_application_expects_them() -> None:
    text = (GUIDES / "nginx" / "jisweep.conf").read_text(encoding="utf-8")
    for line in (
        "proxy_pass http://127.0.0.1:8341;", "proxy_set_header Host $host;", "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-Proto $scheme;", "access_log off;", "client_max_body_size 8m;",
    ):  # fmt: skip
        assert line in text
    assert text.count("{") == text.count("}")
