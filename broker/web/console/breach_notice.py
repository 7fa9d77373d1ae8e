"""A draft of the notice of a breach, with the facts that the log has: what nobody can read there is left open, and says so.

Source: AVG art. 33(3) and (4).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from broker.errors import Words
from broker.services.breach import Affected
from broker.web.kit.texts import Texts


@dataclass(frozen=True, slots=True)
class Part:
    """A heading of the notice, with what is known under it. `open_`: the officer must write this."""

    heading: str
    lines: tuple[str, ...]
    open_: bool = False


def notice_of(affected: Affected, its: Texts) -> tuple[Part, ...]:
    """The draft, in the language of the page. Nobody is named in it, and no pseudonym stands in it."""
    say = its.words
    number = say(_AT_LEAST) if affected.more else say(_ABOUT)
    wanted = affected.wanted
    period = f"{wanted.first_day:%Y-%m-%d}" if wanted.first_day else ""
    until = f"{wanted.last_day:%Y-%m-%d}" if wanted.last_day else its.moment(affected.at)
    moments = [its.moment(moment) for moment in (affected.first, affected.last) if moment]
    types = tuple(f"{say(label)}: {count}" for label, count in affected.types)
    return (
        Part(say(_NATURE), (
            say(_WHAT[wanted.by]),
            f"{say(_READERS)}: {', '.join(affected.readers) or '–'}",
            f"{say(_PERIOD)}: {period} – {until}",
            *((f"{say(_READ_FROM)}: {moments[0]} – {moments[-1]}",) if moments else ()),
            say(_CAUSE),
        ), open_=True),
        Part(say(_PEOPLE), (
            f"{say(_CHILDREN)}: {number} {len(affected.children)}",
            f"{say(_OTHERS)}: {_others(affected, its)}",
            *((f"{say(_ERASED)}: {affected.erased}",) if affected.erased else ()),
        )),
        Part(say(_RECORDS), (
            f"{say(_RELEASES)}: {number} {affected.releases}",
            f"{say(_SEARCHES)}: {number} {affected.searches}",
            say(_KINDS),
            *types,
        )),
        Part(say(_CONSEQUENCES), (say(_WRITE),), open_=True),
        Part(say(_MEASURES), (say(_DONE),), open_=True),
        Part(say(_CONTACT), (say(_WHO),), open_=True),
        Part(say(_TIMES), (
            f"{say(_DRAFTED)}: {its.moment(affected.at)}",
            say(_KNOWN_SINCE),
            say(_WITHIN),
        ), open_=True),
        Part(say(_LIMITS), (say(_LOG_ONLY), *((say(_WHOSE_PART),) if _unsure(affected) else ()), *((say(_NOT_ALL),) if affected.more else ()))),
    )  # fmt: skip


def _unsure(affected: Affected) -> bool:
    return affected.others_most > affected.others


def _others(affected: Affected, its: Texts) -> str:
    """No number is said to be more exact than it is."""
    if affected.more:
        return f"{its.words(_AT_LEAST)} {affected.others}"
    if _unsure(affected):
        return f"{its.words(_AT_MOST)} {affected.others_most}"
    return f"{its.words(_ABOUT)} {affected.others}"


def plain(parts: Sequence[Part]) -> str:
    """The same as a text."""
    return (
        "\r\n\r\n".join("\r\n".join([part.heading, *(f"- {line}" for line in part.lines)]) for part in parts) + "\r\n"
    )


_AT_LEAST, _AT_MOST, _ABOUT = Words("ten minste", "at least"), Words("hoogstens", "at most"), Words("ongeveer", "about")
_NATURE = Words("1. Wat er is gebeurd (AVG artikel 33, lid 3, onder a)", "1. What happened (GDPR Article 33(3)(a))")
_WHAT = {
    "professional": Words(
        "Met de toegang van één professional is gelezen.", "The access of one professional was used to read."
    ),
    "organisation": Words(
        "Met de toegang van één organisatie is gelezen.", "The access of one organisation was used to read."
    ),
    "client": Words(
        "Met de sleutel van één aangesloten systeem is gelezen.", "The key of one connected system was used to read."
    ),
}
_READERS = Words("Lezende organisatie", "Organisation that read")
_PERIOD = Words("Onderzochte tijd", "Time looked into")
_READ_FROM = Words("Eerste en laatste keer", "First and last time")
_CAUSE = Words("[Vul in: hoe kon dit gebeuren?]", "[Fill in: how could this happen?]")
_PEOPLE = Words("2. Om welke mensen het gaat (onder a)", "2. Whom it is about ((a))")
_CHILDREN = Words(
    "Kinderen en jongeren over wie is gelezen of gezocht", "Children and young people read about or searched"
)
_OTHERS = Words(
    "Andere gezinsleden over wie een gelezen onderdeel ook gaat",
    "Other family members whom a part that was read is also about",
)
_ERASED = Words("Regels van mensen die al zijn gewist", "Lines of people who were erased")
_RECORDS = Words("3. Om welke gegevens het gaat (onder a)", "3. Which data it is about ((a))")
_RELEASES = Words("Keren dat er iets is gelezen", "Times that something was read")
_SEARCHES = Words("Keren dat er op BSN is gezocht", "Times that a BSN was searched for")
_KINDS = Words("Soorten onderdelen, met hoe vaak:", "Kinds of parts, with how often:")
_CONSEQUENCES = Words("4. Wat de gevolgen kunnen zijn (onder c)", "4. Likely consequences ((c))")
_WRITE = Words(
    "[Vul in. Het logboek weet niet wat er met de gegevens is gedaan.]",
    "[Fill in. The log does not know what was done with the data.]",
)
_MEASURES = Words("5. Wat u heeft gedaan en gaat doen (onder d)", "5. Measures taken and proposed ((d))")
_DONE = Words(
    "[Vul in. Bijvoorbeeld: toegang gestopt, sleutel vervangen, gezinnen ingelicht.]",
    "[Fill in. For example: access stopped, key replaced, families told.]",
)
_CONTACT = Words("6. Wie meer kan vertellen (onder b)", "6. Who can tell more ((b))")
_WHO = Words(
    "[Vul in: naam, telefoon en e-mail van de functionaris gegevensbescherming.]",
    "[Fill in: name, telephone and e-mail of the data protection officer.]",
)
_TIMES = Words("7. Tijden", "7. Times")
_DRAFTED = Words("Deze cijfers zijn van", "These numbers are of")
_KNOWN_SINCE = Words("Bekend sinds: [vul dag en tijd in]", "Known since: [fill in day and time]")
_WITHIN = Words(
    "Meld binnen 72 uur nadat u ervan weet (lid 1). Weet u nog niet alles? Meld in delen (lid 4).",
    "Report within 72 hours after you know (1). Do you not know everything yet? Report in parts (4).",
)
_LIMITS = Words("8. Wat deze cijfers niet zeggen", "8. What these numbers do not say")
_LOG_ONLY = Words(
    "Ze gaan over wat deze broker gaf. Wat er daarna buiten de broker mee is gedaan, staat er niet in.",
    "They are about what this broker gave. What was done with it outside the broker is not in them.",
)
_WHOSE_PART = Words(
    "Van een deel van de regels is gewist over wie elk onderdeel ging. Daarom staat er hoogstens, of ten minste.",
    "Of some lines it was erased whom each part was about. That is why it says at most, or at least.",
)
_NOT_ALL = Words(
    "Er is meer dan is geteld. Kies minder dagen voor volledige cijfers.",
    "There is more than was counted. Choose fewer days for complete numbers.",
)
