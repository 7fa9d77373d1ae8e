"""P13: with a setting, a key or an agreement that is not safe the broker says one clear thing, starts nothing, and exits with 2."""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from broker.cli import serve as cli
from broker.cli.keys import make_all
from broker.cli.main import main
from broker.errors import Unsafe
from broker.settings import read_settings
from tests.support.identity_provider import IdentityProvider
from tests.support.world import ROOT

PASSWORD = "hunter2-does-not-belong-here"
SAFE = {
    "BROKER_MODE": "production",
    "BROKER_PUBLIC_URL": "https://consent.example",
    "BROKER_HOST": "127.0.0.1",
    "BROKER_LOG_GUARD": "/tmp/guard/checkpoint",
}
DEMO = {"BROKER_MODE": "demo", "BROKER_PUBLIC_URL": "http://localhost:8080"}

SETTINGS: dict[str, tuple[Mapping[str, str], str]] = {
    "no outbox in production": ({"BROKER_OUTBOX": ""}, "Set BROKER_OUTBOX"),
    "no guard of the log in production": ({"BROKER_LOG_GUARD": ""}, "Set BROKER_LOG_GUARD"),
    "messages on the console in production": ({"BROKER_OUTBOX": "console:"}, "BROKER_OUTBOX=console:"),
    "a moved clock in production": ({"BROKER_CLOCK_OFFSET": "P1Y"}, "BROKER_CLOCK_OFFSET is for demonstrations"),
    "an offset that is no period": ({**DEMO, "BROKER_CLOCK_OFFSET": "next week"}, "BROKER_CLOCK_OFFSET is a period"),
    "an address with a question": ({"BROKER_PUBLIC_URL": "https://consent.example?"}, "BROKER_PUBLIC_URL"),
    "http for the whole world": ({"BROKER_PUBLIC_URL": "http://consent.example"}, "must begin with https://"),
    "http at a name that begins with localhost": (
        {"BROKER_PUBLIC_URL": "http://localhost.consent.example"},
        "must begin with https://",
    ),
    "http at a user called localhost": ({"BROKER_PUBLIC_URL": "http://localhost@consent.example"}, "BROKER_PUBLIC_URL"),
    "an address with a password": ({"BROKER_PUBLIC_URL": f"https://me:{PASSWORD}@x.example"}, "BROKER_PUBLIC_URL"),
    "an address with a path": ({"BROKER_PUBLIC_URL": "https://consent.example/rondom"}, "without a path"),
    "an address of another kind": ({"BROKER_PUBLIC_URL": "javascript://consent.example"}, "BROKER_PUBLIC_URL"),
    "half an address": ({"BROKER_PUBLIC_URL": "https://[::1"}, "BROKER_PUBLIC_URL"),
    "an address with an impossible port": ({"BROKER_PUBLIC_URL": "https://consent.example:99999"}, "BROKER_PUBLIC_URL"),
    "a demo for the whole world": ({**DEMO, "BROKER_PUBLIC_URL": "https://consent.example"}, "only runs on localhost"),
    "a demo that listens to everybody": ({**DEMO, "BROKER_HOST": "0.0.0.0"}, "only runs on localhost"),
    "a mode that does not exist": ({"BROKER_MODE": "Demo"}, "BROKER_MODE is production or demo"),
    "debugging": ({"BROKER_MODE": "debug"}, "BROKER_MODE is production or demo"),
    "nobody who decides on the agreement": ({"BROKER_AGREEMENT": "nobody"}, "BROKER_AGREEMENT is officers or folder"),
    "anybody's word for a certificate": ({"BROKER_CLIENT_CERTIFICATE_HEADER": "Client-Cert"}, "both, or none"),
    "a proxy that is the whole world": (
        {"BROKER_CLIENT_CERTIFICATE_HEADER": "Client-Cert", "BROKER_CLIENT_CERTIFICATE_PROXIES": "0.0.0.0/0"},
        "only your own proxies",
    ),
    "a certificate in the token's header": (
        {"BROKER_CLIENT_CERTIFICATE_HEADER": "Authorization", "BROKER_CLIENT_CERTIFICATE_PROXIES": "127.0.0.1"},
        "a header of its own",
    ),
    "no port": ({"BROKER_PORT": "0"}, "BROKER_PORT"),
    "a port in other digits": ({"BROKER_PORT": "\u0668\u0660\u0668\u0660"}, "BROKER_PORT"),
    "a port with a million digits": ({"BROKER_PORT": "1" * 100_000}, "BROKER_PORT"),
    "a settings file that is not there": ({"BROKER_SETTINGS": "/nonexistent/settings.env"}, "BROKER_SETTINGS"),
}


@pytest.mark.parametrize("attack", SETTINGS)
def test_the_settings_refuse(attack: str) -> None:
    wrong, says = SETTINGS[attack]
    with pytest.raises(Unsafe) as refusal:
        read_settings({**SAFE, "BROKER_OUTBOX": "file:/tmp/outbox", **wrong})
    assert says in refusal.value.words.en
    assert PASSWORD not in refusal.value.words.en + refusal.value.words.nl + repr(refusal.value)
    assert refusal.value.words.nl != refusal.value.words.en


def test_every_fault_is_told_at_once() -> None:
    everything = {"BROKER_PUBLIC_URL": "http://x.example", "BROKER_OUTBOX": "", "BROKER_CLOCK_OFFSET": "P1D"}
    with pytest.raises(Unsafe) as refusal:
        read_settings({"BROKER_PORT": "x", **everything})
    assert all(name in refusal.value.words.en for name in [*everything, "BROKER_PORT"])


def test_safe_settings_are_taken_and_say_no_secret() -> None:
    url = f"postgresql://broker_app:{PASSWORD}@db.example/rondom"
    settings = read_settings(
        {**SAFE, "BROKER_DATABASE_URL": url, "BROKER_OUTBOX": f"smtp://me:{PASSWORD}@mail.example/?from=a&smsDomain=b"}
    )
    assert settings.mode == "production"
    assert PASSWORD not in repr(settings) + str(settings)


# `broker serve` itself


class House:
    """Folders that are right, to be spoilt one at a time."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory = directory
        make_all(directory / "keys")
        make_all(directory / "demo-keys", demo=True)
        shutil.copytree(ROOT / "policies", directory / "policies")
        self.port = port

    def right(self) -> dict[str, str]:
        d = self.directory
        return {
            **SAFE,
            "BROKER_PORT": str(self.port),
            "BROKER_DATABASE_URL": f"sqlite:///{d}/broker.db",
            "BROKER_KEYS": str(d / "keys"),
            "BROKER_POLICIES": str(d / "policies"),
            "BROKER_OUTBOX": f"file:{d}/outbox",
            "BROKER_LOG_GUARD": f"{d}/guard/checkpoint",
        }

    def keys(self, name: str) -> Path:
        """A copy of the keys, to be spoilt."""
        return Path(shutil.copytree(self.directory / "keys", self.directory / name))

    def policies(self, name: str) -> Path:
        return Path(shutil.copytree(self.directory / "policies", self.directory / name))


NOBODY_THERE = "a database that is not there"
"""Refused too, in a way that whoever starts the broker may try again."""


def spoilt(house: House) -> Iterator[tuple[str, dict[str, str], str]]:
    """Name, settings, and what the broker must say."""
    yield "no keys at all", {"BROKER_KEYS": str(house.directory / "nowhere")}, "broker keys init"
    empty = house.directory / "empty"
    empty.mkdir()
    yield "an empty folder of keys", {"BROKER_KEYS": str(empty)}, "Keys are missing"

    keys = house.keys("one-missing")
    next(keys.glob("records.*.json")).unlink()
    yield "one key missing", {"BROKER_KEYS": str(keys)}, "Keys are missing: records"

    for mode in (0o644, 0o640, 0o602):
        keys = house.keys(f"readable-{mode:o}")
        next(keys.glob("wrapping.*.json")).chmod(mode)
        yield f"a key with mode {mode:o}", {"BROKER_KEYS": str(keys)}, "can be read by others: chmod 600"

    keys = house.keys("damaged")
    key = next(keys.glob("fields.*.json"))
    document = json.loads(key.read_text())
    key.write_text(json.dumps({**document, "k": document["k"][:-2]}))
    yield "a damaged key", {"BROKER_KEYS": str(keys)}, "is damaged: put the copy back"

    keys = house.keys("cut")
    key = next(keys.glob("tokens.*.json"))
    key.write_text(key.read_text()[:60])
    yield "half a key", {"BROKER_KEYS": str(keys)}, "is damaged: put the copy back"

    yield "demo keys in production", {"BROKER_KEYS": str(house.directory / "demo-keys")}, "keys of a demonstration"
    keys = house.keys("one-demo")
    shutil.copy(next((house.directory / "demo-keys").glob("tokens.*.json")), keys)
    yield "one demo key among the real ones", {"BROKER_KEYS": str(keys)}, "keys of a demonstration"

    yield "no agreement", {"BROKER_POLICIES": str(house.directory / "nowhere")}, "does not exist or is empty"
    yield "an empty agreement", {"BROKER_POLICIES": str(empty)}, "does not exist or is empty"
    policies = house.policies("no-rules")
    (policies / "release.cedar").write_text("")
    yield "an agreement without a rule", {"BROKER_POLICIES": str(policies)}, "release.cedar"
    policies = house.policies("broken-rule")
    with (policies / "release.cedar").open("a") as rules:
        rules.write("\npermit (principal")
    yield "an agreement with a broken rule", {"BROKER_POLICIES": str(policies)}, "release.cedar"

    yield "a database of another kind", {"BROKER_DATABASE_URL": f"mysql://me:{PASSWORD}@db/x"}, "BROKER_DATABASE_URL"
    yield "no database address", {"BROKER_DATABASE_URL": f"{PASSWORD}"}, "BROKER_DATABASE_URL"
    nobody = f"postgresql://me:{PASSWORD}@127.0.0.1:1/rondom?connect_timeout=2"
    yield NOBODY_THERE, {"BROKER_DATABASE_URL": nobody}, "BROKER_DATABASE_URL"
    yield "a database in a file's place", {"BROKER_DATABASE_URL": "sqlite:////dev/null/x.db"}, "BROKER_DATABASE_URL"
    (house.directory / "no.db").write_bytes(b"this is no database at all, but it is long enough to be one" * 40)
    garbage = f"sqlite:///{house.directory}/no.db"
    yield "a file that is no database", {"BROKER_DATABASE_URL": garbage}, "BROKER_DATABASE_URL"

    yield "no mail server", {"BROKER_OUTBOX": f"smtp://me:{PASSWORD}@/"}, "BROKER_OUTBOX is not right"
    yield "an outbox of another kind", {"BROKER_OUTBOX": f"ftp://{PASSWORD}"}, "BROKER_OUTBOX is not right"
    yield "an outbox in a file's place", {"BROKER_OUTBOX": "file:/dev/null/outbox"}, "BROKER_OUTBOX"
    yield "a guard in a file's place", {"BROKER_LOG_GUARD": "/dev/null/guard"}, "BROKER_LOG_GUARD"
    (house.directory / "no-guard").write_text("consent.example/v1/log\n5\nnot a checkpoint\n")
    yield (
        "a guard that is damaged",
        {"BROKER_LOG_GUARD": f"{house.directory}/no-guard"},
        "guard (BROKER_LOG_GUARD) is damaged",
    )
    oidc = {"BROKER_OIDC": str(house.directory / "nowhere.toml")}
    yield "no file with identity providers", oidc, "BROKER_OIDC is not there"
    for name, lies, says in (
        ("over plain http", {"issuer": '"http://localhost:9/idp"'}, "begins with https://"),
        ("that asks a password alone", {"amr": '["pwd"]'}, "must demand more than a password"),
        ("that anybody can sign for", {"algorithms": '["none", "HS256"]'}, "may only use"),
        ("without its key", {"key_file": '"nothing.pem"'}, "names a file that cannot be read"),
        ("for nobody in particular", {"officers": ""}, "says for whom"),
    ):
        folder = house.directory / name.replace(" ", "-")
        folder.mkdir()
        file = IdentityProvider("https://login.example/idp").settings(folder, **lies)
        yield f"an identity provider {name}", {"BROKER_OIDC": str(file)}, says

    yield "settings that are not safe", {"BROKER_PUBLIC_URL": "http://x.example"}, "must begin with https://"


@pytest.fixture
def house(tmp_path: Path) -> House:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return House(tmp_path, port)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    return {**{name: value for name, value in os.environ.items() if not name.startswith("BROKER_")}, **settings}


def check_refusal(house: House, code: object, out: str, err: str, says: str, expected: int = 2) -> None:
    assert code == expected, out + err
    assert says in err
    assert "Traceback" not in err
    assert out == ""
    assert len(err.splitlines()) == 1 or says == "release.cedar", err
    assert len(err) < 600
    keys = [json.loads(path.read_text()) for path in (house.directory / "keys").iterdir()]
    secrets = {key.get("d") or key.get("priv") or key["k"] for key in keys} | {PASSWORD}
    assert len(secrets) == len(keys) + 1
    assert not [secret for secret in secrets if secret in err]


def test_broker_serve_refuses_with_one_clear_thing_and_exits_with_2(
    house: House, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], subtests: pytest.Subtests
) -> None:
    started = []
    monkeypatch.setattr(cli.DrainingServer, "run", lambda *_: started.append(1))
    monkeypatch.setattr(cli.observability, "set_up", lambda **_: None)
    monkeypatch.setattr(cli, "no_dumps", lambda: None)  # it would hold for the tests that come after, too
    monkeypatch.setattr(sys, "argv", ["broker", "serve"])
    for attack, wrong, says in spoilt(house):
        with subtests.test(attack):
            with monkeypatch.context() as here:
                here.setattr(os, "environ", environment({**house.right(), **wrong}))
                with pytest.raises(SystemExit) as end:
                    main()
            expected = cli.TRY_AGAIN if attack == NOBODY_THERE else 2
            check_refusal(house, end.value.code, *capsys.readouterr(), says, expected)
            assert not started

    with monkeypatch.context() as here:  # and with nothing spoilt it would have started
        here.setattr(os, "environ", environment(house.right()))
        with pytest.raises(SystemExit) as end:
            main()
    assert (end.value.code, started) == (0, [1])


@pytest.mark.parametrize("attack", ["no keys at all", "no agreement", "a file that is no database"])
def test_the_command_itself_refuses_like_that(house: House, attack: str) -> None:
    _, wrong, says = next(case for case in spoilt(house) if case[0] == attack)
    command = [sys.executable, "-m", "broker", "serve"]
    done = subprocess.run(
        command,
        env=environment({**house.right(), **wrong}),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    check_refusal(house, done.returncode, done.stdout, done.stderr, says)
