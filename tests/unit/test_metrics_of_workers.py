"""Workers that count for each other: nothing is lost, made up, or read half."""

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.registry import Collector

from broker.api import board as module
from broker.api.board import Board, lasting, together
from broker.api.health import Metrics
from broker.errors import Tampered
from broker.services.alarms import Alarms


class Bad:
    def __init__(self) -> None:
        self.believed, self.alarms = True, Alarms()


def a_worker(board: Board, place: int, bad: Bad | None = None) -> Metrics:
    bad = bad or Bad()
    return Metrics(lambda: bad.believed, lambda: False, bad.alarms, (board, place))


def said(metrics: Metrics) -> dict[str, float]:
    lines = [line for line in metrics.text().decode().splitlines() if not line.startswith("#")]
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


REQUEST = 'rondom_requests_total{method="GET",route="/a",status="200"}'
QUICK = 'rondom_request_seconds_bucket{le="0.005",route="/a"}'


def test_each_says_what_all_counted_and_the_worst_that_any_of_them_knows() -> None:
    board, bad = Board(3), Bad()
    one, other = a_worker(board, 0), a_worker(board, 2, bad)
    for worker, times in ((one, 2), (other, 3)):
        for _ in range(times):
            worker.count("GET", "/a", 200, 0.001)
    other.count("GET", "/b", 503, 20.0)
    bad.believed = False
    bad.alarms.hear(Tampered(), "here")
    for worker in (one, other):
        worker.share()
    for worker in (one, other):
        found = said(worker)
        assert (found[REQUEST], found[QUICK]) == (5, 5)
        assert found['rondom_requests_total{method="GET",route="/b",status="503"}'] == 1
        assert found["rondom_log_rolled_back"] == 1
        assert found['broker_alarms_total{kind="tampered"}'] == 1
    began = [name for name in said(one) if name.startswith("rondom_requests_created")]
    assert len(began) == 2
    assert 1e9 < said(one)[began[0]] < 4e9, "a moment, not the sum of two"


def test_who_takes_a_place_goes_on_from_what_was_counted_there() -> None:
    board, bad = Board(2), Bad()
    bad.believed = False
    first = a_worker(board, 1, bad)
    first.count("GET", "/a", 200, 0.001)
    first.share()
    second = a_worker(board, 1)
    second.count("GET", "/a", 200, 0.001)
    assert said(second)[REQUEST] == 2
    assert said(second)["rondom_log_rolled_back"] == 0, "how it is now is said by who is there now"
    second.share()
    assert said(a_worker(board, 0))[REQUEST] == 2


def test_what_was_told_once_stays_when_the_worker_dies() -> None:
    board = Board(2)
    first, other = a_worker(board, 0), a_worker(board, 1)
    first.count("GET", "/a", 200, 0.001)
    assert said(first)[REQUEST] == 1
    assert said(other)[REQUEST] == 1
    assert said(a_worker(board, 0))[REQUEST] == 1


def test_what_was_written_half_is_not_read(monkeypatch) -> None:
    board = Board(1)
    assert board.read(0) == []
    assert board.write(0, [["a", "", "counter", []]])
    whole = board.read(0)
    board._memory[1 + module._HEAD.size] ^= 1  # the other half, where a next one began to write
    assert board.read(0) == whole
    board._memory[1 + module.HALF + module._HEAD.size] ^= 1
    assert board.read(0) == []
    monkeypatch.setattr(module, "HALF", 64)
    assert not Board(1).write(0, [["a" * 64, "", "counter", []]])


def test_a_process_alone_says_the_same_in_the_same_form() -> None:
    alone = Metrics(lambda: True, lambda: False, Alarms())
    shared = a_worker(Board(2), 0)
    for metrics in (alone, shared):
        metrics.count("GET", "/a", 200, 0.001)
    one, other = (
        [line for line in metrics.text().decode().splitlines() if "_created" not in line] for metrics in (alone, shared)
    )
    assert one == other

    class Given(Collector):
        def collect(self):
            return iter(together([lasting(module.counted(alone.registry.collect()))]))

    registry = CollectorRegistry()
    registry.register(Given())
    assert b"rondom_log_rolled_back" not in generate_latest(registry)
