"""One transaction: everything in it is committed together, or nothing of it ever was.

Whatever the database says when it fails becomes one of a few plain errors; statements and values are not quoted.
"""

import contextlib
from functools import partial
from types import TracebackType
from typing import Self, cast

import psycopg
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from broker.domain.stores import Asking, UnitOfWork
from broker.errors import Conflict, Invalid, Unavailable, Uncertain, Words
from broker.storage import tables as t
from broker.storage.arrivals import Arrivals
from broker.storage.authorities import Authorities
from broker.storage.checks import Checks
from broker.storage.consents import Consents, Invitations, Mutes, Receipts
from broker.storage.contacts import Contacts
from broker.storage.data_keys import DataKeys
from broker.storage.engine import Database, scrub
from broker.storage.erasure import Erasure
from broker.storage.folding import Folds
from broker.storage.following import Daily, Followers
from broker.storage.handovers import Handovers
from broker.storage.indicators import Indicators
from broker.storage.log import Checkpoints, Log
from broker.storage.long_watch import LongWatches
from broker.storage.matters import Matters
from broker.storage.motions import Motions
from broker.storage.officer_logins import OfficerLogins
from broker.storage.outbox import Outbox
from broker.storage.oversight import Officers, Policies
from broker.storage.parties import Organisations, Persons
from broker.storage.partner_events import PartnerEvents
from broker.storage.passkeys import SignerPasskeys
from broker.storage.reactions import Reactions
from broker.storage.releases import Releases
from broker.storage.retries import Retries
from broker.storage.reviews import Reviews
from broker.storage.rows import Means
from broker.storage.sign_offs import SignOffs
from broker.storage.tasks import Tasks
from broker.storage.together import postgres, sqlite
from broker.storage.together.batches import Together
from broker.storage.together.reading import Asked
from broker.storage.together.stores import ReleaseWork
from broker.storage.together.trips import Trips
from broker.storage.tree import Tree
from broker.storage.urgency import Urgencies
from broker.storage.visits import GuardRows, Visits
from broker.storage.watching import Drawings, Watched
from broker.storage.webhooks import Deliveries
from broker.storage.witnesses import Witnesses

TOUCHED = tuple(
    table.name
    for table in (
        t.section,
        t.handover,
        t.handover_person,
        t.handover_version,
        t.reaction,
        t.sign_off,
        t.task,
        t.task_change,
        t.outbox,
        t.retry,
        t.invitation,
        t.visit,
        t.person,
        t.person_claim,
        t.person_tag,
        t.contact,
        t.authority,
        t.signer_passkey,
        t.mute,
        t.long_watch_person,
        t.long_watch_stop,
        t.signer_receipt,
        t.matter,
        t.log_opening,
        t.log_subject_key,
        t.log_subject_index,
        t.log_fold,
        t.log_fold_entry,
        t.log_fold_about,
        t.review_line,
        t.review_sign_off,
        t.review_known,
    )
)
"""The tables in which erasing changes or deletes rows."""


class SqlUnitOfWork:
    """See `UnitOfWork`."""

    def __init__(self, database: Database, means: Means, *, writing: bool) -> None:
        self._database = database
        self._means = means
        self._writing = writing
        self._connection: AsyncConnection | None = None
        self._holds_turn = False

    async def __aenter__(self) -> Self:
        """Begin; on SQLite a writer first waits for its turn."""
        if self._writing and self._database.writers is not None:
            await self._database.writers.acquire()
            self._holds_turn = True
        try:
            connection = await self._database.engine.connect()
            self._connection = connection
            await connection.execution_options(writing=self._writing, **self._of_one_moment())
            await connection.begin()
        except (SQLAlchemyError, psycopg.Error, OSError):
            await self._close()
            raise Unavailable from None
        except BaseException:
            await self._close()
            raise
        self._furnish(connection)
        return self

    def _of_one_moment(self) -> dict[str, str]:
        """Who only reads sees everything as it was at one moment, as on SQLite; who writes sees what was committed before each lock.

        Source: PostgreSQL manual, 13.2.2; a transaction that neither writes nor locks never fails for it.
        """
        return {} if self._writing or self._database.sqlite else {"isolation_level": "REPEATABLE READ"}

    def _furnish(self, connection: AsyncConnection) -> None:
        means = self._means
        self.organisations = Organisations(connection, means)
        self.persons = Persons(connection, means)
        self.authorities = Authorities(connection, means)
        self.contacts = Contacts(connection, means)
        self.passkeys = SignerPasskeys(connection, means)
        self.matters = Matters(connection, means)
        self.handovers = self.lists = Handovers(connection, means)
        self.consents = Consents(connection, means)
        self.invitations = Invitations(connection, means)
        self.mutes = Mutes(connection, means)
        self.receipts = Receipts(connection, means)
        self.visits = Visits(connection, means)
        self.guards = GuardRows(connection, means)
        self.retries = Retries(connection, means)
        self.releases = Releases(connection, means)
        self.arrivals = Arrivals(connection, means)
        self.urgency = Urgencies(connection, means)
        self.long_watches = LongWatches(connection, means)
        self.partner_events = PartnerEvents(connection, means)
        self.webhooks = self.deliveries = Deliveries(connection, means)
        self.reactions = Reactions(connection, means)
        self.sign_offs = SignOffs(connection, means)
        self.tasks = Tasks(connection, means)
        self.erasure = Erasure(connection, means)
        self.log = Log(connection, means)
        self.tree = Tree(connection, means)
        self.checkpoints = Checkpoints(connection, means)
        self.followers = Followers(connection, means)
        self.daily = Daily(connection, means)
        self.indicators = Indicators(connection, means)
        self.folds = Folds(connection, means)
        self.reviews = Reviews(connection, means)
        self.watched = Watched(connection, means)
        self.drawings = Drawings(connection, means)
        self.checks = Checks(connection, means)
        self.witnesses = Witnesses(connection, means)
        self.outbox = Outbox(connection, means)
        self.officers = Officers(connection, means)
        self.officer_logins = OfficerLogins(connection, means)
        self.motions = Motions(connection, means)
        self.policies = Policies(connection, means)
        self.data_keys = DataKeys(connection, means)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Undo whatever was not committed."""
        await self._close()
        if isinstance(error, IntegrityError):
            raise Conflict(
                Words(
                    "Iemand anders veranderde dit op hetzelfde moment. Probeer het opnieuw.",
                    "Somebody else changed this at the same moment. Try again.",
                ),
                code="changed-meanwhile",
            ) from None
        if isinstance(error, DataError):
            raise Invalid.at(
                "", "Hier staat iets in dat niet te bewaren is.", "This holds something that cannot be stored."
            ) from None
        if isinstance(error, SQLAlchemyError | psycopg.Error):  # what SQLAlchemy does beside statements comes as it is
            raise Unavailable from None

    async def commit(self) -> None:
        """Make it lasting. Raises Unavailable when that was refused: then nothing of it was kept.

        Raises Uncertain when the connection broke before the database answered: all of it was kept, or nothing.
        """
        if self._connection is None or not self._writing:
            raise RuntimeError("this unit of work only reads")
        await self.partner_events.take_places()
        try:
            await self._connection.commit()
        except DBAPIError as error:
            raise Uncertain if _is_unheard(error) else Unavailable from None

    async def _close(self) -> None:
        connection, self._connection = self._connection, None
        try:
            if connection is not None:
                await connection.close()
        except SQLAlchemyError:
            await self._discard(connection)
        finally:
            if self._holds_turn and self._database.writers is not None:
                self._holds_turn = False
                self._database.writers.release()

    @staticmethod
    async def _discard(connection: AsyncConnection | None) -> None:
        if connection is not None and not connection.closed:
            with contextlib.suppress(SQLAlchemyError):  # why it is let go was told already
                await connection.invalidate()


def _is_unheard(error: DBAPIError) -> bool:
    """Whether a COMMIT got no answer. A server that ends says so at any moment, also after it committed (57P01 to 57P03)."""
    state = str(getattr(error.orig, "sqlstate", None) or "")
    if error.connection_invalidated and not state:
        return True
    return state.startswith(("57P", "08")) or getattr(error.orig, "sqlite_errorname", "").startswith("SQLITE_IOERR")


class SqlStorage:
    """See `Storage`."""

    def __init__(self, database: Database, means: Means) -> None:
        self._database = database
        self._means = means
        self._together = Together(trips_of(database), partial(Log.tag_of, means.tags))
        database.beside.append(self._together.close)

    def __call__(self, *, writing: bool = True) -> UnitOfWork:
        """A new unit of work."""
        return SqlUnitOfWork(self._database, self._means, writing=writing)

    def releasing(self, asking: Asking) -> UnitOfWork:
        """A unit of work for one release, together with others."""
        bucket = GuardRows.bucket_of(self._means.tags, asking.counter)
        asked = Asked(asking.handover, asking.organisation, asking.professional, bucket, asking.window, asking.now)
        return cast(UnitOfWork, ReleaseWork(self._together, self._means, asked))

    async def scrub(self, *, thoroughly: bool = False) -> bool:
        """Take what was erased out of the files too."""
        return await scrub(self._database, TOUCHED if thoroughly else ())


def trips_of(database: Database) -> list[Trips]:
    """PostgreSQL: two batches at a time, so that one works while the other waits for the disk. SQLite has one writer."""
    if database.writers is not None:
        return [sqlite.Trips(database.engine.url, database.writers)]
    return [postgres.Trips(database.engine, database.patience) for _ in range(2)]
