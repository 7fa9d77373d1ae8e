"""What several releases leave behind, gathered by table: the rows of one statement each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

COLUMNS: dict[str, dict[str, str]] = {
    "log_subject_key": {"tag": "text", "wrapped_key": "bytea"},
    "log_entry": {
        "entry_id": "text",
        "leaf": "bytea",
        "leaf_hash": "bytea",
        "receipt_kid": "text",
        "receipt_sig": "bytea",
        "type": "text",
        "organisation": "text",
        "counterpart": "text",
        "outcome": "text",
        "created_at": "timestamptz",
    },
    "log_queue": {"entry_id": "text"},
    "log_opening": {"entry_id": "text", "position": "int", "tag": "text", "field": "text", "ciphertext": "bytea"},
    "log_subject_index": {"entry_id": "text", "tag": "text"},
    "release": {
        "id": "text",
        "entry_id": "text",
        "handover": "text",
        "professional": "text",
        "organisation": "text",
        "role": "text",
        "created_at": "timestamptz",
        "acknowledged_at": "timestamptz",
    },
    "release_section": {"release": "text", "section": "text"},
    "outbox": {
        "id": "text",
        "message_sealed": "bytea",
        "handover": "text",
        "tries": "int",
        "next_try_at": "timestamptz",
    },
}
"""Tables in the order in which rows may refer to one another; columns with their types in PostgreSQL."""


_SHARED = "log_subject_key"
"""A key that several releases of a batch are the first to need stands with each of them, and is written once."""


@dataclass(slots=True)
class Rows:
    """Rows by table."""

    of: dict[str, list[Sequence[Any]]] = field(default_factory=lambda: {table: [] for table in COLUMNS})

    def add(self, table: str, values: Mapping[str, Any]) -> None:
        """One more. Raises KeyError when a column is missing."""
        self.of[table].append([values[column] for column in COLUMNS[table]])

    def extend(self, others: "Rows") -> None:
        """Those of another release too."""
        for table, rows in others.of.items():
            self.of[table] += rows if table != _SHARED else [row for row in rows if row not in self.of[table]]
