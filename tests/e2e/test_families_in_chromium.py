"""Both families, start to end, on a real broker: everybody answers and stops with a real Chromium on a small phone.

Afterwards a thief takes everything that the broker keeps, and finds nobody in it.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from playwright.sync_api import Browser

from broker.cli.families import NAMES, read_family
from broker.cli.stage import Stage, today
from broker.cli.story import Story
from broker.crypto.keyring import KeyPurpose, load_keyring
from broker.storage import migrate
from tests.e2e.acting import PhoneOfTheFamily
from tests.support.postgres import DatabaseUrls, PostgresServer

ROOT = Path(__file__).resolve().parents[2]
GENUINE = "The log is genuine"


def _migrate(urls: DatabaseUrls) -> None:
    migrate.upgrade(urls.owner_url, application=urls.app_url)


class Kept:
    """A stage, and everything that its broker keeps."""

    def __init__(self, stage: Stage, postgres: PostgresServer | None, urls: DatabaseUrls | None) -> None:
        self.stage = stage
        self._postgres = postgres
        self._urls = urls

    def everything(self) -> dict[str, bytes]:
        """By name: every file but the delivered messages and the partners' own keys, and a dump of the database."""
        files = {
            str(path.relative_to(self.stage.directory)): path.read_bytes()
            for path in self.stage.directory.rglob("*")
            if path.is_file() and self.stage.outbox not in path.parents and not path.name.endswith(".jwk.json")
        }
        if self._postgres is not None and self._urls is not None:
            files["dump of PostgreSQL"] = self._postgres.dump(self._urls)
        return files


@pytest.fixture
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Kept]:
    directory = tmp_path / "stage"
    directory.mkdir()
    stage = Stage(directory, ROOT / "policies")
    postgres: PostgresServer | None = None
    urls: DatabaseUrls | None = None
    if request.param == "postgresql":
        postgres = request.getfixturevalue("postgres_server")
        urls = postgres.create_database(template=postgres.make_template("migrated", _migrate))
        stage.database_url = urls.app_url
        stage.extra["BROKER_OWNER_DATABASE_URL"] = urls.owner_url
    try:
        yield Kept(stage, postgres, urls)
    finally:
        stage.stop()
        if postgres is not None and urls is not None:
            postgres.drop(urls)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "kept", "scripts", "language"),
    [
        pytest.param(NAMES[0], "sqlite", True, "nl", id=f"{NAMES[0]}-sqlite"),
        pytest.param(NAMES[1], "postgresql", False, "en", id=f"{NAMES[1]}-postgresql"),
    ],
    indirect=["kept"],
)
def test_a_family_decides_who_reads_what(browser: Browser, kept: Kept, name: str, scripts: bool, language: str) -> None:
    stage, family = kept.stage, read_family(name, today())
    keys = stage.prepare(family["organisations"])
    stage.start()
    phones: list[PhoneOfTheFamily] = []

    def phone(url: str) -> PhoneOfTheFamily:
        phones.append(PhoneOfTheFamily(browser, url, stage.outbox, language, scripts=scripts))
        return phones[-1]

    story = Story(family, keys, stage.url, phone, stage.later)
    steps = list(story.play())
    assert [(step.text, step.outcome) for step in steps if not step.right] == []
    assert len(steps) == len(family["steps"])
    assert sum("ask" in step for step in family["steps"]) >= 5

    assert stage.run("audit", "verify", "--wait").startswith(GENUINE)
    answered = [one for one in phones if one.receipts]
    assert len(answered) == sum("answer" in step for step in family["steps"])
    for one in answered:
        _check_receipt(stage, one.receipts[0], one.texts)

    secrets = _secrets(family, list(story.codes.values()))
    _find_nobody(kept.everything(), secrets)
    addresses = "\n".join(address for one in phones for address in one.addresses)
    assert "/receipt/" in addresses
    assert [secret for secret in secrets if secret in addresses and secret not in story.codes.values()] == []
    assert all("#" in address for address in addresses.splitlines() if any(c in address for c in story.codes.values()))


def _check_receipt(stage: Stage, receipt: bytes, texts: list[str]) -> None:
    """The saved file is signed by the broker, and holds every text that stood on the screen, word for word."""
    key = load_keyring(stage.directory / "keys").current(KeyPurpose.RECORDS)
    signed = json.loads(receipt)["receipt"]
    public = Ed25519PublicKey.from_public_bytes(key.public_raw)
    document = jwt.decode(signed, public, algorithms=["EdDSA"], options={"verify_iat": False})
    (notice,) = document["notices"].values()
    assert len(texts) >= 10
    assert [text for text in texts if text not in notice.splitlines()] == []


def _secrets(family: dict[str, Any], codes: list[str]) -> list[str]:
    """Every name, birth date, number, contact, text of the family, and the codes that let them in."""
    found: set[str] = set(codes)
    for handover in family["handovers"].values():
        for person in handover["body"]["people"]:
            found |= {person["name"], person["birthDate"]}
            found |= {identifier["value"] for identifier in person.get("identifiers", [])}
            found |= {contact["value"] for contact in person["contacts"]}
        for section in handover["body"]["sections"]:
            found |= set(_texts(section["content"]))
    found |= {p["name"] for o in family["organisations"] for p in o["professionals"]}
    agreement = (ROOT / "policies" / "vocabulary.toml").read_text("utf-8")  # its made-up examples are everybody's
    return sorted(text for text in found if len(text) > 5 and text not in agreement)  # "Opa" would be in any noise


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
        yield from (sentence for sentence in content.split(". ") if len(sentence) > 12)
    elif isinstance(content, dict):
        for value in content.values():
            yield from _texts(value)
    elif isinstance(content, list):
        for value in content:
            yield from _texts(value)


def _written(text: str) -> set[bytes]:
    """The ways in which a text may lie in a file: as it is, in JSON, in hexadecimals, in base64 at any place."""
    raw = text.encode()
    ways = {raw, json.dumps(text)[1:-1].encode(), raw.hex().encode(), raw.hex().upper().encode()}
    for shift in range(3):
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            ways.add(encode(bytes(shift) + raw)[4 if shift else 0 : -4])
    return {way for way in ways if len(way) > 5}


def _find_nobody(files: dict[str, bytes], secrets: list[str]) -> None:
    everything = b"\n".join(files.values())
    assert b"/v1/releases" in files["broker.log"]
    assert any(b"00000099000000" in content for name, content in files.items() if name != "broker.log"), sorted(files)
    found = [
        (secret, name)
        for secret in secrets
        if any(way in everything for way in _written(secret))
        for name, content in files.items()
        if any(way in content for way in _written(secret))
    ]
    assert len(secrets) > 20
    assert found == []


def test_the_thief_would_find_somebody_who_is_there() -> None:
    text = "Vader is in behandeling."
    for way in (
        text.encode(),
        b"\\x" + text.encode().hex().encode(),
        base64.b64encode(b"12" + text.encode() + b"."),
        base64.b64encode(b"1" + text.encode() + b".."),
        json.dumps({"a": text}).encode(),
    ):
        with pytest.raises(AssertionError):
            _find_nobody(
                {"broker.log": b"/v1/releases", "broker.db": b"00000099000000" + way},
                [text, *(f"somebody else {number}" for number in range(30))],
            )
