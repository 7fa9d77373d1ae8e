"""Organisations, professionals, people and authority: facts side by side, as each organisation stated them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Literal, cast

import sqlalchemy as sa

from broker.domain.parties import Authority, AuthorityKind, Oin, Organisation, Person, PersonId, ProfessionalId
from broker.domain.stores import AuthorityClaim, Contact, PersonClaim, Reach
from broker.storage import tables as t
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
        }
        if not await self._insert_once(t.organisation, {"oin": organisation.oin, **values}):
            await self._run(sa.update(t.organisation).where(t.organisation.c.oin == organisation.oin).values(values))

    async def get(self, oin: str) -> Organisation | None:
        """By OIN."""
        row = await self._one(sa.select(t.organisation).where(t.organisation.c.oin == oin))
        return _organisation(row) if row else None

    async def jwks(self, oin: str) -> list[dict[str, Any]]:
        """Its public keys."""
        row = await self._one(sa.select(t.organisation.c.jwks).where(t.organisation.c.oin == oin))
        return cast(list[dict[str, Any]], json.loads(row.jwks)) if row else []

    async def all(self) -> Sequence[Organisation]:
        """Every partner, by name."""
        rows = await self._all(sa.select(t.organisation).order_by(t.organisation.c.name, t.organisation.c.oin))
        return [_organisation(row) for row in rows]

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


def _organisation(row: Any) -> Organisation:
    return Organisation(Oin(row.oin), row.name, row.kind, row.suspended)


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
        contacts: Sequence[tuple[Literal["sms", "email"], str]],
        now: datetime,
    ) -> None:
        """Keep what an organisation says, beside what others said; said again it becomes its latest."""
        facts = {"name": claim.name, "birth": claim.birth.isoformat(), "language": claim.language}
        tag = self._means.tags.tag("claim", person, by, *facts.values())
        values = {
            "id": self._means.ids(),
            "person": person,
            "organisation": by,
            "tag": tag,
            "facts_sealed": self._seal_json(f"claim:{tag}", facts),
            "stated_at": now,
        }
        await self._state(t.person_claim, values, now)
        for channel, value in contacts:
            tag = self._means.tags.tag("contact", person, by, channel, value)
            values = {
                "id": self._means.ids(),
                "person": person,
                "organisation": by,
                "tag": tag,
                "channel": channel,
                "value_sealed": self._seal(f"contact:{tag}", value),
                "value_tag": self._means.tags.tag("contact-value", channel, value),
                "source": "unknown",
                "verified": False,
                "stated_at": now,
            }
            await self._state(t.contact, values, now)

    async def _state(self, table: sa.Table, values: Mapping[str, Any], now: datetime) -> None:
        if not await self._insert_once(table, values):
            await self._run(sa.update(table).where(table.c.tag == values["tag"]).values(stated_at=now))

    async def claims(self, person: PersonId, by: Oin) -> tuple[PersonClaim | None, Sequence[Contact]]:
        """The latest that this organisation said: facts, and the contacts stated with them; older ones are gone."""
        rows = await self._all(_mine(t.person_claim, (person,), by).order_by(t.person_claim.c.stated_at.desc()))
        c = t.person_claim.c
        latest = sa.select(sa.func.max(c.stated_at)).where(c.person == person, c.organisation == by).scalar_subquery()
        stated = _mine(t.contact, (person,), by).where(t.contact.c.stated_at >= latest)
        contacts = await self._all(stated.order_by(t.contact.c.id))
        facts = self._unseal_json(f"claim:{rows[0].tag}", rows[0].facts_sealed) if rows else None
        claim = PersonClaim(facts["name"], date.fromisoformat(facts["birth"]), facts["language"]) if facts else None
        return claim, [
            Contact(row.id, row.channel, self._unseal(f"contact:{row.tag}", row.value_sealed)) for row in contacts
        ]

    async def contacts(self, person: PersonId) -> Sequence[Contact]:
        """Every way to reach them that anybody stated, each once."""
        rows = await self._all(sa.select(t.contact).where(t.contact.c.person == person).order_by(t.contact.c.id))
        found = [Contact(r.id, r.channel, self._unseal(f"contact:{r.tag}", r.value_sealed)) for r in rows]
        return list({(contact.channel, contact.value): contact for contact in found}.values())

    async def reach(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, Reach]:
        """For each of them the first contact of `claims`, in one look; who has none is left out."""
        rows = (await self._connection.execute(_REACH, {"persons": tuple(persons), "by": by})).all()
        first = {row.person: row for row in rows}
        return {PersonId(person): self._reach(row) for person, row in first.items()}

    def _reach(self, row: Any) -> Reach:
        value = self._unseal(f"contact:{row.contact_tag}", row.value_sealed)
        language = self._unseal_json(f"claim:{row.tag}", row.facts_sealed)["language"]
        return Reach(Contact(row.id, row.channel, value), language)

    async def names(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, str]:
        """What this organisation calls these people."""
        rows = await self._all(_mine(t.person_claim, tuple(persons), by).order_by(t.person_claim.c.stated_at))
        return {PersonId(r.person): self._unseal_json(f"claim:{r.tag}", r.facts_sealed)["name"] for r in rows}


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
    columns = (claim.tag, claim.facts_sealed, contact.id, contact.person, contact.channel, contact.value_sealed)
    wanted = sa.and_(
        claim.person.in_(sa.bindparam("persons", expanding=True)), claim.organisation == sa.bindparam("by"), ~newer
    )
    joined = sa.select(*columns, contact.tag.label("contact_tag")).join(t.contact, stated)
    return joined.where(wanted).order_by(contact.id.desc())


_REACH = _latest_contacts()
"""Made once: each release asks it."""


def _mine(table: sa.Table, persons: tuple[PersonId, ...], by: Oin) -> sa.Select[Any]:
    return sa.select(table).where(table.c.person.in_(persons), table.c.organisation == by)


class Authorities(Store):
    """See `AuthorityStore`."""

    async def state(self, claims: Sequence[AuthorityClaim], by: Oin, now: datetime) -> None:
        """Keep what an organisation says about authority, beside what others said."""
        for claim in claims:
            a = claim.authority
            until = a.until.isoformat() if a.until else ""
            tag = self._means.tags.tag("authority", a.over, a.holder, a.kind, a.since.isoformat(), until, by)
            values = {
                "id": self._means.ids(),
                "over": a.over,
                "holder": a.holder,
                "kind": a.kind,
                "since": a.since,
                "until": a.until,
                "organisation": by,
                "tag": tag,
                "evidence_sealed": self._seal(f"authority:{tag}", claim.evidence),
                "stated_at": now,
            }
            await self._insert_once(t.authority, values)

    async def facts(self, persons: Iterable[PersonId]) -> tuple[Mapping[PersonId, Person], tuple[Authority, ...]]:
        """These persons as the rules see them: every birth date that anybody stated, every authority."""
        wanted = tuple(persons)
        claims = await self._all(
            sa.select(t.person_claim.c.person, t.person_claim.c.tag, t.person_claim.c.facts_sealed).where(
                t.person_claim.c.person.in_(wanted)
            )
        )
        births: dict[PersonId, set[date]] = {person: set() for person in wanted}
        for row in claims:
            stated = self._unseal_json(f"claim:{row.tag}", row.facts_sealed)["birth"]
            births[PersonId(row.person)].add(date.fromisoformat(stated))
        rows = await self._all(sa.select(t.authority).where(t.authority.c.over.in_(wanted)))
        authorities = tuple(
            Authority(PersonId(r.holder), PersonId(r.over), cast(AuthorityKind, r.kind), r.since, r.until) for r in rows
        )
        return {person: Person(person, frozenset(dates)) for person, dates in births.items()}, authorities

    async def hold(self, persons: Iterable[PersonId], *, exclusively: bool) -> None:
        """Row locks in the order of ids; on SQLite the writer's lock does it."""
        statement = sa.select(t.person.c.id).where(t.person.c.id.in_(tuple(persons))).order_by(t.person.c.id)
        await self._all(statement.with_for_update(read=not exclusively))
