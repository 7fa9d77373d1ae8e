"""Whatever comes in, a parser of the log reads it as it would have written it itself, or refuses it as it says it does.

Cut off at each byte, lines doubled and left out, numbers without end, nesting without end, NUL, bytes that are no UTF-8,
wrong types: nothing ends in another error, and nothing is read that has a second writing.
"""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from broker.cli.verifying import verdict_on, verdict_on_document
from broker.errors import Tampered, Unsafe
from broker.transparency import canonical
from broker.transparency.canonical import parse_canonical, parse_json
from broker.transparency.checkpoints import (
    parse_checkpoint,
    parse_note,
    parse_signature,
    parse_verifier_key,
    signature_line,
    verifier_key,
)
from broker.transparency.cosignatures import parse_cosignatures, parse_size_answer, parse_submission, size_answer
from broker.transparency.entries import decode
from broker.transparency.policies import MOST_GROUPS, parse_policy
from broker.transparency.proofs import parse_proof
from broker.transparency.remote import verify_address
from broker.transparency.tiles import consistency_proof, parse_tile_path, tile_path
from broker.witness import house
from tests.unit.transparency import material
from tests.unit.transparency.material import FIRST_WITNESS, LOG, LOGGED, OLD, ORIGIN, SIZE, TREE, TRUSTED

Again = Callable[[bytes], bytes]
"""Read it, and write it again."""


def text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def raw(written: str) -> bytes:
    return written.encode("utf-8", "surrogateescape")


def note_again(data: bytes) -> bytes:
    note = parse_note(text(data))
    return note.body + b"\n" + b"".join(raw(f"{signature_line(one)}\n") for one in note.signatures)


def cosignatures_again(data: bytes) -> bytes:
    return b"".join(raw(f"{signature_line(one)}\n") for one in parse_cosignatures(text(data)))


def leaf_again(data: bytes) -> bytes:
    decode(data)
    return canonical.canonical(parse_canonical(data))


def path_again(data: bytes) -> bytes:
    (level, n), width = parse_tile_path(text(data))
    return raw(tile_path(level, n, width))


SUBMISSION = f"old {OLD}\n" + "".join(
    f"{canonical.to_base64(one)}\n" for one in consistency_proof(OLD, SIZE, TREE.tiles)
)
PARSERS: dict[str, tuple[Again, bytes, type[Exception]]] = {
    "note": (note_again, raw(material.cosigned_note()), Tampered),
    "checkpoint": (lambda d: parse_checkpoint(d).body(), parse_note(material.note(SIZE)).body, Tampered),
    "signature line": (
        lambda d: raw(signature_line(parse_signature(text(d)))),
        raw(material.note(SIZE)).split(b"\n")[-2],
        Tampered,
    ),
    "proof": (lambda d: raw(parse_proof(text(d)).text()), raw(material.proof().text()), Tampered),
    "leaf": (leaf_again, LOGGED[0].leaf, Tampered),
    "submission": (
        lambda d: raw(parse_submission(d)[0].text()),
        raw(f"{SUBMISSION}\n{material.note(SIZE)}"),
        Tampered,
    ),
    "cosignatures": (cosignatures_again, raw(material.cosigned_note()).split(b"\n", 5)[5], Tampered),
    "size answer": (lambda d: raw(size_answer(parse_size_answer(text(d)))), b"1234\n", Tampered),
    "verifier key": (
        lambda d: raw(verifier_key(*parse_verifier_key(text(d)))),
        raw(verifier_key(ORIGIN, LOG.public)),
        ValueError,
    ),
    "tile path": (path_again, b"tile/0/x001/x234/067.p/8", ValueError),
    "base64": (lambda d: raw(canonical.to_base64(canonical.from_base64(text(d)))), b"AAECAwQ=", ValueError),
    "base64url": (lambda d: raw(canonical.to_base64url(canonical.from_base64url(text(d)))), b"__79AQI", ValueError),
}


def spoilt(data: bytes) -> Iterator[bytes]:
    """Cut off, doubled, left out, stuffed."""
    for at in range(len(data) + 1):
        yield data[:at]
        yield data[at:]
        for piece in (b"\x00", b"\n", b" ", b"\xff", b"\xc0\x80", b"\xed\xa0\x80", b"0", b"=", "\u2028".encode()):
            yield data[:at] + piece + data[at:]
    lines = data.split(b"\n")
    for at in range(len(lines)):
        yield b"\n".join([*lines[:at], *lines[at + 1 :]])
        yield b"\n".join([*lines[: at + 1], *lines[at:]])
        yield b"\n".join([*lines[:at], b"9" * 5000, *lines[at + 1 :]])
        yield b"\n".join([*lines[:at], b"A" * 20_000, *lines[at:]])
    for long in (b"A" * 1_000_000, b"A" * 999_999 + b"\n"):
        yield long + data
        yield data + long
    yield data.replace(b"\n", b"\r\n") if b"\n" in data else b""
    yield b"\xef\xbb\xbf" + data
    yield data + data
    yield b"[" * 100_000


def reads_or_refuses(again: Again, refusal: type[Exception], data: bytes) -> None:
    try:
        found = again(data)
    except refusal:
        return
    assert found == data, "it has a second writing"


@pytest.mark.parametrize("name", PARSERS)
def test_it_is_read_as_it_was_written_or_refused(name: str) -> None:
    again, data, refusal = PARSERS[name]
    assert again(data) == data
    for other in spoilt(data):
        reads_or_refuses(again, refusal, other)


@given(st.sampled_from(sorted(PARSERS)), st.binary(max_size=300) | st.text(max_size=200).map(raw))
@settings(max_examples=max(settings.default.max_examples, 300) if settings.default else 300)
def test_the_same_of_whatever_else(name: str, data: bytes) -> None:
    again, _, refusal = PARSERS[name]
    reads_or_refuses(again, refusal, data)


# JSON


JSON = {
    "a receipt": json.dumps(material.receipt()),
    "a family's bundle": json.dumps(material.family_bundle()),
    "a whole answer": json.dumps({"id": "x", "released": [], "receipt": material.receipt()}),
}


@pytest.mark.parametrize("kind", JSON)
def test_documents_that_are_no_documents_get_one_sentence(kind: str) -> None:
    whole = JSON[kind]
    assert verdict_on_document(whole.encode(), material.KEYS).ok
    strange = [
        whole.replace('"v": 1', '"v": 1, "v": 1'),
        whole.replace('"leaf":', '"leaf": "", "leaf":'),
        whole.replace('"kid":', '"kid": "r1", "kid":'),
        whole.replace('"position": 0', '"position": 0, "position": 0'),
        whole.replace('"proof":', '"keys": {}, "proof":'),
        whole.replace('"kid":', '"key": "", "kid":'),
        whole.replace('"position": 0', '"position": 0, "owner": "p"'),
        whole.replace('"v": 1', '"v": 1' + "0" * 5000),
        whole.replace('"v": 1', '"v": 1.0'),
        whole.replace('"v": 1', '"v": 1e0'),
        whole.replace('"v": 1', '"v": true'),
        whole.replace('"position": 0', '"position": -0.0'),
        whole.replace('"position": 0', '"position": NaN'),
        whole.replace('"position": 0', '"position": ' + "9" * 5000),
        whole.replace('"openings": [', '"openings": [' + "[" * 100_000),
        whole.replace('"v": 1', '"v": ' + '{"a":' * 100_000),
        whole.replace('"leaf": "', '"leaf": "\\u0000'),
        whole.replace('"leaf": "', '"leaf": "\\ud800'),
        whole.replace('"leaf": "', '"leaf": "' + "A" * 1_000_000),
        "\ufeff" + whole,
        f"[{whole}]",
        whole + whole,
        *("", "null", "5", '"x"', "[]", "{}", "[" * 100_000, '{"a":' * 100_000, "9" * 100_000, "\x00"),
        *('{"receipt": 5}', '{"receipt": null}', '{"receipt": "x"}', '{"receipt": "a.b.c"}', '{"leaf": null}'),
    ]
    others = [item.encode("utf-8", "surrogatepass") for item in strange if item != whole]
    assert len(others) == len(strange), "a change that changed nothing"
    for data in [*others, whole.encode("utf-16"), whole.encode()[:-3] + b"\xff}"]:
        verdict = verdict_on_document(data, material.KEYS)
        assert verdict.code in (1, 2), data[:80]
        assert verdict.words.nl.endswith(".")


@pytest.mark.parametrize("kind", JSON)
def test_a_wrong_type_anywhere_is_refused(kind: str) -> None:
    def spoilt_at(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
        yield path
        for name, item in (
            value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
        ):
            yield from spoilt_at(item, (*path, name))

    for path in spoilt_at(json.loads(JSON[kind])):
        if not path or path in (("id",), ("released",)):  # of a whole answer, nothing but the receipt is looked at
            continue
        for wrong in (None, True, 0, -1, 2**60, "", "x", [], [[]], {}, {"a": None}, [None]):
            document = json.loads(JSON[kind])
            holder = document
            for name in path[:-1]:
                holder = holder[name]
            before, holder[path[-1]] = holder[path[-1]], wrong
            left_out = (path[-1] == "proof" and wrong is None) or (path[-1] == "openings" and wrong == [])
            if type(wrong) is type(before) and wrong == before:
                continue
            verdict = verdict_on_document(json.dumps(document).encode(), material.KEYS)
            assert verdict.ok == left_out, (path, wrong, verdict)


@pytest.mark.parametrize(
    "keys",
    [
        *("", "null", "[]", "{}", "{" * 100_000, "[" * 100_000, '{"logs": 5, "receipts": {}}', "\x00"),
        *('{"logs": [], "receipts": []}', '{"logs": [5], "receipts": {}}', '{"logs": ["x"], "receipts": {}}'),
        *('{"logs": [], "receipts": {"r1": 5}}', '{"logs": [], "receipts": {"r1": "="}}'),
        *('{"logs": [], "receipts": {"r1": ""}}', '{"logs": [], "receipts": {"r1": "AAAA"}}'),
        '{"logs": [], "receipts": {}, "receipts": {}}',
    ],
)  # fmt: skip
def test_keys_that_are_no_keys_get_one_sentence(keys: str, tmp_path: Path) -> None:
    (tmp_path / "keys").write_text(keys)
    for name, data in {**JSON, "bundle": material.officers_bundle()}.items():
        (tmp_path / "file").write_bytes(data if isinstance(data, bytes) else data.encode())
        verdict = verdict_on(str(tmp_path / "file"), tmp_path / "keys", None, None)
        assert verdict.code in (1, 2), name
        assert verdict.words.en.endswith(".")
    for missing in (tmp_path, tmp_path / "missing"):
        assert verdict_on(str(missing), tmp_path / "keys", None, None).code == 2


def test_json_has_one_meaning_or_none() -> None:
    for data in (
        b'{"a":1,"a":1}',
        b"1.0",
        b"1e3",
        b"NaN",
        b"-Infinity",
        b"9007199254740992",
        b'"\\ud800"',
        b"\xff",
        b"[" * 33,
    ):
        with pytest.raises(ValueError):
            parse_json(data)
    assert parse_json(b' {"a" : [1, "\\u00eb"]}\n') == {"a": [1, "\u00eb"]}


# Policies, witnesses, addresses


KEY = verifier_key("w.nl", FIRST_WITNESS.public, 4)


def test_a_policy_is_read_or_refused_and_weighing_it_ends() -> None:
    whole = f"log {verifier_key(ORIGIN, LOG.public)}\nwitness w {KEY} https://w.nl\ngroup g 1 w\nquorum g\n"
    assert parse_policy(whole).suffices({"w"})
    for other in spoilt(whole.encode()):
        try:
            policy = parse_policy(text(other))
        except Unsafe:
            continue
        assert policy.suffices({witness.name for witness in policy.witnesses}) or policy.fewest > len(policy.witnesses)
    chain = [f"group g{n} any {f'g{n - 1}' if n else 'w'}" for n in range(100_000)]
    with pytest.raises(Unsafe):
        parse_policy("\n".join([f"witness w {KEY}", *chain, f"quorum g{len(chain) - 1}"]))
    deepest = "\n".join([f"witness w {KEY}", *chain[:MOST_GROUPS], f"quorum g{MOST_GROUPS - 1}"])
    assert parse_policy(deepest).suffices({"w"})
    assert not parse_policy(deepest).suffices(())


def test_the_memory_of_a_witness_is_what_it_signed_or_it_does_not_start(tmp_path: Path) -> None:
    """Every bit of it; only the signatures of the log in it are the log's word, and its own key may have gone since."""
    key = house.make(tmp_path, "w.nl")
    (tmp_path / house.LOGS).write_text(f"log {verifier_key(ORIGIN, LOG.public)}\n")
    opened = house.open_witness(tmp_path)
    assert opened.cosigner.add_checkpoint(raw(f"old 0\n\n{material.note(SIZE)}")).status == 200
    assert opened.verifier_key == key
    opened.memory.close()
    state = tmp_path / "state.json"
    whole = state.read_bytes()
    signed = range(whole.index("\u2014".encode()), whole.index(b'","time"'))

    def starts(data: bytes) -> bool:
        state.write_bytes(data)
        try:
            house.open_witness(tmp_path).memory.close()
        except Unsafe:
            return False
        return True

    assert starts(whole)
    for bit in range(8 * len(whole)):
        if bit // 8 not in signed:
            wrong = bytearray(whole)
            wrong[bit // 8] ^= 1 << bit % 8
            assert not starts(bytes(wrong)), bit
    for at in range(len(whole)):
        assert not starts(whole[:at])


def test_an_address_that_answers_anything_is_not_called_genuine() -> None:
    path = tile_path(0, 0, SIZE)
    whole = {"checkpoint": raw(material.note(SIZE)), path: TREE.tiles[0, 0]}

    def verdict(answers: dict[str, bytes]) -> Any:
        def fetch(path: str, most: int) -> bytes:
            if path not in answers:
                raise OSError
            return answers[path][:most]

        return verify_address(ORIGIN, fetch, material.note(OLD), TRUSTED, LOG.check)

    assert verdict(whole).ok
    for name, data in whole.items():
        for other in spoilt(data):
            if name == path and other.startswith(data):
                continue  # more than was asked for is not taken
            found = verdict({**whole, name: other})
            if other != data and found.ok:  # a line of a signature that comes twice says no more than once
                assert name == "checkpoint"
                assert set(other.split(b"\n")) == set(data.split(b"\n"))
