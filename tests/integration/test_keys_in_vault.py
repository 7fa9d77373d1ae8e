"""Wrapping keys in HashiCorp Vault, with the real client against a simulated Vault: what is refused, and what is left."""

import asyncio
import itertools
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.app import build
from broker.crypto.keyring import Key, KeyPlace, KeyPurpose
from broker.crypto.transit import TransitStore, VaultSettings
from broker.crypto.wrapping import NAME, KeyMissing, StoreAway
from broker.domain.keys import KeyStore
from broker.errors import Tampered, Unavailable, Unsafe
from broker.settings import read_settings
from broker.storage import subject_keys
from tests.factories import NOW
from tests.promises.attacks import TOM, push
from tests.support.keeping import current, everything
from tests.support.vault_simulator import TOKEN, TransitKey, VaultSimulator, running_vault
from tests.support.world import World, make_keys, open_world

DATA = b"d" * 32


@pytest.fixture
def vault() -> Iterator[VaultSimulator]:
    with running_vault() as vault:
        yield vault


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    path = tmp_path / "vault.token"
    path.touch(mode=0o600)
    path.write_text(f"{TOKEN}\n")
    return path


@pytest.fixture
def store(vault: VaultSimulator, token_file: Path) -> TransitStore:
    return TransitStore(VaultSettings(vault.address, token_file), patience=1.0)


def made(store: TransitStore, kid: str = "A" * 43) -> Key:
    return Key(KeyPurpose.WRAPPING, kid, NOW, False, b"", place=store.make(kid, NOW))


def why(error: pytest.ExceptionInfo[StoreAway]) -> str:
    assert error.value.code == "unavailable"
    return error.value.why.en


def test_wrapped_in_vault_it_opens_at_its_own_place_only(store: TransitStore) -> None:
    wrapper = store.wrapper(made(store))
    wrapped = wrapper.wrap(DATA, b"here")
    assert wrapped.startswith(b"vault:v1:")
    assert DATA not in wrapped
    assert wrapper.unwrap(wrapped, b"here") == DATA
    for other in (b"there", b"", b"here "):
        with pytest.raises(Tampered):
            wrapper.unwrap(wrapped, other)
    for changed in (
        wrapped[:-6],
        b"vault:v1:",
        b"",
        b"vault:v1:!!!!",
        wrapped.replace(b"v1", b"v2"),
        b"\xff" + wrapped,
    ):
        with pytest.raises(Tampered):
            wrapper.unwrap(changed, b"here")


def test_each_key_is_one_version_and_opens_nothing_of_another(store: TransitStore) -> None:
    first, second = made(store), made(store, "B" * 43)
    assert [first.place, second.place] == [KeyPlace(KeyStore.VAULT, NAME, 1), KeyPlace(KeyStore.VAULT, NAME, 2)]
    wrapped = store.wrapper(first).wrap(DATA, b"here")
    assert wrapped.startswith(b"vault:v1:"), "pinned, though there is a newer one"
    with pytest.raises(Tampered):
        store.wrapper(second).unwrap(wrapped, b"here")
    assert store.wrapper(first).unwrap(wrapped, b"here") == DATA


def test_what_vault_refuses_is_said_in_one_sentence(
    vault: VaultSimulator, store: TransitStore, token_file: Path
) -> None:
    wrapper = store.wrapper(made(store))
    wrapped = wrapper.wrap(DATA, b"here")
    vault.sealed = True
    with pytest.raises(StoreAway) as error:
        wrapper.unwrap(wrapped, b"here")
    assert "sealed" in why(error)
    vault.sealed, vault.token = False, "another"
    with pytest.raises(StoreAway) as error:
        wrapper.unwrap(wrapped, b"here")
    assert "refuses the token" in why(error)
    token_file.write_text("another\n")
    assert wrapper.unwrap(wrapped, b"here") == DATA, "an agent renewed the token"
    vault.mount = "elsewhere"
    with pytest.raises(StoreAway) as error:
        wrapper.unwrap(wrapped, b"here")
    assert "BROKER_VAULT_MOUNT" in why(error)
    vault.mount, vault.delay = "transit", 3.0
    start = time.monotonic()
    with pytest.raises(StoreAway) as error:
        wrapper.wrap(DATA, b"here")
    assert ("does not answer" in why(error), time.monotonic() - start < 2.5) == (True, True)
    vault.delay = 0.0
    del vault.keys[NAME].versions[1]
    vault.keys[NAME].versions[2] = b"x" * 32
    with pytest.raises(KeyMissing):
        wrapper.unwrap(wrapped, b"here")
    vault.keys.clear()
    with pytest.raises(KeyMissing):
        wrapper.unwrap(wrapped, b"here")
    assert NAME not in vault.keys


def test_nobody_there(token_file: Path) -> None:
    away = TransitStore(VaultSettings("http://127.0.0.1:9", token_file), patience=1.0)
    with pytest.raises(StoreAway) as error:
        away.make("A" * 43, NOW)
    assert "BROKER_VAULT_ADDRESS" in why(error)


@pytest.mark.parametrize("mode", [0o640, 0o604])
def test_a_token_that_others_can_read_is_not_used(
    vault: VaultSimulator, store: TransitStore, token_file: Path, mode: int
) -> None:
    token_file.chmod(mode)
    with pytest.raises(StoreAway) as error:
        made(store)
    assert "chmod 600" in why(error)
    assert vault.requests == []
    token_file.unlink()
    with pytest.raises(StoreAway) as error:
        made(store)
    assert "is not there" in why(error)


@pytest.mark.parametrize(
    "key", [TransitKey(kind="chacha20-poly1305"), TransitKey(exportable=True)], ids=["kind", "out"]
)
def test_a_key_of_that_name_that_is_not_fit_is_refused(
    vault: VaultSimulator, store: TransitStore, key: TransitKey
) -> None:
    vault.keys[NAME] = key
    with pytest.raises(StoreAway) as error:
        made(store)
    assert "can leave Vault" in why(error)
    with pytest.raises(StoreAway):
        store.check(Key(KeyPurpose.WRAPPING, "A" * 43, NOW, False, b"", place=KeyPlace(KeyStore.VAULT, NAME, 1)))


def test_a_destroyed_version_is_trimmed_and_opens_never_again(vault: VaultSimulator, store: TransitStore) -> None:
    first, second = made(store), made(store, "B" * 43)
    wrapped, kept = store.wrapper(first).wrap(DATA, b"here"), store.wrapper(second).wrap(DATA, b"here")
    left = store.destroy(second, [first])
    assert left is not None
    assert "min_available_version=3" in left.en
    assert store.wrapper(second).unwrap(kept, b"here") == DATA
    assert store.destroy(first, [second]) is None
    assert set(vault.keys[NAME].versions) == {2}
    with pytest.raises(KeyMissing):
        store.wrapper(first).unwrap(wrapped, b"here")
    assert store.wrapper(second).unwrap(kept, b"here") == DATA
    store.check(second)
    with pytest.raises(KeyMissing):
        store.check(first)
    assert store.destroy(first, [second]) is None, "gone is gone"
    assert store.destroy(second, []) is None, "the last one goes too, when all moved elsewhere"
    assert 2 not in vault.keys[NAME].versions


def test_where_vault_forbids_it_the_operator_hears_what_to_do(vault: VaultSimulator, store: TransitStore) -> None:
    first, second = made(store), made(store, "B" * 43)
    for forbidden in ("/config$", "/trim$"):
        vault.forbidden = forbidden
        left = store.destroy(first, [second])
        assert left is not None
        assert "the token may not do that" in left.en
        assert set(vault.keys[NAME].versions) == {1, 2}
    vault.forbidden, vault.sealed = "nothing", True
    with pytest.raises(StoreAway):
        store.destroy(first, [second])


@given(data=st.binary(min_size=32, max_size=32), bound=st.binary(max_size=200), other=st.binary(max_size=200))
def test_any_key_at_any_place(shared: TransitStore, data: bytes, bound: bytes, other: bytes) -> None:
    wrapper = shared.wrapper(
        Key(KeyPurpose.WRAPPING, "A" * 43, NOW, False, b"", place=KeyPlace(KeyStore.VAULT, NAME, 1))
    )
    wrapped = wrapper.wrap(data, bound)
    assert wrapper.unwrap(wrapped, bound) == data
    if other != bound:
        with pytest.raises(Tampered):
            wrapper.unwrap(wrapped, other)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TransitStore]:
    path = tmp_path_factory.mktemp("vault") / "token"
    path.touch(mode=0o600)
    path.write_text(TOKEN)
    with running_vault() as vault:
        vault.keys[NAME] = TransitKey()
        yield TransitStore(VaultSettings(vault.address, path))


# a broker with it


@pytest.fixture
async def world(
    tmp_path: Path, database_url: str, vault: VaultSimulator, token_file: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[World]:
    """A world that may use Vault; its keys are in files at first."""
    real = read_settings
    more = {"BROKER_VAULT_ADDRESS": vault.address, "BROKER_VAULT_TOKEN_FILE": str(token_file)}
    monkeypatch.setattr("tests.support.world.read_settings", lambda given: real({**given, **more}))
    kind = database_url.partition(":")[0].partition("+")[0]
    async with open_world(tmp_path, kind, database_url, make_keys(tmp_path)) as world:
        yield world


async def moved_to_vault(world: World) -> Key:
    keys = world.broker.keys
    old = await current(world.broker, KeyPurpose.WRAPPING)
    await keys.rotate([KeyPurpose.WRAPPING], KeyStore.VAULT)
    assert (await keys.rewrap()).failed == ()
    world.clock.later("P1D")
    assert await keys.retire(old.kid) is None
    return await current(world.broker, KeyPurpose.WRAPPING)  # type: ignore[return-value]


async def test_a_broker_moves_into_vault_and_on_within_it(world: World, vault: VaultSimulator) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    opened = await everything(world.broker)
    first = await moved_to_vault(world)
    assert first.store is KeyStore.VAULT
    assert await world.broker.keys.usage() == {first.kid: await total(world)}
    assert await everything(world.broker) == opened
    world.tokens.clear()
    assert (await case.ask()).status_code == 200
    await world.broker.keys.rotate([KeyPurpose.WRAPPING])
    second = await current(world.broker, KeyPurpose.WRAPPING)
    assert second.store is KeyStore.VAULT, "where the current one lives"
    assert (await world.broker.keys.rewrap()).failed == ()
    world.clock.later("P1D")
    assert await world.broker.keys.retire(first.kid) is None
    assert set(vault.keys[NAME].versions) == {2}
    assert await everything(world.broker) == opened
    secrets = [path.read_text() for path in world.broker.settings.keys.glob("wrapping.*.json")]
    assert [set(json.loads(text)) for text in secrets] == [
        {"kid", "purpose", "created", "demo", "store", "key", "version"}
    ]


async def total(world: World) -> int:
    return sum((await world.broker.keys.usage()).values())


async def test_without_vault_nothing_is_released_and_with_it_everything_again(
    world: World, vault: VaultSimulator
) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    await moved_to_vault(world)
    world.tokens.clear()
    assert (await case.ask()).status_code == 200
    before = len(await world.entries())
    vault.sealed = True
    world.broker.database  # noqa: B018 - the broker goes on
    refused = await case.ask()
    assert (refused.status_code, refused.json()["type"]) == (503, "urn:rondom:problem:unavailable")
    assert "sealed" not in refused.text.lower()
    with pytest.raises(Unsafe, match="sealed"):
        build(world.broker.settings, clock=world.clock)
    vault.sealed = False
    assert len(await world.entries()) == before
    assert (await case.ask()).status_code == 200


async def test_a_log_entry_costs_no_round_trip_for_a_person_who_was_seen_a_moment_ago(
    world: World, vault: VaultSimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    await moved_to_vault(world)
    world.tokens.clear()
    first = (await case.ask()).json()
    vault.requests.clear()
    assert (await case.ask()).status_code == 200
    sections = len(first["released"])
    assert len([path for _, path in vault.requests if "/decrypt/" in path]) == sections
    monkeypatch.setattr(subject_keys, "KEPT", 0.0)
    vault.requests.clear()
    await case.ask()
    assert len([path for _, path in vault.requests if "/decrypt/" in path]) > sections
    opened = world.broker.house.storage._storage._means.opened_keys  # type: ignore[attr-defined]
    opened._drop_old()
    assert not opened._kept


async def test_keys_of_persons_are_not_kept_when_the_wrapping_key_is_in_a_file(world: World) -> None:
    case = await push(world, TOM)
    await case.everybody_says_yes()
    assert (await case.ask()).status_code == 200
    assert world.broker.house.storage._storage._means.opened_keys._kept == {}  # type: ignore[attr-defined]


async def test_a_slow_vault_does_not_hold_up_the_others(world: World, vault: VaultSimulator) -> None:
    await push(world, TOM)
    await moved_to_vault(world)
    vault.delay = 0.4
    seen: list[float] = []
    caller = threading.get_ident()
    ran: list[int] = []

    async def tick() -> None:
        while True:
            seen.append(time.monotonic())
            await asyncio.sleep(0.01)

    def call() -> str:
        ran.append(threading.get_ident())
        return world.broker.house.vault.seal.__self__._wrapping.current().wrap(DATA, b"x").decode()[:6]

    ticking = asyncio.create_task(tick())
    assert await world.broker.house.aside(call) == "vault:"
    ticking.cancel()
    assert ran != [caller]
    assert max(b - a for a, b in itertools.pairwise(seen)) < 0.3


async def test_a_file_key_works_beside_a_vault_that_is_away(world: World, vault: VaultSimulator) -> None:
    """What is still under the file key opens; what is under Vault's does not."""
    await push(world, TOM)
    await world.broker.keys.rotate([KeyPurpose.WRAPPING], KeyStore.VAULT)
    vault.sealed = True
    assert await everything(world.broker)
    with pytest.raises(Unavailable):
        await world.broker.keys.rewrap()
    vault.sealed = False
    assert (await world.broker.keys.rewrap()).failed == ()
    vault.sealed = True
    with pytest.raises(Unavailable):
        await everything(world.broker)


# settings


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"BROKER_VAULT_ADDRESS": "http://vault.example:8200"}, "https"),
        ({"BROKER_VAULT_ADDRESS": "https://me:secret@vault.example"}, "without a secret"),
        ({"BROKER_VAULT_ADDRESS": "https://vault.example/v1"}, "without a path"),
        ({"BROKER_VAULT_TOKEN_FILE": ""}, "both, or none"),
        ({"BROKER_VAULT_MOUNT": "../sys"}, "BROKER_VAULT_MOUNT"),
        ({"BROKER_PKCS11_TOKEN": "rondom"}, "all three, or none"),
    ],
    ids=str,
)
def test_unsafe_settings_are_refused(given: dict[str, str], said: str) -> None:
    whole = {"BROKER_MODE": "demo", "BROKER_VAULT_ADDRESS": "https://v.example", "BROKER_VAULT_TOKEN_FILE": "t"}
    with pytest.raises(Unsafe, match=said) as refused:
        read_settings({**whole, **given})
    assert "me:secret" not in str(refused.value)


def test_a_store_that_a_key_names_and_nobody_set_stops_the_start(tmp_path: Path) -> None:
    keys = make_keys(tmp_path)
    from broker.crypto.keyring import write_key

    for place in (KeyPlace(KeyStore.VAULT, NAME, 1), KeyPlace(KeyStore.PKCS11, NAME)):
        path = write_key(keys, Key(KeyPurpose.WRAPPING, "A" * 43, NOW, True, b"", place=place))
        settings = read_settings({"BROKER_MODE": "demo", "BROKER_KEYS": str(keys)})
        with pytest.raises(Unsafe, match=f"lives in {place.store}"):
            build(replace(settings, database_url=f"sqlite:///{tmp_path}/x.db"))
        path.unlink()


def test_without_the_packages_a_store_says_what_to_install(token_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    from broker.crypto.hsm import Pkcs11Settings, Pkcs11Store

    for module, make in (
        ("hvac", lambda: TransitStore(VaultSettings("http://127.0.0.1:9", token_file))),
        ("pkcs11", lambda: Pkcs11Store(Pkcs11Settings(token_file, "t", token_file))),
    ):
        monkeypatch.setitem(sys.modules, module, None)
        with pytest.raises(Unsafe, match=r"requirements-stores\.lock"):
            make()
