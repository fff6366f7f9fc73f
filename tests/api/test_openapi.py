"""The API against its own OpenAPI document: whatever is asked, the answer is one that the document tells of."""

import asyncio

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from db.database import Database
from db.words import Role
from reports.access.accounts import Grant
from tests.api.conftest import Program

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
TRIES = 20  # of each operation


@pytest.mark.filterwarnings("default")  # of schemathesis itself
async def test_every_answer_is_one_that_the_document_tells_of(
    database: Database, sweep: int, origin: str, token: Program
) -> None:
    headers = {"Authorization": f"Bearer {await token('program', Grant(role=Role.ADMINISTRATOR))}"}
    tried = await asyncio.to_thread(_try_all, f"{origin}/api/v1", headers)
    assert tried == {
        "GET /organisations", "GET /sites", "GET /sweeps", "GET /sweeps/{number}", "GET /sweeps/{number}/visits",
        "GET /sweeps/{number}/findings", "GET /defects", "GET /defects/{number}", "GET /defects/{number}/events",
        "GET /defects/{number}/pages", "POST /defects/{number}/claims", "POST /rechecks", "GET /cycles",
    }  # fmt: skip


def _try_all(base: str, headers: dict[str, str]) -> set[str]:
    schema = schemathesis.openapi.from_url(f"{base}/openapi.json", headers=headers)
    tried = set()
    for result in schema.get_all_operations():
        operation = result.ok()
        tried.add(operation.label)

        @settings(
            max_examples=TRIES, deadline=None, database=None, derandomize=True, phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def conforms(case: schemathesis.Case) -> None:
            case.validate_response(case.call(base_url=base, headers=headers), checks=CHECKS)

        conforms()
    return tried
