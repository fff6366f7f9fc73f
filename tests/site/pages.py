"""Pages: the contents under content/ put into the templates, as the CMS of an office would."""

import gzip
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from .answers import Answer

FOLDER = Path(__file__).parent
SESSION = b"@SESSION@"  # replaced by a new session id in every answer


class Template(StrEnum):
    TOP = "top"
    CATEGORY = "category"
    ARTICLE = "article"
    NEWS_LIST = "newslist"
    NEWS = "news"
    PRESS = "press"
    DOCUMENTS = "documents"
    FORM = "form"
    SEARCH = "search"
    RESULTS = "results"
    EMERGENCY = "emergency"
    SITEMAP = "sitemap"
    CALENDAR = "calendar"


@dataclass(frozen=True, kw_only=True)
class Page:
    path: str
    title: str
    template: Template = Template.ARTICLE
    body: str = ""  # HTML with Jinja2 marks
    lead: str = ""
    updated: str = "2026-04-01"
    department: str = "soumu"
    lang: str = "ja"
    head: str = ""  # more HTML for <head>
    viewport: str = "width=device-width, initial-scale=1"
    found: Literal["link", "sitemap", "script"] = "link"  # the only way to find the page
    status: int = 200
    data: dict[str, Any] = field(default_factory=dict)  # what the template alone knows


class Pages:
    def __init__(self, *, url: str, other_url: str) -> None:
        self._site = tomllib.loads((FOLDER / "content/site.toml").read_text())
        self._jinja = Environment(
            loader=FileSystemLoader(FOLDER / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._jinja.globals.update(
            site=self._site,
            url=url,
            other_url=other_url,
            session=SESSION.decode(),
            pages=self._listed,
            trail=self._trail,
            news=self._news,
        )

    @cached_property
    def _all(self) -> dict[str, Page]:
        return {page.path: page for page in _read()}

    def answers(self) -> dict[str, Answer]:
        made = {
            page.path: self._answer(page)
            for page in self._all.values()
            if page.path not in ("/event/calendar", "/search/result")
        }
        made |= {f"/parts/{file.name}": self._raw(file) for file in sorted(FOLDER.glob("content/parts/*.html"))}
        made |= {_old_path(file): self._old(file) for file in sorted(FOLDER.glob("content/old/*.html"))}
        return made

    def other_answers(self) -> dict[str, Answer]:
        """The second origin: partner/index.html is /partner/."""
        files = sorted(FOLDER.glob("content/other/*.html"))
        return {f"/{file.stem.removesuffix('index').replace('-', '/')}": self._raw(file) for file in files}

    def render(self, template: Template, path: str, **data: object) -> Answer:
        return self._answer(self._all[path], template=template, **data)

    def search(self, words: str) -> list[Page]:
        found = [page for page in self._listed("/") if words in page.title + page.body]
        return found[:10] if words else []

    def robots_and_sitemaps(self) -> dict[str, Answer]:
        def answer(name: str, kind: str, **data: object) -> Answer:
            return Answer(body=self._jinja.get_template(name).render(**data).encode(), type=kind)

        news = [page for page in self._all.values() if page.template is Template.NEWS]
        rest = [p for p in self._all.values() if p not in news and p.found != "script" and p.path not in UNLISTED]
        packed = gzip.compress(answer("sitemap.xml", "", listed=news).body, mtime=0)
        return {
            "/robots.txt": answer("robots.txt", "text/plain; charset=utf-8"),
            "/sitemap.xml": answer("sitemap-index.xml", "application/xml"),
            "/sitemap-pages.xml": answer("sitemap.xml", "application/xml", listed=rest),
            "/sitemap-news.xml.gz": Answer(body=packed, type="application/gzip"),
        }

    def _answer(self, page: Page, *, template: Template | None = None, **data: object) -> Answer:
        body = self._jinja.from_string(page.body).render(page=page)
        head = self._jinja.from_string(page.head).render(page=page)
        html = self._jinja.get_template(f"{template or page.template}.html").render(
            page=page, body=body, head=head, **data
        )
        return Answer(body=html.encode(), status=page.status)

    def _raw(self, file: Path) -> Answer:
        return Answer(body=self._jinja.from_string(file.read_text()).render().encode())

    def _old(self, file: Path) -> Answer:
        """Real Shift_JIS; the HTTP header does not say so."""
        html = self._raw(file).body.decode()
        return Answer(body=html.encode("cp932"), type="text/html")

    def _listed(self, under: str) -> list[Page]:
        """The pages below a folder that the navigation knows."""
        return [
            p
            for p in self._all.values()
            if p.path.startswith(under) and p.found == "link" and p.path not in UNLISTED
        ]

    def _trail(self, path: str) -> list[Page]:
        """The pages above a page, the top page first."""
        ends = [place + 1 for place, letter in enumerate(path) if letter == "/"]
        above = [path[:end] for end in ends]
        return [self._all[p] for p in above if p in self._all and p != path]

    def _news(self, start: str = "/news/") -> list[Page]:
        found = [
            page for page in self._all.values() if page.template is Template.NEWS and page.path.startswith(start)
        ]
        return sorted(found, key=lambda page: (page.updated, page.path), reverse=True)


UNLISTED = ("/404", "/event/calendar", "/search/result", "/internal/shokuin.html")


def _read() -> Iterator[Page]:
    for file in sorted(FOLDER.glob("content/*.toml")):
        for entry in tomllib.loads(file.read_text()).get("page", []):
            yield Page(**{**entry, "template": Template(entry.get("template", "article"))})


def _old_path(file: Path) -> str:
    """kensaku.cgi@都市.html is the answer of kensaku.cgi to 都市."""
    name, _, words = file.stem.partition("@")
    if words:
        return f"/old/{name}?q={words}"
    return "/old/" if name == "index" else f"/old/{name}.html"
