"""A COMMIT is believed only when the database did all that it is set to do for it, on a standby too.

1. Who stops waiting hangs up and cancels nothing. A COMMIT that waits for a synchronous standby and is cancelled counts
   on this machine alone, is seen by everybody, and is lost when a standby takes over (PostgreSQL 15, `SyncRepWaitForLSN`;
   manual 27.2.8.5). Left alone it stays unseen until a standby has it. A limit on statements ends before that wait.
2. A COMMIT that came with a warning is not believed: that is how PostgreSQL says that somebody cancelled it.
3. Nor is one that was answered with ROLLBACK, as PostgreSQL does after an error in the transaction.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, TypeVar

from psycopg import AsyncConnection, generators, waiting
from psycopg.abc import PQGen
from psycopg.errors import Diagnostic, InFailedSqlTransaction, TransactionResolutionUnknown, error_from_result
from psycopg.pq import ExecStatus, TransactionStatus

PATIENCE = 10.0
"""Seconds that somebody waits for a COMMIT; less than any proxy waits for us."""
_LOOK = 0.1
"""Seconds between two looks at the socket, as psycopg does it."""
_Result = TypeVar("_Result")


class KeptConnection(AsyncConnection[Any]):
    """A connection of psycopg with that COMMIT.

    Raises TransactionResolutionUnknown (08007) for one that nobody may rely on, InFailedSqlTransaction where nothing was kept.
    """

    _committing = False

    async def commit(self) -> None:
        """Commit what is under way, if anything."""
        if self.pgconn.transaction_status == TransactionStatus.IDLE:
            return
        async with self.committing(), self.lock:
            await self.wait(self._committed())

    @contextlib.asynccontextmanager
    async def committing(self) -> AsyncIterator[None]:
        """Around whatever says COMMIT, also in a pipeline; its answer must have been read when this is left."""
        severities: list[str | None] = []

        def hear(said: Diagnostic) -> None:
            severities.append(said.severity_nonlocalized)  # it can be read during this call only

        self.add_notice_handler(hear)
        self._committing = True
        try:
            async with asyncio.timeout(PATIENCE):
                yield
        except TimeoutError:
            self.pgconn.finish()
            raise TransactionResolutionUnknown("no answer to COMMIT") from None
        finally:
            self._committing = False
            self.remove_notice_handler(hear)
        if "WARNING" in severities:  # 2
            raise TransactionResolutionUnknown("COMMIT came with a warning")

    async def wait(self, gen: PQGen[_Result], *arguments: Any, **options: Any) -> _Result:
        """See psycopg: every wait of a connection goes through here."""
        if not self._committing:
            return await super().wait(gen, *arguments, **options)
        try:
            return await waiting.wait_async(gen, self.pgconn.socket, **{"interval": _LOOK, **options})
        except asyncio.CancelledError:
            self.pgconn.finish()  # 1
            raise

    def _committed(self) -> PQGen[None]:
        self.pgconn.send_query(b"COMMIT")
        results = yield from generators.execute(self.pgconn)
        if len(results) != 1:
            raise TransactionResolutionUnknown("COMMIT was not answered once")
        if results[0].status != ExecStatus.COMMAND_OK:
            raise error_from_result(results[0])
        if results[0].command_status != b"COMMIT":  # 3
            raise InFailedSqlTransaction("COMMIT was answered with something else")
