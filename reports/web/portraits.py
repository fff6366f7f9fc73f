"""Portraits of sites that readers have asked for, kept while no sweep finishes: intervals of hundreds of sites take their time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.trends.periods import Period
from audits.trends.portrait import Portrait, portrait_of, state_of_points

MOST = 20_000  # points that are held: of the portraits that were asked for last


class Portraits:
    """The portraits of one application."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], tuple[tuple[Any, ...], Portrait]] = OrderedDict()
        self._drawing = asyncio.Lock()

    async def of(
        self,
        connection: AsyncConnection,
        sites: Collection[int],
        within: sa.ColumnElement[bool],
        span: Period,
        study: Callable[[Portrait], None],
    ) -> Portrait:
        """The portrait of some sites, which a condition says as well; `study` works out in a thread what will be shown."""
        key = tuple(sorted(sites))
        state = span, *await state_of_points(connection, within)
        async with self._drawing:
            known, portrait = self._kept.pop(key, ((), None))
            if portrait is None or known != state:
                portrait = await portrait_of(connection, sites, span)
            self._kept[key] = state, portrait
            while len(self._kept) > 1 and sum(each.points for _, each in self._kept.values()) > MOST:
                self._kept.popitem(last=False)
            await asyncio.to_thread(study, portrait)
        return portrait
