"""Identity providers are asked over HTTP within bounds, remembered for a while, and set up safely or not at all."""

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from broker.crypto.openid import OpenIdConnect
from broker.crypto.providers import read_providers
from broker.domain.logins import Ceremony
from broker.domain.outbound import Answered, Sent
from broker.errors import BrokerError, NotAllowed, NotFound, Unavailable, Unsafe
from broker.services.login_providers import LoginProviders
from tests.support.identity_provider import SECRET, SUBJECT, IdentityProvider, private

CEREMONY = Ceremony("s" * 43, "n" * 43, "v" * 43)
HOME = "http://localhost:8080"

# what is remembered


class Seconds:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def idp() -> IdentityProvider:
    return IdentityProvider()


@pytest.fixture
def seconds() -> Seconds:
    return Seconds()


@pytest.fixture
def known(idp: IdentityProvider, seconds: Seconds, tmp_path: Path) -> LoginProviders:
    found = read_providers(idp.settings(tmp_path), demo=True)
    return LoginProviders(found.providers, OpenIdConnect(found.proofs), idp.fetch, seconds, HOME)


async def login(known: LoginProviders, idp: IdentityProvider, issuer: str | None = None) -> str:
    provider = known.get("waterdijk")
    back = urlsplit(idp.back(await known.address(provider, CEREMONY)))
    code = parse_qs(back.query)["code"][0]
    said = idp.issuer if issuer is None else issuer
    return await known.subject(provider, code, said, CEREMONY, datetime.now(UTC))


async def test_a_provider_is_asked_once_in_ten_minutes(
    known: LoginProviders, idp: IdentityProvider, seconds: Seconds
) -> None:
    assert [await login(known, idp) for _ in range(3)] == [SUBJECT] * 3
    assert idp.asked == ["description", "token", "keys", "token", "token"]
    seconds.now += 599
    await login(known, idp)
    assert idp.asked.count("keys") == idp.asked.count("description") == 1
    seconds.now += 1
    await login(known, idp)
    assert idp.asked.count("keys") == idp.asked.count("description") == 2


async def test_many_at_once_ask_it_once(known: LoginProviders, idp: IdentityProvider) -> None:
    await asyncio.gather(*(known.address(known.get("waterdijk"), CEREMONY) for _ in range(20)))
    assert idp.asked == ["description"]


async def test_a_new_key_is_fetched_at_most_once_a_minute(
    known: LoginProviders, idp: IdentityProvider, seconds: Seconds
) -> None:
    await login(known, idp)
    idp.turn()
    for _ in range(3):
        with pytest.raises(NotAllowed):
            await login(known, idp)
    assert idp.asked.count("keys") == 1
    seconds.now += 60
    assert await login(known, idp) == SUBJECT
    idp.turn()
    with pytest.raises(NotAllowed):
        await login(known, idp)
    assert idp.asked.count("keys") == 2


async def test_who_names_itself_must_be_named(known: LoginProviders, idp: IdentityProvider, seconds: Seconds) -> None:
    for issuer in ("", "http://localhost:9/evil", idp.issuer + "/"):
        with pytest.raises(NotAllowed):
            await login(known, idp, issuer)
    assert "token" not in idp.asked, "the code was not given away"
    idp.description = {"authorization_response_iss_parameter_supported": False}
    seconds.now += 600
    assert await login(known, idp, "") == SUBJECT
    with pytest.raises(NotAllowed):
        await login(known, idp, "http://localhost:9/evil")


async def test_a_code_counts_once_and_only_with_its_verifier(known: LoginProviders, idp: IdentityProvider) -> None:
    provider = known.get("waterdijk")
    code = parse_qs(urlsplit(idp.back(await known.address(provider, CEREMONY))).query)["code"][0]
    other = Ceremony(CEREMONY.state, CEREMONY.nonce, "w" * 43)
    for ceremony in (other, CEREMONY):
        with pytest.raises(NotAllowed):
            await known.subject(provider, code, idp.issuer, ceremony, datetime.now(UTC))


@pytest.mark.parametrize(
    ("about", "answer"),
    [
        ("openid-configuration", Answered(302, b"{}")),
        ("openid-configuration", Answered(200, b"<html>")),
        ("openid-configuration", Answered(500, b"")),
        ("jwks", Answered(302, b"{}")),
        ("jwks", Answered(200, b"{}")),
        ("jwks", Answered(200, json.dumps({"keys": [{"kid": str(n)} for n in range(65)]}).encode())),
        ("token", Answered(503, b"")),
        ("token", Answered(302, b"")),
        ("token", None),
        ("jwks", None),
    ],
)
async def test_a_provider_that_does_not_answer_rightly_is_unavailable_and_asked_again(
    idp: IdentityProvider, tmp_path: Path, about: str, answer: Answered | None
) -> None:
    broken = True

    async def fetch(sent: Sent, most: int) -> Answered:
        if not broken or not sent.url.endswith(about):
            return await idp.fetch(sent, most)
        if answer is None:
            raise Unavailable
        return answer

    found = read_providers(idp.settings(tmp_path), demo=True)
    known = LoginProviders(found.providers, OpenIdConnect(found.proofs), fetch, Seconds(), HOME)
    with pytest.raises(Unavailable) as refusal:
        await login(known, idp)
    assert refusal.value.code == "login-unavailable"
    broken = False
    assert await login(known, idp) == SUBJECT


def test_a_provider_that_is_not_there_is_not_found(known: LoginProviders) -> None:
    with pytest.raises(NotFound):
        known.get("other")


# the file


WRONG: dict[str, tuple[dict[str, str], str]] = {
    "http for the whole world": ({"issuer": '"http://login.example"'}, "https://"),
    "a user in the address": ({"issuer": '"https://me:pw@login.example"'}, "https://"),
    "a question in the address": ({"issuer": '"https://login.example?x"'}, "https://"),
    "no issuer": ({"issuer": ""}, "https://"),
    "no client": ({"client_id": ""}, "client_id"),
    "no second factor": ({"amr": ""}, "more than a password"),
    "a password": ({"amr": '["pwd"]'}, "more than a password"),
    "a password and a PIN": ({"amr": '["pwd", "pin"]'}, "more than a password"),
    "no level at all": ({"amr": "", "acr": '["0"]'}, "more than a password"),
    "factors that are no list": ({"amr": '"mfa"'}, "list of texts"),
    "no signature": ({"algorithms": '["none"]'}, "may only use"),
    "a shared secret as signature": ({"algorithms": '["HS256"]'}, "may only use"),
    "no key": ({"key_file": ""}, "key_file or a secret_file"),
    "a key and a secret": ({"secret_file": '"s"'}, "key_file or a secret_file"),
    "a key that is not there": ({"key_file": '"nothing.pem"'}, "cannot be read"),
    "a secret that is not there": ({"key_file": "", "secret_file": '"nothing"'}, "cannot be read"),
    "a short secret": ({"key_file": "", "secret_file": '"short"'}, "less than 24"),
    "a key that is none": ({"key_file": '"short"'}, "as PEM"),
    "a short key": ({"key_file": '"small.pem"'}, "as PEM"),
    "a key for everybody to read": ({"key_file": '"open.pem"'}, "chmod 600"),
    "nobody in particular": ({"officers": ""}, "says for whom"),
    "an organisation and the whole": ({"organisation": '"00000099000000010000"'}, "says for whom"),
    "an organisation that is none": ({"officers": "", "organisation": '"Waterdijk"'}, "says for whom"),
    "a name in one language": ({"name": '{ nl = "Waterdijk" }'}, "needs a name"),
    "an age that is none": ({"max_age_minutes": "-1"}, "max_age_minutes"),
    "a setting that does not exist": ({"verify": "false"}, "does not exist"),
}


def furnish(folder: Path) -> None:
    small = rsa.generate_private_key(65537, 1024)
    pem = (Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    private(folder / "small.pem", small.private_bytes(*pem))
    private(folder / "short", b"hunter2")
    (folder / "open.pem").write_bytes(Ed25519PrivateKey.generate().private_bytes(*pem))
    (folder / "open.pem").chmod(0o644)


@pytest.mark.parametrize("attack", WRONG)
def test_a_provider_that_is_not_safe_is_refused(attack: str, tmp_path: Path) -> None:
    wrong, says = WRONG[attack]
    furnish(tmp_path)
    file = IdentityProvider("https://login.example/idp").settings(tmp_path, **wrong)
    with pytest.raises(Unsafe) as refusal:
        read_providers(file, demo=False)
    words = refusal.value.words
    assert says in words.en
    assert words.nl != words.en
    for secret in ("hunter2", "login.example", str(tmp_path)):
        assert secret not in words.nl + words.en


def test_a_good_file_is_read(tmp_path: Path) -> None:
    private(tmp_path / "secret", SECRET.encode() + b"\n")
    more = {"key_file": "", "secret_file": '"secret"', "officers": "", "organisation": '"00000099000000010000"'}
    more |= {"acr": '["high"]', "max_age_minutes": "15", "algorithms": '["RS256"]'}
    found = read_providers(IdentityProvider("https://login.example").settings(tmp_path, **more), demo=False)
    (provider,) = found.providers
    assert (provider.organisation, provider.acr, provider.amr) == ("00000099000000010000", ("high",), ("mfa",))
    assert (provider.max_age, provider.algorithms, provider.local) == (900, ("RS256",), False)
    assert found.proofs["waterdijk"].secret == SECRET
    usual = read_providers(IdentityProvider("https://login.example").settings(tmp_path), demo=False)
    assert usual.providers[0].algorithms == ("PS256", "ES256", "EdDSA")
    assert usual.proofs["waterdijk"].algorithm == "EdDSA"


def test_plain_http_is_for_this_machine_in_a_demonstration(tmp_path: Path) -> None:
    file = IdentityProvider().settings(tmp_path)
    assert read_providers(file, demo=True).providers[0].local
    with pytest.raises(Unsafe):
        read_providers(file, demo=False)
    with pytest.raises(Unsafe):
        read_providers(IdentityProvider("http://login.example/idp").settings(tmp_path), demo=True)


Change = Callable[[str], str]


@pytest.mark.parametrize(
    "change",
    [
        lambda text: "not toml [",
        lambda text: "",
        lambda text: "provider = 1",
        lambda text: text + "\n[other]\nx = 1\n",
        lambda text: text.replace("[provider.waterdijk]", '[provider."Water dijk"]'),
        lambda text: text + text.replace("waterdijk]", "two]"),
    ],
)
def test_a_file_that_is_something_else_is_refused(tmp_path: Path, change: Change) -> None:
    file = IdentityProvider("https://login.example/idp").settings(tmp_path)
    file.write_text(change(file.read_text()))
    with pytest.raises(Unsafe):
        read_providers(file, demo=False)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    file = IdentityProvider("http://login.example").settings(tmp_path, amr="", client_id="", key_file="")
    with pytest.raises(BrokerError) as refusal:
        read_providers(file, demo=False)
    assert all(each in refusal.value.words.en for each in ("https://", "more than a password", "client_id", "key_file"))
