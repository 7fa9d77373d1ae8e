"""The privacy officer's pages: sign in with a passkey, look at the log, see why, check that nobody rewrote it."""

from broker.web.console.routes import console_router

__all__ = ["console_router"]
