"""A further language of an agreement is right in what it says, or the set is refused with the place; what lacks is Dutch."""

from collections.abc import Callable

import pytest

from broker.domain.notices import PARTS, PLACEHOLDERS, compose
from broker.errors import Unsafe
from broker.pdp.faults import UnsafePolicies
from broker.pdp.lint import lint
from broker.pdp.policy_set import PolicySet, load_texts
from tests.support.small_agreements import small_texts

Changed = Callable[[str, str, str], dict[str, str]]
TURKISH = """version = "1"
language = "tr"

[review]
reviewed = false

[roles.teacher]
label = "öğretmen"
explain = "Çocuğun öğretmeni."

[section_types.status]
label = "Yardım ne durumda"
explain = "Burada yardım yazıyor."
example = "Yardım başladı."
"""


def faults_of(texts: dict[str, str]) -> list[tuple[str, int | None, str]]:
    with pytest.raises(Unsafe) as raised:
        load_texts(texts)
    assert isinstance(raised.value, UnsafePolicies)
    for fault in raised.value.faults:
        assert fault.words.nl != fault.words.en
    return [(fault.file, fault.line, fault.words.en) for fault in raised.value.faults]


@pytest.fixture
def small_set() -> dict[str, str]:
    rule = '@id("r") @title_nl("T") @title_en("U") @legal_basis("AVG 6") permit (principal, action, resource);'
    return small_texts(rule)


def test_a_word_has_the_further_languages_of_its_files(shipped: PolicySet) -> None:
    label = shipped.vocabulary.label("status")
    assert [label.said_in(code) is not None for code in ("nl", "en", "ar", "tr", "pl", "uk", "ti")] == [True] * 7
    assert label.said_in("fr") is None
    assert label.in_language("fr") == label.en
    assert label.in_language("ar") not in (label.nl, label.en)
    assert hash(label)
    assert set(shipped.words) == {"ar", "tr", "pl", "uk", "ti"}
    term = shipped.vocabulary.section_types["status"]
    assert all(words and words.said_in("ti") for words in (term.label, term.explain, term.example))


def test_what_lacks_is_a_note_and_the_set_works(small_set: dict[str, str]) -> None:
    loaded = load_texts({**small_set, "words/tr.toml": TURKISH})
    assert loaded.vocabulary.label("teacher").said_in("tr") == "öğretmen"
    assert loaded.vocabulary.label("timeline").said_in("tr") is None
    notes = [one for one in lint(loaded) if one.fault.file == "words/tr.toml"]
    assert {one.weight for one in notes} == {"note"}
    said = " ".join(one.fault.words.en for one in notes)
    assert "9 word(s) without translation, shown in Dutch: organisation_kinds." in said
    assert "there is no notice in this language" in said


def test_without_further_languages_nothing_is_noted_and_no_word_has_them(small_set: dict[str, str]) -> None:
    loaded = load_texts(small_set)
    assert loaded.vocabulary.label("status").more == ()
    assert not [one for one in lint(loaded) if one.fault.file.startswith(("words/", "notices/"))]


def test_what_is_not_reviewed_is_noted(shipped: PolicySet) -> None:
    notes = {one.fault.file for one in lint(shipped) if "nobody whose own language" in one.fault.words.en}
    unread = {code for code, notice in shipped.notices.items() if not notice.review.reviewed}
    assert notes == {f"notices/{code}.toml" for code in unread}


def test_words_are_part_of_the_digest(small_set: dict[str, str]) -> None:
    one = load_texts({**small_set, "words/tr.toml": TURKISH})
    other = load_texts({**small_set, "words/tr.toml": TURKISH.replace("öğretmen", "hoca")})
    assert len({one.digest, other.digest, load_texts(small_set).digest}) == 3


@pytest.mark.parametrize(
    ("file", "old", "new", "line", "said"),
    [
        ("tr", "[roles.teacher]", "[roles.headteacher]", 7, "'roles.headteacher' is not in vocabulary.toml"),
        ("tr", "[roles.teacher]", "[jobs.teacher]", None, "holds 'jobs', which nothing reads"),
        ("tr", 'language = "tr"', 'language = "ar"', 2, "the language must be 'tr'"),
        ("tr", 'version = "1"', "version = 1", 1, "write the version as text"),
        ("tr", 'version = "1"\n', "", None, "lacks 'version'"),
        ("tr", 'explain = "Çocuğun öğretmeni."\n', "", 7, "lacks 'explain'"),
        ("tr", 'label = "öğretmen"', 'label = ""', 7, "is empty"),
        ("tr", 'label = "öğretmen"', "label = 3", 7, "is empty"),
        ("tr", 'label = "öğretmen"', 'label = "ö\\u202eğretmen"', 7, "a sign that nobody sees (U+202E)"),
        ("tr", 'label = "öğretmen"', 'label = "ö\u2067ğretmen"', 7, "a sign that nobody sees (U+2067)"),
        ("tr", 'label = "öğretmen"', 'label = "ö\\u0007ğretmen"', 7, "a sign that nobody sees (U+0007)"),
        ("tr", "reviewed = false", 'reviewed = "no"', 4, "reviewed is true or false"),
        ("tr", "reviewed = false", "reviewed = true", 4, "lacks 'by'"),
        (
            "tr",
            "reviewed = false",
            'reviewed = true\nby = " "\non = 2026-11-22',
            4,
            "name in [review] the organisation",
        ),
        ("tr", "reviewed = false", 'reviewed = true\nby = "A"\non = "today"', 4, "name in [review] the organisation"),
        ("tr", "[section_types.status]", "[[section_types.status]]", None, "is no table"),
        ("nl", "", "", None, "Dutch and English are in vocabulary.toml"),
        ("TR", "", "", None, "'TR' is no language"),
        ("..", "", "", None, "is no language"),
    ],
)
def test_a_faulty_file_of_words_is_refused(
    small_set: dict[str, str], file: str, old: str, new: str, line: int | None, said: str
) -> None:
    assert old in TURKISH
    texts = {**small_set, f"words/{file}.toml": TURKISH.replace(old, new, 1)}
    found = faults_of(texts)
    assert any((name, at) == (f"words/{file}.toml", line) and said in words for name, at, words in found), found


@pytest.mark.parametrize("file", ["words/deep/tr.toml", "words/tr.cedar", "words.toml"])
def test_words_where_nothing_reads_them_are_refused(small_set: dict[str, str], file: str) -> None:
    assert faults_of({**small_set, file: TURKISH})[0][0] == file


def test_a_review_names_an_organisation_and_a_day(small_set: dict[str, str]) -> None:
    by = 'reviewed = true\nby = "Stichting Taal"\non = 2026-11-22'
    loaded = load_texts({**small_set, "words/tr.toml": TURKISH.replace("reviewed = false", by)})
    assert (loaded.words["tr"].by, str(loaded.words["tr"].on)) == ("Stichting Taal", "2026-11-22")
    silent = TURKISH.replace("[review]\nreviewed = false\n", "")
    assert not load_texts({**small_set, "words/tr.toml": silent}).words["tr"].reviewed


# --- notices --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[child]\n", '[child]\nfirst = "x"\n', "holds 'first'"),
        ("[child]\ntitle", "[child]\nwho", "not valid TOML"),
        ("Bedenk je je?", "{name}", "braces"),
        ("Bedenk je je?", "\\u202e", "a sign that nobody sees (U+202E)"),
        ("Waarom ze dit vragen: {purpose}.", "Daarom.", "{purpose} is nowhere"),
        ("reviewed = true", "reviewed = 1", "reviewed is true or false"),
        ("on = 2026-11-22\n", "", "lacks 'on'"),
    ],
)
def test_a_faulty_part_for_a_young_person_is_refused(changed: Changed, old: str, new: str, said: str) -> None:
    found = faults_of(changed("notices/nl.toml", old, new))
    assert any(file == "notices/nl.toml" and said in words for file, _, words in found), found


def test_a_fault_in_a_part_for_a_young_person_names_that_line(changed: Changed) -> None:
    texts = changed("notices/nl.toml", "Bedenk je je?", "{name}")
    [(_, line, _)] = faults_of(texts)
    assert line is not None
    assert texts["notices/nl.toml"].splitlines()[line - 1].startswith('stop = "{name}')


def test_the_text_for_a_young_person_is_another_version_and_another_digest(shipped: PolicySet) -> None:
    for template in shipped.notices.values():
        values = dict.fromkeys(
            ("sender", "recipients", "section", "explanation", "example", "persons", "purpose", "until", "supported"),
            "x",
        )
        child, all_others = (compose(one, [("status", values)]) for one in (template.for_child(), template))
        assert child.version == f"{all_others.version} child"
        assert child.text.startswith(f"{template.language} {template.version} child\n")
        assert child.ref.digest != all_others.ref.digest
        assert set(child.questions[0].parts) == set(PARTS)


def test_an_agreement_from_before_has_one_text_for_everybody(shipped: PolicySet) -> None:
    old = shipped.texts["notices/nl.toml"]
    without = (
        old[: old.index("\n[child]")]
        .replace("[review]\nreviewed = true\n", "")
        .replace('by = "the makers of Rondom"\n', "")
    )
    loaded = load_texts({**shipped.texts, "notices/nl.toml": without.replace("on = 2026-11-22\n", "")})
    template = loaded.notices["nl"]
    assert template.for_child() is template
    assert template.review.reviewed


# what a family wrote itself


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("Iemand uit het gezin schreef dit zelf.", "{sender} schreef dit.", "has no {sender}"),
        ("Alleen {recipients}, of", "Alleen hij, of", "{recipients} is nowhere"),
        ("Twijfel je? Praat erover", "{name}? Praat erover", "braces"),
    ],
)
def test_a_faulty_part_for_what_a_family_wrote_itself_is_refused(
    changed: Changed, old: str, new: str, said: str
) -> None:
    found = faults_of(changed("notices/nl.toml", old, new))
    assert any(file == "notices/nl.toml" and said in words for file, _, words in found), found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[meeting]\n", '[meeting]\nfirst = "x"\n', "holds 'first'"),
        ("voor het overleg op {meeting}", "voor het overleg", "{meeting} is nowhere"),
        ("Alleen wie daar bij is: {recipients}", "Alleen wie daar bij is", "{recipients} is nowhere"),
        ("Alleen wie daar bij is", "{name}", "braces"),
        ("Voor iets anders mag niemand het gebruiken.", "Op {meeting}.", "braces"),
    ],
)
def test_a_faulty_part_about_a_meeting_is_refused(changed: Changed, old: str, new: str, said: str) -> None:
    found = faults_of(changed("notices/nl.toml", old, new))
    assert any(file == "notices/nl.toml" and said in words for file, _, words in found), found


def test_what_a_family_wrote_itself_is_asked_under_a_version_of_its_own_and_names_no_sender(shipped: PolicySet) -> None:
    for template in shipped.notices.values():
        values = dict.fromkeys(
            ("sender", "recipients", "section", "explanation", "example", "persons", "purpose", "until", "supported"),
            "x",
        )
        for one in (template, template.for_child()):
            asked = compose(one.for_family(), [("family-plan", {**values, "sender": "THE SENDER"})])
            assert asked.version == f"{one.version} family"
            assert "THE SENDER" not in asked.text
            assert set(asked.questions[0].parts) == set(PARTS)
            assert asked.ref.digest != compose(one, [("family-plan", values)]).ref.digest


def test_an_agreement_from_before_asks_nothing_of_the_kind(shipped: PolicySet) -> None:
    old = shipped.texts["notices/nl.toml"]
    without = old[: old.index("\n# For a plan")] if "\n# For a plan" in old else old[: old.index("\n[family]")]
    loaded = load_texts({**shipped.texts, "notices/nl.toml": without})
    assert dict(loaded.notices["nl"].family) == {}


def test_the_text_about_a_meeting_is_another_version_in_every_language(shipped: PolicySet) -> None:
    for template in shipped.notices.values():
        values = dict.fromkeys((*PLACEHOLDERS, "meeting"), "x") | {"meeting": "20 januari"}
        for one in (template, template.for_child()):
            meeting, without = (compose(of, [("minutes", values)]) for of in (one.for_meeting(), one))
            assert meeting.version == f"{without.version} meeting"
            assert meeting.ref.digest != without.ref.digest
            assert set(meeting.questions[0].parts) == set(PARTS)
            assert "20 januari" in meeting.questions[0].parts["who"]


def test_an_agreement_from_before_asks_about_a_meeting_as_about_all_else(shipped: PolicySet) -> None:
    old = shipped.texts["notices/nl.toml"]
    loaded = load_texts({**shipped.texts, "notices/nl.toml": old[: old.index("\n# De vraag over een overleg")] + "\n"})
    template = loaded.notices["nl"]
    assert template.for_meeting() is template
