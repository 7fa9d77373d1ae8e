"""P15: at the token endpoint every forged, stale, replayed or garbled assertion is refused alike, and only as RFC 6749 says."""

import base64
import json
import time
from collections.abc import Callable, Mapping
from typing import Any

import httpx
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from broker.client import ClientKey
from broker.crypto.encoding import b64url
from broker.domain.assertions import PROVEN as TOLD_OF
from broker.domain.assertions import AssertionFault
from broker.domain.parties import Oin, Organisation
from tests.support.intruder import Intruder, changed_tables, intruder_in
from tests.support.surface import operational_log
from tests.support.world import CLIENT_ASSERTION, JWT_BEARER, URL, World

OIN, OTHER = "00000099000000010000", "00000099000000020000"
WHO = {"sub": "pt-anneke", "name": "Anneke Wouters", "role": "family-worker"}
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
async def intruder(world: World, request: pytest.FixtureRequest) -> Intruder:
    await world.settle()
    return intruder_in(world, request)


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    jti = b64url(json.dumps(time.time_ns()).encode())
    return {"iss": OIN, "sub": OIN, "aud": URL, "iat": now, "exp": now + 60, "jti": jti, **more}


def raw_jws(key: ClientKey, head: Any, body: Any) -> str:
    """Signed with a good key, whatever it says; text is taken as it is."""
    parts = [part if isinstance(part, str) else json.dumps(part) for part in (head, body)]
    signing = ".".join(b64url(part.encode("utf-8", "surrogatepass")) for part in parts)
    return f"{signing}.{b64url(key.private.sign(signing.encode()))}"


async def ask(world: World, assertion: str, *, professional: bool = False) -> httpx.Response:
    if professional:
        form = {"grant_type": JWT_BEARER, "assertion": assertion}
    else:
        form = {
            "grant_type": "client_credentials",
            "client_assertion_type": CLIENT_ASSERTION,
            "client_assertion": assertion,
        }
    return await world.http.post("/oauth/token", data=form)


def check_refused(response: httpx.Response) -> str:
    """RFC 6749 section 5.2: 400 or 401, an error code, a description; never cached; nothing else."""
    assert response.status_code in (400, 401), response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["cache-control"] == "no-store"
    said = response.json()
    assert set(said) == {"error", "error_description"}
    assert said["error"] in {"invalid_request", "invalid_client", "invalid_grant", "unsupported_grant_type"}
    assert (response.status_code == 401) == (said["error"] == "invalid_client")
    assert all(" " <= sign <= "~" and sign not in '"\\' for sign in said["error_description"])
    return str(said["error"])


def stored(intruder: Intruder) -> Any:
    return intruder.contents(leave_out=["guard_count", "guard_once", "rate_count"])


def forgeries(world: World) -> dict[str, str]:
    """Assertions that must not pass, each for one reason."""
    good, theirs, stranger = world.keys[OIN], world.keys[OTHER], ClientKey.new()
    head = {"alg": "EdDSA", "typ": "JWT", "kid": good.kid}
    now = int(time.time())
    body = b64url(json.dumps(claims()).encode())
    pem = good.private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    hmac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256)

    def unsigned(name: str) -> str:
        return f"{b64url(json.dumps({**head, 'alg': name}).encode())}.{body}."

    def keyed(secret: bytes) -> str:
        signing = f"{b64url(json.dumps({**head, 'alg': 'HS256'}).encode())}.{body}"
        return f"{signing}.{b64url(hmac.sign(signing.encode(), secret))}"

    def said(**more: Any) -> str:
        return raw_jws(good, head, claims(**more))

    def without(name: str) -> str:
        return raw_jws(good, head, {k: v for k, v in claims().items() if k != name})

    def headed(**more: Any) -> str:
        return raw_jws(good, {**head, **more}, claims())

    whole = raw_jws(good, head, claims())
    first, second, third = whole.split(".")
    twice = json.dumps(claims())
    found = {f"algorithm {name!r}": unsigned(name) for name in ("none", "None", "NONE", "nOnE", "")}
    found |= {
        "HMAC with the public key in PEM": keyed(pem),
        "HMAC with the public key's bytes": keyed(good.private.public_key().public_bytes_raw()),
        "HMAC with the public key as a JWK": keyed(json.dumps(good.public_jwk()).encode()),
        "HMAC with nothing": keyed(b""),
        "an algorithm that is not agreed": headed(alg="ES512"),
        "an algorithm that does not fit the key": headed(alg="ES256"),
        "an algorithm that is a list": headed(alg=["EdDSA"]),
        "no algorithm": raw_jws(good, {"kid": good.kid}, claims()),
        "a stranger's key under a good kid": raw_jws(stranger, head, claims()),
        "a stranger's key and kid": raw_jws(stranger, {**head, "kid": stranger.kid}, claims()),
        "another organisation's key and kid": raw_jws(theirs, {**head, "kid": theirs.kid}, claims()),
        "another organisation's kid": headed(kid=theirs.kid),
        "no kid": raw_jws(good, {"alg": "EdDSA"}, claims()),
        "a kid that is a number": headed(kid=1),
        "a kid that is a path": headed(kid="../../keys/log"),
        "a key inside": raw_jws(stranger, {**head, "jwk": stranger.public_jwk(), "kid": stranger.kid}, claims()),
        "the good key inside": headed(jwk=good.public_jwk()),
        "an address of keys": headed(jku="https://evil.example/jwks"),
        "a certificate": headed(x5c=["MII"]),
        "an address of a certificate": headed(x5u="https://evil.example/chain.pem"),
        "a kid that asks a database": headed(kid=f"{good.kid}' OR '1'='1"),
        "a critical extension": headed(crit=["exp"]),
        "an unencoded payload": headed(b64=False),
        "an access token's type": headed(typ="at+jwt"),
        "a consent record's type": headed(typ="consent-record+jws"),
        "an unknown issuer": said(iss="0" * 20, sub="0" * 20),
        "no issuer": without("iss"),
        "an issuer that is a number": said(iss=99000000010000),
        "an issuer with NUL": said(iss=f"{OIN}\u0000", sub=f"{OIN}\u0000"),
        "an issuer that is half a sign": raw_jws(good, head, json.dumps(claims(iss="\ud800"))),
        "an issuer in other digits": said(iss="\u0660" * 20),
        "another subject": said(sub=OTHER),
        "a professional as subject": said(sub="pt-anneke"),
        "no subject": without("sub"),
        "another audience": said(aud="https://elsewhere.example"),
        "an audience with a slash": said(aud=f"{URL}/"),
        "an audience in capitals": said(aud=URL.upper()),
        "two audiences": said(aud=[URL, "https://elsewhere.example"]),
        "the same audience twice": said(aud=[URL, URL]),
        "an empty list of audiences": said(aud=[]),
        "an audience that is an object": said(aud={URL: 1}),
        "an audience in a list in a list": said(aud=[[URL]]),
        "no audience": without("aud"),
        "expired": said(exp=now - 1, iat=now - 60),
        "ending now": said(exp=now),
        "ending in an hour": said(exp=now + 3600),
        "ending in six minutes": said(exp=now + 360),
        "never ending": said(exp=2**53),
        "ending at a huge number": said(exp=10**300),
        "ending at a fraction": said(exp=now + 60.5),
        "ending at a text": said(exp=str(now + 60)),
        "ending at true": said(exp=True),
        "ending at not a number": raw_jws(good, head, json.dumps(claims(exp=12345)).replace("12345", "NaN")),
        "without an end": without("exp"),
        "made in the future": said(iat=now + 120),
        "not valid yet": said(nbf=now + 120),
        "made at a text": said(iat="now"),
        "valid from a text": said(nbf="now"),
        "no jti": without("jti"),
        "an empty jti": said(jti=""),
        "a jti that is a number": said(jti=7),
        "a jti of a kilobyte": said(jti="x" * 1024),
        "a jti that is half a sign": raw_jws(good, head, json.dumps(claims(jti="\ud800"))),
        "a claim twice": raw_jws(good, head, twice[:-1] + f', "sub": "{OIN}"}}'),
        "a claim twice, the bad one first": raw_jws(good, head, '{"aud": "https://x.example", ' + twice[1:]),
        "a header twice": raw_jws(good, json.dumps(head)[:-1] + ', "alg": "EdDSA"}', claims()),
        "a list for claims": raw_jws(good, head, [claims()]),
        "a text for claims": raw_jws(good, head, '"hello"'),
        "no JSON for claims": raw_jws(good, head, "hello"),
        "nested too deeply": raw_jws(good, head, '{"a":' * 1000 + "1" + "}" * 1000),
        "no JSON for a header": raw_jws(good, "hello", claims()),
        "a list for a header": raw_jws(good, [head], claims()),
        "far too large": said(padding="x" * 20_000),
        "no signature": f"{first}.{second}.",
        "no last part": f"{first}.{second}",
        "a part too many": f"{whole}.{third}",
        "a whole one inside another": raw_jws(good, {**head, "cty": "JWT"}, whole),
        "one part": first,
        "an encrypted one's five parts": f"{whole}.a.b",
        "half a signature": f"{first}.{second}.{third[:40]}",
        "a signature with padding": f"{whole}==",
        "a signature of zeros": f"{first}.{second}.{b64url(bytes(64))}",
        "another one's signature": f"{first}.{b64url(json.dumps(claims(extra=1)).encode())}.{third}",
        "blanks around it": f" {whole} ",
        "a line end in it": f"{first}.\n{second}.{third}",
        "plain base64": ".".join(
            base64.b64encode(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))).decode()
            for part in (first, second)
        )
        + f".{third}",
        "other letters": "\u00e9.\u00e9.\u00e9",
        "a NUL": "\u0000",
        "nothing but dots": "..",
        "JSON serialisation": json.dumps({"payload": second, "protected": first, "signature": third}),
    }
    return found


async def test_every_forged_assertion_is_refused_alike(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    before = stored(intruder)
    for attack, assertion in forgeries(world).items():
        for professional in (False, True):
            if professional and attack in ("another subject", "a professional as subject", "no subject"):
                continue
            with subtests.test(attack, professional=professional):
                response = await ask(world, assertion, professional=professional)
                check_refused(response)
                assert "Traceback" not in response.text
    assert changed_tables(before, stored(intruder)) == []
    assert (
        await ask(world, raw_jws(world.keys[OIN], {"alg": "EdDSA", "kid": world.keys[OIN].kid}, claims()))
    ).is_success


UNPROVEN = {
    "a stranger's key under a good kid": "assertion-signature",
    "a stranger's key and kid": "assertion-key",
    "another organisation's key and kid": "assertion-key",
    "an unknown issuer": "assertion-issuer",
    "algorithm 'none'": "assertion-algorithm",
    "an algorithm that does not fit the key": "assertion-key",
    "a critical extension": "assertion-header",
    "HMAC with the public key in PEM": "assertion-algorithm",
    "a signature of zeros": "assertion-signature",
    "another one's signature": "assertion-signature",
    "far too large": "assertion-not-readable",
    "a claim twice": "assertion-not-readable",
    "nothing but dots": "assertion-not-readable",
}
PROVEN = {
    "expired": "assertion-expired",
    "ending in an hour": "assertion-too-long",
    "made in the future": "assertion-from-the-future",
    "not valid yet": "assertion-from-the-future",
    "another audience": "assertion-audience",
    "two audiences": "assertion-audience",
    "no jti": "assertion-claim-missing",
    "a jti that is a number": "assertion-claim-form",
    "ending at a text": "assertion-claim-form",
    "another subject": "assertion-subject",
}


async def test_every_refusal_is_logged_by_its_fault_and_told_only_to_who_holds_the_key(world: World) -> None:
    made = forgeries(world)
    told: dict[str, str] = {}
    for attack, fault in {**UNPROVEN, **PROVEN}.items():
        with operational_log() as stream:
            response = await ask(world, made[attack])
        check_refused(response)
        lines = [json.loads(line) for line in stream.getvalue().splitlines()]
        assert [line["code"] for line in lines if line["event"] == "token:refused"] == [fault], attack
        told[attack] = response.json()["error_description"]
    alike = {told[attack] for attack in UNPROVEN}
    assert len(alike) == 1, "whoever proves nothing learns nothing"
    for attack, fault in PROVEN.items():
        assert told[attack] not in alike, attack
        assert told[attack] == TOLD_OF[AssertionFault(fault)].en


async def test_a_suspended_organisation_is_refused_like_an_unknown_one(world: World) -> None:
    good = world.keys[OIN]
    await world.broker.partners.suspend(OIN, suspended=True)
    with operational_log() as stream:
        known = await ask(world, raw_jws(good, {"alg": "EdDSA", "kid": good.kid}, claims()))
        unknown = await ask(world, forgeries(world)["an unknown issuer"])
    assert known.json() == unknown.json()
    codes = [json.loads(line)["code"] for line in stream.getvalue().splitlines() if b"token:refused" in line]
    assert codes == ["assertion-suspended", "assertion-issuer"]


async def test_an_assertion_counts_once(world: World) -> None:
    head = {"alg": "EdDSA", "kid": world.keys[OIN].kid}
    once = raw_jws(world.keys[OIN], head, claims())
    assert (await ask(world, once)).status_code == 200
    twice = await ask(world, once)
    assert check_refused(twice) == "invalid_client"
    assert twice.json()["error_description"] == TOLD_OF[AssertionFault.REPLAYED].en
    again = claims(jti="the-same")
    assert (await ask(world, raw_jws(world.keys[OIN], head, again))).status_code == 200
    again["exp"] += 1
    check_refused(await ask(world, raw_jws(world.keys[OIN], head, again)))

    mine = raw_jws(world.keys[OIN], head, claims(**WHO))
    assert (await ask(world, mine, professional=True)).status_code == 200
    check_refused(await ask(world, mine, professional=True))
    other = {"alg": "EdDSA", "kid": world.keys[OTHER].kid}
    theirs = claims(iss=OTHER, sub=OTHER, jti="the-same")
    assert (await ask(world, raw_jws(world.keys[OTHER], other, theirs))).status_code == 200, "another's jti is another"


async def test_an_assertion_counts_for_one_use(world: World) -> None:
    head = {"alg": "EdDSA", "kid": world.keys[OIN].kid}
    check_refused(await ask(world, raw_jws(world.keys[OIN], head, claims(**WHO))))
    check_refused(await ask(world, raw_jws(world.keys[OIN], head, claims()), professional=True))
    token = await world.token(OIN)
    check_refused(await ask(world, token))
    check_refused(await ask(world, token, professional=True))


VOUCHING: tuple[tuple[str, Any], ...] = (
    *(("role", value) for value in ("king", "", None, ["family-worker"], {"family-worker": 1}, "family-worker ")),
    *(("name", value) for value in ("", "  ", 7, "x" * 201, "a\u0000b", "\ud800")),
    *(("sub", value) for value in ("", "x" * 201, "a\u0000b", "\udfff", True)),
)


async def test_a_professional_is_vouched_for_in_full(
    world: World, intruder: Intruder, subtests: pytest.Subtests
) -> None:
    before = stored(intruder)
    head = {"alg": "EdDSA", "kid": world.keys[OIN].kid}
    wrong = [{**WHO, name: value} for name, value in VOUCHING]
    wrong += [{n: value for n, value in WHO.items() if n != name} for name in ("role", "name")]
    for said in wrong:
        with subtests.test(said=ascii(said)):
            assertion = raw_jws(world.keys[OIN], head, json.dumps(claims(**said)))
            check_refused(await ask(world, assertion, professional=True))
    assert changed_tables(before, stored(intruder)) == []


async def test_a_suspended_organisation_gets_no_token_and_its_old_ones_stop(world: World) -> None:
    token = await world.token(OIN)
    headers = {"Authorization": f"Bearer {token}"}
    assert (await world.http.get("/v1/vocabulary", headers=headers)).status_code == 200
    await world.broker.partners.suspend(OIN, suspended=True)
    head = {"alg": "EdDSA", "kid": world.keys[OIN].kid}
    check_refused(await ask(world, raw_jws(world.keys[OIN], head, claims())))
    check_refused(await ask(world, raw_jws(world.keys[OIN], head, claims(**WHO)), professional=True))
    assert (await world.http.get("/v1/vocabulary", headers=headers)).status_code == 401


async def test_keys_of_other_kinds_prove_only_what_they_fit(world: World) -> None:
    curve, modulus = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)
    kinds: dict[str, tuple[Any, str]] = {"curve": (curve, "ES256"), "modulus": (modulus, "PS256")}
    jwks = [
        {**json.loads(jwt.algorithms.ECAlgorithm.to_jwk(curve.public_key())), "kid": "curve"},
        {**json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(modulus.public_key())), "kid": "modulus"},
    ]
    await world.broker.partners.add(Organisation(Oin(OIN), "PlusTeam", "neighbourhood-team"), jwks)
    for kid, (private, alg) in kinds.items():
        assert (await ask(world, jwt.encode(claims(), private, alg, headers={"kid": kid}))).status_code == 200
        for other in kinds:
            if other != kid:
                check_refused(await ask(world, jwt.encode(claims(), private, alg, headers={"kid": other})))
    for alg in ("RS256", "PS512"):
        check_refused(await ask(world, jwt.encode(claims(), modulus, alg, headers={"kid": "modulus"})))
    signed = jwt.encode(claims(), curve, "ES256", headers={"kid": "curve"}).rpartition(".")[0]
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    for number in (0, order):  # what a careless library takes from anybody, for anything
        check_refused(await ask(world, f"{signed}.{b64url(2 * number.to_bytes(32, 'big'))}"))
    gone = raw_jws(world.keys[OIN], {"alg": "EdDSA", "kid": world.keys[OIN].kid}, claims())
    check_refused(await ask(world, gone))


def forms(good: Callable[[], str]) -> dict[str, tuple[bytes, str]]:
    """Requests that are no token request."""
    key, kind = b"client_assertion=", f"client_assertion_type={CLIENT_ASSERTION}&".encode()
    start = b"grant_type=client_credentials&" + kind + key
    return {
        "nothing": (b"", FORM),
        "JSON": (json.dumps({"grant_type": "client_credentials"}).encode(), "application/json"),
        "a form called JSON": (start + good().encode(), "application/json"),
        "no media type": (start + good().encode(), ""),
        "multipart": (b"--x--", "multipart/form-data; boundary=x"),
        "no grant": (kind + key + good().encode(), FORM),
        "an unknown grant": (b"grant_type=password&username=x&password=y", FORM),
        "an empty grant": (b"grant_type=&" + kind + key + good().encode(), FORM),
        "no assertion": (b"grant_type=client_credentials&" + kind.rstrip(b"&"), FORM),
        "no kind of assertion": (b"grant_type=client_credentials&" + key + good().encode(), FORM),
        "another kind of assertion": (start.replace(b"jwt-bearer", b"saml2-bearer") + good().encode(), FORM),
        "a secret": (b"grant_type=client_credentials&client_id=x&client_secret=y", FORM),
        "the grant twice": (b"grant_type=client_credentials&" + start + good().encode(), FORM),
        "the assertion twice": (start + good().encode() + b"&" + key + good().encode(), FORM),
        "a bearer without assertion": (f"grant_type={JWT_BEARER}".encode(), FORM),
        "raw bytes": (b"\xff\xfe\x00", FORM),
        "broken percent signs": (start + b"%ZZ%", FORM),
        "a NUL": (start + b"%00", FORM),
        "half a sign": (start + b"%ED%A0%80", FORM),
        "a thousand fields": (b"&".join(b"f%d=x" % n for n in range(1000)), FORM),
        "a semicolon between": (start.replace(b"&", b";") + good().encode(), FORM),
        "UTF-16": ((start + good().encode()).decode().encode("utf-16"), FORM),
    }


async def test_what_is_no_token_request(world: World, intruder: Intruder, subtests: pytest.Subtests) -> None:
    def good() -> str:
        return raw_jws(world.keys[OIN], {"alg": "EdDSA", "kid": world.keys[OIN].kid}, claims())

    before = stored(intruder)
    for attack, (content, media) in forms(good).items():
        with subtests.test(attack):
            response = await world.http.post("/oauth/token", content=content, headers={"Content-Type": media})
            check_refused(response)
    response = await world.http.post("/oauth/token", content=b"a=" + b"x" * 1_048_576, headers={"Content-Type": FORM})
    assert response.status_code == 413
    for method in ("GET", "PUT", "DELETE", "PATCH"):
        response = await world.http.request(method, f"/oauth/token?{forms(good)['nothing'][0].decode()}")
        assert response.status_code == 405
        assert response.headers["content-type"] == "application/problem+json"
        assert response.headers["allow"] == "POST"
    query = await world.http.post(f"/oauth/token?grant_type=client_credentials&client_assertion={good()}")
    check_refused(query)
    assert changed_tables(before, stored(intruder)) == []


anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters()),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["iss", "sub", "aud", "exp", "iat", "nbf", "jti"]), value=anything, data=st.data())
async def test_any_claim_that_is_anything(world: World, name: str, value: Any, data: st.DataObject) -> None:
    said: Mapping[str, Any] = claims(**{name: value})
    head = {"alg": "EdDSA", "kid": world.keys[OIN].kid}
    response = await ask(world, raw_jws(world.keys[OIN], head, said), professional=data.draw(st.booleans()))
    if response.status_code != 200:
        check_refused(response)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(assertion=st.text(max_size=80) | st.from_regex(r"[\w-]{0,40}\.[\w-]{0,40}\.[\w-]{0,40}"))
async def test_any_text_as_an_assertion(world: World, assertion: str) -> None:
    form = {"grant_type": JWT_BEARER, "assertion": assertion.encode("utf-8", "replace").decode()}
    check_refused(await world.http.post("/oauth/token", data=form))
