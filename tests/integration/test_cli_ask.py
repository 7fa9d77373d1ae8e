"""`broker ask`, `broker inbox` and `broker push` against a real broker: words, exit codes, and nothing personal in arguments."""

import io
import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from broker.cli import main
from broker.cli.towards import plain
from broker.client import ClientKey, Professional
from tests.support.agreeing import say, signed
from tests.support.sqlite import copied_sqlite
from tests.support.street import Street, street

SENDER, SCHOOL = "00000099000000010000", "00000099000000020000"
JORIS = ("--as", "ib-joris", "--name", "Joris Maas", "--role", "support-coordinator")
BSN = "999990019"
SHARED = ["status", "voice-of-the-child"]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Said]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path, world_keys: Path) -> Iterator[Street]:
    """A broker at which Tom's parents and Tom gave two of four parts to his school."""
    folder = tmp_path_factory.mktemp("street")
    copied_sqlite(sqlite_template, folder)
    with street(folder, folder / "broker.db", world_keys) as place:
        for oin in (SENDER, SCHOOL):
            place.world.keys[oin].write(folder / f"{oin}.json")
        body = place.world.body("tom-to-school")
        body["sections"][0]["content"] += "\x1b[2J\u202e"
        place.do(place.world.push("tom-to-school", body))
        for person in ("mother", "father", "tom"):
            place.do(place.world.answer("tom-to-school", person, dict.fromkeys(SHARED, "yes")))
        yield place


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: object, stdin: str = "") -> Said:
        monkeypatch.setattr(sys, "argv", ["broker", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as end:
            main.main()
        return Said(int(end.value.code or 0), *capsys.readouterr())

    return run


def towards(place: Street, oin: str) -> tuple[Any, ...]:
    return ("--url", place.url, "--oin", oin, "--key", place.world.directory / f"{oin}.json")


def handover(place: Street) -> str:
    return place.world.handovers["tom-to-school"]


def test_what_is_released_is_told_in_words_with_the_reasons_for_the_rest(place: Street, run: Run) -> None:
    asked = ("ask", *towards(place, SCHOOL), *JORIS, "--handover", handover(place), "--purpose", "education-support")
    said = run(*asked)
    assert (said.code, said.err) == (0, "")
    assert "== status ==" in said.out
    assert "Hulp is gestart op 12 oktober" in said.out
    assert "Not released: safety-plan" in said.out
    assert "in the broker's log" in said.out
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    one = run(*asked, "--section", "voice-of-the-child")
    assert "== status ==" not in one.out
    assert "== voice-of-the-child ==" in one.out
    whole = json.loads(run(*asked, "--json").out)
    assert sorted(section["type"] for section in whole["released"]) == SHARED
    assert whole["receipt"]["receipt"]["signature"]


async def mother_agrees(place: Street) -> None:
    consents = place.world.broker.consents
    token = await place.world.visit(place.world.codes["jack-to-gp", "mother"])
    [part] = await consents.sign_offs(token)
    await consents.sign(token, part.id, part.digest, "", agrees=True)


def test_who_agrees_is_told_with_the_text_of_which_they_do(place: Street, run: Run) -> None:
    world, doctors = place.world, "00000099000000040000"
    world.keys[doctors].write(world.directory / f"{doctors}.json")
    place.do(world.push("jack-to-gp"))
    place.do(world.everybody_says_yes("jack-to-gp"))
    release = place.do(world.ask("jack-to-gp", "ha-vdberg")).json()
    digest = signed(release, "analysis")["digest"]
    place.do(say(world, "ha-vdberg", release["id"], digest, "Het begon later."))
    place.do(mother_agrees(place))
    doctor = ("--as", "ha-vdberg", "--name", "L. van den Berg", "--role", "general-practitioner")
    asked = ("--handover", world.handovers["jack-to-gp"], "--purpose", "health-care")
    said = run("ask", *towards(place, doctors), *doctor, *asked)
    assert f"Version 1, {digest}" in said.out
    assert f"{doctors}, general-practitioner: Het begon" in said.out
    assert "parental: agrees" in said.out


@pytest.mark.parametrize(("said", "proof"), [((), True), (("--no-proof",), False)])
def test_the_proof_is_waited_for_unless_that_is_declined(
    place: Street, run: Run, monkeypatch: pytest.MonkeyPatch, said: tuple[str, ...], proof: bool
) -> None:
    waited: list[bool] = []
    ask = Professional.ask

    def noted(self: Professional, *asked: Any, proof: bool = False) -> Any:
        waited.append(proof)
        return ask(self, *asked)

    monkeypatch.setattr(Professional, "ask", noted)
    run("ask", *towards(place, SCHOOL), *JORIS, "--handover", handover(place), "--purpose", "education-support", *said)
    assert waited == [proof]


def test_nothing_released_is_exit_code_1_with_the_reasons(place: Street, run: Run) -> None:
    asked = (
        "ask", *towards(place, SCHOOL), *JORIS, "--handover", handover(place), "--purpose", "education-support",
        "--section", "safety-plan",
    )  # fmt: skip
    said = run(*asked)
    assert said.code == 1
    assert "Not released: " in said.out
    assert said.err == ""
    told = json.loads(run(*asked, "--json").out)
    assert told["withheld"][0]["reasons"][0]["code"]


def test_what_is_refused_is_one_sentence_and_exit_code_2(place: Street, run: Run, tmp_path: Path) -> None:
    there = ("ask", *towards(place, SCHOOL), *JORIS)
    wanted = ("--handover", "019a0000-0000-7000-8000-000000000000", "--purpose", "education-support")
    ClientKey.new("ES256").write(tmp_path / "other.json")
    address = towards(place, SCHOOL)
    cases = {
        "does not exist": (*there, *wanted),
        "Choose --handover": there,
        "/handover": (*there, *wanted, "--search-file", "-"),
        "Say why": (*there, "--handover", "x"),
        "/opens-with": (*there, *wanted, "--opens-with", tmp_path / "nowhere"),
        "is no broker": ("ask", *address[:1], f"{place.url}/docs", *address[2:], *JORIS, *wanted),
        "No broker answers": ("ask", *address[:1], "http://127.0.0.1:1", *address[2:], *JORIS, *wanted),
        "/key": ("ask", *address[:-1], tmp_path / "nowhere", *JORIS, *wanted),
        "not valid": ("ask", *address[:-1], tmp_path / "other.json", *JORIS, *wanted),
    }
    for sentence, arguments in cases.items():
        said = run(*arguments)
        assert said.code == 2, sentence
        assert sentence in said.err
        assert said.out == ""
        assert "Traceback" not in said.err


def test_an_identifier_comes_from_a_file_or_from_standard_input(place: Street, run: Run, tmp_path: Path) -> None:
    asked = ("ask", *towards(place, SCHOOL), *JORIS, "--search-file")
    (tmp_path / "bsn").write_text(f"{BSN}\n")
    for said in (run(*asked, tmp_path / "bsn"), run(*asked, "-", stdin=BSN)):
        assert said.code == 0
        assert said.out.startswith(handover(place))
        assert "open: status, voice-of-the-child" in said.out
        assert BSN not in said.out
    [found] = json.loads(run(*asked, "-", "--json", stdin=BSN).out)["items"]
    assert found["id"] == handover(place)
    nobody = run(*asked, "-", stdin="999990020")
    assert (nobody.code, nobody.out) == (1, "Nothing.\n")
    for wrong in ("", "12345678", f"{BSN} {BSN}", "abcdefghi", "\u0669" * 9, "9" * 5000):
        said = run(*asked, "-", stdin=wrong)
        assert said.code == 2
        assert "no BSN" in said.err
        assert not wrong or wrong not in said.err
    assert run(*asked, tmp_path / "nowhere").code == 2
    assert run(*asked, tmp_path).code == 2


def test_the_inbox_shows_what_is_open_and_what_was_sent(place: Street, run: Run) -> None:
    received = run("inbox", *towards(place, SCHOOL))
    assert (received.code, received.out.split()[0]) == (0, handover(place))
    assert run("inbox", *towards(place, SENDER)).out == "Nothing.\n"
    sent = json.loads(run("inbox", *towards(place, SENDER), "--sent", "--json").out)
    assert sent["items"][-1]["id"] == handover(place), "the oldest comes last"


def test_no_text_of_somebody_else_moves_the_cursor_or_turns_the_line() -> None:
    assert plain("a\nb\tc é عربي") == "a\nb\tc é عربي"
    for code in (*range(9), 0x0B, 0x0D, 0x1B, 0x7F, 0x9B, 0x202E, 0x2066):
        assert chr(code) not in plain(f"a{chr(code)}b")
