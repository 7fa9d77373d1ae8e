"""What the pages ask of the use cases: two Protocols that the services satisfy and the tests fake.

- `token` is the opaque value of a cookie; `client` is the caller's address, a key for rate limits.
- Every refusal is a BrokerError with words; a method that returns has done what it says.
"""

from typing import Protocol

from broker.domain.overview import Overview
from broker.domain.own_plan import PlanWish
from broker.domain.reactions import ReactionKind
from broker.domain.tasks import Status
from broker.services.agreed import RulesScreen
from broker.services.check_ins import CheckInScreen
from broker.services.confirming import ConfirmScreen
from broker.services.files import ExportFile, ExportWanted, ProofFile
from broker.services.officer_screens import EntryDetail, MatterDetail, OfficerSession, QueuePage
from broker.services.own_lifeline import LifelineScreen
from broker.services.own_passkeys import PasskeyLine
from broker.services.own_report import OwnReport
from broker.services.own_tasks import TaskScreen
from broker.services.own_text import OwnTextLine, OwnTextScreen
from broker.services.plan_screens import PlanDraft, PlanForm, PlanLine, PlanText
from broker.services.proposal_screens import AgreementScreen, ProposalDetail, ProposalEffect
from broker.services.questionnaires import Choice, Questionnaire, Shown
from broker.services.screens import (
    CareFile,
    FamilySession,
    Mine,
    PartScreen,
    Reactions,
    ReactionScreen,
    ReceiptScreen,
    SignOffScreen,
)


class FamilyService(Protocol):
    """The use cases of a person who answers for themselves or for their child."""

    async def enter(self, code: str, client: str, language: str, *, chosen: bool = True) -> tuple[str, FamilySession]:
        """Begin a visit with an invitation code, in the person's own language unless the visitor `chosen` this one.

        Raises NotFound, TooMany or Conflict (the code has expired).
        """

    async def session(self, token: str) -> FamilySession | None:
        """The visit that the cookie belongs to, None when it is over. Changes nothing."""

    async def send_code(self, token: str, contact_id: str) -> None:
        """Send a one-time code to one of the person's own contacts. Raises TooMany."""

    async def verify(self, token: str, one_time_code: str, client: str) -> FamilySession:
        """Check the one-time code. Raises NotAllowed when it is wrong, TooMany when tried too often."""

    async def questionnaire(self, token: str, language: str) -> Questionnaire:
        """The questions, with the answers chosen so far. Raises Conflict when already answered."""

    async def choose(self, token: str, shown: Shown, choice: Choice, language: str) -> Questionnaire:
        """Keep a draft answer, for all recipients or for each; returns the questions as they are then. No consent yet.

        Raises NotFound or Conflict for another question than was shown, Invalid for other recipients than are asked about.
        """

    async def check_in(self, token: str) -> CheckInScreen:
        """The question how things go, of this visit. Raises NotFound when there is none."""

    async def say_how(self, token: str, how: str, words: str) -> None:
        """Remember what they say, for this visit alone. Raises Invalid with every fault, NotFound."""

    async def stop_check_ins(self, token: str) -> None:
        """Ask them no more; the visit is over. Raises NotFound."""

    async def confirm(self, token: str, language: str) -> str:
        """Make the consent records; returns the id of the receipt. Raises Conflict the second time."""

    async def receipt(self, token: str, receipt_id: str, language: str) -> ReceiptScreen:
        """One receipt of this person. Raises NotFound for any other."""

    async def confirmable(self, token: str, receipt_id: str) -> ConfirmScreen:
        """What of a receipt can be confirmed with a device. Raises NotFound as `receipt` does. Changes nothing."""

    async def passkeys(self, token: str) -> tuple[PasskeyLine, ...]:
        """The devices that this person added and still uses."""

    async def enrolment_options(self, token: str, receipt_id: str) -> str:
        """JSON for `navigator.credentials.create`. Raises NotFound, Conflict and TooMany."""

    async def enrol(self, token: str, credential_json: str) -> None:
        """Keep the new passkey. Raises NotAllowed, Conflict and TooMany."""

    async def confirmation_options(self, token: str, receipt_id: str) -> str:
        """JSON for `navigator.credentials.get`. Raises NotFound, Conflict and TooMany."""

    async def confirm_with_passkey(self, token: str, receipt_id: str, credential_json: str) -> str:
        """Confirm the receipt's answers; returns the new receipt's id. Raises NotAllowed, Conflict and TooMany."""

    async def stop_passkey(self, token: str, passkey_id: str) -> None:
        """Use a device no more. Raises NotFound for anybody else's."""

    async def send_receipt(self, token: str, receipt_id: str, contact_id: str) -> None:
        """Send word of it to one of their own contacts. Raises NotFound for any other, TooMany."""

    async def care_file(self, token: str, receipt_id: str, language: str) -> CareFile:
        """The receipt for a care system (FHIR), as it counts now. Raises NotFound as `receipt` does."""

    async def proof(self, token: str) -> ProofFile | None:
        """What they said and what was read, as a file; None while it waits for the log. Raises NotFound for nothing."""

    async def mine(self, token: str, language: str) -> Mine:
        """What this person said to this sender, and who read what."""

    async def withdraw(self, token: str, group_id: str, section_types: tuple[str, ...], language: str) -> str:
        """Stop sharing these section types with a group or with one of it alone; returns the id of the receipt."""

    async def want_messages(self, token: str, *, wanted: bool) -> None:
        """Whether this person wants a message each time that somebody reads something of this sender."""

    async def allow_check_ins(self, token: str) -> None:
        """This sender may ask them again how things go."""

    async def reactions(self, token: str) -> Reactions:
        """What this person may write about, and what they wrote."""

    async def part(self, token: str, part_id: str, kind: ReactionKind) -> PartScreen:
        """One part (or a whole handover) that they may write this about. Raises NotFound for any other."""

    async def react(self, token: str, part_id: str, kind: ReactionKind, text: str) -> str:
        """Keep what they write; returns its id. Raises Invalid with every fault, NotFound, TooMany."""

    async def reaction(self, token: str, reaction_id: str) -> ReactionScreen:
        """Something that they wrote. Raises NotFound for anything else."""

    async def plan_form(self, token: str) -> PlanForm:
        """What can be chosen for a plan of one's own. Raises NotAllowed when this person can write none now."""

    async def plan_draft(self, token: str, wish: PlanWish, language: str) -> PlanDraft:
        """The plan once more; nothing is kept. Raises Invalid with every fault, NotAllowed, Conflict for one too many."""

    async def keep_plan(self, token: str, wish: PlanWish, shown: str, language: str) -> str:
        """Keep it, with the writer's yes on the text that was `shown`; returns the id of the receipt.

        Raises Invalid, NotAllowed, Conflict when the question changed or there is one too many, TooMany.
        """

    async def own_plans(self, token: str) -> tuple[PlanLine, ...] | None:
        """What this person wrote, and who read it; opens nothing. None where the agreement knows no such plan."""

    async def plan_text(self, token: str, plan_id: str) -> PlanText:
        """One's own text again, once that it was shown is logged. Raises NotFound, NotAllowed, Conflict, TooMany."""

    async def change_plan(self, token: str, plan_id: str, text: str) -> None:
        """Another text in its place. Raises Invalid, NotFound, NotAllowed, Conflict, TooMany."""

    async def withdraw_plan(self, token: str, plan_id: str) -> None:
        """Destroy it. Raises NotFound for anybody else's."""

    async def sign_offs(self, token: str) -> tuple[SignOffScreen, ...]:
        """The parts of which this person can say whether they agree, with what they said."""

    async def sign_off(self, token: str, part_id: str) -> SignOffScreen:
        """One of them. Raises NotFound for any other."""

    async def sign(self, token: str, part_id: str, digest: str, text: str, *, agrees: bool) -> None:
        """Keep what they say of that version. Raises Invalid with every fault, NotFound, Conflict for another version, TooMany."""

    async def report(self, token: str, before: str = "") -> OwnReport:
        """Who read what, page by page, once that it was asked for is logged. Raises TooMany."""

    async def own_texts(self, token: str) -> tuple[OwnTextLine, ...]:
        """The texts about this person alone that they may read; opens nothing."""

    async def own_text(self, token: str, text_id: str) -> OwnTextScreen:
        """One of them, once that it was shown is logged. Raises NotFound, Conflict (sealed), TooMany."""

    async def lifeline(self, token: str) -> LifelineScreen:
        """What is written about the person, in order; logged. Raises NotFound and TooMany."""

    async def tasks(self, token: str) -> tuple[TaskScreen, ...]:
        """What was agreed in what this sender wrote, without its text; their own first."""

    async def change_task(self, token: str, task_id: str, status: Status) -> None:
        """Say how far something of their own is. Raises NotFound for anything else, Conflict, TooMany."""

    async def set_language(self, token: str, language: str) -> None:
        """Remember the language for this visit."""

    async def leave(self, token: str) -> None:
        """End the visit."""


class ConsoleService(Protocol):
    """The use cases of a privacy officer."""

    async def enter(self, invitation_code: str, client: str) -> tuple[str, OfficerSession]:
        """Begin with an invitation, to register a passkey. Raises NotFound, TooMany or Conflict."""

    async def session(self, token: str) -> OfficerSession | None:
        """The visit that the cookie belongs to, None when it is over. Changes nothing."""

    async def registration_options(self, token: str) -> str:
        """JSON for `navigator.credentials.create`."""

    async def register(self, token: str, credential_json: str) -> tuple[str, OfficerSession]:
        """Keep the new passkey; returns a new token, signed in."""

    async def sign_in_options(self, client: str) -> tuple[str, str]:
        """A short-lived token for the ceremony, and JSON for `navigator.credentials.get`."""

    async def sign_in(self, token: str, credential_json: str, client: str) -> tuple[str, OfficerSession]:
        """Check the passkey; returns a new token, signed in."""

    async def entry(self, token: str, entry_id: str) -> EntryDetail:
        """One line in full, with the reasons. Raises NotFound."""

    async def rules(self, token: str, entry_id: str) -> RulesScreen:
        """The rules behind one line, condition by condition. Raises NotFound."""

    async def overview(self, token: str) -> Overview:
        """Who may read what. Raises Unavailable."""

    async def queue(self, token: str) -> QueuePage:
        """What is in doubt, oldest first, and what was settled last."""

    async def matter(self, token: str, matter_id: str) -> MatterDetail:
        """One matter. Raises NotFound."""

    async def settle(self, token: str, matter_id: str, outcome: str, note: str) -> None:
        """Settle it. Raises Invalid with all that is wrong, NotFound, or Conflict when it was settled before."""

    async def download(self, token: str, wanted: ExportWanted) -> ExportFile:
        """A part of the log as a file; logged before its first byte. Raises Invalid, or Conflict when it would be empty."""

    async def agreement(self, token: str) -> AgreementScreen:
        """Which agreement is in force, and what is wrong with the one that is not."""

    async def proposal(self, token: str, proposal_id: str) -> ProposalDetail:
        """One proposed agreement, line by line. Raises NotFound."""

    async def effect(self, token: str, proposal_id: str) -> ProposalEffect:
        """What one would give and take, in words and in counts. Takes seconds. Raises NotFound and Unavailable."""

    async def approval_options(self, token: str, proposal_id: str) -> str:
        """JSON for `navigator.credentials.get`, to approve it. Raises NotFound and Conflict."""

    async def approve(self, token: str, proposal_id: str, credential_json: str) -> object:
        """Approve it with a passkey. Raises NotAllowed, NotFound and Conflict."""

    async def leave(self, token: str) -> None:
        """End the visit."""
