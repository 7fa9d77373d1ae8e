"""P02: another agreement counts on every replica without a restart; what is not whole, or was not put there by a broker, never."""

import asyncio
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from broker.domain.stores import UnitOfWork
from broker.errors import BrokerError, Unavailable, Unsafe
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load, load_texts
from broker.services import agreements, releasing
from broker.services.agreements import Agreements
from tests.promises.attacks import ALL, TOM, Case, push
from tests.support.agreements import copied_policies, decide_with
from tests.support.intruder import Intruder, intruder_in
from tests.support.officers import officer_browser
from tests.support.surface import nobody_writes
from tests.support.world import ROOT, World, started_again

STATUS = '    SectionType::"status",\n'
WHO_SCHOOL = '@id("school-support-coordinator")'


@pytest.fixture(autouse=True)
def nobody_looks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks but the test: the background, which would every two seconds, sleeps."""
    monkeypatch.setattr(agreements, "LOOK_EVERY", 3600.0)


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


@dataclass
class Two:
    """Two brokers on one database; the second one's folder can be changed."""

    first: World
    second: World
    folder: Path

    @property
    def rules(self) -> Path:
        return self.folder / "release.cedar"

    def narrow(self) -> str:
        """Take the status from the school's support coordinator; returns the digest that it then has."""
        before, rule, after = self.rules.read_text().partition(WHO_SCHOOL)
        assert STATUS in after
        self.rules.write_text(before + rule + after.replace(STATUS, "", 1))
        return load(self.folder).digest

    async def looks(self) -> None:
        """The second broker looks at its folder until nothing about it is new."""
        await look(self.second.broker.agreements)


async def look(known: Agreements) -> None:
    for _ in range(3):
        await known.look()


@pytest.fixture
async def two(world: World, tmp_path: Path) -> AsyncIterator[Two]:
    folder = copied_policies(tmp_path)
    async with started_again(world, policies=folder, agreement="folder") as second:
        yield Two(world, second, folder)


async def ask_both(two: Two, case: Case) -> list[list[str]]:
    """What the two brokers give."""
    return [await case.gets(), await replace(case, world=two.second).gets()]


SHIPPED = ALL[TOM]
LESS = [found for found in SHIPPED if found != "status"]


async def test_a_changed_folder_counts_on_every_replica_without_a_restart(two: Two) -> None:
    case = await push(two.first, TOM)
    await case.everybody_says_yes()
    assert await ask_both(two, case) == [SHIPPED, SHIPPED]
    digest = two.narrow()
    assert await ask_both(two, case) == [SHIPPED, SHIPPED], "nobody has looked yet"
    await two.looks()
    assert await ask_both(two, case) == [LESS, LESS], "also where nobody looked: a release asks the database"
    assert {broker.broker.house.agreement().digest for broker in (two.first, two.second)} == {digest}
    entries = [entry for entry in await two.first.entries() if entry.type.startswith(("release:", "policy:"))]
    assert [entry.facts["policy"] for entry in entries[:3]] == [digest] * 3
    assert entries[2].type == "policy:activated"
    shutil.copy(ROOT / "policies" / "release.cedar", two.rules)
    await two.looks()
    assert await ask_both(two, case) == [SHIPPED, SHIPPED]
    numbers = [e.facts["number"] for e in await two.first.entries() if e.type == "policy:activated"]
    assert numbers == [3, 2, 1]


async def test_what_is_not_a_release_hears_of_it_too(two: Two) -> None:
    digest = two.narrow()
    await two.looks()
    await look(two.first.broker.agreements)
    assert two.first.broker.house.agreement().digest == digest


async def test_the_background_looks_by_itself_and_outlives_what_goes_wrong(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = two.second.broker.agreements
    monkeypatch.setattr(agreements, "LOOK_EVERY", 0.01)
    within, times = known.within, iter(range(100_000))

    async def now_and_then(work: UnitOfWork) -> object:
        if next(times) < 3:
            raise Unavailable
        return await within(work)

    monkeypatch.setattr(known, "within", now_and_then)
    digest = two.narrow()
    with capture_logs() as lines:
        task = asyncio.create_task(known.run())
        for _ in range(2000):
            if known.now().digest == digest:
                break
            await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
    assert known.now().digest == digest
    assert [line["event"] for line in lines].count("agreement:not-followed") == 1, "said when it begins, not each time"


async def test_a_broker_that_starts_takes_what_its_folder_holds_and_the_others_follow(
    world: World, tmp_path: Path
) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    folder = copied_policies(tmp_path)
    Two(world, world, folder).narrow()
    async with started_again(world, policies=folder, agreement="folder"):
        assert await case.gets() == LESS


async def test_two_brokers_change_it_at_the_same_moment(two: Two) -> None:
    """One of them comes last, and both decide with that one."""
    narrow = LoadedAgreement(load_texts({**load(two.folder).texts, "README.md": "one"}))
    other = LoadedAgreement(load_texts({**load(two.folder).texts, "README.md": "two"}))
    one, two_ = two.first.broker.agreements, two.second.broker.agreements
    await asyncio.gather(one.enact(narrow), two_.enact(other))
    await look(one)
    await look(two_)
    assert one.now().digest == two_.now().digest
    numbers = [e.facts["number"] for e in await two.first.entries() if e.type == "policy:activated"]
    assert numbers == [3, 2, 1]


async def test_who_was_overtaken_takes_over_and_does_not_put_their_own_back(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    narrow = LoadedAgreement(load_texts({**load(two.folder).texts, "README.md": "one"}))
    other = LoadedAgreement(load_texts({**load(two.folder).texts, "README.md": "two"}))
    one, two_ = two.first.broker.agreements, two.second.broker.agreements
    genuine = Agreements._enact

    async def overtaken(self: Agreements, agreement: LoadedAgreement, *, anew: bool) -> bool:
        done = await genuine(self, agreement, anew=anew)
        if self is one:
            await two_.enact(other)
        return done

    monkeypatch.setattr(Agreements, "_enact", overtaken)
    await one.enact(narrow)
    assert one.now().digest == other.digest == two_.now().digest
    numbers = [e.facts["number"] for e in await two.first.entries() if e.type == "policy:activated"]
    assert numbers == [3, 2, 1]


# --- what is not whole ------------------------------------------------------------------------------


SPOILT = {
    "no rules": lambda two: two.rules.write_text(""),
    "half a file": lambda two: two.rules.write_text(two.rules.read_text()[:2000]),
    "an attribute that is not there": lambda two: two.rules.write_text(
        two.rules.read_text().replace("context.senderBasis", "context.basis")
    ),
    "a rule that can fail": lambda two: two.rules.write_text(
        two.rules.read_text()
        + '@id("x") @title_nl("x") @title_en("x") @legal_basis("x") forbid (principal, action, resource) '
        "when { context.evidence + 9223372036854775807 < 0 };"
    ),
    "a file is gone": lambda two: (two.folder / "signers.toml").unlink(),
    "not UTF-8": lambda two: two.rules.write_bytes(b"\xff" + two.rules.read_bytes()),
    "everything is gone": lambda two: shutil.rmtree(two.folder),
}


async def test_a_set_with_a_fault_is_never_in_force_and_everybody_sees_it(two: Two, tmp_path: Path) -> None:
    case = await push(two.first, TOM)
    await case.everybody_says_yes()
    broker, digest = two.second.broker, load(two.folder).digest
    for position, (way, spoil) in enumerate(SPOILT.items(), 1):
        spoil(two)
        with capture_logs() as lines:
            await two.looks()
            await two.looks()
        assert [line["event"] for line in lines if line["log_level"] == "error"] == [
            "agreement:not-reloaded",
            "alarm:agreement-refused",
        ], way
        assert broker.alarms.counts["agreement-refused"] == position, way
        assert broker.agreements.refused is not None, way
        assert "rondom_agreement_refused 1.0" in (await two.second.http.get("/metrics")).text
        assert await ask_both(two, case) == [SHIPPED, SHIPPED], way
        assert broker.house.agreement().digest == digest
        async with officer_browser(two.second) as officer:
            page = (await officer.browser.get("/console/agreement")).text
            assert "konden niet in werking treden" in page, way
            assert digest in page
        shutil.rmtree(two.folder, ignore_errors=True)
        copied_policies(tmp_path)
        await two.looks()
        assert broker.agreements.refused is None, way
    assert "rondom_agreement_refused 0.0" in (await two.second.http.get("/metrics")).text
    assert (await two.second.http.get("/readyz")).status_code == 200
    assert len([e for e in await two.first.entries() if e.type == "policy:activated"]) == 1, "nothing was put in force"


async def test_a_folder_that_is_still_being_changed_waits(two: Two) -> None:
    known, before = two.second.broker.agreements, two.second.broker.house.agreement().digest
    for text in ("one", "two", "three"):
        (two.folder / "README.md").write_text(text)
        await known.look()
        assert known.now().digest == before
    await known.look()
    assert known.now().digest == load(two.folder).digest


# --- one decision, one agreement ----------------------------------------------------------------------


async def test_a_release_is_decided_by_one_agreement_from_beginning_to_end(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is put in force meanwhile: nothing of it shows in the answer, in the log or in what is told."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    shipped = load(ROOT / "policies")
    emptied = LoadedAgreement(
        replace(shipped, digest="0" * 64, vocabulary=replace(shipped.vocabulary, purposes={}), notices={}, channels=())
    )
    gather = releasing.situation_of

    async def meanwhile(*given: object, **more: object) -> object:
        decide_with(world, emptied)
        return await gather(*given, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(releasing, "situation_of", meanwhile)
    response = await case.ask()
    assert response.status_code == 200
    assert response.json()["policyDigest"] == shipped.digest
    assert sorted(part["type"] for part in response.json()["released"]) == SHIPPED
    [entry] = [e for e in await world.entries() if e.type == "release:permitted"]
    assert (entry.facts["policy"], entry.facts["purpose"]) == (shipped.digest, case.body["purpose"])


# --- somebody else's hand -----------------------------------------------------------------------------


EVERYTHING = '@id("all") @title_nl("x") @title_en("x") @legal_basis("x") permit (principal, action, resource);'


def forged(intruder: Intruder, entry: str) -> None:
    """A set in which everything is permitted, put in force by hand and tied to some entry."""
    texts = dict(load(ROOT / "policies").texts)
    texts["release.cedar"] += EVERYTHING
    widest = load_texts(texts)
    now = intruder.rows("SELECT since FROM policy_in_force")[0][0]
    intruder.change("INSERT INTO policy_set VALUES (?, ?, ?)", widest.digest, json.dumps(texts), now)
    intruder.change("INSERT INTO policy_in_force VALUES (?, ?, ?, ?)", 2, widest.digest, now, entry)


async def refuses(world: World, case: Case) -> None:
    """Nothing leaves, the broker is not ready, and it rings."""
    before = world.broker.alarms.counts["tampered"]
    response = await case.ask()
    assert response.status_code == 500
    assert response.json()["type"] == "urn:rondom:problem:tampered"
    assert world.broker.alarms.counts["tampered"] > before
    assert (await world.http.get("/readyz")).status_code == 503


@pytest.mark.parametrize("entry", ["the one before", "one about something else", "none"])
async def test_an_agreement_put_in_force_past_the_broker_is_never_decided_with(
    world: World, intruder: Intruder, entry: str, tmp_path: Path
) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    await world.settle()
    async with nobody_writes(world):
        intruder.disarm()
        (first,) = intruder.rows("SELECT entry_id FROM policy_in_force")[0]
        (other,) = intruder.rows("SELECT entry_id FROM log_entry WHERE type = 'handover:pushed'")[0]
        if entry == "the one before":
            intruder.change("DELETE FROM policy_in_force")
            intruder.change(
                "INSERT INTO policy_in_force SELECT 1, digest, first_at, ? FROM policy_set", "00000000-0000"
            )
            forged(intruder, first)
        elif entry == "one about something else":
            forged(intruder, other)
        else:
            forged(intruder, "00000000-0000-7000-8000-000000000000")
    await refuses(world, case)
    with capture_logs() as lines:
        async with started_again(world, policies=copied_policies(tmp_path), agreement="folder") as again:
            assert again.broker.house.agreement().digest == load(ROOT / "policies").digest
            assert await replace(case, world=again).gets() == SHIPPED, "its own folder counts again"
    assert "agreement:altered" in [line["event"] for line in lines]


async def test_a_stricter_agreement_is_not_undone_by_taking_it_out(two: Two, intruder: Intruder) -> None:
    case = await push(two.first, TOM)
    await case.everybody_says_yes()
    two.narrow()
    await two.looks()
    assert await case.gets() == LESS
    async with nobody_writes(two.first), nobody_writes(two.second):
        intruder.disarm()
        intruder.change("DELETE FROM policy_in_force WHERE number = 2")
    await refuses(two.first, case)
    with capture_logs() as lines:
        async with started_again(two.first, policies=two.folder, agreement="folder") as again:
            assert await replace(case, world=again).gets() == LESS
    assert "agreement:altered" in [line["event"] for line in lines], "the log knows of a later one"


async def test_a_text_that_was_altered_is_not_loaded(two: Two, intruder: Intruder) -> None:
    case = await push(two.first, TOM)
    await case.everybody_says_yes()
    digest = two.narrow()
    await two.looks()
    async with nobody_writes(two.first), nobody_writes(two.second):
        intruder.disarm()
        ((text,),) = intruder.rows("SELECT texts FROM policy_set WHERE digest <> ?", digest)
        intruder.change("UPDATE policy_set SET texts = ? WHERE digest = ?", text, digest)
    await refuses(two.first, case)
    assert await replace(case, world=two.second).gets() == LESS, "who loaded it before goes on"


async def test_a_broker_that_cannot_read_what_is_in_force_refuses_and_says_so(
    two: Two, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A release of the program that is too old for a rule, for example: it waits for the right one, and decides nothing."""
    case = await push(two.first, TOM)
    await case.everybody_says_yes()
    two.narrow()
    await two.looks()

    def too_new(_: object) -> None:
        raise Unsafe

    monkeypatch.setattr(two.first.broker.agreements, "_load", too_new)
    response = await case.ask()
    assert (response.status_code, response.json()["type"]) == (503, "urn:rondom:problem:unavailable")
    assert (await two.first.http.get("/readyz")).status_code == 503
    with pytest.raises(BrokerError):
        await two.first.broker.agreements.look()
    monkeypatch.undo()
    assert await case.gets() == LESS
    assert (await two.first.http.get("/readyz")).status_code == 200
