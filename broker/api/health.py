"""Whether the broker lives, whether it can work, and how it goes: counts without anything about people."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import structlog
from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from broker.api.board import EVERY, Board, Counted, counted, lasting, together
from broker.api.deps import Use
from broker.services.alarms import Alarms
from broker.services.waiting import seconds_until_later

router = APIRouter(include_in_schema=False)
_log = structlog.get_logger(__name__)


class _Alarms(Collector):
    """The alarms of this process, as a counter by kind."""

    def __init__(self, alarms: Alarms) -> None:
        self._alarms = alarms

    def collect(self) -> Iterator[CounterMetricFamily]:
        """At this moment."""
        family = CounterMetricFamily(
            "broker_alarms", "Damaged data, missing keys or a failing agreement met", labels=("kind",)
        )
        for kind, count in self._alarms.counts.items():
            family.add_metric((kind,), count)
        yield family


class Metrics:
    """The counters of all workers at one address, by route template and status; never by organisation or person.

    `shared` is where they are written for each other, and the place of this one; without it there is one process.
    """

    def __init__(
        self,
        believed: Callable[[], bool],
        refused: Callable[[], bool],
        alarms: Alarms,
        shared: tuple[Board, int] | None = None,
    ) -> None:
        self._shared = shared
        self._before = lasting(shared[0].read(shared[1])) if shared else []
        self.registry = CollectorRegistry()
        self.registry.register(_Alarms(alarms))
        self.requests = Counter(
            "rondom_requests", "Requests answered", ("method", "route", "status"), registry=self.registry
        )
        self.seconds = Histogram("rondom_request_seconds", "Time to answer", ("route",), registry=self.registry)

        behind = Gauge(
            "rondom_log_rolled_back", "1: the database is older than the log's guard", registry=self.registry
        )
        behind.set_function(lambda: 0.0 if believed() else 1.0)
        other = Gauge(
            "rondom_agreement_refused",
            "1: a changed agreement could not be put in force, the one before still counts",
            registry=self.registry,
        )
        other.set_function(lambda: 1.0 if refused() else 0.0)

        self._counters: dict[tuple[str, str, int], tuple[Counter, Histogram]] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request that was answered; `route` is its template. Which counters those are is looked up once."""
        found = self._counters.get((method, route, status))
        if found is None:
            found = self.requests.labels(method, route, str(status)), self.seconds.labels(route)
            self._counters[method, route, status] = found
        found[0].inc()
        found[1].observe(seconds)

    def text(self) -> bytes:
        """The Prometheus text format; of the other workers, what they wrote a few seconds ago.

        Of this one only what is written too: what was told once stays, so that no count ever goes down.
        """
        if self._shared is None:
            return generate_latest(self.registry)
        self.share()
        everything = CollectorRegistry()
        everything.register(_Together(list(self._shared[0].all())))
        return generate_latest(everything)

    def share(self) -> None:
        """Write for the others what was counted here."""
        if self._shared is not None and not self._shared[0].write(self._shared[1], self._mine()):
            _log.error("metrics:too-many")

    def _mine(self) -> Counted:
        return counted(together([self._before, counted(self.registry.collect())]))

    async def sharing(self) -> None:
        """Do that again and again, until cancelled; nothing where nobody else is."""
        while self._shared is not None:
            self.share()
            await asyncio.sleep(EVERY)


class _Together(Collector):
    def __init__(self, each: Sequence[Counted]) -> None:
        self._each = each

    def collect(self) -> Iterator[Metric]:
        return iter(together(self._each))


@router.get("/livez")
async def livez() -> PlainTextResponse:
    """The process runs."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(api: Use) -> PlainTextResponse:
    """Database, keys and agreement are there; otherwise 503."""
    ready = await api.ready()
    later = {} if ready else {"Retry-After": str(seconds_until_later())}
    return PlainTextResponse("ok\n" if ready else "not ready\n", 200 if ready else 503, later)


def metrics_router(metrics: Metrics) -> APIRouter:
    """`/metrics`; keep it inside your own network."""
    inside = APIRouter(include_in_schema=False)

    @inside.get("/metrics")
    async def show() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return inside
