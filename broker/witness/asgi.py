"""The witness over HTTP: two addresses, bounded bodies, and nothing about a request in any answer but its own size.

- `POST /add-checkpoint` and `GET /<SHA-256 of the origin>/checkpoint` (C2SP tlog-witness), `GET /livez`.
- Plain ASGI: one function, no framework, no state of its own.
"""

import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from broker.errors import Unavailable
from broker.transparency.cosignatures import SUBMISSION_BYTES
from broker.witness.cosigner import TEXT, Answer, Cosigner

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Message, Receive, Send], Awaitable[None]]

_CHECKPOINT = re.compile(r"/([0-9a-f]{64})/checkpoint", re.ASCII)
_NOT_FOUND = Answer(404, TEXT, "There is nothing here.\n")
_METHOD = Answer(405, TEXT, "This method is not possible here.\n")
_TOO_LONG = Answer(413, TEXT, "That is too long.\n")
_DISK = Answer(503, TEXT, "This witness cannot keep what it signs, so it signs nothing. Its owner must look at it.\n")


def application(cosigner: Cosigner) -> Application:
    """The ASGI application of one witness."""

    async def app(scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _reply(send, await _answer(cosigner, scope, receive), head=scope["method"] == "HEAD")

    return app


async def _answer(cosigner: Cosigner, scope: Message, receive: Receive) -> Answer:
    path, reading = scope["path"], scope["method"] in ("GET", "HEAD")
    found = _CHECKPOINT.fullmatch(path)
    try:
        if path == "/add-checkpoint":
            body = await _body(receive) if scope["method"] == "POST" else None
            if scope["method"] != "POST":
                return _METHOD
            return _TOO_LONG if body is None else cosigner.add_checkpoint(body)
        if found:
            return cosigner.checkpoint(found[1]) if reading else _METHOD
        if path == "/livez":
            return Answer(200, TEXT, "ok\n") if reading else _METHOD
    except Unavailable:
        return _DISK
    return _NOT_FOUND


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None when it is too long or breaks off."""
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > SUBMISSION_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _reply(send: Send, answer: Answer, *, head: bool) -> None:
    body = answer.body.encode()
    headers = [
        (b"content-type", answer.kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else body})


async def _live(receive: Receive, send: Send) -> None:
    while (await receive())["type"] != "lifespan.shutdown":
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})
