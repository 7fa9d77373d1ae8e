"""The words of the agreement and the events of the log are closed lists; what prints never says who or what."""

import re
from dataclasses import FrozenInstanceError, fields

import pytest

from broker.domain.decisions import TOLD, Told
from broker.domain.drafts import DraftAuthority, DraftPerson, DraftSection
from broker.domain.events import EventType, LogEvent, Personal
from broker.domain.handovers import Content, HandoverState
from broker.domain.stores import Contact, Message, PersonClaim
from broker.errors import BrokerError, Invalid, Words
from broker.services.labels import LABELS
from tests.factories import CHILD, MOTHER, NOW, TODAY, a_handover, a_section, a_vocabulary

SECRET = "Noor van Dijk"


def test_a_label_is_the_agreements_own_and_the_bare_word_for_what_it_no_longer_knows():
    vocabulary = a_vocabulary()
    assert vocabulary.label("status") == Words("STATUS", "status")
    assert vocabulary.label("education-support").nl == "EDUCATION-SUPPORT"
    assert vocabulary.label("forgotten") == Words("forgotten", "forgotten")


def test_the_words_in_force_cannot_be_changed():
    words = {"status": None}
    vocabulary = a_vocabulary()
    with pytest.raises(TypeError):
        vocabulary.roles["boss"] = words
    with pytest.raises(FrozenInstanceError):
        vocabulary.roles = {}


def test_every_event_has_a_plain_name_and_a_label():
    assert all(re.fullmatch(r"[a-z]+:[a-z-]+", event.value) for event in EventType)
    assert set(LABELS) == set(EventType)


def test_what_nen_7513_asks_for_can_be_logged():
    nouns = {event.value.partition(":")[0] for event in EventType}
    assert nouns >= {"release", "consent", "subject", "policy", "keys", "organisation", "officer", "log", "handover"}
    assert {"release:permitted", "release:denied", "log:searched", "log:viewed"} <= {e.value for e in EventType}


def test_an_event_and_its_personal_values_are_fixed():
    event = LogEvent(EventType.LOG_VIEWED, NOW, personal=(Personal(CHILD, "subject", CHILD),))
    with pytest.raises(FrozenInstanceError):
        event.at = NOW
    assert {f.name for f in fields(LogEvent)} == {"type", "at", "organisation", "counterpart", "facts", "personal"}


def test_each_reason_has_two_sentences_in_both_languages():
    assert set(TOLD) == set(Told)
    for what, next_step in TOLD.values():
        for words in (what, next_step):
            assert words.nl.endswith((".", "0800-2000."))
            assert words.en.endswith(".")
            assert words.nl != words.en


def test_a_denial_has_one_word_for_every_way_of_not_saying_yes():
    assert len({Told.NO_CONSENT}) == 1
    told = " ".join(w.en + w.nl for words in TOLD.values() for w in words).lower()
    assert not re.search(r"refused|withdrawn|expired|geweigerd|ingetrokken|verlopen|mother|father|moeder|vader", told)


@pytest.mark.parametrize(
    "value",
    [
        PersonClaim(SECRET, TODAY, "nl"),
        Contact("1", "email", SECRET),
        Message(SECRET, "sms", "invitation", "nl", SECRET),
        DraftPerson(SECRET, SECRET, SECRET, TODAY, "nl", (("bsn", SECRET),), (("sms", SECRET),)),
        DraftAuthority(SECRET, SECRET, "parental", TODAY, None, SECRET),
        DraftSection("status", (SECRET,), (SECRET,), "text/plain", SECRET.encode()),
        Content("text/plain", SECRET.encode()),
    ],
)
def test_what_holds_a_name_or_content_never_prints_it(value):
    assert SECRET not in repr(value)
    assert TODAY.isoformat() not in repr(value) or isinstance(value, DraftAuthority)


def test_errors_hold_their_code_and_an_english_sentence_and_no_input():
    error = Invalid.at("/oin", "Fout.", "Wrong.")
    assert [fault.pointer for fault in error.faults] == ["/oin"]
    assert str(BrokerError(Words("Nee.", "No."), code="c")) == "c: No."
    assert Words("a", "b").in_language("nl") == "a"
    assert Words("a", "b").in_language("tr") == "b"


def test_a_handover_is_kept_until_the_end_of_its_last_day_and_only_while_active():
    handover = a_handover(retain_until=TODAY)
    assert handover.kept_at(NOW)
    assert not handover.kept_at(NOW.replace(day=16))
    assert not handover.kept_at(NOW.replace(hour=22))
    for state in (HandoverState.SUSPENDED, HandoverState.WITHDRAWN):
        assert not a_handover(state=state).kept_at(NOW)


def test_everybody_that_some_section_speaks_about_is_concerned():
    handover = a_handover(a_section(), a_section("timeline", [MOTHER]))
    assert handover.concerned() == {CHILD, MOTHER}
    assert a_handover().concerned() == frozenset()
