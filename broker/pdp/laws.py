"""The laws and articles of `laws.toml`; what a rule rests on must be among them, so that a slip of the pen is seen."""

import re
import tomllib
from collections.abc import Iterator, Mapping

LAWS = "laws.toml"
_SECTION = re.compile(r" lid \d+$")

Laws = Mapping[str, frozenset[str]]


def read_laws(text: str) -> Laws:
    """The articles by law. Raises ValueError with what is wrong."""
    laws: dict[str, frozenset[str]] = {}
    for law, table in tomllib.loads(text).items():
        names = table.get("name") if isinstance(table, dict) else None
        articles = table.get("articles") if isinstance(table, dict) else None
        named = isinstance(names, dict) and all(isinstance(names.get(part), str) for part in ("nl", "en"))
        if not named or not isinstance(articles, list) or not all(isinstance(article, str) for article in articles):
            raise ValueError(f'[{law}]: name.nl, name.en, articles = ["..."]')
        laws[law] = frozenset(articles)
    return laws


def unknown(basis: str, laws: Laws) -> Iterator[str]:
    """Every part of a basis that names no article of the list: `AVG 6(1)(d) and (e); Jeugdwet 7.3.11`."""
    for part in (piece.strip() for piece in basis.split(";")):
        law = max((name for name in laws if part.startswith(f"{name} ")), key=len, default="")
        if not law:
            yield part
            continue
        before = ""
        for article in part.removeprefix(law).split(" and "):
            whole = _SECTION.sub("", article.strip())
            if whole.startswith("("):
                whole = before[: before.rfind("(")] + whole
            if whole not in laws[law]:
                yield f"{law} {article.strip()}"
            before = whole
