"""P15: a token that is bound to a client certificate (RFC 8705) is of no use with another, and nobody but the proxy says which."""

import base64
import contextlib
import hashlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from urllib.parse import quote

import httpx
import jwt
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from broker.cli.serve import served
from broker.client import ClientKey
from broker.crypto.dpop import make_dpop_proof
from broker.crypto.encoding import b64url
from tests.support.surface import operational_log
from tests.support.world import CLIENT_ASSERTION, JWT_BEARER, URL, World, started_again

OIN = "00000099000000010000"
WHO = {"sub": "pt-anneke", "name": "Anneke Wouters", "role": "family-worker"}
PROXY, STRANGER = "10.1.2.3", "192.0.2.9"
HEADER = "Client-Cert"
Headers = list[tuple[str, str]]


def certificate(name: str) -> x509.Certificate:
    key, now = Ed25519PrivateKey.generate(), datetime.now(UTC)
    who = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    made = x509.CertificateBuilder().subject_name(who).issuer_name(who).public_key(key.public_key())
    made = made.serial_number(x509.random_serial_number())
    return made.not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=9)).sign(key, None)


MINE, OTHER = certificate("mine"), certificate("other")


def written(made: x509.Certificate) -> str:
    """As RFC 9440 section 2.2 writes it."""
    return f":{base64.b64encode(made.public_bytes(Encoding.DER)).decode()}:"


def escaped(made: x509.Certificate) -> str:
    """As nginx writes it: `$ssl_client_escaped_cert`."""
    return quote(made.public_bytes(Encoding.PEM), safe="")


def thumbprint(made: x509.Certificate) -> str:
    return b64url(hashlib.sha256(made.public_bytes(Encoding.DER)).digest())


@contextlib.asynccontextmanager
async def behind_proxy(world: World, peer: str = PROXY, **changed: Any) -> AsyncIterator[World]:
    """The same broker as `broker serve` serves it, reached by this peer."""
    settings = {
        "client_certificate_header": HEADER,
        "client_certificate_proxies": (ip_network("10.1.2.0/24"),),
        "forwarded_allow_ips": "10.1.2.3",
        **changed,
    }
    async with started_again(world, **settings) as replica:
        transport = httpx.ASGITransport(app=served(replica.broker), raise_app_exceptions=False, client=(peer, 4711))
        async with httpx.AsyncClient(transport=transport, base_url=URL) as http:
            replica.http = http
            yield replica


async def ask(world: World, headers: Headers, claims: dict[str, str] | None = None) -> httpx.Response:
    if claims is None:
        form = {"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION}
        form["client_assertion"] = world.assertion(OIN, {"sub": OIN})
    else:
        form = {"grant_type": JWT_BEARER, "assertion": world.assertion(OIN, claims)}
    return await world.http.post("/oauth/token", data=form, headers=headers)


async def use(world: World, token: str, headers: Headers, scheme: str = "Bearer") -> httpx.Response:
    return await world.http.get("/v1/vocabulary", headers=[("Authorization", f"{scheme} {token}"), *headers])


def bound_to(token: str) -> Any:
    return jwt.decode(token, options={"verify_signature": False}).get("cnf")


async def refused(world: World, token: str, headers: Headers, code: str) -> None:
    with operational_log() as log:
        response = await use(world, token, headers)
        assert response.status_code == 401, response.text
        assert response.json()["type"] == "urn:rondom:problem:invalid-certificate"
        assert response.headers["www-authenticate"].startswith('Bearer error="invalid_token"')
        assert f'"code":"{code}"' in log.getvalue().decode()


async def test_a_token_counts_with_the_certificate_that_it_was_asked_with_only(world: World) -> None:
    mine = [(HEADER, written(MINE)), ("X-Forwarded-For", STRANGER)]
    async with behind_proxy(world) as there:
        for claims in (None, WHO):
            given = (await ask(there, mine, claims)).json()
            token = given["access_token"]
            assert (given["token_type"], bound_to(token)) == ("Bearer", {"x5t#S256": thumbprint(MINE)})
            for same in (mine, [(HEADER.lower(), f" {written(MINE)} ")], [(HEADER, escaped(MINE))]):
                assert (await use(there, token, same)).status_code == 200
            await refused(there, token, [], "certificate-missing")
            await refused(there, token, [(HEADER, "")], "certificate-missing")
            await refused(there, token, [(HEADER, written(OTHER))], "certificate-other")
            await refused(there, token, [(HEADER, escaped(OTHER))], "certificate-other")
        said = (await there.http.get("/.well-known/oauth-authorization-server")).json()
        assert said["tls_client_certificate_bound_access_tokens"] is True
        await world.broker.partners.suspend(OIN, suspended=True)
        assert (await use(there, token, mine)).json()["type"] == "urn:rondom:problem:not-authenticated"


async def test_what_is_no_certificate_is_refused_everywhere(world: World, subtests: pytest.Subtests) -> None:
    good = written(MINE)
    wrong = {
        "plain text": "CN=mine",
        "no colons": good.strip(":"),
        "nothing between": "::",
        "no base64": ":" + "*" * 40 + ":",
        "cut short": good[:-41] + ":",
        "something behind": ":" + base64.b64encode(MINE.public_bytes(Encoding.DER) + b"\0").decode() + ":",
        "two in one": f"{good}, {written(OTHER)}",
        "PEM that is none": "-----BEGIN%20CERTIFICATE-----%0AAAAA%0A-----END%20CERTIFICATE-----%0A",
        "huge": ":" + "A" * 20_000 + ":",
    }
    async with behind_proxy(world) as there:
        token = (await ask(there, [(HEADER, good)])).json()["access_token"]
        for attack, value in {**wrong, "twice": ""}.items():
            with subtests.test(attack):
                headers = [(HEADER, value)] if value else [(HEADER, written(OTHER)), (HEADER, good)]
                await refused(there, token, headers, "certificate-not-readable")
                with operational_log() as log:
                    response = await ask(there, headers)
                    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
                    assert b'"code":"certificate-not-readable"' in log.getvalue()


async def test_only_the_proxy_says_which_certificate_it_saw(world: World) -> None:
    """A client that reaches the broker itself, or has the proxy forward its own address, changes nothing."""
    mine = [(HEADER, written(MINE))]
    async with behind_proxy(world) as there:
        token = (await ask(there, mine)).json()["access_token"]
    for peer in (STRANGER, "::1", "10.1.3.3", "::ffff:192.0.2.9"):
        async with behind_proxy(world, peer) as stranger:
            await refused(stranger, token, mine, "certificate-missing")
            await refused(stranger, token, [*mine, ("X-Forwarded-For", PROXY)], "certificate-missing")
            assert bound_to((await ask(stranger, [(HEADER, "anything")])).json()["access_token"]) is None
    async with behind_proxy(world, "::ffff:10.1.2.3") as mapped:
        assert (await use(mapped, token, mine)).status_code == 200


async def test_without_the_setting_the_header_means_nothing(world: World) -> None:
    async with behind_proxy(world, client_certificate_header="", client_certificate_proxies=()) as there:
        for headers in ([(HEADER, written(MINE))], [(HEADER, "anything")], [(HEADER, "a"), (HEADER, "b")]):
            given = await ask(there, headers)
            assert bound_to(given.json()["access_token"]) is None
            assert (await use(there, given.json()["access_token"], headers)).status_code == 200


async def test_a_token_bound_to_a_key_and_a_certificate_needs_both(world: World) -> None:
    key, mine = ClientKey.new(), [(HEADER, written(MINE))]

    def proof(token: str | None = None) -> Headers:
        method, path = ("GET", "/v1/vocabulary") if token else ("POST", "/oauth/token")
        return [("DPoP", make_dpop_proof(key.private, method, f"{URL}{path}", access_token=token))]

    async with behind_proxy(world) as there:
        token = (await ask(there, [*mine, *proof()])).json()["access_token"]
        assert set(bound_to(token)) == {"jkt", "x5t#S256"}
        assert (await use(there, token, [*mine, *proof(token)], "DPoP")).status_code == 200
        for headers in (proof(token), [*proof(token), (HEADER, written(OTHER))], mine):
            assert (await use(there, token, headers, "DPoP")).status_code == 401


async def test_an_organisation_with_bound_tokens_may_bind_them_to_a_certificate(world: World) -> None:
    async with world.broker.house.storage(writing=False) as work:
        team = await work.organisations.get(OIN)
    assert team is not None
    bound = type(team)(team.oin, team.name, team.kind, bound_tokens=True)
    await world.broker.partners.add(bound, [world.keys[OIN].public_jwk()])
    async with behind_proxy(world) as there:
        assert (await ask(there, [])).status_code == 401
        token = (await ask(there, [(HEADER, written(MINE))])).json()["access_token"]
        assert (await use(there, token, [(HEADER, written(MINE))])).status_code == 200
