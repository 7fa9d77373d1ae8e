"""Where a professional turns when consent is not complete: which channel is named tells nothing about who said what.

- The choice sees sender kind, recipient kind and purpose, and nothing else: no answer, no person, no section. For an urgent
  handover the sender's after-hours telephone comes first, whatever anybody answered.
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


def after_hours(phone: str | None) -> Channel:
    """Whom to call about an urgent handover: its sender, at the telephone that is answered at any hour when one is known."""
    everybody: frozenset[str] = frozenset()
    return Channel("after-hours", "AVG 6(1)(d)", _AFTER_HOURS, _CALL, phone, everybody, everybody, everybody)


_AFTER_HOURS = Words("De afzender, ook buiten kantooruren", "The sender, also outside office hours")
_CALL = Words(
    "Deze overdracht heeft haast. Bel de afzender, ook buiten kantooruren. Die bepaalt zelf wat u nu moet weten.",
    "This handover is urgent. Call the sender, also outside office hours, who decides what you need to know now.",
)
