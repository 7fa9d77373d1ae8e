"""`broker serve` and `broker db upgrade`."""

import asyncio
from typing import Any, cast

import typer
import uvicorn
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from broker import observability
from broker.api.proxies import ClientCertificates
from broker.app import Broker, build, prepare_database
from broker.asgi import asgi
from broker.cli.dumps import no_dumps
from broker.settings import database_addresses, read_settings
from broker.storage import migrate

database = typer.Typer(no_args_is_help=True, help="The database: its version, a copy, putting one back.")


def serve() -> None:
    """Serve the API and the pages until stopped. Settings: see deploy/settings.env.example."""
    no_dumps()
    settings = read_settings()
    observability.set_up()
    prepare_database(settings)
    broker = build(settings)
    asyncio.run(_heed_the_guard(broker))
    uvicorn.run(
        served(broker),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # `served` has them
        timeout_graceful_shutdown=10,
    )


def served(broker: Broker) -> ASGIApp:
    """The application behind its proxies: first whose certificate the peer says it saw, then whom it forwards for."""
    settings = broker.settings
    app: Any = ProxyHeadersMiddleware(asgi(broker), trusted_hosts=settings.forwarded_allow_ips)  # type: ignore[arg-type]
    if settings.client_certificate_header:
        app = ClientCertificates(app, settings.client_certificate_header, settings.client_certificate_proxies)
    return cast(ASGIApp, app)


async def _heed_the_guard(broker: Broker) -> None:
    """Refuse a database that was put back or altered here, in plain words, and not in the web server's log."""
    try:
        await broker.ledger.heed()
        await broker.agreements.begin()
    finally:
        await broker.database.close()


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest version; on PostgreSQL as its owner, granting the broker's role its rights."""
    address, application = database_addresses()
    version = migrate.upgrade(address, application=application)
    typer.echo(f"The database is at version {version}.")
