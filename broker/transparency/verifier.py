"""An outsider with the leaves and the public keys can tell, offline, a genuine log from one that was changed.

- It never trusts keys from inside the bundle: every key comes from `TrustedKeys`, which the verifier's owner fills.
- Nothing that a document holds makes it raise; whatever cannot be read or checked is never called genuine.
- "Not genuine" is said only when a check failed; a missing key or an unreadable part is "could not be checked".
"""

from collections.abc import Iterable, Mapping

from broker.errors import Tampered
from broker.transparency.checkpoints import Checkpoint, SignatureCheck, open_note, parse_checkpoint, parse_note
from broker.transparency.merkle import RunningRoot, leaf_hash
from broker.transparency.policies import WitnessPolicy, cosigners
from broker.transparency.proofs import InclusionProof, check_proof, parse_proof
from broker.transparency.receipts import check_address, check_openings, check_signature, decode_signed, read_receipt
from broker.transparency.verdicts import NOT_CHECKED, NOT_GENUINE, Stopped, TrustedKeys, Verdict, genuine


def verify_receipt(
    document: Mapping[str, object], trusted: TrustedKeys, check: SignatureCheck, witnesses: WitnessPolicy | None = None
) -> Verdict:
    """Say whether a receipt is genuine: an entry that the broker signed and, with a proof, that is in its log.

    1. The document has the agreed form, and no member more.
    2. The signature over the leaf holds, with the trusted key of that kid.
    3. The leaf parses canonically.
    4. Every opening fits its digest in the leaf.
    5. The address for its proof, when there is one, is that of this very entry in a trusted log.
    6. The proof, when there is one, leads from the leaf to a checkpoint that a trusted key of that log signed.
    7. With `witnesses`, there is a proof, and enough of them cosigned that checkpoint.
    """
    try:
        receipt = read_receipt(document)  # 1
        check_signature(receipt, trusted, check)  # 2
        entry = decode_signed(receipt.leaf)  # 3
        check_openings(entry, receipt.openings)  # 4
        check_address(receipt.proof_at, entry, [log for log, keys in trusted.logs.items() if keys])  # 5
        if receipt.proof is None:
            if witnesses is not None:
                raise Stopped(NOT_CHECKED, *_NO_PROOF)  # 7
            return genuine(
                "Het ontvangstbewijs is echt; het bewijs dat de regel in het logboek staat, zat er niet bij.",
                "The receipt is genuine; a proof that its entry is in the log did not come with it.",
            )
        checkpoint = _check_inclusion(receipt.leaf, receipt.proof, trusted, check)  # 6
        check_address(receipt.proof_at, entry, (checkpoint.origin,))  # 5
        if witnesses is not None:
            _check_witnesses(_parse_proof(receipt.proof).note, witnesses, check)  # 7
    except Stopped as stop:
        return stop.verdict
    return genuine(
        f"Het ontvangstbewijs is echt en de regel staat in het logboek van {checkpoint.size} regels.",
        f"The receipt is genuine and its entry is in the log of {checkpoint.size} entries.",
    )


def verify_log(
    checkpoint: str,
    leaves: Iterable[bytes],
    earlier: str | None,
    trusted: TrustedKeys,
    check: SignatureCheck,
    witnesses: WitnessPolicy | None = None,
) -> Verdict:
    """Say whether these leaves, from the first on, are the whole log of a checkpoint, and how the log has grown.

    1. The checkpoint, and the earlier one that the verifier kept, are signed by a trusted key of one and the same log.
    2. The log has not shrunk since the earlier checkpoint.
    3. The first leaves give the earlier root: nothing before it was changed, removed, added or moved.
    4. There are as many leaves as the checkpoint says, and all of them give its root.
    5. With `witnesses`, enough of them cosigned the checkpoint.

    A root cannot tell which leaf is wrong: the sentence says the range of indices where, as far as it is known.
    """
    return verify_hashes(checkpoint, map(leaf_hash, leaves), earlier, trusted, check, witnesses)


def verify_hashes(
    checkpoint: str,
    hashes: Iterable[bytes],
    earlier: str | None,
    trusted: TrustedKeys,
    check: SignatureCheck,
    witnesses: WitnessPolicy | None = None,
) -> Verdict:
    """As `verify_log`, for who made these leaf hashes of the leaves and did not keep the leaves."""
    try:
        new = _open(checkpoint, trusted, check)  # 1
        old = new if earlier is None else _open(earlier, trusted, check)
        _check_pair(old, new)  # 1, 2
        _check_hashes(hashes, old, new)  # 3, 4
        if witnesses is not None:
            _check_witnesses(checkpoint, witnesses, check)  # 5
    except Stopped as stop:
        return stop.verdict
    return _whole(new, old, earlier)


def _whole(new: Checkpoint, old: Checkpoint, earlier: str | None) -> Verdict:
    if earlier is None:
        return genuine(
            f"Het logboek is echt: alle {new.size} regels staan erin zoals ze zijn vastgelegd.",
            f"The log is genuine: all {new.size} entries are in it as they were logged.",
        )
    return genuine(
        f"Het logboek is echt: alle {new.size} regels kloppen, ook de {old.size} van het eerdere controlepunt.",
        f"The log is genuine: all {new.size} entries hold, and so do the {old.size} of the earlier checkpoint.",
    )


def verify_cosigned(checkpoint: str, witnesses: WitnessPolicy, trusted: TrustedKeys, check: SignatureCheck) -> Verdict:
    """Say whether a checkpoint is signed by a trusted key of its log, and cosigned by enough witnesses."""
    try:
        found = _open(checkpoint, trusted, check)
        times = _check_witnesses(checkpoint, witnesses, check)
    except Stopped as stop:
        return stop.verdict
    return genuine(
        f"Dit controlepunt van {found.size} regels is echt, en genoeg getuigen ondertekenden mee: {times}.",
        f"This checkpoint of {found.size} entries is genuine, and enough witnesses cosigned it: {times}.",
    )


def _check_witnesses(note: str, policy: WitnessPolicy, check: SignatureCheck) -> str:
    """Return the names of those that cosigned."""
    try:
        stated = parse_checkpoint(parse_note(note).body)
        if policy.logs and stated.origin not in policy.logs:
            raise Stopped(
                NOT_CHECKED,
                "Het logboek van dit controlepunt staat niet in uw bestand met getuigen; het is niet nagegaan.",
                "The log of this checkpoint is not in your file with witnesses, so it could not be checked.",
            )
        found = cosigners(note, policy, check)
    except Tampered as error:
        raise Stopped(NOT_GENUINE, error.words.nl, error.words.en) from None
    if not found.enough:
        missing = ", ".join(found.missing)
        raise Stopped(
            NOT_CHECKED,
            f"Te weinig getuigen ondertekenden het controlepunt van {stated.size} regels mee; er ontbreekt: {missing}.",
            f"Too few witnesses cosigned the checkpoint of {stated.size} entries; missing: {missing}.",
        )
    return ", ".join(found.times)


_NO_PROOF = (
    "Dit ontvangstbewijs heeft geen bewijs met getuigen bij zich; haal het op bij /v1/log/cosigned-proofs/.",
    "This receipt does not come with a proof that has witnesses; fetch one from /v1/log/cosigned-proofs/.",
)


def _check_inclusion(leaf: bytes, text: str, trusted: TrustedKeys, check: SignatureCheck) -> Checkpoint:
    proof = _parse_proof(text)
    origin = _trusted_origin(proof.checkpoint(), trusted)
    try:
        return check_proof(leaf_hash(leaf), proof, origin, trusted.logs, check)
    except Tampered as error:
        raise Stopped(NOT_GENUINE, error.words.nl, error.words.en) from None


def _parse_proof(text: str) -> InclusionProof:
    try:
        return parse_proof(text)
    except Tampered as error:
        raise Stopped(NOT_CHECKED, error.words.nl, error.words.en) from None


def _open(note: str, trusted: TrustedKeys, check: SignatureCheck) -> Checkpoint:
    try:
        stated = parse_checkpoint(parse_note(note).body)
    except Tampered as error:
        raise Stopped(NOT_CHECKED, error.words.nl, error.words.en) from None
    origin = _trusted_origin(stated, trusted)
    try:
        return open_note(note, origin, trusted.logs, check)
    except Tampered as error:
        raise Stopped(NOT_GENUINE, error.words.nl, error.words.en) from None


def _trusted_origin(stated: Checkpoint, trusted: TrustedKeys) -> str:
    """Return the origin that a checkpoint states, if the owner trusts a key for it."""
    if not trusted.logs.get(stated.origin):
        raise Stopped(
            NOT_CHECKED,
            "U vertrouwt geen sleutel van het logboek van dit controlepunt; het is niet nagegaan.",
            "You trust no key of the log of this checkpoint, so it could not be checked.",
        )
    return stated.origin


def _check_pair(old: Checkpoint, new: Checkpoint) -> None:
    if old.origin != new.origin:
        raise Stopped(
            NOT_CHECKED,
            "De twee controlepunten zijn van verschillende logboeken en zijn niet te vergelijken.",
            "The two checkpoints are of different logs and cannot be compared.",
        )
    if old.size > new.size:
        raise Stopped(
            NOT_GENUINE,
            f"Het logboek is teruggedraaid: het had {old.size} regels en zegt er nu {new.size} te hebben.",
            f"The log was rolled back: it had {old.size} entries and now says that it has {new.size}.",
        )
    if old.size == new.size and old.root != new.root:
        raise Stopped(
            NOT_GENUINE,
            f"Het logboek heeft twee gezichten: voor {old.size} regels zijn twee verschillende wortels ondertekend.",
            f"The log shows two faces: two different roots were signed for {old.size} entries.",
        )


def _check_hashes(hashes: Iterable[bytes], old: Checkpoint, new: Checkpoint) -> None:
    running = RunningRoot()
    for hashed in hashes:
        if running.size == new.size:
            raise Stopped(
                NOT_GENUINE,
                f"Er is een regel te veel: index {new.size} valt buiten het controlepunt van {new.size} regels.",
                f"There is an entry too many: index {new.size} is beyond the checkpoint of {new.size} entries.",
            )
        running.append(hashed)
        if running.size == old.size < new.size:
            _check_prefix(running, old)
    if running.size != new.size:
        raise Stopped(
            NOT_GENUINE,
            f"Er ontbreken regels: voor index {running.size} is er geen, het controlepunt telt {new.size} regels.",
            f"Entries are missing: none is left for index {running.size}, the checkpoint counts {new.size} entries.",
        )
    if running.root() != new.root:
        first = old.size if old.size < new.size else 0
        raise Stopped(
            NOT_GENUINE,
            f"Tussen index {first} en {new.size - 1} is een regel veranderd, verwijderd, toegevoegd of verplaatst.",
            f"Between index {first} and {new.size - 1} an entry was changed, removed, added or moved.",
        )


def _check_prefix(running: RunningRoot, old: Checkpoint) -> None:
    if running.root() != old.root:
        raise Stopped(
            NOT_GENUINE,
            f"Tussen index 0 en {old.size - 1} is sinds het eerdere controlepunt een regel veranderd of verplaatst.",
            f"Between index 0 and {old.size - 1} an entry was changed or moved since the earlier checkpoint.",
        )
