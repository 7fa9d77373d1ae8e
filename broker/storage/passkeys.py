"""Signers' passkeys: rows that are only added to, each sealed and tagged, and part of the whole of what is known of a person.

A row says that a passkey was made or that one is in use no more. What was changed, put in or left out in the database
does not come back: `authorities.py` has one tag over all that is known of a person, and these rows are in it.
"""

import base64
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from broker.domain.parties import PersonId
from broker.domain.passkeys import Enrolled, OwnPasskey
from broker.domain.ports import Passkey
from broker.errors import Tampered
from broker.storage import tables as t
from broker.storage.rows import Store

_MADE, _STOPPED = "made", "stopped"


class SignerPasskeys(Store):
    """See `SignerPasskeyStore`."""

    async def enrol(self, person: PersonId, passkey: Passkey, handle: bytes, now: datetime) -> bool:
        """Keep a new one; False when that credential is somebody's already, also one that was stopped."""
        facts = {
            "credential": _text(passkey.credential),
            "key": _text(passkey.public_key),
            "handle": _text(handle),
            "count": str(passkey.count),
        }
        return await self._add(person, _MADE, facts, now)

    async def stop(self, person: PersonId, passkey: OwnPasskey, now: datetime) -> bool:
        """It is in use no more; False when it was not already."""
        return await self._add(person, _STOPPED, {"credential": _text(passkey.credential)}, now)

    async def _add(self, person: PersonId, kind: str, facts: Mapping[str, str], now: datetime) -> bool:
        identity = self._means.ids()
        tag = self._tag(identity, person, kind, now, facts)
        values = {
            "id": identity,
            "person": person,
            "kind": kind,
            "credential_tag": self._means.tags.tag("passkey-credential", facts["credential"]),
            "tag": tag,
            "facts_sealed": self._seal_json(f"passkey:{tag}", facts),
            "stated_at": now,
        }
        return await self._insert_once(t.signer_passkey, values)

    def _tag(self, identity: str, person: str, kind: str, at: datetime, facts: Mapping[str, str]) -> str:
        return self._means.tags.tag("passkey", identity, person, kind, at.astimezone(UTC).isoformat(), *facts.values())

    async def of(self, person: PersonId) -> tuple[OwnPasskey, ...]:
        """All that were ever made for this person, oldest first; who asks for facts first knows that none is missing."""
        rows = (await self.rows({person})).get(person, ())
        return tuple(read(rows))

    async def rows(self, persons: Iterable[PersonId]) -> Mapping[PersonId, Sequence[tuple[Any, Mapping[str, str]]]]:
        """Every row about these persons with what it says, as it was put there. Raises Tampered."""
        c = t.signer_passkey.c
        mine = sa.select(t.signer_passkey).where(c.person.in_(tuple(persons))).order_by(c.id)
        return self.opened(await self._all(mine))

    def opened(self, rows: Iterable[Any]) -> Mapping[PersonId, Sequence[tuple[Any, Mapping[str, str]]]]:
        """These rows with what they say. Raises Tampered."""
        found: dict[PersonId, list[tuple[Any, Mapping[str, str]]]] = defaultdict(list)
        for row in rows:
            facts: Mapping[str, str] = self._unseal_json(f"passkey:{row.tag}", row.facts_sealed)
            if row.tag != self._tag(row.id, row.person, row.kind, row.stated_at, facts):
                raise Tampered
            found[PersonId(row.person)].append((row, facts))
        return found


def read(rows: Iterable[tuple[Any, Mapping[str, str]]]) -> list[OwnPasskey]:
    """What rows about one person say together."""
    rows = tuple(rows)
    stopped = {facts["credential"]: row.stated_at for row, facts in rows if row.kind == _STOPPED}
    return [
        OwnPasskey(
            id=row.id,
            credential=_raw(facts["credential"]),
            public_key=_raw(facts["key"]),
            handle=_raw(facts["handle"]),
            count=int(facts["count"]),
            since=row.stated_at,
            until=stopped.get(facts["credential"]),
        )
        for row, facts in rows
        if row.kind == _MADE
    ]


def enrolled(rows: Iterable[tuple[Any, Mapping[str, str]]]) -> tuple[Enrolled, ...]:
    """The same for whoever decides."""
    return tuple(Enrolled(one.fingerprint, one.since, one.until) for one in read(rows))


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _raw(text: str) -> bytes:
    return base64.b64decode(text)
