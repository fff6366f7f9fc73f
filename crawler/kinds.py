"""What a page is for, recognised from its address, title and content, to choose representative pages."""

import re
from enum import StrEnum

from crawler.address import path_of
from crawler.document import Document


class Kind(StrEnum):
    """Kinds that a representative part should hold (WAIC test guide; the ministry adds emergencies).

    In the order in which a small sample takes them: forms last, since one brings in its whole process.
    """

    ACCESSIBILITY = "accessibility"
    CONTACT = "contact"
    EMERGENCY = "emergency"
    SITEMAP = "sitemap"
    SEARCH = "search"
    FORM = "form"


WORDS = {
    Kind.ACCESSIBILITY: (r"アクセシビリティ|accessibility", r"accessib|a11y"),
    Kind.CONTACT: (r"問い?合わ?せ|連絡先|ご意見|contact", r"contact|inquir|toiawase|otoiawase"),
    Kind.SITEMAP: (r"サイトマップ|site ?map", r"site-?map"),
    Kind.SEARCH: (r"検索(結果)?|search", r"/search|kensaku"),
    Kind.EMERGENCY: (
        r"防災|災害|緊急|避難|地震|台風|警報|emergency|disaster",
        r"bousai|bosai|saigai|kinkyu|emergency|disaster|hinan",
    ),
}
PATTERNS = {
    kind: (re.compile(title, re.IGNORECASE), re.compile(path, re.IGNORECASE))
    for kind, (title, path) in WORDS.items()
}


def kinds_of(address: str, document: Document) -> list[str]:
    """The kinds that a page shows: by the words of its h1 and the first part of its title, its path, its forms.

    The rest of the title is left out, since it names the site or the section on every page.
    """
    heading = " ".join((*document.headings, re.split(r"\s*[|｜:：/／–—-]\s*", document.title)[0]))
    path = path_of(address)
    found = [kind for kind, (title, place) in PATTERNS.items() if title.search(heading) or place.search(path)]
    if document.forms:
        found.append(Kind.FORM)
    return [kind.value for kind in found]
