"""A sweep's files over HTTP: whole, in the reader's language, and only for who may see the site."""

import io
import json

import sqlalchemy as sa
from openpyxl import load_workbook

from db.database import Database
from db.tables import Organisation
from db.words import Role
from reports.access.accounts import Grant
from tests.web.serving import browsing, person


async def test_files_are_for_who_may_see_the_site(database: Database, sweep: int, origin: str) -> None:
    async with database.writing() as connection:
        bureau = await connection.scalar(sa.insert(Organisation).values(name="他局").returning(Organisation.id))
    reader = await person(database, "reader", Grant(role=Role.READER))
    other = await person(database, "other", Grant(role=Role.OPERATOR, organisation=bureau))
    async with browsing(origin, reader) as client:
        told = await client.get(f"/sweeps/{sweep}/files/json")
        assert json.loads(told.content)["sweep"]["sweep"] == sweep
        assert told.headers["content-disposition"] == f'attachment; filename="sweep-{sweep}.json"'
        book = await client.get(
            f"/sweeps/{sweep}/files/xlsx", headers={"Cookie": f"lang=en; jisweep={reader.cookies['jisweep']}"}
        )
        assert load_workbook(io.BytesIO(book.content)).sheetnames[0] == "Summary"
        for path in (
            "files/exe",
            "files/json?page=https://other.example/",
            "files/pdf?page=%00",
            "files/pdf?page=https://other.example/",
        ):
            assert (await client.get(f"/sweeps/{sweep}/{path}")).status_code in (400, 404)
        assert (await client.get("/sweeps/99/files/json")).status_code == 404
    async with browsing(origin, other) as client:
        assert (await client.get(f"/sweeps/{sweep}/files/json")).status_code == 404
    async with browsing(origin) as client:
        assert (await client.get(f"/sweeps/{sweep}/files/json")).status_code == 303
