"""What an officer is shown: the answers of the console's use cases, ready for a page.

Everything here was already checked: a page only lays it out. No name of a person is in it.
"""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from broker.domain.consents import Stance
from broker.domain.officers import Right
from broker.domain.presence import ENOUGH, Purpose
from broker.errors import Words

Outcome = Literal["accepted", "confirmed"]


@dataclass(frozen=True, slots=True)
class LoginWay:
    """An identity provider with which an officer can sign in: its id in addresses, and its name on the button."""

    id: str
    name: Words


@dataclass(frozen=True, slots=True)
class OfficerSession:
    """A privacy officer who signed in with a passkey.

    `open_matters` and `open_items`: how many doubts, and things that stand out, wait for an officer. `open_motions` and
    `open_proposals`: how many decisions and agreements wait for this one, as the second or as one of two.
    `passkeys`: how many are theirs. `confirmed`: what they used one again for in the last minutes.
    `agreement_refused`: a changed agreement could not be put in force. `rights` says which pages are theirs, and
    `organisation` names the only one whose part they see.
    """

    id: str
    csrf: str
    officer: str
    stage: Literal["invited", "signed-in"]
    open_matters: int = 0
    agreement_refused: bool = False
    rights: frozenset[Right] = frozenset(Right)
    organisation: str = ""
    open_items: int = 0
    open_motions: int = 0
    open_proposals: int = 0
    passkeys: int = ENOUGH
    confirmed: frozenset[Purpose] = frozenset()


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What an officer looks for. `identifier` (a BSN) only ever travels in a form's body.

    `subject` is whom a line is about, and `reader` the professional who did it. With `fold`, the lines of that one alone.
    """

    identifier: str = ""
    subject: str = ""
    reader: str = ""
    fold: str = ""
    organisation: str = ""
    outcome: str = ""
    first_day: date | None = None
    last_day: date | None = None
    before: str = ""


@dataclass(frozen=True, slots=True)
class EntryRow:
    """One line of the log, by pseudonyms. `index` is its place in the tree, None while it waits to be sequenced.

    `professional` is who did it: the professional, the officer, or the signer of an answer. `released` and `withheld`
    are what was said yes and no to, by the decision on a request or by the signer. `erased` names what is not there any
    more: `subject`, `actor` and `sections`.
    """

    id: str
    at: datetime
    type: str
    label: Words
    outcome: Literal["permitted", "partly", "denied", "other"]
    organisation: str
    counterpart: str
    role: Words | None
    purpose: Words | None
    professional: str
    subject: str
    released: tuple[Words, ...]
    withheld: tuple[Words, ...]
    index: int | None
    erased: frozenset[str] = frozenset()
    by_family: bool = False
    """Whether somebody of a family did it themselves."""
    kind: Words | None = None
    """Of the handover that it is about, where the line says."""


@dataclass(frozen=True, slots=True)
class SignerWhy:
    """How one required signer stood: pseudonyms, the stance, the record; `gap` says why nobody could be asked."""

    person: str
    signer: str
    stance: Stance
    record: str
    gap: str
    counts: bool = True


@dataclass(frozen=True, slots=True)
class SectionWhy:
    """Why one section was or was not released. `rules` are (id, title) of the rules that decided."""

    section_type: str
    label: Words
    permitted: bool
    reason: Words | None
    rules: tuple[tuple[str, Words], ...]
    signers: tuple[SignerWhy, ...]


@dataclass(frozen=True, slots=True)
class EntryDetail:
    """One entry in full; never content, never a person's name.

    `reason` says why a request was refused as a whole. `fields` are the other logged facts, name and value.
    """

    row: EntryRow
    reason: Words | None
    sections: tuple[SectionWhy, ...]
    policy_digest: str
    fields: tuple[tuple[str, str], ...]
    leaf: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class MatterRow:
    """One doubt, by pseudonyms: never a contact, never a name. `other` is a person, or a professional by its kind."""

    id: str
    kind: str
    reason: Words
    person: str
    other: str
    organisation: str
    since: datetime
    holds_back: bool
    state: str


@dataclass(frozen=True, slots=True)
class QueuePage:
    """The oldest open matters out of `open`, and the latest settled ones."""

    waiting: tuple[MatterRow, ...]
    settled: tuple[MatterRow, ...]
    open: int


@dataclass(frozen=True, slots=True)
class MatterDetail:
    """One matter, with what to do next; once settled, by whom and why."""

    row: MatterRow
    next_steps: tuple[Words, ...]
    note: str
    settled_at: datetime | None
    settled_by: str
