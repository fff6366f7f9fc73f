"""Templates to files: everything escaped, nothing undefined, invisible characters written out."""

from collections.abc import Mapping
from functools import cache
from importlib import resources
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Undefined
from markupsafe import Markup

from reports.clean import one_line, visible, web_link
from reports.folder import Folder
from reports.language import Language


class Pages:
    """Writes pages of one report into its folder; `shared` are the names that every template knows."""

    def __init__(self, folder: Folder, language: Language, shared: Mapping[str, Any]) -> None:
        self._folder = folder
        self._shared = {"lang": language.lang, "language": language, "say": language.say, **shared}

    def write(self, name: str, template: str, **values: Any) -> None:
        """Fill a template into a file."""
        root = "../" * name.count("/")
        text = environment().get_template(template).render(self._shared, root=root, **values)
        self._folder.text(name, text)


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
    if value is None:
        raise ValueError("nothing to print")
    if isinstance(value, str) and not isinstance(value, Markup):
        return visible(value)
    if isinstance(value, (Markup, Undefined)):
        return value
    return str(value)
