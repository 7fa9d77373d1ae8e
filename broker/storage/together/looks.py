"""What several releases need of the database, as one list of small statements: PostgreSQL answers all of them at once.

Each is asked about a set of handovers, and about what hangs on them: the persons whom they concern, whoever holds authority
over those, the senders. `tests/integration/test_storage_together.py` compares what comes of it with what the plain stores read.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Literal

from broker.domain.events import EventType
from broker.domain.matters import RAISING

Kind = Literal["", "bytes", "instant", "date", "flag"]


@dataclass(frozen=True, slots=True)
class Look:
    """One question: its columns, each with what kind of value it holds, the rest of the statement, and their order.

    Sets stand in it as `{handovers}`, `{oins}`, `{concerned}`, `{persons}` and `{senders}`; `{handover}`, `{section}` and
    `{section_person}` are the rows by which those sets are found. What is `falling` has the last first.
    """

    columns: Mapping[str, Kind]
    rest: str
    order: tuple[str, ...] = ()
    falling: bool = False

    def statement(self, sets: Mapping[str, str]) -> str:
        """As it is asked by itself."""
        return f"SELECT {', '.join(self.columns)} FROM {self.rest.format(**sets)}"  # noqa: S608


def _plain(*names: str, **others: Kind) -> dict[str, Kind]:
    return {**dict.fromkeys(names, ""), **others}


_RAISING = ", ".join(f"'{state.value}'" for state in sorted(RAISING))

HANDOVERS = Look(
    _plain("id", "version", "sender", "kind", "purpose", "language", "subject", "state", "author", "urgent_hours")
    | {
        "urgent_until": "instant",
        "basis_sealed": "bytes",
        "discussed_with_family": "flag",
        "consent_until": "date",
        "retain_until": "date",
    },
    "{handover}",
)
SECTIONS = Look(
    _plain("id", "handover", "version", "position", "type", "media_type", header_sealed="bytes"),
    "{section}",
    ("position",),
)
SECTION_PEOPLE = Look(_plain("section", "person", concerned="flag", shielded="flag"), "{section_person}")
AUTHORITIES = Look(
    _plain("holder", '"over"', "kind", "organisation", "tag", since="date", until="date"),
    'authority WHERE "over" {persons}',
)
LOOKS: dict[str, Look] = {
    "handover": HANDOVERS,
    "section": SECTIONS,
    "section_person": SECTION_PEOPLE,
    "authority": AUTHORITIES,
    "recipient": Look(
        _plain("handover", "organisation", "role"),
        "handover_recipient WHERE handover {handovers}",
        ("organisation", "role"),
    ),
    "supporter": Look(_plain("handover", "supporter", "person"), "handover_supporter WHERE handover {handovers}"),
    "organisation": Look(
        _plain("oin", "name", "kind", "jwks", "sealing_key", "row_tag", "jwks_url", "reachability", "region")
        | {"suspended": "flag", "bound_tokens": "flag"},
        "organisation WHERE oin {oins} OR oin {senders}",
    ),
    "person": Look(_plain("id", "facts_tag"), "person WHERE id {persons}"),
    "claim": Look(
        _plain("person", "organisation", "tag", facts_sealed="bytes", stated_at="instant"),
        "person_claim WHERE person {persons}",
        ("stated_at",),
    ),
    "passkey": Look(
        _plain("id", "person", "kind", "tag", facts_sealed="bytes", stated_at="instant"),
        "signer_passkey WHERE person {persons}",
        ("id",),
    ),
    "record": Look(
        _plain("id", "serial", "signer", "person", "sender", "purpose", "handover", "notice", "statement"),
        "consent_record WHERE person {concerned} AND sender {senders}",
        ("signer", "serial"),
    ),
    "matter": Look(
        _plain("person", "other"),
        f"matter WHERE raises_evidence AND state IN ({_RAISING}) AND (person {{persons}} OR other {{persons}})",
    ),
    "restored": Look(
        _plain(created_at="instant"),
        f"(SELECT created_at FROM log_entry WHERE type = '{EventType.LOG_RESTORED.value}'"  # noqa: S608
        " ORDER BY entry_id DESC LIMIT 1) AS latest",
    ),
    "in_force": Look(
        _plain("number", "digest", "entry_id", since="instant"),
        "(SELECT * FROM policy_in_force ORDER BY number DESC LIMIT 1) AS latest",
    ),
    "tree": Look(_plain("size", root="bytes"), "log_state"),
    "checkpoint": Look(
        _plain("size", "note"), "(SELECT size, note FROM log_checkpoint ORDER BY size DESC LIMIT 1) AS newest"
    ),
    "reaction": Look(
        _plain("id", "handover", "section_type", "persons", "author", "capacity", "kind", "version", "state")
        | {"text_sealed": "bytes", "answer_sealed": "bytes", "created_at": "instant", "answered_at": "instant"},
        "reaction WHERE handover {handovers}",
        ("id",),
    ),
    "sign_off": Look(
        _plain("id", "handover", "section", "signer", statement_sealed="bytes"),
        "sign_off WHERE handover {handovers}",
        ("id",),
    ),
    "mute": Look(_plain("person", "sender"), "mute WHERE person {persons} AND sender {senders}"),
    "contact": Look(
        _plain("id", "tag", "person", "organisation", "channel", value_sealed="bytes", stated_at="instant"),
        "contact WHERE person {persons} AND organisation {senders}",
        ("id",),
        falling=True,
    ),
}
CONTENTS = Look(_plain("id", "kid", wrapped_key="bytes", mark="bytes", ciphertext="bytes"), "{section}")
"""Asked apart: long values travel best as they are."""
KEYS = Look(_plain("tag", wrapped_key="bytes"), "log_subject_key WHERE tag {tags}")


def cell(name: str) -> str:
    """A column's name as an attribute of a row."""
    return name.strip('"')


Converter = Callable[[Any], Any]


def converters(look: Look, of_kind: Mapping[str, Converter]) -> tuple[tuple[int, Converter], ...]:
    """For each column whose values a database gives in another form: its place, and what makes it right."""
    return tuple((i, of_kind[kind]) for i, kind in enumerate(look.columns.values()) if kind in of_kind)


def converted(rows: Sequence[Any], changes: Sequence[tuple[int, Converter]]) -> list[list[Any]]:
    """Rows with right values; what is not there stays away."""
    found = []
    for row in rows:
        values = list(row)
        for place, change in changes:
            if values[place] is not None:
                values[place] = change(values[place])
        found.append(values)
    return found


def instant(text: str) -> datetime:
    """A moment as both databases write it; one without a zone is UTC."""
    at = datetime.fromisoformat(text)
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)


def day(text: str) -> date:
    """A day."""
    return date.fromisoformat(text)
