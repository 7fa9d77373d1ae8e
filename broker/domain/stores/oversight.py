"""Messages to send, officers, and the agreements that were ever in force."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal, Protocol

from broker.domain.officers import Acting, OfficerRole
from broker.domain.parties import OfficerId, Oin
from broker.domain.ports import Passkey


@dataclass(frozen=True, slots=True)
class Message:
    """Something to send to one contact. Holds a code at most; never content, never what somebody said."""

    to: str = field(repr=False)
    channel: Literal["sms", "email"]
    kind: str
    language: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Taken:
    """A message that a courier holds for a while; None for one that does not open (which is an alarm)."""

    id: str
    message: Message | None
    tries: int
    """How often it was tried before."""


class OutboxStore(Protocol):
    """Messages that go out after the commit."""

    async def add(self, message: Message, message_id: str, now: datetime, *, handover: str = "") -> None:
        """Queue one; with the handover that it is about, if it should not go out after that was erased."""

    async def add_all(self, messages: Mapping[str, Message], now: datetime) -> None:
        """Queue several at once, by id."""

    async def take(self, now: datetime, until: datetime, limit: int) -> Sequence[Taken]:
        """What should go out now, oldest first: until then nobody else takes it up. This is one try of each."""

    async def again(self, later: Mapping[str, datetime]) -> None:
        """They did not go out; each is tried again then, by id."""

    async def give_back(self, messages: Collection[str], now: datetime) -> None:
        """They were taken and not tried: as if they never were, and due at once."""

    async def forget(self, messages: Collection[str]) -> None:
        """They went out, or were given up; nothing of them is kept."""


@dataclass(frozen=True, slots=True)
class OfficerRow:
    """A privacy officer, for the operator's list."""

    id: OfficerId
    name: str = field(repr=False)
    enrolled: bool
    withdrawn: bool
    role: OfficerRole = OfficerRole.OFFICER
    organisation: Oin | None = None
    passkeys: int = 0
    last_seen: datetime | None = None
    """When a passkey of theirs was last used."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """An agreement that was proposed in the place of the one with that number, from a moment on; `entry` is the log entry that says so."""

    id: str
    digest: str
    instead_of: int
    wider: bool
    starts: datetime
    reason: str = field(repr=False)
    at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class Approval:
    """The how-manieth approval of a proposal; `entry` is the log entry that says so."""

    proposal: str
    number: int
    officer: OfficerId
    at: datetime
    entry: str


@dataclass(frozen=True, slots=True)
class OfficerPasskey:
    """A passkey of an officer: when it was made, and when it was last used, if it was."""

    passkey: Passkey
    made: datetime
    used: datetime | None = None


class OfficerStore(Protocol):
    """Privacy officers, their invitations and passkeys."""

    async def invite(
        self,
        officer: OfficerId,
        name: str,
        code: str,
        expires: datetime,
        now: datetime,
        *,
        role: OfficerRole = OfficerRole.OFFICER,
        organisation: Oin | None = None,
    ) -> None:
        """A new officer with a one-time invitation."""

    async def acting(self, officer: OfficerId) -> Acting | None:
        """What they may do; None for somebody who was not let in, or is no officer any more."""

    async def enter(self, code: str, now: datetime) -> OfficerId | None:
        """Whose invitation that is, if it is still good."""

    async def enrol(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """Add the passkey and use up the invitation; False when it was used before."""

    async def passkey(self, credential: bytes) -> tuple[OfficerId, Passkey] | None:
        """By credential id."""

    async def used(self, passkey: Passkey, now: datetime) -> None:
        """Keep its new count, and when that was."""

    async def passkeys(self, officer: OfficerId) -> Sequence[OfficerPasskey]:
        """All of one officer, oldest first."""

    async def add_passkey(self, officer: OfficerId, passkey: Passkey, now: datetime) -> bool:
        """One more for somebody who is an officer already; False when that credential is anybody's."""

    async def remove_passkey(self, officer: OfficerId, credential: bytes) -> bool:
        """It is theirs no more; False when it was not."""

    async def all(self) -> Sequence[OfficerRow]:
        """Every officer, by id."""

    async def active(self, officer: OfficerId, *, lock: bool = False) -> bool:
        """Whether they were let in, and are still an officer; with `lock`, until the commit."""

    async def withdraw(self, officer: OfficerId, now: datetime) -> bool:
        """They are no officer any more; False when they were none."""


class OfficerLoginStore(Protocol):
    """Logins at organisations' own identity providers, each for one officer; nobody can be named from what is kept."""

    async def invited(self, officer: OfficerId) -> Acting | None:
        """What somebody would be let in for who was invited and did not come in yet; None for anybody else."""

    async def enrol(self, officer: OfficerId, issuer: str, subject: str, now: datetime) -> str:
        """Keep the login and use up the invitation; returns its tag, empty when either was taken (then: do not commit)."""

    async def officer(self, issuer: str, subject: str) -> tuple[OfficerId, str] | None:
        """For which officer that login stands, if they still are one, and its tag."""


@dataclass(frozen=True, slots=True)
class InForce:
    """An agreement put in force: the how-manieth, since when, and the log entry that says so."""

    number: int
    digest: str
    since: datetime
    entry: str


class PolicyStore(Protocol):
    """Every agreement that was ever in force, with its text."""

    async def keep(self, digest: str, texts: Mapping[str, str], now: datetime) -> None:
        """Keep a set's text, unless it is there already."""

    async def put_in_force(self, it: InForce) -> None:
        """From the commit on, this is the last one. Raises Conflict at the commit when its number is taken."""

    async def texts(self, digest: str) -> Mapping[str, str] | None:
        """The text of a set that was kept, by file; None when it is not there."""

    async def propose(self, proposal: Proposal) -> None:
        """Keep a proposal; its text is kept already."""

    async def proposal(self, proposal_id: str) -> Proposal | None:
        """By id."""

    async def proposals(self, limit: int) -> Sequence[Proposal]:
        """Newest first."""

    async def waiting(self, officer: OfficerId, needed: int) -> int:
        """How many may take the place of what is in force, lack approvals of officers, and have none of this one."""

    async def approve(self, approval: Approval) -> None:
        """Keep an approval. Raises Conflict at the commit when its number is taken, or the officer's is there."""

    async def approvals(self, proposal_id: str) -> Sequence[Approval]:
        """Of one proposal, in their order."""

    async def history(self, limit: int) -> Sequence[InForce]:
        """What was put in force, newest first."""

    async def in_force(self) -> InForce | None:
        """The one with the highest number; None before the first."""
