"""Every endpoint does what the contract says, over HTTP, on both databases."""

import asyncio
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from broker import __version__
from broker.crypto.encoding import from_b64url
from broker.crypto.signatures import ed25519_holds
from broker.domain.forms import FORMS
from broker.pdp.policy_set import load
from broker.services.waiting import LATEST, SOONEST
from broker.transparency.checkpoints import open_note, parse_verifier_key
from broker.transparency.merkle import leaf_hash
from broker.transparency.proofs import check_proof, parse_proof
from broker.transparency.verifier import verify_receipt
from tests.support.intruder import intruder_in
from tests.support.world import CLIENT_ASSERTION, ROOT, URL, World

HANDOVER, WHO, PURPOSE = "tom-to-school", "ib-joris", "education-support"
YES = {"status": "yes", "voice-of-the-child": "yes", "safety-plan": "yes"}
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


async def opened(world: World, name: str = HANDOVER) -> None:
    await world.push(name)
    await world.everybody_says_yes(name)


# push


async def test_the_same_body_again_answers_as_the_first_time_and_another_is_409(world: World) -> None:
    sender, body = world.sender(HANDOVER), world.body(HANDOVER)
    first = await world.as_organisation(sender, "POST", "/v1/handovers", body)
    assert first.status_code == 201
    assert first.headers["location"] == f"/v1/handovers/{first.json()['id']}"
    assert first.headers["cache-control"] == "no-store"
    assert first.headers["api-version"] == __version__
    seen = first.json()
    assert UUID.fullmatch(seen["id"])
    assert (seen["version"], seen["state"], seen["sender"]) == (1, "active", sender)
    assert [(s["type"], s["open"]) for s in seen["sections"]] == [(s["type"], False) for s in body["sections"]]
    assert {signer["person"] for signer in seen["signers"]} == {"tom", "mother", "father"}

    entries = len(await world.entries())
    shuffled = dict(reversed(body.items()))
    for again in (body, shuffled):
        second = await world.as_organisation(sender, "POST", "/v1/handovers", again)
        assert (second.status_code, second.json()) == (201, seen)
    assert len(await world.entries()) == entries, "nothing was logged twice"

    other = {**body, "language": "en"}
    refused = await world.as_organisation(sender, "POST", "/v1/handovers", other)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:rondom:problem:reference-in-use")
    same = await world.as_organisation("00000099000000030000", "POST", "/v1/handovers", body)
    assert same.status_code == 201, "another sender's reference is another"
    assert same.json()["id"] != seen["id"]


async def test_twenty_pushes_of_one_body_at_once_make_one_handover(world: World) -> None:
    sender, body = world.sender(HANDOVER), world.body(HANDOVER)
    await world.token(sender)
    calls = [world.as_organisation(sender, "POST", "/v1/handovers", body) for _ in range(20)]
    answers = await asyncio.gather(*calls)
    made = {answer.json()["id"] for answer in answers if answer.status_code == 201}
    assert len(made) == 1
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert {answer.json()["type"] for answer in answers if answer.status_code == 409} <= {
        "urn:rondom:problem:changed-meanwhile"
    }
    listed = await world.as_organisation(sender, "GET", "/v1/handovers?box=sent")
    assert [item["id"] for item in listed.json()["items"]] == list(made)


async def test_only_an_organisation_pushes_and_only_a_professional_asks(world: World) -> None:
    await world.push(HANDOVER)
    refused = await world.as_professional(WHO, "POST", "/v1/handovers", world.body(HANDOVER))
    assert refused.status_code == 403
    ask = {"handover": world.handovers[HANDOVER], "purpose": PURPOSE}
    assert (await world.as_organisation(world.sender(HANDOVER), "POST", "/v1/releases", ask)).status_code == 403


# look and list


async def test_a_sender_sees_who_answered_and_a_recipient_what_is_open(world: World) -> None:
    await world.push(HANDOVER)
    path = f"/v1/handovers/{world.handovers[HANDOVER]}"
    assert (await world.as_professional(WHO, "GET", path)).status_code == 404, "nothing is open yet"
    assert (await world.as_organisation("00000099000000020000", "GET", path)).status_code == 404
    await world.answer(HANDOVER, "mother", YES)
    mine = (await world.as_organisation(world.sender(HANDOVER), "GET", path)).json()
    assert {s["person"]: s["answered"] for s in mine["signers"]} == {"mother": True, "father": False, "tom": False}
    assert "yes" not in json.dumps(mine)
    for person in ("father", "tom"):
        await world.answer(HANDOVER, person, YES)
    theirs = (await world.as_professional(WHO, "GET", path)).json()
    assert "signers" not in theirs
    assert [s["type"] for s in theirs["sections"]] == ["status", "voice-of-the-child", "safety-plan"]
    assert all(s["open"] for s in theirs["sections"])
    assert (await world.as_organisation("00000099000000020000", "GET", path)).json() == theirs
    assert (await world.as_organisation("00000099000000040000", "GET", path)).status_code == 404


async def test_lists_come_in_pages_newest_first(world: World) -> None:
    sender = world.sender("sander-to-team")
    made = []
    for number in range(28):
        body = {**world.body("sander-to-team"), "reference": f"R-{number}"}
        made.append((await world.as_organisation(sender, "POST", "/v1/handovers", body)).json()["id"])
    pages, cursor = [], ""
    while True:
        page = await world.as_organisation(sender, "GET", f"/v1/handovers?box=sent&after={cursor}")
        assert page.status_code == 200
        assert page.headers["cache-control"] == "no-store"
        pages.append([item["id"] for item in page.json()["items"]])
        cursor = page.json().get("next", "")
        if not cursor:
            break
    assert [len(page) for page in pages] == [25, 3]
    assert [one for page in pages for one in page] == made[::-1]
    received = await world.as_professional("pt-anneke", "GET", "/v1/handovers?box=received")
    assert received.json()["items"] == [], "nobody said yes"
    assert (await world.as_professional("pt-anneke", "GET", "/v1/handovers?box=sent")).status_code == 403


async def test_received_lists_what_a_consent_opens_and_search_finds_it(world: World) -> None:
    await opened(world)
    for path in ("/v1/handovers", "/v1/handovers?box=received"):
        page = (await world.as_professional(WHO, "GET", path)).json()
        assert [item["id"] for item in page["items"]] == [world.handovers[HANDOVER]]
    bsn = {"identifier": {"system": "bsn", "value": "999990019"}}
    found = (await world.as_professional(WHO, "POST", "/v1/subjects/_search", bsn)).json()
    assert [item["id"] for item in found["items"]] == [world.handovers[HANDOVER]]
    for who, value in ((WHO, "999990020"), ("ha-vdberg", "999990019"), (WHO, "123456789")):
        body = {"identifier": {"system": "bsn", "value": value}}
        assert (await world.as_professional(who, "POST", "/v1/subjects/_search", body)).json() == {"items": []}
    assert [entry.type for entry in (await world.entries())[:4]] == ["subject:searched"] * 4


# invite


async def test_an_invitation_on_paper_has_a_code_and_one_by_message_has_none(world: World) -> None:
    await world.push(HANDOVER)
    path = f"/v1/handovers/{world.handovers[HANDOVER]}/invitations"
    paper = await world.as_organisation(world.sender(HANDOVER), "POST", path, {"person": "tom", "delivery": "paper"})
    assert paper.status_code == 201
    seen = paper.json()
    assert re.fullmatch(r"[2-9A-HJ-NP-Z]{4}(-[2-9A-HJ-NP-Z]{4}){2}", seen["code"])
    assert seen["link"] == f"{URL}/#{seen['code']}"
    assert seen["qr"].startswith("<svg")
    days = (datetime.fromisoformat(seen["answerUntil"]) - datetime.now(UTC)).days
    assert days in (29, 30)
    sent = await world.as_organisation(world.sender(HANDOVER), "POST", path, {"person": "tom", "delivery": "message"})
    assert set(sent.json()) == {"id", "answerUntil"}
    [message] = await world.messages("invitation")
    assert message["to"] == "+31600000013"
    stranger = await world.as_organisation("00000099000000020000", "POST", path, {"person": "tom", "delivery": "paper"})
    assert stranger.status_code == 404
    unknown = await world.as_organisation(world.sender(HANDOVER), "POST", path, {"person": "x", "delivery": "paper"})
    assert (unknown.status_code, unknown.json()["errors"][0]["pointer"]) == (400, "/person")


# release


async def test_a_release_says_what_came_what_did_not_and_proves_it(world: World) -> None:
    await opened(world)
    await world.settle()
    response = await world.ask(HANDOVER, WHO, sections=["status", "parent-health", "analysis"])
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    release = response.json()
    assert [section["type"] for section in release["released"]] == ["status"]
    content = next(s["content"] for s in world.body(HANDOVER)["sections"] if s["type"] == "status")
    nothing_written = {"disputed": False, "reactions": []}
    told = {"type": "status", "mediaType": "text/markdown", "content": content, **nothing_written}
    assert release["released"][0] == told
    assert {section["type"] for section in release["withheld"]} == {"parent-health", "analysis"}
    for section in release["withheld"]:
        assert set(section["reasons"][0]) == {"code", "message", "nextStep", "useOtherChannel"}
    assert release["policyDigest"] == load(ROOT / "policies").digest
    assert verify_receipt(release["receipt"], world.broker.ledger.trusted, ed25519_holds).ok
    leaf = json.loads(from_b64url(release["receipt"]["leaf"]))
    assert (leaf["type"], leaf["facts"]["policy"]) == ("release:permitted", release["policyDigest"])


async def test_json_content_comes_out_as_it_went_in(world: World) -> None:
    name = "start-of-foster-care"
    body = world.body(name)
    number = {"a": [1, 2.5, -0.25, True, None, "\u00e9\u4e2d\U0001f600", 2**53 - 1], "": {}}
    part = next(s for s in body["sections"] if s["type"] not in FORMS)
    part |= {"mediaType": "application/json", "content": number}
    await world.push(name, body)
    await world.everybody_says_yes(name)
    released = (await world.ask(name, "hoop-eva")).json()["released"]
    assert next(s for s in released if s["type"] == part["type"])["content"] == number


async def test_an_acknowledgement_counts_once_and_only_for_its_own(world: World) -> None:
    await opened(world)
    release = (await world.ask(HANDOVER, WHO)).json()["id"]
    path = f"/v1/releases/{release}/acknowledgement"
    assert (await world.as_professional("pt-anneke", "POST", path)).status_code == 404
    assert (await world.as_organisation(world.sender(HANDOVER), "POST", path)).status_code == 403
    before = len(await world.entries())
    for _ in range(2):
        done = await world.as_professional(WHO, "POST", path)
        assert (done.status_code, done.content) == (204, b"")
    after = await world.entries()
    assert len(after) == before + 1
    assert after[0].type == "release:acknowledged"


async def test_a_withdrawn_handover_is_gone_for_everybody(world: World) -> None:
    await opened(world)
    path = f"/v1/handovers/{world.handovers[HANDOVER]}"
    assert (await world.as_organisation("00000099000000020000", "DELETE", path)).status_code == 404
    assert (await world.as_professional("pt-anneke", "DELETE", path)).status_code == 403
    assert await world.gets(HANDOVER, WHO) != []
    for _ in range(2):
        done = await world.as_organisation(world.sender(HANDOVER), "DELETE", path)
        assert (done.status_code, done.content) == (204, b"")
    assert await world.gets(HANDOVER, WHO) == []
    assert (await world.as_organisation(world.sender(HANDOVER), "GET", path)).json()["state"] == "withdrawn"
    assert (await world.as_professional(WHO, "GET", path)).status_code == 404


# directory


async def test_the_directory_lists_partners_that_take_part(world: World) -> None:
    items = (await world.as_organisation(world.sender(HANDOVER), "GET", "/v1/organisations")).json()["items"]
    assert len(items) == 8
    assert items == sorted(items, key=lambda item: item["name"])
    assert {"oin": "00000099000000030000", "name": "Novadic", "kind": "addiction-care"} in items
    await world.broker.partners.suspend("00000099000000030000", suspended=True)
    left = (await world.as_professional(WHO, "GET", "/v1/organisations")).json()["items"]
    assert [item for item in items if item not in left] == [
        {"oin": "00000099000000030000", "name": "Novadic", "kind": "addiction-care"}
    ]


async def test_the_agreement_in_force_is_the_one_in_the_folder(world: World) -> None:
    policies = load(ROOT / "policies")
    found = (await world.as_professional(WHO, "GET", "/v1/policies/current")).json()
    assert found == {"digest": policies.digest, "texts": dict(policies.texts)}
    words = (await world.as_professional(WHO, "GET", "/v1/vocabulary")).json()
    assert {term["id"] for term in words["purposes"]} == set(policies.vocabulary.purposes)
    assert {term["id"] for term in words["sectionTypes"]} == set(policies.vocabulary.section_types)
    assert set(words) == {"organisationKinds", "roles", "purposes", "sectionTypes", "handoverKinds"}
    for terms in words.values():
        assert all(term["label"]["nl"] and term["label"]["en"] and term["explain"]["nl"] for term in terms)


# the log, for anybody


async def test_an_outsider_follows_a_proof_to_a_signed_checkpoint(world: World) -> None:
    await opened(world)
    await world.settle()
    receipt: dict[str, Any] = (await world.ask(HANDOVER, WHO)).json()["receipt"]
    await world.settle()
    keys = dict(parse_verifier_key(line) for line in (await world.http.get("/v1/log/keys")).text.splitlines())
    origin = "localhost:8080/v1/log"
    assert set(keys) == {origin}
    note = await world.http.get("/v1/log/checkpoint")
    assert note.headers["content-type"] == "text/plain; charset=utf-8"
    checkpoint = open_note(note.text, origin, keys, ed25519_holds)
    leaf = from_b64url(receipt["leaf"])
    by_id = await world.http.get(f"/v1/log/proofs/{json.loads(leaf)['id']}")
    index = parse_proof(by_id.text).index
    for proof in (by_id, await world.http.get(f"/v1/log/proofs/{index}")):
        assert proof.status_code == 200
        assert check_proof(leaf_hash(leaf), parse_proof(proof.text), origin, keys, ed25519_holds) == checkpoint
    width = f".p/{checkpoint.size}"
    tile = await world.http.get(f"/v1/log/tile/0/000{width}")
    assert tile.headers["content-type"] == "application/octet-stream"
    assert tile.headers["cache-control"] == "no-cache"
    assert tile.content[32 * index : 32 * index + 32] == leaf_hash(leaf)
    smaller = await world.http.get("/v1/log/tile/0/000.p/1")
    assert smaller.content == tile.content[:32]
    for missing in (f"proofs/{checkpoint.size}", "tile/0/000", f"tile/0/000.p/{checkpoint.size + 1}", "tile/1/000.p/1"):
        assert (await world.http.get(f"/v1/log/{missing}")).status_code == 404


# token metadata, health


async def test_the_metadata_leads_to_a_token_that_works(world: World) -> None:
    metadata = (await world.http.get("/.well-known/oauth-authorization-server")).json()
    assert metadata["issuer"] == URL
    assert metadata["token_endpoint_auth_methods_supported"] == ["private_key_jwt"]
    keys = (await world.http.get(metadata["jwks_uri"].removeprefix(URL))).json()["keys"]
    assert all(set(key) == {"kty", "crv", "x", "kid", "alg", "use"} for key in keys), "public halves only"
    oin = world.sender(HANDOVER)
    for audience in (metadata["issuer"], metadata["token_endpoint"], [metadata["issuer"]]):
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": CLIENT_ASSERTION,
            "client_assertion": world.assertion(oin, {"sub": oin, "aud": audience}),
        }
        answer = await world.http.post(metadata["token_endpoint"].removeprefix(URL), data=form)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-store"
        token = answer.json()
        assert (token["token_type"], token["expires_in"], token["scope"]) == ("Bearer", 300, "handovers")
        header = {"Authorization": f"bearer {token['access_token']}"}
        assert (await world.http.get("/v1/vocabulary", headers=header)).status_code == 200


async def test_it_lives_it_is_ready_and_it_counts(world: World) -> None:
    assert (await world.http.get("/livez")).text == "ok\n"
    assert (await world.http.get("/readyz")).status_code == 200
    await world.http.get("/v1/handovers/secret-in-a-path")
    metrics = (await world.http.get("/metrics")).text
    assert 'rondom_requests_total{method="GET",route="/v1/handovers/{id}",status="401"} 1.0' in metrics
    assert "secret-in-a-path" not in metrics


async def test_without_its_database_it_lives_and_is_not_ready(world: World, request: pytest.FixtureRequest) -> None:
    token = await world.token(world.sender(HANDOVER))
    intruder = intruder_in(world, request)
    if world.database == "sqlite":
        await asyncio.to_thread(intruder.run, "ALTER TABLE log_state RENAME TO gone")
    else:
        name = intruder.path.name
        server = request.getfixturevalue("postgres_server")
        with server.admin() as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
        await asyncio.to_thread(server.end_connections, name)
    ready = await world.http.get("/readyz")
    assert (ready.status_code, ready.text) == (503, "not ready\n")
    assert (await world.http.get("/livez")).status_code == 200
    if world.database == "postgresql":
        response = await world.http.get("/v1/organisations", headers={"Authorization": f"Bearer {token}"})
        assert response.status_code == 503
        assert response.json()["type"] == "urn:rondom:problem:unavailable"
        assert SOONEST <= int(response.headers["retry-after"]) <= LATEST
        assert world.database_url.rpartition("@")[2] not in response.text
        with server.admin() as admin:
            admin.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert (await world.http.get("/readyz")).status_code == 200, "and it comes back by itself"
