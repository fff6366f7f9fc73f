"""A schedule for tests of the application."""

from sqlalchemy.ext.asyncio import AsyncConnection

from audits.schedules import book
from audits.schedules.book import Wanted
from audits.schedules.planned import as_row
from audits.schedules.times import When
from audits.sweep import Plan
from crawler.limits import Limits
from crawler.scope import Scope
from db.types import now


async def scheduled(connection: AsyncConnection, name: str, site: int) -> int:
    """A site's schedule, each night; its number."""
    plan = Plan(scope=Scope.around("https://x.example.lg.jp/"), limits=Limits(contact="x"))
    wanted = Wanted(name=name, when=When(cron="0 22 * * *"), plan=as_row(plan, "x", {}), site=site)
    return await book.add(connection, wanted, "佐藤", now())
