"""An organisation whose keys are at an address of its own gets tokens with them, and rolls them over without telling anybody."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from broker.client import ClientKey
from broker.crypto.dpop import make_dpop_proof
from broker.crypto.encoding import b64url
from broker.domain.parties import Oin, Organisation
from broker.errors import Invalid
from broker.storage.tables import organisation
from tests.support.surface import operational_log
from tests.support.world import CLIENT_ASSERTION, URL, World, started_again

OIN = "00000099000000010000"
TEAM = Organisation(Oin(OIN), "PlusTeam", "neighbourhood-team")


@dataclass
class Publisher:
    """A web server on this machine that publishes keys."""

    url: str = ""
    asked: int = 0
    body: bytes = b""
    keys: list[dict[str, Any]] = field(default_factory=list)

    def publish(self, *keys: ClientKey) -> None:
        self.body = json.dumps({"keys": [key.public_jwk() for key in keys]}).encode()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        self.asked += 1
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(self.body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + self.body)
        await writer.drain()
        writer.close()


@contextlib.asynccontextmanager
async def publishing(*keys: ClientKey) -> AsyncIterator[Publisher]:
    publisher = Publisher()
    publisher.publish(*keys)
    async with await asyncio.start_server(publisher.serve, "127.0.0.1", 0) as server:
        publisher.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"
        yield publisher


async def ask(world: World, key: ClientKey, proof: str = "") -> httpx.Response:
    form = {"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION}
    form["client_assertion"] = world.assertion(OIN, {"sub": OIN}, key)
    return await world.http.post("/oauth/token", data=form, headers={"DPoP": proof} if proof else {})


async def refused(world: World, key: ClientKey, code: str) -> None:
    with operational_log() as log:
        response = await ask(world, key)
        assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
        assert f'"code":"{code}"' in log.getvalue().decode()


async def test_keys_roll_over_at_the_address_without_a_refused_request(world: World) -> None:
    old, new = ClientKey.new(), ClientKey.new()
    async with publishing(old) as publisher:
        await world.broker.partners.add(replace(TEAM, jwks_url=publisher.url), [])
        assert (await ask(world, old)).status_code == 200
        await refused(
            world, world.keys[OIN], "assertion-key"
        )  # the registered one went; the address was asked again for it
        assert publisher.asked == 2
        publisher.publish(old, new)
        async with started_again(world) as replica:
            for key in (old, new, old, new):
                assert (await ask(replica, key)).status_code == 200
            publisher.publish(old)
            for key in (old, new):
                assert (await ask(replica, key)).status_code == 200, "until what was fetched is five minutes old"
        assert publisher.asked == 3


async def test_a_registered_set_of_keys_rolls_over_too(world: World) -> None:
    old, new = world.keys[OIN], ClientKey.new()
    await world.broker.partners.add(TEAM, [old.public_jwk(), new.public_jwk()])
    for key in (old, new):
        assert (await ask(world, key)).status_code == 200
    await world.broker.partners.add(TEAM, [new.public_jwk()])
    assert (await ask(world, new)).status_code == 200
    await refused(world, old, "assertion-key")


async def test_a_private_key_at_the_address_ends_the_organisations_tokens(world: World) -> None:
    key = ClientKey.new()
    async with publishing() as publisher:
        private = {**key.public_jwk(), "d": b64url(key.private.private_bytes_raw())}
        publisher.body = json.dumps({"keys": [ClientKey.new().public_jwk(), private]}).encode()
        await world.broker.partners.add(replace(TEAM, jwks_url=publisher.url), [])
        await refused(world, key, "assertion-keys-refused")
        publisher.body = b" " * 70_000
        async with started_again(world) as replica:
            await refused(replica, key, "assertion-keys-unreachable")


async def test_a_suspended_organisations_address_is_not_asked(world: World) -> None:
    key = ClientKey.new()
    async with publishing(key) as publisher:
        await world.broker.partners.add(replace(TEAM, jwks_url=publisher.url), [])
        await world.broker.partners.suspend(OIN, suspended=True)
        await refused(world, key, "assertion-suspended")
        assert publisher.asked == 0
        await world.broker.partners.suspend(OIN, suspended=False)
        assert (await ask(world, key)).status_code == 200


async def test_an_address_in_a_private_network_is_never_called(world: World) -> None:
    async with publishing(world.keys[OIN]) as publisher:
        inside = publisher.url.replace("http:", "https:").replace("127.0.0.1", "10.0.0.1")
        await world.broker.partners.add(replace(TEAM, jwks_url=inside), [])
        await refused(world, world.keys[OIN], "assertion-keys-unreachable")
        assert publisher.asked == 0


@pytest.mark.parametrize(
    "address",
    ["http://keys.example/jwks", "https://user:secret@keys.example/", "https://", "file:///etc/passwd", "", "keys.example"],
)  # fmt: skip
async def test_an_address_that_cannot_be_called_is_not_registered(world: World, address: str) -> None:
    """In a demonstration plain http has the form of one on this machine, and leads nowhere else."""
    wrong = replace(TEAM, jwks_url=address, kind="king", oin=Oin("1"))
    with pytest.raises(Invalid) as told:
        await world.broker.partners.add(wrong, [])
    found = [fault.pointer for fault in told.value.faults]
    assert found == ["/oin", "/kind", *(["/jwks-url"] if not address.startswith("http://") else [])]
    with pytest.raises(Invalid):
        await world.broker.partners.add(replace(TEAM, jwks_url="https://keys.example/"), [world.keys[OIN].public_jwk()])


async def test_the_tag_of_a_partner_without_address_is_what_it_always_was(world: World) -> None:
    """Version 0017 adds columns and writes no row: what was registered before it must still be believed."""
    jwks = [world.keys[OIN].public_jwk()]
    tags = []
    for partner in (TEAM, replace(TEAM, bound_tokens=True), replace(TEAM, jwks_url="https://keys.example/")):
        await world.broker.partners.add(partner, [] if partner.jwks_url else jwks, unbound=not partner.bound_tokens)
        async with world.broker.database.engine.connect() as connection:
            await connection.execution_options(writing=False)
            row = (await connection.execute(select(organisation).where(organisation.c.oin == OIN))).one()
        tags.append(row.row_tag)
    before = json.dumps([OIN, TEAM.name, TEAM.kind, False, None, json.dumps(jwks)])
    assert tags[0] == world.broker.house.tags.tag("organisation", before)
    assert len(set(tags)) == 3


async def test_an_organisation_with_bound_tokens_gets_and_uses_no_other(world: World) -> None:
    loose = await world.token(OIN)
    await world.broker.partners.add(replace(TEAM, bound_tokens=True), [world.keys[OIN].public_jwk()])
    with operational_log() as log:
        response = await world.http.get("/v1/vocabulary", headers={"Authorization": f"Bearer {loose}"})
        assert response.status_code == 401
        assert b'"code":"access-unbound"' in log.getvalue()
    await refused(world, world.keys[OIN], "assertion-without-proof")
    key = ClientKey.new()
    given = await ask(world, world.keys[OIN], make_dpop_proof(key.private, "POST", f"{URL}/oauth/token"))
    assert given.json()["token_type"] == "DPoP"
    # said again without saying so, it stays; and an organisation that was stopped keeps it too
    await world.broker.partners.add(TEAM, [world.keys[OIN].public_jwk()])
    await world.broker.partners.suspend(OIN, suspended=True)
    await world.broker.partners.suspend(OIN, suspended=False)
    await refused(world, world.keys[OIN], "assertion-without-proof")
    await world.broker.partners.add(TEAM, [world.keys[OIN].public_jwk()], unbound=True)
    assert (await ask(world, world.keys[OIN])).json()["token_type"] == "Bearer"
