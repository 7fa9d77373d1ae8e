"""A broker as one ASGI application: the API and the pages, around the same use cases."""

import contextlib
from collections.abc import AsyncIterator, Callable
from functools import partial

import structlog
from fastapi import FastAPI

from broker.api.deps import Api
from broker.api.openapi import describe
from broker.api.routes import install_api
from broker.app import Broker
from broker.services.evaluations import Evaluations
from broker.web import ConsoleServices, install_web, page_for
from broker.web.kit.recordings import Recordings
from broker.web.kit.site import Site
from broker.web.theme.municipal import theme_of

_log = structlog.get_logger(__name__)


def asgi(broker: Broker) -> FastAPI:
    """The application of a broker. Raises Unsafe for a theme that people could not read."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with broker.running():
            _log.info("started", digest=broker.house.agreement().digest)
            yield
            _log.info("stopping")

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
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
    )
    api = Api(
        access=broker.access,
        handovers=broker.handovers,
        boxes=broker.boxes,
        invitations=broker.invitations,
        partner_events=broker.partner_events,
        webhooks=broker.webhooks,
        releases=broker.releases,
        reactions=broker.reactions,
        partners=broker.partners,
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
    install_api(app, api, partial(page_for, site=site))
    console = ConsoleServices(
        oversight=broker.oversight,
        viewing=broker.viewing,
        reviewing=broker.reviewing,
        logins=broker.logins,
        checks=broker.checks,
        watchers=broker.watchers,
        pictures=broker.pictures,
        reporting=broker.reporting,
        breach=broker.breach,
        own=broker.own_access,
        motions=broker.motions,
        names=broker.names,
    )
    install_web(app, broker.consents, console, site)
    return app
