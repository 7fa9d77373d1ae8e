"""Use cases that hold one family and one officer in memory, with names that try to be markup."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from broker.domain.consents import Stance
from broker.domain.notices import NoticeTemplate, compose
from broker.domain.reactions import BEGINS, ReactionKind, plain
from broker.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, TooMany, Words
from broker.services.confirming import ConfirmScreen
from broker.services.files import ProofFile
from broker.services.own_passkeys import PasskeyLine
from broker.services.own_report import OwnReading, OwnReport
from broker.services.own_text import OwnTextLine, OwnTextScreen
from broker.services.questionnaires import AskedRecipient, Choice, Questionnaire, QuestionScreen, Shown
from broker.services.screens import (
    CareFile,
    ContactChoice,
    FamilySession,
    HandoverParts,
    Mine,
    PartScreen,
    Reactions,
    ReactionScreen,
    ReadLine,
    ReceiptScreen,
    SaidGroup,
    SaidLine,
    Weight,
)

CODE = "K7QD-9MFX-2TRA"
MINE_CODE = "M4WB-7HNC-8PZE"
ONE_TIME = "482913"
TOKEN = "family-token"
OFFICER_TOKEN = "officer-token"
CSRF = "secret-of-this-visit"
SENDER = "Stichting Timon"
UNTIL = date(2027, 9, 20)
OPTIONS_TO_CREATE = (
    '{"rp":{"name":"Rondom","id":"localhost"},"user":{"id":"bzE","name":"officer","displayName":"Officer 1"},'
    '"challenge":"AAECAwQFBgcICQoLDA0ODw","pubKeyCredParams":[{"type":"public-key","alg":-7},{"type":"public-key","alg":-257}],'
    '"timeout":60000,"excludeCredentials":[],"authenticatorSelection":{"residentKey":"required",'
    '"userVerification":"required"},"attestation":"none"}'
)
OPTIONS_TO_GET = (
    '{"challenge":"AAECAwQFBgcICQoLDA0ODw","timeout":60000,"rpId":"localhost","allowCredentials":[],'
    '"userVerification":"required"}'
)
NOW = datetime(2026, 9, 21, 12, 5, 9, tzinfo=UTC)

LABELS = {
    "timeline": Words("Tijdlijn", "Timeline"),
    "roles-and-tasks": Words("Wie doet wat", "Who does what"),
    "safety-plan": Words("Veiligheidsplan", "Safety plan"),
    "parent-health": Words("Gezondheid van een ouder", "A parent's health"),
}
RECIPIENTS = (
    Words("psycholoog bij De Hoop GGZ", "psychologist at De Hoop GGZ"),
    Words("systeemtherapeut bij De Hoop GGZ", "system therapist at De Hoop GGZ"),
    Words("gezinswerker bij Wijkteam Dordrecht", "family worker at Wijkteam Dordrecht"),
)
ASKED = (
    AskedRecipient("00000099000000120000/psychologist", "De Hoop GGZ", Words("psycholoog", "psychologist")),
    AskedRecipient(
        "00000099000000120000/system-therapist", "De Hoop GGZ", Words("systeemtherapeut", "system therapist")
    ),
    AskedRecipient("00000099000000130000/family-worker", "Wijkteam Dordrecht", Words("gezinswerker", "family worker")),
)
PURPOSE = Words("Samen afspreken wie wat doet", "Agree together on who does what")
WHOLE = Words("Samen afspreken: alles wat hier staat", "Agree together: everything that is written here")
EXPLAIN = {
    "timeline": Words(
        "Hierin staat wat er is gebeurd en welke hulp er was, met data.",
        "This says what happened and what help there was, with dates.",
    ),
    "roles-and-tasks": Words(
        "Hierin staat wie er helpt en wat ieder doet.", "This says who helps and what each of them does."
    ),
    "safety-plan": Words(
        "Hierin staat wat iedereen doet als het thuis niet veilig is, en wie je belt.",
        "This says what everybody does when it is not safe at home, and whom to call.",
    ),
    "parent-health": Words("Hierin staat hoe het met de ouder gaat.", "This says how the parent is doing."),
}
RECIPIENTS_TEXT = Words(
    "De Hoop GGZ (psycholoog en systeemtherapeut) en Wijkteam Dordrecht (gezinswerker)",
    "De Hoop GGZ (psychologist and system therapist) and Wijkteam Dordrecht (family worker)",
)
NOTICES = Path(__file__).parents[3] / "policies" / "notices"
ALONE = ("g1a", "g1b", "g1c")
CONTACTS = (
    ContactChoice("c1", "sms", "06 ** ** ** 11"),
    ContactChoice("c2", "email", "m***@***.example"),
)


def notice(section_type: str, language: str, person: str) -> Mapping[str, str]:
    """The text of one question, from the agreement's own template."""
    texts = tomllib.loads((NOTICES / f"{language}.toml").read_text("utf-8"))
    template = NoticeTemplate(texts["version"], language, texts["parts"])
    values = {
        "sender": SENDER,
        "supported": "",
        "recipients": RECIPIENTS_TEXT.in_language(language),
        "section": LABELS[section_type].in_language(language),
        "explanation": EXPLAIN[section_type].in_language(language),
        "example": "2021: verhuisd. 2023: ouders gaan uit elkaar. Maart 2025: gesprekken met het wijkteam.",
        "persons": person,
        "purpose": PURPOSE.in_language(language),
        "until": "20 september 2027" if language == "nl" else "20 September 2027",
    }
    return compose(template, [(section_type, values)]).questions[0].parts


@dataclass
class FakeFamily:
    """One visit at most. `calls` holds what was asked that changes something; looking is not in it."""

    person: str = "Chayenne"
    speaks: str = ""
    sender: str = SENDER
    contacts: tuple[ContactChoice, ...] = CONTACTS
    weight: Weight = "counts"
    messages: bool = True
    logged: bool = True
    current: FamilySession | None = None
    answers: dict[str, Choice] = field(default_factory=dict)
    asked: tuple[AskedRecipient, ...] = ASKED
    receipts: dict[str, ReceiptScreen] = field(default_factory=dict)
    said: dict[str, Stance] = field(default_factory=dict)
    written: tuple[ReactionScreen, ...] = ()
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    fail: Exception | None = None
    types: tuple[str, ...] = ("timeline", "roles-and-tasks", "safety-plan")
    devices: tuple[PasskeyLine, ...] = ()
    needed: tuple[Words, ...] = ()
    confirmed: bool = False
    own: tuple[str, ...] = ("timeline", "roles-and-tasks")
    text: str = "2021: verhuisd.\n2023: <b>een zus erbij</b>."

    def visit(self, stage: str = "verified", purpose: str = "answer", language: str = "nl") -> "FakeFamily":
        """Put the visit at a stage, as if it had come there."""
        sent = self.contacts[0] if stage != "code" and self.contacts else None
        self.current = FamilySession("v1", CSRF, stage, language, purpose, self.sender, self.contacts, sent)  # type: ignore[arg-type]
        return self

    def _session(self, token: str) -> FamilySession:
        if self.fail is not None:
            raise self.fail
        if token != TOKEN or self.current is None:
            raise NotAuthenticated
        return self.current

    async def enter(self, code: str, client: str, language: str, *, chosen: bool = True) -> tuple[str, FamilySession]:
        if self.fail is not None:
            raise self.fail
        language = language if chosen else self.speaks or language
        self.calls.append(("enter", code, client, language))
        if code not in {CODE, MINE_CODE}:
            raise NotFound(
                Words(
                    "Deze code kennen wij niet. Kijk of hij goed is overgetypt.",
                    "We do not know this code. Check that you copied it right.",
                )
            )
        self.visit("code", "answer" if code == CODE else "mine", language)
        assert self.current is not None
        return TOKEN, self.current

    async def session(self, token: str) -> FamilySession | None:
        return self.current if token == TOKEN else None

    async def send_code(self, token: str, contact_id: str) -> None:
        session = self._session(token)
        self.calls.append(("send_code", contact_id))
        contact = next(c for c in self.contacts if c.id == contact_id)
        self.current = replace(session, stage="sent", sent_to=contact)

    async def verify(self, token: str, one_time_code: str, client: str) -> FamilySession:
        session = self._session(token)
        self.calls.append(("verify", one_time_code))
        if one_time_code == "000000":
            raise TooMany(retry_after=300)
        if one_time_code != ONE_TIME:
            raise NotAllowed(
                Words("Deze code klopt niet. Probeer het nog een keer.", "This code is not right. Try again.")
            )
        self.current = replace(session, stage="verified")
        return self.current

    async def questionnaire(self, token: str, language: str) -> Questionnaire:
        self._session(token)
        if self.said:
            raise Conflict(Words("U heeft al antwoord gegeven.", "You already answered."))
        return Questionnaire(
            self.sender,
            UNTIL,
            tuple(
                QuestionScreen(
                    place,
                    len(self.types),
                    type_,
                    LABELS[type_],
                    notice(type_, language, self.person),
                    self._asked(type_),
                    language,
                    notice(type_, "nl", self.person) if language != "nl" else {},
                    language in ("nl", "en"),
                )
                for place, type_ in enumerate(self.types, 1)
            ),
            name=self.person,
        )

    def _asked(self, type_: str) -> tuple[AskedRecipient, ...]:
        choice = self.answers.get(type_)
        if choice is None or isinstance(choice, str):
            return tuple(replace(recipient, answer=choice) for recipient in self.asked)
        return tuple(replace(recipient, answer=choice[recipient.key]) for recipient in self.asked)

    async def choose(self, token: str, shown: Shown, choice: Choice, language: str) -> Questionnaire:
        section_type = (await self.questionnaire(token, language)).shown(shown).section_type
        self.calls.append(("choose", section_type, choice, language))
        self.answers[section_type] = choice
        return await self.questionnaire(token, language)

    async def confirm(self, token: str, language: str) -> str:
        session = self._session(token)
        self.calls.append(("confirm", language))
        if self.said:
            raise Conflict(Words("U heeft al antwoord gegeven.", "You already answered."))
        self.said = {t: Stance.REFUSED if self.answers[t] == "no" else Stance.GIVEN for t in self.types}
        self.current = replace(session, purpose="mine")
        return self._receipt(self.types)

    def _receipt(self, types: tuple[str, ...]) -> str:
        id_ = f"r{len(self.receipts) + 1}"
        self.receipts[id_] = ReceiptScreen(
            id_,
            NOW,
            self.sender,
            RECIPIENTS,
            PURPOSE,
            UNTIL,
            self._each(types),
            b'{"record": 1}',
            number="55AB-CFC3",
            pockets=("1." + "Pocket-_" * 90,),
            texts=("9c1f04" * 10 + "abcd",),
        )
        return id_

    def _each(self, types: tuple[str, ...]) -> tuple[SaidLine, ...]:
        """The lines of a receipt: apart where each recipient has its own answer."""
        lines = []
        for line in self._lines(types):
            choice = self.answers.get(line.section_type)
            if isinstance(choice, str) or choice is None or line.stance is Stance.WITHDRAWN:
                lines.append(line)
                continue
            for answer, stance in (("yes", Stance.GIVEN), ("no", Stance.REFUSED)):
                about = tuple(w for w, r in zip(RECIPIENTS, ASKED, strict=True) if choice[r.key] == answer)
                lines.append(replace(line, stance=stance, recipients=about))
        return tuple(lines)

    def _lines(self, types: tuple[str, ...]) -> tuple[SaidLine, ...]:
        return tuple(SaidLine(t, LABELS[t], self.said[t], (self.person,), UNTIL, self.weight) for t in types)

    async def receipt(self, token: str, receipt_id: str, language: str) -> ReceiptScreen:
        self._session(token)
        if receipt_id not in self.receipts:
            raise NotFound
        return self.receipts[receipt_id]

    async def confirmable(self, token: str, receipt_id: str) -> ConfirmScreen:
        receipt = await self.receipt(token, receipt_id, "nl")
        yes = any(line.stance is Stance.GIVEN for line in receipt.lines)
        return ConfirmScreen(
            yes and not self.confirmed, yes and self.confirmed, self.needed if yes else (), self.devices
        )

    async def passkeys(self, token: str) -> tuple[PasskeyLine, ...]:
        self._session(token)
        return self.devices

    async def enrolment_options(self, token: str, receipt_id: str) -> str:
        await self.receipt(token, receipt_id, "nl")
        return OPTIONS_TO_CREATE

    async def enrol(self, token: str, credential_json: str) -> None:
        self._session(token)
        self.calls.append(("enrol", credential_json))
        self.devices = (*self.devices, PasskeyLine(f"d{len(self.devices) + 1}", NOW))

    async def confirmation_options(self, token: str, receipt_id: str) -> str:
        await self.receipt(token, receipt_id, "nl")
        return OPTIONS_TO_GET

    async def confirm_with_passkey(self, token: str, receipt_id: str, credential_json: str) -> str:
        await self.receipt(token, receipt_id, "nl")
        self.calls.append(("confirm_with_passkey", receipt_id, credential_json))
        self.confirmed = True
        return receipt_id

    async def stop_passkey(self, token: str, passkey_id: str) -> None:
        self._session(token)
        self.calls.append(("stop_passkey", passkey_id))
        self.devices = tuple(one for one in self.devices if one.id != passkey_id)

    async def send_receipt(self, token: str, receipt_id: str, contact_id: str) -> None:
        receipt = await self.receipt(token, receipt_id, "nl")
        contact = next((c for c in self.contacts if c.id == contact_id), None)
        if contact is None:
            raise NotFound
        self.calls.append(("send_receipt", receipt_id, contact_id))
        self.receipts[receipt_id] = replace(receipt, sent_to=contact)

    async def care_file(self, token: str, receipt_id: str, language: str) -> CareFile:
        receipt = await self.receipt(token, receipt_id, language)
        return CareFile(receipt.at, "application/fhir+json", b'{"resourceType": "Bundle"}')

    async def proof(self, token: str) -> ProofFile | None:
        self._session(token)
        if not self.said:
            raise NotFound
        return ProofFile(NOW, b'{"kind": "rondom-family-bundle"}') if self.logged else None

    async def mine(self, token: str, language: str) -> Mine:
        self._session(token)
        groups = (
            (SaidGroup("g1", self.sender, RECIPIENTS, PURPOSE, self._lines(tuple(self.said)), ALONE),)
            if self.said
            else ()
        )
        readings = (
            ReadLine(
                NOW, "De Hoop GGZ", Words("Psycholoog", "Psychologist"), (LABELS["timeline"], LABELS["safety-plan"])
            ),
            ReadLine(NOW, "Wijkteam Dordrecht", Words("Gezinswerker", "Family worker"), (LABELS["timeline"],)),
        )
        return Mine(self.person, self.sender, groups, readings if self.said else (), self.messages)

    async def want_messages(self, token: str, *, wanted: bool) -> None:
        self._session(token)
        self.calls.append(("want_messages", wanted))
        self.messages = wanted

    async def withdraw(self, token: str, group_id: str, section_types: tuple[str, ...], language: str) -> str:
        self._session(token)
        self.calls.append(("withdraw", group_id, section_types, language))
        if group_id not in {"g1", *ALONE} or not set(section_types) <= set(self.said):
            raise NotFound
        if group_id == "g1":
            self.said.update(dict.fromkeys(section_types, Stance.WITHDRAWN))
        return self._receipt(section_types)

    def _parts(self) -> tuple[PartScreen, ...]:
        return tuple(PartScreen(f"part-{t}", LABELS[t], (self.person,), self.sender) for t in self.types)

    async def reactions(self, token: str) -> Reactions:
        self._session(token)
        parts = self._parts()
        handovers = (HandoverParts(NOW.date(), RECIPIENTS, PURPOSE, parts, self._whole()),) if parts else ()
        return Reactions(handovers, self.written[::-1])

    def _whole(self) -> PartScreen:
        return PartScreen("part-whole", WHOLE, (self.person,), self.sender)

    async def part(self, token: str, part_id: str, kind: ReactionKind) -> PartScreen:
        self._session(token)
        for part in (self._whole(),) if kind is ReactionKind.ERASURE_REQUEST else self._parts():
            if part.id == part_id:
                return part
        raise NotFound

    async def react(self, token: str, part_id: str, kind: ReactionKind, text: str) -> str:
        part = await self.part(token, part_id, kind)
        text = plain(text, needed=kind is not ReactionKind.ERASURE_REQUEST)
        self.calls.append(("react", part_id, kind, text))
        if len(self.written) > 2:
            raise TooMany(retry_after=3600)
        id_ = f"w{len(self.written) + 1}"
        screen = ReactionScreen(id_, kind, part.label, text, NOW, BEGINS[kind], self.sender, None, None)
        self.written = (*self.written, screen)
        return id_

    async def reaction(self, token: str, reaction_id: str) -> ReactionScreen:
        self._session(token)
        for screen in self.written:
            if screen.id == reaction_id:
                return screen
        raise NotFound

    async def report(self, token: str, before: str = "") -> OwnReport:
        name = self._session(token) and self.person
        self.calls.append(("report", before))
        reading = OwnReading(
            NOW, "De Hoop GGZ", Words("psycholoog", "psychologist"), (LABELS["timeline"],), ("Sem",), PURPOSE, True
        )
        return OwnReport(name, self.sender, NOW, () if before else (reading,), "" if before else "e1")

    async def own_texts(self, token: str) -> tuple[OwnTextLine, ...]:
        self._session(token)
        return tuple(
            OwnTextLine(f"text-{t}", t, LABELS[t], NOW.date(), t == "roles-and-tasks", asked=True)
            for t in self.types
            if t in self.own
        )

    async def own_text(self, token: str, text_id: str) -> OwnTextScreen:
        for line in await self.own_texts(token):
            if line.id == text_id and not line.sealed:
                self.calls.append(("own_text", text_id))
                return OwnTextScreen(line.label, self.sender, (self.text,))
        raise NotFound

    async def set_language(self, token: str, language: str) -> None:
        self.calls.append(("set_language", language))
        self.current = replace(self._session(token), language=language)

    async def leave(self, token: str) -> None:
        self._session(token)
        self.calls.append(("leave",))
        self.current = None


def openapi() -> dict[str, Any]:
    """A small description of an API."""
    return {
        "openapi": "3.1.0",
        "info": {"title": "Rondom API", "version": "0.1.0", "description": "Hand over and release.\n\nSend `API-Version`."},
        "tags": [{"name": "Handovers", "description": "What organisations write."}],
        "components": {
            "schemas": {
                "Handover": {
                    "type": "object",
                    "required": ["reference"],
                    "properties": {
                        "reference": {"type": "string", "description": "Unique per sender <b>."},
                        "sections": {"type": "array", "items": {"$ref": "#/components/schemas/Section"}},
                        "until": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
                    },
                },
                "Section": {"type": "object"},
            },
            "responses": {"Problem": {"description": "What is wrong.", "content": {"application/problem+json": {}}}},
        },
        "paths": {
            "/v1/handovers": {
                "post": {
                    "tags": ["Handovers"],
                    "summary": "Push a handover",
                    "description": "Push it once.",
                    "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Handover"}}}},
                    "responses": {
                        "201": {"description": "Taken.", "content": {"application/json": {"schema": {"type": "object"}}}},
                        "400": {"$ref": "#/components/responses/Problem"},
                    },
                },
                "get": {
                    "tags": ["Handovers"],
                    "summary": "List handovers",
                    "parameters": [
                        {"name": "box", "in": "query", "required": True, "schema": {"type": "string"}, "description": "`sent` or `received`."}
                    ],
                    "responses": {"200": {"description": "A page."}},
                },
            },
            "/livez": {"get": {"responses": {"200": {"description": "Alive."}}}},
        },
    }  # fmt: skip
