"""A TOML file of the set is read as exactly the keys that are expected: a typing error is a fault, never ignored."""

import re
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from broker.pdp.faults import Faults

_AT_LINE = re.compile(r" \(at line (\d+), column \d+\)$")
_AT_END = re.compile(r" \(at end of document\)$")


@dataclass(frozen=True, slots=True)
class Document:
    """One TOML file: its parsed table, and its text to find lines in. `faults` is shared by the whole set."""

    file: str
    text: str
    table: Mapping[str, Any]
    faults: Faults

    @classmethod
    def read(cls, file: str, text: str, faults: Faults) -> "Document | None":
        """Parse; None, and a fault, when it is not TOML."""
        try:
            return cls(file, text, tomllib.loads(text), faults)
        except tomllib.TOMLDecodeError as error:
            said = str(error)
            place = _AT_LINE.search(said)
            what = _AT_END.sub("", _AT_LINE.sub("", said))
            line = int(place[1]) if place else max(1, len(text.splitlines()))
            faults.add(
                file,
                line,
                f"dit is geen geldige TOML ({what}); verbeter deze regel.",
                f"this is not valid TOML ({what}); mend this line.",
            )
            return None

    def line_of(self, beginning: str, nth: int = 0) -> int | None:
        """The line on which the nth line starting with these characters stands; None when there is no such line."""
        found = [n for n, line in enumerate(self.text.splitlines(), 1) if line.lstrip().startswith(beginning)]
        return found[nth] if nth < len(found) else None

    def fault(self, line: int | None, nl: str, en: str) -> None:
        """Note a fault in this file."""
        self.faults.add(self.file, line, nl, en)

    def check_keys(
        self,
        where: str,
        line: int | None,
        table: Mapping[str, Any],
        expected: Collection[str],
        optional: Collection[str] = (),
    ) -> None:
        """Note a fault for each key that is missing, and for each that nothing reads."""
        for key in sorted(set(expected) - set(table)):
            self.fault(line, f"bij {where} ontbreekt '{key}'; vul het in.", f"{where} lacks '{key}'; fill it in.")
        for key in sorted(set(table) - set(expected) - set(optional)):
            self.fault(
                line,
                f"bij {where} staat '{key}', dat niemand leest; verbeter of verwijder het.",
                f"{where} holds '{key}', which nothing reads; correct or remove it.",
            )
