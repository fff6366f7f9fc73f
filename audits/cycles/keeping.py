"""Values of ours as JSON and back: what a cycle said when it was closed is kept so, and never worked out again."""

import types
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

T = TypeVar("T")


def kept(value: Any) -> Any:
    """Dataclasses, tuples, words, days and moments as what JSON can hold."""
    if is_dataclass(value) and not isinstance(value, type):
        return {each.name: kept(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, (tuple, list)):
        return [kept(each) for each in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, (date, datetime)) else value


def restored(kind: type[T], value: Mapping[str, Any]) -> T:
    """A dataclass from what `kept` made of it, also before a field came that has a default. Raises TypeError and ValueError
    for what it did not make.
    """
    found: T = _restored(kind, value)
    return found


def _restored(kind: Any, value: Any) -> Any:
    if value is None:
        return None
    if get_origin(kind) in (Union, types.UnionType):
        (kind,) = (each for each in get_args(kind) if each is not type(None))
    if get_origin(kind) is tuple:
        return tuple(_restored(get_args(kind)[0], each) for each in value)
    if is_dataclass(kind):
        hints = get_type_hints(kind)
        known = [each.name for each in fields(kind) if each.name in value]
        return kind(**{name: _restored(hints[name], value[name]) for name in known})  # type: ignore[operator]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return kind(value)
    return kind.fromisoformat(value) if kind in (date, datetime) else kind(value)
