"""Telephone numbers on a page: what a link dials, and a number that can be pressed."""

import re

from markupsafe import Markup

_DIALLED = re.compile(r"[^0-9+]")


def dialled(number: str) -> str:
    """A telephone number as a link dials it (RFC 3966)."""
    return f"tel:{_DIALLED.sub('', number)}"


def telephone(number: str) -> Markup:
    """A number within a text: a link that dials it, from left to right and on one line, whichever way the text runs."""
    link = Markup('<a class="utrecht-link" href="{}"><bdi class="rd-whole" dir="ltr">{}</bdi></a>')
    return link.format(dialled(number), number)
