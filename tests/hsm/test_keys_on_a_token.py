"""Wrapping keys on a real PKCS#11 token (SoftHSM2): made there, never out of it, and a broker that lives on them."""

import asyncio
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from broker.crypto.encoding import b64url, from_b64url
from broker.crypto.hsm import Pkcs11Settings, Pkcs11Store
from broker.crypto.keyring import Key, KeyPurpose
from broker.crypto.sealing import aes_open
from broker.crypto.wrapping import KeyMissing, StoreAway
from broker.domain.keys import KeyStore
from broker.errors import Tampered
from broker.settings import read_settings
from tests.factories import NOW
from tests.promises.attacks import TOM, push
from tests.support.keeping import current, everything
from tests.support.softhsm import TOKEN, SoftHsm, new_tokens
from tests.support.world import ROOT, World, make_keys, open_world

pytestmark = pytest.mark.hsm
DATA = b"d" * 32
WRAPPING = KeyPurpose.WRAPPING


@pytest.fixture(scope="session")
def softhsm(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SoftHsm]:
    """Tokens of this run alone; the module reads its configuration once in a process."""
    made = new_tokens(tmp_path_factory.mktemp("softhsm"), TOKEN, "other")
    before = os.environ.get("SOFTHSM2_CONF")
    os.environ["SOFTHSM2_CONF"] = str(made.conf)
    yield made
    os.environ.pop("SOFTHSM2_CONF")
    if before is not None:
        os.environ["SOFTHSM2_CONF"] = before


@pytest.fixture
def store(softhsm: SoftHsm) -> Pkcs11Store:
    return Pkcs11Store(Pkcs11Settings(softhsm.module, TOKEN, softhsm.pin_file))


def made(store: Pkcs11Store) -> Key:
    kid = b64url(os.urandom(32))
    return Key(WRAPPING, kid, NOW, False, b"", place=store.make(kid, NOW))


def test_what_the_token_wraps_it_opens_at_its_own_place_only(store: Pkcs11Store) -> None:
    key = made(store)
    store.check(key)
    wrapper = store.wrapper(key)
    wrapped, again = wrapper.wrap(DATA, b"here"), wrapper.wrap(DATA, b"here")
    assert (wrapped[:1], len(wrapped), DATA in wrapped) == (b"\x01", 1 + 12 + 32 + 16, False)
    assert wrapped[1:13] != again[1:13], "a nonce of its own each time"
    assert wrapper.unwrap(wrapped, b"here") == DATA
    for other in (b"there", b"", b"here "):
        with pytest.raises(Tampered):
            wrapper.unwrap(wrapped, other)
    changed = [wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :] for place in (0, 1, 13, 44, 60)]
    for broken in (*changed, wrapped[:-1], wrapped[:20], b"", wrapped + b"x"):
        with pytest.raises(Tampered):
            wrapper.unwrap(broken, b"here")
    assert wrapper.unwrap(wrapped, b"here") == DATA


def test_a_data_key_moved_under_another_key_does_not_open(store: Pkcs11Store) -> None:
    wrapped = store.wrapper(made(store)).wrap(DATA, b"here")
    with pytest.raises(Tampered):
        store.wrapper(made(store)).unwrap(wrapped, b"here")


def test_the_key_cannot_leave_the_token(store: Pkcs11Store) -> None:
    import pkcs11

    key = made(store)

    def look(session: pkcs11.Session) -> list[Any]:
        found = session.get_key(object_class=pkcs11.ObjectClass.SECRET_KEY, id=from_b64url(key.kid))
        a = pkcs11.Attribute
        flags = (a.SENSITIVE, a.ALWAYS_SENSITIVE, a.NEVER_EXTRACTABLE, a.LOCAL, a.PRIVATE, a.TOKEN, a.EXTRACTABLE)
        with pytest.raises(pkcs11.AttributeSensitive):
            found[a.VALUE]
        with pytest.raises(pkcs11.PKCS11Error):
            found[a.EXTRACTABLE] = True
        return [found[flag] for flag in flags]

    assert store._in_time(look, writing=True) == [True] * 6 + [False]


def test_a_key_that_could_leave_is_refused(store: Pkcs11Store) -> None:
    import pkcs11

    kid = b64url(os.urandom(32))

    def weak(session: pkcs11.Session) -> None:
        template = {pkcs11.Attribute.SENSITIVE: False, pkcs11.Attribute.EXTRACTABLE: True}
        session.generate_key(pkcs11.KeyType.AES, 256, id=from_b64url(kid), store=True, template=template)

    store._in_time(weak, writing=True)
    with pytest.raises(StoreAway) as refused:
        store.check(replace(made(store), kid=kid))
    assert "can leave it" in refused.value.why.en


def test_a_key_that_is_not_on_the_token_is_missing_and_a_destroyed_one_too(
    softhsm: SoftHsm, store: Pkcs11Store
) -> None:
    key = made(store)
    wrapped = store.wrapper(key).wrap(DATA, b"here")
    elsewhere = Pkcs11Store(replace(store._settings, token="other"))
    with pytest.raises(KeyMissing):
        elsewhere.wrapper(key).unwrap(wrapped, b"here")
    assert store.destroy(key, []) is None
    with pytest.raises(KeyMissing):
        store.wrapper(key).unwrap(wrapped, b"here")
    with pytest.raises(KeyMissing):
        store.check(key)
    assert store.destroy(key, []) is None, "gone is gone"


def test_another_process_destroys_a_key_that_this_one_uses(store: Pkcs11Store) -> None:
    key = made(store)
    wrapper = store.wrapper(key)
    wrapped = wrapper.wrap(DATA, b"here")
    other = Pkcs11Store(store._settings)
    other.destroy(key, [])
    with pytest.raises(KeyMissing):
        wrapper.unwrap(wrapped, b"here")


def test_no_token_no_module_no_pin_file(softhsm: SoftHsm, store: Pkcs11Store, tmp_path: Path) -> None:
    def why(**more: Any) -> str:
        with pytest.raises(StoreAway) as error:
            Pkcs11Store(replace(store._settings, **more)).make(b64url(os.urandom(32)), NOW)
        assert error.value.code == "unavailable"
        return error.value.why.en

    assert "not there" in why(token="nobody's")
    assert "BROKER_PKCS11_MODULE" in why(module=tmp_path / "nothing.so")
    assert "not there" in why(pin_file=tmp_path / "nothing")
    readable = tmp_path / "pin"
    shutil.copy(softhsm.pin_file, readable)
    readable.chmod(0o644)
    assert "chmod 600" in why(pin_file=readable)


def test_a_token_that_hangs_is_waited_for_no_longer_than_told(softhsm: SoftHsm) -> None:
    store = Pkcs11Store(Pkcs11Settings(softhsm.module, TOKEN, softhsm.pin_file), patience=0.3)
    key, free = made(store), threading.Event()
    start = time.monotonic()
    with pytest.raises(StoreAway) as slow:
        store._in_time(lambda _: free.wait(20))
    assert "in time" in slow.value.why.en
    with pytest.raises(StoreAway):
        store.wrapper(key).wrap(DATA, b"here")
    assert time.monotonic() - start < 5
    free.set()
    deadline = time.monotonic() + 5
    while store._gate.locked() and time.monotonic() < deadline:
        time.sleep(0.01)
    assert store.wrapper(key).wrap(DATA, b"here")


def test_many_threads_at_once(store: Pkcs11Store) -> None:
    wrapper, wrong = store.wrapper(made(store)), []

    def use(number: int) -> None:
        for turn in range(20):
            data = bytes([number, turn]) * 16
            if wrapper.unwrap(wrapper.wrap(data, b"x"), b"x") != data:
                wrong.append(number)

    threads = [threading.Thread(target=use, args=(n,)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert wrong == []


# a broker with it


@pytest.fixture
async def world(
    tmp_path: Path, database_url: str, softhsm: SoftHsm, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world that may use the token; its keys are in files at first."""
    real = read_settings
    monkeypatch.setattr("tests.support.world.read_settings", lambda given: real({**given, **settings_of(softhsm)}))
    kind = database_url.partition(":")[0].partition("+")[0]
    async with open_world(tmp_path, kind, database_url, make_keys(tmp_path)) as world:
        yield world


def settings_of(softhsm: SoftHsm) -> dict[str, str]:
    return {
        "BROKER_PKCS11_MODULE": str(softhsm.module),
        "BROKER_PKCS11_TOKEN": TOKEN,
        "BROKER_PKCS11_PIN_FILE": str(softhsm.pin_file),
    }


async def run(world: World, softhsm: SoftHsm, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "SOFTHSM2_CONF": str(softhsm.conf),
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": world.database_url,
        "BROKER_KEYS": str(world.broker.settings.keys),
        "BROKER_POLICIES": str(world.broker.settings.policies),
        "BROKER_OUTBOX": world.broker.settings.outbox,
        **settings_of(softhsm),
        **more,
    }
    return await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "broker", "keys", *arguments],
        env=environment,
        cwd=world.directory,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


async def test_a_serving_broker_moves_onto_the_token_and_the_file_key_goes(world: World, softhsm: SoftHsm) -> None:
    """Rotate from file to token, rewrap and retire by command, in another process, while this broker serves."""
    case = await push(world, TOM)
    await case.everybody_says_yes()
    opened, old = await everything(world.broker), await current(world.broker, WRAPPING)
    rotated = await run(world, softhsm, "rotate", "wrapping", "--store", "pkcs11")
    assert (rotated.returncode, rotated.stdout.split()[0], rotated.stdout.split()[2]) == (0, "wrapping", "pkcs11"), (
        rotated
    )
    world.broker.house.vault._keyring.look_now()  # type: ignore[attr-defined]
    new = await current(world.broker, WRAPPING)
    assert new.store is KeyStore.PKCS11
    assert (await case.ask()).status_code == 200
    rewrapped = await run(world, softhsm, "rewrap")
    assert rewrapped.returncode == 0, rewrapped.stderr
    retired = await run(world, softhsm, "retire", old.kid, BROKER_CLOCK_OFFSET="P1D")
    assert retired.returncode == 0, retired.stderr
    assert not list(world.broker.settings.keys.glob(f"wrapping.{old.kid}.json"))
    assert set(await world.broker.keys.usage()) == {new.kid}
    assert await everything(world.broker) == opened
    assert (await case.ask()).status_code == 200
    [path] = world.broker.settings.keys.glob("wrapping.*.json")
    assert '"k"' not in path.read_text()
    await world.broker.keys.rotate([WRAPPING])
    newest = await current(world.broker, WRAPPING)
    assert newest.store is KeyStore.PKCS11, "where the current one lives"
    assert (await world.broker.keys.rewrap()).failed == ()
    world.clock.later("P1D")
    assert await world.broker.keys.retire(new.kid) is None
    assert await everything(world.broker) == opened
    store = Pkcs11Store(Pkcs11Settings(softhsm.module, TOKEN, softhsm.pin_file))
    with pytest.raises(KeyMissing):
        store.wrapper(Key(WRAPPING, new.kid, NOW, False, b"")).wrap(DATA, b"x")
    wrong = softhsm.pin_file.with_name("wrong")
    wrong.touch(mode=0o600)
    wrong.write_text("000000")
    for change, said in (
        ({"BROKER_PKCS11_PIN_FILE": str(wrong)}, "refuses the PIN"),
        ({"BROKER_PKCS11_TOKEN": "nobody's"}, "not there"),
        ({"BROKER_PKCS11_TOKEN": "other"}, "not to be found"),
    ):
        refused = await run(world, softhsm, "rewrap", **change)
        assert refused.returncode == 2, refused.stdout
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr
        assert "000000" not in refused.stderr


async def test_what_the_token_wrapped_is_what_a_file_key_would_have_made(world: World) -> None:
    """The same bytes but for the key: nobody who has the database alone can tell, or open it."""
    await push(world, TOM)
    await world.broker.keys.rotate([WRAPPING], KeyStore.PKCS11)
    assert (await world.broker.keys.rewrap()).failed == ()
    async with world.broker.house.storage(writing=False) as work:
        [(_, wrapped), *_] = await work.data_keys.persons_not_under("nobody", "", 1)
    assert len(wrapped.partition(b".")[2]) == 1 + 12 + 32 + 16
    for key in world.broker.house.vault._keyring.all(KeyPurpose.FIELDS):  # type: ignore[attr-defined]
        with pytest.raises(Tampered):
            aes_open(key.secret, wrapped.partition(b".")[2], b"")
