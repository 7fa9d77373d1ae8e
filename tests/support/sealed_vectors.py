"""The test vectors of sealed sections, tests/vectors/sealed-section-1.json: made by our own code, judged by the independent one.

`python -m tests.support.sealed_vectors` writes the file. Seeds, content keys and nonces come from names, so everything
but the sealed keys is the same each time; those are kept as they were recorded, and made afresh with `--fresh`.
"""

import hashlib
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import rfc8785
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PublicKey

from broker.crypto import sealing
from broker.crypto.client_keys import ClientSealingKey
from broker.crypto.encoding import b64url, from_b64url
from tests.support.independent_hpke import AES_256_GCM, Hpke, XWing

FILE = Path(__file__).resolve().parents[1] / "vectors/sealed-section-1.json"
SENDER, RECIPIENT, RELEASE = "00000099000000910000", "00000099000000920000", "01a20000-0000-7000-8000-000000000001"
LONG = b"Rondom geeft door. " * 13798
JSON: dict[str, Any] = {
    "é": "Zoë",
    "doel": ["buiten spelen", "op tijd naar bed"],
    "cijfer": 7.5,
    "af": True,
    "wie": None,
}
CONTENTS: dict[str, tuple[str, str, str, bytes]] = {
    "markdown": ("our-1", "status", "text/markdown", b"**Noor** slaapt beter."),
    "plain": (
        "our-2",
        "voice-of-the-child",
        "text/plain",
        "Ik wil naar Zoë. \N{SMILING FACE WITH SMILING EYES}".encode(),
    ),
    "json": ("our-3", "advice", "application/json", rfc8785.dumps(JSON)),
    "empty": ("our-4", "status", "text/plain", b""),
    "256 KiB": ("our-5", "status", "text/plain", LONG[:262_144]),
    "reference that is not ASCII": (
        'Wijkteam "Noord"/Zoë \\ № 7 \N{SMILING FACE WITH SMILING EYES}',
        "status",
        "text/plain",
        b"Kort.",
    ),
}
Recorded = dict[str, str]
"""The sealed keys by `end/name`: what cannot be made the same twice."""


def _of(name: str, length: int) -> bytes:
    return hashlib.sha256(b"rondom vectors " + name.encode()).digest()[:length]


INTAKE, MINE = ClientSealingKey(_of("intake", 32)), ClientSealingKey(_of("recipient", 32))


def _content(name: str) -> tuple[bytes, sealing.About, bytes, dict[str, Any]]:
    """(key, what it is about, ciphertext, what a vector says of it)."""
    reference, section_type, media_type, clear = CONTENTS[name]
    key, nonce = _of(f"key {name}", 32), _of(f"nonce {name}", 12)
    about = sealing.About(SENDER, section_type, media_type, sealing.mark_of(key, reference))
    with patch("broker.crypto.sealing.secrets.token_bytes", return_value=nonce):
        ciphertext = sealing.seal_content(key, about, clear)
    clear_said: Any = b64url(clear)
    if len(clear) > 1000:
        clear_said = {"repeat": b64url(LONG[:19]), "bytes": len(clear), "sha256": sealing.digest_of(clear)}
    said = {
        "reference": reference,
        "contentKey": b64url(key),
        "nonce": b64url(nonce),
        "mark": b64url(about.mark),
        "aad": rfc8785.dumps({**about.members(), "use": "content"}).decode(),
        "clear": clear_said,
    }
    return key, about, ciphertext, said


def _section(about: sealing.About, kid: str, key: str, ciphertext: bytes, **more: str) -> dict[str, Any]:
    """As it stands in a body or a release; a long ciphertext only by its digest."""
    written = {"ciphertext": b64url(ciphertext)}
    if len(ciphertext) > 1000:
        written = {"ciphertextSha256": sealing.digest_of(ciphertext)}
    sealed = {"format": sealing.FORMAT, "kid": kid, "key": key, **written, **more}
    return {"type": about.type, "mediaType": about.media_type, "sealed": sealed}


def _came_in(name: str, recorded: Recorded) -> dict[str, Any]:
    key, about, ciphertext, said = _content(name)
    info = sealing.intake_info(INTAKE.kid, SENDER, said["reference"], about.type, about.media_type, ciphertext)
    sealed = recorded.get(f"intake/{name}") or b64url(INTAKE.public.seal(key, info))
    section = _section(about, INTAKE.kid, sealed, ciphertext)
    return {"name": name, "sender": SENDER, **said, "info": info.decode(), "section": section}


def _left(name: str, recorded: Recorded) -> dict[str, Any]:
    key, about, ciphertext, said = _content(name)
    info = sealing.release_info(MINE.kid, RECIPIENT, RELEASE, about, ciphertext)
    sealed = recorded.get(f"release/{name}") or b64url(MINE.public.seal(key, info))
    section = _section(about, MINE.kid, sealed, ciphertext, sender=SENDER, reference=said["mark"])
    whose = {"recipient": RECIPIENT, "release": RELEASE}
    return {"name": name, **whose, **said, "info": info.decode(), "section": section}


# --- what must be refused ---------------------------------------------------------------------------------------------

Change = Callable[[dict[str, Any]], None]


def _flip(name: str, position: int) -> Change:
    def change(vector: dict[str, Any]) -> None:
        raw = bytearray(from_b64url(vector["section"]["sealed"][name]))
        raw[position] ^= 1
        vector["section"]["sealed"][name] = b64url(bytes(raw))

    return change


def _write(name: str, form: Callable[[str], str]) -> Change:
    def change(vector: dict[str, Any]) -> None:
        vector["section"]["sealed"][name] = form(vector["section"]["sealed"][name])

    return change


def _say(**members: str) -> Change:
    return lambda vector: vector.update(members)


def _say_of_section(**members: str) -> Change:
    return lambda vector: vector["section"].update(members)


def _say_sealed(**members: str) -> Change:
    return lambda vector: vector["section"]["sealed"].update(members)


def _other_last_bits(text: str) -> str:
    """Another writing of the same bytes: the last character holds bits that stand for nothing."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return text[:-1] + alphabet[alphabet.index(text[-1]) + 1]


CHANGED: dict[str, tuple[str, str, Change]] = {
    "a bit of the ML-KEM ciphertext": (
        "intake",
        "ML-KEM then gives another secret (implicit rejection)",
        _flip("key", 5),
    ),
    "a bit of the X25519 share": ("intake", "another exchange", _flip("key", 1100)),
    "a bit of the encrypted content key": ("intake", "its tag does not hold", _flip("key", 1125)),
    "a bit of the tag of the content key": ("intake", "its tag does not hold", _flip("key", 1167)),
    "the last byte of the key is missing": ("intake", "a key has 1,168 bytes", _write("key", lambda text: text[:-2])),
    "a bit of the nonce": ("intake", "`info` holds the SHA-256 of the ciphertext", _flip("ciphertext", 1)),
    "a bit of the content": ("intake", "`info` holds the SHA-256 of the ciphertext", _flip("ciphertext", 14)),
    "another sender": ("intake", "`info` names the sender", _say(sender=RECIPIENT)),
    "another reference": ("intake", "`info` names the reference", _say(reference="our-2")),
    "another type": ("intake", "`info` names the type", _say_of_section(type="advice")),
    "another media type": ("intake", "`info` names the media type", _say_of_section(mediaType="text/plain")),
    "another kid": ("intake", "`info` names the key", _say_sealed(kid=MINE.kid)),
    "another format": ("intake", "this page is about rondom-sealed-1 alone", _say_sealed(format="rondom-sealed-2")),
    "padding": ("intake", "base64url has no padding here", _write("key", lambda text: text + "=")),
    "last bits that are not zero": ("intake", "one writing for each value", _write("key", _other_last_bits)),
    "a line break": ("intake", "nothing but the alphabet", _write("ciphertext", lambda text: text + "\n")),
    "for another recipient": ("release", "`info` names the recipient", _say(recipient=SENDER)),
    "for another release": ("release", "`info` names the release", _say(release=RELEASE[:-1] + "2")),
    "from another sender": ("release", "`info` names the sender", _say_sealed(sender=RECIPIENT)),
    "under another mark": ("release", "`info` and the content name the mark", _flip("reference", 0)),
    "of another type": ("release", "`info` names the type", _say_of_section(type="advice")),
    "of another media type": ("release", "`info` names the media type", _say_of_section(mediaType="text/plain")),
    "a bit of what was released": ("release", "`info` holds the SHA-256 of the ciphertext", _flip("ciphertext", 14)),
}


def _changed(name: str, recorded: Recorded) -> dict[str, Any]:
    end, why, change = CHANGED[name]
    given = (_came_in if end == "intake" else _left)("markdown", recorded)
    kept = ("sender", "reference", "section") if end == "intake" else ("recipient", "release", "section")
    vector = {member: given[member] for member in kept}
    change(vector)
    return {"name": name, "end": end, "why": why, **vector}


def _release_info_on_the_way_in() -> bytes:
    key, about, ciphertext, _ = _content("markdown")
    return INTAKE.public.seal(key, sealing.release_info(INTAKE.kid, RECIPIENT, RELEASE, about, ciphertext))


def _info() -> bytes:
    return str(_came_in("markdown", {"intake/markdown": "-"})["info"]).encode()


def _key_of_31_bytes() -> bytes:
    return INTAKE.public.seal(_content("markdown")[0][:31], _info())


def _point_of_low_order() -> bytes:
    """Sealed by somebody whose share is a point of low order: without the check of RFC 7748 section 6.1 it would open."""
    public, share = INTAKE.public.raw, bytes(32)
    secret, mlkem = MLKEM768PublicKey.from_public_bytes(public[:1184]).encapsulate()
    shared = XWing.combine(secret, bytes(32), share, public[1184:])
    return bytes(mlkem) + share + Hpke(XWing(), AES_256_GCM).schedule(shared, _info()).seal(_content("markdown")[0])


def _to_somebody_else() -> bytes:
    return MINE.public.seal(_content("markdown")[0], _info())


SEALED_WRONGLY: dict[str, tuple[str, Callable[[], bytes]]] = {
    "sealed for a release": ("a key for the way out does not come in", _release_info_on_the_way_in),
    "a content key of 31 bytes": ("a content key has 32 bytes", _key_of_31_bytes),
    "an X25519 share of low order": ("an exchange that gives zeros is refused", _point_of_low_order),
    "sealed to another key": ("it was sealed to somebody else", _to_somebody_else),
}


def _sealed_wrongly(name: str, recorded: Recorded) -> dict[str, Any]:
    why, seal = SEALED_WRONGLY[name]
    given = _came_in("markdown", {"intake/markdown": recorded.get(f"refused/{name}") or b64url(seal())})
    return {"name": name, "end": "intake", "why": why, **{m: given[m] for m in ("sender", "reference", "section")}}


def _version_2(key: bytes, about: sealing.About, ciphertext: bytes) -> bytes:
    return b"\x02" + ciphertext[1:]


def _bound_to_something_else(key: bytes, about: sealing.About, ciphertext: bytes) -> bytes:
    with patch("broker.crypto.sealing.secrets.token_bytes", return_value=ciphertext[1:13]):
        return sealing.seal_content(key, replace(about, type="advice"), CONTENTS["markdown"][3])


WRONG_INSIDE: dict[str, tuple[str, Callable[[bytes, sealing.About, bytes], bytes]]] = {
    "another version": ("the first byte is 1; the key opens, the content does not", _version_2),
    "content of another type": ("the key opens, the content does not: it names another type", _bound_to_something_else),
}


def _wrong_inside(name: str, recorded: Recorded) -> dict[str, Any]:
    why, wrong = WRONG_INSIDE[name]
    key, about, right, said = _content("markdown")
    ciphertext = wrong(key, about, right)
    info = sealing.intake_info(INTAKE.kid, SENDER, said["reference"], about.type, about.media_type, ciphertext)
    sealed = recorded.get(f"refused/{name}") or b64url(INTAKE.public.seal(key, info))
    section = _section(about, INTAKE.kid, sealed, ciphertext)
    return {
        "name": name,
        "end": "intake",
        "why": why,
        "sender": SENDER,
        "reference": said["reference"],
        "section": section,
    }


def document(recorded: Recorded) -> dict[str, Any]:
    """The whole file."""
    recorded = {
        **{f"intake/{v['name']}": v["section"]["sealed"]["key"] for v in [_came_in("markdown", recorded)]},
        **recorded,
    }
    recorded = {
        **{f"release/{v['name']}": v["section"]["sealed"]["key"] for v in [_left("markdown", recorded)]},
        **recorded,
    }
    return {
        "format": sealing.FORMAT,
        "encoding": "base64url without padding; aad and info are texts, of which the UTF-8 bytes are used",
        "keys": {
            name: {"seed": b64url(seed), "jwk": key.public_jwk()}
            for name, seed, key in (("intake", _of("intake", 32), INTAKE), ("recipient", _of("recipient", 32), MINE))
        },
        "intake": [_came_in(name, recorded) for name in CONTENTS],
        "release": [_left(name, recorded) for name in CONTENTS],
        "refused": [_sealed_wrongly(name, recorded) for name in SEALED_WRONGLY]
        + [_wrong_inside(name, recorded) for name in WRONG_INSIDE]
        + [_changed(name, recorded) for name in CHANGED],
    }


def recorded_in(found: dict[str, Any]) -> Recorded:
    """The sealed keys of a file."""
    ends = {end: found[end] for end in ("intake", "release")}
    ends["refused"] = [vector for vector in found["refused"] if vector["name"] in {**SEALED_WRONGLY, **WRONG_INSIDE}]
    return {f"{end}/{v['name']}": v["section"]["sealed"]["key"] for end, vectors in ends.items() for v in vectors}


if __name__ == "__main__":
    known = recorded_in(json.loads(FILE.read_text())) if FILE.exists() and "--fresh" not in sys.argv else {}
    FILE.write_text(json.dumps(document(known), ensure_ascii=False, indent=1) + "\n")
