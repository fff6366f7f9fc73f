"""What is wrong with a command line, in one line and in the reader's language."""

import math
from typing import Any

import click


class Finite(click.FloatRange):
    """A finite number of seconds, or hours."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The number; what is none, or has no end, is refused."""
        number: float = super().convert(value, param, ctx)
        if not math.isfinite(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return number


class Percent(click.FloatRange):
    """A share that is typed in percent, as a number from 0 to 1."""

    def __init__(self) -> None:
        super().__init__(0, 100)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share; what is no percentage is refused."""
        percent: float = super().convert(value, param, ctx)
        if math.isnan(percent):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return percent / 100


class Points(click.FloatRange):
    """A precision that is typed in percentage points, as a share from 0 to 1."""

    def __init__(self) -> None:
        super().__init__(0.1, 50)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        """The share; what is no precision is refused."""
        points: float = super().convert(value, param, ctx)
        if math.isnan(points):
            self.fail(f"{value} is not in the range {self._describe_range()}.", param, ctx)
        return points / 100


def usage_line(error: click.ClickException, lang: str) -> str:
    """The line that names the mistake and the help that teaches."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    command = context.command_path if context else "jisweep"
    if lang == "ja":
        return f"{_japanese(error)}。使い方: {command} --help"
    return f"{_english(error)}. Usage: {command} --help"


def _english(error: click.ClickException) -> str:
    return " ".join(error.format_message().split()).rstrip(".")


def _japanese(error: click.ClickException) -> str:
    match error:
        case click.NoSuchOption():
            return f"オプション {error.option_name} はありません"
        case click.BadOptionUsage():
            return f"オプション {error.option_name} の値の有無が違います"
        case click.MissingParameter(param=click.Parameter() as param):
            return f"{_name(param)} がありません"
        case click.BadParameter(param=click.Parameter() as param):
            return f"{_name(param)} の値が正しくありません。使えるのは{_expected(param.type)}です"
        case _:
            return f"コマンドか引数が正しくありません（{_english(error)}）"


def _name(param: click.Parameter) -> str:
    return (
        param.opts[0]
        if isinstance(param, click.Option)
        else str(param.make_metavar(click.Context(click.Command(""))))
    )


def _expected(kind: "click.ParamType[Any]") -> str:
    match kind:
        case click.Choice():
            return " " + "、".join(map(str, kind.choices)) + " のどれか"
        case click.IntRange() | click.FloatRange():
            number = "整数" if isinstance(kind, click.IntRange) else "数"
            return f" {kind.min} から{f' {kind.max} まで' if kind.max is not None else '上'}の{number}"
        case click.DateTime():
            return " 2026-03-31 のような、ある日付"
        case _ if kind is click.INT:
            return "整数"
        case _:
            return "別の形"
