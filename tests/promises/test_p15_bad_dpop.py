"""P15: a token that is bound to a key is of no use without a fresh proof by exactly that key, for exactly this request."""

import hashlib
import json
import time
from collections.abc import Mapping
from functools import partial
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from broker.client import ClientKey
from broker.crypto.dpop import key_thumbprint, make_dpop_proof
from broker.crypto.encoding import b64url
from broker.domain.proofs import TOLD, ProofFault
from tests.support.intruder import changed_tables, intruder_in
from tests.support.surface import operational_log
from tests.support.world import CLIENT_ASSERTION, JWT_BEARER, URL, World, started_again

OIN = "00000099000000010000"
WHO = {"sub": "pt-anneke", "name": "Anneke Wouters", "role": "family-worker"}
TOKEN_URL, WORDS_URL = f"{URL}/oauth/token", f"{URL}/v1/vocabulary"
KEY = ClientKey.new()
OTHER = ClientKey.new()
LONG = rsa.generate_private_key(65537, 2048)


def public(key: ClientKey) -> dict[str, Any]:
    return {name: value for name, value in key.public_jwk().items() if name in ("kty", "crv", "x")}


def ath(token: str) -> str:
    return b64url(hashlib.sha256(token.encode()).digest())


def raw(key: ClientKey, head: Any, body: Any) -> str:
    """Signed with the key, whatever it says; text is taken as it is."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (head, body)]
    signing = ".".join(b64url(part.encode("utf-8", "surrogatepass")) for part in parts)
    return f"{signing}.{b64url(key.private.sign(signing.encode()))}"


def head(**more: Any) -> dict[str, Any]:
    return {"typ": "dpop+jwt", "alg": "EdDSA", "jwk": public(KEY), **more}


def body(token: str, **more: Any) -> dict[str, Any]:
    """What a good proof for the words of the agreement says."""
    jti = b64url(json.dumps(time.time_ns()).encode())
    return {"htm": "GET", "htu": WORDS_URL, "iat": int(time.time()), "jti": jti, "ath": ath(token), **more}


async def ask(world: World, *proofs: str, claims: Mapping[str, str] | None = None, **form: str) -> httpx.Response:
    """Ask for a token, with these DPoP headers."""
    if claims is None:
        form |= {"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION}
        form["client_assertion"] = world.assertion(OIN, {"sub": OIN})
    else:
        form |= {"grant_type": JWT_BEARER, "assertion": world.assertion(OIN, claims)}
    return await world.http.post("/oauth/token", data=form, headers=[("DPoP", proof) for proof in proofs])


async def bound(world: World, claims: Mapping[str, str] | None = None) -> str:
    response = await ask(world, make_dpop_proof(KEY.private, "POST", TOKEN_URL), claims=claims)
    assert response.status_code == 200, response.text
    assert response.json()["token_type"] == "DPoP"
    return str(response.json()["access_token"])


async def use(world: World, token: str, *proofs: str, scheme: str = "DPoP", method: str = "GET") -> httpx.Response:
    headers = [("Authorization", f"{scheme} {token}"), *(("DPoP", proof) for proof in proofs)]
    return await world.http.request(method, "/v1/vocabulary", headers=headers)


def check_refused(response: httpx.Response, fault: ProofFault) -> None:
    """RFC 9449 section 7.1: 401, what is wrong in the header, and in words that help."""
    assert response.status_code == 401, response.text
    assert response.headers["content-type"] == "application/problem+json"
    told = response.json()
    assert (told["type"], told["detail"]) == ("urn:rondom:problem:invalid-dpop-proof", TOLD[fault].en)
    challenge = response.headers["www-authenticate"]
    assert "DPoP" in challenge
    assert 'algs="EdDSA ES256 PS256"' in challenge
    of_token = fault in (ProofFault.SCHEME, ProofFault.UNBOUND, ProofFault.OTHER_KEY)
    assert f'error="{"invalid_token" if of_token else "invalid_dpop_proof"}"' in challenge


def forgeries(token: str, method: str, url: str) -> dict[str, tuple[str, ProofFault]]:
    """Proofs that must not pass, each for one reason."""
    say = partial(body, token, htm=method, htu=url)
    now, good = int(time.time()), say()
    swapped = jwt.encode(good, LONG, "PS256", headers=head(alg="PS256"))
    unsigned = f"{b64url(json.dumps(head(alg='none')).encode())}.{b64url(json.dumps(good).encode())}."
    symmetric = jwt.encode(good, "k" * 64, "HS256", headers={"typ": "dpop+jwt", "jwk": {"kty": "oct", "k": "a"}})
    weak = rsa.generate_private_key(65537, 2048).private_numbers()
    rsa_jwk = {"kty": "RSA", "e": "AQAB", "n": b64url(weak.public_numbers.n.to_bytes(256, "big"))}
    whole = raw(KEY, head(), good)
    first, second, third = whole.split(".")
    fault = ProofFault
    cases: dict[str, tuple[str, ProofFault]] = {
        "nothing in it": ("", fault.NOT_READABLE),
        "no JWT": ("a.b", fault.NOT_READABLE),
        "five parts": (f"{whole}.a.b", fault.NOT_READABLE),
        "not base64url": (f"{first}=.{second}.{third}", fault.NOT_READABLE),
        "huge": (raw(KEY, head(), say(more="x" * 4096)), fault.NOT_READABLE),
        "a list": (raw(KEY, [], good), fault.NOT_READABLE),
        "deep": (raw(KEY, "[" * 1500, good), fault.NOT_READABLE),
        "a name twice": (raw(KEY, head(), json.dumps(good)[:-1] + ', "htm": "x"}'), fault.NOT_READABLE),
        "a member of the key twice": (
            raw(KEY, json.dumps(head()).replace('"kty"', '"kty": "OKP", "kty"'), good), fault.NOT_READABLE
        ),
        "NaN": (raw(KEY, head(), json.dumps(good).replace(str(good["iat"]), "NaN")), fault.NOT_READABLE),
        "none": (unsigned, fault.ALGORITHM),
        "None": (unsigned.replace(unsigned.partition(".")[0], b64url(json.dumps(head(alg="None")).encode())), fault.ALGORITHM),
        "a shared secret": (symmetric, fault.ALGORITHM),
        "another list of algorithms": (jwt.encode(good, LONG, "RS256", headers={"typ": "dpop+jwt"}), fault.ALGORITHM),
        "no algorithm": (raw(KEY, {n: v for n, v in head().items() if n != "alg"}, good), fault.ALGORITHM),
        "an assertion's type": (raw(KEY, head(typ="JWT"), good), fault.HEADER),
        "no type": (raw(KEY, {n: v for n, v in head().items() if n != "typ"}, good), fault.HEADER),
        "no key": (raw(KEY, {n: v for n, v in head().items() if n != "jwk"}, good), fault.HEADER),
        "a key elsewhere": (raw(KEY, head(jku="https://evil.example/k"), good), fault.HEADER),
        "what must be understood": (raw(KEY, head(crit=["b64"], b64=False), good), fault.HEADER),
        "a swapped algorithm": (swapped, fault.KEY),
        "the private key": (raw(KEY, head(jwk={**public(KEY), "d": b64url(KEY.private.private_bytes_raw())}), good), fault.KEY),
        "a factor of the key": (raw(KEY, head(jwk={**public(KEY), "p": "AQ"}), good), fault.KEY),
        "a key that is a text": (raw(KEY, head(jwk="x"), good), fault.KEY),
        "a key of lists": (raw(KEY, head(jwk={"kty": ["OKP"], "crv": {}, "x": []}), good), fault.KEY),
        "a key in another writing": (raw(KEY, head(jwk={**public(KEY), "x": public(KEY)["x"] + "="}), good), fault.KEY),
        "half a key": (raw(KEY, head(jwk={**public(KEY), "x": "AQAB"}), good), fault.KEY),
        "a point that is on no curve": (
            raw(KEY, head(alg="ES256", jwk={"kty": "EC", "crv": "P-256", "x": b64url(b"\1" * 32), "y": b64url(b"\1" * 32)}), good),
            fault.KEY,
        ),
        "RSA of 1024 bits": (raw(KEY, head(alg="PS256", jwk={**rsa_jwk, "n": b64url(b"\xff" * 128)}), good), fault.KEY),
        "RSA that takes long": (raw(KEY, head(alg="PS256", jwk={**rsa_jwk, "e": b64url(b"\xff" * 200)}), good), fault.KEY),
        "RSA that takes longer": (raw(KEY, head(alg="PS256", jwk={**rsa_jwk, "n": b64url(b"\xff" * 1024)}), good), fault.KEY),
        "another's signature": (raw(OTHER, head(), good), fault.SIGNATURE),
        "an altered signature": (f"{first}.{second}.{third[:-8]}AAAAAAAA", fault.SIGNATURE),
        "no signature": (f"{first}.{second}.", fault.SIGNATURE),
        "altered claims": (f"{first}.{b64url(json.dumps(say()).encode())}.{third}", fault.SIGNATURE),
        "another method": (raw(KEY, head(), say(htm="PATCH")), fault.METHOD),
        "a method in small letters": (raw(KEY, head(), say(htm=method.lower())), fault.METHOD),
        "another path": (raw(KEY, head(), say(htu=f"{URL}/v1/handovers")), fault.ADDRESS),
        "a path below": (raw(KEY, head(), say(htu=f"{url}/")), fault.ADDRESS),
        "another broker": (raw(KEY, head(), say(htu=url.replace("localhost", "other.example"))), fault.ADDRESS),
        "a broker that begins alike": (raw(KEY, head(), say(htu=url.replace("8080", "80800"))), fault.ADDRESS),
        "somebody at the broker": (raw(KEY, head(), say(htu=url.replace("//", "//a@"))), fault.ADDRESS),
        "a path alone": (raw(KEY, head(), say(htu=url.removeprefix(URL))), fault.ADDRESS),
        "an address that is none": (raw(KEY, head(), say(htu="http://[")), fault.ADDRESS),
        "an address with other letters": (raw(KEY, head(), say(htu=f"{url}\u00e9")), fault.ADDRESS),
        "no jti": (raw(KEY, head(), {n: v for n, v in good.items() if n != "jti"}), fault.CLAIM_FORM),
        "a jti that is long": (raw(KEY, head(), say(jti="j" * 129)), fault.CLAIM_FORM),
        "no time": (raw(KEY, head(), {n: v for n, v in good.items() if n != "iat"}), fault.CLAIM_FORM),
        "too old": (raw(KEY, head(), say(iat=now - 62)), fault.TOO_OLD),
        "long ago": (raw(KEY, head(), say(iat=-(10**300))), fault.TOO_OLD),
        "ended": (raw(KEY, head(), say(exp=now - 1)), fault.TOO_OLD),
        "from the future": (raw(KEY, head(), say(iat=now + 40)), fault.FUTURE),
        "from far in the future": (raw(KEY, head(), say(iat=10**300)), fault.FUTURE),
        "not yet": (raw(KEY, head(), say(nbf=now + 3600)), fault.FUTURE),
        "for no token": (raw(KEY, head(), {n: v for n, v in good.items() if n != "ath"}), fault.TOKEN),
        "for another token": (raw(KEY, head(), say(ath=ath("another"))), fault.TOKEN),
        "for a token in hex": (raw(KEY, head(), say(ath=hashlib.sha256(token.encode()).hexdigest())), fault.TOKEN),
        "by another key": (make_dpop_proof(OTHER.private, method, url, access_token=token), fault.OTHER_KEY),
    }  # fmt: skip
    for name in ("htm", "htu", "jti", "iat"):
        for value in (None, 7.5, "", [], {}, True):
            cases[f"{name} is {value!r}"] = (raw(KEY, head(), say(**{name: value})), fault.CLAIM_FORM)
    return cases


async def test_a_bound_token_works_with_a_fresh_proof_for_each_request(world: World) -> None:
    for claims in (None, WHO):
        token = await bound(world, claims)
        assert jwt.decode(token, options={"verify_signature": False})["cnf"] == {
            "jkt": key_thumbprint(KEY.private.public_key())
        }
        for url in (WORDS_URL, f"{WORDS_URL}?x=y#z"):
            response = await use(world, token, make_dpop_proof(KEY.private, "GET", url, access_token=token))
            assert response.status_code == 200, response.text
        within = raw(KEY, head(), body(token, htu=f"{WORDS_URL}?x", iat=int(time.time()) - 50))
        assert (await use(world, token, within, scheme="dPoP")).status_code == 200
    for private in (ec.generate_private_key(ec.SECP256R1()), LONG):
        given = await ask(world, make_dpop_proof(private, "POST", TOKEN_URL), scope="handovers")
        assert (given.json()["token_type"], given.json()["scope"]) == ("DPoP", "handovers")
        token = given.json()["access_token"]
        proof = make_dpop_proof(private, "GET", WORDS_URL, access_token=token)
        assert (await use(world, token, proof)).status_code == 200


async def test_every_wrong_proof_is_refused_where_a_bound_token_is_used(
    world: World, request: pytest.FixtureRequest, subtests: pytest.Subtests
) -> None:
    token, intruder = await bound(world), intruder_in(world, request)
    before = intruder.contents()
    for attack, (proof, fault) in forgeries(token, "GET", WORDS_URL).items():
        with subtests.test(attack), operational_log() as log:
            check_refused(await use(world, token, proof), fault)
            assert f'"code":"{fault.value}"' in log.getvalue().decode()
    assert changed_tables(before, intruder.contents()) == []


async def test_every_wrong_proof_is_refused_where_a_token_is_asked(
    world: World, request: pytest.FixtureRequest, subtests: pytest.Subtests
) -> None:
    intruder = intruder_in(world, request)
    before = intruder.contents()
    for attack, (proof, fault) in forgeries("", "POST", TOKEN_URL).items():
        if fault in (ProofFault.TOKEN, ProofFault.OTHER_KEY):
            continue
        with subtests.test(attack), operational_log() as log:
            response = await ask(world, proof)
            assert response.status_code == 400
            assert response.headers["cache-control"] == "no-store"
            assert response.json() == {"error": "invalid_dpop_proof", "error_description": TOLD[fault].en}
            assert f'"code":"{fault.value}"' in log.getvalue().decode()
    assert changed_tables(before, intruder.contents()) == []


async def test_a_proof_counts_once_at_all_brokers_together(world: World) -> None:
    token = await bound(world)
    proof = make_dpop_proof(KEY.private, "GET", WORDS_URL, access_token=token)
    async with started_again(world) as replica:
        assert (await use(world, token, proof)).status_code == 200
        for there in (replica, world):
            with operational_log() as log:
                check_refused(await use(there, token, proof), ProofFault.REPLAYED)
                assert b'"code":"dpop-replayed"' in log.getvalue()
        asking = make_dpop_proof(KEY.private, "POST", TOKEN_URL)
        assert (await ask(replica, asking)).status_code == 200
        again = await ask(world, asking)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_dpop_proof")
        assert again.json()["error_description"] == TOLD[ProofFault.REPLAYED].en


async def test_a_refused_proof_uses_up_no_assertion_and_a_refused_assertion_no_proof(world: World) -> None:
    form = {"grant_type": "client_credentials", "client_assertion_type": CLIENT_ASSERTION}
    form["client_assertion"] = world.assertion(OIN, {"sub": OIN})
    proof = make_dpop_proof(KEY.private, "POST", TOKEN_URL)
    wrong = make_dpop_proof(KEY.private, "GET", TOKEN_URL)
    assert (await world.http.post("/oauth/token", data=form, headers={"DPoP": wrong})).status_code == 400
    bad = {**form, "client_assertion": form["client_assertion"][:-8] + "AAAAAAAA"}
    assert (await world.http.post("/oauth/token", data=bad, headers={"DPoP": proof})).status_code == 401
    assert (await world.http.post("/oauth/token", data=form, headers={"DPoP": proof})).status_code == 200


async def test_neither_kind_of_token_passes_for_the_other(world: World) -> None:
    mine, plain = await bound(world), await world.token(OIN)

    def proof(token: str) -> str:
        return make_dpop_proof(KEY.private, "GET", WORDS_URL, access_token=token)

    check_refused(await use(world, mine, scheme="Bearer"), ProofFault.SCHEME)
    check_refused(await use(world, mine, proof(mine), scheme="Bearer"), ProofFault.SCHEME)
    check_refused(await use(world, mine), ProofFault.MISSING)
    check_refused(await use(world, plain, proof(plain)), ProofFault.UNBOUND)
    assert (await use(world, plain, scheme="Bearer")).status_code == 200
    for token, scheme in ((mine, "Basic"), (mine[:-8] + "AAAAAAAA", "DPoP"), ("", "DPoP"), (f"{mine} {mine}", "DPoP")):
        response = await use(world, token, proof(token), scheme=scheme)
        assert (response.status_code, response.json()["type"]) == (401, "urn:rondom:problem:not-authenticated")
        assert "DPoP" in response.headers["www-authenticate"]


async def test_headers_that_stand_twice_are_refused(world: World) -> None:
    token = await bound(world)

    def proof() -> str:
        return make_dpop_proof(KEY.private, "GET", WORDS_URL, access_token=token)

    check_refused(await use(world, token, proof(), proof()), ProofFault.TWICE)
    joined = f"{proof()}, {proof()}"
    check_refused(await use(world, token, joined), ProofFault.NOT_READABLE)
    asked = await ask(world, *(make_dpop_proof(KEY.private, "POST", TOKEN_URL) for _ in range(2)))
    assert (asked.status_code, asked.json()["error"]) == (400, "invalid_dpop_proof")
    plain = await world.token(OIN)
    for pair in ((f"DPoP {token}", f"Bearer {plain}"), (f"Bearer {plain}", f"DPoP {token}")):
        headers = [*(("Authorization", value) for value in pair), ("DPoP", proof())]
        assert (await world.http.get("/v1/vocabulary", headers=headers)).status_code == 401


async def test_a_suspended_organisation_loses_its_bound_tokens_at_once(world: World) -> None:
    tokens = [await bound(world), await bound(world, WHO)]
    await world.broker.partners.suspend(OIN, suspended=True)
    for token in tokens:
        with operational_log() as log:
            proof = make_dpop_proof(KEY.private, "GET", WORDS_URL, access_token=token)
            response = await use(world, token, proof)
            assert (response.status_code, response.json()["type"]) == (401, "urn:rondom:problem:not-authenticated")
            assert b'"code":"access-suspended"' in log.getvalue()
    asked = await ask(world, make_dpop_proof(KEY.private, "POST", TOKEN_URL))
    assert (asked.status_code, asked.json()["error"]) == (401, "invalid_client")
    await world.broker.partners.suspend(OIN, suspended=False)
    proof = make_dpop_proof(KEY.private, "GET", WORDS_URL, access_token=tokens[0])
    assert (await use(world, tokens[0], proof)).status_code == 200


async def test_the_metadata_says_which_proofs_are_taken(world: World) -> None:
    said = (await world.http.get("/.well-known/oauth-authorization-server")).json()
    assert said["dpop_signing_alg_values_supported"] == ["EdDSA", "ES256", "PS256"]
    assert said["tls_client_certificate_bound_access_tokens"] is False
    assert said["scopes_supported"] == ["handovers", "releases"]


async def test_a_scope_that_the_grant_does_not_give_is_refused(world: World) -> None:
    for scope in ("releases", "handovers:read", "handovers releases", "HANDOVERS", " handovers"):
        asked = await ask(world, scope=scope)
        assert (asked.status_code, asked.json()["error"]) == (400, "invalid_scope")


async def test_a_scope_that_the_grant_gives_is_given(world: World) -> None:
    assert (await ask(world, scope="handovers")).json()["scope"] == "handovers"
    assert (await ask(world, claims=WHO, scope="releases")).json()["scope"] == "releases"
    refused = await ask(world, claims=WHO, scope="handovers")
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_scope")


def test_a_proof_is_made_with_our_kinds_of_keys_only() -> None:
    said = jwt.get_unverified_header(make_dpop_proof(KEY.private, "GET", WORDS_URL))
    assert (said["typ"], said["jwk"]) == ("dpop+jwt", public(KEY))
    with pytest.raises(ValueError, match="no Ed25519, P-256 or RSA key"):
        make_dpop_proof(ec.generate_private_key(ec.SECP384R1()), "GET", WORDS_URL)
