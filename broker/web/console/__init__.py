"""The privacy officer's pages: sign in with a passkey, look at the log, see why, check that nobody rewrote it."""

from broker.web.console.routes import console_router
from broker.web.console.services import ConsoleServices

__all__ = ["ConsoleServices", "console_router"]
