"""The forms of section types that are more than a text: what JSON in such a section must look like, and what it says.

- A section of these types may still be a text; then it says nothing that can be put beside others.
- What comes in sealed cannot be looked at: whoever opens it finds out, and takes what has another form for a text.
"""

from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Protocol

from broker.domain.forms import agreements, involvements, timeline
from broker.errors import Fault


class Form(Protocol):
    """What one type of section must look like."""

    def __call__(self, content: Any, at: str) -> Iterable[Fault]:
        """Everything in it that does not fit; `at` is the place of the content (RFC 6901)."""


FORMS: Mapping[str, Form] = MappingProxyType(
    {
        "timeline": timeline.faults,
        "help-history": timeline.faults,
        "involved-organisations": involvements.faults,
        "agreements": agreements.faults,
    }
)
"""By section type."""


def faults_in(section_type: str, content: Any, at: str) -> Iterable[Fault]:
    """Everything in the JSON of one section that does not fit its type. Types without a form hold any JSON."""
    form = FORMS.get(section_type)
    return form(content, at) if form else ()


def strange_in(
    section_type: str, content: Any, at: str, roles: Collection[str], partners: Collection[str]
) -> Iterable[Fault]:
    """Every word and every partner in the JSON of one section that the agreement does not know."""
    return involvements.strange(content, at, roles, partners) if section_type == "involved-organisations" else ()
