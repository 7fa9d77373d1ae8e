"""Puts the API into an application: every route, every refusal as a problem, and its description."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from starlette.exceptions import HTTPException
from starlette.routing import compile_path

from broker import errors
from broker.api import (
    contexts,
    directory,
    evaluations,
    handovers,
    health,
    indicators,
    lifelines,
    log,
    long_watch,
    partner_events,
    reactions,
    releases,
    sign_offs,
    tasks,
    token,
    webhooks,
)
from broker.api.board import Board
from broker.api.bodies import _OTHERWISE, OtherForm, TooLarge
from broker.api.by_hand import ShortWay
from broker.api.deps import Api
from broker.api.headers import Surroundings, in_api
from broker.api.health import Metrics
from broker.api.openapi import describe
from broker.api.problems import broker_error, headers_too_large, problem, unexpected

Page = Callable[[Request, errors.BrokerError], Response]
_METHOD = errors.Words("Deze methode kan hier niet.", "This method is not possible here.")


def install_api(app: FastAPI, api: Api, page: Page, shared: tuple[Board, int] | None = None) -> Metrics:
    """Add all routes; returns what counts their answers. `page` shows a refusal outside the API to a person."""
    app.state.api = api
    metrics = Metrics(lambda: api.log.believed, lambda: api.partners.agreement_refused, api.alarms, shared)
    app.add_middleware(ShortWay, routes=tuple(releases.router.routes), handlers=app.exception_handlers)
    app.add_middleware(Surroundings, metrics=metrics, too_large=headers_too_large)
    rooms = (
        token,
        handovers,
        reactions,
        tasks,
        long_watch,
        releases,
        lifelines,
        sign_offs,
        partner_events,
        webhooks,
        directory,
        indicators,
        evaluations,
        log,
        contexts,
        health,
    )
    for room in rooms:
        app.include_router(room.router)
    app.include_router(health.metrics_router(metrics))
    _install_errors(app, page)

    @app.get("/v1/openapi.json", include_in_schema=False)
    async def openapi() -> JSONResponse:
        return JSONResponse(describe(app, api.public_url))

    return metrics


def _methods_at(request: Request) -> str:
    """Every method that there is at this address (RFC 9110 section 15.5.6), over all the routes that share it."""
    there: set[str] = set()
    for route in iter_route_contexts(request.app.routes):
        if compile_path(route.path or "")[0].match(request.url.path):
            there |= set(route.methods or ())
    return ", ".join(sorted(there))


def _install_errors(app: FastAPI, page: Page) -> None:
    def either(handle: Callable[[Request, Any], Awaitable[Response]]) -> Callable[[Request, Any], Awaitable[Response]]:
        async def handler(request: Request, error: Any) -> Response:
            if in_api(request.url.path) or not isinstance(error, errors.BrokerError):
                return await handle(request, error)
            return page(request, error)

        return handler

    async def http(request: Request, error: HTTPException) -> Response:
        if not in_api(request.url.path):
            return page(request, errors.NotFound())
        if error.status_code == 405:
            refused = problem(request, 405, _METHOD, "method-not-allowed")
            refused.headers["Allow"] = _methods_at(request)
            return refused
        return problem(request, error.status_code, errors.NotFound.words, "not-found")

    async def wrong_parameters(request: Request, error: RequestValidationError) -> Response:
        names = dict.fromkeys(str(e["loc"][-1]) for e in error.errors())
        faults = [errors.Fault(f"/{name}", _OTHERWISE) for name in names]
        return await broker_error(request, errors.Invalid(faults))

    async def too_large(request: Request, error: TooLarge) -> Response:
        return problem(request, 413, error.words, error.code)

    async def other_form(request: Request, error: OtherForm) -> Response:
        return problem(request, 415, error.words, error.code)

    app.add_exception_handler(errors.BrokerError, either(broker_error))
    app.add_exception_handler(TooLarge, too_large)  # type: ignore[arg-type] # Starlette types handlers by Exception
    app.add_exception_handler(OtherForm, other_form)  # type: ignore[arg-type]
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, wrong_parameters)  # type: ignore[arg-type]
    app.add_exception_handler(Exception, unexpected)
