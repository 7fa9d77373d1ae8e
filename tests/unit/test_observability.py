"""The operational log holds places, codes and counts; whatever else is handed to it is dropped."""

import io
import json
import logging

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from broker import observability
from broker.observability import ALLOWED, keep_allowed, places_only

SECRET = "Noor van Dijk, 123456782, noor@example.nl"


@pytest.fixture
def lines():
    """The log, set up for this test alone: call it for what was written."""
    root, stream = logging.getLogger(), io.BytesIO()
    handlers, level, before = root.handlers, root.level, structlog.get_config()
    observability.set_up(stream=stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    root.handlers, root.level = handlers, level
    structlog.configure(**before)


def logger():
    return structlog.get_logger("test").new()


def test_a_line_says_what_happened_where_and_when(lines):
    logger().info("answered", method="GET", route="/v1/handovers/{id}", status=200, milliseconds=1.5)
    (line,) = lines()
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "answered",
        "level": "info",
        "method": "GET",
        "route": "/v1/handovers/{id}",
        "status": 200,
        "milliseconds": 1.5,
    }


def test_fields_that_nobody_listed_are_dropped(lines):
    logger().info("answered", name="Noor", bsn="123456782", path="/x", body="x", query="a=b", user="u", code="ok")
    (line,) = lines()
    assert set(line) == {"event", "level", "timestamp", "code"}


@given(st.dictionaries(st.text(max_size=8) | st.sampled_from(sorted(ALLOWED)), st.text(max_size=12) | st.integers()))
def test_only_listed_fields_with_plain_values_are_kept(event):
    kept = keep_allowed(None, "info", dict(event))
    assert set(kept) <= ALLOWED
    for value in kept.values():
        assert not set(str(value)) & set("@,;\"'\n\r\x1b%&=?#")


@pytest.mark.parametrize("name", sorted(ALLOWED - {"trace", "timestamp", "level", "event"}))
def test_a_listed_field_does_not_carry_free_text(lines, name):
    logger().info("x", **{name: SECRET})
    logger().info("x", **{name: "two words"})
    logger().info("x", **{name: "x" * 201})
    assert all(name not in line for line in lines())


def test_an_event_that_is_free_text_is_dropped(lines):
    logger().info(SECRET)
    assert "Noor" not in json.dumps(lines())


@pytest.mark.parametrize("value", [[SECRET], ["Noor"], [{"a": SECRET}], ["file.py:1 f\n" + SECRET], [["x.py:1 f"]]])
def test_a_trace_holds_places_only(lines, value):
    logger().info("x", trace=value)
    assert "Noor" not in json.dumps(lines())


def _fails() -> None:
    raise ValueError(SECRET)


def test_the_message_of_an_exception_is_never_written_its_place_is(lines):
    try:
        _fails()
    except ValueError as error:
        logger().exception("failed")
        logger().error("failed", exc_info=error)
        logger().error("failed", exc_info=(type(error), error, error.__traceback__))
    assert len(lines()) == 3
    for line in lines():
        assert line["error"] == "ValueError"
        assert line["trace"][-1].startswith("test_observability.py:")
        assert line["trace"][-1].endswith(" _fails")
        assert "Noor" not in json.dumps(line)


def test_a_deep_exception_keeps_its_last_places():
    def deeper(depth: int) -> None:
        if not depth:
            raise KeyError(SECRET)
        deeper(depth - 1)

    try:
        deeper(30)
    except KeyError as error:
        event = places_only(None, "error", {"exc_info": error})
    assert len(event["trace"]) == 8
    assert event["error"] == "KeyError"
    assert places_only(None, "error", {"exc_info": None}) == {}
    assert places_only(None, "error", {"exc_info": True}) == {}


def test_what_a_library_logs_is_passed_on_as_a_place(lines):
    logging.getLogger("sqlalchemy.pool").warning("could not %s", SECRET)
    try:
        _fails()
    except ValueError:
        logging.getLogger("asyncio").exception("task said %s", SECRET)
    logging.getLogger("httpx").info("GET /secret")
    logging.getLogger("own").log(35, SECRET)
    warning, error, own = lines()
    assert (warning["level"], warning["kind"], warning["event"]) == ("warning", "sqlalchemy.pool", "library")
    assert warning["code"].startswith("test_observability:")
    assert (error["level"], error["error"]) == ("error", "ValueError")
    assert (own["level"], own["kind"]) == ("warning", "own")
    assert "Noor" not in json.dumps([warning, error, own])


def test_a_library_whose_name_is_free_text_is_not_named(lines):
    logging.getLogger(SECRET).error("x")
    assert "Noor" not in json.dumps(lines())


def test_details_below_information_are_not_written(lines):
    logger().debug("detail", code="x")
    logging.getLogger("x").debug("y")
    assert lines() == []


def test_what_holds_for_a_whole_request_is_on_each_of_its_lines(lines):
    with structlog.contextvars.bound_contextvars(request="r-1", name="Noor"):
        logger().info("one")
    logger().info("two")
    one, two = lines()
    assert one["request"] == "r-1"
    assert "name" not in one
    assert "request" not in two


class _FullDisk(io.BytesIO):
    def write(self, _text: object) -> int:
        raise OSError(28, "No space left on device")


def test_a_line_that_cannot_be_written_is_in_nobodys_way():
    before, root = structlog.get_config(), logging.getLogger()
    handlers, level = root.handlers, root.level
    try:
        observability.set_up(stream=_FullDisk())
        for say in ("info", "warning", "error", "exception"):
            getattr(logger(), say)("full")
        logging.getLogger("library").error("full")
    finally:
        root.handlers, root.level = handlers, level
        structlog.configure(**before)
