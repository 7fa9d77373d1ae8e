"""The vault, per section: seal, take in, open, pass on, wrap anew; and both ends of sealing at an organisation."""

import secrets
from collections.abc import Callable
from typing import Any

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from broker.client import ClientSealingKey, open_release, seal_body
from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.envelopes import Vault
from broker.domain.ports import DeliveredSection, ForRecipient, SectionPlace
from tests.bench.measure import Effort, Result, compare
from tests.factories import a_keyring

MATTER = "The vault, per section, beside AES-256-GCM of the same bytes and nothing else"
SIZES = (1, 8, 32, 256)
SENDER, RECIPIENT, REFERENCE, RELEASE = "00000099000000010000", "00000099000000020000", "a-case", "a-release"
PLACE = SectionPlace("a-handover", 1, "a-section", SENDER, "status", "text/markdown", ("a-person",))


async def run(effort: Effort) -> list[Result]:
    """Each operation at each size."""
    return [
        _result(effort, operation, kilobytes, ours, floor)
        for kilobytes in (SIZES[:1] if effort.tiny else SIZES)
        for operation, (ours, floor) in _operations(secrets.token_hex(kilobytes * 512).encode()).items()
    ]


def _result(
    effort: Effort, operation: str, kilobytes: int, ours: Callable[[], object], floor: Callable[[], object]
) -> Result:
    ratio, a, b = compare(effort, ours, floor)
    speeds = (kilobytes * 1024 / seconds / 1e6 for seconds in (a, b))
    name = f"vault_{operation.replace(' ', '_').replace(',', '')}_{kilobytes}k"
    return Result(name, f"{operation}, {kilobytes} KiB", ratio, *speeds, "MB/s")


def _operations(clear: bytes) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    vault, reader = Vault(a_keyring()), ClientSealingKey.new()
    bare, nonce = AESGCM(secrets.token_bytes(32)), secrets.token_bytes(12)
    bare_sealed = bare.encrypt(nonce, clear, None)
    intake, to = vault.intake_keys()[0], ForRecipient(reader.public_jwk(), RECIPIENT, RELEASE)
    section = {"type": PLACE.type, "mediaType": PLACE.media_type, "content": clear.decode()}
    body: dict[str, Any] = {"reference": REFERENCE, "sections": [section]}
    sealed = vault.seal(PLACE, REFERENCE, clear)
    delivered = _delivered(seal_body(body, SENDER, intake))
    leaving = {
        "format": "rondom-sealed-1",
        "kid": reader.kid,
        "key": b64url(vault.pass_on(PLACE, sealed, to)),
        "ciphertext": b64url(sealed.ciphertext),
        "sender": SENDER,
        "reference": b64url(sealed.mark),
    }
    out = {"id": RELEASE, "released": [{"type": PLACE.type, "mediaType": PLACE.media_type, "sealed": leaving}]}
    assert vault.open(PLACE, sealed) == vault.open(PLACE, vault.accept(PLACE, REFERENCE, delivered)) == clear
    assert open_release(out, RECIPIENT, [reader])["released"][0]["content"] == clear.decode()

    def encrypt() -> object:
        return bare.encrypt(nonce, clear, None)

    def decrypt() -> object:
        return bare.decrypt(nonce, bare_sealed, None)

    return {
        "seal": (lambda: vault.seal(PLACE, REFERENCE, clear), encrypt),
        "accept": (lambda: vault.accept(PLACE, REFERENCE, delivered), encrypt),
        "open": (lambda: vault.open(PLACE, sealed), decrypt),
        "pass on": (lambda: vault.pass_on(PLACE, sealed, to), decrypt),
        "rewrap": (lambda: vault.rewrap(PLACE, sealed), encrypt),
        "client, seal": (lambda: seal_body(body, SENDER, intake), encrypt),
        "client, open": (lambda: open_release(out, RECIPIENT, [reader]), decrypt),
    }


def _delivered(body: dict[str, Any]) -> DeliveredSection:
    sealed = body["sections"][0]["sealed"]
    return DeliveredSection(sealed["kid"], from_b64url(sealed["key"]), from_b64url(sealed["ciphertext"]))
