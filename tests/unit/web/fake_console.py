"""The use cases of the console, without a broker: what each page asks, and what it was asked."""

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from broker.domain.approvals import ProposalState
from broker.domain.consents import Stance
from broker.domain.indicators import Sheet
from broker.domain.matters import NEXT, REASON, MatterKind
from broker.domain.officers import Right
from broker.domain.overview import Overview
from broker.domain.stores import InForce
from broker.errors import Conflict, Invalid, NotAllowed, NotAuthenticated, NotFound, Words
from broker.services.agreed import RulesScreen
from broker.services.check_screens import CheckRow, ChecksScreen
from broker.services.files import ExportFile, ExportWanted
from broker.services.officer_screens import (
    EntryDetail,
    EntryFilter,
    EntryRow,
    MatterDetail,
    MatterRow,
    OfficerSession,
    QueuePage,
    SectionWhy,
    SignerWhy,
)
from broker.services.pictures import PicturesScreen
from broker.services.proposal_screens import AgreementScreen, FileChange, ProposalDetail, ProposalEffect, ProposalRow
from broker.services.view_screens import Lag, LinesPage
from broker.services.watchers import WatchersPage
from broker.web import ConsoleServices
from tests.unit.web.agreed import OVERVIEW, RULES, effect_of
from tests.unit.web.fake_checks import (
    CHECKS,
    PICTURES,
    WATCHED,
    WHOLE,
    FakeChecks,
    FakePictures,
    FakeUrgent,
    FakeWatchers,
)
from tests.unit.web.fake_indicators import SHEET, FakeIndicators
from tests.unit.web.fake_logins import FakeLogins
from tests.unit.web.fake_own import FakeMotions, FakeOwn
from tests.unit.web.fake_people import FakeBreach, FakeNames, FakeReporting
from tests.unit.web.fake_review import FakeReview
from tests.unit.web.fake_views import FakeViews, lines_page
from tests.unit.web.family_words import (
    CODE,
    CSRF,
    LABELS,
    NOW,
    OFFICER_TOKEN,
    OPTIONS_TO_CREATE,
    OPTIONS_TO_GET,
    PURPOSE,
    SENDER,
)


def _digest(seed: str) -> str:
    return (seed * 64)[:64]


ROWS = (
    EntryRow(
        "e3", NOW, "release:decided", Words("Aanvraag", "Request"), "partly", "De Hoop GGZ", SENDER,
        Words("Psycholoog", "Psychologist"), PURPOSE, _digest("9c1f04"), _digest("3fa2b7"),
        (LABELS["timeline"], LABELS["safety-plan"]), (LABELS["parent-health"],), None,
    ),
    EntryRow(
        "e2", NOW, "release:denied", Words("Aanvraag", "Request"), "denied", "Wijkteam Dordrecht", SENDER,
        Words("Gezinswerker", "Family worker"), PURPOSE, _digest("77b0e1"), _digest("3fa2b7"),
        (), (LABELS["timeline"],), 1841,
    ),
    EntryRow(
        "e1", NOW, "consent:given", Words("Toestemming gegeven", "Consent given"), "other", SENDER, "",
        None, PURPOSE, "", _digest("3fa2b7"), (LABELS["timeline"], LABELS["roles-and-tasks"]), (), 1840,
    ),
    EntryRow(
        "e0", NOW, "release:decided", Words("Aanvraag", "Request"), "permitted", "De Hoop GGZ", SENDER,
        Words("Systeemtherapeut", "System therapist"), PURPOSE, _digest("51d2aa"), _digest("b04c9d"),
        (LABELS["timeline"],), (), 1839,
    ),
)  # fmt: skip


def _matter(place: int, kind: MatterKind, about: str, state: str = "open", *, holds_back: bool = False) -> MatterRow:
    other = "" if kind in (MatterKind.FACTS_DISAGREE, MatterKind.INABILITY_STATED) else _digest("aa01c4")
    return MatterRow(
        f"m{place}", kind.value, REASON[kind, about], _digest("3fa2b7"), other, SENDER, NOW, holds_back, state
    )


MATTERS = (
    _matter(1, MatterKind.SHARED_CONTACT, "sms", holds_back=True),
    _matter(2, MatterKind.CONTACT_OF_PROFESSIONAL, "email", holds_back=True),
    _matter(3, MatterKind.FACTS_DISAGREE, "authority"),
    _matter(4, MatterKind.INABILITY_STATED, ""),
    _matter(5, MatterKind.SHARED_CONTACT, "email", "accepted"),
    _matter(6, MatterKind.CONTACT_OF_PROFESSIONAL, "sms", "confirmed", holds_back=True),
)


PROPOSAL = ProposalRow("p1", _digest("b7"), True, NOW, NOW, (_digest("0ff1ce"),), ProposalState.WAITING)
HISTORY = (InForce(2, _digest("a9"), NOW, "e2"), InForce(1, _digest("a8"), NOW, "e1"))


@dataclass
class FakeConsole:
    """One officer. `calls` holds what was asked that changes something, and every search."""

    current: OfficerSession | None = None
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    rows: tuple[EntryRow, ...] = ROWS
    refused: Words | None = None
    can_approve: bool = True
    lag: Lag | None = None
    matters: tuple[MatterRow, ...] = field(default_factory=lambda: MATTERS)
    pieces: tuple[bytes | Exception, ...] = (b'"place"\r\n',)
    rights: frozenset[Right] = frozenset(Right)
    checks: ChecksScreen = CHECKS
    found: CheckRow = WHOLE
    looked: list[tuple[Any, ...]] = field(default_factory=list)
    watched: WatchersPage = WATCHED
    pictures: PicturesScreen = PICTURES
    indicators: Sheet | None = SHEET
    party: str = ""
    reporting: FakeReporting = field(default_factory=FakeReporting)
    breach: FakeBreach = field(default_factory=lambda: FakeBreach(ROWS))
    names: FakeNames = field(default_factory=FakeNames)
    passkeys: int = 2
    own: FakeOwn = field(default_factory=FakeOwn)
    motions: FakeMotions = field(default_factory=FakeMotions)
    extra: Mapping[str, str] = field(default_factory=lambda: {"handover": "TIM-2026-301", "client": "fddf0f5a"})

    def __post_init__(self) -> None:
        self.own.calls = self.motions.calls = self.names.calls = self.calls

    def visit(self, stage: str = "signed-in") -> "FakeConsole":
        """Put the visit at a stage, as if it had come there."""
        waiting = sum(row.state == "open" for row in self.matters)
        signed_in = stage == "signed-in"
        rights = self.rights if signed_in else frozenset()
        self.current = OfficerSession(
            "o1", CSRF, "Officer 1", stage, waiting, signed_in and self.refused is not None, rights,
            passkeys=self.passkeys if signed_in else 0, confirmed=frozenset(self.own.fresh),
        )  # type: ignore[arg-type]  # fmt: skip
        return self

    def _session(self, token: str) -> OfficerSession:
        if token != OFFICER_TOKEN or self.current is None:
            raise NotAuthenticated
        return self.current

    def called(self, token: str, *call: Any) -> None:
        """Remember what was asked, by somebody who is there."""
        self._session(token)
        self.calls.append(call)

    async def enter(self, invitation_code: str, client: str) -> tuple[str, OfficerSession]:
        self.calls.append(("enter", invitation_code))
        if invitation_code != CODE:
            raise NotFound(Words("Deze uitnodiging kennen wij niet.", "We do not know this invitation."))
        self.visit("invited")
        assert self.current is not None
        return OFFICER_TOKEN, self.current

    async def session(self, token: str) -> OfficerSession | None:
        return self.current if token == OFFICER_TOKEN else None

    async def registration_options(self, token: str) -> str:
        self._session(token)
        self.calls.append(("registration_options",))
        return OPTIONS_TO_CREATE

    async def register(self, token: str, credential_json: str) -> tuple[str, OfficerSession]:
        self._session(token)
        self.calls.append(("register", credential_json))
        self.visit()
        assert self.current is not None
        return OFFICER_TOKEN, self.current

    async def sign_in_options(self, client: str) -> tuple[str, str]:
        self.calls.append(("sign_in_options",))
        return "ceremony", OPTIONS_TO_GET

    async def sign_in(self, token: str, credential_json: str, client: str) -> tuple[str, OfficerSession]:
        self.calls.append(("sign_in", token, credential_json))
        if token != "ceremony":
            raise NotAllowed
        self.visit()
        assert self.current is not None
        return OFFICER_TOKEN, self.current

    async def lines(self, token: str, wanted: EntryFilter) -> LinesPage:
        self._session(token)
        self.calls.append(("lines", wanted))
        organisations = (("00000099000000110000", SENDER), ("00000099000000120000", "De Hoop GGZ"))
        if wanted.identifier and wanted.identifier != "999990044":
            return LinesPage((), "", organisations, unknown=True)
        rows = tuple(
            row for row in self.rows if wanted.outcome in {"", row.outcome} and wanted.subject in {"", row.subject}
        )
        person = wanted.subject or (rows[0].subject if wanted.identifier and rows else "")
        if wanted.before:
            return lines_page(rows[2:], "", organisations, person)
        return lines_page(rows, "1839" if len(rows) > 2 else "", organisations, person, wanted.reader)

    async def entry(self, token: str, entry_id: str) -> EntryDetail:
        self._session(token)
        row = next((row for row in self.rows if row.id == entry_id), None)
        if row is None:
            raise NotFound
        child, mother = _digest("3fa2b7"), _digest("aa01c4")
        rule = (
            "treatment-team",
            Words(
                "Het behandelteam mag lezen wat het kind betreft", "The treatment team may read what concerns the child"
            ),
        )
        return EntryDetail(
            row,
            None if row.outcome != "denied" else Words("De overdracht is niet aan deze rol gericht.", "The handover is not addressed to this role."),
            (
                SectionWhy("timeline", LABELS["timeline"], True, None, (rule,), (
                    SignerWhy(child, child, Stance.GIVEN, _digest("c0ffee"), ""),
                    SignerWhy(child, mother, Stance.GIVEN, _digest("d00d1e"), ""),
                )),
                SectionWhy(
                    "parent-health", LABELS["parent-health"], False,
                    Words("Niet iedereen die toestemming moet geven, heeft ja gezegd.", "Not everybody who must consent has said yes."),
                    (rule,),
                    (
                        SignerWhy(mother, mother, Stance.REFUSED, _digest("beef01"), ""),
                        SignerWhy(mother, "", Stance.UNANSWERED, "", "no-authority-on-record"),
                    ),
                ),
            ),
            _digest("5ca1ab1e"),
            tuple(self.extra.items()),
            '{"at":"2026-09-21T12:05:09Z","type":"release:decided","outcome":"partly","subject":"3fa2b73fa2b7"}',
            _digest("0ddba11"),
        )  # fmt: skip

    async def rules(self, token: str, entry_id: str) -> RulesScreen:
        await self.entry(token, entry_id)
        return RULES if entry_id != "e3" else RulesScreen(entry_id, ())

    async def overview(self, token: str) -> Overview:
        self._session(token)
        return OVERVIEW

    async def queue(self, token: str) -> QueuePage:
        self._session(token)
        waiting = tuple(row for row in self.matters if row.state == "open")
        return QueuePage(waiting, tuple(row for row in self.matters if row.state != "open"), len(waiting))

    async def matter(self, token: str, matter_id: str) -> MatterDetail:
        self._session(token)
        row = next((row for row in self.matters if row.id == matter_id), None)
        if row is None:
            raise NotFound
        settled = row.state != "open"
        return MatterDetail(
            row,
            NEXT[MatterKind(row.kind)],
            "Vader & moeder delen <b>één</b> mailbox." if settled else "",
            NOW if settled else None,
            _digest("0ff1ce") if settled else "",
        )

    async def settle(self, token: str, matter_id: str, outcome: str, note: str) -> None:
        self._session(token)
        self.calls.append(("settle", matter_id, outcome, note))
        if not note:
            raise Invalid.at("/note", "Schrijf kort op wat u te weten kwam.", "Write down what you found out.")
        if (await self.matter(token, matter_id)).row.state != "open":
            raise Conflict(Words("Dit is al afgehandeld.", "This was settled already."))
        self.matters = tuple(
            replace(row, state=outcome, holds_back=row.holds_back and outcome == "confirmed")
            if row.id == matter_id
            else row
            for row in self.matters
        )

    async def download(self, token: str, wanted: ExportWanted) -> ExportFile:
        self._session(token)
        self.calls.append(("download", wanted))
        if wanted.handover == "unknown":
            raise Invalid.at("/handover", "Deze overdracht is er niet.", "There is no such handover.")

        async def pieces() -> AsyncIterator[bytes]:
            for piece in self.pieces:
                if isinstance(piece, Exception):
                    raise piece
                yield piece

        return ExportFile(NOW, "csv", "text/csv; charset=utf-8", pieces())

    async def agreement(self, token: str) -> AgreementScreen:
        self._session(token)
        return AgreementScreen(2, _digest("a9"), NOW, self.refused, (PROPOSAL,), HISTORY)

    async def proposal(self, token: str, proposal_id: str) -> ProposalDetail:
        self._session(token)
        if proposal_id != PROPOSAL.id:
            raise NotFound
        changes = (FileChange("release.cedar", "-  old\n+  <new>"),)
        return ProposalDetail(PROPOSAL, "Meer samenwerking.", changes, self.can_approve, 2)

    async def effect(self, token: str, proposal_id: str) -> ProposalEffect:
        await self.proposal(token, proposal_id)
        return effect_of(PROPOSAL)

    async def approval_options(self, token: str, proposal_id: str) -> str:
        self._session(token)
        return json.dumps({"challenge": "c"})

    async def approve(self, token: str, proposal_id: str, credential_json: str) -> None:
        self._session(token)
        self.calls.append(("approve", proposal_id, credential_json))

    async def leave(self, token: str) -> None:
        self._session(token)
        self.calls.append(("leave",))
        self.current = None


def console_services(console: FakeConsole, logins: FakeLogins | None = None) -> ConsoleServices:
    """Everything that the console's pages ask, on fakes."""
    return ConsoleServices(
        oversight=console,
        viewing=FakeViews(console),
        reviewing=FakeReview(),
        logins=logins or FakeLogins(),
        checks=FakeChecks(console),
        watchers=FakeWatchers(console),
        pictures=FakePictures(console),
        indicators=FakeIndicators(console),
        reporting=console.reporting,
        breach=console.breach,
        own=console.own,
        motions=console.motions,
        names=console.names,
        urgent=FakeUrgent(console),
    )
