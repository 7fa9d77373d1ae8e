"""Which channel is named sees three things; an empty list means any, and the order is the agreement's."""

import inspect
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from broker.domain.channels import Channel, channels_for
from broker.errors import Words

KINDS, PURPOSES = ("gp", "school", "hospital"), ("safety", "treatment")


def channel(name: str = "a", senders=(), recipients=(), purposes=()) -> Channel:
    words = Words("x", "x")
    return Channel(name, "BW 1:240", words, words, None, frozenset(senders), frozenset(recipients), frozenset(purposes))


def test_the_choice_sees_two_kinds_and_a_purpose_and_nothing_else() -> None:
    assert list(inspect.signature(channels_for).parameters) == ["channels", "sender_kind", "recipient_kind", "purpose"]


@pytest.mark.parametrize("asked", list(product(KINDS, KINDS, PURPOSES)))
def test_empty_lists_mean_any(asked: tuple[str, str, str]) -> None:
    for_all = channel()
    assert for_all.for_all
    assert channels_for([for_all], *asked) == (for_all,)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (("gp", "school", "safety"), True),
        (("hospital", "school", "safety"), True),
        (("school", "school", "safety"), False),
        (("gp", "gp", "safety"), False),
        (("gp", "school", "treatment"), False),
        (("", "school", "safety"), False),
        (("gp", "", "safety"), False),
        (("gp", "school", ""), False),
    ],
)
def test_every_list_must_fit(asked: tuple[str, str, str], named: bool) -> None:
    one = channel("a", senders=["gp", "hospital"], recipients=["school"], purposes=["safety"])
    assert not one.for_all
    assert bool(channels_for([one], *asked)) is named


def test_one_list_alone_makes_it_not_for_all() -> None:
    for name in ("senders", "recipients", "purposes"):
        assert not channel(**{name: ["x"]}).for_all


subsets = st.tuples(
    st.sets(st.sampled_from(KINDS)), st.sets(st.sampled_from(KINDS)), st.sets(st.sampled_from(PURPOSES))
)


@given(st.lists(subsets, max_size=6), st.sampled_from(KINDS), st.sampled_from(KINDS), st.sampled_from(PURPOSES))
def test_it_is_a_filter_that_keeps_the_order(lists, sender: str, recipient: str, purpose: str) -> None:
    every = [channel(str(number), *three) for number, three in enumerate(lists)]
    found = channels_for(every, sender, recipient, purpose)
    assert list(found) == [one for one in every if one in found]
    for one, (senders, recipients, purposes) in zip(every, lists, strict=True):
        fits = (sender in senders or not senders) and (recipient in recipients or not recipients)
        assert (one in found) == (fits and (purpose in purposes or not purposes))


def test_no_channels_name_none() -> None:
    assert channels_for([], "gp", "school", "safety") == ()
