"""The front door: all commands under one name, and the one place where errors become lines and exit codes.

Exit codes: 0 complete · 2 usage · 3 finished but incomplete or suspect · 4 site not reachable · 5 no browser ·
6 database or output folder cannot be used · 7 `jisweep check` found new defects · 8 `jisweep status` calls for somebody ·
130 interrupted, `jisweep resume` goes on.
"""

import errno
import logging
import os
import sys
from asyncio import CancelledError
from importlib import import_module
from io import TextIOWrapper
from pathlib import Path

import click

from db.errors import JisweepError, StorageError
from reports.cli.usage import usage_line
from reports.ops.settings import CONFIG, take_in

COMMANDS = {  # in the order of the help → where they are: each is read when it is called
    "sweep": "reports.cli.sweeps",
    "survey": "reports.cli.sweeps",
    "resume": "reports.cli.sweeps",
    "explore": "reports.cli.inventory",
    "site": "reports.cli.site",
    "sweeps": "reports.cli.sweeps",
    "schedule": "reports.cli.schedule",
    "report": "reports.cli.sweeps",
    "health": "reports.cli.health",
    "accept": "reports.cli.health",
    "reject": "reports.cli.health",
    "export": "reports.cli.export",
    "judge": "reports.cli.judge",
    "compare": "reports.cli.compare",
    "trend": "reports.cli.trend",
    "organisation": "reports.cli.organisation",
    "defects": "reports.cli.defects",
    "recheck": "reports.cli.recheck",
    "cycle": "reports.cli.cycle",
    "examples": "reports.cli.examples",
    "checklist": "reports.cli.checklist",
    "sample": "reports.cli.sample",
    "notation": "reports.cli.notation",
    "publish": "reports.cli.publish",
    "page": "reports.cli.page",
    "check": "reports.cli.check",
    "sign-in": "reports.cli.sign_in",
    "web": "reports.cli.web",
    "run": "reports.cli.worker",
    "worker": "reports.cli.worker",
    "account": "reports.cli.account",
    "status": "reports.cli.status",
    "notices": "reports.cli.notices",
    "doctor": "reports.cli.doctor",
    "setup": "reports.cli.doctor",
    "db": "reports.cli.database",
    "store": "reports.cli.store",
    "backup": "reports.cli.backup",
    "restore": "reports.cli.backup",
    "retention": "reports.cli.retention",
}


class Commands(click.Group):
    """The commands by name."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All names."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a name, None when there is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = getattr(import_module(COMMANDS[cmd_name]), cmd_name.replace("-", "_"))
        return command


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="jisweep", prog_name="jisweep")
@click.option(
    "--config", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", envvar=CONFIG, is_eager=True,
    expose_value=False, callback=take_in, help="Settings of all commands (TOML; see docs/operators/settings.md).",
)  # fmt: skip
def cli() -> None:
    """Web accessibility conformance sweeps of Japanese government sites (JIS X 8341-3).

    \b
    jisweep doctor                          is this machine ready?
    jisweep sweep https://www.example.lg.jp/   explore, choose, audit, report
    jisweep survey https://www.example.lg.jp/  all pages, by the ministry's conditions too
    jisweep resume 1                        go on with a sweep that was stopped
    jisweep health 1                        is a sweep to be trusted? accept, reject
    jisweep schedule list                   which sweeps come again, and when
    jisweep export 1 --as pdf -o meeting.pdf   a sweep as one file: PDF, Excel, JSON …
    jisweep judge export 1 -o test.xlsx     people judge its pages
    jisweep compare 1 2                     has the site got better?
    jisweep trend https://www.example.lg.jp/   how has it gone, and where is it heading?
    jisweep organisation import sites.csv   which sites are whose
    jisweep defects list https://www.example.lg.jp/   which faults to repair first
    jisweep cycle show 2026-1               how far has a round over many sites come?
    jisweep recheck 12                      is this fault repaired? its pages, now
    jisweep examples candidates https://www.example.lg.jp/   repairs to show to others
    jisweep checklist https://www.example.lg.jp/ --out DIR   its ten commonest faults, on one sheet
    jisweep sample plan --pages 1200        how many pages to draw
    jisweep sample propose 1                the pages to audit, to be edited and frozen
    jisweep notation 1                      what is missing before a notation may be used
    jisweep publish 1 --out DIR             the documents of a test that an office publishes
    jisweep page https://www.example.lg.jp/    one page, now
    jisweep check @pages.txt --baseline known.json   has anything got worse? for acceptance and pipelines
    jisweep web                             all of it in a browser, for everybody who works on it
    jisweep store check                     are all pictures there, wherever they are kept?
    jisweep backup /var/backups/jisweep/    the whole database as one file, while sweeps run
    jisweep retention plan                  which evidence is past its keeping time?
    jisweep status                          did last night run whole? for people and cron
    jisweep run --web                       the same, with the sweeps that are asked for
    jisweep worker                          further processes and machines for them (PostgreSQL)
    jisweep sign-in https://staging.example.lg.jp/   keep a sign-in for its sweeps

    \b
    Exit codes: 0 complete · 2 usage · 3 finished but incomplete or suspect · 4 site not reachable ·
    5 no browser · 6 database or folder cannot be used · 7 new defects (check) ·
    8 somebody has to see to it (status) · 130 interrupted (resume goes on)
    """


def main() -> None:
    """Run the command line; every foreseen error ends as one line on standard error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # None when closed
            stream.reconfigure(errors="backslashreplace")  # whatever the terminal cannot show
    try:
        with cli.make_context("jisweep", sys.argv[1:]) as context:
            code = cli.invoke(context)
    except JisweepError as error:
        _say(error.line(_lang()))
        sys.exit(error.exit_code)
    except click.exceptions.Exit as done:
        sys.exit(done.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        sys.exit(error.exit_code)
    except click.ClickException as error:
        _say(usage_line(error, _lang()))
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt, CancelledError):
        sys.exit(130)
    except OSError as error:
        sys.exit(_output_lost(error))
    sys.exit(code if isinstance(code, int) else 0)


def _output_lost(error: OSError) -> int:
    """A reader that went away early is no error; a disk that is full is one. Any other is ours to mend."""
    if error.errno not in (errno.EPIPE, errno.ENOSPC):
        raise error
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be written at the exit
    if error.errno == errno.EPIPE:
        return 0
    full = StorageError(ja="出力先のディスクがいっぱいです。", en="The disk that the output goes to is full.")
    _say(full.line(_lang()))
    return full.exit_code


def _say(line: str) -> None:
    from reports.ops.log import aside

    aside(f"jisweep: {line}", logging.ERROR)


def _lang() -> str:
    """The language asked for, also when the command failed before it could read its options."""
    words = sys.argv
    for index, word in enumerate(words):
        if word == "--lang" and index + 1 < len(words):
            return words[index + 1]
        if word.startswith("--lang="):
            return word.removeprefix("--lang=")
    return os.environ.get("JISWEEP_LANG", "ja")


if __name__ == "__main__":
    main()
