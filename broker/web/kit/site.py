"""Where these pages live: the few facts about the installation that a page may know."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol
from urllib.parse import urlsplit

from broker.errors import NotFound
from broker.services.alarms import Alarms
from broker.services.directory import DirectoryScreen, KindScreen
from broker.web.theme.municipal import Theme

Area = Literal["family", "console", "reference"]
"""The three groups of pages."""
AT_WORK = ("nl", "en")
"""The languages of who does this for a living: the console and the description of the API."""


class KnowsRecordings(Protocol):
    """See `broker.web.kit.recordings.Recordings`."""

    def __bool__(self) -> bool:
        """Whether pages may play recordings at all."""

    def address(self, language: str, sentence: str) -> str:
        """Where a page finds the recording of exactly this sentence; empty when there is none."""

    def file(self, language: str, name: str) -> Path | None:
        """The file behind an address, if there is one."""


class _NoRecordings:
    def __bool__(self) -> bool:
        return False

    def address(self, language: str, sentence: str) -> str:
        return ""

    def file(self, language: str, name: str) -> Path | None:
        return None


NO_RECORDINGS = _NoRecordings()


class KnowsPartners(Protocol):
    """See `broker.services.directory.Directory`."""

    async def screen(self) -> DirectoryScreen:
        """Every partner."""

    async def of_kind(self, kind: str) -> KindScreen:
        """What one kind of organisation may receive. Raises NotFound."""


class _NoPartners:
    async def screen(self) -> DirectoryScreen:
        return DirectoryScreen(())

    async def of_kind(self, kind: str) -> KindScreen:
        raise NotFound


NO_PARTNERS = _NoPartners()


async def _nothing() -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Site:
    """`public_url` is the address people type; `secure` says that it is https (plain http is for localhost alone).

    `openapi` gives the description of the API for `/docs`; without it there is no such page. `trusted` gives the public keys
    and the words that the page for checking a proof holds. `theme` is a municipality's look. `recordings` knows what was
    recorded to be read aloud. `partners` knows who takes part. `exit_address` is where who leaves in a hurry goes.
    """

    public_url: str
    secure: bool = True
    languages: tuple[str, ...] = (*AT_WORK, "ar", "tr", "pl", "uk", "ti")
    demo: bool = False
    openapi: Callable[[], dict[str, Any]] | None = None
    trusted: Callable[[], Awaitable[Mapping[str, Any]]] = _nothing
    theme: Theme = field(default_factory=Theme)
    recordings: "KnowsRecordings" = field(default_factory=lambda: NO_RECORDINGS, compare=False)
    partners: KnowsPartners = field(default_factory=lambda: NO_PARTNERS, compare=False)
    exit_address: str = "https://www.knmi.nl/"
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
