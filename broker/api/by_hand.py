"""Operations that FastAPI describes and does not run: found at once, and given what their signature asks, in its order.

- The signature stays what says who may call (`broker.api.deps`); what cannot be had by hand is refused when the broker starts.
- What is raised ends in the same handlers as everywhere.
- Whoever takes a holder (`broker.services.access.Holder`) lets them in: before any refusal of theirs is told, how their
  organisation stands is asked; and no answer goes to somebody who was not let in.
- An address without parameters is found before any other route is tried. Another method at it goes the usual way.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from inspect import iscoroutinefunction, signature
from types import MappingProxyType
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from fastapi import Request
from fastapi.params import Depends
from fastapi.responses import Response
from fastapi.routing import APIRoute
from starlette.middleware.exceptions import ExceptionMiddleware
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from broker.api.deps import api_of, as_holder, as_id, as_professional, holder_of, id_of, professional_of, use
from broker.api.retries import as_key, key_of

BY_HAND: Mapping[Any, Callable[[Request], Any]] = MappingProxyType(
    {use: api_of, as_professional: professional_of, as_holder: holder_of, as_id: id_of, as_key: key_of}
)
"""What FastAPI would call for a parameter, and the same by hand."""


class ByHand(APIRoute):
    """One operation; for `APIRouter(route_class=ByHand)`.

    Raises TypeError for a parameter that is not in BY_HAND, and for a dependency that stands beside the signature.
    """

    def get_route_handler(self) -> Any:
        """Instead of FastAPI's own."""
        if self.dependencies:
            raise TypeError("what stands beside the signature cannot be had by hand")
        steps, endpoint = _steps(self.endpoint), self.endpoint

        async def handle(request: Request) -> Response:
            given: dict[str, Any] = {}
            for name, found, waits in steps:
                given[name] = await found(request) if waits else found(request)
            response: Response = await endpoint(**given)
            return response

        async def holding(request: Request) -> Response:
            try:
                response = await handle(request)
            except Exception:
                if (holder := getattr(request.state, "holder", None)) is not None:
                    await api_of(request).access.admit(holder)
                raise
            if not request.state.holder.admitted:
                raise RuntimeError("nobody asked how the organisation stands")
            return response

        held = any(found is holder_of for _, found, _ in steps)
        self.answer: Callable[[Request], Awaitable[Response]] = holding if held else handle
        return self.answer


def _steps(endpoint: Callable[..., Any]) -> list[tuple[str, Callable[[Request], Any], bool]]:
    hints = get_type_hints(endpoint, include_extras=True)
    found = [(name, _by_hand(name, hints[name])) for name in signature(endpoint).parameters]
    return [(name, of, iscoroutinefunction(of)) for name, of in found]


def _by_hand(name: str, hint: Any) -> Callable[[Request], Any]:
    if hint is Request:
        return _itself
    if get_origin(hint) is Annotated:
        for more in get_args(hint)[1:]:
            if isinstance(more, Depends) and more.dependency in BY_HAND:
                return BY_HAND[more.dependency]
    raise TypeError(f"{name} cannot be had by hand")


def _itself(request: Request) -> Request:
    return request


class ShortWay:
    """The operations by hand whose address has no parameters, by method and address; everything else goes on as it came.

    `handlers` are those of the application: what is raised is told as everywhere.
    """

    def __init__(self, app: ASGIApp, routes: Iterable[BaseRoute], handlers: Mapping[Any, Any]) -> None:
        self._app = app
        self._known = {
            (method, route.path): route
            for route in routes
            if isinstance(route, ByHand) and not route.param_convertors
            for method in route.methods or ()
        }
        outermost = (500, Exception)  # around everything, as in Starlette itself
        self._serve = ExceptionMiddleware(
            self._answer, {kind: handler for kind, handler in handlers.items() if kind not in outermost}
        )

    def at(self, scope: Scope) -> ByHand | None:
        """The operation that is asked for: its very method and address."""
        if scope["type"] != "http" or scope.get("root_path"):
            return None
        return self._known.get((scope["method"], scope["path"]))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        route = self.at(scope)
        if route is None:
            await self._app(scope, receive, send)
            return
        scope["route"], scope["endpoint"], scope["path_params"] = route, route.endpoint, {}
        await self._serve(scope, receive, send)

    @staticmethod
    async def _answer(scope: Scope, receive: Receive, send: Send) -> None:
        response = await scope["route"].answer(Request(scope, receive, send))
        await response(scope, receive, send)
