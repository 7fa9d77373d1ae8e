"""The review without a broker: a few items, and what was asked of them."""

from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any

from broker.domain.review import LEADING, NAMES, REASONS, Signal
from broker.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound, Words
from broker.services.officer_screens import EntryRow
from broker.services.review_screens import ItemDetail, ItemRow, ReviewPage, StartScreen
from tests.unit.web.family_words import LABELS, NOW, OFFICER_TOKEN, PURPOSE, SENDER

LINE = EntryRow(
    "e3", NOW, "release:denied", Words("Geweigerd", "Refused"), "denied", "De Hoop GGZ", SENDER,
    Words("Psycholoog", "Psychologist"), PURPOSE, "9c1f04" * 6, "3fa2b7" * 6, (), (LABELS["timeline"],), 7,
)  # fmt: skip


def item(name: str, *signals: Signal, lines: int = 1) -> ItemRow:
    return ItemRow(name, tuple(NAMES[one] for one in signals), date(2026, 9, 21), "De Hoop GGZ", SENDER, lines)


ITEMS = {
    "i0": (Signal.UNREADABLE,),
    "i1": (Signal.REFUSED_OFTEN, Signal.OUTSIDE_HOURS),
    "i2": (Signal.SAMPLE,),
}
START = StartScreen(3, 12, 40, 30, date(2026, 9, 20), 3, 1, 2, NOW, True, True, True)


@dataclass
class FakeReview:
    """One officer's review. `calls` holds what was looked at, `acts` what was done; `refuses` makes everything say that it is not theirs."""

    screen: StartScreen = START
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    acts: list[tuple[Any, ...]] = field(default_factory=list)
    signed: dict[str, str] = field(default_factory=dict)
    following: str = ""
    refuses: bool = False

    def _known(self, token: str) -> None:
        if token != OFFICER_TOKEN:
            raise NotAuthenticated
        if self.refuses:
            raise NotAllowed(Words("Dit hoort niet bij uw taak.", "This is not part of your task."))

    async def start(self, token: str) -> StartScreen:
        self._known(token)
        return self.screen

    async def queue(self, token: str, signal: str = "", after: str = "") -> ReviewPage:
        self._known(token)
        self.calls.append(("queue", signal, after))
        if signal:
            self.acts.append(("queue", signal))
        wanted = next((one for one in LEADING if one.value == signal), None)
        rows = tuple(
            item(name, *why) for name, why in ITEMS.items() if name not in self.signed and wanted in (None, why[0])
        )
        return ReviewPage(rows, self.following, wanted, tuple((one, NAMES[one]) for one in LEADING))

    async def item(self, token: str, item_id: str) -> ItemDetail:
        self._known(token)
        self.calls.append(("item", item_id))
        if item_id not in ITEMS:
            raise NotFound
        why, note = ITEMS[item_id], self.signed.get(item_id)
        unreadable = item_id == "i0"
        detail = ItemDetail(
            row=item(item_id, *why),
            reasons=tuple((NAMES[one], REASONS[one]) for one in why),
            lines=() if unreadable else (LINE,),
            unreadable=("e9",) if unreadable else (),
            more=bool(self.following),
            professional="" if unreadable else LINE.professional,
            alike=0 if unreadable else 2,
            signed_at=None,
            signed_by="",
            note="",
            yours=item_id != "i9",
        )
        return detail if note is None else replace(detail, signed_at=NOW, signed_by="0ff1ce" * 6, note=note)

    async def sign_off(self, token: str, item_id: str, note: str) -> None:
        self._known(token)
        self.acts.append(("sign_off", item_id, note))
        if item_id not in ITEMS:
            raise NotFound
        if not note:
            raise Invalid.at("/note", "Schrijf kort op wat u zag of deed.", "Write down what you saw or did.")
        if item_id in self.signed:
            raise Conflict(Words("Dit is al afgetekend.", "This was signed off already."))
        self.signed[item_id] = note
