"""Where a professional turns when consent is not complete: which channel is named tells nothing about who said what.

- The choice sees sender kind, recipient kind and purpose, and nothing else: no answer, no person, no section.
- A channel opens nothing. The law's ways around consent do not exist here; people then talk with each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from broker.errors import Words


@dataclass(frozen=True, slots=True)
class Channel:
    """One way outside this broker. `article` is the law it rests on; `contact` a phone number, or None.

    The three sets say for whom it is named; an empty one means any.
    """

    id: str
    article: str
    label: Words
    call: Words
    contact: str | None
    sender_kinds: frozenset[str]
    recipient_kinds: frozenset[str]
    purposes: frozenset[str]

    @property
    def for_all(self) -> bool:
        """Whether it is named in every refusal for lack of consent."""
        return not (self.sender_kinds or self.recipient_kinds or self.purposes)


def channels_for(
    channels: Iterable[Channel], sender_kind: str, recipient_kind: str, purpose: str
) -> tuple[Channel, ...]:
    """Those that are named between these two kinds of organisation for this purpose, in the agreement's order."""
    return tuple(
        channel
        for channel in channels
        if (not channel.sender_kinds or sender_kind in channel.sender_kinds)
        and (not channel.recipient_kinds or recipient_kind in channel.recipient_kinds)
        and (not channel.purposes or purpose in channel.purposes)
    )
