"""Use cases that hold one family and one officer in memory, with names that try to be markup."""

from dataclasses import dataclass, replace
from typing import Any

from broker.domain.consents import Stance
from broker.domain.long_watch import How
from broker.errors import Conflict, Invalid, NotAllowed, NotFound, TooMany, Words
from broker.services.check_ins import CheckInScreen
from broker.services.confirming import ConfirmScreen
from broker.services.files import ProofFile
from broker.services.own_passkeys import PasskeyLine
from broker.services.questionnaires import AskedRecipient, Choice, Questionnaire, QuestionScreen, Shown
from broker.services.screens import (
    CareFile,
    FamilySession,
    Mine,
    ReadLine,
    ReceiptScreen,
    SaidGroup,
    SaidLine,
)
from tests.unit.web.fake_written import FakeWritten
from tests.unit.web.family_words import (
    ALONE,
    ASKED,
    CODE,
    LABELS,
    MINE_CODE,
    NOW,
    ONE_TIME,
    OPTIONS_TO_CREATE,
    OPTIONS_TO_GET,
    PURPOSE,
    RECIPIENTS,
    TOKEN,
    UNTIL,
    notice,
)


@dataclass
class FakeFamily(FakeWritten):
    """The use cases of a family: coming in, answering, looking back, going out."""

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

    async def check_in(self, token: str) -> CheckInScreen:
        self._session(token)
        if self.how is None:
            raise NotFound
        return CheckInScreen(self.sender, self.person, *self.how)

    async def say_how(self, token: str, how: str, words: str) -> None:
        session = self._session(token)
        if how not in set(How):
            raise Invalid.at("/how", "Kies hoe het gaat.", "Choose how it goes.")
        self.calls.append(("say_how", how, words))
        self.how, self.current = (how, words), replace(session, told_how=True)

    async def stop_check_ins(self, token: str) -> None:
        self._session(token)
        self.calls.append(("stop_check_ins",))
        self.current = None

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
        return Mine(self.person, self.sender, groups, readings if self.said else (), self.messages, self.asked_no_more)

    async def want_messages(self, token: str, *, wanted: bool) -> None:
        self._session(token)
        self.calls.append(("want_messages", wanted))
        self.messages = wanted

    async def allow_check_ins(self, token: str) -> None:
        self._session(token)
        self.calls.append(("allow_check_ins",))
        self.asked_no_more = False

    async def withdraw(self, token: str, group_id: str, section_types: tuple[str, ...], language: str) -> str:
        self._session(token)
        self.calls.append(("withdraw", group_id, section_types, language))
        if group_id not in {"g1", *ALONE} or not set(section_types) <= set(self.said):
            raise NotFound
        if group_id == "g1":
            self.said.update(dict.fromkeys(section_types, Stance.WITHDRAWN))
        return self._receipt(section_types)

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
