"""`broker serve` and `broker db upgrade`."""

import asyncio

import typer
import uvicorn

from broker import observability
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
        asgi(broker),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


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
