"""What the description of the API says of an answer is what the route says itself."""

import typing

from fastapi.responses import PlainTextResponse
from fastapi.routing import iter_route_contexts

from broker.api import log
from tests.support.api_description import description


def test_what_is_plain_text_is_described_as_plain_text() -> None:
    """Each route says by its own annotation what it answers with; the description says the same."""
    described = description()
    plain = {
        str(context.path).removeprefix("/v1").replace(":path", "")
        for context in iter_route_contexts(log.router.routes)
        if typing.get_type_hints(context.endpoint).get("return") is PlainTextResponse
    }
    assert len(plain) > 4
    for path in plain:
        assert set(described["paths"][path]["get"]["responses"]["200"]["content"]) == {"text/plain"}, path
