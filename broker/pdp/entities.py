"""A PolicyQuestion becomes a Cedar request from all of its fields and nothing else, so equal questions ask the same.

Words are passed as structured ids, never pasted into Cedar syntax: no word can change the meaning of a request.
"""

import json
from typing import Any

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion
from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary

_PROFESSIONAL = {"type": "Professional", "id": "asking"}
_SECTION = {"type": "Section", "id": "asked"}
_READ = {"type": "Action", "id": "read"}


def _word(kind: str, word: str) -> dict[str, Any]:
    return {"__entity": {"type": kind, "id": word}}


def request_of(question: PolicyQuestion) -> dict[str, Any]:
    """Who asks to read what, and the context: purpose, evidence, and what the sender stated."""
    return {
        "principal": _PROFESSIONAL,
        "action": _READ,
        "resource": _SECTION,
        "context": {
            "purpose": _word("Purpose", question.purpose),
            "evidence": int(question.evidence),
            "discussedWithFamily": bool(question.discussed_with_family),
            "senderBasis": bool(question.sender_basis),
            "recipientBasis": bool(question.recipient_basis),
            "concernsOthers": bool(question.concerns_others),
        },
    }


def entities_of(question: PolicyQuestion) -> str:
    """The two entities of the request as Cedar's JSON: the professional's role and the section's header."""
    professional = {
        "role": _word("Role", question.role),
        "organisationKind": _word("OrganisationKind", question.recipient_kind),
    }
    section = {
        "type": _word("SectionType", question.section_type),
        "handoverKind": _word("HandoverKind", question.handover_kind),
        "senderKind": _word("OrganisationKind", question.sender_kind),
        "ageBand": _word("AgeBand", question.age_band),
    }
    return json.dumps(
        [
            {"uid": _PROFESSIONAL, "attrs": professional, "parents": []},
            {"uid": _SECTION, "attrs": section, "parents": []},
        ]
    )


def unknown_words(question: PolicyQuestion, vocabulary: Vocabulary, bands: frozenset[str]) -> tuple[str, ...]:
    """The fields of the question whose word the agreement does not know; an empty age band is unknown too."""
    known = {
        "sender_kind": vocabulary.organisation_kinds,
        "recipient_kind": vocabulary.organisation_kinds,
        "role": vocabulary.roles,
        "purpose": vocabulary.purposes,
        "handover_kind": vocabulary.handover_kinds,
        "section_type": vocabulary.section_types,
        "age_band": bands,
    }
    return tuple(name for name, words in known.items() if getattr(question, name) not in words)


def bands_of(signers: SignerTable) -> frozenset[str]:
    """Every age band that the signer table makes."""
    return frozenset(signers.band(rule.from_age) for rule in signers.rules)


def sample_question(vocabulary: Vocabulary, signers: SignerTable) -> PolicyQuestion:
    """Some question in known words, to try whether a schema fits what is asked. Every list must hold a word."""
    kind = min(vocabulary.organisation_kinds)
    return PolicyQuestion(
        sender_kind=kind,
        recipient_kind=kind,
        role=min(vocabulary.roles),
        purpose=min(vocabulary.purposes),
        handover_kind=min(vocabulary.handover_kinds),
        section_type=min(vocabulary.section_types),
        age_band=min(bands_of(signers)),
        evidence=EvidenceLevel.CODE,
        discussed_with_family=True,
        sender_basis=True,
        recipient_basis=True,
        concerns_others=False,
    )
