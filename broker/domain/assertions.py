"""What can be wrong with an organisation's assertion: every fault is in the operational log, and some are told.

Whoever signed with a registered key is told what else is wrong, so that a developer can mend it. Before that is proven
nobody learns whether an organisation, a key or an algorithm is known (RFC 6749 section 5.2).
"""

from collections.abc import Mapping
from enum import StrEnum

from broker.errors import NotAuthenticated, Words


class AssertionFault(StrEnum):
    """The first thing that was wrong, as a code of the operational log."""

    NOT_READABLE = "assertion-not-readable"
    ALGORITHM = "assertion-algorithm"
    HEADER = "assertion-header"
    ISSUER = "assertion-issuer"
    SUSPENDED = "assertion-suspended"
    KEY = "assertion-key"
    SIGNATURE = "assertion-signature"
    CLAIM_MISSING = "assertion-claim-missing"
    CLAIM_FORM = "assertion-claim-form"
    AUDIENCE = "assertion-audience"
    EXPIRED = "assertion-expired"
    TOO_LONG = "assertion-too-long"
    FUTURE = "assertion-from-the-future"
    REPLAYED = "assertion-replayed"
    SUBJECT = "assertion-subject"
    KEYS_UNREACHABLE = "assertion-keys-unreachable"
    KEYS_REFUSED = "assertion-keys-refused"
    UNBOUND = "assertion-without-proof"


class AssertionRefused(NotAuthenticated):
    """An assertion that counts for nothing, and the first reason why."""

    def __init__(self, fault: AssertionFault) -> None:
        self.fault = fault
        super().__init__()


PROVEN: Mapping[AssertionFault, Words] = {
    AssertionFault.CLAIM_MISSING: Words(
        "In het bewijs ontbreekt iets: iss, sub, aud, exp en jti moeten er alle in staan.",
        "Something is missing in the assertion: iss, sub, aud, exp and jti must all be there.",
    ),
    AssertionFault.CLAIM_FORM: Words(
        "In het bewijs zijn exp, iat en nbf hele seconden sinds 1970, is sub een tekst, en jti een van hoogstens 128 tekens.",
        "In the assertion exp, iat and nbf are whole seconds since 1970, sub is a text, and jti one of at most 128 signs.",
    ),
    AssertionFault.AUDIENCE: Words(
        "Noem in aud alleen het adres van deze broker, of dat met /oauth/token erachter.",
        "Name in aud the address of this broker alone, or that with /oauth/token behind it.",
    ),
    AssertionFault.EXPIRED: Words(
        "Dit bewijs is verlopen. Maak een nieuw, en kijk of uw klok goed staat.",
        "This assertion has expired. Make a new one, and see whether your clock is right.",
    ),
    AssertionFault.TOO_LONG: Words(
        "Dit bewijs leeft te lang. Laat exp hoogstens vijf minuten later zijn dan nu.",
        "This assertion lives too long. Let exp be at most five minutes from now.",
    ),
    AssertionFault.FUTURE: Words(
        "Dit bewijs begint pas later (iat of nbf). Kijk of uw klok goed staat.",
        "This assertion only begins later (iat or nbf). See whether your clock is right.",
    ),
    AssertionFault.REPLAYED: Words(
        "Dit bewijs is al gebruikt. Maak voor elk token een nieuw, met een nieuwe jti.",
        "This assertion was used before. Make a new one for each token, with a new jti.",
    ),
    AssertionFault.SUBJECT: Words(
        "Voor een token van de organisatie zelf zijn iss en sub hetzelfde: uw OIN.",
        "For a token of the organisation itself iss and sub are the same: your OIN.",
    ),
    AssertionFault.UNBOUND: Words(
        "Uw organisatie krijgt alleen tokens die aan een sleutel gebonden zijn. Stuur een DPoP-header mee.",
        "Your organisation only gets tokens that are bound to a key. Send a DPoP header along.",
    ),
}
"""What is told, each only after the signature held."""
