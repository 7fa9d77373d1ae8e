"""The independent decoder computes what RFC 9180, the X-Wing draft and draft-ietf-hpke-pq publish: only then may it judge us."""

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.sealing import SealingKey
from tests.support import independent_hpke, independent_sections
from tests.support.independent_hpke import (
    AES_128_GCM,
    AES_256_GCM,
    CHACHA,
    DhKemX25519,
    Hpke,
    NotForThisKey,
    XWing,
    exchange,
)

VECTORS = Path(__file__).resolve().parents[2] / "vectors"
SUITES = {(0x0020, 1): Hpke(DhKemX25519(), AES_128_GCM), (0x647A, 3): Hpke(XWing(), CHACHA)}


def published(name: str) -> list[dict[str, Any]]:
    document = json.loads((VECTORS / name).read_text())
    assert document["source"]
    return list(document["vectors"])


HPKE = [*published("hpke-rfc9180-a1.json"), *published("hpke-pq.json")]
names = [f"{vector['kem_id']:#x}-{vector['aead_id']}" for vector in HPKE]


def raw(vector: dict[str, Any], name: str) -> bytes:
    return bytes.fromhex(vector[name])


@pytest.mark.parametrize("vector", HPKE, ids=names)
def test_it_computes_every_published_value_of_hpke(vector):
    assert (vector["mode"], vector["kdf_id"]) == (0, 1)
    suite = SUITES[vector["kem_id"], vector["aead_id"]]
    assert suite.kem.public(raw(vector, "skRm")) == raw(vector, "pkRm")
    assert suite.kem.decapsulate(raw(vector, "enc"), raw(vector, "skRm")) == raw(vector, "shared_secret")
    context = suite.receive(raw(vector, "enc"), raw(vector, "skRm"), raw(vector, "info"))
    assert context.key == raw(vector, "key")
    assert context.base_nonce == raw(vector, "base_nonce")
    assert context.exporter_secret == raw(vector, "exporter_secret")
    for export in vector["exports"]:
        exported = context.export(bytes.fromhex(export["exporter_context"]), export["L"])
        assert exported == bytes.fromhex(export["exported_value"])


@pytest.mark.parametrize("vector", HPKE, ids=names)
def test_it_opens_and_seals_every_published_message_in_its_turn(vector):
    context = SUITES[vector["kem_id"], vector["aead_id"]].receive(
        raw(vector, "enc"), raw(vector, "skRm"), raw(vector, "info")
    )
    assert len(vector["encryptions"]) >= 6
    for position, message in enumerate(vector["encryptions"]):
        clear, aad, sealed = raw(message, "pt"), raw(message, "aad"), raw(message, "ct")
        sequence = message.get("sequence", position)
        assert aad
        assert context.nonce(sequence) == raw(message, "nonce")
        assert context.open(sealed, aad, sequence) == clear
        assert context.seal(clear, aad, sequence) == sealed
        for wrong in ((sealed, b"", sequence), (sealed, aad, sequence + 1), (sealed[:-1], aad, sequence)):
            with pytest.raises(NotForThisKey):
                context.open(*wrong)


def test_the_ephemeral_key_of_rfc_9180_gives_its_encapsulation():
    [vector] = published("hpke-rfc9180-a1.json")
    shared, encapsulation = DhKemX25519().encapsulate_with(raw(vector, "skEm"), raw(vector, "pkRm"))
    assert (shared, encapsulation) == (raw(vector, "shared_secret"), raw(vector, "enc"))


@pytest.mark.parametrize("vector", published("xwing.json"), ids=lambda vector: vector["seed"][:8])
def test_both_make_the_published_keys_of_x_wing_and_it_decapsulates_them(vector):
    assert XWing().public(raw(vector, "sk")) == raw(vector, "pk")
    assert SealingKey(raw(vector, "sk")).public.raw == raw(vector, "pk")
    assert XWing().decapsulate(raw(vector, "ct"), raw(vector, "sk")) == raw(vector, "ss")
    # Encapsulation cannot be fixed in the library: its half of X25519 can be computed from the published randomness.
    ephemeral = raw(vector, "eseed")[32:]
    assert DhKemX25519().public(ephemeral) == raw(vector, "ct")[1088:]
    assert exchange(ephemeral, raw(vector, "pk")[1184:])


@pytest.mark.parametrize("suite", [Hpke(DhKemX25519(), AES_128_GCM), Hpke(XWing(), AES_256_GCM)])
def test_what_it_seals_it_opens_and_nobody_else(suite):
    mine, theirs = b"\1" * 32, b"\2" * 32
    sealed = suite.seal(suite.kem.public(mine), b"for this", b"clear")
    assert suite.open(mine, b"for this", sealed) == b"clear"
    for private, info, changed in ((theirs, b"for this", sealed), (mine, b"for that", sealed), (mine, b"", sealed[:9])):
        with pytest.raises(NotForThisKey):
            suite.open(private, info, changed)


@pytest.mark.parametrize("module", [independent_hpke, independent_sections])
def test_it_is_independent(module):
    tree = ast.parse(Path(module.__file__).read_text())
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert not {name for name in imported if name.split(".")[0] in ("broker", "rfc8785", "jwt")}
    assert not {name for name in imported if name.endswith(".hpke")}
