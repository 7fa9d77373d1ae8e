"""`broker serve` and `broker db upgrade`."""

import typer
import uvicorn

from broker import observability
from broker.app import asgi, build, prepare_database
from broker.settings import database_addresses, read_settings
from broker.storage import migrate

database = typer.Typer(no_args_is_help=True, help="The database's version.")


def serve() -> None:
    """Serve the API and the pages until stopped. Settings: see deploy/settings.env.example."""
    settings = read_settings()
    observability.set_up()
    prepare_database(settings)
    broker = build(settings)
    uvicorn.run(
        asgi(broker),
        host=settings.host,
        port=settings.port,
        access_log=False,
        log_config=None,
        server_header=False,
        timeout_graceful_shutdown=10,
    )


@database.command("upgrade")
def upgrade() -> None:
    """Bring the database to the newest version; on PostgreSQL as its owner, granting the broker's role its rights."""
    address, application = database_addresses()
    version = migrate.upgrade(address, application=application)
    typer.echo(f"The database is at version {version}.")
