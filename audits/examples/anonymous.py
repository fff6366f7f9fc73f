"""HTML written anew without what names a site: known elements, attributes and keywords stay, all else is a placeholder.

Nothing is struck out: what is written comes from the lists of `known.toml` alone, so what they do not know cannot get through. The
same original gets the same placeholder of its kind, so that a label still belongs to its field.
"""

import re
import tomllib
from collections.abc import Collection
from html import escape
from html.parser import HTMLParser
from importlib import resources

WORDS = {"ja": "〔文{}〕", "en": "[words {}]"}
LEFT_OUT = {"ja": "〔伏せました〕", "en": "[left out]"}
CUT = "…"

_KNOWN = tomllib.loads(
    resources.files(__package__ or "audits.examples").joinpath("known.toml").read_text(encoding="utf-8")
)
TAGS, VOID, KEYWORDS, KEYWORD, NAME, ADDRESS, NUMBER, SPOKEN, SWITCH, EMPTIED = (
    frozenset(words.split()) for words in _KNOWN.values()
)
GRADED = frozenset({"tabindex", "aria-level"})  # where one digit makes the fault, and names nobody
LANGUAGE = frozenset({"lang", "hreflang", "xml:lang", "srclang"})
_ARIA = re.compile(r"aria-[a-z]{1,20}")
_LANGUAGE = re.compile(r"[a-z]{2}(?:-[A-Z]{2})?")
_NAMING = (  # what names somebody in prose: web addresses, e-mail, hosts, telephone numbers
    r"(?:[a-z][a-z0-9+.-]*://|www\.)[^\s<>「」『』（）、。ぁ-ん]*",
    r"[a-z0-9_.+-]+[@＠][a-z0-9_.-]+",
    r"(?<![a-z0-9_.-])(?:[a-z0-9-]+\.)+[a-z]{2,}(?![a-z0-9_-])(?:/[a-z0-9_./?=&%#~-]*)?",
    r"[0-9０-９+(（][0-9０-９()（）\-－‐−ー ]{6,}[0-9０-９]",
)


class Anonymiser:
    """Writes the texts of one example anew, in `ja` or `en`."""

    def __init__(self, lang: str) -> None:
        self._lang = lang
        self._labels: dict[str, dict[str, str]] = {}  # kind → original → its letter

    def html(self, snippet: str) -> str:
        """The HTML with nothing of the site in it; broken HTML comes out as far as a browser would read it."""
        writer = _Writer(self)
        writer.feed(snippet)
        writer.close()
        return "".join(writer.written)

    def spoken(self, text: str) -> str:
        """A text for people: empty stays empty, blank stays blank."""
        return WORDS[self._lang].format(self._label("words", " ".join(text.split()))) if text.strip() else text[:1]

    def value(self, tag: str, name: str, value: str, *, viewport: bool) -> str:
        """The value of an attribute that we know."""
        if tag == "meta" and (name == "name" or (name == "content" and viewport)):
            return "".join(map(_setting, re.split(r"([^\w-]+)", value)))
        if name in KEYWORD:
            return " ".join(each if each in KEYWORDS else CUT for each in value.lower().split())
        if name in NAME:
            return " ".join(f"name-{self._label('name', each)}" for each in value.split())
        if name in ADDRESS:
            return self._address(value.strip())
        if name in NUMBER:
            return _number(value.strip(), kept=name in GRADED)
        if name in SPOKEN:
            return self.spoken(value)
        if name in LANGUAGE and _LANGUAGE.fullmatch(value):
            return value
        return "" if name in SWITCH else CUT

    def _address(self, value: str) -> str:
        scheme, colon, _ = value.lower().partition(":")
        if value.startswith("#"):
            return f"#name-{self._label('name', value[1:])}" if value[1:] else "#"
        if colon and scheme == "mailto":
            return "mailto:name@example.jp"
        if colon and scheme == "tel":
            return "tel:00-0000-0000"
        if colon and scheme in ("javascript", "data"):
            return f"{scheme}:{CUT}"
        before = "https://example.jp" if (colon and scheme in ("http", "https")) or value.startswith("//") else ""
        return f"{before}/{self._label('address', value)}" if value else ""

    def _label(self, kind: str, original: str) -> str:
        """A letter of its own for each original: A to Z, then AA."""
        known = self._labels.setdefault(kind, {})
        if original not in known:
            number, label = len(known), ""
            while number >= 0:
                number, rest = divmod(number, 26)
                label = chr(ord("A") + rest) + label
                number -= 1
            known[original] = label if kind == "words" else label.lower()
        return known[original]


class _Writer(HTMLParser):
    """Writes what it reads, in words from our lists."""

    def __init__(self, anonymiser: Anonymiser) -> None:
        super().__init__(convert_charrefs=True)
        self._anonymiser = anonymiser
        self._unread = False  # within a script or a style sheet
        self.written: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        viewport = tag == "meta" and any(name == "name" and value == "viewport" for name, value in attrs)
        told = [_element(tag)]
        for name, value in attrs:
            known = _attribute(name)
            if known is None:
                told.append(f'data-x="{CUT}"')
            elif not value:
                told.append(known if value is None else f'{known}=""')
            else:
                told.append(f'{known}="{escape(self._anonymiser.value(tag, name, value, viewport=viewport))}"')
        self._unread = tag in ("script", "style")
        self.written.append(f"<{' '.join(told)}>")

    def handle_endtag(self, tag: str) -> None:
        self._unread = False
        if tag not in VOID:
            self.written.append(f"</{_element(tag)}>")

    def handle_data(self, data: str) -> None:
        self.written.append(CUT if self._unread else escape(self._anonymiser.spoken(data), quote=False))


def without_names(text: str, names: Collection[str], lang: str) -> str:
    """A person's prose with a mark in place of addresses, e-mail, telephone numbers and the names that we know.

    It is for a person to see that nothing else in it names anybody.
    """
    known = (re.escape(each) for each in sorted(names, key=len, reverse=True) if each.strip())
    return re.sub("|".join((*_NAMING, *known)), LEFT_OUT[lang], text, flags=re.IGNORECASE)


def _element(tag: str) -> str:
    return tag if tag in TAGS else "x-element"


def _attribute(name: str) -> str | None:
    known = (KEYWORD, NAME, ADDRESS, NUMBER, SPOKEN, LANGUAGE, SWITCH, EMPTIED)
    return name if any(name in each for each in known) or _ARIA.fullmatch(name) else None


def _setting(piece: str) -> str:
    """A piece of a setting such as a viewport's: keywords, marks and single digits."""
    if re.search(r"\w", piece):
        return piece if piece.lower() in KEYWORDS or re.fullmatch(r"[0-9]", piece) else CUT
    return "".join(each for each in piece if each in "=,;. ")


def _number(value: str, *, kept: bool) -> str:
    """A number of the same form, with other digits; of some attributes a single digit stays."""
    if kept and re.fullmatch(r"-?[0-9]", value):
        return value
    return re.sub(r"[0-9]", "0", value) if re.fullmatch(r"[-+]?[0-9.,% ]+(?:px|em|rem)?", value) else CUT
