"""python -m tests.db.claiming URL SWEEP: claims visits one by one until none is left, and prints their ids."""

import asyncio
import json
import sys

from db.database import Database
from db.leases import claim_visits, this_process


async def main(url: str, sweep_id: int) -> list[int]:
    claimed: list[int] = []
    async with Database(url) as database:
        while True:
            async with database.writing() as connection:
                got = await claim_visits(connection, sweep_id, this_process(), 1)
            if not got:
                return claimed
            claimed += got
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(main(sys.argv[1], int(sys.argv[2])))))
