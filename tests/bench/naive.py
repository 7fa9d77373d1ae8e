"""The same release as ours, written the obvious way: one endpoint, SQLAlchemy ORM, and everything worked out anew each time.

`python -m tests.bench.naive PORT` with `NAIVE` (JSON, see `Plan`) in the environment. On a copy of the same database, as safe as
ours: token, tags of facts and signatures of records verified, rules asked, section opened, entry, openings and messages kept in
one transaction, receipt signed. It remembers nothing, and leaves out rates, tree and sending: those would make it slower.
"""

import json
import os
import secrets
import sys
from collections import defaultdict
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Any

import cedarpy
import jwt
import sqlalchemy as sa
from fastapi import Depends, FastAPI, Header, HTTPException
from pydantic import BaseModel
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker
from sqlalchemy.orm import registry
from uuid_utils import uuid7

from broker.crypto.envelopes import FieldCipher, Vault
from broker.crypto.keyring import KeyPurpose, Keyring, load_keyring
from broker.crypto.pseudonyms import Pseudonymiser
from broker.crypto.signatures import LogSigner, RecordNotary
from broker.domain.basis import basis_text
from broker.domain.consents import ConsentRecord
from broker.domain.decisions import PolicyQuestion, Ruling, SectionDecision
from broker.domain.events import EncodedEntry, EntryId, EventType, LogEvent, Personal
from broker.domain.handovers import Handover, HandoverState, LegalBasis, Section
from broker.domain.matters import RAISING
from broker.domain.parties import Authority, Inability, Organisation, Person, Professional, Recipient
from broker.domain.ports import SealedSection, place_of
from broker.domain.releases import ReleaseRequest, Situation, decide, findings, policy_question
from broker.domain.stores import Appended, Receipt
from broker.domain.telling import told_of
from broker.pdp.entities import entities_of, request_of
from broker.pdp.policy_set import RULES, SCHEMA, load
from broker.storage import tables as t
from broker.storage.openings import sealed_by_owner
from broker.transparency.entries import encode
from broker.transparency.ledger import receipt_document
from tests.bench.floors import engine_of, serve

PATH = "/naive"
VALUES = 13
"""Every leaf commits to at least so many values, as ours does."""
TEXT = "Iemand heeft iets gelezen waarover jij ja zei. Kijk wie op {address} met je code."
_registry = registry()


def _mapped(table: sa.Table) -> Any:
    """A class for a table of ours."""
    made = type(table.name.title().replace("_", ""), (), {})
    _registry.map_imperatively(made, table)
    return made


OrganisationRow, HandoverRow, RecipientRow = map(_mapped, (t.organisation, t.handover, t.handover_recipient))
SectionRow, SectionPersonRow = map(_mapped, (t.section, t.section_person))
PersonRow, ClaimRow, AuthorityRow, ContactRow = map(_mapped, (t.person, t.person_claim, t.authority, t.contact))
RecordRow, MatterRow, MuteRow, PasskeyRow = map(_mapped, (t.consent_record, t.matter, t.mute, t.signer_passkey))
ReleaseRow, ReleaseSectionRow, OutboxRow = map(_mapped, (t.release, t.release_section, t.outbox))
EntryRow, QueueRow, OpeningRow = map(_mapped, (t.log_entry, t.log_queue, t.log_opening))
SubjectKeyRow, SubjectIndexRow = map(_mapped, (t.log_subject_key, t.log_subject_index))


@dataclass(frozen=True, slots=True)
class Plan:
    """What it stands on."""

    database_url: str
    keys: str
    policies: str
    public_url: str


class Ask(BaseModel):
    """As of our own."""

    handover: str
    purpose: str


class Naive:
    """One request at a time is worked out with this; it is made anew for each."""

    def __init__(self, plan: Plan, keyring: Keyring, db: AsyncSession) -> None:
        self._plan, self._keyring, self._db = plan, keyring, db
        self._fields, self._tags, self._vault = FieldCipher(keyring), Pseudonymiser(keyring), Vault(keyring)
        self._notary, self._signer = RecordNotary(keyring, f"{plan.public_url}/mine"), LogSigner(keyring)

    def who(self, authorization: str) -> Professional:
        """Whoever holds the token."""
        token = authorization.removeprefix("Bearer ")
        try:
            key = self._keyring.get(KeyPurpose.TOKENS, jwt.get_unverified_header(token)["kid"])
            if key is None:
                raise HTTPException(401)
            issuer = self._plan.public_url
            said = jwt.decode(token, key.public, algorithms=["EdDSA"], audience=issuer, issuer=issuer)
        except jwt.PyJWTError:
            raise HTTPException(401) from None
        return Professional(said["sub"], said["client_id"], said["role"], said.get("client_key", ""))

    async def handover(self, identity: str) -> tuple[Handover, Mapping[str, Any]]:
        """The handover, and the rows of its sections."""
        row = await self._db.get(HandoverRow, identity, with_for_update={"read": True})
        if row is None:
            raise HTTPException(404)
        recipients = await self._all(RecipientRow, t.handover_recipient.c.handover == row.id)
        current = sa.and_(t.section.c.handover == row.id, t.section.c.version == row.version)
        sections = await self._all(SectionRow, current)
        people = await self._all(SectionPersonRow, t.section_person.c.section.in_([s.id for s in sections]))
        basis = json.loads(self._fields.open(f"handover:{row.id}:basis", row.basis_sealed))
        made = Handover(
            id=row.id,
            version=row.version,
            sender=row.sender,
            kind=row.kind,
            purpose=row.purpose,
            language=row.language,
            subject=row.subject,
            recipients=tuple(Recipient(r.organisation, r.role) for r in recipients),
            sections=tuple(_section(s, people) for s in sorted(sections, key=lambda s: s.position)),
            legal_basis=LegalBasis(basis["sender"], basis["recipient"]),
            discussed_with_family=row.discussed_with_family,
            consent_until=row.consent_until,
            retain_until=row.retain_until,
            state=HandoverState(row.state),
        )
        return made, {section.id: section for section in sections}

    async def situation(self, handover: Handover, who: Professional, agreement: Any) -> Situation:
        """Every fact that the decision rests on, held until the commit."""
        concerned = handover.concerned() | {handover.subject}
        holding = await self._all(AuthorityRow, t.authority.c.over.in_(concerned))
        everybody = concerned | {row.holder for row in holding}
        authorities = await self._all(AuthorityRow, t.authority.c.over.in_(everybody))
        passkeys = await self._all(PasskeyRow, t.signer_passkey.c.person.in_(everybody))
        held = sa.select(PersonRow).where(t.person.c.id.in_(everybody)).order_by(t.person.c.id)
        persons = (await self._db.scalars(held.with_for_update(read=True))).all()
        claims = await self._all(ClaimRow, t.person_claim.c.person.in_(everybody))
        facts, statements = self._facts(persons, claims, [*authorities, *passkeys])
        about = sa.and_(
            t.consent_record.c.person.in_(concerned),
            t.consent_record.c.sender == handover.sender,
            t.consent_record.c.purpose == handover.purpose,
        )
        records = await self._all(RecordRow, about)
        raising = sa.and_(t.matter.c.raises_evidence, t.matter.c.state.in_(RAISING))
        matters = await self._all(MatterRow, sa.and_(raising, t.matter.c.person.in_(everybody)))
        restored = await self._all(EntryRow, t.log_entry.c.type == EventType.LOG_RESTORED.value)
        return Situation(
            handover=handover,
            sender=await self._organisation(handover.sender),
            recipient=await self._organisation(who.organisation),
            people={person: facts[person] for person in concerned},
            authorities=tuple(
                Authority(row.holder, row.over, row.kind, row.since, row.until, facts[row.holder].judged == {None})
                for row in authorities
                if row.over in concerned
            ),
            statements=statements,
            records=tuple(self._record(row) for row in records),
            table=agreement.signers,
            doubted=frozenset(row.person for row in matters),
            sealed_only=agreement.vocabulary.sealed_only,
            expiring=agreement.vocabulary.expiring,
            restored=max((row.created_at for row in restored), default=None),
        )

    def _facts(
        self, persons: Iterable[Any], claims: Sequence[Any], others: Sequence[Any]
    ) -> tuple[dict[Any, Person], dict[Any, tuple[str, ...]]]:
        """Each person as the rules see them, and the lines that this comes from; raises where a tag does not hold."""
        births, judged = defaultdict(set), defaultdict(set)
        lines: dict[str, list[str]] = defaultdict(list)
        for row in claims:
            said = json.loads(self._fields.open(f"claim:{row.tag}", row.facts_sealed))
            _hold(row.tag, self._tags.tag("claim", row.person, row.organisation, *said.values()))
            births[row.person].add(date.fromisoformat(said["birth"]))
            judged[row.person].add(Inability(date.fromisoformat(said["review"])) if "review" in said else None)
            lines[row.person].append(f"{row.tag} {row.stated_at.isoformat()}")
        for row in (one for one in others if isinstance(one, AuthorityRow)):
            ends = row.until.isoformat() if row.until else ""
            stated = (row.over, row.holder, row.kind, row.since.isoformat(), ends, row.organisation)
            _hold(row.tag, self._tags.tag("authority", *stated))
            lines[row.over].append(row.tag)
        for row in (one for one in others if isinstance(one, PasskeyRow)):
            lines[row.person].append(row.tag)
        for row in persons:
            mine = sorted(lines[row.id])
            _hold(row.facts_tag or "", self._tags.tag("facts", row.id, *mine) if mine else "")
        ids = [row.id for row in persons]
        facts = {i: Person(i, frozenset(births[i]), frozenset(judged[i]) or frozenset({None})) for i in ids}
        return facts, {i: tuple(sorted(lines[i])) for i in ids}

    def _record(self, row: Any) -> ConsentRecord:
        record = self._notary.read(row.statement)  # a fresh notary: it verifies
        _hold(row.id, record.id)
        return record

    async def _organisation(self, oin: str) -> Organisation:
        row = await self._db.get(OrganisationRow, oin)
        assert row is not None
        said = [row.oin, row.name, row.kind, row.suspended, row.sealing_key, row.jwks]
        _hold(row.row_tag, self._tags.tag("organisation", json.dumps(said)))
        return Organisation(row.oin, row.name, row.kind, row.suspended, row.sealing_key)

    def opened(self, handover: Handover, section: Section, row: Any) -> str:
        """The content, in clear."""
        sealed = SealedSection(row.ciphertext, row.wrapped_key, row.kid, row.mark)
        clear = self._vault.open(place_of(handover, section), sealed)
        assert clear is not None
        return clear.decode()

    async def logged(self, event: LogEvent) -> Appended:
        """The entry and its openings, as rows that wait for the commit."""
        entry: EncodedEntry = encode(event, EntryId(str(uuid7())), lambda: secrets.token_bytes(16))
        receipt = Receipt(*self._signer.receipt(entry.leaf))
        self._db.add(
            EntryRow(
                entry_id=entry.id,
                leaf=entry.leaf,
                leaf_hash=entry.leaf_hash,
                receipt_kid=receipt.kid,
                receipt_sig=receipt.signature,
                type=event.type.value,
                organisation=event.organisation or "",
                counterpart=event.counterpart or "",
                outcome=str(event.facts.get("outcome", "")),
                created_at=event.at,
            )
        )
        await self._db.flush()
        self._db.add(QueueRow(entry_id=entry.id))
        keys = {owner: await self._key(owner) for owner in sorted({o.owner for o in entry.openings})}
        for row in sealed_by_owner(self._vault, entry.id, entry.openings, keys):
            self._db.add(OpeningRow(entry_id=entry.id, **row._asdict()))
        self._db.add_all(SubjectIndexRow(tag=tag, entry_id=entry.id) for tag, _ in keys.values())
        return Appended(entry, receipt)

    async def _key(self, owner: str) -> tuple[str, bytes]:
        tag = self._tags.tag("log-subject", owner)
        row = await self._db.get(SubjectKeyRow, tag)
        if row is not None:
            return tag, self._vault.open_subject_key(tag, row.wrapped_key)
        insert = postgresql.insert if self._db.get_bind().dialect.name == "postgresql" else sqlite.insert
        new = insert(SubjectKeyRow).values(tag=tag, wrapped_key=self._vault.new_subject_key(tag)[1])
        await self._db.execute(new.on_conflict_do_nothing())  # somebody may be first
        return await self._key(owner)

    async def told(self, situation: Situation, permitted: Sequence[SectionDecision], now: datetime) -> None:
        """A message for everybody who is to hear of it."""
        told = told_of(permitted, situation.people, situation.table, now)
        sender = situation.handover.sender
        muted = {row.person for row in await self._all(MuteRow, t.mute.c.person.in_(told))}
        found = await self._all(
            ContactRow, sa.and_(t.contact.c.person.in_(told.keys() - muted), t.contact.c.organisation == sender)
        )
        first = {row.person: row for row in sorted(found, key=lambda row: row.id, reverse=True)}
        for row in first.values():
            message = {
                "to": self._fields.open(f"contact:{row.tag}", row.value_sealed),
                "channel": row.channel,
                "kind": "was-read",
                "language": "nl",
                "text": TEXT.format(address=self._plan.public_url),
            }
            identity = str(uuid7())
            sealed = self._fields.seal(f"outbox:{identity}", json.dumps(message))
            self._db.add(OutboxRow(id=identity, message_sealed=sealed, handover=None, tries=0, next_try_at=now))

    async def _all(self, kind: Any, wanted: Any) -> Sequence[Any]:
        return (await self._db.scalars(sa.select(kind).where(wanted))).all()


def _section(row: Any, people: Iterable[Any]) -> Section:
    mine = [one for one in people if one.section == row.id]
    concerns = frozenset(one.person for one in mine if one.concerned)
    shielded = frozenset(one.person for one in mine if one.shielded)
    return Section(row.id, row.type, concerns, row.media_type, shielded)


def _hold(stored: str, computed: str) -> None:
    if stored != computed:
        raise HTTPException(500)


def _ruling(texts: Mapping[str, str], question: PolicyQuestion, digest: str) -> Ruling:
    """What the agreement says: its text is handed to Cedar, which parses it, as its manual does."""
    answer = cedarpy.is_authorized(request_of(question), texts[RULES], entities_of(question), texts[SCHEMA])
    rules = tuple(sorted(answer.diagnostics.id_annotations_by_reason.values()))
    errors = len(answer.diagnostics.errors)
    return Ruling(answer.decision is cedarpy.Decision.Allow and not errors, rules, digest, errors)


def _event(
    release: str,
    request: ReleaseRequest,
    situation: Situation,
    sections: Sequence[SectionDecision],
    digest: str,
    now: datetime,
) -> LogEvent:
    """As ours: who, about whom, which sections and why, and what it rested on."""
    handover, who = situation.handover, request.professional
    why = [
        {
            "section": one.section.id,
            "type": one.section.type,
            "told": one.told.value if one.told else "",
            "rules": list(one.ruling.rules),
            "errors": one.ruling.errors,
            "reactions": [],
            "signers": [
                {**asdict(f), "stance": f.stance.value, "gap": f.gap.value if f.gap else ""} for f in one.findings
            ],
        }
        for one in sections
    ]
    personal = [
        Personal(who.id, "professional", who.id),
        Personal(who.id, "role", who.role),
        Personal(handover.subject, "subject", handover.subject),
        Personal(handover.subject, "handover", handover.id),
        Personal(handover.subject, "decision", json.dumps(why, sort_keys=True)),
        Personal(handover.subject, "basis", basis_text(request, situation, now)),
    ]
    personal += [Personal(handover.subject, "concerned", "")] * (VALUES - len(personal))
    facts = {"release": release, "outcome": "permitted", "purpose": request.purpose, "policy": digest, **who.vouched}
    return LogEvent(EventType.RELEASE_PERMITTED, now, who.organisation, handover.sender, facts, tuple(personal))


def app_of(plan: Plan) -> FastAPI:
    """The application."""
    app, keyring, agreement = FastAPI(), load_keyring(Path(plan.keys)), load(Path(plan.policies))
    engine, writing = engine_of(plan.database_url)
    sessions = async_sessionmaker(engine, expire_on_commit=False)

    async def session() -> AsyncIterator[AsyncSession]:
        async with writing(), sessions() as opened:
            yield opened

    @app.post(PATH)
    async def release(
        ask: Ask, db: Annotated[AsyncSession, Depends(session)], authorization: Annotated[str, Header()]
    ) -> dict[str, Any]:
        naive, now = Naive(plan, keyring, db), datetime.now(UTC)
        who = naive.who(authorization)
        handover, rows = await naive.handover(ask.handover)
        if not handover.addressed_to(who.organisation, who.role):
            raise HTTPException(404)
        situation = await naive.situation(handover, who, agreement)
        request = ReleaseRequest(who, handover.id, ask.purpose)
        me = Recipient(who.organisation, who.role)
        found = {section: findings(situation, section, me, now) for section in handover.sections}
        asked = {s: policy_question(situation, s, who.role, ask.purpose, found[s], now) for s in handover.sections}
        rulings = {s: _ruling(agreement.texts, question, agreement.digest) for s, question in asked.items()}
        decision = decide(request, situation, found, rulings, now)
        if not decision.permitted:
            raise HTTPException(403)
        contents = [naive.opened(handover, d.section, rows[d.section.id]) for d in decision.permitted]
        identity = str(uuid7())
        event = _event(identity, request, situation, decision.sections, agreement.digest, now)
        appended = await naive.logged(event)
        kept = {"organisation": who.organisation, "role": who.role, "created_at": now}
        db.add(ReleaseRow(id=identity, entry_id=appended.entry.id, handover=handover.id, professional=who.id, **kept))
        await db.flush()
        db.add_all(ReleaseSectionRow(release=identity, section=d.section.id) for d in decision.permitted)
        await naive.told(situation, decision.permitted, now)
        await db.commit()
        mine = [opening for opening in appended.entry.openings if opening.owner == who.id]
        where = f"{plan.public_url}/v1/log/proofs/{appended.entry.id}"
        return {
            "id": identity,
            "released": [
                {"type": d.section.type, "mediaType": d.section.media_type, "content": content}
                for d, content in zip(decision.permitted, contents, strict=True)
            ],
            "policyDigest": agreement.digest,
            "receipt": receipt_document(appended, None, where, mine),
        }

    return app


if __name__ == "__main__":
    serve(app_of(Plan(**json.loads(os.environ["NAIVE"]))), int(sys.argv[1]))
