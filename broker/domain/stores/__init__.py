"""What is stored, as small Protocols: one unit of work holds them all, and commits them together or not at all.

- Clear values go in and come out; the adapter encrypts names, birth dates, contacts, identifiers and messages.
- Records come back verified: no adapter returns a ConsentRecord whose signature it did not check.
"""

from types import TracebackType
from typing import Protocol, Self

from broker.domain.stores.arrivals import ArrivalStore
from broker.domain.stores.asking import Asking, Unforeseen
from broker.domain.stores.checks import Came, CheckStore, ExaminationKind, Examined, UnderWay
from broker.domain.stores.consents import ConsentStore, Invitation, InvitationStore, MuteStore, ReceiptStore
from broker.domain.stores.data_keys import DataKeyStore
from broker.domain.stores.erasure import ErasureStore
from broker.domain.stores.folding import FoldStore
from broker.domain.stores.following import DailyKey, DailyStore, FollowerStore
from broker.domain.stores.handovers import Disclosure, HandoverLists, HandoverStore, Lock, Pushed, ReleaseStore
from broker.domain.stores.indicators import IndicatorStore
from broker.domain.stores.log import (
    Appended,
    CheckpointStore,
    LogSearch,
    LogStore,
    Passed,
    Receipt,
    StoredEntry,
    Trail,
    TreeSeen,
    TreeState,
    TreeStore,
)
from broker.domain.stores.long_watch import LongWatchStore
from broker.domain.stores.matters import ContactStore, MatterStore
from broker.domain.stores.motions import MotionStore
from broker.domain.stores.oversight import (
    Approval,
    InForce,
    Message,
    OfficerLoginStore,
    OfficerPasskey,
    OfficerRow,
    OfficerStore,
    OutboxStore,
    PolicyStore,
    Proposal,
    Taken,
)
from broker.domain.stores.parties import (
    AuthorityClaim,
    AuthorityStore,
    Contact,
    KnownFacts,
    OrganisationStore,
    PersonClaim,
    PersonStore,
    Reach,
    SignerPasskeyStore,
    StatedInability,
    Statements,
)
from broker.domain.stores.partner_events import (
    PartnerEvent,
    PartnerEventStore,
    PartnerEventType,
    Received,
    ReleaseStatus,
)
from broker.domain.stores.reactions import ReactionStore
from broker.domain.stores.reviews import DrawingStore, ReviewStore, WatchStore
from broker.domain.stores.sign_offs import SignOffStore
from broker.domain.stores.tasks import TaskStore
from broker.domain.stores.urgency import AfterHours, UrgencyStore
from broker.domain.stores.visits import ASTRAY, Guards, RetryStore, Visit, VisitStore
from broker.domain.stores.webhooks import DeadLetter, DeliveryStore, Due, Queue, Webhook, WebhookStore
from broker.domain.stores.witnesses import CosignedNote, Refusal, WitnessStore

__all__ = [
    "ASTRAY",
    "AfterHours",
    "Appended",
    "Approval",
    "ArrivalStore",
    "Asking",
    "AuthorityClaim",
    "AuthorityStore",
    "Came",
    "CheckStore",
    "CheckpointStore",
    "ConsentStore",
    "Contact",
    "ContactStore",
    "CosignedNote",
    "DailyKey",
    "DailyStore",
    "DataKeyStore",
    "DeadLetter",
    "DeliveryStore",
    "Disclosure",
    "DrawingStore",
    "Due",
    "ErasureStore",
    "ExaminationKind",
    "Examined",
    "FoldStore",
    "FollowerStore",
    "Guards",
    "HandoverLists",
    "HandoverStore",
    "InForce",
    "IndicatorStore",
    "Invitation",
    "InvitationStore",
    "KnownFacts",
    "Lock",
    "LogSearch",
    "LogStore",
    "LongWatchStore",
    "MatterStore",
    "Message",
    "MotionStore",
    "MuteStore",
    "OfficerLoginStore",
    "OfficerPasskey",
    "OfficerRow",
    "OfficerStore",
    "OrganisationStore",
    "OutboxStore",
    "PartnerEvent",
    "PartnerEventStore",
    "PartnerEventType",
    "Passed",
    "PersonClaim",
    "PersonStore",
    "PolicyStore",
    "Proposal",
    "Pushed",
    "Queue",
    "Reach",
    "ReactionStore",
    "Receipt",
    "ReceiptStore",
    "Received",
    "Refusal",
    "ReleaseStatus",
    "ReleaseStore",
    "RetryStore",
    "ReviewStore",
    "SignerPasskeyStore",
    "StatedInability",
    "Statements",
    "Storage",
    "StoredEntry",
    "Taken",
    "TaskStore",
    "Trail",
    "TreeSeen",
    "TreeState",
    "TreeStore",
    "UnderWay",
    "Unforeseen",
    "UnitOfWork",
    "UrgencyStore",
    "Visit",
    "VisitStore",
    "WatchStore",
    "Webhook",
    "WebhookStore",
    "WitnessStore",
]


class UnitOfWork(Protocol):
    """One transaction. Without `commit` everything is undone."""

    @property
    def organisations(self) -> OrganisationStore:
        """See `OrganisationStore`."""

    @property
    def persons(self) -> PersonStore:
        """See `PersonStore`."""

    @property
    def authorities(self) -> AuthorityStore:
        """See `AuthorityStore`."""

    @property
    def contacts(self) -> ContactStore:
        """See `ContactStore`."""

    @property
    def passkeys(self) -> SignerPasskeyStore:
        """See `SignerPasskeyStore`."""

    @property
    def matters(self) -> MatterStore:
        """See `MatterStore`."""

    @property
    def handovers(self) -> HandoverStore:
        """See `HandoverStore`."""

    @property
    def lists(self) -> HandoverLists:
        """See `HandoverLists`."""

    @property
    def consents(self) -> ConsentStore:
        """See `ConsentStore`."""

    @property
    def invitations(self) -> InvitationStore:
        """See `InvitationStore`."""

    @property
    def mutes(self) -> MuteStore:
        """See `MuteStore`."""

    @property
    def receipts(self) -> ReceiptStore:
        """See `ReceiptStore`."""

    @property
    def visits(self) -> VisitStore:
        """See `VisitStore`."""

    @property
    def guards(self) -> Guards:
        """See `Guards`."""

    @property
    def retries(self) -> RetryStore:
        """See `RetryStore`."""

    @property
    def releases(self) -> ReleaseStore:
        """See `ReleaseStore`."""

    @property
    def arrivals(self) -> ArrivalStore:
        """See `ArrivalStore`."""

    @property
    def urgency(self) -> UrgencyStore:
        """See `UrgencyStore`."""

    @property
    def long_watches(self) -> LongWatchStore:
        """See `LongWatchStore`."""

    @property
    def partner_events(self) -> PartnerEventStore:
        """See `PartnerEventStore`."""

    @property
    def webhooks(self) -> WebhookStore:
        """See `WebhookStore`."""

    @property
    def deliveries(self) -> DeliveryStore:
        """See `DeliveryStore`."""

    @property
    def reactions(self) -> ReactionStore:
        """See `ReactionStore`."""

    @property
    def sign_offs(self) -> SignOffStore:
        """See `SignOffStore`."""

    @property
    def tasks(self) -> TaskStore:
        """See `TaskStore`."""

    @property
    def erasure(self) -> ErasureStore:
        """See `ErasureStore`."""

    @property
    def log(self) -> LogStore:
        """See `LogStore`."""

    @property
    def tree(self) -> TreeStore:
        """See `TreeStore`."""

    @property
    def followers(self) -> FollowerStore:
        """See `FollowerStore`."""

    @property
    def daily(self) -> DailyStore:
        """See `DailyStore`."""

    @property
    def indicators(self) -> IndicatorStore:
        """See `IndicatorStore`."""

    @property
    def folds(self) -> FoldStore:
        """See `FoldStore`."""

    @property
    def reviews(self) -> ReviewStore:
        """See `ReviewStore`."""

    @property
    def watched(self) -> WatchStore:
        """See `WatchStore`."""

    @property
    def drawings(self) -> DrawingStore:
        """See `DrawingStore`."""

    @property
    def checks(self) -> CheckStore:
        """See `CheckStore`."""

    @property
    def checkpoints(self) -> CheckpointStore:
        """See `CheckpointStore`."""

    @property
    def witnesses(self) -> WitnessStore:
        """See `WitnessStore`."""

    @property
    def outbox(self) -> OutboxStore:
        """See `OutboxStore`."""

    @property
    def officers(self) -> OfficerStore:
        """See `OfficerStore`."""

    @property
    def officer_logins(self) -> OfficerLoginStore:
        """See `OfficerLoginStore`."""

    @property
    def motions(self) -> MotionStore:
        """See `MotionStore`."""

    @property
    def data_keys(self) -> DataKeyStore:
        """See `DataKeyStore`."""

    @property
    def policies(self) -> PolicyStore:
        """See `PolicyStore`."""

    async def __aenter__(self) -> Self:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None, /
    ) -> None:
        """Undo whatever was not committed."""

    async def commit(self) -> None:
        """Make it lasting. Raises Unavailable when that failed."""


class Storage(Protocol):
    """Opens units of work."""

    def __call__(self, *, writing: bool = True) -> UnitOfWork:
        """A new one; reading ones do not hold the write lock and cannot commit."""

    def releasing(self, asking: Asking) -> UnitOfWork:
        """One for a single release, which shares its transaction with others that came at the same time.

        What is read in it was read at its beginning, after the handover and everybody whom it concerns were locked; what
        is written in it is written at its commit. Entering, `commit`, and whatever a release does not usually need raise
        Unforeseen when that cannot be had.
        """

    async def scrub(self, *, thoroughly: bool = False) -> bool:
        """Take what was erased out of the files too, as far as the database lets us; never raises, never waits long.

        `thoroughly` also where that is work (PostgreSQL's VACUUM). False when a reader was in the way: try again later.
        """
