"""Text that runs from right to left beside text that does not: a value never turns the text that it stands in.

Unicode has signs that turn the direction of what follows (UAX #9, 2.1 to 2.5). With those somebody's name could make a
sentence read as another one; so they are taken out of every value, and no text of an agreement may hold one.
"""

TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Embeddings, overrides, isolates, and their ends."""
_ISOLATE, _END, _LEFT_TO_RIGHT = "\u2068", "\u2069", "\u200e"
_OUT = dict.fromkeys(map(ord, TURNING))
_OVERRIDES = dict.fromkeys(map(ord, "\u202a\u202b\u202c\u202d\u202e"))


def straight(text: str) -> str:
    """The text without signs that turn it."""
    return text.translate(_OUT)


def shown(text: str) -> str:
    """The text without embeddings and overrides; isolates, with which a notice keeps names apart, stay."""
    return text.translate(_OVERRIDES)


def apart(text: str) -> str:
    """A value on its own (UAX #9, FSI and PDI): its direction is its own, and the text around it keeps its own."""
    return f"{_ISOLATE}{straight(text)}{_END}" if text else ""


def from_the_left(text: str) -> str:
    """A code, number or address behind an invisible left-to-right mark; none after it, where a link would take it along."""
    return f"{_LEFT_TO_RIGHT}{text}"
