"""`jisweep web` as a program: who cannot listen gives out no link, and ends none that was given out."""

import asyncio
import socket
import time

import httpx

from reports.cli.web import listening_at
from tests.cli.program import Program
from tests.cli.refusals import refused
from tests.web.serving import Served, browsing

PASSWORD = "みどりの窓口で会いましょう 令和"


def test_the_first_link_is_given_out_by_whoever_listens_and_no_second_start_ends_it(program: Program) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        words = ("web", "--port", str(port), "--no-sweeps")
        refused(program, 2, *words)
    begun = program.start(*words)
    ends = time.monotonic() + 60
    while begun.running() and time.monotonic() < ends:
        try:
            assert httpx.get(f"http://localhost:{port}/sign-in").status_code == 200
            break
        except httpx.TransportError:
            time.sleep(0.05)
    refused(program, 2, *words)
    begun.interrupt()
    ended = begun.ended()
    assert (ended.code, ended.err) == (130, "")
    assert "24 時間以内" in ended.out
    secret = ended.out.partition(f"http://localhost:{port}/welcome/")[2].split()[0]

    async def use() -> int:
        with Served(str(program.database)) as origin:
            async with browsing(origin) as client:
                return (
                    await client.post(f"/welcome/{secret}", data={"password": PASSWORD, "again": PASSWORD})
                ).status_code

    assert asyncio.run(use()) == 303


def test_no_piece_of_an_answer_waits_until_the_one_before_it_has_come() -> None:
    with listening_at("127.0.0.1", 0) as waiting, socket.create_connection(waiting.getsockname()):
        connection, _ = waiting.accept()
        with connection:
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
