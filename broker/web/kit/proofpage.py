"""The page on which anybody checks a proof: one file that runs its own script alone, asks nothing and sends nothing.

- What the broker puts into it are public keys, and words for what proofs hold as codes; both are data, never code.
- Saved, it works without us: then also against us.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse

from broker.web.kit.headers import protect
from broker.web.kit.language import language_of
from broker.web.kit.packing import pack
from broker.web.kit.pages import Pages
from broker.web.kit.routes import PageRouter
from broker.web.kit.site import Site
from broker.web.kit.texts import texts

ADDRESS = "/verify"
_FILE = Path(__file__).parent.parent / "pages" / "verify.html"
_DATA = '<script type="application/json" id="keys">{}</script>'
_PAGE = '<html lang="nl">'


def proof_page(trusted: Mapping[str, Any], language: str = "nl") -> str:
    """The page with these keys (as `broker audit keys` prints them) in it, beginning in that language.

    It holds all languages, each of which can be chosen on it: whoever gets it saved may speak another.
    """
    written = json.dumps(trusted, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")
    its = texts(language)
    opening = f'<html lang="{its.language}" dir="{its.direction}">'
    return _text().replace(_PAGE, opening, 1).replace(_DATA, _DATA.replace("{}", written), 1)


def proof_page_router(site: Site) -> APIRouter:
    """Serves it, with the keys of this very broker."""
    router = PageRouter(Pages(site, "family"))

    async def page(request: Request) -> Response:
        language = language_of(request, site)
        response = HTMLResponse(proof_page(await site.trusted(), language))
        response.headers["Content-Language"] = language
        pack(request, response, private=False)
        protect(response, site)
        response.headers["Content-Security-Policy"] = _policy()
        return response

    router.looks(ADDRESS, page)
    return router


@cache
def _text() -> str:
    return _FILE.read_text(encoding="utf-8")


@cache
def _policy() -> str:
    """Its one script and its one style, by their digests (CSP level 3, 2.3.1), and nothing else whatever."""
    [script] = re.findall(r"<script>(.*?)</script>", _text(), re.DOTALL)
    [style] = re.findall(r"<style>(.*?)</style>", _text(), re.DOTALL)
    return (
        f"default-src 'none'; script-src {_digest(script)}; style-src {_digest(style)}; "
        "form-action 'none'; frame-ancestors 'none'; base-uri 'none'"
    )


def _digest(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
