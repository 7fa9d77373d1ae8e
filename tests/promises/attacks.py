"""What the attacks on P01 to P04 share: families whose answers are made at once, and what may be in an answer.

An answer made here is what the pages make (the broker's own notary, lock and storage), without walking through them.
"""

import hashlib
import json
import secrets
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import httpx
import sqlalchemy as sa

from broker.client import ClientSealingKey
from broker.domain.consents import ConsentRecord, EvidenceLevel, NoticeRef, RecordId, Scope, Stance
from broker.domain.handovers import Handover
from broker.domain.parties import Oin, PersonId, Recipient
from broker.storage import tables as t
from tests.support.world import World

GIVEN, REFUSED, WITHDRAWN = Stance.GIVEN, Stance.REFUSED, Stance.WITHDRAWN
NOTICE = "Een vraag, zoals hij gesteld is."
NOTICE_DIGEST = hashlib.sha256(NOTICE.encode()).hexdigest()

TOM, JACK = "tom-to-school", "jack-to-gp"
NEEDED: dict[str, tuple[tuple[str, str], ...]] = {
    TOM: (("tom", "tom"), ("mother", "tom"), ("father", "tom"), ("father", "father")),
    JACK: (("mother", "jack"), ("father", "jack")),
}
"""(who must say yes, for whom): written down from the age table by hand; Tom is 13, Jack is 9."""
READER = {TOM: "ib-joris", JACK: "ha-vdberg"}
ALL = {TOM: ["safety-plan", "status", "voice-of-the-child"], JACK: ["analysis", "help-history"]}
"""What the reader gets when everybody says yes to everything; the agreement gives a school no parent-health."""


@dataclass
class Case:
    """One pushed handover, with people that no other handover of the world knows."""

    world: World
    name: str
    body: dict[str, Any]
    handover: Handover
    people: Mapping[str, PersonId]

    def record(
        self,
        signer: str,
        about: str,
        state: Stance = GIVEN,
        types: Iterable[str] | None = None,
        *,
        until: date | None = None,
        at: datetime | None = None,
        **scope: Any,
    ) -> ConsentRecord:
        """A record as the pages would make it; `scope` puts something else in its scope."""
        handover, house = self.handover, self.world.broker.house
        types = [section["type"] for section in self.body["sections"]] if types is None else types
        whole = {
            "sender": handover.sender,
            "recipients": handover.recipients,
            "purpose": handover.purpose,
            "section_types": tuple(types),
            "person": self.people[about],
            "until": until or handover.consent_until,
            **scope,
        }
        return ConsentRecord(
            id=RecordId(house.ids()),
            signer=self.people[signer],
            capacity="self" if signer == about else "parental",
            state=state,
            scope=Scope(**whole),
            notice=NoticeRef(NOTICE_DIGEST, "nl"),
            evidence=EvidenceLevel.CODE,
            handover=handover.id,
            at=at or house.clock(),
        )

    async def keep(
        self, record: ConsentRecord, state_it: Callable[[ConsentRecord], str] | None = None
    ) -> ConsentRecord:
        """Sign and store a record; `state_it` makes another statement of it than the broker's notary would."""
        house = self.world.broker.house
        async with house.storage() as work:
            await work.authorities.hold({record.signer}, exclusively=True)
            await work.consents.keep_notice(NOTICE_DIGEST, "nl", NOTICE, record.at)
            before = await work.consents.said_by(record.signer, record.scope.sender)
            record = replace(record, serial=len(before) + 1)
            await work.consents.add(record, (state_it or house.notary.sign)(record))
            await work.commit()
        return record

    async def says(self, signer: str, about: str, state: Stance = GIVEN, *args: Any, **more: Any) -> ConsentRecord:
        """One answer of one signer for one person; see `record`."""
        return await self.keep(self.record(signer, about, state, *args, **more))

    async def everybody_says_yes(self, *, but: Iterable[tuple[str, str]] = ()) -> None:
        """Every needed answer, except those of `but`."""
        for signer, about in NEEDED[self.name]:
            if (signer, about) not in but:
                await self.says(signer, about)

    async def ask(
        self, who: str | None = None, purpose: str | None = None, sections: list[str] | None = None
    ) -> httpx.Response:
        """Ask for a release over HTTP."""
        body: dict[str, Any] = {"handover": self.handover.id, "purpose": purpose or self.body["purpose"]}
        if sections is not None:
            body["sections"] = sections
        return await self.world.as_professional(who or READER[self.name], "POST", "/v1/releases", body)

    async def gets(
        self, who: str | None = None, purpose: str | None = None, sections: list[str] | None = None
    ) -> list[str]:
        """The types that leave, sorted. Whatever the answer, nothing else may be in it, and what left has its row."""
        before = await releases(self.world)
        response = await self.ask(who, purpose, sections)
        got = sorted(part["type"] for part in response.json().get("released", ()))
        assert response.status_code == (200 if got else response.status_code)
        assert response.status_code in (200, 403, 404, 500), response.text
        assert_only(self, response, got)
        assert await releases(self.world) - before == bool(got)
        return got


def assert_only(case: Case, response: httpx.Response, types: Iterable[str] = ()) -> None:
    """The text of these sections and of no others is in the answer."""
    wanted = set(types)
    said = " ".join(texts_in(response.json())) if response.content else ""
    for section in case.body["sections"]:
        for text in texts_in(section["content"]):
            if len(text) > 15:  # years and the like also stand in other sections
                assert (text in said) == (section["type"] in wanted), (section["type"], response.status_code)


def texts_in(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        return [text for part in value.values() for text in texts_in(part)]
    if isinstance(value, list):
        return [text for part in value for text in texts_in(part)]
    return [value] if isinstance(value, str) else []


def with_strangers(body: dict[str, Any], *, own_contacts: bool = False) -> dict[str, Any]:
    """The body, changed: fresh references, identifiers and (unless they are to be the family's own) contacts."""
    fresh = secrets.token_hex(4)
    body["reference"] += fresh
    for person in body["people"]:
        person["reference"] += fresh
        for identifier in person.get("identifiers", ()):
            identifier["value"] = f"{secrets.randbelow(10**9):09}"
        for contact in () if own_contacts else person.get("contacts", ()):
            mail = contact["channel"] == "email"
            contact["value"] = f"{fresh}.{contact['value']}" if mail else f"+316{secrets.randbelow(10**8):08}"
    return body


async def push(
    world: World,
    name: str,
    change: Callable[[dict[str, Any]], object] | None = None,
    *,
    own_contacts: bool = False,
    **more: Any,
) -> Case:
    """Push a family's handover, with fresh references and identifiers, so that nobody in it was seen before.

    Contacts are fresh too, unless it is to be the family's own: two people with one contact would be a doubt.
    """
    body = with_strangers(world.body(name), own_contacts=own_contacts)
    body.update(more)
    if change is not None:
        change(body)
    return await as_it_is(world, name, body)


async def as_it_is(world: World, name: str, body: dict[str, Any], *, sender: str | None = None) -> Case:
    """Push exactly this body."""
    response = await world.as_organisation(sender or world.sender(name), "POST", "/v1/handovers", body)
    assert response.status_code == 201, response.text
    async with world.broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(response.json()["id"])
        assert handover is not None
        return Case(world, name, body, handover, await work.handovers.people(handover.id))


async def registered(world: World, oin: str, key: ClientSealingKey | None) -> None:
    """This organisation opens with that key from now on."""
    async with world.broker.house.storage(writing=False) as work:
        partner, jwks = await work.organisations.get(oin), await work.organisations.jwks(oin)
    assert partner is not None
    text = json.dumps(key.public_jwk()) if key else None
    await world.broker.partners.add(replace(partner, sealing_key=text), jwks, unsealed=key is None)


def person(body: dict[str, Any], key: str) -> dict[str, Any]:
    """One of the people of a body."""
    return next(one for one in body["people"] if one["key"] == key)


async def rows(world: World, statement: sa.Executable) -> list[Any]:
    """What the broker's own role reads."""
    async with world.broker.database.engine.connect() as connection:
        await connection.execution_options(writing=False)  # do not wait for a writer, nor keep one waiting
        return list((await connection.execute(statement)).all())


async def releases(world: World) -> int:
    """How many releases are kept."""
    return int((await rows(world, sa.select(sa.func.count()).select_from(t.release)))[0][0])


async def entries(world: World, *types: str) -> list[str]:
    """The ids of the log entries of these types, oldest first."""
    found = sa.select(t.log_entry.c.entry_id).where(t.log_entry.c.type.in_(types)).order_by(t.log_entry.c.entry_id)
    return [row[0] for row in await rows(world, found)]


async def in_the_order_of_commits(world: World) -> list[tuple[int, Any]]:
    """(index, entry) of the whole log, read back."""
    await world.settle()
    async with world.broker.house.storage(writing=False) as work:
        return [
            (found.index, world.broker.ledger.read(found.leaf, await work.log.openings(found.id)))
            for found in await work.checkpoints.leaves(0, 100_000)
            if found.index is not None
        ]


def only(organisation: str, role: str) -> tuple[Recipient, ...]:
    """A scope's recipients: one."""
    return (Recipient(Oin(organisation), role),)
