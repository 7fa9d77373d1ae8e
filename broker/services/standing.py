"""An officer as the log has them: what they were let in as, and which passkeys are theirs. A row alone makes nobody anything.

1. What the broker signed counts, and only when its openings say that it is about this officer.
2. A passkey that was removed counts no more; somebody who was withdrawn is nobody. What takes away is found by its type:
   the index of whom an entry is about lies beside the log, and who deletes a row of it gives nobody anything back.
3. Without an invitation in the log there is no officer.
"""

from dataclasses import dataclass

from broker.domain.events import EventType
from broker.domain.log_ports import DisclosureLog, LoggedFacts
from broker.domain.officers import Acting, OfficerRole
from broker.domain.parties import OfficerId
from broker.domain.stores import StoredEntry, UnitOfWork
from broker.errors import Tampered

MOST_ENTRIES = 1_000
PAGE = 500
GIVING = (EventType.OFFICER_INVITED, EventType.OFFICER_ENROLLED)
TAKING = (EventType.OFFICER_PASSKEY_REMOVED, EventType.OFFICER_WITHDRAWN)


@dataclass(frozen=True, slots=True)
class Standing:
    """What the log says somebody is. `passkeys` are the fingerprints of those that are theirs, `logins` the tags of theirs."""

    role: OfficerRole
    organisation: str
    passkeys: frozenset[str]
    logins: frozenset[str]

    def is_that_of(self, acting: Acting) -> bool:
        """Whether a row says the same."""
        return (self.role, self.organisation) == (acting.role, acting.organisation or "")


async def standing_of(work: UnitOfWork, log: DisclosureLog, officer: OfficerId) -> Standing | None:
    """What the log says of this officer; None when it says that they are none (any more). Raises Tampered."""
    found = list(await work.log.rare(GIVING, officer, MOST_ENTRIES))
    if len(found) == MOST_ENTRIES:
        return None  # more than anybody does: not read to the end, so not believed
    found += await _taken(work)
    openings = await work.log.openings_of([entry.id for entry in found])
    invited: tuple[OfficerRole, str] | None = None
    passkeys: set[str] = set()
    logins: set[str] = set()
    for entry in sorted(found, key=lambda one: one.id):
        log.vouched(entry)  # 1
        said = log.read(entry.leaf, openings.get(entry.id, ()))
        about = officer in said.personal.get("officer", ())
        if said.type in TAKING and "officer" in said.erased:
            raise Tampered  # of whom it speaks was taken away: it may be of them
        if not about:
            continue
        if said.type == EventType.OFFICER_WITHDRAWN:
            return None  # 2
        if said.type == EventType.OFFICER_INVITED:
            invited = _invited_as(said)
        elif said.type == EventType.OFFICER_ENROLLED:
            passkeys.update(said.personal.get("passkey", ()))
            logins.update(said.personal.get("login", ()))
        elif said.type == EventType.OFFICER_PASSKEY_REMOVED:
            if said.erased:
                raise Tampered
            passkeys.difference_update(said.personal.get("passkey", ()))
    return Standing(*invited, frozenset(passkeys), frozenset(logins)) if invited else None  # 3


async def _taken(work: UnitOfWork) -> list[StoredEntry]:
    """All that took anything from anybody, to the end."""
    found: list[StoredEntry] = []
    page = await work.log.of_types(TAKING, limit=PAGE)
    while page:
        found += page
        page = await work.log.of_types(TAKING, before=page[-1].id, limit=PAGE) if len(page) == PAGE else ()
    return found


def _invited_as(said: LoggedFacts) -> tuple[OfficerRole, str]:
    """What an invitation says: one from before there were roles let an officer of the whole in."""
    try:
        role = OfficerRole(str(said.facts.get("role", OfficerRole.OFFICER.value)))
    except ValueError:
        raise Tampered from None
    return role, str(said.facts.get("for", ""))
