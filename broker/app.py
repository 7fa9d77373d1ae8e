"""The composition root: settings become adapters, and adapters become services.

Nothing is connected before the application starts; whatever is unsafe is refused here, with one sentence.
"""

import secrets
import time
from datetime import UTC, datetime
from functools import partial

from uuid_utils import uuid7

from broker.adapters import check_keys, key_stores, login_providers, outside_of, to_witness, witness_policy
from broker.crypto.assertions import Assertions
from broker.crypto.certificates import certificate_thumbprint
from broker.crypto.codes import Codes
from broker.crypto.dpop import check_proof
from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.key_files import KeyFiles
from broker.crypto.keyring import load_keyring
from broker.crypto.passkeys import PasskeyCeremonies
from broker.crypto.pseudonyms import Pseudonymiser
from broker.crypto.signatures import LogSigner, RecordNotary, ed25519_holds
from broker.crypto.tokens import AccessTokens
from broker.crypto.webhooks import WebhookSigner
from broker.crypto.wrapping import KeyringWrapping
from broker.domain.ports import Clock
from broker.errors import Unavailable, Unsafe, Words
from broker.notifications.courier import Courier
from broker.notifications.senders import open_sender
from broker.notifications.webhooks import WebhookCourier
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.folder import AgreementFolder
from broker.pdp.policy_set import load, load_texts
from broker.services.access import Access
from broker.services.agreements import Agreements
from broker.services.alarms import Alarms
from broker.services.arrivals import Arrivals
from broker.services.bindings import Bindings
from broker.services.boxes import Boxes
from broker.services.breach import Breach
from broker.services.checks import Checks
from broker.services.confirming import Confirming
from broker.services.counting import Counting
from broker.services.directory import Directory
from broker.services.erasure import Erasure
from broker.services.exporting import Exports
from broker.services.folding import Folding
from broker.services.following import Following
from broker.services.handovers import Handovers
from broker.services.hearing import Hearing
from broker.services.house import House
from broker.services.indicators import Indicators
from broker.services.invitations import Invitations
from broker.services.key_addresses import KeyAddresses
from broker.services.keys import KeyLife
from broker.services.lifelines import Lifelines
from broker.services.long_watches import LongWatches
from broker.services.measuring import Measuring
from broker.services.motions import Motions
from broker.services.names import Names
from broker.services.officer_logins import OfficerLogins
from broker.services.oversight import Oversight
from broker.services.own_access import OwnAccess
from broker.services.partner_events import PartnerEvents
from broker.services.partners import Partners
from broker.services.pictures import Pictures
from broker.services.rates import Rates
from broker.services.releases import Releases
from broker.services.reminders import Reminders
from broker.services.replay import Replay
from broker.services.reporting import Reporting
from broker.services.reviewing import Reviewing
from broker.services.ringing import Ringing
from broker.services.sampling import Sampling
from broker.services.sign_offs import SignOffs
from broker.services.tasks import Tasks
from broker.services.urgent import Urgent
from broker.services.urgent_screens import UrgentNow
from broker.services.viewing import Viewing
from broker.services.watchers import Watchers
from broker.services.watching import Watching
from broker.services.webhooks import Webhooks
from broker.settings import Settings
from broker.storage import migrate
from broker.storage.engine import open_database
from broker.storage.guard_file import GuardFile
from broker.storage.patience import SERVING
from broker.storage.rows import Means
from broker.storage.unit_of_work import SqlStorage
from broker.transparency.cosigning import Cosigning
from broker.transparency.entries import encode
from broker.transparency.guard import GuardedStorage
from broker.transparency.ledger import Ledger
from broker.web.kit.phrases import Phrases
from broker.whole import Broker


def wall_clock() -> datetime:
    """Now, in UTC."""
    return datetime.now(UTC)


def new_id() -> str:
    """A fresh id (RFC 9562 version 7)."""
    return str(uuid7())


class Away(Unavailable):
    """There is no database now: whoever starts the broker may try again."""

    words = Words(
        "De database antwoordt niet, of het is er geen. Kijk naar BROKER_DATABASE_URL.",
        "The database does not answer, or is none. Look at BROKER_DATABASE_URL.",
    )


def prepare_database(settings: Settings) -> None:
    """Bring an embedded database to the newest version; refuse a server's that is not. Raises Unsafe, and Away."""
    try:
        if settings.database_url.startswith("sqlite"):
            migrate.upgrade(settings.database_url)
        ready = migrate.version_of(settings.database_url) == migrate.newest()
    except Unavailable:
        if settings.database_url.startswith("sqlite"):
            raise Unsafe(Away.words) from None
        raise Away from None
    if not ready:
        raise Unsafe(
            Words(
                "De database heeft niet de juiste versie. Voer eerst uit: broker db upgrade",
                "The database is not at the right version. First run: broker db upgrade",
            )
        )


def build(settings: Settings, *, clock: Clock | None = None, patience: float = SERVING) -> Broker:
    """Put a broker together; a statement in its database takes `patience` seconds at most (0: as long as it takes).

    Raises Unsafe for keys, agreement or outbox with which it must not start.
    """
    keyring = load_keyring(settings.keys)
    check_keys(settings, keyring)
    stores = key_stores(settings)
    wrapping = KeyringWrapping(keyring, stores)
    wrapping.check()
    alarms = Alarms()
    folder = AgreementFolder(settings.policies, lambda path: LoadedAgreement(load(path), alarms.hear))
    database = open_database(settings.database_url, patience=patience)
    vault, tags = Vault(keyring, wrapping), Pseudonymiser(keyring)
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
    stored = SqlStorage(database, means)
    now: Clock = clock or (lambda: wall_clock() + settings.clock_offset)
    guard = GuardFile(settings.log_guard)
    ledger = Ledger(stored, signatures, ed25519_holds, settings.log_address, now, guard, alarms.hear)
    storage = GuardedStorage(stored, ledger.allow)
    agreements = Agreements(
        storage,
        ledger,
        now,
        folder,
        lambda texts: LoadedAgreement(load_texts(texts), alarms.hear),
        alarms.hear,
        officers=settings.agreement == "officers",
    )
    phrases = Phrases()
    courier = Courier(storage, open_sender(settings.outbox, phrases.words), now, alarms.hear)
    outside, webhook_signatures = outside_of(settings), WebhookSigner(keyring)
    webhook_courier = WebhookCourier(
        storage,
        outside,
        webhook_signatures,
        now,
        wall_clock,
        settings.public_url,
        secrets.SystemRandom().random,
        alarms.hear,
    )
    house = House(
        storage=storage,
        agreements=agreements,
        vault=vault,
        tags=tags,
        codes=Codes(),
        notary=notary,
        log=ledger,
        clock=now,
        ids=new_id,
        public_url=settings.public_url,
        outbox_kick=courier.kick,
        phrases=phrases,
        outside=outside,
        fields=means.fields,
        rate_one=settings.rate_one,
    )
    assertions = Assertions()
    addresses = KeyAddresses(house.outside, assertions.published, time.monotonic)
    bindings = Bindings(house, check_proof, certificate_thumbprint)
    exports = Exports(house, ledger.origin)
    passkeys = PasskeyCeremonies(settings.public_url)
    oversight = Oversight(house, passkeys, exports)
    keys = KeyLife(house, KeyFiles(settings.keys, keyring, stores, now), vault)
    following = Following(house, (Counting(), Folding(), Watching(house), Measuring()), alarms.hear)
    witnesses = witness_policy(settings, ledger.origin)
    asked = {witness.name: witness.id for witness in (witnesses.witnesses if witnesses else ())}
    motions = Motions(house, oversight, passkeys)
    urgent = Urgent(house)
    return Broker(
        settings=settings,
        database=database,
        house=house,
        agreements=agreements,
        ledger=ledger,
        cosigning=Cosigning(storage, witnesses, to_witness, ed25519_holds, now),
        courier=courier,
        webhook_courier=webhook_courier,
        access=Access(
            house,
            AccessTokens(keyring, settings.public_url),
            assertions,
            bindings,
            addresses,
            wall_clock,
            Rates(house, settings.rate_organisation),
        ),
        handovers=Handovers(house, urgent),
        boxes=Boxes(house),
        invitations=Invitations(house),
        partner_events=PartnerEvents(house),
        webhooks=Webhooks(house, webhook_signatures, wall_clock, webhook_courier.kick),
        releases=Releases(house),
        lifelines=Lifelines(house),
        reactions=Hearing(house),
        sign_offs=SignOffs(house),
        consents=Confirming(house, passkeys),
        oversight=oversight,
        logins=OfficerLogins(house, oversight, login_providers(settings), wall_clock),
        reporting=Reporting(house, oversight),
        breach=Breach(house, oversight),
        partners=Partners(house),
        directory=Directory(house),
        own_access=OwnAccess(house, oversight, passkeys),
        motions=motions,
        names=Names(house, oversight, motions),
        reminders=Reminders(house),
        arrivals=Arrivals(house),
        tasks=Tasks(house),
        urgent=urgent,
        long_watches=LongWatches(house),
        urgent_now=UrgentNow(house, oversight),
        replay=Replay(house, lambda texts: LoadedAgreement(load_texts(texts))),
        keys=keys,
        alarms=alarms,
        erasure=Erasure(house),
        exports=exports,
        viewing=Viewing(house, oversight),
        reviewing=Reviewing(house, oversight),
        sampling=Sampling(house),
        following=following,
        checks=Checks(house, oversight, keys, asked, following.behind, lambda: ledger.believed, alarms.hear),
        watchers=Watchers(house, oversight),
        pictures=Pictures(house, oversight),
        indicators=Indicators(house, oversight),
        ringing=Ringing(house, alarms),
    )
