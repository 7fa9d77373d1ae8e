"""A release that is to come, and that it cannot go with others."""

from dataclasses import dataclass
from datetime import datetime

from broker.domain.parties import Oin, ProfessionalId


class Unforeseen(Exception):
    """A unit of work that several share cannot do this for one of them; nothing of it was kept. It is done alone then."""


@dataclass(frozen=True, slots=True)
class Asking:
    """What a release that is to come will need: of which handover, for whom, and the counter of such asking.

    `counter` and `window` (seconds) are those of the one `Guards.take` in it.
    """

    handover: str
    organisation: Oin
    professional: ProfessionalId
    counter: str
    window: int
    now: datetime
