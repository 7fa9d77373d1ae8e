"""Pages are sent compressed, but a visit's never to who could learn from their size: a page of a stranger."""

import gzip

import httpx
import pytest

from tests.unit.web.fakes import FakeFamily


async def sent(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    asked = {"Accept-Encoding": "gzip, br", **{name.replace("_", "-"): value for name, value in headers.items()}}
    client.headers.pop("Sec-Fetch-Site", None)
    answer = await client.send(client.build_request("GET", path, headers=asked), stream=True)
    raw = b"".join([chunk async for chunk in answer.aiter_raw()])
    packed = answer.headers.get("content-encoding") == "gzip"
    assert len(raw) == int(answer.headers["content-length"])
    assert (gzip.decompress(raw) if packed else raw).startswith(b"<!doctype html>")
    assert "Sec-Fetch-Site" in answer.headers["vary"]
    assert "Accept-Encoding" in answer.headers["vary"]
    return answer


@pytest.mark.parametrize("told", ["same-origin", "none"])
async def test_a_page_of_a_visit_is_compressed_for_our_own_pages(
    client: httpx.AsyncClient, family: FakeFamily, told: str
) -> None:
    family.visit()
    assert "content-encoding" in (await sent(client, "/mine", Sec_Fetch_Site=told)).headers


@pytest.mark.parametrize("headers", [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {}])
async def test_a_page_of_a_visit_is_never_compressed_for_a_stranger(
    client: httpx.AsyncClient, family: FakeFamily, headers: dict[str, str]
) -> None:
    family.visit()
    assert "content-encoding" not in (await sent(client, "/mine", **headers)).headers


async def test_a_page_that_belongs_to_nobody_is_compressed_for_everybody(client: httpx.AsyncClient) -> None:
    for path in ("/", "/verify", "/signed-out"):
        assert "content-encoding" in (await sent(client, path, Sec_Fetch_Site="cross-site")).headers
    plain = await sent(client, "/", Accept_Encoding="identity")
    assert "content-encoding" not in plain.headers
