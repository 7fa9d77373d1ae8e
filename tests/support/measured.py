"""What was measured with many brokers, on its page: each command writes its own table, between its own marks."""

import re
from collections.abc import Mapping
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/performance.md"


def show(name: str, rows: Mapping[str, str], page: Path = PAGE) -> None:
    """Put the table in its place. Raises ValueError without a place."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    lines = ["| | |", "|---|--:|", *(f"| {what} | {figure} |" for what, figure in rows.items())]
    drawn = "\n".join([begin, "", *lines, "", end])
    text, times = re.subn(re.escape(begin) + ".*?" + re.escape(end), lambda _: drawn, page.read_text(), flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{page.name} has no place for {name}: {begin} {end}")
    page.write_text(text)
