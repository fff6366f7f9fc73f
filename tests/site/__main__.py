"""Serve the sample site until Ctrl-C, or for as long as a command runs.

python -m tests.site [--port N]          prints the address and serves
python -m tests.site -- CMD ARG…         runs CMD, {url} in its arguments replaced by the address
"""

import argparse
import contextlib
import subprocess
import sys
import threading

from .server import SampleSite


def main(arguments: list[str]) -> int:
    own, command = arguments, []
    if "--" in arguments:
        cut = arguments.index("--")
        own, command = arguments[:cut], arguments[cut + 1 :]
    parser = argparse.ArgumentParser(
        prog="python -m tests.site", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--port", type=int, default=0, help="port of the site; a free one unless given")
    options = parser.parse_args(own)
    with SampleSite(port=options.port) as site:
        return run([part.replace("{url}", site.url) for part in command]) if command else serve(site)


def serve(site: SampleSite) -> int:
    print(site.url, flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        threading.Event().wait()
    return 0


def run(command: list[str]) -> int:
    process = subprocess.Popen(command)
    while True:
        try:
            code = process.wait()
            return code if code >= 0 else 128 - code
        except KeyboardInterrupt:  # the command got it too; it decides when to end
            continue


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
