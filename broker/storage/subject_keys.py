"""Unwrapped keys of persons, kept for a minute where the wrapping key lives elsewhere, and not at all otherwise.

A key is remembered under the very bytes that it was unwrapped from, as they stand in the row: an erased or rewrapped
key is asked for anew.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from broker.domain.ports import SubjectKeys

KEPT = 60.0
"""Seconds that an unwrapped key is kept at most."""
MANY = 1024
"""How many are kept at most; the one that was unwrapped first goes first."""

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


async def aside(
    keys: SubjectKeys, call: Callable[_Given, _Result], *args: _Given.args, **kwargs: _Given.kwargs
) -> _Result:
    """Make a call that may wait for another machine; then it runs in a thread."""
    return await asyncio.to_thread(call, *args, **kwargs) if keys.remote else call(*args, **kwargs)


class OpenedKeys:
    """The bounded memory of unwrapped keys. Never prints."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[str, bytes], tuple[float, bytes]] = OrderedDict()

    async def open(self, keys: SubjectKeys, tag: str, wrapped: bytes) -> bytes:
        """A person's key. Raises Tampered and Unavailable."""
        if not keys.remote:
            self._kept.clear()
            return keys.open_subject_key(tag, wrapped)
        self._drop_old()
        found = self._kept.get((tag, wrapped))
        if found is not None:
            return found[1]
        clear = await aside(keys, keys.open_subject_key, tag, wrapped)
        self._keep(tag, wrapped, clear)
        return clear

    async def new(self, keys: SubjectKeys, tag: str) -> tuple[bytes, bytes]:
        """A fresh key for a person: (clear, wrapped). Raises Unavailable."""
        clear, wrapped = await aside(keys, keys.new_subject_key, tag)
        if keys.remote:
            self._keep(tag, wrapped, clear)
        return clear, wrapped

    def _keep(self, tag: str, wrapped: bytes, clear: bytes) -> None:
        self._kept[tag, wrapped] = (time.monotonic(), clear)
        if len(self._kept) > MANY:
            self._kept.popitem(last=False)
        asyncio.get_running_loop().call_later(KEPT, self._drop_old)

    def _drop_old(self) -> None:
        limit = time.monotonic() - KEPT
        while self._kept and next(iter(self._kept.values()))[0] <= limit:
            self._kept.popitem(last=False)
