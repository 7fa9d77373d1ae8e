"""The composition root: settings become adapters, adapters become services, services become one ASGI application.

Nothing is connected before the application starts; whatever is unsafe is refused here, with one sentence.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from fastapi import FastAPI
from uuid_utils import uuid7

from broker.api.deps import Api
from broker.api.openapi import describe
from broker.api.routes import install_api
from broker.crypto.assertions import Assertions
from broker.crypto.codes import Codes
from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.keyring import Keyring, load_keyring
from broker.crypto.passkeys import PasskeyCeremonies
from broker.crypto.pseudonyms import Pseudonymiser
from broker.crypto.signatures import LogSigner, RecordNotary, ed25519_holds
from broker.crypto.tokens import AccessTokens
from broker.domain.ports import Clock
from broker.errors import BrokerError, Unavailable, Unsafe, Words
from broker.notifications.courier import Courier
from broker.notifications.senders import open_sender
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load
from broker.services.access import Access
from broker.services.boxes import Boxes
from broker.services.consents import Consents
from broker.services.exporting import Exports
from broker.services.handovers import Handovers
from broker.services.house import House
from broker.services.invitations import Invitations
from broker.services.oversight import Oversight
from broker.services.partner_events import PartnerEvents
from broker.services.partners import Partners, enact
from broker.services.reactions import Hearing
from broker.services.releases import Releases
from broker.services.reminders import Reminders
from broker.settings import Settings
from broker.storage import migrate
from broker.storage.engine import Database, open_database
from broker.storage.rows import Means
from broker.storage.unit_of_work import SqlStorage
from broker.transparency.entries import encode
from broker.transparency.ledger import Ledger
from broker.web import install_web, page_for
from broker.web.kit.site import Site

_log = structlog.get_logger(__name__)
CLEANING = 600
"""Seconds between two rounds in which expired sessions and marks are forgotten."""


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh id (RFC 9562 version 7)."""
    return str(uuid7())


@dataclass(frozen=True, slots=True)
class Broker:
    """Everything put together."""

    settings: Settings
    database: Database
    house: House
    ledger: Ledger
    courier: Courier
    access: Access
    handovers: Handovers
    boxes: Boxes
    invitations: Invitations
    partner_events: PartnerEvents
    releases: Releases
    reactions: Hearing
    consents: Consents
    oversight: Oversight
    partners: Partners
    reminders: Reminders
    exports: Exports

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """The agreement is put in force; sequencer, courier, cleaner and reminders work until the end; connections are closed."""
        await enact(self.house)
        work = (self.ledger.run, self.courier.run, self._clean, self.reminders.run)
        tasks = [asyncio.create_task(task()) for task in work]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self.database.close()

    async def _clean(self) -> None:
        while True:
            with contextlib.suppress(BrokerError):
                async with self.house.storage() as work:
                    await work.guards.clean(wall_clock())
                    await work.commit()
            await asyncio.sleep(CLEANING)

    async def ready(self) -> bool:
        """Whether the database answers and holds the log's tree."""
        try:
            async with self.house.storage(writing=False) as work:
                await work.tree.state()
        except BrokerError:
            return False
        return True


def check_keys(settings: Settings, keyring: Keyring) -> None:
    """Raises Unsafe for demonstration keys outside a demonstration (promise P13)."""
    if keyring.demo and settings.mode != "demo":
        raise Unsafe(
            Words(
                "Dit zijn sleutels van een demo. Maak eigen sleutels met: broker keys init",
                "These are keys of a demonstration. Make your own with: broker keys init",
            )
        )


def prepare_database(settings: Settings) -> None:
    """Bring an embedded database to the newest version; refuse a server's that is not. Raises Unsafe."""
    try:
        if settings.database_url.startswith("sqlite"):
            migrate.upgrade(settings.database_url)
        ready = migrate.version_of(settings.database_url) == migrate.newest()
    except Unavailable:
        raise Unsafe(
            Words(
                "De database antwoordt niet, of het is er geen. Kijk naar BROKER_DATABASE_URL.",
                "The database does not answer, or is none. Look at BROKER_DATABASE_URL.",
            )
        ) from None
    if not ready:
        raise Unsafe(
            Words(
                "De database heeft niet de juiste versie. Voer eerst uit: broker db upgrade",
                "The database is not at the right version. First run: broker db upgrade",
            )
        )


def build(settings: Settings, *, clock: Clock | None = None) -> Broker:
    """Put a broker together. Raises Unsafe for keys, agreement or outbox with which it must not start."""
    keyring = load_keyring(settings.keys)
    check_keys(settings, keyring)
    agreement = LoadedAgreement(load(settings.policies))
    database = open_database(settings.database_url)
    vault, tags = Vault(keyring), Pseudonymiser(keyring)
    signatures = LogSigner(keyring)
    notary = RecordNotary(keyring, f"{settings.public_url}/mine")
    means = Means(
        fields=FieldCipher(keyring),
        tags=tags,
        notary=notary,
        subject_keys=vault,
        signatures=signatures,
        encode=partial(encode, salt=partial(secrets.token_bytes, 16)),
        ids=new_id,
    )
    storage = SqlStorage(database, means)
    now: Clock = clock or (lambda: wall_clock() + settings.clock_offset)
    ledger = Ledger(storage, signatures, ed25519_holds, settings.log_address, now)
    courier = Courier(storage, open_sender(settings.outbox), now)
    house = House(
        storage=storage,
        agreement=lambda: agreement,
        vault=vault,
        tags=tags,
        codes=Codes(),
        notary=notary,
        log=ledger,
        clock=now,
        ids=new_id,
        public_url=settings.public_url,
        outbox_kick=courier.kick,
    )
    return Broker(
        settings=settings,
        database=database,
        house=house,
        ledger=ledger,
        courier=courier,
        access=Access(house, AccessTokens(keyring, settings.public_url), Assertions(), wall_clock),
        handovers=Handovers(house),
        boxes=Boxes(house),
        invitations=Invitations(house),
        partner_events=PartnerEvents(house),
        releases=Releases(house),
        reactions=Hearing(house),
        consents=Consents(house),
        oversight=Oversight(house, PasskeyCeremonies(settings.public_url)),
        partners=Partners(house),
        reminders=Reminders(house),
        exports=Exports(house, ledger.origin),
    )


def asgi(broker: Broker) -> FastAPI:
    """The application of a broker."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        async with broker.running():
            _log.info("started", digest=broker.house.agreement().digest)
            yield
            _log.info("stopping")

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False)
    settings = broker.settings
    describe_api: Callable[[], dict[str, object]] = partial(describe, app, settings.public_url)
    site = Site(settings.public_url, settings.secure, demo=settings.mode == "demo", openapi=describe_api)
    api = Api(
        access=broker.access,
        handovers=broker.handovers,
        boxes=broker.boxes,
        invitations=broker.invitations,
        partner_events=broker.partner_events,
        releases=broker.releases,
        reactions=broker.reactions,
        partners=broker.partners,
        log=broker.ledger,
        ready=broker.ready,
        public_url=settings.public_url,
    )
    install_api(app, api, partial(page_for, site=site))
    install_web(app, broker.consents, broker.oversight, site)
    return app
