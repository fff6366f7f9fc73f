"""What is told while a database is copied and after: a live line on a terminal, plain lines elsewhere."""

import json
import time
from collections.abc import Sequence
from typing import Any, Self

import click
from rich.console import Console
from rich.status import Status

from db.moving import Moved
from reports.cli.progress import PLAIN

WORDS = {"ja": {"copying": "写し", "checking": "確認", "moving": "移動"}, "en": {}}


class Copying:
    """Called with what is being done, how much of it is done and of how much; tells it on standard error while the block runs."""

    def __init__(self, lang: str) -> None:
        self._words = WORDS[lang]
        self._console = Console(stderr=True, highlight=False)
        self._status: Status | None = None
        self._next = time.monotonic() + PLAIN  # when a plain line may be written

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("…")
            self._status.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, what: str, done: int, whole: int) -> None:
        if self._status is None and time.monotonic() < self._next:
            return
        line = f"{self._words.get(what, what)}: {done:,} / {whole:,} ({done / whole if whole else 1:.0%})"
        if self._status is not None:
            self._status.update(line)
            return
        self._console.print(line, soft_wrap=True)
        self._next = time.monotonic() + PLAIN


def say_aside(moved: Moved, running: Sequence[int], lang: str) -> None:
    """What whoever has the copy must know of it."""
    sweeps = ", ".join(map(str, running))
    for concerned, ja, en in (
        (running,
         f"動いている、または止まったばかりの調査があります（{sweeps}）。この後に済んだ分は写しに入っていません。写しの側でも jisweep resume で続けられます。",
         f"Sweeps are running, or have just been broken off ({sweeps}): what they do from now on is not in the copy, where jisweep resume goes on with them, too."),
        (moved.replaced,
         f"{moved.replaced:,} 行の文字列に、PostgreSQL の持てない文字（U+0000）がありました。U+FFFD にしました。",
         f"{moved.replaced:,} rows had U+0000 in a text, which PostgreSQL does not keep: U+FFFD stands in its place."),
        (moved.left,
         f"jisweep のものでない表は写していません（{', '.join(moved.left)}）。",
         f"Tables that are not jisweep's were not copied ({', '.join(moved.left)})."),
    ):  # fmt: skip
        if concerned:
            click.echo(ja if lang == "ja" else en, err=True)


def say_outside(pictures: int, lang: str) -> None:
    """Pictures that are not in the copy: nobody is to believe that they are."""
    if pictures:
        click.echo(
            f"画像 {pictures:,} 枚は保管場所にあり、写しに入っていません。保管場所も別に写してください（jisweep backup --with-pictures なら入ります）。"
            if lang == "ja"
            else f"Pictures that lie in the store and are not in the copy: {pictures:,}. Back up the store, too "
            "(jisweep backup --with-pictures takes them along).",
            err=True,
        )


def say_lacking(pictures: int, lang: str) -> None:
    """Pictures that are not to be had."""
    if pictures:
        click.echo(
            f"画像 {pictures:,} 枚が保管場所にないか、壊れています。どれかは jisweep store check が言います。"
            if lang == "ja"
            else f"Pictures that are missing from the store, or damaged: {pictures:,}. jisweep store check tells which.",
            err=True,
        )


def say_whole(moved: Moved, told: dict[str, Any], given: dict[str, Any]) -> None:
    """The last word of a copy that is whole: one line, or `told` with the counts as JSON."""
    if given["as_json"]:
        rows = {name: each.rows for name, each in moved.tables.items()}
        click.echo(json.dumps({**told, "rows": moved.rows, "tables": rows}, ensure_ascii=False))
        return
    click.echo(
        f"{len(moved.tables)} 表、{moved.rows:,} 行を写し、数と要約値が元と同じことを確かめました。"
        if given["lang"] == "ja"
        else f"Copied {len(moved.tables)} tables with {moved.rows:,} rows; counts and digests are those of the source."
    )
