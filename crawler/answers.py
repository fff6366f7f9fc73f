"""What an answer is: a page, or why it is none."""

from crawler import document as html
from crawler.document import Document
from crawler.fetch import Answer
from db.words import Reason


def page_of(answer: Answer, at: str | None = None) -> Document | None:
    """The page that an answer is, read as if it stood at another address where one is given; None when it is none."""
    if answer.location is not None or refusal_of(answer) is not None:
        return None
    return html.read(answer.body, answer.content_type, at or answer.address)


def refusal_of(answer: Answer) -> Reason | None:
    """Why an answer is no page to audit; None when it is one."""
    if answer.failure is not None:
        return answer.failure
    refused = refusal_of_status(answer.status or 0)
    if refused is not None:
        return refused
    if not answer.is_html:
        return Reason.NOT_HTML
    if not answer.body.strip():
        return Reason.EMPTY
    return None


def is_silent(answer: Answer) -> bool:
    """Whether an answer tells nothing: another one may come later."""
    refused = refusal_of(answer)
    return refused is not None and refused.transient


def refusal_of_status(status: int) -> Reason | None:
    """Why an answer with this HTTP status is no page; None when it may be one."""
    if status in (404, 410):
        return Reason.NOT_FOUND
    if status in (401, 403, 407, 429, 451):
        return Reason.BLOCKED
    if status >= 500:
        return Reason.SERVER_ERROR
    return None if 200 <= status < 300 else Reason.CLIENT_ERROR
