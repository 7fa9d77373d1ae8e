"""Whether another set could give something that this one does not: yes, unless it is plain from the rules that it cannot.

It is plain when every permit of the new set asks at least what one of the old asks, every forbid of the old is taken over
by one of the new, nobody signs less, nothing that had to be sealed is free, nothing that grew old lasts longer, no text more
is shown to whom it is about or leaves with who agrees with it, and there is no new word to speak of.
"""

import json
from collections.abc import Iterator
from typing import Any

import cedarpy

from broker.domain.calendar import Period
from broker.pdp.policy_set import RULES, PolicySet
from broker.pdp.terms import LISTS


def widens(before: PolicySet, after: PolicySet) -> bool:
    """Whether `after` could give more than `before`. Never False for one that does; may be True for one that does not."""
    freed = before.vocabulary.sealed_only - after.vocabulary.sealed_only
    shown = after.vocabulary.own_text - before.vocabulary.own_text
    shown |= after.vocabulary.signed_off - before.vocabulary.signed_off
    shown |= after.vocabulary.family_text - before.vocabulary.family_text
    kept = _lasting(before, after)
    words = any(set(getattr(after.vocabulary, name)) - set(getattr(before.vocabulary, name)) for name in LISTS)
    given = _all_within(_rules(after, "permit"), _rules(before, "permit"))
    taken = _all_within(_rules(before, "forbid"), _rules(after, "forbid"))
    return not (given and taken) or before.signers != after.signers or bool(freed | shown | kept) or words


def _lasting(before: PolicySet, after: PolicySet) -> frozenset[str]:
    """The types that had to grow old, and need not any more or not as soon; one with other months and days counts too."""
    then, now = before.vocabulary.section_types, after.vocabulary.section_types
    return frozenset(
        name
        for name in before.vocabulary.expiring & {*now}
        if not _within_period(now[name].expires, then[name].expires)
    )


def _within_period(now: Period | None, then: Period | None) -> bool:
    return then is None or (now is not None and now.within(then))


def _rules(policy_set: PolicySet, effect: str) -> list[Any]:
    """The rules of one effect, each as Cedar understands it: without titles, comments and spacing."""
    trees = json.loads(cedarpy.policies_to_json_str(policy_set.texts[RULES]))["staticPolicies"].values()
    return [{part: said for part, said in t.items() if part != "annotations"} for t in trees if t["effect"] == effect]


def _all_within(narrow: list[Any], wide: list[Any]) -> bool:
    """Whether each of these rules is plainly within one of those."""
    return all(rule in wide or any(_within(rule, other) for other in wide) for rule in narrow)


def _within(narrow: Any, wide: Any) -> bool:
    """Whether one rule plainly speaks of nothing that the other does not: each condition of the other is asked by it too."""
    if any(narrow[part] != wide[part] for part in ("principal", "action", "resource")):
        return False
    asked = [(condition["kind"], part) for condition in narrow["conditions"] for part in _parts(condition)]
    wanted = [(condition["kind"], part) for condition in wide["conditions"] for part in _parts(condition)]
    return all(any(kind == other and _implies(kind, one, part) for other, one in asked) for kind, part in wanted)


def _parts(condition: Any) -> Iterator[Any]:
    """The parts of a `when` that must all hold; an `unless` is one part."""
    body = condition["body"]
    if condition["kind"] == "when" and set(body) == {"&&"}:
        for side in ("left", "right"):
            yield from _parts({"kind": "when", "body": body["&&"][side]})
    else:
        yield body


def _implies(kind: str, one: Any, other: Any) -> bool:
    """Whether `other` holds wherever `one` does; of an `unless`, only when they are the same."""
    if one == other:
        return True
    mine, theirs = _one_of(one), _one_of(other)
    return (
        kind == "when"
        and mine is not None
        and theirs is not None
        and mine[0] == theirs[0]
        and all(word in theirs[1] for word in mine[1])
    )


def _one_of(body: Any) -> tuple[Any, list[Any]] | None:
    """(what, the words) of `what == word` and of `what in [words]`; None for anything else."""
    if set(body) == {"=="}:
        return (body["=="]["left"], [body["=="]["right"]]) if "Value" in body["=="]["right"] else None
    if set(body) == {"in"} and set(body["in"]["right"]) == {"Set"}:
        return body["in"]["left"], body["in"]["right"]["Set"]
    return None
