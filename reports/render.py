"""Templates to files: everything escaped, nothing undefined, invisible characters written out."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from crawler.elsewhere import Elsewhere
from reports.clean import one_line, visible, web_link
from reports.folder import Folder
from reports.language import Language


@dataclass(frozen=True, kw_only=True)
class Sheet:
    """A page to be written: its name in the folder, its template, and what fills it."""

    name: str
    template: str
    values: dict[str, Any]


class Pages:
    """Writes pages of one report into its folder; `shared` are the names that every template knows."""

    def __init__(self, folder: Folder, language: Language, shared: Mapping[str, Any]) -> None:
        self._folder, self._lang, self._shared = folder, language.lang, shared

    def write(self, name: str, template: str, **values: Any) -> None:
        """Fill a template into a file."""
        self.write_all([Sheet(name=name, template=template, values=values)])

    def write_all(self, sheets: list[Sheet]) -> None:
        """Fill the templates of some pages, one after the other."""
        self._keep(sheets, filled(self._lang, self._shared, sheets))

    async def write_elsewhere(self, sheets: list[Sheet], elsewhere: Elsewhere) -> None:
        """The same, the templates filled in another process."""
        self._keep(sheets, await elsewhere.run(filled, self._lang, self._shared, sheets))

    def _keep(self, sheets: list[Sheet], texts: list[str]) -> None:
        for sheet, text in zip(sheets, texts, strict=True):
            self._folder.text(sheet.name, text)


def filled(lang: str, shared: Mapping[str, Any], sheets: list[Sheet]) -> list[str]:
    """The texts of some pages."""
    language = Language(lang)
    known = {"lang": lang, "language": language, "say": language.say, **shared}
    return [
        environment().get_template(sheet.template).render(known, root="../" * sheet.name.count("/"), **sheet.values)
        for sheet in sheets
    ]


def style_sheet() -> str:
    """The style sheet of all pages."""
    return resources.files("reports").joinpath("templates", "report.css").read_text(encoding="utf-8")


def document_style() -> str:
    """The style sheet of the documents to publish: that of all pages, and what paper needs."""
    more = resources.files("reports").joinpath("templates", "document.css").read_text(encoding="utf-8")
    return style_sheet() + more


@cache
def environment() -> Environment:
    """The templates, strict: an undefined name or a None in a text is an error of ours."""
    templates = Environment(
        loader=PackageLoader("reports"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=_printable,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    templates.globals.update(web_link=web_link, one_line=one_line)
    return templates


def _printable(value: Any) -> Any:
    kind = type(value)
    if kind is str:
        return visible(value)
    if kind is Markup or isinstance(value, (Markup, Undefined)):
        return value
    if value is None:
        raise ValueError("nothing to print")
    return visible(value) if isinstance(value, str) else str(value)
