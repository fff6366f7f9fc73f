"""Saying things to programs."""

import json
import sys
from typing import Any

import click


def say_json(value: dict[str, Any]) -> None:
    """Print one JSON object; with escapes where standard output cannot carry every character."""
    plain = (sys.stdout.encoding or "ascii").lower().replace("_", "-") in ("utf-8", "utf8")
    click.echo(json.dumps(value, ensure_ascii=not plain))
