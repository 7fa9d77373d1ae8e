"""`broker serve` and `broker db upgrade`."""

import asyncio
import gc
import os
import signal
import socket
from typing import Any, cast

import typer
import uvicorn
import uvloop
from fastapi import FastAPI
from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from broker import observability
from broker.api.board import Board
from broker.api.proxies import ClientCertificates
from broker.app import build, prepare_database
from broker.asgi import Place, asgi
from broker.background import Bell
from broker.cli.draining import Draining, DrainingServer
from broker.cli.dumps import no_dumps
from broker.cli.workers import fork_workers, listen
from broker.errors import Unavailable, Unsafe, Words
from broker.settings import Settings, database_addresses, read_settings
from broker.storage import migrate
from broker.whole import Broker

TRY_AGAIN = 75
"""EX_TEMPFAIL of sysexits.h: nothing is wrong here, but something that is needed is not there."""
database = typer.Typer(no_args_is_help=True, help="The database: its version, a copy, putting one back.")


BACKLOG = 2048
"""Connections that wait to be taken; the system may allow fewer (`net.core.somaxconn`)."""
KEEP_ALIVE = 75
"""Seconds that a connection stays without a request: longer than any proxy keeps one, so that none is closed under it."""
YIELDS = 5
"""How much nicer the process in the background is than those that answer (nice(2))."""
MOST_CONNECTIONS = 4000
"""At the same time, for each process; who comes after them gets 503. Without it descriptors end first, also the database's."""


def serve() -> None:
    """Serve the API and the pages until stopped. Settings: see deploy/settings.env.example.

    Exit code 75 when there is no database now: start it again, as systemd and compose do by themselves.
    """
    no_dumps()
    settings = read_settings()
    observability.set_up()
    sockets, place = None, None
    if settings.processes > 1:
        sockets = [_listen(settings)]
        place = _forked(settings, sockets[0])
    broker = _prepared(settings)
    if place is not None and place.part == "background":
        _work(asgi(broker, place))
        return
    app = Draining(served(broker, place))
    _stays()
    DrainingServer(configured(app, settings), app, settings.drain).run(sockets)


def _forked(settings: Settings, listening: socket.socket) -> Place:
    """One process for each worker, and one for what works in the background if that is apart. Returns in each of them."""
    apart = settings.background == "apart"
    board, bell = Board(settings.processes), Bell() if apart else None
    number = fork_workers(settings.processes, listening.close)
    if number < settings.workers:
        return Place(board, number, "answering" if apart else "whole", bell)
    listening.close()
    os.nice(YIELDS)
    return Place(board, number, "background", bell)


def _work(app: FastAPI) -> None:
    """Everything that the application does without being asked, until this process is told to end."""

    async def until_told() -> None:
        told, loop = asyncio.Event(), asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, told.set)
        async with app.router.lifespan_context(app):
            await told.wait()

    _stays()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(until_told())


def _stays() -> None:
    """What is there now stays for good; each look of the collector through all of it would keep everybody waiting."""
    gc.collect()
    gc.freeze()


def configured(app: ASGIApp, settings: Settings) -> uvicorn.Config:
    """How the application is served: the fast loop and the fast parser, or not at all."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http="httptools",
        ws="none",
        backlog=BACKLOG,
        timeout_keep_alive=KEEP_ALIVE,
        limit_concurrency=MOST_CONNECTIONS,
        access_log=False,
        log_config=None,
        server_header=False,
        proxy_headers=False,  # `served` has them
        timeout_graceful_shutdown=10,
    )


def _listen(settings: Settings) -> socket.socket:
    try:
        return listen(settings.host, settings.port, BACKLOG)
    except OSError:
        raise Unsafe(
            Words(
                "Op dit adres kan niet geluisterd worden. Kijk naar BROKER_HOST en BROKER_PORT.",
                "This address cannot be listened at. Look at BROKER_HOST and BROKER_PORT.",
            )
        ) from None


def _prepared(settings: Settings) -> Broker:
    try:
        prepare_database(settings)
        broker = build(settings)
        asyncio.run(_heed_the_guard(broker))
    except Unavailable as error:
        typer.echo(error.words.en, err=True)
        raise typer.Exit(TRY_AGAIN) from None
    return broker


def served(broker: Broker, place: Place | None = None) -> ASGIApp:
    """The application behind its proxies: first whose certificate the peer says it saw, then whom it forwards for.

    `place` is what `asgi` says.
    """
    settings = broker.settings
    app: Any = ProxyHeadersMiddleware(asgi(broker, place), trusted_hosts=settings.forwarded_allow_ips)  # type: ignore[arg-type]
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
