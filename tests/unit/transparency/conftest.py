"""Two real key pairs of Ed25519, one of the log and one of nobody, and the check that the house uses."""

from collections.abc import Callable
from dataclasses import dataclass

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

ORIGIN = "rondom.example/log"


def _check(public_key: bytes, signature: bytes, message: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@dataclass(frozen=True)
class Signer:
    public: bytes
    sign: Callable[[bytes], bytes]
    check: Callable[[bytes, bytes, bytes], bool] = _check


def _signer(seed: int) -> Signer:
    key = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
    return Signer(key.public_key().public_bytes_raw(), key.sign)


@pytest.fixture(scope="session")
def origin() -> str:
    return ORIGIN


@pytest.fixture(scope="session")
def log_key() -> Signer:
    return _signer(1)


@pytest.fixture(scope="session")
def receipt_key() -> Signer:
    return _signer(2)


@pytest.fixture(scope="session")
def stranger() -> Signer:
    return _signer(3)
