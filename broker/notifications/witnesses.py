"""Sends a checkpoint to a witness over HTTP: bounded, without redirects, and nothing of the answer is believed here."""

import httpx

from broker.errors import Unavailable

MOST_BYTES = 65_536
SECONDS = 8.0


async def post(url: str, text: str) -> tuple[int, str, str]:
    """POST a text to `<url>/add-checkpoint`. Returns status, media type and text.

    Raises Unavailable when nothing comes back, or something too long or unreadable.
    """
    address = f"{url.rstrip('/')}/add-checkpoint"
    try:
        async with (
            httpx.AsyncClient(timeout=SECONDS, follow_redirects=False) as client,
            client.stream("POST", address, content=text.encode(), headers={"Content-Type": "text/plain"}) as response,
        ):
            body = bytearray()
            async for chunk in response.aiter_bytes():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Unavailable
            return response.status_code, response.headers.get("content-type", ""), body.decode()
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeDecodeError):
        raise Unavailable from None
