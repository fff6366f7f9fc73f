"""Saying things to programs and spreadsheets."""

import json
import sys
from typing import Any

import click


def say_json(value: dict[str, Any]) -> None:
    """Print one JSON object; with escapes where standard output cannot carry every character."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("_", "-") in ("utf-8", "utf8")
    click.echo(json.dumps(value, ensure_ascii=not plain))


def say_csv(text: str) -> None:
    """Print the lines of a CSV file as bytes: UTF-8 with BOM, whatever the terminal's encoding."""
    click.echo(text.encode("utf-8-sig", "replace"), nl=False)
