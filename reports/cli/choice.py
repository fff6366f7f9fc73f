"""Options that say which pages of a site are audited, and what of them goes together."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from crawler.usage import read_usage
from db.errors import UsageError
from db.words import Method, Redraw, Stratify

Command = TypeVar("Command", bound=Callable[..., Any])
NAMES = ("method", "pages", "at_random", "seed", "stratify", "keep_half", "redraw", "traffic")


def choice_options(command: Command) -> Command:
    """Which pages of the site are audited."""
    for option in (
        click.option("--traffic", type=click.Path(path_type=Path), metavar="FILE",
                     help="How much pages are used, a CSV file of address and count: the most used ones represent."),
        click.option("--redraw", type=int, metavar="ID", help="Draw the random part anew, without that of sweep ID."),
        click.option("--keep-half", type=int, metavar="ID",
                     help="Keep half of the random part of sweep ID, and draw the rest anew."),
        draw_options,
    ):  # fmt: skip
        command = option(command)
    return command


def draw_options(command: Command) -> Command:
    """The same as far as it needs no file and no earlier sweep."""
    for option in (
        click.option("--stratify", type=click.Choice([each.value for each in Stratify]),
                     help="Draw the random part from each template, or each directory, in proportion to its size."),
        click.option("--seed", type=click.IntRange(0, 2**63 - 1), metavar="S",
                     help="Seed of the random draw; same seed and frame, same pages.  [default: drawn, printed]"),
        click.option("--random", "at_random", type=click.IntRange(0), metavar="N",
                     help="Size of the random part of a mixed sample.  [default: 3/4]"),
        click.option("--pages", type=click.IntRange(1), metavar="N", help="Size of the sample.  [default: 40]"),
        click.option("--method", type=click.Choice([each.value for each in Method]),
                     help="How pages are chosen (JIS X 8341-3:2016 Annex JB a to d).  "
                          "[default: all up to 100 pages, else mixed]"),
    ):  # fmt: skip
        command = option(command)
    return command


def choice_of(start: str, given: dict[str, Any]) -> dict[str, Any]:
    """What a plan says of choosing pages, by a command line. Raises UsageError for what does not go together."""
    _check_random(given)
    _check_parts(given)
    earlier = given.get("keep_half") or given.get("redraw")
    return {
        "method": Method(given["method"]) if given.get("method") else None,
        "pages": given.get("pages"),
        "at_random": given.get("at_random"),
        "seed": given.get("seed"),
        "stratify": Stratify(given["stratify"]) if given.get("stratify") else None,
        "redraw": (Redraw.HALF if given.get("keep_half") else Redraw.WHOLLY) if earlier else None,
        "earlier_draw": earlier,
        "traffic": tuple(read_usage(given["traffic"], start)) if given.get("traffic") else (),
    }


def _check_random(given: dict[str, Any]) -> None:
    if given.get("at_random") is not None and given["at_random"] > (given["pages"] or 40):
        raise UsageError(
            ja="--random は --pages（指定がなければ 40）を超えられません。",
            en="--random cannot be more than --pages (40 unless given).",
        )
    if given.get("at_random") is not None and given.get("method") != Method.MIXED.value:
        raise UsageError(
            ja="--random は --method mixed と一緒に使います（ほかの方法ではページ数は --pages で決まります）。",
            en="--random goes with --method mixed (for other methods --pages says how many).",
        )


def _check_parts(given: dict[str, Any]) -> None:
    """Refuse options about a part that the method has not, and two that say where the draw begins."""
    about_random = [name for name in ("stratify", "keep_half", "redraw") if given.get(name) is not None]
    if "keep_half" in about_random and "redraw" in about_random:
        raise UsageError(
            ja="--keep-half と --redraw は、どちらか一つだけ指定できます。",
            en="--keep-half and --redraw exclude each other: give one.",
        )
    if given.get("seed") is not None and {"keep_half", "redraw"} & set(about_random):
        raise UsageError(
            ja="--keep-half と --redraw は前の調査の乱数の種を使うので、--seed と一緒には使えません。",
            en="--keep-half and --redraw use the earlier sweep's seed: leave --seed out.",
        )
    if about_random and (given.get("method") in (Method.ALL, Method.REPRESENTATIVE) or given.get("at_random") == 0):
        option = "--" + about_random[0].replace("_", "-")
        raise UsageError(
            ja=f"{option} は無作為の部分についての指定です。--method random か mixed と一緒に使ってください。",
            en=f"{option} is about the random part: use it with --method random or mixed.",
        )
    if given.get("traffic") is not None and given.get("method") in (Method.ALL, Method.RANDOM):
        raise UsageError(
            ja="--traffic は代表するページを選ぶためのものです。--method representative か mixed と一緒に使ってください。",
            en="--traffic is for choosing representative pages: use it with --method representative or mixed.",
        )
