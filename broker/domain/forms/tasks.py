"""What stands beside a section with agreements, in clear: for each its id, whose it is and by which day; never what it is.

Where the text can be looked at, both name the same agreements and the same days.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from broker.domain.forms.agreements import ID, NO_DAY, NO_ID, TWICE, day_of, days
from broker.domain.tasks import SECTION_TYPE
from broker.domain.vocabulary import Vocabulary
from broker.errors import Fault, Words


def faults_of(body: Mapping[str, Any], vocabulary: Vocabulary, keys: Sequence[Any], sender: str) -> Iterator[Fault]:
    """Everything that does not fit in the tasks of a body of this sender. Parts of the wrong shape are passed over."""
    to = {_place(one) for one in _list(body.get("recipients"))}
    seen: set[str] = set()
    for position, section in enumerate(_list(body.get("sections"))):
        stated = _list(section.get("tasks")) if isinstance(section, dict) else []
        if not stated:
            continue
        at = f"/sections/{position}"
        if section.get("type") != SECTION_TYPE or section.get("mediaType") != "application/json":
            yield Fault(f"{at}/tasks", _ONLY_WITH)
        for place, task in enumerate(stated):
            if isinstance(task, dict):
                yield from _of_task(task, section, to, vocabulary, keys, sender, seen, f"{at}/tasks/{place}")
        yield from _alike(stated, section.get("content"), at)


def _of_task(
    task: Mapping[str, Any],
    section: Mapping[str, Any],
    to: set[Any],
    vocabulary: Vocabulary,
    keys: Sequence[Any],
    sender: str,
    seen: set[str],
    at: str,
) -> Iterator[Fault]:
    identity = task.get("id")
    if isinstance(identity, str):
        if not ID.fullmatch(identity):
            yield Fault(f"{at}/id", NO_ID)
        elif identity in seen:
            yield Fault(f"{at}/id", TWICE)
        seen.add(identity)
    if isinstance(task.get("due"), str) and day_of(task["due"]) is None:
        yield Fault(f"{at}/due", NO_DAY)
    if isinstance(task.get("owner"), dict):
        yield from _of_owner(task["owner"], section, to, vocabulary, keys, sender, f"{at}/owner")


def _of_owner(
    owner: Mapping[str, Any],
    section: Mapping[str, Any],
    to: set[Any],
    vocabulary: Vocabulary,
    keys: Sequence[Any],
    sender: str,
    at: str,
) -> Iterator[Fault]:
    person, place = owner.get("person"), _place(owner)
    if (person is None) is (owner.get("organisation") is None and owner.get("role") is None):
        yield Fault(at, _ONE_OWNER)
    elif person is not None:
        if isinstance(person, str) and (person not in keys or person in _list(section.get("shieldedFrom"))):
            yield Fault(f"{at}/person", _NOT_THEIRS)
    elif place is None:
        yield Fault(at, _ONE_OWNER)
    elif place not in to and not (place[0] == sender and place[1] in vocabulary.roles):
        yield Fault(at, _NO_READER)


def _alike(stated: Sequence[Any], content: Any, at: str) -> Iterator[Fault]:
    """Nothing where the text is sealed, or is wrong by itself."""
    try:
        agreed = days(content)
    except ValueError:
        return
    there = set()
    for place, task in enumerate(stated):
        if not isinstance(task, dict) or not isinstance(task.get("id"), str):
            continue
        there.add(task["id"])
        if task["id"] not in agreed:
            yield Fault(f"{at}/tasks/{place}/id", _NO_TEXT)
        elif day_of(task.get("due")) not in (None, agreed[task["id"]]):
            yield Fault(f"{at}/tasks/{place}/due", _OTHER_DAY)
    for place, identity in enumerate(agreed):
        if identity not in there:
            yield Fault(f"{at}/content/agreements/{place}/id", _NO_TASK)


def _place(one: Any) -> tuple[str, str] | None:
    """An organisation and a role in it."""
    if not isinstance(one, dict):
        return None
    oin, role = one.get("organisation"), one.get("role")
    return (oin, role) if isinstance(oin, str) and isinstance(role, str) else None


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


_ONLY_WITH = Words(
    "Dit hoort alleen bij een onderdeel agreements in application/json.",
    "This only goes with a section agreements in application/json.",
)
_ONE_OWNER = Words(
    "Noem een organisatie met een rol, of een persoon; niet allebei.",
    "Name an organisation with a role, or a person; not both.",
)
_NOT_THEIRS = Words(
    "Deze persoon staat niet bij people, of mag dit onderdeel niet zien.",
    "This person is not among the people, or may not see this section.",
)
_NO_READER = Words(
    "Deze organisatie en rol staan niet bij recipients, en zijn niet van u.",
    "This organisation and role are not among the recipients, and are not yours.",
)
_NO_TEXT = Words("In de tekst staat geen afspraak met deze id.", "The text has no agreement with this id.")
_OTHER_DAY = Words("In de tekst staat een andere dag.", "The text names another day.")
_NO_TASK = Words("Bij tasks staat deze id niet.", "This id is not among the tasks.")
