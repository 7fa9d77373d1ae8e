"""P06: what weighs most is done by an officer who is there now, and what changes who watches by two different people."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from broker.domain.events import EventType
from broker.domain.motions import MotionKind, MotionState
from broker.domain.officers import OfficerRole, Right
from broker.domain.presence import ConfirmFirst, Purpose, SecondPasskeyFirst
from broker.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, Tampered
from broker.services.files import ExportWanted
from broker.services.motion_screens import Wanted
from broker.services.partners import change_partner, suspend_partner
from tests.support.intruder import Intruder, intruder_in
from tests.support.pairs import ASKER, Who, come_in, officer, registered, signed
from tests.support.surface import nobody_writes
from tests.support.world import World

SCHOOL = "00000099000000020000"
STOP = MotionKind.SUSPEND


async def suspended(world: World) -> bool:
    return next(o.suspended for o in await world.broker.partners.all() if o.oin == SCHOOL)


async def test_a_second_passkey_is_the_same_officer_and_a_removed_one_is_nobodys(world: World) -> None:
    who, own = await officer(world), world.broker.own_access
    first, second = who.devices
    assert await who.signs_in(second) == who.id, "two devices, one officer"
    before = (await own.own(who.token)).passkeys
    assert (len(before), len((await own.own(who.token)).visits)) == (2, 2)
    await own.remove(who.token, before[0].id)
    screen = await own.own(who.token)
    assert [row.id for row in screen.passkeys] == [before[1].id]
    assert [row.this for row in screen.visits] == [True], "who lost a device has no visit left on it"
    with pytest.raises(NotAllowed):
        await who.signs_in(first)
    assert await who.signs_in(second) == who.id
    with pytest.raises(Conflict):
        await own.remove(who.token, before[1].id)
    with pytest.raises(SecondPasskeyFirst):
        async with world.broker.house.storage(writing=False) as work:
            await world.broker.oversight.confirmed(work, who.token, Right.TAKE_AWAY, Purpose.TAKE_AWAY)
    types = [entry.type for entry in await world.entries()]
    assert (types.count("officer:enrolled"), types.count("officer:passkey-removed")) == (2, 1)


async def test_a_passkey_of_one_officer_never_becomes_anothers(world: World) -> None:
    one, other = await officer(world), await officer(world, passkeys=1)
    own = world.broker.own_access
    await other.confirms(Purpose.OWN_PASSKEYS)
    with pytest.raises(NotAllowed) as refused:
        await own.add(other.token, registered(one.devices[0], await own.adding_options(other.token)))
    assert refused.value.code == "passkey-known"
    with pytest.raises(NotAllowed):
        await other.confirms(Purpose.TAKE_AWAY, one.devices[0])


async def test_confirming_is_for_one_visit_one_purpose_once_and_five_minutes(world: World) -> None:
    who, other, own = await officer(world), await officer(world), world.broker.own_access
    today, a_day = world.clock().date(), timedelta(days=1)
    wanted = ExportWanted("csv", today - a_day, today + a_day)

    async def takes() -> None:
        await world.broker.oversight.download(who.token, wanted)

    await who.confirms(Purpose.OFFICERS)
    with pytest.raises(ConfirmFirst) as led:
        await takes()
    assert led.value.purpose == "take-away", "confirmed for something else"
    theirs = signed(who.devices[0], await own.confirm_options(other.token, Purpose.TAKE_AWAY))
    await own.confirm_options(who.token, Purpose.TAKE_AWAY)
    with pytest.raises(NotAllowed):
        await own.confirm(who.token, Purpose.TAKE_AWAY, theirs)
    answer = signed(who.devices[0], await own.confirm_options(who.token, Purpose.TAKE_AWAY))
    for purpose in (Purpose.OFFICERS, Purpose.TAKE_AWAY):
        with pytest.raises(NotAllowed):
            await own.confirm(who.token, purpose, answer)  # for another purpose; and the nonce is gone by that
    late = signed(who.devices[0], await own.confirm_options(who.token, Purpose.TAKE_AWAY))
    world.clock.moved += timedelta(minutes=5)
    with pytest.raises(NotAllowed):
        await own.confirm(who.token, Purpose.TAKE_AWAY, late)
    before = who.token
    await who.confirms(Purpose.TAKE_AWAY)
    assert await world.broker.oversight.session(before) is None, "a new token: it may do more now"
    await world.settle()
    await takes()
    world.clock.moved += timedelta(minutes=5)
    with pytest.raises(ConfirmFirst):
        await takes()


async def test_stopping_and_lifting_take_two_people(world: World) -> None:
    one, other = await officer(world), await officer(world)
    motion = await one.proposes(STOP, organisation=SCHOOL)
    assert not await suspended(world), "proposed is not done"
    for device in one.devices:
        with pytest.raises(Conflict):
            await one.seconds(motion, device)
    with pytest.raises(NotAllowed):
        await other.seconds(motion, one.devices[0])
    await other.seconds(motion)
    assert await suspended(world)
    with pytest.raises(Conflict):
        await other.seconds(motion)
    with pytest.raises(Invalid):
        await one.proposes(MotionKind.LIFT, organisation=SCHOOL, at_once=True)
    lift = await other.proposes(MotionKind.LIFT, organisation=SCHOOL)
    world.clock.moved += timedelta(hours=23)
    with pytest.raises(NotAuthenticated):
        await one.seconds(lift)
    third = await officer(world)
    await third.seconds(lift)
    assert not await suspended(world)
    said = [(e.type, e.facts.get("by"), e.facts.get("motion")) for e in await world.entries()]
    for expected in (motion, lift):
        assert ("organisation:changed", "motion", expected) in said
        assert [kind for kind, _, about in said if about == expected].count("motion:seconded") == 1


async def test_what_one_officer_stopped_ends_after_a_day_unless_it_was_seconded_or_changed(world: World) -> None:
    one, other = await officer(world), await officer(world)
    motion = await one.proposes(STOP, organisation=SCHOOL, at_once=True)
    assert await suspended(world)
    await world.broker.motions.let_lapse()
    assert await suspended(world), "not before its day is over"
    world.clock.moved += timedelta(hours=24)
    third = await officer(world)
    with pytest.raises(Conflict):
        await third.seconds(motion)
    assert await world.broker.motions.let_lapse() == 1
    assert not await suspended(world)
    assert (await world.broker.motions.motion(third.token, motion)).row.state is MotionState.LAPSED
    world.clock.moved += timedelta(days=7, seconds=1)
    third = await officer(world)
    await third.proposes(STOP, organisation=SCHOOL, at_once=True)
    await world.broker.partners.suspend(SCHOOL, suspended=True)
    world.clock.moved += timedelta(hours=24)
    await world.broker.motions.let_lapse()
    assert await suspended(world), "the operator stopped it since: that stays"
    assert other.id != one.id


async def test_nobody_alone_stops_an_organisation_again_and_again(world: World) -> None:
    """Not the same officer and not a third one, until a week after; with another it can be done any day."""
    await (await officer(world)).proposes(STOP, organisation=SCHOOL, at_once=True)
    world.clock.moved += timedelta(hours=24)
    await world.broker.motions.let_lapse()
    for days in (0, 3, 3):
        world.clock.moved += timedelta(days=days)
        with pytest.raises(Conflict) as refused:
            await (await officer(world)).proposes(STOP, organisation=SCHOOL, at_once=True)
        assert refused.value.code == "stopped-in-vain"
        assert not await suspended(world)
    one, other = await officer(world), await officer(world)
    await other.seconds(await one.proposes(STOP, organisation=SCHOOL))
    await other.seconds(await one.proposes(MotionKind.LIFT, organisation=SCHOOL))
    world.clock.moved += timedelta(days=1, seconds=1)
    one, other = await officer(world), await officer(world)
    motion = await one.proposes(STOP, organisation=SCHOOL, at_once=True)
    await other.seconds(motion)
    await other.seconds(await one.proposes(MotionKind.LIFT, organisation=SCHOOL))
    await one.proposes(STOP, organisation=SCHOOL, at_once=True)
    assert await suspended(world), "the one of before was seconded"


async def test_a_key_registered_meanwhile_does_not_make_a_stop_of_one_officer_last(world: World) -> None:
    await (await officer(world)).proposes(STOP, organisation=SCHOOL, at_once=True)
    async with world.broker.house.storage(writing=False) as work:
        school, jwks = await work.organisations.get(SCHOOL), await work.organisations.jwks(SCHOOL)
    assert school is not None
    await world.broker.partners.add(replace(school, suspended=False), jwks)
    assert await suspended(world), "nor does it end it"
    world.clock.moved += timedelta(hours=24)
    await world.broker.motions.let_lapse()
    assert not await suspended(world)


async def test_a_number_to_call_after_hours_does_not_make_a_stop_of_one_officer_last(world: World) -> None:
    await (await officer(world)).proposes(STOP, organisation=SCHOOL, at_once=True)
    await world.broker.partners.call_after_hours(SCHOOL, "+31612345678", None)
    assert await suspended(world), "nor does it end it"
    world.clock.moved += timedelta(hours=24)
    await world.broker.motions.let_lapse()
    assert not await suspended(world)


async def somebody_waits(intruder: Intruder) -> None:
    """Until the server says that a statement waits for a lock."""
    asked = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    while True:
        if intruder.rows(asked):
            return
        await asyncio.sleep(0.01)


@pytest.mark.parametrize("first", ["stop", "key"])
async def test_a_stop_and_a_key_registered_beside_it_are_both_kept(
    world: World, request: pytest.FixtureRequest, first: str
) -> None:
    """Whichever holds the partner first: the other waits, and reads it again."""
    intruder, partners, now = intruder_in(world, request), world.broker.partners, world.clock()
    async with world.broker.house.storage(writing=False) as work:
        school, jwks = await work.organisations.get(SCHOOL), await work.organisations.jwks(SCHOOL)
    assert school is not None
    fresh = [*jwks, {**jwks[0], "kid": "a-new-one"}]
    async with world.broker.house.storage() as work:
        if first == "stop":
            await suspend_partner(work, SCHOOL, now, {"by": "operator"}, suspended=True)
            beside = asyncio.create_task(partners.add(school, fresh))
        else:
            held = await work.organisations.get(SCHOOL, lock=True)
            assert held is not None
            await change_partner(work, held, fresh, now, {"by": "operator"})
            beside = asyncio.create_task(partners.suspend(SCHOOL, suspended=True))
        if world.database != "sqlite":
            async with asyncio.timeout(20):
                await somebody_waits(intruder)
        await work.commit()
    await beside
    assert await suspended(world)
    async with world.broker.house.storage(writing=False) as work:
        assert "a-new-one" in [key["kid"] for key in await work.organisations.jwks(SCHOOL)]


async def test_an_invitation_needs_two_and_its_code_is_in_two_halves(world: World) -> None:
    one, other = await officer(world), await officer(world)
    motion = await one.proposes(MotionKind.INVITE, role=OfficerRole.KEEPER, name="Bo Vos")
    await other.seconds(motion)
    halves = [(await world.broker.motions.motion(who.token, motion)).half for who in (one, other)]
    assert all(len(half) == 6 for half in halves)
    third = await come_in(world, "".join(halves), passkeys=1)
    session = await world.broker.oversight.session(third.token)
    assert session is not None
    assert Right.MANAGE not in session.rights
    assert (await world.broker.motions.motion(one.token, motion)).half == ""
    with pytest.raises(NotAllowed):
        await world.broker.motions.motions(third.token)
    gone = await one.proposes(MotionKind.WITHDRAW, officer=third.id)
    await other.seconds(gone)
    assert await world.broker.oversight.session(third.token) is None
    with pytest.raises(NotAllowed):
        await third.signs_in(third.devices[0])


async def test_what_waits_for_a_second_officer_is_announced_to_others_alone(world: World) -> None:
    one, other, keeper = await officer(world), await officer(world), await officer(world, OfficerRole.KEEPER)

    async def waits(*who: Who) -> list[int]:
        sessions = [await world.broker.oversight.session(each.token) for each in who]
        return [session.open_motions for session in sessions if session]

    motion = await one.proposes(STOP, organisation=SCHOOL)
    assert await waits(one, other, keeper) == [0, 1, 0]
    await other.seconds(motion)
    assert await waits(one, other, keeper) == [0, 0, 0]
    await one.proposes(MotionKind.LIFT, organisation=SCHOOL)
    assert await waits(other) == [1]
    world.clock.moved += timedelta(hours=24)
    assert await waits(await officer(world)) == [0], "nobody can second it any more"


async def test_one_passkey_proposes_and_seconds_nothing(world: World) -> None:
    one, other = await officer(world), await officer(world, passkeys=1)
    motion = await one.proposes(STOP, organisation=SCHOOL)
    with pytest.raises(SecondPasskeyFirst):
        await world.broker.motions.second_options(other.token, motion)
    await other.confirms(Purpose.ORGANISATIONS)
    with pytest.raises(SecondPasskeyFirst):
        await world.broker.motions.propose(other.token, Wanted(STOP, "x", SCHOOL))


@pytest.mark.parametrize("attack", ["role", "back", "proposer", "kind", "passkey"])
async def test_with_the_database_in_hand_nobody_becomes_more(
    world: World, request: pytest.FixtureRequest, attack: str
) -> None:
    intruder = intruder_in(world, request)
    keeper = await officer(world, OfficerRole.KEEPER)
    one, other = await officer(world), await officer(world)
    motion = await one.proposes(STOP, organisation=SCHOOL)
    passkeys = intruder.contents()["passkey"]
    if attack == "back":
        await world.broker.oversight.withdraw_officer(keeper.id)

    async with nobody_writes(world):
        intruder.disarm()
        if attack == "role":
            intruder.change("UPDATE officer SET role = 'officer' WHERE id = ?", keeper.id)
        elif attack == "back":
            intruder.change("UPDATE officer SET withdrawn_at = NULL WHERE id = ?", keeper.id)
            intruder.put_back({"passkey": passkeys})
        elif attack == "proposer":
            intruder.change("UPDATE motion SET proposed_by = ? WHERE id = ?", other.id, motion)
        elif attack == "kind":
            intruder.change("UPDATE motion SET organisation = '00000099000000010000' WHERE id = ?", motion)
        else:
            intruder.change("UPDATE passkey SET officer = ? WHERE officer = ?", other.id, one.id)
    if attack == "role":
        with pytest.raises(Tampered):
            await world.broker.motions.officers(keeper.token)
    elif attack == "back":
        with pytest.raises(Tampered):
            await keeper.signs_in(keeper.devices[0])
    elif attack in ("proposer", "kind"):
        for who in (one, other):
            with pytest.raises(Tampered):
                await who.seconds(motion)
    else:
        with pytest.raises(NotAllowed):
            await other.seconds(motion, one.devices[0])
    assert not await suspended(world)


async def test_who_was_withdrawn_stays_so_without_the_index_of_whom_it_was_about(
    world: World, request: pytest.FixtureRequest
) -> None:
    """Not with the row, the passkey and the visit put back, and not with the entry's index and opening gone."""
    intruder, who, other = intruder_in(world, request), await officer(world), await officer(world)
    await world.settle()
    kept = intruder.contents()
    await world.broker.oversight.withdraw_officer(who.id)
    assert intruder.rows("SELECT 1 FROM passkey WHERE officer = ?", who.id) == [], "no passkey of theirs stays"
    await world.settle()
    which = f"(SELECT entry_id FROM log_entry WHERE type = '{EventType.OFFICER_WITHDRAWN}')"
    async with nobody_writes(world):
        intruder.disarm()
        intruder.put_back({table: kept[table] for table in ("officer", "passkey", "visit")})
        intruder.change(f"DELETE FROM log_subject_index WHERE entry_id IN {which}")
    with pytest.raises(Tampered):
        await who.signs_in(who.devices[0])
    world.clock.moved += timedelta(minutes=2)
    with pytest.raises(Tampered):
        await world.broker.own_access.own(who.token)
    assert await other.signs_in(other.devices[0]) == other.id, "somebody else still is one"
    async with nobody_writes(world):
        intruder.change(f"DELETE FROM log_opening WHERE entry_id IN {which}")
    with pytest.raises(Tampered):
        await who.signs_in(who.devices[0])


async def test_a_lost_device_stays_lost_without_the_index_of_whose_it_was(
    world: World, request: pytest.FixtureRequest
) -> None:
    intruder, who, own = intruder_in(world, request), await officer(world), world.broker.own_access
    await world.settle()
    kept = intruder.contents()["passkey"]
    first = (await own.own(who.token)).passkeys[0].id
    await who.confirms(Purpose.OWN_PASSKEYS, who.devices[1])
    await own.remove(who.token, first)
    await world.settle()
    which = f"(SELECT entry_id FROM log_entry WHERE type = '{EventType.OFFICER_PASSKEY_REMOVED}')"
    async with nobody_writes(world):
        intruder.disarm()
        intruder.put_back({"passkey": kept})
        intruder.change(f"DELETE FROM log_subject_index WHERE entry_id IN {which}")
    with pytest.raises(NotAllowed):
        await who.signs_in(who.devices[0])
    assert await who.signs_in(who.devices[1]) == who.id


async def test_a_visit_ends_half_an_hour_after_its_last_use_and_after_eight_hours(world: World) -> None:
    who, oversight = await officer(world, passkeys=1), world.broker.oversight
    for _ in range(16):
        world.clock.moved += timedelta(minutes=29)
        assert await oversight.session(who.token) is not None
    world.clock.moved += timedelta(minutes=20)
    assert await oversight.session(who.token) is None, "eight hours, used or not"
    token, options = await oversight.sign_in_options(ASKER)
    token, _ = await oversight.sign_in(token, signed(who.devices[0], options), ASKER)
    world.clock.moved += timedelta(minutes=31)
    assert await oversight.session(token) is None
