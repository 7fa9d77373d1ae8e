"""`broker policies explain`: why something is given or refused, rule by rule; or what a recipient would hear of it.

Exit codes: 0 it is given; 1 it is refused; 2 it could not be asked.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from difflib import get_close_matches
from enum import StrEnum
from typing import Annotated, Any, NoReturn

import typer

from broker.cli.matrix import Directory, In, Language
from broker.cli.running import use
from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import TOLD, PolicyQuestion, Told
from broker.domain.explanations import Explanation, RuleWhy, State
from broker.domain.vocabulary import Term, Vocabulary
from broker.errors import Fault, Invalid, Words
from broker.pdp.condition_words import WHO
from broker.pdp.explain import Explainer
from broker.pdp.overview import EVIDENCE, FLAGS
from broker.pdp.policy_set import load
from broker.services.explaining import SectionRules, explain_logged
from broker.settings import policies_directory
from broker.whole import Broker

_MARKS = {State.HELD: Words("ja ", "yes"), State.FAILED: Words("NEE", "NO "), State.BROKEN: Words("??", "?? ")}
_EFFECT = {"permit": Words("geeft", "gives"), "forbid": Words("verbiedt", "forbids")}
_GIVEN = Words(
    "GEGEVEN, zodra iedereen die iets te zeggen heeft ja zegt.", "GIVEN, once everybody who has a say says yes."
)
_REFUSED = Words(
    "GEWEIGERD. Een ja van het gezin verandert dat niet.", "REFUSED. A yes of the family does not change that."
)
_NO_PERMIT = Words("Geen enkele regel geeft dit. Het dichtst in de buurt:", "No rule gives this. The nearest ones:")
_OVERRULED = Words("Dit zou het geven, maar een verbod gaat voor:", "This would give it, but a forbid goes first:")
_DECIDING = Words("Dit beslist:", "This decides:")
_NOTHING = Words(
    "Hier is niets uit te leggen: er is geen regel gevraagd, of waar de beslissing op rustte is gewist.",
    "There is nothing to explain here: no rule was asked, or what the decision rested on was erased.",
)
_ALL = Words("Alle andere regels:", "All other rules:")


class Level(StrEnum):
    """How sure it is who answered."""

    NONE = "none"
    CODE = "code"
    PASSKEY = "passkey"
    LOGIN = "login"


class Reader(StrEnum):
    """For whom it is explained: an officer, or somebody who asks to read."""

    OFFICER = "officer"
    RECIPIENT = "recipient"


_LEVELS = {
    Level.NONE: EvidenceLevel.NONE,
    Level.CODE: EvidenceLevel.CODE,
    Level.PASSKEY: EvidenceLevel.PASSKEY,
    Level.LOGIN: EvidenceLevel.OIDC,
}


_KIND = "Kind of organisation that "


def explain(
    sender: Annotated[str, typer.Option(help=f"{_KIND}wrote it, such as neighbourhood-team.")] = "",
    kind: Annotated[str, typer.Option(help=f"{_KIND}asks, such as school.")] = "",
    role: Annotated[str, typer.Option(help="Role of who asks, such as teacher.")] = "",
    purpose: Annotated[str, typer.Option(help="What for, such as education-support.")] = "",
    section: Annotated[str, typer.Option(help="Type of section, such as safety-plan.")] = "",
    handover: Annotated[str, typer.Option(help="Kind of handover.")] = "referral",
    age: Annotated[int, typer.Option(min=0, max=130, help="Age of the child in years.")] = 8,
    evidence: Annotated[Level, typer.Option(help="With what the yes was given.")] = Level.CODE,
    discussed: Annotated[bool, typer.Option(help="Whether it was discussed with the family.")] = True,
    sender_basis: Annotated[bool, typer.Option(help="Whether the sender states a legal basis.")] = True,
    recipient_basis: Annotated[bool, typer.Option(help="Whether the recipient has a legal basis.")] = True,
    others: Annotated[bool, typer.Option(help="Whether it is also about somebody else than the child.")] = False,
    release: Annotated[
        str, typer.Option(help="Instead: the number of a request, or of its line in the log. The look is logged.")
    ] = "",
    reader: Annotated[
        Reader, typer.Option("--for", help="An officer sees every rule; a recipient hears little.")
    ] = Reader.OFFICER,
    every: Annotated[bool, typer.Option("--all", help="Also the rules that play no part.")] = False,
    language: In = Language.EN,
    as_json: Annotated[bool, typer.Option("--json", help="For a program to read.")] = False,
    directory: Directory = None,
) -> None:
    """Say why this is given or refused: each rule, and each of its conditions. What you leave out is shown with the answer."""
    if release:
        _show_release(release, reader, language, every=every, as_json=as_json)
    agreement = load(directory or policies_directory())
    question = PolicyQuestion(
        sender_kind=sender,
        recipient_kind=kind,
        role=role,
        purpose=purpose,
        handover_kind=handover,
        section_type=section,
        age_band=agreement.signers.band(age),
        evidence=_LEVELS[evidence],
        discussed_with_family=discussed,
        sender_basis=sender_basis,
        recipient_basis=recipient_basis,
        concerns_others=others,
    )
    check_words(question, agreement.vocabulary)
    found = Explainer(agreement).explain(question)
    if reader is Reader.RECIPIENT:
        typer.echo(json.dumps(_heard(found, language)) if as_json else " ".join(_heard(found, language).values()))
    elif as_json:
        typer.echo(json.dumps(document_of(found), ensure_ascii=False, indent=1))
    else:
        typer.echo("\n".join(lines_of(found, agreement.vocabulary, language, every=every)))
    raise typer.Exit(0 if found.ruling.permitted else 1)


def _show_release(number: str, reader: Reader, language: str, *, every: bool, as_json: bool) -> NoReturn:
    """The rules behind one request: its types and its rules, and nothing about anybody."""
    if reader is Reader.RECIPIENT:
        raise Invalid.at(
            "/for",
            "Wat een ontvanger van een verzoek hoort, staat in het antwoord dat hij kreeg.",
            "What a recipient hears of a request is in the answer that they got.",
        )

    async def look(broker: Broker) -> tuple[Vocabulary, tuple[SectionRules, ...]]:
        return broker.house.agreement().vocabulary, await explain_logged(broker.house, number)

    words, sections = use(look)
    if as_json:
        typer.echo(json.dumps([document_of(one.explanation) for one in sections], ensure_ascii=False, indent=1))
    elif not sections:
        typer.echo(_NOTHING.in_language(language))
    else:
        typer.echo("\n\n".join("\n".join(lines_of(one.explanation, words, language, every=every)) for one in sections))
    raise typer.Exit(0 if any(one.explanation.ruling.permitted for one in sections) else 1)


def check_words(question: PolicyQuestion, words: Vocabulary) -> None:
    """Raises Invalid with every word that the agreement does not know, and the one that is most like it."""
    options: Mapping[str, tuple[str, Mapping[str, Term]]] = {
        "sender": (question.sender_kind, words.organisation_kinds),
        "kind": (question.recipient_kind, words.organisation_kinds),
        "role": (question.role, words.roles),
        "purpose": (question.purpose, words.purposes),
        "handover": (question.handover_kind, words.handover_kinds),
        "section": (question.section_type, words.section_types),
    }
    faults = []
    for option, (word, known) in options.items():
        if word not in known:
            near = ", ".join(get_close_matches(word, known, 3, 0.5) or sorted(known))
            faults.append(
                Fault(
                    f"/{option}",
                    Words(
                        f"dit woord staat niet in de woordenlijst; bedoelt u: {near}?",
                        f"this word is not in the vocabulary; do you mean: {near}?",
                    ),
                )
            )
    if faults:
        raise Invalid(faults)


def _heard(found: Explanation, language: str) -> dict[str, str]:
    """What a recipient is told, and no more: that it can be given, or that the agreement does not give it to their role."""
    if found.ruling.permitted:
        return {"message": _GIVEN.in_language(language)}
    message, following = TOLD[Told.NOT_AGREED]
    return {"message": message.in_language(language), "nextStep": following.in_language(language)}


def lines_of(found: Explanation, words: Vocabulary, language: str, *, every: bool = False) -> Iterator[str]:
    """For a person at a terminal: the question, the answer, the rules that matter, and with `every` the others too."""
    yield from _asked(found.question, words, language)
    yield ""
    yield (_GIVEN if found.ruling.permitted else _REFUSED).in_language(language)
    shown: list[RuleWhy] = []
    for head, rules in ((_DECIDING, found.deciding), (_OVERRULED, found.overruled), (_NO_PERMIT, found.nearest)):
        if rules:
            yield ""
            yield head.in_language(language)
            for rule in rules:
                yield from _rule(rule, language)
            shown += rules
    others = [rule for rule in found.rules if rule not in shown]
    if every and others:
        yield ""
        yield _ALL.in_language(language)
        for rule in others:
            yield from _rule(rule, language)


def _asked(question: PolicyQuestion, words: Vocabulary, language: str) -> Iterator[str]:
    for name, value in asdict(question).items():
        if isinstance(value, bool):
            yield f"  {FLAGS[name, value].in_language(language)}"
        else:
            said = EVIDENCE.get(value) if name == "evidence" else None
            label = said or (Words(value, value) if name == "age_band" else words.label(value))
            yield f"  {WHO[name].in_language(language)}: {label.in_language(language)}"


def _rule(rule: RuleWhy, language: str) -> Iterator[str]:
    effect = _EFFECT[rule.effect].in_language(language)
    yield f"  {rule.title.in_language(language)}  [{rule.id}, {effect}; {rule.legal_basis}]"
    for condition in rule.conditions:
        yield f"    {_MARKS[condition.state].in_language(language)}  {condition.words.in_language(language)}"


def document_of(found: Explanation) -> dict[str, Any]:
    """For a program: the question, the answer, and every rule with its conditions."""
    return {
        "question": {**asdict(found.question), "evidence": int(found.question.evidence)},
        "permitted": found.ruling.permitted,
        "deciding": list(found.ruling.rules),
        "policyDigest": found.ruling.digest,
        "rules": [
            {
                "id": rule.id,
                "effect": rule.effect,
                "title": {"nl": rule.title.nl, "en": rule.title.en},
                "legalBasis": rule.legal_basis,
                "state": rule.state.value,
                "conditions": [
                    {"words": {"nl": c.words.nl, "en": c.words.en}, "text": c.text, "state": c.state.value}
                    for c in rule.conditions
                ],
            }
            for rule in found.rules
        ],
    }
