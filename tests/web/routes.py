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

    needs: May | str | tuple[May, ...] | None  # several: one of them
    of: bool = False  # names something of one site
    wide: bool = False  # what it names is an organisation: a role on single sites does not see it
    everywhere: bool = False  # the right must hold for all sites
    form: Mapping[str, str] = field(default_factory=dict)
    at: Mapping[str, str] = field(default_factory=dict)  # name in the path → value, where it is not called so
    status: frozenset[int] = frozenset({200, 303})  # for those who may; 400 where the form is left empty on purpose


EMPTY = frozenset({400})
ONCE = frozenset({303, 400})  # the second to say so is told that it was said
DEFECT, EXCEPTION, CYCLE, RULE = (
    {"number": "defect"},
    {"number": "exception"},
    {"number": "cycle"},
    {"rule": "rule"},
)
SCHEDULE = {"number": "schedule"}

ROUTES: dict[str, Line] = {
    # everybody
    "GET /report.css": Line(needs=ANYONE),
    "GET /healthz": Line(needs=ANYONE),
    "GET /readyz": Line(needs=ANYONE),
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
    "POST /account/notices": Line(needs=None, form={"kinds": "digest", "lang": "ja"}),
    "POST /account/tokens": Line(needs=None, status=EMPTY),
    "POST /account/tokens/{token}/end": Line(needs=None),
    # reading
    "GET /": Line(needs=None),
    "GET /rates": Line(needs=None),
    "GET /sites": Line(needs=None),
    "GET /sweeps": Line(needs=None),
    "GET /defects": Line(needs=None),
    "GET /exceptions": Line(needs=None),
    "GET /tests": Line(needs=None),
    "GET /search": Line(needs=None),
    "GET /know-how": Line(needs=None),
    "GET /know-how/style.css": Line(needs=None),
    "GET /know-how/rules/{rule}": Line(needs=None),
    "GET /know-how/criteria/{number}": Line(needs=None, at={"number": "criterion"}),
    "GET /know-how/checklist": Line(needs=None),
    # reading what is of one site
    "GET /sites/{site_id}": Line(needs=May.READ, of=True),
    "GET /sites/{site_id}/sweeps": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}/progress": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}/addresses": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}/sample": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}/summary.json": Line(needs=May.READ, of=True),
    "GET /sweeps/{sweep_id}/files/{kind}": Line(needs=May.READ, of=True),
    "GET /pages/{page}": Line(needs=May.READ, of=True),
    "GET /pictures/{picture}": Line(needs=May.READ, of=True),
    "GET /defects/{number}": Line(needs=May.READ, of=True, at=DEFECT),
    "GET /exceptions/{number}": Line(needs=May.READ, of=True, at=EXCEPTION),
    "GET /tests/{sweep}": Line(needs=May.READ, of=True),
    "GET /tests/{sweep}/{visit}": Line(needs=May.READ, of=True),
    "GET /tests/{sweep}/documents/{name}": Line(needs=(May.JUDGE, May.PLAN), of=True, at={"name": "document"}),
    # acts
    "GET /defects/{number}/{act}": Line(needs=May.CLAIM, of=True, at=DEFECT),
    "POST /defects/{number}/repaired": Line(needs=May.CLAIM, of=True, at=DEFECT, status=ONCE),
    "POST /defects/{number}/plan": Line(needs=May.PLAN, of=True, at=DEFECT, status=ONCE),
    "POST /defects/{number}/except": Line(needs=(May.EXCEPT, May.PROPOSE), of=True, at=DEFECT, status=ONCE),
    "POST /defects/{number}/recheck": Line(needs=May.RECHECK, of=True, at=DEFECT, status=ONCE),
    "POST /pages/{page}/recheck": Line(needs=May.RECHECK, of=True, status=ONCE),
    "POST /exceptions/{number}/review": Line(
        needs=May.EXCEPT, of=True, at=EXCEPTION, form={"agrees": "yes"}, status=ONCE
    ),
    "POST /exceptions/{number}/end": Line(needs=May.EXCEPT, of=True, at=EXCEPTION, status=ONCE),
    "GET /notations/{sweep}": Line(needs=(May.JUDGE, May.PLAN), of=True),
    "POST /notations/{sweep}": Line(needs=(May.JUDGE, May.PLAN), of=True, status=EMPTY),
    "POST /tests/{sweep}/{visit}": Line(needs=May.JUDGE, of=True, status=frozenset({200, 303, 400, 409})),
    # sweeps
    "GET /sites/{site_id}/begin": Line(needs=May.SWEEP, of=True),
    "POST /sites/{site_id}/begin": Line(
        needs=May.SWEEP, of=True, form={"method": "?"}, status=frozenset({303, 400})
    ),
    "POST /sweeps/{sweep_id}/stop": Line(needs=May.SWEEP, of=True, status=ONCE),
    "POST /sweeps/{sweep_id}/resume": Line(needs=May.SWEEP, of=True, status=ONCE),
    "POST /sweeps/{sweep_id}/repeat": Line(needs=May.SWEEP, of=True, status=ONCE),
    "POST /sweeps/{sweep_id}/decide": Line(needs=May.SWEEP, of=True, status=EMPTY),
    # schedules
    "GET /schedules": Line(needs=None),
    "GET /schedules/new": Line(needs=May.SWEEP),
    "POST /schedules": Line(needs=May.SWEEP, status=EMPTY),
    "GET /schedules/{number:int}": Line(needs=May.READ, of=True, at=SCHEDULE),
    "GET /schedules/{number:int}/change": Line(needs=May.SWEEP, of=True, at=SCHEDULE),
    "POST /schedules/{number:int}/change": Line(needs=May.SWEEP, of=True, at=SCHEDULE, status=EMPTY),
    "POST /schedules/{number:int}/pause": Line(needs=May.SWEEP, of=True, at=SCHEDULE),
    "POST /schedules/{number:int}/resume": Line(needs=May.SWEEP, of=True, at=SCHEDULE),
    "POST /schedules/{number:int}/remove": Line(
        needs=May.SWEEP, of=True, at=SCHEDULE
    ),  # without the tick: it stays
    # organisations and cycles
    "GET /organisations/{organisation}": Line(needs=May.READ, of=True, wide=True),
    "GET /cycles": Line(needs=None),
    "GET /cycles/new": Line(needs=May.PLAN),
    "POST /cycles": Line(needs=May.PLAN, status=EMPTY),
    "GET /cycles/{number:int}": Line(needs=May.READ, of=True, at=CYCLE),
    "GET /cycles/{number:int}/report.zip": Line(needs=May.READ, of=True, at=CYCLE),
    "GET /cycles/{number:int}/change": Line(needs=May.PLAN, of=True, at=CYCLE),
    "POST /cycles/{number:int}/change": Line(needs=May.PLAN, of=True, at=CYCLE, status=EMPTY),
    "POST /cycles/{number:int}/close": Line(needs=May.PLAN, of=True, at=CYCLE, status=ONCE),
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
