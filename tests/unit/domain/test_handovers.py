"""Whether the content of a section is what its media type says, whoever reads it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.handovers import DEEPEST, Content, readable


def _nested(inner: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    return st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(), max_size=3), inner, max_size=3)


@pytest.mark.parametrize("text", ['{"a":1,"b":{"a":2}}', '[{"a":1},{"a":2}]', '{"a":1,"A":2}'])
def test_names_that_stand_once_in_their_object_are_fine(text: str) -> None:
    assert readable(Content("application/json", text.encode()))


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"b":{"a":1,"a":1}}', '[{"a":1,"\\u0061":2}]'])
def test_a_name_that_stands_twice_reads_differently_to_two_readers_and_is_refused(text: str) -> None:
    assert not readable(Content("application/json", text.encode()))
    assert readable(Content("text/plain", text.encode()))


@pytest.mark.parametrize("text", ['["\\ud83d\\ude00"]', '{"\\u0041": "é"}', "[" * DEEPEST + "]" * DEEPEST])
def test_what_can_be_written_down_again_is_fine(text: str) -> None:
    assert readable(Content("application/json", text.encode()))


@pytest.mark.parametrize(
    "text",
    [
        '["\\ud83d"]',
        '{"a": {"b": ["\\ude00\\ud83d"]}}',
        '{"\\ud800": 1}',
        "[" * (DEEPEST + 1) + "]" * (DEEPEST + 1),
        '{"a":' * 900 + "1" + "}" * 900,
        "[" * 100_000,
    ],
)
def test_half_a_sign_and_what_is_nested_too_deeply_cannot_be_read(text: str) -> None:
    assert not readable(Content("application/json", text.encode()))
    assert readable(Content("text/plain", text.encode()))


@given(st.recursive(st.none() | st.booleans() | st.text(st.characters(), max_size=5), _nested, max_leaves=12))
def test_what_is_readable_can_be_written_down_again(value: object) -> None:
    content = Content("application/json", json.dumps(value).encode())
    if readable(content):
        json.dumps(json.loads(content.body), ensure_ascii=False).encode()
    else:
        assert not isinstance(value, dict | list) or "\\ud" in content.body.decode()
