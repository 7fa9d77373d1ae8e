"""Organisations, professionals and people: facts side by side, as each organisation stated them."""

import hmac
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa

from broker.domain.parties import Oin, Organisation, PersonId, ProfessionalId, StatedContact
from broker.domain.reachability import Reachability
from broker.domain.stores import Contact, PersonClaim, Reach, StatedInability
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.contacts import value_tag
from broker.storage.rows import Store


class Organisations(Store):
    """See `OrganisationStore`."""

    async def add(self, organisation: Organisation, jwks: Sequence[Mapping[str, Any]]) -> None:
        """Add or replace one."""
        values = {
            "name": organisation.name,
            "kind": organisation.kind,
            "suspended": organisation.suspended,
            "jwks": json.dumps(list(jwks)),
            "sealing_key": organisation.sealing_key,
            "jwks_url": organisation.jwks_url,
            "bound_tokens": organisation.bound_tokens,
            "reachability": organisation.reachability.text,
            "region": organisation.region or None,
        }
        values["row_tag"] = self._row_tag(organisation, str(values["jwks"]))
        if not await self._insert_once(t.organisation, {"oin": organisation.oin, **values}):
            await self._run(sa.update(t.organisation).where(t.organisation.c.oin == organisation.oin).values(values))

    async def get(self, oin: str, *, lock: bool = False) -> Organisation | None:
        """By OIN; with `lock`, held until the commit."""
        mine = sa.select(t.organisation).where(t.organisation.c.oin == oin)
        row = await self._one(mine.with_for_update() if lock else mine)
        return self._organisation(row) if row else None

    async def jwks(self, oin: str) -> list[dict[str, Any]]:
        """Its public keys. Raises Tampered."""
        row = await self._one(sa.select(t.organisation).where(t.organisation.c.oin == oin))
        if row is None:
            return []
        self._organisation(row)
        return cast(list[dict[str, Any]], json.loads(row.jwks))

    async def all(self) -> Sequence[Organisation]:
        """Every partner, by name."""
        rows = await self._all(sa.select(t.organisation).order_by(t.organisation.c.name, t.organisation.c.oin))
        return [self._organisation(row) for row in rows]

    async def professional(self, oin: Oin, external: str, name: str, new_id: ProfessionalId) -> ProfessionalId:
        """The id of that worker, kept from the first time on; the name is kept as last stated."""
        tag = self._means.tags.tag("professional", oin, external)
        values = {"id": new_id, "organisation": oin, "tag": tag, "name_sealed": self._seal(f"professional:{tag}", name)}
        if await self._insert_once(t.professional, values):
            return new_id
        row = await self._one(
            sa.select(t.professional.c.id, t.professional.c.name_sealed).where(t.professional.c.tag == tag)
        )
        if self._unseal(f"professional:{tag}", row.name_sealed) != name:
            await self._run(
                sa.update(t.professional)
                .where(t.professional.c.tag == tag)
                .values(name_sealed=self._seal(f"professional:{tag}", name))
            )
        return ProfessionalId(row.id)

    async def expected(self, oin: Oin, external: str, new_id: ProfessionalId) -> ProfessionalId:
        """A new one has no name yet: their own organisation states it."""
        tag = self._means.tags.tag("professional", oin, external)
        values = {"id": new_id, "organisation": oin, "tag": tag, "name_sealed": self._seal(f"professional:{tag}", "")}
        if await self._insert_once(t.professional, values):
            return new_id
        row = await self._one(sa.select(t.professional.c.id).where(t.professional.c.tag == tag))
        return ProfessionalId(row.id)

    def _organisation(self, row: Any) -> Organisation:
        """The partner of a row that is whole: nobody put a key of their own in it. Raises Tampered."""
        said = (Oin(row.oin), row.name, row.kind, row.suspended, row.sealing_key, row.jwks_url, row.bound_tokens)
        values = (said, row.jwks, row.row_tag, row.reachability, row.region)
        known = self._means.partners.get(values)
        if known is not None:
            return known
        found = Organisation(*said, Reachability.read(row.reachability), row.region or "")
        if row.row_tag is None or not hmac.compare_digest(row.row_tag, self._row_tag(found, row.jwks)):
            raise Tampered
        return self._means.partners.keep(values, found)

    def _row_tag(self, o: Organisation, jwks: str) -> str:
        """Over all of it; what most partners do not have is only there where it is set, so that older tags still hold."""
        more: list[str | bool | None] = [o.jwks_url, o.bound_tokens] if o.jwks_url or o.bound_tokens else []
        more += [o.reachability.text, o.region] if o.reachability or o.region else []
        whole = json.dumps([o.oin, o.name, o.kind, o.suspended, o.sealing_key, jwks, *more])
        return self._means.tags.tag("organisation", whole)


class Persons(Store):
    """See `PersonStore`."""

    async def recognise(
        self, sender: Oin, reference: str, identifiers: Sequence[tuple[str, str]], new_id: PersonId
    ) -> PersonId:
        """An identifier goes before a reference: it is the stronger sign that two are the same person."""
        tags = [(self._means.tags.tag("identifier", system, value), system, value) for system, value in identifiers]
        tags.append((self._means.tags.tag("reference", sender, reference), "reference", reference))
        found = await self._all(
            sa.select(t.person_tag.c.tag, t.person_tag.c.person).where(
                t.person_tag.c.tag.in_([tag for tag, _, _ in tags])
            )
        )
        known = {row.tag: row.person for row in found}
        person = PersonId(next((known[tag] for tag, _, _ in tags if tag in known), new_id))
        if person == new_id:
            await self._run(sa.insert(t.person).values(id=new_id))
        for tag, kind, value in dict.fromkeys(tags):  # said twice is said once
            if tag not in known:
                values = {"tag": tag, "person": person, "kind": kind, "value_sealed": self._seal(f"tag:{tag}", value)}
                await self._run(sa.insert(t.person_tag).values(values))
        return person

    async def by_identifier(self, system: str, value: str) -> PersonId | None:
        """Look up by identifier, through its keyed pseudonym."""
        tag = self._means.tags.tag("identifier", system, value)
        row = await self._one(sa.select(t.person_tag.c.person).where(t.person_tag.c.tag == tag))
        return PersonId(row.person) if row else None

    async def state(
        self,
        person: PersonId,
        by: Oin,
        claim: PersonClaim,
        contacts: Sequence[StatedContact],
        now: datetime,
    ) -> None:
        """Keep what an organisation says, beside what others said; said again it becomes its latest."""
        facts = _facts(claim)
        tag = self._means.tags.tag("claim", person, by, *facts.values())
        values = {
            "id": self._means.ids(),
            "person": person,
            "organisation": by,
            "tag": tag,
            "facts_sealed": self._seal_json(f"claim:{tag}", facts),
            "stated_at": now,
        }
        await self._state(t.person_claim, values, {"stated_at": now})
        for contact in contacts:
            tag = self._means.tags.tag("contact", person, by, contact.channel, contact.value)
            latest = {
                "value_tag": value_tag(self._means.tags, contact.channel, contact.value),
                "source": contact.source,
                "verified": contact.verified,
                "stated_at": now,
            }
            values = {
                "id": self._means.ids(),
                "person": person,
                "organisation": by,
                "tag": tag,
                "channel": contact.channel,
                "value_sealed": self._seal(f"contact:{tag}", contact.value),
                **latest,
            }
            await self._state(t.contact, values, latest)

    async def _state(self, table: sa.Table, values: Mapping[str, Any], latest: Mapping[str, Any]) -> None:
        if not await self._insert_once(table, values):
            await self._run(sa.update(table).where(table.c.tag == values["tag"]).values(**latest))

    async def claims(self, person: PersonId, by: Oin) -> tuple[PersonClaim | None, Sequence[Contact]]:
        """The latest that this organisation said: facts, and the contacts stated with them; older ones are gone."""
        rows = await self._all(_mine(t.person_claim, (person,), by).order_by(t.person_claim.c.stated_at.desc()))
        c = t.person_claim.c
        latest = sa.select(sa.func.max(c.stated_at)).where(c.person == person, c.organisation == by).scalar_subquery()
        stated = _mine(t.contact, (person,), by).where(t.contact.c.stated_at >= latest)
        contacts = await self._all(stated.order_by(t.contact.c.id))
        claim = _claim(self._stated(rows[0])) if rows else None
        return claim, [Contact(r.id, r.channel, self._value(r), r.source, r.verified) for r in contacts]

    def _stated(self, row: Any) -> Mapping[str, str]:
        """What a claim says. Raises Tampered for a claim that was made about somebody else, or by another."""
        facts: Mapping[str, str] = self._unseal_json(f"claim:{row.tag}", row.facts_sealed)
        if row.tag != self._means.tags.tag("claim", row.person, row.organisation, *facts.values()):
            raise Tampered
        return facts

    def _value(self, row: Any) -> str:
        """What a contact is. Raises Tampered for a contact that was stated of somebody else, or by another."""
        value = self._unseal(f"contact:{row.tag}", row.value_sealed)
        if row.tag != self._means.tags.tag("contact", row.person, row.organisation, row.channel, value):
            raise Tampered
        return value

    async def contacts(self, person: PersonId) -> Sequence[Contact]:
        """Every way to reach them that anybody stated, each once."""
        rows = await self._all(sa.select(t.contact).where(t.contact.c.person == person).order_by(t.contact.c.id))
        found = [Contact(r.id, r.channel, self._value(r)) for r in rows]
        return list({(contact.channel, contact.value): contact for contact in found}.values())

    async def reach(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, Reach]:
        """For each of them the first contact of `claims`, in one look; who has none is left out."""
        rows = (await self._connection.execute(_REACH, {"persons": tuple(persons), "by": by})).all()
        first = {row.person: row for row in rows}
        return {PersonId(person): self._reach(row) for person, row in first.items()}

    def _reach(self, row: Any) -> Reach:
        return self._reached(row, self._language(row.claim_tag, row.facts_sealed))

    def _language(self, claim_tag: str, facts_sealed: bytes) -> str:
        facts: Mapping[str, str] = self._unseal_json(f"claim:{claim_tag}", facts_sealed)
        return facts["language"]

    def _reached(self, contact: Any, language: str) -> Reach:
        return Reach(Contact(contact.id, contact.channel, self._value(contact)), language)

    async def names(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, str]:
        """What this organisation calls these people."""
        rows = await self._all(_mine(t.person_claim, tuple(persons), by).order_by(t.person_claim.c.stated_at))
        return {PersonId(r.person): self._stated(r)["name"] for r in rows}


def _facts(claim: PersonClaim) -> dict[str, str]:
    """A claim as it is sealed; what is not stated is not there."""
    stated = {"name": claim.name, "birth": claim.birth.isoformat(), "language": claim.language}
    if claim.inability is None:
        return stated
    judged = claim.inability
    return {**stated, "unable": judged.reason, "assessor": judged.assessor, "review": judged.review.isoformat()}


def _claim(facts: Mapping[str, str]) -> PersonClaim:
    judged = None
    if "review" in facts:
        judged = StatedInability(facts["unable"], facts["assessor"], date.fromisoformat(facts["review"]))
    return PersonClaim(facts["name"], date.fromisoformat(facts["birth"]), facts["language"], judged)


def _latest_contacts() -> sa.Select[Any]:
    """The contacts that an organisation stated with its latest claim, per person; the first one comes last."""
    claim, contact, later = t.person_claim.c, t.contact.c, t.person_claim.alias().c
    same = sa.and_(later.person == claim.person, later.organisation == claim.organisation)
    newer = sa.exists().where(same, later.stated_at > claim.stated_at)
    stated = sa.and_(
        contact.person == claim.person,
        contact.organisation == claim.organisation,
        contact.stated_at >= claim.stated_at,
    )
    kept = (contact.id, contact.tag, contact.person, contact.organisation, contact.channel, contact.value_sealed)
    wanted = sa.and_(
        claim.person.in_(sa.bindparam("persons", expanding=True)), claim.organisation == sa.bindparam("by"), ~newer
    )
    joined = (
        sa.select(*kept, claim.tag.label("claim_tag"), claim.facts_sealed)
        .select_from(t.person_claim)
        .join(t.contact, stated)
    )
    return joined.where(wanted).order_by(contact.id.desc())


_REACH = _latest_contacts()
"""Made once: each release asks it."""


def _mine(table: sa.Table, persons: tuple[PersonId, ...], by: Oin) -> sa.Select[Any]:
    return sa.select(table).where(table.c.person.in_(persons), table.c.organisation == by)
