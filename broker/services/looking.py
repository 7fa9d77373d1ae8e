"""An officer's look at the log is an entry of the log: who looked, how, and about whom; other officers see it.

Source: NEN 7513 (reading the log is logged itself).
"""

from collections.abc import Iterable
from datetime import datetime

from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.officers import Acting
from broker.domain.stores import UnitOfWork


async def looked(
    work: UnitOfWork,
    acting: Acting,
    now: datetime,
    view: str,
    *,
    about: Iterable[str] = (),
    more: Iterable[Personal] = (),
) -> None:
    """Log that this officer had a view of several lines. `about` are the persons whose lines were asked for, if any were.

    `view` is one word for the kind of view. The caller commits, and only then shows anything.
    """
    await _log(work, EventType.LOG_SEARCHED, acting, now, view, about, more)


async def opened(
    work: UnitOfWork, acting: Acting, now: datetime, entry: str, view: str, *, about: Iterable[str] = ()
) -> None:
    """Log that this officer opened one line, which is about these persons."""
    await _log(work, EventType.LOG_VIEWED, acting, now, view, about, (Personal(acting.officer, "entry", entry),))


async def _log(
    work: UnitOfWork,
    event: EventType,
    acting: Acting,
    now: datetime,
    view: str,
    about: Iterable[str],
    more: Iterable[Personal],
) -> None:
    personal = [Personal(acting.officer, "officer", acting.officer)]
    personal += [Personal(person, "subject", person) for person in dict.fromkeys(about) if person]
    await work.log.append(LogEvent(event, now, facts={"view": view}, personal=(*personal, *more)))
