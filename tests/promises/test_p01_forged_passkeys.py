"""P01: a passkey that was not made for this very signer makes no answer surer, whoever puts it there; and it is noticed."""

import secrets
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from broker.domain.parties import PersonId
from broker.domain.ports import Passkey
from broker.services.recording import _logged
from broker.storage import tables as t
from tests.support.authenticators import Authenticator, confirmed, public_key
from tests.support.devices import DOCTOR, REPORT, member, push_report
from tests.support.surface import nobody_writes, rows_of
from tests.support.world import URL, World

HERE = {"origin": URL, "rp": "localhost"}
ALL = ["diagnostic-report", "help-history"]


def stranger() -> Authenticator:
    device = Authenticator()
    device.credential = secrets.token_bytes(16)
    return device


async def parents(world: World) -> dict[str, PersonId]:
    """Who signed, by name; each said yes by code."""
    found = {}
    for who in ("mother", "father"):
        before = {row.signer for row in await rows_of(world, "consent_record")}
        await world.answer(REPORT, who, dict.fromkeys(ALL, "yes"))
        found[who] = PersonId(({row.signer for row in await rows_of(world, "consent_record")} - before).pop())
    return found


async def forge(world: World, signer: PersonId, device: Authenticator, *, logged: bool = False) -> None:
    """The operator writes a record in a person's name, signed by a device of its own, with the broker's own key."""
    house = world.broker.house
    async with house.storage() as work:
        [by_code] = await work.consents.by_signer(signer)
        notary = house.notary
        [record] = confirmed(notary, device, replace(by_code, id=house.ids(), serial=2, at=world.clock()), **HERE)  # type: ignore[arg-type]
        await work.consents.add(record, notary.sign(record))
        if logged:
            await work.log.append(_logged(record, await work.handovers.get(record.handover)))
        await work.commit()


async def enrol(world: World, signer: PersonId, device: Authenticator) -> None:
    """The operator puts a passkey in a person's place, sealed as the broker does, and logs nothing."""
    async with world.broker.house.storage() as work:
        made = Passkey(device.credential, public_key(device), 0)
        assert await work.passkeys.enrol(signer, made, b"h" * 32, world.clock())
        await work.authorities.seal({signer})
        await work.commit()


async def test_a_passkey_of_nobody_or_of_another_person_is_no_surer_than_a_code(world: World) -> None:
    await push_report(world)
    signers, device = await parents(world), stranger()
    await enrol(world, signers["father"], device)
    for who in signers.values():
        await forge(world, who, device if who == signers["mother"] else stranger())
    assert await world.gets(REPORT, DOCTOR) == ["help-history"]


async def test_a_passkey_made_after_the_record_or_stopped_before_it_is_no_surer(world: World) -> None:
    await push_report(world)
    signers, early, late = await parents(world), stranger(), stranger()
    await enrol(world, signers["father"], early)
    async with world.broker.house.storage() as work:
        [own] = await work.passkeys.of(signers["father"])
        assert await work.passkeys.stop(signers["father"], own, world.clock())
        assert not await work.passkeys.stop(signers["father"], own, world.clock())
        await work.authorities.seal({signers["father"]})
        await work.commit()
    await forge(world, signers["father"], early)
    await forge(world, signers["mother"], late)
    await enrol(world, signers["mother"], late)
    assert await world.gets(REPORT, DOCTOR) == ["help-history"]


@pytest.mark.parametrize("hidden", [False, True])
async def test_what_the_operator_forges_with_every_key_shows_when_decisions_are_made_again(
    world: World, *, hidden: bool
) -> None:
    """Also when a push since has logged the digest of all that is known, the forged passkey in it."""
    await push_report(world)
    devices = {who: stranger() for who in (await parents(world)).values()}
    for who, device in devices.items():
        await enrol(world, who, device)
    if hidden:
        await push_report(world)
    for who, device in devices.items():
        await forge(world, who, device, logged=hidden)
    assert await world.gets(REPORT, DOCTOR) == ALL, "detectable, not impossible"
    await world.settle()
    report = await world.broker.replay.run()
    assert [str(finding.outcome) for finding in report.findings] == ["other-facts"]


@pytest.mark.parametrize("back", [False, True], ids=["left out", "under another number"])
async def test_a_passkey_that_is_changed_or_left_out_in_the_database_closes_everything(
    world: World, *, back: bool
) -> None:
    await push_report(world)
    async with member(world, "mother") as mother, member(world, "father") as father:
        for parent in (mother, father):
            await parent.enrol()
            await parent.confirm()
        assert await world.gets(REPORT, DOCTOR) == ALL
        row = (await rows_of(world, "signer_passkey"))[0]
        async with nobody_writes(world):
            for change in (
                "UPDATE signer_passkey SET stated_at = stated_at",
                f"UPDATE signer_passkey SET person = '{father.id}'",
            ):
                with pytest.raises(DBAPIError, match="only ever inserted"):
                    async with world.broker.database.engine.begin() as connection:
                        await connection.execute(sa.text(change))
            async with world.broker.database.engine.begin() as connection:
                await connection.execute(sa.delete(t.signer_passkey).where(t.signer_passkey.c.id == row.id))
                if back:
                    other = {**row._mapping, "id": f"{row.id[:-1]}{'0' if row.id[-1] != '0' else '1'}"}
                    await connection.execute(sa.insert(t.signer_passkey).values(**other))
        answer = await world.ask(REPORT, DOCTOR)
        assert answer.status_code == 500, answer.text
        assert "released" not in answer.json()
        assert (await mother.browser.get(mother.receipt)).status_code == 500


async def test_a_person_who_is_forgotten_has_no_passkey_left(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        await mother.enrol()
    [row] = await rows_of(world, "signer_passkey")
    assert mother.device.credential not in bytes(row.facts_sealed)
    async with world.broker.house.storage() as work:
        await work.erasure.forget(PersonId(row.person), world.clock())
        await work.commit()
    assert await rows_of(world, "signer_passkey") == []
