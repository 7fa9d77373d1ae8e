"""A policy set with any fault is refused whole, with one sentence per fault that says where and what to do."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.errors import Unsafe
from broker.pdp.faults import UnsafePolicies
from broker.pdp.policy_set import REQUIRED, PolicySet, digest_of, load, load_texts
from broker.pdp.rules import statements

SHIPPED = Path(__file__).parents[3] / "policies"
Changed = Callable[[str, str, str], dict[str, str]]
TITLES = '@title_nl("Test") @title_en("Test") @legal_basis("AVG 6") '
ANYTHING = "permit (principal, action, resource);"


def refused(texts: dict[str, str]) -> UnsafePolicies:
    with pytest.raises(Unsafe) as raised:
        load_texts(texts)
    assert isinstance(raised.value, UnsafePolicies)
    for fault in raised.value.faults:
        for sentence in (fault.sentence.nl, fault.sentence.en):
            assert sentence.startswith(fault.file)
            assert sentence.endswith((".", ")"))
    return raised.value


def with_rules(shipped: PolicySet, rules: str) -> dict[str, str]:
    return {**shipped.texts, "release.cedar": rules}


def test_loading_from_a_directory_and_from_texts_is_the_same(shipped: PolicySet) -> None:
    again = load_texts(shipped.texts)
    assert again == shipped
    assert again.digest == digest_of(shipped.texts)
    assert all((SHIPPED / path).read_bytes() == text.encode() for path, text in shipped.texts.items())


def test_nothing_of_a_set_can_be_changed(shipped: PolicySet) -> None:
    with pytest.raises(AttributeError):
        shipped.digest = "0"  # type: ignore[misc]
    with pytest.raises(TypeError):
        shipped.texts["x"] = "y"  # type: ignore[index]


@pytest.mark.parametrize("make", [True, False])
def test_an_empty_or_absent_directory_is_refused(tmp_path: Path, make: bool) -> None:
    directory = tmp_path / "policies"
    if make:
        directory.mkdir()
        (directory / ".hidden").write_text("x")
    with pytest.raises(Unsafe, match="BROKER_POLICIES"):
        load(directory)


@pytest.mark.parametrize("file", REQUIRED)
def test_a_missing_file_is_named(shipped: PolicySet, file: str) -> None:
    error = refused({path: text for path, text in shipped.texts.items() if path != file})
    assert [(fault.file, fault.words.en) for fault in error.faults] == [(file, "this file is missing; put it back.")]


@pytest.mark.parametrize("file", REQUIRED)
def test_an_empty_file_is_refused(shipped: PolicySet, file: str) -> None:
    assert {fault.file for fault in refused({**shipped.texts, file: ""}).faults} & {file, "release.cedar"}


@pytest.mark.parametrize("file", ["more.cedar", "old.cedarschema", "notices/deep/nl.toml", "cases/x.toml"])
def test_a_rule_file_that_nothing_would_read_is_refused(shipped: PolicySet, file: str) -> None:
    assert [fault.file for fault in refused({**shipped.texts, file: "x"}).faults] == [file]


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "p")
    (tmp_path / "p" / "stamp.png").write_bytes(b"\x89PNG\xff")
    with pytest.raises(Unsafe, match=r"stamp\.png: this file cannot be read as text"):
        load(tmp_path / "p")


def test_a_file_with_an_unreadable_name_is_refused(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "p")
    try:
        Path(os.fsdecode(os.fsencode(tmp_path / "p") + b"/caf\xe9.md")).write_text("x")
    except OSError:
        return  # this file system keeps only UTF-8 names, so there is nothing to refuse
    with pytest.raises(Unsafe, match="cannot be read as text"):
        load(tmp_path / "p")


def test_broken_toml_is_refused_with_its_line(changed: Changed) -> None:
    [fault] = refused(changed("signers.toml", "from_age = 12", "from_age = twelve")).faults
    assert (fault.file, fault.line) == ("signers.toml", 25)
    assert "not valid TOML" in fault.words.en


def test_broken_cedar_is_refused_with_the_line_of_its_rule(shipped: PolicySet, changed: Changed) -> None:
    rule = shipped.rules["school-teacher"]
    broken = rule.text.replace("permit", "permitt")
    [fault] = refused(changed("release.cedar", rule.text, broken)).faults
    assert (fault.file, fault.line) == ("release.cedar", rule.line)
    assert "Cedar cannot read the rule that begins here" in fault.words.en


def test_a_broken_schema_is_refused(changed: Changed) -> None:
    [fault] = refused(changed("release.cedarschema", "entity Role;", "entity Role")).faults
    assert fault.file == "release.cedarschema"


def test_a_rule_that_does_not_fit_the_schema_is_refused(shipped: PolicySet, changed: Changed) -> None:
    rule = shipped.rules["no-sender-basis"]
    [fault] = refused(changed("release.cedar", "context.senderBasis", "context.senderBases")).faults
    assert fault.line == rule.line
    assert "senderBases" in fault.words.en


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("concernsOthers: Bool", "concernsOther: Bool"),
        ("evidence: Long", "evidence: String"),
        ("ageBand: AgeBand", "ageBand: Role"),
        ("ageBand: AgeBand,", "ageBand: AgeBand, municipality: String,"),
        ('action "read"', 'action "write"'),
    ],
)
def test_a_schema_that_does_not_fit_the_questions_is_refused(changed: Changed, old: str, new: str) -> None:
    assert any(
        fault.file == "release.cedarschema" and "does not fit the questions" in fault.words.en
        for fault in refused(changed("release.cedarschema", old, new)).faults
    )


@pytest.mark.parametrize("rules", ["", "// nothing\n", f'@id("a") {TITLES} forbid (principal, action, resource);'])
def test_a_set_that_permits_nothing_is_refused(shipped: PolicySet, rules: str) -> None:
    [fault] = refused(with_rules(shipped, rules)).faults
    assert "no rule gives anything" in fault.words.en


@pytest.mark.parametrize("note", ["id", "title_nl", "title_en", "legal_basis"])
@pytest.mark.parametrize("instead", ["", '@{note}("")', '@{note}(" ")', "@{note}"])
def test_a_missing_or_empty_annotation_is_refused(shipped: PolicySet, note: str, instead: str) -> None:
    notes = {"id": "a", "title_nl": "b", "title_en": "c", "legal_basis": "d"}
    head = "\n".join(instead.format(note=note) if n == note else f'@{n}("{v}")' for n, v in notes.items())
    faults = refused(with_rules(shipped, f"\n{head}\n{ANYTHING}")).faults
    assert any(f"has no @{note}" in fault.words.en for fault in faults)


def test_two_rules_with_one_id_are_refused(shipped: PolicySet) -> None:
    twice = f'@id("a") {TITLES} {ANYTHING}\n@id("a") {TITLES} {ANYTHING}'
    [fault] = refused(with_rules(shipped, twice)).faults
    assert fault.line == 2
    assert "@id 'a' is also on line 1" in fault.words.en


def test_an_id_that_cannot_stand_in_a_log_is_refused(shipped: PolicySet) -> None:
    [fault] = refused(with_rules(shipped, f'@id("Jan & Piet") {TITLES} {ANYTHING}')).faults
    assert "is not valid" in fault.words.en


@pytest.mark.parametrize(
    "words",
    [
        'when { principal.role == Role::"magician" }',
        'when { principal.role in [Role::"teacher", Role::"magician"] }',
        'when { context.purpose == Purpose::"curiosity" }',
        'when { resource.ageBand == AgeBand::"0-12" }',
        'unless { if context.senderBasis then resource.type == SectionType::"gossip" else false }',
    ],
)
def test_a_word_that_the_vocabulary_does_not_know_is_refused(shipped: PolicySet, words: str) -> None:
    rules = f'@id("a") {TITLES} permit (principal, action, resource)\n{words};'
    faults = refused(with_rules(shipped, rules)).faults
    assert any("the vocabulary does not know" in fault.words.en for fault in faults)


@pytest.mark.parametrize("scope", ['principal == Professional::"asking", action, resource', 'principal, action, resource == Section::"asked"'])  # fmt: skip
def test_a_rule_for_one_professional_or_section_is_refused(shipped: PolicySet, scope: str) -> None:
    [fault] = refused(with_rules(shipped, f'@id("a") {TITLES} permit ({scope});')).faults
    assert "which a rule may not" in fault.words.en


def test_a_template_is_refused(shipped: PolicySet) -> None:
    rules = f'@id("a") {TITLES} permit (principal == ?principal, action, resource);\n@id("b") {TITLES} {ANYTHING}'
    assert any("templates" in fault.words.en for fault in refused(with_rules(shipped, rules)).faults)


def test_an_age_band_goes_when_its_row_goes(changed: Changed) -> None:
    faults = refused(changed("signers.toml", "from_age = 16", "from_age = 18")).faults
    assert any('AgeBand::"16+"' in fault.words.en for fault in faults)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('label.nl = "school"\n', "", "lacks 'nl'"),
        ('label.en = "school"\n', 'label.en = " "\n', "empty"),
        ('label.en = "school"\n', "label.en = 3\n", "empty or no text"),
        ('label.en = "school"\n', 'label.en = "school"\nlabel.fr = "école"\n', "holds 'fr'"),
        ('explain.en = "The school where the child has lessons."\n', "", "lacks 'en'"),
        ("[organisation_kinds.school]", "[organisation_kinds.School]", "not a valid word"),
        ("[roles.teacher]", "[roles.school]", "already in organisation_kinds"),
        ("[organisation_kinds.", "[organization_kinds.", "holds 'organization_kinds'"),
        ('example.nl = "Wijkteam (Sanne), school (meester Tim), huisarts."\n', "", "lacks 'nl'"),
    ],
)
def test_a_faulty_word_is_refused(changed: Changed, old: str, new: str, said: str) -> None:
    faults = refused(changed("vocabulary.toml", old, new)).faults
    assert any(fault.file == "vocabulary.toml" and said in fault.words.en for fault in faults)


@pytest.mark.parametrize("text", ["roles = 3", "[roles]", "roles.a = 3", "[[roles]]"])
def test_a_vocabulary_of_another_shape_is_refused(shipped: PolicySet, text: str) -> None:
    assert any(f.file == "vocabulary.toml" for f in refused({**shipped.texts, "vocabulary.toml": text}).faults)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("from_age = 0", "from_age = 1"),
        ("from_age = 12", "from_age = 16"),
        ("from_age = 12", "from_age = true"),
        ("from_age = 12", "from_age = 12.0"),
        ("person_signs = false", "person_signs = 0"),
        ("authority_signs = true", "authority_signs = false"),
        ("authority_signs = true", "authority_sings = true"),
        ("authority_signs = false", 'authority_signs = false\nnote = "x"'),
        ('articles = ["Jeugdwet 7.3.5", ', 'articles = ["", '),
        ("[[rule]]", "[rule]"),
    ],
)
def test_a_faulty_signer_table_is_refused(changed: Changed, old: str, new: str) -> None:
    faults = refused(changed("signers.toml", old, new)).faults
    assert any(fault.file == "signers.toml" for fault in faults)


@pytest.mark.parametrize("text", ["", "rule = 3", "rule = []", "rule = [1]"])
def test_a_signer_table_of_another_shape_is_refused(shipped: PolicySet, text: str) -> None:
    assert any(f.file == "signers.toml" for f in refused({**shipped.texts, "signers.toml": text}).faults)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{purpose}", "{sender.__class__}", "braces"),
        ("{purpose}", "{purpose!r}", "braces"),
        ("{purpose}", "{{purpose}}", "braces"),
        ("{purpose}", "{address}", "braces"),
        ("{purpose}", "{", "braces"),
        ("{purpose}", "iets", "{purpose} is nowhere"),
        ('language = "nl"', 'language = "en"', "as the file is named"),
        ('version = "3"', "version = 3", "write the version"),
        ('version = "3"\n', "", "lacks 'version'"),
        ("stop = ", "stopp = ", "lacks 'stop'"),
        ('no = "Nee zeggen mag. De hulp gaat gewoon door. Kies je niets, dan telt dat als nee."', 'no = ""', "'no' is empty"),
        ("[parts]", "[part]", "lacks 'parts'"),
    ],
)  # fmt: skip
def test_a_faulty_notice_is_refused(changed: Changed, old: str, new: str, said: str) -> None:
    faults = refused(changed("notices/nl.toml", old, new)).faults
    assert any(fault.file == "notices/nl.toml" and said in fault.words.en for fault in faults)


def test_another_language_may_be_added(shipped: PolicySet) -> None:
    french = shipped.texts["notices/en.toml"].replace('language = "en"', 'language = "fr"')
    assert set(load_texts({**shipped.texts, "notices/fr.toml": french}).notices) == {*shipped.notices, "fr"}


def test_all_faults_are_told_at_once(shipped: PolicySet) -> None:
    texts = {
        **shipped.texts,
        "signers.toml": "rule = 3",
        "notices/en.toml": "[",
        "release.cedar": f"{ANYTHING}",
        "release.cedarschema": "entity",
    }
    assert {fault.file for fault in refused(texts).faults} == {
        "signers.toml",
        "notices/en.toml",
        "release.cedar",
        "release.cedarschema",
    }


# --- the digest ---------------------------------------------------------------------------------


@given(st.data())
def test_any_changed_byte_of_any_file_is_another_digest(data: st.DataObject) -> None:
    texts = {
        path.relative_to(SHIPPED).as_posix(): path.read_text("utf-8") for path in SHIPPED.rglob("*.*") if path.is_file()
    }
    file = data.draw(st.sampled_from(sorted(texts)))
    at = data.draw(st.integers(0, len(texts[file]) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda c: c != texts[file][at]))
    other = {**texts, file: texts[file][:at] + letter + texts[file][at + 1 :]}
    assert digest_of(other) != digest_of(texts)


@given(st.dictionaries(st.text("ab:,1/"), st.text("ab:,1/")), st.dictionaries(st.text("ab:,1/"), st.text("ab:,1/")))
def test_two_different_sets_never_have_one_digest(one: dict[str, str], other: dict[str, str]) -> None:
    assert (digest_of(one) == digest_of(other)) is (one == other)


def test_moving_adding_or_removing_a_file_is_another_digest(shipped: PolicySet) -> None:
    texts = dict(shipped.texts)
    readme = texts.pop("README.md")
    digests = {shipped.digest, digest_of(texts), digest_of({**texts, "README.txt": readme})}
    assert len(digests) == 3


def test_the_order_of_files_does_not_matter(shipped: PolicySet) -> None:
    assert digest_of(dict(reversed(list(shipped.texts.items())))) == shipped.digest


def test_line_ends_are_bytes_too(tmp_path: Path, shipped: PolicySet) -> None:
    shutil.copytree(SHIPPED, tmp_path / "p")
    readme = tmp_path / "p" / "README.md"
    readme.write_bytes(readme.read_bytes().replace(b"\n", b"\r\n"))
    assert load(tmp_path / "p").digest != shipped.digest


def test_hidden_files_and_leftovers_are_not_part_of_the_set(tmp_path: Path, shipped: PolicySet) -> None:
    shutil.copytree(SHIPPED, tmp_path / "p")
    for name in (
        ".DS_Store",
        "release.cedar~",
        "#release.cedar#",
        ".release.cedar.swp",
        "more.cedar.bak",
        "x.toml.orig",
    ):
        (tmp_path / "p" / name).write_bytes(b"\xff")
    (tmp_path / "p" / ".git").mkdir()
    (tmp_path / "p" / ".git" / "more.cedar").write_text("permit (principal, action, resource);")
    assert load(tmp_path / "p").digest == shipped.digest


# --- statements ---------------------------------------------------------------------------------


def test_statements_are_not_split_in_strings_or_comments() -> None:
    text = '// one; two\n@id("a;b \\" ; //c")\npermit (principal, action, resource); // end;\n\n forbid(x)\n'
    assert [(s.line, s.text) for s in statements(text)] == [
        (2, '@id("a;b \\" ; //c")\npermit (principal, action, resource);'),
        (5, "forbid(x)\n"),
    ]


@given(st.text('ab"\\/; \n()', max_size=40))
def test_splitting_any_text_ends_and_loses_no_statement(text: str) -> None:
    assert all(statement.text in text for statement in statements(text))
