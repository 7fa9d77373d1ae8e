"""Where these pages live: the few facts about the installation that a page may know."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlsplit

from broker.services.alarms import Alarms

Area = Literal["family", "console", "reference"]
"""The three groups of pages."""


async def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """`public_url` is the address people type; `secure` says that it is https (plain http is for localhost alone).

    `openapi` gives the description of the API for `/docs`; without it there is no such page. `trusted` gives the public keys
    and the words that the page for checking a proof holds. `exit_address` is where who leaves in a hurry goes.
    """

    public_url: str
    secure: bool = True
    languages: tuple[str, ...] = ("nl", "en")
    demo: bool = False
    openapi: Callable[[], dict[str, Any]] | None = None
    trusted: Callable[[], Awaitable[Mapping[str, Any]]] = _nothing
    exit_address: str = "https://www.knmi.nl/"
    alarms: Alarms = field(default_factory=Alarms, compare=False)

    @property
    def origin(self) -> str:
        """Scheme, host and port, as browsers write them in `Origin`."""
        parts = urlsplit(self.public_url)
        return f"{parts.scheme}://{parts.netloc}".lower()

    def cookie(self, name: str) -> str:
        """The full name of a cookie: bound to this very host when the site is https (RFC 6265bis, 4.1.3.2)."""
        return f"__Host-{name}" if self.secure else name
