"""Before a new agreement is in force an officer sees what it would open and close here: counts, and nobody's name or id."""

import json

from broker.cli.differing import document_of, stored_lines
from broker.pdp.agreement import LoadedAgreement
from broker.pdp.difference import compare
from broker.pdp.policy_set import PolicySet, load, load_texts
from broker.services.impact import Effect, Impact, impact_of
from tests.promises.attacks import JACK, TOM, push
from tests.support.small_agreements import SHIPPED
from tests.support.world import World


def without_the_plan(shipped: PolicySet) -> PolicySet:
    """School does not get the safety plan for support at school."""
    text, rule = shipped.texts["release.cedar"], shipped.rules["school-support-coordinator"].text
    changed = rule.replace('    SectionType::"safety-plan",\n', "")
    assert changed != rule
    return load_texts({**shipped.texts, "release.cedar": text.replace(rule, changed)})


async def test_it_counts_what_would_open_and_close_and_changes_nothing(world: World) -> None:
    shipped = load(SHIPPED)
    narrow = without_the_plan(shipped)
    for name in (TOM, TOM, JACK):
        case = await push(world, name)
        await case.everybody_says_yes()
    await push(world, TOM)  # nobody said yes to this one
    entries, weighed = len(await world.entries()), list[int]()
    before, after = LoadedAgreement(shipped), LoadedAgreement(narrow)
    closes = await impact_of(world.broker.house, before, after, weighed.append)
    assert sum(weighed) == closes.handovers == 4
    [effect] = closes.effects
    assert (effect.opens, effect.section_type, effect.role) == (False, "safety-plan", "support-coordinator")
    assert effect.sections == 2
    assert effect.children in (1, 2)
    opens = await impact_of(world.broker.house, after, before)
    assert opens.effects == (Effect(True, *_rest(effect)),)
    assert (await impact_of(world.broker.house, before, before)).effects == ()
    assert len(await world.entries()) == entries
    _nobody(world, compare_document(shipped, narrow, closes), closes, narrow)


def _rest(effect: Effect) -> tuple[str, str, str, int, int]:
    return effect.section_type, effect.organisation, effect.role, effect.sections, effect.children


def compare_document(old: PolicySet, new: PolicySet, impact: Impact) -> str:
    return json.dumps(document_of(compare(old, new), impact), ensure_ascii=False)


def _nobody(world: World, document: str, impact: Impact, agreement: PolicySet) -> None:
    said = document + "\n".join(stored_lines(impact, agreement, "nl"))
    assert "- 2 keer 'Veiligheidsplan' dicht voor intern begeleider van " in said
    for person in world.body(TOM)["people"]:
        assert person["name"] not in said
    assert '"subject"' not in said


async def test_age_and_signers_of_the_other_agreement_count(world: World) -> None:
    """Tom is 13: an agreement in which only who holds authority signs does not need his own yes."""
    shipped = load(SHIPPED)
    case = await push(world, TOM)
    await case.everybody_says_yes(but=[("tom", "tom")])
    table = shipped.texts["signers.toml"].replace(
        "from_age = 12\nperson_signs = true", "from_age = 12\nperson_signs = false"
    )
    wider = LoadedAgreement(load_texts({**shipped.texts, "signers.toml": table}))
    found = await impact_of(world.broker.house, LoadedAgreement(shipped), wider)
    assert {effect.section_type for effect in found.effects if effect.opens} == {
        "safety-plan",
        "status",
        "voice-of-the-child",
    }
    assert all(effect.children == 1 for effect in found.effects)
