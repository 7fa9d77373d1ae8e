"""Every checkpoint is shown to the witnesses, and a witness that knows another history of this log is an alarm.

- In tasks of its own, one for each witness: no release waits for a witness, and none for another one.
- A witness is asked about the newest checkpoint only; what it says is believed when its signature holds.
- What a checkpoint is worth to others they decide themselves, by the witnesses that *they* trust.

Source: C2SP tlog-witness; decision 20.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass

import structlog

from broker.domain.ports import Clock
from broker.domain.stores import Refusal, Storage
from broker.errors import BrokerError, NotFound, Tampered, Unavailable
from broker.transparency import tiles
from broker.transparency.checkpoints import SignatureCheck, parse_note, signature_line
from broker.transparency.cosignatures import (
    SIZE_TYPE,
    Submission,
    cosigned_at,
    is_by,
    parse_cosignatures,
    parse_size_answer,
)
from broker.transparency.policies import Witness, WitnessPolicy, cosigners, with_cosignatures

LOOK = 1.0
"""Seconds between two looks at what is new."""
FIRST_PAUSE, LONGEST_PAUSE = 1.0, 60.0
"""Seconds to leave a witness alone after it failed: twice as long each time."""
TIMEOUT = 10.0
"""Seconds that one request to a witness may take."""
REFUSED, ODD = "witness-refused", "witness-odd"
"""Codes of the operational log; no request of anybody ends in them."""
_ROUNDS = 3
_PAGE = 32

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Said:
    """What came back from a witness: an HTTP status, a media type and a text."""

    status: int
    kind: str
    text: str


Post = Callable[[str, str], Awaitable[Said]]
"""Send a text to an address. Raises Unavailable when nothing, or nothing readable, comes back."""


class Refused(Tampered):
    """A witness cosigned a tree that this log's does not extend. Always an alarm."""

    code = REFUSED

    def __init__(self, size: int, theirs: int) -> None:
        super().__init__()
        self.size, self.theirs = size, theirs


class Odd(BrokerError):
    """A witness answered something that it should not; its owner must look at it."""

    code = ODD


class Cosigning:
    """One broker's side of its witnesses. Without a policy nobody is asked and nothing is ever cosigned."""

    def __init__(
        self, storage: Storage, policy: WitnessPolicy | None, post: Post, check: SignatureCheck, clock: Clock
    ) -> None:
        self._storage = storage
        self.policy = policy
        self._post = post
        self._check = check
        self._clock = clock
        self._heard: dict[str, int] = {}

    async def run(self) -> None:
        """Ask until cancelled."""
        witnesses = self.policy.witnesses if self.policy else ()
        await asyncio.gather(*(self._ask_on(witness) for witness in witnesses))

    async def _ask_on(self, witness: Witness) -> None:
        pause = FIRST_PAUSE
        while True:
            if await self.ask(witness):
                pause = FIRST_PAUSE
                await asyncio.sleep(LOOK)
            else:
                await asyncio.sleep(pause)
                pause = min(2 * pause, LONGEST_PAUSE)

    async def ask(self, witness: Witness) -> bool:
        """Have a witness cosign the newest checkpoint, unless it did; whether there is nothing left to ask it."""
        try:
            await self._bring(witness)
        except Refused as error:
            self._heard.pop(witness.id, None)
            _alarm(witness, error)
            await self._remember(witness, error)
            return False
        except BrokerError as error:
            _log.warning("log:witness-failed", code=error.code, kind=witness.key_name, digest=witness.key_id)
            return False
        return True

    async def _bring(self, witness: Witness) -> None:
        """Raises Refused for another history, Odd for a strange answer, Unavailable when it does not answer.

        A database that was put back to an older copy says that its newest checkpoint is cosigned: so each witness is
        asked once after the start, and what it was heard to have seen is remembered outside the database.
        """
        for turn in range(_ROUNDS):
            async with self._storage(writing=False) as work:
                latest = await work.checkpoints.latest()
                cosigned = await work.witnesses.last(witness.id)
            if latest is None:
                return
            size, note = latest
            heard = self._heard.get(witness.id)
            if heard is not None and turn == 0:
                heard = self._heard[witness.id] = max(heard, cosigned or 0)  # another broker may have asked
            if heard == size == cosigned:
                return
            theirs = (cosigned or 0) if heard is None else heard
            if theirs > size:
                raise Refused(size, theirs)
            submission = Submission(theirs, await self._proof(theirs, size), note)
            said = await self._said(witness, submission)
            if said.status == 200:
                await self._take(witness, size, note, said.text)
                return
            self._heard[witness.id] = _read_refusal(said, submission, size)
            if self._heard[witness.id] < (cosigned or 0):
                _log.warning("log:witness-forgot", kind=witness.key_name, digest=witness.key_id)
        raise Odd

    async def _said(self, witness: Witness, submission: Submission) -> Said:
        try:
            async with asyncio.timeout(TIMEOUT):
                return await self._post(witness.url, submission.text())
        except TimeoutError:
            raise Unavailable from None

    async def _proof(self, old: int, new: int) -> tuple[bytes, ...]:
        async with self._storage(writing=False) as work:
            data = await work.tree.tiles(tiles.tiles_for_consistency(old, new))
        return tiles.consistency_proof(old, new, data)

    async def _take(self, witness: Witness, size: int, note: str, text: str) -> None:
        """Keep the cosignature in an answer. Raises Odd when there is none that holds."""
        body = parse_note(note).body
        for line in parse_cosignatures(text):
            if is_by(line, witness.key_name, witness.key):
                if cosigned_at(line, body, witness.key, self._check) is None:
                    break
                async with self._storage() as work:
                    await work.witnesses.keep(witness.id, size, signature_line(line), self._clock())
                    await work.commit()
                self._heard[witness.id] = size
                return
        raise Odd

    async def _remember(self, witness: Witness, error: Refused) -> None:
        try:
            async with self._storage() as work:
                await work.witnesses.refuse(Refusal(witness.id, error.size, error.theirs, self._clock()))
                await work.commit()
        except BrokerError as failed:
            _log.error("log:witness-refused", code=failed.code)

    async def checkpoint(self) -> str:
        """The newest checkpoint, with every cosignature of it so far. Raises NotFound before the first."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            lines = await work.witnesses.of(latest[0]) if latest else ()
        if latest is None:
            raise NotFound
        return self._held(latest[1], lines, self.policy)

    async def cosigned(self, policy: WitnessPolicy | None = None) -> tuple[int, str]:
        """(size, note) of the newest checkpoint that enough witnesses cosigned, by our policy or another one.

        Raises NotFound when there is none.
        """
        wanted = policy or self.policy
        below = 2**62
        while wanted is not None:
            async with self._storage(writing=False) as work:
                found = await work.witnesses.cosigned(max(wanted.fewest, 1), below, _PAGE)
            for one in found:
                note = self._held(one.note, one.lines, wanted)
                if cosigners(note, wanted, self._check).enough:
                    return one.size, note
            if len(found) < _PAGE:
                break
            below = found[-1].size
        raise NotFound

    async def refusals(self) -> tuple[Refusal, ...]:
        """Refusals of witnesses that cosigned nothing since."""
        async with self._storage(writing=False) as work:
            return tuple(await work.witnesses.refusals())

    def _held(self, note: str, lines: Iterable[str], policy: WitnessPolicy | None) -> str:
        return with_cosignatures(note, lines, policy, self._check) if policy else note


def _alarm(witness: Witness, error: Refused) -> None:
    _log.error(
        "log:witness-refused",
        code=error.code,
        kind=witness.key_name,
        digest=witness.key_id,
        size=error.size,
        count=error.theirs,
    )


def _read_refusal(said: Said, submission: Submission, size: int) -> int:
    """The size that a witness says it has seen. Raises Refused for another history, Odd for any other answer."""
    if said.status == 422:
        raise Refused(size, submission.old)
    if said.status != 409 or said.kind.partition(";")[0].strip() != SIZE_TYPE:
        raise Odd
    theirs = parse_size_answer(said.text)
    if theirs == submission.old:
        raise Refused(size, theirs)  # it has this size with another root (an older form of the same answer)
    return theirs
