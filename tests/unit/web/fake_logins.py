"""A fake of the sign-ins with identity providers, for tests of the console's pages."""

from broker.domain.logins import Returned, refused
from broker.errors import BrokerError, NotFound, Words
from broker.services.officer_screens import LoginWay, OfficerSession
from tests.unit.web.family_words import CSRF, OFFICER_TOKEN

AWAY = "https://login.example/authorize?client_id=rondom&state=s"


class FakeLogins:
    """One provider, `waterdijk`; `refuses` is what every answer of it runs into."""

    def __init__(self, offered: bool = True) -> None:
        self.offered = offered
        self.refuses: BrokerError | None = None
        self.calls: list[tuple[object, ...]] = []

    def ways(self) -> tuple[LoginWay, ...]:
        return (LoginWay("waterdijk", Words("Waterdijk <&>", "Waterdijk <&>")),) if self.offered else ()

    async def ways_of(self, token: str) -> tuple[LoginWay, ...]:
        return self.ways()

    async def begin(self, provider_id: str, client: str, invited: str = "") -> tuple[str, str]:
        self._known(provider_id)
        self.calls.append(("begin", invited))
        return "login-token", AWAY

    async def finish(self, provider_id: str, token: str, said: Returned, client: str) -> tuple[str, OfficerSession]:
        self.calls.append(("finish", token, said))
        self._known(provider_id)
        if token != "login-token":
            raise refused("login-over")
        return OFFICER_TOKEN, OfficerSession("v", CSRF, "o", "signed-in")

    def _known(self, provider_id: str) -> None:
        if provider_id != "waterdijk" or not self.offered:
            raise NotFound
        if self.refuses is not None:
            raise self.refuses
