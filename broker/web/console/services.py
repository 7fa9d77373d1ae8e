"""All that the console asks of the use cases, a Protocol for each group of pages."""

from dataclasses import dataclass

from broker.web.console.breach import BreachService
from broker.web.console.indicators import IndicatorsService
from broker.web.console.log import ChecksService
from broker.web.console.logins import LoginService
from broker.web.console.motions import MotionService
from broker.web.console.names import NamesService
from broker.web.console.own import OwnService
from broker.web.console.pictures import PicturesService
from broker.web.console.report import ReportService
from broker.web.console.review import ReviewService
from broker.web.console.urgent import UrgentService
from broker.web.console.views import ViewingService
from broker.web.console.watchers import WatchersService
from broker.web.ports import ConsoleService


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsoleServices:
    """The use cases of the officer's pages."""

    oversight: ConsoleService
    viewing: ViewingService
    reviewing: ReviewService
    logins: LoginService
    checks: ChecksService
    watchers: WatchersService
    pictures: PicturesService
    indicators: IndicatorsService
    reporting: ReportService
    breach: BreachService
    own: OwnService
    motions: MotionService
    names: NamesService
    urgent: UrgentService
