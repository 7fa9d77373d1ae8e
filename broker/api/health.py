"""Whether the broker lives, whether it can work, and how it goes: counts without anything about people."""

from collections.abc import Callable, Iterator

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector

from broker.api.deps import Use
from broker.services.alarms import Alarms

router = APIRouter(include_in_schema=False)


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
    """The counters of one process, by route template and status; never by organisation or person."""

    def __init__(self, believed: Callable[[], bool], refused: Callable[[], bool], alarms: Alarms) -> None:
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

    def text(self) -> bytes:
        """The Prometheus text format."""
        return generate_latest(self.registry)


@router.get("/livez")
async def livez() -> PlainTextResponse:
    """The process runs."""
    return PlainTextResponse("ok\n")


@router.get("/readyz")
async def readyz(api: Use) -> PlainTextResponse:
    """Database, keys and agreement are there; otherwise 503."""
    ready = await api.ready()
    return PlainTextResponse("ok\n" if ready else "not ready\n", 200 if ready else 503)


def metrics_router(metrics: Metrics) -> APIRouter:
    """`/metrics`; keep it inside your own network."""
    inside = APIRouter(include_in_schema=False)

    @inside.get("/metrics")
    async def show() -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)

    return inside
