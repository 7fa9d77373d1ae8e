"""The family's pages: a code, a one-time code, one question per page, a receipt, and a way to stop."""

from broker.web.consent.routes import consent_router

__all__ = ["consent_router"]
