"""The page of the API says what the description says, as text, without scripts."""

from typing import Any

import httpx

from broker.web.kit.reference import chapters, prose
from tests.unit.web.fakes import openapi
from tests.unit.web.test_family_pages import visible


async def test_the_page_tells_operations_parameters_fields_and_answers(client: httpx.AsyncClient) -> None:
    page = await client.get("/docs")
    assert page.status_code == 200
    text = visible(page)
    for expected in (
        "Rondom API",
        "POST /v1/handovers",
        "reference",
        "[Section]",
        "date | null",
        "What is wrong.",
        "GET /livez",
    ):
        assert expected in text
    assert "<script" not in page.text
    assert "<b>" not in page.text
    assert "Unique per sender &lt;b&gt;." in page.text
    assert 'href="#post-v1-handovers"' in page.text


def test_prose_escapes_and_marks_code() -> None:
    assert str(prose("a `b<c>` <d>\n\ne")) == (
        '<p class="utrecht-paragraph">a <code>b&lt;c&gt;</code> &lt;d&gt;</p><p class="utrecht-paragraph">e</p>'
    )
    assert str(prose("")) == ""


def test_a_description_that_refers_to_itself_or_to_nothing_ends() -> None:
    document: dict[str, Any] = {
        "components": {"schemas": {"Loop": {"$ref": "#/components/schemas/Loop"}}},
        "paths": {
            "/x": {
                "parameters": [{"$ref": "#/nowhere"}],
                "post": {
                    "operationId": "x",
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Loop"}}}},
                    "responses": {"200": {"content": {"text/plain": {}}}, "204": {}},
                },
            }
        },
    }
    ((tag, _, operations),) = chapters(document)
    assert tag == ""
    assert operations[0].id == "x"
    assert [row.type for row in operations[0].responses] == ["text/plain", ""]
    assert chapters({}) == []
    assert [tag for tag, _, _ in chapters(openapi())] == ["Handovers", ""]
