"""The tamper matrix as readers see it: one row for each attack, one column for each who might notice."""

from collections.abc import Mapping

from tests.promises.detectors import NO_PROOF, SENTENCES, UNNOTICED
from tests.support.world import ROOT

PAGE = ROOT / "docs" / "for-security-reviewers.md"
COLUMNS = {
    "verify": "`verify`",
    "kept checkpoint": "`verify --earlier`",
    "new bundle": "new bundle",
    "old bundle": "old bundle",
    "start": "start",
    "sequencer": "sequencer",
    "receipt": "receipt",
    "replay": "`replay`",
    "witness": "witness",
}
"""Who is asked, and the head of its column."""
HOLDERS = {
    "database": "the database",
    "receipts": "the database and the receipts' key",
    "keys": "the database and every key",
    "everything": "all that, and the guard",
}
OUTSIDE = ("kept checkpoint", "new bundle", "old bundle", "receipt", "witness")
"""Whom an operator with the whole database and every key cannot silence: what they compare with lies with them."""
NO_CHANGE = ("put a forged entry with a receipt in the queue",)
"""A line that is not true, added at the end like any other: nothing that was logged is changed."""

Table = Mapping[tuple[str, str], Mapping[str, str]]
"""What each notices, by what the attacker holds and the attack's name."""


def drawn(table: Table) -> str:
    """The table in Markdown."""
    lines = [f"| attack | {' | '.join(COLUMNS.values())} |", "|---" * (len(COLUMNS) + 1) + "|"]
    holder = ""
    for (holds, attack), found in table.items():
        if holds != holder:
            lines.append(f"| **{HOLDERS[holds]}** |" + " |" * len(COLUMNS))
            holder = holds
        lines.append(f"| {attack} | {' | '.join(found[name] for name in COLUMNS)} |")
    return "\n".join(lines)


def legend(table: Table) -> str:
    """The sentences behind the short names in the table, in Markdown."""
    used = {cell.partition(" ")[2] for found in table.values() for cell in found.values()}
    known = {**SENTENCES, NO_PROOF: "(nothing is there any more for an entry that it signed a receipt for)"}
    used |= {cell for found in table.values() for cell in found.values()}
    return "\n".join(f"- **{name}**: {sentence}" for name, sentence in known.items() if name in used)


def unnoticed_outside(table: Table) -> list[str]:
    """The attacks that nobody outside notices."""
    return [
        attack
        for (_, attack), found in table.items()
        if all(found[name] == UNNOTICED for name in OUTSIDE) and attack not in NO_CHANGE
    ]
