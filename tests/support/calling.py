"""A call with headers of its own, by an organisation or a professional of the families."""

from typing import Any

import httpx

from tests.support.world import World


async def call(
    world: World, who: str, method: str, path: str, body: Any = None, **headers: str | list[str]
) -> httpx.Response:
    """`who` is an OIN or a professional; `Idempotency_Key="..."` becomes that header, a list several of them."""
    token = await (world.token(who) if who.isdigit() else world.token(*world.professional(who)))
    sent = [(b"Authorization", f"Bearer {token}".encode())]
    for name, values in headers.items():
        each = [values] if isinstance(values, str) else values
        sent += [(name.replace("_", "-").encode(), value.encode("latin-1")) for value in each]
    more = {} if body is None else {"json": body}
    return await world.http.request(method, path, headers=sent, **more)
