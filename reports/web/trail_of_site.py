"""The way to a site, through the organisations that the reader reaches."""

from audits.organisations import Tree
from reports.access.rights import May
from reports.site_view import site_name
from reports.web.asking import Asked, Crumb


def organisations_above(asked: Asked, organisations: Tree, site: int) -> tuple[Crumb, ...]:
    """The organisation of a site and those above it, from the top on, as far as the reader may see them."""
    node = next(
        (organisations.nodes[number] for number, sites in organisations.sites.items()
         if number is not None and any(each == site for each, _ in sites)), None,
    )  # fmt: skip
    found: list[Crumb] = []
    while node is not None:
        if asked.who.reach(May.READ).covers(node.id):
            found.append(Crumb(name=node.path[-1], href=f"/organisations/{node.id}"))
        node = organisations.nodes.get(node.parent) if node.parent is not None else None
    return tuple(reversed(found))


def crumbs_of(asked: Asked, organisations: Tree, site: int, address: str) -> tuple[Crumb, ...]:
    """The same with the site itself, for what belongs to it."""
    above = organisations_above(asked, organisations, site)
    return (*above, Crumb(name=site_name(address), href=f"/sites/{site}"))
