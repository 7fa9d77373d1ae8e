"""A receipt to take along: on paper, checked by its QR; or announced in a message that says nothing about anybody.

- The QR holds log entries as the broker signed them: digests, and the facts that everybody may see.
- A message holds the receipt's number, its day and our address. The answers themselves, and with whom, stay behind the
  code: a phone or a mailbox is often shared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from broker.domain.calendar import local_day
from broker.domain.consents import ConsentRecord
from broker.domain.parties import Oin, PersonId
from broker.domain.stores import LogSearch, Message, UnitOfWork
from broker.errors import NotFound, Words
from broker.services.doorway import masked
from broker.services.house import House, guarded
from broker.services.reactions import Reacting
from broker.services.recording import EVENTS
from broker.services.screens import ContactChoice


@dataclass(frozen=True, slots=True)
class Paper:
    """What a printed receipt has besides the answers: receipts for its QRs, and the digests of the texts that were shown."""

    pockets: tuple[str, ...]
    texts: tuple[str, ...]


def number_of(receipt_id: str) -> str:
    """What people call a receipt by: the last eight signs of its id, which say nothing."""
    last = receipt_id.replace("-", "")[-8:].upper()
    return f"{last[:4]}-{last[4:]}"


async def paper_of(
    work: UnitOfWork, house: House, signer: PersonId, sender: Oin, records: Sequence[ConsentRecord]
) -> Paper:
    """The log entries of these records, for paper; none of those whose openings were erased."""
    at, ids = records[0].at, {str(record.id) for record in records}
    wanted = LogSearch(owner=signer, organisation=sender, types=tuple(EVENTS.values()), since=at, until=at + _AFTER)
    found = await work.log.search(wanted)
    openings = await work.log.openings_of([entry.id for entry in found])
    mine = [e for e in found if any(o.field == "record" and o.value in ids for o in openings.get(e.id, ()))]
    texts = tuple(dict.fromkeys(record.notice.digest for record in records))
    return Paper(house.log.archive.pocket(sorted(mine, key=lambda entry: entry.id)), texts)


_AFTER = timedelta(seconds=1)


class Receipts(Reacting):
    """Sending word of a receipt."""

    async def send_receipt(self, token: str, receipt_id: str, contact_id: str) -> None:
        """Send its number, day and our address to one of the signer's own contacts.

        Raises NotFound for anybody else's receipt or contact, TooMany past five in an hour.
        """
        house, now = self._house, self._house.clock()
        async with house.storage(writing=False) as work:
            visit, _, _ = await self._verified(work, token)
        await guarded(house, f"receipt:{visit.invitation}", 5, 3600, _OFTEN)
        async with house.storage() as work:
            visit, invitation, signer = await self._verified(work, token, lock=True)
            at = await work.receipts.made_at(receipt_id, signer, invitation.sender)
            claim, contacts = await work.persons.claims(signer, invitation.sender)
            contact = next((c for c in contacts if c.id == contact_id), None)
            if at is None or contact is None:
                raise NotFound
            language = house.language_of(claim)
            day = house.phrases.day(local_day(at), language)
            text = house.phrases.fill(_SENT, language, number=number_of(receipt_id), day=day, address=house.public_url)
            visit.state["receipt"] = [receipt_id, contact.id]
            await work.visits.save(visit)
            message = Message(contact.value, contact.channel, "receipt", language, text)
            await work.outbox.add(message, house.ids(), now)
            await work.commit()
        house.outbox_kick()

    async def _sent_to(self, work: UnitOfWork, token: str, receipt_id: str) -> ContactChoice | None:
        """Where word of this receipt was sent in this visit."""
        visit, invitation, signer = await self._verified(work, token)
        _, contacts = await work.persons.claims(signer, invitation.sender)
        chosen = (ContactChoice(c.id, c.channel, masked(c)) for c in contacts)
        return next((c for c in chosen if visit.state.get("receipt") == [receipt_id, c.id]), None)


_SENT = Words(
    "Je hebt een bewijs bij Rondom: nummer {number}, van {day}. Wil je het zien, bewaren of nakijken? Ga naar {address} en "
    "typ je code. Vroeg je hier niet om? Dan hoef je niets te doen.",
    "You have a receipt at Rondom: number {number}, of {day}. Do you want to see, keep or check it? Go to {address} and type "
    "your code. Did you not ask for this? Then do nothing.",
)
_OFTEN = Words(
    "Wij stuurden het al vijf keer. Kijk goed in je berichten. Probeer het anders over een uur opnieuw.",
    "We sent it five times already. Look well in your messages. Otherwise try again in an hour.",
)
