"""`broker indicators`: the numbers of a quarter as CSV, also counted anew; another quarter is refused in words."""

import asyncio
import csv
from datetime import UTC, datetime, time, timedelta
from pathlib import Path

from broker.crypto.keyring import load_keyring
from broker.domain.calendar import AMSTERDAM, local_day
from broker.domain.events import EventType, LogEvent
from broker.domain.indicators import Quarter
from tests.factories import SCHOOL, SENDER, Storeroom, a_storeroom, with_partners
from tests.integration.test_cli import Desk, desk, furnished, zygote

__all__ = ["desk", "furnished", "zygote"]
COLUMNS = ("indicator", "kind", "region", "part", "month")


async def filled(store: Storeroom, quarter: Quarter) -> None:
    """Eight a month of one, two a month of another, and a line of today."""
    await with_partners(store)
    async with store.storage() as work:
        for month in quarter.months:
            at = datetime.combine(month + timedelta(days=3), time(12), AMSTERDAM)
            for organisation, number in ((SENDER, 8), (SCHOOL, 2)):
                for _ in range(number):
                    await work.log.append(
                        LogEvent(
                            EventType.HANDOVER_PUSHED,
                            at,
                            organisation,
                            facts={"purpose": "safety", "handoverKind": "move"},
                        )
                    )
        await work.log.append(LogEvent(EventType.KEYS_CHANGED, datetime.now(UTC), facts={"change": "rotated"}))
        await work.commit()
    await store.database.close()


def furnish(at: Desk) -> Quarter:
    quarter = Quarter.of(local_day(datetime.now(UTC))).before()
    keyring = load_keyring(Path(at.environment["BROKER_KEYS"]))
    asyncio.run(filled(a_storeroom(f"sqlite:///{at.folder / 'var' / 'broker.db'}", keyring=keyring), quarter))
    at.run("indicators")  # the first to see this log keeps a guard of it, and says so
    return quarter


def test_a_quarter_as_csv_and_the_same_when_counted_anew(furnished: Desk) -> None:
    quarter = furnish(furnished)
    text = furnished.done("indicators", "--organisation", SENDER)
    rows = {tuple(row[name] for name in COLUMNS): row for row in csv.DictReader(text.splitlines())}
    assert {row["quarter"] for row in rows.values()} == {quarter.text}
    assert rows["handovers", "move", "", "own", ""]["value"] == "24"
    assert rows["handovers", "move", "", "all", f"{quarter.months[0]:%Y-%m}"]["value"] == "", "two of somebody else"
    file = furnished.folder / "numbers.csv"
    furnished.done("indicators", "--quarter", quarter.text, "--organisation", SENDER, "--anew", "--out", file)
    assert list(csv.reader(file.read_text().splitlines())) == list(csv.reader(text.splitlines()))


def test_another_quarter_is_refused_in_words(furnished: Desk) -> None:
    furnish(furnished)
    assert "quarter" in furnished.refused("indicators", "--quarter", "2026-13")
    now = Quarter.of(local_day(datetime.now(UTC)))
    assert furnished.refused("indicators", "--quarter", now.text)
