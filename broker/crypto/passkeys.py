"""Passkeys of privacy officers and of signers: WebAuthn with user verification, bound to this site's origin.

Source: W3C Web Authentication Level 3, sections 7.1 and 7.2; the ceremonies themselves are py_webauthn's.
"""

import json
from urllib.parse import urlsplit

import webauthn
from webauthn.helpers import base64url_to_bytes, options_to_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from broker.crypto.confirmations import check_frame
from broker.crypto.encoding import b64url
from broker.domain.ports import Passkey
from broker.errors import NotAllowed, Words

_LARGEST = 16_384
_SITE = "Rondom"
_BAD_INPUT = (WebAuthnException, ValueError, TypeError, KeyError, AttributeError, RecursionError)


class PasskeyCeremonies:
    """The ceremonies for one origin."""

    def __init__(self, public_url: str) -> None:
        self._origin = public_url
        self._rp_id = urlsplit(public_url).hostname or ""

    def creation(self, officer: str, label: str, challenge: bytes, known: tuple[bytes, ...]) -> str:
        """Options for registering a discoverable, user-verifying passkey."""
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=label,
            user_name="privacy officer",
            user_id=officer.encode(),
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.REQUIRED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
        return options_to_json(options)

    def creation_for_signer(self, handle: bytes, challenge: bytes, known: tuple[bytes, ...]) -> str:
        """Options for registering a signer's passkey: user-verifying, and named after nobody.

        It need not be discoverable: a signer has come in with a code when it is asked for, and a list of passkeys on a
        shared device should not tell that somebody answers here.
        """
        options = webauthn.generate_registration_options(
            rp_id=self._rp_id,
            rp_name=_SITE,
            user_name=_SITE,
            user_id=handle,
            challenge=challenge,
            authenticator_selection=AuthenticatorSelectionCriteria(
                resident_key=ResidentKeyRequirement.DISCOURAGED, user_verification=UserVerificationRequirement.REQUIRED
            ),
            exclude_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in known],
        )
        return options_to_json(options)

    def created(self, credential: str, challenge: bytes) -> Passkey:
        """The verified new passkey. Raises NotAllowed."""
        try:
            check_frame(base64url_to_bytes(json.loads(_bounded(credential))["response"]["clientDataJSON"]))
            verified = webauthn.verify_registration_response(
                credential=_bounded(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                require_user_verification=True,
            )
        except _BAD_INPUT:
            raise NotAllowed(_NOT_VERIFIED, code="passkey-not-verified") from None
        return Passkey(verified.credential_id, verified.credential_public_key, verified.sign_count)

    def request(self, challenge: bytes, allowed: tuple[bytes, ...] = ()) -> str:
        """Options for signing with any passkey of this site, or with one of those `allowed`."""
        options = webauthn.generate_authentication_options(
            rp_id=self._rp_id,
            challenge=challenge,
            user_verification=UserVerificationRequirement.REQUIRED,
            allow_credentials=[PublicKeyCredentialDescriptor(id=credential) for credential in allowed] or None,
        )
        return options_to_json(options)

    def credential_id(self, credential: str) -> bytes:
        """Which passkey an answer says to come from. Raises NotAllowed."""
        try:
            return base64url_to_bytes(str(json.loads(_bounded(credential))["rawId"]))
        except _BAD_INPUT:
            raise NotAllowed(_NOT_VERIFIED, code="passkey-not-verified") from None

    def answer(self, credential: str) -> tuple[str, str, str]:
        """What a device made: client data, authenticator data and signature, in canonical base64url. Raises NotAllowed."""
        try:
            said = json.loads(_bounded(credential))["response"]
            client, data, signature = (
                b64url(base64url_to_bytes(said[name])) for name in ("clientDataJSON", "authenticatorData", "signature")
            )
        except _BAD_INPUT:
            raise NotAllowed(_NOT_VERIFIED, code="passkey-not-verified") from None
        return client, data, signature

    def signed(self, credential: str, challenge: bytes, passkey: Passkey) -> Passkey:
        """The passkey with its new count, once the answer verified. Raises NotAllowed."""
        try:
            check_frame(base64url_to_bytes(json.loads(_bounded(credential))["response"]["clientDataJSON"]))
            verified = webauthn.verify_authentication_response(
                credential=_bounded(credential),
                expected_challenge=challenge,
                expected_rp_id=self._rp_id,
                expected_origin=self._origin,
                credential_public_key=passkey.public_key,
                credential_current_sign_count=passkey.count,
                require_user_verification=True,
            )
        except _BAD_INPUT:
            raise NotAllowed(_NOT_VERIFIED, code="passkey-not-verified") from None
        return Passkey(passkey.credential, passkey.public_key, verified.new_sign_count)


def _bounded(credential: str) -> str:
    if len(credential) > _LARGEST:
        raise ValueError("too large")
    return credential


_NOT_VERIFIED = Words(
    "De passkey kon niet worden gecontroleerd. Probeer het opnieuw.",
    "The passkey could not be verified. Try again.",
)
