"""P01, on evidence: a report leaves for a yes that each parent's own device signed, and for nothing that looks like one."""

import contextlib
import json
import secrets
from datetime import timedelta
from typing import Any

import pytest

from broker.cli.visitor import form_of, forms_of
from broker.client import seal_body
from broker.crypto.encoding import from_b64url
from tests.support.devices import DOCTOR, MAKER, REPORT, Member, member, push_report
from tests.support.surface import changed, count_records, dump, rows_of
from tests.support.world import World


async def gets(world: World) -> list[str]:
    return await world.gets(REPORT, DOCTOR)


async def test_a_report_is_released_once_both_parents_confirmed_and_no_more_when_one_stops(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother, member(world, "father") as father:
        assert await gets(world) == ["help-history"], "a code is not enough for a report"
        page = await mother.page()
        assert "Voor dit onderdeel is dat niet genoeg" in page
        assert "Verslag van een onderzoek" in page.partition('id="confirm"')[2].partition("</section>")[0]
        before = await count_records(world)
        for parent, expected in ((mother, ["help-history"]), (father, ["diagnostic-report", "help-history"])):
            await parent.enrol()
            assert await count_records(world) == before
            await parent.confirm()
            before += 1
            assert await count_records(world) == before, "one new record for the one of before"
            assert await gets(world) == expected
            assert "bevestigd met je eigen toestel" in await parent.page()
        # stopping takes the code, and nothing else
        await world.withdraw(REPORT, "mother", ["diagnostic-report"])
        assert await gets(world) == ["help-history"]
    await world.settle()
    report = await world.broker.replay.run()
    assert report.intact, report.findings
    assert set(map(str, report.counts)) == {"same"}
    logged = [e for e in await world.entries() if e.type.startswith("passkey:")]
    assert [e.type for e in logged] == ["passkey:enrolled"] * 2
    assert {e.organisation for e in logged} == {MAKER}
    texts = await world.messages("passkey-enrolled")
    assert {m["to"] for m in texts} == {"+31600000011", "mark@family.example"}
    assert not any(name in m["text"] for m in texts for name in ("Linh", "Mark", "Jack"))


async def test_a_report_that_came_in_sealed_is_released_as_well(world: World) -> None:
    keys = (await world.as_organisation(MAKER, "GET", "/v1/sealing-keys")).json()["keys"]
    body = world.body("jack-to-gp")
    body["sections"][0] |= {"type": "diagnostic-report"}
    sealed = seal_body({**body, "reference": "HO-sealed"}, MAKER, keys[0])
    assert "content" not in sealed["sections"][0]
    await push_report(world, **sealed)
    for who in ("mother", "father"):
        async with member(world, who) as parent:
            await parent.enrol()
            await parent.confirm()
    assert await gets(world) == ["diagnostic-report", "help-history"]


async def test_what_is_confirmed_says_what_was_said_and_holds_what_was_signed(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        [by_code] = await mother.records()
        assert "confirmation" not in by_code["event"]
        await mother.enrol()
        await mother.confirm()
        [by_passkey] = await mother.records()
        assert by_passkey["event"]["evidence"] == "passkey"
        for same in ("handover", "notice", "piiPrincipal", "processing", "parties"):
            assert by_passkey[same] == by_code[same]
        for same in ("state", "duration", "entity"):
            assert by_passkey["event"][same] == by_code["event"][same]
        assert by_passkey["serial"] == by_code["serial"] + 1
        bundle = (await mother.browser.get(f"{mother.receipt}/fhir")).json()
        assert [e["resource"]["extension"][0]["valueCode"] for e in bundle["entry"]] == ["passkey"]


async def test_a_device_is_shown_and_can_be_taken_away_and_what_it_confirmed_stays(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother, member(world, "father") as father:
        for parent in (mother, father):
            await parent.enrol()
            await parent.confirm()
        page = await mother.page("/mine")
        assert "Toestellen om mee te bevestigen" in page
        [(address, fields, buttons)] = [f for f in forms_of(page) if f[0] == "/mine/devices/stop"]
        assert (await mother.browser.post(address, data={**fields, "device": "x"})).status_code == 404
        device = next(value for name, value in buttons if name == "device")
        before = await dump(world)
        assert (await father.browser.post(address, data={**fields, "device": device})).status_code == 403
        own = form_of(await father.page("/mine"), "/mine/devices/stop")
        assert (await father.browser.post(address, data={**own, "device": device})).status_code == 404
        assert changed(before, await dump(world)) <= {"visit"}
        done = await mother.browser.post(address, data={**fields, "device": device})
        assert done.url.path == "/mine"
        assert "Toestellen om mee te bevestigen" not in done.text
        assert await gets(world) == ["diagnostic-report", "help-history"], "what it confirmed stays confirmed"
        again = await mother.script(f"{mother.receipt}/confirmation-options")
        assert again.status_code == 409
    assert len(await world.messages("passkey-stopped")) == 1
    await world.settle()
    assert (await world.broker.replay.run()).intact


# --- attacks ---------------------------------------------------------------------------------------------


@contextlib.asynccontextmanager
async def nothing_changes(world: World):  # type: ignore[no-untyped-def]
    """Counted tries and the visit itself apart."""
    before = await dump(world)
    yield
    assert changed(before, await dump(world)) <= {"guard_count", "visit"}


async def refused(parent: Member, credential: str, status: int = 403, receipt: str = "") -> str:
    answer = await parent.script(f"{receipt or parent.receipt}/confirmation", credential)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"message"}
    return str(answer.json()["message"])


async def test_an_answer_of_a_device_that_is_not_for_this_confirms_nothing(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother, member(world, "father") as father:
        await mother.enrol()
        await father.enrol()
        asked = await mother.options("confirmation")
        theirs = await father.options("confirmation")
        async with nothing_changes(world):
            for what, otherwise in (
                ("another site", {"origin": "https://evil.example"}),
                ("another site's device", {"rp": "evil.example"}),
                ("nobody at the device", {"flags": 1}),
                ("nobody pressed", {"flags": 4}),
                ("a passkey being made", {"kind": "webauthn.create"}),
            ):
                assert "Er is niets veranderd" in await refused(mother, mother.signed(asked, **otherwise)), what
            await refused(mother, mother.signed(theirs))
            await refused(father, father.signed(asked))
            await refused(mother, father.signed(asked))
            stolen = mother.device
            mother.device = father.device
            assert "niet toegevoegd" in await refused(mother, mother.signed(asked))
            mother.device = stolen
            await refused(mother, mother.signed(asked), receipt=father.receipt)
            for nonsense in ("", "{}", "[]", "null", '{"rawId":5}', '{"rawId":"AAAA","response":[]}'):
                await refused(mother, nonsense)
            framed = json.loads(mother.signed(asked))
            await refused(mother, json.dumps(framed | {"response": framed["response"] | {"clientDataJSON": "e30"}}))
        done = await mother.script(f"{mother.receipt}/confirmation", good := mother.signed(asked))
        assert done.status_code == 200, done.text
        async with nothing_changes(world):
            assert "duurde te lang" in await refused(mother, good), "an answer counts once"
            assert "duurde te lang" in await refused(mother, good, receipt=done.json()["next"].partition("#")[0])
            await refused(father, good)


async def test_a_device_whose_count_goes_back_confirms_nothing(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        await mother.enrol()
        mother.count = 8
        await mother.confirm()
    async with member(world, "mother", says={"help-history": "yes"}) as again:
        again.device, again.count = mother.device, 8
        asked = await again.options("confirmation")
        async with nothing_changes(world):
            for count in (1, 8, 9):
                await refused(again, again.signed(asked, count=count))
        assert (await again.script(f"{again.receipt}/confirmation", again.signed(asked, count=10))).status_code == 200


async def test_a_challenge_of_another_visit_or_of_long_ago_is_not_good(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        await mother.enrol()
        asked = await mother.options("confirmation")
        first = mother.browser.cookies["rondom"]
        mother.browser.cookies.set("rondom", await world.visit(world.codes[REPORT, "mother"]))
        async with nothing_changes(world):
            assert "duurde te lang" in await refused(mother, mother.signed(asked))
        await mother.options("confirmation")
        async with nothing_changes(world):
            await refused(mother, mother.signed(asked))
        mother.browser.cookies.set("rondom", first)
        answer = mother.signed(asked)
        world.clock.moved += timedelta(minutes=10)
        async with nothing_changes(world):
            assert "duurde te lang" in await refused(mother, answer)


async def test_who_stopped_or_answered_meanwhile_confirmed_nothing(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        await mother.enrol()
        asked = await mother.options("confirmation")
        await world.withdraw(REPORT, "mother", ["diagnostic-report"])
        async with nothing_changes(world):
            assert "intussen veranderd" in await refused(mother, mother.signed(asked), 409)
        await mother.confirm()
        [record] = await mother.records()
        assert [c["sectionType"] for c in record["processing"]["piiCategories"]] == ["help-history"], "never more"
        await world.withdraw(REPORT, "mother", ["help-history"])
        assert (await mother.script(f"{mother.receipt}/confirmation-options")).status_code == 409


async def test_only_a_verified_visit_of_the_person_makes_a_passkey_or_a_record(world: World) -> None:
    await push_report(world)
    routes = ("device-options", "device", "confirmation-options", "confirmation")
    async with member(world, "mother") as mother, member(world, "father") as father:
        await mother.enrol()
        callers = (await world.token(MAKER), await world.token(*world.professional(DOCTOR)))
        async with nothing_changes(world), world.browser() as nobody:
            for route in routes:
                path = f"{mother.receipt}/{route}"
                assert (await nobody.post(path, json={})).status_code == 401
                assert (await father.script(path)).status_code in (403, 404)
                assert (await mother.script(path, **{"X-CSRF-Token": "x"})).status_code == 403
                assert (await mother.script(path, Origin="https://evil.example")).status_code == 403
                for caller in callers:
                    headers = {"Authorization": f"Bearer {caller}"}
                    assert (await world.http.post(path, json={}, headers=headers)).status_code in (401, 403)
        token, _ = await world.broker.consents.enter(await world.invite(REPORT, "mother"), "192.0.2.7", "nl")
        async with nothing_changes(world), world.browser() as unproven:
            unproven.cookies.set("rondom", token)
            for route in routes:
                assert (await unproven.post(f"{mother.receipt}/{route}", json={})).status_code == 401


@pytest.mark.parametrize("otherwise", [{"origin": "https://evil.example"}, {"rp": "evil.example"}, {"flags": 65}])
async def test_a_device_that_answers_for_something_else_is_not_added(world: World, otherwise: dict[str, Any]) -> None:
    await push_report(world)
    async with member(world, "mother") as mother:
        asked = await mother.options("device")
        assert asked["user"]["name"] == asked["user"]["displayName"] == "Rondom"
        assert len(from_b64url(asked["user"]["id"])) == 32
        async with nothing_changes(world):
            answer = await mother.script(f"{mother.receipt}/device", mother.made(asked, **otherwise))
            assert answer.status_code == 403
        assert await rows_of(world, "signer_passkey") == []


async def test_somebody_elses_passkey_is_not_added_and_five_is_all(world: World) -> None:
    await push_report(world)
    async with member(world, "mother") as mother, member(world, "father") as father:
        await mother.enrol()
        handle = (await mother.options("device"))["user"]["id"]
        father.device = mother.device
        made = father.made(asked := await father.options("device"))
        assert asked["user"]["id"] != handle
        async with nothing_changes(world):
            assert (await father.script(f"{father.receipt}/device", made)).status_code == 403
        for _ in range(4):
            mother.device.credential = secrets.token_bytes(16)
            await mother.enrol()
        async with nothing_changes(world):
            assert (await mother.script(f"{mother.receipt}/device-options")).status_code == 409
