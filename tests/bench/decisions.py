"""One decision of the agreement, by how many rules there are; beside one with a single rule, and beside one asked before."""

import re
from collections.abc import Callable
from pathlib import Path

from broker.pdp.cedar import CedarDecisionPoint
from broker.pdp.policy_set import RULES, PolicySet, load, load_texts
from tests.bench.measure import Effort, Result, compare
from tests.support.small_agreements import PERMITTED

MATTER = "A decision, by the number of rules, beside one with a single rule"
POLICIES = Path(__file__).parents[2] / "policies"
SIZES = (50, 1000)
MOST = 30.0
"""How much longer a decision with a thousand rules may take than one with a single rule."""


async def run(effort: Effort) -> list[Result]:
    """The shipped agreement, and larger ones made of its rules."""
    shipped = load(POLICIES)
    one = _asking(of_size(shipped, 1))
    results = [_result(effort, f"the shipped {len(shipped.rules)} rules", "shipped", _asking(shipped), one)]
    for size in SIZES[:1] if effort.tiny else SIZES:
        policy_set = of_size(shipped, size)
        most = MOST if size == max(SIZES) else None
        results.append(_result(effort, f"{size:,} rules", f"{size}", _asking(policy_set), one, most))
        remembered = _asking(policy_set, memo_size=1)
        results.append(_result(effort, f"{size:,} rules, asked before", f"{size}_again", remembered, one))
    return results


def of_size(shipped: PolicySet, size: int) -> PolicySet:
    """An agreement of so many rules: the shipped ones over and over, each time under other ids."""
    giving = shipped.rules["school-support-coordinator"].text
    texts = [giving, *(rule.text for rule in shipped.rules.values() if rule.text != giving)]
    rules = [re.sub(r'@id\("', f'@id("r{n}-', texts[n % len(texts)]) for n in range(size)]
    made = load_texts({**shipped.texts, RULES: "\n".join(rules)})
    assert len(made.rules) == size
    return made


def _asking(policy_set: PolicySet, memo_size: int = 0) -> Callable[[], object]:
    point = CedarDecisionPoint(policy_set, memo_size)
    assert point.decide(PERMITTED).permitted
    return lambda: point.decide(PERMITTED)


def _result(
    effort: Effort,
    what: str,
    name: str,
    ours: Callable[[], object],
    floor: Callable[[], object],
    most: float | None = None,
) -> Result:
    ratio, a, b = compare(effort, ours, floor)
    return Result(f"decision_{name}", what, ratio, a * 1e6, b * 1e6, "µs", most)
