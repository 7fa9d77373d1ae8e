"""What the witnesses add to a verdict on the whole log: enough of them saw this very history, or one saw another.

The witnesses are those of a policy that the verifier's owner gave; what the broker itself was told counts against it.
"""

from broker.domain.stores import Storage
from broker.errors import NotFound, Tampered, Words
from broker.transparency import merkle, tiles
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note
from broker.transparency.cosigning import Cosigning
from broker.transparency.policies import WitnessPolicy, cosigners
from broker.transparency.verdicts import GENUINE, NOT_CHECKED, NOT_GENUINE, TrustedKeys, Verdict

_OTHER_HISTORY = Words(
    "De regels kloppen met elkaar, maar getuigen ondertekenden een andere geschiedenis van dit logboek.",
    "The entries fit each other, but witnesses cosigned another history of this log.",
)


class Witnessed:
    """The log of one broker as its witnesses see it."""

    def __init__(
        self, storage: Storage, cosigning: Cosigning, origin: str, trusted: TrustedKeys, check: SignatureCheck
    ) -> None:
        self._storage = storage
        self._cosigning = cosigning
        self._origin = origin
        self._trusted = trusted
        self._check = check

    async def judge(self, verdict: Verdict, policy: WitnessPolicy | None, size: int) -> Verdict:
        """The verdict on a log whose entries hold, with what the witnesses say; any other verdict stays as it is.

        1. No refusal of a witness stands.
        2. With a policy: enough of its witnesses cosigned a checkpoint of at least `size` entries.
        3. That checkpoint is signed by the log, and its tree and the newest are one history.
        """
        if not verdict.ok:
            return verdict
        for refusal in await self._cosigning.refusals():
            return Verdict(_refused(refusal.witness, refusal.size, refusal.theirs, f"{refusal.at:%Y-%m-%d %H:%M}"), 1)
        if policy is None:
            return verdict
        try:
            covered, note = await self._cosigning.cosigned(policy)
        except NotFound:
            covered, note = -1, ""
        if covered < size:
            return Verdict(_too_few(size, covered, await self._missing(policy)), NOT_CHECKED)
        if not await self._is_of_this_history(note):
            return Verdict(_OTHER_HISTORY, NOT_GENUINE)
        return Verdict(_enough(verdict.words, covered, ", ".join(cosigners(note, policy, self._check).times)), GENUINE)

    async def _missing(self, policy: WitnessPolicy) -> str:
        """Who did not cosign the newest checkpoint."""
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            lines = await work.witnesses.of(latest[0]) if latest else ()
        if latest is None:
            return ", ".join(witness.name for witness in policy.witnesses)
        try:
            note = latest[1] + "".join(f"{line}\n" for line in lines)
            return ", ".join(cosigners(note, policy, self._check).missing)
        except Tampered:
            return "?"

    async def _is_of_this_history(self, note: str) -> bool:
        async with self._storage(writing=False) as work:
            latest = await work.checkpoints.latest()
            if latest is None:
                return False
            try:
                old = open_note(note, self._origin, self._trusted.logs, self._check)
                new = open_note(latest[1], self._origin, self._trusted.logs, self._check)
                data = await work.tree.tiles(tiles.tiles_for_consistency(old.size, new.size))
                return _grew(old, new, tiles.consistency_proof(old.size, new.size, data))
            except (Tampered, ValueError):
                return False


def _grew(old: Checkpoint, new: Checkpoint, proof: tuple[bytes, ...]) -> bool:
    return merkle.verify_consistency(old.size, new.size, old.root, new.root, proof)


def _refused(witness: str, ours: int, theirs: int, when: str) -> Words:
    return Words(
        f"De regels kloppen met elkaar, maar getuige {witness} weigerde op {when} UTC ons controlepunt van {ours} regels: "
        f"het past niet bij de {theirs} die hij kende. Is een oudere kopie teruggezet, of zijn er twee?",
        f"The entries fit each other, but witness {witness} refused our checkpoint of {ours} entries on {when} UTC: it "
        f"does not fit the {theirs} that it knew. Was an older copy put back, or are there two?",
    )


def _too_few(size: int, covered: int, missing: str) -> Words:
    nl = f"de nieuwste met genoeg getuigen telt {covered} regels" if covered >= 0 else "er is er nog geen met genoeg"
    en = f"the newest with enough has {covered} entries" if covered >= 0 else "there is none with enough yet"
    return Words(
        f"De regels kloppen, maar te weinig getuigen ondertekenden het controlepunt van {size} regels mee; {nl}; "
        f"er ontbreekt: {missing}.",
        f"The entries hold, but too few witnesses cosigned the checkpoint of {size} entries; {en}; missing: {missing}.",
    )


def _enough(words: Words, covered: int, names: str) -> Words:
    return Words(
        f"{words.nl} Genoeg getuigen ondertekenden mee, tot en met {covered} regels: {names}.",
        f"{words.en} Enough witnesses cosigned, up to {covered} entries: {names}.",
    )
