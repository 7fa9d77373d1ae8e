"""What families wrote comes back as it was written, from its own row alone; an answer belongs to the state it led to."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import pytest
import sqlalchemy as sa

from broker.app import new_id
from broker.domain.handovers import Handover
from broker.domain.parties import PersonId
from broker.domain.reactions import BEGINS, Reaction, ReactionId, ReactionKind, ReactionState
from broker.domain.stores import AuthorityClaim
from broker.errors import Tampered
from broker.storage import tables as t
from tests.factories import (
    NOW,
    SCHOOL,
    SENDER,
    Storeroom,
    a_storeroom,
    born,
    gezag,
    with_handover,
    with_partners,
    with_people,
)

TEXT = "Het was dinsdag, niet maandag."


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    await with_partners(store)
    yield store
    await store.database.close()


def a_reaction(handover: Handover, author: PersonId, **more: object) -> Reaction:
    reaction = Reaction(
        id=ReactionId(new_id()),
        handover=handover.id,
        section_type="status",
        persons=frozenset({handover.subject}),
        author=author,
        capacity="parental",
        kind=ReactionKind.CORRECTION_REQUEST,
        version=1,
        text=TEXT,
        at=NOW,
        state=ReactionState.OPEN,
    )
    return replace(reaction, **more)  # type: ignore[arg-type]


async def keep(store: Storeroom, *reactions: Reaction) -> None:
    async with store.storage() as work:
        for reaction in reactions:
            await work.reactions.add(reaction)
        await work.commit()


async def test_words_come_back_as_they_were_written_oldest_first(store):
    people = await with_people(store, child=born(8), mother=born(40), father=born(41))
    handover, other = await with_handover(store, people), await with_handover(store, people)
    kept = [
        a_reaction(handover, people["mother"], persons=frozenset({people["child"], people["mother"]})),
        a_reaction(handover, people["father"], text="Éen 🫨\nregel\n\n\ttwee", at=NOW + timedelta(microseconds=7)),
        a_reaction(handover, people["mother"], kind=ReactionKind.REACTION, state=BEGINS[ReactionKind.REACTION]),
    ]
    elsewhere = a_reaction(other, people["mother"])
    await keep(store, *kept, elsewhere)
    async with store.storage(writing=False) as work:
        assert await work.reactions.of_handover(handover.id) == tuple(kept)
        assert await work.reactions.of_handover(other.id) == (elsewhere,)
        assert await work.reactions.by_author(people["mother"], SENDER) == (kept[0], kept[2], elsewhere)
        assert await work.reactions.by_author(people["mother"], SCHOOL) == ()
        assert await work.reactions.get(kept[1].id) == kept[1]
        assert await work.reactions.get("no-such") is None


async def test_an_answer_comes_back_with_the_state_it_led_to(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    reaction = a_reaction(handover, people["mother"])
    await keep(store, reaction)
    async with store.storage() as work:
        found = await work.reactions.get(reaction.id, lock=True)
        await work.reactions.answer(found, ReactionState.NOT_CORRECTED, "Wij zagen het zo.", NOW)
        await work.commit()
    answered = replace(reaction, state=ReactionState.NOT_CORRECTED, answer="Wij zagen het zo.", answered_at=NOW)
    async with store.storage(writing=False) as work:
        assert await work.reactions.get(reaction.id) == answered


EDITS = {
    "another section type": {"section_type": "timeline"},
    "another capacity": {"capacity": "self"},
    "another kind": {"kind": "reaction", "state": "kept"},
    "a later version": {"version": 2},
    "other people": {"persons": '["x"]'},
    "no list of people": {"persons": "x"},
    "another moment": {"created_at": NOW + timedelta(days=1)},
    "answered without an answer": {"state": "corrected"},
    "kept, though it is a request": {"state": "kept"},
    "a state that does not exist": {"state": "gone"},
    "a kind that does not exist": {"kind": "praise"},
    "other words": {"text_sealed": b"k.x"},
}


@pytest.mark.parametrize("edit", EDITS)
async def test_words_do_not_open_beside_anything_that_was_changed(store, edit):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    reaction = a_reaction(handover, people["mother"])
    await keep(store, reaction)
    async with store.storage() as work:
        await work._connection.execute(sa.update(t.reaction).values(EDITS[edit]))
        await work.commit()
    async with store.storage(writing=False) as work:
        with pytest.raises(Tampered):
            await work.reactions.of_handover(handover.id)


async def test_words_do_not_open_in_another_row_or_under_another_author_or_handover(store):
    people = await with_people(store, child=born(8), mother=born(40), father=born(41))
    handover, other = await with_handover(store, people), await with_handover(store, people)
    one = a_reaction(handover, people["mother"])
    two = a_reaction(handover, people["mother"], text="Iets anders.")
    await keep(store, one, two)
    r = t.reaction.c
    async with store.storage() as work:
        sealed = (await work._connection.execute(sa.select(r.text_sealed).where(r.id == two.id))).scalar_one()
        await work.commit()
    for edit in ({"text_sealed": sealed}, {"author": people["father"]}, {"handover": other.id}):
        async with store.storage() as work:
            await work._connection.execute(sa.update(t.reaction).where(r.id == one.id).values(edit))
            with pytest.raises(Tampered):
                await work.reactions.get(one.id)


@pytest.mark.parametrize("state", ["corrected", "open"])
async def test_a_request_that_was_not_met_does_not_become_met_by_an_edit(store, state):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    reaction = a_reaction(handover, people["mother"])
    await keep(store, reaction)
    async with store.storage() as work:
        await work.reactions.answer(reaction, ReactionState.NOT_CORRECTED, "Nee.", NOW)
        await work._connection.execute(sa.update(t.reaction).values(state=state))
        with pytest.raises(Tampered):
            await work.reactions.get(reaction.id)


async def test_what_may_concern_somebody_is_found_by_themselves_and_by_authority(store):
    people = await with_people(store, child=born(8), mother=born(40), granny=born(70))
    handovers = [await with_handover(store, people) for _ in range(2)]
    async with store.storage() as work:
        claims = [AuthorityClaim(gezag(people["mother"], people["child"]), "register")]
        await work.authorities.state(claims, SENDER, NOW)
        await work.commit()
    found = [(handover.id, NOW) for handover in reversed(handovers)]
    async with store.storage(writing=False) as work:
        assert await work.reactions.concerning(people["child"], SENDER) == found
        assert await work.reactions.concerning(people["mother"], SENDER) == found
        assert await work.reactions.concerning(people["granny"], SENDER) == []
        assert await work.reactions.concerning(people["mother"], SCHOOL) == []
