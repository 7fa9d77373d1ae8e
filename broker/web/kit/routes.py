"""A router for pages: GET and HEAD look, POST acts, and every refusal comes out as a page in the reader's language."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from broker.errors import BrokerError
from broker.web.kit.pages import Pages, alarm, error_headers, status_of
from broker.web.kit.texts import texts

Handler = Callable[[Request], Awaitable[Response]]


def caller(request: Request) -> str:
    """The address that tries are counted by."""
    return request.client.host if request.client else "unknown"


class Elsewhere(Exception):
    """The visitor belongs on another page now."""

    def __init__(self, path: str) -> None:
        self.path = path
        super().__init__(path)


class PageRouter(APIRouter):
    """Routes of one area; none of them is part of the API's description."""

    def __init__(self, pages: Pages) -> None:
        self._pages = pages
        super().__init__(include_in_schema=False)

    def looks(self, path: str, handler: Handler) -> None:
        """A page to look at: changes nothing."""
        self._add(path, handler, ["GET", "HEAD"], self._as_page)

    def acts(self, path: str, handler: Handler) -> None:
        """What a form does."""
        self._add(path, handler, ["POST"], self._as_page)

    def answers(self, path: str, handler: Handler) -> None:
        """What a script of ours asks, in JSON."""
        self._add(path, handler, ["POST"], self._as_json)

    def leads_to(self, path: str) -> bool:
        """Whether a page to look at lies there; an id in the address is not looked up."""
        own = (route for route in self.routes if isinstance(route, APIRoute))
        return any("GET" in (route.methods or ()) and route.path_regex.fullmatch(path) for route in own)

    def _add(self, path: str, handler: Handler, methods: list[str], refuse: "Refuse") -> None:
        pages = self._pages

        class GuardedRoute(APIRoute):
            def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
                handle = super().get_route_handler()

                async def guarded(request: Request) -> Response:
                    try:
                        return await handle(request)
                    except Elsewhere as elsewhere:
                        return pages.go(elsewhere.path)
                    except BrokerError as error:
                        return refuse(request, error)
                    except HTTPException:
                        raise
                    except Exception as error:  # noqa: BLE001  a fault of ours is a page too, and logged
                        return pages.failure(request, error)

                return guarded

        self.add_api_route(
            path,
            handler,
            methods=methods,
            response_model=None,
            route_class_override=GuardedRoute,
        )

    def _as_page(self, request: Request, error: BrokerError) -> Response:
        return self._pages.refusal(request, error)

    def _as_json(self, request: Request, error: BrokerError) -> Response:
        alarm(request, error, self._pages.site)
        message = texts(self._pages.language(request)).words(error.words)
        response = JSONResponse({"message": message}, status_of(error), error_headers(error))
        return self._pages.protected(response)


Refuse = Callable[[Request, BrokerError], Response]
