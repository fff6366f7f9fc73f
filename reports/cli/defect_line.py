"""A defect in one line of the terminal."""

from audits.defects.book import Listed
from reports.clean import one_line
from reports.language import Language
from reports.page_view import text_of


def defect_line(each: Listed, language: Language) -> str:
    """Its number, what it is, where it stands and who repairs it, in the reader's language."""
    words = {
        "id": str(each.id),
        "state": language.word("defect_state", each.state.value),
        "title": text_of(each.rule, language.lang).title,
        "region": language.say(f"defects.region.{each.region.value if each.region else 'unknown'}"),
        "pages": language.count("page", each.pages),
        "ever": language.count("page", each.pages_ever),
        "places": language.count("place", each.places),
        "owner": each.owner or "–",
        "due": each.due_on.isoformat() if each.due_on else "–",
    }
    return one_line(language.say("defects.line.one", **words))
