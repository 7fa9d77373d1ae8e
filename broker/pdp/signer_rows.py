"""`signers.toml` becomes the SignerTable only when it says for every age, with its articles, who must sign.

And for every kind of authority at which ages of the person it can be held.
"""

from collections.abc import Mapping
from typing import Any, get_args

from broker.domain.parties import AuthorityKind
from broker.domain.signers import AuthorityRule, SignerRule, SignerTable
from broker.pdp.documents import Document

_KEYS = {"from_age": int, "person_signs": bool, "authority_signs": bool, "articles": list}
_AUTHORITY_KEYS = {"kind": str, "from_age": int, "articles": list}
_AUTHORITY_MAY = {"until_age": int}


def read_signers(document: Document) -> SignerTable | None:
    """The age table; None, and faults of the document, when it is not complete and rising from age 0."""
    document.check_keys("de leeftijdstabel / the age table", None, document.table, ("rule", "authority"))
    rules = _rows(document, "rule", _KEYS, {})
    authorities = _rows(document, "authority", _AUTHORITY_KEYS, _AUTHORITY_MAY)
    if rules is None or authorities is None:
        return None
    if unknown := [row for row in authorities if row["kind"] not in get_args(AuthorityKind)]:
        document.fault(
            document.line_of("[[authority]]", authorities.index(unknown[0])),
            f"kind: kies een van {', '.join(get_args(AuthorityKind))}.",
            f"kind: choose one of {', '.join(get_args(AuthorityKind))}.",
        )
        return None
    try:
        return SignerTable(
            tuple(
                SignerRule(r["from_age"], r["person_signs"], r["authority_signs"], tuple(r["articles"])) for r in rules
            ),
            tuple(
                AuthorityRule(a["kind"], a["from_age"], a.get("until_age"), tuple(a["articles"])) for a in authorities
            ),
        )
    except ValueError as error:
        document.fault(
            document.line_of("[[rule]]"),
            f"de leeftijden kloppen niet ({error}); begin bij 0, laat ze oplopen, en noem bij elke rij wie tekent.",
            f"the ages are not right ({error}); start at 0, let them rise, and name in each row who signs.",
        )
        return None


def _rows(
    document: Document, name: str, keys: Mapping[str, type], may: Mapping[str, type]
) -> list[Mapping[str, Any]] | None:
    rows = document.table.get(name)
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        if name in document.table:
            document.fault(1, f"schrijf elke rij als [[{name}]].", f"write each row as [[{name}]].")
        return None
    good = [_good_row(document, name, number, row, keys, may) for number, row in enumerate(rows)]
    return rows if all(good) else None


def _good_row(
    document: Document,
    name: str,
    number: int,
    row: Mapping[str, Any],
    keys: Mapping[str, type],
    may: Mapping[str, type],
) -> bool:
    line, where = document.line_of(f"[[{name}]]", number), f"rij / row {number + 1}"
    document.check_keys(where, line, {k: v for k, v in row.items() if k not in may}, keys)
    wrong = [key for key, kind in {**keys, **may}.items() if key in row and type(row[key]) is not kind]
    for key in wrong:
        document.fault(
            line,
            f"{where}: '{key}' heeft de verkeerde vorm; kijk naar de andere rijen.",
            f"{where}: '{key}' has the wrong form; look at the other rows.",
        )
    if wrong or not set(keys) <= set(row) <= set(keys) | set(may):
        return False
    articles = row["articles"]
    if not articles or not all(isinstance(article, str) and article.strip() for article in articles):
        document.fault(
            line,
            f"{where}: noem bij 'articles' de artikelen waarop de rij rust.",
            f"{where}: name in 'articles' the articles that the row rests on.",
        )
        return False
    return True
