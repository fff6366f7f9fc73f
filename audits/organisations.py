"""The tree of organisations and the sites of each: taken in from a table, whole or not at all, and read."""

import csv
import io
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from audits.defects.sight import parts
from crawler.address import LONGEST, canonical
from db.errors import UsageError
from db.tables import Organisation, Site
from db.types import now

Path = tuple[str, ...]  # names from the root on: ("東京都", "総務局")
SLASH = re.compile("[/／]")
# Headings that a column may have; what else a table holds is nobody's business here
HEADINGS = {
    "organisation": frozenset({"組織", "団体", "部署", "organisation", "organization", "path"}),
    "parent": frozenset({"上位組織", "上位", "parent"}),
    "site": frozenset({"サイト", "アドレス", "url", "site", "address"}),
}


@dataclass(frozen=True, kw_only=True)
class Node:
    """An organisation of the tree."""

    id: int
    parent: int | None
    path: Path


@dataclass(frozen=True, kw_only=True)
class Tree:
    """All organisations, by number and by path, and the sites of each."""

    nodes: Mapping[int, Node]
    sites: Mapping[
        int | None, Sequence[tuple[int, str]]
    ]  # organisation → number and address; None: of no organisation

    def children(self, organisation: int | None) -> list[Node]:
        """The organisations right below one, or the roots, in the order of their names."""
        return sorted(
            (each for each in self.nodes.values() if each.parent == organisation), key=lambda each: each.path
        )

    def below(self, organisation: int) -> list[int]:
        """An organisation and all below it."""
        path = self.nodes[organisation].path
        return [each.id for each in self.nodes.values() if each.path[: len(path)] == path]

    def sites_below(self, organisation: int) -> list[int]:
        """The sites of an organisation and of all below it."""
        return sorted(site for each in self.below(organisation) for site, _ in self.sites.get(each, ()))

    def named(self, text: str) -> Node:
        """The organisation of a path, or of a name that only one has. Raises UsageError for none, or several."""
        wanted = path_of(text)
        found = [each for each in self.nodes.values() if each.path == wanted]
        found = found or [each for each in self.nodes.values() if wanted and each.path[-len(wanted) :] == wanted]
        if len(found) == 1:
            return found[0]
        if not found:
            raise UsageError(
                ja=f"「{text}」という組織はありません。jisweep organisation list で一覧を見られます。",
                en=f"There is no organisation {text!r}: jisweep organisation list shows them.",
            )
        several = sorted(shown(each.path) for each in found)
        raise UsageError(
            ja=f"「{text}」という組織が {len(found)} 件あります。上位組織から書いてください: {'、'.join(several)}",
            en=f"{len(found)} organisations are called {text!r}: write the whole path: {', '.join(several)}",
        )


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A site that a table puts under another organisation."""

    address: str
    before: Path | None  # None: it was of no organisation
    after: Path


@dataclass(frozen=True, kw_only=True)
class Changes:
    """What a table changes. Nothing is ever taken away by what it does not name."""

    organisations: tuple[Path, ...]  # new ones, parents first
    sites: tuple[Moved, ...]  # new ones
    moved: tuple[Moved, ...]
    unchanged: int  # sites that are where the table puts them


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of a table that can be taken in."""

    line: int
    path: Path
    site: str | None  # canonical address; None: only the organisation


@dataclass(kw_only=True)
class _Wrong:
    """The lines of a table that cannot be taken in, and why, in both languages."""

    lines: list[tuple[int, str, str]] = field(default_factory=list)

    def add(self, line: int, ja: str, en: str) -> None:
        """One more."""
        self.lines.append((line, ja, en))

    def refuse(self, name: str) -> None:
        """Raises UsageError naming every line, when there is one."""
        if self.lines:
            told = sorted(self.lines)
            raise UsageError(
                ja="\n".join(
                    [f"{name} を取り込めません。何も保存していません。次の {len(told)} 行を直してください。"]
                    + [f"  {line} 行目: {ja}" for line, ja, _ in told]
                ),
                en="\n".join(
                    [f"{name} cannot be taken in, and nothing was kept: {len(told)} lines are wrong."]
                    + [f"  line {line}: {en}" for line, _, en in told]
                ),
            )


def path_of(text: str) -> Path:
    """The names of a path as it is typed: 東京都/総務局."""
    return tuple(" ".join(name.split()) for name in SLASH.split(text))


def shown(path: Path) -> str:
    """A path as people read and type it."""
    return "/".join(path)


def read_table(text: str, name: str, known: Iterable[Path] = ()) -> list[Row]:
    """The lines of a CSV table of organisations and sites. Raises UsageError that names every faulty line by its number.

    Columns are known by their headings, whatever their order: the organisation (a path, or a name with a column for the
    parent, which is one of the table or one `known` before), and the site. A line without a site is of an organisation alone.
    """
    wrong = _Wrong()
    lines = list(_lines(text))
    columns = _columns(lines[0][1]) if lines else {}
    if "organisation" not in columns:
        raise UsageError(
            ja=f"{name} の1行目に見出し「組織」（と「サイト」、必要なら「上位組織」）がありません。",
            en=f"{name}: the first line needs the heading 'organisation' (and 'site', and 'parent' if there is one).",
        )
    cells = [(line, {key: _cell(row, at) for key, at in columns.items()}, row) for line, row in lines[1:]]
    roots = [*known, *(path_of(each["organisation"]) for _, each, _ in cells if not each.get("parent"))]
    parents = {line: each["parent"] for line, each, _ in cells if each.get("parent")}
    paths = _paths([(line, path_of(each["organisation"])) for line, each, _ in cells], parents, roots, wrong)
    rows: list[Row] = []
    seen: dict[str, tuple[int, Path]] = {}
    for line, each, row in cells:
        if "\N{REPLACEMENT CHARACTER}" in "".join(row):
            wrong.add(line, "文字コードが UTF-8 でも Shift_JIS でもありません", "neither UTF-8 nor Shift_JIS")
            continue
        if len(row) > len(lines[0][1]) and any(cell.strip() for cell in row[len(lines[0][1]) :]):
            wrong.add(line, "見出しより多くのセルがあります", "more cells than headings")
            continue
        path = paths.get(line)
        site = each.get("site", "")
        if path is None:
            continue
        if not all(path):
            wrong.add(line, "組織の名前が空です", "the name of an organisation is missing")
            continue
        address = canonical(site) if site else None
        if site and address is None:
            wrong.add(
                line, f"「{site[:80]}」はサイトのアドレスとして読めません", f"{site[:80]!r} is no address of a site"
            )
            continue
        if address and len(address) > LONGEST:
            wrong.add(
                line, f"アドレスが {LONGEST} 文字を超えています: {address[:80]}…",
                f"an address of more than {LONGEST} characters: {address[:80]}...",
            )  # fmt: skip
            continue
        if address and address in seen and seen[address][1] != path:
            wrong.add(
                line, f"{address} は {seen[address][0]} 行目で別の組織のものです",
                f"{address} is another organisation's in line {seen[address][0]}",
            )  # fmt: skip
            continue
        if address:
            seen.setdefault(address, (line, path))
        rows.append(Row(line=line, path=path, site=address))
    wrong.refuse(name)
    if not rows:
        raise UsageError(ja=f"{name} に組織の行がありません。", en=f"{name} has no line of an organisation.")
    return rows


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """The lines that say something, each with the number that it begins at."""
    reader = csv.reader(io.StringIO(text, newline=""))
    before = 0
    for row in reader:
        if any(cell.strip() for cell in row):
            yield before + 1, row
        before = reader.line_num


def _columns(headings: Sequence[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for at, heading in enumerate(headings):
        for key, names in HEADINGS.items():
            if heading.strip().lower() in names:
                found.setdefault(key, at)
    return found


def _cell(row: Sequence[str], at: int) -> str:
    return row[at].strip() if at < len(row) else ""


def _paths(
    named: Iterable[tuple[int, Path]], parents: Mapping[int, str], roots: Iterable[Path], wrong: _Wrong
) -> dict[int, Path]:
    """The whole path of each line: as it stands, or below the parent that it names by a path or by a name of the table."""
    lines = dict(named)
    found = {line: path for line, path in lines.items() if line not in parents}
    known = {path[: depth + 1] for path in roots for depth in range(len(path))}
    waiting = dict(parents)
    while waiting:
        settled = False
        for line, parent in list(waiting.items()):
            wanted = path_of(parent)
            fitting = {path for path in known if path == wanted} or {
                path for path in known if path[-len(wanted) :] == wanted
            }
            later = [other for other in waiting if other != line and lines[other][-1:] == wanted[-1:]]
            if len(fitting) == 1 and not later:
                found[line] = next(iter(fitting)) + lines[line]
                known |= {found[line][: depth + 1] for depth in range(len(found[line]))}
                del waiting[line]
                settled = True
            elif len(fitting) > 1 and not later:
                several = sorted(map(shown, fitting))
                wrong.add(
                    line, f"上位組織「{parent}」が {len(several)} 件あります。{several[0]} のように上から書いてください",
                    f"{len(several)} organisations are called {parent!r}: write the whole path, as in {several[0]}",
                )  # fmt: skip
                del waiting[line]
                settled = True
        if not settled:
            break
    for line, parent in waiting.items():
        wrong.add(
            line, f"上位組織「{parent}」の行がないか、たがいに上位になっています",
            f"the parent {parent!r} has no line of its own, or each is above the other",
        )  # fmt: skip
    return found


async def tree(connection: AsyncConnection) -> Tree:
    """All organisations with their sites."""
    rows = await connection.execute(sa.select(Organisation.id, Organisation.parent_id, Organisation.name))
    parents = {number: (parent, name) for number, parent, name in rows}
    nodes: dict[int, Node] = {}
    for number in parents:
        path: list[str] = []
        at: int | None = number
        while at is not None:
            at, name = parents[at]
            path.append(name)
        nodes[number] = Node(id=number, parent=parents[number][0], path=tuple(reversed(path)))
    sites: dict[int | None, list[tuple[int, str]]] = defaultdict(list)
    of = await connection.execute(sa.select(Site.organisation_id, Site.id, Site.address).order_by(Site.address))
    for organisation, site, address in of:
        sites[organisation].append((site, address))
    return Tree(nodes=nodes, sites=sites)


async def take_in(connection: AsyncConnection, rows: Sequence[Row], *, dry: bool = False) -> Changes:
    """Make the tree and its sites as a table says; with `dry` only say what would change. Twice is once.

    A site that no sweep has been to is kept all the same. Neither an organisation nor a site is ever taken away. Whoever else
    takes a table in, or begins the first sweep of a site, waits meanwhile.
    """
    if not dry and connection.dialect.name == "postgresql":  # SQLite has one writer
        await connection.execute(sa.text("LOCK TABLE organisation, site IN SHARE ROW EXCLUSIVE MODE"))
    known = await tree(connection)
    numbers = {node.path: node.id for node in known.nodes.values()}
    paths = {number: node.path for number, node in known.nodes.items()}
    added = sorted({row.path[: depth + 1] for row in rows for depth in range(len(row.path))} - numbers.keys())
    of: dict[str, int | None] = {address: number for number, some in known.sites.items() for _, address in some}
    new: dict[str, Moved] = {}
    moved: dict[str, Moved] = {}
    unchanged: set[str] = set()
    for row in rows:
        if row.site is None:
            continue
        site = _spelling(row.site, of)
        before = of.get(site)
        change = Moved(address=site, before=None if before is None else paths[before], after=row.path)
        if site not in of:
            new[site] = change
        elif change.before != row.path:
            moved[site] = change
        else:
            unchanged.add(site)
    if not dry:
        await _keep(connection, added, numbers, [*new.values(), *moved.values()], of)
    return Changes(
        organisations=tuple(added), sites=tuple(new.values()), moved=tuple(moved.values()), unchanged=len(unchanged)
    )


def _spelling(address: str, known: Mapping[str, object]) -> str:
    """The address as it is known, with a slash at its end or without one."""
    return next((each for each in (address, f"{address}/", address.rstrip("/")) if each in known), address)


async def _keep(
    connection: AsyncConnection, added: Sequence[Path], numbers: dict[Path, int], changes: Sequence[Moved],
    of: Mapping[str, int | None],
) -> None:  # fmt: skip
    for path in added:  # a parent sorts before what is below it
        made = await connection.scalar(
            sa.insert(Organisation)
            .values(parent_id=numbers.get(path[:-1]), name=path[-1])
            .returning(Organisation.id)
        )
        assert made is not None
        numbers[path] = made
    new = [
        {"address": each.address, "organisation_id": numbers[each.after], "settings": {}, "created_at": now()}
        for each in changes
        if each.address not in of
    ]
    for some in parts(new):
        await connection.execute(sa.insert(Site), some)
    for each in changes:
        if each.address in of:
            put = sa.update(Site).where(Site.address == each.address).values(organisation_id=numbers[each.after])
            await connection.execute(put)
