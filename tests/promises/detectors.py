"""Everybody who might notice that the log was changed, asked one after the other; each says how it noticed, or `-`.

Those outside the database come with what they kept from before: the guard, a checkpoint, a bundle, a receipt, and the
witness with its own memory. What each does is what the product does for them, with nothing left out.
"""

import contextlib
import dataclasses
import io
import re
import zipfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from structlog.testing import capture_logs

from broker.crypto.signatures import ed25519_holds
from broker.domain.log_ports import Selection
from broker.errors import BrokerError, NotFound
from broker.storage.guard_file import GuardFile
from broker.transparency.bundles import LAST, verify_bundle
from broker.transparency.cosigning import Cosigning, Said
from broker.transparency.ledger import Ledger
from broker.transparency.policies import WitnessPolicy, parse_policy
from broker.transparency.remote import verify_address
from broker.transparency.tiles import tile_path
from broker.transparency.verdicts import Verdict
from broker.transparency.verifier import verify_receipt
from broker.whole import Broker
from broker.witness import house
from broker.witness.memory import STATE

UNNOTICED, NO_PROOF = "-", "no proof"
SENTENCES = {
    "changed": "The log is no longer what it was: from entry N on something was changed or is gone.",
    "moved": "Between index N and N an entry was changed, removed, added or moved.",
    "missing": "Entries are missing: none is left for index N, the checkpoint counts N entries.",
    "since": "Between index N and N an entry was changed or moved since the earlier checkpoint.",
    "rolled back": "The log was rolled back: it had N entries and now says that it has N.",
    "all gone": "The log was rolled back: it has no checkpoint any more, and you hold one.",
    "two faces": "The log shows two faces: two different roots were signed for N entries.",
    "other tree": "The entries hold, but the tree that proofs are made of is damaged or was changed.",
    "no checkpoint": "The log has entries and no checkpoint yet, so it could not be checked.",
    "forged checkpoint": "This checkpoint is not signed by a key that is trusted for this log.",
    "edited checkpoint": "The signature on this checkpoint does not hold: it was changed or forged.",
    "not included": "The proof does not hold: this entry is not at that place in this log.",
    "not signed": "The bundle is not genuine: the signature with entry N does not fit the entry.",
    "not fitting": "The bundle is not genuine: a value with entry N is not the value that was logged.",
    "hidden": "The bundle is not genuine: with entry N a value is missing that is not marked as erased.",
    "other root": "The bundle is not genuine: an entry was changed, removed, added or moved.",
    "out of place": "The bundle is not genuine: at place N an entry is missing, or one stands there that does not belong.",
    "shorter": "The log was rolled back: it had more entries when you kept your checkpoint.",
    "not as signed": "The log is not genuine: its entries do not give the root that it signed.",
    "rewritten": "The log is not genuine: an entry from before your checkpoint was changed since.",
    "no answer": "No log answers at this address, so it could not be checked.",
}
"""What `broker audit verify` says, by the short name that the table uses; N stands for a number."""


def said(verdict: Verdict) -> str:
    """The exit code and the sentence's short name."""
    plain = re.sub(r"\d+", "N", verdict.sentence)
    names = [name for name, sentence in SENTENCES.items() if sentence == plain]
    if verdict.ok:
        return UNNOTICED
    assert names, f"a sentence that the table does not know: {verdict.sentence}"
    return f"{verdict.code} {names[0]}"


async def outcome(asked: Awaitable[Verdict]) -> str:
    """The same, or the code of the error with which it stops."""
    try:
        return said(await asked)
    except BrokerError as error:
        return f"`{error.code}`"


async def whole_bundle(broker: Broker) -> bytes:
    """A bundle of everything that the latest checkpoint covers; that it was taken is not logged."""
    span = await broker.exports._span(Selection())
    return b"".join([piece async for piece in broker.ledger.archive.packed(span, Selection(), lambda _: None)])


@dataclasses.dataclass
class Kept:
    """What everybody outside the database has of before: a checkpoint, a bundle, a receipt with proof and one without."""

    checkpoint: str
    bundle: bytes
    receipts: dict[str, dict[str, Any]]


@dataclasses.dataclass
class Watchers:
    """The broker on one database, its witness, and the people who kept something."""

    broker: Broker
    kept: Kept
    witness: Path
    witnesses: WitnessPolicy

    def __post_init__(self) -> None:
        """The guard, and nothing known yet."""
        self._guard = self.broker.settings.log_guard
        self._knew = (b"", b"")

    def remember(self) -> None:
        """Keep what guard and witness know now, to give it back to them after each attack."""
        self._knew = (self._guard.read_bytes(), (self.witness / STATE).read_bytes())

    def check_kept(self) -> None:
        """What was kept is genuine by itself, whatever becomes of the log."""
        trusted = self.broker.ledger.trusted
        assert verify_bundle(io.BytesIO(self.kept.bundle), trusted, ed25519_holds).ok
        assert all(verify_receipt(one, trusted, ed25519_holds).ok for one in self.kept.receipts.values())

    def forget(self) -> None:
        """Guard and witness know what they knew before the attack."""
        self._guard.write_bytes(self._knew[0])
        (self.witness / STATE).write_bytes(self._knew[1])

    def ledger(self) -> Ledger:
        """The log of a broker that starts now, with the same database, keys and guard."""
        made, settings = self.broker.ledger, self.broker.settings
        guard = GuardFile(settings.log_guard)
        return Ledger(made._storage, made._signatures, ed25519_holds, settings.log_address, made._clock, guard)

    async def serving(self) -> Ledger:
        """The log of a broker that started before the attack, and goes on."""
        ledger = self.ledger()
        await ledger.heed()
        return ledger

    async def ask(self, serving: Ledger, receipt: str) -> dict[str, str]:
        """What each notices, in the order of the table; from the sequencer on, with what it placed and signed."""
        asked: dict[str, Callable[[], Awaitable[str]]] = {
            "verify": lambda: outcome(self.broker.ledger.check()),
            "kept checkpoint": lambda: outcome(self.broker.ledger.check(earlier=self.kept.checkpoint)),
            "new bundle": lambda: outcome(self.new_bundle()),
            "old bundle": self.old_bundle,
            "start": self.start,
            "sequencer": lambda: self.sequencer(serving),
            "receipt": lambda: self.receipt(receipt),
            "replay": self.replay,
            "witness": self.cosign,
        }
        return {name: await ask() for name, ask in asked.items()}

    async def new_bundle(self) -> Verdict:
        """An inspector gets a bundle of everything, made after the attack."""
        file = io.BytesIO(await whole_bundle(self.broker))
        return verify_bundle(file, self.broker.ledger.trusted, ed25519_holds)

    async def old_bundle(self) -> str:
        """Who holds a bundle of before checks the running log from outside, with that bundle's last checkpoint."""
        ledger = self.broker.ledger
        there: dict[str, bytes] = {}
        with contextlib.suppress(NotFound):
            there["checkpoint"] = (await ledger.checkpoint()).encode()
            path = tile_path(0, 0, int(there["checkpoint"].split(b"\n")[1]))  # this log is shorter than one tile
            there[path] = await ledger.tile(path)

        def fetch(path: str, most: int) -> bytes:
            if path not in there:
                raise OSError
            return there[path][:most]

        with_bundle = member(self.kept.bundle, LAST).decode()
        return said(verify_address(ledger.origin, fetch, with_bundle, ledger.trusted, ed25519_holds))

    async def receipt(self, entry: str) -> str:
        """Who holds a receipt fetches its proof anew, and checks both together."""
        document, ledger = self.kept.receipts[entry], self.broker.ledger
        try:
            fresh = await ledger.proof_of(entry)
        except NotFound:
            return NO_PROOF
        except BrokerError as error:
            return f"`{error.code}`"
        return said(verify_receipt({**document, "proof": fresh}, ledger.trusted, ed25519_holds))

    async def replay(self) -> str:
        """Every decision is made again."""
        try:
            report = await self.broker.replay.run()
        except BrokerError as error:
            return f"`{error.code}`"
        if report.intact:
            return UNNOTICED
        found = sorted({finding.outcome.value for finding in report.findings})
        return "1 " + ", ".join([*found, *(["unexplained"] if report.unexplained else [])])

    async def start(self) -> str:
        """A broker starts."""
        kept = self._guard.read_bytes() if self._guard.exists() else None
        try:
            await self.ledger().heed()
        except BrokerError as error:
            return f"`{error.code}`"
        finally:
            self._guard.unlink(missing_ok=True)
            if kept is not None:
                self._guard.write_bytes(kept)
        return UNNOTICED

    async def sequencer(self, serving: Ledger) -> str:
        """The broker that served before places what waits, and signs."""
        try:
            while await serving.step():
                pass
        except BrokerError as error:
            return f"`{error.code}`"
        return UNNOTICED

    async def cosign(self) -> str:
        """The witness is asked to cosign the newest checkpoint, whoever wrote it."""
        opened = house.open_witness(self.witness)

        async def post(_: str, text: str) -> Said:
            answer = opened.cosigner.add_checkpoint(text.encode())
            return Said(answer.status, answer.kind, answer.body)

        cosigning = Cosigning(
            self.broker.ledger._storage, self.witnesses, post, ed25519_holds, self.broker.ledger._clock
        )
        try:
            with capture_logs() as lines:
                try:
                    done = await cosigning.ask(self.witnesses.witnesses[0])
                except BrokerError as error:
                    return f"`{error.code}`"
        finally:
            opened.memory.close()
        if done:
            return UNNOTICED
        return f"`{lines[0]['code']}`"


def member(bundle: bytes, name: str) -> bytes:
    """One part of a bundle."""
    with zipfile.ZipFile(io.BytesIO(bundle)) as packed:
        return packed.read(name)


def a_witness(directory: Path, log_keys: tuple[str, ...]) -> WitnessPolicy:
    """A new one that knows this log; returns the file that names it, read."""
    key = house.make(directory, "witness.example")
    (directory / house.LOGS).write_text("".join(f"log {one}\n" for one in log_keys))
    return parse_policy(f"witness w {key} https://witness.example\nquorum w\n")
