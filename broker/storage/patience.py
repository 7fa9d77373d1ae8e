"""PostgreSQL that does not answer: every wait for it ends, so that a caller hears within seconds that it does not work now.

- It answers late: `statement_timeout` ends a statement there, and the connection stays of use.
- Nothing comes at all (a cut cable, a firewall that drops): the connection is hung up here. The kernel's own bounds do
  not see that where something in between still acknowledges what is sent, hence a clock of our own.
- A broker that is cut off holds locks there: the server gives it up by `tcp_user_timeout`, keep-alives and
  `idle_in_transaction_session_timeout`, all asked for when connecting.

Source: PostgreSQL manual, 19.3.2 (TCP settings), 19.11 (client connection defaults), 34.1.2 (connection parameters).
"""

import asyncio
import select
import time
from collections.abc import Mapping
from typing import Any, Self, TypeVar

import psycopg
from sqlalchemy.exc import InvalidatePoolError

from broker.storage.commits import KeptConnection

SERVING = 5.0
"""Seconds that a statement may take while people wait for it."""
GRACE = 1.0
"""Seconds more, for the server's own bound to come first."""
CONNECTING = 3
"""Seconds to connect in."""
POOL = 5.0
"""Seconds that a unit of work waits for a connection to come free; as long as for a statement, where that is more."""
PAUSE = 1.0
"""Seconds without another try, after nobody answered at all."""
UNHEARD = 10
"""Seconds after which the kernel, here and there, gives up who acknowledges nothing."""
IDLE = 30
"""Seconds that a transaction may stand still before the server ends it, with its locks."""
_Result = TypeVar("_Result")


def bounds(said: Mapping[str, Any], patience: float) -> dict[str, Any]:
    """Connection parameters; what the address itself says stays as it is."""
    server = {
        "tcp_user_timeout": f"{UNHEARD}s",
        "tcp_keepalives_idle": str(UNHEARD),
        "tcp_keepalives_interval": "3",
        "tcp_keepalives_count": "3",
    }
    if patience:
        server |= {"statement_timeout": f"{patience:g}s", "idle_in_transaction_session_timeout": f"{IDLE}s"}
    wanted = {
        "connect_timeout": str(CONNECTING),
        "keepalives_idle": str(UNHEARD),
        "keepalives_interval": "3",
        "keepalives_count": "3",
        "tcp_user_timeout": str(UNHEARD * 1000),
        "options": " ".join(f"-c {name}={value}" for name, value in server.items()),
    }
    return {name: value for name, value in wanted.items() if name not in said}


class Patient(KeptConnection):
    """A connection that hangs up when it waited for `patience` seconds and a little; 0 is for ever."""

    patience: float = 0
    gave_up = False
    """Whether it was hung up here."""

    @classmethod
    async def within(cls, patience: float, *arguments: Any, **options: Any) -> Self:
        """Connect. Raises psycopg.OperationalError."""
        made = await cls.connect(*arguments, **options)
        made.patience = patience
        return made

    async def wait(self, gen: Any, *arguments: Any, **options: Any) -> Any:
        """See psycopg: every wait of a connection goes through here. Raises psycopg.OperationalError when it hung up."""
        if not self.patience:
            return await super().wait(gen, *arguments, **options)
        most = self.patience + GRACE
        try:
            return await super().wait(gen, interval=most, timeout=most)
        except psycopg.errors._WaitTimeout:  # noqa: SLF001 - psycopg says so of its own wait
            self.gave_up = True
            self.pgconn.finish()
            raise psycopg.OperationalError("nothing came") from None


class Knocking:
    """Where nobody opened, not everybody has to stand and wait: for PAUSE seconds all others hear so at once."""

    def __init__(self) -> None:
        self._until = 0.0

    def may_try(self) -> None:
        """Raises psycopg.OperationalError while it is of no use."""
        if time.monotonic() < self._until:
            raise psycopg.errors.ConnectionTimeout("nobody answered a moment ago")

    def heard(self, attempt: "asyncio.Task[Patient]") -> None:
        """What came of one."""
        if not attempt.cancelled() and isinstance(attempt.exception(), psycopg.errors.ConnectionTimeout):
            self._until = time.monotonic() + PAUSE


def still_there(connection: Any, _record: object, _proxy: object) -> None:
    """A connection that comes from the pool has nothing to say; one that has, was ended there: a new one is made.

    It costs no trip. Raises InvalidatePoolError, which the pool answers with another connection, and by looking no further
    among those that it had: when one was ended, all may have been, and it tries only twice.
    """
    inside = connection.driver_connection
    if inside.closed:
        raise InvalidatePoolError
    listening = select.poll()
    listening.register(inside.pgconn.socket, select.POLLIN)
    if listening.poll(0):
        raise InvalidatePoolError
