"""Where these pages live: the few facts about the installation that a page may know."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from broker.services.alarms import Alarms

Area = Literal["family", "console", "reference"]
"""The three groups of pages."""
AT_WORK = ("nl", "en")
"""The languages of who does this for a living: the console and the description of the API."""


async def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """`public_url` is the address people type; `secure` says that it is https (plain http is for localhost alone).

    `openapi` gives the description of the API for `/docs`; without it there is no such page. `trusted` gives the public keys
    and the words that the page for checking a proof holds.
    """

    public_url: str
    secure: bool = True
    languages: tuple[str, ...] = (*AT_WORK, "ar", "tr", "pl", "uk", "ti")
    demo: bool = False
    openapi: Callable[[], dict[str, Any]] | None = None
    trusted: Callable[[], Awaitable[Mapping[str, Any]]] = _nothing
    alarms: Alarms = field(default_factory=Alarms, compare=False)

    def languages_of(self, area: Area) -> tuple[str, ...]:
        """The languages that these pages are in; the first is for who asks for none of them."""
        return self.languages if area == "family" else tuple(code for code in self.languages if code in AT_WORK)

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers write them in `Origin`."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def cookie(self, name: str) -> str:
        """The full name of a cookie: bound to this very host when the site is https (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{name}" if self.secure else name
