"""An agreement and its rules as the officer's pages show them, with words that try to be markup."""

from typing import Literal

from broker.domain.consents import EvidenceLevel
from broker.domain.decisions import PolicyQuestion, Ruling
from broker.domain.differences import Difference, Direction, OtherChange
from broker.domain.explanations import ConditionWhy, Explanation, RuleWhy, State
from broker.domain.overview import Named, Overview, OverviewCell, OverviewPurpose, OverviewRow
from broker.errors import Words
from broker.services.agreed import RulesScreen, SectionRulesScreen
from broker.services.proposal_screens import CountedEffect, ProposalEffect, ProposalRow

TIMELINE = Words("Tijdlijn", "Timeline")
HEALTH = Words("Gezondheid van een ouder", "A parent's health")
OVERVIEW = Overview(
    "5ca1ab1e" * 8,
    (Words("de afzender noemt een grondslag", "the sender states a legal basis"),),
    (
        OverviewPurpose(
            Named("safety", Words("zorgen voor veiligheid", "keeping people safe")),
            (
                OverviewRow(
                    (Named("school", Words("school & <b>opvang</b>", "school & <b>childcare</b>")),),
                    (Named("teacher", Words("leraar", "teacher")),),
                    (
                        OverviewCell(Named("timeline", TIMELINE), ((),)),
                        OverviewCell(
                            Named("parent-health", HEALTH),
                            (
                                (Words("besproken met het gezin", "discussed with the family"),),
                                (Words("leeftijd van het kind: 16+", "age of the child: 16+"),),
                            ),
                        ),
                    ),
                ),
            ),
        ),
    ),
    (Named("timeline", TIMELINE), Named("parent-health", HEALTH)),
    (Named("board", Words("de Raad", "the Board")),),
)
_QUESTION = PolicyQuestion(
    "school", "school", "teacher", "safety", "move", "timeline", "0-11", EvidenceLevel.CODE, True, True, True, False
)


def _rule(name: str, effect: Literal["permit", "forbid"], *states: State) -> RuleWhy:
    said = Words("de rol is leraar & <b>mentor</b>", "the role is teacher & <b>mentor</b>")
    title = Words(f"Regel {name}", f"Rule {name}")
    return RuleWhy(name, effect, title, "AVG 6", tuple(ConditionWhy(said, "principal.role", state) for state in states))


_RULES = (
    _rule("gives", "permit", State.HELD, State.HELD),
    _rule("almost", "permit", State.HELD, State.FAILED),
    _rule("forbids", "forbid", State.HELD),
    _rule("breaks", "forbid", State.BROKEN),
)
RULES = RulesScreen(
    "e1",
    (
        SectionRulesScreen(TIMELINE, Explanation(_QUESTION, Ruling(True, ("gives",), ""), _RULES[:2])),
        SectionRulesScreen(HEALTH, Explanation(_QUESTION, Ruling(False, ("forbids",), ""), _RULES)),
        SectionRulesScreen(HEALTH, Explanation(_QUESTION, Ruling(False, (), ""), _RULES[1:2])),
    ),
)


def effect_of(row: ProposalRow) -> ProposalEffect:
    """A proposal that gives more and takes away as well."""
    signs = OtherChange(
        Words("van 12 tot 16: alleen <i>één</i> ouder", "from 12 to 16: <i>one</i> parent"), Direction.WIDER
    )
    teacher = Words("leraar & <b>mentor</b>", "teacher & <b>mentor</b>")
    counted = (
        CountedEffect(True, TIMELINE, "School <b>De Linde</b>", teacher, 12, 7),
        CountedEffect(False, HEALTH, "Huisartsenpraktijk", Words("huisarts", "general practitioner"), 1, 1),
    )
    return ProposalEffect(row, Difference("a", "b", OVERVIEW.purposes, OVERVIEW.purposes, (signs,)), 41, counted)
