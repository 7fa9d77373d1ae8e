"""The stores that one release needs, which read from what was read for all, and write into what is written for all.

They are the plain stores with other hands: what a row means, and whether it is genuine, is said there and nowhere else.
Whatever they were not made for is `Unforeseen`.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from types import TracebackType
from typing import Any, Self, cast

from broker.domain.consents import ConsentRecord
from broker.domain.events import EntryId
from broker.domain.handovers import Handover, HandoverId, Section, SectionId
from broker.domain.parties import Oin, Organisation, PersonId, Professional
from broker.domain.ports import SealedSection
from broker.domain.reactions import Reaction
from broker.domain.sign_offs import SignOff
from broker.domain.stores import InForce, KnownFacts, Lock, Message, Reach, TreeSeen, Unforeseen
from broker.storage.authorities import Authorities, known_of
from broker.storage.consents import Consents, Mutes
from broker.storage.handover_rows import boxes_of, recipients_of, sections_of, supporters_of
from broker.storage.handovers import Handovers
from broker.storage.log import Log
from broker.storage.matters import Matters, doubted_of
from broker.storage.openings import SealedOpening
from broker.storage.outbox import Outbox
from broker.storage.oversight import Policies, in_force_of
from broker.storage.parties import Organisations, Persons
from broker.storage.passkeys import SignerPasskeys
from broker.storage.reactions import Reactions
from broker.storage.releases import Releases, rows_of
from broker.storage.rows import Means
from broker.storage.sign_offs import SignOffs
from broker.storage.together.batches import Seat, Together
from broker.storage.together.reading import Asked, Facts
from broker.storage.together.rows import Rows
from broker.storage.tree import Tile, Tree
from broker.storage.visits import GuardRows


class _Nowhere:
    """In the place of a connection."""

    def __getattr__(self, name: str) -> Any:
        raise Unforeseen


_NOWHERE = cast(Any, _Nowhere())


class _Handovers(Handovers):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def get(self, handover: str, *, lock: Lock = "") -> Handover | None:
        rows = self._facts.of("handover", "id", handover)
        if not rows:
            return None
        if handover not in self._facts.held or lock == "exclusive":
            raise Unforeseen
        mine = self._facts.of("section", "handover", handover)
        return self._handover(
            rows[0],
            recipients_of(self._facts.of("recipient", "handover", handover)).get(handover, ()),
            sections_of(
                mine, self._facts.among("section_person", "section", (row.id for row in mine)), self._header
            ).get(handover, ()),
            supporters_of(self._facts.of("supporter", "handover", handover)).get(handover, ()),
        )

    async def sealed(self, sections: Sequence[Section]) -> Mapping[SectionId, SealedSection]:
        contents = self._facts.contents
        return boxes_of([contents[section.id] for section in sections if section.id in contents], sections)


class _Organisations(Organisations):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def get(self, oin: str, *, lock: bool = False) -> Organisation | None:
        if lock:
            raise Unforeseen
        rows = self._facts.of("organisation", "oin", oin)
        return self._organisation(rows[0]) if rows else None


class _Authorities(Authorities):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts
        self._passkeys = SignerPasskeys(_NOWHERE, means)
        self.languages: dict[str, str] = {}
        """Of everybody who is known, as their claims say, by the tag of each."""

    async def holders(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        return frozenset(PersonId(row.holder) for row in self._facts.among("authority", "over", persons))

    async def hold(self, persons: Iterable[PersonId], *, exclusively: bool) -> None:
        known = {person for person in persons if self._facts.of("person", "id", person)}
        if exclusively or not known <= self._facts.held:
            raise Unforeseen

    async def known(self, persons: Iterable[PersonId]) -> KnownFacts:
        facts, wanted = self._facts, tuple(persons)
        everybody = set(wanted) | await self.holders(wanted)
        tags = {PersonId(row.id): row.facts_tag for row in facts.among("person", "id", sorted(everybody))}
        claims = facts.among("claim", "person", tags)
        authorities = facts.among("authority", "over", tags)
        passkeys = self._passkeys.opened(facts.among("passkey", "person", tags))
        stated = self._read({**dict.fromkeys(wanted), **tags}, claims, authorities, passkeys)
        self._check(stated)
        self.languages = {row.tag: said["language"] for mine in stated.claims.values() for row, said, _ in mine}
        return known_of(stated, wanted)


class _Consents(Consents):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def about(self, persons: Iterable[PersonId], sender: Oin, purpose: str) -> tuple[ConsentRecord, ...]:
        rows = self._facts.among("record", "person", persons)
        mine = [row for row in rows if row.sender == sender and row.purpose == purpose]
        return tuple(self._read(row) for row in sorted(mine, key=lambda row: (row.signer, row.serial)))


class _Matters(Matters):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def doubted(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        return doubted_of(self._facts.rows["matter"], tuple(persons))


class _Policies(Policies):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def in_force(self) -> InForce | None:
        rows = self._facts.rows["in_force"]
        return in_force_of(rows[0]) if rows else None


class _Tree(Tree):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def seen(self, wanted: Iterable[Tile] = ()) -> tuple[TreeSeen, Mapping[Tile, bytes]]:
        if list(wanted):
            raise Unforeseen
        trees, newest = self._facts.rows["tree"], self._facts.rows["checkpoint"]
        covers = (int(newest[0].size), str(newest[0].note)) if newest else None
        return TreeSeen(self._state(trees[0] if trees else None), covers), {}


class _Reactions(Reactions):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def of_handover(self, handover: HandoverId) -> tuple[Reaction, ...]:
        return self.opened(self._facts.of("reaction", "handover", handover))


class _SignOffs(SignOffs):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def of_handover(self, handover: HandoverId) -> tuple[SignOff, ...]:
        return self.opened(self._facts.of("sign_off", "handover", handover))


class _Mutes(Mutes):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def among(self, persons: Iterable[PersonId], sender: Oin) -> frozenset[PersonId]:
        rows = self._facts.among("mute", "person", persons)
        return frozenset(PersonId(row.person) for row in rows if row.sender == sender)


class _Persons(Persons):
    def __init__(self, facts: Facts, means: Means, authorities: _Authorities) -> None:
        super().__init__(_NOWHERE, means)
        self._facts, self._authorities = facts, authorities

    def _language(self, claim_tag: str, facts_sealed: bytes) -> str:
        """A claim is opened once: what its tag was checked against is what stands in it."""
        return self._authorities.languages.get(claim_tag) or super()._language(claim_tag, facts_sealed)

    async def reach(self, persons: Iterable[PersonId], by: Oin) -> Mapping[PersonId, Reach]:
        found = {}
        for person in dict.fromkeys(persons):
            claims = [row for row in self._facts.of("claim", "person", person) if row.organisation == by]
            latest = max((row.stated_at for row in claims), default=None)
            newest = [row for row in claims if row.stated_at == latest]
            contacts = [
                row
                for row in self._facts.of("contact", "person", person)
                if row.organisation == by and latest is not None and row.stated_at >= latest
            ]
            if contacts:  # the first one comes last
                found[person] = self._reached(contacts[-1], self._language(newest[-1].tag, newest[-1].facts_sealed))
        return found


class _Guards(GuardRows):
    def __init__(self, facts: Facts, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts = facts

    async def take(self, bucket: str, window: int, now: datetime, calls: int) -> int:
        """The number that this call has among those of the batch, which were counted at once."""
        counter = f"{self.bucket(bucket)}:{int(now.timestamp()) // window}"
        if calls != 1 or counter not in self._facts.counted:
            raise Unforeseen
        return self._facts.number(counter)


class _Log(Log):
    def __init__(self, facts: Facts, rows: Rows, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._facts, self._rows = facts, rows

    async def restored(self) -> datetime | None:
        rows = self._facts.rows["restored"]
        return cast(datetime, rows[0].created_at) if rows else None

    async def _wrapped(self, tags: Sequence[str]) -> Mapping[str, bytes]:
        for tag in tags:
            self._share(tag)
        known = {**self._facts.keys, **self._facts.fresh}
        return {tag: known[tag] for tag in tags if tag in known}

    async def _new_key(self, tag: str) -> bytes:
        clear, wrapped = await self._means.opened_keys.new(self._means.subject_keys, tag)
        first = self._facts.fresh.setdefault(tag, wrapped)  # while this one was made, another may have been
        self._share(tag)
        return clear if first == wrapped else await self._opened(tag, first)

    def _share(self, tag: str) -> None:
        """Whoever uses a key that is not stored yet stores it, as the others do who use it."""
        if tag in self._facts.fresh:
            self._rows.add("log_subject_key", {"tag": tag, "wrapped_key": self._facts.fresh[tag]})

    async def _write(self, entry: Mapping[str, Any], openings: Sequence[SealedOpening], about: Sequence[str]) -> None:
        identity = entry["entry_id"]
        self._rows.add("log_entry", entry)
        self._rows.add("log_queue", entry)
        for opening in openings:
            self._rows.add("log_opening", {"entry_id": identity, **opening._asdict()})
        for tag in about:
            self._rows.add("log_subject_index", {"entry_id": identity, "tag": tag})


class _Releases(Releases):
    def __init__(self, rows: Rows, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._rows = rows

    async def add(
        self,
        release: str,
        entry: EntryId,
        handover: HandoverId,
        who: Professional,
        sections: Sequence[Section],
        now: datetime,
    ) -> None:
        row, parts = rows_of(release, entry, handover, who, sections, now)
        self._rows.add("release", row)
        for part in parts:
            self._rows.add("release_section", part)


class _Outbox(Outbox):
    def __init__(self, rows: Rows, means: Means) -> None:
        super().__init__(_NOWHERE, means)
        self._kept = rows

    async def add_all(self, messages: Mapping[str, Message], now: datetime) -> None:
        for row in self._rows(messages, now, ""):
            self._kept.add("outbox", row)


class ReleaseWork:
    """A unit of work for one release, in a transaction that it shares with others. See `Storage.releasing`."""

    def __init__(self, together: Together, means: Means, asked: Asked) -> None:
        self._together, self._means, self._asked = together, means, asked
        self._seat: Seat | None = None
        self._rows = Rows()

    def __getattr__(self, name: str) -> Any:
        raise Unforeseen

    async def __aenter__(self) -> Self:
        """Take a seat in the next batch, and have what was read. Raises Unforeseen."""
        self._seat, facts = await self._together.board(self._asked)
        means, rows = self._means, self._rows
        self.handovers = _Handovers(facts, means)
        self.organisations = _Organisations(facts, means)
        self.authorities = _Authorities(facts, means)
        self.consents = _Consents(facts, means)
        self.matters = _Matters(facts, means)
        self.policies = _Policies(facts, means)
        self.tree = _Tree(facts, means)
        self.reactions = _Reactions(facts, means)
        self.sign_offs = _SignOffs(facts, means)
        self.mutes = _Mutes(facts, means)
        self.persons = _Persons(facts, means, self.authorities)
        self.guards = _Guards(facts, means)
        self.log = _Log(facts, rows, means)
        self.releases = _Releases(rows, means)
        self.outbox = _Outbox(rows, means)
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Leave, unless it was committed."""
        if self._seat is not None:
            await self._seat.leave()

    async def commit(self) -> None:
        """Make it lasting, with the others'. Raises Unforeseen when nothing was kept, Unavailable when that is not known."""
        if self._seat is None:
            raise RuntimeError("this unit of work has not begun")
        await self._seat.keep(self._rows)
