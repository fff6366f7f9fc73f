"""The one table of who may ask for what: a line for each route of the application.

A route without a line here fails tests/web/test_rights.py. To add one: its method and path as the application has them,
the right that it needs (None: anybody who has signed in, ANYONE: nobody needs to), and

    of      its path names something of one site: those who may not read the site are told 404
    everywhere  the right must hold for all sites
    form    what a form sends that does something, so that those who may are let through
    status  what those who may get

Every answer is searched for the address of a site that the asker may not see. Values for the names in paths are made by `made` in test_rights.py; a new kind of thing is added there.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from reports.access.rights import May

ANYONE = "anyone"


@dataclass(frozen=True, kw_only=True)
class Line:
    """What a route needs."""

    needs: May | str | None
    of: bool = False  # names something of one site
    everywhere: bool = False  # the right must hold for all sites
    form: Mapping[str, str] = field(default_factory=dict)
    status: frozenset[int] = frozenset({200, 303})  # for those who may; 400 where the form is left empty on purpose


EMPTY = frozenset({400})

ROUTES: dict[str, Line] = {
    # everybody
    "GET /report.css": Line(needs=ANYONE),
    "GET /sign-in": Line(needs=ANYONE),
    "POST /sign-in": Line(needs=ANYONE, status=frozenset({403, 429})),
    "POST /sign-out": Line(needs=ANYONE),
    "GET /sign-in/directory": Line(needs=ANYONE, status=frozenset({404})),  # no directory in this test
    "GET /sign-in/directory/return": Line(needs=ANYONE, status=frozenset({404})),
    "GET /welcome/{secret}": Line(needs=ANYONE, status=frozenset({404})),
    "POST /welcome/{secret}": Line(needs=ANYONE, status=frozenset({404})),
    "GET /welcome/{secret}/directory": Line(needs=ANYONE, status=frozenset({404})),
    "POST /choices": Line(needs=ANYONE),
    # one's own account
    "GET /account": Line(needs=None),
    "POST /account/password": Line(needs=None, status=frozenset({403, 429})),
    "POST /account/sessions/end": Line(needs=None),
    "POST /account/tokens": Line(needs=None, status=EMPTY),
    "POST /account/tokens/{token}/end": Line(needs=None),
    # reading
    "GET /sites": Line(needs=None),
    # administration: accounts
    "GET /administration": Line(needs=May.CONFIGURE),
    "GET /administration/accounts": Line(needs=May.ADMINISTER),
    "GET /administration/accounts/new": Line(needs=May.ADMINISTER),
    "POST /administration/accounts": Line(needs=May.ADMINISTER, status=EMPTY),
    "GET /administration/accounts/{account}": Line(needs=May.ADMINISTER),
    "POST /administration/accounts/{account}": Line(needs=May.ADMINISTER, status=EMPTY),
    "POST /administration/accounts/{account}/roles": Line(needs=May.ADMINISTER, status=EMPTY),
    "POST /administration/accounts/{account}/roles/end": Line(needs=May.ADMINISTER, status=EMPTY),
    "POST /administration/accounts/{account}/invite": Line(needs=May.ADMINISTER),
    "POST /administration/accounts/{account}/sign-out": Line(needs=May.ADMINISTER),
    "POST /administration/accounts/{account}/tokens/end": Line(needs=May.ADMINISTER),
    "POST /administration/accounts/{account}/close": Line(needs=May.ADMINISTER),
    "POST /administration/accounts/{account}/reopen": Line(needs=May.ADMINISTER),
    "GET /administration/trail": Line(needs=May.ADMINISTER),
    # administration: sites
    "GET /administration/sites": Line(needs=May.CONFIGURE),
    "POST /administration/sites": Line(needs=May.CONFIGURE, status=EMPTY),
    "GET /administration/sites/{site}": Line(needs=May.CONFIGURE, of=True),
    "POST /administration/sites/{site}": Line(
        needs=May.CONFIGURE, of=True, form={"organisation": "organisation-{organisation}", "delay": "0.5"}
    ),
    "GET /administration/organisations": Line(needs=May.CONFIGURE, everywhere=True),
    "POST /administration/organisations": Line(needs=May.CONFIGURE, everywhere=True, status=EMPTY),
    "POST /administration/organisations/take-in": Line(needs=May.CONFIGURE, everywhere=True, status=EMPTY),
}
