"""Every command does what it says, or says in one sentence what is wrong: exit code 2, and never a traceback."""

import asyncio
import json
import os
import re
import shutil
import socket
import sqlite3
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import sqlalchemy as sa

from broker.app import build
from broker.cli.keys import make_all
from broker.client import ClientKey, ClientSealingKey
from broker.crypto.encoding import b64url
from broker.crypto.keyring import load_keyring
from broker.crypto.sealing import About, mark_of, release_info, seal_content
from broker.pdp.policy_set import load
from broker.settings import read_settings
from broker.storage import migrate
from broker.storage import tables as t
from tests.factories import SCHOOL, SENDER, a_body, a_storeroom, born, with_handover, with_partners, with_people
from tests.support.postgres import APP_ROLE

ROOT = Path(__file__).resolve().parents[2]


ZYGOTE = """
import json, os, sys, traceback
from broker.cli import audit, demo, directory, erase, keys, main, policies, push, serve, webhooks

for line in sys.stdin:
    order = json.loads(line)
    child = os.fork()
    if not child:
        for number, name in ((1, "out"), (2, "err")):
            os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
        os.chdir(order["folder"])
        os.environ.clear()
        os.environ.update(order["environment"])
        sys.argv = ["broker", *order["arguments"]]
        code = 0
        try:
            main.main()
        except SystemExit as end:
            code = end.code or 0
        except BaseException:
            traceback.print_exc()
            code = 1
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""A process that has everything imported, and becomes a command when it is told to: importing takes most of the time."""


@pytest.fixture(scope="module")
def zygote() -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-c", ZYGOTE],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "NO_COLOR": "1"},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    yield process
    process.communicate(timeout=20)


@dataclass
class Desk:
    """A terminal in a folder of its own."""

    folder: Path
    zygote: subprocess.Popen[str]
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *arguments: object, **more: str) -> subprocess.CompletedProcess[str]:
        out, err = self.folder / ".out", self.folder / ".err"
        order = {
            "arguments": [str(argument) for argument in arguments],
            "folder": str(self.folder),
            "out": str(out),
            "err": str(err),
            "environment": {
                "PATH": os.environ["PATH"],
                "PYTHONPATH": str(ROOT),
                "BROKER_POLICIES": str(ROOT / "policies"),
                "BROKER_OUTBOX": f"file:{self.folder / 'outbox'}",
                "BROKER_LOG_GUARD": str(self.folder / "guard"),
                **self.environment,
                **more,
            },
        }
        assert self.zygote.stdin
        assert self.zygote.stdout
        self.zygote.stdin.write(json.dumps(order) + "\n")
        self.zygote.stdin.flush()
        code = int(self.zygote.stdout.readline())
        return subprocess.CompletedProcess(arguments, code, out.read_text(), err.read_text())

    def done(self, *arguments: object, **more: str) -> str:
        """What it printed; it must have worked."""
        result = self.run(*arguments, **more)
        assert result.returncode == 0, result.stderr
        assert result.stderr == ""
        return result.stdout

    def refused(self, *arguments: object, code: int = 2, **more: str) -> str:
        """The sentence; there must be no more than that."""
        result = self.run(*arguments, **more)
        assert result.returncode == code, (result.stdout, result.stderr)
        said = result.stderr.strip() or result.stdout.strip()
        assert "Traceback" not in result.stderr
        assert said
        assert len(said.splitlines()) == 1, said
        return said


@pytest.fixture
def desk(tmp_path: Path, zygote: subprocess.Popen[str]) -> Desk:
    return Desk(tmp_path, zygote)


@pytest.fixture
def furnished(desk: Desk, world_keys: Path, sqlite_template: Path) -> Desk:
    """With keys, and a database at the newest version."""
    (desk.folder / "var").mkdir()
    (desk.folder / "var" / "broker.db").write_bytes(sqlite_template.read_bytes())
    desk.environment |= {"BROKER_KEYS": str(world_keys), "BROKER_MODE": "demo"}
    return desk


def public_key(folder: Path, name: str = "key.json") -> Path:
    (folder / name).write_text(json.dumps(ClientKey.new().public_jwk()))
    return folder / name


def test_help_names_every_command():
    helped = subprocess.run(
        [sys.executable, "-W", "error", "-m", "broker", "--help"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for command in (
        "keys",
        "policies",
        "audit",
        "organisations",
        "officers",
        "db",
        "serve",
        "demo",
        "push",
        "ask",
        "inbox",
        "invite",
        "open",
        "client-keys",
        "erase",
        "webhooks",
    ):
        assert command in helped


# keys


def test_keys_are_made_once_are_private_and_listed_without_the_key(desk):
    assert desk.done("keys", "init").startswith("10 keys made.")
    files = sorted((desk.folder / "keys").iterdir())
    assert len(files) == 10
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
    assert "already" in desk.refused("keys", "init")
    assert sorted((desk.folder / "keys").iterdir()) == files
    rows = json.loads(desk.done("keys", "list", "--json"))
    assert sorted(row["purpose"] for row in rows) == sorted(path.name.split(".")[0] for path in files)
    assert all(row["current"] and not row["demo"] for row in rows)
    listed = desk.done("keys", "list") + json.dumps(rows)
    for path in files:
        document = json.loads(path.read_text())
        assert document["kid"] in listed
        for secret in ("d", "k"):
            assert secret not in document or document[secret] not in listed


@pytest.mark.parametrize("start", ["-", "--", "-d", ""])
def test_a_keys_id_may_begin_with_a_dash(furnished, start):
    """One in 64 does; to retire it, nobody needs to know what a shell makes of that."""
    kid = f"{start}LCLAPdPXisbVBcGLfW4szBh8YQ5wUdv2G3rDV8Ltyo"
    for more in ([], ["--dry-run"]):
        assert "There is no key with this id" in furnished.refused("keys", "retire", kid, *more)
    assert "extra argument" in furnished.run("keys", "retire", kid, "--dryrun").stderr


def test_keys_that_are_not_there_or_not_private_are_refused(desk):
    assert "broker keys init" in desk.refused("keys", "list")
    desk.done("keys", "init", "--demo")
    path = next((desk.folder / "keys").glob("log.*.json"))
    path.chmod(0o644)
    assert path.name in desk.refused("keys", "list")
    path.chmod(0o600)
    secret = json.loads(path.read_text())["d"]
    path.write_text(path.read_text().replace(secret, secret[:-4] + "AAAA"))
    assert "damaged" in desk.refused("keys", "list")
    assert "keys of a demonstration" in desk.refused(
        "organisations", "list", BROKER_KEYS=str(_demo_keys(desk.folder))
    )  # fmt: skip


def _demo_keys(folder: Path) -> Path:
    make_all(folder / "demo-keys", demo=True)
    return folder / "demo-keys"


# policies


def test_the_agreement_is_checked_and_its_cases_are_run(desk):
    checked = json.loads(desk.done("policies", "check", "--json"))
    assert checked["ok"]
    assert checked["channels"] > 0
    assert checked["digest"] in desk.done("policies", "check")
    assert desk.done("policies", "test").splitlines()[-1].endswith("cases came out as they should.")
    assert all(case["passed"] for case in json.loads(desk.done("policies", "test", "--json")))


def test_an_agreement_that_is_missing_broken_or_comes_out_otherwise_is_told(desk):
    assert desk.refused("policies", "check", code=1, BROKER_POLICIES=str(desk.folder / "nowhere"))
    assert desk.refused("policies", "test", BROKER_POLICIES=str(desk.folder / "nowhere"))
    copy = desk.folder / "policies"
    shutil.copytree(ROOT / "policies", copy)
    rules = copy / "release.cedar"
    whole = rules.read_text()
    rules.write_text(whole + "permit(")
    assert desk.refused("policies", "check", code=1, BROKER_POLICIES=str(copy))
    fault = json.loads(desk.refused("policies", "check", "--json", code=1, BROKER_POLICIES=str(copy)))
    assert fault["ok"] is False
    assert fault["fault"]
    rules.write_text(whole)
    channels = copy / "channels.toml"
    whole = channels.read_text()
    channels.write_text(whole.replace('recipient_kinds = ["foster-care"]', 'recipient_kinds = ["foster-parents"]'))
    told = desk.refused("policies", "check", code=1, BROKER_POLICIES=str(copy))
    assert re.search(r"channels\.toml, line \d+: .*'foster-parents', which the vocabulary does not know", told)
    channels.write_text(whole)
    case = next((copy / "cases" / "allow").glob("*.json"))
    case.rename(copy / "cases" / "deny" / case.name)
    result = desk.run("policies", "test", BROKER_POLICIES=str(copy))
    assert result.returncode == 1
    assert case.name in result.stdout


# organisations and officers


def test_a_partner_is_added_listed_suspended_and_let_in_again(furnished):
    desk = furnished
    key = public_key(desk.folder)
    assert desk.done("organisations", "add", SCHOOL, "Basisschool De Brug", "school", "--key", key) == (
        "Added, with 1 key(s); what it gets is in clear, over TLS.\n"
    )
    expected = {"oin": SCHOOL, "name": "Basisschool De Brug", "kind": "school", "suspended": False, "sealed": False}
    unreachable = {"website": "", "telephone": "", "hours": "", "urgentTelephone": ""}
    expected |= {"jwksUrl": None, "boundTokens": False, "reachability": unreachable, "region": ""}
    assert json.loads(desk.done("organisations", "list", "--json")) == [expected]
    desk.done("organisations", "suspend", SCHOOL)
    assert "(suspended)" in desk.done("organisations", "list")
    desk.done("organisations", "suspend", SCHOOL, "--lift")
    assert "(suspended)" not in desk.done("organisations", "list")


def test_a_partner_may_be_added_with_the_address_of_its_keys(furnished):
    desk = furnished
    add = ("organisations", "add", SCHOOL, "School", "school")
    there = ("--jwks-url", "https://keys.example/jwks")
    assert desk.done(*add, *there, "--bound-tokens").startswith("Added, with keys at its address;")
    (listed,) = json.loads(desk.done("organisations", "list", "--json"))
    assert (listed["jwksUrl"], listed["boundTokens"]) == ("https://keys.example/jwks", True)
    assert "(keys at its address)  (bound)" in desk.done("organisations", "list")
    key = ("--key", public_key(desk.folder))
    desk.done(*add, *key)
    (listed,) = json.loads(desk.done("organisations", "list", "--json"))
    assert (listed["jwksUrl"], listed["boundTokens"]) == (None, True)
    desk.done(*add, *key, "--no-bound-tokens")
    assert not json.loads(desk.done("organisations", "list", "--json"))[0]["boundTokens"]
    for wrong in ((), (*key, *there)):
        assert "one of the two" in desk.refused(*add, *wrong)
    assert "Choose one" in desk.refused(*add, *key, "--bound-tokens", "--no-bound-tokens")
    assert desk.refused(*add, "--jwks-url", "ftp://keys.example/").startswith("/jwks-url: ")


def test_whom_to_call_after_hours_is_registered_encrypted_and_taken_away(furnished):
    desk = furnished
    desk.done("organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    after_hours = ("organisations", "after-hours", SCHOOL)

    def kept() -> list[bytes]:
        connection = sqlite3.connect(desk.folder / "var" / "broker.db")
        rows = [sealed for (sealed,) in connection.execute("SELECT contact_sealed FROM after_hours")]
        connection.close()
        return rows

    assert "They get a text message" in desk.done(
        *after_hours, "--phone", "+31612345678", "--mail", "dienst@school.example"
    )
    (sealed,) = kept()
    assert b"31612345678" not in sealed
    assert b"dienst" not in sealed
    for wrong, pointer in (
        (("--phone", "0612345678"), "/phone: "),
        (("--phone", "+31612345678", "--mail", "nowhere"), "/mail: "),
        ((), "/phone: "),
        (("--phone", "+31612345678", "--nobody"), "/phone: "),
    ):
        assert desk.refused(*after_hours, *wrong).startswith(pointer)
    assert desk.refused("organisations", "after-hours", "00000099000000990000", "--phone", "+31612345678")
    assert kept() == [sealed]
    assert "Nobody is told" in desk.done(*after_hours, "--nobody")
    assert kept() == []


def test_a_sealing_key_is_registered_and_stays_until_it_is_taken_away_on_purpose(furnished):
    desk = furnished
    keys = desk.folder / "own"
    assert "Made in" in desk.done("client-keys", keys)
    assert {p.name for p in keys.iterdir()} == {
        f"{name}.{half}.json" for name in ("signing", "sealing") for half in ("private", "public")
    }
    assert {stat.S_IMODE(path.stat().st_mode) for path in keys.glob("*.private.json")} == {0o600}
    assert "keys here already" in desk.refused("client-keys", keys)
    add = ("organisations", "add", SCHOOL, "School", "school", "--key", keys / "signing.public.json")
    assert "sealed to its key" in desk.done(*add, "--sealing-key", keys / "sealing.private.json")
    connection = sqlite3.connect(desk.folder / "var" / "broker.db")
    ((kept,),) = connection.execute("SELECT sealing_key FROM organisation").fetchall()
    connection.close()
    assert json.loads((keys / "sealing.private.json").read_text())["priv"] not in kept
    assert "sealed to its key" in desk.done(*add)
    desk.done("organisations", "suspend", SCHOOL)
    assert "(sealed)  (suspended)" in desk.done("organisations", "list")
    assert "in clear" in desk.done(*add, "--no-sealing-key")
    for wrong in ("signing.public.json", "nowhere.json", "."):
        assert desk.refused(*add, "--sealing-key", keys / wrong).startswith("/sealing-key: ")
    assert "Choose one" in desk.refused(*add, "--no-sealing-key", "--sealing-key", keys / "sealing.public.json")


def test_a_release_is_opened_with_the_key_it_was_sealed_to_and_says_nothing_otherwise(desk):
    key, other, folder = ClientSealingKey.new(), ClientSealingKey.new(), desk.folder
    key.write(folder / "mine.json")
    other.write(folder / "old.json")
    about, content = About(SENDER, "status", "text/plain", mark_of(b"k" * 32, "r")), b"k" * 32
    ciphertext = seal_content(content, about, "Zoë gaat vooruit.".encode())
    sealed = {
        "format": "rondom-sealed-1",
        "kid": key.kid,
        "key": b64url(key.public.seal(content, release_info(key.kid, SCHOOL, "r-1", about, ciphertext))),
        "ciphertext": b64url(ciphertext),
        "sender": SENDER,
        "reference": b64url(about.mark),
    }
    section = {"type": "status", "mediaType": "text/plain", "sealed": sealed}
    path = folder / "release.json"
    path.write_text(json.dumps({"id": "r-1", "released": [section]}))
    asked = ("open", path, "--oin", SCHOOL, "--key")
    opened = desk.done(*asked, "old.json", "--key", "mine.json")
    assert json.loads(opened)["released"] == [
        {"type": "status", "mediaType": "text/plain", "content": "Zoë gaat vooruit."}
    ]
    assert "Zoë gaat vooruit." in opened
    assert "status did not open" in desk.refused(*asked, "old.json", code=1)
    assert "status did not open" in desk.refused("open", path, "--oin", SENDER, "--key", "mine.json", code=1)
    for wrong in ("release.json", "nowhere.json", "."):
        assert desk.refused(*asked, wrong).startswith("/key: ")
    for text in ("{", "[]", "5", "null", "{}", '{"id": "r-1"}', "[" * 100_000):
        path.write_text(text)
        assert "no release" in desk.refused(*asked, "mine.json")
    for text in ('{"id": "r-1", "released": [5]}', '{"id": [], "released": 5}'):
        path.write_text(text)
        assert "this is no release" in desk.refused(*asked, "mine.json", code=1)
    path.unlink()
    assert "no release" in desk.refused(*asked, "mine.json")


def test_of_a_private_key_only_the_public_half_is_kept(furnished):
    ClientKey.new().write(furnished.folder / "private.json")
    secret = json.loads((furnished.folder / "private.json").read_text())["d"]
    furnished.done("organisations", "add", SCHOOL, "School", "school", "--key", furnished.folder / "private.json")
    connection = sqlite3.connect(furnished.folder / "var" / "broker.db")
    ((jwks,),) = connection.execute("SELECT jwks FROM organisation").fetchall()
    connection.close()
    assert secret not in jwks
    assert '"d"' not in jwks


def test_a_wrong_partner_is_refused_and_nothing_is_added(furnished):
    desk, key = furnished, public_key(furnished.folder)
    (desk.folder / "no.json").write_text("{")
    (desk.folder / "list.json").write_text("[]")
    jwk = ClientKey.new().public_jwk()
    (desk.folder / "twice.json").write_text(json.dumps({"keys": [jwk, jwk]}))
    (desk.folder / "none.json").write_text(json.dumps({"keys": []}))
    (desk.folder / "secret.json").write_text(json.dumps({"kty": "oct", "k": "c2VjcmV0", "kid": "x"}))
    add = ("organisations", "add")
    assert "twenty digits" in desk.refused(*add, "123", "School", "school", "--key", key)
    assert "does not know this kind" in desk.refused(*add, SCHOOL, "School", "castle", "--key", key)
    for name in ("no.json", "list.json", "none.json", "twice.json", "secret.json", "nowhere.json", "."):
        said = desk.refused(*add, SCHOOL, "School", "school", "--key", desk.folder / name)
        assert said.startswith("/key: ")
        assert "c2VjcmV0" not in said
    assert json.loads(desk.done("organisations", "list", "--json")) == []
    assert desk.refused("organisations", "suspend", SCHOOL)


def test_a_missing_argument_is_told(furnished):
    for arguments in (("organisations", "add"), ("organisations", "suspend"), ("officers", "invite"), ("push",)):
        result = furnished.run(*arguments)
        assert result.returncode == 2
        assert "Missing" in result.stderr
        assert "Traceback" not in result.stderr


def test_an_officer_is_invited_with_a_code_that_is_not_kept(furnished):
    said = furnished.done("officers", "invite", "Anna de Vries")
    code = said.split()[-1]
    assert said.startswith("invitation code ")
    assert len(code.replace("-", "")) >= 12
    raw = (furnished.folder / "var" / "broker.db").read_bytes()
    for wal in (furnished.folder / "var").glob("*-wal"):
        raw += wal.read_bytes()
    for secret in (code.encode(), code.replace("-", "").encode(), b"Anna", b"Vries"):
        assert secret not in raw


# the database


def test_a_database_is_brought_to_the_newest_version_once_and_again(desk):
    for _ in range(2):
        assert desk.done("db", "upgrade") == f"The database is at version {migrate.newest()}.\n"
    assert (desk.folder / "var" / "broker.db").exists()


def test_a_database_that_cannot_be_upgraded_is_told(desk):
    (desk.folder / "broken.db").write_bytes(b"this is no database" * 500)
    (desk.folder / "folder.db").mkdir()
    for address in (
        "mysql://user:hidden@h/d",
        "nonsense",
        "sqlite:///broken.db",
        "sqlite:///folder.db",
        "postgresql://user:hidden@127.0.0.1:1/d",
    ):
        assert "hidden" not in desk.refused("db", "upgrade", BROKER_DATABASE_URL=address)


def test_on_postgresql_the_owner_upgrades_and_the_broker_may_not(desk, postgres_server, world_keys):
    database = postgres_server.create_database()
    try:
        app = {"BROKER_DATABASE_URL": database.app_url, "BROKER_KEYS": str(world_keys), "BROKER_MODE": "demo"}
        assert "broker db upgrade" in desk.refused("organisations", "list", **app)
        assert "BROKER_OWNER_DATABASE_URL" in desk.refused("db", "upgrade", **app)
        desk.done("db", "upgrade", BROKER_OWNER_DATABASE_URL=database.owner_url, **app)
        assert desk.done("organisations", "list", "--json", **app).strip() == "[]"
        assert f"{APP_ROLE}-test" not in desk.refused(
            "db", "upgrade", BROKER_DATABASE_URL=database.app_url.replace(f"{APP_ROLE}-test", "wrong")
        )
    finally:
        postgres_server.drop(database)


# unsafe settings


def test_unsafe_settings_are_refused_by_every_command_that_opens_the_broker(furnished):
    for arguments in (("serve",), ("organisations", "list"), ("audit", "checkpoint"), ("officers", "invite", "A")):
        assert "BROKER_MODE" in furnished.refused(*arguments, BROKER_MODE="test")
    assert "https://" in furnished.refused("serve", BROKER_MODE="production", BROKER_PUBLIC_URL="http://b.example")
    assert "BROKER_OUTBOX" in furnished.refused("organisations", "list", BROKER_OUTBOX="pigeon:")
    assert "BROKER_OUTBOX" in furnished.refused("organisations", "list", BROKER_OUTBOX="smtp://h:x/?from=a&smsDomain=b")
    assert "BROKER_SETTINGS" in furnished.refused("keys", "list", BROKER_SETTINGS="nowhere")


# the log


def test_the_log_is_empty_then_checked_and_its_checkpoint_can_be_kept(furnished):
    desk = furnished
    assert desk.refused("audit", "checkpoint")
    assert "empty" in desk.done("audit", "verify")
    _sequence(desk, "organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    checkpoint = desk.done("audit", "checkpoint")
    (desk.folder / "kept.txt").write_text(checkpoint)
    assert checkpoint.split("\n")[1] == "1"
    verdict = json.loads(desk.done("audit", "verify", "--json"))
    assert (verdict["ok"], verdict["code"]) == (True, 0)
    assert "earlier" in desk.done("audit", "verify", "--earlier", desk.folder / "kept.txt")


def _sequence(desk: Desk, *arguments: object) -> None:
    """Run a command, and the sequencer after it, as a running broker would."""
    desk.done(*arguments)
    database = f"sqlite:///{desk.folder / 'var' / 'broker.db'}"
    settings = read_settings({"BROKER_OUTBOX": "console:", **desk.environment, "BROKER_DATABASE_URL": database})

    async def sequence() -> None:
        broker = build(settings)
        while await broker.ledger.step():
            pass
        await broker.database.close()

    asyncio.run(sequence())


def test_a_log_that_was_changed_is_not_genuine(furnished):
    desk = furnished
    _sequence(desk, "organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    (desk.folder / "kept.txt").write_text(desk.done("audit", "checkpoint"))
    connection = sqlite3.connect(desk.folder / "var" / "broker.db")
    connection.execute("DROP TRIGGER log_entry_no_update")
    connection.execute("UPDATE log_entry SET leaf = CAST(replace(CAST(leaf AS TEXT), 'active', 'passed') AS BLOB)")
    connection.commit()
    connection.close()
    assert "no longer what it was" in desk.refused("audit", "verify", code=1)


def test_a_wrong_checkpoint_or_receipt_is_told(furnished):
    desk = furnished
    _sequence(desk, "organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    (desk.folder / "bytes").write_bytes(b"\xff\xfe")
    for name in ("nowhere", "bytes", "."):
        assert "cannot be read" in desk.refused("audit", "verify", "--earlier", desk.folder / name)
    (desk.folder / "other.txt").write_text("broker.example/v1/log\n1\nAAAA\n\n")
    result = desk.run("audit", "verify", "--earlier", desk.folder / "other.txt")
    assert result.returncode in (1, 2)
    assert "Traceback" not in result.stderr
    keys = json.loads(desk.done("audit", "keys"))
    assert set(keys) >= {"logs", "receipts"}
    (desk.folder / "keys.json").write_text(json.dumps(keys))
    for number, text in enumerate(("", "{", "[]", "5", "null", '"x"', '{"receipt": 5}', '{"leaf": 5}')):
        path = desk.folder / f"receipt-{number}.json"
        path.write_text(text)
        result = desk.run("audit", "verify", path, "--keys", desk.folder / "keys.json")
        assert result.returncode in (1, 2), (text, result.stdout)
        assert "Traceback" not in result.stderr, text
        assert len((result.stdout + result.stderr).strip().splitlines()) == 1
    for text in ("{}", "[]", '{"logs": ["x"], "receipts": {}}', '{"logs": [], "receipts": {"a": "!"}}', '{"logs": 5}'):
        (desk.folder / "wrong.json").write_text(text)
        assert desk.refused("audit", "verify", desk.folder / "receipt-7.json", "--keys", desk.folder / "wrong.json")


# erase


def test_nothing_due_is_said_and_is_no_fault(furnished):
    assert furnished.done("erase", "--dry-run") == "Due: 0 handover(s), 0 person(s). Nothing was changed.\n"
    assert furnished.done("erase") == "Erased: 0 handover(s), 0 person(s).\n"
    said = json.loads(furnished.done("erase", "--json"))
    assert said == {"handovers": [], "people": 0, "failed": 0, "clean": True, "dryRun": False}


def test_what_is_due_is_erased_once_and_a_dry_run_only_says_so(furnished):
    ids = asyncio.run(_two_that_ended(furnished))
    file = furnished.folder / "var" / "broker.db"
    before = _dumped(file)
    rehearsed = json.loads(furnished.done("erase", "--dry-run", "--json"))
    assert [(row["handover"], row["cause"]) for row in rehearsed["handovers"]] == [(i, "retention-over") for i in ids]
    assert all(row["daysOverdue"] > 3000 for row in rehearsed["handovers"])
    assert (rehearsed["people"], rehearsed["dryRun"]) == (0, True)
    assert _dumped(file) == before, "not even the log"
    said = furnished.done("erase")
    assert all(f"{one}  retention over" in said for one in ids)
    assert said.endswith("Erased: 2 handover(s), 0 person(s).\n")
    assert "Noor" not in said
    assert "Due: 0 handover(s)" in furnished.done("erase", "--dry-run")
    assert "erased" not in furnished.refused("audit", "verify")  # nothing sequences here: it cannot be checked yet


def test_what_cannot_be_erased_is_counted_and_the_exit_code_says_so(furnished):
    broken, other = asyncio.run(_two_that_ended(furnished))
    with sqlite3.connect(furnished.folder / "var" / "broker.db") as connection:
        connection.execute(
            "CREATE TRIGGER stuck BEFORE UPDATE ON section WHEN old.handover = "
            f"'{broken}' BEGIN SELECT RAISE(ABORT, 'stuck'); END"
        )
    result = furnished.run("erase", "--json")
    said = json.loads(result.stdout)
    assert (result.returncode, said["failed"]) == (1, 1)
    assert [row["handover"] for row in said["handovers"]] == [other]


async def _two_that_ended(desk: Desk) -> list[str]:
    """Two handovers that ended ten years ago. Returns their ids, in order."""
    database = desk.folder / "var" / "broker.db"
    store = a_storeroom(f"sqlite:///{database}", keyring=load_keyring(Path(desk.environment["BROKER_KEYS"])))
    await with_partners(store)
    people = await with_people(store, child=born(8), mother=born(40))
    ids = sorted([(await with_handover(store, people)).id for _ in range(2)])
    async with store.storage() as work:
        await work._connection.execute(sa.update(t.handover).values(retain_until=date(2016, 1, 1)))  # type: ignore[attr-defined]
        await work.commit()
    await store.database.close()
    return [str(one) for one in ids]


def _dumped(file: Path) -> list[str]:
    with sqlite3.connect(file) as connection:
        return list(connection.iterdump())


# push


@pytest.fixture
def website() -> Iterator[str]:
    """Something that is no broker: says yes to everything."""

    class Yes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"<html>welcome")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
            return

    server = HTTPServer(("127.0.0.1", 0), Yes)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_push_that_cannot_be_made_is_told_in_a_sentence(desk, website):
    ClientKey.new().write(desk.folder / "key.json")
    body = desk.folder / "body.json"
    body.write_text(json.dumps(a_body()))

    def push(file: Path, url: str, key: str = "key.json") -> str:
        return desk.refused("push", file, "--url", url, "--oin", SENDER, "--key", desk.folder / key)

    for number, text in enumerate((b"", b"{", b"\xff", b'{"a": NaN}', b"[" * 100_000)):
        (desk.folder / f"{number}.json").write_bytes(text)
        assert "no JSON" in push(desk.folder / f"{number}.json", website)
    assert "no JSON" in push(desk.folder / "nowhere.json", website)
    assert "/key: " in push(body, website, "nowhere.json")
    assert "/key: " in push(body, website, "body.json")
    for url in ("http://127.0.0.1:1", "nonsense", "ftp://x", "http://[", "http://no-such-host.invalid", ""):
        assert "No broker answers at this address" in push(body, url)
    assert "no broker at this address" in push(body, website)


def test_a_push_to_a_running_broker_is_kept_or_refused_with_every_fault(furnished):
    desk = furnished
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    key = ClientKey.new()
    key.write(desk.folder / "key.json")
    kinds = {SENDER: "neighbourhood-team", SCHOOL: "school"}
    for oin, kind in kinds.items():
        desk.done("organisations", "add", oin, kind, kind, "--key", desk.folder / "key.json")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "BROKER_POLICIES": str(ROOT / "policies"),
        "BROKER_OUTBOX": "file:outbox",
        "BROKER_LOG_GUARD": "guard",
        **desk.environment,
        "BROKER_PORT": str(port),
        "BROKER_PUBLIC_URL": url,
    }
    with (desk.folder / "log").open("wb") as log:
        serving = subprocess.Popen(
            [sys.executable, "-m", "broker", "serve"], cwd=desk.folder, env=environment, stderr=log
        )
    try:
        _wait_for(port)
        arguments = ("--url", url, "--oin", SENDER, "--key", desk.folder / "key.json")
        body = a_body()
        body["people"][1]["contacts"] = [{"channel": "email", "value": "sara@thuis.example"}]
        (desk.folder / "body.json").write_text(json.dumps(body))
        _an_agreement_is_proposed(desk)
        tried = json.loads(desk.done("push", desk.folder / "body.json", *arguments, "--dry-run"))
        assert tried["dryRun"] is True
        assert tried["policyDigest"]
        pushed = json.loads(desk.done("push", desk.folder / "body.json", *arguments))
        assert pushed["id"]
        _somebody_is_invited(desk, pushed["id"], arguments)
        (desk.folder / "wrong.json").write_text(json.dumps(a_body(kind="nonsense", subject="nobody", reference="d-2")))
        result = desk.run("push", desk.folder / "wrong.json", *arguments)
        assert result.returncode == 2
        assert "/kind: " in result.stderr
        assert "/subject: " in result.stderr
        ClientKey.new().write(desk.folder / "other.json")
        said = desk.refused("push", desk.folder / "body.json", *arguments[:-1], desk.folder / "other.json")
        assert "This assertion is not valid" in said
    finally:
        serving.terminate()
        assert serving.wait(20) in (0, -15)
    assert "Traceback" not in (desk.folder / "log").read_text()
    assert "Noor" not in (desk.folder / "log").read_text()


def _somebody_is_invited(desk, handover: str, arguments: tuple[object, ...]) -> None:
    """On a sheet that only its owner can read, on this screen, or by a message; and never in two ways at once."""
    invite, sheet = ("invite", handover, "mother", *arguments), desk.folder / "sheet.html"
    assert "delete the file" in desk.done(*invite, "--sheet", sheet)
    assert stat.S_IMODE(sheet.stat().st_mode) == 0o600
    assert sheet.read_text().startswith("<!doctype html>")
    assert "/sheet: " in desk.refused(*invite, "--sheet", sheet)
    shown = desk.done(*invite, "--show")
    assert re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}-[2-9A-Z]{4}", shown)
    assert "\u2580" in shown or "\u2588" in shown or "\u2584" in shown
    sent = desk.done(*invite, "--message")
    assert sent.startswith("Sent to the person's own contact.")
    assert not re.search(r"[2-9A-Z]{4}-[2-9A-Z]{4}", sent)
    for choice in ((), ("--show", "--message"), ("--show", "--sheet", desk.folder / "other.html")):
        assert "Choose one of" in desk.refused(*invite, *choice)
    gone = desk.folder / "gone.html"
    assert desk.refused("invite", "019a0000-0000-7000-8000-000000000000", "mother", *arguments, "--sheet", gone)
    assert not gone.exists(), "no code was made, and no file stays"


def _an_agreement_is_proposed(desk) -> None:
    """To a broker that serves; and an officer is no officer any more."""
    other = Path(shutil.copytree(ROOT / "policies", desk.folder / "other"))
    assert "in force already" in desk.refused("policies", "propose", other, "--reason", "x")
    (other / "README.md").write_text("another")
    assert "/from: " in desk.refused("policies", "propose", other, "--reason", "x", "--from", "tomorrow")
    assert "/reason: " in desk.refused("policies", "propose", other, "--reason", " ")
    said = json.loads(desk.done("policies", "propose", other, "--reason", "A text.", "--json"))
    assert (said["digest"], said["wider"]) == (load(other).digest, False)
    assert "gives nothing that is not given now" in desk.done("policies", "propose", other, "--reason", "Again.")
    (other / "release.cedar").write_text("")
    assert "release.cedar" in desk.refused("policies", "propose", other, "--reason", "x")
    desk.done("officers", "invite", "Anna")
    [line] = desk.done("officers", "list").splitlines()
    assert line.split()[1:] == ["invited", "officer", "Anna"]
    assert "no officer any more" in desk.done("officers", "withdraw", line.split()[0])
    assert desk.done("officers", "list").split()[1] == "withdrawn"
    desk.refused("officers", "withdraw", line.split()[0])


def _wait_for(port: int) -> None:
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError


def test_the_log_is_exported_and_a_bundle_checked_on_another_desk(furnished):
    desk = furnished
    assert "either" in desk.refused("audit", "export")
    assert "csv, fhir or otel" in desk.refused("audit", "export", "--format", "pdf")
    assert "not a day" in desk.refused("audit", "export", "--format", "csv", "--since", "yesterday")
    _sequence(desk, "organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    first = desk.run("audit", "export", "--format", "csv")  # it makes the log's guard, and says so
    assert (first.returncode, "organisation:changed" in first.stdout) == (0, True), first.stderr
    bundle = desk.folder / "log.zip"
    assert desk.done("audit", "export", "--bundle", bundle) == ""
    assert stat.S_IMODE(bundle.stat().st_mode) == 0o600
    (desk.folder / "keys.json").write_text(desk.done("audit", "keys"))
    assert "2 entries" in desk.done("audit", "verify", bundle, "--keys", desk.folder / "keys.json")
    desk.refused("audit", "verify", bundle, code=2)
    assert not json.loads(desk.run("audit", "verify", bundle, "--json").stdout)["ok"]
    desk.refused("audit", "verify", "http://127.0.0.1:1/v1/log", "--keys", desk.folder / "keys.json")
    desk.done("audit", "page", "--out", desk.folder / "verify.html", "--keys", desk.folder / "keys.json")
    assert json.loads((desk.folder / "keys.json").read_text())["logs"][0] in (desk.folder / "verify.html").read_text()


def test_folds_are_worked_out_anew_from_the_whole_log(furnished):
    desk = furnished
    _sequence(desk, "organisations", "add", SCHOOL, "School", "school", "--key", public_key(desk.folder))
    said = desk.done("folds", "rebuild")
    lines = int(re.findall(r"Rebuilt from (\d+) entries", said)[0])
    assert lines > 0
    with sqlite3.connect(desk.folder / "var" / "broker.db") as database:
        assert database.execute("SELECT count(*) FROM log_fold_entry").fetchone() == (lines,)
    database.close()
    assert f"Rebuilt from {lines} entries" in desk.done("folds", "rebuild")
