"""The file that says which identity providers officers may sign in with: strictly read; what is not safe is refused.

Raises Unsafe with every fault at once; a fault names the provider and the setting, and quotes nothing else.
"""

import re
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from broker.crypto.encoding import thumbprint
from broker.crypto.openid import ClientProof, safe_endpoint
from broker.domain.logins import LoginProvider
from broker.domain.parties import Oin
from broker.errors import Unsafe, Words

USUAL = ("PS256", "ES256", "EdDSA")
KNOWN = (*USUAL, "RS256")
"""RS256 is only taken from a provider for which it was written down."""
MOST = 32
_ID = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,30}[a-z0-9])?", re.ASCII)
_OIN = re.compile(r"[0-9]{20}", re.ASCII)
_NO_FACTORS = frozenset({"pwd", "pin", "kba", "user", "rba", "geo", "tel", "sms"})
"""Ways to prove who one is (RFC 8176) that are no second, phishing-aware factor by themselves."""
_NO_LEVELS = frozenset({"", "0"})
_FIELDS = frozenset(
    [
        "name",
        "issuer",
        "client_id",
        "key_file",
        "key_id",
        "secret_file",
        "organisation",
        "officers",
        "acr",
        "amr",
        "algorithms",
        "max_age_minutes",
    ]
)


@dataclass(frozen=True, slots=True)
class Providers:
    """Whom officers may sign in with, in the file's order, and how we prove to each who we are."""

    providers: tuple[LoginProvider, ...] = ()
    proofs: Mapping[str, ClientProof] = field(default_factory=dict)


def read_providers(path: Path, *, demo: bool) -> Providers:
    """Read the file. Raises Unsafe with every fault."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError):
        raise Unsafe(
            Words(
                "Het bestand van BROKER_OIDC is er niet, of het is geen TOML.",
                "The file of BROKER_OIDC is not there, or is no TOML.",
            )
        ) from None
    tables = found.get("provider")
    if set(found) != {"provider"} or not isinstance(tables, dict) or not 0 < len(tables) <= MOST:
        raise Unsafe(
            Words(
                "Het bestand van BROKER_OIDC heeft tabellen zoals [provider.naam], en niets anders.",
                "The file of BROKER_OIDC holds tables such as [provider.name], and nothing else.",
            )
        )
    readings = [
        _Reading(id_, table if isinstance(table, dict) else {}, path.parent, demo) for id_, table in tables.items()
    ]
    faults = [fault for reading in readings for fault in reading.faults] + _shared(readings)
    if faults:
        raise Unsafe(Words(" ".join(f.nl for f in faults), " ".join(f.en for f in faults)))
    return Providers(tuple(r.provider for r in readings), {r.provider.id: r.proof for r in readings})


class _Reading:
    """One table, with all that is wrong with it."""

    def __init__(self, id_: str, table: Mapping[str, Any], beside: Path, demo: bool) -> None:
        self.faults: list[Words] = []
        self.key_file = ""
        self._id = id_ if _ID.fullmatch(id_) else "?"
        self._table = table
        self._beside = beside
        if self._id == "?":
            self._fault(
                "heet naar kleine letters, cijfers en streepjes", "is named with small letters, digits and dashes"
            )
        if not set(table) <= _FIELDS:
            self._fault("heeft een instelling die niet bestaat", "has a setting that does not exist")
        self.provider = self._provider(demo)
        self.proof = self._proof()

    def _fault(self, nl: str, en: str) -> None:
        self.faults.append(Words(f"BROKER_OIDC: aanbieder {self._id} {nl}.", f"BROKER_OIDC: provider {self._id} {en}."))

    def _provider(self, demo: bool) -> LoginProvider:
        issuer, client_id = self._text("issuer"), self._text("client_id")
        local = demo and issuer.startswith("http://")
        if not safe_endpoint(issuer, local=demo) or "?" in issuer or "#" in issuer:
            self._fault("heeft een issuer nodig die met https:// begint", "needs an issuer that begins with https://")
        if not client_id:
            self._fault("heeft een client_id nodig", "needs a client_id")
        algorithms = self._texts("algorithms") or USUAL
        if not set(algorithms) <= set(KNOWN):
            self._fault(f"mag alleen {', '.join(KNOWN)} gebruiken", f"may only use {', '.join(KNOWN)}")
        return LoginProvider(
            self._id,
            self._name(),
            issuer,
            client_id,
            self._organisation(),
            *self._factors(),
            algorithms,
            self._max_age(),
            local,
        )

    def _text(self, name: str) -> str:
        value = self._table.get(name, "")
        return value if isinstance(value, str) and value.isprintable() else ""

    def _texts(self, name: str) -> tuple[str, ...]:
        value = self._table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(each, str) and each.isprintable() for each in value):
            self._fault(f"heeft bij {name} een lijst van teksten nodig", f"needs a list of texts for {name}")
            return ()
        return tuple(value)

    def _name(self) -> Words:
        name = self._table.get("name")
        texts = [name.get(code) for code in ("nl", "en")] if isinstance(name, dict) else []
        if not texts or not all(isinstance(text, str) and 0 < len(text) <= 60 and text.isprintable() for text in texts):
            self._fault("heeft een name met nl en en nodig", "needs a name with nl and en")
            return Words("", "")
        return Words(str(texts[0]), str(texts[1]))

    def _organisation(self) -> Oin | None:
        """For whom its officers act. Saying nothing is not an answer: a provider for the whole says so."""
        organisation, officers = self._table.get("organisation"), self._table.get("officers")
        if officers == "whole" and organisation is None:
            return None
        if isinstance(organisation, str) and _OIN.fullmatch(organisation) and officers is None:
            return Oin(organisation)
        self._fault(
            'zegt voor wie: organisation = "een OIN", of officers = "whole"',
            'says for whom: organisation = "an OIN", or officers = "whole"',
        )
        return None

    def _factors(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        acr, amr = self._texts("acr"), self._texts("amr")
        weak = not set(amr) - _NO_FACTORS if not acr else bool(set(acr) & _NO_LEVELS)
        if weak:
            self._fault(
                "moet met acr of amr meer dan een wachtwoord eisen", "must demand more than a password with acr or amr"
            )
        return acr, amr

    def _max_age(self) -> int:
        value = self._table.get("max_age_minutes", 0)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= 1440:
            return value * 60
        self._fault("heeft een max_age_minutes tot 1440", "has a max_age_minutes of up to 1440")
        return 0

    def _proof(self) -> ClientProof:
        key_file, secret_file = self._text("key_file"), self._text("secret_file")
        if bool(key_file) == bool(secret_file):
            self._fault("heeft een key_file of een secret_file nodig", "needs a key_file or a secret_file")
            return ClientProof()
        raw = self._private(key_file or secret_file)
        if raw is None:
            return ClientProof()
        if secret_file:
            return self._secret(raw)
        self.key_file = str((self._beside / key_file).resolve())
        return self._key(raw)

    def _private(self, name: str) -> bytes | None:
        try:
            path = self._beside / name
            if not stat.S_IMODE(path.stat().st_mode) & 0o077:
                return path.read_bytes()
            self._fault(
                "heeft een geheim dat anderen kunnen lezen: chmod 600", "has a secret that others can read: chmod 600"
            )
        except (OSError, ValueError):
            self._fault("noemt een bestand dat niet te lezen is", "names a file that cannot be read")
        return None

    def _secret(self, raw: bytes) -> ClientProof:
        secret = raw.decode("utf-8", "replace").strip()
        if len(secret) < 24 or not secret.isprintable():
            self._fault("heeft een geheim van minder dan 24 tekens", "has a secret of less than 24 signs")
        return ClientProof(secret=secret)

    def _key(self, raw: bytes) -> ClientProof:
        try:
            key = load_pem_private_key(raw, None)
            algorithm, jwk, members = _described(key)
        except (ValueError, TypeError):
            self._fault(
                "heeft een key_file nodig met een Ed25519-, P-256- of RSA-sleutel (2048 bits) als PEM",
                "needs a key_file with an Ed25519, P-256 or RSA key (2048 bits) as PEM",
            )
            return ClientProof()
        kid = self._text("key_id") or thumbprint({name: jwk[name] for name in members})
        return ClientProof(key, kid, algorithm)


def _described(key: Any) -> tuple[str, dict[str, Any], tuple[str, ...]]:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return "EdDSA", OKPAlgorithm.to_jwk(key.public_key(), as_dict=True), ("crv", "kty", "x")
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return "ES256", ECAlgorithm.to_jwk(key.public_key(), as_dict=True), ("crv", "kty", "x", "y")
    if isinstance(key, rsa.RSAPrivateKey) and key.key_size >= 2048:
        return "PS256", RSAAlgorithm.to_jwk(key.public_key(), as_dict=True), ("e", "kty", "n")
    raise ValueError("another kind of key")


def _shared(readings: list[_Reading]) -> list[Words]:
    """What no two providers may have in common: one could use what we send it at the other."""
    faults = []
    if len({r.provider.issuer for r in readings}) < len(readings):
        faults.append(Words("BROKER_OIDC: een issuer staat er twee keer in.", "BROKER_OIDC: an issuer is there twice."))
    keys = [r.key_file for r in readings if r.key_file]
    if len(set(keys)) < len(keys):
        faults.append(
            Words(
                "BROKER_OIDC: elke aanbieder heeft een eigen key_file.",
                "BROKER_OIDC: every provider has a key_file of its own.",
            )
        )
    return faults
