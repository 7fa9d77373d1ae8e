"""A recording stands for exactly the sentence whose digest names it; nothing else in the folder is served."""

import csv
import hashlib
import io
import os
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from broker.cli.policies import app as policies
from broker.domain.speech import digest_of, sentences, worth_recording
from broker.errors import Unsafe
from broker.pdp.policy_set import PolicySet, load
from broker.settings import read_settings
from broker.web import Site, install_web
from broker.web.kit.recordings import LARGEST, Recordings
from tests.unit.web.conftest import ORIGIN, browsing
from tests.unit.web.fake_console import FakeConsole, console_services
from tests.unit.web.fakes import FakeFamily

ROOT = Path(__file__).resolve().parents[3]
SENTENCE = "Nee zeggen mag."
NAME = hashlib.sha256(SENTENCE.encode()).hexdigest()


@pytest.fixture(scope="module")
def shipped() -> PolicySet:
    return load(ROOT / "policies")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "nl").mkdir()
    (tmp_path / "nl" / f"{NAME}.mp3").write_bytes(b"ID3 not really")
    return tmp_path


def app_with(folder: Path | None, family: FakeFamily) -> FastAPI:
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    install_web(app, family, console_services(FakeConsole()), Site(ORIGIN, recordings=Recordings(folder)))
    return app


@given(st.text())
def test_sentences_put_together_are_the_text(text: str) -> None:
    assert " ".join(sentences(text)) == " ".join(text.split())


def test_every_sentence_worth_recording_says_nothing_about_anybody(shipped: PolicySet) -> None:
    found = worth_recording(shipped.notices["nl"], shipped.vocabulary)
    assert SENTENCE in found
    assert "Tijdlijn: mag dit worden gedeeld?" in found
    assert "Het doel is: behandeling." in found
    assert len(set(found)) == len(found)
    assert not [sentence for sentence in found if "\0" in sentence or "{" in sentence or "Het gaat over" in sentence]


def test_what_a_page_plays_is_what_the_list_asked_for(shipped: PolicySet, tmp_path: Path) -> None:
    """One recorded sentence more, one page played more: names on the list and names on the page are the same."""
    recordings = Recordings(tmp_path)
    (tmp_path / "nl").mkdir()
    for sentence in worth_recording(shipped.notices["nl"], shipped.vocabulary):
        (tmp_path / "nl" / f"{digest_of(sentence)}.ogg").touch()
    assert recordings.address("nl", SENTENCE) == f"/audio/nl/{NAME}.ogg"
    assert recordings.address("nl", "Nee zeggen mag") == ""
    assert recordings.address("en", SENTENCE) == ""


async def test_a_page_names_the_recording_of_its_sentence_and_no_other(folder: Path, family: FakeFamily) -> None:
    async with browsing(app_with(folder, family.visit())) as client:
        page = await client.get("/questions/1")
    assert page.text.count("/audio/") == 1
    assert f'<span data-aloud="/audio/nl/{NAME}.mp3">{SENTENCE}</span>' in page.text
    assert "media-src 'self'" in page.headers["content-security-policy"]


async def test_without_the_setting_nothing_is_played(folder: Path, family: FakeFamily) -> None:
    async with browsing(app_with(None, family.visit())) as client:
        page = await client.get("/questions/1")
        assert (await client.get(f"/audio/nl/{NAME}.mp3")).status_code == 404
    assert "/audio/" not in page.text
    assert "media-src" not in page.headers["content-security-policy"]


async def test_only_small_files_of_its_own_with_a_right_name_are_served(folder: Path, family: FakeFamily) -> None:
    secret = folder / "secret"
    secret.write_text("geheim", "utf-8")
    other, large = digest_of("Iets anders."), digest_of("Te groot.")
    (folder / "nl" / f"{other}.mp3").symlink_to(secret)
    with (folder / "nl" / f"{large}.mp3").open("wb") as file:
        file.truncate(LARGEST + 1)
    (folder / "nl" / "notes.txt").write_text("geheim", "utf-8")
    (folder / "nl" / f"{NAME.upper()}x.mp3").write_text("geheim", "utf-8")
    (folder / "xx").mkdir()
    (folder / "xx" / f"{NAME}.mp3").write_text("geheim", "utf-8")
    app = app_with(folder, family)
    tried = [
        *(f"/audio/nl/{name}" for name in (f"{other}.mp3", f"{large}.mp3", "notes.txt", f"{NAME}.ogg", f"{NAME}", "")),
        *(
            f"/audio/{place}"
            for place in ("nl/..%2fsecret", "..%2f", "nl%2f..%2fsecret", f"xx/{NAME}.mp3", "../secret")
        ),
        f"/audio/nl/{NAME.upper()}.mp3",
    ]
    async with browsing(app) as client:
        for path in tried:
            answer = await client.get(path)
            assert answer.status_code == 404, path
            assert "geheim" not in answer.text
        right = await client.get(f"/audio/nl/{NAME}.mp3")
    assert (right.status_code, right.content) == (200, b"ID3 not really")
    assert right.headers["content-type"] == "audio/mpeg"
    assert right.headers["accept-ranges"] == "bytes"
    assert right.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [("bytes=0-3", 206, b"ID3 "), ("bytes=-3", 206, b"lly"), ("bytes=99-", 416, b""), ("bytes=4-6", 206, b"not")],
)
async def test_parts_of_a_recording(folder: Path, family: FakeFamily, wanted: str, status: int, body: bytes) -> None:
    async with browsing(app_with(folder, family)) as client:
        answer = await client.get(f"/audio/nl/{NAME}.mp3", headers={"Range": wanted})
    assert answer.status_code == status
    assert status == 416 or answer.content == body


async def test_a_new_recording_is_found_without_a_restart(folder: Path, family: FakeFamily) -> None:
    recordings = Recordings(folder)
    assert recordings.address("nl", "Het telt niet mee.") == ""
    new = folder / "nl" / f"{digest_of('Het telt niet mee.')}.mp3"
    new.touch()
    os.utime(folder / "nl", ns=(1, 1))
    assert recordings.address("nl", "Het telt niet mee.").endswith(new.name)
    new.unlink()
    os.utime(folder / "nl", ns=(2, 2))
    assert recordings.address("nl", "Het telt niet mee.") == ""


def told(*arguments: str) -> str:
    result = CliRunner().invoke(policies, ["audio", str(ROOT / "policies"), *arguments])
    assert result.exit_code == 0, result.output
    return result.output


def test_the_list_for_the_microphone_says_what_to_speak_how_to_name_it_and_what_is_there(folder: Path) -> None:
    rows = list(csv.DictReader(io.StringIO(told("--format", "csv", "--language", "nl", "--audio", str(folder)))))
    assert [row["text"] for row in rows if row["recorded"] == "yes"] == [SENTENCE]
    for row in rows:
        assert row["file"] == f"nl/{hashlib.sha256(row['text'].encode()).hexdigest()}.mp3"
    missing = list(
        csv.DictReader(io.StringIO(told("--format", "csv", "--language", "nl", "--audio", str(folder), "--missing")))
    )
    assert len(missing) == len(rows) - 1
    table = told("--audio", str(folder))
    assert f"✓ {SENTENCE}\n    nl/{NAME}.mp3" in table
    assert f"{1} recorded" in table


async def test_a_voice_reads_what_another_wrote_as_text(family: FakeFamily) -> None:
    family.sender = '<b data-aloud="/audio/x">x</b>'
    async with browsing(app_with(None, family.visit())) as client:
        page: httpx.Response = await client.get("/questions/1")
    assert "<b data-aloud" not in page.text


def test_a_folder_that_is_not_there_is_told_before_anything_starts(folder: Path) -> None:
    demo = {"BROKER_MODE": "demo"}
    assert read_settings({**demo, "BROKER_AUDIO": str(folder)}).audio == folder
    assert read_settings(demo).audio is None
    with pytest.raises(Unsafe, match="BROKER_AUDIO"):
        read_settings({**demo, "BROKER_AUDIO": str(folder / "nowhere")})
