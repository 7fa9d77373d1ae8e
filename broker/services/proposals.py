"""Another agreement: the operator proposes it, two privacy officers approve its very text with their passkeys.

1. Only who is signed in, still is an officer and has two passkeys, approves; with one of their own, whose making is in the log.
2. The passkey signs a challenge over the text's digest, the proposal, its first moment, the officer and a fresh nonce
   of ours, with its user verified. It is good for five minutes and once.
3. The text is loaded and digested again: what is approved is what is there.
4. A second approval by the same officer, and one of a proposal that lapsed, are refused.
5. Approval, log entry and evidence are one commit; nothing is decided with a proposal before two of them.
"""

import asyncio
import base64
import difflib
import json
import secrets
from collections.abc import Mapping
from datetime import datetime

from broker.domain.approvals import (
    ANSWER_WITHIN,
    FURTHEST,
    LONGEST_REASON,
    NEEDED,
    ProposalState,
    challenge,
    state_of,
)
from broker.domain.officers import Right
from broker.domain.parties import OfficerId
from broker.domain.ports import AgreementInForce, Passkey
from broker.domain.stores import OfficerRow, Proposal, UnitOfWork, Visit
from broker.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound, Words
from broker.services.approvals import approvers, keep_approval, keep_proposal, proposed
from broker.services.house import guarded
from broker.services.impact import impact_of
from broker.services.officers import fingerprint, withdraw
from broker.services.proposal_screens import (
    AgreementScreen,
    CountedEffect,
    FileChange,
    ProposalDetail,
    ProposalEffect,
    ProposalRow,
)
from broker.services.queue import Queue

SHOWN = 20


class Proposals(Queue):
    """The use cases around the agreement: of the operator, and of a privacy officer who signed in."""

    # the operator

    async def propose(self, agreement: AgreementInForce, reason: str, starts: datetime | None = None) -> Proposal:
        """Propose an agreement that was checked. Raises Conflict where the folder decides, or when it is in force already."""
        house, now = self._house, self._house.clock()
        if not house.agreements.officers:
            raise Conflict(_BY_FOLDER, code="agreement-by-folder")
        why = " ".join(reason.split())
        if not 0 < len(why) <= LONGEST_REASON:
            raise Invalid.at(
                "/reason",
                f"Zeg waarom, in hoogstens {LONGEST_REASON} tekens.",
                f"Say why, in at most {LONGEST_REASON} signs.",
            )
        begins = starts or now
        if begins > now + FURTHEST:
            raise Invalid.at("/from", "Kies een dag binnen een jaar.", "Choose a day within a year.")
        async with house.storage() as work:
            current = await house.agreements.within(work)
            row = await work.policies.in_force()
            if row is None:
                raise Conflict(_NONE_YET, code="agreement-in-force")
            if current.digest == agreement.digest:
                raise Conflict(_IN_FORCE, code="agreement-in-force")
            wider = agreement.widens(current)
            proposal = Proposal(house.ids(), agreement.digest, row.number, wider, begins, why, now, "")
            await keep_proposal(work, proposal, agreement.texts)
            await work.commit()
        house.log.kick()
        return proposal

    async def officers_known(self) -> tuple[OfficerRow, ...]:
        """Every officer, for the operator."""
        async with self._house.storage(writing=False) as work:
            return tuple(await work.officers.all())

    async def withdraw_officer(self, officer: str) -> None:
        """Somebody is no officer any more: no visit, passkey or approval of theirs counts. Raises NotFound."""
        house, now = self._house, self._house.clock()
        async with house.storage() as work:
            await withdraw(work, OfficerId(officer), now, {"by": "operator"})
            await work.commit()
        house.log.kick()

    # the officers

    async def agreement(self, token: str) -> AgreementScreen:
        """What is in force, since when, and what was proposed. Looking changes nothing; nothing in it is about anybody."""
        async with self._house.storage(writing=False) as work:
            await self.acting(work, token, Right.AGREEMENT)
            current = await work.policies.in_force()
            rows = [await self._listed(work, proposal) for proposal in await work.policies.proposals(SHOWN)]
            history = tuple(await work.policies.history(SHOWN))
        return AgreementScreen(
            number=current.number if current else 0,
            digest=current.digest if current else "",
            since=current.since if current else None,
            refused=self._house.agreements.refused,
            proposals=tuple(rows),
            history=history,
        )

    async def _listed(self, work: UnitOfWork, proposal: Proposal) -> ProposalRow:
        proposal = await proposed(work, self._house.log, proposal.id)
        by = await approvers(work, self._house.log, proposal)
        return ProposalRow(
            id=proposal.id,
            digest=proposal.digest,
            wider=proposal.wider,
            starts=proposal.starts,
            at=proposal.at,
            approved_by=by,
            state=await _state(work, proposal, len(by)),
        )

    async def proposal(self, token: str, proposal_id: str) -> ProposalDetail:
        """One proposal, with every line that it changes. Raises NotFound."""
        async with self._house.storage(writing=False) as work:
            officer = (await self.acting(work, token, Right.AGREEMENT)).officer
            proposal = await proposed(work, self._house.log, proposal_id)
            row = await self._listed(work, proposal)
            digest = await _instead_of(work, proposal)
            old = await work.policies.texts(digest) if digest else {}
            new = await self._house.agreements.stored(work, proposal.digest)  # 3
        can = row.state is ProposalState.WAITING and officer not in row.approved_by
        return ProposalDetail(row, proposal.reason, _changes(old or {}, new.texts), can, NEEDED)

    async def effect(self, token: str, proposal_id: str) -> ProposalEffect:
        """What it would give and take: worked out for every question, and counted over what lies here. Takes seconds.

        Raises NotFound, and Unavailable when either of the two agreements cannot be worked out.
        """
        agreements = self._house.agreements
        async with self._house.storage(writing=False) as work:
            await self.acting(work, token, Right.AGREEMENT)
            proposal = await proposed(work, self._house.log, proposal_id)
            row, digest = await self._listed(work, proposal), await _instead_of(work, proposal)
            if not digest:
                raise NotFound
            old, new = await agreements.stored(work, digest), await agreements.stored(work, proposal.digest)
        difference = await asyncio.to_thread(new.compared, old)
        impact = await impact_of(self._house, old, new)
        label = new.vocabulary.label
        counted = tuple(
            CountedEffect(e.opens, label(e.section_type), e.organisation, label(e.role), e.sections, e.children)
            for e in impact.effects
        )
        return ProposalEffect(row, difference, impact.handovers, counted)

    async def approval_options(self, token: str, proposal_id: str) -> str:
        """What the browser needs to sign an approval. Raises NotFound and Conflict."""
        now = self._house.clock()
        async with self._house.storage() as work:
            visit = await self._signed_in(work, token)
            proposal = await self._open_to(work, proposal_id, OfficerId(visit.owner))
            nonce = secrets.token_bytes(32)  # 2
            ends = (now + ANSWER_WITHIN).timestamp()
            visit.state["approval"] = {"proposal": proposal.id, "nonce": base64.b64encode(nonce).decode(), "ends": ends}
            await work.visits.save(visit)
            await work.commit()
        asked = challenge(proposal.digest, proposal.id, proposal.starts, visit.owner, nonce)
        return self._passkeys.request(asked)

    async def approve(self, token: str, proposal_id: str, credential_json: str) -> ProposalState:
        """Approve with a passkey; says where the proposal stands then.

        Raises NotAllowed when the passkey's answer does not hold for this, Conflict when it was approved by this officer
        before or lapsed.
        """
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            owner = (await self.acting(work, token, Right.AGREEMENT)).officer
        await guarded(house, f"approve:{owner}", 20, 600)
        async with house.storage() as work:
            visit = await self._signed_in(work, token)
            officer = OfficerId(visit.owner)
            proposal = await self._open_to(work, proposal_id, officer)
            asked = visit.state.pop("approval", None)
            if asked is None or asked["proposal"] != proposal.id or now.timestamp() > asked["ends"]:
                raise NotAllowed(_NOT_ASKED, code="approval-not-asked")
            await work.visits.save(visit)
            passkey = await self._own_passkey(work, officer, credential_json)  # 1
            nonce = base64.b64decode(asked["nonce"])
            wanted = challenge(proposal.digest, proposal.id, proposal.starts, officer, nonce)
            await work.officers.used(self._passkeys.signed(credential_json, wanted, passkey), now)  # 2
            number = 1 + len(await work.policies.approvals(proposal.id))
            evidence = json.dumps({"nonce": asked["nonce"], "credential": json.loads(credential_json)}, sort_keys=True)
            await keep_approval(work, proposal, officer, number, evidence, now)
            await work.commit()  # 5
        house.log.kick()
        await house.agreements.activate(proposal.id)
        async with house.storage(writing=False) as work:
            return (await self._listed(work, proposal)).state

    async def _signed_in(self, work: UnitOfWork, token: str) -> Visit:
        visit = await self._at(work, token, "signed-in", lock=True)
        if not await work.officers.active(OfficerId(visit.owner), lock=True):
            raise NotAuthenticated
        await self.acting(work, token, Right.AGREEMENT)
        await self.equipped(work, OfficerId(visit.owner))
        return visit

    async def _open_to(self, work: UnitOfWork, proposal_id: str, officer: OfficerId) -> Proposal:
        """A proposal that this officer may still approve, with its text as it was digested. Raises Conflict."""
        proposal = await proposed(work, self._house.log, proposal_id)
        by = await approvers(work, self._house.log, proposal)
        if officer in by:
            raise Conflict(_BEFORE, code="approved-before")  # 4
        if await _state(work, proposal, len(by)) is not ProposalState.WAITING:
            raise Conflict(_OVER, code="proposal-over")  # 4
        await self._house.agreements.stored(work, proposal.digest)  # 3
        return proposal

    async def _own_passkey(self, work: UnitOfWork, officer: OfficerId, credential_json: str) -> Passkey:
        known = await work.officers.passkey(self._passkeys.credential_id(credential_json))
        if known is None or known[0] != officer:
            raise NotAllowed(_OTHER_PASSKEY, code="unknown-passkey")
        if fingerprint(known[1]) not in await self.own_passkeys(work, officer):
            raise NotAllowed(_NOT_IN_LOG, code="passkey-not-in-log")
        return known[1]


async def _instead_of(work: UnitOfWork, proposal: Proposal) -> str:
    """The digest of the agreement that it was proposed in the place of; empty when that is not known any more."""
    before = (one for one in await work.policies.history(10_000) if one.number == proposal.instead_of)
    return next((one.digest for one in before), "")


async def _state(work: UnitOfWork, proposal: Proposal, approvals: int) -> ProposalState:
    history = await work.policies.history(10_000)
    made_it = any(one.number == proposal.instead_of + 1 and one.digest == proposal.digest for one in history)
    return state_of(proposal.instead_of, history[0].number if history else 0, approvals, made_it=made_it)


def _changes(old: Mapping[str, str], new: Mapping[str, str]) -> tuple[FileChange, ...]:
    """Every file that differs, line by line."""
    changed = [path for path in sorted({*old, *new}) if old.get(path) != new.get(path)]
    return tuple(
        FileChange(
            path,
            "\n".join(
                difflib.unified_diff(
                    old.get(path, "").splitlines(), new.get(path, "").splitlines(), "voor", "na", n=2, lineterm=""
                )
            ),
        )
        for path in changed
    )


_BY_FOLDER = Words(
    "Hier geldt wat in de map staat (BROKER_AGREEMENT=folder). Zet de bestanden daarin.",
    "Here what lies in the folder counts (BROKER_AGREEMENT=folder). Put the files there.",
)
_NONE_YET = Words(
    "Er is nog niets in werking. Start eerst de broker: die begint met wat in zijn map staat.",
    "Nothing is in force yet. First start the broker: it begins with what lies in its folder.",
)
_IN_FORCE = Words(
    "Deze afspraken zijn al in werking. Er is niets voorgesteld.",
    "This agreement is in force already. Nothing was proposed.",
)
_NOT_ASKED = Words(
    "Deze goedkeuring hoort niet bij dit voorstel, of duurde te lang. Druk opnieuw op de knop.",
    "This approval does not belong to this proposal, or took too long. Press the button again.",
)
_BEFORE = Words(
    "U hebt dit al goedgekeurd. Een andere officer moet het ook doen.",
    "You approved this already. Another officer has to do so too.",
)
_OVER = Words(
    "Dit voorstel is al in werking, of er is inmiddels iets anders in werking. Laat het opnieuw voorstellen.",
    "This proposal is in force already, or something else is by now. Have it proposed anew.",
)
_OTHER_PASSKEY = Words(
    "Dit is niet uw eigen passkey. Gebruik die waarmee u zich aanmeldde.",
    "This is not your own passkey. Use the one that you registered.",
)
_NOT_IN_LOG = Words(
    "Van deze passkey staat niet in het logboek dat hij van u is. Vraag de beheerder om een nieuwe uitnodiging.",
    "The log does not say that this passkey is yours. Ask the operator for a new invitation.",
)
