"""All that the console asks of the use cases, a Protocol for each group of pages."""

from dataclasses import dataclass

from broker.web.console.breach import BreachService
from broker.web.console.report import ReportService
from broker.web.ports import ConsoleService


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleServices:
    """The use cases of the officer's pages."""

    oversight: ConsoleService
    reporting: ReportService
    breach: BreachService
