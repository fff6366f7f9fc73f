"""The log: lines on standard error, for people or in JSON, each with time, level, sweep, page and process.

What pages, hosts and people bring in cannot end a line or move a cursor, and what signs somebody in is left out.
"""

import logging
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from traceback import format_exception
from typing import Any, TypeVar

import click
from pythonjsonlogger.json import JsonFormatter

from audits.bearings import PAGE, SWEEP
from db.leases import this_process
from reports.clean import visible

FORMS = ("plain", "json")
LEVELS = ("debug", "info", "warning", "error")
OURS = ("audits", "crawler", "db", "reports", "jisweep")  # others are heard from warnings on
SECRETS = (  # what must not be kept, and what stands in its place
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s/:@?#'\"]*):[^\s@/?#'\"]+@", re.IGNORECASE), r"\1:***@"),
    (re.compile(r"\bjisweep_[A-Za-z0-9_-]{16,}"), "jisweep_***"),  # tokens of the API
    (re.compile(r"(/welcome/)[A-Za-z0-9_-]+"), r"\1***"),
    (re.compile(r"((?:authorization|cookie|x-api-key|password|passwd|secret|token)\s*[=:]\s*)[^\s&;,]+( [^\s&;,]+)?",
                re.IGNORECASE), r"\1***"),
)  # fmt: skip

Command = TypeVar("Command", bound=Callable[..., Any])


def without_secrets(text: str) -> str:
    """The text without passwords in addresses, tokens, links of invitation, and values of headers that sign in."""
    for pattern, instead in SECRETS:
        text = pattern.sub(instead, text)
    return text


class Plain(logging.Formatter):
    """`2026-11-27T00:00:00.000Z INFO sweep=3 page=https://… host/17/99: what happened`, traces on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        """One line, and one more for each of a trace, which begins with `|`: no text can pass for another line."""
        about = [f"{name}={value}" for name, value in _bearings().items() if value is not None]
        head = " ".join([_time(record), record.levelname, *about, f"{this_process()}:", record.getMessage()])
        trace = self.formatException(record.exc_info).splitlines() if record.exc_info else []
        lines = [visible(without_secrets(each)).replace("\n", "␊").replace("\t", " ") for each in (head, *trace)]
        return "\n  | ".join(lines)


class Json(JsonFormatter):
    """One JSON object in a line, in ASCII: no sign in it can end a line or move a cursor."""

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """The names that each line has."""
        log_data |= {
            "time": _time(record), "level": record.levelname.lower(), **_bearings(), "worker": this_process(),
            "logger": record.name, "message": without_secrets(record.getMessage()),
        }  # fmt: skip
        if record.exc_info:
            log_data["trace"] = without_secrets("".join(format_exception(record.exc_info[1])))


def set_up_log(form: str, level: str) -> None:
    """Have everything that is logged written to standard error, and nowhere else."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(Json() if form == "json" else Plain())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())
    logging.captureWarnings(True)


def aside(line: str, level: int = logging.INFO) -> None:
    """Say something beside the results, on standard error: a line for people or, where the log is JSON, a line of the log."""
    if is_json():
        logging.getLogger(__name__).log(level, "%s", line.strip())
    else:
        click.echo(line, err=True)


def is_json() -> bool:
    """Whether this process logs in JSON, so that standard error must carry nothing else."""
    return any(isinstance(each.formatter, Json) for each in logging.getLogger().handlers)


def log_options(command: Command) -> Command:
    """`--log` and `--log-level` of a command that runs long; without them one at a terminal logs warnings alone."""
    return _options(None)(command)


def service_log_options(command: Command) -> Command:
    """The same for one that runs for good: it always logs."""
    return _options("plain")(command)


def _options(form: str | None) -> Callable[[Command], Command]:
    def given(context: click.Context, parameter: click.Parameter, value: str | None) -> None:
        assert parameter.name is not None
        context.meta[f"jisweep.{parameter.name}"] = value
        form, level = context.meta.get("jisweep.log"), context.meta.get("jisweep.log_level")
        if form and level:
            set_up_log(form, level)

    def add(command: Command) -> Command:
        log = click.option(
            "--log", type=click.Choice(FORMS), default=form, envvar="JISWEEP_LOG", expose_value=False, callback=given,
            show_default=form is not None, help="Form of the log on standard error: for people, or JSON for programs.",
        )  # fmt: skip
        level = click.option(
            "--log-level", type=click.Choice(LEVELS), default="info", envvar="JISWEEP_LOG_LEVEL", expose_value=False,
            callback=given, show_default=True, help="Least level that is logged; debug tells each page.",
        )  # fmt: skip
        return log(level(command))

    return add


def _bearings() -> dict[str, int | str | None]:
    page = PAGE.get()
    return {"sweep": SWEEP.get(), "page": page and without_secrets(page)}


def _time(record: logging.LogRecord) -> str:
    return f"{datetime.fromtimestamp(record.created, UTC):%Y-%m-%dT%H:%M:%S}.{int(record.msecs):03}Z"
