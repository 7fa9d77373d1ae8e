"""Made-up families: a real broker takes every one of them as it is; a broker that is no demonstration gets none."""

import json
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from broker.api.deps import Api
from broker.cli import main
from broker.cli.families.making import SITUATIONS, make_families
from broker.cli.keys import make_all
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street
from tests.support.world import ROOT, World, today

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["broker", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main.main()
        return int(end.value.code or 0), *capsys.readouterr()

    return run


@pytest.fixture
def place(tmp_path: Path, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    copied_sqlite(sqlite_template, tmp_path)
    with street(tmp_path, tmp_path / "broker.db", world_keys) as place:
        for oin, key in place.world.keys.items():
            (tmp_path / "keys").mkdir(exist_ok=True)
            key.write(tmp_path / "keys" / f"{oin}.jwk.json")
        yield place


async def test_every_body_is_taken_as_it_is_and_asks_whom_it_should(world: World) -> None:
    every: dict[str, list[set[str]]] = {}
    for family in make_families(60, 7, today()):
        answer = await world.as_organisation(family.sender, "POST", "/v1/handovers", family.body)
        assert answer.status_code == 201, (family.situation, answer.text)
        signers = {s["person"] for s in answer.json()["signers"] if not s["support"]}
        every.setdefault(family.situation, []).append(signers)
    asked = {situation: found[0] for situation, found in every.items()}
    for situation in set(asked) - {"guardianship", "shielded-section", "siblings"}:  # there the child's age is chance
        assert all(signers == asked[situation] for signers in every[situation]), situation
    parents = {"mother", "father"}
    for when, child in (("yesterday", {"child"}), ("today", {"child"}), ("tomorrow", set())):
        assert asked[f"turns-12-{when}"] == parents | child
    for when, adults in (("yesterday", set()), ("today", set()), ("tomorrow", parents)):
        assert asked[f"turns-16-{when}"] == {"child"} | adults
    assert asked["guardianship"] - {"child"} == {"guardian"}
    assert asked["nobody-on-record"] == set()
    assert asked["own-yes"] == {"child"}
    assert set(asked) == set(SITUATIONS)


def test_they_are_pushed_to_a_demo_broker_and_pushing_again_changes_nothing(
    place: Street, run: Run, tmp_path: Path
) -> None:
    push = ("demo", "families", "--count", 16, "--seed", 3, "--url", place.url, "--keys", tmp_path / "keys")
    for _ in range(2):
        code, out, err = run(*push)
        assert (code, "16 families were pushed." in out) == (0, True), err
    sent = place.do(place.world.as_organisation("00000099000000010000", "GET", "/v1/handovers?box=sent")).json()
    fostered = place.do(place.world.as_organisation("00000099000000110000", "GET", "/v1/handovers?box=sent")).json()
    assert len(sent["items"]) + len(fostered["items"]) == 16


def test_a_broker_that_does_not_say_that_it_is_a_demonstration_gets_nothing(
    place: Street, run: Run, tmp_path: Path
) -> None:
    push = ("demo", "families", "--count", 3, "--url", place.url, "--keys", tmp_path / "keys")
    inner: Any = place.world.app
    while not hasattr(inner, "state"):
        inner = inner._app
    api: Api = inner.state.api
    inner.state.api = replace(api, demo=False)
    try:
        code, out, err = run(*push)
        assert (code, out) == (2, "")
        assert "no demonstration" in err
    finally:
        inner.state.api = api
    sent = place.do(place.world.as_organisation("00000099000000010000", "GET", "/v1/handovers?box=sent")).json()
    assert sent["items"] == []


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"rondom_demo": "true"}', b'{"rondom_demo": 1}'])
def test_what_is_no_broker_gets_nothing(answer: bytes, run: Run, tmp_path: Path) -> None:
    posted: list[str] = []

    class Website(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(answer)

        def do_POST(self) -> None:
            posted.append(self.path)
            self.send_response(200)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name in the library
            return

    server = HTTPServer(("127.0.0.1", 0), Website)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        url = f"http://127.0.0.1:{server.server_port}"
        code, _, err = run("demo", "families", "--count", 1, "--url", url, "--keys", tmp_path)
        assert code == 2
        assert "no demonstration" in err
        assert posted == []
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_they_are_written_as_files_by_sender_and_never_written_over(run: Run, tmp_path: Path) -> None:
    write = ("demo", "families", "--count", 15, "--seed", 4, "--to", tmp_path / "families")
    assert run(*write)[0] == 0
    expected = {f"{f.sender}/{f.file_name}": f.body for f in make_families(15, 4, today())}
    there = {str(p.relative_to(tmp_path / "families")): json.loads(p.read_text()) for p in tmp_path.rglob("*.json")}
    assert there == expected
    code, _, err = run(*write)
    assert code == 2
    assert "there are families here already" in err.lower()
    assert run("demo", "families", "--count", 1, "--to", tmp_path / "x", "--day", "2028-02-29")[0] == 0


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--url", "http://x"),
        ("--keys", "k"),
        ("--to", "a", "--url", "b", "--keys", "k"),
        ("--to", "a", "--keys", "k"),
    ],
)
def test_a_choice_that_is_none_is_told(arguments: tuple[str, ...], run: Run) -> None:
    code, _, err = run("demo", "families", *arguments)
    assert code == 2
    assert "Choose --to FOLDER" in err


def test_a_day_that_is_none_and_an_address_where_nobody_is_are_told(run: Run, tmp_path: Path) -> None:
    assert "2027-01-31" in run("demo", "families", "--to", tmp_path / "a", "--day", "soon")[2]
    for nowhere in ("http://127.0.0.1:1", "nonsense", "http://["):
        assert "No broker answers" in run("demo", "families", "--url", nowhere, "--keys", tmp_path)[2]


def test_test_organisations_take_part_in_a_demonstration_only(
    run: Run, tmp_path: Path, sqlite_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied_sqlite(sqlite_template, tmp_path)
    make_all(tmp_path / "broker-keys", demo=True)
    settings = {
        "BROKER_MODE": "demo",
        "BROKER_DATABASE_URL": f"sqlite:///{tmp_path / 'broker.db'}",
        "BROKER_KEYS": str(tmp_path / "broker-keys"),
        "BROKER_POLICIES": str(ROOT / "policies"),
        "BROKER_PUBLIC_URL": "http://localhost:8080",
        "BROKER_OUTBOX": f"file:{tmp_path / 'outbox'}",
        "BROKER_LOG_GUARD": str(tmp_path / "guard"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    code, out, err = run("demo", "organisations", tmp_path / "mine")
    assert (code, "8 test organisations" in out) == (0, True), err
    keys = {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()}
    assert len(keys) == 8
    assert run("demo", "organisations", tmp_path / "mine")[0] == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "mine").iterdir()} == keys
    assert "00000099000000010000" in run("organisations", "list")[1]
    (tmp_path / "a-file").write_text("")
    assert run("demo", "organisations", tmp_path / "a-file")[0] == 2
    monkeypatch.setenv("BROKER_MODE", "production")
    monkeypatch.setenv("BROKER_PUBLIC_URL", "https://broker.example")
    monkeypatch.setenv("BROKER_OUTBOX", "smtp://mail.example")
    code, _, err = run("demo", "organisations", tmp_path / "others")
    assert code == 2
    assert "no demonstration" in err
    assert not (tmp_path / "others").exists()
