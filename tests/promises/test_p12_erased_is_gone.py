"""P12: after a withdrawal, the end of retention, or a family's request that was met, no key opens what was erased.

The log still verifies, what was erased when is in it, and whoever must still be able to show something can.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from broker.cli.visitor import answered, form_of
from broker.crypto.signatures import ed25519_holds, verify_family_receipt
from broker.domain.erasure import Cause
from broker.domain.events import EventType
from broker.domain.handovers import HandoverState
from broker.domain.ports import SealedSection, place_of
from broker.domain.review import REFUSALS
from broker.domain.stores import LogSearch
from broker.errors import BrokerError, Conflict, Tampered
from broker.services.erasure import Erasure, Plan
from broker.storage import tables as t
from broker.transparency.verifier import verify_receipt
from tests.promises import at_home
from tests.promises.attacks import rows
from tests.support.failures import refusing
from tests.support.intruder import Intruder, intruder_in
from tests.support.officers import officer_browser
from tests.support.review import logged, waiting
from tests.support.surface import dump, nobody_writes
from tests.support.world import World, build_broker
from tests.support.writing import answer, ask_to_erase, ways_to_erase, write

TOM, JACK, READER = "tom-to-school", "jack-to-gp", "ib-joris"
WRONG = "Zebra: het gesprek was op dinsdag."
CAUSES = [Cause.WITHDRAWN, Cause.RETENTION_OVER, Cause.FAMILY_ASKED]
TOLD = {
    Cause.WITHDRAWN: "nl.rondom.handover-withdrawn.v1",
    Cause.RETENTION_OVER: "nl.rondom.handover-erased.v1",
    Cause.FAMILY_ASKED: "nl.rondom.handover-erased.v1",
}
BECOMES = {Cause.WITHDRAWN: "withdrawn", Cause.RETENTION_OVER: "expired", Cause.FAMILY_ASKED: "erased"}


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def told_once(world: World) -> dict[str, Any]:
    """Tom's handover: everybody said yes, it was read, the family wrote, and mother was asked once more."""
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    response = await world.ask(TOM, READER)
    assert response.status_code == 200, response.text
    await write(world, TOM, "mother", "status", WRONG)
    released: dict[str, Any] = response.json()
    return released


async def happens(world: World, cause: Cause, who: str = "mother") -> None:
    """It is erased for that cause."""
    if cause is Cause.WITHDRAWN:
        path = f"/v1/handovers/{world.handovers[TOM]}"
        response = await world.as_organisation(world.sender(TOM), "DELETE", path)
        assert response.status_code == 204
    elif cause is Cause.RETENTION_OVER:
        world.clock.later("P13M")
        done = await world.broker.erasure.erase_due()
        assert (len(done.handovers), done.people, done.failed) == (1, 0, 0)
    else:
        request = await ask_to_erase(world, TOM, who, "Ik wil dit niet meer.")
        response = await answer(world, TOM, request, "erased", "Wij hebben alles gewist.")
        assert (response.status_code, response.json()["state"]) == (200, "erased"), response.text


async def people(world: World, name: str = TOM) -> dict[str, Any]:
    async with world.broker.house.storage(writing=False) as work:
        return dict(await work.handovers.people(world.handovers[name]))  # type: ignore[arg-type]


async def erased(world: World, kind: EventType = EventType.HANDOVER_ERASED) -> list[Any]:
    """The log's entries of an erasure, oldest first."""
    return [entry for entry in reversed(await world.entries()) if entry.type == kind]


async def opens(world: World, cells: set[bytes], sections: list[Any], handover: Any) -> list[str]:
    """What can be opened with any value that is left in the database as its key, and every key in the key store."""
    vault, found = world.broker.house.vault, []
    for section, row in sections:
        for cell in cells:
            try:
                clear = vault.open(place_of(handover, section), SealedSection(row.ciphertext, cell, row.kid, row.mark))
            except (BrokerError, ValueError):
                continue
            found += [section.type] if clear is not None else []
    return found


def cells_of(intruder: Intruder) -> set[bytes]:
    """Every binary value and text of the whole database."""
    values = {value for table in intruder.contents().values() for row in table for value in row}
    binary = {bytes(value) for value in values if isinstance(value, bytes | memoryview)}
    return binary | {value.encode() for value in values if isinstance(value, str)}


# contents


@pytest.mark.parametrize("cause", CAUSES)
async def test_no_key_and_nothing_that_is_left_opens_the_contents(
    world: World, intruder: Intruder, cause: Cause
) -> None:
    await told_once(world)
    await world.invite(TOM, "father")
    async with world.broker.house.storage(writing=False) as work:
        handover = await work.handovers.get(world.handovers[TOM])
    assert handover is not None
    raw = {row.id: row for row in await rows(world, sa.select(t.section))}
    sections = [(section, raw[section.id]) for section in handover.sections]
    secret = {value for row in raw.values() for value in (row.ciphertext, row.wrapped_key)}
    secret |= {row.key_sealed for row in await rows(world, sa.select(t.handover_person))}
    secret |= {row.basis_sealed for row in await rows(world, sa.select(t.handover))}
    secret |= {row.text_sealed for row in await rows(world, sa.select(t.reaction))}
    secret |= {row.fingerprint.encode() for row in await rows(world, sa.select(t.handover_version))}
    assert len(await opens(world, {row.wrapped_key for row in raw.values()}, sections, handover)) == len(sections)
    await world.messages()
    await happens(world, cause)
    await world.messages()
    async with nobody_writes(world):
        left = cells_of(intruder)
    assert not left & secret
    assert await opens(world, left, sections, handover) == []
    with pytest.raises(Tampered):
        async with world.broker.house.storage(writing=False) as work:
            await work.handovers.sealed(handover.sections)
    for stays in ("consent_record", "log_entry"):
        assert await rows(world, sa.select(t.metadata.tables[stays])), stays


@pytest.mark.parametrize("cause", CAUSES)
async def test_it_is_refused_told_and_logged_and_what_was_signed_before_still_holds(world: World, cause: Cause) -> None:
    released = await told_once(world)
    (receipt,) = {row.id for row in await rows(world, sa.select(t.signer_receipt))} & await receipts_of(world, "father")
    family = await family_receipt(world, receipt)
    before = await world.broker.ledger.checkpoint() if await settled(world) else ""
    await happens(world, cause)
    refused = await world.ask(TOM, READER)
    assert (refused.status_code, at_home.withheld(refused)["*"][0]) == (403, "no-longer-kept")
    told = (await at_home.events(world, "00000099000000020000"))[-1]
    assert (told["type"], told["data"]["release"]) == (TOLD[cause], released["id"])
    status = (await world.as_professional(READER, "GET", f"/v1/releases/{released['id']}")).json()
    assert (status["withdrawn"], status["erased"]) == (cause is Cause.WITHDRAWN, cause is not Cause.WITHDRAWN)
    view = (await world.as_organisation(world.sender(TOM), "GET", f"/v1/handovers/{world.handovers[TOM]}")).json()
    assert (view["state"], view["signers"]) == (BECOMES[cause], [])
    assert (await world.as_organisation(world.sender(TOM), "GET", "/v1/handovers?box=sent")).status_code == 200
    assert (await world.as_organisation(world.sender(TOM), "DELETE", f"/v1/handovers/{view['id']}")).status_code == 204
    corrected = await world.as_organisation(
        world.sender(TOM), "POST", f"/v1/handovers/{view['id']}/versions", world.body(TOM)
    )
    code = "handover-withdrawn" if cause is Cause.WITHDRAWN else "handover-erased"
    assert (corrected.status_code, corrected.json()["type"]) == (409, f"urn:rondom:problem:{code}")
    (entry,) = await erased(world)
    assert entry.facts["cause"] == cause.value
    assert entry.personal["handover"] == [world.handovers[TOM]]
    await settled(world)
    assert (await world.broker.ledger.check(earlier=before)).ok
    assert verify_receipt(released["receipt"], world.broker.ledger.trusted, ed25519_holds).ok
    keys = {key.kid: key.public_raw for key in world_keyring(world)}
    assert verify_family_receipt(keys, family) > 0


async def settled(world: World) -> bool:
    await world.settle()
    return True


def world_keyring(world: World) -> Any:
    from broker.crypto.keyring import KeyPurpose, load_keyring

    return load_keyring(world.broker.settings.keys).all(KeyPurpose.RECORDS)


async def receipts_of(world: World, who: str) -> set[str]:
    person = (await people(world))[who]
    return {r.id for r in await rows(world, sa.select(t.signer_receipt)) if r.signer == person}


async def family_receipt(world: World, receipt: str) -> str:
    import json

    (row,) = await rows(world, sa.select(t.signer_receipt).where(t.signer_receipt.c.id == receipt))
    async with world.broker.house.storage(writing=False) as work:
        kept = await work.receipts.get(row.id, row.signer, row.sender)
    assert kept
    return str(json.loads(kept)["receipt"])


@pytest.mark.parametrize("cause", CAUSES)
async def test_an_open_invitation_stops_working_for_who_is_inside_too(world: World, cause: Cause) -> None:
    await told_once(world)
    code = await world.invite(TOM, "father")
    async with world.browser() as inside:
        await world.come_in(inside, code)
        await happens(world, cause)
        assert (await inside.get("/questions/1")).url.path == "/"
    async with world.browser() as browser:
        page = await browser.post("/code", data={"code": code})
        assert page.status_code == 404


async def test_a_message_about_it_that_waits_is_not_sent_any_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await told_once(world)
    monkeypatch.setattr(world.broker.courier._sender, "send", broken)
    path = f"/v1/handovers/{world.handovers[TOM]}/invitations"
    body = {"person": "tom", "delivery": "message"}
    assert (await world.as_organisation(world.sender(TOM), "POST", path, body)).status_code == 201
    assert [row.handover for row in await rows(world, sa.select(t.outbox))] == [world.handovers[TOM]]
    await happens(world, Cause.WITHDRAWN)
    assert await rows(world, sa.select(t.outbox)) == []


async def broken(*_: Any) -> None:
    raise OSError


async def test_what_ended_before_this_version_is_erased_by_the_first_round(world: World, intruder: Intruder) -> None:
    await told_once(world)
    async with nobody_writes(world):
        intruder.change("UPDATE handover SET state = ?", HandoverState.WITHDRAWN.value)
    plan = await world.broker.erasure.plan()
    assert [(one.handover, one.cause, one.overdue) for one in plan.handovers] == [
        (world.handovers[TOM], Cause.WITHDRAWN, 0)
    ]
    done = await world.broker.erasure.erase_due()
    assert done.handovers == plan.handovers
    assert await rows(world, sa.select(t.reaction)) == []
    assert await at_home.events(world, "00000099000000020000") == [], "they heard of it when it ended"


# the files


async def test_no_byte_of_it_is_left_in_the_files(world: World) -> None:
    if world.database != "sqlite":
        assert await world.broker.house.storage.scrub(thoroughly=True), "vacuuming is never an error"
        return
    await told_once(world)
    await one_step(world, changed=True)
    await one_step(world, changed=False)


async def one_step(world: World, *, changed: bool) -> None:
    """After a correction, or a withdrawal, nothing of the version before is in any file."""
    sections = [row for row in await rows(world, sa.select(t.section)) if row.ciphertext is not None]
    secret = [bytes(value) for row in sections for value in (row.ciphertext, row.wrapped_key)]
    if not changed:
        secret += [bytes(row.text_sealed) for row in await rows(world, sa.select(t.reaction))]
        secret += [bytes(row.key_sealed) for row in await rows(world, sa.select(t.handover_person))]
    assert all(value in stored(world) for value in secret)
    path = f"/v1/handovers/{world.handovers[TOM]}"
    if changed:
        body = world.body(TOM)
        body["sections"][0]["content"] = "Een andere tekst dan eerst, en lang genoeg om op te vallen."
        response = await world.as_organisation(world.sender(TOM), "POST", f"{path}/versions", body)
        assert response.status_code in (200, 201), response.text
    else:
        assert (await world.as_organisation(world.sender(TOM), "DELETE", path)).status_code == 204
    for _ in range(20):  # a background reader may be in the way at that instant: the hourly round comes after it
        if await world.broker.house.storage.scrub():
            break
        await asyncio.sleep(0.05)
    assert [value[:8] for value in secret if value in stored(world)] == []


def stored(world: World) -> bytes:
    path = Path(world.database_url.removeprefix("sqlite:///"))
    return b"".join(file.read_bytes() for file in sorted(path.parent.glob(f"{path.name}*")))


async def test_a_reader_in_the_way_is_not_waited_for_long_and_the_next_round_does_it(world: World) -> None:
    if world.database != "sqlite":
        assert await world.broker.house.storage.scrub()
        return
    await told_once(world)
    secret = [bytes(row.ciphertext) for row in await rows(world, sa.select(t.section))]
    async with world.broker.house.storage(writing=False) as reader:
        await reader.tree.state()
        await happens(world, Cause.WITHDRAWN)
        assert not await world.broker.house.storage.scrub()
    assert await world.broker.erasure.round() is None, "this hour's round was done at the start"
    assert not any(value in stored(world) for value in secret)


# people


async def test_a_withdrawal_does_not_wipe_the_evidence_and_after_the_logs_time_it_is_gone(world: World) -> None:
    await told_once(world)
    who = await people(world)
    await happens(world, Cause.WITHDRAWN)
    entry = await disclosure(world)
    assert entry.personal["subject"] == [who["tom"]]
    world.clock.later("P4Y11M")
    assert (await world.broker.erasure.plan()).people == 0
    world.clock.later("P2M")
    assert (await world.broker.erasure.plan()).people == len(who)
    done = await world.broker.erasure.erase_due()
    assert (done.people, done.failed) == (len(who), 0)
    entry = await disclosure(world)
    assert "subject" not in entry.personal
    assert "decision" not in entry.personal
    assert entry.personal["professional"], "another one's values in the same line are still there"
    assert set(entry.erased) == {"subject", "handover", "decision", "basis", "concerned"}
    for table in (t.person_claim, t.contact, t.person_tag, t.authority, t.mute, t.invitation, t.signer_receipt):
        assert await rows(world, sa.select(table)) == [], table.name
    assert await rows(world, sa.select(t.reaction)) == []
    assert await rows(world, sa.select(t.consent_record)), "proof of what was said stays, by ids alone"
    gone = await erased(world, EventType.PERSON_ERASED)
    assert len(gone) == len(who)
    assert all(e.facts["cause"] == "log-time-over" and not e.personal and not e.erased for e in gone)
    assert sum(e.facts["openings"] for e in gone) > 10
    assert not set(who.values()) & {str(value) for e in gone for value in e.facts.values()}
    await world.settle()
    assert (await world.broker.ledger.check()).ok
    assert (await world.broker.erasure.plan()).people == 0
    assert (await world.ask(TOM, READER)).status_code == 403
    async with officer_browser(world) as officer:
        page = await officer.browser.get("/console/disclosures")
        assert page.status_code == 200
        assert "Gewist" in page.text
        (shown,) = (e for e in await entry_ids(world, EventType.RELEASE_PERMITTED))
        page = await officer.browser.get(f"/console/disclosures/{shown}")
        assert page.status_code == 200
        assert "iemand die is gewist" in page.text
        assert "Hier is niets uit te leggen" in (await officer.browser.get(f"/console/disclosures/{shown}/rules")).text
        bsn = next(i["value"] for p in world.body(TOM)["people"] for i in p.get("identifiers", ()))
        data = {"csrf": officer.csrf, "identifier": bsn}
        assert "Niemand met dit BSN" in (await officer.browser.post("/console/disclosures", data=data)).text
        others = await officer.browser.post("/console/disclosures", data={"csrf": officer.csrf, "outcome": "other"})
        assert "Persoon gewist" in others.text
        for event in (EventType.HANDOVER_ERASED, EventType.PERSON_ERASED, EventType.CONSENT_GIVEN):
            for line in await entry_ids(world, event):
                assert (await officer.browser.get(f"/console/disclosures/{line}")).status_code == 200
    handover = await world.push(TOM, {**world.body(TOM), "reference": "again"})
    assert not set((await people(world)).values()) & set(who.values()), "who comes back is somebody new"
    assert handover != entry.personal.get("handover")


async def test_who_is_erased_is_in_no_fold_and_their_lines_are_not_tied_to_each_other(world: World) -> None:
    await told_once(world)
    for _ in range(2):
        assert (await world.ask(TOM, READER)).status_code == 200
    await world.settle()
    who, tags = await people(world), world.broker.house.tags
    known = {tags.tag("log-fold", tags.tag("log-subject", person)) for person in who.values()}
    about = {row.tag for row in await rows(world, sa.select(t.log_fold_about))}
    assert known & about
    lines = await entry_ids(world, EventType.RELEASE_PERMITTED)
    assert [fold.entries for fold in await folds_of(world, lines)] == [3]
    await happens(world, Cause.WITHDRAWN)
    world.clock.later("P5Y1M")
    assert (await world.broker.erasure.erase_due()).people == len(who)
    for _ in range(2):
        await world.settle()
        left = await rows(world, sa.select(t.log_fold_about))
        actors = {row.actor for row in await rows(world, sa.select(t.log_fold))}
        assert not known & ({row.tag for row in left} | actors)
        assert left, "a professional can still be asked for"
        alone = await folds_of(world, lines)
        assert [(fold.entries, fold.key) for fold in alone] == [(1, None)] * 3
        assert {fold.id for fold in alone} == {fold.last for fold in alone}, "no id of its own says when it was made"
        async with officer_browser(world) as officer:
            listed = (await officer.browser.get("/console/disclosures")).text
            assert all(f"/console/disclosures/{line}" in listed for line in lines), "a line stays in its place"
        await world.broker.following.begin_anew(["folding"])


async def folds_of(world: World, lines: list[str]) -> list[Any]:
    """The folds that these lines are in."""
    part = t.log_fold_entry.c
    mine = sa.select(part.fold).where(part.entry_id.in_(lines))
    return list(await rows(world, sa.select(t.log_fold).where(t.log_fold.c.id.in_(mine))))


async def disclosure(world: World) -> Any:
    return next(entry for entry in await world.entries() if entry.type == EventType.RELEASE_PERMITTED)


async def entry_ids(world: World, kind: EventType) -> list[str]:
    async with world.broker.house.storage(writing=False) as work:
        return [entry.id for entry in await work.log.search(LogSearch(types=(kind,), limit=500))]


async def test_a_log_line_that_is_younger_keeps_a_person(world: World) -> None:
    await told_once(world)
    await happens(world, Cause.WITHDRAWN)
    world.clock.later("P3Y")
    assert (await world.ask(TOM, READER)).status_code == 403
    world.clock.later("P3Y")
    who = await people(world)
    plan = await world.broker.erasure.plan()
    everybody = len(await rows(world, sa.select(t.person)))
    assert who == {}
    assert plan.people == 0, "Tom is in a line of three years ago, and the others hold authority over him"
    assert everybody == 3
    world.clock.later("P3Y")
    assert (await world.broker.erasure.plan()).people == everybody


async def test_who_asked_sees_that_it_was_done_and_is_forgotten_when_the_log_may_be(world: World) -> None:
    """Not at once: a sender and a parent whom it invented could have a child forgotten as others know it."""
    await told_once(world)
    who = await people(world)
    await happens(world, Cause.FAMILY_ASKED)
    known = {row.person for row in await rows(world, sa.select(t.person_claim))}
    assert {who["tom"], who["mother"], who["father"]} <= known
    assert (await disclosure(world)).personal["subject"] == [who["tom"]]
    (message,) = await world.messages("reaction-answered")
    assert "There is an answer" in message["text"]
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        page = await browser.get("/mine")
        assert page.status_code == 200
        assert ways_to_erase(page.text) == {}
    assert await erased(world, EventType.PERSON_ERASED) == []
    await settled(world)
    world.clock.later("P6Y")
    assert (await world.broker.erasure.erase_due()).people == 3
    assert await rows(world, sa.select(t.person_claim)) == []
    assert "subject" not in (await disclosure(world)).personal


async def test_who_has_another_handover_stays_and_sees_that_it_was_done_and_when(world: World) -> None:
    await told_once(world)
    await world.push(JACK)
    who = await people(world)
    await happens(world, Cause.FAMILY_ASKED)
    known = {row.person for row in await rows(world, sa.select(t.person_claim))}
    assert {who["tom"], who["mother"], who["father"]} <= known
    async with world.broker.house.storage(writing=False) as work:
        await work.authorities.facts((await work.handovers.people(world.handovers[JACK])).values())  # type: ignore[arg-type]
    (message,) = await world.messages("reaction-answered")
    assert "There is an answer" in message["text"]
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        page = await browser.get("/mine")
        assert re.search(r"Gewist op \d+ \w+ 20\d\d, \d\d:\d\d", page.text)
        assert WRONG not in page.text
        assert "Ik wil dit niet meer" not in page.text
    assert await world.gets(TOM, READER) == []
    await world.everybody_says_yes(JACK)
    assert await world.gets(JACK, "ha-vdberg") != []


async def test_not_erased_erases_nothing(world: World) -> None:
    await told_once(world)
    request = await ask_to_erase(world, TOM, "mother")
    for outcome in ("corrected", "not-corrected"):
        wrong = await answer(world, TOM, request, outcome)
        assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (400, "/outcome"), wrong.text
    assert (await answer(world, TOM, request, "not-erased", "Dit moeten wij nog bewaren.")).status_code == 200
    again = await answer(world, TOM, request, "erased")
    assert (again.status_code, again.json()["type"]) == (409, "urn:rondom:problem:reaction-answered")
    assert await world.gets(TOM, READER) != []
    assert await erased(world) == []
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        page = (await browser.get("/mine")).text
        assert "Niet gewist" in page
        assert "Dit moeten wij nog bewaren." in page


async def test_a_request_to_erase_leaves_with_no_section_and_makes_none_disputed(world: World) -> None:
    await world.push(TOM)
    await world.everybody_says_yes(TOM)
    await ask_to_erase(world, TOM, "mother", WRONG)
    response = await world.ask(TOM, READER)
    assert "Zebra" not in response.text
    assert all((s["disputed"], s["reactions"]) == (False, []) for s in response.json()["released"])


async def test_shielding_is_not_betrayed_and_who_is_shielded_from_all_of_it_cannot_ask(world: World) -> None:
    some, every = world.body(TOM), world.body(TOM)
    some["sections"][0]["shieldedFrom"] = ["father"]
    for section in every["sections"]:
        section["shieldedFrom"] = ["father"]
    every["reference"] += "-b"
    for body, ways in ((every, 0), (some, 1)):
        await world.push(JACK)
        await world.push(TOM, body)
        async with world.browser() as browser:
            await world.come_in(browser, await world.invite(JACK, "father"))
            page = (await browser.get("/mine")).text
            labels = re.findall(r"erasure-request\">[^<]*<span[^>]*>: ([^<]*)<", page)
            assert len(labels) - 1 == ways
    plain = world.body(TOM)
    plain["reference"] += "-c"
    await world.push(TOM, plain)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[JACK, "father"])
        page = (await browser.get("/mine")).text
    labels = re.findall(r"erasure-request\">[^<]*<span[^>]*>: ([^<]*)<", page)
    assert labels[0] == labels[1], "with and without a shielded part it is called the same"


async def test_who_signed_once_can_still_ask_and_does_not_wipe_a_grown_childs_lines(world: World) -> None:
    await told_once(world)
    who = await people(world)
    born = next(p["birthDate"] for p in world.body(TOM)["people"] if p["key"] == "tom")
    await turn_sixteen(world, who["tom"], born)
    request = await ask_to_erase(world, TOM, "mother")
    assert (await answer(world, TOM, request, "erased")).status_code == 200
    assert (await disclosure(world)).personal["subject"] == [who["tom"]]
    assert await world.gets(TOM, READER) == []


async def turn_sixteen(world: World, person: str, born: str) -> None:
    """Tom's retention is long enough for him to turn sixteen."""
    async with world.broker.house.storage() as work:
        connection = work._connection  # type: ignore[attr-defined]
        late = world.clock().date() + timedelta(days=2000)
        await connection.execute(sa.update(t.handover).values(retain_until=late))
        await work.commit()
    world.clock.later(f"P{16 - (world.clock().year - int(born[:4])) + 1}Y")


# how it is done


async def test_a_dry_run_says_what_is_due_and_changes_nothing_not_even_the_log(world: World) -> None:
    await told_once(world)
    world.clock.later("P13M")
    before = await dump(world)
    plan = await world.broker.erasure.plan()
    assert [(one.cause, one.overdue > 0) for one in plan.handovers] == [(Cause.RETENTION_OVER, True)]
    assert await dump(world) == before


async def test_two_brokers_at_once_erase_once(world: World) -> None:
    await told_once(world)
    world.clock.later("P13M")
    other = build_broker(world.broker.settings, world.clock)
    try:
        done = await asyncio.gather(world.broker.erasure.erase_due(), Erasure(other.house).erase_due())
    finally:
        await other.database.close()
    assert sum(len(one.handovers) for one in done) == 1
    assert [one.failed for one in done] == [0, 0]
    assert len(await erased(world)) == 1
    assert len(await at_home.events(world, "00000099000000020000")) == 1
    assert (await world.broker.erasure.erase_due()).handovers == ()


async def test_one_that_fails_stops_no_other_and_is_tried_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    await told_once(world)
    await world.push(JACK)
    world.clock.later("P13M")
    fails = failing_for(world.handovers[TOM])
    monkeypatch.setattr("broker.storage.erasure.Erasure.empty", fails(monkeypatch))
    done = await world.broker.erasure.erase_due()
    assert ([one.handover for one in done.handovers], done.failed) == ([world.handovers[JACK]], 1)
    assert await state(world, TOM) == "active", "nothing of it is half done"
    monkeypatch.undo()
    done = await world.broker.erasure.erase_due()
    assert ([one.handover for one in done.handovers], done.failed) == ([world.handovers[TOM]], 0)


def failing_for(handover: str) -> Callable[..., Any]:
    from broker.storage.erasure import Erasure as Rows

    empty: Callable[..., Awaitable[None]] = Rows.empty

    async def fails(self: Any, wanted: str, now: Any) -> None:
        if wanted == handover:
            raise Tampered
        await empty(self, wanted, now)

    return lambda _: fails


async def state(world: World, name: str) -> str:
    found = await rows(world, sa.select(t.handover.c.state).where(t.handover.c.id == world.handovers[name]))
    return str(found[0][0])


@pytest.mark.parametrize("table", ["log_entry", "partner_event"])
async def test_no_log_line_no_erasure(world: World, table: str) -> None:
    await told_once(world)
    world.clock.later("P13M")
    before = (await dump(world))["section"]
    with refusing(world, table):
        done = await world.broker.erasure.erase_due()
    assert (done.handovers, done.failed) == ((), 1)
    assert (await dump(world))["section"] == before
    assert await state(world, TOM) == "active"


async def test_who_was_erased_meanwhile_is_not_pushed_about(world: World) -> None:
    await told_once(world)
    who = await people(world)
    await happens(world, Cause.FAMILY_ASKED)
    await settled(world)
    world.clock.later("P6Y")
    assert (await world.broker.erasure.erase_due()).people == 3
    async with world.broker.house.storage() as work:
        with pytest.raises(Conflict):
            await work.authorities.hold({who["tom"], who["father"]}, exclusively=True)
        await work.authorities.hold(who.values(), exclusively=False)


async def test_a_damaged_handover_is_erased_all_the_same(world: World, intruder: Intruder) -> None:
    await told_once(world)
    world.clock.later("P13M")
    async with nobody_writes(world):
        intruder.change("UPDATE handover SET basis_sealed = ?", b"x")
        intruder.change("UPDATE reaction SET text_sealed = ?, persons = ?", b"x", "{")
    done = await world.broker.erasure.erase_due()
    assert (len(done.handovers), done.failed) == (1, 0)
    assert await rows(world, sa.select(t.reaction)) == []


async def test_whoever_answers_at_that_very_moment_and_a_withdrawal_do_not_wait_for_each_other(world: World) -> None:
    for round_ in range(6):
        name = f"again-{round_}"
        await world.push(TOM, {**world.body(TOM), "reference": name})
        code = await world.invite(TOM, "father")
        async with world.browser() as browser:
            page = await world.come_in(browser, code)
            while page.url.path.startswith("/questions/"):
                page = await browser.post(page.url.path, data=answered(page.text, page.url.path, {}))
            path = f"/v1/handovers/{world.handovers[TOM]}"
            confirm = browser.post("/check", data=form_of(page.text, "/check"))
            gone = world.as_organisation(world.sender(TOM), "DELETE", path)
            page, withdrawn = await asyncio.gather(confirm, gone)
        assert withdrawn.status_code == 204
        assert page.status_code in (200, 409), page.text


async def test_whoever_a_kept_handover_has_to_do_with_is_kept_however_long_ago_the_last_line_was(world: World) -> None:
    body = world.body(TOM)
    body["sections"][0]["shieldedFrom"] = ["father"]
    body["supporters"] = [{"supporter": "grandmother", "of": "tom"}]
    body["people"] += [
        {**body["people"][0], "key": key, "reference": key, **_NOBODY} for key in ("grandmother", "named")
    ]
    await world.push(TOM, body)
    who = await people(world)
    assert set(who) == {"tom", "mother", "father", "grandmother", "named"}
    async with world.broker.house.storage() as work:
        late = world.clock().date() + timedelta(days=9000)
        await work._connection.execute(sa.update(t.handover).values(retain_until=late))  # type: ignore[attr-defined]
        await work.commit()
    world.clock.later("P9Y")
    assert await world.broker.erasure.plan() == Plan((), 0)
    assert (await world.broker.erasure.erase_due()).people == 0
    assert {row.person for row in await rows(world, sa.select(t.person_claim))} == set(who.values())
    await happens(world, Cause.WITHDRAWN)
    world.clock.later("P5Y1M")
    assert (await world.broker.erasure.plan()).people == len(who), "and no longer than that"


_NOBODY: dict[str, Any] = {"identifiers": [], "contacts": []}


async def test_who_is_erased_is_in_no_item_of_the_review_any_more_and_nothing_noted_about_them(world: World) -> None:
    await told_once(world)
    child = (await people(world))["tom"]
    await logged(world, "p-0", *[child] * REFUSALS, "somebody-else")
    await world.settle()
    tag = world.broker.house.tags.tag("review-about", child)
    assert [row for row in await rows(world, sa.select(t.review_known)) if row.about == tag]
    mine = {(row.key, row.part) for row in await rows(world, sa.select(t.review_line)) if row.person == tag}
    items = [item for item in await waiting(world) if tuple(item.id.split("-")) in {(k, str(p)) for k, p in mine}]
    assert items
    async with officer_browser(world) as officer:
        for item in items:
            path, fields = f"/console/review/items/{item.id}", {"csrf": officer.csrf, "note": "Zebra: gebeld."}
            assert "Zebra: gebeld." in (await officer.browser.post(path, data=fields)).text
        async with world.broker.house.storage() as work:
            await work.erasure.forget(child, world.clock())
            await work.commit()
        assert tag not in {row.person for row in await rows(world, sa.select(t.review_line))}
        assert tag not in {row.about for row in await rows(world, sa.select(t.review_known))}
        assert {(row.key, row.part) for row in await rows(world, sa.select(t.review_line))} >= mine
        for item in items:
            page = await officer.browser.get(f"/console/review/items/{item.id}")
            assert page.status_code == 200
            assert "Zebra" not in page.text
            assert child not in page.text
    others = {row.person for row in await rows(world, sa.select(t.review_line))} - {None}
    assert others == {world.broker.house.tags.tag("review-about", "somebody-else")}, "whoever else there was stays"
    signed = [row for row in await rows(world, sa.select(t.review_sign_off)) if (row.key, row.part) in mine]
    assert signed
    assert all(row.note_sealed is None for row in signed)
