"""Where a role holds, as people choose it from a list and read it."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from audits.organisations import Tree, shown
from db.errors import UsageError
from db.words import Role
from reports.access.accounts import Grant
from reports.language import Language


@dataclass(frozen=True)
class Places:
    """All places where a role may hold: everywhere (``""``), an organisation (`organisation-3`), a site (`site-7`)."""

    tree: Tree

    @cached_property
    def organisations(self) -> dict[str, str]:
        """All organisations by their value in lists, each with its whole path."""
        nodes = sorted(self.tree.nodes.values(), key=lambda each: each.path)
        return {f"organisation-{each.id}": shown(each.path) for each in nodes}

    @cached_property
    def sites(self) -> dict[str, str]:
        """All sites by their value in lists, each with its address."""
        sites = sorted((address, number) for some in self.tree.sites.values() for number, address in some)
        return {f"site-{number}": address for address, number in sites}

    def grant(self, role: str, where: str) -> Grant:
        """The grant that somebody chose. Raises UsageError for a role or a place that there is not."""
        if role not in set(Role) or not (where == "" or where in self.organisations or where in self.sites):
            raise UsageError(
                ja="役割と範囲を一覧から選んでください。",
                en="Choose the role, and where it holds, from the lists.",
            )
        if where and role == Role.ADMINISTRATOR:
            raise UsageError(
                ja="管理者の役割は、すべてのサイトに対してだけ与えられます。",
                en="The role of administrator holds for all sites: choose everywhere.",
            )
        kind, _, number = where.partition("-")
        return Grant(role=Role(role), **({kind: int(number)} if where else {}))

    def where(self, grant: Grant) -> str:
        """The value of a grant's place in the lists."""
        if grant.organisation is not None:
            return f"organisation-{grant.organisation}"
        return f"site-{grant.site}" if grant.site is not None else ""

    def name(self, grant: Grant, language: Language) -> str:
        """Where a grant holds, in words."""
        where = self.where(grant)
        return self.organisations.get(where) or self.sites.get(where) or language.say("web.access.everywhere")

    def text(self, grant: Grant, language: Language) -> str:
        """A role and where it holds, in words."""
        role = language.say(f"web.access.role.{grant.role.value}")
        return language.say("web.access.grant", role=role, where=self.name(grant, language))

    def texts(self, grants: Iterable[Grant], language: Language) -> str:
        """The roles of an account in one line."""
        told = language.say("common.comma").join(self.text(each, language) for each in grants)
        return told or language.say("web.access.no_role")
