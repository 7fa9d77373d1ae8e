"""Whether the content of a section is what its media type says, whoever reads it."""

import pytest

from broker.domain.handovers import Content, readable


@pytest.mark.parametrize("text", ['{"a":1,"b":{"a":2}}', '[{"a":1},{"a":2}]', '{"a":1,"A":2}'])
def test_names_that_stand_once_in_their_object_are_fine(text: str) -> None:
    assert readable(Content("application/json", text.encode()))


@pytest.mark.parametrize("text", ['{"a":1,"a":2}', '{"b":{"a":1,"a":1}}', '[{"a":1,"\\u0061":2}]'])
def test_a_name_that_stands_twice_reads_differently_to_two_readers_and_is_refused(text: str) -> None:
    assert not readable(Content("application/json", text.encode()))
    assert readable(Content("text/plain", text.encode()))
