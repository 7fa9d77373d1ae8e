"""The addresses of the console: identifiers are typed in forms, so they are never in a path or a query."""

from fastapi import APIRouter

from broker.web.console.agreement import Agreement
from broker.web.console.disclosures import Disclosures
from broker.web.console.entering import Entering
from broker.web.console.files import Files
from broker.web.console.log import Log
from broker.web.console.motions import MotionPages
from broker.web.console.overview import OverviewPages
from broker.web.console.own import OwnPages
from broker.web.console.queue import Queue
from broker.web.console.services import ConsoleServices
from broker.web.console.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site


def console_router(services: ConsoleServices, site: Site) -> APIRouter:
    """All of the officer's pages."""
    console = services.oversight
    pages = Pages(site, "console")
    visits = Visits(console, pages)
    router = PageRouter(pages)

    entering = Entering(console, visits, pages, router.leads_to)
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

    disclosures = Disclosures(console, visits, pages)
    router.looks("/console/disclosures", disclosures.latest)
    router.acts("/console/disclosures", disclosures.search)
    router.looks("/console/disclosures/{entry_id}", disclosures.entry)

    overview = OverviewPages(console, visits, pages)
    router.looks("/console/disclosures/{entry_id}/rules", overview.rules)
    router.looks("/console/overview", overview.overview)

    queue = Queue(console, visits, pages)
    router.looks("/console/queue", queue.waiting)
    router.looks("/console/queue/{matter_id}", queue.matter)
    router.acts("/console/queue/{matter_id}", queue.settle)

    files = Files(console, visits, pages)
    router.looks("/console/files", files.form)
    router.acts("/console/files", files.download)

    agreement = Agreement(console, visits, pages)
    router.looks("/console/agreement", agreement.state)
    router.looks("/console/agreement/{proposal_id}", agreement.proposal)
    router.looks("/console/agreement/{proposal_id}/effect", agreement.effect)
    router.answers("/console/agreement/{proposal_id}/approval-options", agreement.options)
    router.answers("/console/agreement/{proposal_id}/approval", agreement.approve)

    log = Log(console, visits, pages)
    router.looks("/console/log", log.state)
    router.acts("/console/log/check", log.check)
    _add_own(router, services, visits, pages)
    _add_management(router, services, visits, pages)
    return router


def _add_own(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
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


def _add_management(router: PageRouter, services: ConsoleServices, visits: Visits, pages: Pages) -> None:
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
