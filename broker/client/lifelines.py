"""Timelines and involvements for a professional: what the broker answers, as types, and the calls.

What comes sealed is opened when the client has a key for it, and stands in `opened`: to be put in order by you. What does not
open stays in `sealed`: tell the operator; whoever seals wrongly closes nothing that others wrote.
"""

from collections.abc import Callable
from typing import Any, Literal, NotRequired, Protocol, TypedDict, cast

from broker.client.answers import Attached, Receipt, Sealed, Withheld
from broker.client.sealing import NotOpened


class Source(TypedDict):
    """Where something comes from: the sender with its name, the handover, the release that it left by, the section type."""

    organisation: str
    name: str
    handover: str
    release: str
    type: str


class _From(TypedDict):
    """What everything has that was released."""

    source: Source
    corrected: bool
    disputed: bool
    reactions: list[Attached]


Entry = TypedDict(
    "Entry",
    {
        "from": NotRequired[str],
        "until": NotRequired[str],
        "what": str,
        "source": Source,
        "corrected": bool,
        "disputed": bool,
        "reactions": list[Attached],
    },
)
"""Something that happened, its dates as they were written. Without `from` it is a whole text."""


class SealedPart(_From):
    """A section sealed to your organisation's key."""

    mediaType: str
    sealed: Sealed


class PartRelease(TypedDict):
    """One of the releases that the answer is made of, with its receipt: keep that. Acknowledge it by its `id`."""

    id: str
    handover: str
    withheld: list[Withheld]
    receipt: Receipt


class Timeline(TypedDict):
    """What happened, from everything that is open: in order of when it began, whole texts at the end.

    `more`: there are older handovers that were not looked at; ask for those one by one.
    """

    entries: list[Entry]
    sealed: list[SealedPart]
    releases: list[PartRelease]
    more: bool
    policyDigest: str


class Party(TypedDict):
    """A partner by its OIN, with its name if it takes part now; or somebody else by name."""

    organisation: NotRequired[str]
    name: NotRequired[str]


class Called(TypedDict):
    """A professional whom one can call."""

    name: str
    phone: str


class Involved(_From):
    """An organisation around the family. `coordinator`: `is`, `was`, or `proposed` and not agreed to by all of the family."""

    party: Party
    role: str
    since: str
    until: NotRequired[str]
    contact: NotRequired[Called]
    task: NotRequired[str]
    waitsFor: NotRequired[str]
    bridge: NotRequired[Called]
    handsBackTo: NotRequired[Party]
    coordinator: NotRequired[Literal["is", "was", "proposed"]]


class InvolvedText(_From):
    """A section about who is involved that is a text."""

    text: str


class Involvements(TypedDict):
    """Who is involved, from everything that is open: in order of since when. `more` as in a timeline."""

    involvements: list[Involved]
    texts: list[InvolvedText]
    sealed: list[SealedPart]
    releases: list[PartRelease]
    more: bool
    policyDigest: str


class OpenedPart(_From):
    """A section that came sealed, opened here."""

    mediaType: str
    content: Any


class OpenedTimeline(Timeline):
    """A timeline, with what this client opened."""

    opened: list[OpenedPart]


class OpenedInvolvements(Involvements):
    """Involvements, with what this client opened."""

    opened: list[OpenedPart]


class _Caller(Protocol):
    """What `broker.client.Professional` has."""

    _opened: Callable[[dict[str, Any]], dict[str, Any]]

    def _read(self, method: str, path: str, body: Any = None, **more: Any) -> dict[str, Any]:
        """A call that is answered with a document."""


class TakesOver:
    """The calls of a professional who takes over. Each is logged; what leaves is told to the family."""

    def timeline(self: _Caller, bsn: str, purpose: str) -> OpenedTimeline:
        """One timeline of the person with this BSN, from whatever is open to you for this purpose."""
        return cast(OpenedTimeline, _with_opened(self, self._read("POST", "/v1/timelines", _body(bsn, purpose))))

    def involvements(self: _Caller, bsn: str, purpose: str) -> OpenedInvolvements:
        """Who is involved around that person, as far as the family consented."""
        found = self._read("POST", "/v1/involvements", _body(bsn, purpose))
        return cast(OpenedInvolvements, _with_opened(self, found))


def _body(bsn: str, purpose: str) -> dict[str, Any]:
    return {"identifier": {"system": "bsn", "value": bsn}, "purpose": purpose}


def _with_opened(caller: _Caller, found: dict[str, Any]) -> dict[str, Any]:
    """The answer with every sealed section opened, if the client has keys; each is a section of its own release.

    Of a release with one that does not open nothing is opened: all of it stays in `sealed`.
    """
    opened: list[tuple[dict[str, Any], dict[str, Any]]] = []
    closed: set[str] = set()
    for part in found.get("sealed", ()):
        release, section = part["source"]["release"], {**part, "type": part["source"]["type"]}
        try:
            [done] = caller._opened({"id": release, "released": [section]})["released"]  # noqa: SLF001  a part of it
        except NotOpened:
            closed.add(release)
            continue
        if "content" in done:
            opened.append((part, {name: value for name, value in done.items() if name != "type"}))
    mine = [(part, done) for part, done in opened if part["source"]["release"] not in closed]
    kept = [part for part in found.get("sealed", ()) if all(part is not other for other, _ in mine)]
    return {**found, "sealed": kept, "opened": [done for _, done in mine]}
