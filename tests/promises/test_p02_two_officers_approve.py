"""P02: another agreement counts once two different officers approved its very text with their passkeys; nothing else will do."""

import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from broker.crypto.encoding import from_b64url
from broker.errors import Conflict, Invalid, Unsafe
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import PolicySet, load, load_texts
from broker.services import agreements
from tests.promises.attacks import ALL, TOM, Case, push
from tests.support.agreements import copied_policies
from tests.support.authenticators import Authenticator
from tests.support.devices_of_officers import second_device
from tests.support.intruder import Intruder, intruder_in
from tests.support.surface import dump, nobody_writes
from tests.support.world import ROOT, URL, World, started_again

STATUS = '    SectionType::"status",\n'
LESS = [found for found in ALL[TOM] if found != "status"]
Options = dict[str, Any]


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks but the test."""
    monkeypatch.setattr(agreements, "LOOK_EVERY", 3600.0)


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    return load(ROOT / "policies")


def narrower(shipped: PolicySet) -> PolicySet:
    before, rule, after = shipped.texts["release.cedar"].partition('@id("school-support-coordinator")')
    return load_texts({**shipped.texts, "release.cedar": before + rule + after.replace(STATUS, "", 1)})


def remarked(policy_set: PolicySet, remark: str) -> PolicySet:
    """The same rules, with another digest."""
    return load_texts({**policy_set.texts, "README.md": remark})


@dataclass
class Officer:
    """An officer who signed in, with a device."""

    world: World
    browser: httpx.AsyncClient
    device: Authenticator
    id: str
    csrf: str

    def _script(self) -> dict[str, str]:
        return {"X-CSRF-Token": self.csrf, "Content-Type": "application/json"}

    async def options(self, proposal: str) -> httpx.Response:
        path = f"/console/agreement/{proposal}/approval-options"
        return await self.browser.post(path, content="{}", headers=self._script())

    async def send(self, proposal: str, credential: str) -> httpx.Response:
        path = f"/console/agreement/{proposal}/approval"
        return await self.browser.post(path, content=credential, headers=self._script())

    async def approves(self, proposal: str) -> httpx.Response:
        asked = await self.options(proposal)
        if asked.status_code != 200:
            return asked
        return await self.send(proposal, self.signs(asked.json()))

    def signs(self, options: Options, **otherwise: Any) -> str:
        """With a device that does not count, as most do not: nothing is refused for its count."""
        given = {"origin": URL, "rp": "localhost", "count": 0, **otherwise}
        return self.device.sign(from_b64url(options["challenge"]), **given)


@contextlib.asynccontextmanager
async def officer(world: World, name: str = "An officer") -> AsyncIterator[Officer]:
    """Invited, let in with a passkey, and signed in: over HTTP, as a browser would."""
    device = Authenticator()
    device.credential = secrets.token_bytes(16)
    code = await world.broker.oversight.invite(name)
    async with world.browser() as browser:
        await browser.post("/console/invitation", data={"code": code})
        page = (await browser.get("/console/passkey")).text
        csrf = page.partition('data-csrf="')[2].partition('"')[0]
        script = {"X-CSRF-Token": csrf, "Content-Type": "application/json"}
        asked = await browser.post("/console/passkeys/registration-options", content="{}", headers=script)
        made = device.register(from_b64url(asked.json()["challenge"]), origin=URL, rp="localhost")
        done = await browser.post("/console/passkeys/registration", content=made, headers=script)
        assert done.status_code == 200, done.text
        page = (await browser.get("/console/agreement")).text
        csrf = page.partition('name="csrf" value="')[2].partition('"')[0]
        identity = (await world.broker.oversight.session(browser.cookies["rondom-console"])).officer  # type: ignore[union-attr]
        await second_device(world, identity)
        yield Officer(world, browser, device, identity, csrf)


@contextlib.asynccontextmanager
async def two(world: World) -> AsyncIterator[tuple[Officer, Officer]]:
    async with officer(world, "One") as one, officer(world, "Two") as other:
        yield one, other


async def proposed(world: World, policy_set: PolicySet, starts: datetime | None = None) -> str:
    made = await world.broker.oversight.propose(LoadedAgreement(policy_set), "Minder is genoeg.", starts)
    return made.id


async def in_force(world: World) -> str:
    async with world.broker.house.storage(writing=False) as work:
        return (await world.broker.agreements.within(work)).digest


async def ready(world: World) -> Case:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    return case


def refused(response: httpx.Response, status: int) -> bool:
    return response.status_code == status and "next" not in response.text


# --- how it goes ---------------------------------------------------------------------------------------


async def test_two_officers_approve_and_every_replica_follows(world: World, shipped: PolicySet) -> None:
    case, narrow = await ready(world), narrower(shipped)
    async with started_again(world) as second, two(world) as (one, other):
        proposal = await proposed(world, narrow)
        page = (await one.browser.get(f"/console/agreement/{proposal}")).text
        assert narrow.digest in page
        assert "-    SectionType::&#34;status&#34;," in page, "every line that changes"
        assert "Minder is genoeg." in page
        effect = (await one.browser.get(f"/console/agreement/{proposal}/effect")).text
        assert "alleen minder worden gegeven" in effect
        counted = [cell.partition("<")[0] for cell in effect.rpartition("<tbody")[2].split('__cell">')[1:]]
        assert counted[:2] == ["dichtgaan", shipped.vocabulary.label("status").nl]
        assert counted[3:] == ["1", "1"], "one section of one child, and nothing else"
        assert await case.gets() == ALL[TOM], "a proposal decides nothing"
        assert (await one.approves(proposal)).status_code == 200
        await world.broker.agreements.look()
        assert await case.gets() == ALL[TOM], "one is not enough"
        assert (await other.approves(proposal)).status_code == 200
        assert await case.gets() == LESS
        assert await replace(case, world=second).gets() == LESS
        assert one.id in (await other.browser.get(f"/console/agreement/{proposal}")).text
    entries = [entry for entry in await world.entries() if entry.type.startswith("policy:")]
    assert [entry.type for entry in entries] == [
        "policy:activated",
        "policy:approved",
        "policy:approved",
        "policy:proposed",
        "policy:activated",
    ]
    assert {entry.facts["policy"] for entry in entries[:4]} == {narrow.digest}
    assert {entry.facts["proposal"] for entry in entries[:4]} == {proposal}
    assert [entry.personal["officer"] for entry in entries[1:3]] == [[other.id], [one.id]]
    assert entries[3].personal["why"] == ["Minder is genoeg."]
    assert entries[3].facts["wider"] == "no"
    evidence = json.loads(entries[1].personal["assertion"][0])
    assert {"nonce", "credential"} == set(evidence), "what the passkey signed, for who checks it later"


async def test_a_proposal_waits_for_who_did_not_approve_it_and_for_nobody_once_two_did(
    world: World, shipped: PolicySet
) -> None:
    async def waits(*who: Officer) -> list[int]:
        found = [await world.broker.oversight.session(each.browser.cookies["rondom-console"]) for each in who]
        return [session.open_proposals for session in found if session]

    async with two(world) as (one, other), officer(world, "Three") as third:
        proposal = await proposed(world, narrower(shipped))
        page = (await one.browser.get(f"/console/agreement/{proposal}")).text
        assert "Zodra twee officers hebben goedgekeurd" in page
        assert await waits(one, other, third) == [1, 1, 1]
        await one.approves(proposal)
        assert await waits(one, other, third) == [0, 1, 1]
        assert "Nog één officer" in (await other.browser.get("/console/agreement")).text
        await world.broker.oversight.withdraw_officer(one.id)
        assert await waits(other, third) == [1, 1], "an approval of who is no officer any more is none"
        for who in (other, third):
            assert (await who.approves(proposal)).status_code == 200
        assert await waits(other, third) == [0, 0]
        await proposed(world, remarked(narrower(shipped), "x"), world.clock() + timedelta(days=2))
        assert await waits(other, third) == [1, 1]


async def test_it_counts_from_its_day_and_not_before(world: World, shipped: PolicySet) -> None:
    case, start = await ready(world), world.clock() + timedelta(days=2)
    async with two(world) as (one, other):
        proposal = await proposed(world, narrower(shipped), start)
        for who in (one, other):
            assert (await who.approves(proposal)).status_code == 200
        await world.broker.agreements.look()
        assert await case.gets() == ALL[TOM]
        assert "gaat vanzelf in" in (await one.browser.get("/console/agreement")).text
    world.clock.moved += timedelta(days=2, seconds=1)
    await world.broker.agreements.look()
    assert await case.gets() == LESS


async def test_what_may_give_more_is_marked(world: World, shipped: PolicySet) -> None:
    async with officer(world) as one:
        wide = await proposed(
            world, load_texts({**shipped.texts, "release.cedar": shipped.texts["release.cedar"] + EVERYTHING})
        )
        narrow = await proposed(world, narrower(shipped))
        for proposal, marked in ((wide, True), (narrow, False)):
            assert ("misschien meer dan" in (await one.browser.get(f"/console/agreement/{proposal}")).text) is marked
        assert (await one.browser.get("/console/agreement")).text.count("Geeft misschien meer") == 1


EVERYTHING = '@id("all") @title_nl("x") @title_en("x") @legal_basis("x") permit (principal, action, resource);'


async def test_a_restart_does_not_undo_it_whatever_lies_in_the_folder(world: World, shipped: PolicySet) -> None:
    narrow = narrower(shipped)
    async with two(world) as (one, other):
        proposal = await proposed(world, narrow)
        for who in (one, other):
            await who.approves(proposal)
    async with started_again(world) as again:
        assert again.broker.house.agreement().digest == narrow.digest


# --- attacks ---------------------------------------------------------------------------------------------


async def test_one_officer_cannot_approve_twice(world: World, shipped: PolicySet) -> None:
    async with two(world) as (one, other):
        proposal = await proposed(world, narrower(shipped))
        first, second = await one.options(proposal), None
        assert (await one.send(proposal, one.signs(first.json()))).status_code == 200
        assert refused(await one.options(proposal), 409)
        second = await one.send(proposal, one.signs(first.json()))
        assert second.status_code in (403, 409), "nor with the challenge of before"
        assert await in_force(world) == shipped.digest
        assert (await other.approves(proposal)).status_code == 200
        assert await in_force(world) != shipped.digest
        assert refused(await other.options(proposal), 409), "it is over"


async def test_an_approval_for_something_else_is_refused(world: World, shipped: PolicySet) -> None:
    """For another text, by another passkey, for signing in, without user verification, of another site: nothing is kept."""
    async with two(world) as (one, other):
        wanted, another = await proposed(world, narrower(shipped)), await proposed(world, remarked(shipped, "y"))
        attacks: list[tuple[str, Callable[[Options], str]]] = [
            ("another's passkey", other.signs),
            ("not verified", lambda options: one.signs(options, flags=1)),
            (
                "another site",
                lambda o: one.device.sign(
                    from_b64url(o["challenge"]), origin="https://x.example", rp="localhost", count=0
                ),
            ),
            ("another challenge", lambda _: one.device.sign(b"c" * 32, origin=URL, rp="localhost", count=0)),
            ("registering", lambda options: one.signs(options, kind="webauthn.create")),
            ("nonsense", lambda _: "{}"),
        ]
        for name, sign in attacks:
            options = (await one.options(wanted)).json()
            assert refused(await one.send(wanted, sign(options)), 403), name
        options = (await one.options(another)).json()
        assert refused(await one.send(wanted, one.signs(options)), 403), "signed for another proposal"
        _, login = await world.broker.oversight.sign_in_options("192.0.2.9")
        await one.options(wanted)
        assert refused(await one.send(wanted, one.signs(json.loads(login))), 403), "signed to sign in"
        theirs = (await other.options(wanted)).json()
        await one.options(wanted)
        assert refused(await one.send(wanted, one.signs(theirs)), 403), "the challenge of somebody else"
        stale = (await one.options(wanted)).json()
        await one.options(wanted)
        assert refused(await one.send(wanted, one.signs(stale)), 403), "an older challenge"
        late = (await one.options(wanted)).json()
        world.clock.moved += timedelta(minutes=6)
        assert refused(await one.send(wanted, one.signs(late)), 403), "too late"
    assert not [entry for entry in await world.entries() if entry.type == "policy:approved"]


async def test_a_replayed_approval_is_refused(world: World, shipped: PolicySet) -> None:
    async with two(world) as (one, other):
        first = await proposed(world, narrower(shipped))
        credential = one.signs((await one.options(first)).json())
        assert (await one.send(first, credential)).status_code == 200
        again = await proposed(world, narrower(shipped))
        await one.options(again)
        assert refused(await one.send(again, credential), 403), "the same text proposed anew needs a new signature"
        assert refused(await other.send(first, credential), 403)
        assert await in_force(world) == shipped.digest


async def test_without_the_forms_secret_or_a_visit_nothing_happens(world: World, shipped: PolicySet) -> None:
    async with officer(world) as one:
        proposal = await proposed(world, narrower(shipped))
        credential = one.signs((await one.options(proposal)).json())
        before = await dump(world)
        stranger = replace(one, csrf="wrong")
        assert refused(await stranger.send(proposal, credential), 403)
        async with world.browser() as browser:
            assert refused(await replace(one, browser=browser).send(proposal, credential), 401)
        assert {k: v for k, v in (await dump(world)).items() if k != "visit"} == {
            k: v for k, v in before.items() if k != "visit"
        }


async def test_an_officer_who_was_withdrawn_counts_no_more(world: World, shipped: PolicySet) -> None:
    async with two(world) as (one, other), officer(world, "Three") as third:
        proposal = await proposed(world, narrower(shipped))
        assert (await one.approves(proposal)).status_code == 200
        pending = (await other.options(proposal)).json()
        await world.broker.oversight.withdraw_officer(one.id)
        await world.broker.oversight.withdraw_officer(other.id)
        assert (await other.send(proposal, other.signs(pending))).status_code in (401, 403)
        assert (await third.approves(proposal)).status_code == 200
        await world.broker.agreements.look()
        assert await in_force(world) == shipped.digest, "of two approvals one is of nobody any more"
        async with officer(world, "Four") as fourth:
            assert (await fourth.approves(proposal)).status_code == 200
        assert await in_force(world) == narrower(shipped).digest


async def test_something_else_that_came_in_force_makes_a_proposal_lapse(world: World, shipped: PolicySet) -> None:
    """Also when what it was made against comes back later."""
    async with two(world) as (one, other):
        old = await proposed(world, narrower(shipped))
        assert (await one.approves(old)).status_code == 200
        for policy_set in (remarked(shipped, "z"), shipped):
            newer = await proposed(world, policy_set)
            for who in (one, other):
                assert (await who.approves(newer)).status_code == 200
        assert await in_force(world) == shipped.digest
        assert refused(await other.options(old), 409)
        assert "Vervallen" in (await one.browser.get(f"/console/agreement/{old}")).text


async def test_what_is_not_right_is_not_even_proposed(world: World, shipped: PolicySet, tmp_path: Path) -> None:
    oversight, narrow = world.broker.oversight, LoadedAgreement(narrower(shipped))
    for reason in ("", "  ", "x" * 301):
        with pytest.raises(Invalid):
            await oversight.propose(narrow, reason)
    with pytest.raises(Invalid):
        await oversight.propose(narrow, "x", world.clock() + timedelta(days=400))
    with pytest.raises(Conflict):
        await oversight.propose(LoadedAgreement(shipped), "x")
    async with started_again(world, policies=copied_policies(tmp_path), agreement="folder") as folder:
        with pytest.raises(Conflict):
            await folder.broker.oversight.propose(narrow, "x")
    assert not [entry for entry in await world.entries() if entry.type == "policy:proposed"]


@pytest.mark.parametrize("attack", ["text", "digest", "sooner", "moved", "invented", "enrolled"])
async def test_with_the_database_in_hand_nobody_puts_anything_in_force(
    world: World, request: pytest.FixtureRequest, shipped: PolicySet, attack: str
) -> None:
    """Altered texts, proposals, approvals and passkeys: one officer who helps is not enough either."""
    intruder, widest = (
        intruder_in(world, request),
        load_texts({**shipped.texts, "release.cedar": shipped.texts["release.cedar"] + EVERYTHING}),
    )
    async with two(world) as (one, other):
        start = world.clock() + timedelta(days=30) if attack == "sooner" else None
        proposal = await proposed(world, narrower(shipped), start)
        await proposed(world, widest)
        assert (await one.approves(proposal)).status_code == 200
        if attack == "sooner":
            assert (await other.approves(proposal)).status_code == 200
        await world.settle()
        async with nobody_writes(world):
            intruder.disarm()
            tamper(intruder, attack, proposal, one, other, widest)
        if attack == "enrolled":
            stolen = replace(other, device=one.device)
            assert refused(await stolen.approves(proposal), 403)
        else:
            await (one if attack == "moved" else other).approves(proposal)
        with contextlib.suppress(Exception):
            await world.broker.agreements.look()
        assert await in_force(world) == shipped.digest
    async with started_again(world) as again:
        with contextlib.suppress(Exception):
            await again.broker.agreements.look()
        assert await in_force(again) == shipped.digest


def tamper(intruder: Intruder, attack: str, proposal: str, one: Officer, other: Officer, widest: PolicySet) -> None:
    if attack == "text":
        intruder.change(
            "UPDATE policy_set SET texts = ? WHERE digest = (SELECT digest FROM policy_proposal WHERE id = ?)",
            json.dumps(dict(widest.texts)),
            proposal,
        )
    elif attack == "digest":
        intruder.change("UPDATE policy_proposal SET digest = ? WHERE id = ?", widest.digest, proposal)
    elif attack == "sooner":
        intruder.change("UPDATE policy_proposal SET starts_at = created_at WHERE id = ?", proposal)
    elif attack == "moved":
        intruder.change("UPDATE policy_approval SET officer = ? WHERE proposal = ?", other.id, proposal)
    elif attack == "invented":
        intruder.change(
            "INSERT INTO policy_approval SELECT proposal, 2, ?, created_at, "
            "(SELECT MAX(entry_id) FROM log_entry WHERE type = 'officer:enrolled') FROM policy_approval",
            other.id,
        )
    else:
        intruder.change("DELETE FROM passkey WHERE officer = ? AND length(public_key) > 20", other.id)
        intruder.change(
            "UPDATE passkey SET officer = ? WHERE officer = ? AND length(public_key) > 20", other.id, one.id
        )


async def test_a_broker_does_not_start_on_an_agreement_that_nobody_approved(
    world: World, request: pytest.FixtureRequest, shipped: PolicySet
) -> None:
    intruder = intruder_in(world, request)
    widest = load_texts({**shipped.texts, "release.cedar": shipped.texts["release.cedar"] + EVERYTHING})
    now = datetime.now(UTC)
    async with nobody_writes(world):
        intruder.disarm()
        since = intruder.rows("SELECT since FROM policy_in_force")[0][0]
        intruder.change("INSERT INTO policy_set VALUES (?, ?, ?)", widest.digest, json.dumps(dict(widest.texts)), since)
        intruder.change("INSERT INTO policy_in_force VALUES (2, ?, ?, ?)", widest.digest, since, f"{now:%Y%m%d}-0")
    with pytest.raises(Unsafe) as refusal:
        async with started_again(world):
            pass
    assert "BROKER_AGREEMENT=folder" in refusal.value.words.en
    async with started_again(world, agreement="folder") as again:
        assert again.broker.house.agreement().digest == shipped.digest
