"""`jisweep web`: the web application, for managers, web teams, judges and operators in their browsers."""

import asyncio
import socket
from collections.abc import Callable
from ipaddress import ip_network
from pathlib import Path
from typing import Any, TypeVar

import click
import uvicorn

from audits.trends.kept import keep_points
from db.database import Database
from db.errors import UsageError
from db.schema import ready
from reports.access.accounts import first_invitation
from reports.cli.notices import notices_option
from reports.cli.options import browser_option, contact_option, database_option, lang_option, private_option
from reports.cli.running import COMPLETE
from reports.ops.listening import Listener, listener_of, metrics_options
from reports.ops.log import service_log_options
from reports.web.app import application
from reports.web.settings import WebSettings

Command = TypeVar("Command", bound=Callable[..., Any])


def serving_options(command: Command) -> Command:
    """How the application is served, and what is done beside it."""
    for option in (
        private_option,
        contact_option,
        notices_option,
        service_log_options,
        metrics_options,
        click.option(
            "--oidc", type=click.Path(path_type=Path, exists=True, dir_okay=False), metavar="FILE", envvar="JISWEEP_WEB_OIDC",
            help="Directory to sign in with by OpenID Connect (TOML; see docs/operators/web.md).",
        ),
        click.option(
            "--behind", metavar="ADDRESS", envvar="JISWEEP_WEB_BEHIND",
            help="Address of that server: only what it says of clients is believed.",
        ),
        click.option(
            "--public", metavar="URL", envvar="JISWEEP_WEB_PUBLIC",
            help="Where readers reach it, such as https://a11y.example.lg.jp, when a server in front of it brings them.  "
                 "[default: http://localhost:PORT]",
        ),
        click.option(
            "--port", type=click.IntRange(1, 65535), default=8341, show_default=True, envvar="JISWEEP_WEB_PORT",
            help="Port to listen on.",
        ),
        click.option(
            "--host", default="127.0.0.1", show_default=True, envvar="JISWEEP_WEB_HOST", help="Address to listen on."
        ),
    ):  # fmt: skip
        command = option(command)
    return command


@click.command()
@serving_options
@click.option(
    "--sweeps/--no-sweeps", "runs_sweeps", default=True, envvar="JISWEEP_WEB_SWEEPS",
    help="Run the sweeps and rechecks that people ask for in the application, or only keep what they ask.  [default: run]",
)  # fmt: skip
@browser_option
@lang_option
@database_option
def web(**given: Any) -> int:
    """Serve the web application until Ctrl-C.

    At the first start it prints a link, good for one day and one use, that sets the administrator's password.
    """
    settings = settings_of(given, runs_sweeps=given["runs_sweeps"])
    metrics = listener_of(given)
    with listening_at(given["host"], given["port"]) as waiting:  # first: a link is of no use where nobody listens
        asyncio.run(prepare(settings))
        server = uvicorn.Server(server_of(settings, given["host"], given["port"], given["behind"], metrics))
        try:
            server.run([waiting])
        except SystemExit:
            server.started = False
    if not server.started:
        raise UsageError(
            ja="始められませんでした。上の行に理由があります。", en="It could not start: the lines above say why."
        )
    return COMPLETE


def settings_of(given: dict[str, Any], *, runs_sweeps: bool) -> WebSettings:
    """The settings that a command line asks for. Raises UsageError."""
    _check_behind(given["behind"])
    return WebSettings(
        database=given["database"], public=given["public"] or f"http://localhost:{given['port']}", lang=given["lang"],
        browser=given["browser"], allow_private=given["allow_private"], oidc=given["oidc"],
        runs_sweeps=runs_sweeps, warms=True, contact=given["contact"], notices=given["notices"],
    )  # fmt: skip


def listening_at(host: str, port: int) -> socket.socket:
    """A socket that connections wait at. Raises UsageError."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[
            0
        ]
        waiting = socket.create_server(address[:2], family=family, backlog=2048)
    except OSError:
        raise UsageError(
            ja=f"{host} のポート {port} で待ち受けられません。--port で別の番号にしてください。",
            en=f"Cannot listen on port {port} of {host}: choose another with --port.",
        ) from None
    # Connections inherit it: head and body leave in two pieces, of which the second would wait 40 ms for the first
    waiting.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return waiting


def server_of(
    settings: WebSettings, host: str, port: int, behind: str | None, metrics: Listener | None = None
) -> uvicorn.Config:
    """How the application is served: what is said of clients is believed of the server in front alone."""
    return uvicorn.Config(
        application(settings, metrics=metrics), host=host, port=port, proxy_headers=behind is not None,
        forwarded_allow_ips=behind, server_header=False, access_log=False, log_config=None, timeout_graceful_shutdown=10,
    )  # fmt: skip


def _check_behind(address: str | None) -> None:
    """Raises UsageError for what is no address or network: to believe everybody is to believe what attackers write."""
    try:
        if address is not None:
            ip_network(address)
    except ValueError:
        raise UsageError(
            ja=f"--behind「{address}」は、前に立つサーバーの IP アドレス（例: 127.0.0.1）で書いてください。",
            en=f"--behind {address!r} must be the IP address of the server in front, such as 127.0.0.1.",
        ) from None


async def prepare(settings: WebSettings) -> None:
    """Make the database usable, and tell how the first administrator gets in."""
    async with Database(settings.database) as database:
        await ready(database)
        async with database.writing() as connection:
            await keep_points(connection)  # of sweeps that finished before points were kept: views read no others
            secret = await first_invitation(connection)
    ja = settings.lang == "ja"
    if secret is not None:
        told = "最初の管理者（利用者名 admin）のパスワードを、24 時間以内に次のリンクで決めてください（一度だけ使えます）:"
        click.echo(
            told
            if ja
            else "Set the password of the first administrator (account admin) within 24 hours; the link works once:"
        )
        click.echo(f"  {settings.origin}/welcome/{secret}")
    click.echo(
        f"{'開いています' if ja else 'Serving'}: {settings.origin}  {'（Ctrl-C で終わります）' if ja else '(Ctrl-C ends it)'}"
    )
