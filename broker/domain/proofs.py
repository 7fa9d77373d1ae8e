"""What can be wrong with the proof that a token belongs to whoever shows it.

A proof is signed with a key that it brings along itself: what is wrong with it says nothing of anybody who is known, and so
the caller is told which fault it was. The operational log has its code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from broker.errors import NotAuthenticated, Words


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds: the thumbprint of its key, and what is needed to take it once only."""

    key: str
    id: str
    issued: int


ALGORITHMS = ("EdDSA", "ES256", "PS256")
"""With which a proof may be signed (RFC 7518 section 3.1, RFC 8037 section 3.1)."""


class ProofFault(StrEnum):
    """The first thing that was wrong, as a code of the operational log."""

    MISSING = "dpop-missing"
    TWICE = "dpop-twice"
    NOT_READABLE = "dpop-not-readable"
    ALGORITHM = "dpop-algorithm"
    HEADER = "dpop-header"
    KEY = "dpop-key"
    SIGNATURE = "dpop-signature"
    CLAIM_FORM = "dpop-claim-form"
    METHOD = "dpop-method"
    ADDRESS = "dpop-address"
    TOO_OLD = "dpop-too-old"
    FUTURE = "dpop-from-the-future"
    TOKEN = "dpop-token"
    OTHER_KEY = "dpop-other-key"
    SCHEME = "dpop-scheme"
    UNBOUND = "dpop-unbound"
    REPLAYED = "dpop-replayed"


class ProofRefused(NotAuthenticated):
    """A proof that counts for nothing, and the first reason why."""

    code = "invalid-dpop-proof"

    def __init__(self, fault: ProofFault) -> None:
        self.fault = fault
        super().__init__(TOLD[fault])

    @property
    def error(self) -> str:
        """The error code of RFC 9449 section 7.1: whether it is the proof that is wrong, or the token with it."""
        token = self.fault in (ProofFault.OTHER_KEY, ProofFault.SCHEME, ProofFault.UNBOUND)
        return "invalid_token" if token else "invalid_dpop_proof"


class CertificateFault(StrEnum):
    """What was wrong with the client's certificate, as a code of the operational log."""

    MISSING = "certificate-missing"
    NOT_READABLE = "certificate-not-readable"
    OTHER = "certificate-other"


class CertificateRefused(NotAuthenticated):
    """Another certificate than the token is bound to, or none that can be read (RFC 8705 section 3)."""

    code = "invalid-certificate"
    words = Words(
        "Dit token hoort bij een ander certificaat. Kom binnen met het certificaat waarmee u het token vroeg.",
        "This token belongs to another certificate. Come in with the certificate with which you asked for the token.",
    )

    def __init__(self, fault: CertificateFault) -> None:
        self.fault = fault
        super().__init__()


class ProofCheck(Protocol):
    """Proofs of possession (RFC 9449 section 4.3)."""

    def __call__(self, proof: str, method: str, url: str, now: int, token: str = "") -> Proof:
        """What a proof for this request shows; with a token, for that one. Raises ProofRefused."""


TOLD: Mapping[ProofFault, Words] = {
    ProofFault.MISSING: Words(
        "Dit token hoort bij een sleutel. Stuur een DPoP-header mee met een bewijs van die sleutel.",
        "This token belongs to a key. Send a DPoP header along with a proof by that key.",
    ),
    ProofFault.TWICE: Words("Stuur één DPoP-header.", "Send one DPoP header."),
    ProofFault.NOT_READABLE: Words(
        "De DPoP-header is een JWT van hoogstens 4096 tekens, met elke naam één keer.",
        "The DPoP header is a JWT of at most 4096 signs, with each name once.",
    ),
    ProofFault.ALGORITHM: Words(
        "Teken het DPoP-bewijs met EdDSA, ES256 of PS256, en noem dat in alg.",
        "Sign the DPoP proof with EdDSA, ES256 or PS256, and name that in alg.",
    ),
    ProofFault.HEADER: Words(
        "De header van het DPoP-bewijs heeft typ dpop+jwt, alg en jwk, en noemt geen sleutel op een andere manier.",
        "The header of the DPoP proof has typ dpop+jwt, alg and jwk, and names a key in no other way.",
    ),
    ProofFault.KEY: Words(
        "De jwk in het DPoP-bewijs is een publieke sleutel die bij alg past: Ed25519, P-256, of RSA van 2048 tot 4096 bits. "
        "Stond er een geheime sleutel in, maak dan een nieuwe.",
        "The jwk in the DPoP proof is a public key that fits alg: Ed25519, P-256, or RSA of 2048 to 4096 bits. "
        "If a private key stood there, make a new one.",
    ),
    ProofFault.SIGNATURE: Words(
        "De handtekening van het DPoP-bewijs past niet bij de jwk erin.",
        "The signature of the DPoP proof does not fit the jwk in it.",
    ),
    ProofFault.CLAIM_FORM: Words(
        "In het DPoP-bewijs zijn htm, htu en jti teksten (jti hoogstens 128 tekens), en iat hele seconden sinds 1970.",
        "In the DPoP proof htm, htu and jti are texts (jti at most 128 signs), and iat whole seconds since 1970.",
    ),
    ProofFault.METHOD: Words(
        "htm in het DPoP-bewijs is de methode van dit verzoek.", "htm in the DPoP proof is the method of this request."
    ),
    ProofFault.ADDRESS: Words(
        "htu in het DPoP-bewijs is het adres van dit verzoek, zoals de broker zich noemt, zonder vraagteken en wat erna komt.",
        "htu in the DPoP proof is the address of this request, as the broker calls itself, without the question mark and "
        "what follows.",
    ),
    ProofFault.TOO_OLD: Words(
        "Dit DPoP-bewijs is ouder dan een minuut. Maak er een voor elk verzoek, en kijk of uw klok goed staat.",
        "This DPoP proof is older than a minute. Make one for each request, and see whether your clock is right.",
    ),
    ProofFault.FUTURE: Words(
        "Dit DPoP-bewijs begint pas later (iat). Kijk of uw klok goed staat.",
        "This DPoP proof only begins later (iat). See whether your clock is right.",
    ),
    ProofFault.TOKEN: Words(
        "ath in het DPoP-bewijs is de SHA-256 van het token in Authorization, in base64url.",
        "ath in the DPoP proof is the SHA-256 of the token in Authorization, in base64url.",
    ),
    ProofFault.OTHER_KEY: Words(
        "Dit token hoort bij een andere sleutel dan die van het DPoP-bewijs.",
        "This token belongs to another key than that of the DPoP proof.",
    ),
    ProofFault.SCHEME: Words(
        "Dit token hoort bij een sleutel. Stuur het als Authorization: DPoP, met een bewijs in de DPoP-header.",
        "This token belongs to a key. Send it as Authorization: DPoP, with a proof in the DPoP header.",
    ),
    ProofFault.UNBOUND: Words(
        "Dit token hoort niet bij een sleutel. Stuur het als Authorization: Bearer, of vraag er een met een DPoP-header.",
        "This token belongs to no key. Send it as Authorization: Bearer, or ask for one with a DPoP header.",
    ),
    ProofFault.REPLAYED: Words(
        "Dit DPoP-bewijs is al gebruikt. Maak er een voor elk verzoek, met een nieuwe jti.",
        "This DPoP proof was used before. Make one for each request, with a new jti.",
    ),
}
"""What the caller is told of each."""
