"""Signed out: telling the sign-in form from the page that was asked for.

401 is one sign, being sent to the sign-in page another, the form itself the third. The form counts only where a
session was given: behind Basic authentication a site may well have a form for its own members. The sign-in page is
itself a page, when it is asked for.
"""

import re
from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from crawler.address import canonical, path_of
from crawler.signing_in import SignIn

SAID = "signed out"  # the detail of a visit that ends this way

# What sign-in pages are called where nobody has told us which it is
_USUAL = re.compile(
    r"(?:^|[/_.-])(?:log[-_]?in|log[-_]?on|sign[-_]?in|sso|saml2?|oauth2?|auth(?:enticate|orize)?)(?:[/_.?-]|$)",
    re.I,
)

# The addresses that forms with a password lead to, a field without a form leading to the page itself
FORMS = """[...document.querySelectorAll("input[type=password i]")].map((field) => {
  const action = field.form && Element.prototype.getAttribute.call(field.form, "action");
  return new URL(action || location.href, document.baseURI).href;
})"""


def is_form_address(sign_in: SignIn, address: str) -> bool:
    """Whether a canonical address is that of the sign-in page."""
    return without_query(address) in sign_in.forms or bool(_USUAL.search(path_of(address)))


def sent_away(sign_in: SignIn, asked: str, to: str | None) -> bool:
    """Whether who asked for a page was sent to the sign-in page instead; both addresses canonical."""
    return to is not None and is_form_address(sign_in, to) and not is_form_address(sign_in, asked)


def shows_form(sign_in: SignIn, asked: str, forms: Iterable[str | None]) -> bool:
    """Whether the page that was asked for is the sign-in form; `forms` is where each password of it would go.

    Two passwords on a page are those of a registration or a change. Where the sign-in page is known, only a form
    that leads there counts.
    """
    if not sign_in.has_session or is_form_address(sign_in, asked):
        return False
    actions = list(forms)
    if len(actions) != 1:
        return False
    (action,) = actions
    return not sign_in.forms or (action is not None and without_query(action) in sign_in.forms)


def forms_of(body: bytes, address: str) -> Iterator[str | None]:
    """Where each password of an HTML document would be sent, canonical."""
    for field in LexborHTMLParser(body).css("input"):
        if (field.attributes.get("type") or "").lower() == "password":
            form = _form_around(field)
            yield canonical((form.attributes.get("action") if form else None) or address, address)


def without_query(address: str) -> str:
    """An address up to its query."""
    return address.partition("?")[0]


def _form_around(field: LexborNode) -> LexborNode | None:
    node = field.parent
    while node is not None and node.tag != "form":
        node = node.parent
    return node
