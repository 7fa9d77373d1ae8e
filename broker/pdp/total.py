"""A rule that could fail while it is worked out is refused before anybody relies on it.

Cedar passes over a rule that fails, also over a `forbid`; the broker denies instead (`cedar.py`), and would then deny
everything. So rules compare words, numbers and yes-or-no, and nothing else: what is not on the list below (calculating,
addresses, dates, decimals, attributes of what the broker does not send) can overflow, not parse, or not be there.

Source: Cedar policy language reference, "Operators and functions": each operator with the errors that it can give.
"""

from collections.abc import Iterator
from typing import Any

_NEVER_FAIL = frozenset(
    {
        "Var",
        "Value",
        "Set",
        "==",
        "!=",
        "<",
        "<=",
        ">",
        ">=",
        "&&",
        "||",
        "!",
        "in",
        "is",
        "has",
        "like",
        "contains",
        "containsAll",
        "containsAny",
        "isEmpty",
        "if-then-else",
    }
)
"""With operands of the right type, which Cedar's strict validator has checked."""


def may_fail(conditions: Any) -> tuple[str, ...]:
    """The operators in a rule's conditions, as Cedar's JSON has them, that can fail; sorted, each once."""
    return tuple(sorted({operator for condition in conditions for operator in _failing(condition.get("body"))}))


def _failing(expression: Any) -> Iterator[str]:
    for operator, operands in expression.items() if isinstance(expression, dict) else ():
        if operator == "." and _of_the_request(operands):
            continue
        if operator not in _NEVER_FAIL:
            yield operator
        if operator not in ("Var", "Value"):
            for operand in _operands(operands):
                yield from _failing(operand)


def _of_the_request(operands: Any) -> bool:
    """Whether it is an attribute of principal, resource or context, which every request has as the schema says."""
    return isinstance(operands, dict) and isinstance(operands.get("left"), dict) and set(operands["left"]) == {"Var"}


def _operands(operands: Any) -> Iterator[Any]:
    if isinstance(operands, list):
        yield from operands
    elif isinstance(operands, dict):
        yield from (operand for operand in operands.values() if isinstance(operand, dict))
