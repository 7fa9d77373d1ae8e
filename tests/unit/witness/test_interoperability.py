"""What others sign, we read; what others send, we answer as they do.

Values only, from public sources: `cmd/litewitness/testdata/litewitness.txt` of FiloSottile/torchwood (BSD), the C2SP
texts tlog-cosignature and tlog-witness, and a checkpoint of a public certificate log with its witnesses' published keys.
"""

import hashlib
from pathlib import Path

import pytest

from broker.crypto.ed25519 import KeyFile, holds
from broker.errors import Tampered
from broker.transparency.canonical import to_base64
from broker.transparency.checkpoints import COSIGNATURE, parse_note, parse_signature, parse_verifier_key, verifier_key
from broker.transparency.cosignatures import cosigned_at, parse_cosignatures, parse_submission
from broker.transparency.policies import cosigners, parse_policy
from broker.witness.cosigner import Cosigner, Signer
from broker.witness.memory import Memory

# litewitness's log: its public key, and each request with the status that it must get
LOG = "sigsum.org/v1/tree/4d6d8825a6bb689d459628312889dfbb0bcd41b5211d9e1ce768b0ff0309e562"
LOG_KEY = bytes.fromhex("ffdc2d4d98e4124d3feaf788c0c2f9abfd796083d1f0495437f302ec79cf100f")
ONE = "KgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
THREE = "RcCI1Nk56ZcSmIEfIn0SleqtV7uvrlXNccFx595Iwl0="
FIVE = "QrtXrQZCCvpIgsSmOsah7HdICzMLLyDfxToMql9WTjY="
SIGNED = {
    1: "UgIom7fPZTqpxWWhyjWduBvTvGVqsokMbqTArsQilegKoFBJQjUFAmQ0+YeSPM3wfUQMFSzVnnNuWRTYrajXpNUbIQY=",
    3: "UgIom2VbtIcdFbwFAy1n7s6IkAxIY6J/GQOTuZF2ORV39d75cbAj2aQYwyJre36kezNobZs4SUUdrcawfAB8WVrx6go=",
    5: "UgIomw/EOJmWi0i1FQsOj+etB7F8IccFam/jgd6wzRns4QPVmyEZtdvl1U2KEmLOZ/ASRcWJi0tW90dJWAShei7sDww=",
}
ROOTS = {1: ONE, 3: THREE, 5: FIVE}
FORGED = SIGNED[3].replace("6go=", "6gx=")
HASHES = {n: to_base64(bytes([0x2A, n]) + bytes(30)) for n in range(1, 5)}


def body(old: int, proof: list[str], size: int, *, origin: str = LOG, signed: str = "") -> bytes:
    hashes = "".join(f"{line}\n" for line in proof)
    note = f"{origin}\n{size}\n{ROOTS[size]}\n\n\u2014 {origin} {signed or SIGNED[size]}\n"
    return f"old {old}\n{hashes}\n{note}".encode()


def test_the_requests_of_another_witness_are_answered_as_it_answers(tmp_path: Path) -> None:
    Memory.make(tmp_path)
    key = KeyFile.make(tmp_path / "key.json")
    memory = Memory(tmp_path)
    witness = Cosigner(Signer("example.com/witness", key.public, key.sign), {LOG: LOG_KEY}, memory, holds, lambda: 7)
    long = ["wgiIFdZfYNv6WU1OllBKsWnLYIS/DBMqt8Uh/S4OukE=", HASHES[4]]
    wrong = "KgIAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABA="
    exchange = [
        (body(0, [], 1), 200, None),
        (body(1, [HASHES[1], HASHES[2]], 3, signed=FORGED), 400, None),  # its base64 is not canonical: no note at all
        (body(1, [HASHES[1], HASHES[2]], 3, signed=SIGNED[1]), 403, None),
        (body(1, [HASHES[1], HASHES[2]], 3, origin=f"{LOG[:-1]}3"), 404, None),
        (body(1, [], 3), 422, None),
        (body(1, [HASHES[1], wrong], 3), 422, None),
        (body(1, [HASHES[1], HASHES[2]], 3), 200, None),
        (body(1, [HASHES[1], "+fUDV+k970B4I3uKrqJM4aP1lloPZP8mvr2Z4wRw2LI=", HASHES[4]], 5), 409, "3\n"),
        (body(3, [HASHES[2], HASHES[3], *long], 5), 200, None),
        (body(0, [], 5), 409, "5\n"),
        (body(7, [], 5), 400, None),
    ]
    for request, status, text in exchange:
        answer = witness.add_checkpoint(request)
        assert (answer.status, answer.kind == "text/x.tlog.size") == (status, status == 409), answer
        assert text in (None, answer.body)
        if status == 200:
            (line,) = parse_cosignatures(answer.body)
            _, note = parse_submission(request)
            assert line.name == "example.com/witness"
            assert cosigned_at(line, note.body, key.public, holds) == 7
    shown = witness.checkpoint(hashlib.sha256(LOG.encode()).hexdigest())
    assert shown.body.startswith(f"{LOG}\n5\n{FIVE}\n\n\u2014 {LOG} {SIGNED[5]}\n\u2014 example.com/witness ")
    memory.close()


# a public log and three of its witnesses, as they were published
PUBLIC_LOG = "arche2025h1.staging.ct.transparency.dev+ba2f06c0+AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f"
REMORA = "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2"
SMARTIT = "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO"
STAGEMOLE = "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv"
PUBLIC_NOTE = """\
arche2025h1.staging.ct.transparency.dev
1432088532
U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=

\u2014 arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=
\u2014 arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=
\u2014 transparency.dev/DEV:witness-little-garden 2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096st5BQ==
\u2014 witness1.smartit.nu/witness1 pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZsDsUAQ==
\u2014 remora.n621.de 2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/zZ0WBxtqB0DrAWfBw==
\u2014 witness.stagemole.eu Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/2TUFucgKi7lI7cUiOvKFYe/TmN9DAg==
"""
WHEN = 0x6A122120
"""2026-05-23, seconds since 1970: what all three wrote."""


@pytest.mark.parametrize("key", [REMORA, SMARTIT, STAGEMOLE])
def test_a_witness_key_of_others_reads_back_as_it_was_written(key: str) -> None:
    assert verifier_key(*parse_verifier_key(key, COSIGNATURE), COSIGNATURE) == key
    with pytest.raises(ValueError):
        parse_verifier_key(key)


def test_a_real_checkpoint_with_real_cosignatures_is_enough() -> None:
    policy = parse_policy(
        f"log {PUBLIC_LOG}\nwitness r {REMORA}\nwitness s {SMARTIT}\nwitness m {STAGEMOLE}\ngroup g all r s m\nquorum g\n"
    )
    found = cosigners(PUBLIC_NOTE, policy, holds)
    assert found.enough
    assert found.times == {"r": WHEN, "s": WHEN, "m": WHEN}
    with pytest.raises(Tampered):
        cosigners(PUBLIC_NOTE.replace("1432088532", "1432088533"), policy, holds)


def test_the_example_of_the_specification_has_the_form_that_we_read() -> None:
    line = parse_signature(
        "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5n"
        "No0xUe+mbIUBkBIfZ+qnA=="
    )
    assert int.from_bytes(line.signature[:8], "big") == 1679315147  # "time 1679315147" in tlog-cosignature
    assert len(line.signature) == 8 + 64


def test_the_example_of_a_submission_is_read() -> None:
    text = (
        "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\njrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
        "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n"
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
        "\u2014 example.com/behind-the-sofa "
        "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n"
        "\u2014 example.com/behind-the-sofa "
        "opLqBQsREYCgu6xQkYQwJr9fo45a62DN9EdmHXnZdXNqlcVGlCum2Wks+49/V6267UEjw6QUXTS5Rovnzv++qbSzm9Q=\n"
    )
    submission, note = parse_submission(text.encode())
    assert (submission.old, len(submission.proof), len(note.signatures)) == (20852014, 4, 2)
    assert submission.text() == text
    assert parse_note(submission.note) == note
