"""Contacts as keyed tags: the same phone or mailbox has the same tag, whoever stated it, and no tag gives it away."""

from collections.abc import Iterable, Sequence
from typing import Any, cast

import sqlalchemy as sa

from broker.domain.matters import SameContact, plain_contact
from broker.domain.parties import Authority, AuthorityKind, Oin, PersonId, ProfessionalId
from broker.domain.ports import Tagger
from broker.storage import tables as t
from broker.storage.rows import Store

NOT_TAGGED = "none"
"""What a contact has that was stated before contacts were compared; it is the same as no other."""


def value_tag(tags: Tagger, channel: str, value: str) -> str:
    """The tag of a phone number or mailbox."""
    return tags.tag("contact-value", channel, plain_contact(channel, value))


class Contacts(Store):
    """See `ContactStore`."""

    async def hold(self, contacts: Iterable[tuple[str, str]]) -> None:
        """Advisory locks in the order of the tags; on SQLite the writer's lock does it."""
        if self._connection.dialect.name != "postgresql":
            return
        for tag in sorted({value_tag(self._means.tags, channel, value) for channel, value in contacts}):
            key = int.from_bytes(tag.encode()[:8], signed=True)
            await self._connection.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))

    async def shared(self, persons: Iterable[PersonId]) -> Sequence[SameContact]:
        """By value tag, also contacts that were replaced since."""
        mine, theirs = t.contact.alias(), t.contact.alias()
        statement = (
            sa.select(
                mine.c.person,
                theirs.c.person.label("other"),
                mine.c.channel,
                mine.c.value_tag,
                mine.c.organisation,
                theirs.c.organisation.label("others"),
            )
            .join(theirs, sa.and_(mine.c.value_tag == theirs.c.value_tag, mine.c.person != theirs.c.person))
            .where(mine.c.person.in_(tuple(persons)), mine.c.value_tag != NOT_TAGGED)
            .order_by(mine.c.stated_at, mine.c.id, theirs.c.id)
        )
        rows = await self._all(statement)
        together = {_key(row) for row in rows if row.organisation == row.others}
        return [same(key, found, together=key in together) for key, found in _grouped(rows).items()]

    async def of_professionals(
        self, persons: Iterable[PersonId] = (), professional: ProfessionalId | None = None
    ) -> Sequence[SameContact]:
        """By value tag, also a person's contacts that were replaced since."""
        c, p = t.contact.c, t.professional_contact.c
        whose = c.person.in_(tuple(persons)) if professional is None else p.professional == professional
        statement = (
            sa.select(c.person, p.professional.label("other"), c.channel, c.value_tag, c.organisation)
            .join(t.professional_contact, p.value_tag == c.value_tag)
            .where(whose)
            .order_by(c.stated_at, c.id, p.professional)
        )
        return [same(key, found) for key, found in _grouped(await self._all(statement)).items()]

    async def keep(self, professional: ProfessionalId, contacts: Iterable[tuple[str, str]]) -> bool:
        """Replace them when they are others."""
        c = t.professional_contact.c
        now = {value_tag(self._means.tags, channel, value) for channel, value in contacts}
        before = {
            row.value_tag for row in await self._all(sa.select(c.value_tag).where(c.professional == professional))
        }
        if gone := before - now:
            await self._run(
                sa.delete(t.professional_contact).where(c.professional == professional, c.value_tag.in_(gone))
            )
        for tag in sorted(now - before):
            await self._insert_once(t.professional_contact, {"professional": professional, "value_tag": tag})
        return now != before

    async def authorities_of(self, persons: Iterable[PersonId]) -> Sequence[tuple[Oin, Authority]]:
        """As holder, or as who it is over."""
        wanted, c = tuple(persons), t.authority.c
        rows = await self._all(
            sa.select(t.authority).where(sa.or_(c.holder.in_(wanted), c.over.in_(wanted))).order_by(c.id)
        )
        return [
            (
                Oin(r.organisation),
                Authority(PersonId(r.holder), PersonId(r.over), cast(AuthorityKind, r.kind), r.since, r.until),
            )
            for r in rows
        ]


_Key = tuple[str, str, str, str]


def _key(row: Any) -> _Key:
    return row.person, row.other, row.channel, row.value_tag


def _grouped(rows: Iterable[Any]) -> dict[_Key, list[Oin]]:
    found: dict[_Key, list[Oin]] = {}
    for row in rows:
        stated_by = found.setdefault(_key(row), [])
        if row.organisation not in stated_by:
            stated_by.append(Oin(row.organisation))
    return found


def same(key: _Key, stated_by: Sequence[Oin], *, together: bool = False) -> SameContact:
    """What was found, as the rules see it."""
    person, other, channel, tag = key
    return SameContact(PersonId(person), other, channel, tag, tuple(stated_by), together)
