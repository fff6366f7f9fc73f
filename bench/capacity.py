"""What a country's sweeps need, on paper: machines, hours, requests, bytes, from what was measured on small ones.

    python -m bench.capacity

Each figure that goes in is a field of Assumed, with its source; docs/capacity.md quotes what comes out.
"""

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True, kw_only=True)
class Assumed:
    """What the model goes by. `measured` names a measurement, all else is an assumption of ours."""

    cpu: float = 0.40  # seconds of a core for one page audited; measured: 0.34 to 0.40, docs/benchmarks.md
    look: float = 0.0154  # seconds for one page found or asked about; measured: 18 s for 1,169, docs/benchmarks.md
    page: float = 13_790  # bytes of one document; measured: 1,169 pages of postgresql-doc-15
    parts: float = 1_000_000  # bytes of pictures, scripts and styles that a browser asks for with one page; assumed
    requests: float = 20.0  # of one page audited, with its parts; assumed
    row: float = 810.0  # bytes of one visit, with its indexes; measured: 5,681,152 for 7,014
    result: float = 3_802.0  # bytes of findings and result of one page; measured: 4,452,352 for 1,171
    evidence: float = 8_029.0  # bytes of pictures of one page; measured: 9,402,552 for 1,171
    gap: float = 0.5  # seconds between starts on one host; crawler/limits.py
    window: float = 8.0  # hours of a night; assumed
    changed: float = (
        0.05  # share of pages audited anew; the rest is carried; assumed, the second line of the benchmark
    )
    largest: float = 50_000  # pages of the largest site; assumed: the limit of addresses, crawler/limits.py
    used: float = 0.7  # share of a machine's cores that is auditing; assumed
    cores: int = 8  # of one machine; assumed


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What one sweep of all sites needs."""

    cores: float  # busy for the whole window
    machines: float
    core_hours: float
    largest_hours: float  # of the largest site, by the gap between starts alone
    requests: float
    gigabytes: float  # over the network
    rows_gb: float  # added to the database
    evidence_gb: float  # added to the store
    pages_per_second: float  # audited, over the window


def needs(pages: float, assumed: Assumed, *, anew: float, nights: float) -> Needs:
    """What sweeping so many pages within so many nights needs, when this share of them is audited anew."""
    hours = assumed.window * nights
    audited = pages * anew
    work = (pages * assumed.look + audited * assumed.cpu) / 3600
    cores = work / hours / assumed.used
    return Needs(
        cores=cores,
        machines=cores / assumed.cores,
        core_hours=work,
        largest_hours=assumed.largest * (1 + anew) * assumed.gap / 3600,
        requests=pages + audited * assumed.requests,
        gigabytes=(pages * assumed.page * anew + audited * assumed.parts) / 1e9,
        rows_gb=(pages * assumed.row + audited * assumed.result) / 1e9,
        evidence_gb=audited * assumed.evidence / 1e9,
        pages_per_second=audited / hours / 3600,
    )


SCENES = {  # pages, share audited anew, nights: known by these names in docs/capacity.md
    "300 sites, first": (1_500_000, 1.0, 30),
    "300 sites, night": (1_500_000, None, 1),
    "300 sites, month": (1_500_000, None, 30),
    "nation, first": (70_000_000, 1.0, 90),
    "nation, month": (70_000_000, None, 30),
    "nation, cycle": (70_000_000, None, 90),
}


def scene(name: str, assumed: Assumed | None = None) -> Needs:
    """One of the scenes."""
    pages, anew, nights = SCENES[name]
    assumed = assumed or Assumed()
    return needs(pages, assumed, anew=assumed.changed if anew is None else anew, nights=nights)


def line(name: str) -> str:
    """A scene as a row of the table in docs/capacity.md."""
    got = scene(name)
    told = [
        f"{got.core_hours:,.0f}", f"{got.cores:.1f}", f"{got.machines:.1f}", f"{got.pages_per_second:.1f}",
        f"{got.requests / 1e6:,.1f}", f"{got.gigabytes:,.0f}", f"{got.rows_gb:,.1f}", f"{got.evidence_gb:,.1f}",
        f"{got.largest_hours:.1f}",
    ]  # fmt: skip
    return f"| {name} | {' | '.join(told)} |"


def twice(name: str) -> list[str]:
    """For each assumption, what doubling it does to cores, network, rows and the largest site, as rows of a table."""
    plain = scene(name)
    rows = []
    for each in fields(Assumed):
        other = scene(name, replace(Assumed(), **{each.name: 2 * getattr(Assumed(), each.name)}))
        kinds = "machines", "gigabytes", "rows_gb", "evidence_gb", "largest_hours"
        factors = [f"{getattr(other, kind) / getattr(plain, kind):.2f}" for kind in kinds]
        rows.append(f"| `{each.name}` | {' | '.join(factors)} |")
    return rows


def main() -> None:
    """Print both tables."""
    print("\n".join([*map(line, SCENES), "", *twice("nation, month")]))


if __name__ == "__main__":
    main()
