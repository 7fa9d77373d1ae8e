"""The operational log: JSON lines that may hold ids, counts and codes of errors, and nothing about people.

Only fields of a fixed list are written; everything else is dropped, also when somebody adds it later. Tracebacks keep
files and lines, and lose the messages, which may quote what came in.
"""

import contextlib
import logging
import re
import sys
import traceback
from collections.abc import MutableMapping
from typing import Any

import orjson
import structlog

ALLOWED = frozenset(
    {
        "event",
        "level",
        "timestamp",
        "logger",
        "request",
        "method",
        "route",
        "status",
        "milliseconds",
        "code",
        "message",
        "kind",
        "digest",
        "error",
        "trace",
        "version",
        "size",
        "count",
    }
)
_PLAIN = re.compile(r"[A-Za-z0-9_.:/{}<>\-]{0,200}")

_PLACE = re.compile(r"[A-Za-z0-9_.<> -]{1,100}:[0-9]+ [A-Za-z0-9_.<>]{1,100}", re.ASCII)


def keep_allowed(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Drop every field that is not on the list, and every text that is not a plain word, id, route or code."""
    kept: dict[str, Any] = {}
    for name, value in event.items():
        if name == "trace" and isinstance(value, list):
            kept[name] = [place for place in value if _PLACE.fullmatch(str(place))]
        elif name in ALLOWED and (isinstance(value, int | float) or _PLAIN.fullmatch(str(value))):
            kept[name] = value if isinstance(value, int | float) else str(value)
    return kept


def places_only(_logger: Any, _name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn an exception into its type and the places it came through."""
    info = event.pop("exc_info", None)
    if info is True:
        info = sys.exc_info()
    error = info[1] if isinstance(info, tuple) else info
    if isinstance(error, BaseException):
        event["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        event["trace"] = [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
    return event


def set_up(*, stream: Any = None, least: int = logging.INFO) -> None:
    """Configure structlog, and send the standard library's log the same way: warnings and worse, without arguments.

    What is less than `least` is not written.
    """
    structlog.configure(
        cache_logger_on_first_use=True,
        wrapper_class=structlog.make_filtering_bound_logger(least),
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            places_only,
            keep_allowed,
            structlog.processors.JSONRenderer(serializer=orjson.dumps),
        ],
        logger_factory=_NeverInTheWay(stream or sys.stderr.buffer),
    )
    root = logging.getLogger()
    root.handlers = [_Bridge()]
    root.setLevel(logging.WARNING)


class _NeverInTheWay(structlog.BytesLoggerFactory):
    """What cannot be written (a full disk, a reader that is gone) is left out: nobody is refused over a line of this log."""

    def __call__(self, *args: Any) -> structlog.BytesLogger:
        """A logger that swallows OSError."""
        return _Lenient(self._file)


class _Lenient(structlog.BytesLogger):
    def msg(self, message: bytes) -> None:
        """Write a line, if it can be written."""
        with contextlib.suppress(OSError):
            super().msg(message)

    log = debug = info = warn = warning = msg
    fatal = failure = err = error = critical = exception = msg


_LEVELS = (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL)
"""Those that structlog knows; a library's own level counts as the one below it."""


class _Bridge(logging.Handler):
    """Passes on that something was logged elsewhere: where and how bad, not what."""

    def emit(self, record: logging.LogRecord) -> None:
        """Log the place only."""
        logger = structlog.get_logger(record.name)
        logger.log(
            max(level for level in _LEVELS if level <= max(record.levelno, logging.DEBUG)),
            "library",
            kind=record.name,
            code=f"{record.module}:{record.lineno}",
            exc_info=record.exc_info,
        )
