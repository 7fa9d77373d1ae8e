"""A girl of fifteen, her mother, and what three organisations wrote about her to one family worker."""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.promises.attacks import Case, as_it_is
from tests.support.world import World

FOSTER, MENTAL, SCHOOL = "00000099000000110000", "00000099000000120000", "00000099000000140000"
SENDERS = (FOSTER, MENTAL, SCHOOL)
TEAM, READER, PURPOSE = "00000099000000130000", "wt-fatima", "coordination"
NAME = "start-of-foster-care"
SIGNERS = ("chayenne", "mother")


def timeline(*entries: tuple[str, str], section_type: str = "timeline") -> dict[str, Any]:
    """A section with these entries: when each began, and what happened."""
    content = {"entries": [{"from": since, "what": what} for since, what in entries]}
    return section(content, section_type)


def section(content: Any, section_type: str = "timeline") -> dict[str, Any]:
    """A section about her alone."""
    media = "text/plain" if isinstance(content, str) else "application/json"
    return {"type": section_type, "concerns": ["chayenne"], "mediaType": media, "content": content}


def someone(**more: Any) -> dict[str, Any]:
    """An involvement."""
    return {"organisation": TEAM, "role": "family-worker", "since": "2025-03", **more}


def listed(*involvements: Mapping[str, Any]) -> dict[str, Any]:
    """A section that says who is involved."""
    return section({"involvements": list(involvements)}, "involved-organisations")


@dataclass
class Girl:
    """Somebody new, whom every sender knows by the same number."""

    world: World
    bsn: str = field(default_factory=lambda: f"{secrets.randbelow(10**9):09}")
    mothers: str = field(default_factory=lambda: f"{secrets.randbelow(10**9):09}")
    phone: str = field(default_factory=lambda: f"+316{secrets.randbelow(10**8):08}")
    mail: str = field(default_factory=lambda: f"{secrets.token_hex(4)}@family.example")

    def body(self, *sections: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """A handover about her, under a fresh reference."""
        body = self.world.body(NAME)
        body["reference"] = secrets.token_hex(6)
        body["recipients"] = [{"organisation": TEAM, "role": "family-worker"}]
        body["people"] = body["people"][:2]
        for person, number, channel, value in zip(
            body["people"], (self.bsn, self.mothers), ("sms", "email"), (self.phone, self.mail), strict=True
        ):
            person["reference"] += self.bsn
            person["identifiers"] = [{"system": "bsn", "value": number}]
            person["contacts"] = [{"channel": channel, "value": value}]
        return {**body, "sections": list(sections), **more}

    async def push(self, sender: str, *sections: Mapping[str, Any], **more: Any) -> Case:
        """Let this organisation write that."""
        return await as_it_is(self.world, NAME, self.body(*sections, **more), sender=sender)

    async def written(
        self, sender: str, *sections: Mapping[str, Any], yes: Iterable[str] = SIGNERS, **more: Any
    ) -> Case:
        """The same, and these say yes to it."""
        case = await self.push(sender, *sections, **more)
        for signer in yes:
            await case.says(signer, "chayenne")
        return case

    async def asked(self, what: str = "timelines", who: str = READER, **other: Any) -> httpx.Response:
        """The answer to somebody who asks about her."""
        body = {"identifier": {"system": "bsn", "value": self.bsn}, "purpose": PURPOSE, **other}
        return await self.world.as_professional(who, "POST", f"/v1/{what}", body)

    async def entries(self) -> list[tuple[str | None, str, str]]:
        """(from, what, who wrote it) of each entry that the reader gets."""
        answer = await self.asked()
        assert answer.status_code == 200, answer.text
        return [(one.get("from"), one["what"], one["source"]["organisation"]) for one in answer.json()["entries"]]
