"""A signer confirms their yes with their own device: new records, each signed by a passkey of theirs; never needed to stop.

1. What is confirmed is worked out from the signer's records: each yes of one receipt that still is their latest word,
   in the same scope, until the same day, in the same capacity, on the same text. Never more.
2. The device signs the digests of those very statements and a nonce of ours: good once, for ten minutes, in that visit.
3. When the device answers all is locked and worked out again: who stopped or answered meanwhile has changed a digest,
   and nothing is confirmed.
4. Only a passkey of this very person that is in use counts; records, log, receipt and messages are one commit.
"""

import base64
import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from broker.domain.consents import ConsentRecord, Event, EvidenceLevel, RecordId, Stance, answered, standing_about
from broker.domain.notices import capacity
from broker.domain.parties import Oin, PersonId
from broker.domain.passkeys import MOST, Confirmation, OwnPasskey, challenge
from broker.domain.ports import Passkey
from broker.domain.releases import policy_question
from broker.domain.stores import UnitOfWork
from broker.errors import Conflict, NotAllowed, Words
from broker.services.facts import situation_of
from broker.services.own_passkeys import TOO_LATE, OwnPasskeys, PasskeyLine, answering, b64, in_use, raw, taken
from broker.services.recording import keep


@dataclass(frozen=True, slots=True)
class ConfirmScreen:
    """What can be confirmed of one receipt. `needed` are the sections that nobody gets before it is."""

    can: bool
    done: bool
    needed: tuple[Words, ...]
    passkeys: tuple[PasskeyLine, ...]

    @property
    def full(self) -> bool:
        """Whether another passkey cannot be made."""
        return len(self.passkeys) >= MOST


class Confirming(OwnPasskeys):
    """The use cases of a signer with a device of their own."""

    async def confirmable(self, token: str, receipt_id: str) -> ConfirmScreen:
        """What this receipt's page offers. Raises NotFound for anybody else's. Changes nothing."""
        now = self._house.clock()
        async with self._house.storage(writing=False) as work:
            _, invitation, signer = await self._verified(work, token)
            _, records = await self._kept(work, receipt_id, signer, invitation.sender)
            still = await self._still_yes(work, signer, invitation.sender, records, now)
            by_code = [r for r in still if r.evidence is EvidenceLevel.CODE]
            mine = await in_use(work, signer)
            return ConfirmScreen(
                can=bool(by_code),
                done=bool(still) and not by_code,
                needed=await self._needed(work, by_code, now),
                passkeys=tuple(PasskeyLine(one.id, one.since) for one in mine),
            )

    async def confirmation_options(self, token: str, receipt_id: str) -> str:
        """JSON for `navigator.credentials.get`. Raises Conflict when nothing of it is a yes by code any more."""
        house, now = self._house, self._house.clock()
        await self.checked_tries(token)
        async with house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)
            await self._kept(work, receipt_id, signer, invitation.sender)
            mine = await in_use(work, signer)
            if not mine:
                raise Conflict(_NONE_MADE, code="no-passkey")
            at = max(now, *(one.since for one in mine))  # brokers' clocks may differ: a passkey is made before it signs
            asked: dict[str, Any] = {
                "receipt": receipt_id,
                "nonce": b64(secrets.token_bytes(32)),
                "ends": self.ends(),
                "at": at.isoformat(),
                "keys": [one.fingerprint for one in mine],
                "ids": [],
            }
            prepared = await self._prepared(work, signer, invitation.sender, asked, now)
            if not prepared:
                raise Conflict(_NOTHING_LEFT, code="nothing-to-confirm")
            asked["ids"] = [record.id for record in prepared]
            asked["covers"] = await self._digests(work, prepared)
            visit.state["confirming"] = asked
            await work.visits.save(visit)
            await work.commit()
        wanted = challenge(asked["covers"], asked["keys"], raw(asked["nonce"]))
        return self._passkeys.request(wanted, tuple(one.credential for one in mine))

    async def confirm_with_passkey(self, token: str, receipt_id: str, credential_json: str) -> str:
        """Turn a yes by code into a yes by passkey; returns the new receipt's id.

        Raises NotAllowed when it took too long, or for a device that is not the person's or did not sign this; Conflict
        when an answer changed meanwhile. Then nothing is changed.
        """
        house, now = self._house, self._house.clock()
        await self.checked_tries(token)
        async with house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)
            asked = taken(visit, "confirming", now)  # 2
            if asked["receipt"] != receipt_id:
                raise NotAllowed(TOO_LATE, code="confirmation-not-asked")
            await work.authorities.hold({signer}, exclusively=True)  # 3
            prepared = await self._prepared(work, signer, invitation.sender, asked, now)
            if await self._digests(work, prepared) != asked["covers"]:
                raise Conflict(_CHANGED, code="answer-changed")
            passkey = await self._own(work, signer, asked, credential_json)  # 4
            confirmed = self._confirmed(prepared, passkey, asked, credential_json)
            receipt = await keep(work, house, signer, invitation.sender, confirmed, now)
            await work.visits.save(visit)
            await work.commit()
        house.log.kick()
        house.outbox_kick()
        return receipt

    async def _own(self, work: UnitOfWork, signer: PersonId, asked: dict[str, Any], credential_json: str) -> OwnPasskey:
        """The passkey that answered, with the highest count that is known of it. Raises NotAllowed for any other."""
        with answering():
            wanted = self._passkeys.credential_id(credential_json)
        for one in await in_use(work, signer):
            if one.credential == wanted and one.fingerprint in asked["keys"]:
                counts = [
                    _count(r.confirmation)
                    for r in await work.consents.by_signer(signer)
                    if r.confirmation and r.confirmation.fingerprint == one.fingerprint
                ]
                return replace(one, count=max([one.count, *counts]))
        raise NotAllowed(_OTHER_DEVICE, code="unknown-passkey")

    def _confirmed(
        self, prepared: Sequence[ConsentRecord], passkey: OwnPasskey, asked: dict[str, Any], credential_json: str
    ) -> tuple[ConsentRecord, ...]:
        wanted = challenge(asked["covers"], asked["keys"], raw(asked["nonce"]))
        known = Passkey(passkey.credential, passkey.public_key, passkey.count)
        with answering():
            self._passkeys.signed(credential_json, wanted, known)
            client_data, authenticator_data, signature = self._passkeys.answer(credential_json)
        confirmation = Confirmation(
            credential=_url(passkey.credential),
            public_key=_url(passkey.public_key),
            covers=tuple(asked["covers"]),
            keys=tuple(asked["keys"]),
            nonce=_url(raw(asked["nonce"])),
            client_data=client_data,
            authenticator_data=authenticator_data,
            signature=signature,
        )
        return tuple(replace(record, confirmation=confirmation) for record in prepared)

    async def _prepared(
        self, work: UnitOfWork, signer: PersonId, sender: Oin, asked: dict[str, Any], now: datetime
    ) -> tuple[ConsentRecord, ...]:
        """The statements that would be signed, numbered; the same again as long as nothing was said since."""  # 1
        _, records = await self._kept(work, asked["receipt"], signer, sender)
        still = await self._still_yes(work, signer, sender, records, now)
        serial = len(await work.consents.said_by(signer, sender))
        ids, at = asked["ids"], datetime.fromisoformat(asked["at"])
        fresh = [record for record in still if record.evidence is EvidenceLevel.CODE]
        if ids and len(ids) != len(fresh):
            raise Conflict(_CHANGED, code="answer-changed")
        return tuple(
            replace(
                record,
                id=RecordId(ids[n] if ids else self._house.ids()),
                evidence=EvidenceLevel.PASSKEY,
                at=at,
                serial=serial + 1 + n,
            )
            for n, record in enumerate(fresh)
        )

    async def _digests(self, work: UnitOfWork, prepared: Iterable[ConsentRecord]) -> list[str]:
        partners = {o.oin: o.name for o in await work.organisations.all()}
        return [self._house.notary.digest(record, partners) for record in prepared]

    async def _still_yes(
        self, work: UnitOfWork, signer: PersonId, sender: Oin, records: Iterable[ConsentRecord], now: datetime
    ) -> list[ConsentRecord]:
        """Each yes among these, as far as it still is the signer's latest word, and counts in the same capacity."""  # 1
        yes = [record for record in records if record.state is Stance.GIVEN]
        said, own = await work.consents.said_by(signer, sender), self._house.agreement().vocabulary.family_purposes
        _, authorities = await work.authorities.facts(frozenset(record.scope.person for record in yes))
        found: list[ConsentRecord] = []
        for record in yes:
            where = {
                cell: standing_about(said, signer, cell, authorities, now, record.handover, own)
                for cell in record.scope.cells()
            }
            latest = [
                cell
                for cell, one in where.items()
                if one.stance is Stance.GIVEN and one.record is not None and one.record.id == record.id
            ]
            if capacity(signer, record.scope.person, authorities, now) == record.capacity:
                found += answered(record, dict.fromkeys(latest, Event.GIVE), dict.fromkeys(latest, Stance.GIVEN))
        return found

    async def _needed(self, work: UnitOfWork, records: Iterable[ConsentRecord], now: datetime) -> tuple[Words, ...]:
        """The sections said yes to that the agreement gives somebody for a passkey, and nobody for a code."""
        agreement = self._house.agreement()
        needed: dict[str, None] = {}
        for record in records:
            handover = await work.handovers.get(record.handover)
            if handover is None or not handover.kept_at(now):
                continue
            for recipient in record.scope.recipients:
                situation = await situation_of(work, handover, recipient.organisation, agreement, now)
                for section in handover.sections:
                    if section.type in record.scope.section_types and record.scope.person in section.concerns:
                        question = policy_question(situation, section, recipient.role, handover.purpose, (), now)
                        code, passkey = (
                            agreement.decide(replace(question, evidence=level)).permitted
                            for level in (EvidenceLevel.CODE, EvidenceLevel.PASSKEY)
                        )
                        needed |= {section.type: None} if passkey and not code else {}
        return tuple(agreement.vocabulary.label(section_type) for section_type in needed)


def _count(confirmation: Confirmation) -> int:
    """The device's count when it signed (W3C Web Authentication Level 3, section 6.1: bytes 33 to 36)."""
    return int.from_bytes(base64.urlsafe_b64decode(confirmation.authenticator_data + "==")[33:37])


def _url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


_CHANGED = Words(
    "Je antwoord is intussen veranderd. Er is niets bevestigd. Kijk bij wat je hebt gezegd.",
    "Your answer changed meanwhile. Nothing was confirmed. Look at what you said.",
)
_NOTHING_LEFT = Words(
    "Er is hier niets meer om te bevestigen. Je hoeft niets te doen.",
    "There is nothing left to confirm here. You need not do anything.",
)
_NONE_MADE = Words(
    "Dit toestel is nog niet toegevoegd. Doe dat eerst.",
    "This device was not added yet. Do that first.",
)
_OTHER_DEVICE = Words(
    "Dit toestel is niet toegevoegd, of het is weggehaald. Gebruik je eigen toestel, of voeg dit eerst toe.",
    "This device was not added, or it was removed. Use your own device, or add this one first.",
)
