"""Encryption at rest: every section has its own key, and every ciphertext is bound to the place where it belongs.

- A section is stored in the sealed form of `broker.crypto.sealing`, whoever sealed it. Its key is wrapped by a
  key-encryption key, bound to handover, version, section, sender, the section's header and the SHA-256 of the
  ciphertext: moved, swapped, truncated, older or relabelled ciphertext is refused, also without opening it.
- Row fields use a key derived for their own context (HKDF-SHA256, RFC 5869), so nonces cannot collide.
- What does not open raises Tampered, never anything that quotes the bytes.
"""

import secrets
from collections.abc import Mapping
from typing import Any

from broker.crypto.encoding import b64url, canonical
from broker.crypto.keyring import KeyPurpose, Keyring
from broker.crypto.sealing import (
    KEY,
    About,
    SealBroken,
    SealingKey,
    SealingPublicKey,
    aes_open,
    aes_seal,
    digest_of,
    intake_info,
    mark_of,
    open_content,
    release_info,
    seal_content,
)
from broker.crypto.wrapping import KeyringWrapping, WrappingKeys
from broker.domain.ports import DeliveredSection, ForRecipient, SealedSection, SectionPlace
from broker.errors import Invalid, Tampered


def _gone() -> Invalid:
    return Invalid.at(
        "/kid",
        "Deze sleutel is niet (meer) in gebruik. Haal de nieuwe op bij /v1/sealing-keys en verzegel opnieuw.",
        "This key is not in use (any more). Fetch the new one from /v1/sealing-keys and seal again.",
    )


def _not_for_us() -> Invalid:
    return Invalid.at(
        "/key",
        "Deze sleutel opent niet: verzegel voor deze sleutel, afzender, referentie, dit onderdeel, mediatype en deze inhoud.",
        "This key does not open: seal it to this kid, for this sender, reference, type, media type and ciphertext.",
    )


class Vault:
    """Seals, takes in, opens and re-wraps sections, under the wrapping keys."""

    def __init__(self, keyring: Keyring, wrapping: WrappingKeys | None = None) -> None:
        self._wrapping = wrapping or KeyringWrapping(keyring)
        self._keyring = keyring
        self._expanded: Mapping[str, SealingKey] = {}

    @property
    def remote(self) -> bool:
        """Whether a wrapping key lives outside this process: a call may then take seconds, and raise Unavailable."""
        return self._wrapping.remote

    def wrapping_kid(self) -> str:
        """The id of the key that wraps what is new."""
        return self._wrapping.current().kid

    def seal(self, place: SectionPlace, reference: str, clear: bytes) -> SealedSection:
        """Encrypt one section with a fresh key, wrapped by the current key-encryption key."""
        key = secrets.token_bytes(KEY)
        mark = mark_of(key, reference)
        return self._keep(place, key, mark, seal_content(key, _about(place, mark), clear))

    def accept(self, place: SectionPlace, reference: str, delivered: DeliveredSection) -> SealedSection:
        """Take in what its sender sealed, without opening it.

        Its key opens only when it was sealed to an intake key of ours, for this sender, reference, section type and
        media type, and for exactly this ciphertext. Raises Invalid.
        """
        known = self._keyring.get(KeyPurpose.INTAKE, delivered.kid)  # one that is unknown is looked for at once
        intake = self._intake().get(delivered.kid) if known else None
        if intake is None:
            raise _gone()
        info = intake_info(delivered.kid, place.sender, reference, place.type, place.media_type, delivered.ciphertext)
        try:
            key = intake.open(delivered.key, info)
        except SealBroken:
            raise _not_for_us() from None
        return self._keep(place, key, mark_of(key, reference), delivered.ciphertext)

    def _keep(self, place: SectionPlace, key: bytes, mark: bytes, ciphertext: bytes) -> SealedSection:
        wrapper = self._wrapping.current()
        wrapped = wrapper.wrap(key, _bound(place, mark, ciphertext, wrapper.kid))
        return SealedSection(ciphertext, wrapped, wrapper.kid, mark)

    def _key(self, place: SectionPlace, sealed: SealedSection) -> bytes:
        wrapper = self._wrapping.get(sealed.kid)
        return wrapper.unwrap(sealed.wrapped_key, _bound(place, sealed.mark, sealed.ciphertext, sealed.kid))

    def open(self, place: SectionPlace, sealed: SealedSection) -> bytes | None:
        """Decrypt one section. Raises Tampered when key, bytes or place do not belong together, and Unavailable.

        The wrapped key is bound to all of these. So when it opens and the content does not, nothing was changed here:
        its sender sealed something else, and the answer is None.
        """
        key = self._key(place, sealed)
        try:
            return open_content(key, _about(place, sealed.mark), sealed.ciphertext)
        except SealBroken:
            return None

    def pass_on(self, place: SectionPlace, sealed: SealedSection, to: ForRecipient) -> bytes:
        """The section's key sealed to a recipient's key; the content stays closed. Raises Tampered and Unavailable."""
        public = SealingPublicKey.of_jwk(to.sealing_key)
        info = release_info(public.kid, to.recipient, to.release, _about(place, sealed.mark), sealed.ciphertext)
        return public.seal(self._key(place, sealed), info)

    def rewrap(self, place: SectionPlace, sealed: SealedSection) -> SealedSection:
        """The same ciphertext with its key wrapped by the current key-encryption key. Raises Tampered and Unavailable."""
        return self._keep(place, self._key(place, sealed), sealed.mark, sealed.ciphertext)

    def intake_keys(self) -> tuple[Mapping[str, Any], ...]:
        """The public keys to seal to, as JWKs; the one to use is first."""
        return tuple(key.public.jwk() for key in reversed(tuple(self._intake().values())))

    def _intake(self) -> Mapping[str, SealingKey]:
        """The intake keys of this moment, oldest first; each is expanded once, and forgotten when the keyring forgot it."""
        before, now = self._expanded, self._keyring.all(KeyPurpose.INTAKE)
        if list(before) != [key.kid for key in now]:
            self._expanded = {key.kid: before.get(key.kid) or SealingKey(key.secret) for key in now}
        return self._expanded

    def new_subject_key(self, key_id: str) -> tuple[bytes, bytes]:
        """A fresh key for one person's log openings: (clear, wrapped), bound to its id."""
        clear = secrets.token_bytes(KEY)
        return clear, self._wrap(clear, key_id)

    def open_subject_key(self, key_id: str, wrapped: bytes) -> bytes:
        """Unwrap a person's key. Raises Tampered and Unavailable."""
        kid, _, sealed = wrapped.partition(b".")
        return self._wrapping.get(kid.decode(errors="replace")).unwrap(sealed, f"subject-key:{key_id}".encode())

    def rewrap_subject_key(self, key_id: str, wrapped: bytes) -> bytes:
        """The same key, wrapped by the current key-encryption key."""
        return self._wrap(self.open_subject_key(key_id, wrapped), key_id)

    def _wrap(self, clear: bytes, key_id: str) -> bytes:
        wrapper = self._wrapping.current()
        return wrapper.kid.encode() + b"." + wrapper.wrap(clear, f"subject-key:{key_id}".encode())

    @staticmethod
    def seal_with(key: bytes, context: str, clear: bytes) -> bytes:
        """Encrypt under a person's key, bound to `context`."""
        return aes_seal(key, clear, context.encode())

    @staticmethod
    def open_with(key: bytes, context: str, sealed: bytes) -> bytes:
        """The inverse. Raises Tampered."""
        return aes_open(key, sealed, context.encode())


def _about(place: SectionPlace, mark: bytes) -> About:
    return About(place.sender, place.type, place.media_type, mark)


def _bound(place: SectionPlace, mark: bytes, ciphertext: bytes, kid: str) -> bytes:
    return canonical(
        {
            "use": "section-key",
            "kid": kid,
            "handover": place.handover,
            "version": place.version,
            "section": place.section,
            "sender": place.sender,
            "type": place.type,
            "mediaType": place.media_type,
            "people": place.people,
            "mark": b64url(mark),
            "digest": digest_of(ciphertext),
        }
    )


class FieldCipher:
    """Encrypts single values of rows: names, birth dates, contacts, identifiers, messages."""

    def __init__(self, keyring: Keyring) -> None:
        self._keyring = keyring

    def seal(self, context: str, clear: str) -> bytes:
        """Encrypt a value for one place, such as `person:ID:name`."""
        key = self._keyring.current(KeyPurpose.FIELDS)
        return key.kid.encode() + b"." + aes_seal(key.derived(_use(context)), clear.encode(), context.encode())

    def open(self, context: str, sealed: bytes) -> str:
        """Decrypt it again. Raises Tampered when it belongs to another place."""
        kid, _, body = sealed.partition(b".")
        key = self._keyring.get(KeyPurpose.FIELDS, kid.decode(errors="replace"))
        if key is None:
            raise Tampered
        return aes_open(key.derived(_use(context)), body, context.encode()).decode()


def _use(context: str) -> bytes:
    return b"rondom field " + context.encode()
