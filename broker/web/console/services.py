"""All that the console asks of the use cases, a Protocol for each group of pages."""

from dataclasses import dataclass

from broker.web.console.motions import MotionService
from broker.web.console.own import OwnService
from broker.web.ports import ConsoleService


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleServices:
    """The use cases of the officer's pages."""

    oversight: ConsoleService
    own: OwnService
    motions: MotionService
