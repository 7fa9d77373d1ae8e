"""A connection that knows its statements by name, and is asked several of them at once: one trip, one wait for all answers.

psycopg's own pipeline waits for each statement, and writes each list as text; that cost more than all that PostgreSQL does.
Values go as text (lists by `texts`, rows as JSON), answers come as PostgreSQL holds them: the bytes themselves.

Source: PostgreSQL manual, 32.5 (pipeline mode), 53.2.3 (extended query).
"""

from collections.abc import Iterable, Mapping, Sequence

from psycopg import OperationalError, generators
from psycopg.abc import PQGen
from psycopg.errors import error_from_result
from psycopg.pq import ExecStatus, Format
from psycopg.pq.abc import PGresult

from broker.storage.patience import Patient

Asked = tuple[str, Sequence[bytes]]
"""A statement by its name, with its values in the order of $1, $2, and so on."""
_DONE = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


class Knowing(Patient):
    """Such a connection. Nothing else may be asked of it."""

    statements: Mapping[str, str] = {}

    async def learn(self, statements: Mapping[str, str]) -> None:
        """Have these prepared, before anything is asked. Raises psycopg.Error."""
        self.pgconn.enter_pipeline_mode()
        for name, statement in statements.items():
            self.pgconn.send_prepare(name.encode(), statement.encode())
        self.pgconn.pipeline_sync()
        await self.wait(self._answers(len(statements)))
        self.statements = statements

    async def ask(self, *asked: Asked) -> list[PGresult]:
        """Send all of these; when one fails, those behind it are not done. Raises psycopg.Error for the first that failed."""
        for name, values in asked:
            self.pgconn.send_query_prepared(name.encode(), values, result_format=Format.BINARY)
        self.pgconn.pipeline_sync()
        answered: list[PGresult] = await self.wait(self._answers(len(asked)))
        return answered

    def _answers(self, count: int) -> PQGen[list[PGresult]]:
        yield from generators.send(self.pgconn)
        results: list[PGresult] = []
        while True:
            found = yield from generators.fetch_many(self.pgconn)
            if not found:
                raise OperationalError("not everything was answered")
            if found[-1].status == ExecStatus.PIPELINE_SYNC:
                break
            results += found
        for result in results:
            if result.status not in _DONE:
                raise error_from_result(result)
        if len(results) != count:
            raise OperationalError("not everything was answered")
        return results


def texts(values: Iterable[str]) -> bytes:
    """A `text[]` of these, each once (manual, 8.15.2)."""
    quoted = (value.replace("\\", "\\\\").replace('"', '\\"') for value in dict.fromkeys(values))
    return ("{" + ",".join(f'"{value}"' for value in quoted) + "}").encode()
