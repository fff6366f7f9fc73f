"""Pages that somebody names, audited now: a few browsers side by side, as politely as a sweep; nothing is stored."""

from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from audits.auditing import WORTH_A_TAB
from audits.engine import FramedAxe, RuleSet, Untested, rule_set
from audits.guest import asking
from audits.page import Pictures, Place, Target, audit_page
from audits.record import TRIES
from audits.work import Tools, manners_of, steered
from crawler.address import origin_of
from crawler.browser import PageLost, Tab
from crawler.exploration import robots_of
from crawler.fetch import Fetcher
from crawler.gate import Gate
from crawler.limits import Limits
from crawler.robots import Robots
from crawler.scope import Scope
from crawler.together import Together
from db.words import Edition, Level, Reason


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A page and what auditing it gave; without a result the reason, and nothing is known of the page."""

    address: str
    places: tuple[Place, ...] = ()
    untested: tuple[Untested, ...] = ()
    settled: bool = True
    reason: Reason | None = None  # why it was not audited
    detail: str = ""

    @property
    def audited(self) -> bool:
        """Whether something is known of the page."""
        return self.reason is None


Seen = Callable[[Checked], None]


async def audit_pages(
    addresses: Sequence[str], limits: Limits, tools: Tools, edition: Edition, level: Level, seen: Seen
) -> tuple[RuleSet, list[Checked]]:
    """The rules, and each page in the order of its address; `seen` is told of a page when it is done.

    Raises BrowserMissing when there is no browser to ask the engine in.
    """
    async with AsyncExitStack() as stack:
        gate = None if limits.allow_private else await stack.enter_async_context(Gate())
        scope = scope_of(addresses)
        credentials = tools.credentials.within(scope)
        fetcher = await stack.enter_async_context(
            Fetcher(manners_of(limits), gate.url if gate else None, credentials=credentials)
        )
        driver = await steered(tools, stack)

        def tab() -> Tab:
            return Tab(
                driver, manners_of(limits), gate, executable=tools.browser,
                scope=scope, script=tools.engine.injected, credentials=credentials,
            )  # fmt: skip

        first = await stack.enter_async_context(tab())
        rules = await rule_set(first, tools.engine, edition, level)
        at_hand = _Round(
            left=list(reversed(addresses)), scope=scope, axe=FramedAxe(tools.engine, rules), fetcher=fetcher,
            seconds=limits.page_seconds, seen=seen,
        )  # fmt: skip
        await at_hand.ask_robots(addresses)
        async with Together() as group:
            group.create_task(at_hand.work(first))
            for _ in range(min(tools.workers, len(addresses) // WORTH_A_TAB) - 1):
                group.create_task(at_hand.work_in(tab()))
        return rules, [at_hand.done[address] for address in addresses]


def scope_of(addresses: Sequence[str]) -> Scope:
    """All of the sites that pages belong to."""
    origins = dict.fromkeys(map(origin_of, addresses))
    return Scope.around(addresses[0], includes=tuple(f"{origin}/" for origin in origins))


@dataclass(kw_only=True)
class _Round:
    """The pages that are left, and those that are done."""

    left: list[str]  # the next one last
    scope: Scope
    axe: FramedAxe
    fetcher: Fetcher
    seconds: float
    seen: Seen
    robots: dict[str, Robots] = field(default_factory=dict)
    done: dict[str, Checked] = field(default_factory=dict)

    async def ask_robots(self, addresses: Sequence[str]) -> None:
        """Know the robots.txt of each origin before several tabs ask for its pages."""
        for origin in dict.fromkeys(map(origin_of, addresses)):
            await robots_of(self.fetcher, self.robots, f"{origin}/")

    async def work_in(self, tab: Tab) -> None:
        """Work in a tab of one's own."""
        async with tab:
            await self.work(tab)

    async def work(self, tab: Tab) -> None:
        """Take one page after the other until none is left."""
        while self.left:
            address = self.left.pop()
            self.done[address] = await self._checked(tab, address)
            self.seen(self.done[address])

    async def _checked(self, tab: Tab, address: str) -> Checked:
        for left in reversed(range(TRIES)):
            try:
                return await self._audit(tab, address)
            except PageLost as lost:
                failure = Checked(address=address, reason=lost.reason, detail=lost.detail)
                if not (left and lost.reason.transient):
                    break
        return failure

    async def _audit(self, tab: Tab, address: str) -> Checked:
        await self._heed_robots(address)
        target = Target(address=address, scope=self.scope, closed_roots=True)
        async with asking(self.fetcher, tab, address) as turn:
            audit = await audit_page(tab, self.axe, target, Pictures(each_fault=False), self.seconds, turn)
        return Checked(
            address=address, places=tuple(audit.places), untested=tuple(audit.untested), settled=audit.settled
        )

    async def _heed_robots(self, address: str) -> None:
        """Raises PageLost for a page that robots.txt disallows, and while nobody can read it."""
        robots = await robots_of(self.fetcher, self.robots, address)
        if robots.allows(address):
            return
        if robots.reachable:
            raise PageLost(Reason.ROBOTS, "")
        answer = await self.fetcher.get(f"{origin_of(address)}/robots.txt", accept_any=True)
        raise PageLost(answer.failure or Reason.ROBOTS_UNREACHABLE, answer.detail)
