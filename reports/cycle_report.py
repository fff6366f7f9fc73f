"""The report of a cycle: a folder of one page, two CSV files and everything as JSON."""

import json
from pathlib import Path
from typing import Any

from audits.cycles.defects import tally
from audits.cycles.progress import Progress
from db.errors import StorageError
from db.types import now
from db.words import DefectState, Origin
from reports import cycle_view as view
from reports.effect_view import impact_words, use_words
from reports.folder import Folder, refuse_foreign
from reports.language import Language
from reports.page_view import text_of
from reports.render import Pages, document_style
from reports.tables import CYCLE_DEFECTS, CYCLE_SITES, Table

SHOWN = 50  # defects that the page lists; the CSV file has all


def write_cycle_report(found: Progress, out: Path, lang: str) -> Path:
    """Write the report of a cycle into a folder; returns its page. Raises StorageError as Folder does."""
    language = Language(lang)
    check_place(found.name, out)
    with Folder(out, about_cycle(found.name)) as folder:
        folder.text("report.css", document_style())
        folder.text("cycle.json", json.dumps(view.as_json(found), ensure_ascii=False, indent=1))
        with Table(folder, "cycle_sites", CYCLE_SITES, language) as rows:
            for site in found.sites:
                rows.add(**view.site_row(site, language))
        with Table(folder, "cycle_defects", CYCLE_DEFECTS, language) as rows:
            for site in found.sites:
                for line in site.defects:
                    rows.add(**view.defect_row(site, line, language))
        Pages(folder, language, {"made": found.closed_at or now(), "engine": engines(found)}).write(
            "index.html", "cycle.html", **_values(found, language)
        )
    return folder.out / "index.html"


def about_cycle(name: str) -> str:
    """Names the cycle that a folder's report is of."""
    return f"cycle {name}"


def engines(found: Progress) -> str:
    """The engines of all sweeps that the cycle tells of."""
    points = [each for site in found.sites for each in (site.baseline, site.confirming, site.newest) if each]
    return ", ".join(sorted({each.engine for each in points if each.engine})) or "jisweep"


def check_place(name: str, out: Path) -> None:
    """Find out whether the report of a cycle can be written to `out`. Raises StorageError when not, or when another is there."""
    Folder(out).check()
    if refuse_foreign(out.expanduser().resolve()) not in (None, about_cycle(name)):
        raise StorageError(
            ja=f"{out} には別の報告書があります。--out で別のフォルダーを指定してください。",
            en=f"{out} holds another report: name another folder with --out.",
        )


def _values(found: Progress, language: Language) -> dict[str, Any]:
    counted = tally(found.defects)
    left = view.to_repair(found)
    return {
        "cycle": found,
        "period": view.period(found, language),
        "status": view.status(found, language),
        "targets": list(view.targets(found, language)),
        "whole": list(view.whole(found, language)),
        "sites": [(site, list(view.site_lines(site, language))) for site in found.sites],
        "view": view,
        "impact_words": impact_words,
        "use_words": use_words,
        "origins": [(origin, counted[origin]) for origin in Origin if counted[origin]],
        "states": [state for state in DefectState if any(counted[origin][state] for origin in Origin)],
        "left": [(site, line, text_of(line.rule, language.lang).title) for site, line in left[:SHOWN]],
        "left_total": len(left),
        "owners": view.owners(found.defects),
    }
