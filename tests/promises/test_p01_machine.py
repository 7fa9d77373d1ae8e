"""P01: after any history, what leaves the whole broker is what a model of eighty lines, written from domain.md, lets leave."""

import ast
import asyncio
from calendar import isleap
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from broker.notifications.courier import Courier
from broker.pdp.policy_set import PolicySet, load
from broker.transparency import ledger
from tests.promises import model
from tests.promises.histories import AGREED, HELP, KINDS, PEOPLE, READERS, SAFETY, Family, Pushed, Stated, noon
from tests.promises.test_p02_no_section_without_a_permit import changed, in_force, school_rule
from tests.support.world import ROOT, World, open_world

SHARES, HISTORIES, STEPS = 4, 13, 30
AT_LEAST, OFTEN = 1000 // SHARES, 60 // SHARES
"""Steps in each share, on each of the two databases: two thousand in all. In shares, so that several workers do it."""
LONGEST_MODEL = 80

Agreement = tuple[PolicySet, frozenset[tuple[str, str, str]]]
NOBODY: frozenset[str] = frozenset()
NOTHING: frozenset[tuple[str, str]] = frozenset()
STARTS = (date(2027, 2, 26), date(2027, 3, 26), date(2027, 10, 29), date(2028, 2, 27), date(2030, 2, 27))
"""Before clock changes and leap days."""
NEAR = st.integers(0, 3)
SOON_OR_LATER = st.one_of(NEAR, st.just(90))
ABOUT = st.sampled_from(
    [frozenset({"child"})] * 4 + [frozenset({"child", "father"}), frozenset({"mother"}), frozenset({"child", "mother"})]
)
HIDDEN = st.sampled_from(
    [NOBODY] * 6
    + [frozenset({"mother"}), frozenset({"father"}), frozenset({"child"}), frozenset({"grandmother", "mother"})]
)
PARTS = st.lists(st.tuples(st.sampled_from(KINDS), ABOUT, HIDDEN), min_size=1, max_size=3).map(tuple)
HOLDING = st.tuples(
    st.sampled_from(["mother", "father", "father", "grandmother"]),
    st.one_of(st.none(), st.integers(-1, 3)),
    st.one_of(st.none(), st.integers(3, 5)),
)
GEZAG = st.one_of(
    st.just(frozenset({("mother", None, None)})),
    st.just(frozenset({("mother", None, None), ("father", None, None)})),
    st.frozensets(HOLDING, min_size=0, max_size=3),
)
ANYTHING = st.builds(
    Stated,
    parts=PARTS,
    readers=st.frozensets(st.sampled_from([*READERS]), min_size=1),
    yes_for=SOON_OR_LATER,
    kept_longer=st.sampled_from([0, 1, 90, 90]),
    born=st.sampled_from([0] * 8 + [1, -1, 366]),
    gezag=GEZAG,
    unable=st.one_of(
        *[st.none()] * 4, st.tuples(st.sampled_from(["child", "child", "child", "mother", "father"]), SOON_OR_LATER)
    ),
    supporters=st.frozensets(st.sampled_from(["grandmother", "father"])),
    one_phone=st.sampled_from([False] * 9 + [True]),
)
CALM = st.builds(
    Stated,
    parts=st.lists(
        st.tuples(st.sampled_from(KINDS[:3]), st.just(frozenset({"child"})), st.just(NOBODY)), min_size=1, max_size=3
    ).map(tuple),
    readers=st.sampled_from([frozenset(READERS), frozenset({"coordinator"}), frozenset({"coordinator", "teacher"})]),
    yes_for=SOON_OR_LATER,
    kept_longer=st.just(90),
    born=st.just(0),
    gezag=st.sampled_from([None, None, (None, 3), (0, 3), (0, None)]).map(
        lambda fathers: frozenset({("mother", None, None)} | ({("father", *fathers)} if fathers else set()))
    ),
    unable=st.none(),
    supporters=st.sampled_from([NOBODY, frozenset({"grandmother"})]),
)
"""Nothing that stands in the way for good: facts that disagree never go away."""
STATED = st.one_of(CALM, CALM, ANYTHING)
CALMEST = Stated(
    parts=(("status", frozenset({"child"}), NOBODY), ("voice-of-the-child", frozenset({"child"}), NOBODY)),
    readers=frozenset({"coordinator"}),
    yes_for=90,
    kept_longer=90,
    born=0,
    gezag=frozenset({("mother", None, None)}),
    unable=None,
    supporters=NOBODY,
)
OPENINGS = st.sampled_from(
    [
        *[{}] * 3,
        {"days": 4},
        {"days": 4},
        {"parts": (("status", frozenset({"child"}), frozenset({"mother", "child"})), CALMEST.parts[1])},
        {"born": 800},
        {"unable": ("child", 3)},
        {"one_phone": True},
        {"readers": frozenset({"coordinator", "teacher"})},
    ]
)
"""What changes after everybody said yes; `days`: authority lapses, and comes back so much later."""
ONLY = st.sampled_from(["all", "shielding", "parts", "readers", "gezag", "gezag", "unable", "yes_for", "supporters"])
"""What a correction changes."""
HIDING = st.sampled_from([frozenset({"mother"}), frozenset({"father"}), frozenset({"child"}), NOBODY])
WHICH = st.integers(0, 2)
SOME_KINDS = st.one_of(st.just(frozenset(KINDS)), st.frozensets(st.sampled_from(KINDS), min_size=1))
NOES = st.one_of(
    st.just(NOTHING), st.frozensets(st.tuples(st.sampled_from(KINDS), st.sampled_from([*READERS])), max_size=6)
)


def test_the_model_is_short_and_knows_nothing_of_the_broker() -> None:
    text = Path(model.__file__).read_text()
    assert len(text.splitlines()) <= LONGEST_MODEL
    assert max(map(len, text.splitlines())) <= 120
    for node in ast.walk(ast.parse(text)):
        assert not isinstance(node, ast.Import)
        assert not isinstance(node, ast.ImportFrom) or node.module in ("dataclasses", "datetime", "itertools")


@pytest.fixture(scope="module")
def agreements() -> dict[str, Agreement]:
    """The shipped agreement, a stricter and a wider one, and what each gives."""
    shipped = load(ROOT / "policies")
    rule_, teacher = school_rule(shipped), shipped.rules["school-teacher"].text
    narrower = rule_.replace('SectionType::"safety-plan",', "")
    stricter = changed(changed(shipped, rule_, narrower), teacher, "")
    more = rule_.replace('SectionType::"status",', 'SectionType::"status", SectionType::"timeline",')
    told = teacher.replace('SectionType::"status",', 'SectionType::"status", SectionType::"safety-plan",')
    wider = changed(changed(shipped, rule_, more), teacher, told)
    return {
        "shipped": (shipped, AGREED),
        "stricter": (
            stricter,
            frozenset(one for one in AGREED if one[1] != "teacher") - {(HELP, "coordinator", "safety-plan")},
        ),
        "wider": (wider, AGREED | {(HELP, "coordinator", "timeline"), (HELP, "teacher", "safety-plan")}),
    }


@pytest.fixture
def rooms(
    tmp_path: Path, database_url: str, world_keys: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[asyncio.Runner, World]]:
    """A world, and the loop that it lives in, for a test that is itself no coroutine.

    What comes after the commits is left out: messages, and a checkpoint for every few entries.
    """

    async def nothing_sent(_: object) -> int:
        return 0

    monkeypatch.setattr(Courier, "step", nothing_sent)
    monkeypatch.setattr(ledger, "PAUSE", 1.0)
    kind = database_url.partition(":")[0].partition("+")[0]
    with asyncio.Runner() as runner:
        stack = AsyncExitStack()
        world = runner.run(stack.enter_async_context(open_world(tmp_path, kind, database_url, world_keys)))
        try:
            yield runner, world
        finally:
            runner.run(stack.aclose())


class History(RuleBasedStateMachine):
    """One family, from the first handover on. Everything but the family belongs to the test."""

    runner: asyncio.Runner
    world: World
    agreements: dict[str, Agreement]
    seen: Counter[str]
    family: Family

    @initialize(
        start=st.sampled_from(STARTS),
        years=st.sampled_from([8, 12, 12, 13, 16, 16, 17, 18]),
        days=st.integers(-1, 3),
        stated=STATED,
        opening=OPENINGS,
    )
    def begins(self, start: date, years: int, days: int, stated: Stated, opening: dict[str, Any]) -> None:
        """Often with calm, everybody's yes, and one thing that changes: so each rule decides on its own, too."""
        self.seen["histories"] += 1
        self.world.clock.fixed = noon(start)
        self.agree("shipped")
        birthday = start + timedelta(days=days)
        year, end_of_february = birthday.year - years, (birthday.month, birthday.day) in ((2, 28), (2, 29))
        day = 29 if end_of_february and isleap(year) else min(birthday.day, 28)
        born = birthday.replace(year=year, day=day)
        self.family = Family(self.world, born)
        self.runner.run(self.family.push("team", HELP, CALMEST if opening else stated))
        self.agree("shipped")
        if "days" in opening:
            self.authority_lapses_and_comes_back(0, opening["days"])
        elif opening:
            [pushed] = self.family.pushed
            self.all_answer(pushed, NOTHING)
            self.all_ask(pushed)
            self.runner.run(self.family.correct(pushed, replace(CALMEST, **opening)))
            self.all_ask(pushed)

    def agree(self, name: str) -> None:
        policy_set, agreed = self.agreements[name]
        in_force(self.world, policy_set)
        if hasattr(self, "family"):
            self.family.model.agreed = agreed

    @precondition(lambda self: len(self.family.pushed) < 3)
    @rule(sender=st.sampled_from(["team", "clinic"]), purpose=st.sampled_from([HELP, HELP, SAFETY]), stated=STATED)
    def another_handover(self, sender: str, purpose: str, stated: Stated) -> None:
        self.seen["steps"] += 1
        self.runner.run(self.family.push(sender, purpose, stated))

    @rule(which=WHICH, stated=STATED, hidden=HIDING, only=ONLY, first=st.booleans())
    def a_correction(self, which: int, stated: Stated, hidden: frozenset[str], only: str, first: bool) -> None:
        """Of everything, or of one thing only, so that what was said (`first`: just before) goes on to matter."""
        self.seen["steps"] += 1
        pushed = self.family.pushed[which % len(self.family.pushed)]
        if first and only != "all":
            self.all_answer(pushed, NOTHING)
        if only == "shielding":
            parts = tuple((kind, about, hidden) for kind, about, _ in pushed.stated.parts)
            stated = replace(pushed.stated, parts=parts)
        elif only != "all":
            stated = replace(pushed.stated, **{only: getattr(stated, only)})
        self.runner.run(self.family.correct(pushed, stated))
        self.all_ask(pushed)

    @rule(which=WHICH, no=st.one_of(st.just(NOTHING), st.just(NOTHING), NOES))
    def everybody_answers(self, which: int, no: frozenset[tuple[str, str]]) -> None:
        self.seen["steps"] += 1
        pushed = self.family.pushed[which % len(self.family.pushed)]
        self.all_answer(pushed, no)
        self.all_ask(pushed)

    @rule(which=WHICH, days=st.integers(0, 4))
    def authority_lapses_and_comes_back(self, which: int, days: int) -> None:
        """What was said under an authority that ended in between is not said under the next one."""
        self.seen["steps"] += 1
        pushed = self.family.pushed[which % len(self.family.pushed)]
        for last_day in (2, None):
            gezag = frozenset({("mother", None, None), ("father", 0, last_day)})
            self.runner.run(self.family.correct(pushed, replace(pushed.stated, gezag=gezag, yes_for=90)))
            self.all_ask(pushed)
            if last_day is not None:
                self.all_answer(pushed, NOTHING)
                self.world.clock.fixed = self.world.clock() + timedelta(days=days)

    def all_answer(self, pushed: Pushed, no: frozenset[tuple[str, str]]) -> None:
        for who in PEOPLE:
            if self.family.model.asked(who, pushed.now, self.family.today):
                self.runner.run(self.family.answer(who, pushed, no))

    def all_ask(self, pushed: Pushed) -> None:
        for reader in sorted(pushed.now.readers):
            left = self.runner.run(self.family.ask(pushed, reader, None))
            self.seen["releases permitted" if left else "releases refused"] += 1

    @rule(who=st.sampled_from(PEOPLE), which=WHICH, no=NOES)
    def somebody_answers(self, who: str, which: int, no: frozenset[tuple[str, str]]) -> None:
        self.seen["steps"] += 1
        pushed = self.family.pushed[which % len(self.family.pushed)]
        before = len(self.family.model.said)
        self.runner.run(self.family.is_invited_and_answers(who, pushed, no))
        self.seen["answered" if len(self.family.model.said) > before else "nothing to ask"] += 1

    @precondition(lambda self: self.family.doors)
    @rule(who=WHICH, purpose=st.sampled_from([HELP, HELP, SAFETY]), reader=st.sampled_from([*READERS]), of=SOME_KINDS)
    def somebody_stops(self, who: int, purpose: str, reader: str, of: frozenset[str]) -> None:
        self.seen["steps"] += 1
        signer, sender = list(self.family.doors)[who % len(self.family.doors)]
        self.runner.run(self.family.stop(signer, (sender, purpose), reader, of))

    @rule(hours=st.sampled_from([1, 12, 24, 48, 24 * 5, 24 * 40]))
    def time_passes(self, hours: int) -> None:
        self.seen["steps"] += 1
        self.world.clock.fixed = self.world.clock() + timedelta(hours=hours)

    @rule(microseconds=st.sampled_from([0, 0, 1]))
    def midnight_comes(self, microseconds: int) -> None:
        self.seen["steps"] += 1
        tomorrow = self.family.today + timedelta(days=1)
        midnight = datetime.combine(tomorrow, time(), ZoneInfo("Europe/Amsterdam")).astimezone(UTC)
        self.world.clock.fixed = midnight - timedelta(microseconds=microseconds)

    @rule(name=st.sampled_from(["shipped", "shipped", "stricter", "wider"]))
    def another_agreement(self, name: str) -> None:
        self.seen["steps"] += 1
        self.agree(name)

    @precondition(lambda self: self.family.model.doubted)
    @rule()
    def an_officer_looks(self) -> None:
        self.seen["steps"] += 1
        self.runner.run(self.family.doubts_are_settled())

    @rule(which=WHICH, reader=st.sampled_from([*READERS]), wanted=st.one_of(st.none(), st.none(), SOME_KINDS))
    def somebody_asks(self, which: int, reader: str, wanted: frozenset[str] | None) -> None:
        self.seen["steps"] += 1
        pushed = self.family.pushed[which % len(self.family.pushed)]
        left = self.runner.run(self.family.ask(pushed, reader, wanted))
        self.seen["releases permitted" if left else "releases refused"] += 1

    def teardown(self) -> None:
        if hasattr(self, "family"):
            self.all_ask(self.family.pushed[0])


@pytest.mark.hypothesis
@pytest.mark.slow
@pytest.mark.parametrize("share", range(SHARES))
def test_what_leaves_is_what_the_model_lets_leave(
    rooms: tuple[asyncio.Runner, World],
    agreements: dict[str, Agreement],
    share: int,
    record_property: Callable[[str, int], None],
) -> None:
    seen: Counter[str] = Counter()
    around = {"runner": rooms[0], "world": rooms[1], "agreements": agreements, "seen": seen}
    histories: Any = type("OneHistory", (History,), around)
    if settings.default is not None and settings.default.derandomize:
        histories = seed(share)(histories)  # the same ones each time, and others than those of the other shares
    run_state_machine_as_test(histories, settings=many())
    for name, times in sorted(seen.items()):
        record_property(name, times)
        print(f"{rooms[1].database}: {name} {times} times")
    assert seen["steps"] >= AT_LEAST
    assert min(seen["releases permitted"], seen["releases refused"]) >= OFTEN
    assert min(seen["answered"], seen["nothing to ask"]) > 0


def many() -> settings:
    """So many that the steps exceed what was promised; `make fuzz` goes much further."""
    profile = settings.default
    assert profile is not None
    return settings(
        max_examples=max(HISTORIES, profile.max_examples // 20),
        stateful_step_count=STEPS,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
    )
