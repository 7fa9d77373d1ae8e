"""The published vectors of sealed sections hold for us and for a decoder that shares nothing with us, in both directions."""

import hashlib
import json
import secrets
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.client import ClientSealingKey, NotOpened, open_release, seal_body
from broker.crypto import sealing
from broker.crypto.encoding import from_b64url
from broker.crypto.sealing import SealBroken
from tests.support import independent_sections as theirs
from tests.support import sealed_vectors
from tests.support.independent_hpke import NotForThisKey

FOUND = json.loads(sealed_vectors.FILE.read_text())
SEED = {name: from_b64url(key["seed"]) for name, key in FOUND["keys"].items()}
MINE = ClientSealingKey(SEED["recipient"])
INTAKE = ClientSealingKey(SEED["intake"])


def name_of(vector: dict[str, Any]) -> str:
    return str(vector["name"])


came_in = pytest.mark.parametrize("vector", FOUND["intake"], ids=name_of)
left = pytest.mark.parametrize("vector", FOUND["release"], ids=name_of)
both = pytest.mark.parametrize("vector", [*FOUND["intake"], *FOUND["release"]], ids=name_of)
refused = pytest.mark.parametrize("vector", FOUND["refused"], ids=name_of)


def clear_of(vector: dict[str, Any]) -> bytes:
    said = vector["clear"]
    if isinstance(said, str):
        return from_b64url(said)
    repeated = from_b64url(said["repeat"])
    clear = (repeated * (said["bytes"] // len(repeated) + 1))[: said["bytes"]]
    assert theirs.text_of(hashlib.sha256(clear).digest()) == said["sha256"]
    return clear


def whole(vector: dict[str, Any]) -> dict[str, Any]:
    """The section with its ciphertext, which a long one has only as a digest."""
    section = json.loads(json.dumps(vector["section"]))
    digest = section["sealed"].pop("ciphertextSha256", None)
    if digest:
        key, nonce = from_b64url(vector["contentKey"]), from_b64url(vector["nonce"])
        ciphertext = theirs.encrypt(key, nonce, clear_of(vector), vector["aad"].encode())
        assert theirs.text_of(hashlib.sha256(ciphertext).digest()) == digest
        section["sealed"]["ciphertext"] = theirs.text_of(ciphertext)
    return dict(section)


def test_the_file_is_what_our_code_makes_but_for_the_keys_that_were_recorded():
    assert sealed_vectors.document(sealed_vectors.recorded_in(FOUND)) == FOUND, (
        "stale: run `python -m tests.support.sealed_vectors`"
    )


def test_every_media_type_nothing_much_and_far_names_are_among_them():
    for end in ("intake", "release"):
        types = {vector["section"]["mediaType"] for vector in FOUND[end]}
        assert types == {"text/markdown", "text/plain", "application/json"}
        assert {0, 262_144} <= {len(clear_of(vector)) for vector in FOUND[end]}
        assert any(not vector["reference"].isascii() for vector in FOUND[end])
    assert len({(vector["contentKey"], vector["nonce"]) for vector in FOUND["intake"]}) == len(FOUND["intake"])


@pytest.mark.parametrize("name", ["intake", "recipient"])
def test_both_make_the_same_public_key_of_a_seed(name):
    jwk = FOUND["keys"][name]["jwk"]
    assert theirs.jwk_of(theirs.SUITE.kem.public(SEED[name])) == jwk == ClientSealingKey(SEED[name]).public_jwk()


@both
def test_the_independent_decoder_computes_every_step(vector):
    key, section = from_b64url(vector["contentKey"]), vector["section"]
    mark = theirs.mark_of(key, vector["reference"])
    sender = vector.get("sender") or section["sealed"]["sender"]
    aad = theirs.aad_of(sender, section["type"], section["mediaType"], mark)
    assert theirs.text_of(mark) == vector["mark"]
    assert aad.decode() == vector["aad"]
    ciphertext = from_b64url(whole(vector)["sealed"]["ciphertext"])
    assert theirs.encrypt(key, from_b64url(vector["nonce"]), clear_of(vector), aad) == ciphertext
    assert ciphertext[:13] == b"\1" + from_b64url(vector["nonce"])
    assert len(ciphertext) == len(clear_of(vector)) + 29


@came_in
def test_the_independent_decoder_opens_what_was_sealed_for_the_broker(vector):
    section = whole(vector)
    opened = theirs.open_intake(SEED["intake"], vector["sender"], vector["reference"], section)
    assert opened == (from_b64url(vector["contentKey"]), clear_of(vector))
    ciphertext = from_b64url(section["sealed"]["ciphertext"])
    place = (vector["sender"], vector["reference"], section["type"], section["mediaType"])
    assert theirs.intake_info(section["sealed"]["kid"], *place, ciphertext).decode() == vector["info"]
    assert ours_in(vector, section) == opened


@left
def test_the_independent_decoder_opens_what_was_sealed_for_a_recipient(vector):
    section = whole(vector)
    opened = theirs.open_released(SEED["recipient"], vector["recipient"], vector["release"], section)
    assert opened == (from_b64url(vector["contentKey"]), clear_of(vector))
    ciphertext = from_b64url(section["sealed"]["ciphertext"])
    info = theirs.release_info(vector["recipient"], vector["release"], section, ciphertext)
    assert info.decode() == vector["info"]
    assert ours_out(vector, section) == written(section, clear_of(vector))


def written(section: dict[str, Any], clear: bytes) -> Any:
    return json.loads(clear) if section["mediaType"] == "application/json" else clear.decode()


def ours_in(vector: dict[str, Any], section: dict[str, Any]) -> tuple[bytes, bytes]:
    """As the broker opens it. Raises SealBroken and ValueError."""
    sealed = section["sealed"]
    key, ciphertext = from_b64url(sealed["key"]), from_b64url(sealed["ciphertext"])
    place = (vector["sender"], vector["reference"], section["type"], section["mediaType"])
    if sealed["format"] != sealing.FORMAT or sealed["kid"] != INTAKE.kid:
        raise ValueError("the body is refused")
    opened = INTAKE.open(key, sealing.intake_info(sealed["kid"], *place, ciphertext))
    about = sealing.About(place[0], place[2], place[3], sealing.mark_of(opened, place[1]))
    return opened, sealing.open_content(opened, about, ciphertext)


def ours_out(vector: dict[str, Any], section: dict[str, Any]) -> Any:
    release = {"id": vector["release"], "released": [section]}
    return open_release(release, vector["recipient"], [MINE])["released"][0]["content"]


@refused
def test_both_refuse_what_must_be_refused(vector):
    if vector["end"] == "intake":
        with pytest.raises((NotForThisKey, theirs.Malformed)):
            theirs.open_intake(SEED["intake"], vector["sender"], vector["reference"], vector["section"])
        with pytest.raises((SealBroken, ValueError)):
            ours_in(vector, vector["section"])
    else:
        with pytest.raises((NotForThisKey, theirs.Malformed)):
            theirs.open_released(SEED["recipient"], vector["recipient"], vector["release"], vector["section"])
        with pytest.raises(NotOpened):
            ours_out(vector, vector["section"])
    assert vector["why"]


def test_a_share_of_low_order_would_open_without_the_check():
    """So that vector really asks for the check, and is not broken in another way."""
    [vector] = [vector for vector in FOUND["refused"] if vector["name"] == "an X25519 share of low order"]
    sealed, ciphertext = (from_b64url(vector["section"]["sealed"][name]) for name in ("key", "ciphertext"))
    kem = theirs.SUITE.kem
    mlkem, _ = kem._parts(SEED["intake"])
    shared = kem.combine(mlkem.decapsulate(sealed[:1088]), bytes(32), bytes(32), INTAKE.public.raw[1184:])
    section = vector["section"]
    info = theirs.intake_info(
        INTAKE.kid, vector["sender"], vector["reference"], section["type"], section["mediaType"], ciphertext
    )
    assert len(theirs.SUITE.schedule(shared, info).open(sealed[1120:])) == 32


# --- both ways, with fresh keys ---------------------------------------------------------------------------------------

texts = st.text(max_size=40)
sections = st.one_of(
    st.fixed_dictionaries({"mediaType": st.sampled_from(["text/plain", "text/markdown"]), "content": texts}),
    st.fixed_dictionaries(
        {"mediaType": st.just("application/json"), "content": st.dictionaries(texts, texts | st.none())}
    ),
)
fewer = settings(max_examples=max(20, settings().max_examples // 4))


@fewer
@given(sections, texts, texts)
def test_what_our_client_seals_the_independent_decoder_opens(section, reference, sender):
    section = {"type": "status", **section}
    sealed = seal_body({"reference": reference, "sections": [section]}, sender, INTAKE.public_jwk())["sections"][0]
    _, clear = theirs.open_intake(SEED["intake"], sender, reference, sealed)
    assert written(section, clear) == section["content"]


@fewer
@given(sections, texts, texts)
def test_what_the_independent_sender_seals_we_open(section, reference, sender):
    section, random = {"type": "status", **section}, secrets.token_bytes(44)
    sealed = theirs.seal_section(INTAKE.public_jwk(), sender, reference, section, random)
    vector = {"sender": sender, "reference": reference}
    key, clear = ours_in(vector, sealed)
    assert (key, written(section, clear)) == (random[:32], section["content"])


@fewer
@given(st.binary(max_size=60), texts, texts, texts)
def test_what_we_seal_to_a_recipient_the_independent_decoder_opens(clear, sender, recipient, release):
    key = secrets.token_bytes(32)
    about = sealing.About(sender, "status", "text/plain", sealing.mark_of(key, "r"))
    ciphertext = sealing.seal_content(key, about, clear)
    info = sealing.release_info(MINE.kid, recipient, release, about, ciphertext)
    sealed = {
        "format": sealing.FORMAT,
        "kid": MINE.kid,
        "key": theirs.text_of(MINE.public.seal(key, info)),
        "ciphertext": theirs.text_of(ciphertext),
        "sender": sender,
        "reference": theirs.text_of(about.mark),
    }
    section = {"type": "status", "mediaType": "text/plain", "sealed": sealed}
    assert theirs.open_released(SEED["recipient"], recipient, release, section) == (key, clear)
