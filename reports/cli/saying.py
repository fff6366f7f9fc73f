"""Saying things to programs and spreadsheets."""

import json
import sys
from collections.abc import AsyncIterator
from typing import Any

import click


def say_json(value: dict[str, Any]) -> None:
    """Print one JSON object; with escapes where standard output cannot carry every character."""
    click.echo(_json(value))


async def say_json_list(head: dict[str, Any], name: str, each: AsyncIterator[Any], tail: dict[str, Any]) -> None:
    """Print one JSON object of which one member is a list that is never held as a whole."""
    click.echo(f"{_json(head)[:-1]}, {_json(name)}: [", nl=False)
    mark = ""
    async for value in each:
        click.echo(f"{mark}{_json(value)}", nl=False)
        mark = ", "
    click.echo(f"], {_json(tail)[1:]}" if tail else "]}")


def _json(value: Any) -> str:
    plain = (sys.stdout.encoding or "ascii").lower().replace("_", "-") in ("utf-8", "utf8")
    return json.dumps(value, ensure_ascii=not plain)


def say_csv(text: str, *, begins: bool = True) -> None:
    """Print lines of a CSV file as bytes: UTF-8 with BOM where it begins, whatever the terminal's encoding."""
    click.echo(text.encode("utf-8-sig" if begins else "utf-8", "replace"), nl=False)
