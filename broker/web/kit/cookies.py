"""The cookie that holds a visit: opaque, for this host alone, unreadable for scripts, gone with the browser."""

from typing import Literal

from fastapi import Request, Response

from broker.web.kit.site import Site


class VisitCookie:
    """One cookie by name. `lifetime` in seconds makes it short-lived; otherwise it ends with the browser.

    `back` lets it come along when another site sends the browser back here; a visit's own cookie never does.
    """

    def __init__(self, name: str, site: Site, lifetime: int | None = None, *, back: bool = False) -> None:
        self.name = site.cookie(name)
        self._secure = site.secure
        self._lifetime = lifetime
        self._same_site: Literal["lax", "strict"] = "lax" if back else "strict"

    def read(self, request: Request) -> str:
        """The token, empty when there is none."""
        return request.cookies.get(self.name, "")

    def write(self, response: Response, token: str) -> None:
        """Give the browser the token."""
        response.set_cookie(
            self.name,
            token,
            max_age=self._lifetime,
            path="/",
            secure=self._secure,
            httponly=True,
            samesite=self._same_site,
        )

    def clear(self, response: Response) -> None:
        """Take it back."""
        response.delete_cookie(self.name, path="/", secure=self._secure, httponly=True, samesite=self._same_site)
