"""What crashes left, kept in `var/crash.json` and shown in `docs/performance.md`; what was not done now, stays."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGE, KEPT = ROOT / "docs/performance.md", ROOT / "docs/performance/crashes.json"
BEGIN, END = "<!-- crashes -->", "<!-- end of crashes -->"
HEAD = "| what was done | times | acknowledged | lost | unlogged | otherwise wrong | refused with 503 | slowest 503 | served again after | `python -m tests.crash` |"


def keep(name: str, row: Mapping[str, Any], path: Path = KEPT) -> dict[str, Any]:
    """Into the file of results, by name; returns all of them."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    kept[name] = dict(row)
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    return kept


def line(name: str, row: Mapping[str, Any]) -> str:
    """One row of the table."""
    again = "-" if row["again"] is None else f"{row['again']} s, at most {row['longest']} s"
    refusal = f"{row['slowest refusal']} s" if row["refused"] else "-"
    return (
        f"| {row['what']} | {row['times']} | {row['acknowledged']} | {row['lost']} | {row['unlogged']} | {len(row['wrong'])} | "
        f"{row['refused']} | {refusal} | {again} | `{name}` |"
    )


def soaked(row: Mapping[str, Any]) -> str:
    """What the soak came to, in a sentence."""
    return (
        f"The soak (`python -m tests.crash soak --minutes {row['minutes']:g}`, {row['database']}): {row['served']} things acknowledged and "
        f"{row['requests']} requests answered in "
        f"{row['minutes']:g} minutes, with a token for half a second at a time; after the warm-up the broker held {row['memory'][0]} MB and at the end "
        f"{row['memory'][1]} MB ({row['kilobytes per thousand']} KB for each thousand requests between), {row['files'][0]} and {row['files'][1]} open files, {row['connections'][0]} and "
        f"{row['connections'][1]} connections to the database, {row['threads'][0]} and {row['threads'][1]} threads."
    )


def show(kept: Mapping[str, Any], page: Path = PAGE) -> None:
    """Put the table in its place on the page. Raises ValueError without a place."""
    rows = [line(name, row) for name, row in sorted(kept.items()) if not name.startswith("soak")]
    table = "\n".join([HEAD, "|---|--:|--:|--:|--:|--:|--:|--:|--:|---|", *rows])
    drawn = "\n\n".join(
        [BEGIN, table, *(soaked(row) for name, row in sorted(kept.items()) if name.startswith("soak")), END]
    )
    text, times = re.subn(re.escape(BEGIN) + ".*?" + re.escape(END), lambda _: drawn, page.read_text(), flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{page.name} has no place for crashes: {BEGIN} {END}")
    page.write_text(text)
