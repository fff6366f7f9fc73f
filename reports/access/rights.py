"""What an account may see and do: its roles, and the sites that each reaches."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.organisations import Tree, tree
from db.tables import RoleGrant
from db.words import Role


class May(StrEnum):
    """An act that needs a right; also the scopes of tokens."""

    READ = "read"
    CLAIM = "claim"  # say that a defect is repaired
    RECHECK = "recheck"
    PROPOSE = "propose"  # an exception, which counts when somebody else agrees
    EXCEPT = "except"
    PLAN = "plan"  # owners, days, ways of repair, cycles
    JUDGE = "judge"
    SWEEP = "sweep"  # begin, stop and resume
    CONFIGURE = "configure"  # a site's scope and manners
    ADMINISTER = "administer"  # accounts, roles and the trail; it belongs to no site


ROLES: Mapping[Role, frozenset[May]] = {
    Role.ADMINISTRATOR: frozenset(May),
    Role.OPERATOR: frozenset({May.READ, May.RECHECK, May.SWEEP, May.CONFIGURE}),
    Role.MANAGER: frozenset({May.READ, May.PLAN, May.EXCEPT}),
    Role.WEB_TEAM: frozenset({May.READ, May.CLAIM, May.RECHECK, May.PROPOSE}),
    Role.JUDGE: frozenset({May.READ, May.JUDGE}),
    Role.READER: frozenset({May.READ}),
}


@dataclass(frozen=True, kw_only=True)
class Reach:
    """The sites, and the organisations, that a right holds for."""

    everywhere: bool = False
    sites: frozenset[int] = frozenset()
    organisations: frozenset[int] = frozenset()

    def __or__(self, other: "Reach") -> "Reach":
        return Reach(
            everywhere=self.everywhere or other.everywhere,
            sites=self.sites | other.sites,
            organisations=self.organisations | other.organisations,
        )

    def holds(self, site: int) -> bool:
        """Whether a site is within."""
        return self.everywhere or site in self.sites

    def covers(self, organisation: int) -> bool:
        """Whether an organisation, with all below it, is within."""
        return self.everywhere or organisation in self.organisations

    def within(self, site: sa.ColumnElement[Any] | Any) -> sa.ColumnElement[bool]:
        """The condition that a column of site numbers is within."""
        return sa.true() if self.everywhere else site.in_(sorted(self.sites))


NOWHERE = Reach()


@dataclass(frozen=True, kw_only=True)
class Rights:
    """Who somebody is, and where each act is theirs."""

    account: int
    name: str
    person: str
    roles: frozenset[Role]
    reaches: Mapping[May, Reach]

    def reach(self, act: May) -> Reach:
        """Where an act may be done."""
        return self.reaches.get(act, NOWHERE)

    def may(self, act: May, site: int | None = None) -> bool:
        """Whether an act may be done on a site; without one, whether it may be done anywhere."""
        reach = self.reach(act)
        return reach.holds(site) if site is not None else reach != NOWHERE

    def only(self, acts: Iterable[str]) -> "Rights":
        """The same with no more than these acts: of a token."""
        kept = {act: reach for act, reach in self.reaches.items() if act.value in set(acts)}
        return Rights(account=self.account, name=self.name, person=self.person, roles=self.roles, reaches=kept)


async def rights_of(connection: AsyncConnection, account: int, name: str, person: str) -> Rights:
    """The rights that the roles of an account give."""
    query = sa.select(RoleGrant.role, RoleGrant.organisation_id, RoleGrant.site_id)
    grants = (await connection.execute(query.where(RoleGrant.account_id == account))).all()
    organisations = await tree(connection) if any(grant.organisation_id for grant in grants) else None
    reaches: dict[May, Reach] = {}
    for role, organisation, site in grants:
        reach = _reach(organisation, site, organisations)
        for act in ROLES[role]:
            if act is May.ADMINISTER and not reach.everywhere:
                continue
            reaches[act] = reaches.get(act, NOWHERE) | reach
    return Rights(
        account=account, name=name, person=person, roles=frozenset(grant.role for grant in grants), reaches=reaches
    )


def _reach(organisation: int | None, site: int | None, organisations: Tree | None) -> Reach:
    if site is not None:
        return Reach(sites=frozenset({site}))
    if organisation is None:
        return Reach(everywhere=True)
    assert organisations is not None
    return Reach(
        sites=frozenset(organisations.sites_below(organisation)),
        organisations=frozenset(organisations.below(organisation)),
    )
