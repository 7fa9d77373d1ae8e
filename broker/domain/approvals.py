"""What two privacy officers must do before another agreement counts, and the very bytes that each of them signs.

- An approval is a passkey's signature over a challenge that only this proposal, this officer and this moment can have.
- A proposal takes the place of the agreement that was in force when it was made; once another one came in force it lapsed.
"""

import hashlib
from datetime import datetime, timedelta
from enum import StrEnum

NEEDED = 2
"""Different officers."""
ANSWER_WITHIN = timedelta(minutes=5)
"""How long a challenge is good."""
FURTHEST = timedelta(days=366)
"""How far ahead a proposal may begin."""
LONGEST_REASON = 300


class ProposalState(StrEnum):
    """Where a proposal stands."""

    WAITING = "waiting"
    APPROVED = "approved"
    PUT_IN_FORCE = "put-in-force"
    LAPSED = "lapsed"


def challenge(digest: str, proposal: str, starts: datetime, officer: str, nonce: bytes) -> bytes:
    """SHA-256 of what is approved: the text's digest, the proposal, its first moment, who approves, and our nonce.

    Each value is a netstring (`length:bytes,`), so no two different approvals have the same challenge.
    """
    said = hashlib.sha256(b"rondom agreement approval 1\n")
    for value in (digest.encode(), proposal.encode(), starts.isoformat().encode(), officer.encode(), nonce):
        said.update(b"%d:%b," % (len(value), value))
    return said.digest()


def state_of(instead_of: int, current: int, approvals: int, *, made_it: bool) -> ProposalState:
    """Where a proposal stands while number `current` is in force; `made_it`: the number after `instead_of` is this one."""
    if instead_of == current:
        return ProposalState.APPROVED if approvals >= NEEDED else ProposalState.WAITING
    return ProposalState.PUT_IN_FORCE if made_it else ProposalState.LAPSED
