"""Subscriptions: who is told of what, about which sites, which way and in which language."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from email.utils import parseaddr

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import Tree, tree
from db.errors import UsageError
from db.tables import Account, Subscription
from db.words import Channel, Telling
from reports.access.rights import May, Reach, rights_of
from reports.clean import one_line


@dataclass(frozen=True, kw_only=True)
class Place:
    """The sites that somebody wants to be told of: of an organisation with all below it, one site, or all."""

    organisation: int | None = None
    site: int | None = None

    @property
    def name(self) -> str:
        """As the names of events have it."""
        if self.organisation is not None:
            return f"organisation-{self.organisation}"
        return f"site-{self.site}" if self.site is not None else "all"

    def reach(self, organisations: Tree) -> Reach:
        """The sites."""
        if self.organisation is not None:
            return Reach(sites=frozenset(organisations.sites_below(self.organisation)))
        return Reach(sites=frozenset({self.site})) if self.site is not None else Reach(everywhere=True)


@dataclass(frozen=True, kw_only=True)
class Subscribed:
    """A subscription that runs, with where it goes now and the sites that it may tell of."""

    id: int
    kind: Telling
    channel: Channel
    recipient: str | None  # None: the account has no e-mail address
    account: str | None  # its name
    place: Place
    sites: frozenset[int] | None  # None: all that there are
    lang: str
    made_at: datetime

    def holds(self, site: int | None) -> bool:
        """Whether it tells of a site; of what belongs to none, only to those who are told of all."""
        return self.sites is None or site in self.sites


def check_email(text: str) -> str:
    """An e-mail address as it is kept. Raises UsageError for what is none."""
    found = text.strip()
    name, address = parseaddr(found)
    local, at, host = address.rpartition("@")
    plain = found == address and not name and found.isascii() and found.isprintable() and " " not in found
    if not (plain and at and local and host) or len(found) > 254:
        shown = one_line(found[:80])
        raise UsageError(ja=f"「{shown}」はメールアドレスではありません。", en=f"{shown} is no e-mail address.")
    return found


async def subscribe(
    connection: AsyncConnection, kinds: Collection[Telling], channel: Channel, recipient: str | None, *,
    account: int | None, place: Place, lang: str, who: str, at: datetime,
) -> list[int]:  # fmt: skip
    """Have somebody told of some kinds from now on; returns the numbers. What runs already goes on as it is."""
    mine = (
        Subscription.channel == channel, Subscription.recipient.is_not_distinct_from(recipient), Subscription.ended_at.is_(None),
        Subscription.account_id.is_not_distinct_from(account), Subscription.site_id.is_not_distinct_from(place.site),
        Subscription.organisation_id.is_not_distinct_from(place.organisation),
    )  # fmt: skip
    known = sa.select(Subscription.kind, Subscription.id, Subscription.lang).where(*mine)
    running = {kind: (number, spoken) for kind, number, spoken in await connection.execute(known)}
    numbers = []
    for kind in kinds:
        number, spoken = running.get(kind, (None, ""))
        if number is not None and spoken != lang:
            await end(connection, [number], at)
            number = None
        if number is None:
            row = {
                "kind": kind, "channel": channel, "recipient": recipient, "account_id": account, "lang": lang,
                "organisation_id": place.organisation, "site_id": place.site, "made_by": who, "made_at": at,
            }  # fmt: skip
            number = await connection.scalar(sa.insert(Subscription).values(row).returning(Subscription.id))
            assert number is not None
        numbers.append(number)
    return numbers


async def end(connection: AsyncConnection, numbers: Collection[int], at: datetime) -> None:
    """Tell nothing more. Raises UsageError for a number of none that runs."""
    for number in numbers:
        running = Subscription.id == number, Subscription.ended_at.is_(None)
        if not (await connection.execute(sa.update(Subscription).where(*running).values(ended_at=at))).rowcount:
            raise UsageError(
                ja=f"通知の申し込み {number} は、ないか、もう終わっています。jisweep notices list で一覧を見られます。",
                en=f"There is no subscription {number} that runs: jisweep notices list shows them.",
            )


async def choose(
    connection: AsyncConnection, account: int, kinds: Collection[Telling], lang: str, who: str, at: datetime
) -> None:
    """Tell an account by mail of these kinds, of all that it may read, and of no others in this way."""
    there = await of_account(connection, account)
    await end(connection, [number for kind, number in there.items() if kind not in kinds], at)
    await subscribe(
        connection, kinds, Channel.EMAIL, None, account=account, place=Place(), lang=lang, who=who, at=at
    )


async def of_account(connection: AsyncConnection, account: int) -> dict[Telling, int]:
    """What somebody is told of by mail, about all that they may read."""
    rows = await connection.execute(sa.select(Subscription.kind, Subscription.id).where(*_own(account)))
    return dict(rows.all())


async def language_of(connection: AsyncConnection, account: int) -> str | None:
    """In which language; None when they are told of nothing."""
    last = sa.select(Subscription.lang).where(*_own(account)).order_by(Subscription.id.desc()).limit(1)
    return await connection.scalar(last)


def _own(account: int) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        Subscription.account_id == account, Subscription.ended_at.is_(None), Subscription.recipient.is_(None),
        Subscription.organisation_id.is_(None), Subscription.site_id.is_(None),
    )  # fmt: skip


async def running(connection: AsyncConnection) -> list[Subscribed]:
    """All that run; of an account as far as it may read now, and of none that is closed."""
    rows = await connection.execute(
        sa.select(Subscription, Account.name.label("account"), Account.person, Account.email)
        .outerjoin(Account, Account.id == Subscription.account_id)
        .where(Subscription.ended_at.is_(None), Account.closed_at.is_(None))
        .order_by(Subscription.id)
    )
    organisations = await tree(connection)
    reaches: dict[int, Reach] = {}
    found = []
    for row in rows:
        place = Place(organisation=row.organisation_id, site=row.site_id)
        sites = _sites(place.reach(organisations))
        if row.account_id is not None:
            if row.account_id not in reaches:
                rights = await rights_of(connection, row.account_id, row.account, row.person)
                reaches[row.account_id] = rights.reach(May.READ)
            readable = _sites(reaches[row.account_id])
            sites = readable if sites is None else sites if readable is None else sites & readable
        found.append(
            Subscribed(
                id=row.id, kind=row.kind, channel=row.channel, recipient=row.recipient or row.email or None, place=place,
                sites=sites, lang=row.lang, made_at=row.made_at, account=row.account,
            )
        )  # fmt: skip
    return found


def _sites(reach: Reach) -> frozenset[int] | None:
    return None if reach.everywhere else reach.sites
