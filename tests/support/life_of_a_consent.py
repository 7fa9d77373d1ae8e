"""The life of a consent as a page: drawn from `TRANSITIONS`, so that the picture is the table that decides.

`python -m tests.support.life_of_a_consent` (`make docs`) writes the page; `tests/unit/test_docs.py` compares.
"""

import sys
from pathlib import Path

from broker.domain.consents import TRANSITIONS, Event, Stance
from broker.errors import Words

PAGE = Path(__file__).resolve().parents[2] / "docs/life-of-a-consent.md"

STATES: dict[Stance, Words] = {
    Stance.UNANSWERED: Words("Er is geen antwoord. Dat telt als nee.", "There is no answer. That counts as no."),
    Stance.ASKED: Words(
        "De vraag is gesteld en er is nog geen antwoord. Dat telt als nee.",
        "The question was put and there is no answer yet. That counts as no.",
    ),
    Stance.GIVEN: Words(
        "Iemand zei ja, en de laatste dag is nog niet voorbij. Alleen dit telt als ja.",
        "Somebody said yes, and its last day is not over. Only this counts as yes.",
    ),
    Stance.REFUSED: Words("Iemand zei nee. De hulp gaat door.", "Somebody said no. Help goes on."),
    Stance.WITHDRAWN: Words(
        "Iemand zei ja en stopte dat later. Vanaf dan is het nee; wat eerder gelezen is, was toen toegestaan.",
        "Somebody said yes and stopped it later. From then on it is no; what was read before was allowed then.",
    ),
    Stance.EXPIRED: Words(
        "De laatste dag van een ja is voorbij. Dat telt als nee, en het gaat nooit vanzelf weer in.",
        "The last day of a yes is over. That counts as no, and it never begins again by itself.",
    ),
    Stance.NEEDS_NEW: Words(
        "Er is een antwoord, maar niet met het gezag dat nu geldt, of het was alleen een mening. Dat telt als nee.",
        "There is an answer, but not under the authority that holds now, or it was an opinion only. That counts as no.",
    ),
}
"""What each state means."""

EVENTS: dict[Event, Words] = {
    Event.ASK: Words("De afzender stelt de vraag: er komt een code.", "The sender puts the question: a code is made."),
    Event.GIVE: Words(
        "De persoon zegt zelf ja. Dat kan vanuit elke stand, en maakt een ondertekend bewijs.",
        "The person says yes themselves. That is possible from every state, and makes a signed record.",
    ),
    Event.REFUSE: Words(
        "De persoon zegt zelf nee. Dat kan ook vanuit elke stand, en maakt een ondertekend bewijs.",
        "The person says no themselves. That too is possible from every state, and makes a signed record.",
    ),
    Event.WITHDRAW: Words(
        "De persoon stopt een ja dat telt. Dat maakt een ondertekend bewijs.",
        "The person stops a yes that counts. That makes a signed record.",
    ),
    Event.EXPIRE: Words(
        "De laatste dag gaat voorbij, om middernacht in Nederland. Niemand hoeft iets te doen.",
        "The last day passes, at midnight in the Netherlands. Nobody need do anything.",
    ),
    Event.CHANGE: Words(
        "Het gezag over de persoon verandert. Een verjaardag, een nieuwe ontvanger of een nieuw onderdeel is dat niet: "
        "daarvoor is er nog geen antwoord.",
        "Authority over the person changes. A birthday, a new recipient or a new section type is not that: for those "
        "there is no answer yet.",
    ),
}
"""What each event is."""


def diagram() -> str:
    """The table as a Mermaid state diagram."""
    steps = sorted(
        TRANSITIONS.items(), key=lambda step: (list(Stance).index(step[0][0]), list(Event).index(step[0][1]))
    )
    lines = ["stateDiagram-v2", f"    [*] --> {_id(Stance.UNANSWERED)}"]
    lines += [f'    state "{stance}" as {_id(stance)}' for stance in Stance if stance != _id(stance)]
    lines += [f"    {_id(before)} --> {_id(after)}: {event}" for (before, event), after in steps]
    return "\n".join(lines)


def _id(stance: Stance) -> str:
    return stance.value.replace("-", "_")


def page() -> str:
    """The whole page."""
    return f"""# The life of a consent

Where one signer stands on one *cell* (sender, recipient organisation, role, purpose, section type, person concerned),
and what moves it. `make docs` draws this page from `TRANSITIONS` in
[broker/domain/consents.py](../broker/domain/consents.py), the table that the broker itself decides by. Where
somebody stands is worked out anew each time, from their latest record and the facts of that moment. Articles and tests: [for a lawyer](for-lawyers.md).

```mermaid
{diagram()}
```

## States

| State | Nederlands | English |
|---|---|---|
{_rows(STATES)}

## Events

| Event | Nederlands | English |
|---|---|---|
{_rows(EVENTS)}
"""


def _rows(sentences: dict[Stance, Words] | dict[Event, Words]) -> str:
    return "\n".join(f"| `{word}` | {words.nl} | {words.en} |" for word, words in sentences.items())


if __name__ == "__main__":
    if "--check" not in sys.argv:
        PAGE.write_text(page())
    elif PAGE.read_text() != page():
        sys.exit("docs/life-of-a-consent.md is not what the code says: run `make docs`")
