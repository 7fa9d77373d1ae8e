"""What each line of the checks says, and when it asks for attention: plain functions of what was found."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

from broker.domain.keys import NOT_ROTATED, KeyFacts, KeyPurpose, KeyState
from broker.domain.stores import Came, ExaminationKind, Examined, InForce, Refusal
from broker.errors import Words
from broker.services.check_screens import CheckRow, KeyRow, Mark

RECENT = timedelta(days=7)
"""So long alarms stay on the page."""
DUE = {ExaminationKind.LOG: timedelta(days=2), ExaminationKind.REPLAY: timedelta(days=8)}
"""An examination that is older asks for attention: the nightly ones have stopped."""
COSIGNED_WITHIN = timedelta(days=1)
ROTATE_AFTER = timedelta(days=365)
PROPOSALS = 50
MANY = 1000
"""More entries than this that wait: something stands still."""

_WHAT = {
    ExaminationKind.LOG: Words("Het hele logboek nagekeken", "The whole log checked"),
    ExaminationKind.REPLAY: Words("Alle beslissingen opnieuw gemaakt", "All decisions made again"),
}
_NEVER = Words("Dit is nog nooit gedaan.", "This was never done yet.")
_OLD = Words("Dit is te lang geleden. Laat het opnieuw doen.", "This is too long ago. Have it done again.")
_WITNESS = Words("Getuige", "Witness")
_REFUSED = Words("Een getuige weigerde", "A witness refused")
NO_WITNESSES = CheckRow(
    Words("Getuigen", "Witnesses"),
    Mark.ATTENTION,
    Words(
        "Er zijn geen getuigen. Zo kan alleen de beheerder zelf zeggen dat het logboek klopt.",
        "There are no witnesses. So only the operator can say that the log is right.",
    ),
)
ALARMS = {
    "tampered": Words("iets in de database is veranderd", "something in the database was changed"),
    "key-missing": Words("een sleutel ontbreekt", "a key is missing"),
    "policy-error": Words("de afspraken konden niet worden toegepast", "the agreement could not be applied"),
    "agreement-refused": Words("nieuwe afspraken zijn geweigerd", "a new agreement was refused"),
}
PURPOSES = {
    KeyPurpose.RECORDS: Words("Ondertekent antwoorden van gezinnen", "Signs answers of families"),
    KeyPurpose.RECEIPTS: Words("Ondertekent ontvangstbewijzen", "Signs receipts"),
    KeyPurpose.LOG: Words("Ondertekent het logboek", "Signs the log"),
    KeyPurpose.TOKENS: Words("Ondertekent toegang van organisaties", "Signs access of organisations"),
    KeyPurpose.WRAPPING: Words("Sluit de teksten af", "Locks the texts"),
    KeyPurpose.INTAKE: Words("Ontvangt verzegelde teksten", "Receives sealed texts"),
    KeyPurpose.FIELDS: Words("Versleutelt namen en adressen", "Encrypts names and addresses"),
    KeyPurpose.PSEUDONYMS: Words("Maakt pseudoniemen", "Makes pseudonyms"),
    KeyPurpose.CODES: Words("Zoekt uitgedeelde codes op", "Looks up codes that were handed out"),
    KeyPurpose.WEBHOOKS: Words("Ondertekent berichten aan organisaties", "Signs messages to organisations"),
}
_IN_USE = Words("In gebruik", "In use")
_OLDER = Words("Ouder, alleen nog om te openen en na te kijken", "Older, only for opening and verifying")
_ROTATE = Words(
    "Ouder dan een jaar: vraag de beheerder om een nieuwe", "Older than a year: ask the operator for a new one"
)
_STAYS = Words("In gebruik; deze wordt nooit vervangen", "In use; this one is never replaced")
_DEMO = Words("Sleutel van een demo: alleen om te proberen", "Key of a demonstration: only to try out")


def examined(kind: ExaminationKind, last: Examined | None, now: datetime) -> CheckRow:
    """How the last examination came out. Bad stays bad however old it is; a good one grows old."""
    what = _WHAT[kind]
    if last is None:
        return CheckRow(what, Mark.ATTENTION, _NEVER)
    if last.came is Came.NOT_INTACT:
        return CheckRow(what, Mark.BAD, last.words, last.at, last.by)
    if last.came is Came.UNCHECKED:
        return CheckRow(what, Mark.ATTENTION, last.words, last.at, last.by)
    if now - last.at > DUE[kind]:
        return CheckRow(what, Mark.ATTENTION, _OLD, last.at, last.by)
    return CheckRow(what, Mark.GOOD, last.words, last.at, last.by)


def tree(size: int, waiting: int, covered: int | None) -> CheckRow:
    """Whether lines get their place, and a signed checkpoint covers them."""
    what = Words("Regels op hun plaats", "Lines in their place")
    says = Words(
        f"{size} regels in het logboek; {waiting} wachten op hun plaats.",
        f"Lines in the log: {size}. Waiting for their place: {waiting}.",
    )
    if size and covered is None:
        return CheckRow(
            what,
            Mark.BAD,
            Words(f"{says.nl} Er is geen controlepunt.", f"{says.en} There is no checkpoint."),
        )
    return CheckRow(what, Mark.ATTENTION if max(waiting, size - (covered or 0)) > MANY else Mark.GOOD, says)


def guard(agrees: bool) -> CheckRow:
    """Whether the guard beside the database knows the same log."""
    what = Words("De wacht bij het logboek", "The log's guard")
    if agrees:
        return CheckRow(
            what,
            Mark.GOOD,
            Words("De wacht kent hetzelfde logboek als de database.", "The guard knows the same log as the database."),
        )
    return CheckRow(
        what,
        Mark.BAD,
        Words(
            "De database past niet bij wat de wacht kent. Bel de beheerder.",
            "The database does not fit what the guard knows. Call the operator.",
        ),
    )


def refused(refusal: Refusal) -> CheckRow:
    """A witness that saw another history."""
    return CheckRow(
        _REFUSED,
        Mark.BAD,
        Words(
            f"Ons logboek van {refusal.size} regels past niet bij de {refusal.theirs} die deze getuige kende.",
            f"Our log of {refusal.size} lines does not fit the {refusal.theirs} that this witness knew.",
        ),
        refusal.at,
        more=refusal.witness,
    )


def witness(name: str, last: tuple[int, datetime] | None, size: int, now: datetime) -> CheckRow:
    """How far a witness cosigned. One that is behind has a day."""
    if last is None:
        says = Words("Ondertekende nog niets mee.", "Cosigned nothing yet.")
        return CheckRow(_WITNESS, Mark.ATTENTION, says, more=name)
    covered, at = last
    says = Words(f"Ondertekende mee tot en met {covered} regels.", f"Cosigned up to line {covered}.")
    late = covered < size and now - at > COSIGNED_WITHIN
    return CheckRow(_WITNESS, Mark.ATTENTION if late else Mark.GOOD, says, at, more=name)


def agreement(current: InForce | None, waiting: int) -> CheckRow:
    """Which agreement is in force, and how many proposals wait to come in its place."""
    what = Words("Afspraken in werking", "Agreement in force")
    if current is None:
        return CheckRow(what, Mark.BAD, Words("Er zijn geen afspraken in werking.", "No agreement is in force."))
    number = current.number
    if not waiting:
        says = Words(f"Nummer {number}. Er wacht geen voorstel.", f"Number {number}. No proposal waits.")
        return CheckRow(what, Mark.GOOD, says, current.since, more=current.digest)
    says = Words(
        f"Nummer {number}. Voorstellen die wachten: {waiting}.", f"Number {number}. Proposals waiting: {waiting}."
    )
    return CheckRow(what, Mark.ATTENTION, says, current.since, more=current.digest)


def followers(behind: int) -> CheckRow:
    """Whether what pages count and look up has been brought up to date."""
    what = Words("Telling van het logboek", "Counting of the log")
    if behind <= 0:
        return CheckRow(what, Mark.GOOD, Words("Alle regels zijn meegeteld.", "All lines are counted."))
    says = Words(f"{behind} regels zijn nog niet meegeteld.", f"Lines not counted yet: {behind}.")
    return CheckRow(what, Mark.ATTENTION if behind > MANY else Mark.GOOD, says)


def alarms(rang: Mapping[tuple[date, str], int]) -> CheckRow:
    """What rang in the last days. Damage is bad; everything else asks for attention."""
    what = Words("Alarmen van de laatste zeven dagen", "Alarms of the last seven days")
    counts: Counter[str] = Counter()
    for (_, kind), number in rang.items():
        counts[kind] += number
    if not counts:
        return CheckRow(what, Mark.GOOD, Words("Er ging geen alarm af.", "No alarm rang."))
    named = [(ALARMS.get(kind, Words(kind, kind)), number) for kind, number in sorted(counts.items())]
    says = Words(
        "; ".join(f"{words.nl} ({number} keer)" for words, number in named).capitalize() + ".",
        "; ".join(f"{words.en} ({number} times)" for words, number in named).capitalize() + ".",
    )
    return CheckRow(what, Mark.BAD if counts["tampered"] else Mark.ATTENTION, says)


def keys(every: Sequence[KeyFacts], now: datetime) -> tuple[KeyRow, ...]:
    """Those whose secret half is still there."""
    return tuple(_key(key, now) for key in every if key.state is not KeyState.PUBLIC)


def _key(key: KeyFacts, now: datetime) -> KeyRow:
    mark, says = Mark.GOOD, _IN_USE
    if key.demo:
        mark, says = Mark.ATTENTION, _DEMO
    elif key.state is KeyState.OLDER:
        says = _OLDER
    elif key.purpose in NOT_ROTATED:
        says = _STAYS
    elif now - key.created > ROTATE_AFTER:
        mark, says = Mark.ATTENTION, _ROTATE
    return KeyRow(PURPOSES[key.purpose], key.kid, key.created, max(0, (now - key.created).days), mark, says)
