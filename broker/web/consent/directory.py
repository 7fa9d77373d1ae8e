"""Who takes part, for everybody: how each is reached, the urgent number first, and what each may receive at most.

No visit is needed and nothing on it is about anybody. The address of a kind of organisation is a word of the agreement.
"""

from fastapi import APIRouter, Request, Response

from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site
from broker.web.kit.telephone import dialled
from broker.web.kit.texts import texts

ADDRESS = "/partners"


def directory_router(site: Site) -> APIRouter:
    """Its two pages."""
    pages = Pages(site, "family")
    router = PageRouter(pages)

    async def everybody(request: Request) -> Response:
        return pages.show(request, "consent/partners.html", cards=(await site.partners.screen()).cards, dialled=dialled)

    async def kind(request: Request) -> Response:
        screen = await site.partners.of_kind(request.path_params["organisation_kind"])
        # conditions are written in the languages of the agreement's own texts; elsewhere the page says only that there are some
        worded = texts(pages.language(request)).language in ("nl", "en")
        return pages.show(request, "consent/partner-kind.html", screen=screen, worded=worded)

    router.looks(ADDRESS, everybody)
    router.looks(ADDRESS + "/{organisation_kind}", kind)
    return router
