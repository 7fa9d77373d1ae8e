"""P11: every decision can be made again from the log and what is stored, with the same result; what was changed shows."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from unittest.mock import patch

import pytest

from broker.domain.consents import ConsentRecord
from broker.domain.decisions import Told
from broker.domain.events import EventType, LogEvent
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.policy_set import load_texts
from broker.services import releasing
from broker.services.recording import keep
from broker.services.replay import DECISIONS, Outcome, Report
from tests.promises.attacks import ALL, JACK, NOTICE, READER, WITHDRAWN, Case
from tests.support.intruder import Intruder, intruder_in
from tests.support.lifelines import FOSTER, MENTAL, SCHOOL, SIGNERS, Girl, listed, someone, timeline
from tests.support.surface import nobody_writes
from tests.support.world import World

SAME = Outcome.SAME


@pytest.fixture
def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    return intruder_in(world, request)


async def replayed(world: World, **more: object) -> Report:
    await world.settle()
    return await world.broker.replay.run(**more)  # type: ignore[arg-type] # since


async def decisions(world: World) -> int:
    return len([e for e in await world.entries() if e.type in DECISIONS and "reason" not in e.facts])


async def story(world: World) -> None:
    """Asked before anybody answered, after one yes, after all; corrected; stopped; for another purpose; by a stranger."""
    await world.push(JACK)
    await world.gets(JACK, READER[JACK])
    every = {section["type"]: "yes" for section in world.body(JACK)["sections"]}
    await world.invite(JACK, "mother")
    await world.answer(JACK, "mother", every, world.codes[JACK, "mother"])
    await world.gets(JACK, READER[JACK])
    await world.invite(JACK, "father")
    await world.answer(JACK, "father", every, world.codes[JACK, "father"])
    assert await world.gets(JACK, READER[JACK]) == ALL[JACK]
    assert await world.gets(JACK, READER[JACK], "no such purpose") == []
    await world.gets(JACK, "ib-joris")
    body = world.body(JACK)
    body["sections"] = body["sections"][:1]
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, body)).status_code == 201
    assert await world.gets(JACK, READER[JACK])
    await world.withdraw(JACK, "father", [body["sections"][0]["type"]])
    assert await world.gets(JACK, READER[JACK]) == []


async def test_every_decision_comes_out_the_same(world: World) -> None:
    await story(world)
    made = await decisions(world)
    assert made >= 6
    report = await replayed(world)
    assert report.findings == []
    assert dict(report.counts) == {SAME: made}


async def said(case: Case, record: ConsentRecord) -> None:
    """As the pages keep an answer: with its line in the log."""
    house = case.world.broker.house
    async with house.storage() as work:
        await work.authorities.hold({record.signer}, exclusively=True)
        await work.consents.keep_notice(record.notice.digest, "nl", NOTICE, record.at)
        await keep(work, house, record.signer, record.scope.sender, (record,), record.at)
        await work.commit()


async def test_every_release_of_a_timeline_comes_out_the_same(world: World) -> None:
    girl = Girl(world)
    case = await girl.push(FOSTER, timeline(("2018", "Iets.")), listed(someone(coordinator=True)))
    for written in (case, await girl.push(MENTAL, timeline(("2019", "Anders.")))):
        for signer in SIGNERS:
            await said(written, written.record(signer, "chayenne"))
    await girl.push(SCHOOL, timeline(("2020", "Dicht.")))
    for what in ("timelines", "involvements"):
        assert (await girl.asked(what)).status_code == 200
    await said(case, case.record("mother", "chayenne", WITHDRAWN))
    assert [one["source"]["organisation"] for one in (await girl.asked()).json()["entries"]] == [MENTAL]
    assert await decisions(world) == 4
    report = await replayed(world)
    assert report.findings == []
    assert dict(report.counts) == {SAME: 4}


async def test_also_after_the_agreement_was_changed(world: World) -> None:
    await story(world)
    before = await decisions(world)
    texts = dict(world.broker.house.agreement().texts)
    texts["signers.toml"] = texts["signers.toml"] + "\n# tightened\n"
    texts["release.cedar"] = "// nothing is given to anybody any more\n" + texts["release.cedar"].replace(
        'principal.role == Role::"general-practitioner"', 'principal.role == Role::"teacher"'
    )
    await world.broker.agreements.enact(LoadedAgreement(load_texts(texts)))
    assert await world.gets(JACK, READER[JACK]) == []
    report = await replayed(world)
    assert report.findings == []
    assert dict(report.counts) == {SAME: before + 1}


async def test_also_years_later_when_everybody_is_of_another_age(world: World) -> None:
    await story(world)
    before = await replayed(world)
    world.clock.later("P10Y")
    after = await replayed(world)
    assert after.counts == before.counts
    assert after.intact


async def test_since_a_moment_only_later_decisions_are_made_again(world: World) -> None:
    await story(world)
    moment = world.clock()
    world.clock.moved += timedelta(seconds=1)
    await world.gets(JACK, READER[JACK])
    assert dict((await replayed(world, since=moment)).counts) == {SAME: 1}


def _agreement_rewritten(intruder: Intruder) -> None:
    ((texts,),) = intruder.rows("SELECT texts FROM policy_set")
    intruder.change("UPDATE policy_set SET texts = ?", json.dumps({**json.loads(texts), "signers.toml": "# none\n"}))


def _agreement_gone(intruder: Intruder) -> None:
    intruder.change("DELETE FROM policy_set")


def _a_record_gone(intruder: Intruder) -> None:
    intruder.change("DELETE FROM consent_record WHERE serial = 1")


def _a_record_edited(intruder: Intruder) -> None:
    intruder.change("UPDATE consent_record SET purpose = 'safety' WHERE serial = 1")


def _an_opening_edited(intruder: Intruder) -> None:
    """Those of the child, who comes after who asked: what the decision rested on is among them."""
    intruder.change(
        "UPDATE log_opening SET ciphertext = leaf_hash FROM log_entry "
        "WHERE log_entry.entry_id = log_opening.entry_id AND type IN ('release:permitted', 'release:denied') AND position > 0"
    )


def _authority_gone(intruder: Intruder) -> None:
    intruder.change("DELETE FROM authority WHERE until IS NULL")


TAMPERING: dict[Callable[[Intruder], None], set[Outcome]] = {
    _agreement_rewritten: {Outcome.NO_AGREEMENT},
    _agreement_gone: {Outcome.NO_AGREEMENT},
    _a_record_gone: {Outcome.OTHER_RECORDS},
    _a_record_edited: {Outcome.OTHER_RECORDS},
    _an_opening_edited: {Outcome.ALTERED},
    _authority_gone: {Outcome.ALTERED},
}


@pytest.mark.parametrize("attack", TAMPERING, ids=lambda attack: attack.__name__.strip("_"))
async def test_what_a_decision_rested_on_cannot_be_changed_afterwards(
    world: World, intruder: Intruder, attack: Callable[[Intruder], None]
) -> None:
    await story(world)
    await world.settle()
    async with nobody_writes(world):
        intruder.disarm()
        attack(intruder)
    report = await replayed(world)
    assert {finding.outcome for finding in report.findings} == TAMPERING[attack]
    assert not report.intact


async def test_an_older_copy_of_the_facts_put_back_for_a_while_shows(world: World, intruder: Intruder) -> None:
    """The father gets authority; the whole of the facts of before is put back, with its seal; the mother's yes opens."""
    body = world.body(JACK)
    fathers = [a for a in body["authorities"] if a["holder"] == "father"]
    assert fathers
    body["authorities"] = [a for a in body["authorities"] if a["holder"] != "father"]
    await world.push(JACK, body)
    tables = ("authority", "person_claim", "person")
    async with nobody_writes(world):
        older = {table: intruder.rows(f"SELECT * FROM {table}") for table in tables}
    path = f"/v1/handovers/{world.handovers[JACK]}/versions"
    assert (await world.as_organisation(world.sender(JACK), "POST", path, world.body(JACK))).status_code == 201
    await world.invite(JACK, "mother")
    every = {section["type"]: "yes" for section in world.body(JACK)["sections"]}
    await world.answer(JACK, "mother", every, world.codes[JACK, "mother"])
    assert await world.gets(JACK, READER[JACK]) == []
    async with nobody_writes(world):
        newer = {table: intruder.rows(f"SELECT * FROM {table}") for table in tables}
        intruder.disarm()
        intruder.put_back(older)
    assert await world.gets(JACK, READER[JACK]) == ALL[JACK], "the attack opens it: only the replay can tell"
    async with nobody_writes(world):
        intruder.put_back(newer)
    report = await replayed(world)
    assert [finding.outcome for finding in report.findings] == [Outcome.OTHER_FACTS]


async def test_a_refusal_hidden_from_one_decision_shows(world: World, intruder: Intruder) -> None:
    """The father stops; his stop is taken out of the database while somebody asks, and then put back."""
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    (first, *_) = ALL[JACK]
    await world.withdraw(JACK, "father", [first])
    async with nobody_writes(world):
        records = {"consent_record": intruder.rows("SELECT * FROM consent_record")}
        intruder.disarm()
        intruder.change("DELETE FROM consent_record WHERE serial = (SELECT max(serial) FROM consent_record)")
    assert first in await world.gets(JACK, READER[JACK]), "the attack opens it: only the replay can tell"
    async with nobody_writes(world):
        intruder.put_back(records)
    report = await replayed(world)
    assert [finding.outcome for finding in report.findings] == [Outcome.OTHER_RECORDS]


async def test_a_broker_that_decided_wrongly_shows(world: World) -> None:
    await world.push(JACK)
    with patch.object(releasing, "decide", side_effect=_everything):
        assert await world.gets(JACK, READER[JACK]) == ALL[JACK]
    report = await replayed(world)
    assert [finding.outcome for finding in report.findings] == [Outcome.OTHER_DECISION]


def _everything(*args: object) -> releasing.ReleaseDecision:
    from broker.domain.releases import decide

    made = decide(*args)  # type: ignore[arg-type] # passed on as they came
    wanted = {Told.NO_CONSENT}
    return releasing.ReleaseDecision(tuple(replace(s, told=None) if s.told in wanted else s for s in made.sections))


async def test_what_was_erased_is_counted_as_erased(world: World) -> None:
    await story(world)
    made = await decisions(world)
    path = f"/v1/handovers/{world.handovers[JACK]}"
    assert (await world.as_organisation(world.sender(JACK), "DELETE", path)).status_code == 204
    await world.settle()
    world.clock.later("P6Y")
    assert (await world.broker.erasure.erase_due()).people
    report = await replayed(world)
    assert (report.findings, report.unexplained) == ([], 0)
    assert dict(report.counts) == {Outcome.ERASED: made}
    assert await world.gets(JACK, READER[JACK]) == []  # asked for once more, of somebody who is forgotten
    assert (await replayed(world)).intact


@pytest.mark.parametrize("table", ["log_subject_key", "log_opening"])
async def test_values_that_somebody_took_away_are_not_taken_for_erased(
    world: World, intruder: Intruder, table: str
) -> None:
    await story(world)
    await world.settle()
    async with nobody_writes(world):
        intruder.change(f"DELETE FROM {table}")
    report = await replayed(world)
    assert report.unexplained
    assert not report.intact


async def test_a_withdrawn_or_older_version_put_back_shows(world: World, intruder: Intruder) -> None:
    await world.push(JACK)
    await world.everybody_says_yes(JACK)
    tables = ("handover", "section", "section_person", "handover_recipient", "handover_version")
    async with nobody_writes(world):
        older = {table: intruder.rows(f"SELECT * FROM {table}") for table in tables}
    path = f"/v1/handovers/{world.handovers[JACK]}"
    assert (await world.as_organisation(world.sender(JACK), "DELETE", path)).status_code == 204
    async with nobody_writes(world):
        intruder.disarm()
        intruder.put_back(older)
    assert await world.gets(JACK, READER[JACK]), "the attack opens it: only the replay can tell"
    report = await replayed(world)
    assert [finding.outcome for finding in report.findings] == [Outcome.OTHER_FACTS]


async def test_a_restored_copy_that_somebody_hides_shows(world: World, intruder: Intruder) -> None:
    await story(world)
    await world.settle()
    async with world.broker.house.storage() as work:
        event = LogEvent(EventType.LOG_RESTORED, world.clock(), facts={"cause": "exercise", "known": 1, "found": 1})
        await work.log.append(event)
        await work.commit()
    await world.settle()
    async with nobody_writes(world):
        intruder.disarm()
        intruder.change("UPDATE log_entry SET type = 'log:checked' WHERE type = 'log:restored'")
    await world.gets(JACK, READER[JACK])
    report = await replayed(world)
    assert [finding.outcome for finding in report.findings] == [Outcome.OTHER_FACTS]


async def test_that_it_was_done_is_logged(world: World) -> None:
    await story(world)
    await replayed(world)
    newest = (await world.entries(1))[0]
    assert (newest.type, newest.facts) == ("log:checked", {"check": "replay", "outcome": "intact"})


async def test_an_officer_gets_a_report_to_file(world: World, intruder: Intruder) -> None:
    await story(world)
    await world.settle()
    made = await decisions(world)
    kept = world.directory / "report.txt"

    async def command(*arguments: str) -> tuple[int, str, str]:
        settings = world.broker.settings
        environment = {
            **os.environ,
            "BROKER_MODE": "demo",
            "BROKER_DATABASE_URL": world.database_url,
            "BROKER_KEYS": str(settings.keys),
            "BROKER_POLICIES": str(settings.policies),
        }
        words = [sys.executable, "-m", "broker", "audit", "replay", *arguments]
        done = await asyncio.to_thread(
            subprocess.run, words, env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.returncode, done.stdout, done.stderr

    code, said, _ = await command("--report", str(kept))
    assert code == 0
    assert said == kept.read_text()
    assert f"{made} decision(s): {made} made again with the same result, 0 erased." in said
    code, _, told = await command("--report", str(kept))
    assert (code, "/report" in told) == (2, True)
    code, _, told = await command("--since", "yesterday")
    assert (code, "/since" in told) == (2, True)
    async with nobody_writes(world):
        intruder.disarm()
        _a_record_gone(intruder)
    code, said, _ = await command("--json")
    document = json.loads(said)
    assert (code, document["intact"]) == (1, False)
    assert {finding["outcome"] for finding in document["findings"]} == {"other-records"}
    assert world.body(JACK)["people"][0]["name"] not in said
