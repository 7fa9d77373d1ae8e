"""Which language a page is in: what the person chose, else what the browser asks for, else the first of the site.

A visit has a language of its own: what the visitor chose, else the person's own, as the sender stated it.
"""

from babel import negotiate_locale
from fastapi import Request, Response

from broker.errors import Invalid
from broker.web.kit.site import Area, Site

COOKIE = "rondom-language"


def language_of(request: Request, site: Site, area: Area = "family") -> str:
    """The language of the answer to this request. A session's own choice, in `request.state`, comes first."""
    languages = site.languages_of(area)
    for chosen in (getattr(request.state, "language", None), request.cookies.get(site.cookie(COOKIE))):
        if chosen in languages:
            return str(chosen)
    wanted = _accepted(request.headers.get("accept-language", ""))
    return negotiate_locale(wanted, languages, sep="-") or languages[0]


def chose_language(request: Request, site: Site) -> bool:
    """Whether whoever uses this browser chose a language that we have."""
    return request.cookies.get(site.cookie(COOKIE)) in site.languages_of("family")


def chosen_language(value: str, site: Site, area: Area = "family") -> str:
    """The language somebody asks for in a form. Raises Invalid for one that these pages do not have."""
    if value not in site.languages_of(area):
        raise Invalid.at("/language", "Deze taal hebben wij niet.", "We do not have this language.")
    return value


def remember_language(response: Response, language: str, site: Site) -> None:
    """Keep the choice for the next pages. The cookie says nothing about who it is."""
    response.set_cookie(site.cookie(COOKIE), language, path="/", secure=site.secure, httponly=True, samesite="lax")


def forget_language(response: Response, site: Site) -> None:
    """Keep nothing of the choice."""
    response.delete_cookie(site.cookie(COOKIE), path="/", secure=site.secure, httponly=True, samesite="lax")


def _accepted(header: str) -> list[str]:
    """Language tags, most wanted first (RFC 9110, 12.5.4); what cannot be read counts as not wanted."""
    weighted = []
    for item in header[:200].split(","):
        tag, _, weight = item.strip().partition(";q=")
        try:
            weighted.append((-float(weight or 1), tag))
        except ValueError:
            continue
    return [tag for weight, tag in sorted(weighted, key=lambda pair: pair[0]) if tag and weight]
