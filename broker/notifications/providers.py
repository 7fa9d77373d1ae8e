"""Asks identity providers over HTTP: bounded in time and size, never redirected, and nothing of the answer is believed here."""

import asyncio

import httpx

from broker.domain.logins import Sent
from broker.errors import Unavailable

SECONDS = 8.0
"""All of one request: a provider that sends a byte now and then keeps nobody waiting."""


async def fetch(sent: Sent, most: int) -> tuple[int, bytes]:
    """See `broker.domain.logins.Fetch`. A redirect is an answer like any other: it is not followed."""
    method = "GET" if sent.form is None else "POST"
    headers = {"Accept": "application/json", "Accept-Encoding": "identity", **sent.headers}
    try:
        async with (
            asyncio.timeout(SECONDS),
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client,
            client.stream(method, sent.url, data=dict(sent.form or {}), headers=headers) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_raw(4096):
                body += chunk
                if len(body) > most:
                    raise Unavailable
            return response.status_code, bytes(body)
    except (httpx.HTTPError, httpx.InvalidURL, TimeoutError):
        raise Unavailable from None
