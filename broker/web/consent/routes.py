"""The addresses of the family's pages: nothing about a person is ever in a path or a query."""

from fastapi import APIRouter

from broker.web.consent.answering import Answering
from broker.web.consent.checking_in import CheckingIn
from broker.web.consent.confirming import Confirming
from broker.web.consent.entering import Entering
from broker.web.consent.leaving import Leaving
from broker.web.consent.lifeline import Lifeline
from broker.web.consent.looking_back import LookingBack
from broker.web.consent.own_plan import OwnPlanPages
from broker.web.consent.own_text import OwnTextPages
from broker.web.consent.reacting import Reacting
from broker.web.consent.signing_off import SigningOff
from broker.web.consent.tasks import TaskPages
from broker.web.consent.visits import Visits
from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site
from broker.web.ports import FamilyService


def consent_router(family: FamilyService, site: Site) -> APIRouter:
    """All of the family's pages."""
    pages = Pages(site, "family")
    visits = Visits(family, pages)
    router = PageRouter(pages)

    entering = Entering(family, visits, pages)
    router.looks("/", entering.start)
    router.acts("/code", entering.enter)
    router.looks("/contact", entering.contacts)
    router.acts("/contact", entering.send)
    router.looks("/one-time-code", entering.waiting)
    router.acts("/one-time-code", entering.verify)
    router.acts("/language", entering.speak)
    router.acts("/sign-out", entering.leave)
    router.looks("/signed-out", entering.left)

    leaving = Leaving(family, visits, pages)
    router.looks("/exit", leaving.away)
    router.acts("/exit", leaving.leave)

    answering = Answering(family, visits, pages)
    router.looks("/questions/{position}", answering.question)
    router.acts("/questions/{position}", answering.choose)
    router.looks("/questions/{position}/recipients", answering.recipients)
    router.acts("/questions/{position}/recipients", answering.choose_each)
    router.looks("/check", answering.check)
    router.acts("/check", answering.confirm)

    _of_their_own(router, family, visits, pages)
    checking_in = CheckingIn(family, visits, pages)
    router.looks("/check-in", checking_in.question)
    router.acts("/check-in", checking_in.say)
    router.acts("/check-in/stop", checking_in.stop)
    router.looks("/check-in/stopped", checking_in.stopped)
    router.acts("/mine/check-ins", checking_in.again)
    _looking_back(router, LookingBack(family, visits, pages))

    confirming = Confirming(family, visits, pages)
    router.answers("/receipt/{receipt_id}/device-options", confirming.device_options)
    router.answers("/receipt/{receipt_id}/device", confirming.device)
    router.answers("/receipt/{receipt_id}/confirmation-options", confirming.confirmation_options)
    router.answers("/receipt/{receipt_id}/confirmation", confirming.confirmation)
    router.acts("/mine/devices/stop", confirming.stop)

    _saying(router, family, visits, pages)
    return router


def _of_their_own(router: PageRouter, family: FamilyService, visits: Visits, pages: Pages) -> None:
    """What was written about somebody, for them to read; what a family writes itself."""
    own_words = OwnTextPages(family, visits, pages)
    router.looks("/questions/{position}/text", own_words.back)
    router.acts("/questions/{position}/text", own_words.of_question)
    router.looks("/mine/texts/{text_id}", own_words.back)
    router.acts("/mine/texts/{text_id}", own_words.of_mine)

    lifeline = Lifeline(family, visits, pages)
    router.looks("/mine/lifeline", lifeline.back)
    router.acts("/mine/lifeline", lifeline.show)
    router.looks("/mine/lifeline/correction", lifeline.back)
    router.acts("/mine/lifeline/correction", lifeline.correct)

    plans = OwnPlanPages(family, visits, pages)
    router.looks("/mine/plan", plans.form)
    router.acts("/mine/plan", plans.look)
    router.looks("/mine/plan/keep", plans.back)
    router.acts("/mine/plan/keep", plans.keep)
    router.looks("/mine/plans/{plan}", plans.back)
    router.acts("/mine/plans/{plan}", plans.change)
    router.looks("/mine/plans/{plan}/text", plans.back)
    router.acts("/mine/plans/{plan}/text", plans.text)
    router.looks("/mine/plans/{plan}/stop", plans.back)
    router.acts("/mine/plans/{plan}/stop", plans.stop)


def _saying(router: PageRouter, family: FamilyService, visits: Visits, pages: Pages) -> None:
    """What somebody says about what was written: a reaction, agreeing or not, how far something is."""
    reacting = Reacting(family, visits, pages)
    router.looks("/mine/sections/{part}/{kind}", reacting.form)
    router.acts("/mine/sections/{part}/{kind}", reacting.write)
    router.looks("/mine/reactions/{reaction}", reacting.written)

    signing = SigningOff(family, visits, pages)
    router.looks("/mine/sign-offs/{part}", signing.look)
    router.acts("/mine/sign-offs/{part}", signing.choose)
    router.acts("/mine/tasks/{task}", TaskPages(family, visits, pages).change)


def _looking_back(router: PageRouter, looking_back: LookingBack) -> None:
    """The receipt, and all that somebody said."""
    router.looks("/receipt/{receipt_id}", looking_back.receipt)
    router.acts("/receipt/{receipt_id}/send", looking_back.send)
    router.looks("/receipt/{receipt_id}/file", looking_back.file)
    router.looks("/receipt/{receipt_id}/fhir", looking_back.care_file)
    router.looks("/mine", looking_back.mine)
    router.looks("/mine/proof", looking_back.proof)
    router.looks("/mine/report", looking_back.report_back)
    router.acts("/mine/report", looking_back.report)
    router.looks("/mine/{position}/recipients", looking_back.recipients)
    router.acts("/mine/stop", looking_back.stop)
    router.acts("/mine/messages", looking_back.messages)
