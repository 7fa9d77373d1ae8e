"""What can go wrong for a caller: one family, `ClientError`. No message holds a token, a key or what was sent."""

from typing import Any, cast

from broker.client.answers import Fault, Withheld

_URN = "urn:rondom:problem:"


class ClientError(Exception):
    """Whatever the client could not do. Catch this one to catch every one of them."""


class Unreachable(ClientError):
    """Nobody answered, also not after trying again where that is safe: the address, the network, or the broker is away.

    Whether a changing call was done is not known. Make it again: a push is never kept twice.
    """

    def __init__(self) -> None:
        super().__init__("No broker answers at this address. Check the address and the network, and try again.")


class Refused(ClientError):
    """The broker refused: `status`, and the problem document (RFC 9457) as it came in `problem`.

    `problem` is empty when the answer was no problem document, as of a proxy on the way.
    """

    def __init__(self, status: int, problem: dict[str, Any], *, retry_after: float | None = None) -> None:
        self.status = status
        self.problem = problem
        self.retry_after = retry_after
        """Seconds to wait before trying again, when the broker said so."""
        title = problem.get("title", problem.get("error", "")) or "The answer says nothing more"
        super().__init__(f"{status} {title}: {self.detail}".removesuffix(": "))

    @property
    def code(self) -> str:
        """The stable code of the table in docs/for-developers.md; of the token endpoint its `error` (RFC 6749)."""
        kind = str(self.problem.get("type", ""))
        return kind.removeprefix(_URN) if kind.startswith(_URN) else str(self.problem.get("error", ""))

    @property
    def detail(self) -> str:
        """What is wrong and what to do, as one or two sentences for a person; empty when there are none."""
        return str(self.problem.get("detail", self.problem.get("error_description", "")))

    @property
    def faults(self) -> tuple[Fault, ...]:
        """Everything that is wrong with what was sent, each at its place (`pointer`, RFC 6901)."""
        return tuple(cast(Fault, fault) for fault in _objects(self.problem.get("errors")))

    @property
    def withheld(self) -> tuple[Withheld, ...]:
        """Of a release that released nothing: what was withheld, and as much of the reasons as may be known."""
        return tuple(cast(Withheld, item) for item in _objects(self.problem.get("withheld")))


def _objects(found: Any) -> list[dict[str, Any]]:
    return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []
