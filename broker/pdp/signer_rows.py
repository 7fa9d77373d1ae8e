"""`signers.toml` becomes the SignerTable only when it says for every age, with its articles, who must sign."""

from collections.abc import Mapping
from typing import Any

from broker.domain.signers import SignerRule, SignerTable
from broker.pdp.documents import Document

_KEYS = {"from_age": int, "person_signs": bool, "authority_signs": bool, "articles": list}


def read_signers(document: Document) -> SignerTable | None:
    """The age table; None, and faults of the document, when it is not complete and rising from age 0."""
    document.check_keys("de leeftijdstabel / the age table", None, document.table, ("rule",))
    rows = document.table.get("rule")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        if "rule" in document.table:
            document.fault(1, "schrijf elke rij als [[rule]].", "write each row as [[rule]].")
        return None
    rules = [_read_row(document, number, row) for number, row in enumerate(rows)]
    if None in rules:
        return None
    try:
        return SignerTable(tuple(rule for rule in rules if rule is not None))
    except ValueError as error:
        document.fault(
            document.line_of("[[rule]]"),
            f"de leeftijden kloppen niet ({error}); begin bij 0, laat ze oplopen, en noem bij elke rij wie tekent.",
            f"the ages are not right ({error}); start at 0, let them rise, and name in each row who signs.",
        )
        return None


def _read_row(document: Document, number: int, row: Mapping[str, Any]) -> SignerRule | None:
    line, where = document.line_of("[[rule]]", number), f"rij / row {number + 1}"
    document.check_keys(where, line, row, _KEYS)
    wrong = [key for key, kind in _KEYS.items() if key in row and type(row[key]) is not kind]
    for key in wrong:
        document.fault(
            line,
            f"{where}: '{key}' heeft de verkeerde vorm; kijk naar de andere rijen.",
            f"{where}: '{key}' has the wrong form; look at the other rows.",
        )
    if wrong or set(row) != set(_KEYS):
        return None
    articles = row["articles"]
    if not articles or not all(isinstance(article, str) and article.strip() for article in articles):
        document.fault(
            line,
            f"{where}: noem bij 'articles' de artikelen waarop de rij rust.",
            f"{where}: name in 'articles' the articles that the row rests on.",
        )
        return None
    return SignerRule(row["from_age"], row["person_signs"], row["authority_signs"], tuple(articles))
