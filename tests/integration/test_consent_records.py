"""What the broker signs and hands out: records by the terms of ISO/IEC TS 27560, and the same answers for a care system."""

import base64
import json
from typing import Any

import httpx
from fhir.resources.R4B.bundle import Bundle

from broker.crypto.keyring import KeyPurpose
from broker.crypto.signatures import verify_family_receipt
from broker.domain.records import CONTEXT, SCHEMA, names_in, record_from
from tests.support.surface import NO_SUCH_ID, changed, dump, leaks, personal
from tests.support.world import World

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
TOM = "tom-to-school"
SAYS = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "no"}


def payload(statement: str) -> dict[str, Any]:
    part = statement.split(".")[1]
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return found


async def signed_records(browser: httpx.AsyncClient, receipt: str) -> list[dict[str, Any]]:
    document = (await browser.get(f"{receipt}/file")).json()
    return [payload(statement) for statement in payload(document["receipt"])["records"]]


def by_type(bundle: dict[str, Any], kind: str) -> set[str]:
    return {
        code["coding"][0]["code"]
        for entry in bundle["entry"]
        for rule in entry["resource"]["provision"]["provision"]
        if rule["type"] == kind
        for code in rule["code"]
    }


async def test_what_is_signed_is_a_consent_record_with_names_of_organisations_and_of_nobody_else(world: World) -> None:
    await world.push(TOM)
    receipt = await world.answer(TOM, "mother", SAYS)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        records = await signed_records(browser, receipt)
        statement = (await browser.get(f"{receipt}/file")).json()["receipt"]
    trusted = {key.kid: key.public_raw for key in world.broker.house.notary._keyring.all(KeyPurpose.RECORDS)}
    assert verify_family_receipt(trusted, statement) == len(records), "it holds without us"
    partners = {o["oin"]: o["name"] for o in world.families["visser-de-bruin"]["organisations"]}
    assert {record["event"]["state"] for record in records} == {"ConsentGiven", "ConsentRefused"}
    for record in records:
        assert (record["@context"], record["schemaVersion"]) == (CONTEXT, SCHEMA)
        assert names_in(record) == {SENDER: partners[SENDER], SCHOOL: partners[SCHOOL]}
        assert record_from(record).scope.sender == SENDER
        assert leaks(json.dumps(record, ensure_ascii=False), personal(world)) == []


async def test_the_context_of_records_is_there_for_anybody_and_for_good(world: World) -> None:
    answer = await world.http.get("/v1/contexts/consent-record-1.jsonld")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/ld+json"
    assert "immutable" in answer.headers["cache-control"]
    assert answer.json()["@context"]["ConsentRecord"] == "dpv:ConsentRecord"


async def test_the_file_for_a_care_system_says_what_counts_now_and_names_nobody(world: World) -> None:
    await world.push(TOM)
    receipt = await world.answer(TOM, "mother", SAYS)
    async with world.browser() as browser:
        await world.come_in(browser, world.codes[TOM, "mother"])
        before = await dump(world)
        answer = await browser.get(f"{receipt}/fhir")
        assert changed(before, await dump(world)) == set()
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/fhir+json"
        assert answer.headers["cache-control"] == "no-store"
        assert leaks(answer.headers["content-disposition"], personal(world)) == []
        assert leaks(answer.content, personal(world)) == []
        Bundle.model_validate_json(answer.content)
        bundle = answer.json()
        assert {entry["resource"]["status"] for entry in bundle["entry"]} == {"active", "rejected"}
        assert by_type(bundle, "permit") == {"status", "voice-of-the-child"}
        assert by_type(bundle, "deny") == {"safety-plan"}

        await world.withdraw(TOM, "mother", ["status"])
        stopped = (await browser.get(f"{receipt}/fhir")).json()
        assert by_type(stopped, "permit") == {"voice-of-the-child"}
        assert "status" in by_type(stopped, "deny")


async def test_the_file_for_a_care_system_is_the_signers_own(world: World) -> None:
    await world.push(TOM)
    hers = await world.answer(TOM, "mother", SAYS)
    await world.answer(TOM, "father", {})
    async with world.browser() as father:
        await world.come_in(father, world.codes[TOM, "father"])
        for receipt in (hers, f"/receipt/{NO_SUCH_ID}"):
            assert (await father.get(f"{receipt}/fhir")).status_code == 404
    for who in (
        await world.token(SENDER),
        await world.token(SCHOOL),
        await world.token(*world.professional("ib-joris")),
    ):
        answer = await world.http.get(f"{hers}/fhir", headers={"Authorization": f"Bearer {who}"})
        assert answer.status_code in (303, 404)
        assert b"Consent" not in answer.content
