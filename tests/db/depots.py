"""Stores for the tests: a folder, and a bucket of an S3 server on loopback, which ends with the block."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlencode

import boto3
from moto.server import ThreadedMotoServer

BUCKET = "jisweep-pictures"
KEYS = "[default]\naws_access_key_id = us\naws_secret_access_key = himitsu\n"


@contextmanager
def s3_server() -> Iterator[str]:
    """The address of an S3 server with an empty bucket, on a free port."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # a line for each request otherwise
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        _, port = server.get_host_and_port()
        url = f"http://127.0.0.1:{port}"
        make_bucket(url)
        yield url
    finally:
        server.stop()


def make_bucket(url: str) -> None:
    """An empty bucket where there is none."""
    boto3.client(
        "s3", endpoint_url=url, region_name="us-east-1", aws_access_key_id="us", aws_secret_access_key="himitsu"
    ).create_bucket(Bucket=BUCKET)


def s3_place(url: str, folder: Path, prefix: str) -> str:
    """The address of a store in the bucket, with its keys in a file of the folder."""
    keys = folder / "keys"
    keys.write_text(KEYS, encoding="ascii")
    keys.chmod(0o600)
    return f"s3://{BUCKET}/{prefix}?" + urlencode({"endpoint": url, "region": "us-east-1", "keys": keys})
