"""A PolicySet is an agreement that was checked whole: holding one means that every file of it was found fit.

1. Every file is read as UTF-8, byte for byte; hidden files and editors' leftovers are not part of the set.
2. All required files are there, and no rule, schema or table stands where nothing would read it.
3. Vocabulary, signer table, channels and notices are complete in both languages; in further ones, what is there is right.
4. Every rule parses, is annotated, uses known words, passes Cedar's strict validator; something is permitted.
5. The schema fits the questions that the broker asks.
6. The digest is SHA-256 over all files, so one changed byte is another agreement.
"""

import hashlib
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from types import MappingProxyType

import cedarpy

from broker.domain.channels import Channel
from broker.domain.notices import NoticeTemplate, Review
from broker.domain.signers import SignerTable
from broker.domain.vocabulary import Vocabulary
from broker.pdp.channel_rows import read_channels
from broker.pdp.documents import Document
from broker.pdp.entities import entities_of, request_of, sample_question
from broker.pdp.faults import Faults, UnsafePolicies
from broker.pdp.notice_texts import read_notice
from broker.pdp.rules import Rule, check_schema, known_words, read_rules, read_schema
from broker.pdp.signer_rows import read_signers
from broker.pdp.terms import LISTS, read_vocabulary
from broker.pdp.word_files import FOLDER as WORDS
from broker.pdp.word_files import read_word_files

RULES, SCHEMA = "release.cedar", "release.cedarschema"
VOCABULARY, SIGNERS, CHANNELS = "vocabulary.toml", "signers.toml", "channels.toml"
LANGUAGES = ("nl", "en")
REQUIRED = (RULES, SCHEMA, VOCABULARY, SIGNERS, CHANNELS, *(f"notices/{language}.toml" for language in LANGUAGES))
OPTIONAL = ("laws.toml",)
"""Read by `broker policies check` alone: an agreement from before it can still be loaded."""
_READ_BY_US = (".cedar", ".cedarschema", ".toml")
_LEFTOVERS = ("~", "#", ".bak", ".orig", ".rej", ".swp", ".tmp")


@dataclass(frozen=True, slots=True)
class PolicySet:
    """One agreement, checked. `digest` identifies it; `texts` (path to text) is all that is needed to load it again."""

    digest: str
    texts: Mapping[str, str]
    vocabulary: Vocabulary
    signers: SignerTable
    channels: tuple[Channel, ...]
    notices: Mapping[str, NoticeTemplate]
    rules: Mapping[str, Rule]
    policies: cedarpy.PolicySet = field(repr=False, compare=False)
    schema: cedarpy.Schema = field(repr=False, compare=False)
    words: Mapping[str, Review] = field(default_factory=dict)
    """The further languages that the vocabulary is in."""

    def __post_init__(self) -> None:
        for name in ("texts", "notices", "rules", "words"):
            object.__setattr__(self, name, MappingProxyType(dict(getattr(self, name))))


def digest_of(texts: Mapping[str, str]) -> str:
    """SHA-256, hexadecimal, of the canonical listing of a set.

    The listing is a header and then, in the order of paths, each file as two netstrings (`length:bytes,`): its
    path and its content, both UTF-8. Lengths make it injective: no two different sets have the same listing.
    """
    listing = hashlib.sha256(b"rondom policy set 1\n")
    for path in sorted(texts):
        for part in (path.encode(), texts[path].encode()):
            listing.update(b"%d:%b," % (len(part), part))
    return listing.hexdigest()


def load(directory: Path) -> PolicySet:
    """Read and check a directory. Raises `UnsafePolicies`, holding every fault found, unless all of it is fit."""
    faults = Faults()
    texts: dict[str, str] = {}
    for path in files_of(directory):
        name = path.relative_to(directory).as_posix()
        try:
            name.encode()
            texts[name] = path.read_bytes().decode()  # 1
        except (OSError, UnicodeError):
            faults.add(
                ascii(name) if not name.isprintable() else name,
                None,
                "dit bestand is niet te lezen als tekst (UTF-8); herstel of verwijder het.",
                "this file cannot be read as text (UTF-8); restore or remove it.",
            )
    if not texts:
        faults.add(
            "",
            None,
            "De map met afspraken bestaat niet of is leeg; zet hem terug, of laat BROKER_POLICIES naar de goede wijzen.",
            "The policy directory does not exist or is empty; put it back, or point BROKER_POLICIES to the right one.",
        )
    faults.check_none()
    return load_texts(texts)


def load_texts(texts: Mapping[str, str]) -> PolicySet:
    """Check a set that was stored as texts: exactly as strict as `load`, with the same digest."""
    faults = Faults()
    _check_files(texts, faults)  # 2
    faults.check_none()
    documents = {name: Document.read(name, texts[name], faults) for name in texts if name.endswith(".toml")}
    words, table, ways = documents[VOCABULARY], documents[SIGNERS], documents[CHANNELS]
    vocabulary = read_vocabulary(words) if words else None  # 3
    signers = read_signers(table) if table else None
    complete = vocabulary is not None and all(getattr(vocabulary, name) for name in LISTS)
    translated: Mapping[str, Review] = {}
    if vocabulary is not None and complete:
        files = [document for document in documents.values() if document and document.file.startswith(WORDS)]
        vocabulary, translated = read_word_files(files, vocabulary)
    notices = _read_notices(documents.values())
    channels = read_channels(ways, vocabulary if complete else None) if ways else ()
    known = known_words(vocabulary, signers) if vocabulary is not None and complete and signers else None
    read = read_rules(RULES, texts[RULES], known, faults)  # 4
    schema = read_schema(SCHEMA, texts[SCHEMA], faults)
    if read and schema:
        check_schema(RULES, texts[RULES], schema, faults)
    if vocabulary and signers and complete and schema:
        _check_fit(vocabulary, signers, schema, faults)  # 5
    faults.check_none()
    if vocabulary is None or signers is None or read is None or schema is None:
        raise UnsafePolicies(())  # never reached: what is missing has noted its fault
    rules = {rule.id: rule for rule in read[1]}
    digest = digest_of(texts)  # 6
    return PolicySet(digest, texts, vocabulary, signers, channels, notices, rules, read[0], schema, translated)


def files_of(directory: Path) -> Iterable[Path]:
    """Every file of the set. Folders that are links are not followed, so a set cannot reach outside itself."""
    for folder, subfolders, names in os.walk(directory):
        subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
        for name in sorted(names):
            if not name.startswith((".", "#")) and not name.endswith(_LEFTOVERS):
                yield Path(folder, name)


def _check_files(texts: Mapping[str, str], faults: Faults) -> None:
    for name in REQUIRED:
        if name not in texts:
            faults.add(
                name,
                None,
                "dit bestand ontbreekt; zet het terug.",
                "this file is missing; put it back.",
            )
    for name in texts:
        spoken = name.startswith(("notices/", WORDS)) and name.endswith(".toml") and name.count("/") == 1
        if name.endswith(_READ_BY_US) and name not in (*REQUIRED, *OPTIONAL) and not spoken:
            faults.add(
                name,
                None,
                "niemand leest dit bestand; zet de inhoud in een van de bekende bestanden, of verwijder het.",
                "nothing reads this file; move its content into one of the known files, or remove it.",
            )


def _read_notices(documents: Iterable[Document | None]) -> dict[str, NoticeTemplate]:
    notices = {}
    for document in documents:
        if document is not None and document.file.startswith("notices/"):
            language = PurePosixPath(document.file).stem
            template = read_notice(document, language)
            if template is not None:
                notices[language] = template
    return notices


def _check_fit(vocabulary: Vocabulary, signers: SignerTable, schema: cedarpy.Schema, faults: Faults) -> None:
    """Note a fault when Cedar would not accept a question of the broker under this schema."""
    question = sample_question(vocabulary, signers)
    try:
        entities = cedarpy.Entities.from_json_str(entities_of(question), schema)
        answer = cedarpy.is_authorized(request_of(question), "", entities, schema)
        fits = answer.decision is cedarpy.Decision.Deny and not answer.diagnostics.errors
    except ValueError:
        fits = False
    if not fits:
        faults.add(
            SCHEMA,
            None,
            "dit schema past niet bij de vragen die de broker stelt; zet het meegeleverde schema terug.",
            "this schema does not fit the questions that the broker asks; put the shipped schema back.",
        )
