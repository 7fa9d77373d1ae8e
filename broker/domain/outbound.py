"""Requests that the broker sends itself, and what it takes of an answer: status, bytes and headers, never belief."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sent:
    """A request; with a form or content it is a POST, otherwise a GET."""

    url: str = field(repr=False)
    form: Mapping[str, str] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back. The names of headers are in lower case."""

    status: int
    body: bytes = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class Fetch(Protocol):
    """HTTP to somebody else: bounded in time and size, never following a redirect."""

    async def __call__(self, sent: Sent, most: int) -> Answered:
        """What came back, whatever its status. Raises Unavailable when nothing does, or more than `most` bytes."""


class Outside(Protocol):
    """The same, to addresses that partners chose: never to a private network (see `broker.notifications.outside`)."""

    def accepts(self, url: str) -> bool:
        """Whether an address has the form of one that can be called; where it leads is looked at for each call."""

    async def __call__(self, sent: Sent, most: int) -> Answered:
        """As `Fetch`. Raises Unavailable also for an address that leads to a private network."""
