"""Are the Dutch texts that families read short and in everyday words?

Usage: python .ci/plain_words.py

It looks at what a machine can see: long sentences, words that few people use, words of offices, abbreviations, and one
passive after the other. It does not understand a text: a short sentence of everyday words can still be unclear, unkind or untrue. So it
never replaces reading by people who read little; it only keeps the worst from slipping in.
"""

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
REVIEWED = ROOT / ".ci" / "plain_words.toml"
LONGEST = 15
"""Words in a sentence. What is filled in (a name, a day) counts as one."""
EVERYDAY = 3.0
"""A word is everyday when it is seen at least once in a million words (the Zipf scale of wordfreq)."""
PART = 3.3
"""The parts of a compound must be better known than a word by itself."""

FOR_FAMILIES = (
    *(
        f"broker/services/{name}.py"
        for name in ("doorway", "consents", "own_sign_offs", "own_text", "reactions", "recording")
    ),
    *(f"broker/services/{name}.py" for name in ("mine", "notices", "questionnaires", "reminders", "tasks", "telling")),
    *(
        f"broker/web/consent/{name}.py"
        for name in ("answering", "entering", "looking_back", "own_text", "reacting", "signing_off", "tasks")
    ),
    *(f"broker/web/kit/{name}.py" for name in ("forms", "language", "pages")),
    "broker/domain/reactions.py::plain",
    "broker/domain/tasks.py",
)
"""The modules whose every `Words` a family may read. Of one that also speaks to professionals: the functions that do not."""
FOR_OTHERS = {"kit/templates/reference.html"}
"""Templates of the kit that no family meets."""

_END = re.compile(r"(?<=[.!?])[\")”]*\s+|\n+|(?<=:)\s+(?=[A-Z])")
_FILLED = re.compile(r"%\(\w+\)s|\{\w*\}")
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_SHORT = re.compile(
    r"\b(?:[a-z]\.){2,}|\b(?:bijv|bv|evt|enz|etc|nl|ca|mbt|tav|ivm|mvt|blz|nr|tel|dmv|svp)\.|\b(?:m\.b\.t|[ivt]\.v\.m)",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b[A-Z]{2,}\b")
_PASSIVE = re.compile(r"\b(?:word|wordt|worden|werd|werden)\b", re.IGNORECASE)
_LINKS = ("", "s", "en", "e", "n")


@dataclass(frozen=True, slots=True)
class Text:
    """One text, and where it stands."""

    where: str
    words: str


def texts(root: Path = ROOT) -> Iterator[Text]:
    """Every Dutch text that a family reads."""
    yield from _of_pages(root)
    for name in FOR_FAMILIES:
        yield from _of_module(root, name)
    for path in sorted((root / "policies/notices").rglob("nl*.toml")):
        yield from _of_table(str(path.relative_to(root)), tomllib.loads(path.read_text("utf-8")))
    for kind, terms in tomllib.loads((root / "policies/vocabulary.toml").read_text("utf-8")).items():
        for term, told in terms.items():
            for part in ("label", "explain", "example"):
                if part in told:
                    yield Text(f"policies/vocabulary.toml: {kind}.{term}.{part}", told[part]["nl"])


def _of_pages(root: Path) -> Iterator[Text]:
    from babel.messages.pofile import read_po

    name = "broker/web/locale/nl/LC_MESSAGES/messages.po"
    with (root / name).open("rb") as file:
        catalogue = read_po(file, locale="nl")
    for message in catalogue:
        places = {place for place, _ in message.locations} - FOR_OTHERS
        if message.id and any(place.startswith(("consent/", "kit/")) for place in places):
            told = message.string if isinstance(message.string, tuple | list) else (message.string,)
            for text in told:
                yield Text(f"{name}:{message.lineno}", text)


def _of_module(root: Path, place: str) -> Iterator[Text]:
    name, _, function = place.partition("::")
    tree: ast.AST = ast.parse((root / name).read_text("utf-8"))
    if function:
        tree = next(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef) and n.name == function)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = ast.unparse(node.func)
        position = {"Words": 0, "Invalid.at": 1}.get(called)
        if position is None or len(node.args) <= position:
            continue
        said = node.args[position]
        if isinstance(said, ast.Constant) and isinstance(said.value, str):
            yield Text(f"{name}:{said.lineno}", said.value)


def _of_table(where: str, table: Mapping[str, Any]) -> Iterator[Text]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _of_table(f"{where}: {name}", value)
        elif isinstance(value, str) and name not in ("version", "language"):
            yield Text(f"{where}: {name}", value)


class Reader:
    """Knows which words are everyday, and which others people looked at and kept, each for a reason."""

    def __init__(self, reviewed: Mapping[str, Mapping[str, str]]) -> None:
        from wordfreq import get_frequency_dict  # one file; nothing of it is in this project

        self._known = get_frequency_dict("nl", wordlist="best")
        self._words = {word.casefold() for word in reviewed.get("words", {})}
        self._names = set(reviewed.get("names", {}))
        self._short = set(reviewed.get("abbreviations", {}))
        self._hard = {word.casefold(): plainer for word, plainer in reviewed.get("hard", {}).items()}
        self.used: set[str] = set()

    def faults(self, found: Iterable[Text]) -> Iterator[str]:
        """What is wrong, each with its place and what to do."""
        for text in found:
            yield from (f"{text.where}: {fault}" for fault in self._of(text.words))

    def _of(self, text: str) -> Iterator[str]:
        before = False
        for sentence in filter(None, _END.split(_FILLED.sub("Iets", text))):
            count = len(_WORD.findall(sentence))
            if count > LONGEST:
                yield f"{count} words in one sentence, at most {LONGEST}: make two of it: “{sentence}”"
            passives = len(_PASSIVE.findall(sentence))
            if passives > 1 or (passives and before):
                yield f"passive after passive: say who does it: “{sentence}”"
            before = bool(passives)
            yield from self._words_of(sentence)

    def _words_of(self, sentence: str) -> Iterator[str]:
        for short in (*_SHORT.findall(sentence), *_CAPITALS.findall(sentence)):
            if short in self._short:
                self.used.add(short)
            else:
                yield f"an abbreviation: write it in full: “{short}”"
        for word in _WORD.findall(sentence):
            if word.casefold() in self._hard:
                yield f"a word of offices: write “{self._hard[word.casefold()]}” or so: “{word}”"
            elif word in self._names or word in self._short:
                self.used.add(word)
            elif not self.everyday(word):
                yield f"few people use this word: choose another, or give the reason in {REVIEWED.name}: “{word}”"

    def everyday(self, word: str) -> bool:
        """Whether most people know it: by itself, by its parts, or because people looked at it."""
        plain = word.casefold().replace("’", "'")
        if self._zipf(plain) >= EVERYDAY or all(self._zipf(part) >= PART for part in re.split("[-']", plain)):
            return True
        if plain in self._words:
            self.used.add(plain)
            return True
        return self._compound(plain)

    def _compound(self, word: str) -> bool:
        """Whether it is two well-known words in one, as Dutch writes them, perhaps with a sound between."""
        for place in range(3, len(word) - 2):
            last = word[place:]
            if self._zipf(last) < PART:
                continue
            for link in _LINKS:
                first = word[:place].removesuffix(link) if word[:place].endswith(link) else ""
                if len(first) >= 3 and self._zipf(first) >= PART:
                    return True
        return False

    def _zipf(self, word: str) -> float:
        """How often it is seen, on the Zipf scale: 3 is once in a million words."""
        from math import log10

        frequency = self._known.get(word, 0.0)
        return log10(frequency) + 9 if frequency else 0.0


def check(found: Iterable[Text], reviewed: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Every fault of these texts."""
    yield from Reader(reviewed).faults(found)


def main() -> int:
    """Check every text; print each fault on a line, and what such a check cannot see."""
    reviewed = tomllib.loads(REVIEWED.read_text("utf-8"))
    reader, found = Reader(reviewed), list(texts())
    faults = list(reader.faults(found))
    for name, listed in reviewed.items():
        for word, reason in listed.items():
            if not reason.strip():
                faults.append(f"{REVIEWED.name}: {name}.{word} has no reason")
            if name != "hard" and word not in reader.used and word.casefold() not in reader.used:
                faults.append(f"{REVIEWED.name}: {name}.{word} is not needed any more")
    for fault in faults:
        print(fault, file=sys.stderr)
    if faults:
        print(
            f"{len(faults)} faults in {len(found)} texts. A text without faults is not yet a clear one: let people read it.",
            file=sys.stderr,
        )
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
