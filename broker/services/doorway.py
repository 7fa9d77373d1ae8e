"""The way in for a family member: an invitation code, then a one-time code to the person's own contact.

1. The code names one invitation; it is looked up by keyed tag, and tries are counted per address.
2. A one-time code goes to a contact that the sender of that handover stated for that person; six digits, ten minutes,
   five tries.
3. Only a visit in which that code was right can answer, look or stop, and only towards that one sender.

A code that was used to answer stays a way in to look and to stop, and never answers again.
"""

from datetime import datetime, timedelta
from typing import Any, Literal, cast
from urllib.parse import urlsplit

from broker.domain.handovers import HandoverState
from broker.domain.parties import PersonId
from broker.domain.ports import Phrases
from broker.domain.stores import Contact, Invitation, Message, UnitOfWork, Visit
from broker.errors import Conflict, NotAllowed, NotAuthenticated, NotFound, TooMany, Words
from broker.services.house import House, guarded
from broker.services.screens import ContactChoice, FamilySession

VISIT = timedelta(minutes=30)
ONE_TIME = timedelta(minutes=10)
TRIES = 5


class Doorway:
    """Visits of family members."""

    def __init__(self, house: House) -> None:
        self._house = house

    async def enter(self, code: str, client: str, language: str, *, chosen: bool = True) -> tuple[str, FamilySession]:
        """Start a visit with an invitation code; returns the token for the cookie.

        The visit is in `language` when the visitor chose that; else in the person's own, as the sender stated it.

        Raises NotFound for an unknown code, and so for one that was taken back: nothing of it is kept. Raises Conflict
        for one that was never answered and is too old, or asks nothing any more; TooMany past sixty tries in ten minutes
        from one address. Changes nothing but counters and the visit.
        """
        house = self._house
        await guarded(house, f"enter:{client}", 60, 600, _TOO_OFTEN)  # 1
        now = house.clock()
        async with house.storage() as work:
            invitation = await work.invitations.by_code(house.codes.normal(code))
            if invitation is None:
                raise NotFound(_NO_SUCH_CODE)
            if not invitation.answered and invitation.answer_until <= now:
                raise Conflict(_TOO_OLD, code="code-expired")
            handover = None if invitation.answered else await work.handovers.get(invitation.handover)
            if not invitation.answered and (handover is None or not handover.asks(invitation.person, now)):
                raise Conflict(_NOT_NEEDED, code="not-asked-any-more")
            if not chosen:
                claim, _ = await work.persons.claims(invitation.person, invitation.sender)
                if claim is not None and claim.language in house.agreement().notices:
                    language = claim.language
            token = house.codes.token()
            visit = Visit(house.ids(), "family", invitation.person, invitation.id, "code", language, now + VISIT)
            if handover is not None and handover.state is HandoverState.ASKED:
                visit.state["check-in"] = {}
            await work.visits.add(visit, token)
            session = await self._session(work, visit, invitation)
            await work.commit()
        return token, session

    async def session(self, token: str) -> FamilySession | None:
        """The visit with that token, if it is still going on."""
        async with self._house.storage(writing=False) as work:
            visit = await work.visits.by_token(token, self._house.clock())
            if visit is None or visit.kind != "family":
                return None
            invitation = await work.invitations.get(visit.invitation)
            return await self._session(work, visit, invitation) if invitation else None

    async def _session(self, work: UnitOfWork, visit: Visit, invitation: Invitation) -> FamilySession:
        sender = await work.organisations.get(invitation.sender)
        _, contacts = await work.persons.claims(invitation.person, invitation.sender)
        choices = tuple(ContactChoice(c.id, c.channel, masked(c)) for c in contacts)
        stage = cast(Literal["code", "sent", "verified"], visit.stage)
        return FamilySession(
            id=visit.id,
            csrf=self._house.tags.code_tag("csrf", visit.id),
            stage=stage,
            language=visit.language,
            purpose="mine" if invitation.answered else "answer",
            sender=sender.name if sender else "",
            contacts=choices,
            sent_to=next((c for c in choices if c.id == visit.state.get("contact")), None),
            tells_how="check-in" in visit.state,
            told_how=bool(visit.state.get("check-in")),
        )

    async def send_code(self, token: str, contact_id: str) -> None:
        """Send a one-time code to one of the person's contacts. Raises TooMany past five in an hour."""
        house = self._house
        async with house.storage(writing=False) as work:
            visit = await self._visit(work, token)
        await guarded(house, f"one-time:{visit.invitation}", 5, 3600, _SENT_OFTEN)
        now = house.clock()
        async with house.storage() as work:
            visit, invitation = await self._visit_with_invitation(work, token, lock=True)
            claim, contacts = await work.persons.claims(invitation.person, invitation.sender)
            contact = next((c for c in contacts if c.id == contact_id), None)
            if contact is None:
                raise NotFound
            code = house.codes.one_time()
            visit.stage = "sent" if visit.stage != "verified" else visit.stage
            visit.state.update(
                contact=contact.id,
                one_time=house.tags.code_tag("one-time", visit.id, code),
                until=(now + ONE_TIME).timestamp(),
                tries=0,
            )
            await work.visits.save(visit)
            language = house.language_of(claim)
            text = _one_time_text(house.phrases, language, code, house.public_url, contact.channel)
            await work.outbox.add(
                Message(contact.value, contact.channel, "one-time-code", language, text), house.ids(), now
            )
            await work.commit()
        house.outbox_kick()

    async def verify(self, token: str, one_time_code: str, client: str) -> FamilySession:
        """Check a one-time code. Raises NotAllowed for a wrong or old one, TooMany after five; each try is counted."""
        await guarded(self._house, f"verify:{client}", 60, 600, _TOO_OFTEN)
        now = self._house.clock()
        async with self._house.storage() as work:
            visit, invitation = await self._visit_with_invitation(work, token, lock=True)
            outcome = self._try(visit, one_time_code, now)
            await work.visits.save(visit)
            session = await self._session(work, visit, invitation)
            await work.commit()
        if outcome is not None:
            raise outcome
        return session

    def _try(self, visit: Visit, typed: str, now: datetime) -> Exception | None:
        state: dict[str, Any] = visit.state
        if "one_time" not in state:
            return NotAllowed(_ASK_NEW, code="no-code-sent")
        state["tries"] += 1
        if state["tries"] > TRIES:
            return TooMany(_TRIED)
        if now.timestamp() >= state["until"]:
            return NotAllowed(_OLD, code="wrong-code")
        digits = "".join(sign for sign in typed[:32] if sign in "0123456789")
        if self._house.tags.code_tag("one-time", visit.id, digits) != state["one_time"]:
            return NotAllowed(_WRONG_CODE, code="wrong-code")
        for name in ("one_time", "until", "tries"):
            del state[name]
        visit.stage = "verified"
        return None

    async def set_language(self, token: str, language: str) -> None:
        """Go on in another language."""
        async with self._house.storage() as work:
            visit = await self._visit(work, token)
            visit.language = language
            await work.visits.save(visit)
            await work.commit()

    async def leave(self, token: str) -> None:
        """End the visit; nothing of it stays."""
        async with self._house.storage() as work:
            visit = await work.visits.by_token(token, self._house.clock())
            if visit is not None and visit.kind == "family":
                await work.visits.end(visit.id)
                await work.commit()

    async def _visit(self, work: UnitOfWork, token: str, *, lock: bool = False) -> Visit:
        visit = await work.visits.by_token(token, self._house.clock(), lock=lock)
        if visit is None or visit.kind != "family":
            raise NotAuthenticated(_BEGIN_AGAIN)
        return visit

    async def _visit_with_invitation(
        self, work: UnitOfWork, token: str, *, lock: bool = False
    ) -> tuple[Visit, Invitation]:
        visit = await self._visit(work, token, lock=lock)
        invitation = await work.invitations.get(visit.invitation, lock=lock)
        if invitation is None:
            raise NotAuthenticated(_BEGIN_AGAIN)
        return visit, invitation

    async def _verified(
        self, work: UnitOfWork, token: str, *, lock: bool = False
    ) -> tuple[Visit, Invitation, PersonId]:
        visit, invitation = await self._visit_with_invitation(work, token, lock=lock)
        if visit.stage != "verified":  # 3
            raise NotAuthenticated(_BEGIN_AGAIN)
        return visit, invitation, invitation.person


def masked(contact: Contact) -> str:
    """Enough of a contact to recognise it: the last two digits, or the first letter and the end of the domain."""
    if contact.channel == "sms":
        return f"06 ** ** ** {contact.value[-2:]}" if contact.value.startswith("+316") else f"*** {contact.value[-2:]}"
    name, _, domain = contact.value.partition("@")
    return f"{name[:1]}***@***.{domain.rpartition('.')[2]}"


def _one_time_text(phrases: Phrases, language: str, code: str, public_url: str, channel: str) -> str:
    text = phrases.fill(_ONE_TIME, language, code=code)
    # The last line binds the code to this site, for a phone that fills it in: the host alone, without a port (WICG,
    # origin-bound one-time codes delivered via SMS, "parsing"; the same with Apple's domain-bound codes).
    host = urlsplit(public_url).hostname
    return f"{text}\n\n@{host} #{code}" if channel == "sms" else text


_ONE_TIME = Words(
    "Je code is {code}. Hij werkt tien minuten. Geef hem aan niemand. Vroeg je hier niet om? Dan hoef je niets te doen.",
    "Your code is {code}. It works for ten minutes. Give it to nobody. Did you not ask for it? Then do nothing.",
)
_NO_SUCH_CODE = Words(
    "Deze code kennen wij niet. Kijk of je alles goed hebt ingevuld. Klopt alles? Dan is de vraag misschien "
    "ingetrokken. Bel degene van wie je de code kreeg.",
    "We do not know this code. Check whether you typed all of it right. Is all of it right? Then the question may have "
    "been taken back. Call the person who gave you the code.",
)
_TOO_OLD = Words(
    "Deze code is te oud. Vraag een nieuwe aan degene van wie je hem kreeg.",
    "This code is too old. Ask the person who gave it to you for a new one.",
)
_NOT_NEEDED = Words(
    "Deze vraag is niet meer nodig. Je hoeft niets te doen. Wil je weten waarom? Bel degene van wie je de code kreeg.",
    "This question is no longer needed. You need not do anything. Do you want to know why? Call the person who gave you "
    "the code.",
)
_TOO_OFTEN = Words(
    "Er zijn te veel codes geprobeerd. Wacht tien minuten, en probeer het dan opnieuw.",
    "Too many codes were tried. Wait ten minutes, and then try again.",
)
_SENT_OFTEN = Words(
    "Wij stuurden al vijf codes. Kijk goed in je berichten. Is er echt geen code? Probeer het over een uur opnieuw.",
    "We sent five codes already. Look well in your messages. Is there really no code? Try again in an hour.",
)
_WRONG_CODE = Words(
    "Deze code klopt niet. Kijk in het laatste bericht, en typ de code opnieuw.",
    "This code is not right. Look in the last message, and type the code again.",
)
_OLD = Words(
    "Deze code is te oud: hij werkte tien minuten. Vraag hieronder een nieuwe.",
    "This code is too old: it worked for ten minutes. Ask for a new one below.",
)
_TRIED = Words(
    "Er is vijf keer een verkeerde code ingevuld. Vraag hieronder een nieuwe code.",
    "A wrong code was typed five times. Ask for a new code below.",
)
_ASK_NEW = Words("Vraag hieronder een nieuwe code.", "Ask for a new code below.")
_BEGIN_AGAIN = Words("Begin opnieuw met je code.", "Begin again with your code.")
