"""The page on which a parent checks a proof: offline, in a real Chromium, and of one mind with the verifier in Python."""

import base64
import copy
import gzip
import hashlib
import json
import re
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from broker.crypto.encoding import b64url
from broker.crypto.keyring import KeyPurpose, make_key
from broker.crypto.signatures import RECEIPT_TYPE, RECORD_TYPE, sign_statement
from broker.domain.directions import TURNING
from broker.domain.events import EntryId, EventType, LogEvent, Personal
from broker.domain.records import document_of
from broker.domain.stores import Receipt, StoredEntry
from broker.transparency.bundles import FAMILY, openings_json, verify_family_bundle
from broker.transparency.canonical import from_base64url, to_base64url
from broker.transparency.checkpoints import Checkpoint, sign_note, verifier_key
from broker.transparency.entries import encode, searched_by
from broker.transparency.pocket import FITS, pocket_receipts, unpacked, verify_pocket
from broker.transparency.proofs import InclusionProof
from broker.transparency.tiles import extend, inclusion_proof
from broker.transparency.verdicts import TrustedKeys
from broker.transparency.verifier import verify_receipt
from broker.web.kit.texts import OWN_NAMES
from tests.factories import NOW, a_record
from tests.fakes import Salts
from tests.unit.transparency.conftest import ORIGIN, _check, _signer

PAGE = Path(__file__).resolve().parents[2] / "broker/web/pages/verify.html"
LOG, RECEIPTS, STRANGER = _signer(1), _signer(2), _signer(3)
TRUSTED = TrustedKeys({"r1": RECEIPTS.public}, {ORIGIN: LOG.public})
RECORDS = make_key(KeyPurpose.RECORDS, NOW)
KEYS = {
    "logs": [verifier_key(ORIGIN, LOG.public)],
    "receipts": {"r1": to_base64url(RECEIPTS.public)},
    "records": {RECORDS.kid: b64url(RECORDS.public_raw)},
}


def receipts() -> list[dict[str, Any]]:
    salts = Salts()
    entries = [
        encode(
            LogEvent(
                EventType.RELEASE_PERMITTED if n % 2 else EventType.CONSENT_GIVEN,
                NOW,
                facts={"purpose": "education-support", "n": n},
                personal=(Personal("p", "role", "leerkracht é"), Personal("p", "types", '["status"]')),
            ),
            EntryId(f"e-{n}"),
            salts,
        )
        for n in range(7)
    ]
    tree = extend(0, {}, [entry.leaf_hash for entry in entries])
    note = sign_note(Checkpoint(ORIGIN, tree.size, tree.root), ORIGIN, LOG.public, LOG.sign)
    return [
        {
            "v": 1,
            "leaf": to_base64url(entry.leaf),
            "receipt": {"kid": "r1", "signature": to_base64url(RECEIPTS.sign(entry.leaf))},
            "proof": InclusionProof(n, tree.size, inclusion_proof(n, tree.size, tree.tiles), note).text(),
            "openings": openings_json(entry.openings),
        }
        for n, entry in enumerate(entries)
    ]


MADE = receipts()
BUNDLE = {"v": 1, "kind": FAMILY, "entries": MADE[:4]}


def family_receipt() -> dict[str, Any]:
    text = "De vraag."
    digest = hashlib.sha256(text.encode()).hexdigest()
    record = a_record()
    from dataclasses import replace

    record = replace(record, notice=replace(record.notice, digest=digest))
    signed = sign_statement(RECORDS, RECORD_TYPE, document_of(record, "https://rondom.example/mine"))
    document = {"v": 1, "id": "r", "at": NOW.isoformat(), "records": [signed], "notices": {digest: text}}
    return {"receipt": sign_statement(RECORDS, RECEIPT_TYPE, document)}


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="nl-NL", viewport={"width": 390, "height": 844}, offline=True)
    page = context.new_page()
    page.asked = []  # type: ignore[attr-defined]
    page.on("request", lambda request: page.asked.append(request.url))  # type: ignore[attr-defined]
    page.goto(PAGE.as_uri())
    yield page
    assert [url for url in page.asked if not url.startswith("file:")] == []  # type: ignore[attr-defined]
    context.close()


def told(page: Page, text: str, keys: Any = KEYS) -> int:
    return int(page.evaluate("async ([t, k]) => (await verify(t, readKeys(k))).code", [text, keys]))


def drop(page: Page, content: bytes, name: str = "bewijs.json") -> None:
    page.set_input_files("#file", {"name": name, "mimeType": "application/json", "buffer": content})


def python(document: Any) -> int:
    if document.get("kind") == FAMILY:
        return verify_family_bundle(document, TRUSTED, _check).code
    return verify_receipt(document, TRUSTED, _check).code


def test_a_parent_reads_that_it_is_genuine_or_why_not(page: Page, picture: Callable[..., None]) -> None:
    verdict = page.locator("#verdict")
    picture(page, "verify-start")
    drop(page, json.dumps(BUNDLE).encode())
    expect(verdict).to_contain_text("Dit kon niet worden nagegaan")
    page.fill("#pasted", json.dumps(KEYS))
    expect(verdict).to_contain_text("Dit bewijs is echt")
    expect(page.locator("#shown li")).to_have_count(4)
    picture(page, "verify-genuine")
    altered = copy.deepcopy(BUNDLE)
    altered["entries"][1]["openings"][0]["value"] = "somebody"
    drop(page, json.dumps(altered).encode())
    expect(verdict).to_contain_text("Dit bewijs is niet echt")
    expect(page.locator("#shown")).to_be_hidden()
    picture(page, "verify-altered")
    page.select_option("#language", "en")
    expect(verdict).to_contain_text("This is not genuine")
    drop(page, json.dumps(family_receipt()).encode())
    expect(verdict).to_contain_text("This is genuine")
    picture(page, "verify-receipt-en")
    drop(page, b"%PDF-1.7")
    expect(verdict).to_contain_text("no proof from Rondom")
    drop(page, b" " * (20 * 1024 * 1024 + 1))
    expect(verdict).to_contain_text("too large")
    page.fill("#pasted", "nonsense")
    expect(page.locator("#trusted")).to_contain_text("no keys of Rondom")


def test_the_verdict_is_told_in_each_language_in_its_own_direction(page: Page) -> None:
    word = {"roles": {"status": {code: f"<{code}>" for code in OWN_NAMES}}}["roles"]
    page.fill("#pasted", json.dumps({**KEYS, "words": {**word, ORIGIN: {"nl": "only Dutch"}}}))
    drop(page, json.dumps(BUNDLE).encode())
    told = set()
    assert page.locator("#language option").all_inner_texts() == list(OWN_NAMES.values())
    for code in OWN_NAMES:
        page.select_option("#language", code)
        expect(page.locator("html")).to_have_attribute("lang", code)
        expect(page.locator("html")).to_have_attribute("dir", "rtl" if code == "ar" else "ltr")
        expect(page.locator("#shown bdi").filter(has_text=f"<{code}>").first).to_be_visible()
        told.add(page.locator("#verdict h2").inner_text())
        assert "2026" in page.locator("#shown li").first.inner_text(), "digits that everybody here knows"
        assert page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), code
    assert len(told) == len(OWN_NAMES)


def test_keys_come_from_outside_the_file_alone(page: Page) -> None:
    wrong = {**KEYS, "receipts": {"r1": to_base64url(STRANGER.public)}}
    assert told(page, json.dumps(MADE[0])) == 0
    assert told(page, json.dumps(MADE[0]), wrong) == 1
    assert told(page, json.dumps({**MADE[0], **KEYS}), {}) == 2
    assert told(page, json.dumps(MADE[0]), {**KEYS, "logs": []}) == 2


def test_signed_answers_with_any_part_changed_are_refused(page: Page) -> None:
    made = family_receipt()["receipt"]
    assert told(page, json.dumps({"receipt": made})) == 0
    for at in range(0, len(made) - 1, 97):
        changed = made[:at] + ("A" if made[at] != "A" else "B") + made[at + 1 :]
        assert told(page, json.dumps({"receipt": changed})) == 1


@st.composite
def altered(draw: st.DrawFn) -> Any:
    document: Any = copy.deepcopy(draw(st.sampled_from([*MADE, BUNDLE])))
    target = document
    if "entries" in document:
        target = draw(st.sampled_from(document["entries"]))
    kind = draw(st.sampled_from(["nothing", "leaf", "signature", "proof", "opening", "drop", "swap", "no proof"]))
    if kind in ("leaf", "signature"):
        holder = target if kind == "leaf" else target["receipt"]
        raw = bytearray(base64.urlsafe_b64decode(holder[kind] + "=="))
        at = draw(st.integers(0, len(raw) * 8 - 1))
        raw[at // 8] ^= 1 << at % 8
        holder[kind] = to_base64url(bytes(raw))
    elif kind == "proof":
        at = draw(st.integers(0, len(target["proof"]) - 1))
        sign = draw(st.sampled_from("A+/=01 \n—x"))
        target["proof"] = target["proof"][:at] + sign + target["proof"][at + 1 :]
    elif kind == "opening":
        name = draw(st.sampled_from(["salt", "value", "field"]))
        target["openings"][0][name] = draw(st.one_of(st.text(max_size=5), st.just(target["openings"][0][name])))
    elif kind == "drop":
        target.pop(draw(st.sampled_from(sorted(target))))
    elif kind == "swap":
        target["proof"] = draw(st.sampled_from(MADE))["proof"]
    elif kind == "no proof":
        target["proof"] = None
    return document


@pytest.mark.slow
@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(altered())
def test_it_agrees_with_the_verifier_in_python(page: Page, document: Any) -> None:
    assert told(page, json.dumps(document)) == python(document)


def entry_of(receipt: dict[str, Any]) -> StoredEntry:
    """A receipt as the log stores its entry."""
    leaf, signature = (from_base64url(text) for text in (receipt["leaf"], receipt["receipt"]["signature"]))
    return StoredEntry(EntryId("e"), leaf, b"", Receipt("r1", signature), None, searched_by(leaf))


POCKETS = pocket_receipts([entry_of(receipt) for receipt in MADE])


def test_a_receipt_from_paper_is_checked_and_leaves_the_address_bar(page: Page) -> None:
    page.fill("#pasted", json.dumps(KEYS))
    for pocket in POCKETS:
        assert len(pocket) <= FITS
        page.evaluate("text => { location.hash = text }", pocket)
        expect(page.locator("#verdict")).to_contain_text("Dit bewijs is echt")
        expect(page.locator("#verdict")).to_contain_text("Dit komt van Rondom")
        assert page.url == PAGE.as_uri()
    assert sum(len(unpacked(pocket)) for pocket in POCKETS) == len(MADE)
    assert not any(word in str(unpacked(pocket)) for pocket in POCKETS for word in ("leerkracht", "status"))
    page.evaluate("location.hash = 'main'")
    expect(page.locator("#verdict")).to_contain_text("kon niet worden nagegaan")


@st.composite
def altered_pockets(draw: st.DrawFn) -> str:
    pocket = draw(st.sampled_from(POCKETS))
    kind = draw(st.sampled_from(["nothing", "sign", "cut", "more", "content"]))
    at = draw(st.integers(2, len(pocket) - 1))
    if kind == "sign":
        return pocket[:at] + draw(st.sampled_from("AZaz09-_")) + pocket[at + 1 :]
    if kind == "cut":
        return pocket[:at]
    if kind == "more":
        return pocket + draw(st.sampled_from(["AAAA", "_", "AA"]))
    if kind == "content":
        raw = bytearray(zlib.decompress(from_base64url(pocket[2:]), -15))
        place = draw(st.integers(0, len(raw) - 1))
        raw[place] ^= 1 << draw(st.integers(0, 7))
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        return "1." + to_base64url(packer.compress(bytes(raw)) + packer.flush())
    return pocket


@pytest.mark.slow
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(altered_pockets())
def test_it_agrees_with_python_about_receipts_from_paper(page: Page, pocket: str) -> None:
    assert told(page, pocket) == verify_pocket(pocket, TRUSTED, _check).code


def test_a_receipt_from_paper_that_swells_is_not_read(page: Page) -> None:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    swollen = "1." + to_base64url(packer.compress(b"r1\n" + b"A" * 10_000_000) + packer.flush())
    assert told(page, swollen) == verify_pocket(swollen, TRUSTED, _check).code == 2


def test_the_page_stands_alone_and_knows_every_event() -> None:
    text = PAGE.read_text()
    script = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)[0]
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in text, "the script changed: so must its digest in the policy"
    assert "default-src 'none'" in text
    assert not re.search(r"(src|href)=|https?://|fetch\(|XMLHttp|import\(", text)
    assert set(re.findall(r'"([a-z]+:[a-z-]+)":\[', script)) >= {event.value for event in EventType}
    tables = script[script.index("const T=") : script.index("const OK=")]
    rows = [json.loads(row) for row in re.findall(r':(\[(?:"(?:[^"\\]|\\.)*",?)+\])', tables)]
    assert len(rows) > 65
    assert {len(row) for row in rows} == {len(OWN_NAMES)}, "each text in each language"
    assert all(text.strip() and not TURNING & set(text) for row in rows for text in row)
    assert f"CODES={json.dumps(list(OWN_NAMES), separators=(',', ':'))}" in script
    assert len(gzip.compress(PAGE.read_bytes())) < 20_000
