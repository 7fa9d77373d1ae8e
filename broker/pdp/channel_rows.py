"""`channels.toml` becomes channels only when each rests on an article, says whom to call, and uses known words.

- Every key is there, also the empty ones: leaving a list out would silently mean "any".
- One channel at least holds for all, so that no refusal for lack of consent leaves somebody without a way.
"""

import re
from collections.abc import Mapping
from typing import Any

from broker.domain.channels import Channel
from broker.domain.vocabulary import Vocabulary
from broker.pdp.documents import Document
from broker.pdp.terms import ID, read_words

_LISTS = {"sender_kinds": "organisation_kinds", "recipient_kinds": "organisation_kinds", "purposes": "purposes"}
_KEYS = ("id", "article", "label", "call", "contact", *_LISTS)
_PHONE = re.compile(r"\+?[0-9](?:[ -]?[0-9]){2,14}")


def read_channels(document: Document, vocabulary: Vocabulary | None) -> tuple[Channel, ...]:
    """Every channel of the file. What is wrong is noted as faults of the document; the result then must not be used.

    Without a vocabulary (it has faults of its own) the words of the lists are not looked up.
    """
    document.check_keys("het bestand / the file", None, document.table, ("channel",))
    rows = document.table.get("channel")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        if "channel" in document.table:
            document.fault(1, "schrijf elk kanaal als [[channel]].", "write each channel as [[channel]].")
        return ()
    channels: dict[str, Channel] = {}
    for number, row in enumerate(rows):
        channel, line = _read_row(document, number, row, vocabulary), document.line_of("[[channel]]", number)
        if channel.id in channels:
            document.fault(
                line,
                f"de naam '{channel.id}' staat er al; geef elk kanaal een eigen 'id'.",
                f"the name '{channel.id}' is there already; give each channel an 'id' of its own.",
            )
        channels[channel.id] = channel
    if not any(channel.for_all for channel in channels.values()):
        document.fault(
            document.line_of("[[channel]]"),
            "geen kanaal is voor iedereen; laat bij ten minste één de drie lijsten leeg.",
            "no channel is for everybody; leave the three lists of at least one empty.",
        )
    return tuple(channels.values())


def _read_row(document: Document, number: int, row: Mapping[str, Any], vocabulary: Vocabulary | None) -> Channel:
    line = document.line_of("[[channel]]", number)
    channel_id = row.get("id")
    named = isinstance(channel_id, str) and ID.fullmatch(channel_id) is not None
    where = f"channel '{channel_id}'" if named else f"channel {number + 1}"
    document.check_keys(where, line, row, _KEYS)
    if "id" in row and not named:
        document.fault(
            line,
            f"{where}: 'id' is geen geldige naam; gebruik kleine letters, cijfers en streepjes.",
            f"{where}: 'id' is not a valid name; use small letters, digits and hyphens.",
        )
    return Channel(
        str(channel_id),
        _read_article(document, where, line, row.get("article", "?")),
        read_words(document, f"{where}: label", line, row.get("label")),
        read_words(document, f"{where}: call", line, row.get("call")),
        _read_contact(document, where, line, row.get("contact", "")),
        **{
            key: _read_list(document, f"{where}: {key}", line, row.get(key, []), _known(vocabulary, key))
            for key in _LISTS
        },
    )


def _read_article(document: Document, where: str, line: int | None, article: Any) -> str:
    if not isinstance(article, str) or not article.strip():
        document.fault(
            line,
            f"{where}: noem bij 'article' het artikel waarop het kanaal rust.",
            f"{where}: name in 'article' the article that the channel rests on.",
        )
    return str(article)


def _read_contact(document: Document, where: str, line: int | None, contact: Any) -> str | None:
    if contact == "":
        return None
    if not isinstance(contact, str) or not _PHONE.fullmatch(contact):
        document.fault(
            line,
            f"{where}: 'contact' is geen telefoonnummer; schrijf een nummer, of \"\" als er geen is.",
            f"{where}: 'contact' is no phone number; write a number, or \"\" when there is none.",
        )
    return str(contact)


def _known(vocabulary: Vocabulary | None, key: str) -> Mapping[str, Any] | None:
    return None if vocabulary is None else getattr(vocabulary, _LISTS[key])


def _read_list(
    document: Document, where: str, line: int | None, words: Any, known: Mapping[str, Any] | None
) -> frozenset[str]:
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        document.fault(
            line,
            f"{where} is geen lijst van woorden; schrijf [] voor alles.",
            f"{where} is no list of words; write [] for any.",
        )
        return frozenset()
    for word in sorted({word for word in words if words.count(word) > 1}):
        document.fault(
            line,
            f"{where} noemt '{word}' twee keer; haal er een weg.",
            f"{where} names '{word}' twice; remove one.",
        )
    for word in sorted(set(words) - set(words if known is None else known)):
        document.fault(
            line,
            f"{where} noemt '{word}', dat de woordenlijst niet kent; verbeter het woord of voeg het toe.",
            f"{where} names '{word}', which the vocabulary does not know; correct the word or add it.",
        )
    return frozenset(words)
