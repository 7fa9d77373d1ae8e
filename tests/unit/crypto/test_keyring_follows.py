"""A keyring follows its folder, from any thread; what does not load changes nothing and is an alarm."""

import json
import threading
import time
from datetime import timedelta

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from broker.crypto import keyring as module
from broker.crypto.key_files import KeyFiles
from broker.crypto.keyring import Key, KeyPlace, KeyPurpose, Keyring, document_of, load_keyring, make_key, write_key
from broker.crypto.signatures import LogSigner
from broker.domain.keys import KEPT_PUBLIC, KeyState, KeyStore
from broker.errors import NotFound, Unsafe
from tests.factories import NOW

LATER = NOW + timedelta(days=1)


@pytest.fixture
def folder(tmp_path):
    for purpose in KeyPurpose:
        write_key(tmp_path / "keys", make_key(purpose, NOW))
    return tmp_path / "keys"


def files_of(folder, ring) -> KeyFiles:
    return KeyFiles(folder, ring, {}, lambda: LATER)


def test_a_new_key_is_noticed_after_a_while(folder, monkeypatch):
    ring = load_keyring(folder)
    new = make_key(KeyPurpose.LOG, LATER)
    write_key(folder, new)
    assert ring.current(KeyPurpose.LOG) != new
    start = time.monotonic()
    monkeypatch.setattr(module.time, "monotonic", lambda: start + module.LOOK_EVERY)
    assert ring.current(KeyPurpose.LOG) == new


def test_an_unknown_id_is_looked_for_at_once(folder):
    ring = load_keyring(folder)
    new = make_key(KeyPurpose.WRAPPING, LATER)
    assert ring.get(KeyPurpose.WRAPPING, new.kid) is None
    write_key(folder, new)
    assert ring.get(KeyPurpose.WRAPPING, new.kid) == new


def test_a_key_that_went_is_forgotten(folder):
    old = load_keyring(folder).current(KeyPurpose.TOKENS)
    write_key(folder, make_key(KeyPurpose.TOKENS, LATER))
    ring = load_keyring(folder)
    (folder / f"tokens.{old.kid}.json").unlink()
    ring.look_now()
    assert ring.get(KeyPurpose.TOKENS, old.kid) is None


def damages():
    return {
        "damaged": lambda folder: (folder / "log.x.json").touch(mode=0o600),
        "a purpose gone": lambda folder: next(folder.glob("log.*.json")).unlink(),
        "readable": lambda folder: next(folder.glob("log.*.json")).chmod(0o644),
        "a demo key": lambda folder: write_key(folder, make_key(KeyPurpose.LOG, LATER, demo=True)),
        "everything gone": lambda folder: [path.unlink() for path in folder.iterdir()],
        "the folder gone": lambda folder: folder.rename(folder.with_name("away")),
    }


@pytest.mark.parametrize("damage", sorted(damages()))
def test_what_does_not_load_changes_nothing_and_is_an_alarm_once(folder, damage):
    ring = load_keyring(folder)
    before = {purpose: ring.all(purpose) for purpose in KeyPurpose}
    damages()[damage](folder)
    with structlog.testing.capture_logs() as logs:
        for _ in range(3):
            ring.look_now()
    assert {purpose: ring.all(purpose) for purpose in KeyPurpose} == before
    assert [(line["event"], line["log_level"]) for line in logs] == [("keys:not-reloaded", "error")]


def test_what_is_mended_loads_again(folder):
    ring = load_keyring(folder)
    path = folder / "log.x.json"
    path.touch(mode=0o600)
    ring.look_now()
    path.unlink()
    new = make_key(KeyPurpose.LOG, LATER)
    write_key(folder, new)
    ring.look_now()
    assert ring.current(KeyPurpose.LOG) == new


def test_a_draft_is_no_key_and_a_key_file_appears_whole(folder):
    ring = load_keyring(folder)
    module.write_draft(folder, {"half": "a key"})
    with structlog.testing.capture_logs() as logs:
        ring.look_now()
    assert logs == []


def test_many_threads_see_whole_keyrings_only(folder):
    """While keys come, every thread always finds a current key of every purpose, and each newer than the last."""
    ring, wrong, stop = load_keyring(folder), [], threading.Event()

    def use():
        last = NOW
        while not stop.is_set():
            ring.look_now()
            key = ring.current(KeyPurpose.RECEIPTS)
            if key.created < last or ring.get(KeyPurpose.RECEIPTS, key.kid) is None:
                wrong.append(key.kid)
            last = key.created

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for day in range(1, 20):
        write_key(folder, make_key(KeyPurpose.RECEIPTS, NOW + timedelta(days=day)))
    stop.set()
    for thread in threads:
        thread.join(10)
    assert wrong == []
    ring.look_now()
    assert len(ring.all(KeyPurpose.RECEIPTS)) == 20


# the public half


@pytest.mark.parametrize("purpose", sorted(KEPT_PUBLIC))
def test_of_a_retired_signing_key_the_public_half_verifies_and_is_never_current(folder, purpose):
    ring = load_keyring(folder)
    old, signer = ring.current(purpose), LogSigner(ring)
    signed = old.private.sign(b"leaf")
    cabinet = files_of(folder, ring)
    new = cabinet.prepare(purpose, KeyStore.FILE, LATER)
    assert ring.current(purpose).kid == old.kid
    cabinet.keep(new.kid)
    assert ring.current(purpose).kid == new.kid
    assert cabinet.destroy(old.kid) is None
    for now in (ring, load_keyring(folder)):
        left = now.get(purpose, old.kid)
        assert left.public_raw == old.public_raw
        left.public.verify(signed, b"leaf")
        assert left.public_jwk() == old.public_jwk()
        with pytest.raises(ValueError):
            left.private.sign(b"leaf")
        assert now.current(purpose).kid == new.kid
    assert [k.state for k in cabinet.all() if k.purpose is purpose] == [KeyState.PUBLIC, KeyState.IN_USE]
    if purpose is KeyPurpose.LOG:
        assert signer.checkpoint_keys()[-1] == ring.current(purpose).public_raw
    secret = module.b64url(old.secret)
    assert not [path for path in folder.iterdir() if secret in path.read_text()]


@given(st.integers(-5, 5), st.integers(-5, 5))
def test_a_public_half_is_never_current_however_young_it_is(days, others):
    keys = [make_key(purpose, NOW) for purpose in KeyPurpose]
    old = make_key(KeyPurpose.LOG, NOW + timedelta(days=days))
    public = Key(old.purpose, old.kid, old.created, False, b"", retired=LATER, verifying=old.public_raw)
    young = make_key(KeyPurpose.LOG, NOW + timedelta(days=others))
    ring = Keyring((*keys, public, young))
    assert ring.current(KeyPurpose.LOG).kid in {young.kid, keys[2].kid}
    assert ring.all(KeyPurpose.LOG)[0] == public


def test_a_public_half_alone_is_a_missing_key():
    keys = [make_key(purpose, NOW) for purpose in KeyPurpose if purpose is not KeyPurpose.LOG]
    old = make_key(KeyPurpose.LOG, NOW)
    with pytest.raises(Unsafe, match=r"missing: log\."):
        Keyring((*keys, Key(old.purpose, old.kid, NOW, False, b"", retired=NOW, verifying=old.public_raw)))


@pytest.mark.parametrize(
    "change",
    [
        {"d": "A" * 43},
        {"x": "A" * 42},
        {"retired": "yesterday"},
        {"retired": "2026-01-01T00:00:00"},
        {"purpose": "tokens"},
        {"kid": "A" * 43},
    ],
    ids=str,
)
def test_a_public_half_that_is_not_whole_is_refused(folder, change):
    old = make_key(KeyPurpose.LOG, NOW)
    public = Key(old.purpose, old.kid, NOW, False, b"", retired=LATER, verifying=old.public_raw)
    document = {**document_of(public), **change}
    path = folder / f"{document['purpose']}.{document['kid']}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    with pytest.raises(Unsafe, match="is damaged"):
        load_keyring(folder)


# where a key lives


@pytest.mark.parametrize(
    "place", [KeyPlace(KeyStore.PKCS11, "rondom-wrapping"), KeyPlace(KeyStore.VAULT, "rondom-wrapping", 3)]
)
def test_a_key_that_lives_elsewhere_is_a_file_without_a_secret(folder, place):
    key = Key(KeyPurpose.WRAPPING, module.b64url(b"k" * 32), LATER, False, b"", place=place)
    path = write_key(folder, key)
    assert not {"k", "d", "priv"} & set(json.loads(path.read_text()))
    assert load_keyring(folder).current(KeyPurpose.WRAPPING) == key


@pytest.mark.parametrize(
    "change",
    [
        {"store": "file"},
        {"store": "elsewhere"},
        {"k": "A" * 43},
        {"purpose": "fields"},
        {"version": 0},
        {"version": True},
        {"version": "3"},
        {"key": "../sys/seal"},
        {"key": 3},
        {"kid": "short"},
    ],
    ids=str,
)
def test_a_place_that_is_none_is_refused(folder, change):
    place = KeyPlace(KeyStore.VAULT, "rondom-wrapping", 3)
    document = {**document_of(Key(KeyPurpose.WRAPPING, "A" * 43, LATER, False, b"", place=place)), **change}
    path = folder / f"{document['purpose']}.{document['kid']}.json"
    path.touch(mode=0o600)
    path.write_text(json.dumps(document))
    with pytest.raises(Unsafe, match="is damaged"):
        load_keyring(folder)


# the cabinet


def test_what_was_destroyed_is_overwritten_where_it_lay(folder):
    ring = load_keyring(folder)
    old = ring.current(KeyPurpose.WRAPPING)
    path = folder / f"wrapping.{old.kid}.json"
    kept = folder.parent / "another-name"
    kept.hardlink_to(path)
    cabinet = files_of(folder, ring)
    cabinet.keep(cabinet.prepare(KeyPurpose.WRAPPING, KeyStore.FILE, LATER).kid)
    cabinet.destroy(old.kid)
    assert not path.exists()
    assert set(kept.read_bytes()) == {0}
    with pytest.raises(NotFound):
        cabinet.destroy(old.kid)


def test_a_new_key_is_younger_than_the_one_it_follows_whatever_the_clock_says(folder):
    ring = load_keyring(folder)
    cabinet = files_of(folder, ring)
    new = cabinet.prepare(KeyPurpose.LOG, KeyStore.FILE, NOW - timedelta(days=400))
    cabinet.keep(new.kid)
    assert ring.current(KeyPurpose.LOG).kid == new.kid


def test_a_prepared_key_that_is_let_go_leaves_nothing(folder):
    ring = load_keyring(folder)
    before = sorted(folder.iterdir())
    cabinet = files_of(folder, ring)
    cabinet.forget(cabinet.prepare(KeyPurpose.LOG, KeyStore.FILE, LATER).kid)
    assert sorted(folder.iterdir()) == before
