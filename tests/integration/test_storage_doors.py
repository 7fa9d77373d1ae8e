"""Tries are counted, marks count once, sessions end, and messages go out after their commit and are then forgotten."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.app import new_id
from broker.domain.stores import ASTRAY, Message, Taken, Visit
from broker.errors import Tampered
from broker.notifications.courier import AT_A_TIME, HANDFUL, MOST_TRIES, SENDING, Courier
from broker.storage import tables as t
from tests.factories import NOW, Storeroom, a_storeroom
from tests.fakes import StubbornSender

MESSAGE = Message("+31600000001", "sms", "one-time-code", "nl", "Je code is 123456")
SLOW = Message("noor@example.nl", "email", "invitation", "nl", "Een vraag")
LATER = NOW + timedelta(minutes=3)


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    yield store
    await store.database.close()


async def count(store: Storeroom, bucket: str, window: int = 60, *, later: float = 0) -> int:
    async with store.storage() as work:
        tries = await work.guards.count(bucket, window, NOW + timedelta(seconds=later))
        await work.commit()
    return tries


async def test_tries_are_counted_per_bucket_and_window(store):
    assert [await count(store, "a") for _ in range(3)] == [1, 2, 3]
    assert await count(store, "b") == 1
    assert await count(store, "a", later=59) == 4
    assert await count(store, "a", later=60) == 1
    assert await count(store, "a") == 5


async def test_tries_that_were_undone_do_not_count(store):
    async with store.storage() as work:
        await work.guards.count("a", 60, NOW)
    assert await count(store, "a") == 1


async def test_no_try_is_lost_when_many_come_at_once(store):
    found = await asyncio.gather(*(count(store, "a") for _ in range(20)))
    assert sorted(found) == list(range(1, 21))


async def test_a_mark_counts_the_first_time_only_also_when_many_come_at_once(store):
    async def once(mark: str) -> bool:
        async with store.storage() as work:
            first = await work.guards.once(mark, NOW + timedelta(minutes=5))
            await work.commit()
        return first

    found = await asyncio.gather(*(once("jti") for _ in range(12)))
    assert sorted(found) == [False] * 11 + [True]
    assert await once("other")
    assert not await once("jti")


async def test_a_mark_that_was_undone_can_be_made(store):
    for _ in range(2):
        async with store.storage() as work:
            assert await work.guards.once("jti", NOW)


async def test_only_what_has_expired_is_forgotten(store):
    async with store.storage() as work:
        await work.guards.once("short", NOW + timedelta(seconds=10))
        await work.guards.once("long", NOW + timedelta(seconds=11))
        await work.guards.count("bucket", 60, NOW)
        await work.guards.clean(NOW + timedelta(seconds=10) + ASTRAY)
        assert await work.guards.once("short", NOW + timedelta(seconds=10))
        assert not await work.guards.once("long", NOW)
        assert await work.guards.count("bucket", 60, NOW) == 2


def a_visit(**more) -> Visit:
    given = {
        "id": "v-1",
        "kind": "family",
        "owner": "person-1",
        "invitation": "i-1",
        "stage": "start",
        "language": "nl",
        "expires": NOW + timedelta(minutes=30),
        "state": {"answers": {"status": "yes"}},
        **more,
    }
    return Visit(**given)


async def test_a_visit_is_known_by_its_token_until_it_ends(store):
    async with store.storage() as work:
        await work.visits.add(a_visit(), "token-secret")
        assert await work.visits.by_token("token-secret", NOW) == a_visit()
        assert await work.visits.by_token("token-secret", NOW, lock=True) == a_visit()
        assert await work.visits.by_token("token-other", NOW) is None
        assert await work.visits.by_token("token-secret", NOW + timedelta(minutes=30)) is None
        changed = a_visit(stage="done", language="en", state={})
        await work.visits.save(changed)
        assert await work.visits.by_token("token-secret", NOW) == changed
        row = repr(tuple((await work._connection.execute(sa.select(t.visit))).one()))
        assert "token-secret" not in row
        assert "answers" not in row
        await work.visits.end("v-1")
        assert await work.visits.by_token("token-secret", NOW) is None


async def test_the_state_of_another_visit_is_tampered(store):
    async with store.storage() as work:
        await work.visits.add(a_visit(), "one")
        await work.visits.add(a_visit(id="v-2"), "two")
        other = (
            await work._connection.execute(sa.select(t.visit.c.state_sealed).where(t.visit.c.id == "v-2"))
        ).scalar()
        await work._connection.execute(sa.update(t.visit).where(t.visit.c.id == "v-1").values(state_sealed=other))
        with pytest.raises(Tampered):
            await work.visits.by_token("one", NOW)


async def post(store: Storeroom, *messages: Message, commit: bool = True) -> list[str]:
    ids = [new_id() for _ in messages]
    async with store.storage() as work:
        for message_id, message in zip(ids, messages, strict=True):
            await work.outbox.add(message, message_id, store.clock())
        if commit:
            await work.commit()
    return ids


async def rows(store: Storeroom) -> list:
    async with store.storage(writing=False) as work:
        return list((await work._connection.execute(sa.select(t.outbox).order_by(t.outbox.c.id))).all())


async def test_a_message_waits_sealed_and_is_gone_once_it_went_out(store):
    (message_id,) = await post(store, MESSAGE)
    (row,) = await rows(store)
    assert b"123456" not in row.message_sealed
    assert b"+316" not in row.message_sealed
    async with store.storage() as work:
        assert await work.outbox.take(NOW - timedelta(seconds=1), LATER, 5) == []
        assert await work.outbox.take(NOW, LATER, 5) == [Taken(message_id, MESSAGE, 0)]
        assert await work.outbox.take(NOW, LATER, 5) == [], "it is somebody's already"
        await work.outbox.forget([message_id])
        await work.commit()
    assert await rows(store) == []


async def test_a_message_that_failed_comes_again_later_and_one_that_is_given_up_is_forgotten(store):
    first, second = await post(store, MESSAGE, MESSAGE)
    async with store.storage() as work:
        assert [one.id for one in await work.outbox.take(NOW, LATER, 5)] == [first, second]
        await work.outbox.again({first: NOW + timedelta(seconds=5)})
        await work.outbox.forget([second])
        await work.commit()
    async with store.storage() as work:
        assert await work.outbox.take(NOW + timedelta(seconds=4), LATER, 5) == []
        assert await work.outbox.take(NOW + timedelta(seconds=5), LATER, 5) == [Taken(first, MESSAGE, 1)]
    assert len(await rows(store)) == 1


async def test_a_message_that_is_given_back_was_never_tried(store):
    (message_id,) = await post(store, MESSAGE)
    async with store.storage() as work:
        await work.outbox.take(NOW, LATER, 5)
        await work.outbox.give_back([message_id], NOW)
        assert await work.outbox.take(NOW, LATER, 5) == [Taken(message_id, MESSAGE, 0)]


async def test_a_message_of_an_undone_unit_is_never_sent(store):
    sender = StubbornSender()
    await post(store, MESSAGE, commit=False)
    assert await Courier(store.storage, sender, store.clock).step() == 0
    assert sender.tried == []


async def test_the_courier_brings_everything_oldest_first_and_keeps_nothing(store):
    sender = StubbornSender()
    ids = await post(store, *[MESSAGE] * 7)
    courier = Courier(store.storage, sender, store.clock)
    while await courier.step():
        pass
    assert sender.taken == [(message_id, MESSAGE) for message_id in ids]
    assert await rows(store) == []


async def test_a_failed_send_keeps_the_message_and_waits_longer_each_time_and_gives_up_after_a_day(store):
    sender = StubbornSender(refuse=lambda _: True)
    (message_id,) = await post(store, MESSAGE)
    courier = Courier(store.storage, sender, store.clock)
    pauses, start = [], store.clock()
    for tries in range(1, MOST_TRIES + 1):
        assert await courier.step() == 1
        assert len(sender.tried) == tries
        if tries == MOST_TRIES:
            break
        (row,) = await rows(store)
        assert row.tries == tries
        pauses.append((row.next_try_at - store.clock()).total_seconds())
        assert await courier.step() == 0
        store.clock.later(seconds=pauses[-1])
    assert pauses == sorted(pauses)
    assert pauses[0] == 5
    assert max(pauses) <= 4 * 3600
    assert timedelta(hours=2) < store.clock() - start < timedelta(days=1)
    assert await rows(store) == []
    assert sender.taken == []
    assert set(sender.tried) == {message_id}


async def test_a_message_that_cannot_be_sent_does_not_hold_up_the_others(store):
    sender = StubbornSender(refuse=lambda message: message.kind == "invitation")
    bad = Message("nobody", "sms", "invitation", "nl", "x")
    await post(store, bad, MESSAGE, bad, MESSAGE)
    courier = Courier(store.storage, sender, store.clock)
    while await courier.step():
        pass
    assert [message for _, message in sender.taken] == [MESSAGE, MESSAGE]
    assert len(await rows(store)) == 2


async def test_what_no_sender_expected_is_a_failed_send_too(store):
    """A wrong address makes a mail library raise anything; the messages behind it must still go out."""
    sender = StubbornSender(refuse=lambda m: m.to == "bad", error=ValueError("header injection"))
    await post(store, Message("bad", "email", "invitation", "nl", "x"), MESSAGE)
    courier = Courier(store.storage, sender, store.clock)
    assert await courier.step() == 2
    assert [message for _, message in sender.taken] == [MESSAGE]
    assert len(await rows(store)) == 1


async def test_a_message_that_does_not_open_stops_nobody_else(store):
    """Somebody changed a row: it is not sent, it stays for a while to be looked at, and the others go out."""
    broken, _ = await post(store, MESSAGE, MESSAGE)
    async with store.storage() as work:
        await work._connection.execute(sa.update(t.outbox).where(t.outbox.c.id == broken).values(message_sealed=b"x"))
        await work.commit()
    sender = StubbornSender()
    courier = Courier(store.storage, sender, store.clock)
    while await courier.step():
        pass
    assert [message for _, message in sender.taken] == [MESSAGE]


async def test_a_message_of_a_courier_that_died_on_the_way_goes_out_after_a_while(store):
    class Dying:
        async def send(self, message_id: str, message: Message) -> None:
            raise asyncio.CancelledError

    (message_id,) = await post(store, MESSAGE)
    with pytest.raises(asyncio.CancelledError):
        await Courier(store.storage, Dying(), store.clock).step()
    sender = StubbornSender()
    courier = Courier(store.storage, sender, store.clock)
    store.clock.later(seconds=SENDING.total_seconds() - 1)
    assert await courier.step() == 0
    store.clock.later(seconds=1)
    assert await courier.step() == 1
    assert sender.taken == [(message_id, MESSAGE)]


class Gate:
    """A mail server that keeps every message that it holds waiting until it is told to go on."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.held: list[str] = []
        self.taken: list[str] = []

    async def send(self, message_id: str, message: Message) -> None:
        if message.kind == "invitation":
            self.held.append(message_id)
            await self.open.wait()
        self.taken.append(message_id)


async def test_a_handful_is_taken_and_forgotten_in_one_unit_of_work_each(store):
    units = 0

    def counted(*, writing: bool = True):
        nonlocal units
        units += 1
        return store.storage(writing=writing)

    sender = StubbornSender()
    await post(store, *[MESSAGE] * (HANDFUL + 1))
    courier = Courier(counted, sender, store.clock)
    assert [await courier.step(), units] == [HANDFUL, 2]
    assert [await courier.step(), units] == [1, 4]
    assert await rows(store) == []


async def test_no_more_messages_than_that_are_with_the_sender_at_one_time(store):
    gate = Gate()
    ids = await post(store, *[SLOW] * (2 * AT_A_TIME))
    stepping = asyncio.create_task(Courier(store.storage, gate, store.clock).step())
    async with asyncio.timeout(5):
        while len(gate.held) < AT_A_TIME:  # noqa: ASYNC110 - the sender says nothing
            await asyncio.sleep(0.01)
    for _ in range(20):
        await asyncio.sleep(0)
    assert gate.held == ids[:AT_A_TIME]
    gate.open.set()
    assert await stepping == 2 * AT_A_TIME
    assert sorted(gate.taken) == ids


async def test_what_went_out_is_forgotten_while_another_of_the_handful_still_waits(store, monkeypatch):
    """A courier that is killed then sends only the slow one again."""
    monkeypatch.setattr("broker.notifications.courier.MOMENT", 0.01)
    gate = Gate()
    slow, *_ = await post(store, SLOW, MESSAGE, MESSAGE)
    stepping = asyncio.create_task(Courier(store.storage, gate, store.clock).step())
    async with asyncio.timeout(5):
        while len(await rows(store)) > 1:  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.01)
    stepping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stepping
    assert [row.id for row in await rows(store)] == [slow]
    store.clock.later(seconds=SENDING.total_seconds())
    sender = StubbornSender()
    assert await Courier(store.storage, sender, store.clock).step() == 1
    assert sender.taken == [(slow, SLOW)]


async def test_what_went_out_is_forgotten_also_when_the_sender_breaks_off_at_another(store):
    """What a fault of our own cost must not be the same text twice for everybody before it."""

    class Faulty(StubbornSender):
        async def send(self, message_id: str, message: Message) -> None:
            if message == SLOW:
                raise ArithmeticError
            await super().send(message_id, message)

    sender = Faulty()
    *_, last = await post(store, MESSAGE, MESSAGE, SLOW)
    with pytest.raises(ArithmeticError):
        await Courier(store.storage, sender, store.clock).step()
    assert [message for _, message in sender.taken] == [MESSAGE, MESSAGE]
    assert [row.id for row in await rows(store)] == [last]


async def test_a_message_whose_turn_comes_late_is_given_back_and_was_not_tried(store, monkeypatch):
    """Whoever holds messages for long might send what was erased meanwhile, or what another courier sends too."""
    monkeypatch.setattr("broker.notifications.courier.PATIENCE", timedelta(seconds=-1))
    sender = StubbornSender()
    (message_id,) = await post(store, MESSAGE)
    assert await Courier(store.storage, sender, store.clock).step() == 1
    assert sender.tried == []
    (row,) = await rows(store)
    assert (row.id, row.tries, row.next_try_at) == (message_id, 0, store.clock())


async def test_two_couriers_bring_each_message_once(store):
    sender = StubbornSender()
    ids = await post(store, *[MESSAGE] * 12)
    couriers = [Courier(store.storage, sender, store.clock) for _ in range(2)]
    for _ in range(6):
        await asyncio.gather(*(courier.step() for courier in couriers))
    assert sorted(sender.tried) == sorted(ids)
    assert await rows(store) == []


async def test_the_broker_goes_on_writing_while_a_mail_server_is_slow(store):
    release = asyncio.Event()

    class Slow:
        async def send(self, message_id: str, message: Message) -> None:
            await release.wait()

    await post(store, MESSAGE)
    sending = asyncio.create_task(Courier(store.storage, Slow(), store.clock).step())
    await asyncio.sleep(0.1)
    try:
        async with asyncio.timeout(3):
            await count(store, "somebody else")
    finally:
        release.set()
        await sending
    assert await rows(store) == []


async def test_the_courier_runs_until_it_is_cancelled_and_wakes_when_it_is_called(store):
    sender = StubbornSender()
    courier = Courier(store.storage, sender, store.clock)
    running = asyncio.create_task(courier.run())
    await asyncio.sleep(0.05)
    await post(store, MESSAGE)
    courier.kick()
    async with asyncio.timeout(4):
        while not sender.taken:  # noqa: ASYNC110 - the sender says nothing
            await asyncio.sleep(0.01)
    assert not running.done()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
