"""The statements that a block of a test leads to, and not those of the work that comes by in the background."""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any

import sqlalchemy as sa

from tests.support.world import World

_LISTENED_TO: ContextVar[bool] = ContextVar("_LISTENED_TO", default=False)
"""What a task asks for counts, and what the tasks do that it starts; the broker's own were started before."""


@contextlib.contextmanager
def statements(world: World, wanted: Callable[[str], bool]) -> Iterator[list[str]]:
    """Every wanted one, in the order in which they are said; only what goes over SQLAlchemy."""
    engine, said = world.broker.database.engine.sync_engine, []

    def hear(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if _LISTENED_TO.get() and wanted(statement):
            said.append(statement)

    sa.event.listen(engine, "before_cursor_execute", hear)
    before = _LISTENED_TO.set(True)
    try:
        yield said
    finally:
        _LISTENED_TO.reset(before)
        sa.event.remove(engine, "before_cursor_execute", hear)
