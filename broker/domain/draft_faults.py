"""What does not fit in a handover on its way in: everything is named, at once.

What has the wrong shape altogether is for the reader of the body to name.
"""

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from broker.domain import meetings
from broker.domain.drafts import LONGEST_CONSENT, LONGEST_JUDGMENT, LONGEST_RETENTION, consent_until, last_day
from broker.domain.expiry import faults_of_expiry
from broker.domain.forms import faults_in, strange_in, tasks
from broker.domain.long_watch import CHECK_IN, KIND
from broker.domain.vocabulary import Vocabulary
from broker.errors import Fault, Words


def faults_of(
    body: Any, vocabulary: Vocabulary, known: Mapping[str, str], today: date, sender: str = ""
) -> Iterator[Fault]:
    """Everything in the body of this sender that does not fit: words, keys, dates, partners. `known` maps OIN to kind.

    Parts of the wrong shape are passed over.
    """
    if not isinstance(body, dict):
        return
    yield from _words(body, vocabulary)
    yield from _recipients(_list(body, "recipients"), vocabulary, known)
    keys = [person.get("key") for person in _dicts(body, "people")]
    yield from _people(body, keys, today)
    yield from _sections(body, vocabulary, keys, known, today)
    yield from tasks.faults_of(body, vocabulary, keys, sender)
    yield from _periods(body, vocabulary, today)
    on = meetings.day_of(body)
    if on is not None and not today <= on + meetings.AFTERWARDS <= LONGEST_CONSENT.after(today):
        yield Fault("/meeting/on", _NO_MEETING_THEN)


def _list(body: Mapping[str, Any], name: str) -> list[Any]:
    value = body.get(name)
    return value if isinstance(value, list) else []


def _dicts(body: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    return [item if isinstance(item, dict) else {} for item in _list(body, name)]


def _unknown_word(pointer: str, what: tuple[str, str]) -> Fault:
    return Fault(
        pointer,
        Words(
            f"De afspraken kennen {what[0]} niet. Kijk in /v1/vocabulary.",
            f"The agreement does not know this {what[1]}. See /v1/vocabulary.",
        ),
    )


def _families_own(pointer: str) -> Fault:
    return Fault(
        pointer,
        Words("Dit schrijft alleen het gezin zelf.", "Only the family itself writes this."),
    )


def _words(body: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[Fault]:
    kind, purpose = body.get("kind"), body.get("purpose")
    if isinstance(kind, str) and kind not in vocabulary.handover_kinds:
        yield _unknown_word("/kind", ("deze soort overdracht", "kind of handover"))
    elif isinstance(kind, str) and vocabulary.handover_kinds[kind].family_purpose:
        yield Fault("/kind", _FAMILYS)
    if kind == KIND:
        yield _families_own("/kind")
    if isinstance(purpose, str) and purpose not in vocabulary.purposes:
        yield _unknown_word("/purpose", ("dit doel", "purpose"))
    elif isinstance(purpose, str) and purpose in vocabulary.family_purposes:
        yield Fault("/purpose", _FAMILYS)


def _recipients(recipients: list[Any], vocabulary: Vocabulary, known: Mapping[str, str]) -> Iterator[Fault]:
    seen = set()
    for position, recipient in enumerate(recipients):
        if not isinstance(recipient, dict):
            continue
        oin, role = recipient.get("organisation"), recipient.get("role")
        if isinstance(oin, str) and oin not in known:
            yield Fault(
                f"/recipients/{position}/organisation",
                Words(
                    "Deze organisatie doet niet mee. Kijk in /v1/organisations.",
                    "This organisation takes no part. See /v1/organisations.",
                ),
            )
        if isinstance(role, str) and role not in vocabulary.roles:
            yield _unknown_word(f"/recipients/{position}/role", ("deze rol", "role"))
        if (str(oin), str(role)) in seen:
            yield Fault(
                f"/recipients/{position}", Words("Deze ontvanger staat er al.", "This recipient is there already.")
            )
        seen.add((str(oin), str(role)))


def _people(body: Mapping[str, Any], keys: list[Any], today: date) -> Iterator[Fault]:
    for position, key in enumerate(keys):
        if isinstance(key, str) and key in keys[:position]:
            yield Fault(f"/people/{position}/key", Words("Deze sleutel is al gebruikt.", "This key is used already."))
    references = [person.get("reference") for person in _dicts(body, "people")]
    for position, reference in enumerate(references):
        if isinstance(reference, str) and reference in references[:position]:
            yield Fault(
                f"/people/{position}/reference",
                Words("Deze referentie is al van iemand anders.", "This reference is somebody else's already."),
            )
    for position, person in enumerate(_dicts(body, "people")):
        born = _date(person.get("birthDate"))
        if born is not None and not date(1900, 1, 1) <= born <= today:
            yield Fault(
                f"/people/{position}/birthDate",
                Words("Deze geboortedatum kan niet.", "This birth date is not possible."),
            )
        yield from _judged(f"/people/{position}/inability", person.get("inability"), today)
    subject = body.get("subject")
    if isinstance(subject, str) and subject not in keys:
        yield _no_such_key("/subject")
    for position, authority in enumerate(_dicts(body, "authorities")):
        yield from _authority(f"/authorities/{position}", authority, keys)
    for position, support in enumerate(_dicts(body, "supporters")):
        yield from _support(f"/supporters/{position}", support, keys)


def _authority(pointer: str, authority: Mapping[str, Any], keys: list[Any]) -> Iterator[Fault]:
    for name in ("holder", "over"):
        if isinstance(authority.get(name), str) and authority[name] not in keys:
            yield _no_such_key(f"{pointer}/{name}")
    if isinstance(authority.get("holder"), str) and authority["holder"] == authority.get("over"):
        yield Fault(
            f"{pointer}/holder", Words("Niemand heeft gezag over zichzelf.", "Nobody holds authority over themselves.")
        )
    since, until = _date(authority.get("since")), _date(authority.get("until"))
    if since is not None and until is not None and until < since:
        yield Fault(f"{pointer}/until", Words("Het einde ligt voor het begin.", "The end lies before the beginning."))


def _judged(pointer: str, judged: Any, today: date) -> Iterator[Fault]:
    review = _date(judged.get("review")) if isinstance(judged, dict) else None
    if review is not None and not today <= review <= LONGEST_JUDGMENT.after(today):
        yield Fault(
            f"{pointer}/review",
            Words("Kies een dag binnen twee jaar, niet voorbij.", "Choose a day within two years, not past."),
        )


def _support(pointer: str, support: Mapping[str, Any], keys: list[Any]) -> Iterator[Fault]:
    for name in ("supporter", "of"):
        if isinstance(support.get(name), str) and support[name] not in keys:
            yield _no_such_key(f"{pointer}/{name}")
    if isinstance(support.get("supporter"), str) and support["supporter"] == support.get("of"):
        yield Fault(f"{pointer}/of", Words("Niemand steunt zichzelf.", "Nobody supports themselves."))


def _sections(
    body: Mapping[str, Any], vocabulary: Vocabulary, keys: list[Any], known: Mapping[str, str], today: date
) -> Iterator[Fault]:
    for position, section in enumerate(_dicts(body, "sections")):
        pointer = f"/sections/{position}"
        yield from _type(f"{pointer}/type", section.get("type"), vocabulary)
        for name in ("concerns", "shieldedFrom"):
            for index, key in enumerate(_list(section, name)):
                if isinstance(key, str) and key not in keys:
                    yield _no_such_key(f"{pointer}/{name}/{index}")
        yield from faults_of_expiry(pointer, section, vocabulary, today)
        yield from _form(pointer, section, vocabulary)
        media_type, content = section.get("mediaType"), section.get("content")
        if section.get("sealed") is not None:
            continue
        if media_type == "application/json" and "content" in section and not isinstance(content, dict | list):
            yield Fault(
                f"{pointer}/content",
                Words("Bij application/json hoort een object of lijst.", "application/json needs an object or a list."),
            )
        elif media_type == "application/json" and "content" in section:
            said = str(section.get("type")), content, f"{pointer}/content"
            yield from faults_in(*said)
            yield from strange_in(*said, vocabulary.roles, known)
        if media_type in ("text/markdown", "text/plain") and "content" in section and not isinstance(content, str):
            yield Fault(f"{pointer}/content", Words("Hier hoort tekst.", "This must be text."))


def _type(pointer: str, section_type: Any, vocabulary: Vocabulary) -> Iterator[Fault]:
    if isinstance(section_type, str) and section_type not in vocabulary.section_types:
        yield _unknown_word(pointer, ("dit onderdeel", "section type"))
    if section_type == CHECK_IN:
        yield _families_own(pointer)


def _form(pointer: str, section: Mapping[str, Any], vocabulary: Vocabulary) -> Iterator[Fault]:
    """In clear or sealed: one of the two, and sealed where the agreement says so."""
    clear, sealed = "content" in section, section.get("sealed") is not None
    if clear and sealed:
        yield Fault(
            f"{pointer}/sealed", Words("Stuur content of sealed, niet allebei.", "Send content or sealed, not both.")
        )
    elif not clear and not sealed:
        yield Fault(f"{pointer}/content", Words("Dit veld ontbreekt.", "This field is missing."))
    elif clear and isinstance(section.get("type"), str) and section["type"] in vocabulary.sealed_only:
        yield Fault(
            f"{pointer}/content",
            Words(
                "Dit onderdeel mag alleen verzegeld komen: stuur sealed. Zie docs/sealed-sections.md.",
                "This section may only come in sealed: send sealed. See docs/sealed-sections.md.",
            ),
        )


def _periods(body: Mapping[str, Any], vocabulary: Vocabulary, today: date) -> Iterator[Fault]:
    limits = {"consentUntil": LONGEST_CONSENT, "retainUntil": LONGEST_RETENTION}
    days: dict[str, date] = {}
    if body.get("consentUntil") is None and isinstance(body.get("kind"), str):
        usual = consent_until(None, body["kind"], vocabulary, today, meetings.day_of(body))
        if usual is not None:
            days["consentUntil"] = usual
        elif body["kind"] in vocabulary.handover_kinds:
            yield Fault(
                "/consentUntil",
                Words(
                    "De afspraken noemen geen periode voor deze soort overdracht. Schrijf een datum of een periode (P6M).",
                    "The agreement names no period for this kind of handover. Write a date or a period (P6M).",
                ),
            )
    for name, limit in limits.items():
        value = body.get(name)
        if not isinstance(value, str):
            continue
        try:
            days[name] = last_day(value, today)
        except (ValueError, OverflowError):
            yield Fault(
                f"/{name}",
                Words(
                    "Schrijf een datum (2027-01-31) of een periode (P6M).",
                    "Write a date (2027-01-31) or a period (P6M).",
                ),
            )
            continue
        if days[name] < today:
            yield Fault(f"/{name}", Words("Deze dag is al voorbij.", "This day has passed."))
        if days[name] > limit.after(today):
            years = limit.months // 12
            yield Fault(f"/{name}", Words(f"Hoogstens {years} jaar vooruit.", f"At most {years} year(s) ahead."))
    yield from meetings.faults_of(body, days.get("consentUntil"))
    if len(days) == len(limits) and days["retainUntil"] < days["consentUntil"]:
        yield Fault(
            "/retainUntil",
            Words("Bewaren duurt minstens zo lang als de toestemming.", "Keep it at least as long as the consent."),
        )


_NO_MEETING_THEN = Words(
    "Kies een dag binnen een jaar, en hoogstens 14 dagen geleden.",
    "Choose a day within a year, and at most 14 days ago.",
)


def _no_such_key(pointer: str) -> Fault:
    return Fault(pointer, Words("Deze sleutel staat niet bij people.", "This key is not among the people."))


def _date(value: Any) -> date | None:
    try:
        return date.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None


_FAMILYS = Words(
    "Dit schrijft een gezin alleen zelf. Kies iets anders.", "Only a family writes this itself. Choose another."
)
