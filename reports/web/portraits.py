"""Portraits of sites that readers have asked for, kept while no sweep finishes: intervals of hundreds of sites take their time."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.trends.periods import Period
from audits.trends.portrait import Portrait, portrait_of, state_of_points

MOST = 60  # portraits, the last ones that were asked for


class Portraits:
    """The portraits of one application."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], Portrait] = OrderedDict()
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
        key = tuple(sites), span, await state_of_points(connection, within)
        async with self._drawing:
            portrait = self._kept.pop(key, None) or await portrait_of(connection, sites, span)
            self._kept[key] = portrait
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
            await asyncio.to_thread(study, portrait)
        return portrait
