"""What organisations say stands side by side, sealed; people are recognised by the strongest sign there is."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import date, timedelta

import pytest
import sqlalchemy as sa

from broker.app import new_id
from broker.crypto.envelopes import Vault
from broker.domain.consents import Stance
from broker.domain.events import EventType, LogEvent
from broker.domain.handovers import HandoverId, HandoverState
from broker.domain.parties import (
    Oin,
    Organisation,
    PersonId,
    Professional,
    ProfessionalId,
    Recipient,
    StatedContact,
)
from broker.domain.ports import Passkey, place_of
from broker.domain.reachability import Reachability
from broker.domain.signers import required_signers, youngest_band
from broker.domain.stores import AuthorityClaim, InForce, Invitation, PersonClaim
from broker.errors import Conflict, Tampered
from broker.storage import tables as t
from broker.storage.rows import Remembered
from tests.factories import (
    DOCTOR,
    NOW,
    SCHOOL,
    SENDER,
    TABLE,
    TODAY,
    Storeroom,
    a_record,
    a_storeroom,
    born,
    gezag,
    with_handover,
    with_partners,
    with_people,
)

BSN = ("bsn", "123456782")


@pytest.fixture
async def store(database_url: str) -> AsyncIterator[Storeroom]:
    store = a_storeroom(database_url)
    await with_partners(store)
    yield store
    await store.database.close()


async def recognise(store, sender: Oin, reference: str, *identifiers: tuple[str, str]) -> PersonId:
    async with store.storage() as work:
        person = await work.persons.recognise(sender, reference, identifiers, PersonId(new_id()))
        await work.commit()
    return person


async def test_an_identifier_goes_before_a_reference(store):
    first = await recognise(store, SENDER, "p-1", BSN)
    assert await recognise(store, SCHOOL, "other", BSN) == first
    second = await recognise(store, SENDER, "p-2")
    assert second != first
    assert await recognise(store, SENDER, "p-2") == second
    assert await recognise(store, SENDER, "p-2", BSN) == first
    assert await recognise(store, SENDER, "p-2") == second
    async with store.storage(writing=False) as work:
        assert await work.persons.by_identifier(*BSN) == first
        assert await work.persons.by_identifier("bsn", "000000000") is None
        assert await work.persons.by_identifier("other", BSN[1]) is None


async def test_a_reference_is_one_senders_own(store):
    assert await recognise(store, SENDER, "p-1") != await recognise(store, SCHOOL, "p-1")


async def test_a_reference_is_no_identifier_and_the_other_way(store):
    first = await recognise(store, SENDER, BSN[1])
    assert await recognise(store, SCHOOL, "x", BSN) != first


async def test_an_identifier_said_later_is_known_from_then_on(store):
    first = await recognise(store, SENDER, "p-1")
    assert await recognise(store, SENDER, "p-1", BSN) == first
    assert await recognise(store, SCHOOL, "q", BSN) == first


async def test_the_same_identifier_twice_in_one_breath_is_said_once(store):
    first = await recognise(store, SENDER, "p-1", BSN, BSN)
    assert await recognise(store, SENDER, "p-1", BSN) == first


async def say(store, person: PersonId, by: Oin, birth: date, name: str = "Noor", contacts=(), at=NOW) -> None:
    async with store.storage() as work:
        await work.persons.state(person, by, PersonClaim(name, birth, "nl"), contacts, at)
        await work.authorities.seal([person])
        await work.commit()


async def test_the_rules_see_every_birth_date_that_anybody_stated(store):
    person = await recognise(store, SENDER, "p-1", BSN)
    await say(store, person, SENDER, born(17))
    await say(store, person, SCHOOL, born(11))
    await say(store, person, SENDER, born(16))
    async with store.storage(writing=False) as work:
        people, authorities = await work.authorities.facts([person])
    assert people[person].births == {born(17), born(11), born(16)}
    required = required_signers(people[person], authorities, TABLE, NOW)
    assert not required.complete
    assert youngest_band(people[person], TABLE, NOW) == "0-11"


async def test_somebody_of_whom_nothing_was_said_has_no_birth_date(store):
    async with store.storage(writing=False) as work:
        people, authorities = await work.authorities.facts(["nobody"])
    assert people["nobody"].births == frozenset()
    assert authorities == ()


async def test_authority_that_anybody_stated_counts_once_each(store):
    people = await with_people(store, child=born(8), mother=born(40), father=born(41))
    child, mother, father = people["child"], people["mother"], people["father"]
    said = [gezag(mother, child), gezag(father, child, until=TODAY + timedelta(days=9))]
    for by in (SENDER, SCHOOL, SENDER):
        async with store.storage() as work:
            await work.authorities.state([AuthorityClaim(a, "gezagsregister") for a in said], by, NOW)
            await work.authorities.seal([child])
            await work.commit()
    async with store.storage(writing=False) as work:
        facts, authorities = await work.authorities.facts([child])
        assert (await work.authorities.facts([mother]))[1] == ()
    assert set(authorities) == set(said)
    assert len(authorities) == 4
    assert required_signers(facts[child], authorities, TABLE, NOW).signers == {mother, father}


async def test_each_organisation_reads_back_its_own_latest_words(store):
    person = await recognise(store, SENDER, "p-1", BSN)
    await say(store, person, SENDER, born(8), "Noor", [StatedContact("sms", "+31600000001")])
    await say(store, person, SCHOOL, born(8), "Noortje", [StatedContact("email", "noor@example.nl")])
    await say(
        store, person, SENDER, born(9), "Noor van Dijk", [StatedContact("sms", "+31600000002")], NOW + timedelta(days=1)
    )
    async with store.storage(writing=False) as work:
        mine, contacts = await work.persons.claims(person, SENDER)
        theirs, other = await work.persons.claims(person, SCHOOL)
        nothing, none = await work.persons.claims(person, DOCTOR)
        names = await work.persons.names([person, "nobody"], SENDER)
    assert (mine.name, mine.birth) == ("Noor van Dijk", born(9))
    assert "+31600000002" in [c.value for c in contacts]
    assert (theirs.name, [c.value for c in other]) == ("Noortje", ["noor@example.nl"])
    assert (nothing, list(none)) == (None, [])
    assert names == {person: "Noor van Dijk"}


async def test_what_was_said_before_and_is_said_again_is_the_latest(store):
    person = await recognise(store, SENDER, "p-1")
    for days, name in enumerate(["Noor", "Nora", "Noor"]):
        await say(store, person, SENDER, born(8), name, at=NOW + timedelta(days=days))
    async with store.storage(writing=False) as work:
        claim, _ = await work.persons.claims(person, SENDER)
    assert claim.name == "Noor"


async def test_a_worker_keeps_one_id_and_the_name_last_stated(store):
    async with store.storage() as work:
        first = await work.organisations.professional(SENDER, "ab-12", "A. Bakker", ProfessionalId("pro-1"))
        again = await work.organisations.professional(SENDER, "ab-12", "A. de Boer", ProfessionalId("pro-2"))
        other = await work.organisations.professional(SCHOOL, "ab-12", "A. Bakker", ProfessionalId("pro-3"))
        await work.commit()
    assert (first, again, other) == ("pro-1", "pro-1", "pro-3")


async def test_an_organisation_is_replaced_whole(store):
    async with store.storage() as work:
        await work.organisations.add(Organisation(SENDER, "Nieuw", "school", suspended=True), [{"kid": "k"}])
        await work.commit()
    async with store.storage(writing=False) as work:
        assert await work.organisations.get(SENDER) == Organisation(SENDER, "Nieuw", "school", suspended=True)
        assert await work.organisations.jwks(SENDER) == [{"kid": "k"}]
        assert await work.organisations.get("0" * 20) is None
        assert await work.organisations.jwks("0" * 20) == []
        assert [o.name for o in await work.organisations.all()] == ["Nieuw", "School"]


async def test_an_organisation_that_was_read_is_not_taken_for_one_whose_row_was_altered_since(store):
    whole = Organisation(SENDER, "School", "school", sealing_key="{}", jwks_url="https://a.test/", bound_tokens=True)
    whole = replace(whole, reachability=Reachability(telephone="088 123", urgent_telephone="112"))
    async with store.storage() as work:
        await work.organisations.add(whole, [{"kid": "k"}])
        await work.commit()
    changes = {"name": "B", "kind": "gp", "suspended": True, "sealing_key": None, "jwks": "[]", "jwks_url": ""}
    mine = sa.update(t.organisation).where(t.organisation.c.oin == SENDER)
    changes |= {"bound_tokens": False, "row_tag": "0" * 64, "reachability": '["", "088 124", "", "112"]'}
    for column, value in changes.items():
        async with store.storage() as work:
            assert await work.organisations.get(SENDER) == whole
            await work._connection.execute(mine.values({column: value}))
            for _ in range(2):
                with pytest.raises(Tampered):
                    await work.organisations.get(SENDER)


async def test_where_an_organisation_is_reached_cannot_be_added_nor_taken_away_in_its_row(store):
    """A tag from before there was such a thing still holds, and one of a row with it does not hold without."""
    plain = Organisation(SENDER, "School", "school")
    reached = replace(plain, reachability=Reachability("https://school.test/", "088 123", "ma-vr 9-17", "112"))
    mine = sa.update(t.organisation).where(t.organisation.c.oin == SENDER)
    before = store.means.tags.tag("organisation", json.dumps([SENDER, "School", "school", False, None, "[]"]))
    for kept, text in ((plain, reached.reachability.text), (reached, None)):
        async with store.storage() as work:
            await work.organisations.add(kept, [])
            await work.commit()
        async with store.storage() as work:
            assert await work.organisations.get(SENDER) == kept
            [tag] = [
                row.row_tag
                for row in await work.organisations._all(
                    sa.select(t.organisation).where(t.organisation.c.oin == SENDER)
                )
            ]
            assert (tag == before) == (kept is plain)
            await work._connection.execute(mine.values(reachability=text))
            with pytest.raises(Tampered):
                await work.organisations.get(SENDER)


def test_what_is_remembered_of_rows_is_bounded_and_the_first_goes_first():
    memory: Remembered[str] = Remembered(2)
    for one in ("a", "b", "c"):
        assert memory.keep((one, None), one) == one
    assert [memory.get((one, None)) for one in ("a", "b", "c")] == [None, "b", "c"]
    assert memory.get(("b", "")) is None


async def test_nothing_that_says_who_somebody_is_lies_readable(store, request):
    person = await recognise(store, SENDER, "dossier-Noor", BSN)
    await say(store, person, SENDER, date(2018, 2, 1), "Noor van Dijk", [StatedContact("email", "noor@example.nl")])
    async with store.storage(writing=False) as work:
        rows = []
        for table in t.metadata.sorted_tables:
            rows += [repr(tuple(row)) for row in (await work._connection.execute(sa.select(table))).all()]
    everything = "\n".join(rows)
    for secret in ("Noor", "Dijk", "2018-02-01", "2018, 2, 1", BSN[1], "example.nl"):
        assert secret not in everything


async def test_a_sealed_value_in_another_row_is_tampered(store):
    people = await with_people(store, child=born(8), mother=born(40))
    async with store.storage() as work:
        rows = (await work._connection.execute(sa.select(t.person_claim))).all()
        swap = {rows[0].id: rows[1].facts_sealed, rows[1].id: rows[0].facts_sealed}
        for row_id, sealed in swap.items():
            await work._connection.execute(
                sa.update(t.person_claim).where(t.person_claim.c.id == row_id).values(facts_sealed=sealed)
            )
        await work.commit()
    async with store.storage(writing=False) as work:
        with pytest.raises(Tampered):
            await work.authorities.facts([people["child"]])
        with pytest.raises(Tampered):
            await work.persons.claims(people["mother"], SENDER)


# handovers


async def test_a_handover_comes_back_as_it_was_pushed(store):
    people = await with_people(store, child=born(8), mother=born(40))
    recipients = (Recipient(SCHOOL, "a"), Recipient(SCHOOL, "b"))
    handover = await with_handover(store, people, recipients=recipients)
    async with store.storage(writing=False) as work:
        assert await work.handovers.get(handover.id) == handover
        assert await work.handovers.get("no-such") is None
        assert await work.handovers.people(handover.id) == people
        assert await work.handovers.by_reference(SENDER, f"ref-{handover.id}") == handover.id
        assert await work.handovers.fingerprints(handover.id) == ["f" * 64]
        assert await work.handovers.by_reference(SCHOOL, f"ref-{handover.id}") is None
        sealed = await work.handovers.sealed(handover.sections)
    (section,) = handover.sections
    assert Vault(store.keyring).open(place_of(handover, section), sealed[section.id]) == b"Het gaat beter op school."


async def test_lists_are_newest_first_and_only_of_whom_they_concern(store):
    people = await with_people(store, child=born(8))
    made = [(await with_handover(store, people)).id for _ in range(4)]
    async with store.storage(writing=False) as work:
        first = await work.lists.sent(SENDER, "", 2)
        then = await work.lists.sent(SENDER, first[-1].id, 9)
        assert [h.id for h in [*first, *then]] == made[::-1]
        assert await work.lists.sent(SCHOOL, "", 9) == []
        to_school = await work.lists.addressed(None, SCHOOL, "", 9)
        to_role = await work.lists.addressed(Recipient(SCHOOL, "support-coordinator"), SCHOOL, "", 9)
        assert to_school == to_role == [], "nobody answered: nothing of it can be open"
        assert await work.lists.addressed(Recipient(SCHOOL, "other"), SCHOOL, "", 9) == []
        assert await work.lists.addressed(None, SENDER, "", 9) == []
        assert await work.lists.about(people["child"], SCHOOL, "support-coordinator") == []
        assert await work.lists.about("nobody", SCHOOL, "support-coordinator") == []


async def test_a_withdrawn_handover_has_no_ciphertext_and_no_key_left(store):
    people = await with_people(store, child=born(8))
    gone, stays = await with_handover(store, people), await with_handover(store, people)
    async with store.storage() as work:
        before = (await work.handovers.sealed(gone.sections))[gone.sections[0].id]
        await work.lists.withdraw(gone.id, HandoverState.WITHDRAWN, NOW)
        await work.commit()
    async with store.storage(writing=False) as work:
        rows = (await work._connection.execute(sa.select(t.section).where(t.section.c.handover == gone.id))).all()
        assert [(r.ciphertext, r.wrapped_key, r.kid) for r in rows] == [(None, None, None)]
        assert (await work.handovers.get(gone.id)).state is HandoverState.WITHDRAWN
        assert await work.handovers.sealed(stays.sections)
        with pytest.raises(Tampered):
            await work.handovers.sealed(gone.sections)
    if store.sqlite:
        await store.database.close()
        raw = b"".join(path.read_bytes() for path in store_files(store))
        assert before.wrapped_key not in raw.replace(wal_of(store), b"")


def store_files(store):
    from pathlib import Path

    path = Path(sa.make_url(store.url).database)
    return [p for p in path.parent.iterdir() if p.name.startswith(path.name)]


def wal_of(store) -> bytes:
    return b"".join(p.read_bytes() for p in store_files(store) if p.name.endswith("-wal")) or b"\0no wal\0"


# consents


async def said(store, people, handover, *states: Stance, first: int = 1, **more) -> list:
    records = []
    async with store.storage() as work:
        await work.consents.keep_notice("0" * 64, "nl", "Mag dit?", NOW)
        for serial, state in enumerate(states, first):
            record = a_record(
                people["mother"], state, serial, id=new_id(), handover=handover.id, person=people["child"], **more
            )
            await work.consents.add(record, store.means.notary.sign(record))
            records.append(record)
        await work.commit()
    return records


async def test_records_come_back_verified_and_in_order(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    records = await said(store, people, handover, Stance.GIVEN, Stance.REFUSED, Stance.GIVEN)
    async with store.storage(writing=False) as work:
        assert list(await work.consents.said_by(people["mother"], SENDER)) == records
        assert list(await work.consents.about([people["child"]], SENDER, "education-support")) == records
        assert await work.consents.about([people["child"]], SENDER, "treatment") == ()
        assert await work.consents.about([people["mother"]], SENDER, "education-support") == ()
        assert await work.consents.said_by(people["mother"], SCHOOL) == ()
        assert await work.consents.notice("0" * 64) == "Mag dit?"
        assert await work.consents.notice("1" * 64) is None


async def test_a_serial_used_twice_is_a_conflict(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    await said(store, people, handover, Stance.GIVEN)
    with pytest.raises(Conflict):
        await said(store, people, handover, Stance.REFUSED)


async def test_a_statement_that_is_missing_in_the_row_is_tampered(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    await said(store, people, handover, Stance.GIVEN, first=2)
    async with store.storage(writing=False) as work:
        with pytest.raises(Tampered):
            await work.consents.said_by(people["mother"], SENDER)


@pytest.mark.parametrize("column", ["id", "serial", "signer", "person", "purpose", "handover"])
async def test_a_genuine_statement_in_another_row_is_tampered(store, column):
    people = await with_people(store, child=born(8), mother=born(40))
    handover, other = await with_handover(store, people), await with_handover(store, people)
    record = a_record(people["mother"], id=new_id(), handover=handover.id, person=people["child"])
    columns = {
        "id": record.id,
        "serial": 1,
        "signer": record.signer,
        "person": record.scope.person,
        "sender": SENDER,
        "purpose": record.scope.purpose,
        "handover": handover.id,
        "notice": "0" * 64,
        "statement": store.means.notary.sign(record),
    }
    changed = {
        "id": new_id(),
        "serial": 2,
        "signer": people["child"],
        "person": people["mother"],
        "purpose": "treatment",
        "handover": other.id,
    }
    columns[column] = changed[column]
    async with store.storage() as work:
        await work.consents.keep_notice("0" * 64, "nl", "Mag dit?", NOW)
        await work._connection.execute(sa.insert(t.consent_record).values(columns))
        await work.commit()
    async with store.storage(writing=False) as work:
        with pytest.raises(Tampered):
            await work.consents.about([columns["person"]], SENDER, columns["purpose"])
        with pytest.raises(Tampered):
            await work.consents.said_by(columns["signer"], SENDER)


async def test_a_statement_of_a_stranger_is_tampered(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    record = a_record(people["mother"], id=new_id(), handover=handover.id, person=people["child"])
    stranger = a_storeroom("sqlite://")
    async with store.storage() as work:
        await work.consents.keep_notice("0" * 64, "nl", "Mag dit?", NOW)
        await work.consents.add(record, stranger.means.notary.sign(record))
        await work.commit()
    async with store.storage(writing=False) as work:
        with pytest.raises(Tampered):
            await work.consents.about([people["child"]], SENDER, "education-support")


async def test_the_first_text_of_a_notice_stays(store):
    async with store.storage() as work:
        await work.consents.keep_notice("0" * 64, "nl", "Mag dit?", NOW)
        await work.consents.keep_notice("0" * 64, "nl", "Iets anders", NOW)
        assert await work.consents.notice("0" * 64) == "Mag dit?"


async def test_an_invitation_is_found_by_its_code_and_used_up_once(store):
    people = await with_people(store, child=born(8), mother=born(40))
    handover = await with_handover(store, people)
    invitation = Invitation("i-1", handover.id, SENDER, people["mother"], NOW + timedelta(days=7), answered=False)
    async with store.storage() as work:
        await work.invitations.add(invitation, "K7QD9F2MX4TB", NOW)
        await work.commit()
    async with store.storage() as work:
        assert await work.invitations.by_code("K7QD9F2MX4TB") == invitation
        assert await work.invitations.by_code("K7QD9F2MX4TC") is None
        assert await work.invitations.get("i-1", lock=True) == invitation
        assert await work.invitations.get("i-2") is None
        await work.invitations.use_up("i-1", NOW)
        await work.commit()
    async with store.storage(writing=False) as work:
        assert await work.invitations.get("i-1") == replace(invitation, answered=True)
        stored = (await work._connection.execute(sa.select(t.invitation))).one()
    assert "K7QD9F2MX4TB" not in repr(tuple(stored))


async def test_a_receipt_is_its_signers_own(store):
    people = await with_people(store, mother=born(40), father=born(40))
    async with store.storage() as work:
        await work.receipts.add("rc-1", people["mother"], SENDER, "statement", NOW)
        await work.commit()
    async with store.storage(writing=False) as work:
        assert await work.receipts.get("rc-1", people["mother"], SENDER) == "statement"
        assert await work.receipts.get("rc-1", people["father"], SENDER) is None
        assert await work.receipts.get("rc-1", people["mother"], SCHOOL) is None
        assert await work.receipts.get("rc-2", people["mother"], SENDER) is None


# releases


async def test_a_release_is_acknowledged_once_by_whom_it_was_for_and_shown_to_whom_it_concerns(store):
    people = await with_people(store, child=born(8), mother=born(40), father=born(40))
    handover = await with_handover(store, people)
    async with store.storage() as work:
        external = await work.organisations.professional(SCHOOL, "ab-12", "A. Bakker", ProfessionalId("pro-1"))
        who = Professional(external, SCHOOL, "support-coordinator")
        appended = await work.log.append(LogEvent(EventType.RELEASE_PERMITTED, NOW, SCHOOL))
        await work.releases.add("rel-1", appended.entry.id, handover.id, who, handover.sections, NOW)
        await work.commit()
    async with store.storage() as work:
        assert await work.releases.acknowledge("rel-1", ProfessionalId("pro-2"), NOW, taken_over=True) is None
        assert await work.releases.acknowledge("rel-2", who.id, NOW, taken_over=True) is None
        assert await work.releases.acknowledge("rel-1", who.id, NOW, taken_over=True) == "now"
        assert await work.releases.acknowledge("rel-1", who.id, NOW, taken_over=True) == "before"
        (seen,) = await work.releases.of_person(people["child"], SENDER, people["mother"])
        assert (seen.at, seen.organisation, seen.role, seen.types) == (NOW, SCHOOL, who.role, ("status",))
        assert await work.releases.of_person(people["mother"], SENDER, people["mother"]) == []
        assert await work.releases.of_person(people["child"], SCHOOL, people["mother"]) == []
        shield = {"section": handover.sections[0].id, "person": people["father"], "concerned": False, "shielded": True}
        await work._connection.execute(sa.insert(t.section_person).values(shield))
        assert await work.releases.of_person(people["child"], SENDER, people["father"]) == []
        assert len(await work.releases.of_person(people["child"], SENDER, people["mother"])) == 1


# officers and policies


async def test_an_officers_invitation_is_good_once_and_in_time(store):
    passkey = Passkey(b"credential", b"public", 0)
    async with store.storage() as work:
        await work.officers.invite("o-1", "Anna", "CODE", NOW + timedelta(days=7), NOW)
        assert await work.officers.enter("CODE", NOW) == "o-1"
        assert await work.officers.enter("CODES", NOW) is None
        assert await work.officers.enter("CODE", NOW + timedelta(days=7)) is None
        assert await work.officers.enrol("o-1", passkey, NOW)
        assert not await work.officers.enrol("o-1", Passkey(b"other", b"public", 0), NOW)
        assert await work.officers.enter("CODE", NOW) is None
        assert await work.officers.passkey(b"credential") == ("o-1", passkey)
        assert await work.officers.passkey(b"other") is None
        await work.officers.used(replace(passkey, count=5), NOW)
        assert (await work.officers.passkey(b"credential"))[1].count == 5


async def test_every_agreement_is_kept_and_the_last_one_is_known(store):
    async with store.storage() as work:
        assert await work.policies.in_force() is None
        await work.policies.keep("a" * 64, {"x": "1"}, NOW)
        await work.policies.keep("a" * 64, {"x": "other"}, NOW)
        await work.policies.keep("b" * 64, {"x": "2"}, NOW)
        assert await work.policies.texts("a" * 64) == {"x": "1"}
        assert await work.policies.in_force() is None, "kept is not in force"
        for number, digest in enumerate(("a" * 64, "b" * 64, "a" * 64), 1):
            entry = (await work.log.append(LogEvent(EventType.POLICY_ACTIVATED, NOW))).entry.id
            last = InForce(number, digest, NOW, entry)
            await work.policies.put_in_force(last)
            assert await work.policies.in_force() == last
        assert HandoverId("x") == "x"
