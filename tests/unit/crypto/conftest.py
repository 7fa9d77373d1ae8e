import pytest

from broker.crypto.keyring import Keyring
from tests.factories import a_keyring


@pytest.fixture(scope="session")
def keyring() -> Keyring:
    return a_keyring()


@pytest.fixture(scope="session")
def stranger() -> Keyring:
    """Somebody else's keys."""
    return a_keyring()
