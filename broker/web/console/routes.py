"""The addresses of the console: identifiers are typed in forms, so they are never in a path or a query."""

from fastapi import APIRouter

from broker.web.console.agreement import Agreement
from broker.web.console.breach import BreachPages
from broker.web.console.disclosures import Disclosures
from broker.web.console.entering import Entering
from broker.web.console.files import Files
from broker.web.console.indicators import IndicatorsPages
from broker.web.console.log import Log
from broker.web.console.logins import Logins
from broker.web.console.motions import MotionPages
from broker.web.console.names import NamesPages
from broker.web.console.overview import OverviewPages
from broker.web.console.own import OwnPages
from broker.web.console.pictures import PicturesPages
from broker.web.console.queue import Queue
from broker.web.console.report import ReportPages
from broker.web.console.review import Review
from broker.web.console.services import ConsoleServices
from broker.web.console.urgent import UrgentPages
from broker.web.console.views import Views
from broker.web.console.visits import Visits
from broker.web.console.watchers import Watchers
from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site


def console_router(services: ConsoleServices, site: Site) -> APIRouter:
    """All of the officer's pages."""
    pages = Pages(site, "console")
    visits = Visits(services.oversight, pages)
    router = PageRouter(pages)
    for room in (_entrance, _disclosures, _people, _review, _agreement, _log, _own, _management):
        room(router, services, visits, pages)
    return router


def _entrance(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """The pages before anybody signed in."""
    entering = Entering(services.oversight, services.logins, visits, pages, router.leads_to)
    router.looks("/console", entering.start)
    router.looks("/console/invitation", entering.invitation)
    router.acts("/console/invitation", entering.enter)
    router.looks("/console/passkey", entering.passkey)
    router.answers("/console/passkeys/registration-options", entering.registration_options)
    router.answers("/console/passkeys/registration", entering.register)
    router.answers("/console/passkeys/sign-in-options", entering.sign_in_options)
    router.answers("/console/passkeys/sign-in", entering.sign_in)
    router.acts("/console/language", entering.speak)
    router.acts("/console/sign-out", entering.leave)

    logins = Logins(services.logins, visits, pages)
    router.acts("/console/login/{provider}", logins.begin)
    router.looks("/console/login/{provider}/return", logins.finish)
    router.looks("/console/signed-in", logins.signed_in)
    router.looks("/console/login-refused/{reason}", logins.refused)


def _disclosures(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """The log, looked at from each side, and in numbers."""
    disclosures = Disclosures(services.oversight, services.viewing, visits, pages)
    router.looks("/console/disclosures", disclosures.latest)
    router.acts("/console/disclosures", disclosures.search)
    router.looks("/console/disclosures/{entry_id}", disclosures.entry)

    views = Views(services.viewing, visits, pages)
    router.looks("/console/days", views.days)
    router.acts("/console/days", views.earlier_days)
    router.looks("/console/organisations", views.organisations)
    router.acts("/console/organisations", views.more_organisations)

    pictures = PicturesPages(services.pictures, visits, pages)
    router.looks("/console/pictures", pictures.first)
    router.looks("/console/pictures/{period}", pictures.period)

    indicators = IndicatorsPages(services.indicators, visits, pages)
    router.looks("/console/indicators", indicators.latest)
    router.looks("/console/indicators/{quarter}", indicators.quarter)
    router.looks("/console/indicators/{quarter}/file", indicators.file)


def _people(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """All about one person, and all that one access read."""
    report = ReportPages(services.reporting, visits, pages)
    router.looks("/console/report", report.form)
    router.acts("/console/report", report.report)

    breach = BreachPages(services.breach, services.names, visits, pages)
    router.looks("/console/breach", breach.form)
    router.acts("/console/breach", breach.touched)
    router.looks("/console/breach/notice", breach.back)
    router.acts("/console/breach/notice", breach.notice)
    router.acts("/console/breach/file", breach.file)
    router.acts("/console/breach/names", breach.names)


def _review(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """What waits for an officer."""
    review = Review(services.reviewing, visits, pages)
    router.looks("/console/start", review.start)
    router.looks("/console/review", review.queue)
    router.acts("/console/review", review.narrow)
    router.looks("/console/review/items/{item_id}", review.item)
    router.acts("/console/review/items/{item_id}", review.sign_off)

    queue = Queue(services.oversight, visits, pages)
    router.looks("/console/queue", queue.waiting)
    router.looks("/console/queue/{matter_id}", queue.matter)
    router.acts("/console/queue/{matter_id}", queue.settle)

    router.looks("/console/urgent", UrgentPages(services.urgent, visits, pages).now)


def _agreement(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """Who may read what, and what is proposed instead."""
    overview = OverviewPages(services.oversight, visits, pages)
    router.looks("/console/disclosures/{entry_id}/rules", overview.rules)
    router.looks("/console/overview", overview.overview)

    agreement = Agreement(services.oversight, visits, pages)
    router.looks("/console/agreement", agreement.state)
    router.looks("/console/agreement/{proposal_id}", agreement.proposal)
    router.looks("/console/agreement/{proposal_id}/effect", agreement.effect)
    router.answers("/console/agreement/{proposal_id}/approval-options", agreement.options)
    router.answers("/console/agreement/{proposal_id}/approval", agreement.approve)


def _log(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """Whether the log is whole, what is taken from it, and who looks at it."""
    log = Log(services.checks, visits, pages)
    router.looks("/console/log", log.state)
    router.acts("/console/log/check", log.check)

    watchers = Watchers(services.watchers, visits, pages)
    router.looks("/console/watchers", watchers.latest)
    router.acts("/console/watchers", watchers.of)

    files = Files(services.oversight, visits, pages)
    router.looks("/console/files", files.form)
    router.acts("/console/files", files.download)


def _own(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """An officer's own way in."""
    own = OwnPages(services.own, visits, pages, router.leads_to)
    router.looks("/console/own", own.state)
    router.answers("/console/own/passkey-options", own.adding_options)
    router.answers("/console/own/passkey", own.add)
    router.acts("/console/own/remove", own.remove)
    router.acts("/console/own/visits", own.end_others)
    router.looks("/console/confirm/{purpose}/{back}", own.confirm)
    router.answers("/console/confirm/{purpose}/{back}/options", own.confirm_options)
    router.answers("/console/confirm/{purpose}/{back}/result", own.confirmed)


def _management(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
    """Who is an officer, and who takes part."""
    motions = MotionPages(services.motions, visits, pages)
    router.looks("/console/officers", motions.officers)
    router.acts("/console/officers", motions.propose_about_officers)
    router.looks("/console/partners", motions.partners)
    router.acts("/console/partners", motions.propose_about_partners)
    router.looks("/console/motions", motions.motions)
    router.looks("/console/motions/{motion_id}", motions.motion)
    router.answers("/console/motions/{motion_id}/second-options", motions.second_options)
    router.answers("/console/motions/{motion_id}/second", motions.second)
    router.acts("/console/motions/{motion_id}/names", NamesPages(services.names, visits, pages).file)
