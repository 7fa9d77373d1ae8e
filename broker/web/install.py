"""Puts the pages into an application, beside the API and without touching it."""

from fastapi import FastAPI, Request, Response

from broker.errors import BrokerError
from broker.web.consent import consent_router
from broker.web.consent.directory import directory_router
from broker.web.console import ConsoleServices, console_router
from broker.web.kit.assets import assets
from broker.web.kit.pages import Pages
from broker.web.kit.proofpage import proof_page_router
from broker.web.kit.recordings import recordings_router
from broker.web.kit.reference import reference_router
from broker.web.kit.site import Site
from broker.web.ports import FamilyService


def install_web(app: FastAPI, family: FamilyService, console: ConsoleServices, site: Site) -> None:
    """Add all pages, `/partners`, `/docs`, `/verify`, `/static` and `/audio`. Refusals within them come out as pages; the app's handlers stay as they are."""
    app.include_router(assets().router(site))
    app.include_router(recordings_router(site))
    app.include_router(consent_router(family, site))
    app.include_router(directory_router(site))
    app.include_router(console_router(console, site))
    app.include_router(reference_router(site))
    app.include_router(proof_page_router(site))


def page_for(request: Request, error: BrokerError, site: Site) -> Response:
    """A refusal as a page, for the app's own handlers: an address that does not exist, outside the API."""
    console = request.url.path.startswith("/console")
    return Pages(site, "console" if console else "family").refusal(request, error)
