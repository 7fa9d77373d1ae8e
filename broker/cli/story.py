"""Plays a family's file against a running broker, step by step, and says whether each came out as the file wants.

The player only uses what everybody has: the API for organisations and professionals, the pages for the family.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from broker.cli.visitor import Says
from broker.client import Client, ClientKey, Refused


class Family(Protocol):
    """How people answer: by the pages, with a browser or without one."""

    def answer(self, code: str, says: Says) -> None:
        """Answer every question."""

    def withdraw(self, code: str, types: list[str]) -> None:
        """Stop sharing these types."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step as it came out. `right` says whether that is what the file wants."""

    text: str
    outcome: str
    because: str
    right: bool


@dataclass(slots=True)
class Story:
    """One family, towards one broker. `later` moves the broker's clock and returns its (new) address."""

    family: dict[str, Any]
    keys: dict[str, ClientKey]
    url: str
    visitor: Callable[[str], Family]
    later: Callable[[str], str]
    handovers: dict[str, str] = field(default_factory=dict)
    codes: dict[tuple[str, str], str] = field(default_factory=dict)

    def play(self) -> Iterator[Step]:
        """Every step in order."""
        for step in self.family["steps"]:
            kind = next(name for name in ("push", "answer", "withdraw", "ask", "later") if name in step)
            yield getattr(self, f"_{kind}")(step)

    def _client(self, oin: str) -> Client:
        return Client(self.url, oin, self.keys[oin])

    def _body(self, handover: str) -> dict[str, Any]:
        body: dict[str, Any] = self.family["handovers"][handover]["body"]
        return body

    def _name(self, oin: str) -> str:
        return str(next(o["name"] for o in self.family["organisations"] if o["oin"] == oin))

    def _push(self, step: dict[str, Any]) -> Step:
        return self.push(step["push"])

    def push(self, name: str) -> Step:
        """One handover of the family's file."""
        sender = self.family["handovers"][name]["sender"]
        with self._client(sender) as client:
            pushed = client.push(self._body(name))
        self.handovers[name] = pushed["id"]
        shut = not any(section["open"] for section in pushed["sections"])
        text = f"{self._name(sender)} pushes “{name}”: {len(pushed['sections'])} sections, encrypted"
        return Step(text, "stored; nothing is open yet", "nobody has said yes", shut)

    def invite(self, handover: str, person: str) -> str:
        """A new code for one person."""
        sender = self.family["handovers"][handover]["sender"]
        with self._client(sender) as client:
            code = str(client.invite(self.handovers[handover], person)["code"])
        self.codes[handover, person] = code
        return code

    def _answer(self, step: dict[str, Any]) -> Step:
        answer = step["answer"]
        code = self.invite(answer["handover"], answer["who"])
        self.visitor(self.url).answer(code, answer["says"])
        said = ", ".join(f"{section} {_said(choice)}" for section, choice in answer["says"].items())
        return Step(f"{answer['who']} answers by the consent link", said, "signed and logged", right=True)

    def _withdraw(self, step: dict[str, Any]) -> Step:
        withdrawal = step["withdraw"]
        code = self.codes[withdrawal["handover"], withdrawal["who"]]
        self.visitor(self.url).withdraw(code, withdrawal["types"])
        return Step(
            f"{withdrawal['who']} presses stop", ", ".join(withdrawal["types"]), "signed and logged", right=True
        )

    def _ask(self, step: dict[str, Any]) -> Step:
        ask = step["ask"]
        organisation, who = next(
            (o, p) for o in self.family["organisations"] for p in o["professionals"] if p["id"] == ask["by"]
        )
        with self._client(organisation["oin"]) as client:
            professional = client.as_professional(who["id"], who["name"], who["role"])
            try:
                release = professional.ask(self.handovers[ask["handover"]], ask["purpose"])
                got = [section["type"] for section in release["released"]]
                outcome = f"gets {', '.join(got)}"
            except Refused as refused:
                got, outcome = [], f"gets nothing ({refused.status})"
        text = f"{who['name']} of {organisation['name']} asks “{ask['handover']}” for {ask['purpose']}"
        return Step(text, outcome, step.get("because", ""), sorted(got) == sorted(step["gets"]))

    def _later(self, step: dict[str, Any]) -> Step:
        self.url = self.later(step["later"])
        return Step(f"{_words(step['later'])} later", "the clock has moved", step.get("because", ""), right=True)


def _said(choice: str | dict[str, str]) -> str:
    return (
        choice if isinstance(choice, str) else " and ".join(f"{yes_or_no} to {to}" for to, yes_or_no in choice.items())
    )


def _words(period: str) -> str:
    """`P6M1D` as people say it: 6 months and 1 day."""
    units = {"Y": "year", "M": "month", "W": "week", "D": "day"}
    found = re.findall(r"(\d+)([YMWD])", period)
    return " and ".join(f"{number} {units[unit]}{'' if number == '1' else 's'}" for number, unit in found)
