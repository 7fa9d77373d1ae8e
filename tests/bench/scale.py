"""A whole country, on paper and by chance: `python -m tests.bench.scale` writes the tables and pictures of `docs/scale.md`.

A year is drawn day by day and hour by hour from what is assumed below, with a seed: the same tables each time. What one
PostgreSQL carries is taken from `var/bench.json` where it was measured, and is a guess on the safe side where not.
"""

import hashlib
import itertools
import json
import math
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import typer

from tests.bench.measure import Result
from tests.bench.page import KEPT, PICTURES, ROOT
from tests.bench.picture import bars, lines

PAGE = ROOT / "docs/scale.md"
SEED = 20_260_101
KIB, GIB, TIB = 1 << 10, 1 << 30, 1 << 40

# counted by others: see the sources on the page
CHILDREN, IN_CARE = 3_500_000, 474_000

# measured: PostgreSQL 16, with indexes, by `tests.bench.handovers` on 20,000 handovers, and what the use cases write
HANDOVER, RECORD, RECEIPT, RELEASE = 21.5 * KIB, 3.5 * KIB, 15.1 * KIB, 1.3 * KIB
LEAF, ABOUT, LINE = 1.5 * KIB, 0.7 * KIB, 2.4 * KIB
"""Of an entry: what stays for ever; for each person in it what goes with them; and what the console keeps of it."""
CARRIED = 100.0
"""Releases in a second, when nothing was measured: two cores of a laptop, before anything was made fast, did 15."""
MEASURED = "release_vs_core_floor_pg_c32"

WORKING_DAY = (0, 0, 0, 0, 0, 0, 1, 4, 10, 13, 13, 11, 8, 11, 12, 11, 7, 4, 2, 1, 1, 1, 0, 0)
"""How a day's work of professionals is spread over its hours."""
EVENING = (1, 0, 0, 0, 0, 0, 1, 2, 3, 4, 4, 4, 5, 4, 4, 4, 5, 7, 9, 12, 13, 9, 5, 2)
"""The same for families: they answer in the evening."""
MONTHS = (1.05, 1.0, 1.05, 1.0, 1.0, 1.25, 0.7, 0.7, 1.35, 1.1, 1.1, 0.8)
"""The school year begins and ends; in summer little is handed over."""
WEEK = (1.15, 1.15, 1.0, 1.1, 0.6, 0.0, 0.0)
BURST = 2.0
"""The busiest minute of an hour beside its mean: systems that send at the full hour."""
YEARS = (1, 2, 5, 10, 20)


@dataclass(frozen=True, slots=True)
class Guess:
    """How much a country could use it. None of these was ever counted."""

    name: str
    handovers_in_care: float
    """A year, for each young person in care; intake, transfer, feedback to who referred, the end."""
    handovers_others: float
    """A year, for each other child: to another school, from preventive health care."""
    signers: float = 2.2
    cells: float = 1.4
    """Signed records in one answer: one for each person about whom it is."""
    answered: float = 0.75
    readings: float = 5.0
    """Releases of one handover, over its life."""
    denied: float = 0.15
    people_in_entry: float = 3.0
    content: float = 24 * KIB
    kept: int = 2
    """Years that contents stay; of who was in it, the log stays readable for five more."""


GUESSES = (
    Guess("quiet", 1.0, 0.02),
    Guess("expected", 2.5, 0.10),
    Guess("busy", 6.0, 0.50, readings=12.0),
)
BETWEEN = 5
"""Years that the log stays readable after that (decision 18)."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a year comes to, and its busiest moments, in events."""

    handovers: int
    answers: int
    releases: int
    entries: int
    busiest_day: int
    """Releases, with those that were refused."""
    at_peak: float
    """Releases in a second, in the busiest minute."""
    entries_at_peak: float


@cache
def year(guess: Guess, seed: int = SEED, part: float = 1.0) -> Load:
    """Draw one, for that part of the country."""
    chance = _chance(f"{seed} {guess.name} {part}")
    pushed = (IN_CARE * guess.handovers_in_care + (CHILDREN - IN_CARE) * guess.handovers_others) * part
    weights = [MONTHS[day * 12 // 365] * WEEK[day % 7] for day in range(365)]
    handovers = answers = releases = entries = busiest = 0
    peak = entries_peak = 0.0
    for weight in weights:
        mean = pushed * weight / sum(weights)
        today = 0
        for work, home in zip(WORKING_DAY, EVENING, strict=True):
            new = _drawn(chance, mean * work / sum(WORKING_DAY))
            said = _drawn(chance, mean * guess.signers * guess.answered * home / sum(EVENING))
            asked = _drawn(chance, mean * guess.readings * (1 + guess.denied) * work / sum(WORKING_DAY))
            # a push, an invitation for each signer, each record, each request
            written = new + _drawn(chance, new * guess.signers) + _drawn(chance, said * guess.cells) + asked
            handovers, answers, releases, entries = handovers + new, answers + said, releases + asked, entries + written
            today += asked
            peak, entries_peak = max(peak, asked * BURST / 3600), max(entries_peak, written * BURST / 3600)
        busiest = max(busiest, today)
    return Load(handovers, answers, releases, entries, busiest, peak, entries_peak)


def _chance(seed: str) -> Iterator[float]:
    """From 0 to 1, never 1; the same for the same seed, on every machine."""
    for number in itertools.count():
        yield int.from_bytes(hashlib.sha256(f"{seed} {number}".encode()).digest()[:6]) / (1 << 48)


def _drawn(chance: Iterator[float], mean: float) -> int:
    """Of a Poisson distribution; of a large mean by the normal one, which is as good."""
    if mean <= 0:
        return 0
    if mean > 50:
        far = math.sqrt(-2 * math.log(1 - next(chance))) * math.cos(2 * math.pi * next(chance))  # Box and Muller
        return max(0, round(mean + far * math.sqrt(mean)))
    limit, product, number = math.exp(-mean), next(chance), 0
    while product > limit:
        product *= next(chance)
        number += 1
    return number


def stored(guess: Guess, load: Load, years: int) -> float:
    """Bytes after so many years: what goes with its time has gone."""
    told = min(years, guess.kept + BETWEEN)
    whole = load.handovers * (HANDOVER * told + guess.content * min(years, guess.kept))
    said = load.answers * (guess.cells * RECORD * years + RECEIPT * told)
    logged = load.entries * (LEAF * years + (guess.people_in_entry * ABOUT + LINE) * told)
    return whole + said + logged + load.releases * RELEASE * years


def carried() -> tuple[float, bool]:
    """(releases in a second that one broker and one PostgreSQL do, whether that was measured)."""
    kept = json.loads(KEPT.read_text()) if KEPT.exists() else {}
    found = kept.get(MEASURED, {})
    return (float(found["a"]), True) if found.get("unit") == "per s" else (CARRIED, False)


def tables() -> Iterator[str]:
    """As Markdown."""
    loads = {guess: year(guess) for guess in GUESSES}
    yield "| a year | " + " | ".join(guess.name for guess in GUESSES) + " |"
    yield "|---|" + "--:|" * len(GUESSES)
    for name in ("handovers", "answers", "releases", "entries"):
        yield f"| {name} | " + " | ".join(f"{getattr(load, name):,}" for load in loads.values()) + " |"
    yield "| requests on the busiest day | " + " | ".join(f"{load.busiest_day:,}" for load in loads.values()) + " |"
    yield "| requests a second, busiest minute | " + " | ".join(f"{load.at_peak:.1f}" for load in loads.values()) + " |"
    yield (
        "| log entries a second, then | " + " | ".join(f"{load.entries_at_peak:.1f}" for load in loads.values()) + " |"
    )
    for years in YEARS:
        sizes = " | ".join(f"{stored(guess, load, years) / TIB:.2f} TiB" for guess, load in loads.items())
        yield f"| the database after {years} year{'s' if years > 1 else ''} | {sizes} |"
    running = " | ".join(f"{load.handovers / 2:,.0f}" for load in loads.values())
    yield f"| handovers of which a yes runs, at any time | {running} |"


def pictures(folder: Path = PICTURES) -> None:
    """Demand beside what one broker carries, and how the database grows."""
    able, measured = carried()
    spread = []
    for guess in GUESSES:
        for name, part in (("the country in one", 1.0), ("the largest of ten regions", 0.2)):
            peak = year(guess, part=part).at_peak
            spread.append(Result("", f"{guess.name}, {name}", peak / able, peak, able, "per s", 1.0))
    folder.mkdir(exist_ok=True)
    source = "measured" if measured else "a guess"
    (folder / "scale.svg").write_text(
        bars(f"The busiest minute, beside {able:,.0f} releases a second ({source})", spread)
    )
    grown = [
        Result("", "", 1.0, stored(guess, year(guess), years) / GIB, 1.0, "GiB", series=guess.name, size=years)
        for guess in GUESSES
        for years in YEARS
    ]
    (folder / "scale-growing.svg").write_text(lines("The database, by years", grown))


def main(page: Path = PAGE, folder: Path = PICTURES) -> int:
    """Write the tables in their place on the page, and the pictures."""
    text, drawn = page.read_text(), "\n".join(tables())
    text, times = re.subn(r"<!-- year -->.*?<!-- end of year -->", lambda _: _placed(drawn), text, flags=re.DOTALL)
    if times != 1:
        raise ValueError(f"{page.name} has no place for the year")
    page.write_text(text)
    pictures(folder)
    typer.echo(drawn)
    return 0


def _placed(drawn: str) -> str:
    return f"<!-- year -->\n\n{drawn}\n\n<!-- end of year -->"


if __name__ == "__main__":
    sys.exit(main())
