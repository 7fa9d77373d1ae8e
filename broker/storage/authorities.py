"""What decides who must sign, and with what: births, ability and authority as each organisation stated them, and passkeys.

Sealed against change: nothing of it was left out or put in.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any, cast

import sqlalchemy as sa

from broker.domain.parties import Authority, AuthorityKind, Inability, Oin, Person, PersonId
from broker.domain.stores import AuthorityClaim, KnownFacts, Statements
from broker.errors import Conflict, NotFound, Tampered, Words
from broker.storage import tables as t
from broker.storage.passkeys import SignerPasskeys, enrolled
from broker.storage.rows import Store


class Authorities(Store):
    """See `AuthorityStore`."""

    async def state(self, claims: Sequence[AuthorityClaim], by: Oin, now: datetime) -> None:
        """Keep what an organisation says about authority, beside what others said."""
        for claim in claims:
            a = claim.authority
            tag = self._tag(a.over, a.holder, a.kind, a.since, a.until, by)
            values = {
                "id": self._means.ids(),
                "over": a.over,
                "holder": a.holder,
                "kind": a.kind,
                "since": a.since,
                "until": a.until,
                "organisation": by,
                "tag": tag,
                "evidence_sealed": self._seal(f"authority:{tag}", claim.evidence),
                "stated_at": now,
            }
            await self._insert_once(t.authority, values)

    def _tag(self, *stated: Any) -> str:
        over, holder, kind, since, until, by = stated
        ends = until.isoformat() if until else ""
        return self._means.tags.tag("authority", over, holder, kind, since.isoformat(), ends, by)

    async def facts(self, persons: Iterable[PersonId]) -> tuple[Mapping[PersonId, Person], tuple[Authority, ...]]:
        """These persons as the rules see them: every birth date that anybody stated, every authority."""
        known = await self.known(persons)
        return known.people, known.authorities

    async def known(self, persons: Iterable[PersonId]) -> KnownFacts:
        """These persons as the rules see them, and the tags over what is known.

        1. What is stated about them, and about whoever holds authority over them, is read.
        2. Where that is not whole, somebody may have stated something between two statements of it: it is read again while
           that waits. Whoever only reads sees one moment, and the same again.
        3. Each row says what it said when it was stated, and none is missing or more.
        4. The rows become facts.
        """
        wanted = tuple(persons)
        stated = await self._stated(wanted)  # 1
        if not self._is_whole(stated):  # 2
            await self.hold(stated.tags, exclusively=False)
            stated = await self._stated(wanted)
        self._check(stated)  # 3
        return known_of(stated, wanted)  # 4

    async def known_then(self, persons: Iterable[PersonId], statements: Mapping[PersonId, Statements]) -> KnownFacts:
        """What was known when these were the statements about everybody."""
        wanted = tuple(persons)
        stated = await self._stated(wanted)
        claims: dict[PersonId, list[tuple[Any, Mapping[str, str], str]]] = {}
        authorities: list[Any] = []
        passkeys: dict[PersonId, Sequence[_Row]] = {}
        for person, lines in statements.items():
            when = {tag: at for tag, _, at in (line.partition(" ") for line in lines)}
            said = [(row, facts, when[row.tag]) for row, facts, _ in stated.claims.get(person, ()) if row.tag in when]
            mine = [row for row in stated.authorities if row.over == person and row.tag in when]
            own = [(row, facts) for row, facts in stated.passkeys.get(person, ()) if row.tag in when]
            if lines and not said and not mine:
                raise NotFound
            if len(said) + len(mine) + len(own) != len(lines):
                raise Tampered
            passkeys[person] = own
            claims[person] = sorted(said, key=lambda one: datetime.fromisoformat(one[2]))
            authorities += mine
        then = _Stated(dict.fromkeys(statements), claims, authorities, passkeys)
        self._check_rows(then)
        return known_of(then, wanted)

    async def holders(self, persons: Iterable[PersonId]) -> frozenset[PersonId]:
        """Whoever was ever stated to hold authority over any of them."""
        c = t.authority.c
        rows = await self._all(sa.select(c.holder).where(c.over.in_(tuple(persons))).distinct())
        return frozenset(PersonId(row.holder) for row in rows)

    async def _stated(self, wanted: Sequence[PersonId]) -> "_Stated":
        rows = await self._all(everybody_of(wanted))
        tags = {PersonId(row.id): row.facts_tag for row in rows}
        claims = await self._all(
            sa.select(t.person_claim).where(t.person_claim.c.person.in_(tags)).order_by(t.person_claim.c.stated_at)
        )
        authorities = await self._all(sa.select(t.authority).where(t.authority.c.over.in_(tags)))
        passkeys = await SignerPasskeys(self._connection, self._means).rows(tags)
        return self._read({**dict.fromkeys(wanted), **tags}, claims, authorities, passkeys)

    def _read(
        self,
        tags: Mapping[PersonId, str | None],
        claims: Iterable[Any],
        authorities: Sequence[Any],
        passkeys: Mapping[PersonId, Sequence["_Row"]],
    ) -> "_Stated":
        said = defaultdict(list)
        for row in claims:
            facts = self._unseal_json(f"claim:{row.tag}", row.facts_sealed)
            said[PersonId(row.person)].append((row, facts, row.stated_at.isoformat()))
        return _Stated(tags, said, authorities, passkeys)

    def _check(self, stated: "_Stated") -> None:
        self._check_rows(stated)
        if not self._is_whole(stated):
            raise Tampered

    def _is_whole(self, stated: "_Stated") -> bool:
        return all((tag or "") == self._whole(person, stated.lines[person]) for person, tag in stated.tags.items())

    def _check_rows(self, stated: "_Stated") -> None:
        for row in stated.authorities:
            if row.tag != self._tag(row.over, row.holder, row.kind, row.since, row.until, row.organisation):
                raise Tampered
        for person, claims in stated.claims.items():
            for row, facts, _ in claims:
                if row.tag != self._means.tags.tag("claim", person, row.organisation, *facts.values()):
                    raise Tampered

    def _whole(self, person: PersonId, lines: Statements) -> str:
        """One tag over everything that is stated about a person; empty when nothing is."""
        return self._means.tags.tag("facts", person, *lines) if lines else ""

    async def seal(self, persons: Iterable[PersonId]) -> Mapping[PersonId, Statements]:
        """What is stated about these persons now is the whole of it."""
        wanted = tuple(persons)
        stated = await self._stated(wanted)
        for person in wanted:
            tag = self._whole(person, stated.lines[person]) or None
            await self._run(sa.update(t.person).where(t.person.c.id == person).values(facts_tag=tag))
        return {person: stated.lines[person] for person in wanted}

    async def hold(self, persons: Iterable[PersonId], *, exclusively: bool) -> None:
        """Row locks in the order of ids; on SQLite the writer's lock does it.

        Held exclusively, nobody among them was erased meanwhile: what was recognised before that would find nobody.
        Who only names one of them in a row of theirs waits for nobody (PostgreSQL, FOR NO KEY UPDATE): whoever answers
        holds themselves and then names the child; whoever writes about both named them before, and holds the child first.
        """
        c = t.person.c
        statement = sa.select(c.id, c.erased_at).where(c.id.in_(tuple(persons))).order_by(c.id)
        rows = await self._all(statement.with_for_update(read=not exclusively, key_share=exclusively))
        if exclusively and any(row.erased_at is not None for row in rows):
            raise Conflict(_ERASED, code="changed-meanwhile")


def known_of(stated: "_Stated", wanted: Sequence[PersonId]) -> KnownFacts:
    """Rows that were checked, as facts about those who were asked for."""
    people = {person: stated.person(person) for person in stated.tags}
    able = {person for person, facts in people.items() if facts.judged == {None}}
    authorities = tuple(
        Authority(PersonId(r.holder), PersonId(r.over), cast(AuthorityKind, r.kind), r.since, r.until, r.holder in able)
        for r in stated.authorities
        if r.over in wanted
    )
    passkeys = {person: enrolled(rows) for person, rows in stated.passkeys.items() if rows}
    return KnownFacts({person: people[person] for person in wanted}, authorities, stated.lines, passkeys)


_Row = tuple[Any, Mapping[str, str]]
"""A row, and what is sealed in it."""


class _Stated:
    """The rows about some persons, and about whoever holds authority over them, as they were read."""

    def __init__(
        self,
        tags: Mapping[PersonId, str | None],
        claims: Mapping[PersonId, Sequence[tuple[Any, Mapping[str, str], str]]],
        authorities: Sequence[Any],
        passkeys: Mapping[PersonId, Sequence["_Row"]],
    ) -> None:
        self.tags, self.claims, self.authorities, self.passkeys = tags, claims, authorities, passkeys
        self.lines: Mapping[PersonId, Statements] = {person: self._lines(person) for person in tags}

    def _lines(self, person: PersonId) -> Statements:
        """A line for each statement about a person: its tag, and of what may be said again, when it was last said."""
        lines = [f"{row.tag} {at}" for row, _, at in self.claims.get(person, ())]
        lines += [row.tag for row, _ in self.passkeys.get(person, ())]
        return tuple(sorted(lines + [row.tag for row in self.authorities if row.over == person]))

    def person(self, person: PersonId) -> Person:
        """Every birth date that was ever stated; of ability, the last that each organisation stated."""
        births: set[date] = set()
        judged: dict[str, Inability | None] = {}
        for row, facts, _ in self.claims.get(person, ()):
            births.add(date.fromisoformat(facts["birth"]))
            judged[row.organisation] = Inability(date.fromisoformat(facts["review"])) if "review" in facts else None
        return Person(person, frozenset(births), frozenset(judged.values()) or frozenset({None}))


_ERASED = Words(
    "Wat er van een persoon bekend was, is op dit moment gewist. Probeer het opnieuw.",
    "What was known of a person was erased at this moment. Try again.",
)


def everybody_of(persons: Sequence[PersonId]) -> Any:
    """These persons, and whoever holds authority over one of them.

    Two parts, each by the index: for one condition or another of which one is a subquery, PostgreSQL reads everybody.
    """
    c = t.person.c
    holding = sa.select(t.authority.c.holder).where(t.authority.c.over.in_(persons))
    each = sa.select(c.id, c.facts_tag)
    return sa.union(each.where(c.id.in_(persons)), each.where(c.id.in_(holding)))
