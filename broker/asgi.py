"""A broker as one ASGI application: the API and the pages, around the same use cases."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from functools import partial

import structlog
from fastapi import FastAPI

from broker.api.board import Board
from broker.api.deps import Api
from broker.api.openapi import describe
from broker.api.routes import install_api
from broker.background import Bell, Part
from broker.services.evaluations import Evaluations
from broker.web import ConsoleServices, install_web, page_for
from broker.web.kit.recordings import Recordings
from broker.web.kit.site import Site
from broker.web.theme.municipal import theme_of
from broker.whole import Broker

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """Which of several processes at one address this is: where they write their counts, what it does, how they call."""

    board: Board
    number: int
    part: Part = "whole"
    bell: Bell | None = None


def asgi(broker: Broker, place: Place | None = None) -> FastAPI:
    """The application of a broker. Raises Unsafe for a theme that people could not read.

    `place` says which of the processes at its address it is in; without it there is one.
    """
    part: Part = place.part if place else "whole"
    bell, shared = (place.bell, (place.board, place.number)) if place else (None, None)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with broker.running(part, bell):
            _log.info("started", digest=broker.house.agreement().digest)
            sharing = asyncio.create_task(metrics.sharing())
            yield
            sharing.cancel()
            _log.info("stopping")

    app = FastAPI(
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},  # it would write addresses and queries down
    )
    settings = broker.settings
    describe_api: Callable[[], dict[str, object]] = partial(describe, app, settings.public_url)
    demo = settings.mode == "demo"
    site = Site(
        settings.public_url,
        settings.secure,
        demo=demo,
        openapi=describe_api,
        trusted=broker.trusted,
        exit_address=settings.exit_address,
        alarms=broker.alarms,
        theme=theme_of(settings.theme),
        recordings=Recordings(settings.audio),
        partners=broker.directory,
    )
    api = Api(
        access=broker.access,
        handovers=broker.handovers,
        boxes=broker.boxes,
        urgent=broker.urgent,
        long_watches=broker.long_watches,
        invitations=broker.invitations,
        partner_events=broker.partner_events,
        webhooks=broker.webhooks,
        releases=broker.releases,
        lifelines=broker.lifelines,
        reactions=broker.reactions,
        sign_offs=broker.sign_offs,
        tasks=broker.tasks,
        partners=broker.partners,
        directory=broker.directory,
        indicators=broker.indicators,
        evaluations=Evaluations(broker.house),
        log=broker.ledger,
        cosigned=broker.cosigning,
        ready=broker.ready,
        public_url=settings.public_url,
        phrases=broker.house.phrases,
        alarms=broker.alarms,
        certificates=bool(settings.client_certificate_header),
        demo=demo,
    )
    metrics = install_api(app, api, partial(page_for, site=site), shared)
    console = ConsoleServices(
        oversight=broker.oversight,
        viewing=broker.viewing,
        reviewing=broker.reviewing,
        logins=broker.logins,
        checks=broker.checks,
        watchers=broker.watchers,
        pictures=broker.pictures,
        indicators=broker.indicators,
        reporting=broker.reporting,
        breach=broker.breach,
        own=broker.own_access,
        motions=broker.motions,
        names=broker.names,
        urgent=broker.urgent_now,
    )
    install_web(app, broker.consents, console, site)
    return app
